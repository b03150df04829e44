//! Time stamps, made by a real authority: the `openssl ts` command with certificates of the test authority.
//!
//! Guarantee: `openssl ts -verify` is asked about the same answers. Limit: the transport is not part of this.

use crate::fixture::{openssl, world, write_identity};
use messo_core::ids::BlobHash;
use messo_core::signatures::SignatureFault;
use messo_signatures::Anchors;
use messo_signatures::testing::{Profile, TestSigner};
use messo_signatures::timestamps::{StampFault, read_response, request, verify_token};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const NONCE: u64 = 0xfedc_ba98_7654_3210;

fn authority() -> &'static TestSigner {
    static AUTHORITY: OnceLock<TestSigner> = OnceLock::new();
    AUTHORITY.get_or_init(|| world().changed(|one| (one.email, one.stamps_time) = (None, true)))
}

fn hash(text: &str) -> [u8; 32] {
    BlobHash::of(text.as_bytes()).0
}

/// The answer of an authority to a request; the folder holds `query`, `answer` and certificates.
fn answer(query: &[u8], signer: &TestSigner, bound_by: &str) -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    write_identity(folder.path(), "tsa", signer);
    fs::write(folder.path().join("query"), query).unwrap();
    fs::write(folder.path().join("serial"), "0A1B\n").unwrap();
    let settings = format!(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_digest = sha256\n\
         default_policy = 1.3.6.1.4.1.99999.1\ndigests = sha256\naccuracy = secs:1\n\
         clock_precision_digits = 3\nordering = yes\ntsa_name = yes\ness_cert_id_alg = {bound_by}\n"
    );
    fs::write(folder.path().join("tsa.cnf"), settings).unwrap();
    let reply = "ts -reply -config tsa.cnf -queryfile query -inkey tsa.key -signer tsa.pem -chain issuing.pem -out answer";
    openssl(folder.path(), &reply.split(' ').collect::<Vec<_>>());
    let answer = fs::read(folder.path().join("answer")).unwrap();
    (folder, answer)
}

fn openssl_takes(folder: &Path) -> bool {
    let verify = "ts -verify -queryfile query -in answer -CAfile root.pem -untrusted issuing.pem";
    let mut command = Command::new("openssl");
    command.args(verify.split(' ')).current_dir(folder).output().unwrap().status.success()
}

#[test]
fn a_stamp_of_a_real_authority_is_read_and_checked() {
    let hash = hash("fascicolo");
    for bound_by in ["sha1", "sha256", "sha512"] {
        let (folder, answer) = answer(&request(&hash, NONCE), authority(), bound_by);
        let stamp = read_response(&answer, &hash, NONCE, &world().anchors()).unwrap();
        assert!(openssl_takes(folder.path()));
        assert_eq!(stamp.serial_hex, "0a1c");
        assert_eq!(stamp.policy, "1.3.6.1.4.1.99999.1");
        assert_eq!(stamp.tsa, "C=IT, O=Gestore Esempio S.p.A., CN=Posta Certificata");
        assert_eq!(stamp.sha256_hex, BlobHash(hash).hex());
        let written = fs::metadata(folder.path().join("answer")).unwrap().modified().unwrap();
        let written = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        assert!((written - stamp.at.seconds()).abs() < 60);
        let again = verify_token(&stamp.token_der, &hash, None, &world().anchors()).unwrap();
        assert_eq!(again, stamp);
    }
}

