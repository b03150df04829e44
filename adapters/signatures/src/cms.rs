//! The structure of a CMS signature (RFC 5652), and its check by OpenSSL against one given certificate.
//!
//! Guarantee: the certificate that the report names is the one whose key OpenSSL used ([`SignedData::holds`] lets it use no other),
//! whatever two readers may think of odd bytes. Limit: one signer, as RFC 6109 has it; no chain here.

use crate::asn1::{self, Malformed, Reader};
use messo_core::signatures::SignatureFault;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::X509;

/// `id-signedData`.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// `id-data`: what signed mail holds.
pub(crate) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// Most certificates in a signature: a chain has four or five.
const MAX_CERTIFICATES: usize = 32;

/// The digests that are told apart: object identifier, name.
const DIGESTS: &[(&[u8], &str)] = &[
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], "sha256"),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2], "sha384"),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3], "sha512"),
    (&[0x2b, 0x0e, 3, 2, 0x1a], "sha1"),
];

/// Who says to have signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignerId<'a> {
    /// By issuer (an encoded name) and serial number.
    Serial { issuer: &'a [u8], serial: &'a [u8] },
    /// By `subjectKeyIdentifier`.
    Key(&'a [u8]),
}

/// What the one signer states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignerInfo<'a> {
    /// Which certificate.
    pub id: SignerId<'a>,
    /// Object identifier of the digest.
    pub digest: &'a [u8],
    /// The signed attributes, without their tag; empty when there are none.
    pub attributes: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    /// Name of the digest, if it is one that we know.
    pub fn digest_name(&self) -> Option<&'static str> {
        digest_name(self.digest)
    }

    /// First value of a signed attribute.
    pub fn attribute(&self, oid: &[u8]) -> Option<&'a [u8]> {
        let mut attributes = Reader::new(self.attributes);
        while !attributes.is_empty() {
            let mut attribute = attributes.take(asn1::SEQUENCE).ok()?.reader();
            if attribute.take(asn1::OID).ok()?.content == oid {
                return Some(attribute.take(asn1::SET).ok()?.content);
            }
        }
        None
    }
}

/// Name of a digest, if it is one that we know.
pub(crate) fn digest_name(oid: &[u8]) -> Option<&'static str> {
    DIGESTS.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// A `SignedData`, taken apart.
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    /// What was signed, an object identifier.
    pub content_type: &'a [u8],
    /// Whether the content is inside.
    pub encloses: bool,
    /// The certificates that came along, each whole.
    pub certificates: Vec<&'a [u8]>,
    /// How many signed.
    pub signers: usize,
    /// The first of them.
    pub signer: Option<SignerInfo<'a>>,
    /// Everything but certificates and revocation lists, each field whole.
    others: Vec<&'a [u8]>,
}

impl<'a> SignedData<'a> {
    /// Takes a `ContentInfo` apart; `None` when it holds something else than `SignedData`.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let mut info = Reader::new(bytes).take(asn1::SEQUENCE)?.reader();
        if info.take(asn1::OID)?.content != SIGNED_DATA {
            return Ok(None);
        }
        let mut signed = info.take(asn1::context(0))?.reader().take(asn1::SEQUENCE)?.reader();
        let mut others = vec![signed.take(asn1::INTEGER)?.whole, signed.take(asn1::SET)?.whole];
        let content = signed.take(asn1::SEQUENCE)?;
        others.push(content.whole);
        let mut content = content.reader();
        let content_type = content.take(asn1::OID)?.content;
        let encloses = content.maybe(asn1::context(0))?.is_some();
        let certificates = match signed.maybe(asn1::context(0))? {
            Some(set) => certificates(set.reader())?,
            None => Vec::new(),
        };
        signed.maybe(asn1::context(1))?;
        let infos = signed.take(asn1::SET)?;
        others.push(infos.whole);
        let mut infos = infos.reader();
        let (mut signers, mut signer) = (0, None);
        while !infos.is_empty() {
            let info = infos.take(asn1::SEQUENCE)?;
            if signers == 0 {
                signer = Some(signer_info(info.reader())?);
            }
            signers += 1;
        }
        Ok(Some(Self { content_type, encloses, certificates, signers, signer, others }))
    }
}

