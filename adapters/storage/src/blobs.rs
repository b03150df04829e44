//! Bytes by their hash, within a body; the same bytes twice are one.

use crate::session::{Arg, Readers, args};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::ports::{Blob, StoreError};

statements! {
    WRITE_BLOB = same(
        "INSERT INTO blob (body_id, hash, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    BLOB = same("SELECT bytes FROM blob WHERE body_id = $1 AND hash = $2");
}

pub(crate) async fn write_blob(writing: &mut Writing<'_>, blob: &Blob) -> Result<(), StoreError> {
    let args = args![blob.body.0, blob.hash, Arg::from(blob.bytes.as_slice())];
    writing.run(WRITE_BLOB, args).await.map(|_| ())
}

pub(crate) async fn blob(
    readers: &Readers,
    body: BodyId,
    hash: BlobHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = readers.row(BLOB, args![body.0, hash]).await?;
    row.map(|mut row| row.bytes()).transpose()
}
