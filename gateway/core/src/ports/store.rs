//! The database as the engine sees it: facts go in by [`Commit`], all or nothing; rows come out by
//! named questions, each of them within one body.
//!
//! A commit is a value. That makes "a fact and the job that follows from it are committed together"
//! visible where it is decided, and lets the storage put many commits into one transaction (group
//! commit) without the engine knowing.

use crate::addresses::Channel;
use crate::attempts::{Attempt, Ending};
use crate::bodies::{Body, User};
use crate::cases::{Case, CaseRole, Document};
use crate::dispatches::{Dispatch, DispatchState};
use crate::evidence::{EvidenceDraft, EvidenceItem};
use crate::ids::{
    AttemptId, BatchId, BlobHash, BodyId, CaseId, DispatchId, JobId, MessageId, NoticeId, PartyId,
    UserId,
};
use crate::jobs::{Job, Lane, Priority};
use crate::messages::{Cursor, Message, Suppression};
use crate::notices::Notice;
use crate::parties::Party;
use crate::receipts::Receipt;
use crate::register::{Annotation, RegisterDay, RegisterDraft, RegisterEntry};
use crate::time::Timestamp;
use async_trait::async_trait;
use jiff::civil::Date;
use serde::Serialize;
use std::time::Duration;

/// Facts that become true together.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Conditions; when one does not hold, nothing is written.
    pub guards: Vec<Guard>,
    /// What is written, in order.
    pub writes: Vec<Write>,
}

/// A condition of a commit.
#[derive(Clone, Debug)]
pub enum Guard {
    /// The job is still leased by this worker ([`StoreError::LeaseLost`] otherwise).
    Leased {
        /// The job.
        job: JobId,
        /// The worker's name.
        worker: String,
    },
}

/// One fact.
#[derive(Clone, Debug)]
pub enum Write {
    /// Inserts or replaces a body. `number` 0 is replaced by the next free number.
    Body(Box<Body>),
    /// Inserts or replaces a user (by login, which is unique in the installation).
    User(User),
    /// A session of a user, by the hash of its secret.
    Session {
        /// SHA-256 of the secret.
        secret: BlobHash,
        /// Who.
        user: UserId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Ends a session.
    EndSession(BlobHash),
    /// Forgets sessions that had expired by this instant, 1,000 at most.
    ForgetSessions {
        /// The instant.
        expired_by: Timestamp,
    },
    /// A key of the API, by its hash.
    ApiKey {
        /// SHA-256 of the key.
        secret: BlobHash,
        /// For which body.
        body: BodyId,
        /// What it is called.
        name: String,
    },
    /// Inserts a case (`serial` is given by the storage); replaces facts and meeting of the one with
    /// the same id. [`StoreError::Taken`] when another case has the same year and number.
    Case(Box<Case>),
    /// Inserts a party (`serial` is given by the storage) or replaces the one with the same id.
    /// [`StoreError::Taken`] when another party has the same [`Party::match_key`].
    Party(Box<Party>),
    /// A part in a case; the same one twice is one.
    Role(CaseRole),
    /// A document of a case.
    Document(Document),
    /// A notice. [`StoreError::Taken`] when the body has one with the same key.
    Notice(Notice),
    /// A new dispatch (`number` is given by the storage).
    NewDispatch(Box<Dispatch>),
    /// A dispatch that has moved: `version` is the one that was read; the storage adds one.
    /// [`StoreError::Stale`] when somebody else has moved it meanwhile.
    Dispatch(Box<Dispatch>),
    /// A new attempt.
    Attempt(Box<Attempt>),
    /// How an attempt ended. An ending already there is kept.
    Ending {
        /// Whose.
        body: BodyId,
        /// Which attempt.
        attempt: AttemptId,
        /// How.
        ending: Ending,
    },
    /// A receipt. [`StoreError::Taken`] when the same bytes were taken for the same attempt before.
    Receipt(Box<Receipt>),
    /// Bytes, by their hash; the same bytes twice are one.
    Blob(Blob),
    /// An item of evidence, chained behind the body's last.
    Evidence(EvidenceDraft),
    /// A code that was printed, sent or shown: readers of paper match against these.
    Code(IssuedCode),
    /// A register entry; the storage gives the number.
    Register(Box<RegisterDraft>),
    /// An annotation beside an entry. [`StoreError::Missing`] when there is no such entry.
    Annotation(Box<Annotation>),
    /// A day of the register, closed. [`StoreError::Taken`] when that day or a later one is closed,
    /// [`StoreError::Stale`] when it does not follow the day closed last, or something was registered
    /// meanwhile that it does not count.
    RegisterDay(Box<RegisterDay>),
    /// A new message. [`StoreError::Taken`] when the body has one with the same identity.
    NewMessage(Box<Message>),
    /// A message that has moved: `version` is the one that was read; the storage adds one.
    /// [`StoreError::Stale`] when somebody else has moved it meanwhile.
    Message(Box<Message>),
    /// Where the reading of a folder has come to.
    Cursor(Cursor),
    /// An address that does not take mail. The same message about the same address twice is one.
    Suppression(Suppression),
    /// Another name of an attempt: the provider's own (*identificativo*). The first one stays.
    AlsoKnown {
        /// Whose.
        body: BodyId,
        /// The name.
        name: String,
        /// Of which attempt.
        attempt: AttemptId,
    },
    /// A new job.
    Job(Job),
    /// The job is done and goes away.
    JobDone(JobId),
    /// The job is given back, to be done later.
    JobLater {
        /// The job.
        job: JobId,
        /// Not before.
        due_at: Timestamp,
    },
}

/// Bytes with their name.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Whose.
    pub body: BodyId,
    /// Their SHA-256.
    pub hash: BlobHash,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Names the bytes.
    pub fn new(body: BodyId, bytes: Vec<u8>) -> Self {
        Self { body, hash: BlobHash::of(&bytes), bytes }
    }
}

