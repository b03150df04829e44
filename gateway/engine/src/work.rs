//! Work: claim due jobs lane by lane and perform them, as many at a time as the providers allow.
//!
//! Guarantee: at least once, never two workers at a time on one job while leases are renewed. A lane
//! that fails does not stop another; a job that fails comes back when its lease runs out. Some places of
//! each lane are kept for what the law asks for: whatever else waits in it for its turn, or for an answer, cannot hold
//! that up.

use crate::Engine;
use messo_core::ids::JobId;
use messo_core::jobs::{Job, Lane, Priority};
use messo_core::ports::{Bell, StoreError};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most jobs claimed by one question.
const MAX_CLAIM: usize = 64;

/// To each so many places of a lane one is kept for what the law asks for.
const KEPT_BACK_PART: usize = 8;

/// While a lane is busy, how long it gathers free places before it claims for them.
const GATHER: Duration = Duration::from_millis(2);

/// Messages read at a time: they share transactions, and a large one takes about twice its size in memory.
const MAIL_READERS: usize = 4;

/// Pause after the database failed, so that its trouble is not made worse.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// The workers of a process.
pub struct Workers {
    engine: Arc<Engine>,
    name: String,
    stop: CancellationToken,
    /// Cancelled when nothing is under way any more: leases are renewed until then.
    over: CancellationToken,
    loops: TaskTracker,
    held: Arc<Mutex<HashSet<JobId>>>,
}

impl Workers {
    /// Starts workers on these lanes. `name` must be unique among all processes on the database.
    pub fn start(engine: Arc<Engine>, lanes: &[Lane], name: String) -> Self {
        let workers = Self {
            engine,
            name,
            stop: CancellationToken::new(),
            over: CancellationToken::new(),
            loops: TaskTracker::new(),
            held: Arc::default(),
        };
        for lane in lanes {
            workers.loops.spawn(workers.lane(*lane).run());
        }
        let (engine, held) = (Arc::clone(&workers.engine), Arc::clone(&workers.held));
        tokio::spawn(renew(engine, held, workers.name.clone(), workers.over.clone()));
        workers.loops.close();
        workers
    }

    /// Claims nothing more and waits for what is under way, as long as the settings allow. Jobs that
    /// are still under way then come back by their leases.
    pub async fn stop(self) {
        self.stop.cancel();
        let patience = self.engine.settings.stop_within;
        if tokio::time::timeout(patience, self.loops.wait()).await.is_err() {
            tracing::warn!(
                "some work was still under way when the time to stop ran out; it will be settled after the next start"
            );
        }
    }

    fn lane(&self, lane: Lane) -> LaneLoop {
        let capacity = match self.engine.providers.of(lane) {
            Some(provider) => provider.spec().concurrency.max(1),
            None if lane == Lane::Mail => MAIL_READERS,
            None => 1,
        };
        let kept_back = if capacity > 1 { capacity.div_ceil(KEPT_BACK_PART) } else { 0 };
        LaneLoop {
            engine: Arc::clone(&self.engine),
            lane,
            worker: self.name.clone(),
            open: Places::new(capacity - kept_back),
            kept_back: Places::new(kept_back),
            capacity,
            stop: self.stop.clone(),
            held: Arc::clone(&self.held),
        }
    }
}

/// The loop of one lane.
struct LaneLoop {
    engine: Arc<Engine>,
    lane: Lane,
    worker: String,
    /// Places for any job.
    open: Places,
    /// Places for what the law asks for.
    kept_back: Places,
    capacity: usize,
    stop: CancellationToken,
    held: Arc<Mutex<HashSet<JobId>>>,
}

/// Places for jobs at work.
struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

