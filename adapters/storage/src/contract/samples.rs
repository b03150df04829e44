//! A small world to try promises on: a body with a case, a party and a notice.

use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::attempts::{Attempt, Ending, Outcome};
use messo_core::bodies::{Body, BodyKind, Sender};
use messo_core::cases::{Case, CaseKind, CaseRole, Role};
use messo_core::dispatches::{Dispatch, Leg};
use messo_core::evidence::{EvidenceDraft, EvidenceKind};
use messo_core::ids::{
    AttemptId, BatchId, BlobHash, BodyId, CaseId, DispatchId, EvidenceId, JobId, NoticeId, PartyId,
    ReceiptId,
};
use messo_core::jobs::{Job, Lane, Priority, Task};
use messo_core::legs::{LegState, Proof};
use messo_core::notices::{BodyFacts, CaseFacts, Locale, Notice, NoticeFacts, RecipientFacts};
use messo_core::parties::Party;
use messo_core::plans::{Plan, Step, Way};
use messo_core::ports::{Commit, Committed, Store, StoreError, Write};
use messo_core::receipts::{Receipt, Signal};
use messo_core::register::{Direction, RegisterDraft};
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A new identity; later ones sort behind earlier ones, as UUIDs version 7 do.
pub(super) fn fresh() -> Uuid {
    Uuid::from_u128((0x7 << 76) | u128::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// The instant at which samples happen.
pub(super) const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(super) fn commit(writes: Vec<Write>) -> Commit {
    Commit { guards: Vec::new(), writes }
}

/// A body and what a dispatch of it refers to, all committed.
pub(super) struct World {
    pub store: Arc<dyn Store>,
    pub body: Body,
    pub case: Case,
    pub party: Party,
    pub notice: Notice,
}

impl World {
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        let body = body();
        let world = Self {
            case: case(body.id),
            party: party(body.id),
            notice: notice(body.id),
            body,
            store,
        };
        let writes = vec![
            Write::Body(Box::new(world.body.clone())),
            Write::Case(Box::new(world.case.clone())),
            Write::Party(Box::new(world.party.clone())),
            Write::Role(CaseRole {
                body: world.body.id,
                case: world.case.id,
                party: world.party.id,
                role: Role::Summoned,
                lawyer: None,
            }),
            Write::Notice(world.notice.clone()),
        ];
        world.commit(writes).await.expect("a world can be made");
        world
    }

    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<Committed, StoreError> {
        self.store.commit(commit(writes)).await
    }

    pub(super) fn dispatch(&self, batch: Option<BatchId>) -> Dispatch {
        Dispatch {
            id: DispatchId(fresh()),
            body: self.body.id,
            number: 0,
            notice: self.notice.id,
            batch,
            case: self.case.id,
            case_serial: 0,
            party: self.party.id,
            party_serial: 0,
            plan: Plan {
                steps: vec![Step { ways: vec![Way { channel: Channel::Email, optional: false }] }],
            },
            legs: vec![Leg {
                step: 0,
                channel: Channel::Email,
                address: self.party.addresses.first().cloned(),
                state: LegState::Ready { due_at: NOON, tries: 0, last_failure: None },
            }],
            facts: NoticeFacts {
                template: "convocazione".into(),
                recipient: self.party.facts.clone(),
                ..NoticeFacts::default()
            },
            row: 3,
            created_at: NOON,
            version: 0,
        }
    }

    /// A dispatch that is committed, as it was read back.
    pub(super) async fn new_dispatch(&self, batch: Option<BatchId>) -> Dispatch {
        let dispatch = self.dispatch(batch);
        let id = dispatch.id;
        self.commit(vec![Write::NewDispatch(Box::new(dispatch))]).await.expect("a new dispatch");
        let read = self.store.dispatch(self.body.id, id).await.expect("it can be read");
        read.expect("it is there")
    }

    pub(super) fn evidence(&self, dispatch: Option<DispatchId>) -> EvidenceDraft {
        EvidenceDraft {
            id: EvidenceId(fresh()),
            body: self.body.id,
            dispatch,
            kind: EvidenceKind::Accepted,
            at: NOON,
            blob: Some(BlobHash::of(b"evidence")),
            summary: r#"{"di cosa": "è «prova»"}"#.into(),
        }
    }

    pub(super) fn register_draft(&self, year: i16) -> RegisterDraft {
        RegisterDraft {
            body: self.body.id,
            year,
            direction: Direction::Out,
            at: NOON,
            correspondent: "Parte convocata".into(),
            subject: "Convocazione".into(),
            case: Some(self.case.id),
            document: BlobHash::of(b"letter"),
        }
    }

    pub(super) fn receipt(&self, about: Option<&Attempt>, raw: &[u8], signal: Signal) -> Receipt {
        Receipt {
            id: ReceiptId(fresh()),
            body: self.body.id,
            dispatch: about.map(|attempt| attempt.dispatch),
            attempt: about.map(|attempt| attempt.id),
            channel: Channel::Email,
            provider: "sandbox".into(),
            sandbox: true,
            signal,
            at: NOON,
            received_at: NOON,
            raw: BlobHash::of(raw),
        }
    }
}

pub(super) fn body() -> Body {
    Body {
        id: BodyId(fresh()),
        number: 0,
        kind: BodyKind::Mediation,
        facts: BodyFacts { name: "Organismo di prova".into(), ..BodyFacts::default() },
        sender: Sender {
            pec: None,
            reply_tags: false,
            name: "Organismo di prova".into(),
            email: EmailAddress::parse("segreteria@example.org").expect("an address"),
            reply_to: None,
            sms_sender: "Prova".into(),
        },
        patron_saint: Some((6, 24)),
    }
}

pub(super) fn case(body: BodyId) -> Case {
    Case {
        standing: messo_core::cases::CaseStanding::Open,
        id: CaseId(fresh()),
        body,
        serial: 0,
        kind: CaseKind::Occ,
        facts: CaseFacts { number: "12/A".into(), year: 2026, ..CaseFacts::default() },
        meeting: None,
        created_at: NOON,
    }
}

pub(super) fn party(body: BodyId) -> Party {
    Party {
        id: PartyId(fresh()),
        body,
        serial: 0,
        facts: RecipientFacts {
            given_name: "Niccolò".into(),
            family_name: "D'Aronco".into(),
            fiscal_code: "DRNNCL80A01L219X".into(),
            ..RecipientFacts::default()
        },
        locale: Locale::De,
        addresses: vec![Address::Email(
            EmailAddress::parse("parte@example.org").expect("an address"),
        )],
        created_at: NOON,
    }
}

pub(super) fn notice(body: BodyId) -> Notice {
    Notice {
        id: NoticeId(fresh()),
        body,
        key: "chiave 1".into(),
        content_hash: BlobHash::of(b"content"),
        template: "convocazione".into(),
        batch: None,
        created_at: NOON,
    }
}

pub(super) fn attempt(dispatch: &Dispatch) -> Attempt {
    Attempt {
        id: AttemptId(fresh()),
        body: dispatch.body,
        dispatch: dispatch.id,
        leg: 0,
        channel: Channel::Email,
        provider: "sandbox".into(),
        sandbox: true,
        reference: "reference@example.org".into(),
        content: BlobHash::of(b"mail"),
        size: 4,
        template_version: "v1".into(),
        started_at: NOON,
        ending: None,
    }
}

pub(super) fn ending(seconds: u64) -> Ending {
    Ending {
        at: NOON + Duration::from_secs(seconds),
        outcome: Outcome::Delivered { provider_reference: None, proof: Proof::HandedOver },
        transcript: Some(BlobHash::of(b"transcript")),
    }
}

pub(super) fn job(body: BodyId, channel: Channel, priority: Priority, due_at: Timestamp) -> Job {
    Job {
        id: JobId(fresh()),
        body,
        lane: Lane::Out(channel),
        priority,
        due_at,
        claims: 0,
        task: Task::Send { dispatch: DispatchId(fresh()), leg: 0 },
    }
}