fn certificates(mut set: Reader<'_>) -> Result<Vec<&[u8]>, Malformed> {
    let mut found = Vec::new();
    while !set.is_empty() {
        let element = set.next()?;
        // The other choices (attribute certificates, obsolete forms) have other tags.
        if element.tag == asn1::SEQUENCE {
            found.push(element.whole);
        }
        if found.len() > MAX_CERTIFICATES {
            return Err(Malformed);
        }
    }
    Ok(found)
}

fn signer_info(mut info: Reader<'_>) -> Result<SignerInfo<'_>, Malformed> {
    info.take(asn1::INTEGER)?;
    let id = info.next()?;
    let id = match id.tag {
        asn1::SEQUENCE => {
            let mut id = id.reader();
            let issuer = id.take(asn1::SEQUENCE)?.whole;
            SignerId::Serial { issuer, serial: id.take(asn1::INTEGER)?.content }
        }
        0x80 => SignerId::Key(id.content),
        _ => return Err(Malformed),
    };
    let digest = info.take(asn1::SEQUENCE)?.reader().take(asn1::OID)?.content;
    let attributes = info.maybe(asn1::context(0))?.map_or(&[][..], |set| set.content);
    info.take(asn1::SEQUENCE)?;
    info.next()?;
    Ok(SignerInfo { id, digest, attributes })
}

impl SignedData<'_> {
    /// Checks digest and signature with this certificate and no other. `detached` is the content when it is not inside.
    /// Gives the content that was inside.
    pub fn holds(
        &self,
        detached: Option<&[u8]>,
        certificate: &X509,
    ) -> Result<Vec<u8>, SignatureFault> {
        // What earlier calls left in this thread's queue of errors must not explain this one.
        drop(ErrorStack::get());
        let mut inside = Vec::new();
        let verified = (|| {
            let mut only = Stack::new()?;
            only.push(certificate.clone())?;
            let mut info = CmsContentInfo::from_der(&self.bare())?;
            let flags =
                CMSOptions::NOINTERN | CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY;
            let output = detached.is_none().then_some(&mut inside);
            info.verify(Some(&only), None, detached, output, flags)
        })();
        verified.map(|()| inside).map_err(|errors| fault(&errors))
    }

    /// The same signature without its certificates: OpenSSL would decode each of them, which is half of the work, and then
    /// use none.
    fn bare(&self) -> Vec<u8> {
        let signed = asn1::write(asn1::SEQUENCE, &self.others.concat());
        let kind = asn1::write(asn1::OID, SIGNED_DATA);
        let info = [kind, asn1::write(asn1::context(0), &signed)].concat();
        asn1::write(asn1::SEQUENCE, &info)
    }
}

/// OpenSSL names what failed only in words. The signature over the attributes is checked before the digest of the
/// content, so "content verify error" says that the former held.
fn fault(errors: &ErrorStack) -> SignatureFault {
    let says = |words: &[&str]| {
        let mut reasons = errors.errors().iter().filter_map(|error| error.reason());
        reasons.any(|reason| words.contains(&reason))
    };
    if says(&["content verify error", "messagedigest wrong length"]) {
        SignatureFault::DigestMismatch
    } else if says(&["unknown digest algorithm", "unsupported", "unsupported algorithm"]) {
        SignatureFault::AlgorithmUnsupported
    } else if says(&["signer certificate not found"]) {
        SignatureFault::NoSignerCertificate
    } else if says(&["verification failure"]) {
        SignatureFault::SignatureWrong
    } else if errors.errors().iter().any(|error| error.library() == Some("asn1 encoding routines"))
    {
        SignatureFault::CmsUnreadable
    } else {
        SignatureFault::SignatureWrong
    }
}
