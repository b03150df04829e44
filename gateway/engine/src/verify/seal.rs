//! The seal: an Ed25519 signature (RFC 8032, strict) over the exact bytes of the manifest.

use super::{Check, ProblemCode};
use crate::certify::manifest::{ALGORITHM, MANIFEST, SEAL, SealFile, fingerprint, json};
use ed25519_dalek::{Signature, VerifyingKey};
use messo_core::ids::BlobHash;

/// Checks the seal and compares its key with the expected one.
pub(super) fn check(
    check: &mut Check,
    manifest: &[u8],
    sealed: &[u8],
    expected_key: Option<[u8; 32]>,
) {
    let Some((seal, key)) = read(sealed) else {
        return check.problem(
            SEAL,
            ProblemCode::Malformed,
            "il sigillo è stato cambiato o non si può leggere".into(),
        );
    };
    check.found.fingerprint = Some(fingerprint(&key));
    let hash_agrees = seal.manifest_sha256 == BlobHash::of(manifest);
    match (signature_holds(&seal, &key, manifest), hash_agrees) {
        (true, true) => {}
        (false, false) => check.problem(
            MANIFEST,
            ProblemCode::SealBroken,
            "il sigillo non corrisponde al manifesto: il manifesto è stato cambiato dopo il sigillo".into(),
        ),
        (true, false) | (false, true) => check.problem(
            SEAL,
            ProblemCode::SealBroken,
            "il sigillo non è valido per questo manifesto: il sigillo è stato cambiato".into(),
        ),
    }
    if expected_key.is_some_and(|expected| expected != key) {
        let has = fingerprint(&key);
        check.problem(
            SEAL,
            ProblemCode::OtherKey,
            format!("il sigillo è di un'altra chiave (impronta {has}): il fascicolo non è stato formato da chi ci si aspetta"),
        );
    }
}

/// Reads the seal. Its bytes must be exactly those that its content is written with, so that not
/// even a blank can be changed unseen.
fn read(sealed: &[u8]) -> Option<(SealFile, [u8; 32])> {
    let seal: SealFile = serde_json::from_slice(sealed).ok()?;
    let key: BlobHash = seal.public_key.parse().ok()?;
    let sound = json(&seal) == sealed
        && seal.algorithm == ALGORITHM
        && seal.public_key == key.hex()
        && seal.fingerprint == fingerprint(&key.0);
    sound.then_some((seal, key.0))
}

fn signature_holds(seal: &SealFile, key: &[u8; 32], manifest: &[u8]) -> bool {
    let Some(signature) = signature(&seal.signature) else { return false };
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(manifest, &Signature::from_bytes(&signature)).is_ok())
}

/// 64 bytes from 128 small hexadecimal digits: two halves, each read as a hash is read.
fn signature(hex: &str) -> Option<[u8; 64]> {
    let (left, right) = (hex.get(..64)?, hex.get(64..)?);
    let (left, right): (BlobHash, BlobHash) = (left.parse().ok()?, right.parse().ok()?);
    if left.hex() + &right.hex() != hex {
        return None;
    }
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&left.0);
    bytes[32..].copy_from_slice(&right.0);
    Some(bytes)
}
