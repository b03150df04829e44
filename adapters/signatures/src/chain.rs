//! From a signer to a trust anchor, at the time of the message.
//!
//! Every certificate in the operator's folder is an anchor, issuing authorities too, since the trusted lists of eIDAS name
//! those and not roots. Guarantee: the window that is returned holds for the whole chain, so the same answer is true at any
//! instant inside it. Limit: no revocation.

use crate::certificates::instant;
use messo_core::signatures::SignatureFault;
use messo_core::time::Timestamp;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::stack::{Stack, StackRef};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509StoreContext};
use sha2::{Digest, Sha256};

/// Longest chain between signer and anchor.
const MAX_DEPTH: i32 = 8;

/// Signatures that anybody can forge.
const BROKEN: [Nid; 3] = [Nid::MD2WITHRSAENCRYPTION, Nid::MD5WITHRSAENCRYPTION, Nid::MD5WITHRSA];

/// Results of OpenSSL (`X509_V_ERR_*`) that mean that a link is there and does not hold: signature of a certificate (7),
/// invalid authority (24, 79), path length (25), key usage of the issuer (32), names not permitted (47, 48).
const BROKEN_LINK: [i32; 7] = [7, 24, 79, 25, 32, 47, 48];
/// The signer's certificate is not for this purpose (`X509_V_ERR_INVALID_PURPOSE`).
const INVALID_PURPOSE: i32 = 26;

/// A chain that holds.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// When every certificate of it is valid: from the first instant on, before the second.
    pub window: (Timestamp, Timestamp),
    /// SHA-1 and SHA-256 fingerprints of its certificates, lower-case hexadecimal.
    pub fingerprints: Vec<String>,
}

/// Builds the chain of `certificate`, with what came along as help.
pub(crate) fn build(
    certificate: &X509,
    helpers: &[&[u8]],
    anchors: &[X509],
    purpose: X509PurposeId,
    at: Timestamp,
) -> Result<Chain, SignatureFault> {
    if anchors.is_empty() {
        return Err(SignatureFault::NoAnchors);
    }
    let answer = (|| {
        let store = store(anchors, purpose, at)?;
        let mut others = Stack::new()?;
        for helper in helpers.iter().filter_map(|der| X509::from_der(der).ok()) {
            others.push(helper)?;
        }
        X509StoreContext::new()?.init(&store, certificate, &others, |context| {
            if !context.verify_cert()? {
                return Ok(Err(fault(context.error().as_raw(), context.error_depth())));
            }
            Ok(context.chain().map_or(Err(SignatureFault::ChainUntrusted), facts))
        })
    })();
    answer.unwrap_or(Err(SignatureFault::ChainUntrusted))
}

fn store(anchors: &[X509], purpose: X509PurposeId, at: Timestamp) -> Result<X509Store, ErrorStack> {
    let mut param = X509VerifyParam::new()?;
    param.set_time(at.seconds());
    param.set_purpose(purpose)?;
    param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    param.set_depth(MAX_DEPTH);
    let mut builder = X509StoreBuilder::new()?;
    for anchor in anchors {
        builder.add_cert(anchor.clone())?;
    }
    builder.set_param(&param)?;
    Ok(builder.build())
}

fn fault(error: i32, depth: u32) -> SignatureFault {
    if BROKEN_LINK.contains(&error) {
        SignatureFault::ChainBroken
    } else if error == INVALID_PURPOSE && depth == 0 {
        SignatureFault::KeyUsageWrong
    } else if error == INVALID_PURPOSE {
        SignatureFault::ChainBroken
    } else {
        SignatureFault::ChainUntrusted
    }
}

fn facts(chain: &StackRef<X509>) -> Result<Chain, SignatureFault> {
    let mut window = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let mut fingerprints = Vec::new();
    let links = chain.len().saturating_sub(1);
    for (depth, certificate) in chain.iter().enumerate() {
        // What signed the anchor does not matter: the operator vouches for it.
        let algorithm = certificate.signature_algorithm().object().nid();
        if depth < links && BROKEN.contains(&algorithm) {
            return Err(SignatureFault::AlgorithmUnsupported);
        }
        let from = instant(certificate.not_before()).ok_or(SignatureFault::ChainUntrusted)?;
        let to = instant(certificate.not_after()).ok_or(SignatureFault::ChainUntrusted)?;
        window = (window.0.max(from), window.1.min(to));
        let der = certificate.to_der().map_err(|_| SignatureFault::ChainUntrusted)?;
        let sha1 = openssl::sha::sha1(&der);
        fingerprints.push(data_encoding::HEXLOWER.encode(&sha1));
        fingerprints.push(data_encoding::HEXLOWER.encode(&Sha256::digest(&der)));
    }
    Ok(Chain { window, fingerprints })
}
