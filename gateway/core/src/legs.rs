//! The states of a leg (one channel of a plan), and the one function that moves them.
//!
//! A variant carries only the facts that are true in it. [`apply`] is total over state × event:
//! it answers with the next state, with "nothing new" (late and doubled receipts are harmless), or
//! refuses. The whole table is asserted in a golden test that a lawyer can read.

use crate::failures::FailureClass;
use crate::ids::AttemptId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a channel's success is worth as proof. Later values are stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The next server took it (SMTP 250). Ordinary e-mail proves no more than that.
    HandedOver,
    /// The carrier reports delivery (SMS delivery report, fax page count).
    CarrierReport,
    /// A signed receipt of delivery (PEC *avvenuta consegna*, signed advice of receipt).
    SignedReceipt,
}

impl Proof {
    /// What staff and the statement of service say.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::HandedOver => {
                "presa in carico dal server di posta; l'e-mail ordinaria non prova la consegna"
            }
            Self::CarrierReport => "consegna confermata dal gestore",
            Self::SignedReceipt => "consegna provata da ricevuta firmata",
        }
    }
}

/// Why a leg was never used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// No address for the channel.
    NoAddress,
    /// An earlier step succeeded.
    NotNeeded,
    /// Somebody cancelled the dispatch before the leg began.
    Cancelled,
}

/// Where a leg stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LegState {
    /// Its step has not begun.
    Planned,
    /// A job will send it when due.
    Ready {
        /// Not before.
        due_at: Timestamp,
        /// Tries already made.
        tries: u32,
        /// Why the last try failed, when there was one.
        last_failure: Option<FailureClass>,
    },
    /// An attempt is committed: from here on a byte may have left.
    Sending {
        /// The attempt under way.
        attempt: AttemptId,
        /// When it was committed.
        since: Timestamp,
        /// Tries made, this one included.
        tries: u32,
    },
    /// The provider has it; a receipt is awaited.
    Submitted {
        /// The attempt that the provider accepted.
        attempt: AttemptId,
        /// When it accepted.
        at: Timestamp,
        /// When silence becomes a failure.
        receipt_by: Timestamp,
    },
    /// It may or may not have left. Settled by evidence or by a person, never by sending again.
    Doubtful {
        /// The attempt in doubt.
        attempt: AttemptId,
        /// Since when.
        since: Timestamp,
        /// Tries made.
        tries: u32,
    },
    /// Over, with success.
    Delivered {
        /// The attempt that reached the recipient.
        attempt: AttemptId,
        /// The provider's instant of delivery.
        at: Timestamp,
        /// What it is worth.
        proof: Proof,
    },
    /// Over, without success.
    Failed {
        /// When it was known.
        at: Timestamp,
        /// Why.
        class: FailureClass,
    },
    /// Never used.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

/// What can happen to a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// Its step begins.
    Start {
        /// Not before.
        due_at: Timestamp,
    },
    /// An attempt is about to be made.
    Attempt(AttemptId),
    /// The provider took it and will report later.
    Accepted {
        /// Which attempt.
        attempt: AttemptId,
        /// When silence becomes a failure.
        receipt_by: Timestamp,
    },
    /// It reached the recipient, as far as the channel can tell.
    Delivered {
        /// Which attempt.
        attempt: AttemptId,
        /// What it is worth.
        proof: Proof,
    },
    /// The attempt failed and the leg will be tried again.
    TryAgain {
        /// Which attempt.
        attempt: AttemptId,
        /// Not before.
        due_at: Timestamp,
        /// Why.
        class: FailureClass,
    },
    /// The attempt failed for good.
    Failed {
        /// Which attempt.
        attempt: AttemptId,
        /// Why.
        class: FailureClass,
    },
    /// What happened to the attempt is unknown.
    Doubt(AttemptId),
    /// No receipt came in time.
    Silence(AttemptId),
    /// The leg will not be used.
    Skip(SkipReason),
}

/// The answer of [`apply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The leg moves.
    Move(LegState),
    /// A late or doubled event: it is kept as evidence and changes nothing.
    Same,
}

/// An event that cannot follow a state; the caller sends it to the desk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a leg that is {state} cannot take the event {event}")]
pub struct InvalidTransition {
    /// Name of the state.
    pub state: &'static str,
    /// Name of the event.
    pub event: &'static str,
}

impl LegState {
    /// The state's name, as in the API and the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Ready { .. } => "ready",
            Self::Sending { .. } => "sending",
            Self::Submitted { .. } => "submitted",
            Self::Doubtful { .. } => "doubtful",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Whether nothing more is expected. A stronger or later receipt may still correct it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Failed { .. } | Self::Skipped { .. })
    }

    fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Sending { attempt, .. }
            | Self::Submitted { attempt, .. }
            | Self::Doubtful { attempt, .. }
            | Self::Delivered { attempt, .. } => Some(*attempt),
            _ => None,
        }
    }
}

