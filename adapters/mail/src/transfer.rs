//! From bytes on the wire to bytes and text as they were meant: transfer encodings (RFC 2045 6) and character sets.
//!
//! Guarantee: whatever comes, something comes out, no longer than what went in (text: three times that). Limit: what is
//! broken is read as far as it makes sense; nobody is told where it was broken.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use std::borrow::Cow;

/// Undoes a transfer encoding; an unknown one is none.
pub fn decode<'a>(encoding: &str, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding {
        "base64" => Cow::Owned(base64(bytes)),
        "quoted-printable" => Cow::Owned(quoted_printable(bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

/// Base 64, skipping what is not of its alphabet.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    base64_decode(bytes).unwrap_or_else(|| {
        let wanted = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let kept: Vec<u8> = bytes.iter().copied().filter(wanted).collect();
        base64_decode(&kept).unwrap_or_default()
    })
}

fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let content = line.trim_ascii_end();
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'=', &content[at..]) {
            out.extend_from_slice(&content[at..at + found]);
            at += found;
            match hex_pair(&content[at + 1..]) {
                Some(byte) => {
                    out.push(byte);
                    at += 3;
                }
                None if at + 1 == content.len() => break,
                None => {
                    out.push(b'=');
                    at += 1;
                }
            }
        }
        let soft = content[at..] == *b"=";
        if !soft {
            out.extend_from_slice(&content[at..]);
            if line.ends_with(b"\r\n") {
                out.extend_from_slice(b"\r\n");
            } else if line.ends_with(b"\n") {
                out.push(b'\n');
            }
        }
    }
    out
}

/// Undoes `%3C` and the like (RFC 3986 2.1).
pub fn percent(bytes: &[u8]) -> Vec<u8> {
    escaped(bytes, b'%')
}

/// Undoes `+2B` and the like (xtext, RFC 3461 4).
pub fn xtext(text: &str) -> String {
    String::from_utf8_lossy(&escaped(text.as_bytes(), b'+')).into_owned()
}

fn escaped(bytes: &[u8], mark: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match hex_pair(&bytes[at + 1..]) {
            Some(value) if byte == mark => {
                out.push(value);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(bytes.first()?)? * 16 + digit(bytes.get(1)?)?;
    u8::try_from(value).ok()
}

/// Text in a character set by its name. Without one, or when it is UTF-8 and the bytes are not, Windows-1252 stands in,
/// which is what Italian programs without a declaration write.
pub fn text<'a>(charset: Option<&str>, bytes: &'a [u8]) -> Cow<'a, str> {
    let charset = charset.map(str::trim).unwrap_or_default();
    let named_utf8 = charset.is_empty() || charset.to_ascii_lowercase().starts_with("utf-8");
    if !named_utf8 && let Some(decoder) = charset_decoder(charset.as_bytes()) {
        // ASCII is the same in all of these but a few, and costs nothing.
        if bytes.is_ascii() && !is_stateful(charset) {
            return utf8_or_1252(bytes);
        }
        return Cow::Owned(decoder(bytes));
    }
    utf8_or_1252(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

fn is_stateful(charset: &str) -> bool {
    let lower = charset.to_ascii_lowercase();
    lower.contains("7") && lower.starts_with("utf")
        || lower.contains("16")
        || lower.contains("2022")
}

/// UTF-8 where it is, else Windows-1252.
pub fn utf8_or_1252(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // Only a character cut at the end: the text was cut, not written in another set.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes),
        Err(_) => match charset_decoder(b"windows-1252") {
            Some(decoder) => Cow::Owned(decoder(bytes)),
            None => String::from_utf8_lossy(bytes),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_encodings_give_what_can_be_read() {
        assert_eq!(base64(b"SGVs\r\nbG8=\r\n"), b"Hello");
        assert_eq!(base64(b"SGVs!bG8"), b"Hello");
        assert_eq!(
            quoted_printable(b"perch=C3=A9 =\r\nno=2\r\nx =\n"),
            "perché no=2\r\nx ".as_bytes()
        );
        assert_eq!(quoted_printable(b"a=\xffb="), b"a=\xffb");
    }

    #[test]
    fn a_character_set_is_honoured_and_none_is_guessed() {
        assert_eq!(text(Some("ISO-8859-1"), b"perch\xe9"), "perché");
        assert_eq!(text(Some("utf-8"), "perché".as_bytes()), "perché");
        assert_eq!(text(Some("utf-8"), b"perch\xe9 no"), "perché no");
        assert_eq!(text(None, b"\x80 5"), "€ 5");
        assert_eq!(text(Some("no-such-set"), b"ok"), "ok");
        assert_eq!(text(Some("utf-16"), b"\xff\xfea\0"), "a");
    }
}
