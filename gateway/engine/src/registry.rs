//! Registry: annotations beside entries of the protocol register, and its days, closed one after another
//! (*registro giornaliero di protocollo*, DPR 445/2000 art. 53 c. 5).
//!
//! Guarantee: every entry and annotation is in exactly one day, days are closed in order, each names the
//! hash of the one before and stands in the chain of evidence; a closed day is given back byte for byte.
//! Days on which nothing was registered are skipped. Limits: [`MAX_ENTRIES`] entries a day,
//! [`MAX_DAYS`] days at a time; a day is closed at the earliest [`CLOSE_AFTER`] its end.

mod csv;
mod print;

use crate::Engine;
use jiff::civil::Date;
use messo_core::evidence::{EvidenceDraft, EvidenceKind};
use messo_core::ids::{BlobHash, BodyId, EvidenceId};
use messo_core::ports::{Blob, Commit, RenderError, StoreError, Write};
use messo_core::register::{Annotation, RegisterDay, RegisterEntry, day_of, end_of};
use messo_core::time::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long after its end a day is closed at the earliest: what was under way at midnight has its number
/// by then.
pub const CLOSE_AFTER: Duration = Duration::from_secs(600);

/// Most entries of one day.
pub const MAX_ENTRIES: usize = 200_000;

/// Most days that are closed at a time.
pub const MAX_DAYS: usize = 4_000;

/// How often a day that moves while it is closed is read anew.
const MAX_RACES: usize = 10;

/// How often a worker looks whether a day is over.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Longest text of an annotation, in characters.
pub const MAX_TEXT: usize = 2_000;

