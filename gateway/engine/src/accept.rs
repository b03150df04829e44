//! Accept: check a request whole, then make notice, dispatches, jobs and evidence true together.
//!
//! Guarantee: when `accept` returns, what was asked is durable and will be done; asked again with
//! the same key it changes nothing. A request with any fault is refused whole and leaves no trace.

use crate::Engine;
use crate::filing::{Filing, MAX_RACES};
use messo_core::addresses::Channel;
use messo_core::bodies::Body;
use messo_core::case_sheet::RowError;
use messo_core::dispatches::{Consequence, Dispatch, Leg};
use messo_core::evidence::{EvidenceDraft, EvidenceKind};
use messo_core::ids::{BlobHash, CaseId, DispatchId, EvidenceId, JobId, NoticeId, PartyId};
use messo_core::jobs::{Job, Lane, Priority, Task};
use messo_core::legs::{InvalidTransition, LegState};
use messo_core::notices::{Notice, NoticeRequest, RecipientRequest};
use messo_core::ports::{Commit, DispatchFilter, RenderError, StoreError, TemplateInfo, Write};
use messo_core::time::Timestamp;
use serde::Serialize;

/// Most recipients of one notice. Runs to many people are many notices in one batch.
pub const MAX_RECIPIENTS: usize = 1_000;

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The notice.
    pub notice: NoticeId,
    /// Its dispatches, in the order of the recipients.
    pub dispatches: Vec<DispatchId>,
    /// The same request had been accepted before; nothing new was made.
    pub repeated: bool,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Some recipients cannot be served: every fault of every one.
    #[error("{} dati da correggere prima dell'invio", .0.len())]
    Faults(Vec<RowError>),
    /// No recipient, or too many.
    #[error("una comunicazione ha da 1 a {MAX_RECIPIENTS} destinatari, non {0}")]
    Recipients(usize),
    /// No such template.
    #[error("il modello «{0}» non esiste")]
    UnknownTemplate(String),
    /// The plan names a channel that is not configured.
    #[error("il canale {0} non è configurato in questa installazione")]
    NoProvider(Channel),
    /// The key was used for something else.
    #[error("la chiave «{0}» è già stata usata per una comunicazione diversa")]
    Conflict(String),
    /// The request contradicts itself.
    #[error("la comunicazione non può partire: {0}")]
    Invalid(#[from] InvalidTransition),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Accepts a notice.
    pub async fn accept(&self, request: NoticeRequest) -> Result<Accepted, AcceptError> {
        let template = self.template(&request.template)?;
        let body = self.body(request.body).await?;
        let recipients = self.check(&request, &body)?;
        let content_hash = content_hash(&request, &recipients);
        for _ in 0..MAX_RACES {
            let mut draft = Draft::new(self, &request, &template, content_hash);
            for recipient in &recipients {
                draft.add(recipient).await?;
            }
            let accepted = draft.accepted();
            let rings = draft.rings;
            match self.store.commit(draft.commit).await {
                Ok(_) => {
                    metrics::counter!("messo_notices_accepted_total").increment(1);
                    self.ring(&rings).await;
                    return Ok(accepted);
                }
                Err(StoreError::Taken("notice")) => {
                    return self.repeated(&request, content_hash).await;
                }
                // Somebody made the same case or party a moment ago: read it and use it.
                Err(StoreError::Taken("case" | "party")) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("many writers want the same case".into()).into())
    }

    /// The answer that this very request was given before, if it was. Looked up by its key alone, before
    /// anything is held against today's data: a repetition hears the first answer, whatever has changed.
    pub async fn recall(&self, request: &NoticeRequest) -> Result<Option<Accepted>, AcceptError> {
        if self.store.notice_keyed(request.body, &request.key).await?.is_none() {
            return Ok(None);
        }
        let body = self.body(request.body).await?;
        let recipients: Vec<_> = request
            .recipients
            .iter()
            .map(|recipient| RecipientRequest {
                facts: self.facts(recipient, request, &body),
                ..recipient.clone()
            })
            .collect();
        self.repeated(request, content_hash(request, &recipients)).await.map(Some)
    }

    /// Information about a template.
    pub fn template(&self, name: &str) -> Result<TemplateInfo, AcceptError> {
        self.renderer.template(name).ok_or_else(|| AcceptError::UnknownTemplate(name.to_owned()))
    }

    /// Every fault of a recipient under this template and plan, without touching the database.
    pub fn faults(
        &self,
        recipient: &RecipientRequest,
        request: &NoticeRequest,
        body: &Body,
    ) -> Result<Vec<RowError>, AcceptError> {
        let facts = self.facts(recipient, request, body);
        let channels: Vec<Channel> = request.plan.channels().collect();
        let missing = self.renderer.missing(&facts, &channels).map_err(|error| match error {
            RenderError::NoRendition { channel, .. } => AcceptError::NoProvider(channel),
            _ => AcceptError::UnknownTemplate(request.template.clone()),
        })?;
        let mut faults: Vec<RowError> = missing
            .into_iter()
            .map(|missing| RowError {
                row: recipient.row,
                field: missing.field,
                reason: missing.reason,
            })
            .collect();
        if let Err(channel) = request.plan.legs(&recipient.addresses) {
            faults.push(RowError {
                row: recipient.row,
                field: address_field(channel).into(),
                reason: format!("manca il recapito per il canale {}", channel.title()),
            });
        }
        Ok(faults)
    }

    fn check(
        &self,
        request: &NoticeRequest,
        body: &Body,
    ) -> Result<Vec<RecipientRequest>, AcceptError> {
        if request.recipients.is_empty() || request.recipients.len() > MAX_RECIPIENTS {
            return Err(AcceptError::Recipients(request.recipients.len()));
        }
        if let Some(channel) =
            request.plan.channels().find(|channel| self.providers.sending(*channel).is_none())
        {
            return Err(AcceptError::NoProvider(channel));
        }
        let mut faults = Vec::new();
        let mut recipients = Vec::with_capacity(request.recipients.len());
        for recipient in &request.recipients {
            faults.extend(self.faults(recipient, request, body)?);
            recipients.push(RecipientRequest {
                row: recipient.row,
                facts: self.facts(recipient, request, body),
                addresses: recipient.addresses.clone(),
            });
        }
        if faults.is_empty() { Ok(recipients) } else { Err(AcceptError::Faults(faults)) }
    }

    fn facts(
        &self,
        recipient: &RecipientRequest,
        request: &NoticeRequest,
        body: &Body,
    ) -> messo_core::notices::NoticeFacts {
        let mut facts = recipient.facts.clone();
        facts.template.clone_from(&request.template);
        facts.body = body.facts.clone();
        facts
    }

    async fn repeated(
        &self,
        request: &NoticeRequest,
        content_hash: BlobHash,
    ) -> Result<Accepted, AcceptError> {
        let notice = self
            .store
            .notice_keyed(request.body, &request.key)
            .await?
            .ok_or(StoreError::Missing("notice"))?;
        if notice.content_hash != content_hash {
            return Err(AcceptError::Conflict(request.key.clone()));
        }
        let filter = DispatchFilter {
            notice: Some(notice.id),
            limit: MAX_RECIPIENTS as u32,
            ..DispatchFilter::default()
        };
        let mut rows = self.store.dispatches(request.body, &filter).await?;
        rows.sort_by_key(|row| row.dispatch.id);
        Ok(Accepted {
            notice: notice.id,
            dispatches: rows.into_iter().map(|row| row.dispatch.id).collect(),
            repeated: true,
        })
    }
}

/// The CSV column that holds the address of a channel.
fn address_field(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "email",
        Channel::Pec => "pec",
        Channel::Sms => "mobile",
        Channel::Fax => "fax",
        Channel::Post | Channel::Registered => "street",
        Channel::Chat => "chat",
    }
}

