//! Bundles that hold, and every way in which one can fail to.

use super::{Checks, ProblemCode as Code, Verification, WHOLE, verify};
use crate::certify::bundle::{Contents, Member, archive, seal_file, write};
use crate::certify::chain::{self, ChainLine, Gap, Link, span};
use crate::certify::manifest::{
    About, CHAIN, MANIFEST, Manifest, SEAL, STATEMENT_HTML, STATEMENT_PDF, VERSION, What,
    fingerprint, json,
};
use ed25519_dalek::{Signer, SigningKey};
use messo_core::dispatches::DispatchState;
use messo_core::evidence::{EvidenceDraft, EvidenceItem, EvidenceKind, genesis};
use messo_core::ids::{AttemptId, BlobHash, BodyId, DispatchId, EvidenceId, NoticeId, ReceiptId};
use messo_core::ports::Seal;
use messo_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::io::{Cursor, Read};
use uuid::Uuid;

const BODY: BodyId = BodyId(Uuid::from_u128(1));
const DISPATCH: DispatchId = DispatchId(Uuid::from_u128(2));
const ATTEMPTS: [AttemptId; 2] = [AttemptId(Uuid::from_u128(11)), AttemptId(Uuid::from_u128(12))];
const RECEIPTS: [ReceiptId; 2] = [ReceiptId(Uuid::from_u128(21)), ReceiptId(Uuid::from_u128(22))];

struct Key(SigningKey);

impl Key {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }
}

impl Seal for Key {
    fn seal(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

/// A chain as the storage would make it; every second item belongs to somebody else.
struct Chain {
    items: Vec<EvidenceItem>,
}

impl Chain {
    fn add(
        &mut self,
        dispatch: DispatchId,
        kind: EvidenceKind,
        blob: Option<&[u8]>,
        facts: serde_json::Value,
    ) {
        let seq = self.items.len() as i64 + 1;
        let previous = self.items.last().map_or_else(|| genesis(BODY), |item| item.hash);
        let draft = EvidenceDraft {
            id: EvidenceId(Uuid::from_u128(1000 + seq as u128)),
            body: BODY,
            dispatch: Some(dispatch),
            kind,
            at: Timestamp::from_seconds(1_795_000_000 + seq),
            blob: blob.map(BlobHash::of),
            summary: facts.to_string(),
        };
        self.items.push(draft.chain(seq, previous));
    }

    fn own(&mut self, kind: EvidenceKind, blob: Option<&[u8]>, facts: serde_json::Value) {
        let other = DispatchId(Uuid::from_u128(99));
        self.add(other, EvidenceKind::Accepted, None, json!({ "somebody": "else" }));
        self.add(DISPATCH, kind, blob, facts);
    }

    fn lines(&self) -> Vec<ChainLine> {
        let lines = self.items.iter().map(|item| {
            if item.dispatch == Some(DISPATCH) {
                ChainLine::Item(item.clone())
            } else {
                ChainLine::Link(Link::from(item))
            }
        });
        lines.skip(1).collect()
    }
}

/// An e-mail and a text message: sent, answered for, received.
fn contents() -> Contents {
    let sent: [&[u8]; 2] = [b"From: a@example.it\r\n\r\nCiao", b"text=Ciao&to=%2B39333"];
    let said: [&[u8]; 2] = [b"C: DATA\nS: 250 2.0.0 Ok", b"HTTP 202"];
    let back: [&[u8]; 2] = [b"type=1&at=10:15", b"type=8&at=10:16"];
    let mut chain = Chain { items: Vec::new() };
    let mut members = vec![
        member(STATEMENT_PDF, What::StatementPdf, b"%PDF-1.7 relata"),
        member(STATEMENT_HTML, What::StatementHtml, "<p>Relata è qui</p>".as_bytes()),
    ];
    chain.own(EvidenceKind::Accepted, None, json!({ "content_sha256": "of the facts" }));
    for (n, attempt) in ATTEMPTS.into_iter().enumerate() {
        let content = BlobHash::of(sent[n]);
        let facts = json!({ "attempt": attempt, "sandbox": false, "content_sha256": content });
        chain.own(EvidenceKind::Attempt, Some(sent[n]), facts);
        chain.own(EvidenceKind::Outcome, Some(said[n]), json!({ "attempt": attempt }));
        members.push(member(&format!("inviati/{n}-email.eml"), What::Sent { attempt }, sent[n]));
        let what = What::Transcript { attempt };
        members.push(member(&format!("colloqui/{n}-email.txt"), what, said[n]));
    }
    for (n, receipt) in RECEIPTS.into_iter().enumerate() {
        let facts = json!({ "receipt": receipt, "raw_sha256": BlobHash::of(back[n]) });
        chain.own(EvidenceKind::Receipt, Some(back[n]), facts);
        members.push(member(&format!("ricevute/{n}-sms.txt"), What::Receipt { receipt }, back[n]));
    }
    chain.own(EvidenceKind::Closed, None, json!({ "state": DispatchState::Delivered }));
    let lines = chain.lines();
    members.push(member(CHAIN, What::Chain, &chain::write(&lines)));
    let about = About {
        release: "0.1.0".into(),
        generated_at: "2026-11-22T04:00:00.000000Z".into(),
        body: BODY,
        notice: NoticeId(Uuid::from_u128(3)),
        dispatch: DISPATCH,
        number: 12,
        state: DispatchState::Delivered,
        sandbox: false,
        chain: span(&lines).unwrap(),
    };
    Contents { about, members }
}

fn member(name: &str, what: What, bytes: &[u8]) -> Member {
    Member { name: name.into(), what, description: "prova".into(), bytes: bytes.to_vec() }
}

fn bundle() -> Vec<u8> {
    write(&contents(), &Key::new(7)).unwrap()
}

fn unpacked(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    archive(members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))).unwrap()
}

