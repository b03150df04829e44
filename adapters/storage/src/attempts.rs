//! Attempts: written before any byte leaves, and how they ended.

use crate::session::{Readers, Row, args, json};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::attempts::{Attempt, Ending};
use messo_core::ids::{AttemptId, BodyId, DispatchId};
use messo_core::ports::StoreError;

statements! {
    WRITE_ATTEMPT = same(
        "INSERT INTO attempt (body_id, id, dispatch_id, sandbox, started_at_us, entity, ending) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    );
    // An ending already there is kept.
    END_ATTEMPT = same(
        "UPDATE attempt SET ending = COALESCE(ending, $3) WHERE id = $2 AND body_id = $1",
    );
    ATTEMPT = same("SELECT entity, ending FROM attempt WHERE id = $1");
    ATTEMPTS = same(
        "SELECT entity, ending FROM attempt WHERE body_id = $1 AND dispatch_id = $2 \
         ORDER BY started_at_us, id",
    );
}

pub(crate) async fn write_attempt(
    writing: &mut Writing<'_>,
    mut attempt: Attempt,
) -> Result<(), StoreError> {
    let ending = attempt.ending.take().map(|ending| json("attempt", &ending)).transpose()?;
    let args = args![
        attempt.body.0,
        attempt.id.0,
        attempt.dispatch.0,
        attempt.sandbox,
        attempt.started_at,
        json("attempt", &attempt)?,
        ending,
    ];
    writing.insert("attempt", WRITE_ATTEMPT, args).await
}

pub(crate) async fn write_ending(
    writing: &mut Writing<'_>,
    body: BodyId,
    attempt: AttemptId,
    ending: &Ending,
) -> Result<(), StoreError> {
    let args = args![body.0, attempt.0, json("attempt", ending)?];
    match writing.run(END_ATTEMPT, args).await? {
        0 => Err(StoreError::Missing("attempt")),
        _ => Ok(()),
    }
}

pub(crate) async fn attempt(
    readers: &Readers,
    id: AttemptId,
) -> Result<Option<Attempt>, StoreError> {
    readers.row(ATTEMPT, args![id.0]).await?.map(read_attempt).transpose()
}

pub(crate) async fn attempts(
    readers: &Readers,
    body: BodyId,
    dispatch: DispatchId,
) -> Result<Vec<Attempt>, StoreError> {
    let rows = readers.rows(ATTEMPTS, args![body.0, dispatch.0]).await?;
    rows.into_iter().map(read_attempt).collect()
}

fn read_attempt(mut row: Row) -> Result<Attempt, StoreError> {
    let attempt: Attempt = row.json("attempt")?;
    Ok(Attempt { ending: row.optional_json("attempt")?, ..attempt })
}
