//! Reconcile: what comes back, by callback or by asking, finds its attempt and moves its dispatch.
//!
//! Guarantee: the exact bytes are stored and hashed in the same commit that moves the state, and the
//! same bytes twice are one receipt. What cannot be placed waits at the desk; nothing is dropped.

use crate::Engine;
use crate::send::failure_event;
use messo_core::addresses::Channel;
use messo_core::attempts::{Attempt, Failure};
use messo_core::dispatches::Dispatch;
use messo_core::evidence::EvidenceKind;
use messo_core::failures::{Decision, decide};
use messo_core::ids::{AttemptId, BlobHash, BodyId, DispatchId, JobId, ReceiptId};
use messo_core::jobs::{Job, Lane, Priority, Task};
use messo_core::legs::{LegEvent, LegState};
use messo_core::pec::ACCEPTANCE_UNKNOWN;
use messo_core::ports::{
    Blob, Callback, CallbackError, CallbackKind, Carried, Commit, Reported, StoreError, Write,
};
use messo_core::receipts::{Receipt, Signal};
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Longest pause between two questions about one attempt.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// How often an attempt in a sandbox is asked about after it is settled: the recipient may answer.
const ASKS_AFTER_THE_END: u32 = 6;

/// What there is to say about news besides the signal.
#[derive(Default)]
pub(crate) struct Detail {
    /// Who brought it, when not the provider of the attempt.
    pub provider: Option<String>,
    /// A JSON object that joins the evidence.
    pub facts: serde_json::Value,
    /// What becomes true with it.
    pub writes: Vec<Write>,
}