/// Why the register cannot be closed, shown or annotated.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The day is still open.
    #[error("il registro del {0} non è ancora chiuso: si chiude dopo la fine del giorno")]
    NotOver(Date),
    /// Nothing happened on that day.
    #[error("il {0} non è stato registrato nulla: per quel giorno non c'è un registro")]
    Empty(Date),
    /// Nobody has registered this.
    #[error("nel registro del {year} non c'è il numero {number}")]
    NoEntry {
        /// Year.
        year: i16,
        /// Number.
        number: i64,
    },
    /// An annotation without author, reason or text, or a very long one.
    #[error("un'annotazione ha autore, motivo e testo, in tutto al massimo {MAX_TEXT} caratteri")]
    Annotation,
    /// More entries than one day can hold.
    #[error("il registro del {0} ha più di {MAX_ENTRIES} registrazioni")]
    TooMany(Date),
    /// Bytes of a closed day are not in the store.
    #[error("nell'archivio manca un documento del registro (sha256 {0}): occorre l'amministratore")]
    Lost(BlobHash),
    /// The pages cannot be set.
    #[error("il registro non si può comporre: {0}")]
    Pages(#[from] RenderError),
    /// The work stopped unexpectedly.
    #[error("la composizione del registro si è interrotta")]
    Interrupted,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A closed day with its files.
#[derive(Clone, Debug)]
pub struct DayFiles {
    /// What was closed.
    pub day: RegisterDay,
    /// The register as CSV (RFC 4180, UTF-8).
    pub csv: Vec<u8>,
    /// The register as PDF/A, in one or more volumes.
    pub pdf: Vec<Vec<u8>>,
}

/// Everything of one day, before it is closed.
struct Day {
    day: Date,
    entries: Vec<RegisterEntry>,
    annotations: Vec<Annotation>,
    previous: Option<RegisterDay>,
}

impl Engine {
    /// Puts an annotation beside an entry.
    pub async fn annotate(
        &self,
        body: BodyId,
        year: i16,
        number: i64,
        who: &str,
        reason: &str,
        text: &str,
    ) -> Result<Annotation, RegistryError> {
        let parts = [who, reason, text].map(str::trim);
        let length: usize = parts.iter().map(|part| part.chars().count()).sum();
        if parts.iter().any(|part| part.is_empty()) || length > MAX_TEXT {
            return Err(RegistryError::Annotation);
        }
        let [who, reason, text] = parts.map(str::to_owned);
        let annotation = Annotation { body, year, number, at: self.clock.now(), who, reason, text };
        let writes = vec![Write::Annotation(Box::new(annotation.clone()))];
        match self.store.commit(Commit { guards: Vec::new(), writes }).await {
            Err(StoreError::Missing(_)) => Err(RegistryError::NoEntry { year, number }),
            done => Ok(done.map(|_| annotation)?),
        }
    }

    /// The register of a day, which is closed now if it is over and still open.
    pub async fn day_register(&self, body: BodyId, day: Date) -> Result<DayFiles, RegistryError> {
        if self.store.register_day(body, Some(day)).await?.is_none() {
            if !self.is_over(day) {
                return Err(RegistryError::NotOver(day));
            }
            self.close_days(body, day).await?;
        }
        let day =
            self.store.register_day(body, Some(day)).await?.ok_or(RegistryError::Empty(day))?;
        let csv = self.kept(body, day.csv).await?;
        let mut pdf = Vec::with_capacity(day.pdf.len());
        for hash in &day.pdf {
            pdf.push(self.kept(body, *hash).await?);
        }
        Ok(DayFiles { day, csv, pdf })
    }

    /// Closes the days that are over, in order, up to this one; those that were closed.
    pub async fn close_days(
        &self,
        body: BodyId,
        until: Date,
    ) -> Result<Vec<RegisterDay>, RegistryError> {
        let mut closed = Vec::new();
        for _ in 0..MAX_DAYS {
            let previous = self.store.register_day(body, None).await?;
            let from = previous.as_ref().map_or(Timestamp(i64::MIN), RegisterDay::ended_at);
            let Some(first) = self.store.registered_from(body, from).await? else { break };
            let day = day_of(first);
            if day > until || !self.is_over(day) {
                break;
            }
            closed.extend(self.close_day(body, day).await?);
        }
        Ok(closed)
    }

    /// Closes what is over in every body; a body whose register cannot be closed stops no other.
    pub async fn close_due_days(&self) -> Result<(), StoreError> {
        let today = day_of(self.clock.now());
        for body in self.store.bodies().await? {
            match self.close_days(body.id, today).await {
                Ok(days) if days.is_empty() => {}
                Ok(days) => tracing::info!(
                    body = body.number,
                    days = days.len(),
                    "days of the register were closed"
                ),
                Err(error) => {
                    tracing::error!(body = body.number, %error, "the register of the day cannot be closed")
                }
            }
        }
        Ok(())
    }

    /// Closes days as they end, for ever; for a worker to run beside its lanes. Several may.
    pub async fn keep_closing_days(self: Arc<Self>) {
        loop {
            if let Err(error) = self.close_due_days().await {
                tracing::warn!(%error, "it is not known whether a day of the register is over");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn is_over(&self, day: Date) -> bool {
        self.clock.now() >= end_of(day) + CLOSE_AFTER
    }

    async fn kept(&self, body: BodyId, hash: BlobHash) -> Result<Vec<u8>, RegistryError> {
        self.store.blob(body, hash).await?.ok_or(RegistryError::Lost(hash))
    }

    /// Closes one day; nothing when somebody else has closed it meanwhile.
    async fn close_day(
        &self,
        body: BodyId,
        day: Date,
    ) -> Result<Option<RegisterDay>, RegistryError> {
        for _ in 0..MAX_RACES {
            let day = self.read_day(body, day).await?;
            let (closed, commit) = self.day_commit(body, day).await?;
            match self.store.commit(commit).await {
                Ok(_) => return Ok(Some(closed)),
                Err(StoreError::Taken("register day")) => return Ok(None),
                Err(StoreError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Stale("register").into())
    }

    /// Reads what was registered since the end of the day closed last.
    async fn read_day(&self, body: BodyId, day: Date) -> Result<Day, RegistryError> {
        let store = &self.store;
        let previous = store.register_day(body, None).await?;
        let from = previous.as_ref().map_or(Timestamp(i64::MIN), RegisterDay::ended_at);
        let mut entries: Vec<RegisterEntry> = Vec::new();
        loop {
            let after = entries.last().map(|entry| (entry.draft.year, entry.number));
            let page = store.registered_between(body, from, end_of(day), after).await?;
            if page.is_empty() {
                break;
            }
            entries.extend(page);
            if entries.len() > MAX_ENTRIES {
                return Err(RegistryError::TooMany(day));
            }
        }
        let annotations = store.annotated_between(body, from, end_of(day)).await?;
        Ok(Day { day, entries, annotations, previous })
    }

    /// The files of a day, and everything that becomes true with it.
    async fn day_commit(
        &self,
        body: BodyId,
        day: Day,
    ) -> Result<(RegisterDay, Commit), RegistryError> {
        let (typesetter, now) = (Arc::clone(&self.typesetter), self.clock.now());
        let letterhead = self.body(body).await?.facts.clone();
        let work = move || {
            let csv = csv::write(&day);
            let hash = BlobHash::of(&csv);
            let pages = print::volumes(&day, hash, &letterhead, now)
                .iter()
                .map(|data| Ok(typesetter.document("register", data)?.pdf))
                .collect::<Result<Vec<_>, RenderError>>()?;
            Ok::<_, RenderError>((day, csv, pages))
        };
        // Setting pages is CPU work: not on the threads that serve everybody.
        let worked = tokio::task::spawn_blocking(work).await;
        let (day, csv, pages) = worked.map_err(|_| RegistryError::Interrupted)??;
        let name = |entry: &RegisterEntry| (entry.draft.year, entry.number);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let blobs: Vec<Blob> =
            [csv].into_iter().chain(pages).map(|bytes| Blob::new(body, bytes)).collect();
        let closed = RegisterDay {
            body,
            day: day.day,
            entries: count(day.entries.len()),
            annotations: count(day.annotations.len()),
            first: day.entries.first().map(name),
            last: day.entries.last().map(name),
            csv: blobs[0].hash,
            pdf: blobs[1..].iter().map(|blob| blob.hash).collect(),
            previous: day.previous.map(|previous| (previous.day, previous.csv)),
            closed_at: now,
        };
        let mut writes: Vec<Write> = blobs.into_iter().map(Write::Blob).collect();
        writes.push(Write::RegisterDay(Box::new(closed.clone())));
        writes.push(Write::Evidence(self.day_evidence(&closed)));
        Ok((closed, Commit { guards: Vec::new(), writes }))
    }

    fn day_evidence(&self, day: &RegisterDay) -> EvidenceDraft {
        let summary = json!({
            "day": day.day,
            "entries": day.entries,
            "annotations": day.annotations,
            "first": day.first,
            "last": day.last,
            "csv_sha256": day.csv,
            "pdf_sha256": day.pdf,
            "previous": day.previous.map(|(day, hash)| json!({ "day": day, "csv_sha256": hash })),
        });
        EvidenceDraft {
            id: EvidenceId(self.ids.uuid()),
            body: day.body,
            dispatch: None,
            kind: EvidenceKind::RegisterDay,
            at: day.closed_at,
            blob: Some(day.csv),
            summary: summary.to_string(),
        }
    }
}
