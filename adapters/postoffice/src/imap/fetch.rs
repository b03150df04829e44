//! What can be fetched of a message, and how it is written (RFC 3501, 6.4.5 and 7.4.2).
//!
//! Guarantee: text from messages travels as literals with exact lengths. Limit: no BODYSTRUCTURE and no parts by number; asking for
//! them is BAD.

use super::words::Word;
use crate::boxes::Stored;
use crate::instants;
use crate::structure::{Headers, addresses, split};

/// One thing asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Flags.
    Flags,
    /// UID.
    Uid,
    /// Length in bytes.
    Size,
    /// Arrival.
    InternalDate,
    /// Header fields in IMAP's own form.
    Envelope,
    /// Bytes of the message.
    Body(Body),
}

/// Bytes asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Name under which they are given, e.g. `BODY[]<0>`.
    label: String,
    section: Section,
    /// From where, and at most how many.
    partial: Option<(usize, usize)>,
    peek: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    All,
    Header,
    Text,
    Fields { names: Vec<String>, but: bool },
}

impl Item {
    /// Whether fetching this sets `\Seen`.
    pub fn marks_seen(&self) -> bool {
        matches!(self, Self::Body(body) if !body.peek)
    }
}

/// Reads what is asked for; `None` when it cannot be given.
pub fn items(words: &[Word], by_uid: bool) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for word in words {
        let Word::Atom(text) = word else { return None };
        let fast = [Item::Flags, Item::InternalDate, Item::Size];
        match text.to_ascii_uppercase().as_str() {
            "FLAGS" => items.push(Item::Flags),
            "UID" => items.push(Item::Uid),
            "RFC822.SIZE" => items.push(Item::Size),
            "INTERNALDATE" => items.push(Item::InternalDate),
            "ENVELOPE" => items.push(Item::Envelope),
            "FAST" => items.extend(fast),
            "ALL" => items.extend(fast.into_iter().chain([Item::Envelope])),
            "RFC822" => items.push(whole("RFC822", Section::All, false)),
            "RFC822.HEADER" => items.push(whole("RFC822.HEADER", Section::Header, true)),
            "RFC822.TEXT" => items.push(whole("RFC822.TEXT", Section::Text, false)),
            upper => items.push(Item::Body(body(upper)?)),
        }
    }
    if by_uid && !items.contains(&Item::Uid) {
        items.insert(0, Item::Uid);
    }
    (!words.is_empty()).then_some(items)
}

fn whole(label: &str, section: Section, peek: bool) -> Item {
    Item::Body(Body { label: label.into(), section, partial: None, peek })
}

/// `BODY.PEEK[HEADER.FIELDS (TO CC)]<0.100>`.
fn body(text: &str) -> Option<Body> {
    let (peek, rest) = match text.strip_prefix("BODY.PEEK[") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("BODY[")?),
    };
    let (name, tail) = rest.rsplit_once(']')?;
    let partial = match tail.strip_prefix('<') {
        Some(tail) => {
            let (from, count) = tail.strip_suffix('>')?.split_once('.')?;
            Some((from.parse().ok()?, count.parse().ok()?))
        }
        None if tail.is_empty() => None,
        None => return None,
    };
    let section = match name {
        "" => Section::All,
        "HEADER" => Section::Header,
        "TEXT" => Section::Text,
        name => {
            let rest = name.strip_prefix("HEADER.FIELDS")?;
            let (but, rest) = rest.strip_prefix(".NOT").map_or((false, rest), |rest| (true, rest));
            let list = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
            let names = list.split(' ').filter(|name| !name.is_empty());
            Section::Fields {
                names: names.map(|name| name.trim_matches('"').into()).collect(),
                but,
            }
        }
    };
    let origin = partial.map(|(from, _)| format!("<{from}>")).unwrap_or_default();
    Some(Body { label: format!("BODY[{name}]{origin}"), section, partial, peek })
}

/// Writes one FETCH answer.
pub fn answer(out: &mut Vec<u8>, number: usize, message: &Stored, items: &[Item]) {
    out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        match item {
            Item::Flags => {
                let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
                out.extend_from_slice(format!("FLAGS ({})", flags.join(" ")).as_bytes());
            }
            Item::Uid => out.extend_from_slice(format!("UID {}", message.uid).as_bytes()),
            Item::Size => {
                out.extend_from_slice(format!("RFC822.SIZE {}", message.bytes.len()).as_bytes());
            }
            Item::InternalDate => {
                let date = instants::internal_date(message.arrived_at);
                out.extend_from_slice(format!("INTERNALDATE \"{date}\"").as_bytes());
            }
            Item::Envelope => envelope(out, &split(&message.bytes).0),
            Item::Body(body) => {
                out.extend_from_slice(format!("{} ", body.label).as_bytes());
                literal(out, &body.cut(&message.bytes));
            }
        }
    }
    out.extend_from_slice(b")\r\n");
}

