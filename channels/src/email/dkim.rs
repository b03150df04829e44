//! Signs messages with DKIM (RFC 6376, RFC 8463), relaxed in headers and body.
//!
//! Pure: the signature's time is that of the message, and both RSA (PKCS #1 v1.5) and Ed25519 sign without
//! randomness. lettre's signer reads the wall clock, so the same message would give other bytes each time.
//! Every header that people or programs act on is signed once more than it occurs, so that none can be added.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use messo_core::time::Timestamp;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::Signer as KeySigner;
use sha2::{Digest, Sha256};

/// Headers that are signed when they occur. Those of RFC 6376 5.4.1 that Messo writes, and List-* (RFC 8058
/// wants both unsubscribe headers signed).
const SIGNED: [&str; 15] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "auto-submitted",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-help",
];
/// Headers whose later addition would deceive: signed one time more than they occur.
const SEALED: [&str; 5] = ["from", "to", "subject", "date", "reply-to"];
/// Characters of the signature on one line.
const SIGNATURE_LINE: usize = 68;

/// A key with the place where its public half stands in the DNS.
pub struct Signer {
    domain: String,
    selector: String,
    key: Box<dyn KeySigner>,
    ed25519: bool,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not a private key in PEM.
    #[error("the DKIM key is not a private key in PEM form")]
    NotPem,
    /// Neither RSA of 2048 bits or more nor Ed25519.
    #[error("the DKIM key is neither RSA of at least 2048 bits nor Ed25519")]
    Unsuitable,
    /// Domain or selector cannot stand in the DNS.
    #[error("the DKIM domain or selector is malformed")]
    Name,
}

impl Signer {
    /// Reads a private key in PEM (PKCS #8, or PKCS #1 for RSA).
    pub fn new(domain: &str, selector: &str, pem: &[u8]) -> Result<Self, KeyError> {
        let name = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        if !name(domain) || !name(selector) {
            return Err(KeyError::Name);
        }
        let der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)?;
        let key = any_supported_type(&der).map_err(|_| KeyError::Unsuitable)?;
        let schemes = [SignatureScheme::ED25519, SignatureScheme::RSA_PKCS1_SHA256];
        let key = key.choose_scheme(&schemes).ok_or(KeyError::Unsuitable)?;
        let ed25519 = key.scheme() == SignatureScheme::ED25519;
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key, ed25519 })
    }

    /// The message with its signature in front.
    pub(crate) fn sign(&self, message: &[u8], at: Timestamp) -> Result<Vec<u8>, Failure> {
        let split = find(message, b"\r\n\r\n").unwrap_or(message.len());
        let headers = unfold(&message[..split]);
        let body = message.get(split + 4..).unwrap_or_default();
        let names = signed_names(&headers);
        let algorithm = if self.ed25519 { "ed25519-sha256" } else { "rsa-sha256" };
        let unsigned = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={}; s={}; t={};\r\n bh={};\r\n h={};\r\n b=",
            self.domain,
            self.selector,
            at.seconds().max(0),
            STANDARD.encode(body_hash(body)),
            names.join(":\r\n "),
        );
        let mut data = signed_data(&headers, &names);
        data.extend(relaxed_header(&unfold(unsigned.as_bytes())[0]));
        // RFC 8463 3: Ed25519 signs the hash, not the data.
        let signature =
            if self.ed25519 { self.key.sign(&Sha256::digest(&data)) } else { self.key.sign(&data) };
        let signature = signature.map_err(|_| {
            Failure::new(FailureClass::Misconfigured, "messo:dkim", "the DKIM key does not sign")
        })?;
        let signature = STANDARD.encode(signature);
        let lines: Vec<&str> = (0..signature.len())
            .step_by(SIGNATURE_LINE)
            .map(|at| &signature[at..signature.len().min(at + SIGNATURE_LINE)])
            .collect();
        let mut out = Vec::with_capacity(message.len() + unsigned.len() + signature.len() + 64);
        out.extend_from_slice(unsigned.as_bytes());
        out.extend_from_slice(lines.join("\r\n ").as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(message);
        Ok(out)
    }
}

/// A header field with its folds still in.
struct Field {
    name: String,
    value: String,
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn unfold(block: &[u8]) -> Vec<Field> {
    let text = String::from_utf8_lossy(block);
    let mut fields: Vec<Field> = Vec::new();
    for line in text.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            if let Some(last) = fields.last_mut() {
                last.value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push(Field { name: name.trim().to_ascii_lowercase(), value: value.to_owned() });
        }
    }
    fields
}

