//! Where in a message the signed bytes and the signature are (RFC 1847 section 2.1, RFC 8551 section 3.5).
//!
//! Guarantee: only the outermost level is looked at, delimiters are whole lines, and the signed part is a slice of the message
//! as it came. Limit: a message that another program may cut differently is [`Found::Broken`], not guessed.

use crate::headers::{ContentType, Headers, is_kind};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;

/// Longest boundary: RFC 2046 allows 70 characters.
const MAX_BOUNDARY: usize = 200;
/// Longest detached signature, decoded.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 1_000_000;
/// Longest signature with its content inside, decoded; it is held in memory some three times over.
pub(crate) const MAX_OPAQUE_BYTES: usize = 40_000_000;

/// Base64 as mail has it; the padding is lost often enough.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a message has of signatures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Signed bytes, and a signature beside them.
    Detached {
        /// The first part, headers included, without the line end that belongs to the boundary.
        signed: &'a [u8],
        /// The signature, decoded.
        cms: Vec<u8>,
    },
    /// A signature with the content inside.
    Opaque {
        /// The signature, decoded.
        cms: Vec<u8>,
    },
    /// None.
    Nothing,
    /// A signature of a kind that is not ours (OpenPGP).
    Foreign,
    /// The parts are not as they must be.
    Broken,
    /// The signature cannot be decoded or is too long.
    Undecodable,
}

/// Looks at the outermost level of a message.
pub(crate) fn find<'a>(headers: &Headers<'a>) -> Found<'a> {
    let Some(content_type) = headers.content_type() else {
        return match headers.field("Content-Type") {
            crate::headers::Field::Absent => Found::Nothing,
            _ => Found::Broken,
        };
    };
    if content_type.media == "multipart/signed" {
        return detached(&content_type, headers.body);
    }
    let enveloped = content_type.parameter("smime-type").is_some_and(|kind| {
        kind.eq_ignore_ascii_case("enveloped-data") || kind.eq_ignore_ascii_case("certs-only")
    });
    if content_type.is("pkcs7-mime") && !enveloped {
        return match decode(headers, MAX_OPAQUE_BYTES) {
            Some(cms) => Found::Opaque { cms },
            None => Found::Undecodable,
        };
    }
    Found::Nothing
}

fn detached<'a>(content_type: &ContentType, body: &'a [u8]) -> Found<'a> {
    let protocol = content_type.parameter("protocol");
    if protocol.is_some_and(|protocol| !is_kind(protocol, "pkcs7-signature")) {
        return Found::Foreign;
    }
    let Some(boundary) = content_type.parameter("boundary") else { return Found::Broken };
    if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
        return Found::Broken;
    }
    let needle = format!("--{boundary}");
    let finder = memmem::Finder::new(needle.as_bytes());
    let Some(first) = delimiter(&finder, body, 0) else { return Found::Broken };
    let second = match (first.closes, delimiter(&finder, body, first.end)) {
        (true, _) => return Found::Broken,
        // Exports that lost the signature lose its delimiter and the closing one too.
        (false, None) => return Found::Nothing,
        (false, Some(second)) => second,
    };
    if second.closes {
        return Found::Nothing;
    }
    let signed = &body[first.end..second.begin.max(first.end)];
    let third = delimiter(&finder, body, second.end);
    if third.as_ref().is_some_and(|third| !third.closes) {
        return Found::Broken;
    }
    let end = third.map_or(body.len(), |third| third.begin.max(second.end));
    signature(signed, &Headers::read(&body[second.end..end]))
}

fn signature<'a>(signed: &'a [u8], part: &Headers<'_>) -> Found<'a> {
    let ours = part
        .content_type()
        .is_some_and(|kind| kind.is("pkcs7-signature") || kind.media == "application/octet-stream");
    if !ours {
        return Found::Broken;
    }
    match decode(part, MAX_SIGNATURE_BYTES) {
        Some(cms) => Found::Detached { signed, cms },
        None => Found::Undecodable,
    }
}

/// A line that is the boundary and nothing else.
struct Delimiter {
    /// Where the line end before it begins: it belongs to the delimiter, not to the part.
    begin: usize,
    /// Where the next line begins.
    end: usize,
    /// Whether it is the last.
    closes: bool,
}

/// The next delimiter line at or after `from`, which is the beginning of a line. A line that merely begins with the boundary
/// (of an inner part whose boundary is longer) is not one.
fn delimiter(finder: &memmem::Finder<'_>, body: &[u8], from: usize) -> Option<Delimiter> {
    let mut at = from;
    while let Some(found) = finder.find(body.get(at..)?) {
        let line = at + found;
        at = line + 1;
        if line != from && body[line - 1] != b'\n' {
            continue;
        }
        let rest = &body[line + finder.needle().len()..];
        let closes = rest.starts_with(b"--");
        let rest = if closes { &rest[2..] } else { rest };
        let line_end = memchr::memchr(b'\n', rest);
        if !rest[..line_end.unwrap_or(rest.len())].iter().all(|byte| b" \t\r".contains(byte)) {
            continue;
        }
        let begin = match &body[from..line] {
            [.., b'\r', b'\n'] => line - 2,
            [.., b'\n'] => line - 1,
            _ => line,
        };
        let end = line_end.map_or(body.len(), |end| body.len() - rest.len() + end + 1);
        return Some(Delimiter { begin, end, closes });
    }
    None
}

/// The bytes of a part that holds CMS. Some senders forget the transfer encoding, but DER begins with `0` and its base64
/// with `M`.
fn decode(part: &Headers<'_>, limit: usize) -> Option<Vec<u8>> {
    let encoding = match part.field("Content-Transfer-Encoding") {
        crate::headers::Field::Once(value) => value.to_ascii_lowercase(),
        crate::headers::Field::Absent => String::new(),
        crate::headers::Field::Repeated => return None,
    };
    if part.body.len() > limit.saturating_mul(3) {
        return None;
    }
    let bytes = if encoding == "base64" || part.body.trim_ascii_start().starts_with(b"M") {
        let text: Vec<u8> =
            part.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(text).ok()?
    } else {
        part.body.to_vec()
    };
    (!bytes.is_empty() && bytes.len() <= limit).then_some(bytes)
}

/// Whether some line feed has no carriage return before it.
pub(crate) fn has_bare_line_feed(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}

/// The same bytes with CRLF at the end of each line (RFC 8551 section 3.1.1).
pub(crate) fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', bytes) {
        let line = &bytes[from..at];
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
    out
}
