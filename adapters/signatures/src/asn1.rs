//! A small bounded reader of BER and DER, enough for CMS, certificates and time stamps.
//!
//! Guarantee: work is linear in the bytes for each level, nesting is at most [`MAX_DEPTH`], nothing is copied. Limit:
//! it finds structure only; what decides about a signature is computed by OpenSSL from the same bytes.

/// Deepest nesting of elements without a stated length.
const MAX_DEPTH: usize = 16;

/// Tag of an `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// Tag of a `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// Tag of an `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Tag of an `OBJECT IDENTIFIER`.
pub(crate) const OID: u8 = 0x06;
/// Tag of a `BOOLEAN`.
pub(crate) const BOOLEAN: u8 = 0x01;
/// Tag of a `GeneralizedTime`.
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// Tag of a `SEQUENCE`.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Tag of a `SET`.
pub(crate) const SET: u8 = 0x31;

/// Constructed, context-specific tag `[number]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The bytes are not the BER or DER that was expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// Identifier octet; tags above 30 do not occur in what we read.
    pub tag: u8,
    /// What is inside, without the end-of-contents octets.
    pub content: &'a [u8],
    /// The element with its header.
    pub whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// Reads what is inside.
    pub fn reader(&self) -> Reader<'a> {
        Reader { rest: self.content }
    }
}

/// Reads elements one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub fn next(&mut self) -> Result<Element<'a>, Malformed> {
        let (element, length) = element(self.rest, 0)?;
        self.rest = &self.rest[length..];
        Ok(element)
    }

    /// The next element, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        if self.peek() == Some(tag) { self.next() } else { Err(Malformed) }
    }

    /// The next element if it has this tag.
    pub fn maybe(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }
}

/// The element at the beginning of `bytes` and how many bytes it takes.
fn element(bytes: &[u8], depth: usize) -> Result<(Element<'_>, usize), Malformed> {
    let [tag, first, ..] = *bytes else { return Err(Malformed) };
    if tag & 0x1f == 0x1f || depth > MAX_DEPTH {
        return Err(Malformed);
    }
    if first == 0x80 {
        return indefinite(bytes, tag, depth);
    }
    let (header, length) = definite_length(bytes, first)?;
    let end = header.checked_add(length).ok_or(Malformed)?;
    let content = bytes.get(header..end).ok_or(Malformed)?;
    Ok((Element { tag, content, whole: &bytes[..end] }, end))
}

fn definite_length(bytes: &[u8], first: u8) -> Result<(usize, usize), Malformed> {
    if first < 0x80 {
        return Ok((2, usize::from(first)));
    }
    let octets = usize::from(first & 0x7f);
    if octets > 4 {
        return Err(Malformed);
    }
    let octets = bytes.get(2..2 + octets).ok_or(Malformed)?;
    let length = octets.iter().fold(0_usize, |length, octet| length << 8 | usize::from(*octet));
    Ok((2 + octets.len(), length))
}

/// Elements follow until two zero octets (X.690 section 8.1.3.6).
fn indefinite(bytes: &[u8], tag: u8, depth: usize) -> Result<(Element<'_>, usize), Malformed> {
    if tag & 0x20 == 0 {
        return Err(Malformed);
    }
    let mut at = 2;
    loop {
        let rest = bytes.get(at..).ok_or(Malformed)?;
        if rest.starts_with(&[0, 0]) {
            let element = Element { tag, content: &bytes[2..at], whole: &bytes[..at + 2] };
            return Ok((element, at + 2));
        }
        at += element(rest, depth + 1)?.1;
    }
}

/// Writes one DER element.
pub(crate) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let used = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
        out.push(0x80 | used.len() as u8);
        out.extend_from_slice(used);
    }
    out.extend_from_slice(content);
    out
}

/// Writes a non-negative `INTEGER` from its big-endian octets.
pub(crate) fn write_unsigned(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let mut content = octets[zeros..].to_vec();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    write(INTEGER, &content)
}

/// An object identifier in dotted form, e.g. `1.2.840.113549.1.7.1`.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0_u64;
    for octet in oid {
        arc = arc.wrapping_shl(7) | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                let root = (arc / 40).min(2);
                arcs.extend([root, arc - root * 40]);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_and_indefinite_lengths_give_the_same_content() {
        let definite = [0x30, 0x05, 0x02, 0x01, 0x07, 0x05, 0x00];
        let indefinite = [0x30, 0x80, 0x02, 0x01, 0x07, 0x05, 0x00, 0x00, 0x00];
        for bytes in [&definite[..], &indefinite[..]] {
            let mut inside = Reader::new(bytes).take(SEQUENCE).unwrap().reader();
            assert_eq!(inside.take(INTEGER).unwrap().content, [7]);
            assert_eq!(inside.next().unwrap().tag, 5);
            assert!(inside.is_empty());
        }
    }

    #[test]
    fn lengths_that_lie_and_nesting_without_end_are_refused() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(100_000);
        let lies: [&[u8]; 7] = [
            &[],
            &[0x30],
            &[0x30, 0x05, 0x02],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0x04, 0x80, 0, 0],
            &deep,
        ];
        for bytes in lies {
            assert!(Reader::new(bytes).next().is_err());
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let bytes = write(OCTET_STRING, &vec![0x55; length]);
            let element = Reader::new(&bytes).take(OCTET_STRING).unwrap();
            assert_eq!((element.content.len(), element.whole.len()), (length, bytes.len()));
        }
        assert_eq!(write_unsigned(&[0, 0]), [2, 1, 0]);
        assert_eq!(write_unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]), "1.2.840.113549.1.7.1");
    }
}
