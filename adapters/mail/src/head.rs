//! The header fields of one message or part.
//!
//! Guarantee: linear in the bytes, whatever they are; names are compared without case, values unfolded and trimmed, and
//! bytes that are no UTF-8 are read as Windows-1252. Limit: the first [`MAX_FIELDS`] fields, and of each value the first
//! [`MAX_VALUE`] bytes.

use crate::transfer;
use mail_parser::parsers::MessageStream;
use mail_parser::{Address, DateTime, HeaderValue};
use messo_core::messages::Person;
use messo_core::time::Timestamp;
use std::borrow::Cow;

/// Most fields of one head that are kept.
pub const MAX_FIELDS: usize = 2_000;
/// Longest value that is decoded, in bytes.
pub const MAX_VALUE: usize = 64 * 1024;
/// Most addresses or identifiers taken from one field.
const MAX_LISTED: usize = 2_000;
/// Longest decoded text of one field, in characters.
const MAX_TEXT: usize = 2_000;

/// The fields of a head, in their order.
#[derive(Debug, Default)]
pub struct Head<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// There were more fields than are kept.
    pub cut: bool,
}

impl<'a> Head<'a> {
    /// Reads a head; what follows its empty line is the body.
    pub fn read(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let mut head = Self::default();
        let mut start = 0;
        let mut open: Option<(&[u8], usize)> = None;
        while start < bytes.len() {
            let end =
                memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at + 1);
            let line = &bytes[start..end];
            let folded = matches!(line.first(), Some(b' ' | b'\t'));
            // A line of blanks inside a head is a fold only where a field is open.
            if matches!(line, b"\n" | b"\r\n" | b"\r\r\n") {
                head.close(bytes, &mut open, start);
                return (head, &bytes[end..]);
            }
            if !folded || open.is_none() {
                head.close(bytes, &mut open, start);
                if let Some(colon) = memchr::memchr(b':', line) {
                    let name = line[..colon].trim_ascii();
                    if !name.is_empty() {
                        open = Some((name, start + colon + 1));
                    }
                }
            }
            start = end;
        }
        head.close(bytes, &mut open, bytes.len());
        (head, &[])
    }

    fn close(&mut self, bytes: &'a [u8], open: &mut Option<(&'a [u8], usize)>, end: usize) {
        let Some((name, start)) = open.take() else { return };
        if self.fields.len() == MAX_FIELDS {
            self.cut = true;
        } else {
            self.fields.push((name, &bytes[start..end]));
        }
    }

    /// Whether no field was found.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn raw_all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| &value[..value.len().min(MAX_VALUE)])
    }

    fn raw(&self, name: &str) -> Option<&'a [u8]> {
        self.raw_all(name).next()
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// The first field of this name, unfolded and trimmed; its encoded words stay as they are.
    pub fn text(&self, name: &str) -> Option<String> {
        self.texts(name).next()
    }

    /// All fields of this name, unfolded and trimmed.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = String> {
        self.raw_all(name).map(unfold)
    }

    /// The first field of this name as a word: unfolded, trimmed, lower case.
    pub fn word(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.to_lowercase())
    }

    /// The first field of this name with its encoded words decoded (RFC 2047), without control characters.
    pub fn decoded(&self, name: &str) -> Option<String> {
        let bytes = readable(self.raw(name)?);
        let value = MessageStream::new(&bytes).parse_unstructured();
        let text = value.as_text().unwrap_or_default();
        Some(printable(text, MAX_TEXT))
    }

    /// The people of all fields of this name.
    pub fn people(&self, name: &str) -> Vec<Person> {
        let mut people = Vec::new();
        for raw in self.raw_all(name) {
            let bytes = readable(raw);
            match MessageStream::new(&bytes).parse_address() {
                HeaderValue::Address(Address::List(list)) => {
                    people.extend(list.iter().filter_map(person));
                }
                HeaderValue::Address(Address::Group(groups)) => {
                    people.extend(
                        groups.iter().flat_map(|group| &group.addresses).filter_map(person),
                    );
                }
                _ => {}
            }
            people.truncate(MAX_LISTED);
        }
        people
    }

    /// The identifiers of all fields of this name, without angle brackets.
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.texts(name).flat_map(|text| ids_in(&text)).take(MAX_LISTED).collect()
    }

    /// The instant of a date field (RFC 5322 3.3).
    pub fn date(&self, name: &str) -> Option<Timestamp> {
        let bytes = readable(self.raw(name)?);
        match MessageStream::new(&bytes).parse_date() {
            HeaderValue::DateTime(date) => instant(&date),
            _ => None,
        }
    }

    /// A media type or disposition with its parameters (RFC 2045 5.1, RFC 2183, RFC 2231).
    pub fn media(&self, name: &str) -> Option<Media> {
        let bytes = readable(self.raw(name)?);
        let value = MessageStream::new(&bytes).parse_content_type();
        let read = value.as_content_type()?;
        let kind = match &read.c_subtype {
            Some(subtype) => format!("{}/{subtype}", read.c_type),
            None => read.c_type.to_string(),
        };
        let parameters = read.attributes.iter().flatten();
        Some(Media {
            kind: kind.trim().to_lowercase(),
            parameters: parameters
                .map(|one| (one.name.to_lowercase(), one.value.to_string()))
                .collect(),
        })
    }
}

