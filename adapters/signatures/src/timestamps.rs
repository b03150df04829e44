//! Time stamps of RFC 3161: the request, the answer, and the check of a token, now or years later.
//!
//! Guarantee: a [`TimeStamp`] is given only for a token that stamps exactly the hash that was asked for, with the nonce that was
//! sent, signed by one certificate that is critically for time stamping alone, is bound into the signature (RFC 5816) and leads
//! to an anchor at the stamped instant. Limit: SHA-256 only; no revocation; HTTP is somebody else's.

use crate::anchors::Anchors;
use crate::asn1::{self, Malformed, Reader};
use crate::certificates::{self, Certificate};
use crate::cms::{self, SignedData, SignerInfo};
use messo_core::signatures::{SignatureFault, TimeStamp};
use messo_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// Media type of a request (RFC 3161 section 3.4).
pub const REQUEST_TYPE: &str = "application/timestamp-query";
/// Media type of an answer.
pub const RESPONSE_TYPE: &str = "application/timestamp-reply";
/// Longest answer that is read.
pub const MAX_RESPONSE_BYTES: usize = 256_000;

/// `AlgorithmIdentifier` of SHA-256, with the parameters that older servers want.
const SHA256_ALGORITHM: &[u8] = &[0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0];
/// Object identifier of SHA-256.
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
/// `id-ct-TSTInfo`.
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
/// `id-aa-signingCertificate` (RFC 2634): by SHA-1.
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
/// `id-aa-signingCertificateV2` (RFC 5035): by any digest, SHA-256 if none is named.
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];

/// Why there is no time stamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampFault {
    /// The authority did not grant the request.
    #[error("the authority refused the request (status {status}, failure bits {failure:#x})")]
    Refused {
        /// `PKIStatus`: 2 rejection, 3 waiting, 4 revocation warning, 5 revocation notification.
        status: u8,
        /// First bits of `PKIFailureInfo`, as encoded; zero when absent.
        failure: u32,
    },
    /// The answer or token is not what RFC 3161 describes.
    #[error("the answer cannot be read as RFC 3161")]
    Unreadable,
    /// The token stamps something else.
    #[error("the token stamps another hash")]
    OtherHash,
    /// The token answers another request.
    #[error("the token carries another nonce")]
    OtherNonce,
    /// There is not exactly one signer with a certificate.
    #[error("the token has no certificate of a single signer")]
    NoSigner,
    /// The signature does not hold.
    #[error("the signature of the token does not hold ({})", .0.word())]
    Signature(SignatureFault),
    /// The signed attributes do not bind the certificate.
    #[error("the signature of the token does not bind its certificate")]
    NotBound,
    /// The certificate is not for time stamping alone, or does not say so critically.
    #[error("the certificate of the authority is not one for time stamping")]
    NotForStamps,
    /// The certificate was not valid at the stamped instant.
    #[error("the certificate of the authority was not valid at the stamped instant")]
    Outdated,
    /// Everything holds but trust: the stamp as it stands, and why it is not trusted.
    #[error("the authority is not trusted ({})", .1.word())]
    Untrusted(Box<TimeStamp>, SignatureFault),
}

impl From<Malformed> for StampFault {
    fn from(_: Malformed) -> Self {
        Self::Unreadable
    }
}

/// A request for a stamp on this hash, in DER. The nonce must be new for each request; the answer must carry it.
pub fn request(sha256: &[u8; 32], nonce: u64) -> Vec<u8> {
    let imprint = [SHA256_ALGORITHM, &asn1::write(asn1::OCTET_STRING, sha256)].concat();
    let fields = [
        asn1::write_unsigned(&[1]),
        asn1::write(asn1::SEQUENCE, &imprint),
        asn1::write_unsigned(&nonce.to_be_bytes()),
        // certReq: without the certificate nobody could check the token in ten years.
        asn1::write(asn1::BOOLEAN, &[0xff]),
    ];
    asn1::write(asn1::SEQUENCE, &fields.concat())
}

