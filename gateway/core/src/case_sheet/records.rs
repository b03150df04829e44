//! From bytes to records: encoding, line ends, quotes (RFC 4180), row numbers.
//!
//! A record is never longer than the stated limit, whatever its quotes say.

use super::{MAX_COLUMNS, MAX_RECORD, SheetError};
use std::borrow::Cow;
use std::io::{BufRead, ErrorKind};

/// What one look at the whole file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextForm {
    /// CP1252 when it is not UTF-8.
    pub utf8: bool,
    /// `\n`; `\r` in files of old Macs.
    terminator: u8,
    /// Octets of the byte order mark.
    pub skip: u64,
}

/// Looks at the whole file in small pieces.
pub(super) fn inspect(reader: &mut impl BufRead) -> Result<TextForm, SheetError> {
    let mut head: Vec<u8> = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let (mut utf8, mut blank, mut feeds, mut returns) = (true, true, false, false);
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if chunk.is_empty() {
            break;
        }
        let room = 4_usize.saturating_sub(head.len()).min(chunk.len());
        head.extend_from_slice(&chunk[..room]);
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(SheetError::Utf16);
        }
        if chunk.contains(&0) || [&b"PK\x03\x04"[..], b"%PDF"].iter().any(|m| head == **m) {
            return Err(SheetError::NotText);
        }
        blank &= chunk.iter().all(u8::is_ascii_whitespace);
        feeds |= chunk.contains(&b'\n');
        returns |= chunk.contains(&b'\r');
        if utf8 {
            pending.extend_from_slice(chunk);
            match std::str::from_utf8(&pending) {
                Ok(_) => pending.clear(),
                // A character cut by the end of the piece: at most three octets wait.
                Err(error) if error.error_len().is_none() => {
                    pending.drain(..error.valid_up_to());
                }
                Err(_) => utf8 = false,
            }
        }
        let length = chunk.len();
        reader.consume(length);
    }
    let skip = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if blank || (skip == 3 && head.len() == 3) {
        return Err(SheetError::Empty);
    }
    utf8 &= pending.is_empty();
    Ok(TextForm { utf8, terminator: if returns && !feeds { b'\r' } else { b'\n' }, skip })
}

/// One row, in cells.
#[derive(Debug)]
pub(super) struct Record {
    pub row: u32,
    pub cells: Vec<String>,
    /// False when there is text after a closing quote, or far too many cells.
    pub well_formed: bool,
}

/// The records of a file.
#[derive(Debug)]
pub(super) struct Records<R> {
    reader: R,
    form: TextForm,
    pub delimiter: char,
    /// Number of the record read last.
    pub row: u32,
    line: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    pub fn new(reader: R, form: TextForm) -> Self {
        Self { reader, form, delimiter: ';', row: 0, line: Vec::new() }
    }

    /// The next line as text, without its end; for the header, whose delimiter is not yet known.
    /// Counts as a row.
    pub fn next_line(&mut self) -> Result<Option<String>, SheetError> {
        self.row += 1;
        if !self.read_line(0)? {
            return Ok(None);
        }
        Ok(Some(self.decoded().into_owned()))
    }

    /// The next record that has anything in it.
    pub fn next_record(&mut self) -> Result<Option<Record>, SheetError> {
        loop {
            self.row = self.row.saturating_add(1);
            let mut splitter = Splitter::new(self.delimiter);
            let mut length = 0;
            loop {
                if !self.read_line(length)? {
                    let open = splitter.is_quoted();
                    return if open {
                        Err(SheetError::OpenQuotes { row: self.row })
                    } else {
                        Ok(None)
                    };
                }
                length += self.line.len() + 1;
                splitter.take(&self.decoded());
                if !splitter.is_quoted() {
                    break;
                }
                splitter.take("\n");
            }
            let (cells, well_formed) = splitter.finish();
            if cells.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(Some(Record { row: self.row, cells, well_formed }));
            }
        }
    }

    fn decoded(&self) -> Cow<'_, str> {
        if self.form.utf8 {
            String::from_utf8_lossy(&self.line)
        } else {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&self.line).0
        }
    }

    /// Reads one line into `self.line`, without its end; false at the end of the file. `before` is what the
    /// record has taken already.
    fn read_line(&mut self, before: usize) -> Result<bool, SheetError> {
        self.line.clear();
        let mut found = false;
        let mut anything = false;
        while !found {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if chunk.is_empty() {
                break;
            }
            anything = true;
            let end = chunk.iter().position(|b| *b == self.form.terminator);
            found = end.is_some();
            let content = end.unwrap_or(chunk.len());
            if before + self.line.len() + content > MAX_RECORD {
                return Err(SheetError::TooLong { row: self.row });
            }
            self.line.extend_from_slice(&chunk[..content]);
            self.reader.consume(content + usize::from(found));
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(anything)
    }
}

/// Cuts a text into cells, character by character.
pub(super) struct Splitter {
    delimiter: char,
    cells: Vec<String>,
    cell: String,
    place: Place,
    well_formed: bool,
}

/// Where the splitter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// After a quote inside quotes: an end, or the first of a pair.
    Closing,
}

impl Splitter {
    pub fn new(delimiter: char) -> Self {
        Self {
            delimiter,
            cells: Vec::new(),
            cell: String::new(),
            place: Place::Start,
            well_formed: true,
        }
    }

    pub fn is_quoted(&self) -> bool {
        self.place == Place::Quoted
    }

    pub fn take(&mut self, text: &str) {
        for c in text.chars() {
            self.place = match self.place {
                Place::Start if c == '"' => Place::Quoted,
                Place::Start if c == ' ' => Place::Start,
                Place::Start | Place::Plain | Place::Closing if c == self.delimiter => {
                    self.end_cell();
                    Place::Start
                }
                Place::Quoted if c == '"' => Place::Closing,
                Place::Closing if c == ' ' => Place::Closing,
                Place::Closing if c == '"' => {
                    self.cell.push(c);
                    Place::Quoted
                }
                Place::Quoted => {
                    self.cell.push(c);
                    Place::Quoted
                }
                Place::Start | Place::Plain => {
                    self.cell.push(c);
                    Place::Plain
                }
                Place::Closing => {
                    self.well_formed = false;
                    self.cell.push(c);
                    Place::Plain
                }
            };
        }
    }

    /// The cells, and whether they were well formed.
    pub fn finish(mut self) -> (Vec<String>, bool) {
        self.end_cell();
        (self.cells, self.well_formed)
    }

    fn end_cell(&mut self) {
        // One more than allowed is kept, so that too many columns are seen.
        if self.cells.len() > MAX_COLUMNS {
            self.well_formed &= self.cell.trim().is_empty();
            self.cell.clear();
        } else {
            self.cells.push(std::mem::take(&mut self.cell));
        }
    }
}
