//! A dispatch with everything that can happen to it, certified from a shelf in memory.

use super::bundle::BundleError;
use super::chain::{self, ChainLine, MAX_LINKS};
use super::manifest::{Manifest, STATEMENT_HTML};
use super::protocol;
use super::shelf::{Registered, Shelf};
use super::{CertifyError, Record, Stamped, Work, about, files};
use crate::verify::{Checks, ProblemCode, verify};
use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use messo_core::addresses::{Address, Channel, EmailAddress, PhoneNumber};
use messo_core::attempts::{Attempt, Ending, Failure, Outcome};
use messo_core::dispatches::{Dispatch, DispatchState, Leg};
use messo_core::evidence::{EvidenceDraft, EvidenceItem, EvidenceKind, genesis};
use messo_core::failures::FailureClass;
use messo_core::ids::*;
use messo_core::legs::{LegState, Proof};
use messo_core::notices::{CaseFacts, NoticeFacts, RecipientFacts};
use messo_core::ports::*;
use messo_core::receipts::{Receipt, Signal};
use messo_core::register::{
    Annotation, Direction, RegisterDay, RegisterDraft, RegisterEntry, day_of,
};
use messo_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

type Answer<T> = Result<T, StoreError>;

const BODY: BodyId = BodyId(Uuid::from_u128(1));
const DISPATCH: DispatchId = DispatchId(Uuid::from_u128(2));

/// 22 November 2026, 10:15:03 in Rome, and some seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_338_903 + seconds)
}

/// A dispatch by e-mail, which bounced, and then by SMS, which arrived and was answered.
pub(crate) struct Story {
    pub dispatch: Dispatch,
    pub attempts: Vec<Attempt>,
    pub receipts: Vec<Receipt>,
    pub evidence: Vec<EvidenceItem>,
    /// Documents that have a number in the register, from 1.
    pub register: Vec<BlobHash>,
    blobs: HashMap<BlobHash, Vec<u8>>,
    seq: i64,
    previous: BlobHash,
}

impl Story {
    /// The whole of it.
    pub(crate) fn told() -> Self {
        let mut story = Self::begun();
        story.note(0, EvidenceKind::Accepted, None, json!({ "template": "convocazione" }));
        let email = story.sends(1, 0, Channel::Email, false);
        let refused =
            Outcome::Failed(Failure::new(FailureClass::BadRecipient, "550 5.1.1", "No such user"));
        story.outcome(2, email, refused, b"S: 550 5.1.1 No such user");
        // Somebody else's evidence lies between.
        story.seq += 3;
        let sms = story.sends(3, 1, Channel::Sms, true);
        let taken = Outcome::Accepted {
            provider_reference: Some("k-77".into()),
            receipt_within: Duration::from_secs(60),
        };
        story.outcome(4, sms, taken, b"HTTP 202");
        story.receipt(5, sms, Signal::Delivered { proof: Proof::CarrierReport }, b"type=1");
        let from = Address::Mobile(PhoneNumber::parse("+39 333 1234567").unwrap());
        let answer = Signal::Answer { from, text: "Sì,\n<b>ci sarò</b>".into() };
        story.receipt(65, sms, answer, b"{\"text\":\"S\xc3\xac\"}");
        story.note(66, EvidenceKind::Closed, None, json!({ "state": DispatchState::Delivered }));
        story
    }

    fn begun() -> Self {
        let email = Address::Email(EmailAddress::parse("anna@example.it").unwrap());
        let mobile = Address::Mobile(PhoneNumber::parse("+39 333 1234567").unwrap());
        let sent = AttemptId(Uuid::from_u128(101));
        let leg = |step, channel, address, state| Leg { step, channel, address, state };
        let failed = LegState::Failed { at: at(2), class: FailureClass::BadRecipient };
        let arrived = LegState::Delivered { attempt: sent, at: at(5), proof: Proof::CarrierReport };
        let facts = NoticeFacts {
            template: "convocazione".into(),
            case: CaseFacts { number: "12".into(), year: 2026, ..CaseFacts::default() },
            recipient: RecipientFacts {
                given_name: "Anna".into(),
                family_name: "D'Amico".into(),
                role: "convocato".into(),
                ..RecipientFacts::default()
            },
            ..NoticeFacts::default()
        };
        let dispatch = Dispatch {
            id: DISPATCH,
            body: BODY,
            number: 12,
            notice: NoticeId(Uuid::from_u128(3)),
            batch: None,
            case: CaseId(Uuid::from_u128(4)),
            case_serial: 0,
            party: PartyId(Uuid::from_u128(5)),
            party_serial: 0,
            plan: "email>sms".parse().unwrap(),
            legs: vec![
                leg(0, Channel::Email, Some(email), failed),
                leg(1, Channel::Sms, Some(mobile), arrived),
            ],
            facts,
            row: 0,
            created_at: at(0),
            version: 9,
        };
        Self {
            dispatch,
            attempts: Vec::new(),
            receipts: Vec::new(),
            evidence: Vec::new(),
            register: Vec::new(),
            blobs: HashMap::new(),
            seq: 0,
            previous: genesis(BODY),
        }
    }

