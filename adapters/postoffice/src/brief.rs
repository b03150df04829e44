//! The message inside a brief delivery receipt: attachments give way to their hashes (RFC 6109, 3.3.2.2).
//!
//! Guarantee: the skeleton of parts stays; each named or enclosed part becomes `<name>.hash` with 40 hexadecimal
//! digits. Limit: deeper than [`DEPTH`] or with more than [`PARTS`] parts a message is given back whole.

use crate::mime;
use crate::structure::{Headers, parts, split};
use openssl::hash::{MessageDigest, hash};

/// Deepest nesting that is rewritten.
pub const DEPTH: usize = 16;
/// Most parts of one multipart that are rewritten.
pub const PARTS: usize = 500;

/// The brief form of a message.
pub fn brief(message: &[u8]) -> Vec<u8> {
    // An opaque S/MIME message cannot be shortened without breaking it: brief is complete then.
    if split(message).0.content_type().value.ends_with("pkcs7-mime") {
        return message.to_vec();
    }
    shortened(message, 0, false).unwrap_or_else(|| message.to_vec())
}

/// Rewrites one entity; `None` when a limit is passed.
fn shortened(entity: &[u8], depth: usize, in_signed: bool) -> Option<Vec<u8>> {
    if depth > DEPTH {
        return None;
    }
    let (headers, body) = split(entity);
    let kind = headers.content_type();
    if kind.value.starts_with("multipart/") {
        let boundary = kind.parameter("boundary")?;
        let Some(cut) = parts(body, &boundary, PARTS) else {
            return Some(entity.to_vec());
        };
        let signed = kind.value == "multipart/signed";
        let inner: Option<Vec<Vec<u8>>> =
            cut.parts.iter().map(|part| shortened(part, depth + 1, signed)).collect();
        let header = &entity[..entity.len() - body.len()];
        let mut out = [header, cut.preamble].concat();
        out.extend(mime::multipart(&boundary, &inner?, cut.epilogue.is_some()));
        out.extend_from_slice(cut.epilogue.unwrap_or_default());
        return Some(out);
    }
    let is_signature = in_signed && kind.value.ends_with("pkcs7-signature");
    let enclosed = kind.value == "message/rfc822";
    let name = headers.file_name().or_else(|| enclosed.then(|| "messaggio.eml".to_owned()));
    match name {
        Some(name) if depth > 0 && !is_signature => Some(hash_part(&headers, body, &name)),
        _ => Some(entity.to_vec()),
    }
}

fn hash_part(headers: &Headers, body: &[u8], name: &str) -> Vec<u8> {
    let digest = attachment_hash(&headers.transfer_encoding(), body);
    let name: String =
        name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    let name = mime::header_text(&format!("{name}.hash"));
    let fields = [
        ("Content-Type", format!("text/plain; charset=\"us-ascii\"; name=\"{name}\"")),
        ("Content-Transfer-Encoding", "7bit".into()),
        ("Content-Disposition", format!("attachment; filename=\"{name}\"")),
    ];
    mime::part(&fields, digest.as_bytes())
}

/// SHA-1, as the RFC prescribes, over the base64 text of a part: the text itself when the part travels in base64,
/// else base64 in lines of 76 made from its content.
pub fn attachment_hash(transfer_encoding: &str, body: &[u8]) -> String {
    let encoded = match transfer_encoding {
        "base64" => body.to_vec(),
        "quoted-printable" => mime::base64_lines(&mime::read_quoted_printable(body)),
        _ => mime::base64_lines(body),
    };
    // OpenSSL without SHA-1 is not built; an empty digest would be seen at once.
    hash(MessageDigest::sha1(), &encoded)
        .map(|digest| data_encoding::HEXLOWER.encode(&digest))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain\r\n\r\ntesto\r\n\
--b\r\nContent-Type: application/pdf; name=\"atto.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
Y2lhbw==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n--b--\r\n";

    #[test]
    fn attachments_become_hashes_and_the_text_stays() {
        let out = String::from_utf8(brief(MESSAGE.as_bytes())).unwrap();
        assert!(out.contains("--b\r\nContent-Type: text/plain\r\n\r\ntesto\r\n--b\r\n"), "{out}");
        // printf 'Y2lhbw==' | sha1sum
        assert!(out.contains("\r\n\r\n956b949ab8b702828d6cc33496b9151e00a892b7\r\n--b"));
        assert!(out.contains("filename=\"atto.pdf.hash\"") && out.contains("messaggio.eml.hash"));
        assert!(!out.contains("Y2lhbw==") && !out.contains("Subject: y"));
        assert!(out.ends_with("\r\n--b--\r\n"));
    }

    #[test]
    fn an_opaque_signed_message_stays_whole() {
        let message = MESSAGE.replace("multipart/mixed; boundary=b", "application/pkcs7-mime");
        assert_eq!(brief(message.as_bytes()), message.as_bytes());
    }

    #[test]
    fn a_signature_stays_while_the_signed_attachment_goes() {
        let message = MESSAGE.replace("multipart/mixed", "multipart/signed").replace(
            "application/pdf; name=\"atto.pdf\"",
            "application/pkcs7-signature; name=s.p7s",
        );
        assert!(String::from_utf8(brief(message.as_bytes())).unwrap().contains("Y2lhbw=="));
    }

    #[test]
    fn nesting_without_end_gives_the_message_back() {
        let mut message = b"Content-Type: text/plain\r\n\r\nx".to_vec();
        for level in 0..DEPTH + 5 {
            let inner = [message];
            let boundary = format!("b{level}");
            message = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n").into();
            message.extend(mime::multipart(&boundary, &inner, true));
        }
        assert_eq!(brief(&message), message);
    }
}
