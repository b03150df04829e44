//! The database behind [`messo_core::ports::Store`], on SQLite or PostgreSQL.
//!
//! What [`Store::commit`](messo_core::ports::Store::commit) answers is durable: it has been synced to
//! disk (SQLite) or acknowledged by a server that has (PostgreSQL with its default settings). Commits
//! that wait together share one transaction. Both databases run the same statements over the same
//! tables and pass the same [`contract`]. Limits: SQLite's file must be on a local disk; when the connection to
//! PostgreSQL breaks while it commits, the answer is `Unavailable` although it may have committed.

mod accounts;
mod attempts;
mod blobs;
mod cases;
mod codes;
mod connect;
pub mod contract;
mod dispatches;
#[cfg(test)]
mod durability;
mod errors;
mod evidence;
mod lite;
mod messages;
mod notices;
mod parties;
mod queue;
mod receipts;
mod register;
mod schema;
mod session;
mod statement;
mod store;
mod suppressions;
mod writer;

pub use schema::Schema;
pub use statement::Statement;
pub use writer::Written;

use connect::Source;
use messo_core::ports::StoreError;
use session::Readers;
use writer::Writer;

/// An open database. Dropping it lets the writers finish what they have taken; [`Storage::close`]
/// waits for them.
pub struct Storage {
    source: Source,
    readers: Readers,
    writer: Writer,
}

impl Storage {
    /// Opens `sqlite:///path/file.db` (or a bare path; made when missing, read-only with
    /// `?mode=ro`) or `postgres://user:password@host/database`. The schema is not touched: call
    /// [`Storage::migrate`]. Must be called within a tokio runtime.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::from_source(Source::parse(url)?).await
    }

    async fn from_source(source: Source) -> Result<Self, StoreError> {
        let first = source.connect().await?;
        let readers = source.readers();
        let writer = Writer::start(source.clone(), first);
        Ok(Self { source, readers, writer })
    }

    /// How much was written since it was opened: transactions (about as many fsyncs) and orders.
    pub fn written(&self) -> Written {
        self.writer.written()
    }

    /// Finishes what was ordered and lets go of the database.
    pub async fn close(self) {
        // The readers first: whoever closes SQLite last folds its log back into the file.
        match &self.readers {
            Readers::Lite(readers) => readers.close(),
            Readers::Postgres(pool) => pool.close().await,
        }
        self.writer.finish().await;
    }
}

/// Every statement that is ever run, but for the migrations.
pub fn statements() -> impl Iterator<Item = Statement> {
    [
        accounts::ALL,
        attempts::ALL,
        blobs::ALL,
        cases::ALL,
        codes::ALL,
        dispatches::ALL,
        evidence::ALL,
        messages::ALL,
        notices::ALL,
        parties::ALL,
        queue::ALL,
        receipts::ALL,
        suppressions::ALL,
        register::ALL,
        schema::ALL,
        writer::group::ALL,
        writer::heads::ALL,
        writer::tally::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}
