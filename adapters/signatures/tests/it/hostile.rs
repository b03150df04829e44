//! Messages cut wrong, on purpose or by accident, and signatures that are noise.
//!
//! Guarantee: nothing here panics, takes long, or is called valid. Limit: bounded runs with seeded chance; the coverage guided
//! kind of fuzzing is elsewhere.

use crate::fixture::{AT, PROVIDER, openssl_takes, part, says, world};
use messo_core::signatures::Verdict;
use messo_signatures::testing::{Encoding, assemble};
use messo_signatures::{verify_detached, verify_message};
use proptest::prelude::*;

fn receipt() -> String {
    String::from_utf8(world().provider.message(PROVIDER, &part(1_000), Encoding::Der)).unwrap()
}

#[test]
fn a_missing_closing_boundary_does_not_matter() {
    let raw = receipt().replace("\r\n------outer--\r\n", "\r\n");
    assert_eq!(says(&world().check(raw.as_bytes())), (Verdict::Valid, vec![]));
}

#[test]
fn an_inner_boundary_that_begins_with_the_outer_one_cuts_nothing() {
    // OpenSSL's own reader compares only the beginning and would cut here.
    let part = String::from_utf8(part(900)).unwrap().replace("----inner", "----outer-inner");
    let raw = world().provider.message(PROVIDER, part.as_bytes(), Encoding::Der);
    assert_eq!(says(&world().check(&raw)), (Verdict::Valid, vec![]));
    assert!(!openssl_takes(&raw));
}

#[test]
fn an_export_without_the_signature_part_is_missing_its_signature() {
    let raw = receipt();
    let (head, _) = raw.rsplit_once("------outer\r\n").unwrap();
    for export in [head.to_owned(), format!("{head}------outer--\r\n")] {
        let report = world().check(export.as_bytes());
        assert_eq!(says(&report), (Verdict::Missing, vec!["no_signature"]));
    }
}

