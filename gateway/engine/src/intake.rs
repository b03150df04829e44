//! Intake: what comes in by mail is kept, then read, and finds what it is about.
//!
//! Guarantee: bytes, message and the job that reads it are one commit, before anyone looks inside; the
//! same message is taken once, wherever and however often a mailbox shows it. What cannot be read, verified
//! or placed waits at the desk with its bytes; nothing is dropped. A message that breaks the reader costs
//! that message alone.

mod correspondence;
mod ladder;
mod news;

use crate::Engine;
use crate::filing::MAX_RACES;
use async_trait::async_trait;
use futures_util::future::try_join_all;
use messo_core::addresses::Channel;
use messo_core::ids::{BodyId, JobId, MessageId};
use messo_core::jobs::{Job, Lane, Priority, Task};
use messo_core::messages::{
    AttachmentLine, Cursor, DeskReason, MailClass, Message, MessageState, Reading, Summary,
    identity,
};
use messo_core::pec::PecKind;
use messo_core::ports::{
    Arrived, Blob, Commit, MailReader, MailSink, SignatureCheck, StoreError, Write,
};
use messo_core::signatures::{SignatureReport, Verdict};
use messo_core::time::Timestamp;
use std::sync::Arc;

/// Longest text of a party that is kept in a receipt, in characters. The whole is in the message.
const MAX_ANSWER: usize = 20_000;

/// Longest subject or name in a summary, in characters.
const MAX_LINE: usize = 500;

/// What the engine needs to read mail.
#[derive(Clone)]
pub struct Intake {
    /// Reads messages.
    pub reader: Arc<dyn MailReader>,
    /// Checks the signatures of certified mail.
    pub signatures: Arc<dyn SignatureCheck>,
    /// Whether a receipt whose signer nobody answers for may move a state; it is marked wherever it is shown.
    /// One whose signature is wrong or missing never does.
    pub trust_unverifiable: bool,
}

/// A message, read, with what its signature is worth.
struct Opened {
    reading: Reading,
    signature: Option<SignatureReport>,
}

#[async_trait]
impl MailSink for Engine {
    async fn take(
        &self,
        arrived: Vec<Arrived>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<(MessageId, bool)>, StoreError> {
        // One commit each, side by side: the storage puts them into one transaction, and one that
        // somebody else took a moment ago refuses itself alone.
        let taken = try_join_all(arrived.into_iter().map(|message| self.keep(message))).await?;
        if let Some(cursor) = cursor {
            let writes = vec![Write::Cursor(cursor)];
            self.store.commit(Commit { guards: Vec::new(), writes }).await?;
        }
        let rings: Vec<_> = taken.iter().filter_map(|(_, _, job)| *job).collect();
        self.ring(&rings).await;
        Ok(taken.into_iter().map(|(id, new, _)| (id, new)).collect())
    }

    async fn cursor(
        &self,
        body: BodyId,
        mailbox: &str,
        folder: &str,
    ) -> Result<Option<Cursor>, StoreError> {
        self.store.cursor(body, mailbox, folder).await
    }
}

/// A message taken: its identity, whether it is new, and the job that will read it.
type Taken = (MessageId, bool, Option<(Lane, JobId)>);

impl Engine {
    /// Keeps one message, once.
    async fn keep(&self, arrived: Arrived) -> Result<Taken, StoreError> {
        let (body, identity) = (arrived.body, identity(&arrived.raw));
        if let Some(known) = self.store.message_identified(body, identity).await? {
            let ring = self.seen_certified(known, arrived).await?;
            return Ok((known, false, ring));
        }
        let now = self.clock.now();
        let size = arrived.whole_size.unwrap_or(arrived.raw.len() as u64);
        let blob = Blob::new(body, arrived.raw);
        let message = Message {
            id: MessageId(self.ids.uuid()),
            body,
            mailbox: arrived.mailbox,
            folder: arrived.folder,
            channel: arrived.channel,
            sandbox: arrived.sandbox,
            identity,
            raw: blob.hash,
            size,
            arrived_at: arrived.arrived_at,
            received_at: now,
            state: match arrived.whole_size {
                None => MessageState::Unread,
                Some(_) => MessageState::Desk { reason: DeskReason::TooLarge },
            },
            summary: None,
            version: 0,
        };
        metrics::counter!("messo_messages_total", "channel" => message.channel.word()).increment(1);
        let id = message.id;
        let job = (message.state == MessageState::Unread)
            .then(|| self.mail_job(body, Task::Read { message: id }, now));
        let ring = job.as_ref().map(|job| (job.lane, job.id));
        let mut writes = vec![Write::Blob(blob), Write::NewMessage(Box::new(message))];
        writes.extend(job.map(Write::Job));
        match self.store.commit(Commit { guards: Vec::new(), writes }).await {
            Ok(_) => Ok((id, true, ring)),
            // Another mailbox or process was quicker.
            Err(StoreError::Taken("message")) => {
                let known = self.store.message_identified(body, identity).await?;
                Ok((known.ok_or(StoreError::Missing("message"))?, false, None))
            }
            Err(error) => Err(error),
        }
    }