/// A code that left the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCode {
    /// Whose.
    pub body: BodyId,
    /// About which dispatch.
    pub dispatch: DispatchId,
    /// The exact text of the QR code.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// What the storage decided while committing.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Numbers given to register entries, in the order of the commit.
    pub register: Vec<i64>,
}

/// Why nothing was committed or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the job now.
    #[error("the lease on the job has passed to another worker")]
    LeaseLost,
    /// Somebody else has moved the row.
    #[error("the {0} was changed meanwhile")]
    Stale(&'static str),
    /// A unique key is taken.
    #[error("the {0} exists already")]
    Taken(&'static str),
    /// The row is not there, or belongs to another body.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The stored row cannot be read by this release.
    #[error("a stored {what} cannot be read: {detail}")]
    Unreadable {
        /// Which kind of row.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The disk is full, the database is read-only or corrupt: an operator must act.
    #[error("the database takes no writes: {0}")]
    Unwritable(String),
    /// It does not answer, or a passing fault.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
}

/// One row of a list of dispatches.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchRow {
    /// The dispatch.
    pub dispatch: Dispatch,
    /// Whether a sandbox carried any attempt of it.
    pub sandbox: bool,
    /// Whether the recipient has answered.
    pub answered: bool,
}

/// Which dispatches to list: newest first.
#[derive(Clone, Debug, Default)]
pub struct DispatchFilter {
    /// Only of this run.
    pub batch: Option<BatchId>,
    /// Only of this notice.
    pub notice: Option<NoticeId>,
    /// Only in this state.
    pub state: Option<DispatchState>,
    /// Older than this dispatch (keyset paging).
    pub before: Option<DispatchId>,
    /// At most so many (the storage caps at 10,000).
    pub limit: u32,
}

/// Which messages to list: newest first.
#[derive(Clone, Debug, Default)]
pub struct MessageFilter {
    /// Only in the state of this word ([`crate::messages::MessageState::word`]).
    pub state: Option<&'static str>,
    /// Older than this message (keyset paging).
    pub before: Option<MessageId>,
    /// At most so many (the storage caps at 10,000).
    pub limit: u32,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Something is due or under way.
    pub waiting: u64,
    /// In doubt.
    pub doubtful: u64,
    /// Delivered.
    pub delivered: u64,
    /// Failed.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

/// A lane at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStats {
    /// Which.
    pub lane: Lane,
    /// Jobs due now and not leased.
    pub due: u64,
    /// Jobs due later or leased.
    pub waiting: u64,
    /// The instant since which the oldest due job has waited.
    pub oldest_due_at: Option<Timestamp>,
}

/// The database. Every question but those of sign-in and of the queue names the body, and answers
/// only with that body's rows.
#[async_trait]
pub trait Store: Send + Sync {
    /// All or nothing, durable when it returns.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Leases up to `limit` due jobs of a lane to a worker, the most urgent first, none less urgent than
    /// `least`. A job whose lease has run out is due again.
    async fn claim(
        &self,
        lane: Lane,
        least: Priority,
        limit: u32,
        now: Timestamp,
        lease: Duration,
        worker: &str,
    ) -> Result<Vec<Job>, StoreError>;

    /// Prolongs the leases that the worker still holds on these jobs.
    async fn renew(&self, jobs: &[JobId], until: Timestamp, worker: &str)
    -> Result<(), StoreError>;

    /// The lanes that have jobs.
    async fn lanes(&self, now: Timestamp) -> Result<Vec<LaneStats>, StoreError>;

    /// All bodies of the installation.
    async fn bodies(&self) -> Result<Vec<Body>, StoreError>;
    /// One body.
    async fn body(&self, body: BodyId) -> Result<Option<Body>, StoreError>;
    /// The body of an API key.
    async fn api_key(&self, secret: BlobHash) -> Result<Option<BodyId>, StoreError>;
    /// A user by login.
    async fn user(&self, login: &str) -> Result<Option<User>, StoreError>;
    /// The user of a session that has not expired.
    async fn session(&self, secret: BlobHash, now: Timestamp) -> Result<Option<User>, StoreError>;

    /// A case.
    async fn case(&self, body: BodyId, id: CaseId) -> Result<Option<Case>, StoreError>;
    /// A case by year and number.
    async fn case_numbered(
        &self,
        body: BodyId,
        year: i16,
        number: &str,
    ) -> Result<Option<Case>, StoreError>;
    /// The cases, newest first, at most `limit`.
    async fn cases(&self, body: BodyId, limit: u32) -> Result<Vec<Case>, StoreError>;
    /// A party.
    async fn party(&self, body: BodyId, id: PartyId) -> Result<Option<Party>, StoreError>;
    /// A party by its match key.
    async fn party_matching(&self, body: BodyId, key: &str) -> Result<Option<Party>, StoreError>;
    /// Who has which part in a case.
    async fn roles(&self, body: BodyId, case: CaseId) -> Result<Vec<CaseRole>, StoreError>;

    /// A notice by its key.
    async fn notice_keyed(&self, body: BodyId, key: &str) -> Result<Option<Notice>, StoreError>;
    /// A notice.
    async fn notice(&self, body: BodyId, id: NoticeId) -> Result<Option<Notice>, StoreError>;
    /// A dispatch.
    async fn dispatch(&self, body: BodyId, id: DispatchId) -> Result<Option<Dispatch>, StoreError>;
    /// A page of dispatches.
    async fn dispatches(
        &self,
        body: BodyId,
        filter: &DispatchFilter,
    ) -> Result<Vec<DispatchRow>, StoreError>;
    /// How far a run has come; of the whole body when none is named.
    async fn progress(&self, body: BodyId, batch: Option<BatchId>) -> Result<Progress, StoreError>;

    /// An attempt by its id alone: callbacks know nothing else, and their address is authenticated.
    async fn attempt(&self, id: AttemptId) -> Result<Option<Attempt>, StoreError>;
    /// The attempts of a dispatch, oldest first.
    async fn attempts(
        &self,
        body: BodyId,
        dispatch: DispatchId,
    ) -> Result<Vec<Attempt>, StoreError>;
    /// The receipts of a dispatch, oldest first.
    async fn receipts(
        &self,
        body: BodyId,
        dispatch: DispatchId,
    ) -> Result<Vec<Receipt>, StoreError>;
    /// The receipts that belong to no dispatch, oldest first, at most `limit`.
    async fn desk(&self, body: BodyId, limit: u32) -> Result<Vec<Receipt>, StoreError>;
    /// The evidence of a dispatch, in the chain's order.
    async fn evidence(
        &self,
        body: BodyId,
        dispatch: DispatchId,
    ) -> Result<Vec<EvidenceItem>, StoreError>;
    /// The chain from `from` to `to`, both included, at most 10,000 items.
    async fn chain(
        &self,
        body: BodyId,
        from: i64,
        to: i64,
    ) -> Result<Vec<EvidenceItem>, StoreError>;
    /// The last item of the chain.
    async fn chain_head(&self, body: BodyId) -> Result<Option<EvidenceItem>, StoreError>;
    /// Bytes by hash.
    async fn blob(&self, body: BodyId, hash: BlobHash) -> Result<Option<Vec<u8>>, StoreError>;
    /// The codes issued for a body, oldest first, after this text, at most `limit`.
    async fn codes(
        &self,
        body: BodyId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<IssuedCode>, StoreError>;
    /// The register of a year, by number, at most `limit` from `from`.
    async fn register(
        &self,
        body: BodyId,
        year: i16,
        from: i64,
        limit: u32,
    ) -> Result<Vec<RegisterEntry>, StoreError>;

    /// The last number of the register of a year; 0 when it is empty.
    async fn register_end(&self, body: BodyId, year: i16) -> Result<i64, StoreError>;
    /// The entry of the register for a document, the first one.
    async fn registered(
        &self,
        body: BodyId,
        document: BlobHash,
    ) -> Result<Option<RegisterEntry>, StoreError>;

    /// The entries registered from one instant to before another, by year and number, after the one
    /// named, at most 10,000.
    async fn registered_between(
        &self,
        body: BodyId,
        from: Timestamp,
        to: Timestamp,
        after: Option<(i16, i64)>,
    ) -> Result<Vec<RegisterEntry>, StoreError>;
    /// The annotations beside an entry, oldest first, at most 10,000.
    async fn annotations(
        &self,
        body: BodyId,
        year: i16,
        number: i64,
    ) -> Result<Vec<Annotation>, StoreError>;
    /// The annotations made from one instant to before another, oldest first, at most 10,000.
    async fn annotated_between(
        &self,
        body: BodyId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Annotation>, StoreError>;
    /// When the first entry or annotation from an instant on was made.
    async fn registered_from(
        &self,
        body: BodyId,
        from: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;
    /// A day of the register, if it is closed; the one closed last when none is named.
    async fn register_day(
        &self,
        body: BodyId,
        day: Option<Date>,
    ) -> Result<Option<RegisterDay>, StoreError>;

    /// The documents of a case, oldest first, at most 10,000.
    async fn documents(&self, body: BodyId, case: CaseId) -> Result<Vec<Document>, StoreError>;
    /// The cases, not closed, in which a party has this e-mail or PEC address (case ignored), at most 20.
    async fn cases_of_address(
        &self,
        body: BodyId,
        address: &str,
    ) -> Result<Vec<CaseId>, StoreError>;

    /// A message.
    async fn message(&self, body: BodyId, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// The message with this identity.
    async fn message_identified(
        &self,
        body: BodyId,
        identity: BlobHash,
    ) -> Result<Option<MessageId>, StoreError>;
    /// A page of messages.
    async fn messages(
        &self,
        body: BodyId,
        filter: &MessageFilter,
    ) -> Result<Vec<Message>, StoreError>;
    /// Where the reading of a folder had come to.
    async fn cursor(
        &self,
        body: BodyId,
        mailbox: &str,
        folder: &str,
    ) -> Result<Option<Cursor>, StoreError>;
    /// The attempt that is also known by this name.
    async fn also_known(&self, body: BodyId, name: &str) -> Result<Option<AttemptId>, StoreError>;
    /// What was said about an address (lower case) on a channel, newest first, at most 100.
    async fn suppressions(
        &self,
        body: BodyId,
        channel: Channel,
        address: &str,
    ) -> Result<Vec<Suppression>, StoreError>;

    /// Whether it answers and takes writes, for readiness and `messo doctor`.
    async fn check(&self) -> Result<(), StoreError>;
}
