//! Cases in CSV: from the bytes of a spreadsheet's export to one checked request per row.
//!
//! Rows stream: memory holds one row (at most [`MAX_RECORD`] bytes) and 16 bytes or so for each good
//! row already seen, by which duplicates are found. A bad row is told with all its errors and stops
//! nothing; a file that cannot be read as a table stops with one sentence. Row numbers are those that
//! a spreadsheet shows: the header is row 1, blank rows count, a leading `sep=;` does not.
//!
//! The reader is our own and not a general CSV library because the row numbers, the blank rows and the
//! bound on an unclosed quote are promises to the person who must mend the file.

pub mod fiscal_code;

mod cells;
mod columns;
mod records;
mod rows;

use crate::notices::RecipientRequest;
use columns::Header;
use jiff::civil::Date;
use records::Records;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Longest row in bytes, line breaks inside quotes included: 1 MB.
pub const MAX_RECORD: usize = 1_000_000;
/// Most columns of a sheet.
pub const MAX_COLUMNS: usize = 200;
/// Most rows of a sheet.
pub const MAX_ROWS: u32 = 2_000_000;
/// Longest cell of a known column, in characters.
pub const MAX_CELL: usize = 500;
/// Longest cell of another column, in characters: it may be a paragraph of a letter.
pub const MAX_EXTRA_CELL: usize = 10_000;

/// A sheet of cases, read row by row.
#[derive(Debug)]
pub struct CaseSheet<R> {
    records: Records<BufReader<R>>,
    header: Header,
    today: Option<Date>,
    /// Row by hash of case, person and addresses.
    seen: HashMap<u64, u32>,
    over: bool,
}

/// A row that is not blank.
#[derive(Clone, Debug, PartialEq)]
pub struct SheetRow {
    /// Its number as a spreadsheet shows it.
    pub row: u32,
    /// What it asks for (template and body are left empty), or everything that is wrong in it.
    pub outcome: Result<RecipientRequest, Vec<RowError>>,
    /// What can be sent but should be looked at.
    pub warnings: Vec<RowError>,
}

/// Something about one cell of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// The row's number as a spreadsheet shows it.
    pub row: u32,
    /// English name of the column (`case_number`), the header as written for other columns, or
    /// `row` for what concerns the whole row.
    pub field: String,
    /// One plain Italian sentence.
    pub reason: String,
}

/// Why a file cannot be read as a sheet of cases. One Italian sentence each.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Nothing in it.
    #[error("il file è vuoto")]
    Empty,
    /// A workbook, a PDF, an image.
    #[error("il file non è un CSV: da Excel o LibreOffice si salva come «CSV UTF-8»")]
    NotText,
    /// UTF-16, as in Excel's «Testo Unicode».
    #[error("il file è in UTF-16: da Excel o LibreOffice si salva come «CSV UTF-8»")]
    Utf16,
    /// No name of the header is known.
    #[error(
        "manca l'intestazione: la prima riga deve contenere i nomi delle colonne, per esempio numero;anno;nome;cognome;email"
    )]
    NoHeader,
    /// A column without which no row can be good.
    #[error("nell'intestazione manca la colonna «{0}»")]
    MissingColumn(&'static str),
    /// The same column twice.
    #[error("nell'intestazione la colonna «{0}» compare due volte")]
    RepeatedColumn(String),
    /// More than [`MAX_COLUMNS`].
    #[error("il file ha più di {MAX_COLUMNS} colonne")]
    TooManyColumns,
    /// More than [`MAX_ROWS`].
    #[error("il file ha più di {MAX_ROWS} righe: va diviso")]
    TooManyRows,
    /// Longer than [`MAX_RECORD`].
    #[error("la riga {row} supera 1 MB: il file non è un elenco di pratiche o manca un a capo")]
    TooLong {
        /// Which row.
        row: u32,
    },
    /// Quotes open and never close.
    #[error("alla riga {row} si aprono virgolette che non si chiudono")]
    OpenQuotes {
        /// Which row.
        row: u32,
    },
    /// The file cannot be read.
    #[error("il file non si riesce a leggere ({0})")]
    Unreadable(std::io::ErrorKind),
}

impl From<std::io::Error> for SheetError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.kind())
    }
}

impl<R: Read + Seek> CaseSheet<R> {
    /// Reads the whole once to learn its encoding (UTF-8, with or without BOM, else CP1252), then
    /// the header from the start. Bytes in memory go in through `std::io::Cursor`.
    pub fn open(source: R) -> Result<Self, SheetError> {
        let mut reader = BufReader::with_capacity(64 * 1024, source);
        let form = records::inspect(&mut reader)?;
        reader.seek(SeekFrom::Start(form.skip))?;
        let mut records = Records::new(reader, form);
        let header = Header::read(&mut records)?;
        Ok(Self { records, header, today: None, seen: HashMap::new(), over: false })
    }
}

impl<R: Read> CaseSheet<R> {
    /// Reads the rows as of this day, in Rome: what was filed later is an error.
    #[must_use]
    pub fn as_of(mut self, today: Date) -> Self {
        self.today = Some(today);
        self
    }

    fn next_row(&mut self) -> Result<Option<SheetRow>, SheetError> {
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        if record.row > MAX_ROWS {
            return Err(SheetError::TooManyRows);
        }
        let mut row = rows::read(&self.header, record, self.today);
        if let Ok(request) = &row.outcome {
            let first = *self.seen.entry(request.fingerprint()).or_insert(row.row);
            if first != row.row {
                row.outcome = Err(vec![RowError {
                    row: row.row,
                    field: "row".to_owned(),
                    reason: format!(
                        "ripete la riga {first}: stessa pratica, stessa persona, stessi indirizzi"
                    ),
                }]);
            }
        }
        Ok(Some(row))
    }
}

/// Whether a petition can have been filed on a day, seen from `today` in Rome. The refusal is one Italian
/// sentence, the same for every way in.
pub fn check_filed_on(date: Date, today: Date) -> Result<(), &'static str> {
    rows::check_filed_on(date, Some(today))
}

/// After an error there are no more rows.
impl<R: Read> Iterator for CaseSheet<R> {
    type Item = Result<SheetRow, SheetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.next_row().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

#[cfg(test)]
mod tests;