/// What was asked, without ids and times. The letterhead is left out: it may be edited between
/// two identical requests.
fn content_hash(request: &NoticeRequest, recipients: &[RecipientRequest]) -> BlobHash {
    let asked: Vec<_> = recipients
        .iter()
        .map(|recipient| {
            let mut facts = recipient.facts.clone();
            facts.body = Default::default();
            (facts, &recipient.addresses)
        })
        .collect();
    let text = serde_json::to_vec(&(&request.template, &request.plan, asked, request.not_before))
        .expect("template, plan, facts and addresses are plain data whose keys are text");
    BlobHash::of(&text)
}

/// The commit as it grows, recipient by recipient.
struct Draft<'a> {
    engine: &'a Engine,
    request: &'a NoticeRequest,
    notice: NoticeId,
    priority: Priority,
    now: Timestamp,
    commit: Commit,
    rings: Vec<(Lane, JobId)>,
    dispatches: Vec<DispatchId>,
    filing: Filing<'a>,
}

impl<'a> Draft<'a> {
    fn new(
        engine: &'a Engine,
        request: &'a NoticeRequest,
        template: &TemplateInfo,
        content_hash: BlobHash,
    ) -> Self {
        let now = engine.clock.now();
        let notice = NoticeId(engine.ids.uuid());
        let priority = match (template.legal, request.batch) {
            (true, _) => Priority::Legal,
            (false, None) => Priority::Ordinary,
            (false, Some(_)) => Priority::Bulk,
        };
        let mut commit = Commit::default();
        commit.writes.push(Write::Notice(Notice {
            id: notice,
            body: request.body,
            key: request.key.clone(),
            content_hash,
            template: request.template.clone(),
            batch: request.batch,
            created_at: now,
        }));
        Self {
            engine,
            request,
            notice,
            priority,
            now,
            commit,
            rings: Vec::new(),
            dispatches: Vec::new(),
            filing: Filing::new(engine, request.body, now),
        }
    }

