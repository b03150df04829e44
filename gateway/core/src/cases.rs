//! A case (*pratica*) and the parts that people have in it.

use crate::ids::{BlobHash, BodyId, CaseId, DocumentId, PartyId};
use crate::notices::{CaseFacts, LawyerFacts, MeetingFacts};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Which procedure a case follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Mediation (D.Lgs. 28/2010).
    #[default]
    Mediation,
    /// Over-indebtedness (D.Lgs. 14/2019).
    Occ,
}

/// How far a case has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStanding {
    /// Made from a petition that came in; nobody has looked at it yet. Without a number of its own: the
    /// storage calls it `bozza-1`, `bozza-2` … within its year.
    Draft,
    /// Under way.
    #[default]
    Open,
    /// Over.
    Closed,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its identity.
    pub id: CaseId,
    /// Whose it is.
    pub body: BodyId,
    /// Running number within the body, given by the storage (0 before); stands in QR tokens.
    pub serial: u32,
    /// Which procedure.
    pub kind: CaseKind,
    /// How far it has come.
    #[serde(default)]
    pub standing: CaseStanding,
    /// Number, year, date, matter, value. Number and year are unique within the body. The number of a new
    /// draft is empty: the storage gives one.
    pub facts: CaseFacts,
    /// The next meeting.
    pub meeting: Option<MeetingFacts>,
    /// When it was first seen here.
    pub created_at: Timestamp,
}

/// The part that somebody has in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// *Istante*: filed the petition.
    Petitioner,
    /// *Convocato*: was summoned.
    Summoned,
    /// *Avvocato*.
    Lawyer,
    /// *Mediatore* (in an OCC case, the *gestore*).
    Mediator,
    /// *Debitore*.
    Debtor,
    /// *Creditore*.
    Creditor,
}

impl Role {
    /// All parts.
    pub const ALL: [Self; 6] = [
        Self::Petitioner,
        Self::Summoned,
        Self::Lawyer,
        Self::Mediator,
        Self::Debtor,
        Self::Creditor,
    ];

    /// The Italian word, as in CSV files and letters.
    pub const fn italian(self) -> &'static str {
        match self {
            Self::Petitioner => "istante",
            Self::Summoned => "convocato",
            Self::Lawyer => "avvocato",
            Self::Mediator => "mediatore",
            Self::Debtor => "debitore",
            Self::Creditor => "creditore",
        }
    }
}

/// Somebody's part in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRole {
    /// Whose row it is.
    pub body: BodyId,
    /// The case.
    pub case: CaseId,
    /// Who.
    pub party: PartyId,
    /// Which part.
    pub role: Role,
    /// Who assists them in it, where known. Written again without one, the known one stays.
    pub lawyer: Option<LawyerFacts>,
}

/// A document in a case file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its identity.
    pub id: DocumentId,
    /// Whose it is.
    pub body: BodyId,
    /// The case.
    pub case: CaseId,
    /// File name as given.
    pub name: String,
    /// Media type found by content.
    pub media_type: String,
    /// The bytes.
    pub blob: BlobHash,
    /// When it was filed.
    pub created_at: Timestamp,
}
