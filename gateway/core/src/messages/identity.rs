//! Naming a message by what its author wrote.
//!
//! The hash is over Message-ID, From, Date and Subject as written (unfolded) and over the body with its
//! line ends made CRLF. Headers that servers add on the way, and the place in a mailbox, don't count. It is
//! computed before any parsing and never fails.

use crate::ids::BlobHash;
use sha2::{Digest, Sha256};

const NAMES: [&[u8]; 4] = [b"message-id", b"from", b"date", b"subject"];

/// The identity of a message from its bytes.
pub fn identity(raw: &[u8]) -> BlobHash {
    let (head, body) = split(raw);
    let mut hasher = Sha256::new();
    hasher.update(b"messo message v1\0");
    for name in NAMES {
        let value = field(head, name).unwrap_or_default();
        hasher.update((value.len() as u64).to_be_bytes());
        hasher.update(&value);
    }
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', body) {
        let line = &body[start..end];
        hasher.update(line.strip_suffix(b"\r").unwrap_or(line));
        hasher.update(b"\r\n");
        start = end + 1;
    }
    hasher.update(&body[start..]);
    BlobHash(hasher.finalize().into())
}

/// Head and body: the body begins after the first empty line. Without one, everything counts.
fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', raw) {
        let line = &raw[start..end];
        if line.is_empty() || line == b"\r" {
            return (&raw[..start], &raw[end + 1..]);
        }
        start = end + 1;
    }
    (raw, raw)
}

/// The first field of this name, unfolded and trimmed.
fn field(head: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut lines = head.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(name) {
            continue;
        }
        let mut value = line[colon + 1..].trim_ascii().to_vec();
        while let Some(more) =
            lines.next_if(|line| line.starts_with(b" ") || line.starts_with(b"\t"))
        {
            value.push(b' ');
            value.extend_from_slice(more.trim_ascii());
        }
        return Some(value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"Received: by a\r\nMessage-ID: <1@x>\r\nFrom: a@x\r\nSubject: a\r\n long one\r\n\r\nText\r\n";

    #[test]
    fn the_way_that_a_message_took_does_not_change_its_identity() {
        let moved = b"X-New: 1\nReceived: by b\nfrom: a@x\nmessage-id:  <1@x>\nSubject: a\n\tlong one\n\nText\n";
        assert_eq!(identity(MESSAGE), identity(moved));
    }

    #[test]
    fn another_text_author_or_subject_is_another_message() {
        let text = String::from_utf8_lossy(MESSAGE).into_owned();
        for (what, instead) in
            [("Text", "text"), ("a@x", "b@x"), ("long", "short"), ("<1@x>", "<2@x>")]
        {
            assert_ne!(
                identity(MESSAGE),
                identity(text.replace(what, instead).as_bytes()),
                "{what}"
            );
        }
    }

    #[test]
    fn anything_has_an_identity() {
        for odd in [&b""[..], b"\n", b"\r\n\r\n", b":", b"no header at all", b"\xff\xfe: \xff"] {
            let _ = identity(odd);
        }
        assert_ne!(identity(b""), identity(b"x"));
    }
}