    /// A message known from an ordinary mailbox, into which anybody may have put a copy of it, shows itself in a
    /// certified one: that one counts, and it is read as it stands there, unless something was done with it.
    async fn seen_certified(
        &self,
        known: MessageId,
        arrived: Arrived,
    ) -> Result<Option<(Lane, JobId)>, StoreError> {
        if arrived.channel != Channel::Pec || arrived.whole_size.is_some() {
            return Ok(None);
        }
        let Some(mut message) = self.store.message(arrived.body, known).await? else {
            return Ok(None);
        };
        let registered = message.summary.as_ref().is_some_and(|summary| summary.registered);
        let open = matches!(message.state, MessageState::Unread | MessageState::Desk { .. });
        if message.channel == Channel::Pec || registered || !open {
            return Ok(None);
        }
        let blob = Blob::new(arrived.body, arrived.raw);
        message.raw = blob.hash;
        message.size = blob.bytes.len() as u64;
        (message.channel, message.sandbox) = (arrived.channel, arrived.sandbox);
        (message.mailbox, message.folder) = (arrived.mailbox, arrived.folder);
        message.state = MessageState::Unread;
        let job = self.mail_job(arrived.body, Task::Read { message: known }, self.clock.now());
        let ring = (job.lane, job.id);
        let writes = vec![Write::Blob(blob), Write::Message(Box::new(message)), Write::Job(job)];
        // When it is being read this very moment, this fails, and the mailbox shows the message again.
        self.store.commit(Commit { guards: Vec::new(), writes }).await?;
        Ok(Some(ring))
    }

    fn mail_job(&self, body: BodyId, task: Task, due_at: Timestamp) -> Job {
        Job {
            id: JobId(self.ids.uuid()),
            body,
            lane: Lane::Mail,
            priority: Priority::Legal,
            due_at,
            claims: 0,
            task,
        }
    }

    /// Reads a message again that waits at the desk: after a trust anchor was added, or a case was made. What
    /// was registered and filed before is not registered and filed again. Any other message stays as it is: what
    /// was not fetched whole must not be read as if it were.
    pub async fn read_message_again(&self, body: BodyId, id: MessageId) -> Result<(), StoreError> {
        let mut message =
            self.store.message(body, id).await?.ok_or(StoreError::Missing("message"))?;
        match message.state {
            MessageState::Desk { reason } if reason != DeskReason::TooLarge => {}
            _ => return Ok(()),
        }
        message.state = MessageState::Unread;
        let job = self.mail_job(body, Task::Read { message: id }, self.clock.now());
        let ring = (job.lane, job.id);
        let writes = vec![Write::Message(Box::new(message)), Write::Job(job)];
        self.store.commit(Commit { guards: Vec::new(), writes }).await?;
        self.ring(&[ring]).await;
        Ok(())
    }

