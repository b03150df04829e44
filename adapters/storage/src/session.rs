//! A conversation with either database: the one place that knows that there are two.
//!
//! Only three kinds of value cross it (integer, text, bytes), so that a statement and its arguments
//! are written once. [`on!`] is the only dispatch; everything above it is the same for both.

use crate::errors::store_error;
use crate::lite::{Cell, Lite, LiteReaders};
use crate::statement::Statement;
use messo_core::ids::BlobHash;
use messo_core::ports::StoreError;
use messo_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use std::borrow::Cow;
use uuid::Uuid;

/// An argument of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    Int(i64),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
    Id(Option<Uuid>),
    Hash(Option<BlobHash>),
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<u32> for Arg<'_> {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}
impl From<i16> for Arg<'_> {
    fn from(value: i16) -> Self {
        Self::Int(i64::from(value))
    }
}
impl From<bool> for Arg<'_> {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}
impl From<Timestamp> for Arg<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.0)
    }
}
impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}
impl From<String> for Arg<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}
impl From<Option<String>> for Arg<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}
impl From<Uuid> for Arg<'_> {
    fn from(value: Uuid) -> Self {
        Self::Id(Some(value))
    }
}
impl From<Option<Uuid>> for Arg<'_> {
    fn from(value: Option<Uuid>) -> Self {
        Self::Id(value)
    }
}
impl From<BlobHash> for Arg<'_> {
    fn from(value: BlobHash) -> Self {
        Self::Hash(Some(value))
    }
}
impl From<Option<BlobHash>> for Arg<'_> {
    fn from(value: Option<BlobHash>) -> Self {
        Self::Hash(value)
    }
}
impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(Cow::Borrowed(value)))
    }
}

/// The arguments of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::session::Arg::from($value)),*] };
}
pub(crate) use args;

/// A value as JSON text, as it is kept in a column.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unreadable { what, detail: error.to_string() })
}

/// The word by which a value without fields is kept, e.g. `summoned`.
pub(crate) fn word<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    Ok(json(what, value)?.trim_matches('"').to_owned())
}

macro_rules! query {
    ($statement:expr, $args:expr) => {{
        let mut query = sqlx::query::<sqlx::Postgres>($statement.postgres);
        for arg in $args {
            query = match arg {
                Arg::Int(value) => query.bind(*value),
                Arg::Text(value) => query.bind(value.as_deref()),
                Arg::Bytes(value) => query.bind(value.as_deref()),
                Arg::Id(value) => query.bind(value.as_ref().map(|id| id.as_bytes().as_slice())),
                Arg::Hash(value) => query.bind(value.as_ref().map(|hash| hash.0.as_slice())),
            };
        }
        query
    }};
}

/// One or the other, with what is needed to reach it.
#[derive(Debug)]
pub(crate) enum Database<L, P> {
    Lite(L),
    Postgres(P),
}

/// Where questions are put: connections that cannot write on SQLite.
pub(crate) type Readers = Database<LiteReaders, PgPool>;

/// One connection that writes. On SQLite nothing here suspends.
pub(crate) type Connection = Database<Lite, PgConnection>;

impl Readers {
    /// All rows of an answer.
    pub(crate) async fn rows(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Lite(readers) => Ok(all(readers.rows(statement, args).await?)),
            Self::Postgres(pool) => {
                Ok(all(query!(statement, args).fetch_all(pool).await.map_err(store_error)?))
            }
        }
    }

    /// The answer to a question by key, which has one row at most.
    pub(crate) async fn row(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Lite(readers) => Ok(readers.row(statement, args).await?.map(Row::from)),
            Self::Postgres(pool) => {
                let row = query!(statement, args).fetch_optional(pool).await;
                Ok(row.map_err(store_error)?.map(Row::from))
            }
        }
    }
}

impl Connection {
    /// Runs a statement; how many rows it touched.
    pub(crate) async fn run(
        &mut self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        match self {
            Self::Lite(lite) => lite.run(statement, args),
            Self::Postgres(connection) => {
                let done = query!(statement, args).execute(connection).await;
                Ok(done.map_err(store_error)?.rows_affected())
            }
        }
    }

    /// All rows that a statement returns.
    pub(crate) async fn rows(
        &mut self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Lite(lite) => Ok(all(lite.rows(statement, args)?)),
            Self::Postgres(connection) => {
                Ok(all(query!(statement, args).fetch_all(connection).await.map_err(store_error)?))
            }
        }
    }

    /// The row that a statement returns, if any.
    pub(crate) async fn row(
        &mut self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        // All of them: SQLite would stop at the row and leave the statement half done.
        Ok(self.rows(statement, args).await?.into_iter().next())
    }

    /// Prepares a statement without running it.
    pub(crate) async fn prepare(&mut self, statement: Statement) -> Result<(), StoreError> {
        use sqlx::SqlSafeStr as _;
        match self {
            Self::Lite(lite) => lite.prepare(statement),
            Self::Postgres(connection) => {
                let prepared = connection.prepare(statement.postgres.into_sql_str()).await;
                prepared.map(|_| ()).map_err(store_error)
            }
        }
    }

    /// Says goodbye, so that SQLite folds its log back into the file.
    pub(crate) async fn close(self) {
        let ended = match self {
            Self::Lite(lite) => lite.close(),
            Self::Postgres(connection) => connection.close().await.map_err(store_error),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a database connection closed badly");
        }
    }
}