#[test]
fn mail_that_nobody_signed_is_missing_a_signature() {
    for raw in ["", "From: a@b.it\r\n\r\nciao", "Content-Type: text/plain\r\n\r\nciao", "\r\n\r\n"]
    {
        assert_eq!(world().check(raw.as_bytes()).verdict, Verdict::Missing);
    }
    // A receipt inside another message does not sign that message.
    let inner = receipt();
    let raw = format!("From: {PROVIDER}\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
    assert_eq!(world().check(raw.as_bytes()).verdict, Verdict::Missing);
    let raw = format!(
        "From: {PROVIDER}\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n{inner}\r\n--z--\r\n"
    );
    assert_eq!(world().check(raw.as_bytes()).verdict, Verdict::Missing);
}

#[test]
fn what_two_programs_could_cut_differently_is_refused() {
    let broken = |raw: String| {
        let report = world().check(raw.as_bytes());
        assert_eq!(says(&report), (Verdict::Invalid, vec!["mime_structure"]), "{raw}");
    };
    let raw = receipt();
    broken(raw.replace("boundary=\"----outer\"", "boundary=\"----outer\"; boundary=\"x\""));
    broken(raw.replace("; micalg=sha-256;\r\n boundary=\"----outer\"", ""));
    broken(raw.replace("boundary=\"----outer\"", "boundary=\"----elsewhere\""));
    broken(raw.replace("Subject:", "Content-Type: text/plain\r\nSubject:"));
    // A third part, before or after the signature.
    let extra = "------outer\r\nContent-Type: text/plain\r\n\r\nextra\r\n";
    broken(raw.replace("------outer--", &format!("{extra}------outer--")));
    let at = raw.rfind("------outer\r\n").unwrap();
    broken(format!("{}{extra}{}", &raw[..at], &raw[at..]));
}

#[test]
fn another_kind_of_signature_is_not_verifiable() {
    let raw = receipt().replace("application/x-pkcs7-signature", "application/pgp-signature");
    let report = world().check(raw.as_bytes());
    assert_eq!(says(&report), (Verdict::NotVerifiable, vec!["algorithm_unsupported"]));
}

#[test]
fn the_preamble_and_the_epilogue_are_not_signed_and_do_not_matter() {
    let raw =
        receipt().replace("This is an S/MIME", "--almost\r\n------outer-not\r\nThis is an S/MIME");
    let raw = format!("{raw}epilogue\r\n--x\r\n");
    assert_eq!(world().check(raw.as_bytes()).verdict, Verdict::Valid);
}

#[test]
fn a_signature_too_long_or_not_base64_is_unreadable() {
    let unreadable = (Verdict::Invalid, vec!["cms_unreadable"]);
    let long = assemble(PROVIDER, &part(500), &vec![0x30; 1_000_001]);
    assert_eq!(says(&world().check(&long)), unreadable);
    let raw = receipt();
    let at = raw.rfind("filename=\"smime.p7s\"\r\n\r\n").unwrap() + 30;
    let noise = format!("{}*#!{}", &raw[..at], &raw[at..]);
    assert_eq!(says(&world().check(noise.as_bytes())), unreadable);
    let anchors = world().anchors();
    let report = verify_detached(b"x", &vec![0x30; 1_000_001], None, AT, &anchors);
    assert_eq!(says(&report), unreadable);
}

#[test]
fn thousands_of_parts_and_endless_headers_cost_little() {
    let many = format!("{}{}", receipt(), "\r\n------outer\r\n".repeat(100_000));
    assert_eq!(world().check(many.as_bytes()).verdict, Verdict::Valid, "all of it is epilogue");
    let prefixes = receipt().replace("This is", &"\r\n------outerX".repeat(300_000));
    assert_eq!(world().check(prefixes.as_bytes()).verdict, Verdict::Valid);
    let headers = format!("{}{}", "X-Long: y\r\n".repeat(300_000), receipt());
    assert_ne!(world().check(headers.as_bytes()).verdict, Verdict::Valid);
    let folds = format!("From: a\r\n{}\r\n{}", " (\r\n".repeat(100_000), receipt());
    assert_ne!(world().check(folds.as_bytes()).verdict, Verdict::Valid);
}

#[test]
fn two_thousand_mutated_signatures_neither_panic_nor_change_the_signer() {
    let part = part(500);
    let anchors = world().anchors();
    let signer = verify_message(receipt().as_bytes(), AT, &anchors).signer.unwrap();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    let mut valid = 0;
    for round in 0..2_000 {
        let encoding = if round % 2 == 0 { Encoding::Der } else { Encoding::Ber };
        let mut cms = world().provider.sign(&part, encoding);
        for _ in 0..=next(4) {
            let at = next(cms.len());
            match next(4) {
                0 => cms.truncate(at.max(1)),
                1 => drop(cms.remove(at)),
                2 => cms.insert(at, next(256) as u8),
                _ => cms[at] ^= 1 << next(8),
            }
        }
        let report = verify_detached(&part, &cms, Some(PROVIDER), AT, &anchors);
        if report.verdict == Verdict::Valid {
            valid += 1;
            assert_eq!(report.signer.unwrap().certificate_der, signer.certificate_der);
        }
    }
    // Bytes that nobody signs (certificates that came along, versions) may change; most of them do count.
    assert!(valid < 800, "{valid} of 2000 mutations went unnoticed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_a_receipt_in_any_order_never_panic_and_are_valid_only_whole(
        pieces in proptest::collection::vec((0_usize..2_600, 0_usize..2_600), 1..6)
    ) {
        let raw = receipt().into_bytes();
        let mut cut = Vec::new();
        for (from, to) in pieces {
            let (from, to) = (from.min(raw.len()), to.min(raw.len()));
            cut.extend_from_slice(raw.get(from..to).unwrap_or_default());
        }
        let report = verify_message(&cut, AT, &world().anchors());
        let whole = memchr::memmem::find(&cut, &part(1_000)).is_some();
        prop_assert!(report.verdict != Verdict::Valid || whole);
    }

    #[test]
    fn words_of_mime_in_any_order_never_panic_and_are_never_valid(
        words in proptest::collection::vec(prop::sample::select(WORDS), 0..60)
    ) {
        let raw = words.concat();
        prop_assert!(verify_message(raw.as_bytes(), AT, &world().anchors()).verdict != Verdict::Valid);
    }

    #[test]
    fn noise_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        let anchors = world().anchors();
        prop_assert!(verify_message(&raw, AT, &anchors).verdict != Verdict::Valid);
        prop_assert!(verify_detached(&raw, &raw, None, AT, &anchors).verdict != Verdict::Valid);
    }
}

const WORDS: &[&str] = &[
    "Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"\r\n",
    "Content-Type: application/pkcs7-signature\r\n",
    "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "From: a@b.it\r\n",
    "from:\r\n",
    " folded\r\n",
    "\r\n",
    "\n",
    "\r",
    "--b\r\n",
    "--b--\r\n",
    "--b ",
    "\r\n--bb\r\n",
    "MIAGCSqGSIb3DQEHAqCAMIACAQExADCABgkqhkiG9w0BBwEAADGAAAAAAAAA",
    "MAA=",
    "\"",
    "(",
    ";",
    "=",
];
