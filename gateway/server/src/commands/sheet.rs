//! A CSV of cases on disk, opened for the commands that read it.

use anyhow::Context;
use messo_core::case_sheet::{CaseSheet, SheetError, SheetRow};
use messo_core::ids::BlobHash;
use messo_core::time::Timestamp;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The rows of a file, as of the day in Rome of `now`. A file that is no sheet of cases is named with the
/// reason.
pub fn rows(
    file: &Path,
    now: Timestamp,
) -> anyhow::Result<impl Iterator<Item = Result<SheetRow, SheetError>> + use<>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let sheet = CaseSheet::open(opened).with_context(|| file.display().to_string())?;
    Ok(sheet.as_of(now.in_rome().date()))
}

/// The bytes of a file.
pub fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(BufReader::with_capacity(1 << 16, opened))
}

/// SHA-256 of a file, without holding it in memory.
pub fn hash(file: &Path) -> anyhow::Result<BlobHash> {
    let mut reader = open(file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(BlobHash(hasher.finalize().into())),
            n => hasher.update(&buffer[..n]),
        }
    }
}
