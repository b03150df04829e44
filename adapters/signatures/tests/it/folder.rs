//! The operator's folder: what is read, when it is read again, what is said about broken files.
//!
//! Guarantee: time is a parameter, so nothing here waits. Limit: files are written by the test, not by other processes.

use crate::fixture::{AT, PROVIDER, openssl, part, says, world};
use messo_core::signatures::Verdict;
use messo_signatures::testing::{Encoding, pem};
use messo_signatures::{Anchors, LIST, TrustFolder, verify_message};
use openssl::hash::MessageDigest;
use std::fs;
use std::path::Path;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn receipt() -> Vec<u8> {
    world().provider.message(PROVIDER, &part(600), Encoding::Der)
}

fn with_list(list: &str) -> Anchors {
    let folder = tempfile::tempdir().unwrap();
    world().ca.trust_in(folder.path());
    fs::write(folder.path().join(LIST), list).unwrap();
    Anchors::read(folder.path())
}

fn fingerprint(certificate: &openssl::x509::X509, digest: MessageDigest) -> String {
    let bytes = certificate.digest(digest).unwrap();
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn a_change_is_seen_after_the_interval_and_not_before() {
    let place = tempfile::tempdir().unwrap();
    let folder = TrustFolder::open(place.path(), MINUTE);
    let raw = receipt();
    let verdict = |at| verify_message(&raw, AT, &folder.anchors(at)).verdict;
    assert_eq!(verdict(AT), Verdict::NotVerifiable);
    world().ca.trust_in(place.path());
    assert_eq!(verdict(AT + MINUTE / 2), Verdict::NotVerifiable);
    assert_eq!(verdict(AT + MINUTE), Verdict::Valid);
    fs::remove_file(place.path().join("root.pem")).unwrap();
    assert_eq!(verdict(AT + MINUTE), Verdict::Valid);
    assert_eq!(verdict(AT + MINUTE * 2), Verdict::NotVerifiable);
    world().ca.trust_in(place.path());
    assert_eq!(verdict(AT), Verdict::Valid, "a clock that jumped back does not stop it");
}

#[test]
fn a_folder_that_does_not_change_is_read_once() {
    let folder = TrustFolder::open(world().folder.path(), Duration::ZERO);
    let (one, two) = (folder.anchors(AT), folder.anchors(AT + MINUTE));
    assert!(std::sync::Arc::ptr_eq(&one, &two));
    assert_eq!((one.len(), one.is_empty()), (1, false));
}

#[test]
fn a_broken_file_is_reported_and_the_others_count() {
    let place = tempfile::tempdir().unwrap();
    world().ca.trust_in(place.path());
    fs::write(place.path().join("broken.crt"), "-----BEGIN CERTIFICATE-----\nxx\n").unwrap();
    fs::write(place.path().join("empty.der"), "").unwrap();
    fs::write(place.path().join("notes.md"), "not looked at").unwrap();
    let both = [pem(&world().ca.issuing.certificate), pem(&world().other.identity.certificate)];
    fs::write(place.path().join("two.cer"), both.concat()).unwrap();
    let anchors = Anchors::read(place.path());
    assert_eq!(anchors.len(), 3);
    let files: Vec<_> = anchors.problems().iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["broken.crt", "empty.der"]);
    assert_eq!(says(&verify_message(&receipt(), AT, &anchors)), (Verdict::Valid, vec![]));
}

#[test]
fn a_folder_that_is_not_there_is_reported_and_trusts_nobody() {
    let anchors = Anchors::read(Path::new("/nowhere/trust"));
    assert!(anchors.is_empty());
    assert_eq!(anchors.problems()[0].file, "trust");
}

#[test]
fn a_root_that_was_renewed_with_its_key_does_not_hide_the_one_of_then() {
    let place = tempfile::tempdir().unwrap();
    world().ca.trust_in(place.path());
    let key = world().ca.root.key.private_key_to_pem_pkcs8().unwrap();
    fs::write(place.path().join("root.key"), key).unwrap();
    // Valid from today, which is after the message.
    let renew = "x509 -in root.pem -signkey root.key -days 3650 -out a-renewed.pem";
    openssl(place.path(), &renew.split(' ').collect::<Vec<_>>());
    let anchors = Anchors::read(place.path());
    assert_eq!(anchors.len(), 2);
    assert_eq!(says(&verify_message(&receipt(), AT, &anchors)), (Verdict::Valid, vec![]));
}

#[test]
fn a_list_of_providers_narrows_the_trust_in_authorities() {
    let ours = fingerprint(&world().provider.identity.certificate, MessageDigest::sha1());
    let issuer = fingerprint(&world().ca.issuing.certificate, MessageDigest::sha256());
    let theirs = fingerprint(&world().other.identity.certificate, MessageDigest::sha256());
    let check = |list: &str| says(&verify_message(&receipt(), AT, &with_list(list)));
    let valid = (Verdict::Valid, vec![]);
    assert_eq!(check(&ours), valid);
    assert_eq!(check(&issuer), valid);
    assert_eq!(check(&format!("{ours} pec.example legal.example")), valid);
    assert_eq!(check("# nothing yet\n"), valid, "an empty list is no list");
    assert_eq!(check(&theirs), (Verdict::NotVerifiable, vec!["signer_not_listed"]));
    let other_domain = format!("{ours} altro.example");
    assert_eq!(check(&other_domain), (Verdict::Invalid, vec!["domain_not_managed"]));
}

#[test]
fn a_list_that_cannot_be_read_trusts_nobody_and_is_reported() {
    let anchors = with_list("posta-certificata@pec.example\n");
    let report = verify_message(&receipt(), AT, &anchors);
    assert_eq!(says(&report), (Verdict::NotVerifiable, vec!["signer_not_listed"]));
    assert_eq!(anchors.problems()[0].file, LIST);
}

#[test]
fn a_listed_provider_needs_no_authority() {
    let place = tempfile::tempdir().unwrap();
    let ours = fingerprint(&world().provider.identity.certificate, MessageDigest::sha256());
    fs::write(place.path().join(LIST), ours).unwrap();
    let anchors = Anchors::read(place.path());
    assert_eq!(says(&verify_message(&receipt(), AT, &anchors)), (Verdict::Valid, vec![]));
}