#[test]
fn the_request_is_one_that_openssl_reads() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("query"), request(&hash("x"), 7)).unwrap();
    let output = Command::new("openssl")
        .args(["ts", "-query", "-in", "query", "-text"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["Version: 1", "Hash Algorithm: sha256", "Nonce: 0x07", "Certificate required: yes"]
    {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_stamp_of_something_else_or_for_another_request_is_refused() {
    let (_folder, answer) = answer(&request(&hash("uno"), NONCE), authority(), "sha256");
    let read = |text, nonce| read_response(&answer, &hash(text), nonce, &world().anchors());
    assert_eq!(read("due", NONCE), Err(StampFault::OtherHash));
    assert_eq!(read("uno", NONCE + 1), Err(StampFault::OtherNonce));
}

#[test]
fn an_authority_that_nobody_trusts_gives_the_stamp_as_it_stands() {
    let hash = hash("uno");
    let (_folder, answer) = answer(&request(&hash, NONCE), authority(), "sha256");
    match read_response(&answer, &hash, NONCE, &Anchors::empty()) {
        Err(StampFault::Untrusted(stamp, SignatureFault::NoAnchors)) => {
            assert!(verify_token(&stamp.token_der, &hash, Some(NONCE), &world().anchors()).is_ok());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_provider_of_mail_is_no_clock() {
    let signer = world().ca.issue(&Profile { email: None, ..Profile::provider("") });
    let hash = hash("uno");
    // `openssl ts` will not sign with such a certificate, so the token is made by hand.
    let info = {
        let (_folder, answer) = answer(&request(&hash, NONCE), authority(), "sha256");
        let stamp = read_response(&answer, &hash, NONCE, &world().anchors()).unwrap();
        tst_info(&stamp.token_der)
    };
    let token = stamped(&info, &signer, &["-cades"]);
    assert_eq!(
        verify_token(&token, &hash, Some(NONCE), &world().anchors()),
        Err(StampFault::NotForStamps)
    );
    let unbound = stamped(&info, authority(), &[]);
    assert_eq!(
        verify_token(&unbound, &hash, Some(NONCE), &world().anchors()),
        Err(StampFault::NotBound)
    );
    let bound = stamped(&info, authority(), &["-cades"]);
    assert!(verify_token(&bound, &hash, Some(NONCE), &world().anchors()).is_ok());
}

#[test]
fn a_refusal_is_read_with_its_reason() {
    // The authority takes SHA-256 only; this asks with the identifier of SHA-384 over 48 bytes.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "x").unwrap();
    openssl(folder.path(), &["ts", "-query", "-data", "data", "-sha384", "-out", "query"]);
    let query = fs::read(folder.path().join("query")).unwrap();
    let (_folder, answer) = answer(&query, authority(), "sha256");
    let read = read_response(&answer, &hash("x"), NONCE, &world().anchors());
    // PKIFailureInfo badAlg is bit 0.
    assert_eq!(read, Err(StampFault::Refused { status: 2, failure: 0x80 }));
}

#[test]
fn a_changed_byte_of_an_answer_never_passes_as_another_stamp() {
    let hash = hash("uno");
    let (_folder, answer) = answer(&request(&hash, NONCE), authority(), "sha256");
    let anchors = world().anchors();
    let stamp = read_response(&answer, &hash, NONCE, &anchors).unwrap();
    for at in 0..answer.len() {
        let mut changed = answer.clone();
        changed[at] ^= 0x01;
        if let Ok(other) = read_response(&changed, &hash, NONCE, &anchors) {
            assert_eq!((other.at, &other.serial_hex), (stamp.at, &stamp.serial_hex), "byte {at}");
        }
        let _ = read_response(&answer[..at], &hash, NONCE, &anchors);
    }
}

/// The signed statement inside a token.
fn tst_info(token: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), token).unwrap();
    let verify = "cms -verify -noverify -inform DER -in token -binary -out info";
    openssl(folder.path(), &verify.split(' ').collect::<Vec<_>>());
    fs::read(folder.path().join("info")).unwrap()
}

fn stamped(info: &[u8], signer: &TestSigner, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write_identity(folder.path(), "tsa", signer);
    fs::write(folder.path().join("info"), info).unwrap();
    let sign = "cms -sign -binary -nodetach -in info -signer tsa.pem -inkey tsa.key -certfile issuing.pem -econtent_type 1.2.840.113549.1.9.16.1.4 -outform DER -out token";
    let arguments: Vec<_> = sign.split(' ').chain(options.iter().copied()).collect();
    openssl(folder.path(), &arguments);
    fs::read(folder.path().join("token")).unwrap()
}
