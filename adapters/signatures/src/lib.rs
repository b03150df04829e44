//! Verification of signed mail (PEC receipts and envelopes, RFC 6109 section 2.2.2) and of time stamps (RFC 3161).
//!
//! Guarantee: `valid` is said only when the exact bytes, the signature, the profile of the certificate, the sender's address
//! and a chain to an anchor of the operator all hold at the time of the message; nothing in a message makes this code panic
//! or work without bound. Limit: revocation is not asked for, and a verdict is as good as the operator's folder of anchors.
//!
//! [`verify_message`] takes a message as it was received, [`verify_detached`] bytes and signature apart; [`TrustFolder`] is whom
//! the operator trusts; [`timestamps`] makes requests and checks answers, the transport is somebody else's.

mod anchors;
mod asn1;
mod certificates;
mod chain;
mod cms;
mod headers;
mod listed;
mod mime;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timestamps;

pub use anchors::{
    Anchors, FolderProblem, LIST, MAX_CERTIFICATES, MAX_FILE_BYTES, MAX_FILES, TrustFolder,
};

use crate::anchors::Known;
use crate::cms::SignedData;
use crate::headers::Headers;
use crate::mime::Found;
use messo_core::ids::BlobHash;
use messo_core::signatures::{SignatureFault, SignatureReport};
use messo_core::time::Timestamp;
use std::sync::Arc;

/// Checks a whole message as received. `at` is the time of the message: certificates are judged as of then.
pub fn verify_message(raw: &[u8], at: Timestamp, anchors: &Anchors) -> SignatureReport {
    let headers = Headers::read(raw);
    let check = |content, cms: &[u8]| {
        let sender = match headers.sender() {
            Some(address) => Sender::Address(address),
            None => Sender::Unreadable,
        };
        Check::new(at, anchors, sender).run(content, cms)
    };
    let only = |fault| SignatureReport::from_reasons(vec![fault], None, None, at);
    match mime::find(&headers) {
        Found::Detached { signed, cms } => check(Content::Beside(signed), &cms),
        Found::Opaque { cms } => check(Content::Inside, &cms),
        Found::Nothing => only(SignatureFault::NoSignature),
        Found::Foreign => only(SignatureFault::AlgorithmUnsupported),
        Found::Broken => only(SignatureFault::MimeStructure),
        Found::Undecodable => only(SignatureFault::CmsUnreadable),
    }
}

/// Checks a signature (DER or BER) beside the bytes that it signs. `expected_from` is the address that the certificate must
/// name; `None` leaves that out.
pub fn verify_detached(
    signed: &[u8],
    cms: &[u8],
    expected_from: Option<&str>,
    at: Timestamp,
    anchors: &Anchors,
) -> SignatureReport {
    let sender = expected_from.map_or(Sender::Any, |address| Sender::Address(address.to_owned()));
    Check::new(at, anchors, sender).run(Content::Beside(signed), cms)
}

/// Where the signed bytes are.
#[derive(Clone, Copy)]
enum Content<'a> {
    Beside(&'a [u8]),
    Inside,
}

/// Whose signature is expected.
enum Sender {
    Address(String),
    Any,
    Unreadable,
}

impl Sender {
    fn domain(&self) -> Option<&str> {
        match self {
            Self::Address(address) => address.rsplit_once('@').map(|(_, domain)| domain),
            Self::Any | Self::Unreadable => None,
        }
    }
}

/// One check under way: the reasons found so far.
struct Check<'a> {
    at: Timestamp,
    anchors: &'a Anchors,
    sender: Sender,
    reasons: Vec<SignatureFault>,
    digest: Option<&'static str>,
    known: Option<Arc<Known>>,
    signed: Option<BlobHash>,
}

impl<'a> Check<'a> {
    fn new(at: Timestamp, anchors: &'a Anchors, sender: Sender) -> Self {
        Self { at, anchors, sender, reasons: Vec::new(), digest: None, known: None, signed: None }
    }

