//! The protocol register: numbers progressive per body and year, without gaps; annotations; closed days.
//!
//! The number is taken in the transaction of the entry, under the lock on the body's head: an entry
//! that is rolled back gives its number back. A day is closed under the same lock, with everything that
//! was registered in it counted, and nothing is dated into it afterwards. Triggers in both schemas refuse
//! to change a row.

use crate::session::{Readers, Row, args, json, word};
use crate::statement::statements;
use crate::writer::group::Writing;
use jiff::civil::Date;
use messo_core::ids::{BlobHash, BodyId, CaseId};
use messo_core::ports::StoreError;
use messo_core::register::{Annotation, RegisterDay, RegisterDraft, RegisterEntry};
use messo_core::time::Timestamp;

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
    END = same(
        "SELECT COALESCE(MAX(number), 0) FROM register WHERE body_id = $1 AND year = $2",
    );
    ENTRY_OF = same(
        "SELECT year, number, direction, at_us, correspondent, subject, case_id, document_hash \
         FROM register WHERE body_id = $1 AND document_hash = $2 ORDER BY year, number LIMIT 1",
    );
    ENTRIES_BETWEEN = same(
        "SELECT year, number, direction, at_us, correspondent, subject, case_id, document_hash \
         FROM register WHERE body_id = $1 AND at_us >= $2 AND at_us < $3 \
         AND (year > $4 OR (year = $4 AND number > $5)) ORDER BY year, number LIMIT $6",
    );
    COUNT_ENTRIES = same(
        "SELECT COUNT(*) FROM register WHERE body_id = $1 AND at_us >= $2 AND at_us < $3",
    );
    FIRST_ENTRY = same(
        "SELECT at_us FROM register WHERE body_id = $1 AND at_us >= $2 ORDER BY at_us LIMIT 1",
    );
    WRITE_ANNOTATION = same(
        "INSERT INTO register_annotation (body_id, year, number, serial, at_us, who, reason, text) \
         SELECT body_id, year, number, \
         (SELECT COUNT(*) + 1 FROM register_annotation a \
          WHERE a.body_id = $1 AND a.year = $2 AND a.number = $3), $4, $5, $6, $7 \
         FROM register WHERE body_id = $1 AND year = $2 AND number = $3",
    );
    ANNOTATIONS = same(
        "SELECT year, number, at_us, who, reason, text FROM register_annotation \
         WHERE body_id = $1 AND year = $2 AND number = $3 ORDER BY serial LIMIT $4",
    );
    ANNOTATED_BETWEEN = same(
        "SELECT year, number, at_us, who, reason, text FROM register_annotation \
         WHERE body_id = $1 AND at_us >= $2 AND at_us < $3 \
         ORDER BY at_us, year, number, serial LIMIT $4",
    );
    COUNT_ANNOTATIONS = same(
        "SELECT COUNT(*) FROM register_annotation WHERE body_id = $1 AND at_us >= $2 AND at_us < $3",
    );
    FIRST_ANNOTATION = same(
        "SELECT at_us FROM register_annotation WHERE body_id = $1 AND at_us >= $2 \
         ORDER BY at_us LIMIT 1",
    );
    WRITE_DAY = same(
        "INSERT INTO register_day (body_id, day, ended_at_us, entity) VALUES ($1, $2, $3, $4)",
    );
    LAST_DAY = same(
        "SELECT entity FROM register_day WHERE body_id = $1 ORDER BY ended_at_us DESC LIMIT 1",
    );
    DAY = same("SELECT entity FROM register_day WHERE body_id = $1 AND day = $2");
}

/// Registers; the number given.
pub(crate) async fn write_entry(
    writing: &mut Writing<'_>,
    draft: &RegisterDraft,
) -> Result<i64, StoreError> {
    let name = format!("register/{}", draft.year);
    let row = writing.connection.row(NEXT_NUMBER, args![draft.body.0, name]).await?;
    let number = row.ok_or(StoreError::Missing("register number"))?.int()?;
    let at = not_in_a_closed_day(writing, draft.body, draft.at).await?;
    let args = args![
        draft.body.0,
        draft.year,
        number,
        word("register entry", &draft.direction)?,
        at,
        draft.correspondent.as_str(),
        draft.subject.as_str(),
        draft.case.map(|id| id.0),
        draft.document,
    ];
    writing.insert("register entry", WRITE_ENTRY, args).await?;
    Ok(number)
}

/// Annotates.
pub(crate) async fn write_annotation(
    writing: &mut Writing<'_>,
    annotation: &Annotation,
) -> Result<(), StoreError> {
    let at = not_in_a_closed_day(writing, annotation.body, annotation.at).await?;
    let args = args![
        annotation.body.0,
        annotation.year,
        annotation.number,
        at,
        annotation.who.as_str(),
        annotation.reason.as_str(),
        annotation.text.as_str(),
    ];
    match writing.run(WRITE_ANNOTATION, args).await? {
        0 => Err(StoreError::Missing("register entry")),
        _ => Ok(()),
    }
}

