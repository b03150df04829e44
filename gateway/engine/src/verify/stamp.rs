//! The time stamp (RFC 3161) over the extract of the chain: that everything the extract names existed then.
//!
//! Limit: without a check of stamps it is told as not checked, without trust anchors as not verifiable.

use super::archive::Archive;
use super::{Check, ProblemCode};
use crate::certify::manifest::{Manifest, STAMP, What};
use messo_core::ids::BlobHash;
use messo_core::ports::{StampCheck, StampReport};
use serde::Serialize;
use std::io::{Read, Seek};

/// What came of the check of a time stamp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedStamp {
    /// valid, not_verifiable, invalid, not_checked.
    pub verdict: &'static str,
    /// The stamped instant: RFC 3339, UTC.
    pub at: Option<String>,
    /// Who stamped.
    pub authority: Option<String>,
    /// Serial number, hexadecimal.
    pub serial: Option<String>,
}

/// Checks the stamp, where there is one.
pub(super) fn check<R: Read + Seek>(
    check: &mut Check,
    archive: &mut Archive<R>,
    manifest: &Manifest,
    chain: BlobHash,
    stamps: Option<&dyn StampCheck>,
) {
    let mut stamped = manifest.members.iter().filter(|entry| entry.what == What::Stamp);
    let Some(entry) = stamped.next() else { return };
    if entry.name != STAMP || stamped.next().is_some() {
        check.problem(
            &entry.name,
            ProblemCode::Malformed,
            "un fascicolo ha una sola marca temporale, con il suo nome".into(),
        );
    }
    let Some(token) = check.again(archive, entry) else { return };
    let Some(stamps) = stamps else {
        check.found.stamp = Some(found("not_checked", None));
        return;
    };
    let report = stamps.check(&token, chain);
    let verdict = match &report {
        StampReport::Valid(_) => "valid",
        StampReport::NotVerifiable(..) => "not_verifiable",
        StampReport::OtherHash => {
            check.problem(
                STAMP,
                ProblemCode::StampOfOther,
                "la marca temporale è di un altro documento, non dell'estratto del registro di questo fascicolo".into(),
            );
            "invalid"
        }
        StampReport::Invalid(_) => {
            check.problem(
                STAMP,
                ProblemCode::StampBroken,
                "la marca temporale non è valida: è stata cambiata o non è di un'autorità di marcatura".into(),
            );
            "invalid"
        }
    };
    check.found.stamp = Some(found(verdict, Some(&report)));
}

fn found(verdict: &'static str, report: Option<&StampReport>) -> CheckedStamp {
    let stamp = report.and_then(StampReport::stamp);
    CheckedStamp {
        verdict,
        at: stamp.map(|stamp| stamp.at.to_string()),
        authority: stamp.map(|stamp| stamp.tsa.clone()),
        serial: stamp.map(|stamp| stamp.serial_hex.clone()),
    }
}
