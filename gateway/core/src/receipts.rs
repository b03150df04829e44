//! What comes back: raw bytes first, then what they mean.

use crate::addresses::{Address, Channel};
use crate::failures::FailureClass;
use crate::ids::{AttemptId, BlobHash, BodyId, DispatchId, ReceiptId};
use crate::legs::Proof;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that came back about a dispatch, or a message that belongs to none yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its identity.
    pub id: ReceiptId,
    /// Whose it is.
    pub body: BodyId,
    /// The dispatch that it is about; none when it waits at the desk.
    pub dispatch: Option<DispatchId>,
    /// The attempt that it is about.
    pub attempt: Option<AttemptId>,
    /// By which channel.
    pub channel: Channel,
    /// Name of the provider that brought it.
    pub provider: String,
    /// True when a sandbox made it.
    pub sandbox: bool,
    /// What it says.
    pub signal: Signal,
    /// The provider's instant, or ours when it gives none.
    pub at: Timestamp,
    /// When we took it.
    pub received_at: Timestamp,
    /// The exact bytes. Together with the attempt they identify the receipt: the same bytes twice
    /// are one receipt.
    pub raw: BlobHash,
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// The carrier has it (PEC *accettazione*): a doubt is settled, the delivery is still awaited.
    Accepted,
    /// It reached the recipient.
    Delivered {
        /// What that is worth.
        proof: Proof,
    },
    /// It did not, for good.
    Failed {
        /// Why.
        class: FailureClass,
        /// The provider's word.
        code: String,
    },
    /// It is on its way; nothing moves.
    Progress {
        /// The provider's word.
        word: String,
    },
    /// The recipient wrote.
    Answer {
        /// Who, as far as the channel tells.
        from: Address,
        /// What, as received.
        text: String,
    },
    /// A word that no table knows: it goes to the desk and moves nothing.
    Unknown {
        /// The provider's word.
        word: String,
    },
}

impl Signal {
    /// The word in the API, the database and the metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Progress { .. } => "progress",
            Self::Answer { .. } => "answer",
            Self::Unknown { .. } => "unknown",
        }
    }
}
