//! The register of a day as CSV (RFC 4180: commas, CRLF; UTF-8). Pure.
//!
//! The first record names the register before it and its hash, so that the files alone are a chain. A cell
//! that a spreadsheet would take for a formula begins with an apostrophe: subjects come from strangers.

use super::Day;
use messo_core::register::{Annotation, RegisterEntry};
use messo_core::time::Timestamp;

/// The columns.
const HEADER: [&str; 10] = [
    "riga",
    "anno",
    "numero",
    "data",
    "ora",
    "verso",
    "corrispondente",
    "oggetto",
    "sha256",
    "autore",
];

/// Writes the day: what went before, the entries by number, the annotations by time.
pub(super) fn write(day: &Day) -> Vec<u8> {
    let mut csv = String::new();
    record(&mut csv, HEADER.map(str::to_owned));
    record(&mut csv, previous(day));
    day.entries.iter().for_each(|row| record(&mut csv, entry(row)));
    day.annotations.iter().for_each(|row| record(&mut csv, annotation(row)));
    csv.into_bytes()
}

fn previous(day: &Day) -> [String; 10] {
    let mut cells = <[String; 10]>::default();
    cells[0] = "precedente".into();
    match &day.previous {
        Some(previous) => {
            cells[3] = previous.day.to_string();
            cells[8] = previous.csv.hex();
        }
        None => cells[7] = "primo registro giornaliero".into(),
    }
    cells
}

fn entry(entry: &RegisterEntry) -> [String; 10] {
    let draft = &entry.draft;
    let (date, time) = civil(draft.at);
    [
        "registrazione".into(),
        draft.year.to_string(),
        entry.number.to_string(),
        date,
        time,
        draft.direction.title().into(),
        draft.correspondent.clone(),
        draft.subject.clone(),
        draft.document.hex(),
        String::new(),
    ]
}

fn annotation(annotation: &Annotation) -> [String; 10] {
    let (date, time) = civil(annotation.at);
    [
        "annotazione".into(),
        annotation.year.to_string(),
        annotation.number.to_string(),
        date,
        time,
        String::new(),
        String::new(),
        format!("{}: {}", annotation.reason, annotation.text),
        String::new(),
        annotation.who.clone(),
    ]
}

/// Date and time in Rome, with the offset, since one hour of October is there twice.
fn civil(at: Timestamp) -> (String, String) {
    let local = at.in_rome();
    (local.date().to_string(), local.strftime("%H:%M:%S%:z").to_string())
}

fn record(csv: &mut String, cells: [String; 10]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            csv.push(',');
        }
        push(csv, cell);
    }
    csv.push_str("\r\n");
}

fn push(csv: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if cell.contains([',', '"', '\r', '\n']) {
        csv.push('"');
        csv.push_str(guard);
        csv.push_str(&cell.replace('"', "\"\""));
        csv.push('"');
    } else {
        csv.push_str(guard);
        csv.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::push;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_are_formulas() {
        let written = |cell: &str| {
            let mut csv = String::new();
            push(&mut csv, cell);
            csv
        };
        assert_eq!(written("Bianchi"), "Bianchi");
        assert_eq!(written("Bianchi, Anna"), "\"Bianchi, Anna\"");
        assert_eq!(written("la \"prova\""), "\"la \"\"prova\"\"\"");
        assert_eq!(written("a\r\nb"), "\"a\r\nb\"");
        assert_eq!(written("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(written("@a,b"), "\"'@a,b\"");
    }
}