    /// Adds an item of evidence. Where the numbers jump, a stranger's items are made up on the shelf.
    pub(crate) fn note(&mut self, s: i64, kind: EvidenceKind, blob: Option<&[u8]>, facts: Value) {
        self.seq += 1;
        let gap = self.evidence.last().map_or(0, |last| last.seq) + 1 < self.seq;
        if gap {
            self.previous = strangers(self.evidence.last(), self.seq - 1).last().unwrap().hash;
        }
        let draft = EvidenceDraft {
            id: EvidenceId(Uuid::from_u128(1000 + self.seq as u128)),
            body: BODY,
            dispatch: Some(DISPATCH),
            kind,
            at: at(s),
            blob: blob.map(BlobHash::of),
            summary: facts.to_string(),
        };
        if let Some(bytes) = blob {
            self.blobs.insert(BlobHash::of(bytes), bytes.to_vec());
        }
        let item = draft.chain(self.seq, self.previous);
        self.previous = item.hash;
        self.evidence.push(item);
    }

    fn sends(&mut self, s: i64, leg: u8, channel: Channel, sandbox: bool) -> AttemptId {
        let id = AttemptId(Uuid::from_u128(100 + u128::from(leg)));
        let bytes = format!("the exact bytes of {channel}").into_bytes();
        self.attempts.push(Attempt {
            id,
            body: BODY,
            dispatch: DISPATCH,
            leg,
            channel,
            provider: "prova".into(),
            sandbox,
            reference: format!("{leg}@messo"),
            content: BlobHash::of(&bytes),
            size: bytes.len() as u64,
            template_version: String::new(),
            started_at: at(s),
            ending: None,
        });
        let content = BlobHash::of(&bytes);
        let facts = json!({ "attempt": id, "sandbox": sandbox, "content_sha256": content });
        self.note(s, EvidenceKind::Attempt, Some(&bytes), facts);
        id
    }

    fn outcome(&mut self, s: i64, attempt: AttemptId, outcome: Outcome, said: &[u8]) {
        let facts = json!({ "attempt": attempt, "outcome": outcome });
        self.note(s, EvidenceKind::Outcome, Some(said), facts);
        let row = self.attempts.iter_mut().find(|row| row.id == attempt).unwrap();
        row.ending = Some(Ending { at: at(s), outcome, transcript: Some(BlobHash::of(said)) });
    }

    fn receipt(&mut self, s: i64, attempt: AttemptId, signal: Signal, raw: &[u8]) {
        let id = ReceiptId(Uuid::from_u128(200 + self.receipts.len() as u128));
        let facts = json!({
            "receipt": id, "attempt": attempt, "raw_sha256": BlobHash::of(raw), "sandbox": true,
        });
        self.receipts.push(Receipt {
            id,
            body: BODY,
            dispatch: Some(DISPATCH),
            attempt: Some(attempt),
            channel: Channel::Sms,
            provider: "prova".into(),
            sandbox: true,
            signal,
            at: at(s - 2),
            received_at: at(s),
            raw: BlobHash::of(raw),
        });
        self.note(s, EvidenceKind::Receipt, Some(raw), facts);
    }

    fn record(&self) -> Record {
        Record {
            dispatch: self.dispatch.clone(),
            attempts: self.attempts.clone(),
            receipts: self.receipts.clone(),
            evidence: self.evidence.clone(),
        }
    }
}

