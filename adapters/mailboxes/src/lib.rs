//! Mailboxes over IMAP: what arrives in them is handed over, message by message, each of them once.
//!
//! Guarantee: a message counts as taken when the [`MailSink`] has committed it; the cursor is committed with it. Whatever
//! breaks (the connection, the server, this process) costs a second fetch, never a message: identity is decided by
//! the sink, a cursor only saves time. A mailbox is never altered unless its settings say so. Memory is bounded
//! by [`Pace::memory_bytes`] for all mailboxes together, by the largest message, and by a few KiB for each thousand messages
//! of a folder. Limit: IMAP only; one connection for each mailbox, its folders in turn.
//!
//! ```text
//! let mailboxes = Mailboxes::start(vec![(body, settings)], sink, Pace::new(clock, jitter))?;
//! mailboxes.status();
//! mailboxes.stop().await;
//! ```

mod checking;
mod fault;
mod look;
mod memory;
mod names;
mod response;
mod session;
pub mod settings;
pub mod status;
mod uids;
mod watch;
mod wire;

pub use checking::check;
pub use settings::{After, InvalidSetting, MailboxSettings, Tls};
pub use status::{FolderStatus, MailboxStatus};

use memory::Memory;
use messo_core::ids::BodyId;
use messo_core::ports::{Clock, MailSink};
use status::Board;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watch::Watch;

/// Clock, patience and memory of all mailboxes together.
#[derive(Clone)]
pub struct Pace {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// A random number from 0 up to 1, so that mailboxes of one server do not come back all at once.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// Pause after the first fault; each further one doubles it.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// What fetched messages may weigh in memory, all together, bytes. A heavier one goes alone.
    pub memory_bytes: u64,
}

impl Pace {
    /// Pauses from 2 seconds to 5 minutes, 128 MB.
    pub fn new(clock: Arc<dyn Clock>, jitter: Arc<dyn Fn() -> f64 + Send + Sync>) -> Self {
        Self {
            clock,
            jitter,
            first_pause: Duration::from_secs(2),
            longest_pause: Duration::from_secs(300),
            memory_bytes: 128_000_000,
        }
    }
}

/// What all mailboxes of the process share.
pub(crate) struct Shared {
    sink: Arc<dyn MailSink>,
    clock: Arc<dyn Clock>,
    memory: Memory,
    pace: Pace,
}

impl Shared {
    /// How long to wait after so many faults in a row: half of it is chance.
    fn pause(&self, faults: u32) -> Duration {
        let doubled = 1_u32.checked_shl(faults.saturating_sub(1).min(31)).unwrap_or(u32::MAX);
        let whole = self.pace.first_pause.saturating_mul(doubled).min(self.pace.longest_pause);
        let chance = (self.pace.jitter)().clamp(0.0, 1.0);
        whole.mul_f64(0.5 + chance / 2.0)
    }
}

/// The mailboxes that are watched.
pub struct Mailboxes {
    boards: Vec<Arc<Board>>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Mailboxes {
    /// Watches these mailboxes, each in a task of its own, until [`Mailboxes::stop`] or the drop. Names must differ within
    /// a body, since they name the cursor.
    pub fn start(
        mailboxes: Vec<(BodyId, MailboxSettings)>,
        sink: Arc<dyn MailSink>,
        pace: Pace,
    ) -> Result<Self, InvalidSetting> {
        for (index, (body, settings)) in mailboxes.iter().enumerate() {
            settings.check()?;
            let same = |(other, one): &(BodyId, MailboxSettings)| {
                other == body && one.name == settings.name
            };
            if mailboxes[..index].iter().any(same) {
                return Err(InvalidSetting { field: "name", must: "is taken by another one" });
            }
        }
        let (clock, memory) = (Arc::clone(&pace.clock), Memory::new(pace.memory_bytes));
        let shared = Arc::new(Shared { sink, clock, memory, pace });
        let stop = CancellationToken::new();
        let mut started = Self { boards: Vec::new(), tasks: JoinSet::new(), stop };
        for (body, settings) in mailboxes {
            let board = Arc::new(Board::new(body, &settings.name));
            started.boards.push(Arc::clone(&board));
            let watch = Watch::new(body, settings, Arc::clone(&shared), board);
            started.tasks.spawn(watch.run(started.stop.clone()));
        }
        Ok(started)
    }

    /// How each of them is doing.
    pub fn status(&self) -> Vec<MailboxStatus> {
        self.boards.iter().map(|board| board.read()).collect()
    }

    /// Ends them. What is being fetched is given up; it comes again with the next start.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
