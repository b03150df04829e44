//! Every way in which a certified receipt can be wrong in a bundle whose hashes, chain and seal all hold: the body itself
//! has sealed it.

use crate::certify::bundle::{Contents, Member, write};
use crate::certify::chain::{self, ChainLine, span};
use crate::certify::manifest::{About, CHAIN, STAMP, STATEMENT_HTML, STATEMENT_PDF, What};
use crate::verify::{Checks, ProblemCode as Code, Verification, verify};
use ed25519_dalek::{Signer as _, SigningKey};
use messo_core::dispatches::DispatchState;
use messo_core::evidence::{EvidenceDraft, EvidenceItem, EvidenceKind, genesis};
use messo_core::ids::{AttemptId, BlobHash, BodyId, DispatchId, EvidenceId, NoticeId, ReceiptId};
use messo_core::messages::{Headers, MailClass, Meaning, Reading};
use messo_core::pec::{PecData, PecInstant, PecKind};
use messo_core::ports::{
    MailReader, Seal, SignatureCheck, StampCheck, StampReport, UnreadableMail,
};
use messo_core::signatures::{SignatureFault, SignatureReport, Signer, TimeStamp};
use messo_core::time::Timestamp;
use serde_json::{Value, json};
use std::io::Cursor;
use uuid::Uuid;

const BODY: BodyId = BodyId(Uuid::from_u128(1));
const DISPATCH: DispatchId = DispatchId(Uuid::from_u128(2));
const ATTEMPT: AttemptId = AttemptId(Uuid::from_u128(11));
const OTHER: AttemptId = AttemptId(Uuid::from_u128(12));
const TO: &str = "anna@pec.example";

/// A receipt: what its bytes say, and what the chain says of it.
#[derive(Clone)]
struct Told {
    pec: PecData,
    in_chain: PecData,
    daticert: &'static str,
    daticert_in_chain: &'static str,
    daticert_beside: &'static str,
    /// `forged`, `unsigned`, `garbled`, or nothing.
    mark: &'static str,
    attempt: AttemptId,
}

fn reference(attempt: AttemptId) -> String {
    format!("m1.{}@organismo.example", attempt.0.simple())
}

fn told(kind: PecKind) -> Told {
    let pec = PecData {
        kind: Some(kind),
        word: kind.word().into(),
        record: Some(kind.word().into()),
        sealed: None,
        reference: Some(reference(ATTEMPT)),
        pec_id: Some("opec1.7@pec.gestore.example".into()),
        recipient: Some(TO.into()),
        recipients: Vec::new(),
        sender: Some("organismo@pec.example".into()),
        subject: None,
        instant: Some(PecInstant {
            at: Timestamp::from_seconds(1_795_474_807),
            zone: "+0100".into(),
            legal_day: jiff::civil::date(2026, 11, 24),
        }),
        error: Some("nessuno".into()),
        error_detail: None,
        receipt_type: None,
        provider: Some("Gestore".into()),
        oddities: Vec::new(),
    };
    Told {
        in_chain: pec.clone(),
        pec,
        daticert: "<postacert/>",
        daticert_in_chain: "<postacert/>",
        daticert_beside: "<postacert/>",
        mark: "",
        attempt: ATTEMPT,
    }
}

impl Told {
    fn bytes(&self) -> Vec<u8> {
        let text = json!({ "pec": self.pec, "daticert": self.daticert, "mark": self.mark });
        text.to_string().into_bytes()
    }
}

/// Messages of this test are JSON.
struct Reader;

impl MailReader for Reader {
    fn read(&self, raw: &[u8]) -> Result<Reading, UnreadableMail> {
        let text: Value = serde_json::from_slice(raw).map_err(|_| UnreadableMail("".into()))?;
        if text["mark"] == "garbled" {
            return Err(UnreadableMail("garbled".into()));
        }
        let headers = Headers {
            message_id: text["message_id"].as_str().map(str::to_owned),
            to: text["to"].as_str().map(str::to_owned).into_iter().collect(),
            ..Headers::default()
        };
        Ok(Reading {
            class: MailClass::PecReceipt,
            headers,
            meaning: Meaning::Plain,
            pec: serde_json::from_value(text["pec"].clone()).ok(),
            daticert: text["daticert"].as_str().map(|text| text.as_bytes().to_vec()),
            inner: None,
            text: String::new(),
            new_text: String::new(),
            attachments: Vec::new(),
            automatic: false,
            oddities: Vec::new(),
        })
    }
}

struct Signatures;

