//! Send: one attempt on one leg, between two commits.
//!
//! Guarantee: the turn first (pace and place at the provider), then transaction A (attempt, exact bytes, final
//! reference), durable before the first byte leaves; transaction B (what the provider said, state, next
//! job) after. Whoever dies or gives up while waiting for the turn has left nothing to settle. A process that dies
//! between them leaves a leg in `sending`; whoever claims the job next marks it doubtful and does
//! not send. Limit: for providers that cannot be asked, a doubt waits for a receipt or a person.

mod pack;
mod suppress;

use crate::Engine;
use crate::accept::jobs_for;
use messo_core::addresses::Channel;
use messo_core::attempts::{Attempt, Ending, Failure, Outcome};
use messo_core::bodies::Body;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::evidence::{EvidenceDraft, EvidenceKind};
use messo_core::failures::{Decision, decide};
use messo_core::ids::{AttemptId, BlobHash, DispatchId, EvidenceId, JobId};
use messo_core::jobs::{Job, Priority, Task};
use messo_core::legs::{LegEvent, LegState};
use messo_core::pec::ACCEPTANCE_ALERT;
use messo_core::ports::{
    Blob, Commit, DoubtPolicy, Envelope, Exchange, Guard, IssuedCode, Notify, Provider, StoreError,
    Write,
};
use messo_core::register::{Direction, RegisterDraft};
use messo_core::tokens::{Token, qr_text};
use pack::Prepared;
use std::sync::Arc;
use std::time::Duration;

/// How often a commit that meets another writer on the same dispatch is tried anew.
const MAX_RACES: usize = 10;

/// Claims after which a job to send is parked: it may be what ends its workers.
const MAX_CLAIMS: u32 = 1_000;

/// How long a parked job stays away before it is looked at, and reported, again.
const PARKED: Duration = Duration::from_secs(3600);

/// Pauses between tries to write down what a provider said; together some minutes. The lease is
/// renewed meanwhile. What is not written down becomes a doubt.
const WRITE_AGAIN_S: [u64; 8] = [1, 2, 4, 8, 16, 30, 60, 120];

/// First pause before a provider is asked about an attempt in doubt.
const ASK_AFTER_DOUBT: Duration = Duration::from_secs(2);

impl Engine {
    /// Does what a claimed job says.
    pub(crate) async fn perform(
        self: &Arc<Self>,
        job: &Job,
        worker: &str,
    ) -> Result<(), StoreError> {
        if job.claims > MAX_CLAIMS && matches!(job.task, Task::Send { .. }) {
            metrics::counter!("messo_jobs_parked_total", "lane" => job.lane.word()).increment(1);
            tracing::error!(job = %job.id, dispatch = ?job.task.dispatch(), claims = job.claims, "a job never comes to its end; it is parked and an operator must look");
            return self.later(job, self.clock.now() + PARKED).await;
        }
        match &job.task {
            Task::Send { dispatch, leg } => self.send(job, *dispatch, *leg, worker).await,
            Task::Query { dispatch, leg, attempt } => {
                self.query(job, *dispatch, *leg, *attempt).await
            }
            Task::Silence { dispatch, leg, attempt } => {
                self.silence(job, *dispatch, *leg, *attempt).await
            }
            Task::Unaccepted { dispatch, leg, attempt } => {
                self.unaccepted(job, *dispatch, *leg, *attempt).await
            }
            Task::Read { message } => self.read(job, *message).await,
            Task::Confirm { message } => self.confirm(job, *message).await,
        }
    }

