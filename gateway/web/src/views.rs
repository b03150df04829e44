//! One dispatch as JSON: states, attempts, receipts, evidence. The API and `messo dispatch show` give
//! the same object; fields are added, never renamed.

use messo_core::attempts::{Attempt, Outcome};
use messo_core::dispatches::{Dispatch, Leg};
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{BodyId, DispatchId};
use messo_core::legs::LegState;
use messo_core::ports::StoreError;
use messo_core::receipts::{Receipt, Signal};
use messo_core::time::Timestamp;
use messo_engine::Engine;
use messo_engine::timeline::timeline;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of one notice to one recipient. Instants are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DispatchView {
    /// Its identity.
    pub id: String,
    /// Its number within the body, as printed.
    pub number: u32,
    /// What it has come to: waiting, doubtful, delivered, failed, cancelled.
    pub state: &'static str,
    /// What the delivery is worth, where it reached the recipient: handed_over, carrier_report,
    /// signed_receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub proof: Option<messo_core::legs::Proof>,
    /// The notice.
    pub notice: String,
    /// The run in which it was released.
    pub batch: Option<String>,
    /// Row of the file, or place in the request, from 1; 0 when it stood alone.
    pub row: u32,
    /// Identity of the case.
    pub case: String,
    /// Number of the case.
    pub case_number: String,
    /// Year of the case.
    pub case_year: i16,
    /// Identity of the party.
    pub party: String,
    /// Name of the recipient.
    pub recipient: String,
    /// The template.
    pub template: String,
    /// Language: it, de, en.
    pub language: &'static str,
    /// The plan, e.g. `email+sms`.
    pub plan: String,
    /// A sandbox carried some attempt: nothing left the machine.
    pub sandbox: bool,
    /// When it was accepted.
    pub created_at: String,
    /// The channels of the plan and where each one stands.
    pub legs: Vec<LegView>,
    /// Every try, oldest first.
    pub attempts: Vec<AttemptView>,
    /// What came back, oldest first.
    pub receipts: Vec<ReceiptView>,
    /// The evidence, in the chain's order.
    pub evidence: Vec<EvidenceView>,
    /// The same in Italian sentences.
    pub timeline: Vec<EventView>,
}

/// One channel of the plan. Fields that the state does not have are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LegView {
    /// Step of the plan, from 0.
    pub step: u8,
    /// The channel.
    pub channel: &'static str,
    /// Where to.
    pub address: Option<String>,
    /// planned, ready, sending, submitted, doubtful, delivered, failed, skipped.
    pub state: &'static str,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Tries made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// The attempt that the state is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// When silence becomes a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_by: Option<String>,
    /// What the delivery is worth: handed_over, carrier_report, signed_receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub proof: Option<messo_core::legs::Proof>,
    /// Class of the failure, the last one or the final one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// Why it was never used: no_address, not_needed, cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<messo_core::legs::SkipReason>,
}

/// One try on a leg.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AttemptView {
    /// Its identity.
    pub id: String,
    /// Index of the leg, from 0.
    pub leg: u8,
    /// The channel.
    pub channel: &'static str,
    /// The provider.
    pub provider: String,
    /// A sandbox: nothing left the machine.
    pub sandbox: bool,
    /// Message-ID or provider key, committed before any byte left.
    pub reference: String,
    /// SHA-256 of the exact bytes.
    pub content_sha256: String,
    /// Their length in bytes.
    pub size: u64,
    /// SHA-256 over the template's sources.
    pub template_version: String,
    /// When it was committed.
    pub started_at: String,
    /// accepted, delivered, failed; null while under way or in doubt.
    pub outcome: Option<&'static str>,
    /// When the provider answered.
    pub ended_at: Option<String>,
    /// The provider's own reference.
    pub provider_reference: Option<String>,
    /// Class of the failure.
    pub class: Option<&'static str>,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's words.
    pub detail: Option<String>,
    /// SHA-256 of the transcript.
    pub transcript_sha256: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Its identity.
    pub id: String,
    /// The attempt that it is about.
    pub attempt: Option<String>,
    /// The channel.
    pub channel: &'static str,
    /// Who brought it.
    pub provider: String,
    /// A sandbox made it.
    pub sandbox: bool,
    /// delivered, failed, progress, answer, unknown; with the facts that belong to it.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub signal: Signal,
    /// The provider's instant.
    pub at: String,
    /// When it was taken.
    pub received_at: String,
    /// SHA-256 of the exact bytes.
    pub raw_sha256: String,
}

/// One item of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EvidenceView {
    /// Its identity.
    pub id: String,
    /// Place in the body's chain, from 1.
    pub seq: i64,
    /// accepted, attempt, outcome, receipt, doubt, settled, closed, cancelled.
    pub kind: &'static str,
    /// When.
    pub at: String,
    /// SHA-256 of the bytes that it refers to.
    pub blob_sha256: Option<String>,
    /// The facts.
    #[schema(value_type = Object)]
    pub summary: serde_json::Value,
    /// Hash of the item before.
    pub previous: String,
    /// Hash of this item.
    pub hash: String,
}

/// One event in words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventView {
    /// When we knew of it.
    pub at: String,
    /// One or two Italian sentences.
    pub text: String,
}

/// Everything about a dispatch as it is kept.
pub(crate) struct Record {
    pub(crate) dispatch: Dispatch,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) evidence: Vec<EvidenceItem>,
}

impl Record {
    /// Reads it; none when the body has no such dispatch.
    pub(crate) async fn read(
        engine: &Engine,
        body: BodyId,
        id: DispatchId,
    ) -> Result<Option<Self>, StoreError> {
        let store = &engine.store;
        let Some(dispatch) = store.dispatch(body, id).await? else { return Ok(None) };
        let attempts = store.attempts(body, id).await?;
        let receipts = store.receipts(body, id).await?;
        let evidence = store.evidence(body, id).await?;
        Ok(Some(Self { dispatch, attempts, receipts, evidence }))
    }

