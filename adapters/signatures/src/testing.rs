//! A certificate authority and signers for tests; behind the feature `testing`, never part of the program.
//!
//! Guarantee: what it makes by default has the profile of a PEC provider, and each departure from it is one field of
//! [`Profile`]. Limit: keys are made anew each time (about a tenth of a second each); it panics when OpenSSL fails.

use crate::asn1::{self, Reader};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::fs;
use std::path::Path;

/// 2020-01-01T00:00:00Z: authorities are valid from here.
pub const FROM: i64 = 1_577_836_800;
/// 2040-01-01T00:00:00Z: authorities are valid to here.
pub const TO: i64 = 2_208_988_800;

/// A key and its certificate.
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

/// A root and an issuing authority under it.
pub struct TestCa {
    /// The root, which signs only the issuing authority.
    pub root: Identity,
    /// What signs providers.
    pub issuing: Identity,
}

/// How a certificate says what its key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Critical `digitalSignature`, as RFC 6109 wants.
    Signing,
    /// The same, not critical.
    NotCritical,
    /// Critical `keyEncipherment` only.
    Encipherment,
    /// Nothing said.
    Absent,
}

/// How a leaf certificate looks.
#[derive(Clone)]
pub struct Profile<'a> {
    /// `rfc822Name`.
    pub email: Option<&'a str>,
    /// `O`.
    pub organization: &'a str,
    /// Seconds since the epoch.
    pub not_before: i64,
    /// Seconds since the epoch.
    pub not_after: i64,
    /// `keyUsage`.
    pub usage: Usage,
    /// Whether `basicConstraints CA:FALSE` is there.
    pub basic_constraints: bool,
    /// Whether it is a time stamping authority's.
    pub stamps_time: bool,
    /// Bits of the RSA key.
    pub bits: u32,
}

impl<'a> Profile<'a> {
    /// A provider's certificate that holds everywhere.
    pub fn provider(email: &'a str) -> Self {
        Self {
            email: Some(email),
            organization: "Gestore Esempio S.p.A.",
            not_before: FROM,
            not_after: TO,
            usage: Usage::Signing,
            basic_constraints: false,
            stamps_time: false,
            bits: 2048,
        }
    }
}

/// How a signature is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As OpenSSL writes it.
    Der,
    /// With indefinite lengths, as BouncyCastle writes it.
    Ber,
}

/// Somebody who signs mail.
pub struct TestSigner {
    /// Key and certificate.
    pub identity: Identity,
    /// The certificates that go into the signature beside its own.
    pub helpers: Vec<X509>,
}

impl TestCa {
    /// A new root and issuing authority.
    pub fn new(name: &str) -> Self {
        let root = identity(&format!("{name} Root"), None, None);
        let issuing = identity(&format!("{name} Issuing"), None, Some(&root));
        Self { root, issuing }
    }

    /// A provider that signs as this address.
    pub fn provider(&self, email: &str) -> TestSigner {
        self.issue(&Profile::provider(email))
    }

    /// A signer with a certificate of this profile; the issuing authority's goes along with its signatures.
    pub fn issue(&self, profile: &Profile<'_>) -> TestSigner {
        let identity = identity("Posta Certificata", Some(profile), Some(&self.issuing));
        TestSigner { identity, helpers: vec![self.issuing.certificate.clone()] }
    }

    /// Puts the root into a folder of trust anchors.
    pub fn trust_in(&self, folder: &Path) {
        fs::write(folder.join("root.pem"), pem(&self.root.certificate)).expect("a writable folder");
    }
}

impl TestSigner {
    /// A detached signature over exactly these bytes.
    pub fn sign(&self, bytes: &[u8], encoding: Encoding) -> Vec<u8> {
        self.cms(bytes, encoding, CMSOptions::DETACHED)
    }

    /// A signature with the bytes inside.
    pub fn sign_opaque(&self, bytes: &[u8], encoding: Encoding) -> Vec<u8> {
        self.cms(bytes, encoding, CMSOptions::empty())
    }

    fn cms(&self, bytes: &[u8], encoding: Encoding, flags: CMSOptions) -> Vec<u8> {
        let mut helpers = Stack::new().expect("memory");
        for helper in &self.helpers {
            helpers.push(helper.clone()).expect("memory");
        }
        let Identity { certificate, key } = &self.identity;
        let flags = flags | CMSOptions::BINARY;
        let cms =
            CmsContentInfo::sign(Some(certificate), Some(key), Some(&helpers), Some(bytes), flags);
        let der = cms.and_then(|cms| cms.to_der()).expect("a signature");
        match encoding {
            Encoding::Der => der,
            Encoding::Ber => ber(&der).expect("CMS as OpenSSL writes it"),
        }
    }

    /// A whole `multipart/signed` message from `from` around a part (its headers included, lines ending in CRLF).
    pub fn message(&self, from: &str, part: &[u8], encoding: Encoding) -> Vec<u8> {
        assemble(from, part, &self.sign(part, encoding))
    }
}

