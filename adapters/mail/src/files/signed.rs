//! What a signed file (CMS, RFC 5652, `.p7m`) holds, found without checking anything.
//!
//! Guarantee: bounded, no recursion. Limit: only SignedData whose content is inside, in DER or BER; anything else gives nothing.

use crate::transfer;
use std::borrow::Cow;

/// OID 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// Whether the bytes begin a SignedData in DER or BER.
pub fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
        && memchr::memmem::find(&bytes[..bytes.len().min(32)], SIGNED_DATA).is_some()
}

/// The bytes of a SignedData written as text: bare base 64, or between PEM lines.
pub fn from_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.trim_ascii_start();
    let start = if start.starts_with(b"-----BEGIN") {
        let kind = &start[..start.len().min(40)];
        let known =
            [&b"PKCS7"[..], b"CMS"].iter().any(|word| memchr::memmem::find(kind, word).is_some());
        if !known {
            return None;
        }
        &start[memchr::memchr(b'\n', start)? + 1..]
    } else {
        start
    };
    let end = memchr::memmem::find(start, b"-----END").unwrap_or(start.len());
    // "MI" begins every long sequence of DER, "MI" or "MA"/"MD" the indefinite ones.
    if !start.starts_with(b"MI") && !start.starts_with(b"MA") && !start.starts_with(b"MD") {
        return None;
    }
    let beginning = transfer::base64(&start[..end.min(64)]);
    is_der(&beginning).then(|| transfer::base64(&start[..end]))
}

/// The content that is signed, when it is inside.
pub fn content(bytes: &[u8]) -> Option<Vec<u8>> {
    let der = if is_der(bytes) { Cow::Borrowed(bytes) } else { Cow::Owned(from_text(bytes)?) };
    let info = Element::read(&der)?;
    let (_, rest) = Element::step(info.body)?;
    let wrapped = Element::read(rest)?;
    let data = Element::read(wrapped.body)?;
    // version, digest algorithms, encapsulated content
    let (_, rest) = Element::step(data.body)?;
    let (_, rest) = Element::step(rest)?;
    let encapsulated = Element::read(rest)?;
    let (_, rest) = Element::step(encapsulated.body)?;
    let explicit = Element::read(rest)?;
    let octets = Element::read(explicit.body)?;
    match (explicit.tag, octets.tag) {
        (0xa0, 0x04) => Some(octets.body.to_vec()),
        (0xa0, 0x24) => Some(pieces(octets.body)),
        _ => None,
    }
}

/// The pieces of an octet string in BER, put together.
fn pieces(body: &[u8]) -> Vec<u8> {
    let (mut rest, mut out) = (body, Vec::with_capacity(body.len()));
    while let Some((piece, after)) = Element::step(rest) {
        if piece.tag != 0x04 {
            break;
        }
        out.extend_from_slice(piece.body);
        rest = after;
    }
    out
}

/// Tag and body of one element. A body of indefinite length reaches to the end of what holds it: enough to walk inwards.
struct Element<'a> {
    tag: u8,
    body: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        Self::header(bytes).map(|(element, _)| element)
    }

    /// An element of definite length and what follows it.
    fn step(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (element, after) = Self::header(bytes)?;
        Some((element, after?))
    }

    fn header(bytes: &'a [u8]) -> Option<(Self, Option<&'a [u8]>)> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, rest) = rest.split_first()?;
        if first == 0x80 {
            return Some((Self { tag, body: rest }, None));
        }
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (digits, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .filter(|(digits, _)| digits.len() <= 4)?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        };
        // A truncated file is read as far as it goes.
        let (body, after) = rest.split_at(length.min(rest.len()));
        Some((Self { tag, body }, Some(after)))
    }
}
