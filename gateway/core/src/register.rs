//! The protocol register (*protocollo*, DPR 445/2000 art. 53): one progressive number per body and
//! year for what comes in and goes out, without gaps; corrected only by annotation.

use crate::ids::{BlobHash, BodyId, CaseId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// *In entrata*.
    In,
    /// *In uscita*.
    Out,
}

/// An entry before it has its number, which the storage gives at commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterDraft {
    /// Whose register.
    pub body: BodyId,
    /// Civil year in Rome.
    pub year: i16,
    /// Which way.
    pub direction: Direction,
    /// When.
    pub at: Timestamp,
    /// Sender or recipient.
    pub correspondent: String,
    /// Subject (*oggetto*).
    pub subject: String,
    /// The case, where known.
    pub case: Option<CaseId>,
    /// Hash of the document.
    pub document: BlobHash,
}

/// An entry of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterEntry {
    /// Progressive within body and year, from 1.
    pub number: i64,
    /// What was registered.
    pub draft: RegisterDraft,
}