    pub(crate) fn sandbox(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.sandbox)
            || self.receipts.iter().any(|receipt| receipt.sandbox)
    }
}

/// The view of a dispatch; none when the body has no such dispatch.
pub async fn dispatch(
    engine: &Engine,
    body: BodyId,
    id: DispatchId,
) -> Result<Option<DispatchView>, StoreError> {
    Ok(Record::read(engine, body, id).await?.map(|record| view(&record)))
}

fn view(record: &Record) -> DispatchView {
    let Record { dispatch, attempts, receipts, evidence } = record;
    let told = timeline(dispatch, attempts, receipts, evidence);
    DispatchView {
        id: dispatch.id.to_string(),
        number: dispatch.number,
        state: dispatch.state().word(),
        proof: dispatch.proof(),
        notice: dispatch.notice.to_string(),
        batch: dispatch.batch.map(|batch| batch.to_string()),
        row: dispatch.row,
        case: dispatch.case.to_string(),
        case_number: dispatch.facts.case.number.clone(),
        case_year: dispatch.facts.case.year,
        party: dispatch.party.to_string(),
        recipient: dispatch.facts.recipient.full_name(),
        template: dispatch.facts.template.clone(),
        language: dispatch.facts.locale.code(),
        plan: dispatch.plan.to_string(),
        sandbox: record.sandbox(),
        created_at: dispatch.created_at.to_string(),
        legs: dispatch.legs.iter().map(leg_view).collect(),
        attempts: attempts.iter().map(attempt_view).collect(),
        receipts: receipts.iter().map(receipt_view).collect(),
        evidence: evidence.iter().map(evidence_view).collect(),
        timeline: told
            .into_iter()
            .map(|event| EventView { at: event.at.to_string(), text: event.text })
            .collect(),
    }
}

fn leg_view(leg: &Leg) -> LegView {
    let view = LegView {
        step: leg.step,
        channel: leg.channel.word(),
        address: leg.address.as_ref().map(messo_core::addresses::Address::line),
        state: leg.state.name(),
        ..LegView::default()
    };
    let text = |at: &Timestamp| Some(at.to_string());
    match &leg.state {
        LegState::Planned => view,
        LegState::Ready { due_at, tries, last_failure } => LegView {
            due_at: text(due_at),
            tries: Some(*tries),
            class: last_failure.map(|class| class.word()),
            ..view
        },
        LegState::Sending { attempt, since, tries }
        | LegState::Doubtful { attempt, since, tries } => LegView {
            attempt: Some(attempt.to_string()),
            at: text(since),
            tries: Some(*tries),
            ..view
        },
        LegState::Submitted { attempt, at, receipt_by } => LegView {
            attempt: Some(attempt.to_string()),
            at: text(at),
            receipt_by: text(receipt_by),
            ..view
        },
        LegState::Delivered { attempt, at, proof } => LegView {
            attempt: Some(attempt.to_string()),
            at: text(at),
            proof: Some(*proof),
            ..view
        },
        LegState::Failed { at, class } => {
            LegView { at: text(at), class: Some(class.word()), ..view }
        }
        LegState::Skipped { reason } => LegView { reason: Some(*reason), ..view },
    }
}

fn attempt_view(attempt: &Attempt) -> AttemptView {
    let mut view = AttemptView {
        id: attempt.id.to_string(),
        leg: attempt.leg,
        channel: attempt.channel.word(),
        provider: attempt.provider.clone(),
        sandbox: attempt.sandbox,
        reference: attempt.reference.clone(),
        content_sha256: attempt.content.hex(),
        size: attempt.size,
        template_version: attempt.template_version.clone(),
        started_at: attempt.started_at.to_string(),
        outcome: None,
        ended_at: None,
        provider_reference: None,
        class: None,
        code: None,
        detail: None,
        transcript_sha256: None,
    };
    let Some(ending) = &attempt.ending else { return view };
    view.ended_at = Some(ending.at.to_string());
    view.transcript_sha256 = ending.transcript.map(|blob| blob.hex());
    match &ending.outcome {
        Outcome::Accepted { provider_reference, .. } => {
            view.outcome = Some("accepted");
            view.provider_reference.clone_from(provider_reference);
        }
        Outcome::Delivered { provider_reference, .. } => {
            view.outcome = Some("delivered");
            view.provider_reference.clone_from(provider_reference);
        }
        Outcome::Failed(failure) => {
            view.outcome = Some("failed");
            view.class = Some(failure.class.word());
            view.code = Some(failure.code.clone());
            view.detail = Some(failure.detail.clone());
        }
    }
    view
}

fn receipt_view(receipt: &Receipt) -> ReceiptView {
    ReceiptView {
        id: receipt.id.to_string(),
        attempt: receipt.attempt.map(|attempt| attempt.to_string()),
        channel: receipt.channel.word(),
        provider: receipt.provider.clone(),
        sandbox: receipt.sandbox,
        signal: receipt.signal.clone(),
        at: receipt.at.to_string(),
        received_at: receipt.received_at.to_string(),
        raw_sha256: receipt.raw.hex(),
    }
}

fn evidence_view(item: &EvidenceItem) -> EvidenceView {
    EvidenceView {
        id: item.id.to_string(),
        seq: item.seq,
        kind: item.kind.word(),
        at: item.at.to_string(),
        blob_sha256: item.blob.map(|blob| blob.hex()),
        summary: serde_json::from_str(&item.summary).unwrap_or_default(),
        previous: item.previous.hex(),
        hash: item.hash.hex(),
    }
}
