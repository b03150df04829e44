//! What messages may weigh in memory, all mailboxes together.
//!
//! Guarantee: who fetches holds a share for the bytes announced until they are committed. Limit: a single message
//! heavier than everything takes everything and goes alone.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The semaphore counts in KiB, since its counters are 32 bits wide.
const UNIT: u64 = 1_024;

/// The room for all messages under way.
#[derive(Clone)]
pub(crate) struct Memory {
    room: Arc<Semaphore>,
    units: u32,
}

/// A share of it, given back when dropped.
pub(crate) struct Held(
    #[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>,
);

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX / 8).clamp(1, u32::MAX / 8);
        Self { room: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Waits for room.
    pub(crate) async fn hold(&self, bytes: u64) -> Held {
        let units = u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX).min(self.units);
        // It is never closed.
        Held(Arc::clone(&self.room).acquire_many_owned(units).await.ok())
    }
}
