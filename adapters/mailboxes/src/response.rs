//! What a server says, taken apart: as much of the grammar of RFC 9051 section 9 as reading mail needs.
//!
//! Guarantee: never panics; what it does not know it passes over, so that an odd server costs nothing but the
//! item concerned. Literals stand apart, in their order; the text has a NUL byte in their place.

use crate::fault::Fault;
use messo_core::time::Timestamp;

/// One response: its text without the line end, and its literals.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub text: Vec<u8>,
    pub literals: Vec<Vec<u8>>,
}

/// What a response is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind<'r> {
    /// `* …`
    Untagged(&'r [u8]),
    /// `+ …`
    Continue,
    /// `tag OK|NO|BAD …`
    Tagged { tag: &'r [u8], rest: &'r [u8] },
}

impl Response {
    pub(crate) fn kind(&self) -> Kind<'_> {
        match self.text.as_slice() {
            [b'*', b' ', rest @ ..] => Kind::Untagged(rest),
            [b'+', ..] => Kind::Continue,
            text => {
                let (tag, rest) = word(text);
                Kind::Tagged { tag, rest }
            }
        }
    }

    /// The text after `* `, when it is untagged.
    pub(crate) fn untagged(&self) -> Option<&[u8]> {
        match self.kind() {
            Kind::Untagged(rest) => Some(rest),
            _ => None,
        }
    }
}

/// The first word and what is behind the blank after it.
pub(crate) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}

/// The argument of a response code: `UIDVALIDITY` of `OK [UIDVALIDITY 7] …`.
pub(crate) fn coded(text: &[u8], name: &str) -> Option<u32> {
    let (status, rest) = word(text);
    let inner = rest.strip_prefix(b"[")?;
    let inner = &inner[..memchr::memchr(b']', inner)?];
    let (code, argument) = word(inner);
    (status.eq_ignore_ascii_case(b"OK") && code.eq_ignore_ascii_case(name.as_bytes()))
        .then(|| number(argument))
        .flatten()
}

/// The number of `7 EXISTS`.
pub(crate) fn exists(text: &[u8]) -> Option<u32> {
    let (count, rest) = word(text);
    word(rest).0.eq_ignore_ascii_case(b"EXISTS").then(|| number(count)).flatten()
}

/// The numbers of `SEARCH 1 2 3`.
pub(crate) fn searched(text: &[u8]) -> Option<impl Iterator<Item = u32> + '_> {
    let (name, rest) = word(text);
    name.eq_ignore_ascii_case(b"SEARCH")
        .then(|| rest.split(|byte| *byte == b' ').filter_map(number))
}

pub(crate) fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A folder of `LIST (\Noselect) "." "INBOX.Ricevute"`; none when it cannot be opened.
pub(crate) fn listed(mut response: Response) -> Option<String> {
    let literals = std::mem::take(&mut response.literals);
    let (name, rest) = word(response.untagged()?);
    if !name.eq_ignore_ascii_case(b"LIST") {
        return None;
    }
    let tokens = Tokens { text: rest, literals: literals.into_iter() };
    let mut depth = 0_u32;
    let mut last = None;
    for token in tokens {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::Atom(flag) if depth > 0 => {
                let closed = [&b"\\Noselect"[..], b"\\NonExistent"];
                if closed.iter().any(|closed| flag.eq_ignore_ascii_case(closed)) {
                    return None;
                }
            }
            Token::Atom(name) => last = Some(name.to_vec()),
            Token::Text(name) if depth == 0 => last = Some(name),
            Token::Text(_) => {}
        }
    }
    String::from_utf8(last?).ok()
}

/// What a FETCH response says of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub uid: u32,
    pub size: Option<u64>,
    pub arrived_at: Option<Timestamp>,
    pub body: Option<Vec<u8>>,
}

/// Reads `5 FETCH (UID 9 RFC822.SIZE 44 …)`; none when it is something else or names no UID, as flags that others changed.
pub(crate) fn fetched(mut response: Response) -> Option<Fetched> {
    let literals = std::mem::take(&mut response.literals);
    let (_, rest) = word(response.untagged()?);
    let (name, items) = word(rest);
    if !name.eq_ignore_ascii_case(b"FETCH") {
        return None;
    }
    let mut tokens = Tokens { text: items, literals: literals.into_iter() };
    let mut fetched = Fetched::default();
    if !matches!(tokens.next(), Some(Token::Open)) {
        return None;
    }
    while let Some(Token::Atom(key)) = tokens.next() {
        let value = tokens.next()?;
        match (key.to_ascii_uppercase().as_slice(), value) {
            (b"UID", Token::Atom(value)) => fetched.uid = number(value)?,
            (b"RFC822.SIZE", Token::Atom(value)) => fetched.size = number(value),
            (b"INTERNALDATE", Token::Text(value)) => fetched.arrived_at = instant(&value),
            (key, Token::Text(value)) if key.starts_with(b"BODY[") => fetched.body = Some(value),
            (_, Token::Open) => tokens.close(),
            _ => {}
        }
    }
    (fetched.uid > 0).then_some(fetched)
}

/// An INTERNALDATE: ` 7-Jul-2026 02:44:25 +0200`.
fn instant(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.trim();
    jiff::Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text).ok().map(Timestamp::from)
}

enum Token<'r> {
    Open,
    Close,
    Atom(&'r [u8]),
    /// Quoted or a literal.
    Text(Vec<u8>),
}

struct Tokens<'r> {
    text: &'r [u8],
    literals: std::vec::IntoIter<Vec<u8>>,
}

impl<'r> Iterator for Tokens<'r> {
    type Item = Token<'r>;

