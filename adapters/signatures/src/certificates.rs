//! A certificate read once: who it names, how long, and whether it has the profile of a PEC provider (RFC 6109 section 5.5).
//!
//! Guarantee: facts come from the same DER that the report keeps. Limit: no revocation is asked for; that needs a network
//! and an answer as of the time of the message.

use crate::asn1::{self, Malformed, Reader};
use crate::cms::SignerId;
use messo_core::signatures::{SignatureFault, Signer};
use messo_core::time::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509, X509KeyUsage, X509NameRef};
use sha2::{Digest, Sha256};

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// `id-kp-timeStamping`.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// Smallest RSA key that proves anything: providers of the first years had 1024 bits.
const MIN_RSA_BITS: u32 = 1024;

/// Longest certificate that is read: real ones have two kilobytes, and they are kept in memory.
const MAX_CERTIFICATE_BYTES: usize = 20_000;
/// Longest part of a name that is shown.
const MAX_NAME_CHARS: usize = 256;

/// A certificate and what was read from it.
pub(crate) struct Certificate {
    /// For OpenSSL; its public key is decoded once.
    pub x509: X509,
    /// The facts for the report.
    pub signer: Signer,
    /// SHA-1 of the DER, lower-case hexadecimal: the key of the directory of providers.
    pub sha1_hex: String,
    /// Every `rfc822Name`.
    pub emails: Vec<String>,
    /// What the profile of providers does not allow.
    pub profile: Vec<SignatureFault>,
    /// Whether it is for time stamps and for nothing else, and says so critically (RFC 3161 section 2.3).
    pub stamps_time: bool,
}

impl Certificate {
    /// Reads one certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return None;
        }
        let x509 = X509::from_der(der).ok()?;
        let layout = Layout::read(der).ok()?;
        let emails = layout.emails();
        let signer = Signer {
            subject: name(x509.subject_name()),
            issuer: name(x509.issuer_name()),
            serial_hex: hex(layout.serial),
            email: emails.first().cloned(),
            organization: entry(x509.subject_name(), Nid::ORGANIZATIONNAME),
            not_before: instant(x509.not_before())?,
            not_after: instant(x509.not_after())?,
            sha256_fingerprint_hex: data_encoding::HEXLOWER.encode(&Sha256::digest(der)),
            certificate_der: der.to_vec(),
        };
        let sha1 = x509.digest(openssl::hash::MessageDigest::sha1()).ok()?;
        let profile = profile(&x509, &layout, &emails);
        let stamps_time = layout.stamps_time();
        let sha1_hex = data_encoding::HEXLOWER.encode(&sha1);
        Some(Self { x509, signer, sha1_hex, emails, profile, stamps_time })
    }

    /// What is wrong with using it at this instant, if anything. Like OpenSSL, and one second short of RFC 5280, the last
    /// second does not count, so that both always say the same.
    pub fn dated(&self, at: Timestamp) -> Option<SignatureFault> {
        if at.seconds() < self.signer.not_before.seconds() {
            Some(SignatureFault::CertificateNotYetValid)
        } else if at.seconds() >= self.signer.not_after.seconds() {
            Some(SignatureFault::CertificateExpired)
        } else {
            None
        }
    }

    /// Whether one of its addresses is this one (letters' case does not count).
    pub fn speaks_for(&self, address: &str) -> bool {
        self.emails.iter().any(|email| email.eq_ignore_ascii_case(address))
    }
}

fn profile(x509: &X509, layout: &Layout<'_>, emails: &[String]) -> Vec<SignatureFault> {
    let mut faults = Vec::new();
    let critical = layout.extension(KEY_USAGE).is_some_and(|usage| usage.critical);
    let usage = x509.key_usage().unwrap_or(X509KeyUsage::empty());
    if !critical || !usage.contains(X509KeyUsage::DIGITAL_SIGNATURE) {
        faults.push(SignatureFault::KeyUsageWrong);
    }
    if emails.is_empty() {
        faults.push(SignatureFault::SanMissing);
    }
    if layout.extension(BASIC_CONSTRAINTS).is_some() {
        faults.push(SignatureFault::BasicConstraintsPresent);
    }
    match x509.public_key() {
        Ok(key) if key.rsa().is_ok() && key.bits() < MIN_RSA_BITS => {
            faults.push(SignatureFault::AlgorithmUnsupported);
        }
        Ok(_) => {}
        Err(_) => faults.push(SignatureFault::AlgorithmUnsupported),
    }
    faults
}

