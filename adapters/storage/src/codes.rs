//! The codes that left the house, in the order in which they were committed.

use crate::session::{Readers, args};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{BodyId, DispatchId};
use messo_core::ports::{IssuedCode, StoreError};

/// Longest list of codes.
const MOST_LISTED: u32 = 100_000;

statements! {
    // The same code again (a second print) is one.
    WRITE_CODE = same(
        "INSERT INTO code (body_id, serial, text, dispatch_id, at_us) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT DO NOTHING",
    );
    CODES = same(
        "SELECT dispatch_id, text, at_us FROM code WHERE body_id = $1 AND serial > \
         COALESCE((SELECT serial FROM code WHERE body_id = $1 AND text = $2), 0) \
         ORDER BY serial LIMIT $3",
    );
}

pub(crate) async fn write_code(
    writing: &mut Writing<'_>,
    code: &IssuedCode,
) -> Result<(), StoreError> {
    let serial = writing.head(code.body)?.codes + 1;
    let args = args![code.body.0, serial, code.text.as_str(), code.dispatch.0, code.at];
    if writing.run(WRITE_CODE, args).await? > 0 {
        writing.head(code.body)?.codes = serial;
    }
    Ok(())
}

pub(crate) async fn codes(
    readers: &Readers,
    body: BodyId,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<IssuedCode>, StoreError> {
    let args = args![body.0, after.unwrap_or_default(), limit.min(MOST_LISTED)];
    let rows = readers.rows(CODES, args).await?;
    rows.into_iter()
        .map(|mut row| {
            let dispatch = DispatchId(row.uuid()?);
            Ok(IssuedCode { body, dispatch, text: row.text()?, at: row.instant()? })
        })
        .collect()
}
