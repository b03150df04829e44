//! What makes a receipt valid, and each thing that makes it something else.
//!
//! Guarantee: wherever OpenSSL's command can judge too, it is asked on the same bytes. Limit: profile and sender are rules of
//! RFC 6109 that the command does not know.

use crate::fixture::{AT, PROVIDER, openssl_takes, part, says, words, world};
use messo_core::signatures::Verdict;
use messo_signatures::testing::{Encoding, TestCa, assemble};
use messo_signatures::{Anchors, verify_detached, verify_message};
use std::fs;

#[test]
fn a_receipt_signed_by_its_provider_is_valid_in_der_and_in_ber() {
    for encoding in [Encoding::Der, Encoding::Ber] {
        let raw = world().provider.message(PROVIDER, &part(2_000), encoding);
        let report = world().check(&raw);
        assert_eq!(says(&report), (Verdict::Valid, vec![]), "{encoding:?}");
        assert!(openssl_takes(&raw), "{encoding:?}");
        let signer = report.signer.unwrap();
        assert_eq!(signer.email.as_deref(), Some(PROVIDER));
        assert_eq!(signer.organization.as_deref(), Some("Gestore Esempio S.p.A."));
        assert_eq!(signer.subject, "C=IT, O=Gestore Esempio S.p.A., CN=Posta Certificata");
        let certificate = &world().provider.identity.certificate;
        assert_eq!(signer.certificate_der, certificate.to_der().unwrap());
        let serial = certificate.serial_number().to_bn().unwrap().to_hex_str().unwrap();
        assert_eq!(signer.serial_hex, serial.to_lowercase());
        assert_eq!(report.digest_algorithm.as_deref(), Some("sha256"));
        assert_eq!(report.checked_at_instant, AT);
    }
}

#[test]
fn one_changed_byte_anywhere_in_the_signed_part_is_invalid() {
    let part = part(700);
    let raw = world().provider.message(PROVIDER, &part, Encoding::Der);
    let begin = memchr::memmem::find(&raw, &part).unwrap();
    let anchors = world().anchors();
    for at in begin..begin + part.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut changed = raw.clone();
            changed[at] ^= change;
            let report = verify_message(&changed, AT, &anchors);
            assert_eq!(report.verdict, Verdict::Invalid, "byte {at} ^ {change}");
            if at % 40 == 0 {
                assert!(!openssl_takes(&changed), "byte {at} ^ {change}");
            }
        }
    }
    let mut changed = raw;
    changed[begin + 300] ^= 1;
    assert_eq!(words(&world().check(&changed)), ["digest_mismatch"]);
}

#[test]
fn a_byte_more_or_less_is_invalid() {
    let part = part(700);
    let cms = world().provider.sign(&part, Encoding::Der);
    for at in [0, 1, 300, part.len() - 1] {
        let mut longer = part.clone();
        longer.insert(at, b'x');
        let mut shorter = part.clone();
        shorter.remove(at);
        for changed in [longer, shorter] {
            let raw = assemble(PROVIDER, &changed, &cms);
            let report = world().check(&raw);
            // A carriage return that got lost is what an export does; it is told, not refused.
            let exported = words(&report) == ["line_ends_normalised"];
            assert_eq!(report.verdict == Verdict::Valid, exported, "at {at}");
            assert_eq!(openssl_takes(&raw), exported, "at {at}");
        }
    }
}

#[test]
fn swapped_signatures_of_two_messages_are_invalid() {
    let (one, two) = (part(600), part(900));
    let raw = assemble(PROVIDER, &one, &world().provider.sign(&two, Encoding::Der));
    assert_eq!(says(&world().check(&raw)), (Verdict::Invalid, vec!["digest_mismatch"]));
    assert!(!openssl_takes(&raw));
}

#[test]
fn a_signature_made_with_another_key_is_invalid() {
    let part = part(600);
    let mut cms = world().provider.sign(&part, Encoding::Der);
    // The signature value ends the structure.
    *cms.last_mut().unwrap() ^= 1;
    let raw = assemble(PROVIDER, &part, &cms);
    assert_eq!(says(&world().check(&raw)), (Verdict::Invalid, vec!["signature_wrong"]));
    assert!(!openssl_takes(&raw));
}

#[test]
fn a_receipt_signed_by_a_provider_of_another_domain_is_invalid() {
    let raw = world().other.message(PROVIDER, &part(600), Encoding::Der);
    assert_eq!(says(&world().check(&raw)), (Verdict::Invalid, vec!["san_differs_from_sender"]));
    assert!(openssl_takes(&raw), "the command does not look at the sender");
}

#[test]
fn the_letters_case_of_the_sender_does_not_count() {
    let from = "Posta-Certificata@PEC.example";
    let raw = world().provider.message(from, &part(600), Encoding::Der);
    assert_eq!(world().check(&raw).verdict, Verdict::Valid);
}

#[test]
fn two_senders_are_no_sender() {
    let raw = world().provider.message(PROVIDER, &part(600), Encoding::Der);
    let twice = [b"From: x@y.example\r\n", &raw[..]].concat();
    assert_eq!(says(&world().check(&twice)), (Verdict::Invalid, vec!["sender_unreadable"]));
}

