//! SQLite without hand-overs: a connection that is used on the thread it is asked on, and a pool of such
//! connections that can only read.
//!
//! A statement is a function call of some microseconds here; handed to a thread of its own it would cost more in
//! switches than in work. Limits: whoever asks for many rows on the runtime's threads does so under
//! `block_in_place`; a lookup by key runs where it is and may wait for the disk there.

use crate::connect::PATIENCE;
use crate::errors::lite_error;
use crate::session::Arg;
use crate::statement::Statement;
use messo_core::ports::StoreError;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections that read.
const READERS: usize = 4;
/// Prepared statements kept by a connection: more than there are.
const PREPARED: usize = 256;
/// Bytes of the log after which it is folded back into the file.
const LOG_BYTES: u32 = 16 << 20;
/// Bytes of a page in a new file.
const PAGE_BYTES: u32 = 4096;
/// Most of the file that a connection keeps in memory, in KiB.
const WRITER_CACHE_KB: u32 = 4096;
const READER_CACHE_KB: u32 = 1024;

/// Where the file is and what may be done with it.
#[derive(Clone, Debug)]
pub(crate) struct LiteSource {
    pub path: PathBuf,
    pub read_only: bool,
    /// Most pages of the file; for the tests of a full disk.
    pub most_pages: Option<u32>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Lite(Connection);

/// A value of a row, copied out of SQLite.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// A kind that no column of ours has, or text that is not UTF-8.
    Odd,
}

impl LiteSource {
    /// Opens a connection that writes; the file is made when missing.
    pub(crate) async fn connect(&self) -> Result<Lite, StoreError> {
        let source = self.clone();
        tokio::task::spawn_blocking(move || source.writing())
            .await
            .map_err(|_| StoreError::Unavailable("its thread has ended".into()))?
    }

    fn writing(&self) -> Result<Lite, StoreError> {
        let rights = match self.read_only {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let lite = self.open(rights, WRITER_CACHE_KB)?;
        // The size of pages is settled by the first write to a new file, which is the change to WAL.
        let mut pragmas = format!(
            "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = {};",
            LOG_BYTES / PAGE_BYTES
        );
        if let Some(pages) = self.most_pages {
            pragmas.push_str(&format!("PRAGMA max_page_count = {pages};"));
        }
        lite.0.execute_batch(&pragmas).map_err(lite_error)?;
        Ok(lite)
    }

    fn reading(&self) -> Result<Lite, StoreError> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KB)
    }

    fn open(&self, rights: OpenFlags, cache_kb: u32) -> Result<Lite, StoreError> {
        let flags = rights | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(lite_error)?;
        connection.busy_timeout(PATIENCE).map_err(lite_error)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        let pragma = format!("PRAGMA cache_size = -{cache_kb};");
        connection.execute_batch(&pragma).map_err(lite_error)?;
        Ok(Lite(connection))
    }
}

impl Lite {
    /// Runs a statement; how many rows it touched.
    pub(crate) fn run(&self, statement: Statement, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let mut prepared = self.bound(statement, args)?;
        prepared.raw_execute().map(|touched| touched as u64).map_err(lite_error)
    }

    /// All rows that a statement returns.
    pub(crate) fn rows(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        let mut prepared = self.bound(statement, args)?;
        let columns = prepared.column_count();
        let mut rows = prepared.raw_query();
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(lite_error)? {
            let cells = (0..columns).map(|index| row.get_ref(index).map(Cell::from));
            all.push(cells.collect::<Result<_, _>>().map_err(lite_error)?);
        }
        Ok(all)
    }

    /// Prepares a statement without running it.
    pub(crate) fn prepare(&self, statement: Statement) -> Result<(), StoreError> {
        self.0.prepare(statement.lite).map(drop).map_err(lite_error)
    }

    /// Says goodbye, so that SQLite folds its log back into the file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.0.close().map_err(|(_, error)| lite_error(error))
    }

    /// SQLite counts `$1` as a name and gives places in the order of the text: the number in the name says
    /// which argument is meant.
    fn bound(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<CachedStatement<'_>, StoreError> {
        let mut prepared = self.0.prepare_cached(statement.lite).map_err(lite_error)?;
        for place in 1..=prepared.parameter_count() {
            let number = prepared.parameter_name(place).and_then(|name| name[1..].parse().ok());
            let Some(arg) = number.and_then(|number: usize| args.get(number.wrapping_sub(1)))
            else {
                let detail = format!("{} lacks an argument", statement.name);
                return Err(StoreError::Unreadable { what: "statement", detail });
            };
            match arg {
                Arg::Int(value) => prepared.raw_bind_parameter(place, *value),
                Arg::Text(value) => prepared.raw_bind_parameter(place, value.as_deref()),
                Arg::Bytes(value) => prepared.raw_bind_parameter(place, value.as_deref()),
                Arg::Id(value) => {
                    prepared.raw_bind_parameter(place, value.as_ref().map(|id| id.as_bytes()))
                }
                Arg::Hash(value) => {
                    prepared.raw_bind_parameter(place, value.as_ref().map(|hash| &hash.0))
                }
            }
            .map_err(lite_error)?;
        }
        Ok(prepared)
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Int(number),
            ValueRef::Text(bytes) => {
                std::str::from_utf8(bytes).map_or(Self::Odd, |text| Self::Text(text.to_owned()))
            }
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => Self::Odd,
        }
    }
}

/// Connections that read, made when needed, at most [`READERS`].
#[derive(Debug)]
pub(crate) struct LiteReaders {
    source: LiteSource,
    free: Mutex<Vec<Lite>>,
    places: Arc<Semaphore>,
}

impl LiteReaders {
    pub(crate) fn new(source: LiteSource) -> Self {
        Self { source, free: Mutex::default(), places: Arc::new(Semaphore::new(READERS)) }
    }

    /// All rows of an answer; other tasks go on meanwhile.
    pub(crate) async fn rows(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        self.ask(|lite| aside(|| lite.rows(statement, args))).await
    }

    /// The answer to a question by key, which has one row at most.
    pub(crate) async fn row(
        &self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<Option<Vec<Cell>>, StoreError> {
        self.ask(|lite| Ok(lite.rows(statement, args)?.into_iter().next())).await
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(&Lite) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let place = timeout(PATIENCE, self.places.acquire())
            .await
            .map_err(|_| StoreError::Unavailable("no connection came free in time".into()))?;
        let _place = place.map_err(|_| StoreError::Unavailable("it was closed".into()))?;
        let known = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let lite = match known {
            Some(lite) => lite,
            None => self.source.reading()?,
        };
        let answer = question(&lite)?;
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(lite);
        Ok(answer)
    }

    /// Takes no more questions; connections in use close when they are done.
    pub(crate) fn close(&self) {
        self.places.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Runs what may take long so that the other tasks of this thread move to another one.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
