//! Certify: one file that proves what was sent, and what came back, to whoever has nothing but the
//! file: the statement of service, the exact bytes, the certified receipts with the check of their
//! signatures, the extracts of chain and register, a time stamp where there is an authority, manifest and
//! seal.
//!
//! Guarantee: a bundle that is handed out has been checked by [`crate::verify`] a moment before, so
//! damage in the store is told here and never sealed. The statement stands on the evidence alone.
//! Limits: those of [`manifest::MAX_BYTES`] and [`manifest::MAX_MEMBERS`], refused with a sentence.

pub mod bundle;
pub mod chain;
mod files;
pub mod manifest;
pub mod pec;
pub mod protocol;
mod shelf;
mod statement;
#[cfg(test)]
pub(crate) mod tests;

use crate::verify::{Checks, VerificationProblem, verify};
use crate::{Engine, Intake};
use bundle::{BundleError, Contents, Member};
use chain::ChainLine;
use manifest::{About, CHAIN, REGISTER, STAMP, STATEMENT_HTML, STATEMENT_PDF, What};
use messo_core::attempts::Attempt;
use messo_core::dispatches::Dispatch;
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{BlobHash, BodyId, DispatchId};
use messo_core::ports::{RenderError, Renderer, Seal, StoreError, Typeset};
use messo_core::receipts::Receipt;
use messo_core::signatures::TimeStamp;
use messo_core::time::Timestamp;
use protocol::Protocolled;
use std::io::Cursor;
use std::sync::Arc;