fn signed_names(headers: &[Field]) -> Vec<&'static str> {
    let count = |name: &str| headers.iter().filter(|field| field.name == name).count();
    SIGNED
        .into_iter()
        .flat_map(|name| {
            std::iter::repeat_n(name, count(name) + usize::from(SEALED.contains(&name)))
        })
        .collect()
}

/// Fields are taken from the bottom up (RFC 6376 5.4.2); one more than there are adds nothing.
fn signed_data(headers: &[Field], names: &[&str]) -> Vec<u8> {
    let mut data = Vec::with_capacity(1024);
    let mut taken = vec![false; headers.len()];
    for name in names {
        let found = (0..headers.len()).rev().find(|&i| !taken[i] && headers[i].name == *name);
        if let Some(index) = found {
            taken[index] = true;
            data.extend(relaxed_header(&headers[index]));
            data.extend_from_slice(b"\r\n");
        }
    }
    data
}

/// RFC 6376 3.4.2, without the final CRLF.
fn relaxed_header(field: &Field) -> Vec<u8> {
    let words: Vec<&str> = field.value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", field.name, words.join(" ")).into_bytes()
}

/// RFC 6376 3.4.4: white space runs become one space, none at line ends, no empty lines at the end.
fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut empty_lines = 0;
    let mut line = Vec::with_capacity(128);
    for raw in body.split_inclusive(|byte| *byte == b'\n') {
        line.clear();
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        for &byte in raw {
            match byte {
                b' ' | b'\t' if line.last() == Some(&b' ') => {}
                b'\t' => line.push(b' '),
                other => line.push(other),
            }
        }
        if line.last() == Some(&b' ') {
            line.pop();
        }
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            hash.update(b"\r\n");
        }
        line.extend_from_slice(b"\r\n");
        hash.update(&line);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    /// Key and message of RFC 8463, appendix A.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n";

    fn sign() -> String {
        let signer = Signer::new("football.example.com", "brisbane", KEY.as_bytes()).unwrap();
        let at = Timestamp::from_seconds(1_528_637_909);
        String::from_utf8(signer.sign(MESSAGE.as_bytes(), at).unwrap()).unwrap()
    }

    fn tag<'a>(signed: &'a str, name: &str) -> String {
        let header: &'a str = signed.split("\r\nFrom:").next().unwrap();
        let value = header
            .split("; ")
            .chain(header.split(";\r\n "))
            .find_map(|part| part.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')));
        value.unwrap().split(';').next().unwrap().split_whitespace().collect()
    }

    #[test]
    fn the_body_hash_is_that_of_the_rfc() {
        assert_eq!(tag(&sign(), "bh"), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    }

    #[test]
    fn the_signature_holds_for_the_key_of_the_rfc() {
        let signed = sign();
        let public: [u8; 32] = STANDARD.decode(PUBLIC).unwrap().try_into().unwrap();
        let signature: [u8; 64] = STANDARD.decode(tag(&signed, "b")).unwrap().try_into().unwrap();
        // What a verifier hashes, written out by hand: the names in `h=` from the bottom up, then the
        // signature's own header with an empty `b=`.
        assert_eq!(
            tag(&signed, "h"),
            "from:from:to:to:subject:subject:date:date:message-id:reply-to"
        );
        let data = format!(
            "from:Joe SixPack <joe@football.example.com>\r\nto:Suzie Q <suzie@shopping.example.net>\r\nsubject:Is dinner ready?\r\ndate:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nmessage-id:<20030712040037.46341.5F8J@football.example.com>\r\ndkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; s=brisbane; t=1528637909; bh={}; h={}; b=",
            tag(&signed, "bh"),
            tag(&signed, "h").replace(':', ": "),
        );
        let key = VerifyingKey::from_bytes(&public).unwrap();
        let hash = Sha256::digest(data.as_bytes());
        key.verify_strict(&hash, &Signature::from_bytes(&signature)).unwrap();
    }

    #[test]
    fn signing_twice_gives_the_same_bytes() {
        assert_eq!(sign(), sign());
        assert!(sign().ends_with(MESSAGE));
        assert!(sign().lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn an_empty_body_hashes_as_the_rfc_says() {
        let empty = STANDARD.encode(body_hash(b"\r\n\r\n"));
        assert_eq!(empty, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_showing_it() {
        let error = Signer::new("example.it", "s1", b"segreto").err().unwrap();
        assert_eq!(error, KeyError::NotPem);
        assert!(Signer::new("exa;mple.it", "s1", KEY.as_bytes()).err() == Some(KeyError::Name));
    }
}
