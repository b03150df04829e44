//! CPU time of one verification: a receipt of 44 KB signed with RSA-2048, warm, beside OpenSSL's `CMS_verify` with chain.
//!
//! Guarantee: what is counted is this process's CPU time, and every run must end in the same verdict. Limit: the figures of
//! a debug build say little about our own share; run it with optimisation.

use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use messo_signatures::testing::{Encoding, TestCa};
use messo_signatures::{Anchors, verify_message};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::x509::X509PurposeId;
use openssl::x509::store::X509StoreBuilder;

const FROM: &str = "posta-certificata@pec.example";
const ROUNDS: u32 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ca = TestCa::new("Prova");
    let folder = tempfile::tempdir()?;
    ca.trust_in(folder.path());
    let provider = ca.provider(FROM);
    let line = "PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4KPHBvc3RhY2VydCA+\r\n";
    let part = format!("Content-Type: text/plain\r\n\r\n{}", line.repeat(44_000 / line.len()));
    let raw = provider.message(FROM, part.as_bytes(), Encoding::Der);
    let cms = provider.sign(part.as_bytes(), Encoding::Der);
    let at = Timestamp::from_seconds(1_780_272_000);
    let anchors = Anchors::read(folder.path());

    println!("message {} bytes, signature {} bytes, {ROUNDS} rounds", raw.len(), cms.len());
    measure("whole message, chain remembered", || {
        verify_message(&raw, at, &anchors).verdict == Verdict::Valid
    })?;
    let mut changed = raw.clone();
    changed[raw.len() / 2] ^= 1;
    measure("one byte changed", || {
        verify_message(&changed, at, &anchors).verdict == Verdict::Invalid
    })?;
    measure("whole message, anchors just read", || {
        let anchors = Anchors::read(folder.path());
        verify_message(&raw, at, &anchors).verdict == Verdict::Valid
    })?;
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(ca.root.certificate.clone())?;
    store.set_purpose(X509PurposeId::SMIME_SIGN)?;
    let store = store.build();
    measure("openssl crate, CMS_verify with chain", || {
        CmsContentInfo::from_der(&cms).is_ok_and(|mut info| {
            let flags = CMSOptions::BINARY;
            info.verify(None, Some(&store), Some(part.as_bytes()), None, flags).is_ok()
        })
    })?;
    let key = provider.identity.certificate.public_key()?;
    let signature = {
        let digest = openssl::hash::MessageDigest::sha256();
        let mut signer = openssl::sign::Signer::new(digest, &provider.identity.key)?;
        signer.sign_oneshot_to_vec(part.as_bytes())?
    };
    measure("limit: digest and RSA alone", || {
        let digest = openssl::hash::MessageDigest::sha256();
        openssl::sign::Verifier::new(digest, &key)
            .and_then(|mut one| one.verify_oneshot(&signature, part.as_bytes()))
            .unwrap_or(false)
    })
}

fn measure(what: &str, mut run: impl FnMut() -> bool) -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..50 {
        assert!(run(), "{what}");
    }
    let before = cpu_ticks()?;
    for _ in 0..ROUNDS {
        assert!(run(), "{what}");
    }
    // Linux counts in hundredths of a second.
    let millis = f64::from(u32::try_from(cpu_ticks()? - before)?) * 10.0 / f64::from(ROUNDS);
    println!("{millis:.4} ms  {what}");
    Ok(())
}

/// User and system time of this process so far.
fn cpu_ticks() -> Result<u64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    times.map(|ticks| ticks.parse::<u64>().map_err(Into::into)).sum()
}