fn check(bundle: &[u8]) -> Verification {
    verify(Cursor::new(bundle), &Checks::default())
}

fn keyed(key: [u8; 32]) -> Checks<'static> {
    Checks { key: Some(key), ..Checks::default() }
}

fn names(found: &Verification, member: &str, code: Code) -> bool {
    found.problems.iter().any(|problem| problem.member == member && problem.code == code)
}

#[track_caller]
fn assert_found(bundle: &[u8], member: &str, code: Code) {
    let found = check(bundle);
    assert!(!found.valid);
    assert!(names(&found, member, code), "{member} {code:?} not in {:#?}", found.problems);
}

/// Changes the contents before they are sealed by the right key: a body that forges its own bundle.
fn forged(change: impl FnOnce(&mut Contents)) -> Vec<u8> {
    let mut contents = contents();
    change(&mut contents);
    write(&contents, &Key::new(7)).unwrap()
}

/// Changes the extract of the chain, and seals.
fn rechained(change: impl FnOnce(&mut Vec<ChainLine>)) -> Vec<u8> {
    forged(|contents| {
        let file = contents.members.iter_mut().find(|member| member.name == CHAIN).unwrap();
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        change(&mut lines);
        file.bytes = chain::write(&lines);
    })
}

#[test]
fn an_untouched_bundle_holds_and_says_what_it_is() {
    let key = Key::new(7).public_key();
    let found = verify(Cursor::new(bundle()), &keyed(key));
    assert_eq!(found.problems, []);
    assert!(found.valid && found.key_checked);
    assert_eq!((found.dispatch, found.body), (Some(DISPATCH), Some(BODY)));
    assert_eq!((found.state, found.sandbox), (Some(DispatchState::Delivered), Some(false)));
    assert_eq!(found.fingerprint, Some(fingerprint(&key)));
    assert_eq!((found.files, found.chain_items, found.chain_links), (11, 8, 7));
}

#[test]
fn the_same_contents_always_are_the_same_file() {
    assert_eq!(bundle(), bundle());
}