/// The instant, or the end of the last closed day when it lies before.
async fn not_in_a_closed_day(
    writing: &mut Writing<'_>,
    body: BodyId,
    at: Timestamp,
) -> Result<Timestamp, StoreError> {
    let last = last_day(writing, body).await?;
    Ok(last.map_or(at, |last| at.max(last.ended_at())))
}

async fn last_day(
    writing: &mut Writing<'_>,
    body: BodyId,
) -> Result<Option<RegisterDay>, StoreError> {
    writing.connection.row(LAST_DAY, args![body.0]).await?.map(read_day).transpose()
}

/// Closes a day: it must follow the one closed last, and count everything that was registered since.
pub(crate) async fn write_day(
    writing: &mut Writing<'_>,
    day: &RegisterDay,
) -> Result<(), StoreError> {
    let last = last_day(writing, day.body).await?;
    if last.as_ref().is_some_and(|last| last.day >= day.day) {
        return Err(StoreError::Taken("register day"));
    }
    if last.as_ref().map(|last| (last.day, last.csv)) != day.previous {
        return Err(StoreError::Stale("register day"));
    }
    let from = last.map_or(Timestamp(i64::MIN), |last| last.ended_at());
    for (statement, counted) in [(COUNT_ENTRIES, day.entries), (COUNT_ANNOTATIONS, day.annotations)]
    {
        let row =
            writing.connection.row(statement, args![day.body.0, from, day.ended_at()]).await?;
        let count = row.ok_or(StoreError::Missing("count"))?.int()?;
        if count != i64::from(counted) {
            return Err(StoreError::Stale("register"));
        }
    }
    let entity = json("register day", day)?;
    let args = args![day.body.0, day.day.to_string(), day.ended_at(), entity];
    writing.insert("register day", WRITE_DAY, args).await
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

/// The last number of a year.
pub(crate) async fn end(readers: &Readers, body: BodyId, year: i16) -> Result<i64, StoreError> {
    readers.row(END, args![body.0, year]).await?.map_or(Ok(0), |mut row| row.int())
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
    let year = read_year(&mut row)?;
    read_entry(row, body, year).map(Some)
}

/// The entries of a stretch of time.
pub(crate) async fn registered_between(
    readers: &Readers,
    body: BodyId,
    from: Timestamp,
    to: Timestamp,
    after: Option<(i16, i64)>,
) -> Result<Vec<RegisterEntry>, StoreError> {
    let (year, number) = after.unwrap_or((i16::MIN, 0));
    let args = args![body.0, from, to, year, number, MOST_LISTED];
    let rows = readers.rows(ENTRIES_BETWEEN, args).await?;
    let read = |mut row: Row| {
        let year = read_year(&mut row)?;
        read_entry(row, body, year)
    };
    rows.into_iter().map(read).collect()
}

/// When the first entry or annotation from an instant on was made.
pub(crate) async fn registered_from(
    readers: &Readers,
    body: BodyId,
    from: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let mut first: Option<Timestamp> = None;
    for statement in [FIRST_ENTRY, FIRST_ANNOTATION] {
        if let Some(mut row) = readers.row(statement, args![body.0, from]).await? {
            let at = row.instant()?;
            first = Some(first.map_or(at, |first| first.min(at)));
        }
    }
    Ok(first)
}

/// The annotations beside an entry.
pub(crate) async fn annotations(
    readers: &Readers,
    body: BodyId,
    year: i16,
    number: i64,
) -> Result<Vec<Annotation>, StoreError> {
    let rows = readers.rows(ANNOTATIONS, args![body.0, year, number, MOST_LISTED]).await?;
    rows.into_iter().map(|row| read_annotation(row, body)).collect()
}

/// The annotations of a stretch of time.
pub(crate) async fn annotated_between(
    readers: &Readers,
    body: BodyId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Annotation>, StoreError> {
    let rows = readers.rows(ANNOTATED_BETWEEN, args![body.0, from, to, MOST_LISTED]).await?;
    rows.into_iter().map(|row| read_annotation(row, body)).collect()
}

/// A closed day: this one, or the last.
pub(crate) async fn register_day(
    readers: &Readers,
    body: BodyId,
    day: Option<Date>,
) -> Result<Option<RegisterDay>, StoreError> {
    let row = match day {
        Some(day) => readers.row(DAY, args![body.0, day.to_string()]).await?,
        None => readers.row(LAST_DAY, args![body.0]).await?,
    };
    row.map(read_day).transpose()
}

fn read_day(mut row: Row) -> Result<RegisterDay, StoreError> {
    serde_json::from_str(&row.text()?)
        .map_err(|error| StoreError::Unreadable { what: "register day", detail: error.to_string() })
}

fn read_annotation(mut row: Row, body: BodyId) -> Result<Annotation, StoreError> {
    Ok(Annotation {
        body,
        year: read_year(&mut row)?,
        number: row.int()?,
        at: row.instant()?,
        who: row.text()?,
        reason: row.text()?,
        text: row.text()?,
    })
}

fn read_year(row: &mut Row) -> Result<i16, StoreError> {
    i16::try_from(row.int()?)
        .map_err(|_| StoreError::Unreadable { what: "register entry", detail: "its year".into() })
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