    fn run(mut self, content: Content<'_>, cms: &[u8]) -> SignatureReport {
        if let Err(fault) = self.all(content, cms) {
            self.reasons.push(fault);
        }
        let signer = self.known.map(|known| known.certificate.signer.clone());
        let digest = self.digest.map(str::to_owned);
        let report = SignatureReport::from_reasons(self.reasons, signer, digest, self.at);
        SignatureReport { signed: self.signed, ..report }
    }

    /// Ends early only where nothing more can be said.
    fn all(&mut self, content: Content<'_>, cms: &[u8]) -> Result<(), SignatureFault> {
        let signed = read(content, cms)?;
        let signer = match (signed.signers, signed.signer) {
            (1, Some(signer)) => signer,
            (0, _) | (_, None) => return Err(SignatureFault::NoSignature),
            _ => return Err(SignatureFault::SeveralSigners),
        };
        self.digest = signer.digest_name();
        let der = certificates::chosen(signer.id, &signed.certificates)
            .ok_or(SignatureFault::NoSignerCertificate)?;
        let known = self.anchors.know(der).ok_or(SignatureFault::CmsUnreadable)?;
        self.known = Some(known.clone());
        match self.digest {
            None => self.reasons.push(SignatureFault::AlgorithmUnsupported),
            Some("sha1") => self.reasons.push(SignatureFault::Sha1Digest),
            Some(_) => {}
        }
        let held = self.signature(content, &signed, &known);
        self.reasons.extend(held.err());
        self.profile(&known);
        if held.is_ok() {
            let domain = self.sender.domain();
            self.anchors.trust(&known, &signed.certificates, domain, self.at)?;
        }
        Ok(())
    }

    /// The bytes as they are, and only if those are not what was signed, with the line ends that they had on the wire.
    fn signature(
        &mut self,
        content: Content<'_>,
        cms: &SignedData<'_>,
        known: &Known,
    ) -> Result<(), SignatureFault> {
        let x509 = &known.certificate.x509;
        let Content::Beside(signed) = content else {
            self.signed = Some(BlobHash::of(&cms.holds(None, x509)?));
            return Ok(());
        };
        let held = match cms.holds(Some(signed), x509) {
            Err(SignatureFault::DigestMismatch) if mime::has_bare_line_feed(signed) => {
                let held = cms.holds(Some(&mime::with_crlf(signed)), x509).map(drop);
                if held.is_ok() {
                    self.reasons.push(SignatureFault::LineEndsNormalised);
                }
                held
            }
            other => other.map(drop),
        };
        if held.is_ok() {
            self.signed = Some(BlobHash::of(signed));
        }
        held
    }

    fn profile(&mut self, known: &Known) {
        let certificate = &known.certificate;
        self.reasons.extend(certificate.dated(self.at));
        self.reasons.extend(&certificate.profile);
        match &self.sender {
            Sender::Unreadable => self.reasons.push(SignatureFault::SenderUnreadable),
            Sender::Address(address)
                if !certificate.emails.is_empty() && !certificate.speaks_for(address) =>
            {
                self.reasons.push(SignatureFault::SanDiffersFromSender);
            }
            Sender::Address(_) | Sender::Any => {}
        }
    }
}

/// Takes the signature apart. Content inside a detached signature is refused: two programs could check two texts.
fn read<'a>(content: Content<'_>, cms: &'a [u8]) -> Result<SignedData<'a>, SignatureFault> {
    let (limit, inside) = match content {
        Content::Beside(_) => (mime::MAX_SIGNATURE_BYTES, false),
        Content::Inside => (mime::MAX_OPAQUE_BYTES, true),
    };
    if cms.len() > limit {
        return Err(SignatureFault::CmsUnreadable);
    }
    match SignedData::read(cms) {
        Ok(Some(signed)) if signed.encloses == inside && signed.content_type == cms::DATA => {
            Ok(signed)
        }
        // An encrypted message is not a signed one.
        Ok(None) if inside => Err(SignatureFault::NoSignature),
        _ => Err(SignatureFault::CmsUnreadable),
    }
}