/// The certificate among these that the signer means. The issuer's name may be written in two ways, so an equal serial
/// number is enough to propose it; OpenSSL decides.
pub(crate) fn chosen<'a>(id: SignerId<'_>, certificates: &[&'a [u8]]) -> Option<&'a [u8]> {
    let layouts: Vec<_> = certificates
        .iter()
        .filter_map(|der| Layout::read(der).ok().map(|layout| (*der, layout)))
        .collect();
    let find = |matches: &dyn Fn(&Layout<'_>) -> bool| {
        layouts.iter().find(|(_, layout)| matches(layout)).map(|(der, _)| *der)
    };
    match id {
        SignerId::Serial { issuer, serial } => {
            find(&|layout| layout.serial == serial && layout.issuer == issuer)
                .or_else(|| find(&|layout| layout.serial == serial))
        }
        SignerId::Key(key) => find(&|layout| layout.key_id() == Some(key)),
    }
}

/// Where things are in a certificate (RFC 5280 section 4.1).
struct Layout<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    extensions: Vec<Extension<'a>>,
}

struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> Layout<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut certificate = Reader::new(der).take(asn1::SEQUENCE)?.reader();
        let mut fields = certificate.take(asn1::SEQUENCE)?.reader();
        fields.maybe(asn1::context(0))?;
        let serial = fields.take(asn1::INTEGER)?.content;
        fields.take(asn1::SEQUENCE)?;
        let issuer = fields.take(asn1::SEQUENCE)?.whole;
        let mut extensions = Vec::new();
        while !fields.is_empty() {
            let field = fields.next()?;
            if field.tag == asn1::context(3) {
                let mut list = field.reader().take(asn1::SEQUENCE)?.reader();
                while !list.is_empty() {
                    extensions.push(extension(list.take(asn1::SEQUENCE)?.reader())?);
                }
            }
        }
        Ok(Self { serial, issuer, extensions })
    }

    fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    fn key_id(&self) -> Option<&'a [u8]> {
        let value = self.extension(SUBJECT_KEY_ID)?.value;
        Reader::new(value).take(asn1::OCTET_STRING).ok().map(|id| id.content)
    }

    fn emails(&self) -> Vec<String> {
        let mut emails = Vec::new();
        let value = self.extension(SUBJECT_ALT_NAME).map_or(&[][..], |names| names.value);
        let Ok(names) = Reader::new(value).take(asn1::SEQUENCE) else { return emails };
        let mut names = names.reader();
        while let Ok(name) = names.next() {
            // [1] IMPLICIT IA5String. An address with a NUL or a letter beyond ASCII is no address.
            if name.tag == 0x81 && name.content.iter().all(u8::is_ascii_graphic) {
                emails.push(String::from_utf8_lossy(name.content).into_owned());
            }
        }
        emails
    }

    fn stamps_time(&self) -> bool {
        let only = asn1::write(asn1::SEQUENCE, &asn1::write(asn1::OID, TIME_STAMPING));
        self.extension(EXTENDED_KEY_USAGE)
            .is_some_and(|usage| usage.critical && usage.value == only)
    }
}

fn extension(mut fields: Reader<'_>) -> Result<Extension<'_>, Malformed> {
    let oid = fields.take(asn1::OID)?.content;
    let critical = fields.maybe(asn1::BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
    Ok(Extension { oid, critical, value: fields.take(asn1::OCTET_STRING)?.content })
}

/// An instant of a certificate.
pub(crate) fn instant(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(Timestamp::from_seconds(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

fn name(name: &X509NameRef) -> String {
    let parts = name.entries().map(|entry| {
        let kind = entry.object().nid().short_name().unwrap_or("?");
        let value = shown(&entry.data().to_string().unwrap_or_default());
        format!("{kind}={}", value.replace('\\', "\\\\").replace(',', "\\,"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn entry(name: &X509NameRef, nid: Nid) -> Option<String> {
    name.entries_by_nid(nid).next()?.data().to_string().ok().map(|text| shown(&text))
}

/// Names are somebody else's text: no control characters, no more than a line.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(MAX_NAME_CHARS).collect()
}

/// Lower-case hexadecimal of an `INTEGER`, without the octet that only keeps it positive.
pub(crate) fn hex(integer: &[u8]) -> String {
    let digits = match integer {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    data_encoding::HEXLOWER.encode(digits)
}
