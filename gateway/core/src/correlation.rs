//! The ladder by which what came in finds what it is about; the rung is kept with the message.
//!
//! Pure: whoever climbs looks the candidates up and asks here what they are worth. Only the upper rungs act
//! alone; the others propose to a person. Never by subject alone: anybody can write any subject.

use crate::ids::AttemptId;
use serde::{Deserialize, Serialize};

/// How something that came in found what it is about, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// A token of ours in the address that it was sent to.
    Token,
    /// It answers a message of ours (In-Reply-To).
    InReplyTo,
    /// It refers to a message of ours further back (References).
    References,
    /// A certified receipt about a message of ours (its Message-ID, or the local part of it).
    PecReference,
    /// A certified receipt by the provider's own name for a message of ours.
    PecId,
    /// A tag of ours in the subject. Proposes only.
    SubjectTag,
    /// The sender's address belongs to exactly one open case. Proposes only.
    Sender,
}

impl Rung {
    /// Whether it acts without a person.
    pub const fn acts(self) -> bool {
        !matches!(self, Self::SubjectTag | Self::Sender)
    }

    /// The word in the database, in the API and in evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::InReplyTo => "in_reply_to",
            Self::References => "references",
            Self::PecReference => "pec_reference",
            Self::PecId => "pec_id",
            Self::SubjectTag => "subject_tag",
            Self::Sender => "sender",
        }
    }

    /// What staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Token => "scritto all'indirizzo di risposta di questa comunicazione",
            Self::InReplyTo => "risponde a un nostro messaggio",
            Self::References => "richiama un nostro messaggio",
            Self::PecReference => "ricevuta di un nostro messaggio",
            Self::PecId => "ricevuta riconosciuta dall'identificativo del gestore",
            Self::SubjectTag => "cita la pratica nell'oggetto",
            Self::Sender => "il mittente compare in una sola pratica aperta",
        }
    }
}

/// The attempt in a reference of ours, `m1.{attempt}@domain`: only the local part counts, since some
/// providers rewrite the domain between two receipts of one message.
pub fn attempt_in(reference: &str) -> Option<AttemptId> {
    let reference = reference.trim().trim_start_matches('<').trim_end_matches('>');
    let local = reference.split('@').next()?;
    let (mark, id) = local.split_at_checked(3)?;
    if !mark.eq_ignore_ascii_case("m1.") || id.len() != 32 {
        return None;
    }
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_attempt_whatever_became_of_its_domain_and_case() {
        let id = "0192f3a4b5c67d8e9f00112233445566";
        let attempt: AttemptId = id.parse().unwrap();
        for text in [
            format!("m1.{id}@organismo.example"),
            format!("<m1.{id}@pec.altro.example>"),
            format!(" <M1.{}@x> ", id.to_uppercase()),
            format!("m1.{id}"),
        ] {
            assert_eq!(attempt_in(&text), Some(attempt), "{text}");
        }
    }

    #[test]
    fn what_is_not_ours_names_no_attempt() {
        for text in
            ["", "m1.", "<a@b>", "m1.0192f3a4@x", "m2.0192f3a4b5c67d8e9f00112233445566@x", "è€1.x"]
        {
            assert_eq!(attempt_in(text), None, "{text}");
        }
    }
}
