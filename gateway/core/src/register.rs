//! The protocol register (*protocollo*, DPR 445/2000 art. 53): one progressive number per body and
//! year for what comes in and goes out, without gaps; corrected only by annotation.

use crate::ids::{BlobHash, BodyId, CaseId};
use crate::time::{Timestamp, rome};
use jiff::civil::Date;
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

impl Direction {
    /// What the printed register says.
    pub const fn title(self) -> &'static str {
        match self {
            Self::In => "entrata",
            Self::Out => "uscita",
        }
    }
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
    /// When. The storage raises it to the end of the last day that was closed, where it is earlier: no
    /// entry ever belongs to a day whose register is closed.
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

/// An annotation (*annotazione*, DPR 445/2000 art. 54): it stands beside an entry and changes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// Whose register.
    pub body: BodyId,
    /// Year of the entry.
    pub year: i16,
    /// Number of the entry.
    pub number: i64,
    /// When it was made; raised as [`RegisterDraft::at`] is.
    pub at: Timestamp,
    /// Who made it.
    pub who: String,
    /// Why, in a word or two: `correzione`, `annullamento`.
    pub reason: String,
    /// What it says.
    pub text: String,
}

/// The register of one day (*registro giornaliero di protocollo*), closed: what was registered between the
/// end of the day closed before it and its own end. Days without entries and annotations are not closed;
/// the numbers, which run on from day to day, show that nothing was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDay {
    /// Whose register.
    pub body: BodyId,
    /// Civil day in Rome.
    pub day: Date,
    /// How many entries.
    pub entries: u32,
    /// How many annotations.
    pub annotations: u32,
    /// Year and number of the first entry.
    pub first: Option<(i16, i64)>,
    /// Year and number of the last entry.
    pub last: Option<(i16, i64)>,
    /// SHA-256 of the CSV, whose bytes are kept.
    pub csv: BlobHash,
    /// SHA-256 of each PDF, in order.
    pub pdf: Vec<BlobHash>,
    /// The day closed before it, and the SHA-256 of that day's CSV.
    pub previous: Option<(Date, BlobHash)>,
    /// When it was closed.
    pub closed_at: Timestamp,
}

impl RegisterDay {
    /// When the day ended: the first instant that belongs to a later day.
    pub fn ended_at(&self) -> Timestamp {
        end_of(self.day)
    }
}

/// The first instant after a civil day in Rome.
pub fn end_of(day: Date) -> Timestamp {
    let next = day.tomorrow().unwrap_or(Date::MAX);
    next.to_zoned(rome()).map_or(Timestamp(i64::MAX), |start| start.timestamp().into())
}

/// The civil day in Rome to which an instant belongs.
pub fn day_of(at: Timestamp) -> Date {
    at.in_rome().date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::time::Duration;

    #[test]
    fn a_day_ends_when_rome_says_so_also_when_clocks_change() {
        for (day, hours) in [
            (date(2026, 3, 29), 23),
            (date(2026, 10, 25), 25),
            (date(2026, 12, 31), 24),
            (date(2026, 7, 1), 24),
        ] {
            let (before, end) = (end_of(day.yesterday().unwrap()), end_of(day));
            assert_eq!(end.since(before), Duration::from_secs(hours * 3_600), "{day}");
            assert_eq!(day_of(before), day);
            assert_eq!(day_of(end), day.tomorrow().unwrap());
            assert_eq!(day_of(end - Duration::from_micros(1)), day);
        }
    }
}
