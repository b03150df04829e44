//! Notices: one per key within a body.

use crate::session::{Readers, Row, args};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{BatchId, BodyId, NoticeId};
use messo_core::notices::Notice;
use messo_core::ports::StoreError;

macro_rules! notice_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, body_id, request_key, content_hash, template, batch_id, created_at_us \
             FROM notice ",
            $rest
        )
    };
}

statements! {
    WRITE_NOTICE = same(
        "INSERT INTO notice (id, body_id, request_key, content_hash, template, batch_id, \
         created_at_us) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    );
    NOTICE = same(notice_columns!("WHERE body_id = $1 AND id = $2"));
    NOTICE_KEYED = same(notice_columns!("WHERE body_id = $1 AND request_key = $2"));
}

pub(crate) async fn write_notice(
    writing: &mut Writing<'_>,
    notice: &Notice,
) -> Result<(), StoreError> {
    let args = args![
        notice.id.0,
        notice.body.0,
        notice.key.as_str(),
        notice.content_hash,
        notice.template.as_str(),
        notice.batch.map(|batch| batch.0),
        notice.created_at,
    ];
    writing.insert("notice", WRITE_NOTICE, args).await
}

pub(crate) async fn notice(
    readers: &Readers,
    body: BodyId,
    id: NoticeId,
) -> Result<Option<Notice>, StoreError> {
    readers.row(NOTICE, args![body.0, id.0]).await?.map(read_notice).transpose()
}

pub(crate) async fn notice_keyed(
    readers: &Readers,
    body: BodyId,
    key: &str,
) -> Result<Option<Notice>, StoreError> {
    readers.row(NOTICE_KEYED, args![body.0, key]).await?.map(read_notice).transpose()
}

fn read_notice(mut row: Row) -> Result<Notice, StoreError> {
    Ok(Notice {
        id: NoticeId(row.uuid()?),
        body: BodyId(row.uuid()?),
        key: row.text()?,
        content_hash: row.hash()?,
        template: row.text()?,
        batch: row.optional_uuid()?.map(BatchId),
        created_at: row.instant()?,
    })
}
