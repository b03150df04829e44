//! Measures the queue on a fresh database: `cargo run --example measure -- URL [TASKS] [JOBS]`.
//!
//! Prints one JSON object: rates, and how many jobs shared a transaction. Each job carries 1 KB. Run it
//! under `strace -f -c -e trace=fsync,fdatasync` to see the fsyncs themselves.

use messo_core::addresses::Channel;
use messo_core::ids::{BodyId, DispatchId, JobId};
use messo_core::jobs::{Job, Lane, Priority, Task};
use messo_core::ports::{Blob, Commit, Guard, Store, Write};
use messo_core::time::Timestamp;
use messo_storage::{Storage, Written};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const LANE: Lane = Lane::Out(Channel::Email);
const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);
const BODY: BodyId = BodyId(Uuid::from_u128(1));

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let url = args.next().expect("usage: measure URL [TASKS] [JOBS]");
    let tasks: u32 = args.next().map_or(64, |text| text.parse().expect("a number"));
    let jobs: u32 = args.next().map_or(20_000, |text| text.parse().expect("a number"));
    let storage = Arc::new(Storage::open(&url).await.expect("the database opens"));
    storage.migrate().await.expect("the schema is made");
    let each = jobs / tasks;
    let total = f64::from(each * tasks);

    let put = timed(&storage, tasks, move |storage, task| async move {
        for number in 0..each {
            storage.commit(new_job(task * each + number)).await.expect("a job is committed");
        }
    })
    .await;
    let done = timed(&storage, tasks, move |storage, task| async move {
        work(&storage, task).await;
    })
    .await;
    let lone = lone(&storage).await;
    println!(
        "{{\"tasks\": {tasks}, \"jobs\": {total}, \"commits_per_s\": {:.0}, \
         \"commits_per_transaction\": {:.1}, \"claim_complete_per_s\": {:.0}, \
         \"jobs_per_transaction\": {:.1}, \"lone_commit_ms\": {:.2}}}",
        total / put.0.as_secs_f64(),
        total / put.1,
        total / done.0.as_secs_f64(),
        total / done.1,
        lone.as_secs_f64() * 1e3
    );
}

/// A job with 1 KB of its own.
fn new_job(number: u32) -> Commit {
    let mut bytes = vec![b'x'; 1024];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let job = Job {
        id: JobId(Uuid::from_u128(u128::from(number) << 32)),
        body: BODY,
        lane: LANE,
        priority: Priority::Ordinary,
        due_at: NOON,
        claims: 0,
        task: Task::Send { dispatch: DispatchId(Uuid::from_u128(u128::from(number))), leg: 0 },
    };
    Commit {
        guards: Vec::new(),
        writes: vec![Write::Blob(Blob::new(BODY, bytes)), Write::Job(job)],
    }
}

/// Claims twenty at a time and completes each in a commit of its own, all at once.
async fn work(storage: &Arc<Storage>, task: u32) {
    let worker = format!("worker {task}");
    loop {
        let lease = Duration::from_secs(600);
        let claim = storage.claim(LANE, Priority::Bulk, 20, NOON, lease, &worker).await;
        let claimed = claim.expect("a claim is answered");
        if claimed.is_empty() {
            return;
        }
        let mut ends = tokio::task::JoinSet::new();
        for job in claimed {
            let (storage, worker) = (Arc::clone(storage), worker.clone());
            ends.spawn(async move {
                let guards = vec![Guard::Leased { job: job.id, worker }];
                let writes = vec![Write::JobDone(job.id)];
                storage.commit(Commit { guards, writes }).await.expect("the job is done");
            });
        }
        ends.join_all().await;
    }
}

/// The median time of a commit with nobody else about.
async fn lone(storage: &Storage) -> Duration {
    let mut times = Vec::new();
    for number in 0..51 {
        let begun = Instant::now();
        storage.commit(new_job(u32::MAX - number)).await.expect("a job is committed");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// Runs the tasks at once; how long they took and how many transactions were made.
async fn timed<F, Fut>(storage: &Arc<Storage>, tasks: u32, run: F) -> (Duration, f64)
where
    F: Fn(Arc<Storage>, u32) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let before: Written = storage.written();
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        running.spawn(run(Arc::clone(storage), task));
    }
    running.join_all().await;
    let groups = storage.written().groups - before.groups;
    #[allow(clippy::cast_precision_loss)] // A count of transactions is far below 2^52.
    (begun.elapsed(), groups as f64)
}