/// Reads the authority's answer to [`request`] and checks its token.
pub fn read_response(
    response: &[u8],
    sha256: &[u8; 32],
    nonce: u64,
    anchors: &Anchors,
) -> Result<TimeStamp, StampFault> {
    if response.len() > MAX_RESPONSE_BYTES {
        return Err(StampFault::Unreadable);
    }
    let mut response = Reader::new(response).take(asn1::SEQUENCE)?.reader();
    let mut info = response.take(asn1::SEQUENCE)?.reader();
    let &[status] = info.take(asn1::INTEGER)?.content else { return Err(StampFault::Unreadable) };
    info.maybe(asn1::SEQUENCE)?;
    // 0 granted, 1 granted with modifications.
    if status > 1 {
        let bits = info.maybe(asn1::BIT_STRING)?.map_or(&[][..], |bits| bits.content);
        let bits = bits.iter().skip(1).take(4);
        let failure = bits.fold(0, |bits, octet| bits << 8 | u32::from(*octet));
        return Err(StampFault::Refused { status, failure });
    }
    verify_token(response.take(asn1::SEQUENCE)?.whole, sha256, Some(nonce), anchors)
}

/// Checks a token (DER, as [`TimeStamp::token_der`] keeps it) against the hash that it must stamp; the nonce, where it is
/// still known.
pub fn verify_token(
    token: &[u8],
    sha256: &[u8; 32],
    nonce: Option<u64>,
    anchors: &Anchors,
) -> Result<TimeStamp, StampFault> {
    if token.len() > MAX_RESPONSE_BYTES {
        return Err(StampFault::Unreadable);
    }
    let signed = SignedData::read(token)?.ok_or(StampFault::Unreadable)?;
    if signed.content_type != TST_INFO || !signed.encloses {
        return Err(StampFault::Unreadable);
    }
    let (1, Some(signer)) = (signed.signers, signed.signer) else {
        return Err(StampFault::NoSigner);
    };
    let der = certificates::chosen(signer.id, &signed.certificates).ok_or(StampFault::NoSigner)?;
    let certificate = Certificate::read(der).ok_or(StampFault::Unreadable)?;
    let content = signed.holds(None, &certificate.x509).map_err(StampFault::Signature)?;
    let info = Info::read(&content)?;
    if info.hash != sha256 {
        return Err(StampFault::OtherHash);
    }
    if nonce.is_some_and(|nonce| info.nonce != Some(nonce)) {
        return Err(StampFault::OtherNonce);
    }
    if !binds(&signer, der) {
        return Err(StampFault::NotBound);
    }
    if !certificate.stamps_time {
        return Err(StampFault::NotForStamps);
    }
    if certificate.dated(info.at).is_some() {
        return Err(StampFault::Outdated);
    }
    let stamp = TimeStamp {
        at: info.at,
        serial_hex: certificates::hex(info.serial),
        tsa: certificate.signer.subject.clone(),
        policy: asn1::dotted(info.policy),
        sha256_hex: data_encoding::HEXLOWER.encode(sha256),
        token_der: token.to_vec(),
    };
    match anchors.trusts_clock(&certificate.x509, &signed.certificates, info.at) {
        Ok(()) => Ok(stamp),
        Err(SignatureFault::KeyUsageWrong) => Err(StampFault::NotForStamps),
        Err(fault) => Err(StampFault::Untrusted(Box::new(stamp), fault)),
    }
}

/// What the authority states (RFC 3161 section 2.4.2).
struct Info<'a> {
    policy: &'a [u8],
    hash: &'a [u8],
    serial: &'a [u8],
    at: Timestamp,
    nonce: Option<u64>,
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Reader::new(der).take(asn1::SEQUENCE)?.reader();
        if fields.take(asn1::INTEGER)?.content != [1] {
            return Err(Malformed);
        }
        let policy = fields.take(asn1::OID)?.content;
        let mut imprint = fields.take(asn1::SEQUENCE)?.reader();
        if imprint.take(asn1::SEQUENCE)?.reader().take(asn1::OID)?.content != SHA256 {
            return Err(Malformed);
        }
        let hash = imprint.take(asn1::OCTET_STRING)?.content;
        let serial = fields.take(asn1::INTEGER)?.content;
        let at = instant(fields.take(asn1::GENERALIZED_TIME)?.content).ok_or(Malformed)?;
        fields.maybe(asn1::SEQUENCE)?;
        fields.maybe(asn1::BOOLEAN)?;
        let nonce = fields.maybe(asn1::INTEGER)?.map(|nonce| unsigned(nonce.content));
        Ok(Self { policy, hash, serial, at, nonce: nonce.transpose()? })
    }
}