    /// A person has dealt with a message at the desk.
    pub async fn settle_message(&self, body: BodyId, id: MessageId) -> Result<(), StoreError> {
        let mut message =
            self.store.message(body, id).await?.ok_or(StoreError::Missing("message"))?;
        // What was not read yet must be read, whoever has looked at it.
        if !matches!(message.state, MessageState::Desk { .. }) {
            return Ok(());
        }
        message.state = MessageState::Settled;
        let writes = vec![Write::Message(Box::new(message))];
        self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop)
    }

    /// A message with what stands in it, for whoever looks at it; no reading when it cannot be read.
    pub async fn look(
        self: &Arc<Self>,
        body: BodyId,
        id: MessageId,
    ) -> Result<Option<(Message, Option<Reading>, Option<SignatureReport>)>, StoreError> {
        let Some(message) = self.store.message(body, id).await? else { return Ok(None) };
        let raw = self.store.blob(body, message.raw).await?;
        let raw = raw.ok_or(StoreError::Missing("blob"))?;
        Ok(Some(match self.open_message(&message, raw).await {
            Some(opened) => (message, Some(opened.reading), opened.signature),
            None => (message, None, None),
        }))
    }

    /// Does what follows from a message. Two of one author that are read at the same time may both want to
    /// file him: whoever comes second looks again.
    pub(crate) async fn read(self: &Arc<Self>, job: &Job, id: MessageId) -> Result<(), StoreError> {
        for _ in 0..MAX_RACES {
            match self.read_once(job, id).await {
                Err(StoreError::Taken(_) | StoreError::Stale(_)) => {}
                done => return done,
            }
        }
        Err(StoreError::Unavailable("many messages want the same rows".into()))
    }

    async fn read_once(self: &Arc<Self>, job: &Job, id: MessageId) -> Result<(), StoreError> {
        let Some(message) = self.store.message(job.body, id).await? else {
            return self.done(job).await;
        };
        if message.state != MessageState::Unread {
            return self.done(job).await;
        }
        let raw = self.store.blob(job.body, message.raw).await?;
        let raw = raw.ok_or(StoreError::Missing("blob"))?;
        let Some(opened) = self.open_message(&message, raw).await else {
            return self.close(job, message, None, Some(DeskReason::Unreadable), Vec::new()).await;
        };
        metrics::counter!("messo_messages_read_total", "class" => opened.reading.class.word())
            .increment(1);
        match opened.reading.class {
            MailClass::PecReceipt => self.pec_receipt(job, message, opened).await,
            MailClass::Dsn => self.bounces(job, message, opened).await,
            MailClass::Arf => self.complaint(job, message, opened).await,
            MailClass::Mdn | MailClass::CalendarReply | MailClass::AutoReply => {
                self.remark(job, message, opened).await
            }
            MailClass::PecEnvelope | MailClass::Correspondence => {
                self.correspondence(job, message, opened).await
            }
            MailClass::PecAnomaly => {
                let summary = summary(&opened);
                self.close(job, message, Some(summary), Some(DeskReason::Anomaly), Vec::new()).await
            }
        }
    }

    /// Reads and verifies in a thread that may block, and may die.
    async fn open_message(self: &Arc<Self>, message: &Message, raw: Vec<u8>) -> Option<Opened> {
        let (intake, id) = (self.intake.clone(), message.id);
        let fallback = message.arrived_at.unwrap_or(message.received_at);
        let opened = tokio::task::spawn_blocking(move || {
            let reading = intake.reader.read(&raw)?;
            let certified = matches!(
                reading.class,
                MailClass::PecReceipt | MailClass::PecEnvelope | MailClass::PecAnomaly
            );
            let said = reading.pec.as_ref().and_then(|pec| pec.instant.as_ref());
            let at = said.map(|instant| instant.at).or(reading.headers.date).unwrap_or(fallback);
            let sealed = reading.pec.as_ref().and_then(|pec| pec.sealed);
            let signature =
                certified.then(|| intake.signatures.check(&raw, at).of_what_was_read(sealed));
            Ok::<_, messo_core::ports::UnreadableMail>(Opened { reading, signature })
        })
        .await;
        match opened {
            Ok(Ok(opened)) => Some(opened),
            Ok(Err(error)) => {
                tracing::warn!(mail = %id, %error, "a message is set aside");
                None
            }
            Err(_) => {
                tracing::error!(mail = %id, "a message broke the reader and is set aside");
                None
            }
        }
    }