/// A media type, or a disposition, with its parameters.
#[derive(Debug, Default)]
pub struct Media {
    /// `text/plain`, `attachment`: lower case.
    pub kind: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    /// The first parameter of this (lower-case) name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn person(read: &mail_parser::Addr<'_>) -> Option<Person> {
    let address = printable(read.address.as_deref()?, 320);
    let name = printable(read.name.as_deref().unwrap_or_default(), 200);
    Some(Person { name, address: address.trim().to_owned() })
}

fn instant(date: &DateTime) -> Option<Timestamp> {
    // The parser takes any number for a field; only dates that exist count.
    let whole = jiff::civil::Date::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    );
    whole.ok()?;
    Some(Timestamp::from_seconds(date.to_timestamp()))
}

/// The identifiers in a text: what stands in angle brackets, or, without any, its words.
pub fn ids_in(text: &str) -> Vec<String> {
    if !text.contains('<') {
        return text.split_whitespace().filter(|word| word.contains('@')).map(bare_id).collect();
    }
    let between = text.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    between.map(bare_id).filter(|id| !id.is_empty()).take(MAX_LISTED).collect()
}

/// An identifier without angle brackets and blanks. Some gateways write the brackets as `%3C` and `%3E`.
pub fn bare_id(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let decoded = if lower.contains("%3c") || lower.contains("%3e") || lower.contains("%40") {
        Cow::Owned(String::from_utf8_lossy(&transfer::percent(text.as_bytes())).into_owned())
    } else {
        Cow::Borrowed(text)
    };
    let kept = decoded.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    kept.collect::<String>().trim_matches(['<', '>', '"']).chars().take(998).collect()
}

/// Without control characters and directional overrides, and not longer than this.
pub fn printable(text: &str, most: usize) -> String {
    let blank = |c: char| if matches!(c, '\t' | '\r' | '\n') { ' ' } else { c };
    let kept = text.chars().map(blank).filter(|c| !c.is_control() && !is_invisible(*c));
    kept.take(most).collect::<String>().trim().to_owned()
}

/// Characters that change how a text looks without being seen.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn unfold(raw: &[u8]) -> String {
    let text = transfer::utf8_or_1252(raw);
    if !text.contains(['\r', '\n', '\0']) {
        return text.trim().to_owned();
    }
    let lines = text.split('\n').map(|line| line.trim_matches(['\r', ' ', '\t', '\0']));
    lines.collect::<Vec<_>>().join(" ").trim().replace('\0', "")
}

fn readable(raw: &[u8]) -> Cow<'_, [u8]> {
    match transfer::utf8_or_1252(raw) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head<'_> {
        Head::read(text.as_bytes()).0
    }

    #[test]
    fn names_have_no_case_and_values_no_folds() {
        let head = head(
            "x-RICEVUTA :  Avvenuta-\r\n\tConsegna \r\nSubject: =?utf-8?q?Perch=C3=A9?=\n no\n\nbody",
        );
        assert_eq!(head.word("X-Ricevuta").as_deref(), Some("avvenuta- consegna"));
        assert_eq!(head.decoded("subject").as_deref(), Some("Perché no"));
    }

    #[test]
    fn identifiers_lose_brackets_folds_and_percent_signs() {
        assert_eq!(head("A: <a@b>\r\n <c@d> x").ids("a"), ["a@b", "c@d"]);
        assert_eq!(head("A: a@b").ids("a"), ["a@b"]);
        assert_eq!(bare_id("%3Ch1.x%40y%3E"), "h1.x@y");
        assert_eq!(ids_in("<long\r\n @id>"), ["long@id"]);
    }

    #[test]
    fn a_head_of_a_megabyte_is_read_in_part() {
        let long =
            format!("X: {}\r\n{}From: a@b\r\n\r\n", "y".repeat(1 << 20), "Z: 1\r\n".repeat(5_000));
        let (head, body) = Head::read(long.as_bytes());
        assert!(head.cut && body.is_empty());
        assert_eq!(head.text("x").map(|text| text.len()), Some(MAX_VALUE - 1));
    }

    #[test]
    fn a_date_that_does_not_exist_is_none() {
        assert_eq!(head("Date: Tue, 99 Foo 2026 25:61:61 +9999").date("date"), None);
        let good = head("Date: Tue, 24 Nov 2026 00:00:07 +0100").date("date");
        assert_eq!(good, "2026-11-23T23:00:07Z".parse::<jiff::Timestamp>().ok().map(Into::into));
    }
}
