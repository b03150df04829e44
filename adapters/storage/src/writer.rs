//! Group commit: everything that waits to be written goes into one transaction and one fsync.
//!
//! A writer takes what has gathered while it wrote the group before, never waiting for more, so a lone
//! commit is durable at once and a crowd shares the cost. Each commit stands or falls alone (its own
//! savepoint); a fault of the database itself fails the whole group, and nothing of it is kept.
//! On SQLite one writer, on a thread of its own, where a statement is a function call; on PostgreSQL [`POSTGRES_WRITERS`], which order themselves by the lock on
//! the body's head. Limits: [`WAITING`] orders in line (then callers wait), [`GROUP_ORDERS`] and
//! [`GROUP_BYTES`] to a group, unless one commit alone is larger.

pub(crate) mod group;
pub(crate) mod heads;
pub(crate) mod tally;

use crate::connect::Source;
use crate::errors::repeat;
use crate::session::Connection;
use messo_core::ids::JobId;
use messo_core::jobs::{Job, Lane, Priority};
use messo_core::ports::{Commit, Committed, StoreError, Write};
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

/// Orders in line before callers wait.
const WAITING: usize = 1024;
/// Most orders in one transaction.
const GROUP_ORDERS: usize = 256;
/// Most bytes in one transaction, roughly.
const GROUP_BYTES: usize = 8 << 20;
/// What a row weighs against [`GROUP_BYTES`] besides its blobs.
const ROW_BYTES: usize = 2 << 10;
/// Writing connections to PostgreSQL.
const POSTGRES_WRITERS: usize = 4;

/// Longest transaction on PostgreSQL; whoever still waits then is told that it does not answer.
const LONGEST_GROUP: Duration = Duration::from_secs(60);

/// Something to write, and where its answer goes.
pub(crate) enum Order {
    Commit(Commit, Answer<Committed>),
    Claim(Claim, Answer<Vec<Job>>),
    Renew(Renewal, Answer<()>),
    Check(Answer<()>),
}

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// A worker asks for jobs.
pub(crate) struct Claim {
    pub lane: Lane,
    pub least: Priority,
    pub limit: u32,
    pub now: Timestamp,
    pub until: Timestamp,
    pub worker: String,
}

/// A worker asks for more time.
pub(crate) struct Renewal {
    pub jobs: Vec<JobId>,
    pub until: Timestamp,
    pub worker: String,
}

/// How much was written since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Transactions, which is about as many fsyncs.
    pub groups: u64,
    /// Commits, claims and renewals in them.
    pub orders: u64,
}

#[derive(Default)]
struct Meter {
    groups: AtomicU64,
    orders: AtomicU64,
}

/// The line before the writers.
pub(crate) struct Writer {
    line: mpsc::Sender<Order>,
    tasks: Vec<Ending>,
    meter: Arc<Meter>,
}

/// Tells when a writer has ended.
type Ending = oneshot::Receiver<()>;

impl Writer {
    /// Starts the writers with a first connection; they end when the line is dropped.
    pub(crate) fn start(source: Source, first: Connection) -> Self {
        let (line, orders) = mpsc::channel(WAITING);
        let orders = Arc::new(Mutex::new(orders));
        let meter = Arc::new(Meter::default());
        let mut first = Some(first);
        let lite = matches!(first, Some(Connection::Lite(_)));
        let mut tasks = Vec::new();
        for _ in 0..if lite { 1 } else { POSTGRES_WRITERS } {
            let desk = Desk { source: source.clone(), connection: first.take() };
            let (over, ending) = oneshot::channel();
            let writing = serve(desk, Arc::clone(&orders), Arc::clone(&meter), over);
            if lite {
                let runtime = Handle::current();
                let thread = std::thread::Builder::new().name("messo-sqlite".into());
                if let Err(error) = thread.spawn(move || runtime.block_on(writing)) {
                    // Nobody takes the line then, and every order hears that its writer has ended.
                    tracing::error!(%error, "the database's thread could not be started");
                }
            } else {
                tokio::spawn(writing);
            }
            tasks.push(ending);
        }
        Self { line, tasks, meter }
    }

