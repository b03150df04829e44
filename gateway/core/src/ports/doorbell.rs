//! The doorbell: tells workers, perhaps on other machines, that something may be due.
//!
//! Guarantee: none. A ring may be lost, doubled or late; the jobs are in the database, and every
//! worker looks there from time to time by itself. Losing a ring loses time, never a notice.

use crate::ids::JobId;
use crate::jobs::Lane;
use async_trait::async_trait;

/// The ringing side.
#[async_trait]
pub trait Doorbell: Send + Sync {
    /// Rings for these jobs. Returns when the doorbell is sure to have heard, or with an error;
    /// the caller logs the error and goes on.
    async fn ring(&self, jobs: &[(Lane, JobId)]) -> Result<(), DoorbellError>;

    /// A bell that hears the rings of these lanes. With several listeners on one lane each ring
    /// goes to one of them. `prefetch` is how many rings may be unsettled at a time.
    async fn listen(&self, lanes: &[Lane], prefetch: u16) -> Result<Box<dyn Bell>, DoorbellError>;

    /// Whether the doorbell works at present, for readiness and `messo doctor`.
    async fn check(&self) -> Result<(), DoorbellError>;
}

/// The hearing side.
#[async_trait]
pub trait Bell: Send {
    /// Waits for the next ring. Survives a broker that goes away: it reconnects with growing pauses
    /// and waits on. Cancel-safe: dropping the future loses at most a ring.
    async fn next(&mut self) -> Rung;
}

/// One ring heard.
pub struct Rung {
    /// In which lane.
    pub lane: Lane,
    /// Which job; none when the bell only knows that something happened (e.g. after a reconnection).
    pub job: Option<JobId>,
    settle: Option<Box<dyn FnOnce() + Send>>,
}

impl Rung {
    /// A ring. `settle` is called once the work that it announced is committed (for a broker, the
    /// acknowledgement); a ring dropped unsettled may be heard again.
    pub fn new(lane: Lane, job: Option<JobId>, settle: Option<Box<dyn FnOnce() + Send>>) -> Self {
        Self { lane, job, settle }
    }

    /// The announced work is committed.
    pub fn settle(mut self) {
        if let Some(settle) = self.settle.take() {
            settle();
        }
    }
}

/// The doorbell is out of order.
#[derive(Debug, thiserror::Error)]
#[error("the doorbell does not answer: {0}")]
pub struct DoorbellError(pub String);
