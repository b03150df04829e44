//! What a client searches for (RFC 3501, 6.4.4).
//!
//! Guarantee: reading is bounded in depth; an unknown key is refused, never taken for another. Limit: text is compared byte by byte
//! without regard to ASCII case, as it travels, not decoded.

use super::words::{Word, holds, set};
use crate::boxes::Stored;
use crate::instants;
use crate::structure::split;
use jiff::civil::Date;

/// Deepest nesting of NOT, OR and lists.
const DEPTH: usize = 16;
/// Most words of a search, lists counted with what is in them.
const WORDS: usize = 200;

/// What messages must be like.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Any.
    All,
    /// With these sequence numbers.
    Numbers(Vec<(u32, u32)>),
    /// With these UIDs.
    Uids(Vec<(u32, u32)>),
    /// With that flag.
    Flag(String),
    /// Arrived on that day or later.
    Since(Date),
    /// Longer than so many bytes.
    Larger(usize),
    /// With a header field that holds a text.
    Header(String, String),
    /// With that text anywhere.
    Text(String),
    /// Not like that.
    Not(Box<Self>),
    /// Like one of these.
    Or(Box<[Self; 2]>),
    /// Like all of these.
    And(Vec<Self>),
}

/// Reads a search; `highest` is the last sequence number and the last UID.
pub fn read(words: &[Word], highest: (u32, u32)) -> Option<Key> {
    if count(words) > WORDS {
        return None;
    }
    let mut reader = Reader { words, at: 0, highest };
    let mut keys = Vec::new();
    while reader.at < words.len() {
        keys.push(reader.key(0)?);
    }
    (!keys.is_empty()).then_some(Key::And(keys))
}

/// The depth of lists is bounded where words are read.
fn count(words: &[Word]) -> usize {
    let inside = |word: &Word| match word {
        Word::List(words) => count(words),
        _ => 0,
    };
    words.len() + words.iter().map(inside).sum::<usize>()
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    highest: (u32, u32),
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Word> {
        self.at += 1;
        self.words.get(self.at - 1)
    }

    fn text(&mut self) -> Option<String> {
        self.next()?.text()
    }

    fn key(&mut self, depth: usize) -> Option<Key> {
        if depth > DEPTH {
            return None;
        }
        let highest = self.highest;
        let word = self.next()?.clone();
        if let Word::List(words) = &word {
            let mut reader = Reader { words, at: 0, highest };
            let mut keys = Vec::new();
            while reader.at < words.len() {
                keys.push(reader.key(depth + 1)?);
            }
            return Some(Key::And(keys));
        }
        let flag = |name: &str| Key::Flag(format!("\\{name}"));
        let not = |key: Key| Key::Not(Box::new(key));
        Some(match word.upper()?.as_str() {
            "ALL" => Key::All,
            "OLD" => Key::All,
            "NEW" | "RECENT" => not(Key::All),
            "SEEN" => flag("Seen"),
            "UNSEEN" => not(flag("Seen")),
            "DELETED" => flag("Deleted"),
            "UNDELETED" => not(flag("Deleted")),
            "FLAGGED" => flag("Flagged"),
            "UNFLAGGED" => not(flag("Flagged")),
            "ANSWERED" => flag("Answered"),
            "UNANSWERED" => not(flag("Answered")),
            "DRAFT" => flag("Draft"),
            "UNDRAFT" => not(flag("Draft")),
            "KEYWORD" => Key::Flag(self.text()?),
            "UNKEYWORD" => not(Key::Flag(self.text()?)),
            "UID" => Key::Uids(set(&self.text()?, highest.1)?),
            "SINCE" => Key::Since(self.date()?),
            "BEFORE" => not(Key::Since(self.date()?)),
            "ON" => {
                let day = self.date()?;
                Key::And(vec![Key::Since(day), not(Key::Since(day.tomorrow().ok()?))])
            }
            "LARGER" => Key::Larger(self.text()?.parse().ok()?),
            "SMALLER" => not(Key::Larger(self.text()?.parse::<usize>().ok()?.checked_sub(1)?)),
            "HEADER" => Key::Header(self.text()?, self.lower()?),
            "SUBJECT" => Key::Header("Subject".into(), self.lower()?),
            "FROM" => Key::Header("From".into(), self.lower()?),
            "TO" => Key::Header("To".into(), self.lower()?),
            "CC" => Key::Header("Cc".into(), self.lower()?),
            "TEXT" | "BODY" => Key::Text(self.lower()?),
            "NOT" => not(self.key(depth + 1)?),
            "OR" => Key::Or(Box::new([self.key(depth + 1)?, self.key(depth + 1)?])),
            numbers => Key::Numbers(set(numbers, highest.0)?),
        })
    }

    fn lower(&mut self) -> Option<String> {
        Some(self.text()?.to_ascii_lowercase())
    }

    fn date(&mut self) -> Option<Date> {
        instants::read_date(&self.text()?)
    }
}

