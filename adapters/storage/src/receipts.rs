//! Receipts: the same bytes about the same attempt are one receipt.

use crate::session::{Readers, Row, args, json};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{BodyId, DispatchId};
use messo_core::ports::StoreError;
use messo_core::receipts::Receipt;

/// Longest list of the desk.
const MOST_LISTED: u32 = 10_000;

statements! {
    WRITE_RECEIPT = same(
        "INSERT INTO receipt (body_id, id, dispatch_id, attempt_id, signal, received_at_us, \
         raw_hash, entity) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    );
    RECEIPTS = same(
        "SELECT entity FROM receipt WHERE body_id = $1 AND dispatch_id = $2 \
         ORDER BY received_at_us, id",
    );
    DESK = same(
        "SELECT entity FROM receipt WHERE body_id = $1 AND dispatch_id IS NULL \
         ORDER BY received_at_us, id LIMIT $2",
    );
}

pub(crate) async fn write_receipt(
    writing: &mut Writing<'_>,
    receipt: &Receipt,
) -> Result<(), StoreError> {
    let args = args![
        receipt.body.0,
        receipt.id.0,
        receipt.dispatch.map(|id| id.0),
        receipt.attempt.map(|id| id.0),
        receipt.signal.name(),
        receipt.received_at,
        receipt.raw,
        json("receipt", receipt)?,
    ];
    writing.insert("receipt", WRITE_RECEIPT, args).await
}

pub(crate) async fn receipts(
    readers: &Readers,
    body: BodyId,
    dispatch: DispatchId,
) -> Result<Vec<Receipt>, StoreError> {
    let rows = readers.rows(RECEIPTS, args![body.0, dispatch.0]).await?;
    rows.into_iter().map(read_receipt).collect()
}

pub(crate) async fn desk(
    readers: &Readers,
    body: BodyId,
    limit: u32,
) -> Result<Vec<Receipt>, StoreError> {
    let rows = readers.rows(DESK, args![body.0, limit.min(MOST_LISTED)]).await?;
    rows.into_iter().map(read_receipt).collect()
}

fn read_receipt(mut row: Row) -> Result<Receipt, StoreError> {
    row.json("receipt")
}