impl Body {
    fn cut<'a>(&self, message: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        let (headers, text) = split(message);
        let bytes = match &self.section {
            Section::All => message.into(),
            Section::Header => (&message[..message.len() - text.len()]).into(),
            Section::Text => text.into(),
            Section::Fields { names, but } => {
                let named = |name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
                let fields = headers.0.iter().filter(|field| named(&field.name) != *but);
                let mut bytes: Vec<u8> = fields.flat_map(|field| field.raw.clone()).collect();
                bytes.extend_from_slice(b"\r\n");
                bytes.into()
            }
        };
        let Some((from, count)) = self.partial else { return bytes };
        let from = from.min(bytes.len());
        let to = from.saturating_add(count).min(bytes.len());
        bytes[from..to].to_vec().into()
    }
}

fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

fn envelope(out: &mut Vec<u8>, headers: &Headers) {
    out.extend_from_slice(b"ENVELOPE (");
    string(out, headers.get("Date").as_deref());
    out.push(b' ');
    string(out, headers.get("Subject").as_deref());
    // Sender and Reply-To are the author when they are missing (RFC 3501, 7.4.2).
    for (name, instead) in [
        ("From", ""),
        ("Sender", "From"),
        ("Reply-To", "From"),
        ("To", ""),
        ("Cc", ""),
        ("Bcc", ""),
    ] {
        let value = headers.get(name).or_else(|| headers.get(instead));
        out.push(b' ');
        people(out, &value.unwrap_or_default());
    }
    for name in ["In-Reply-To", "Message-ID"] {
        out.push(b' ');
        string(out, headers.get(name).as_deref());
    }
    out.push(b')');
}

fn people(out: &mut Vec<u8>, value: &str) {
    let found = addresses(value);
    if found.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in found {
        let (local, domain) = address.rsplit_once('@').unwrap_or((&address, ""));
        out.extend_from_slice(b"(NIL NIL ");
        string(out, Some(local));
        out.push(b' ');
        string(out, Some(domain));
        out.push(b')');
    }
    out.push(b')');
}

fn string(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.extend_from_slice(b"NIL"),
        Some(text) if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) => {
            out.extend_from_slice(super::folders::quoted(text).as_bytes());
        }
        Some(text) => literal(out, text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::time::Timestamp;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn answered(wanted: &str) -> Option<String> {
        let text = b"From: Anna <a@b.it>\r\nSubject: x \"y\"\r\nTo: c@d.it\r\n\r\ncorpo\r\n";
        let message = Stored {
            uid: 7,
            flags: BTreeSet::from(["\\Seen".to_owned()]),
            arrived_at: Timestamp::from_seconds(1_795_474_807),
            bytes: Arc::from(&text[..]),
        };
        let words = super::super::words::words(wanted.as_bytes())?;
        let mut out = Vec::new();
        answer(&mut out, 3, &message, &items(&words, true)?);
        String::from_utf8(out).ok()
    }

    #[test]
    fn parts_of_a_message_are_cut_where_asked() {
        let expected = "* 3 FETCH (UID 7 BODY[]<2> {3}\r\nom:)\r\n";
        assert_eq!(answered("BODY.PEEK[]<2.3>").unwrap(), expected);
        let expected =
            "* 3 FETCH (UID 7 BODY[HEADER.FIELDS (TO \"X\")] {14}\r\nTo: c@d.it\r\n\r\n)\r\n";
        assert_eq!(answered("BODY.PEEK[HEADER.FIELDS (To \"X\")]").unwrap(), expected);
        let expected = "* 3 FETCH (UID 7 BODY[TEXT] {7}\r\ncorpo\r\n)\r\n";
        assert_eq!(answered("body[text]").unwrap(), expected);
        assert_eq!(answered("BODYSTRUCTURE"), None);
    }

    #[test]
    fn the_envelope_names_the_author_three_times() {
        let expected = "* 3 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE \"24-Nov-2026 00:00:07 +0100\" RFC822.SIZE 58 \
ENVELOPE (NIL \"x \\\"y\\\"\" ((NIL NIL \"a\" \"b.it\")) ((NIL NIL \"a\" \"b.it\")) ((NIL NIL \"a\" \"b.it\")) \
((NIL NIL \"c\" \"d.it\")) NIL NIL NIL NIL))\r\n";
        assert_eq!(answered("ALL").unwrap(), expected);
    }
}
