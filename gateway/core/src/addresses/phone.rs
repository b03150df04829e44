//! Telephone numbers in E.164, read with Italian habits.
//!
//! A number without a country code is Italian; one with `+` or `00` is kept as it is. The check is
//! of form, not of existence: Italian mobiles begin with 3 and have 9 or 10 digits, fixed lines keep
//! their 0. Ranges are from the national numbering plan as known here; ported or dead numbers pass.

use super::InvalidAddress;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A telephone number: `+`, country code, subscriber number, at most 15 digits (ITU-T E.164).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as people write it: blanks, dots, dashes, slashes and brackets are ignored.
    /// The error is one Italian sentence that says what to mend.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err("il numero contiene un a capo o un carattere di controllo".into());
        }
        let compact = compact(text)?;
        let (plus, digits) = match compact.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => match compact.strip_prefix("00") {
                Some(digits) => (true, digits),
                None => (false, compact.as_str()),
            },
        };
        if digits.is_empty() {
            return Err("il numero di telefono è vuoto".into());
        }
        if digits.len() > 15 {
            return Err(
                "il numero ha troppe cifre: forse sono due numeri nella stessa casella".into()
            );
        }
        if !plus {
            return italian(without_country_code(digits));
        }
        match digits.strip_prefix("39") {
            Some(national) => italian(national),
            None => foreign(digits),
        }
    }

    /// The number in E.164, e.g. `+393331234567`.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The same as [`Self::e164`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be a mobile phone: an Italian number by its first digit; a foreign one always,
    /// because we don't know the plans of other countries.
    pub fn is_mobile(&self) -> bool {
        self.italian_part().is_none_or(|national| national.starts_with('3'))
    }

    /// Whether a text message may be sent there. Fixed lines, toll-free and premium numbers (8xx, 89x,
    /// 199) may not.
    pub fn accepts_sms(&self) -> bool {
        self.is_mobile()
    }

    fn italian_part(&self) -> Option<&str> {
        self.0.strip_prefix("+39")
    }
}

/// Takes off the marks that people put between digits; a leading `+` stays.
fn compact(text: &str) -> Result<String, InvalidAddress> {
    let text = text.trim();
    let text = match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &text[4..],
        _ => text,
    };
    let mut compact = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => compact.push(c),
            '+' if compact.is_empty() => compact.push('+'),
            '.' | '-' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' => {}
            c if c.is_whitespace() => {}
            _ => {
                let sentence = format!("il carattere «{c}» non è ammesso in un numero di telefono");
                return Err(InvalidAddress(sentence));
            }
        }
        // Longer than any number with its prefix: no need to read on.
        if compact.len() > 32 {
            break;
        }
    }
    Ok(compact)
}

/// Takes off a `39` that is the country code. Mobile prefixes 390–393 begin alike, so the length
/// decides: a mobile has at most 10 digits.
fn without_country_code(digits: &str) -> &str {
    match digits.strip_prefix("39") {
        Some(rest) if digits.len() >= 11 && rest.starts_with(['0', '3']) => rest,
        _ => digits,
    }
}

fn italian(national: &str) -> Result<PhoneNumber, InvalidAddress> {
    let length = national.len();
    let (fits, sentence) = match national.as_bytes().first() {
        Some(b'3') => {
            ((9..=10).contains(&length), "un cellulare italiano ha 9 o 10 cifre e comincia con 3")
        }
        Some(b'0') => (
            (6..=11).contains(&length),
            "un numero fisso italiano comincia con 0 e ha da 6 a 11 cifre",
        ),
        // Toll-free, shared-cost, premium and nomadic numbers: fit to be called, never for SMS.
        Some(b'1' | b'5' | b'8') => {
            ((5..=10).contains(&length), "il numero non ha la lunghezza di un numero italiano")
        }
        _ => (
            false,
            "il numero non è italiano: per un numero estero si scrive il prefisso con +, per esempio +49",
        ),
    };
    if fits { Ok(PhoneNumber(format!("+39{national}"))) } else { Err(sentence.into()) }
}

fn foreign(digits: &str) -> Result<PhoneNumber, InvalidAddress> {
    if digits.starts_with('0') {
        return Err("dopo il + serve il prefisso del paese, che non comincia con 0".into());
    }
    if digits.len() < 7 {
        return Err("il numero è troppo corto".into());
    }
    Ok(PhoneNumber(format!("+{digits}")))
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PhoneNumber> for String {
    fn from(value: PhoneNumber) -> Self {
        value.0
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (written, kept, mobile) in [
            ("333 1234567", "+393331234567", true),
            ("333-12.34/567", "+393331234567", true),
            ("+39 333 1234567", "+393331234567", true),
            ("0039 333 1234567", "+393331234567", true),
            ("393331234567", "+393331234567", true),
            ("3931234567", "+393931234567", true),
            ("335 123456", "+39335123456", true),
            ("tel:+393331234567", "+393331234567", true),
            ("06 12345678", "+390612345678", false),
            ("+39 (0)6 12345678", "+390612345678", false),
            ("390612345678", "+390612345678", false),
            ("(0471) 123456", "+390471123456", false),
            ("800 123456", "+39800123456", false),
            ("199 123456", "+39199123456", false),
            ("892 424", "+39892424", false),
            ("+49 151 23456789", "+4915123456789", true),
            ("0041 79 123 45 67", "+41791234567", true),
            ("+378 0549 882914", "+3780549882914", true),
        ] {
            let number = PhoneNumber::parse(written).unwrap();
            assert_eq!((number.e164(), number.is_mobile()), (kept, mobile), "{written}");
        }
    }

    #[test]
    fn a_wrong_number_gets_the_sentence_that_says_what_to_mend() {
        for (written, word) in [
            ("", "vuoto"),
            ("+", "vuoto"),
            ("333 12345", "cellulare italiano"),
            ("333 12345678", "cellulare italiano"),
            ("06 12", "numero fisso"),
            ("7123456", "prefisso con +"),
            ("333 1234567 / 06 12345678", "troppe cifre"),
            ("333 1234567 int. 2", "«i»"),
            ("+0123456789", "non comincia con 0"),
            ("+49 1", "troppo corto"),
            ("333+1234567", "«+»"),
            ("333\r\n1234567", "a capo"),
        ] {
            let error = PhoneNumber::parse(written).unwrap_err().to_string();
            assert!(error.contains(word), "{written:?}: {error}");
        }
    }

    #[test]
    fn premium_and_fixed_numbers_take_no_text_messages() {
        for written in ["899 123456", "199 123456", "800 123456", "848 800800", "0612345678"] {
            assert!(!PhoneNumber::parse(written).unwrap().accepts_sms(), "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_back_as_itself(text in "\\PC{0,80}|[0-9+() ./-]{0,40}") {
            if let Ok(address) = PhoneNumber::parse(&text) {
                prop_assert_eq!(PhoneNumber::parse(address.as_str()), Ok(address.clone()));
                prop_assert!(address.as_str().len() <= 254 && address.as_str().is_ascii());
            }
        }
    }
}