/// Items about another dispatch, from after `last` to `to`.
fn strangers(last: Option<&EvidenceItem>, to: i64) -> Vec<EvidenceItem> {
    let (mut seq, mut previous) = last.map_or((0, genesis(BODY)), |last| (last.seq, last.hash));
    let mut items = Vec::new();
    while seq < to {
        seq += 1;
        let draft = EvidenceDraft {
            id: EvidenceId(Uuid::from_u128(5000 + seq as u128)),
            body: BODY,
            dispatch: Some(DispatchId(Uuid::from_u128(99))),
            kind: EvidenceKind::Accepted,
            at: at(0),
            blob: None,
            summary: "{\"secret\":\"of somebody else\"}".into(),
        };
        let item = draft.chain(seq, previous);
        previous = item.hash;
        items.push(item);
    }
    items
}

struct Pages;

impl Typeset for Pages {
    fn document(&self, name: &str, data: &Value) -> Result<Letter, RenderError> {
        Ok(Letter { pdf: format!("%PDF-1.7 {name} {data}").into_bytes(), pages: 1 })
    }
}

impl Renderer for Pages {
    fn templates(&self) -> Vec<TemplateInfo> {
        Vec::new()
    }
    fn missing(&self, _: &NoticeFacts, _: &[Channel]) -> Result<Vec<MissingField>, RenderError> {
        Ok(Vec::new())
    }
    fn page(&self, _: &str, data: &Value) -> Result<String, RenderError> {
        Ok(data.to_string())
    }
    fn render(&self, _: &NoticeFacts, _: Channel, _: &Frame) -> Result<Rendition, RenderError> {
        Err(RenderError::UnknownTemplate(String::new()))
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

async fn certified(story: &Story) -> Result<Vec<u8>, CertifyError> {
    let record = story.record();
    let mut members = files::collect(story, &record).await?;
    let register = protocol::extract(story, BODY, &record.evidence).await?;
    members.extend(super::register_member(&register));
    let lines = chain::extract(story, BODY, record.evidence.clone()).await?;
    members.push(super::chain_member(&lines));
    let work = Work {
        about: about(&record, &lines, at(100))?,
        members,
        record,
        register,
        stamped: Stamped::Unasked,
        intake: None,
        now: at(100),
        letterhead: Default::default(),
        typesetter: Arc::new(Pages),
        renderer: Arc::new(Pages),
        seal: Arc::new(Key),
    };
    work.finish()
}

fn member(bundle: &[u8], name: &str) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_bundle_holds_every_byte_that_the_evidence_names() {
    let bundle = certified(&Story::told()).await.unwrap();
    let checks = Checks { key: Some(Key.public_key()), ..Checks::default() };
    let found = verify(Cursor::new(&bundle), &checks);
    assert_eq!(found.problems, []);
    assert_eq!((found.chain_items, found.chain_links, found.chain_gaps), (8, 3, 0));
    assert_eq!(found.sandbox, Some(true));
    let manifest: Manifest = serde_json::from_str(&member(&bundle, "manifest.json")).unwrap();
    let names: Vec<&str> = manifest.members.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "relata.pdf",
            "relata.html",
            "inviati/1-email.eml",
            "inviati/2-sms.txt",
            "colloqui/1-email.txt",
            "colloqui/2-sms.txt",
            "ricevute/1-sms.txt",
            "ricevute/2-sms.json",
            "catena.jsonl",
        ]
    );
    assert_eq!(member(&bundle, "inviati/1-email.eml"), "the exact bytes of email");
}

#[tokio::test]
async fn the_chain_extract_says_nothing_of_other_dispatches() {
    let bundle = certified(&Story::told()).await.unwrap();
    let chain = member(&bundle, "catena.jsonl");
    assert_eq!(chain.lines().count(), 11);
    assert!(!chain.contains("somebody else"));
}

#[tokio::test]
async fn the_statement_tells_outcome_addresses_worth_and_simulation() {
    let bundle = certified(&Story::told()).await.unwrap();
    let data: Value = serde_json::from_str(&member(&bundle, STATEMENT_HTML)).unwrap();
    assert_eq!(data["sandbox"], true);
    assert!(data["sandbox_sentence"].as_str().unwrap().starts_with("SIMULAZIONE"));
    assert_eq!(data["recipient"], "Anna D'Amico, convocato");
    assert_eq!(data["case"], "Pratica n. 12/2026");
    assert_eq!(
        data["outcome_sentence"],
        "Comunicazione consegnata. SMS — consegna confermata dal gestore (22 novembre 2026, ore 10:15:08 (UTC+01:00))."
    );
    assert_eq!(data["addresses"][0]["address"], "anna@example.it");
    assert_eq!(
        data["addresses"][0]["outcome"],
        "non riuscito: l'indirizzo non esiste o non può ricevere"
    );
    assert_eq!(data["worth"].as_array().unwrap().len(), 2);
    assert_eq!(data["events"].as_array().unwrap().len(), 9);
    assert_eq!(data["files"][0]["name"], "inviati/1-email.eml");
    assert_eq!(data["at"], at(100).0);
}