/// A `multipart/signed` message from a part and a signature, whether they belong together or not.
pub fn assemble(from: &str, part: &[u8], cms: &[u8]) -> Vec<u8> {
    let head = format!(
        "From: \"Per conto di: mittente@pec.example\" <{from}>\r\nTo: ente@pec.example\r\n\
         Subject: CONSEGNA: prova\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed;\r\n \
         protocol=\"application/x-pkcs7-signature\"; micalg=sha-256;\r\n boundary=\"----outer\"\r\n\r\n\
         This is an S/MIME signed message\r\n\r\n------outer\r\n"
    );
    let tail = format!(
        "\r\n------outer\r\nContent-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; \
         filename=\"smime.p7s\"\r\n\r\n{}\r\n------outer--\r\n",
        lines(cms)
    );
    [head.as_bytes(), part, tail.as_bytes()].concat()
}

/// Base64 in lines of 64.
pub fn lines(bytes: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    lines.join("\r\n")
}

/// PEM of a certificate.
pub fn pem(certificate: &X509) -> Vec<u8> {
    certificate.to_pem().expect("a certificate")
}

/// Writes the outer levels of a DER signature with indefinite lengths; certificates and signed attributes must stay DER.
pub fn ber(der: &[u8]) -> Option<Vec<u8>> {
    let mut info = Reader::new(der).take(asn1::SEQUENCE).ok()?.reader();
    let kind = info.take(asn1::OID).ok()?.whole;
    let signed = info.take(asn1::context(0)).ok()?.reader().take(asn1::SEQUENCE).ok()?;
    let (mut fields, mut written) = (signed.reader(), Vec::new());
    while let Ok(field) = fields.next() {
        written.extend(match field.tag {
            asn1::SEQUENCE => ber_content(field.reader())?,
            tag if tag == asn1::context(0) => open(tag, field.content),
            _ => field.whole.to_vec(),
        });
    }
    let signed = open(asn1::context(0), &open(asn1::SEQUENCE, &written));
    Some(open(asn1::SEQUENCE, &[kind, &signed].concat()))
}

/// `encapContentInfo`, with content in chunks as streams are written.
fn ber_content(mut fields: Reader<'_>) -> Option<Vec<u8>> {
    let mut written = fields.take(asn1::OID).ok()?.whole.to_vec();
    if let Some(content) = fields.maybe(asn1::context(0)).ok()? {
        let octets = content.reader().take(asn1::OCTET_STRING).ok()?.content;
        let chunks: Vec<u8> =
            octets.chunks(1000).flat_map(|chunk| asn1::write(asn1::OCTET_STRING, chunk)).collect();
        let octets = open(asn1::OCTET_STRING | 0x20, &chunks);
        written.extend(open(asn1::context(0), &octets));
    }
    Some(open(asn1::SEQUENCE, &written))
}

fn open(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}

/// A certificate: an authority's without a profile, a root without an issuer.
fn identity(name: &str, profile: Option<&Profile<'_>>, issuer: Option<&Identity>) -> Identity {
    build(name, profile, issuer).expect("OpenSSL makes keys and certificates")
}

fn build(
    name: &str,
    profile: Option<&Profile<'_>>,
    issuer: Option<&Identity>,
) -> Result<Identity, openssl::error::ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(profile.map_or(2048, |profile| profile.bits))?)?;
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_text("C", "IT")?;
    subject.append_entry_by_text("O", profile.map_or("Prova", |profile| profile.organization))?;
    subject.append_entry_by_text("CN", name)?;
    let subject = subject.build();
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let serial = Asn1Integer::from_bn(&serial)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(issuer.map_or(&*subject, |one| one.certificate.subject_name()))?;
    builder.set_pubkey(&key)?;
    let (from, to) = profile.map_or((FROM, TO), |one| (one.not_before, one.not_after));
    let (from, to) = (Asn1Time::from_unix(from)?, Asn1Time::from_unix(to)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    extend(&mut builder, profile, issuer)?;
    builder.sign(issuer.map_or(&key, |one| &one.key), MessageDigest::sha256())?;
    Ok(Identity { certificate: builder.build(), key })
}

fn extend(
    builder: &mut X509Builder,
    profile: Option<&Profile<'_>>,
    issuer: Option<&Identity>,
) -> Result<(), openssl::error::ErrorStack> {
    let issuer = issuer.map(|one| &*one.certificate);
    let key_id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(issuer, None))?;
    builder.append_extension(key_id)?;
    if issuer.is_some() {
        let context = builder.x509v3_context(issuer, None);
        let authority = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(authority)?;
    }
    let Some(profile) = profile else {
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        return builder
            .append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?);
    };
    let usage = match profile.usage {
        Usage::Signing => Some(KeyUsage::new().critical().digital_signature().build()?),
        Usage::NotCritical => Some(KeyUsage::new().digital_signature().build()?),
        Usage::Encipherment => Some(KeyUsage::new().critical().key_encipherment().build()?),
        Usage::Absent => None,
    };
    if let Some(usage) = usage {
        builder.append_extension(usage)?;
    }
    if let Some(email) = profile.email {
        let context = builder.x509v3_context(issuer, None);
        let names = SubjectAlternativeName::new().email(email).build(&context)?;
        builder.append_extension(names)?;
    }
    if profile.basic_constraints {
        builder.append_extension(BasicConstraints::new().build()?)?;
    }
    if profile.stamps_time {
        let usage = ExtendedKeyUsage::new().critical().time_stamping().build()?;
        builder.append_extension(usage)?;
    }
    Ok(())
}
