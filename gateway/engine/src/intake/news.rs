//! News about what we sent: certified receipts, bounces, complaints, read notes, calendar answers,
//! automatic replies. Only receipts and bounces move anything.

use super::ladder::provider_name;
use super::{Opened, between_providers, closing, distrust, summary};
use crate::Engine;
use crate::reconcile::Detail;
use messo_core::addresses::Channel;
use messo_core::attempts::Attempt;
use messo_core::correlation::Rung;
use messo_core::ids::BlobHash;
use messo_core::jobs::Job;
use messo_core::messages::status::{Weight, weight};
use messo_core::messages::{
    Bounce, BounceAction, DeskReason, Meaning, Message, Summary, Suppression,
};
use messo_core::pec::{self, PecData};
use messo_core::ports::{Blob, Reported, StoreError, Write};
use messo_core::receipts::Signal;
use messo_core::time::Timestamp;
use std::time::Duration;

/// Most recipients of one bounce that are looked at.
const MAX_BOUNCES: usize = 50;

/// How much of what we sent is read to know who wrote it, in bytes: its header is shorter.
const MAX_HEAD: usize = 64 * 1024;

/// First pause for a receipt without our reference; each is four times the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Most pauses: six minutes in all.
const MAX_WAITS: u32 = 5;

impl Engine {
    /// A receipt of certified mail. It counts when its signature holds over what was read, and its signed
    /// record names an attempt of ours by certified mail, the address that wrote it, and its recipient. Who
    /// has a true receipt of his own can send it to us under any header.
    pub(super) async fn pec_receipt(
        &self,
        job: &Job,
        message: Message,
        opened: Opened,
    ) -> Result<(), StoreError> {
        let mut summary = summary(&opened);
        let Some(pec) = &opened.reading.pec else {
            let reason = Some(DeskReason::UnknownPec);
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        let untrue = distrust(&self.intake, &opened);
        if between_providers(pec.kind) {
            return self.close(job, message, Some(summary), untrue, Vec::new()).await;
        }
        let found = self.attempt_of(&message, pec).await?;
        if found.is_none() && untrue.is_none() && awaits_its_name(pec) && job.claims <= MAX_WAITS {
            let pause = FIRST_WAIT * 4u32.pow(job.claims.saturating_sub(1));
            return self.later(job, self.clock.now() + pause).await;
        }
        if let Some((rung, attempt)) = &found {
            summary.rung = Some(*rung);
            summary.attempt = Some(attempt.id);
            summary.dispatch = Some(attempt.dispatch);
        }
        let address = match &found {
            Some((_, attempt)) => self.address_of(attempt).await?,
            None => None,
        };
        let mut event = address.as_deref().and_then(|address| pec.event_for(address));
        if let Some((_, attempt)) = &found
            && !self.wrote(attempt, pec.sender.as_deref()).await?
        {
            event = None;
        }
        let reason = untrue
            .or((pec.kind.is_none()).then_some(DeskReason::UnknownPec))
            .or((event.is_none()).then_some(DeskReason::NoMatch));
        let (Some((_, attempt)), Some(event), None) = (found, event, reason) else {
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        let signal = pec::signal(event, pec.code());
        let detail = Detail {
            provider: Some(message.mailbox.clone()),
            facts: serde_json::json!({
                "message": message.id,
                "pec": pec,
                "daticert_sha256": opened.reading.daticert.as_deref().map(BlobHash::of),
                "signature": opened.signature,
                "rung": summary.rung,
            }),
            writes: pec_writes(job, &message, &attempt, &opened, pec, summary.clone()),
        };
        let at = pec.instant.as_ref().map(|instant| instant.at);
        self.tell(&attempt, &message, signal, at, detail).await
    }

    /// The attempt that a receipt is about: by our own Message-ID, else by the provider's name for it.
    async fn attempt_of(
        &self,
        message: &Message,
        pec: &PecData,
    ) -> Result<Option<(Rung, Attempt)>, StoreError> {
        if let Some(attempt) = self.referred(message, pec.reference.iter()).await? {
            return Ok(Some((Rung::PecReference, attempt)).filter(by_pec));
        }
        let Some(name) = &pec.pec_id else { return Ok(None) };
        let Some(id) = self.store.also_known(message.body, &provider_name(name)).await? else {
            return Ok(None);
        };
        let attempt = self.own_attempt(message, id).await?;
        Ok(attempt.map(|attempt| (Rung::PecId, attempt)).filter(by_pec))
    }

    /// Whether this is the address that an attempt was written from, as its exact bytes say: anybody can give
    /// a message of his own the Message-ID of one that he got from us.
    async fn wrote(&self, attempt: &Attempt, sender: Option<&str>) -> Result<bool, StoreError> {
        let Some(bytes) = self.store.blob(attempt.body, attempt.content).await? else {
            return Ok(false);
        };
        let head = &bytes[..bytes.len().min(MAX_HEAD)];
        let from = self.intake.reader.read(head).ok().and_then(|reading| reading.headers.from);
        Ok(from.zip(sender).is_some_and(|(from, sender)| from.address.eq_ignore_ascii_case(sender)))
    }

    /// Where an attempt went.
    pub(super) async fn address_of(&self, attempt: &Attempt) -> Result<Option<String>, StoreError> {
        let dispatch = self.store.dispatch(attempt.body, attempt.dispatch).await?;
        Ok(dispatch
            .as_ref()
            .and_then(|dispatch| dispatch.legs.get(usize::from(attempt.leg)))
            .and_then(|leg| leg.address.as_ref())
            .map(|address| address.line()))
    }

    /// Takes what a message says about an attempt; its exact bytes are the receipt.
    pub(super) async fn tell(
        &self,
        attempt: &Attempt,
        message: &Message,
        signal: Signal,
        at: Option<Timestamp>,
        detail: Detail,
    ) -> Result<(), StoreError> {
        let raw = self.store.blob(message.body, message.raw).await?;
        let raw = raw.ok_or(StoreError::Missing("blob"))?;
        let news = Reported { attempt: Some(attempt.id), signal, at, raw };
        self.take_with(attempt, news, detail).await
    }

    /// A bounce, of one or more recipients.
    pub(super) async fn bounces(
        &self,
        job: &Job,
        message: Message,
        opened: Opened,
    ) -> Result<(), StoreError> {
        let mut summary = summary(&opened);
        let Meaning::Bounces(bounces) = &opened.reading.meaning else {
            let reason = Some(DeskReason::UnclearBounce);
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        let mut placed = None;
        for bounce in bounces.iter().take(MAX_BOUNCES) {
            let attempt = self.referred(&message, bounce.references.iter()).await?;
            // Only ordinary mail bounces: what became of certified mail, its receipts say.
            if let Some(attempt) = attempt.filter(|attempt| attempt.channel == Channel::Email) {
                placed = Some((bounce, attempt));
                break;
            }
        }
        let Some((bounce, attempt)) = placed else {
            let reason = Some(DeskReason::UnclearBounce);
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        summary.rung = Some(Rung::References);
        summary.attempt = Some(attempt.id);
        summary.dispatch = Some(attempt.dispatch);
        let (signal, weight) = meaning(bounce);
        let alarm = matches!(weight, Weight::Policy | Weight::Content);
        let reason = alarm.then_some(DeskReason::Notice);
        let mut writes = closing(job, message.clone(), Some(summary), reason);
        // The address that we wrote to, not the one that a forwarding server names.
        if matches!(weight, Weight::Hard | Weight::Soft)
            && let Some(address) = self.address_of(&attempt).await?
        {
            writes.push(Write::Suppression(Suppression {
                body: message.body,
                channel: attempt.channel,
                address: address.to_lowercase(),
                hard: weight == Weight::Hard,
                code: bounce.status.clone().unwrap_or_default(),
                at: message.received_at,
                message: message.id,
            }));
        }
        let facts = serde_json::json!({ "message": message.id, "bounce": bounce });
        let detail = Detail { provider: Some(message.mailbox.clone()), facts, writes };
        self.tell(&attempt, &message, signal, opened.reading.headers.date, detail).await
    }

    /// Somebody marked our mail as spam.
    pub(super) async fn complaint(
        &self,
        job: &Job,
        message: Message,
        opened: Opened,
    ) -> Result<(), StoreError> {
        let mut summary = summary(&opened);
        let Meaning::Complaint(complaint) = &opened.reading.meaning else {
            let reason = Some(DeskReason::Notice);
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        let attempt = self.referred(&message, complaint.reference.iter()).await?;
        let known = match &attempt {
            Some(attempt) => self.address_of(attempt).await?,
            None => None,
        };
        summary.attempt = attempt.as_ref().map(|attempt| attempt.id);
        summary.dispatch = attempt.as_ref().map(|attempt| attempt.dispatch);
        let mut writes = Vec::new();
        let serious = matches!(complaint.kind.as_str(), "abuse" | "fraud");
        if let Some(address) = known.filter(|_| serious) {
            writes.push(Write::Suppression(Suppression {
                body: message.body,
                channel: Channel::Email,
                address: address.to_lowercase(),
                hard: true,
                code: "complaint".into(),
                at: message.received_at,
                message: message.id,
            }));
        }
        self.close(job, message, Some(summary), Some(DeskReason::Notice), writes).await
    }

    /// What is kept with an attempt and moves nothing: read, out of office, will attend.
    pub(super) async fn remark(
        &self,
        job: &Job,
        message: Message,
        opened: Opened,
    ) -> Result<(), StoreError> {
        let mut summary = summary(&opened);
        let reading = &opened.reading;
        let author = reading.author();
        let (word, about) = match &reading.meaning {
            Meaning::Disposition { reference, word } => {
                (format!("read:{word}"), reference.iter().cloned().collect())
            }
            Meaning::Calendar(reply) => {
                (format!("calendar:{}", reply.status), vec![reply.uid.clone()])
            }
            _ => ("automatic_reply".to_owned(), Vec::new()),
        };
        let references =
            about.iter().chain(&author.in_reply_to).chain(author.references.iter().rev());
        let Some(attempt) = self.referred(&message, references).await? else {
            // A calendar answer about nothing that we know is for a person; the others are noise.
            let calendar = matches!(reading.meaning, Meaning::Calendar(_));
            let reason = calendar.then_some(DeskReason::Notice);
            return self.close(job, message, Some(summary), reason, Vec::new()).await;
        };
        summary.rung = Some(Rung::References);
        summary.attempt = Some(attempt.id);
        summary.dispatch = Some(attempt.dispatch);
        let detail = Detail {
            provider: Some(message.mailbox.clone()),
            facts: serde_json::json!({ "message": message.id }),
            writes: closing(job, message.clone(), Some(summary), None),
        };
        self.tell(&attempt, &message, Signal::Progress { word }, reading.headers.date, detail).await
    }
}

/// What is written with a receipt that counts: the message is done, the provider's name for the attempt is
/// known from now on, and its data stand by themselves for whoever looks into the proof.
fn pec_writes(
    job: &Job,
    message: &Message,
    attempt: &Attempt,
    opened: &Opened,
    pec: &PecData,
    summary: Summary,
) -> Vec<Write> {
    let mut writes = closing(job, message.clone(), Some(summary), None);
    if let Some(name) = &pec.pec_id {
        let (body, attempt) = (attempt.body, attempt.id);
        writes.push(Write::AlsoKnown { body, name: provider_name(name), attempt });
    }
    let data = opened.reading.daticert.clone();
    writes.extend(data.map(|bytes| Write::Blob(Blob::new(attempt.body, bytes))));
    writes
}

fn by_pec((_, attempt): &(Rung, Attempt)) -> bool {
    attempt.channel == Channel::Pec
}

/// Whether only the provider's name for the message can tell what a receipt is about: it is known once the
/// acceptance was read, which may come later.
fn awaits_its_name(pec: &PecData) -> bool {
    pec.reference.is_none()
        && pec.pec_id.is_some()
        && pec.kind.is_some_and(|kind| kind.event().is_some())
}

fn meaning(bounce: &Bounce) -> (Signal, Weight) {
    let weight = weight(bounce.action, bounce.status.as_deref());
    let code = format!("dsn:{}", bounce.status.as_deref().unwrap_or("?"));
    let signal = match bounce.action {
        BounceAction::Failed => Signal::Failed { class: weight.class(), code },
        BounceAction::Delayed => Signal::Progress { word: "delayed".into() },
        BounceAction::Delivered => Signal::Progress { word: "delivered_to_server".into() },
        BounceAction::Relayed | BounceAction::Expanded => {
            Signal::Progress { word: "relayed".into() }
        }
    };
    (signal, weight)
}
