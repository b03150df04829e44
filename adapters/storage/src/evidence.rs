//! Evidence: each item chained behind the body's last, under the lock on the body's head.
//!
//! Triggers in both schemas refuse to change or delete an item.

use crate::session::{Readers, Row, args};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::evidence::{EvidenceDraft, EvidenceItem};
use messo_core::ids::{BodyId, DispatchId, EvidenceId};
use messo_core::ports::StoreError;

/// Longest piece of the chain, as the port promises.
const MOST_LISTED: i64 = 10_000;

macro_rules! evidence_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, body_id, seq, dispatch_id, kind, at_us, blob_hash, summary, previous, hash \
             FROM evidence WHERE body_id = $1 ",
            $rest
        )
    };
}

statements! {
    WRITE_EVIDENCE = same(
        "INSERT INTO evidence (id, body_id, seq, dispatch_id, kind, at_us, blob_hash, summary, \
         previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    );
    EVIDENCE = same(evidence_columns!("AND dispatch_id = $2 ORDER BY seq"));
    CHAIN = same(evidence_columns!("AND seq BETWEEN $2 AND $3 ORDER BY seq LIMIT $4"));
    CHAIN_HEAD = same(evidence_columns!("ORDER BY seq DESC LIMIT 1"));
}

pub(crate) async fn write_evidence(
    writing: &mut Writing<'_>,
    draft: EvidenceDraft,
) -> Result<(), StoreError> {
    let head = writing.head(draft.body)?;
    let item = draft.chain(head.seq + 1, head.hash);
    head.seq = item.seq;
    head.hash = item.hash;
    let args = args![
        item.id.0,
        item.body.0,
        item.seq,
        item.dispatch.map(|id| id.0),
        item.kind.word(),
        item.at,
        item.blob,
        item.summary.as_str(),
        item.previous,
        item.hash,
    ];
    writing.insert("evidence", WRITE_EVIDENCE, args).await
}

pub(crate) async fn evidence(
    readers: &Readers,
    body: BodyId,
    dispatch: DispatchId,
) -> Result<Vec<EvidenceItem>, StoreError> {
    let rows = readers.rows(EVIDENCE, args![body.0, dispatch.0]).await?;
    rows.into_iter().map(read_item).collect()
}

pub(crate) async fn chain(
    readers: &Readers,
    body: BodyId,
    from: i64,
    to: i64,
) -> Result<Vec<EvidenceItem>, StoreError> {
    let rows = readers.rows(CHAIN, args![body.0, from, to, MOST_LISTED]).await?;
    rows.into_iter().map(read_item).collect()
}

pub(crate) async fn chain_head(
    readers: &Readers,
    body: BodyId,
) -> Result<Option<EvidenceItem>, StoreError> {
    readers.row(CHAIN_HEAD, args![body.0]).await?.map(read_item).transpose()
}

fn read_item(mut row: Row) -> Result<EvidenceItem, StoreError> {
    Ok(EvidenceItem {
        id: EvidenceId(row.uuid()?),
        body: BodyId(row.uuid()?),
        seq: row.int()?,
        dispatch: row.optional_uuid()?.map(DispatchId),
        kind: row.word("evidence")?,
        at: row.instant()?,
        blob: row.optional_hash()?,
        summary: row.text()?,
        previous: row.hash()?,
        hash: row.hash()?,
    })
}