impl SignatureCheck for Signatures {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        let has = |mark: &str| memchr::memmem::find(raw, mark.as_bytes()).is_some();
        let reason = match () {
            () if has("forged") => SignatureFault::DigestMismatch,
            () if has("unsigned") => SignatureFault::NoSignature,
            () => SignatureFault::NoAnchors,
        };
        SignatureReport::from_reasons(vec![reason], Some(signer()), None, at)
    }
}

fn signer() -> Signer {
    let der = b"a certificate".to_vec();
    Signer {
        subject: "CN=Gestore".into(),
        issuer: "CN=CA".into(),
        serial_hex: "01".into(),
        email: None,
        organization: None,
        not_before: Timestamp(0),
        not_after: Timestamp(1),
        sha256_fingerprint_hex: BlobHash::of(&der).hex(),
        certificate_der: der,
    }
}

/// A token is the hash that it stamps, in words.
struct Stamps;

impl StampCheck for Stamps {
    fn check(&self, token: &[u8], sha256: BlobHash) -> StampReport {
        let text = String::from_utf8_lossy(token);
        let stamp = TimeStamp {
            at: Timestamp(0),
            serial_hex: "01".into(),
            tsa: "CN=TSA".into(),
            policy: "1.2".into(),
            sha256_hex: sha256.hex(),
            token_der: token.to_vec(),
        };
        match text.parse::<BlobHash>() {
            Ok(hash) if hash == sha256 => StampReport::Valid(stamp),
            Ok(_) => StampReport::OtherHash,
            Err(_) => StampReport::Invalid("broken".into()),
        }
    }
}

struct Key;

impl Seal for Key {
    fn seal(&self, bytes: &[u8]) -> [u8; 64] {
        SigningKey::from_bytes(&[7; 32]).sign(bytes).to_bytes()
    }
    fn public_key(&self) -> [u8; 32] {
        SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes()
    }
}

fn member(name: &str, what: What, bytes: &[u8]) -> Member {
    Member { name: name.into(), what, description: "prova".into(), bytes: bytes.to_vec() }
}

