//! The parts of a message (RFC 2046), as slices of its bytes.
//!
//! A multipart is cut at its own boundary first and its parts are looked at afterwards, each within its slice: a part that
//! forgets its closing boundary ends where its parent says. A message inside a message is one part here; whoever wants to
//! look into it reads it anew. Guarantee: no recursion, no copies, time linear in the bytes times the depth. Limit:
//! [`MAX_PARTS`] parts, [`MAX_DEPTH`] levels; what lies beyond stays unread, and an oddity says so.

use crate::head::{Head, Media};
use crate::transfer;
use memchr::memmem;
use std::borrow::Cow;

/// Most parts of one message.
pub const MAX_PARTS: usize = 2_000;
/// Deepest level of parts.
pub const MAX_DEPTH: usize = 40;
/// Longest boundary (RFC 2046 5.1.1 says 70).
const MAX_BOUNDARY: usize = 250;

/// One part; the first of a message is the message itself.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its fields.
    pub head: Head<'a>,
    /// What follows them, still encoded.
    pub body: &'a [u8],
    /// Its media type; of the default of RFC 2045 5.2 when there is none.
    pub media: Media,
    /// Transfer encoding, lower case.
    pub encoding: String,
    /// Places of the parts inside it; none for what is not cut up.
    pub parts: Vec<usize>,
    /// The whole part as it stands, fields and all.
    pub raw: &'a [u8],
    depth: usize,
}

impl<'a> Part<'a> {
    fn read(bytes: &'a [u8], depth: usize, default: &str) -> Self {
        let (head, body) = Head::read(bytes);
        let mut media = head.media("content-type").unwrap_or_default();
        if !media.kind.contains('/') {
            media.kind = default.to_owned();
        }
        let encoding = head.word("content-transfer-encoding").unwrap_or_default();
        Self { head, body, media, encoding, parts: Vec::new(), raw: bytes, depth }
    }

    /// The media type.
    pub fn kind(&self) -> &str {
        &self.media.kind
    }

    /// Whether it is a multipart (that may not have been cut up).
    pub fn is_multipart(&self) -> bool {
        self.kind().starts_with("multipart/")
    }

    /// Whether it is a whole message.
    pub fn is_message(&self) -> bool {
        matches!(self.kind(), "message/rfc822" | "message/global")
    }

    /// Its bytes without transfer encoding.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        transfer::decode(&self.encoding, self.body)
    }

    /// Its text, of at most so many encoded bytes.
    pub fn text(&self, most: usize) -> String {
        let bytes = transfer::decode(&self.encoding, &self.body[..self.body.len().min(most)]);
        transfer::text(self.media.parameter("charset"), &bytes).into_owned()
    }

    /// The file name that it gives itself, decoded, not yet safe.
    pub fn file_name(&self) -> Option<String> {
        let disposition = self.head.media("content-disposition");
        let named = disposition.as_ref().and_then(|media| media.parameter("filename"));
        let name = named.or_else(|| self.media.parameter("name"))?;
        Some(name.to_owned()).filter(|name| !name.trim().is_empty())
    }

    /// Whether it says that it is to be kept apart from the text.
    pub fn is_attached(&self) -> bool {
        self.head
            .text("content-disposition")
            .is_some_and(|text| text.to_ascii_lowercase().starts_with("attachment"))
    }
}

/// A message, cut into its parts.
#[derive(Debug)]
pub struct Message<'a> {
    /// All parts in the order of the message; the first is the whole.
    pub parts: Vec<Part<'a>>,
    /// What was odd about them, in words for the operator.
    pub oddities: Vec<&'static str>,
}

impl<'a> Message<'a> {
    /// Cuts a message up.
    pub fn read(raw: &'a [u8]) -> Self {
        let whole = Part::read(without_envelope_line(raw), 0, "text/plain");
        let mut message = Self { parts: vec![whole], oddities: Vec::new() };
        if message.parts[0].head.cut {
            message.oddities.push("the header has more fields than are read");
        }
        // Places of parts that may still have to be cut; each part is cut once.
        let mut next = 0;
        while next < message.parts.len() {
            message.cut(next);
            next += 1;
        }
        message
    }

