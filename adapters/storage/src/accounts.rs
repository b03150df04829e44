//! Bodies, the people who sign in, their sessions, and the keys of the API.

use crate::session::{Readers, Row, args, json};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::bodies::{Body, User};
use messo_core::ids::{BlobHash, BodyId, UserId};
use messo_core::ports::StoreError;
use messo_core::time::Timestamp;

statements! {
    WRITE_BODY = same(
        "INSERT INTO body (id, number, entity) VALUES ($1, \
         CASE WHEN $2 = 0 THEN (SELECT COALESCE(MAX(number), 0) + 1 FROM body) ELSE $2 END, $3) \
         ON CONFLICT (id) DO UPDATE SET entity = excluded.entity, \
         number = CASE WHEN $2 = 0 THEN body.number ELSE $2 END",
    );
    BODIES = same("SELECT number, entity FROM body ORDER BY number");
    BODY = same("SELECT number, entity FROM body WHERE id = $1");
    // A login belongs to its body: a user of another body cannot take it over.
    WRITE_USER = same(
        "INSERT INTO account (id, body_id, login, password_hash) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (login) DO UPDATE SET password_hash = excluded.password_hash \
         WHERE account.body_id = excluded.body_id",
    );
    USER = same("SELECT id, body_id, login, password_hash FROM account WHERE login = $1");
    WRITE_SESSION = same(
        "INSERT INTO session (secret, account_id, expires_at_us) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    );
    END_SESSION = same("DELETE FROM session WHERE secret = $1");
    FORGET_SESSIONS = same(
        "DELETE FROM session WHERE secret IN \
         (SELECT secret FROM session WHERE expires_at_us <= $1 LIMIT 1000)",
    );
    SESSION = same(
        "SELECT account.id, account.body_id, account.login, account.password_hash \
         FROM session JOIN account ON account.id = session.account_id \
         WHERE session.secret = $1 AND session.expires_at_us > $2",
    );
    WRITE_API_KEY = same(
        "INSERT INTO api_key (secret, body_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    API_KEY = same("SELECT body_id FROM api_key WHERE secret = $1");
}

pub(crate) async fn write_body(writing: &mut Writing<'_>, body: &Body) -> Result<(), StoreError> {
    let args = args![body.id.0, body.number, json("body", body)?];
    writing.insert("body", WRITE_BODY, args).await
}

pub(crate) async fn write_user(writing: &mut Writing<'_>, user: &User) -> Result<(), StoreError> {
    let args = args![user.id.0, user.body.0, user.login.as_str(), user.password_hash.as_str()];
    writing.insert("user", WRITE_USER, args).await
}

pub(crate) async fn write_session(
    writing: &mut Writing<'_>,
    secret: BlobHash,
    user: UserId,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    writing.insert("session", WRITE_SESSION, args![secret, user.0, expires_at]).await
}

pub(crate) async fn end_session(
    writing: &mut Writing<'_>,
    secret: BlobHash,
) -> Result<(), StoreError> {
    writing.run(END_SESSION, args![secret]).await.map(|_| ())
}

pub(crate) async fn forget_sessions(
    writing: &mut Writing<'_>,
    expired_by: Timestamp,
) -> Result<(), StoreError> {
    writing.run(FORGET_SESSIONS, args![expired_by]).await.map(|_| ())
}

pub(crate) async fn write_api_key(
    writing: &mut Writing<'_>,
    secret: BlobHash,
    body: BodyId,
    name: &str,
) -> Result<(), StoreError> {
    writing.insert("key", WRITE_API_KEY, args![secret, body.0, name]).await
}

pub(crate) async fn bodies(readers: &Readers) -> Result<Vec<Body>, StoreError> {
    readers.rows(BODIES, &[]).await?.into_iter().map(read_body).collect()
}

pub(crate) async fn body(readers: &Readers, id: BodyId) -> Result<Option<Body>, StoreError> {
    readers.row(BODY, args![id.0]).await?.map(read_body).transpose()
}

fn read_body(mut row: Row) -> Result<Body, StoreError> {
    let number = row.small()?;
    Ok(Body { number, ..row.json("body")? })
}

pub(crate) async fn api_key(
    readers: &Readers,
    secret: BlobHash,
) -> Result<Option<BodyId>, StoreError> {
    let row = readers.row(API_KEY, args![secret]).await?;
    row.map(|mut row| row.uuid().map(BodyId)).transpose()
}

pub(crate) async fn user(readers: &Readers, login: &str) -> Result<Option<User>, StoreError> {
    readers.row(USER, args![login]).await?.map(read_user).transpose()
}

pub(crate) async fn session(
    readers: &Readers,
    secret: BlobHash,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    readers.row(SESSION, args![secret, now]).await?.map(read_user).transpose()
}

fn read_user(mut row: Row) -> Result<User, StoreError> {
    Ok(User {
        id: UserId(row.uuid()?),
        body: BodyId(row.uuid()?),
        login: row.text()?,
        password_hash: row.text()?,
    })
}