/// A bundle of two sendings with these receipts, sealed and with a chain that holds.
fn contents(receipts: &[Told]) -> Contents {
    let mut items: Vec<EvidenceItem> = Vec::new();
    let mut note = |kind, blob: Option<&[u8]>, facts: Value| {
        let seq = items.len() as i64 + 1;
        let previous = items.last().map_or_else(|| genesis(BODY), |item| item.hash);
        let draft = EvidenceDraft {
            id: EvidenceId(Uuid::from_u128(1000 + seq as u128)),
            body: BODY,
            dispatch: Some(DISPATCH),
            kind,
            at: Timestamp::from_seconds(1_795_474_000 + seq),
            blob: blob.map(BlobHash::of),
            summary: facts.to_string(),
        };
        items.push(draft.chain(seq, previous));
    };
    let mut members = vec![
        member(STATEMENT_PDF, What::StatementPdf, b"%PDF-1.7 relata"),
        member(STATEMENT_HTML, What::StatementHtml, b"<p>relata</p>"),
    ];
    for attempt in [ATTEMPT, OTHER] {
        let sent = json!({ "message_id": reference(attempt), "to": TO }).to_string();
        note(EvidenceKind::Attempt, Some(sent.as_bytes()), json!({ "attempt": attempt }));
        let name = format!("inviati/{}-pec.eml", members.len());
        members.push(member(&name, What::Sent { attempt }, sent.as_bytes()));
    }
    for (n, told) in receipts.iter().enumerate() {
        let receipt = ReceiptId(Uuid::from_u128(21 + n as u128));
        let signature = Signatures.check(b"", told.in_chain.instant.as_ref().unwrap().at);
        let facts = json!({
            "receipt": receipt, "attempt": told.attempt, "pec": told.in_chain,
            "raw_sha256": BlobHash::of(&told.bytes()), "signature": signature,
            "daticert_sha256": BlobHash::of(told.daticert_in_chain.as_bytes()),
        });
        note(EvidenceKind::Receipt, Some(&told.bytes()), facts.clone());
        members.push(member(
            &format!("ricevute/{n}.eml"),
            What::Receipt { receipt },
            &told.bytes(),
        ));
        let what = What::Daticert { receipt };
        members.push(member(&format!("ricevute/{n}.xml"), what, told.daticert_beside.as_bytes()));
        let report = json!({ "pec": facts["pec"], "signature": facts["signature"] }).to_string();
        let what = What::Report { receipt };
        members.push(member(&format!("verifiche/{n}.json"), what, report.as_bytes()));
    }
    members.push(member("certificati/0.der", What::Certificate, b"a certificate"));
    let lines: Vec<ChainLine> = items.into_iter().map(ChainLine::Item).collect();
    let chain = chain::write(&lines);
    let token = BlobHash::of(&chain).hex();
    members.push(member(CHAIN, What::Chain, &chain));
    members.push(member(STAMP, What::Stamp, token.as_bytes()));
    let about = About {
        release: "0.1.0".into(),
        generated_at: "2026-11-24T04:00:00.000000Z".into(),
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

fn check(contents: &Contents) -> Verification {
    let bundle = write(contents, &Key).unwrap();
    let checks = Checks {
        key: Some(Key.public_key()),
        reader: Some(&Reader),
        signatures: Some(&Signatures),
        stamps: Some(&Stamps),
    };
    verify(Cursor::new(bundle), &checks)
}

/// The one problem that is found when the delivery receipt is changed so.
#[track_caller]
fn found(change: impl FnOnce(&mut Told)) -> (String, Code, String) {
    let mut delivery = told(PecKind::Delivery);
    change(&mut delivery);
    let found = check(&contents(&[told(PecKind::Acceptance), delivery]));
    assert!(!found.valid);
    let [problem] = found.problems.as_slice() else { panic!("{:#?}", found.problems) };
    (problem.member.clone(), problem.code, problem.text.clone())
}

const DELIVERY: &str = "ricevute/1.eml";

#[test]
fn receipts_that_belong_are_read_again_and_told() {
    let found = check(&contents(&[told(PecKind::Acceptance), told(PecKind::Delivery)]));
    assert_eq!(found.problems, []);
    assert_eq!(found.receipts.len(), 2);
    let delivery = &found.receipts[1];
    assert_eq!((delivery.kind.as_str(), delivery.signature), ("delivery", "not_verifiable"));
    assert_eq!(delivery.legal_day.as_deref(), Some("2026-11-24"));
    assert_eq!(delivery.reasons, ["no_anchors"]);
    assert_eq!(found.stamp.unwrap().verdict, "valid");
}

#[test]
fn a_receipt_of_another_message_is_named() {
    let foreign = |told: &mut Told| {
        let other = Some("m1.00000000000000000000000000000099@organismo.example".to_owned());
        told.pec.reference = other.clone();
        told.in_chain.reference = other;
    };
    let (member, code, text) = found(foreign);
    assert_eq!((member.as_str(), code), (DELIVERY, Code::OtherMessage));
    assert!(text.contains("altro messaggio"), "{text}");
}

#[test]
fn receipts_of_two_sendings_that_were_swapped_are_named() {
    let mut one = told(PecKind::Delivery);
    let mut two = told(PecKind::Delivery);
    one.pec.reference = Some(reference(OTHER));
    one.in_chain = one.pec.clone();
    two.attempt = OTHER;
    let found = check(&contents(&[one, two]));
    let codes: Vec<_> =
        found.problems.iter().map(|problem| (problem.member.as_str(), problem.code)).collect();
    assert_eq!(codes, [("ricevute/0.eml", Code::OtherMessage), (DELIVERY, Code::OtherMessage)]);
    assert!(found.problems[0].text.contains("scambiate"));
}

#[test]
fn a_receipt_about_somebody_else_is_named() {
    let (member, code, text) = found(|told| {
        told.pec.recipient = Some("altri@pec.example".into());
        told.in_chain = told.pec.clone();
    });
    assert_eq!((member.as_str(), code), (DELIVERY, Code::OtherRecipient));
    assert!(text.contains("altri@pec.example") && text.contains(TO), "{text}");
}

#[test]
fn a_forged_a_missing_and_an_unreadable_receipt_are_named() {
    let (member, code, text) = found(|told| told.mark = "forged");
    assert_eq!((member.as_str(), code), (DELIVERY, Code::SignatureInvalid));
    assert!(text.contains("alterato dopo la firma"), "{text}");
    let (_, code, _) = found(|told| told.mark = "unsigned");
    assert_eq!(code, Code::SignatureMissing);
    let (_, code, _) = found(|told| told.mark = "garbled");
    assert_eq!(code, Code::ReceiptDiffers);
}

#[test]
fn a_chain_that_says_more_than_the_receipt_is_named() {
    let (member, code, text) = found(|told| told.pec.kind = Some(PecKind::DeliveryError));
    assert_eq!((member.as_str(), code), (DELIVERY, Code::ReceiptDiffers));
    assert!(text.contains("tipo"), "{text}");
    let (_, code, text) = found(|told| {
        told.pec.instant.as_mut().unwrap().at = Timestamp::from_seconds(1_795_480_000);
    });
    assert_eq!(code, Code::ReceiptDiffers);
    assert!(text.contains("istante"), "{text}");
}

#[test]
fn data_of_another_receipt_are_named_inside_and_beside() {
    let (member, code, _) = found(|told| told.daticert = "<postacert tipo='altro'/>");
    assert_eq!((member.as_str(), code), (DELIVERY, Code::DaticertDiffers));
    let (member, code, _) = found(|told| told.daticert_beside = "<altro/>");
    assert_eq!((member.as_str(), code), ("ricevute/1.xml", Code::DaticertDiffers));
}

#[test]
fn a_provider_that_rewrites_the_reference_is_known_by_its_own_name_for_the_message() {
    let mut delivery = told(PecKind::Delivery);
    delivery.pec.reference = Some("M1.0000000000000000000000000000000B@pec.gestore.example".into());
    delivery.in_chain = delivery.pec.clone();
    assert_eq!(check(&contents(&[told(PecKind::Acceptance), delivery.clone()])).problems, []);
    delivery.pec.reference = None;
    delivery.in_chain = delivery.pec.clone();
    assert_eq!(check(&contents(&[told(PecKind::Acceptance), delivery.clone()])).problems, []);
    delivery.pec.pec_id = Some("opec1.8@pec.gestore.example".into());
    delivery.in_chain = delivery.pec.clone();
    let found = check(&contents(&[told(PecKind::Acceptance), delivery]));
    assert_eq!(found.problems[0].code, Code::OtherMessage);
}

#[test]
fn what_lies_beside_a_receipt_is_missed_or_told_to_be_strange() {
    let receipts = [told(PecKind::Acceptance), told(PecKind::Delivery)];
    let changed = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut contents = contents(&receipts);
        change(&mut contents.members);
        check(&contents).problems
    };
    let without = |name: &'static str| {
        changed(&|members| members.retain(|member| member.name != name))[0].code
    };
    assert_eq!(without("ricevute/1.xml"), Code::EvidenceMissing);
    assert_eq!(without("verifiche/1.json"), Code::EvidenceMissing);
    let better = changed(&|members| {
        let report = members.iter_mut().find(|member| member.name == "verifiche/1.json").unwrap();
        let text = String::from_utf8_lossy(&report.bytes).replace("not_verifiable", "valid");
        report.bytes = text.into_bytes();
    });
    assert_eq!(
        (better[0].member.as_str(), better[0].code),
        ("verifiche/1.json", Code::Contradiction)
    );
    let strange =
        changed(&|members| members.push(member("certificati/1.der", What::Certificate, b"x")));
    assert_eq!(strange[0].code, Code::NotInChain);
    let register = json!([{
        "year": 2026, "number": 5, "direction": "out", "at": "", "when": "", "correspondent": "",
        "subject": "", "document": BlobHash::of(b"x"), "annotations": [], "day": null,
    }]);
    let foreign = changed(&|members| {
        members.push(member("protocollo.json", What::Register, register.to_string().as_bytes()));
    });
    assert_eq!((foreign[0].code, foreign.len()), (Code::Foreign, 1));
}

#[test]
fn a_stamp_of_something_else_and_a_broken_one_are_named() {
    let stamped = |token: &str| {
        let mut contents = contents(&[told(PecKind::Delivery)]);
        contents.members.last_mut().unwrap().bytes = token.as_bytes().to_vec();
        let found = check(&contents);
        assert_eq!(found.problems.len(), 1, "{:#?}", found.problems);
        (found.problems[0].member.clone(), found.problems[0].code)
    };
    let other = BlobHash::of(b"altro").hex();
    assert_eq!(stamped(&other), (STAMP.to_owned(), Code::StampOfOther));
    assert_eq!(stamped("broken"), (STAMP.to_owned(), Code::StampBroken));
}

#[test]
fn without_tools_it_is_said_that_nothing_was_checked() {
    let bundle = write(&contents(&[told(PecKind::Delivery)]), &Key).unwrap();
    let found = verify(Cursor::new(bundle), &Checks::default());
    assert!(found.valid);
    assert_eq!(found.receipts[0].signature, "not_checked");
    assert_eq!(found.stamp.unwrap().verdict, "not_checked");
}