fn unsigned(integer: &[u8]) -> Result<u64, Malformed> {
    let digits = match integer {
        [0, rest @ ..] => rest,
        [first, ..] if *first < 0x80 => integer,
        _ => return Err(Malformed),
    };
    if digits.len() > 8 {
        return Err(Malformed);
    }
    Ok(digits.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

/// `YYYYMMDDhhmmss[.fff]Z`, always in UTC (RFC 3161 section 2.4.2).
fn instant(time: &[u8]) -> Option<Timestamp> {
    let time = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.is_empty() {
        return None;
    }
    let number = |from: usize, to: usize| whole[from..to].parse::<i8>().ok();
    let year = whole[..4].parse().ok()?;
    let civil = jiff::civil::DateTime::new(
        year,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
        0,
    );
    let micros = format!("{fraction:0<6}").get(..6)?.parse::<i64>().ok()?;
    let instant = civil.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp(instant.as_microsecond() + micros))
}

/// Whether the signed attributes name this certificate, so that no other with the same key can take its place.
fn binds(signer: &SignerInfo<'_>, certificate: &[u8]) -> bool {
    let first_id = |oid: &[u8]| {
        let list = Reader::new(signer.attribute(oid)?).take(asn1::SEQUENCE).ok()?;
        let ids = list.reader().take(asn1::SEQUENCE).ok()?;
        Some(ids.reader().take(asn1::SEQUENCE).ok()?.reader())
    };
    if let Some(mut id) = first_id(SIGNING_CERTIFICATE_V2) {
        let Ok(algorithm) = id.maybe(asn1::SEQUENCE) else { return false };
        let algorithm =
            algorithm.and_then(|named| named.reader().take(asn1::OID).ok()).map(|oid| oid.content);
        let expected = match algorithm.map(cms::digest_name) {
            None | Some(Some("sha256")) => Sha256::digest(certificate).to_vec(),
            Some(Some("sha384")) => openssl::sha::sha384(certificate).to_vec(),
            Some(Some("sha512")) => openssl::sha::sha512(certificate).to_vec(),
            Some(_) => return false,
        };
        return id.take(asn1::OCTET_STRING).is_ok_and(|hash| hash.content == expected);
    }
    first_id(SIGNING_CERTIFICATE).is_some_and(|mut id| {
        id.take(asn1::OCTET_STRING)
            .is_ok_and(|hash| hash.content == openssl::sha::sha1(certificate))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generalized_time_is_read_to_the_microsecond_and_nothing_else_is_read() {
        let at = |text: &str| instant(text.as_bytes());
        assert_eq!(at("19700101000001Z"), Some(Timestamp(1_000_000)));
        assert_eq!(at("19700101000000.5Z"), Some(Timestamp(500_000)));
        assert_eq!(at("19700101000000.1234567Z"), Some(Timestamp(123_456)));
        for wrong in
            ["", "Z", "19700101000001", "19701301000001Z", "197001010000+1Z", "19700101000000.Z"]
        {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_nonce_is_compared_as_a_number() {
        for nonce in [0, 1, 127, 128, u64::MAX] {
            let written = asn1::write_unsigned(&u64::to_be_bytes(nonce));
            let read = Reader::new(&written).take(asn1::INTEGER).unwrap();
            assert_eq!(unsigned(read.content), Ok(nonce));
        }
        assert_eq!(unsigned(&[0x80]), Err(Malformed));
    }
}
