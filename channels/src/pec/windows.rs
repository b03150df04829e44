//! The ledger of a mailbox as many senders share it: who may begin, who waits, who is put off.
//!
//! Guarantee: what the law asks for begins first at every opening; a message that may have entered the circuit is counted
//! even when its sender is gone. Limit: each process counts for itself.

use super::ledger::{Closed, Ledger, Sent, Window};
use messo_core::jobs::Priority;
use messo_core::ports::Clock;
use messo_core::time::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A ledger that many share.
pub(crate) struct Windows {
    ledger: Mutex<Ledger>,
    clock: Arc<dyn Clock>,
    alarmed: AtomicBool,
}

impl Windows {
    pub fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { ledger: Mutex::new(ledger), clock, alarmed: AtomicBool::new(false) })
    }

    /// The ledger; what is found there is true until it is dropped.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Leave to begin; when it does not come in time, after which pause to ask again.
    pub async fn turn(
        self: &Arc<Self>,
        priority: Priority,
        until: Instant,
    ) -> Result<Begun, Duration> {
        loop {
            let closed = match self.begin(priority) {
                Ok(begun) => return Ok(begun),
                Err(closed) => closed,
            };
            if Instant::now() + closed.pause > until {
                return Err(closed.pause);
            }
            sleep(closed.pause).await;
        }
    }

    fn begin(self: &Arc<Self>, priority: Priority) -> Result<Begun, Closed> {
        let mut ledger = self.ledger();
        let opened = ledger.open(self.now(), priority);
        if opened.is_ok() {
            ledger.begin();
        }
        drop(ledger);
        let full = matches!(opened, Err(Closed { window: Window::Space, .. }));
        if self.alarmed.swap(full, Ordering::Relaxed) != full && full {
            tracing::error!(
                "the certified mailbox is counted as full: nothing is sent until it is emptied and mailbox_emptied_on says so"
            );
        }
        opened.map(|()| Begun(Arc::clone(self)))
    }

    /// Counts a message when dropped, unless it is known not to have entered.
    pub fn count(self: &Arc<Self>, bytes: u64) -> Counted {
        Counted { windows: Arc::clone(self), bytes, entered: true }
    }
}

/// A place in the windows for one message under way.
pub(crate) struct Begun(Arc<Windows>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.ledger().end();
    }
}

/// A message being handed over.
pub(crate) struct Counted {
    windows: Arc<Windows>,
    bytes: u64,
    entered: bool,
}

impl Counted {
    /// It has certainly not entered the circuit.
    pub fn never_entered(mut self) {
        self.entered = false;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.entered {
            let now = self.windows.now();
            self.windows.ledger().enter(Sent { at: now, bytes: self.bytes }, now);
        }
    }
}
