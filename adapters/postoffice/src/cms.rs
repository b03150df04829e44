//! Writes a detached CMS signature (RFC 5652) with the signer's certificate and signed attributes inside.
//!
//! Guarantee: the same key, bytes and instant give the same signature; signing time is the stated one, which
//! the ready-made functions of OpenSSL would take from the wall clock. Limit: RSA with SHA-256, one signer.

use crate::authority::{AuthorityError, Signer};
use messo_core::time::Timestamp;
use openssl::hash::MessageDigest;
use openssl::sign::Signer as Rsa;
use sha2::{Digest, Sha256};

/// How the structure is written down. Both are allowed by RFC 5652; providers use either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Definite lengths throughout.
    #[default]
    Der,
    /// Indefinite lengths on the outer layers, as streaming writers produce them.
    Ber,
}

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;

/// Signs `content` as it stands.
///
/// # Errors
/// When OpenSSL cannot use the key.
pub fn sign(
    signer: &Signer,
    content: &[u8],
    at: Timestamp,
    encoding: Encoding,
) -> Result<Vec<u8>, AuthorityError> {
    let certificate = signer.certificate.to_der()?;
    let issuer = signer.certificate.issuer_name().to_der()?;
    let serial = signer.certificate.serial_number().to_bn()?.to_vec();
    let attributes = attributes(content, at);
    let mut rsa = Rsa::new(MessageDigest::sha256(), &signer.key)?;
    // What is signed is the attributes as a plain SET, not under their context tag (RFC 5652, 5.4).
    rsa.update(&definite(SET, &attributes))?;
    let signature = rsa.sign_to_vec()?;

    let signer_info = [
        definite(INTEGER, &[1]),
        definite(SEQUENCE, &[issuer, definite(INTEGER, &unsigned(&serial))].concat()),
        algorithm(SHA256),
        definite(CONTEXT_0, &attributes),
        algorithm(RSA),
        definite(OCTETS, &signature),
    ]
    .concat();
    let outer = match encoding {
        Encoding::Der => definite,
        Encoding::Ber => indefinite,
    };
    let signed_data = [
        definite(INTEGER, &[1]),
        definite(SET, &algorithm(SHA256)),
        outer(SEQUENCE, &definite(OBJECT, DATA)),
        outer(CONTEXT_0, &certificate),
        outer(SET, &definite(SEQUENCE, &signer_info)),
    ]
    .concat();
    let content_info =
        [definite(OBJECT, SIGNED_DATA), outer(CONTEXT_0, &outer(SEQUENCE, &signed_data))].concat();
    Ok(outer(SEQUENCE, &content_info))
}

/// The three attributes in the order of DER: sorted by their bytes.
fn attributes(content: &[u8], at: Timestamp) -> Vec<u8> {
    let attribute = |object: &[u8], value: Vec<u8>| {
        definite(SEQUENCE, &[definite(OBJECT, object), definite(SET, &value)].concat())
    };
    let mut all = [
        attribute(CONTENT_TYPE, definite(OBJECT, DATA)),
        attribute(SIGNING_TIME, signing_time(at)),
        attribute(MESSAGE_DIGEST, definite(OCTETS, &Sha256::digest(content))),
    ];
    all.sort();
    all.concat()
}

/// Two digits of the year until 2049, four from then on (RFC 5652, 11.3).
fn signing_time(at: Timestamp) -> Vec<u8> {
    let text = at.to_jiff().strftime("%Y%m%d%H%M%SZ").to_string();
    if text.as_str() < "2050" {
        definite(UTC_TIME, &text.as_bytes()[2..])
    } else {
        definite(GENERALIZED_TIME, text.as_bytes())
    }
}

fn algorithm(object: &[u8]) -> Vec<u8> {
    definite(SEQUENCE, &[definite(OBJECT, object), definite(NULL, &[])].concat())
}

/// A positive integer needs a leading zero when its first bit is set.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let lead: &[u8] = if bytes.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    [lead, bytes].concat()
}

fn definite(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0));
    } else {
        let bytes = length.to_be_bytes();
        let used = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | u8::try_from(used.len()).unwrap_or(0));
        out.extend_from_slice(used);
    }
    out.extend_from_slice(content);
    out
}

fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}
