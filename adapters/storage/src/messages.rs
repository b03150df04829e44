//! Messages, one per body and identity, and the cursors of the mailboxes they came from.

use crate::session::{Readers, Row, args, json};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::ids::{AttemptId, BlobHash, BodyId, MessageId};
use messo_core::messages::{Cursor, Message};
use messo_core::ports::{MessageFilter, StoreError};
use uuid::Uuid;

/// Longest page of messages.
const MOST_LISTED: u32 = 10_000;

statements! {
    NEW_MESSAGE = same(
        "INSERT INTO message (body_id, id, identity, state, version, received_at_us, raw_hash, \
         entity) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    );
    MOVE_MESSAGE = same(
        "UPDATE message SET state = $4, version = $3 + 1, entity = $5 \
         WHERE body_id = $1 AND id = $2 AND version = $3",
    );
    MESSAGE = same("SELECT version, entity FROM message WHERE body_id = $1 AND id = $2");
    IDENTIFIED = same("SELECT id FROM message WHERE body_id = $1 AND identity = $2");
    MESSAGES = same(
        "SELECT version, entity FROM message WHERE body_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    );
    MESSAGES_IN = same(
        "SELECT version, entity FROM message WHERE body_id = $1 AND state = $4 AND id < $2 \
         ORDER BY id DESC LIMIT $3",
    );
    WRITE_CURSOR = same(
        "INSERT INTO mail_cursor (body_id, mailbox, folder, uid_validity, uid) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (body_id, mailbox, folder) \
         DO UPDATE SET uid_validity = excluded.uid_validity, uid = excluded.uid",
    );
    CURSOR = same(
        "SELECT uid_validity, uid FROM mail_cursor \
         WHERE body_id = $1 AND mailbox = $2 AND folder = $3",
    );
    WRITE_NAME = same(
        "INSERT INTO attempt_name (body_id, name, attempt_id) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    );
    NAMED = same("SELECT attempt_id FROM attempt_name WHERE body_id = $1 AND name = $2");
}

pub(crate) async fn write_new(
    writing: &mut Writing<'_>,
    message: &Message,
) -> Result<(), StoreError> {
    let args = args![
        message.body.0,
        message.id.0,
        message.identity,
        message.state.word(),
        message.version,
        message.received_at,
        message.raw,
        json("message", message)?,
    ];
    writing.insert("message", NEW_MESSAGE, args).await
}

pub(crate) async fn write_moved(
    writing: &mut Writing<'_>,
    message: &Message,
) -> Result<(), StoreError> {
    let args = args![
        message.body.0,
        message.id.0,
        message.version,
        message.state.word(),
        json("message", message)?,
    ];
    match writing.run(MOVE_MESSAGE, args).await? {
        0 => Err(StoreError::Stale("message")),
        _ => Ok(()),
    }
}

pub(crate) async fn message(
    readers: &Readers,
    body: BodyId,
    id: MessageId,
) -> Result<Option<Message>, StoreError> {
    readers.row(MESSAGE, args![body.0, id.0]).await?.map(read_message).transpose()
}

pub(crate) async fn identified(
    readers: &Readers,
    body: BodyId,
    identity: BlobHash,
) -> Result<Option<MessageId>, StoreError> {
    let row = readers.row(IDENTIFIED, args![body.0, identity]).await?;
    row.map(|mut row| row.uuid().map(MessageId)).transpose()
}

pub(crate) async fn messages(
    readers: &Readers,
    body: BodyId,
    filter: &MessageFilter,
) -> Result<Vec<Message>, StoreError> {
    let before = filter.before.map_or(Uuid::max(), |id| id.0);
    let limit = filter.limit.min(MOST_LISTED);
    let rows = match filter.state {
        Some(state) => readers.rows(MESSAGES_IN, args![body.0, before, limit, state]).await?,
        None => readers.rows(MESSAGES, args![body.0, before, limit]).await?,
    };
    rows.into_iter().map(read_message).collect()
}

fn read_message(mut row: Row) -> Result<Message, StoreError> {
    let version = row.int()?;
    Ok(Message { version, ..row.json("message")? })
}

pub(crate) async fn write_cursor(
    writing: &mut Writing<'_>,
    cursor: &Cursor,
) -> Result<(), StoreError> {
    let args = args![
        cursor.body.0,
        cursor.mailbox.as_str(),
        cursor.folder.as_str(),
        cursor.uid_validity,
        cursor.uid,
    ];
    writing.run(WRITE_CURSOR, args).await.map(|_| ())
}

pub(crate) async fn cursor(
    readers: &Readers,
    body: BodyId,
    mailbox: &str,
    folder: &str,
) -> Result<Option<Cursor>, StoreError> {
    let Some(mut row) = readers.row(CURSOR, args![body.0, mailbox, folder]).await? else {
        return Ok(None);
    };
    Ok(Some(Cursor {
        body,
        mailbox: mailbox.to_owned(),
        folder: folder.to_owned(),
        uid_validity: row.small()?,
        uid: row.small()?,
    }))
}

pub(crate) async fn write_name(
    writing: &mut Writing<'_>,
    body: BodyId,
    name: &str,
    attempt: AttemptId,
) -> Result<(), StoreError> {
    writing.run(WRITE_NAME, args![body.0, name, attempt.0]).await.map(|_| ())
}

pub(crate) async fn also_known(
    readers: &Readers,
    body: BodyId,
    name: &str,
) -> Result<Option<AttemptId>, StoreError> {
    let row = readers.row(NAMED, args![body.0, name]).await?;
    row.map(|mut row| row.uuid().map(AttemptId)).transpose()
}