#[test]
fn a_file_with_bare_line_feeds_is_read_as_it_was_on_the_wire_and_says_so() {
    let raw = world().provider.message(PROVIDER, &part(2_000), Encoding::Der);
    let text = String::from_utf8(raw).unwrap();
    let exported = text.replace("\r\n", "\n");
    let report = world().check(exported.as_bytes());
    assert_eq!(says(&report), (Verdict::Valid, vec!["line_ends_normalised"]));
    assert!(openssl_takes(exported.as_bytes()));
    let changed = exported.replace("consegna\n", "consegnA\n");
    assert_eq!(world().check(changed.as_bytes()).verdict, Verdict::Invalid);
    assert!(!openssl_takes(changed.as_bytes()));
}

#[test]
fn bare_line_feeds_that_were_signed_as_they_are_hold_as_they_are() {
    let part = b"Content-Type: text/plain\r\n\r\nuna riga\ncon un solo line feed\r\n".to_vec();
    let raw = world().provider.message(PROVIDER, &part, Encoding::Der);
    assert_eq!(says(&world().check(&raw)), (Verdict::Valid, vec![]));
}

#[test]
fn the_part_is_signed_with_its_headers_and_may_be_empty() {
    for part in ["", "\r\n", "Content-Type: text/plain\r\n\r\n"] {
        let raw = world().provider.message(PROVIDER, part.as_bytes(), Encoding::Der);
        assert_eq!(says(&world().check(&raw)), (Verdict::Valid, vec![]), "{part:?}");
    }
}

#[test]
fn without_anchors_a_good_signature_is_not_verifiable_and_a_bad_one_still_invalid() {
    let part = part(600);
    let raw = world().provider.message(PROVIDER, &part, Encoding::Der);
    let report = verify_message(&raw, AT, &Anchors::empty());
    assert_eq!(says(&report), (Verdict::NotVerifiable, vec!["no_anchors"]));
    let swapped = assemble(PROVIDER, &part, &world().provider.sign(b"x", Encoding::Der));
    assert_eq!(verify_message(&swapped, AT, &Anchors::empty()).verdict, Verdict::Invalid);
}

#[test]
fn an_authority_that_nobody_trusts_vouches_for_nobody_even_under_the_same_names() {
    let forged = TestCa::new("Prova").provider(PROVIDER);
    let raw = forged.message(PROVIDER, &part(600), Encoding::Der);
    assert_eq!(says(&world().check(&raw)), (Verdict::NotVerifiable, vec!["chain_untrusted"]));
    assert!(!openssl_takes(&raw));
}

#[test]
fn one_message_does_not_explain_the_next() {
    let part = part(600);
    let forged = TestCa::new("Altra").provider(PROVIDER).message(PROVIDER, &part, Encoding::Der);
    let swapped = assemble(PROVIDER, &part, &world().provider.sign(b"x", Encoding::Der));
    let noise = assemble(PROVIDER, &part, &[0x30, 0x80, 0, 0]);
    for _ in 0..3 {
        assert_eq!(words(&world().check(&forged)), ["chain_untrusted"]);
        assert_eq!(words(&world().check(&swapped)), ["digest_mismatch"]);
        assert_eq!(words(&world().check(&noise)), ["cms_unreadable"]);
    }
}

#[test]
fn a_provider_cannot_issue_certificates() {
    let leaf = world().changed(|_| {});
    let identity = messo_signatures::testing::Identity {
        certificate: leaf.identity.certificate.clone(),
        key: leaf.identity.key.clone(),
    };
    let root = messo_signatures::testing::Identity {
        certificate: world().ca.root.certificate.clone(),
        key: world().ca.root.key.clone(),
    };
    let mut forged = TestCa { root, issuing: identity }.provider(PROVIDER);
    forged.helpers.push(world().ca.issuing.certificate.clone());
    let raw = forged.message(PROVIDER, &part(600), Encoding::Der);
    assert_eq!(says(&world().check(&raw)), (Verdict::Invalid, vec!["chain_broken"]));
    assert!(!openssl_takes(&raw));
}

#[test]
fn an_issuing_authority_in_the_folder_is_an_anchor_without_its_root() {
    let folder = tempfile::tempdir().unwrap();
    let der = world().ca.issuing.certificate.to_der().unwrap();
    fs::write(folder.path().join("issuing.DER"), der).unwrap();
    let raw = world().provider.message(PROVIDER, &part(600), Encoding::Der);
    let report = verify_message(&raw, AT, &Anchors::read(folder.path()));
    assert_eq!(says(&report), (Verdict::Valid, vec![]));
}

#[test]
fn bytes_and_signature_apart_are_checked_with_or_without_a_sender() {
    let part = part(600);
    let cms = world().provider.sign(&part, Encoding::Ber);
    let anchors = world().anchors();
    let verdict = |from, bytes: &[u8]| verify_detached(bytes, &cms, from, AT, &anchors).verdict;
    assert_eq!(verdict(Some(PROVIDER), &part), Verdict::Valid);
    assert_eq!(verdict(None, &part), Verdict::Valid);
    assert_eq!(verdict(Some("x@pec.example"), &part), Verdict::Invalid);
    assert_eq!(verdict(None, &part[1..]), Verdict::Invalid);
}