    async fn send(
        self: &Arc<Self>,
        job: &Job,
        id: DispatchId,
        leg: u8,
        worker: &str,
    ) -> Result<(), StoreError> {
        let Some(dispatch) = self.store.dispatch(job.body, id).await? else {
            return self.done(job).await;
        };
        match dispatch.legs.get(usize::from(leg)).map(|leg| &leg.state) {
            Some(LegState::Ready { .. }) => {}
            Some(LegState::Sending { attempt, .. }) => {
                let attempt = *attempt;
                return self.doubt(job, dispatch, leg, attempt).await;
            }
            _ => return self.done(job).await,
        }
        let Some(provider) = self.providers.of(job.lane).cloned() else {
            // The channel was taken out of the configuration: wait for an operator.
            let due_at = self.clock.now() + Duration::from_secs(60);
            return self.later(job, due_at).await;
        };
        let Some(to) = dispatch.legs[usize::from(leg)].address.clone() else {
            return Err(StoreError::Missing("address"));
        };
        let suppressed = self.suppressed(&dispatch, leg, &to).await?;
        let turn = match provider.turn(&to, job.priority).await {
            Ok(turn) => turn,
            // No attempt was made, so none counts.
            Err(pause) => return self.later(job, self.clock.now() + pause).await,
        };
        let attempt = AttemptId(self.ids.uuid());
        let mut prepared = self.prepare(&dispatch, leg, to, attempt, &provider).await?;
        if let Some(failure) = suppressed {
            prepared.packed = Err(failure);
        }
        let begun = self.begin(job, dispatch, leg, attempt, &provider, prepared, worker).await?;
        let Some(Begun { dispatch, envelope, refusal }) = begun else { return Ok(()) };
        let (exchange, outcome) = match refusal {
            Some(failure) => (Exchange::none(), Outcome::Failed(failure)),
            None => {
                let exchange = provider.send(&envelope).await;
                let outcome = provider.interpret(&exchange);
                (exchange, outcome)
            }
        };
        drop(turn);
        self.finish(job, dispatch, leg, attempt, &provider, &exchange, outcome).await
    }

