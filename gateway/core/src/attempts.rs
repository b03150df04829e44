//! An attempt: one try on one leg, committed before any byte leaves.

use crate::addresses::Channel;
use crate::failures::FailureClass;
use crate::ids::{AttemptId, BlobHash, BodyId, DispatchId};
use crate::legs::Proof;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One try on one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its identity, also inside the reference and in callback addresses.
    pub id: AttemptId,
    /// Whose it is.
    pub body: BodyId,
    /// The dispatch.
    pub dispatch: DispatchId,
    /// Index of the leg in the dispatch.
    pub leg: u8,
    /// Which channel.
    pub channel: Channel,
    /// Name of the provider, as in the configuration.
    pub provider: String,
    /// True when the provider is a sandbox: nothing left the machine.
    pub sandbox: bool,
    /// Our reference with the provider: the Message-ID (RFC 5322, without angle brackets) or the
    /// provider key. Final before any byte leaves.
    pub reference: String,
    /// The exact bytes handed to the provider.
    pub content: BlobHash,
    /// Their length in bytes.
    pub size: u64,
    /// Hash of the template sources that made them.
    pub template_version: String,
    /// When it was committed.
    pub started_at: Timestamp,
    /// How it ended; absent while it is under way or in doubt.
    pub ending: Option<Ending>,
}

/// How an attempt ended, as the provider's answer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub outcome: Outcome,
    /// The conversation with the provider, secrets redacted.
    pub transcript: Option<BlobHash>,
}

/// What a provider's answer means: the result of `interpret`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Taken; a receipt will tell the rest.
    Accepted {
        /// The provider's own reference, when it gives one.
        provider_reference: Option<String>,
        /// How long a receipt may take before silence counts as failure.
        receipt_within: Duration,
    },
    /// Taken, and nothing more will be known on this channel.
    Delivered {
        /// The provider's own reference, when it gives one.
        provider_reference: Option<String>,
        /// What that is worth.
        proof: Proof,
    },
    /// Not taken, or not known.
    Failed(Failure),
}

/// A failure with what the provider said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class, which alone decides what follows.
    pub class: FailureClass,
    /// The provider's code, e.g. `550 5.1.1`; our own start with `messo:`.
    pub code: String,
    /// The provider's words, cut to 500 characters.
    pub detail: String,
    /// The pause that the provider asked for.
    pub retry_after: Option<Duration>,
}

/// Longest text of a provider that is kept in a failure, in characters. The whole is in the transcript.
pub const MAX_DETAIL: usize = 500;

impl Failure {
    /// A failure with a code and a text, cut to [`MAX_DETAIL`].
    pub fn new(class: FailureClass, code: impl Into<String>, detail: &str) -> Self {
        Self {
            class,
            code: code.into(),
            detail: detail.chars().take(MAX_DETAIL).collect(),
            retry_after: None,
        }
    }
}