#[test]
fn a_bundle_that_another_program_packed_anew_still_holds() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in unpacked(&bundle()).iter().rev() {
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(name.as_str(), options).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    assert_eq!(check(&zip.finish().unwrap().into_inner()).problems, []);
}

#[test]
fn a_fingerprint_is_eight_groups_of_four() {
    assert_eq!(fingerprint(&[0; 32]), "6668 7aad f862 bd77 6c8f c18b 8e9f 8e20");
}

#[test]
fn a_member_left_out_is_named() {
    for left_out in unpacked(&bundle()).into_iter().map(|(name, _)| name) {
        let mut members = unpacked(&bundle());
        members.retain(|(name, _)| *name != left_out);
        assert_found(&packed(&members), &left_out, Code::Missing);
    }
}

#[test]
fn a_member_put_in_is_named() {
    let mut members = unpacked(&bundle());
    members.push(("inviati/9-email.eml".into(), b"mai spedita".to_vec()));
    assert_found(&packed(&members), "inviati/9-email.eml", Code::Unlisted);
}

#[test]
fn swapped_receipts_are_both_named() {
    let mut members = unpacked(&bundle());
    let at = |name: &str| unpacked(&bundle()).iter().position(|(n, _)| n == name).unwrap();
    let (one, two) = (at("ricevute/0-sms.txt"), at("ricevute/1-sms.txt"));
    let bytes = members[one].1.clone();
    members[one].1 = std::mem::replace(&mut members[two].1, bytes);
    let swapped = packed(&members);
    assert_found(&swapped, "ricevute/0-sms.txt", Code::Changed);
    assert_found(&swapped, "ricevute/1-sms.txt", Code::Changed);
}

#[test]
fn receipts_swapped_and_sealed_again_are_not_what_the_chain_names() {
    let swapped = forged(|contents| {
        let at = |name: &str| contents.members.iter().position(|m| m.name == name).unwrap();
        let (one, two) = (at("ricevute/0-sms.txt"), at("ricevute/1-sms.txt"));
        let bytes = contents.members[one].bytes.clone();
        contents.members[one].bytes = std::mem::replace(&mut contents.members[two].bytes, bytes);
    });
    assert_found(&swapped, "ricevute/0-sms.txt", Code::EvidenceDiffers);
    assert_found(&swapped, "ricevute/1-sms.txt", Code::EvidenceDiffers);
}

#[test]
fn evidence_left_out_and_sealed_again_is_missed_by_the_chain() {
    let without = forged(|contents| contents.members.retain(|m| m.name != "ricevute/0-sms.txt"));
    assert_found(&without, CHAIN, Code::EvidenceMissing);
}

#[test]
fn evidence_invented_and_sealed_again_is_unknown_to_the_chain() {
    let receipt = ReceiptId(Uuid::from_u128(23));
    let with = forged(|contents| {
        contents.members.push(member("ricevute/9-sms.txt", What::Receipt { receipt }, b"type=1"));
    });
    assert_found(&with, "ricevute/9-sms.txt", Code::NotInChain);
}

#[test]
fn a_manifest_made_anew_with_another_key_shows_another_fingerprint() {
    let forged = write(&contents(), &Key::new(8)).unwrap();
    let found = verify(Cursor::new(&forged), &keyed(Key::new(7).public_key()));
    assert!(!found.valid);
    assert!(names(&found, SEAL, Code::OtherKey));
    assert_eq!(found.fingerprint, Some(fingerprint(&Key::new(8).public_key())));
    // Without an expected key the bundle is whole; whose it is, is left to the fingerprint.
    let found = check(&forged);
    assert!(found.valid && !found.key_checked);
}

