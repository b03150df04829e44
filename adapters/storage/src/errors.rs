//! What a fault of the database means to the engine: try again, call an operator, or a fact.
//!
//! Only codes and fixed texts pass; the database's own words can quote rows, so they stay behind.

use messo_core::ports::StoreError;
use sqlx::Error;
use sqlx::error::{DatabaseError, ErrorKind};

/// Translates a fault.
pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::Database(fault) => from_database(fault.as_ref()),
        Error::PoolTimedOut => StoreError::Unavailable("no connection came free in time".into()),
        Error::PoolClosed => StoreError::Unavailable("it was closed".into()),
        Error::WorkerCrashed => StoreError::Unavailable("its thread has ended".into()),
        Error::Io(fault) => match fault.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::Unwritable(fault.kind().to_string())
            }
            kind => StoreError::Unavailable(kind.to_string()),
        },
        Error::Tls(_) => StoreError::Unavailable("no secure connection could be made".into()),
        Error::Configuration(_) => StoreError::Unavailable("its address is not well formed".into()),
        Error::ColumnDecode { index, .. } => StoreError::Unreadable {
            what: "value",
            detail: format!("column {index} is of another type"),
        },
        Error::ColumnIndexOutOfBounds { index, .. } => {
            StoreError::Unreadable { what: "row", detail: format!("it has no column {index}") }
        }
        _ => StoreError::Unavailable("an unexpected fault of the database driver".into()),
    }
}

/// Translates a fault of SQLite asked directly.
pub(crate) fn lite_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error().map(|fault| fault.extended_code) {
        // A unique key, a primary key; a foreign key (<https://sqlite.org/rescode.html>).
        Some(2067 | 1555) => StoreError::Taken("row"),
        Some(787) => StoreError::Missing("row that is referred to"),
        Some(code) => from_sqlite(code.unsigned_abs()),
        None => StoreError::Unavailable("an unexpected fault of the database driver".into()),
    }
}

/// Whether nothing else can be written after this fault: the transaction as a whole has failed.
pub(crate) fn ends_transaction(error: &StoreError) -> bool {
    matches!(error, StoreError::Unwritable(_) | StoreError::Unavailable(_))
}

/// The same fault for every commit of a group.
pub(crate) fn repeat(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unwritable(why) => StoreError::Unwritable(why.clone()),
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

fn from_database(fault: &dyn DatabaseError) -> StoreError {
    match fault.kind() {
        ErrorKind::UniqueViolation => return StoreError::Taken("row"),
        ErrorKind::ForeignKeyViolation => return StoreError::Missing("row that is referred to"),
        _ => {}
    }
    let code = fault.code().unwrap_or_default();
    match code.parse::<u32>() {
        // SQLite's codes are plain numbers, PostgreSQL's have five characters.
        Ok(number) if code.len() < 5 => from_sqlite(number),
        _ => from_postgres(&code),
    }
}

/// The low byte is the primary result code (<https://sqlite.org/rescode.html>).
fn from_sqlite(code: u32) -> StoreError {
    let unwritable = |why: &str| StoreError::Unwritable(format!("{why} (SQLite {code})"));
    let unavailable = |why: &str| StoreError::Unavailable(format!("{why} (SQLite {code})"));
    match code & 0xff {
        8 => unwritable("the file is read-only"),
        10 => unwritable("the disk answers with errors"),
        11 | 26 => unwritable("the file is damaged or no database"),
        13 => unwritable("the disk is full"),
        14 => unwritable("the file cannot be opened"),
        3 | 23 => unwritable("access is refused"),
        5 | 6 => unavailable("somebody else holds it"),
        19 => StoreError::Unreadable { what: "row", detail: format!("refused (SQLite {code})") },
        18 | 20 | 25 => {
            StoreError::Unreadable { what: "value", detail: format!("refused (SQLite {code})") }
        }
        _ => unavailable("a fault"),
    }
}

/// By the class of the SQLSTATE (PostgreSQL manual, appendix A).
fn from_postgres(code: &str) -> StoreError {
    let unwritable = |why: &str| StoreError::Unwritable(format!("{why} (SQLSTATE {code})"));
    match code {
        "53100" => unwritable("the disk is full"),
        "25006" => unwritable("the database is read-only"),
        "42501" => unwritable("access is refused"),
        _ if code.starts_with("XX") || code.starts_with("58") => {
            unwritable("the server is damaged")
        }
        _ if code.starts_with("22") || code.starts_with("23") => {
            StoreError::Unreadable { what: "value", detail: format!("refused (SQLSTATE {code})") }
        }
        _ => StoreError::Unavailable(format!("a fault (SQLSTATE {code})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_calls_an_operator_and_a_busy_file_does_not() {
        assert!(matches!(from_sqlite(13), StoreError::Unwritable(_)));
        assert!(matches!(from_sqlite(8), StoreError::Unwritable(_)));
        assert!(matches!(from_sqlite(267), StoreError::Unwritable(_)));
        assert!(matches!(from_sqlite(517), StoreError::Unavailable(_)));
        assert!(matches!(from_postgres("53100"), StoreError::Unwritable(_)));
        assert!(matches!(from_postgres("25006"), StoreError::Unwritable(_)));
        assert!(matches!(from_postgres("40P01"), StoreError::Unavailable(_)));
        assert!(matches!(from_postgres("57P01"), StoreError::Unavailable(_)));
    }
}
