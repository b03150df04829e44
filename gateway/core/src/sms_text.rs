//! How a text travels as SMS: alphabet, length, number of parts, and who may sign it.
//!
//! Alphabet and lengths are those of 3GPP TS 23.038 and 23.040 with an 8-bit concatenation header.
//! Counting is exact for carriers that keep to them; what is billed is for the carrier to say.

use crate::addresses::{InvalidAddress, PhoneNumber};
use serde::Serialize;
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// How the characters are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// The 7-bit default alphabet with its extension table; a unit is a septet.
    Gsm7,
    /// UTF-16 big endian; a unit is two octets. One character outside the default alphabet is enough.
    Ucs2,
}

impl Encoding {
    /// Units that one message holds alone, and in each part of several.
    const fn capacity(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    /// Units that a character takes.
    fn cost(self, c: char) -> usize {
        match self {
            Self::Gsm7 => gsm7_cost(c).unwrap_or(1),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// The size of a text as SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segmentation {
    /// The alphabet that the whole message needs.
    pub encoding: Encoding,
    /// Septets or UTF-16 code units, without headers.
    pub units: usize,
    /// Messages on the air, at least 1.
    pub parts: usize,
}

/// Counts the parts of a text. An escape sequence or a surrogate pair is never split between parts.
pub fn segments(text: &str) -> Segmentation {
    let encoding =
        if text.chars().all(|c| gsm7_cost(c).is_some()) { Encoding::Gsm7 } else { Encoding::Ucs2 };
    let units = text.chars().map(|c| encoding.cost(c)).sum();
    let (alone, in_part) = encoding.capacity();
    let mut parts = 1;
    if units > alone {
        let mut filled = 0;
        for c in text.chars() {
            let cost = encoding.cost(c);
            if filled + cost > in_part {
                parts += 1;
                filled = 0;
            }
            filled += cost;
        }
    }
    Segmentation { encoding, units, parts }
}

/// The basic table of 3GPP TS 23.038 6.2.1, without digits, Latin letters and ESC.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// The extension table: ESC and a code.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Septets of a character in the default alphabet; none when it is not there.
fn gsm7_cost(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// A text rewritten with the default alphabet, as far as that loses no meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transliteration {
    /// The text after.
    pub text: String,
    /// Size before.
    pub before: Segmentation,
    /// Size after.
    pub after: Segmentation,
}

/// Writes accents, quotes and dashes with the default alphabet: `È` becomes `E'`, typographic marks
/// become plain ones. A character that has no such form (an emoji, Greek small letters) stays, and
/// with it the longer alphabet. It is an offer: whether to take it is the sender's choice.
pub fn transliterate(text: &str) -> Transliteration {
    let mut rewritten = String::with_capacity(text.len());
    for c in text.nfc() {
        if gsm7_cost(c).is_some() { rewritten.push(c) } else { rewrite(c, &mut rewritten) }
    }
    Transliteration { before: segments(text), after: segments(&rewritten), text: rewritten }
}

fn rewrite(c: char, out: &mut String) {
    let plain = match c {
        'À' | 'Á' => "A'",
        'È' => "E'",
        'Ì' | 'Í' => "I'",
        'Ò' | 'Ó' => "O'",
        'Ù' | 'Ú' => "U'",
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{2032}' | '`' | '´' => "'",
        '\u{201C}'..='\u{201F}' | '\u{2033}' | '«' | '»' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        '•' => "-",
        'œ' => "oe",
        'Œ' => "OE",
        // Invisible: no meaning to lose.
        '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' => "",
        '\t' => " ",
        c if c.is_whitespace() => " ",
        _ => {
            // An accent that the alphabet lacks: the bare letter, when it is a Latin one.
            let base = std::iter::once(c).nfd().next().filter(char::is_ascii_alphabetic);
            out.push(base.unwrap_or(c));
            return;
        }
    };
    out.push_str(plain);
}

/// Who signs an SMS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SmsSender {
    /// A textual sender (*alias*): at most 11 characters, registered with AGCOM (delibera 12/23/CIR).
    /// It cannot be answered.
    Alias(String),
    /// A telephone number in E.164, or a short code. It can be answered.
    Number(String),
}

impl SmsSender {
    /// Reads a sender. An alias has 3 to 11 characters of the default alphabet (letters, digits,
    /// blank, `.` `_` `&` `-`) and begins with a letter; what begins with `+` or a digit is a
    /// number. Whether the alias is registered is not known here.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let Some(first) = text.chars().next() else {
            return Err("manca il mittente degli SMS".into());
        };
        if first == '+' || first.is_ascii_digit() {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            if digits && (3..=5).contains(&text.len()) {
                return Ok(Self::Number(text.to_owned()));
            }
            return match PhoneNumber::parse(text) {
                Ok(number) => Ok(Self::Number(number.into())),
                Err(_) => Err(
                    "un mittente che comincia con una cifra deve essere un numero di telefono; \
                               un nome comincia con una lettera"
                        .into(),
                ),
            };
        }
        if !first.is_ascii_alphabetic() {
            return Err("il mittente degli SMS comincia con una lettera senza accento".into());
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || " ._&-".contains(c)) {
            return Err(
                "il mittente degli SMS ammette solo lettere senza accento, cifre, spazio e . _ & -"
                    .into(),
            );
        }
        match text.len() {
            0..3 => Err("il mittente degli SMS ha almeno 3 caratteri".into()),
            3..=11 => Ok(Self::Alias(text.to_owned())),
            _ => Err("il mittente degli SMS ha al massimo 11 caratteri".into()),
        }
    }

    /// The sender as handed to the carrier.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Alias(text) | Self::Number(text) => text,
        }
    }

    /// Whether the recipient can answer.
    pub const fn can_be_answered(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

impl fmt::Display for SmsSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