/// Why a callback was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// No provider of this name.
    #[error("there is no provider of this name")]
    UnknownProvider,
    /// The address of the callback is not one that we gave.
    #[error("the callback's address does not hold")]
    Forged,
    /// The provider cannot read it.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Takes a report about an attempt: `mac` is the last part of the path that we gave.
    pub async fn report(
        self: &Arc<Self>,
        provider: &str,
        attempt: AttemptId,
        mac: &str,
        query: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Result<(), ReconcileError> {
        let provider =
            self.providers.named(provider).ok_or(ReconcileError::UnknownProvider)?.clone();
        if !self.tokens.check_callback_mac(attempt, mac) {
            return Err(ReconcileError::Forged);
        }
        let at = self.clock.now();
        let callback = Callback { kind: CallbackKind::Report(attempt), query, body, at };
        let reports = provider.callback(&callback)?;
        let row = self.store.attempt(attempt).await?.ok_or(StoreError::Missing("attempt"))?;
        if row.provider != provider.spec().name {
            return Err(ReconcileError::Forged);
        }
        for reported in reports {
            self.hear(&row, reported).await?;
        }
        Ok(())
    }

    /// Takes a message that somebody wrote to us through a provider. It waits at the desk until a
    /// conversation is found for it.
    pub async fn message(
        self: &Arc<Self>,
        provider: &str,
        body: BodyId,
        query: Vec<(String, String)>,
        bytes: Vec<u8>,
    ) -> Result<(), ReconcileError> {
        let provider =
            self.providers.named(provider).ok_or(ReconcileError::UnknownProvider)?.clone();
        let at = self.clock.now();
        let callback = Callback { kind: CallbackKind::Message, query, body: bytes, at };
        let spec = provider.spec();
        for reported in provider.callback(&callback)? {
            let blob = Blob::new(body, reported.raw);
            let receipt = Receipt {
                id: ReceiptId(self.ids.uuid()),
                body,
                dispatch: None,
                attempt: None,
                channel: spec.channel,
                provider: spec.name.clone(),
                sandbox: spec.sandbox,
                signal: reported.signal,
                at: reported.at.unwrap_or(at),
                received_at: at,
                raw: blob.hash,
            };
            count(spec.channel, &receipt.signal);
            let writes = vec![Write::Blob(blob), Write::Receipt(Box::new(receipt))];
            known_already(self.store.commit(Commit { guards: Vec::new(), writes }).await)?;
        }
        Ok(())
    }

    /// Takes news about an attempt. Late, doubled and unexpected news are kept and move what they may.
    pub(crate) async fn hear(&self, attempt: &Attempt, news: Reported) -> Result<(), StoreError> {
        self.take_with(attempt, news, Detail::default()).await
    }

    /// The same with more to say and to write. What is to be written is written even when the same
    /// receipt was taken before.
    pub(crate) async fn take_with(
        &self,
        attempt: &Attempt,
        news: Reported,
        detail: Detail,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(dispatch) = self.store.dispatch(attempt.body, attempt.dispatch).await? else {
            return Err(StoreError::Missing("dispatch"));
        };
        count(attempt.channel, &news.signal);
        let blob = Blob::new(attempt.body, news.raw);
        let receipt = Receipt {
            id: ReceiptId(self.ids.uuid()),
            body: attempt.body,
            dispatch: Some(dispatch.id),
            attempt: Some(attempt.id),
            channel: attempt.channel,
            provider: detail.provider.unwrap_or_else(|| attempt.provider.clone()),
            sandbox: attempt.sandbox,
            signal: news.signal,
            at: news.at.unwrap_or(now),
            received_at: now,
            raw: blob.hash,
        };
        let mut summary = serde_json::json!({
            "receipt": receipt.id,
            "attempt": attempt.id,
            "signal": receipt.signal.name(),
            "at": receipt.at.to_string(),
            "raw_sha256": receipt.raw,
            "sandbox": receipt.sandbox,
        });
        if let (Some(summary), serde_json::Value::Object(facts)) =
            (summary.as_object_mut(), detail.facts)
        {
            summary.extend(facts);
        }
        let event = event_of(&dispatch, attempt, &receipt.signal, now);
        let silence = self.silence_after(&dispatch, attempt, event.as_ref());
        // The carrier's clock may be wrong, and must not decide when a fallback leaves.
        let at = receipt.at.min(now);
        let evidence = self.evidence(&dispatch, EvidenceKind::Receipt, Some(receipt.raw), &summary);
        let mut writes = vec![Write::Receipt(Box::new(receipt)), Write::Blob(blob), evidence];
        writes.extend(silence);
        writes.extend(detail.writes.iter().cloned());
        let committed = match event {
            Some(event) => {
                self.advance(dispatch, usize::from(attempt.leg), &event, at, writes).await.map(drop)
            }
            None => self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop),
        };
        match committed {
            Err(StoreError::Taken("receipt")) if !detail.writes.is_empty() => {
                let commit = Commit { guards: Vec::new(), writes: detail.writes };
                self.store.commit(commit).await.map(drop)
            }
            committed => known_already(committed),
        }
    }

    /// A doubt that an acceptance settles has nobody who waits for its receipt: somebody must.
    fn silence_after(
        &self,
        dispatch: &Dispatch,
        attempt: &Attempt,
        event: Option<&LegEvent>,
    ) -> Option<Write> {
        let Some(LegEvent::Accepted { receipt_by, .. }) = event else { return None };
        let state = &dispatch.legs.get(usize::from(attempt.leg))?.state;
        if !matches!(state, LegState::Doubtful { .. }) {
            return None;
        }
        Some(Write::Job(Job {
            id: JobId(self.ids.uuid()),
            body: attempt.body,
            lane: Lane::Out(attempt.channel),
            priority: Priority::Legal,
            due_at: *receipt_by,
            claims: 0,
            task: Task::Silence {
                dispatch: attempt.dispatch,
                leg: attempt.leg,
                attempt: attempt.id,
            },
        }))
    }

    /// Asks the provider what became of an attempt.
    pub(crate) async fn query(
        self: &Arc<Self>,
        job: &Job,
        dispatch: DispatchId,
        leg: u8,
        attempt: AttemptId,
    ) -> Result<(), StoreError> {
        let Some(row) = self.store.attempt(attempt).await? else {
            return self.done(job).await;
        };
        let Some(provider) = self.providers.named(&row.provider).cloned() else {
            return self.done(job).await;
        };
        let before = self.store.dispatch(job.body, dispatch).await?;
        let Some(to) = before
            .as_ref()
            .and_then(|dispatch| dispatch.legs.get(usize::from(leg)))
            .and_then(|leg| leg.address.clone())
        else {
            return self.done(job).await;
        };
        let now = self.clock.now();
        let carried = Carried {
            attempt,
            reference: row.reference.clone(),
            provider_reference: provider_reference(&row),
            to,
            since: row.started_at,
        };
        let known = self.store.receipts(job.body, dispatch).await?;
        for news in provider.query(&carried, now).await {
            let raw = BlobHash::of(&news.raw);
            if !known.iter().any(|receipt| receipt.raw == raw && receipt.attempt == Some(attempt)) {
                self.hear(&row, news).await?;
            }
        }
        let after = self.store.dispatch(job.body, dispatch).await?;
        let settled =
            after.is_none_or(|dispatch| !awaits(&dispatch.legs[usize::from(leg)].state, attempt));
        let spec = provider.spec();
        if settled && !(spec.sandbox && job.claims < ASKS_AFTER_THE_END) {
            return self.done(job).await;
        }
        let first = spec.queries_after.unwrap_or(Duration::from_secs(60));
        let doublings = job.claims.saturating_sub(1).min(12);
        self.later(job, now + (first * 2u32.pow(doublings)).min(MAX_PAUSE)).await
    }

    /// A receipt should have come by now.
    pub(crate) async fn silence(
        &self,
        job: &Job,
        dispatch: DispatchId,
        leg: u8,
        attempt: AttemptId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(dispatch) = self.store.dispatch(job.body, dispatch).await? else {
            return self.done(job).await;
        };
        if !awaits(&dispatch.legs[usize::from(leg)].state, attempt) {
            return self.done(job).await;
        }
        let summary = serde_json::json!({ "attempt": attempt, "reason": "no receipt in time" });
        let evidence = self.evidence(&dispatch, EvidenceKind::Doubt, None, &summary);
        let writes = vec![Write::JobDone(job.id), evidence];
        let event = LegEvent::Silence(attempt);
        self.advance(dispatch, usize::from(leg), &event, now, writes).await.map(drop)
    }
}

