//! A job: work that follows from a fact, committed together with it.

use crate::addresses::Channel;
use crate::ids::{AttemptId, BodyId, DispatchId, JobId, MessageId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A lane of the queue: one per channel and one for what came in, so that a slow channel never holds
/// up another, and none holds up the reading of receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// What leaves by this channel, and what is asked about it.
    Out(Channel),
    /// Messages to be read.
    Mail,
}

impl Lane {
    /// All lanes.
    pub fn all() -> impl Iterator<Item = Self> {
        Channel::ALL.into_iter().map(Self::Out).chain([Self::Mail])
    }

    /// The word in the database, in rings and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Out(channel) => channel.word(),
            Self::Mail => "mail",
        }
    }

    /// The channel whose lane it is.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Out(channel) => Some(channel),
            Self::Mail => None,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Lane {
    type Err = crate::addresses::UnknownChannel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::Mail.word() { Ok(Self::Mail) } else { text.parse().map(Self::Out) }
    }
}

/// Who goes first when several jobs of a lane are due. Lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A notice that the law asks for.
    Legal = 0,
    /// Anything else about a case.
    Ordinary = 5,
    /// Campaigns and newsletters.
    Bulk = 9,
}

impl Priority {
    /// The number in the database.
    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// What is to be done. The payload in the database carries a version ([`PAYLOAD_VERSION`]), so
/// that a job written by an older release is read, and one written by a newer release is left
/// alone until this machine is upgraded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Make an attempt on a leg.
    Send {
        /// The dispatch.
        dispatch: DispatchId,
        /// Index of the leg.
        leg: u8,
    },
    /// Ask the provider what became of an attempt (for providers that can be asked).
    Query {
        /// The dispatch.
        dispatch: DispatchId,
        /// Index of the leg.
        leg: u8,
        /// The attempt.
        attempt: AttemptId,
    },
    /// A receipt should have come by now.
    Silence {
        /// The dispatch.
        dispatch: DispatchId,
        /// Index of the leg.
        leg: u8,
        /// The attempt.
        attempt: AttemptId,
    },
    /// A receipt of acceptance should have come by now (certified mail): somebody should know.
    Unaccepted {
        /// The dispatch.
        dispatch: DispatchId,
        /// Index of the leg.
        leg: u8,
        /// The attempt.
        attempt: AttemptId,
    },
    /// Read a message that came in, and do what follows from it.
    Read {
        /// The message.
        message: MessageId,
    },
    /// Tell the author of a message that it was registered.
    Confirm {
        /// The message.
        message: MessageId,
    },
}

/// Version of the payloads that this release writes.
pub const PAYLOAD_VERSION: i64 = 1;

impl Task {
    /// The dispatch that the task is about; none for what came in.
    pub const fn dispatch(&self) -> Option<DispatchId> {
        match self {
            Self::Send { dispatch, .. }
            | Self::Query { dispatch, .. }
            | Self::Silence { dispatch, .. }
            | Self::Unaccepted { dispatch, .. } => Some(*dispatch),
            Self::Read { .. } | Self::Confirm { .. } => None,
        }
    }
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its identity; the only thing that a broker's message carries.
    pub id: JobId,
    /// Whose it is.
    pub body: BodyId,
    /// In which lane it waits.
    pub lane: Lane,
    /// Who goes first.
    pub priority: Priority,
    /// Not before.
    pub due_at: Timestamp,
    /// How often it was claimed; a job claimed very often without an end is parked and reported.
    pub claims: u32,
    /// What is to be done.
    pub task: Task,
}
