//! Correspondence: what a person wrote is registered, filed in its case where that is certain, and shown to
//! the secretary; a petition becomes a draft case and its author is told the register number.
//!
//! Guarantee: register number, files and the state of the message are one commit. Limit: whether an
//! answer adheres or refuses is not read here; it is shown.

use super::ladder::Found;
use super::{MAX_ANSWER, Opened, closing, contradiction, cut, summary};
use crate::Engine;
use crate::accept::AcceptError;
use crate::filing::Filing;
use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::bodies::BodyKind;
use messo_core::cases::{Case, CaseKind, CaseRole, CaseStanding, Document, Role};
use messo_core::ids::{BlobHash, BodyId, CaseId, DocumentId, JobId, MessageId};
use messo_core::jobs::{Job, Lane, Task};
use messo_core::messages::{DeskReason, MailClass, Message, Reading, petition};
use messo_core::notices::{
    CaseFacts, NoticeFacts, NoticeRequest, RecipientFacts, RecipientRequest,
};
use messo_core::plans::{Plan, Step, Way};
use messo_core::ports::{Blob, Commit, StoreError, Write};
use messo_core::receipts::Signal;
use messo_core::register::{Direction, RegisterDraft};
use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Most names of files in a confirmation.
const MAX_NAMES: usize = 20;