    fn accepted(&self) -> Accepted {
        Accepted { notice: self.notice, dispatches: self.dispatches.clone(), repeated: false }
    }

    async fn add(&mut self, recipient: &RecipientRequest) -> Result<(), AcceptError> {
        let (case, party) = self.filing.file(recipient, &mut self.commit.writes).await?;
        let mut dispatch = self.dispatch(recipient, case, party)?;
        let due_at = self.request.not_before.map_or(self.now, |at| at.max(self.now));
        let consequences = dispatch.begin(due_at)?;
        let content = dispatch.content_hash();
        self.dispatches.push(dispatch.id);
        let jobs = jobs_for(self.engine, &dispatch, &consequences, self.priority);
        let evidence = EvidenceDraft {
            id: EvidenceId(self.engine.ids.uuid()),
            body: self.request.body,
            dispatch: Some(dispatch.id),
            kind: EvidenceKind::Accepted,
            at: self.now,
            blob: None,
            summary: serde_json::json!({
                "template": self.request.template,
                "plan": self.request.plan,
                "content_sha256": content,
            })
            .to_string(),
        };
        self.commit.writes.push(Write::NewDispatch(Box::new(dispatch)));
        self.commit.writes.push(Write::Evidence(evidence));
        for job in jobs {
            self.rings.push((job.lane, job.id));
            self.commit.writes.push(Write::Job(job));
        }
        Ok(())
    }

    fn dispatch(
        &self,
        recipient: &RecipientRequest,
        case: CaseId,
        party: PartyId,
    ) -> Result<Dispatch, AcceptError> {
        let legs = self
            .request
            .plan
            .legs(&recipient.addresses)
            .map_err(AcceptError::NoProvider)?
            .into_iter()
            .map(|leg| Leg {
                step: leg.step,
                channel: leg.channel,
                address: leg.address,
                state: LegState::Planned,
            })
            .collect();
        Ok(Dispatch {
            id: DispatchId(self.engine.ids.uuid()),
            body: self.request.body,
            number: 0,
            notice: self.notice,
            batch: self.request.batch,
            case,
            case_serial: 0,
            party,
            party_serial: 0,
            plan: self.request.plan.clone(),
            legs,
            facts: recipient.facts.clone(),
            row: recipient.row,
            created_at: self.now,
            version: 0,
        })
    }
}

/// The jobs that follow from what a dispatch has just done.
pub(crate) fn jobs_for(
    engine: &Engine,
    dispatch: &Dispatch,
    consequences: &[Consequence],
    priority: Priority,
) -> Vec<Job> {
    consequences
        .iter()
        .filter_map(|consequence| match consequence {
            Consequence::Nothing => None,
            Consequence::Send { leg, due_at } => Some(Job {
                id: JobId(engine.ids.uuid()),
                body: dispatch.body,
                lane: Lane::Out(dispatch.legs[*leg].channel),
                priority,
                due_at: *due_at,
                claims: 0,
                task: Task::Send {
                    dispatch: dispatch.id,
                    leg: u8::try_from(*leg).unwrap_or(u8::MAX),
                },
            }),
        })
        .collect()
}