    /// Puts an order in line and waits for its answer.
    pub(crate) async fn order<T>(
        &self,
        order: impl FnOnce(Answer<T>) -> Order,
    ) -> Result<T, StoreError> {
        let closed = || StoreError::Unavailable("its writer has ended".into());
        let (answer, answered) = oneshot::channel();
        self.line.send(order(answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Lets the writers finish what stands in line, and end.
    pub(crate) async fn finish(self) {
        drop(self.line);
        for ending in self.tasks {
            if ending.await.is_err() {
                tracing::error!("a writer ended badly");
            }
        }
    }

    /// What was written so far.
    pub(crate) fn written(&self) -> Written {
        Written {
            groups: self.meter.groups.load(Ordering::Relaxed),
            orders: self.meter.orders.load(Ordering::Relaxed),
        }
    }
}

/// A writer's connection, made again after a fault.
struct Desk {
    source: Source,
    connection: Option<Connection>,
}

async fn serve(
    mut desk: Desk,
    orders: Arc<Mutex<mpsc::Receiver<Order>>>,
    meter: Arc<Meter>,
    over: oneshot::Sender<()>,
) {
    loop {
        let group = gather(&mut *orders.lock().await).await;
        if group.is_empty() {
            break;
        }
        let size = group.len() as u64;
        if desk.write(group).await {
            meter.groups.fetch_add(1, Ordering::Relaxed);
            meter.orders.fetch_add(size, Ordering::Relaxed);
        }
    }
    if let Some(connection) = desk.connection {
        connection.close().await;
    }
    let _ = over.send(());
}

/// Waits for one order and takes those that stand behind it; none when the line is closed.
async fn gather(orders: &mut mpsc::Receiver<Order>) -> Vec<Order> {
    let mut group = Vec::new();
    let Some(first) = orders.recv().await else { return group };
    let mut bytes = weight(&first);
    group.push(first);
    // Those who were just answered may be about to order again: let them, once, without waiting.
    tokio::task::yield_now().await;
    while group.len() < GROUP_ORDERS && bytes < GROUP_BYTES {
        let Ok(next) = orders.try_recv() else { break };
        bytes += weight(&next);
        group.push(next);
    }
    group
}

fn weight(order: &Order) -> usize {
    let Order::Commit(commit, _) = order else { return ROW_BYTES };
    let blobs = commit.writes.iter().map(|write| match write {
        Write::Blob(blob) => blob.bytes.len(),
        _ => 0,
    });
    commit.writes.len() * ROW_BYTES + blobs.sum::<usize>()
}

impl Desk {
    /// Writes a group and answers everybody; whether it was committed.
    async fn write(&mut self, orders: Vec<Order>) -> bool {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.source.connect().await {
                Ok(connection) => connection,
                Err(error) => {
                    orders.into_iter().for_each(|order| order.refuse(&error));
                    return false;
                }
            },
        };
        // A server that falls silent must not hold the line for ever; SQLite has no such silence.
        let written = match &connection {
            Connection::Lite(_) => group::write(&mut connection, orders).await,
            Connection::Postgres(_) => {
                let writing = group::write(&mut connection, orders);
                timeout(LONGEST_GROUP, writing).await.unwrap_or(false)
            }
        };
        if written {
            self.connection = Some(connection);
        }
        // Otherwise the connection is dropped, and with it whatever was left of the transaction.
        written
    }
}

impl Order {
    fn refuse(self, error: &StoreError) {
        let error = repeat(error);
        match self {
            Self::Commit(_, answer) => drop(answer.send(Err(error))),
            Self::Claim(_, answer) => drop(answer.send(Err(error))),
            Self::Renew(_, answer) | Self::Check(answer) => drop(answer.send(Err(error))),
        }
    }
}
