//! Why an attempt failed, in seven words, and what follows from each word.
//!
//! The class alone decides between retry, fallback and alarm, in one table ([`decide`]). Channels
//! only choose the class; they never decide what happens next.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The closed vocabulary of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// We are too fast for the provider (SMTP 421/451 4.7.x, HTTP 429): later, the same way.
    Throttled,
    /// Nobody answers, or a passing fault: later, the same way.
    Unavailable,
    /// The provider or the recipient's server will not have it, for a reason that is not the address.
    Refused,
    /// The address does not exist, or cannot receive on this channel.
    BadRecipient,
    /// What we made cannot be sent as it is (too large, malformed).
    BadContent,
    /// Our credentials or settings are wrong: nothing will leave until an operator mends them.
    Misconfigured,
    /// It may have left: the answer was lost after the last byte.
    Doubtful,
}

impl FailureClass {
    /// All classes, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Throttled,
        Self::Unavailable,
        Self::Refused,
        Self::BadRecipient,
        Self::BadContent,
        Self::Misconfigured,
        Self::Doubtful,
    ];

    /// The word in the API, the database and the metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::BadRecipient => "bad_recipient",
            Self::BadContent => "bad_content",
            Self::Misconfigured => "misconfigured",
            Self::Doubtful => "doubtful",
        }
    }

    /// What staff read about it.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Throttled => "Il fornitore chiede di rallentare: si riprova più tardi.",
            Self::Unavailable => "Il server non risponde: si riprova più tardi.",
            Self::Refused => "Il server ha rifiutato il messaggio.",
            Self::BadRecipient => "L'indirizzo non esiste o non può ricevere.",
            Self::BadContent => "Il contenuto non può essere inviato così com'è.",
            Self::Misconfigured => {
                "L'accesso al fornitore non è configurato bene: serve l'amministratore."
            }
            Self::Doubtful => "Non è certo che il messaggio sia partito: va verificato.",
        }
    }

    /// Whether an operator must look, whatever else is done.
    pub fn alarms(self) -> bool {
        matches!(self, Self::BadContent | Self::Misconfigured | Self::Doubtful)
    }
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The same leg again after this pause.
    Retry(Duration),
    /// This leg is over; the plan goes on to its next step.
    GiveUp,
    /// Nothing by itself: evidence or a person settles it.
    Hold,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// Pauses between tries, in seconds, for each class that retries; the last one repeats.
const THROTTLED: [u64; 6] = [15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE];
const UNAVAILABLE: [u64; 7] = [5, 20, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR];
const MISCONFIGURED: [u64; 2] = [MINUTE, 10 * MINUTE];

/// Tries after which a class that retries gives up. With the pauses above: about a day for
/// throttling and outages (the queue life of common mail servers is longer, but a term may be
/// running), three days for a misconfiguration, which is ours and must not cost the party.
const MAX_TRIES_THROTTLED: u32 = 150;
const MAX_TRIES_UNAVAILABLE: u32 = 28;
const MAX_TRIES_MISCONFIGURED: u32 = 432;

/// The retry table. `tries` counts the tries already made, from 1; `asked` is the pause that the
/// provider itself asked for (e.g. HTTP `Retry-After`), which is never shortened.
pub fn decide(class: FailureClass, tries: u32, asked: Option<Duration>) -> Decision {
    let (pauses, limit): (&[u64], u32) = match class {
        FailureClass::Throttled => (&THROTTLED, MAX_TRIES_THROTTLED),
        FailureClass::Unavailable => (&UNAVAILABLE, MAX_TRIES_UNAVAILABLE),
        FailureClass::Misconfigured => (&MISCONFIGURED, MAX_TRIES_MISCONFIGURED),
        FailureClass::Refused | FailureClass::BadRecipient | FailureClass::BadContent => {
            return Decision::GiveUp;
        }
        FailureClass::Doubtful => return Decision::Hold,
    };
    if tries >= limit {
        return Decision::GiveUp;
    }
    let index = (tries.max(1) as usize - 1).min(pauses.len() - 1);
    let own = Duration::from_secs(pauses[index]);
    Decision::Retry(asked.map_or(own, |asked| asked.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_never_tried_again() {
        assert_eq!(decide(FailureClass::BadRecipient, 1, None), Decision::GiveUp);
    }

    #[test]
    fn a_doubtful_send_is_never_repeated_by_itself() {
        for tries in 0..1000 {
            assert_eq!(decide(FailureClass::Doubtful, tries, None), Decision::Hold);
        }
    }

    #[test]
    fn the_pause_that_a_provider_asks_for_is_kept() {
        let asked = Some(Duration::from_secs(900));
        assert_eq!(
            decide(FailureClass::Throttled, 1, asked),
            Decision::Retry(Duration::from_secs(900))
        );
    }

    #[test]
    fn every_class_that_retries_ends_some_day() {
        for class in FailureClass::ALL {
            assert!(!matches!(decide(class, 100_000, None), Decision::Retry(_)));
        }
    }
}