impl Engine {
    /// No acceptance of certified mail yet: after a quarter of an hour somebody should look, after an hour it is
    /// unknown whether it entered the circuit. Nothing is ever sent again for it.
    pub(crate) async fn unaccepted(
        &self,
        job: &Job,
        dispatch: DispatchId,
        leg: u8,
        attempt: AttemptId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let row = self.store.attempt(attempt).await?;
        let known = self.store.dispatch(job.body, dispatch).await?;
        let (Some(row), Some(dispatch)) = (row, known) else { return self.done(job).await };
        let receipts = self.store.receipts(job.body, dispatch.id).await?;
        let heard = receipts.iter().any(|receipt| receipt.attempt == Some(attempt));
        let waits =
            dispatch.legs.get(usize::from(leg)).is_some_and(|leg| awaits(&leg.state, attempt));
        if heard || !waits {
            return self.done(job).await;
        }
        metrics::counter!("messo_pec_unaccepted_total").increment(1);
        tracing::warn!(attempt = %attempt, "certified mail has no acceptance yet; it is not sent again");
        let unknown = now.since(row.started_at) >= ACCEPTANCE_UNKNOWN;
        let reason = if unknown { "acceptance unknown" } else { "no acceptance yet" };
        let summary = serde_json::json!({ "attempt": attempt, "reason": reason });
        let mut writes = vec![self.evidence(&dispatch, EvidenceKind::Doubt, None, &summary)];
        writes.push(match unknown {
            true => Write::JobDone(job.id),
            false => Write::JobLater { job: job.id, due_at: row.started_at + ACCEPTANCE_UNKNOWN },
        });
        self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop)
    }
}

/// Whether the leg still waits for news about this attempt.
fn awaits(state: &LegState, about: AttemptId) -> bool {
    matches!(
        state,
        LegState::Sending { attempt, .. }
        | LegState::Submitted { attempt, .. }
        | LegState::Doubtful { attempt, .. } if *attempt == about
    )
}

fn provider_reference(attempt: &Attempt) -> Option<String> {
    use messo_core::attempts::Outcome;
    match attempt.ending.as_ref().map(|ending| &ending.outcome) {
        Some(
            Outcome::Accepted { provider_reference, .. }
            | Outcome::Delivered { provider_reference, .. },
        ) => provider_reference.clone(),
        _ => None,
    }
}

/// What a signal means for the leg. In doubt, a failure that would have been tried again is tried
/// again: the provider has just said that it does not have it. After acceptance it is final.
fn event_of(
    dispatch: &Dispatch,
    attempt: &Attempt,
    signal: &Signal,
    now: Timestamp,
) -> Option<LegEvent> {
    let id = attempt.id;
    match signal {
        Signal::Delivered { proof } => Some(LegEvent::Delivered { attempt: id, proof: *proof }),
        Signal::Failed { class, code } => {
            let state = &dispatch.legs.get(usize::from(attempt.leg))?.state;
            let retries = matches!(decide(*class, 1, None), Decision::Retry(_));
            Some(match state {
                LegState::Doubtful { tries, .. } if retries => {
                    failure_event(id, &Failure::new(*class, code.clone(), ""), *tries, now)
                }
                _ => LegEvent::Failed { attempt: id, class: *class },
            })
        }
        Signal::Accepted => Some(LegEvent::Accepted {
            attempt: id,
            receipt_by: now + messo_core::pec::RECEIPT_WITHIN,
        }),
        Signal::Progress { .. } | Signal::Answer { .. } | Signal::Unknown { .. } => None,
    }
}

fn count(channel: Channel, signal: &Signal) {
    metrics::counter!("messo_receipts_total", "channel" => channel.word(), "signal" => signal.name())
        .increment(1);
}

/// The same receipt twice is one.
fn known_already<T>(committed: Result<T, StoreError>) -> Result<(), StoreError> {
    match committed {
        Ok(_) | Err(StoreError::Taken("receipt")) => Ok(()),
        Err(error) => Err(error),
    }
}