/// How often a dispatch that moves while it is read is read anew.
const MAX_RACES: usize = 5;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum CertifyError {
    /// No such dispatch in this body.
    #[error("questa comunicazione non esiste")]
    Missing,
    /// Bytes that the evidence names are not in the store.
    #[error("nell'archivio manca un documento della prova (sha256 {0}): occorre l'amministratore")]
    Lost(BlobHash),
    /// The evidence does not hold: the first problem is told, all of them are here.
    #[error("la prova conservata non regge e non viene sigillata: {}", first(.0))]
    Broken(Vec<VerificationProblem>),
    /// The bundle cannot be written, or is too large.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The statement cannot be set.
    #[error("la relata non si può comporre: {0}")]
    Statement(#[from] RenderError),
    /// The work stopped unexpectedly.
    #[error("la composizione del fascicolo si è interrotta")]
    Interrupted,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn first(problems: &[VerificationProblem]) -> String {
    problems
        .first()
        .map(|problem| format!("{}: {}", problem.member, problem.text))
        .unwrap_or_default()
}

/// What the store knows of a dispatch, at one moment.
struct Record {
    dispatch: Dispatch,
    attempts: Vec<Attempt>,
    receipts: Vec<Receipt>,
    evidence: Vec<EvidenceItem>,
}

impl Record {
    /// Whether a sandbox carried anything.
    fn sandbox(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.sandbox)
            || self.receipts.iter().any(|receipt| receipt.sandbox)
    }
}

/// Whether the extract of the chain is stamped.
enum Stamped {
    /// Nobody is asked.
    Unasked,
    /// The authority gave none.
    Refused,
    /// It is.
    By(Box<TimeStamp>),
}

impl Engine {
    /// Makes the proof bundle of a dispatch, as it stands now: a ZIP in memory.
    pub async fn certify(
        &self,
        body: BodyId,
        dispatch: DispatchId,
    ) -> Result<Vec<u8>, CertifyError> {
        let record = self.record(body, dispatch).await?;
        let letterhead = self.body(body).await?;
        let mut members = files::collect(&*self.store, &record).await?;
        let register = protocol::extract(&*self.store, body, &record.evidence).await?;
        members.extend(register_member(&register));
        let lines = chain::extract(&*self.store, body, record.evidence.clone()).await?;
        let chain = chain_member(&lines);
        let stamped = self.stamped(&chain).await;
        members.push(chain);
        members.extend(stamp_member(&stamped));
        let now = self.clock.now();
        let work = Work {
            about: about(&record, &lines, now)?,
            members,
            register,
            stamped,
            now,
            intake: Some(self.intake.clone()),
            letterhead: letterhead.facts.clone(),
            typesetter: Arc::clone(&self.typesetter),
            renderer: Arc::clone(&self.renderer),
            seal: Arc::clone(&self.seal),
            record,
        };
        // Setting pages and hashing are CPU work: not on the threads that serve everybody.
        tokio::task::spawn_blocking(move || work.finish())
            .await
            .map_err(|_| CertifyError::Interrupted)?
    }

    /// Has the extract of the chain stamped. An authority that does not answer costs the stamp, not the
    /// bundle: the statement says so.
    async fn stamped(&self, chain: &Member) -> Stamped {
        let Some(authority) = &self.time_authority else { return Stamped::Unasked };
        match authority.stamp(BlobHash::of(&chain.bytes)).await {
            Ok(stamp) => Stamped::By(Box::new(stamp)),
            Err(error) => {
                metrics::counter!("messo_stamps_refused_total").increment(1);
                tracing::warn!(%error, "a proof bundle goes without a time stamp");
                Stamped::Refused
            }
        }
    }

    /// Reads everything about a dispatch until it stood still for one reading.
    async fn record(&self, body: BodyId, id: DispatchId) -> Result<Record, CertifyError> {
        let store = &self.store;
        let mut dispatch = store.dispatch(body, id).await?.ok_or(CertifyError::Missing)?;
        for _ in 0..MAX_RACES {
            // Evidence first: rows that came after it are left out, those that it names are there.
            let evidence = store.evidence(body, id).await?;
            let attempts = store.attempts(body, id).await?;
            let receipts = store.receipts(body, id).await?;
            let after = store.dispatch(body, id).await?.ok_or(CertifyError::Missing)?;
            if after.version == dispatch.version {
                return Ok(Record { dispatch, attempts, receipts, evidence });
            }
            dispatch = after;
        }
        Err(StoreError::Stale("dispatch").into())
    }
}

fn chain_member(lines: &[ChainLine]) -> Member {
    Member {
        name: CHAIN.into(),
        what: What::Chain,
        description: "Estratto del registro concatenato delle prove".into(),
        bytes: chain::write(lines),
    }
}

/// The entries of the register, when there are any.
fn register_member(register: &[Protocolled]) -> Option<Member> {
    (!register.is_empty()).then(|| Member {
        name: REGISTER.into(),
        what: What::Register,
        description: "Estratto del registro di protocollo".into(),
        bytes: manifest::json(&register),
    })
}

fn stamp_member(stamped: &Stamped) -> Option<Member> {
    let Stamped::By(stamp) = stamped else { return None };
    Some(Member {
        name: STAMP.into(),
        what: What::Stamp,
        description: format!("Marca temporale RFC 3161 su {CHAIN}"),
        bytes: stamp.token_der.clone(),
    })
}

fn about(record: &Record, lines: &[ChainLine], now: Timestamp) -> Result<About, CertifyError> {
    let dispatch = &record.dispatch;
    Ok(About {
        release: env!("CARGO_PKG_VERSION").into(),
        generated_at: manifest::written(now),
        body: dispatch.body,
        notice: dispatch.notice,
        dispatch: dispatch.id,
        number: dispatch.number,
        state: dispatch.state(),
        sandbox: record.sandbox(),
        chain: chain::span(lines).ok_or(StoreError::Missing("evidence"))?,
    })
}

/// The part that needs no database: pages, archive, check.
struct Work {
    about: About,
    members: Vec<Member>,
    record: Record,
    register: Vec<Protocolled>,
    stamped: Stamped,
    now: Timestamp,
    /// Reads and verifies certified receipts once more before they are sealed.
    intake: Option<Intake>,
    letterhead: messo_core::notices::BodyFacts,
    typesetter: Arc<dyn Typeset>,
    renderer: Arc<dyn Renderer>,
    seal: Arc<dyn Seal>,
}

impl Work {
    fn finish(mut self) -> Result<Vec<u8>, CertifyError> {
        let key = self.seal.public_key();
        let entries: Vec<_> = self.members.iter().map(Member::entry).collect();
        let data = statement::data(&statement::Statement {
            letterhead: &self.letterhead,
            record: &self.record,
            about: &self.about,
            entries: &entries,
            register: &self.register,
            stamped: &self.stamped,
            fingerprint: manifest::fingerprint(&key),
            now: self.now,
        });
        let statements = [
            Member {
                name: STATEMENT_PDF.into(),
                what: What::StatementPdf,
                description: "Relata da leggere e depositare".into(),
                bytes: self.typesetter.document("statement", &data)?.pdf,
            },
            Member {
                name: STATEMENT_HTML.into(),
                what: What::StatementHtml,
                description: "La stessa relata come pagina".into(),
                bytes: self.renderer.page("statement", &data)?.into_bytes(),
            },
        ];
        self.members.splice(0..0, statements);
        let contents = Contents { about: self.about, members: self.members };
        let bundle = bundle::write(&contents, &*self.seal)?;
        drop(contents);
        let checks = Checks {
            key: Some(key),
            reader: self.intake.as_ref().map(|intake| &*intake.reader),
            signatures: self.intake.as_ref().map(|intake| &*intake.signatures),
            stamps: None,
        };
        let checked = verify(Cursor::new(&bundle), &checks);
        if checked.valid { Ok(bundle) } else { Err(CertifyError::Broken(checked.problems)) }
    }
}
