//! The certificate of a provider (RFC 6109 section 5.5) and the time at which it is judged.
//!
//! Guarantee: each departure from the profile is told by its own word. Limit: revocation is not asked for.

use crate::fixture::{AT, PROVIDER, openssl_takes_at, part, says, world};
use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use messo_signatures::testing::{Encoding, Profile, TestSigner, Usage};
use messo_signatures::verify_message;
use std::time::Duration;

fn check(signer: &TestSigner) -> (Verdict, Vec<&'static str>) {
    says(&world().check(&signer.message(PROVIDER, &part(400), Encoding::Der)))
}

#[test]
fn each_departure_from_the_profile_has_its_word() {
    let changed = |change: fn(&mut Profile<'_>)| check(&world().changed(change));
    let invalid = |word| (Verdict::Invalid, vec![word]);
    assert_eq!(changed(|one| one.usage = Usage::NotCritical), invalid("key_usage_wrong"));
    assert_eq!(changed(|one| one.usage = Usage::Absent), invalid("key_usage_wrong"));
    assert_eq!(changed(|one| one.basic_constraints = true), invalid("basic_constraints_present"));
    assert_eq!(changed(|one| one.email = None), invalid("san_missing"));
    let (verdict, reasons) = changed(|one| one.usage = Usage::Encipherment);
    assert_eq!(verdict, Verdict::Invalid);
    assert!(reasons.contains(&"key_usage_wrong"));
    let (verdict, reasons) = changed(|one| one.stamps_time = true);
    assert_eq!((verdict, reasons), invalid("key_usage_wrong"), "extended usage excludes mail");
}

#[test]
fn an_expired_certificate_stays_valid_for_the_mail_of_its_time() {
    let (from, to) = (1_600_000_000, 1_700_000_000);
    let old = world().changed(|one| (one.not_before, one.not_after) = (from, to));
    let raw = old.message(PROVIDER, &part(400), Encoding::Der);
    // The same anchors throughout: what is remembered must not outlive its window.
    let anchors = world().anchors();
    let at = |seconds| {
        let at = Timestamp::from_seconds(seconds);
        let report = verify_message(&raw, at, &anchors);
        assert_eq!(openssl_takes_at(&raw, at), report.verdict == Verdict::Valid, "{seconds}");
        says(&report)
    };
    for _ in 0..2 {
        assert_eq!(at(from), (Verdict::Valid, vec![]));
        assert_eq!(at(to - 1), (Verdict::Valid, vec![]));
        assert_eq!(at(from - 1).0, Verdict::Invalid);
        assert!(at(from - 1).1.contains(&"certificate_not_yet_valid"));
        assert!(at(to).1.contains(&"certificate_expired"));
    }
}

#[test]
fn an_authority_outside_its_years_is_no_anchor() {
    let early = world().changed(|one| one.not_before = 1_000_000_000);
    let raw = early.message(PROVIDER, &part(400), Encoding::Der);
    let anchors = world().anchors();
    assert_eq!(verify_message(&raw, AT, &anchors).verdict, Verdict::Valid);
    let before = Timestamp::from_seconds(1_100_000_000);
    let report = verify_message(&raw, before, &anchors);
    assert_eq!(says(&report), (Verdict::NotVerifiable, vec!["chain_untrusted"]));
    assert!(!openssl_takes_at(&raw, before));
    let report = verify_message(&raw, AT + Duration::from_secs(1), &anchors);
    assert_eq!(report.verdict, Verdict::Valid);
}

#[test]
fn a_key_that_proves_nothing_is_not_verifiable() {
    let weak = world().changed(|one| one.bits = 768);
    assert_eq!(check(&weak), (Verdict::NotVerifiable, vec!["algorithm_unsupported"]));
}