impl LegEvent {
    /// The event's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Attempt(_) => "attempt",
            Self::Accepted { .. } => "accepted",
            Self::Delivered { .. } => "delivered",
            Self::TryAgain { .. } => "try_again",
            Self::Failed { .. } => "failed",
            Self::Doubt(_) => "doubt",
            Self::Silence(_) => "silence",
            Self::Skip(_) => "skip",
        }
    }
}

/// Moves a leg.
///
/// Rules that the table follows: a report of delivery (the carrier's or a signed one) always wins,
/// whatever came before and however late, and a stronger proof replaces a weaker one. A failure
/// corrects a mere hand-over, in whichever order the two arrive (a bounce may overtake the answer of
/// the relay), and nothing else. An event about another attempt than the present one is old news; a
/// doubled event changes nothing. A leg that was not needed may still be started, because the success
/// that made it unneeded can be corrected by a bounce.
pub fn apply(state: &LegState, event: &LegEvent, at: Timestamp) -> Result<Step, InvalidTransition> {
    use LegEvent as E;
    use LegState as S;
    let invalid = Err(InvalidTransition { state: state.name(), event: event.name() });
    let current = |attempt: &AttemptId| state.attempt() == Some(*attempt);
    let next = match (state, event) {
        (S::Planned | S::Skipped { reason: SkipReason::NotNeeded }, E::Start { due_at }) => {
            S::Ready { due_at: *due_at, tries: 0, last_failure: None }
        }
        (S::Ready { .. }, E::Start { .. }) => return Ok(Step::Same),
        (S::Planned | S::Ready { .. }, E::Skip(reason)) => S::Skipped { reason: *reason },
        (S::Skipped { reason: SkipReason::NotNeeded }, E::Skip(reason @ SkipReason::Cancelled)) => {
            S::Skipped { reason: *reason }
        }
        (S::Skipped { .. }, E::Skip(_)) => return Ok(Step::Same),

        (S::Ready { tries, .. }, E::Attempt(attempt)) => {
            S::Sending { attempt: *attempt, since: at, tries: tries + 1 }
        }

        // Nothing has ever left.
        (S::Planned | S::Skipped { reason: SkipReason::NoAddress }, _) => return invalid,

        // A hand-over is less than a failure; any report of delivery is more than both. A leg skipped
        // while it waited for its next try may yet hear from the one before.
        (S::Failed { .. } | S::Skipped { .. }, E::Delivered { proof: Proof::HandedOver, .. }) => {
            return Ok(Step::Same);
        }
        (S::Delivered { proof: had, .. }, E::Delivered { proof, .. }) if had >= proof => {
            return Ok(Step::Same);
        }
        (_, E::Delivered { attempt, proof }) => {
            S::Delivered { attempt: *attempt, at, proof: *proof }
        }

        (S::Sending { .. } | S::Doubtful { .. }, E::Accepted { attempt, receipt_by })
            if current(attempt) =>
        {
            S::Submitted { attempt: *attempt, at, receipt_by: *receipt_by }
        }
        (
            S::Sending { tries, .. } | S::Doubtful { tries, .. },
            E::TryAgain { attempt, due_at, class },
        ) if current(attempt) => {
            S::Ready { due_at: *due_at, tries: *tries, last_failure: Some(*class) }
        }
        (S::Sending { tries, .. }, E::Doubt(attempt)) if current(attempt) => {
            S::Doubtful { attempt: *attempt, since: at, tries: *tries }
        }
        (S::Submitted { .. }, E::Silence(attempt)) if current(attempt) => {
            S::Failed { at, class: FailureClass::Unavailable }
        }
        (
            S::Sending { .. } | S::Submitted { .. } | S::Doubtful { .. },
            E::Failed { attempt, class },
        ) if current(attempt) => S::Failed { at, class: *class },
        // A bounce after the hand-over.
        (S::Delivered { proof: Proof::HandedOver, .. }, E::Failed { attempt, class })
            if current(attempt) =>
        {
            S::Failed { at, class: *class }
        }

        // Old news about another attempt, or about one already settled.
        (
            _,
            E::Accepted { .. }
            | E::TryAgain { .. }
            | E::Failed { .. }
            | E::Doubt(_)
            | E::Silence(_),
        ) => return Ok(Step::Same),

        (_, E::Start { .. } | E::Attempt(_) | E::Skip(_)) => return invalid,
    };
    Ok(Step::Move(next))
}

#[cfg(test)]
mod tests;