    /// Writes down what became of a message and ends its job. Without a reason it is done.
    async fn close(
        &self,
        job: &Job,
        message: Message,
        summary: Option<Summary>,
        reason: Option<DeskReason>,
        more: Vec<Write>,
    ) -> Result<(), StoreError> {
        let mut writes = closing(job, message, summary, reason);
        writes.extend(more);
        self.store.commit(Commit { guards: Vec::new(), writes }).await.map(drop)
    }
}

/// The writes that end the reading of a message.
fn closing(
    job: &Job,
    mut message: Message,
    summary: Option<Summary>,
    reason: Option<DeskReason>,
) -> Vec<Write> {
    message.summary = summary;
    message.state = match reason {
        None => MessageState::Done,
        Some(reason) => MessageState::Desk { reason },
    };
    vec![Write::JobDone(job.id), Write::Message(Box::new(message))]
}

/// What lists show of a message.
fn summary(opened: &Opened) -> Summary {
    let reading = &opened.reading;
    let author = reading.author();
    let from = author.from.as_ref().map_or_else(String::new, |from| {
        if from.name.is_empty() {
            from.address.clone()
        } else {
            format!("{} <{}>", from.name, from.address)
        }
    });
    let attachments = reading.attachments.iter().map(|file| AttachmentLine {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.size,
        refused: file.refused,
    });
    Summary {
        class: reading.class,
        pec: reading.pec.as_ref().and_then(|pec| pec.kind),
        from: cut(&from, MAX_LINE),
        subject: cut(&author.subject, MAX_LINE),
        message_id: author.message_id.clone(),
        signature: opened.signature.as_ref().map(|report| report.verdict),
        rung: None,
        dispatch: None,
        attempt: None,
        case: None,
        candidates: Vec::new(),
        registered: false,
        attachments: attachments.collect(),
    }
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// Why a provider's message may not count; none when it may.
fn distrust(intake: &Intake, opened: &Opened) -> Option<DeskReason> {
    match opened.signature.as_ref().map(|report| report.verdict) {
        Some(Verdict::Valid) => contradiction(opened),
        Some(Verdict::NotVerifiable) if intake.trust_unverifiable => contradiction(opened),
        Some(Verdict::NotVerifiable) => Some(DeskReason::SignatureNotVerifiable),
        Some(Verdict::Invalid) => Some(DeskReason::SignatureInvalid),
        Some(Verdict::Missing) | None => Some(DeskReason::SignatureMissing),
    }
}

/// The signature holds; whether a provider made it, and for what was read, is another question.
fn contradiction(opened: &Opened) -> Option<DeskReason> {
    let told = opened.reading.pec.as_ref().zip(opened.signature.as_ref());
    let stands = told.is_some_and(|(pec, signature)| pec.stands_in(signature));
    // Providers sign as `posta-certificata@…` (RFC 6109 3.1); people have certificates of the same authorities.
    let from = opened.reading.headers.from.as_ref().map(|from| from.address.to_lowercase());
    let provider = from.is_some_and(|address| address.starts_with("posta-certificata@"));
    (!stands || !provider).then_some(DeskReason::Contradiction)
}

/// Whether it is what providers tell each other, which concerns nobody here.
const fn between_providers(kind: Option<PecKind>) -> bool {
    matches!(kind, Some(PecKind::TakenInCharge | PecKind::VirusDetected))
}