/// Most registered messages of one author within [`A_DAY`] after which a petition still becomes a draft
/// and is confirmed by itself.
const MAX_PETITIONS: usize = 20;
const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl Engine {
    /// Files what somebody wrote.
    pub(super) async fn correspondence(
        &self,
        job: &Job,
        message: Message,
        opened: Opened,
    ) -> Result<(), StoreError> {
        let mut summary = summary(&opened);
        let reading = &opened.reading;
        // What pretends to come from a provider and does not is shown, and nothing follows from it.
        if let Some(reason) = pretence(&opened) {
            return self.close(job, message, Some(summary), Some(reason), Vec::new()).await;
        }
        let before = self.before(&message).await?;
        let found = self.climb(&message, reading).await?;
        summary.rung = found.rung;
        summary.candidates.clone_from(&found.candidates);
        if let Some(attempt) = &found.attempt {
            summary.attempt = Some(attempt.id);
            summary.dispatch = Some(attempt.dispatch);
        }
        // An envelope is certified in a certified mailbox only: into any other one, anybody may put a true one
        // that was never meant for it.
        let certified = reading.class == MailClass::PecEnvelope && message.channel == Channel::Pec;
        // A machine's certified mail that answers nothing of ours is correspondence like any other.
        if reading.automatic && (found.acts() || !certified) {
            return self.close(job, message, Some(summary), None, Vec::new()).await;
        }
        let mut filed = Filed::default();
        let other_sender = found.acts() && !self.written_to(&found, &message, reading).await?;
        if found.acts() {
            filed.case = found.case;
            filed.reason = if other_sender { DeskReason::OtherSender } else { DeskReason::ToRead };
        } else if certified
            && !reading.automatic
            && seems_petition(reading)
            && (before.draft.is_some() || !self.flooded(&message, reading).await?)
        {
            filed.reason = DeskReason::Petition;
            filed.case = match before.draft {
                Some(draft) => Some(draft),
                None => Some(self.draft_case(&message, reading, &mut filed.writes).await?),
            };
        }
        summary.registered = before.registered || certified || found.acts();
        if summary.registered && !before.registered {
            filed.writes.push(self.register_entry(&message, reading, filed.case));
        }
        if let Some(case) = filed.case
            && !self.holds(message.body, case, message.raw).await?
        {
            filed.writes.extend(self.documents(&message, reading, case));
        }
        summary.case = filed.case;
        let mut writes = closing(job, message.clone(), Some(summary), Some(filed.reason));
        let confirm = (filed.reason == DeskReason::Petition && !before.registered).then(|| {
            self.mail_job(message.body, Task::Confirm { message: message.id }, self.clock.now())
        });
        let ring: Vec<(Lane, JobId)> = confirm.iter().map(|job| (job.lane, job.id)).collect();
        writes.extend(confirm.map(Write::Job));
        writes.extend(filed.writes);
        self.answer(&message, reading, &found, other_sender, writes).await?;
        self.ring(&ring).await;
        Ok(())
    }

    /// What an earlier reading of the message has done already.
    async fn before(&self, message: &Message) -> Result<Before, StoreError> {
        let entry = self.store.registered(message.body, message.raw).await?;
        let registered = entry.is_some();
        Ok(Before { registered, draft: entry.and_then(|entry| entry.draft.case) })
    }

    /// Whether a case's file holds these bytes.
    async fn holds(&self, body: BodyId, case: CaseId, raw: BlobHash) -> Result<bool, StoreError> {
        let documents = self.store.documents(body, case).await?;
        Ok(documents.iter().any(|document| document.blob == raw))
    }

    /// Whether the author has the address to which we wrote what he answers.
    async fn written_to(
        &self,
        found: &Found,
        message: &Message,
        reading: &Reading,
    ) -> Result<bool, StoreError> {
        let Some(attempt) = &found.attempt else { return Ok(true) };
        let wrote_to = self.address_of(attempt).await?;
        let from = author_address(message, reading);
        Ok(wrote_to.zip(from).is_some_and(|(to, from)| from.line().eq_ignore_ascii_case(&to)))
    }

    /// Whether the author has had his number of petitions for one day: what follows is registered, and nothing
    /// is made or answered by itself (RFC 3834 2).
    async fn flooded(&self, message: &Message, reading: &Reading) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let entries = self.store.registered_between(message.body, now - A_DAY, now, None).await?;
        let author = reading.author().from.as_ref().map_or("", |from| from.address.as_str());
        let his = entries.iter().filter(|entry| {
            entry.draft.direction == Direction::In
                && entry.draft.correspondent.eq_ignore_ascii_case(author)
        });
        Ok(his.count() >= MAX_PETITIONS)
    }

    /// Commits, as an answer to the attempt that it answers where there is one.
    async fn answer(
        &self,
        message: &Message,
        reading: &Reading,
        found: &Found,
        other_sender: bool,
        writes: Vec<Write>,
    ) -> Result<(), StoreError> {
        let from = author_address(message, reading);
        let (Some(attempt), Some(from)) = (&found.attempt, from) else {
            return self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop);
        };
        let signal = Signal::Answer { from, text: cut(&reading.new_text, MAX_ANSWER) };
        let facts = serde_json::json!({
            "message": message.id,
            "rung": found.rung,
            "other_sender": other_sender,
        });
        let detail =
            crate::reconcile::Detail { provider: Some(message.mailbox.clone()), facts, writes };
        self.tell(attempt, message, signal, said_at(reading), detail).await
    }

    fn register_entry(&self, message: &Message, reading: &Reading, case: Option<CaseId>) -> Write {
        let at = self.clock.now();
        let author = reading.author();
        let from = author.from.as_ref().map_or("", |from| from.address.as_str());
        Write::Register(Box::new(RegisterDraft {
            body: message.body,
            year: at.in_rome().year(),
            direction: Direction::In,
            at,
            correspondent: cut(from, super::MAX_LINE),
            subject: cut(&author.subject, super::MAX_LINE),
            case,
            document: message.raw,
        }))
    }

    /// The message itself and its files, as documents of a case.
    fn documents(&self, message: &Message, reading: &Reading, case: CaseId) -> Vec<Write> {
        let now = self.clock.now();
        let document = |name: String, media_type: &str, blob| {
            Write::Document(Document {
                id: DocumentId(self.ids.uuid()),
                body: message.body,
                case,
                name,
                media_type: media_type.to_owned(),
                blob,
                created_at: now,
            })
        };
        let kind = if message.channel == Channel::Pec { "PEC" } else { "E-mail" };
        let name = format!("{kind} del {}.eml", now.in_rome().strftime("%d-%m-%Y %H.%M"));
        let mut writes = vec![document(name, "message/rfc822", message.raw)];
        for file in reading.attachments.iter().filter(|file| file.refused.is_none()) {
            writes.push(Write::Blob(Blob {
                body: message.body,
                hash: file.hash,
                bytes: file.bytes.clone(),
            }));
            writes.push(document(file.name.clone(), &file.media_type, file.hash));
        }
        writes
    }

    /// A draft case with the author of a petition in it.
    async fn draft_case(
        &self,
        message: &Message,
        reading: &Reading,
        writes: &mut Vec<Write>,
    ) -> Result<CaseId, StoreError> {
        let now = self.clock.now();
        let body = self.body(message.body).await?;
        let day = reading.pec.as_ref().and_then(|pec| pec.instant.as_ref());
        let today = now.in_rome().date();
        let case = CaseId(self.ids.uuid());
        writes.push(Write::Case(Box::new(Case {
            id: case,
            body: message.body,
            serial: 0,
            kind: if body.kind == BodyKind::Occ { CaseKind::Occ } else { CaseKind::Mediation },
            standing: CaseStanding::Draft,
            facts: CaseFacts {
                number: String::new(),
                year: today.year(),
                filed_on: Some(day.map_or(today, |instant| instant.legal_day)),
                ..CaseFacts::default()
            },
            meeting: None,
            created_at: now,
        })));
        if let Some(row) = self.author_row(message, reading) {
            let party = Filing::new(self, message.body, now).party(&row, writes).await?;
            let role = if body.kind == BodyKind::Occ { Role::Debtor } else { Role::Petitioner };
            writes.push(Write::Role(CaseRole {
                body: message.body,
                case,
                party,
                role,
                lawyer: None,
            }));
        }
        Ok(case)
    }

    /// The author as a recipient.
    fn author_row(&self, message: &Message, reading: &Reading) -> Option<RecipientRequest> {
        let address = author_address(message, reading)?;
        let person = reading.author().from.as_ref()?;
        let name = if person.name.is_empty() { &person.address } else { &person.name };
        let recipient = RecipientFacts { family_name: cut(name, 120), ..RecipientFacts::default() };
        let facts = NoticeFacts { recipient, ..NoticeFacts::default() };
        Some(RecipientRequest { row: 0, facts, addresses: vec![address] })
    }

    /// Tells the author of a message its register number, by the way it came.
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        job: &Job,
        id: MessageId,
    ) -> Result<(), StoreError> {
        match self.confirmation(job, id).await? {
            Some(request) => match self.accept(request).await {
                Ok(_) => {}
                Err(AcceptError::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::warn!(mail = %id, %error, "a message could not be confirmed to its author");
                }
            },
            None => {
                tracing::info!(mail = %id, "nobody can be told that a message was registered")
            }
        }
        self.done(job).await
    }

    async fn confirmation(
        self: &Arc<Self>,
        job: &Job,
        id: MessageId,
    ) -> Result<Option<NoticeRequest>, StoreError> {
        let Some(message) = self.store.message(job.body, id).await? else { return Ok(None) };
        let entry = self.store.registered(job.body, message.raw).await?;
        let raw = self.store.blob(job.body, message.raw).await?;
        let (Some(entry), Some(raw)) = (entry, raw) else { return Ok(None) };
        let Some(opened) = self.open_message(&message, raw).await else { return Ok(None) };
        if self.providers.sending(message.channel).is_none() {
            return Ok(None);
        }
        let Some(mut row) = self.author_row(&message, &opened.reading) else { return Ok(None) };
        if let Some(case) = message.summary.as_ref().and_then(|summary| summary.case)
            && let Some(case) = self.store.case(job.body, case).await?
        {
            row.facts.case = case.facts;
        }
        let files = opened.reading.attachments.iter().filter(|file| file.refused.is_none());
        let files: Vec<&str> = files.take(MAX_NAMES).map(|file| file.name.as_str()).collect();
        let at = entry.draft.at.in_rome().strftime("%d/%m/%Y, %H:%M").to_string();
        row.facts.extra.extend([
            ("protocollo".to_owned(), format!("{}/{}", entry.number, entry.draft.year)),
            ("protocollato_il".to_owned(), at),
            ("oggetto".to_owned(), entry.draft.subject),
            ("file".to_owned(), files.join(", ")),
        ]);
        Ok(Some(NoticeRequest {
            body: job.body,
            key: format!("confirm:{id}"),
            template: "ricevuta".into(),
            plan: Plan {
                steps: vec![Step { ways: vec![Way { channel: message.channel, optional: false }] }],
            },
            batch: None,
            not_before: None,
            recipients: vec![row],
        }))
    }
}