    fn next(&mut self) -> Option<Token<'r>> {
        let text = self.text.trim_ascii_start();
        let (first, rest) = text.split_first()?;
        self.text = rest;
        match first {
            b'(' => Some(Token::Open),
            b')' => Some(Token::Close),
            0 => self.literals.next().map(Token::Text),
            b'"' => self.quoted().map(Token::Text),
            // Announces a binary literal (RFC 3516).
            b'~' if rest.first() == Some(&0) => self.next(),
            _ => {
                let end = atom_end(text);
                self.text = &text[end..];
                Some(Token::Atom(&text[..end]))
            }
        }
    }
}

impl Tokens<'_> {
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        let mut bytes = self.text.iter().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.text = &self.text[at + 1..];
                    return Some(value);
                }
                b'\\' => value.push(*bytes.next()?.1),
                _ => value.push(*byte),
            }
        }
        None
    }

    /// Passes over the rest of a list whose opening was read.
    fn close(&mut self) {
        let mut depth = 1_u32;
        while depth > 0 {
            match self.next() {
                Some(Token::Open) => depth += 1,
                Some(Token::Close) => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// An atom ends at a blank or a bracket of a list; `BODY[HEADER.FIELDS (SUBJECT)]<0>` is one atom.
fn atom_end(text: &[u8]) -> usize {
    let mut inside = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b' ' | b'(' | b')' | 0 if !inside => return at.max(1),
            _ => {}
        }
    }
    text.len()
}

/// Whether the end of a line announces a literal, and how long it is: `{44}`, `{44+}`, `~{44}`.
pub(crate) fn announced(line: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let Some(open) = memchr::memrchr(b'{', inner) else { return Ok(None) };
    let digits = &inner[open + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    number(digits).map(Some).ok_or(Fault::TooMuch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str, literals: &[&str]) -> Response {
        let literals = literals.iter().map(|text| text.as_bytes().to_vec()).collect();
        Response { text: text.as_bytes().to_vec(), literals }
    }

    #[test]
    fn a_message_is_read_whatever_stands_beside_it() {
        let text = "* 12 FETCH (FLAGS (\\Seen (x) \\*) UID 7 MODSEQ (5) INTERNALDATE \" 1-Jul-2026 02:44:25 +0200\" \
                    BODY[HEADER.FIELDS (A B)]<0> \0 RFC822.SIZE 5000000000)";
        let fetched = fetched(response(text, &["hello)"])).unwrap();
        assert_eq!((fetched.uid, fetched.size), (7, Some(5_000_000_000)));
        assert_eq!(fetched.body.unwrap(), b"hello)");
        assert_eq!(fetched.arrived_at.unwrap().to_string(), "2026-07-01T00:44:25.000000Z");
    }

    #[test]
    fn a_short_body_may_be_quoted_and_a_missing_one_is_nil() {
        let quoted = fetched(response(r#"* 1 fetch (uid 3 body[] "a\"b\\c")"#, &[])).unwrap();
        assert_eq!(quoted.body.unwrap(), br#"a"b\c"#);
        assert_eq!(fetched(response("* 1 FETCH (UID 3 BODY[] NIL)", &[])).unwrap().body, None);
        assert_eq!(fetched(response("* 1 FETCH (FLAGS (\\Seen))", &[])), None);
    }

    #[test]
    fn garbage_is_passed_over() {
        for odd in [
            "",
            "*",
            "* ",
            "+",
            "* 1 FETCH",
            "* 1 FETCH (",
            "* 1 FETCH (UID",
            "* 1 FETCH (UID x)",
            "* 1 FETCH (UID 1 BODY[ \0)",
            "* 1 FETCH \0",
            "* 1 FETCH (UID 1 BODY[] \"",
            "* LIST",
            "* LIST (",
            "* 1 FETCH (UID 5 X ((((",
            "* 1 FETCH )))(((",
            "* 1 FETCH (UID 99999999999)",
            "\0\0\0",
        ] {
            let _ = fetched(response(odd, &[]));
            let _ = listed(response(odd, &[]));
            let _ = exists(odd.as_bytes());
            let _ = coded(odd.as_bytes(), "UIDNEXT");
        }
    }

    #[test]
    fn folders_are_listed_but_for_those_that_cannot_be_opened() {
        let name = |text, literals: &[&str]| listed(response(text, literals));
        assert_eq!(
            name(r#"* LIST (\HasNoChildren) "." INBOX.Ricevute"#, &[]).unwrap(),
            "INBOX.Ricevute"
        );
        assert_eq!(name(r#"* LIST () NIL "Posta \"in\"""#, &[]).unwrap(), r#"Posta "in""#);
        assert_eq!(name("* LIST () \"/\" \0", &["Posta"]).unwrap(), "Posta");
        assert_eq!(name(r#"* LIST (\Noselect) "/" Archivio"#, &[]), None);
    }

    #[test]
    fn codes_and_counts_are_found() {
        assert_eq!(coded(b"OK [UIDVALIDITY 3857529045] valid", "uidvalidity"), Some(3_857_529_045));
        assert_eq!(coded(b"OK [UIDNEXT x]", "UIDNEXT"), None);
        assert_eq!(exists(b"23 EXISTS"), Some(23));
        assert_eq!(searched(b"SEARCH 2 84 882").unwrap().collect::<Vec<_>>(), [2, 84, 882]);
        assert_eq!(searched(b"SEARCH").unwrap().count(), 0);
        assert_eq!(announced(b"BODY[] {44}").unwrap(), Some(44));
        assert_eq!(announced(b"BODY[] ~{4+}").unwrap(), Some(4));
        assert_eq!(announced(b"text {44} ").unwrap(), None);
        assert_eq!(announced(b"text {}").unwrap(), None);
        assert!(announced(b"{99999999999999999999999}").is_err());
    }
}
