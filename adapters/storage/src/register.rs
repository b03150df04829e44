//! The protocol register: numbers progressive per body and year, without gaps.
//!
//! The number is taken in the transaction of the entry, under the lock on the body's head: an entry
//! that is rolled back gives its number back. Triggers in both schemas refuse to change an entry.

use crate::session::{Readers, Row, args, word};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{BlobHash, BodyId, CaseId};
use messo_core::ports::StoreError;
use messo_core::register::{RegisterDraft, RegisterEntry};

/// Longest page of the register.
const MOST_LISTED: u32 = 10_000;

statements! {
    NEXT_NUMBER = same(
        "INSERT INTO counter (body_id, name, value) VALUES ($1, $2, 1) \
         ON CONFLICT (body_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value",
    );
    WRITE_ENTRY = same(
        "INSERT INTO register (body_id, year, number, direction, at_us, correspondent, subject, \
         case_id, document_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    ENTRIES = same(
        "SELECT number, direction, at_us, correspondent, subject, case_id, document_hash \
         FROM register WHERE body_id = $1 AND year = $2 AND number >= $3 ORDER BY number LIMIT $4",
    );
    ENTRY_OF = same(
        "SELECT year, number, direction, at_us, correspondent, subject, case_id, document_hash \
         FROM register WHERE body_id = $1 AND document_hash = $2 ORDER BY year, number LIMIT 1",
    );
}

/// Registers; the number given.
pub(crate) async fn write_entry(
    writing: &mut Writing<'_>,
    draft: &RegisterDraft,
) -> Result<i64, StoreError> {
    let name = format!("register/{}", draft.year);
    let row = writing.connection.row(NEXT_NUMBER, args![draft.body.0, name]).await?;
    let number = row.ok_or(StoreError::Missing("register number"))?.int()?;
    let args = args![
        draft.body.0,
        draft.year,
        number,
        word("register entry", &draft.direction)?,
        draft.at,
        draft.correspondent.as_str(),
        draft.subject.as_str(),
        draft.case.map(|id| id.0),
        draft.document,
    ];
    writing.insert("register entry", WRITE_ENTRY, args).await?;
    Ok(number)
}

pub(crate) async fn register(
    readers: &Readers,
    body: BodyId,
    year: i16,
    from: i64,
    limit: u32,
) -> Result<Vec<RegisterEntry>, StoreError> {
    let args = args![body.0, year, from, limit.min(MOST_LISTED)];
    let rows = readers.rows(ENTRIES, args).await?;
    rows.into_iter().map(|row| read_entry(row, body, year)).collect()
}

/// The entry for a document.
pub(crate) async fn registered(
    readers: &Readers,
    body: BodyId,
    document: BlobHash,
) -> Result<Option<RegisterEntry>, StoreError> {
    let Some(mut row) = readers.row(ENTRY_OF, args![body.0, document]).await? else {
        return Ok(None);
    };
    let year = i16::try_from(row.int()?).map_err(|_| StoreError::Unreadable {
        what: "register entry",
        detail: "its year".into(),
    })?;
    read_entry(row, body, year).map(Some)
}

fn read_entry(mut row: Row, body: BodyId, year: i16) -> Result<RegisterEntry, StoreError> {
    Ok(RegisterEntry {
        number: row.int()?,
        draft: RegisterDraft {
            body,
            year,
            direction: row.word("register entry")?,
            at: row.instant()?,
            correspondent: row.text()?,
            subject: row.text()?,
            case: row.optional_uuid()?.map(CaseId),
            document: row.hash()?,
        },
    })
}