/// What an earlier reading has done.
#[derive(Default)]
struct Before {
    registered: bool,
    draft: Option<CaseId>,
}

/// Why an envelope is not what its provider signed; none for other mail. One whose signer nobody answers for is
/// shown as such.
fn pretence(opened: &Opened) -> Option<DeskReason> {
    match opened.signature.as_ref()?.verdict {
        Verdict::Invalid => Some(DeskReason::SignatureInvalid),
        Verdict::Missing => Some(DeskReason::SignatureMissing),
        Verdict::Valid | Verdict::NotVerifiable => contradiction(opened),
    }
}

/// What follows from a message.
struct Filed {
    case: Option<CaseId>,
    reason: DeskReason,
    writes: Vec<Write>,
}

impl Default for Filed {
    fn default() -> Self {
        Self { case: None, reason: DeskReason::Unfiled, writes: Vec::new() }
    }
}

fn seems_petition(reading: &Reading) -> bool {
    let files = reading.attachments.iter().filter(|file| file.refused.is_none());
    let files = files.map(|file| file.name.as_str());
    petition::seems(&reading.author().subject, &reading.text, files)
}

/// The author's address, as one that can be written to by the same way.
fn author_address(message: &Message, reading: &Reading) -> Option<Address> {
    let address = EmailAddress::parse(&reading.author().from.as_ref()?.address).ok()?;
    Some(match message.channel {
        Channel::Pec => Address::Pec(address),
        _ => Address::Email(address),
    })
}

fn said_at(reading: &Reading) -> Option<Timestamp> {
    let said = reading.pec.as_ref().and_then(|pec| pec.instant.as_ref());
    said.map(|instant| instant.at).or(reading.headers.date)
}