    /// Transaction A. Another leg of the same dispatch may move it at the same time: then it is read
    /// again, and the attempt begins on what is there.
    #[expect(
        clippy::too_many_arguments,
        reason = "one fact each, all of them needed in one commit"
    )]
    async fn begin(
        &self,
        job: &Job,
        mut dispatch: Dispatch,
        leg: u8,
        attempt: AttemptId,
        provider: &Arc<dyn Provider>,
        prepared: Prepared,
        worker: &str,
    ) -> Result<Option<Begun>, StoreError> {
        let (envelope, refusal) = match prepared.packed {
            Ok(envelope) => (envelope, None),
            Err(failure) => (Envelope::default(), Some(failure)),
        };
        for _ in 0..MAX_RACES {
            let now = self.clock.now();
            if dispatch.on(usize::from(leg), &LegEvent::Attempt(attempt), now).is_err() {
                // Somebody else is sending it: the job is theirs.
                if !matches!(dispatch.legs[usize::from(leg)].state, LegState::Sending { .. }) {
                    self.done(job).await?;
                }
                return Ok(None);
            }
            let mut commit = self.attempt_commit(&dispatch, leg, attempt, provider, &envelope);
            commit.guards.push(Guard::Leased { job: job.id, worker: worker.to_owned() });
            commit.writes.push(Write::Code(IssuedCode {
                body: dispatch.body,
                dispatch: dispatch.id,
                text: prepared.qr_text.clone(),
                at: now,
            }));
            match self.store.commit(commit).await {
                Ok(_) => {
                    dispatch.version += 1;
                    return Ok(Some(Begun { dispatch, envelope, refusal }));
                }
                Err(StoreError::Stale(_)) => dispatch = self.read_again(&dispatch).await?,
                // Somebody else has the job: nothing was sent by us.
                Err(StoreError::LeaseLost) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Err(crowded())
    }

    /// What becomes true when an attempt begins.
    fn attempt_commit(
        &self,
        dispatch: &Dispatch,
        leg: u8,
        attempt: AttemptId,
        provider: &Arc<dyn Provider>,
        envelope: &Envelope,
    ) -> Commit {
        let blob = Blob::new(dispatch.body, envelope.bytes.clone());
        let row = self.attempt_row(dispatch, leg, attempt, provider, envelope, blob.hash);
        let summary = serde_json::json!({
            "attempt": attempt,
            "channel": row.channel,
            "provider": row.provider,
            "sandbox": row.sandbox,
            "reference": row.reference,
            "content_sha256": row.content,
            "template_version": row.template_version,
        });
        let evidence = self.evidence(dispatch, EvidenceKind::Attempt, Some(row.content), &summary);
        let mut writes =
            vec![Write::Dispatch(Box::new(dispatch.clone())), Write::Blob(blob), evidence];
        let first = tries(dispatch, leg) == 1;
        if first && !envelope.bytes.is_empty() && is_registered(row.channel) {
            writes.push(self.register_out(dispatch, leg, row.content));
        }
        writes.push(Write::Attempt(Box::new(row)));
        Commit { guards: Vec::new(), writes }
    }

    /// The entry of the register for what leaves.
    fn register_out(&self, dispatch: &Dispatch, leg: u8, document: BlobHash) -> Write {
        let at = self.clock.now();
        let address = dispatch.legs[usize::from(leg)].address.as_ref();
        let recipient = dispatch.facts.recipient.full_name();
        let title = self.template(&dispatch.facts.template).map(|template| template.title);
        Write::Register(Box::new(RegisterDraft {
            body: dispatch.body,
            year: at.in_rome().year(),
            direction: Direction::Out,
            at,
            correspondent: match address {
                Some(address) => format!("{recipient}, {}", address.line()),
                None => recipient,
            },
            subject: format!(
                "{}, comunicazione n. {}",
                title.unwrap_or("Comunicazione"),
                dispatch.number
            ),
            case: Some(dispatch.case),
            document,
        }))
    }

    async fn read_again(&self, dispatch: &Dispatch) -> Result<Dispatch, StoreError> {
        self.store
            .dispatch(dispatch.body, dispatch.id)
            .await?
            .ok_or(StoreError::Missing("dispatch"))
    }

    fn attempt_row(
        &self,
        dispatch: &Dispatch,
        leg: u8,
        attempt: AttemptId,
        provider: &Arc<dyn Provider>,
        envelope: &Envelope,
        content: BlobHash,
    ) -> Attempt {
        let template_version = self
            .template(&dispatch.facts.template)
            .map(|template| template.version)
            .unwrap_or_default();
        Attempt {
            id: attempt,
            body: dispatch.body,
            dispatch: dispatch.id,
            leg,
            channel: provider.spec().channel,
            provider: provider.spec().name.clone(),
            sandbox: provider.spec().sandbox,
            reference: envelope.reference.clone(),
            content,
            size: envelope.bytes.len() as u64,
            template_version,
            started_at: self.clock.now(),
            ending: None,
        }
    }

    /// Transaction B.
    #[expect(
        clippy::too_many_arguments,
        reason = "one fact each, all of them needed in one commit"
    )]
    async fn finish(
        &self,
        job: &Job,
        dispatch: Dispatch,
        leg: u8,
        attempt: AttemptId,
        provider: &Arc<dyn Provider>,
        exchange: &Exchange,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let class = match &outcome {
            Outcome::Failed(failure) => failure.class.word(),
            Outcome::Accepted { .. } => "accepted",
            Outcome::Delivered { .. } => "delivered",
        };
        metrics::counter!("messo_attempts_total", "channel" => job.lane.word(), "outcome" => class)
            .increment(1);
        let tries = tries(&dispatch, leg);
        let event = event_of(attempt, &outcome, tries, now);
        let mut writes = vec![Write::JobDone(job.id)];
        let transcript = (!exchange.transcript.lines.is_empty())
            .then(|| Blob::new(dispatch.body, exchange.transcript.lines.join("\n").into_bytes()));
        let summary = serde_json::json!({ "attempt": attempt, "outcome": outcome });
        let hash = transcript.as_ref().map(|blob| blob.hash);
        writes.extend(transcript.map(Write::Blob));
        writes.push(self.evidence(&dispatch, EvidenceKind::Outcome, hash, &summary));
        writes.extend(self.follow_up(job, &event, provider, leg, now));
        writes.push(Write::Ending {
            body: dispatch.body,
            attempt,
            ending: Ending { at: now, outcome, transcript: hash },
        });
        for pause in WRITE_AGAIN_S {
            let advanced =
                self.advance(dispatch.clone(), usize::from(leg), &event, now, writes.clone()).await;
            match advanced {
                Err(StoreError::Unavailable(_) | StoreError::Unwritable(_)) => {
                    tracing::warn!(job = %job.id, "what the provider said could not be written down yet");
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                other => return other.map(drop),
            }
        }
        self.advance(dispatch, usize::from(leg), &event, now, writes).await.map(drop)
    }

    /// The jobs that an outcome asks for, besides those of the plan: to ask, and to notice silence.
    fn follow_up(
        &self,
        job: &Job,
        event: &LegEvent,
        provider: &Arc<dyn Provider>,
        leg: u8,
        now: messo_core::time::Timestamp,
    ) -> Vec<Write> {
        let Some(dispatch) = job.task.dispatch() else { return Vec::new() };
        let spec = provider.spec();
        let new = |task, due_at| {
            Write::Job(Job {
                id: JobId(self.ids.uuid()),
                body: job.body,
                lane: job.lane,
                priority: job.priority,
                due_at,
                claims: 0,
                task,
            })
        };
        match event {
            LegEvent::Accepted { attempt, receipt_by } => {
                let attempt = *attempt;
                let silence = new(Task::Silence { dispatch, leg, attempt }, *receipt_by);
                let query = spec
                    .queries_after
                    .map(|pause| new(Task::Query { dispatch, leg, attempt }, now + pause));
                let unaccepted = (spec.channel == Channel::Pec).then(|| {
                    new(Task::Unaccepted { dispatch, leg, attempt }, now + ACCEPTANCE_ALERT)
                });
                query.into_iter().chain(unaccepted).chain([silence]).collect()
            }
            LegEvent::Doubt(attempt) if spec.doubt == DoubtPolicy::Query => {
                let task = Task::Query { dispatch, leg, attempt: *attempt };
                vec![new(task, now + ASK_AFTER_DOUBT)]
            }
            _ => Vec::new(),
        }
    }

    /// A process died, or lost the database, between A and B: nothing is sent again.
    async fn doubt(
        &self,
        job: &Job,
        dispatch: Dispatch,
        leg: u8,
        attempt: AttemptId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        metrics::counter!("messo_doubts_total", "channel" => job.lane.word()).increment(1);
        tracing::warn!(dispatch = %dispatch.id, attempt = %attempt, "an attempt was interrupted after its commit; it is in doubt and will not be repeated by itself");
        let event = LegEvent::Doubt(attempt);
        let mut writes = vec![Write::JobDone(job.id)];
        let summary = serde_json::json!({ "attempt": attempt, "reason": "interrupted" });
        writes.push(self.evidence(&dispatch, EvidenceKind::Doubt, None, &summary));
        if let Some(provider) = self.providers.of(job.lane) {
            writes.extend(self.follow_up(job, &event, provider, leg, now));
        }
        self.advance(dispatch, usize::from(leg), &event, now, writes).await.map(drop)
    }

    /// Moves a leg and commits the move with what else became true. When somebody else has moved the
    /// dispatch meanwhile, reads it and applies the event again: the states are made for any order.
    pub(crate) async fn advance(
        &self,
        mut dispatch: Dispatch,
        leg: usize,
        event: &LegEvent,
        at: messo_core::time::Timestamp,
        facts: Vec<Write>,
    ) -> Result<Dispatch, StoreError> {
        for _ in 0..MAX_RACES {
            let before = dispatch.state();
            let mut commit = Commit { guards: Vec::new(), writes: facts.clone() };
            let mut rings = Vec::new();
            match dispatch.on(leg, event, at) {
                Ok(consequences) => {
                    let moved =
                        !consequences.contains(&messo_core::dispatches::Consequence::Nothing);
                    let priority = self.priority(&dispatch);
                    for job in jobs_for(self, &dispatch, &consequences, priority) {
                        rings.push((job.lane, job.id));
                        commit.writes.push(Write::Job(job));
                    }
                    if moved {
                        commit.writes.push(Write::Dispatch(Box::new(dispatch.clone())));
                        commit.writes.extend(self.closing(&dispatch, before));
                    }
                }
                Err(error) => {
                    tracing::warn!(dispatch = %dispatch.id, %error, "an event does not fit; it is kept and moves nothing");
                }
            }
            match self.store.commit(commit).await {
                Ok(_) => {
                    self.ring(&rings).await;
                    return Ok(dispatch);
                }
                Err(StoreError::Stale(_)) => {
                    dispatch = self.read_again(&dispatch).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(crowded())
    }

    fn closing(&self, dispatch: &Dispatch, before: DispatchState) -> Option<Write> {
        let state = dispatch.state();
        (state != before && state != DispatchState::Waiting).then(|| {
            let summary = serde_json::json!({ "state": state });
            self.evidence(dispatch, EvidenceKind::Closed, None, &summary)
        })
    }

    /// An item of evidence about a dispatch.
    pub(crate) fn evidence(
        &self,
        dispatch: &Dispatch,
        kind: EvidenceKind,
        blob: Option<BlobHash>,
        summary: &serde_json::Value,
    ) -> Write {
        Write::Evidence(EvidenceDraft {
            id: EvidenceId(self.ids.uuid()),
            body: dispatch.body,
            dispatch: Some(dispatch.id),
            kind,
            at: self.clock.now(),
            blob,
            summary: summary.to_string(),
        })
    }

    fn priority(&self, dispatch: &Dispatch) -> Priority {
        match (self.template(&dispatch.facts.template), dispatch.batch) {
            (Ok(template), _) if template.legal => Priority::Legal,
            (_, None) => Priority::Ordinary,
            (_, Some(_)) => Priority::Bulk,
        }
    }

    /// The text of the QR code of a stored dispatch.
    pub fn code_text(&self, dispatch: &Dispatch, body: &Body) -> String {
        let token = Token {
            body: body.number,
            case: dispatch.case_serial,
            party: dispatch.party_serial,
            document: dispatch.number,
            page: 1,
            pages: 1,
        };
        qr_text(&self.settings.public_url, &self.tokens.seal(&token))
    }

    fn notify(&self, provider: &Arc<dyn Provider>, attempt: AttemptId) -> Option<Notify> {
        let base = self.settings.callback_url.as_ref().unwrap_or(&self.settings.public_url);
        let mac = self.tokens.callback_mac(attempt);
        let name = &provider.spec().name;
        Some(Notify { url: format!("{base}/callbacks/{name}/{attempt}/{mac}") })
    }

    /// The job is over.
    pub(crate) async fn done(&self, job: &Job) -> Result<(), StoreError> {
        let writes = vec![Write::JobDone(job.id)];
        self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop)
    }

    /// The job comes back later.
    pub(crate) async fn later(
        &self,
        job: &Job,
        due_at: messo_core::time::Timestamp,
    ) -> Result<(), StoreError> {
        let writes = vec![Write::JobLater { job: job.id, due_at }];
        self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop)
    }
}

/// An attempt that is committed; `refusal` when there is nothing to hand over.
struct Begun {
    dispatch: Dispatch,
    envelope: Envelope,
    refusal: Option<Failure>,
}

fn crowded() -> StoreError {
    StoreError::Unavailable("many writers move the same dispatch".into())
}

/// What leaves with proof enters the register (DPR 445/2000 art. 53): courtesy copies do not.
const fn is_registered(channel: Channel) -> bool {
    matches!(channel, Channel::Pec | Channel::Registered)
}

/// Tries made on a leg so far.
fn tries(dispatch: &Dispatch, leg: u8) -> u32 {
    match dispatch.legs[usize::from(leg)].state {
        LegState::Ready { tries, .. }
        | LegState::Sending { tries, .. }
        | LegState::Doubtful { tries, .. } => tries,
        _ => 0,
    }
}

/// What an outcome means for the leg: the only place where the retry table is asked.
fn event_of(
    attempt: AttemptId,
    outcome: &Outcome,
    tries: u32,
    now: messo_core::time::Timestamp,
) -> LegEvent {
    match outcome {
        Outcome::Accepted { receipt_within, .. } => {
            LegEvent::Accepted { attempt, receipt_by: now + *receipt_within }
        }
        Outcome::Delivered { proof, .. } => LegEvent::Delivered { attempt, proof: *proof },
        Outcome::Failed(failure) => failure_event(attempt, failure, tries, now),
    }
}

/// What a failure means for the leg.
pub(crate) fn failure_event(
    attempt: AttemptId,
    failure: &Failure,
    tries: u32,
    now: messo_core::time::Timestamp,
) -> LegEvent {
    match decide(failure.class, tries, failure.retry_after) {
        Decision::Retry(pause) => {
            LegEvent::TryAgain { attempt, due_at: now + pause, class: failure.class }
        }
        Decision::GiveUp => LegEvent::Failed { attempt, class: failure.class },
        Decision::Hold => LegEvent::Doubt(attempt),
    }
}
