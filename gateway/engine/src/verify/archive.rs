//! Reads a stranger's ZIP with limits.
//!
//! Guarantee: nothing is unpacked beyond the declared size, nor beyond the limits of a bundle in
//! all; an archive that tells two stories (doubled names, local headers unlike the directory, members
//! that overlap or hide) is told as such. A bundle is never ZIP64, has no comment and nothing before
//! or after it; that also bounds the memory of its directory.

use super::{ProblemCode, VerificationProblem, WHOLE, shown};
use crate::certify::manifest::{MAX_BYTES, MAX_MEMBERS};
use std::io::{Read, Seek, SeekFrom};
use zip::ZipArchive;
use zip::read::ZipReadOptions;

/// Room for headers and manifest beside the members.
const MAX_ARCHIVE: u64 = MAX_BYTES + 16 * 1024 * 1024;
/// Length of the end record without comment (APPNOTE 4.3.16).
const END_RECORD: i64 = 22;
/// Length of the ZIP64 locator that would stand before it (APPNOTE 4.3.15).
const ZIP64_LOCATOR: i64 = 20;

/// An archive that is open.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    room: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Opens an archive whose end record is sound.
    pub fn open(mut file: R) -> Result<Self, VerificationProblem> {
        let length = file.seek(SeekFrom::End(0)).map_err(|_| unreadable())?;
        if length > MAX_ARCHIVE {
            return Err(whole(
                ProblemCode::TooLarge,
                format!("il file supera {} MB: non è un fascicolo di Messo", MAX_ARCHIVE >> 20),
            ));
        }
        check_end(&mut file, length)?;
        let zip = ZipArchive::new(file).map_err(|_| unreadable())?;
        Ok(Self { zip, room: MAX_ARCHIVE })
    }

    /// The members' names; bytes that are no text show as `?`.
    pub fn names(&self) -> Vec<String> {
        self.zip.file_names_raw().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect()
    }

    /// Where the archive contradicts itself.
    pub fn inconsistencies(&mut self) -> Vec<VerificationProblem> {
        let mut problems = Vec::new();
        if self.zip.has_duplicate_names() {
            problems.push(whole(
                ProblemCode::ArchiveInconsistent,
                "due file dell'archivio hanno lo stesso nome".into(),
            ));
        } else if self.zip.offset() != 0 || self.zip.validate_header_consistency().is_err() {
            problems.push(whole(
                ProblemCode::ArchiveInconsistent,
                "le intestazioni dell'archivio si contraddicono: programmi diversi vi leggerebbero cose diverse".into(),
            ));
        }
        problems
    }

    /// Lets a member of this size be read once more.
    pub fn refund(&mut self, size: u64) {
        self.room = (self.room + size).min(MAX_ARCHIVE);
    }

    /// The bytes of a member, at most `limit`.
    pub fn read(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, VerificationProblem> {
        let Some(index) = self.zip.index_for_name_raw(name.as_bytes()) else {
            return Err(problem(name, ProblemCode::Missing, "il file manca nel fascicolo".into()));
        };
        let damaged = || {
            let text = "il file nel fascicolo è danneggiato o è stato cambiato: non si può leggere";
            problem(name, ProblemCode::MemberUnreadable, text.into())
        };
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let file = self.zip.by_index_with_options(index, options).map_err(|_| damaged())?;
        let declared = file.size();
        if declared > self.room.min(limit) {
            return Err(problem(
                name,
                ProblemCode::TooLarge,
                "il file, estratto, supera i limiti di un fascicolo".into(),
            ));
        }
        self.room -= declared;
        let mut bytes = Vec::new();
        file.take(declared + 1).read_to_end(&mut bytes).map_err(|_| damaged())?;
        if bytes.len() as u64 == declared { Ok(bytes) } else { Err(damaged()) }
    }
}

/// The archive must end with its end record, not be ZIP64, and not have too many members.
fn check_end<R: Read + Seek>(file: &mut R, length: u64) -> Result<(), VerificationProblem> {
    if length < END_RECORD as u64 {
        return Err(unreadable());
    }
    let mut record = [0; END_RECORD as usize];
    file.seek(SeekFrom::End(-END_RECORD))
        .and_then(|_| file.read_exact(&mut record))
        .map_err(|_| unreadable())?;
    if !record.starts_with(b"PK\x05\x06") || record[20..] != [0, 0] {
        return Err(unreadable());
    }
    if length >= (END_RECORD + ZIP64_LOCATOR) as u64 {
        let mut locator = [0; 4];
        file.seek(SeekFrom::End(-END_RECORD - ZIP64_LOCATOR))
            .and_then(|_| file.read_exact(&mut locator))
            .map_err(|_| unreadable())?;
        if locator == *b"PK\x06\x07" {
            return Err(whole(
                ProblemCode::ArchiveInconsistent,
                "l'archivio è in formato ZIP64, che un fascicolo non usa".into(),
            ));
        }
    }
    let count = usize::from(u16::from_le_bytes([record[10], record[11]]));
    if count > MAX_MEMBERS + 2 {
        return Err(whole(
            ProblemCode::TooLarge,
            format!("l'archivio ha più di {MAX_MEMBERS} file: non è un fascicolo di Messo"),
        ));
    }
    Ok(())
}

fn unreadable() -> VerificationProblem {
    whole(
        ProblemCode::ArchiveUnreadable,
        "il file non è un archivio ZIP intero: è troncato, danneggiato o non è un fascicolo".into(),
    )
}

fn whole(code: ProblemCode, text: String) -> VerificationProblem {
    problem(WHOLE, code, text)
}

fn problem(member: &str, code: ProblemCode, text: String) -> VerificationProblem {
    VerificationProblem { member: shown(member), code, text }
}
