//! Folder names on the wire: modified UTF-7 (RFC 3501 5.1.3), quoted.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A name as the wire wants it, without quotes.
pub(crate) fn encode(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    let flush = |foreign: &mut Vec<u8>, wire: &mut String| {
        if !foreign.is_empty() {
            wire.push('&');
            BASE64.encode_string(&foreign, wire);
            wire.push('-');
            foreign.clear();
        }
    };
    for character in name.chars() {
        if !(' '..='~').contains(&character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                foreign.extend(unit.to_be_bytes());
            }
            continue;
        }
        flush(&mut foreign, &mut wire);
        wire.push(character);
        if character == '&' {
            wire.push('-');
        }
    }
    flush(&mut foreign, &mut wire);
    wire
}

/// A name from the wire; one that breaks the rules is taken as it stands.
pub(crate) fn decode(wire: &str) -> String {
    strictly(wire).unwrap_or_else(|| wire.to_owned())
}

fn strictly(wire: &str) -> Option<String> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (foreign, behind) = shifted.split_once('-')?;
        if foreign.is_empty() {
            name.push('&');
        } else {
            let bytes = BASE64.decode(foreign).ok()?;
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            name.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = behind;
    }
    name.push_str(rest);
    Some(name)
}

/// In quotes, for a command. Control characters were refused with the settings.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Posta & altro", "Posta &- altro"),
            ("Città", "Citt&AOA-"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("è📬", "&AOjYPdzs-"),
        ] {
            assert_eq!((encode(name).as_str(), decode(wire).as_str()), (wire, name));
        }
    }

    #[test]
    fn a_name_that_breaks_the_rules_stays_as_it_is() {
        for odd in ["a&b", "&###-", "&2D0-x", "Già"] {
            assert_eq!(decode(odd), odd);
        }
    }
}