impl Key {
    /// Whether a message is like that.
    pub fn holds(&self, number: usize, message: &Stored) -> bool {
        match self {
            Self::All => true,
            Self::Numbers(set) => u32::try_from(number).is_ok_and(|number| holds(set, number)),
            Self::Uids(set) => holds(set, message.uid),
            Self::Flag(flag) => message.flags.iter().any(|one| one.eq_ignore_ascii_case(flag)),
            Self::Since(day) => message.arrived_at.in_rome().date() >= *day,
            Self::Larger(bytes) => message.bytes.len() > *bytes,
            Self::Header(name, text) => {
                let headers = split(&message.bytes).0;
                headers.all(name).any(|field| field.value().to_ascii_lowercase().contains(text))
            }
            Self::Text(text) => {
                let whole = String::from_utf8_lossy(&message.bytes).to_ascii_lowercase();
                whole.contains(text)
            }
            Self::Not(key) => !key.holds(number, message),
            Self::Or(keys) => keys.iter().any(|key| key.holds(number, message)),
            Self::And(keys) => keys.iter().all(|key| key.holds(number, message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::time::Timestamp;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn finds(search: &str) -> Option<bool> {
        let message = Stored {
            uid: 40,
            flags: BTreeSet::from(["\\Seen".to_owned()]),
            arrived_at: Timestamp::from_seconds(1_795_474_807),
            bytes: Arc::from(&b"Subject: CONSEGNA: Atto\r\n\r\ntesto"[..]),
        };
        let words = super::super::words::words(search.as_bytes())?;
        Some(read(&words, (4, 40))?.holds(4, &message))
    }

    #[test]
    fn messages_are_found_by_number_flag_day_and_text() {
        for (search, found) in [
            ("ALL", true),
            ("UNSEEN", false),
            ("UID 30:*", true),
            ("UID 41:*", true),
            ("1:3", false),
            ("SINCE 24-Nov-2026", true),
            ("SINCE 25-Nov-2026", false),
            ("BEFORE 24-Nov-2026", false),
            ("ON 24-Nov-2026", true),
            ("NOT SEEN", false),
            ("OR UNSEEN SUBJECT \"consegna\"", true),
            ("HEADER Message-ID x", false),
            ("(SEEN SMALLER 100)", true),
            ("TEXT testo LARGER 100", false),
        ] {
            assert_eq!(finds(search), Some(found), "{search}");
        }
    }

    #[test]
    fn unknown_and_endless_searches_are_refused() {
        assert_eq!(finds("WHATEVER"), None);
        assert_eq!(finds(&"NOT ".repeat(50)), None);
        assert_eq!(finds(&format!("{}ALL", "NOT ".repeat(50))), None);
        assert_eq!(finds("SINCE tomorrow"), None);
        assert_eq!(finds(&"SEEN ".repeat(200)), Some(true));
        assert_eq!(finds(&format!("({})", "SEEN ".repeat(200))), None);
    }
}