    /// The fields of the message.
    pub fn head(&self) -> &Head<'a> {
        &self.parts[0].head
    }

    /// The parts in the order in which they stand, outer before inner. Parts are stored level by level.
    pub fn in_order(&self) -> Vec<&Part<'a>> {
        let mut order = Vec::with_capacity(self.parts.len());
        let mut waiting = vec![0];
        while let Some(place) = waiting.pop() {
            let part = &self.parts[place];
            waiting.extend(part.parts.iter().rev());
            order.push(part);
        }
        order
    }

    fn odd(&mut self, what: &'static str) {
        if !self.oddities.contains(&what) {
            self.oddities.push(what);
        }
    }

    fn cut(&mut self, place: usize) {
        let part = &self.parts[place];
        if !part.is_multipart() {
            return;
        }
        if part.depth == MAX_DEPTH {
            return self.odd("parts are nested deeper than is read");
        }
        let Some(boundary) =
            part.media.parameter("boundary").map(str::trim_end).filter(|text| !text.is_empty())
        else {
            return self.odd("a multipart names no boundary");
        };
        if boundary.len() > MAX_BOUNDARY {
            return self.odd("a multipart has a boundary longer than is read");
        }
        let default =
            if part.kind() == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let cuts = Cuts::of(part.body, boundary.as_bytes());
        let (depth, first) = (part.depth + 1, self.parts.len());
        for slice in cuts.slices {
            if self.parts.len() == MAX_PARTS {
                self.odd("the message has more parts than are read");
                break;
            }
            self.parts.push(Part::read(slice, depth, default));
        }
        self.parts[place].parts = (first..self.parts.len()).collect();
        if first == self.parts.len() {
            self.odd("a multipart has no part");
        } else if !cuts.closed {
            self.odd("a multipart has no closing boundary");
        }
    }
}

/// Programs that keep mail in files put a line before it (mbox); some put empty ones, or a byte order mark.
fn without_envelope_line(raw: &[u8]) -> &[u8] {
    let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = after;
    }
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        rest = memchr::memchr(b'\n', rest).map_or(&[], |end| &rest[end + 1..]);
    }
    rest
}

struct Cuts<'a> {
    slices: Vec<&'a [u8]>,
    closed: bool,
}

impl<'a> Cuts<'a> {
    fn of(body: &'a [u8], boundary: &[u8]) -> Self {
        let mark = [b"--", boundary].concat();
        let mut cuts = Self { slices: Vec::new(), closed: false };
        let mut open: Option<usize> = None;
        for at in memmem::find_iter(body, &mark) {
            if at > 0 && body[at - 1] != b'\n' {
                continue;
            }
            let after = at + mark.len();
            let line =
                memchr::memchr(b'\n', &body[after..]).map_or(body.len(), |end| after + end + 1);
            let rest = body[after..line].trim_ascii();
            let closing = rest.starts_with(b"--");
            // A longer boundary that begins like this one is somebody else's.
            if !rest.is_empty() && !closing {
                continue;
            }
            if let Some(start) = open {
                cuts.slices.push(body[start..at.max(start)].strip_suffix_line());
            }
            if closing {
                cuts.closed = true;
                return cuts;
            }
            open = Some(line);
            if cuts.slices.len() > MAX_PARTS {
                return cuts;
            }
        }
        if let Some(start) = open {
            cuts.slices.push(&body[start..]);
        }
        cuts
    }
}

trait StripLine {
    fn strip_suffix_line(&self) -> &Self;
}

impl StripLine for [u8] {
    /// Without the line end before a boundary, which belongs to it (RFC 2046 5.1.1).
    fn strip_suffix_line(&self) -> &[u8] {
        let rest = self.strip_suffix(b"\n").unwrap_or(self);
        rest.strip_suffix(b"\r").unwrap_or(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(raw: &str) -> Vec<String> {
        let message = Message::read(raw.as_bytes());
        message.in_order().iter().map(|part| part.kind().to_owned()).collect()
    }

    #[test]
    fn a_part_without_closing_boundary_ends_where_its_parent_says() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=\"ab\"\n\n--ab\n\none\n-- two\n--ab\nContent-Type: x/y\n\nz\n--a\nContent-Type: image/png\n\np\n";
        assert_eq!(
            kinds(raw),
            ["multipart/mixed", "multipart/mixed", "text/plain", "x/y", "image/png"]
        );
        let message = Message::read(raw.as_bytes());
        assert!(message.in_order().iter().any(|part| part.body == b"one\n-- two"));
        assert_eq!(message.oddities, ["a multipart has no closing boundary"]);
    }

    #[test]
    fn a_thousand_levels_and_ten_thousand_parts_are_read_in_part() {
        let mut deep = String::new();
        for level in 0..1_000 {
            deep.push_str(&format!(
                "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
            ));
        }
        assert!(Message::read(deep.as_bytes()).parts.len() <= MAX_DEPTH + 1);
        let wide =
            format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(10_000));
        let message = Message::read(wide.as_bytes());
        assert_eq!(message.parts.len(), MAX_PARTS);
        assert!(message.oddities.contains(&"the message has more parts than are read"));
    }

    #[test]
    fn what_stands_before_the_header_in_a_file_is_skipped() {
        for before in ["", "\r\n\n", "From a@b Tue Nov 24 2026\n", "\u{feff}"] {
            let raw = format!("{before}Subject: x\n\nbody");
            let message = Message::read(raw.as_bytes());
            assert_eq!(message.head().text("subject").as_deref(), Some("x"), "{before:?}");
            assert_eq!(message.parts[0].body, b"body");
        }
    }

    #[test]
    fn a_multipart_that_is_none_is_kept_whole() {
        assert_eq!(kinds("Content-Type: multipart/mixed\n\nText"), ["multipart/mixed"]);
        assert_eq!(kinds("Content-Type: multipart/mixed; boundary=q\n\nText"), ["multipart/mixed"]);
    }
}