fn all<T: Into<Row>>(rows: Vec<T>) -> Vec<Row> {
    rows.into_iter().map(Into::into).collect()
}

/// A row of an answer, read from left to right.
pub(crate) struct Row {
    cells: Cells,
    next: usize,
}

enum Cells {
    Lite(Vec<Cell>),
    Postgres(PgRow),
}

impl From<Vec<Cell>> for Row {
    fn from(row: Vec<Cell>) -> Self {
        Self { cells: Cells::Lite(row), next: 0 }
    }
}
impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self { cells: Cells::Postgres(row), next: 0 }
    }
}

/// A value as one of the kinds that a column can have; the inner none is NULL.
trait Kind<'c>: Sized {
    fn of(cell: &'c Cell) -> Result<Option<Self>, StoreError>;
}

macro_rules! kind {
    ($kind:ty, $variant:ident, $value:ident => $read:expr) => {
        impl<'c> Kind<'c> for $kind {
            fn of(cell: &'c Cell) -> Result<Option<Self>, StoreError> {
                match cell {
                    Cell::Null => Ok(None),
                    Cell::$variant($value) => Ok(Some($read)),
                    _ => Err(other_kind()),
                }
            }
        }
    };
}
kind!(i64, Int, value => *value);
kind!(&'c str, Text, value => value.as_str());
kind!(String, Text, value => value.clone());
kind!(&'c [u8], Bytes, value => value.as_slice());
kind!(Vec<u8>, Bytes, value => value.clone());

fn other_kind() -> StoreError {
    StoreError::Unreadable { what: "value", detail: "it is of another kind".into() }
}

macro_rules! next_cell {
    ($row:ident as $kind:ty) => {{
        let index = $row.next;
        $row.next += 1;
        match &$row.cells {
            Cells::Lite(cells) => {
                cells.get(index).ok_or_else(|| absent("column")).and_then(<$kind as Kind<'_>>::of)
            }
            Cells::Postgres(cells) => cells.try_get::<Option<$kind>, _>(index).map_err(store_error),
        }
    }};
}

fn absent(what: &'static str) -> StoreError {
    StoreError::Unreadable { what, detail: "an expected value is absent".into() }
}

impl Row {
    pub(crate) fn int(&mut self) -> Result<i64, StoreError> {
        next_cell!(self as i64)?.ok_or_else(|| absent("number"))
    }

    /// A number that is known to be small; what does not fit becomes the largest that does.
    pub(crate) fn small(&mut self) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.int()?).unwrap_or(u32::MAX))
    }

    pub(crate) fn instant(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp)
    }

    pub(crate) fn optional_instant(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(next_cell!(self as i64)?.map(Timestamp))
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.optional_text()?.ok_or_else(|| absent("text"))
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, StoreError> {
        next_cell!(self as String)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        next_cell!(self as Vec<u8>)?.ok_or_else(|| absent("value"))
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, StoreError> {
        self.optional_uuid()?.ok_or_else(|| absent("identity"))
    }

    pub(crate) fn optional_uuid(&mut self) -> Result<Option<Uuid>, StoreError> {
        let bytes = next_cell!(self as &[u8])?;
        bytes
            .map(Uuid::from_slice)
            .transpose()
            .map_err(|error| StoreError::Unreadable { what: "identity", detail: error.to_string() })
    }

    pub(crate) fn hash(&mut self) -> Result<BlobHash, StoreError> {
        self.optional_hash()?.ok_or_else(|| absent("hash"))
    }

    pub(crate) fn optional_hash(&mut self) -> Result<Option<BlobHash>, StoreError> {
        let bytes = next_cell!(self as &[u8])?;
        bytes.map(|bytes| bytes.try_into().map(BlobHash)).transpose().map_err(|_| {
            StoreError::Unreadable { what: "hash", detail: "it has not 32 bytes".into() }
        })
    }

    pub(crate) fn json<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<T, StoreError> {
        parse(what, next_cell!(self as &str)?.ok_or_else(|| absent(what))?)
    }

    pub(crate) fn optional_json<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, StoreError> {
        next_cell!(self as &str)?.map(|text| parse(what, text)).transpose()
    }

    /// A value without fields, kept by its word.
    pub(crate) fn word<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_value(serde_json::Value::String(text))
            .map_err(|error| unreadable(what, &error))
    }
}

/// Reads a stored JSON text.
pub(crate) fn parse<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, &error))
}

/// The place of the fault alone: the text of a JSON error can quote what people wrote.
fn unreadable(what: &'static str, error: &serde_json::Error) -> StoreError {
    let detail = format!("{:?} at column {}", error.classify(), error.column());
    StoreError::Unreadable { what, detail }
}