#[test]
fn a_manifest_changed_after_the_seal_is_named_even_if_its_hash_is_mended() {
    let mut members = unpacked(&bundle());
    let manifest = members.iter().position(|(name, _)| name == MANIFEST).unwrap();
    let mut read: Manifest = serde_json::from_slice(&members[manifest].1).unwrap();
    read.about.state = DispatchState::Failed;
    members[manifest].1 = json(&read);
    assert_found(&packed(&members), MANIFEST, Code::SealBroken);
    let seal = members.iter().position(|(name, _)| name == SEAL).unwrap();
    let mut sealed: crate::certify::manifest::SealFile =
        serde_json::from_slice(&members[seal].1).unwrap();
    sealed.manifest_sha256 = BlobHash::of(&members[manifest].1);
    members[seal].1 = json(&sealed);
    assert_found(&packed(&members), SEAL, Code::SealBroken);
}

#[test]
fn a_state_or_sandbox_that_the_chain_does_not_know_is_a_contradiction() {
    let better = forged(|contents| contents.about.state = DispatchState::Failed);
    assert_found(&better, MANIFEST, Code::Contradiction);
    let real = forged(|contents| contents.about.sandbox = true);
    assert_found(&real, MANIFEST, Code::Contradiction);
}

#[test]
fn an_item_reworded_moved_or_taken_out_breaks_the_chain() {
    let reworded = rechained(|lines| {
        if let ChainLine::Item(item) = &mut lines[2] {
            item.summary.push(' ');
        }
    });
    assert_found(&reworded, CHAIN, Code::ItemBroken);
    let moved = rechained(|lines| lines.swap(3, 5));
    assert_found(&moved, CHAIN, Code::ChainBroken);
    let taken = rechained(|lines| drop(lines.remove(5)));
    assert_found(&taken, CHAIN, Code::ChainBroken);
    let cut = rechained(|lines| drop(lines.pop()));
    assert_found(&cut, CHAIN, Code::ChainBroken);
    let foreign = rechained(|lines| {
        if let ChainLine::Item(item) = &mut lines[2] {
            item.dispatch = None;
            item.hash = item.compute_hash();
        }
    });
    assert_found(&foreign, CHAIN, Code::Foreign);
}

#[test]
fn a_stretch_left_out_is_counted_and_must_fit() {
    let gapped = rechained(|lines| lines[1] = ChainLine::Gap(Gap { from: 3, to: 3 }));
    let found = check(&gapped);
    assert_eq!((found.problems.as_slice(), found.chain_gaps), (&[][..], 1));
    let wrong = rechained(|lines| lines[1] = ChainLine::Gap(Gap { from: 3, to: 4 }));
    assert_found(&wrong, CHAIN, Code::ChainBroken);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in
        ["../fuori.txt", "/etc/passwd", "inviati/../../x", "a\\b", ".nascosto", "Relata.pdf"]
    {
        let mut members = unpacked(&bundle());
        members.push((name.into(), b"x".to_vec()));
        assert_found(&packed(&members), name, Code::UnsafeName);
    }
}

#[test]
fn two_members_of_one_name_are_refused() {
    let mut members = unpacked(&bundle());
    members.push(("ricevute/2-sms.txt".into(), b"type=1&at=10:15".to_vec()));
    let doubled = replace_all(&packed(&members), b"ricevute/2-sms.txt", b"ricevute/0-sms.txt");
    assert_found(&doubled, WHOLE, Code::ArchiveInconsistent);
}

#[test]
fn a_member_with_two_names_is_refused() {
    let bundle = bundle();
    let at = bundle.windows(18).position(|part| part == b"ricevute/0-sms.txt").unwrap();
    let mut renamed = bundle.clone();
    renamed[at + 9] = b'7';
    assert_found(&renamed, WHOLE, Code::ArchiveInconsistent);
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    // A million zeros, and headers that promise 4 GB: both must be refused unread.
    let length: u32 = 1_000_003;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    zip.start_file(MANIFEST, options).unwrap();
    std::io::Write::write_all(&mut zip, &vec![0; length as usize]).unwrap();
    let honest = zip.finish().unwrap().into_inner();
    let bomb = replace_all(&honest, &length.to_le_bytes(), &0xf000_0000_u32.to_le_bytes());
    assert_ne!(bomb, honest);
    assert_found(&bomb, MANIFEST, Code::TooLarge);
    // The same zeros under a size that is too small are never unpacked beyond it.
    let shy = replace_all(&honest, &length.to_le_bytes(), &10_u32.to_le_bytes());
    assert_found(&shy, MANIFEST, Code::MemberUnreadable);
}