impl Places {
    fn new(all: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// All free places, at most [`MAX_CLAIM`].
    fn take(&self) -> Vec<OwnedSemaphorePermit> {
        let place = || Arc::clone(&self.free).try_acquire_owned().ok();
        std::iter::from_fn(place).take(MAX_CLAIM).collect()
    }

    fn at_work(&self) -> bool {
        self.free.available_permits() < self.all
    }

    /// Waits until a place is free, without taking it.
    async fn wait(&self) {
        if self.free.acquire().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl LaneLoop {
    async fn run(self) {
        let tasks = TaskTracker::new();
        let mut bell = None;
        // Whether something more urgent than what is at work may have come.
        let mut news = true;
        while !self.stop.is_cancelled() {
            if self.open.at_work() && self.open.free.available_permits() > 0 {
                tokio::time::sleep(GATHER).await;
            }
            let open = self.open.take();
            let (places, least) = match (open.is_empty(), news) {
                (false, _) => (open, Priority::Bulk),
                (true, true) => (self.kept_back.take(), Priority::Legal),
                (true, false) => (Vec::new(), Priority::Legal),
            };
            let jobs = match self.claim(places.len(), least).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    tracing::error!(lane = %self.lane, %error, "no jobs could be claimed");
                    self.pause(AFTER_TROUBLE).await;
                    continue;
                }
            };
            if jobs.is_empty() {
                drop(places);
                news = self.wait(&mut bell, least).await;
                continue;
            }
            news = least == Priority::Legal;
            for (job, place) in jobs.into_iter().zip(places) {
                // After a jump of the clock a lease may seem over while this process is at work on it.
                if let Some(hold) = Hold::new(&self.held, job.id) {
                    self.spawn(job, place, hold, &tasks);
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn claim(&self, limit: usize, least: Priority) -> Result<Vec<Job>, StoreError> {
        let engine = &self.engine;
        let limit = u32::try_from(limit).unwrap_or(1);
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (now, lease) = (engine.clock.now(), engine.settings.lease);
        engine.store.claim(self.lane, least, limit, now, lease, &self.worker).await
    }

    /// Waits for a ring, or for the sweep: the sweep finds what no ring announced (due times,
    /// retries, rings lost, leases run out). When only kept places were free, for any other place too;
    /// only that is no news.
    async fn wait(&self, bell: &mut Option<Box<dyn Bell>>, least: Priority) -> bool {
        if bell.is_none() {
            let prefetch = u16::try_from(self.capacity).unwrap_or(u16::MAX);
            match self.engine.doorbell.listen(&[self.lane], prefetch).await {
                Ok(heard) => *bell = Some(heard),
                Err(error) => {
                    tracing::warn!(lane = %self.lane, %error, "no doorbell; looking for work by the clock");
                }
            }
        }
        let ring = async {
            match bell {
                Some(bell) => bell.next().await.settle(),
                None => std::future::pending().await,
            }
        };
        let place = async {
            match least {
                Priority::Legal => self.open.wait().await,
                Priority::Ordinary | Priority::Bulk => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ring => true,
            () = place => false,
            () = tokio::time::sleep(self.engine.settings.sweep) => true,
            () = self.stop.cancelled() => false,
        }
    }

    fn spawn(&self, job: Job, place: OwnedSemaphorePermit, hold: Hold, tasks: &TaskTracker) {
        let (engine, worker) = (Arc::clone(&self.engine), self.worker.clone());
        tasks.spawn(async move {
            if let Err(error) = engine.perform(&job, &worker).await {
                tracing::error!(job = %job.id, lane = %job.lane, %error, "a job was interrupted; it comes back when its lease runs out");
                tokio::time::sleep(AFTER_TROUBLE).await;
            }
            drop((hold, place));
        });
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// A job under way in this process; given up when dropped, also by a panic, so that its lease can run
/// out.
struct Hold {
    held: Arc<Mutex<HashSet<JobId>>>,
    job: JobId,
}

impl Hold {
    /// None when this process holds the job already.
    fn new(held: &Arc<Mutex<HashSet<JobId>>>, job: JobId) -> Option<Self> {
        let new = held.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
        new.then(|| Self { held: Arc::clone(held), job })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job);
    }
}

/// Prolongs the leases of the jobs under way: a slow provider must not make its jobs look abandoned.
async fn renew(
    engine: Arc<Engine>,
    held: Arc<Mutex<HashSet<JobId>>>,
    worker: String,
    stop: CancellationToken,
) {
    let period = engine.settings.lease / 3;
    loop {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = stop.cancelled() => return,
        }
        let jobs: Vec<JobId> =
            held.lock().map(|held| held.iter().copied().collect()).unwrap_or_default();
        if jobs.is_empty() {
            continue;
        }
        let until = engine.clock.now() + engine.settings.lease;
        if let Err(error) = engine.store.renew(&jobs, until, &worker).await {
            tracing::warn!(%error, "leases could not be renewed");
        }
    }
}
