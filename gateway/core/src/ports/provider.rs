//! The contract of every way out: pure [`Provider::prepare`], thin [`Provider::send`], pure
//! [`Provider::interpret`].
//!
//! A provider is one file, one line in a list and one table of cases. It never decides what follows
//! from a failure (that is [`crate::failures::decide`]) and never looks at the database.

use crate::addresses::{Address, Channel};
use crate::attempts::{Failure, Outcome};
use crate::bodies::Sender;
use crate::ids::AttemptId;
use crate::jobs::Priority;
use crate::ports::renderer::Rendition;
use crate::receipts::Signal;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::time::Duration;

/// A configured provider.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What it is and what it can do.
    fn spec(&self) -> &ProviderSpec;

    /// Packs a rendition into the exact bytes to be sent. Pure: the same input gives the same bytes.
    /// Refuses what would not survive: too large, an address that does not fit, control characters.
    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure>;

    /// Waits until a message to this address may leave at once: the pace allows it, and there is a
    /// place at the provider. Whoever sends asks for the turn before the attempt is committed, so that a
    /// process killed while it waits leaves work undone and no doubt. Places are kept back for
    /// [`Priority::Legal`]. When the turn does not come within the provider's patience: after which
    /// pause to ask again.
    async fn turn(&self, to: &Address, priority: Priority) -> Result<Turn, Duration> {
        let _ = (to, priority);
        Ok(Turn::free())
    }

    /// Hands the envelope over and notes what was said. Every stage has a deadline of its own; the
    /// provider never retries by itself. The caller holds a [`Turn`] until this returns.
    async fn send(&self, envelope: &Envelope) -> Exchange;

    /// What the exchange means. Pure. An answer that no table knows is a failure, never a success.
    fn interpret(&self, exchange: &Exchange) -> Outcome;

    /// Asks what became of an envelope, where the provider can be asked
    /// ([`ProviderSpec::queries_after`]). Everything known so far, oldest first, with the same bytes
    /// each time: what was told before is recognised by them.
    async fn query(&self, carried: &Carried, now: Timestamp) -> Vec<Reported> {
        let _ = (carried, now);
        Vec::new()
    }

    /// Reads a callback. Pure. Callbacks may come twice, late, or before `send` has returned.
    fn callback(&self, callback: &Callback) -> Result<Vec<Reported>, CallbackError> {
        let _ = callback;
        Err(CallbackError::NotOurs)
    }

    /// Whether it answers, for `messo doctor`: one sentence of what is wrong. Sends nothing.
    async fn check(&self) -> Result<(), String>;
}

/// Leave to send one message now. Dropped, it makes room for the next.
pub struct Turn {
    _held: Option<Box<dyn Any + Send>>,
}

impl Turn {
    /// The turn of a provider that knows neither pace nor places.
    pub const fn free() -> Self {
        Self { _held: None }
    }

    /// A turn that holds something, such as the permit of a semaphore.
    pub fn holding(held: impl Any + Send) -> Self {
        Self { _held: Some(Box::new(held)) }
    }
}

/// What a provider is and can do.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSpec {
    /// Name, as in the configuration; stands in attempts, evidence and metrics.
    pub name: String,
    /// The channel it serves.
    pub channel: Channel,
    /// Nothing leaves the machine; shown on every screen and in the evidence.
    pub sandbox: bool,
    /// Most attempts under way at a time, over all workers of this process.
    pub concurrency: usize,
    /// Largest envelope in bytes.
    pub max_bytes: u64,
    /// What to do about an attempt in doubt.
    pub doubt: DoubtPolicy,
    /// When to ask for news after acceptance, if it can be asked; then again with doubling pauses.
    pub queries_after: Option<Duration>,
}

/// What settles a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtPolicy {
    /// The provider can be asked: ask.
    Query,
    /// Wait for a receipt or a person.
    Hold,
}

/// What is to be sent by one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbound {
    /// The attempt; its id stands in the reference and in callback addresses.
    pub attempt: AttemptId,
    /// Who speaks.
    pub sender: Sender,
    /// Where to.
    pub to: Address,
    /// Name of the recipient, for display.
    pub to_name: String,
    /// What.
    pub rendition: Rendition,
    /// When; becomes the Date of a mail.
    pub at: Timestamp,
    /// Where the provider can call back about this attempt, already authenticated; none when there is no
    /// public address.
    pub notify: Option<Notify>,
}

/// Address for callbacks about one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Absolute URL with the attempt and its keyed check in the path, without query.
    pub url: String,
}

/// Exactly what leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Our reference, final before any byte leaves: the Message-ID without angle brackets, or the
    /// key given to the provider.
    pub reference: String,
    /// Envelope sender (SMTP reverse path, SMS sender).
    pub from: String,
    /// Envelope recipient.
    pub to: String,
    /// The bytes: an RFC 5322 message, an HTTP request body, a job file.
    pub bytes: Vec<u8>,
}

/// An attempt that left, as far as a query needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The attempt.
    pub attempt: AttemptId,
    /// Our reference.
    pub reference: String,
    /// The provider's.
    pub provider_reference: Option<String>,
    /// Where it went.
    pub to: Address,
    /// When the attempt was committed.
    pub since: Timestamp,
}

/// How far an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// No connection.
    Connect,
    /// Connected; greeting, TLS, authentication.
    Open,
    /// The recipient was named; nothing of the content is binding yet.
    Address,
    /// Content was being written; the provider cannot have taken it yet.
    Content,
    /// The last byte was written: from here on it may have been taken.
    Sent,
    /// The provider has answered.
    Answered,
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// How far it went.
    pub stage: Stage,
    /// The provider's final code: SMTP reply code or HTTP status; none when there was no answer.
    pub code: Option<u16>,
    /// The provider's final text.
    pub answer: String,
    /// Our own error, when the connection broke or a deadline passed.
    pub error: Option<String>,
    /// The conversation, secrets redacted.
    pub transcript: Transcript,
}

impl Exchange {
    /// Nothing was said: the envelope was refused before any connection.
    pub fn none() -> Self {
        Self {
            stage: Stage::Connect,
            code: None,
            answer: String::new(),
            error: None,
            transcript: Transcript::default(),
        }
    }
}

/// A conversation as kept in evidence. Secrets are left out by whoever writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// Lines such as `C: MAIL FROM:<…>` and `S: 250 2.1.0 Ok`.
    pub lines: Vec<String>,
}

/// A callback, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// What it is about.
    pub kind: CallbackKind,
    /// Query string pairs, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// When it came.
    pub at: Timestamp,
}

/// What a callback is about: known from its path, checked before the provider sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackKind {
    /// A report about this attempt.
    Report(AttemptId),
    /// A message that somebody wrote to us.
    Message,
}

/// News from a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// About which attempt; none for a message that must be correlated.
    pub attempt: Option<AttemptId>,
    /// What.
    pub signal: Signal,
    /// The provider's instant, when it gives one.
    pub at: Option<Timestamp>,
    /// The exact bytes.
    pub raw: Vec<u8>,
}

/// A callback that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallbackError {
    /// The provider takes no such callbacks.
    #[error("this provider takes no such callback")]
    NotOurs,
    /// A parameter is missing or malformed.
    #[error("the callback's parameter {0} is missing or malformed")]
    Malformed(&'static str),
}
