//! The extract of the protocol register: the entries of the documents of this dispatch, with their
//! annotations and the register of the day in which they stand. Nothing of other entries is given away.

use super::shelf::{Registered, Shelf};
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::ports::StoreError;
use messo_core::register::Direction;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// An entry, as the bundle has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocolled {
    /// Year.
    pub year: i16,
    /// Number within body and year.
    pub number: i64,
    /// Which way.
    pub direction: Direction,
    /// When: RFC 3339, UTC.
    pub at: String,
    /// The same, in words.
    pub when: String,
    /// Sender or recipient.
    pub correspondent: String,
    /// Subject.
    pub subject: String,
    /// SHA-256 of the document.
    pub document: BlobHash,
    /// What was noted beside it.
    pub annotations: Vec<Noted>,
    /// The register of its day, where that is closed.
    pub day: Option<ClosedDay>,
}

/// An annotation, as the bundle has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// When, in words.
    pub when: String,
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// What.
    pub text: String,
}

/// A closed day, as the bundle names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedDay {
    /// Civil day in Rome.
    pub day: String,
    /// SHA-256 of its CSV.
    pub csv_sha256: BlobHash,
}

/// Reads the entries of the documents that the evidence names, by year and number.
pub(super) async fn extract<S: Shelf + ?Sized>(
    store: &S,
    body: BodyId,
    evidence: &[EvidenceItem],
) -> Result<Vec<Protocolled>, StoreError> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for document in evidence.iter().filter_map(|item| item.blob) {
        if !seen.insert(document) {
            continue;
        }
        entries.extend(store.registered(body, document).await?.map(protocolled));
    }
    entries.sort_by_key(|entry| (entry.year, entry.number));
    Ok(entries)
}

fn protocolled(registered: Registered) -> Protocolled {
    let Registered { entry, annotations, day } = registered;
    let (number, draft) = (entry.number, entry.draft);
    let noted = |one: messo_core::register::Annotation| Noted {
        when: crate::timeline::instant(one.at),
        who: one.who,
        reason: one.reason,
        text: one.text,
    };
    Protocolled {
        year: draft.year,
        number,
        direction: draft.direction,
        at: draft.at.to_string(),
        when: crate::timeline::instant(draft.at),
        correspondent: draft.correspondent,
        subject: draft.subject,
        document: draft.document,
        annotations: annotations.into_iter().map(noted).collect(),
        day: day.map(|day| ClosedDay { day: day.day.to_string(), csv_sha256: day.csv }),
    }
}
