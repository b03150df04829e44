//! A CSV of cases on disk, opened for the commands that read it.

use anyhow::Context;
use messo_core::case_sheet::{CaseSheet, SheetError, SheetRow};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The rows of a file. A file that is no sheet of cases is named with the reason.
pub fn rows(
    file: &Path,
) -> anyhow::Result<impl Iterator<Item = Result<SheetRow, SheetError>> + use<>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    CaseSheet::open(opened).with_context(|| file.display().to_string())
}

/// The bytes of a file.
pub fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(BufReader::with_capacity(1 << 16, opened))
}
