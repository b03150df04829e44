//! The test authority: a root, the certificates with which the sandbox's providers sign, and one for TLS.
//!
//! Guarantee: provider certificates have the profile of RFC 6109, 7 (critical keyUsage digitalSignature,
//! rfc822Name, no basicConstraints). Limit: keys live in memory only and vouch for nothing outside of a test.

use messo_core::time::Timestamp;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const BITS: u32 = 2048;
/// Most providers whose signers are kept for use again.
const MAX_SIGNERS: usize = 64;
const DAY_S: i64 = 86_400;
const YEARS_10_S: i64 = 3_653 * DAY_S;

/// Why a key, a certificate or a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// OpenSSL refused; its own words are the source.
    #[error("OpenSSL refused")]
    OpenSsl(#[from] ErrorStack),
    /// The TLS library refused the certificate made for it.
    #[error("the certificate for TLS was refused")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// A key with its certificate: what signs receipts and envelopes.
#[derive(Clone)]
pub struct Signer {
    /// Address in the certificate, `posta-certificata@<domain>`.
    pub address: String,
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

impl Signer {
    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap_or_default()
    }

    /// SHA-256 of the certificate in DER, lower case hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = self.certificate.digest(MessageDigest::sha256());
        digest.map(|digest| data_encoding::HEXLOWER.encode(&digest)).unwrap_or_default()
    }
}

/// A root certificate and everything under it.
pub struct Authority {
    root: X509,
    root_key: PKey<Private>,
    stranger_root: X509,
    stranger_key: PKey<Private>,
    /// Certificate and PKCS #8 key for TLS, both DER.
    tls: (Vec<u8>, Vec<u8>),
    /// Signers by name and address: post offices of one authority sign alike, byte for byte.
    signers: Mutex<HashMap<(String, String), [Signer; 3]>>,
    now: Timestamp,
}

impl Authority {
    /// Makes fresh keys. Certificates are valid from a year before `now` to ten years after.
    ///
    /// # Errors
    /// When OpenSSL cannot make keys.
    pub fn new(now: Timestamp) -> Result<Self, AuthorityError> {
        let (root_key, stranger_key) = (new_key()?, new_key()?);
        let root = root("Messo Sandbox Root (test only)", &root_key, now)?;
        let stranger_root = self::root("Unknown Root (test only)", &stranger_key, now)?;
        let tls = tls(&root, &root_key, now)?;
        let signers = Mutex::default();
        Ok(Self { root, root_key, stranger_root, stranger_key, tls, signers, now })
    }

    /// The root certificate as PEM: what goes into the folder of trusted certificates.
    pub fn root_pem(&self) -> Vec<u8> {
        self.root.to_pem().unwrap_or_default()
    }

    /// The signers of one provider: the good one, one whose certificate names another address, and one
    /// that looks the same but stands under a root that nobody trusts. They share one key.
    ///
    /// # Errors
    /// When OpenSSL cannot make them.
    pub(crate) fn signers(&self, name: &str, address: &str) -> Result<[Signer; 3], AuthorityError> {
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = (name.to_owned(), address.to_owned());
        if let Some(made) = signers.get(&wanted) {
            return Ok(made.clone());
        }
        let key = new_key()?;
        let other = format!("altra-casella@{}", address.rsplit('@').next().unwrap_or_default());
        let made = [
            self.issue(name, address, &key, (&self.root, &self.root_key))?,
            self.issue(name, &other, &key, (&self.root, &self.root_key))?,
            self.issue(name, address, &key, (&self.stranger_root, &self.stranger_key))?,
        ];
        if signers.len() < MAX_SIGNERS {
            signers.insert(wanted, made.clone());
        }
        Ok(made)
    }

    /// Certificate and PKCS #8 key, both DER, for TLS on 127.0.0.1, ::1 and localhost.
    pub(crate) fn tls(&self) -> (Vec<u8>, Vec<u8>) {
        self.tls.clone()
    }

    fn issue(
        &self,
        organisation: &str,
        address: &str,
        key: &PKey<Private>,
        (issuer, issuer_key): (&X509, &PKey<Private>),
    ) -> Result<Signer, AuthorityError> {
        let subject = name("Posta Certificata (sandbox)", organisation)?;
        let mut builder = certificate(&subject, issuer.subject_name(), key, self.now)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        let context = builder.x509v3_context(Some(issuer), None);
        let alternative = SubjectAlternativeName::new().email(address).build(&context)?;
        builder.append_extension(alternative)?;
        builder.sign(issuer_key, MessageDigest::sha256())?;
        Ok(Signer { address: address.into(), certificate: builder.build(), key: key.clone() })
    }
}

fn tls(
    root: &X509,
    root_key: &PKey<Private>,
    now: Timestamp,
) -> Result<(Vec<u8>, Vec<u8>), AuthorityError> {
    let key = new_key()?;
    let subject = name("localhost", "Messo Sandbox")?;
    let mut builder = certificate(&subject, root.subject_name(), &key, now)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let context = builder.x509v3_context(Some(root), None);
    let mut alternative = SubjectAlternativeName::new();
    alternative.dns("localhost").ip("127.0.0.1").ip("::1");
    let alternative = alternative.build(&context)?;
    builder.append_extension(alternative)?;
    builder.sign(root_key, MessageDigest::sha256())?;
    Ok((builder.build().to_der()?, key.private_key_to_pkcs8()?))
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(BITS)?)
}

fn name(common: &str, organisation: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_text("C", "IT")?;
    builder.append_entry_by_text("O", organisation)?;
    builder.append_entry_by_text("CN", common)?;
    Ok(builder.build())
}

fn certificate(
    subject: &X509Name,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    now: Timestamp,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::ONE, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(now.seconds() - 365 * DAY_S)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(now.seconds() + YEARS_10_S)?)?;
    Ok(builder)
}

fn root(common: &str, key: &PKey<Private>, now: Timestamp) -> Result<X509, ErrorStack> {
    let subject = name(common, "Messo Sandbox")?;
    let mut builder = certificate(&subject, &subject, key, now)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}