#[tokio::test]
async fn bytes_lost_by_the_store_are_told_and_nothing_is_sealed() {
    let mut story = Story::told();
    let lost = BlobHash::of(b"type=1");
    story.blobs.remove(&lost);
    let refused = certified(&story).await;
    assert!(matches!(refused, Err(CertifyError::Lost(hash)) if hash == lost));
}

#[tokio::test]
async fn bytes_changed_in_the_store_are_told_and_nothing_is_sealed() {
    let mut story = Story::told();
    story.blobs.insert(BlobHash::of(b"type=1"), b"type=2".to_vec());
    let Err(CertifyError::Broken(problems)) = certified(&story).await else { panic!("sealed") };
    assert_eq!(problems[0].member, "ricevute/1-sms.txt");
    assert_eq!(problems[0].code, ProblemCode::EvidenceDiffers);
}

#[tokio::test]
async fn evidence_changed_in_the_store_is_told_and_nothing_is_sealed() {
    let mut story = Story::told();
    story.evidence[2].summary.push(' ');
    let Err(CertifyError::Broken(problems)) = certified(&story).await else { panic!("sealed") };
    assert_eq!(problems[0].code, ProblemCode::ItemBroken);
}

#[tokio::test]
async fn too_many_items_between_two_are_a_gap_that_is_said() {
    let mut story = Story::told();
    story.seq += MAX_LINKS + 1;
    story.note(70, EvidenceKind::Doubt, None, json!({}));
    let lines = chain::extract(&story, BODY, story.evidence.clone()).await.unwrap();
    let gaps: Vec<&ChainLine> =
        lines.iter().filter(|line| matches!(line, ChainLine::Gap(_))).collect();
    assert_eq!(gaps, [&ChainLine::Gap(chain::Gap { from: 12, to: 11 + MAX_LINKS + 1 })]);
    let found = verify(Cursor::new(certified(&story).await.unwrap()), &Checks::default());
    assert_eq!((found.valid, found.chain_gaps, found.chain_links), (true, 1, 3));
}

#[test]
fn a_bundle_too_large_is_refused_with_a_sentence() {
    assert_eq!(
        BundleError::TooLarge.to_string(),
        "il fascicolo supera 200 MB: gli allegati vanno esportati a parte"
    );
}

/// What certify asks of a store.
#[async_trait]
impl Shelf for Story {
    async fn stretch(&self, _: BodyId, from: i64, to: i64) -> Answer<Vec<EvidenceItem>> {
        let last = self.evidence.iter().rev().find(|item| item.seq < from);
        let mut items = strangers(last, to);
        items.retain(|item| item.seq >= from);
        Ok(items)
    }
    async fn bytes(&self, _: BodyId, hash: BlobHash) -> Answer<Option<Vec<u8>>> {
        Ok(self.blobs.get(&hash).cloned())
    }
    async fn registered(&self, _: BodyId, document: BlobHash) -> Answer<Option<Registered>> {
        let number = self.register.iter().position(|hash| *hash == document);
        Ok(number.map(|number| registered(number as i64 + 1, document)))
    }
}

/// An entry with an annotation, in a day that is closed.
fn registered(number: i64, document: BlobHash) -> Registered {
    let draft = RegisterDraft {
        body: BODY,
        year: 2026,
        direction: Direction::Out,
        at: at(1),
        correspondent: "Anna D'Amico".into(),
        subject: "Convocazione".into(),
        case: None,
        document,
    };
    let annotation = Annotation {
        body: BODY,
        year: 2026,
        number,
        at: at(60),
        who: "segreteria".into(),
        reason: "correzione".into(),
        text: "Il nome è giusto così.".into(),
    };
    let day = RegisterDay {
        body: BODY,
        day: day_of(at(1)),
        entries: 1,
        annotations: 1,
        first: Some((2026, number)),
        last: Some((2026, number)),
        csv: BlobHash::of(b"csv"),
        pdf: Vec::new(),
        previous: None,
        closed_at: at(90_000),
    };
    Registered {
        entry: RegisterEntry { number, draft },
        annotations: vec![annotation],
        day: Some(day),
    }
}