#[test]
fn what_stands_before_or_after_the_archive_is_refused() {
    let mut after = bundle();
    after.extend(b"coda");
    assert_found(&after, WHOLE, Code::ArchiveUnreadable);
    let mut before = b"#!/bin/sh\n".to_vec();
    before.extend(bundle());
    assert_found(&before, WHOLE, Code::ArchiveInconsistent);
}

#[test]
fn a_bundle_of_a_later_format_asks_for_a_later_release() {
    let contents = contents();
    let manifest = Manifest {
        format: "messo-evidence".into(),
        version: VERSION + 1,
        about: contents.about.clone(),
        members: contents.members.iter().map(Member::entry).collect(),
    };
    let manifest = json(&manifest);
    let seal = json(&seal_file(&manifest, &Key::new(7)));
    let mut members: Vec<(String, Vec<u8>)> =
        contents.members.into_iter().map(|member| (member.name, member.bytes)).collect();
    members.push((MANIFEST.into(), manifest));
    members.push((SEAL.into(), seal));
    assert_found(&packed(&members), MANIFEST, Code::VersionUnknown);
}

#[test]
fn problems_are_written_for_programs_and_for_people() {
    let found = check(&bundle()[..100]);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["problems"][0]["code"], "archive_unreadable");
    assert_eq!(json["problems"][0]["member"], WHOLE);
    assert!(json["problems"][0]["text"].as_str().unwrap().contains("troncato"));
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Where a member's bytes lie in the archive.
fn spans(bundle: &[u8]) -> Vec<(String, usize, usize)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    (0..zip.len())
        .map(|index| {
            let file = zip.by_index(index).unwrap();
            let start = usize::try_from(file.data_start().unwrap()).unwrap();
            (file.name().unwrap().into_owned(), start, usize::try_from(file.size()).unwrap())
        })
        .collect()
}

#[test]
fn bytes_all_over_every_member_count_and_the_member_is_named() {
    let bundle = bundle();
    for (name, mut bytes) in unpacked(&bundle) {
        let mut members = unpacked(&bundle);
        let at = members.iter().position(|(other, _)| *other == name).unwrap();
        // Small members byte by byte, long ones at some sixty places.
        for offset in (0..bytes.len()).step_by(bytes.len().div_ceil(60)) {
            bytes[offset] ^= 1;
            members[at].1.clone_from(&bytes);
            let found = check(&packed(&members));
            let named = found.problems.iter().any(|problem| problem.member == name);
            assert!(!found.valid && named, "{name} at {offset}: {:#?}", found.problems);
            bytes[offset] ^= 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_byte_changed_in_the_file_names_its_member(
        member in 0usize..11,
        offset in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut bundle = bundle();
        let (name, start, length) = spans(&bundle)[member].clone();
        bundle[start + offset.index(length)] ^= flip;
        let found = check(&bundle);
        prop_assert!(!found.valid);
        prop_assert!(
            found.problems.iter().any(|problem| problem.member == name),
            "{name}: {:#?}", found.problems
        );
    }

    #[test]
    fn a_cut_file_is_refused_and_never_panics(length in any::<prop::sample::Index>()) {
        let bundle = bundle();
        let found = check(&bundle[..length.index(bundle.len())]);
        prop_assert!(!found.valid);
        prop_assert!(names(&found, WHOLE, Code::ArchiveUnreadable));
    }

    #[test]
    fn any_byte_anywhere_changed_or_any_rubbish_never_panics(
        offset in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut bundle = bundle();
        let start = offset.index(bundle.len());
        for (at, byte) in bytes.iter().enumerate() {
            if let Some(place) = bundle.get_mut(start + at) {
                *place = *byte;
            }
        }
        check(&bundle);
        check(&bytes);
    }
}
