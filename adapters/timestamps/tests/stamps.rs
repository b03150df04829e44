//! Stamps of a real authority (`openssl ts`) over HTTP on loopback.

use messo_core::ids::BlobHash;
use messo_core::ports::{Clock, StampCheck, StampReport, TimeAuthority};
use messo_core::signatures::SignatureFault;
use messo_core::time::Timestamp;
use messo_signatures::testing::TestCa;
use messo_timestamps::testing::TestAuthority;
use messo_timestamps::{HttpAuthority, Stamps, TRIES};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_795_338_903)
    }
}

fn ca() -> &'static TestCa {
    static CA: OnceLock<TestCa> = OnceLock::new();
    CA.get_or_init(|| TestCa::new("Prova"))
}

/// A folder in which the test authority is trusted.
fn trusting() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    ca().trust_in(folder.path());
    folder
}

fn client(url: &str, trust: &Path) -> HttpAuthority {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let nonces = Box::new(|| NEXT.fetch_add(1, Ordering::Relaxed));
    HttpAuthority::new(url, trust, Arc::new(Noon), nonces).unwrap()
}

#[tokio::test]
async fn a_stamp_is_fetched_checked_and_checked_again_without_the_authority() {
    let (authority, trust) = (TestAuthority::start(ca()), trusting());
    let hash = BlobHash::of(b"catena");
    let stamp = client(&authority.url, trust.path()).stamp(hash).await.unwrap();
    assert_eq!(stamp.sha256_hex, hash.hex());
    drop(authority);
    let trusted = Stamps::trusting(trust.path());
    assert_eq!(trusted.check(&stamp.token_der, hash), StampReport::Valid(stamp.clone()));
    assert_eq!(
        Stamps::trusting_nobody().check(&stamp.token_der, hash),
        StampReport::NotVerifiable(stamp.clone(), SignatureFault::NoAnchors)
    );
    let other = trusted.check(&stamp.token_der, BlobHash::of(b"altro"));
    assert_eq!(other, StampReport::OtherHash);
    let mut broken = stamp.token_der;
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert!(matches!(trusted.check(&broken, hash), StampReport::Invalid(_)));
}

#[tokio::test]
async fn an_authority_that_stumbles_is_asked_again_and_one_that_lies_down_is_given_up() {
    let (authority, trust) = (TestAuthority::start(ca()), trusting());
    let client = client(&authority.url, trust.path());
    authority.fail(1);
    client.stamp(BlobHash::of(b"1")).await.unwrap();
    authority.fail(u16::try_from(TRIES).unwrap());
    let refused = client.stamp(BlobHash::of(b"2")).await.unwrap_err();
    assert!(refused.0.contains("503"), "{refused}");
    client.stamp(BlobHash::of(b"3")).await.unwrap();
}

#[tokio::test]
async fn a_stamp_of_an_authority_that_nobody_answers_for_is_not_taken() {
    let (authority, empty) = (TestAuthority::start(ca()), tempfile::tempdir().unwrap());
    let refused = client(&authority.url, empty.path()).stamp(BlobHash::of(b"1")).await.unwrap_err();
    assert!(refused.0.contains("not trusted"), "{refused}");
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_said_without_its_address() {
    let trust = trusting();
    let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://utente:segreto@{}/", door.local_addr().unwrap());
    drop(door);
    let refused = client(&url, trust.path()).stamp(BlobHash::of(b"1")).await.unwrap_err();
    assert_eq!(refused.0, "no connection");
    assert!(HttpAuthority::new("ftp://x", trust.path(), Arc::new(Noon), Box::new(|| 1)).is_err());
}
