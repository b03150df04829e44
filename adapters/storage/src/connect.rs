//! How either database is reached: settings of connections that durability depends on.
//!
//! SQLite: write-ahead log with an fsync at each commit (`synchronous=FULL`), one writer, readers that
//! cannot write. Several processes may open the same file; they wait [`PATIENCE`] for each other.
//! PostgreSQL: its own defaults, which are durable, and limits on how long a statement may take.

use crate::errors::store_error;
use crate::lite::{LiteReaders, LiteSource};
use crate::session::{Connection, Readers};
use messo_core::ports::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use std::str::FromStr as _;
use std::time::Duration;

/// How long one process waits for another, and a question for a free connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Longest statement on PostgreSQL.
const LONGEST_STATEMENT: &str = "30s";
/// Connections that read PostgreSQL.
const POSTGRES_READERS: u32 = 8;
/// Prepared statements kept by a connection: more than there are.
const PREPARED: usize = 256;

/// Where the database is.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Lite(LiteSource),
    Postgres(Box<PgConnectOptions>),
}

impl Source {
    /// Reads `postgres://…`, `sqlite://…` or a path. `?mode=ro` opens a SQLite file read-only.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(store_error)?;
            let options = options.application_name("messo").statement_cache_capacity(PREPARED);
            let limits = [("statement_timeout", LONGEST_STATEMENT)];
            let options = options.options(limits).disable_statement_logging();
            return Ok(Self::Postgres(Box::new(options)));
        }
        let path = match url.starts_with("sqlite:") {
            true => {
                SqliteConnectOptions::from_str(url).map_err(store_error)?.get_filename().to_owned()
            }
            false => url.into(),
        };
        let read_only = url.contains("mode=ro");
        Ok(Self::Lite(LiteSource { path, read_only, most_pages: None }))
    }

    /// A connection that writes.
    pub(crate) async fn connect(&self) -> Result<Connection, StoreError> {
        use sqlx::Connection as _;
        match self {
            Self::Lite(source) => source.connect().await.map(Connection::Lite),
            Self::Postgres(options) => PgConnection::connect_with(options)
                .await
                .map(Connection::Postgres)
                .map_err(store_error),
        }
    }

    /// Connections that read, made when needed.
    pub(crate) fn readers(&self) -> Readers {
        match self {
            Self::Lite(source) => Readers::Lite(LiteReaders::new(source.clone())),
            Self::Postgres(options) => Readers::Postgres(
                PgPoolOptions::new()
                    .max_connections(POSTGRES_READERS)
                    .acquire_timeout(PATIENCE)
                    .connect_lazy_with(options.as_ref().clone()),
            ),
        }
    }
}
