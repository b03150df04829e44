//! Promises about the queue. Each case has a lane of its own and leaves it empty.

use super::samples::{NOON, World, commit, job};
use messo_core::addresses::Channel;
use messo_core::jobs::{Job, Lane, Priority};
use messo_core::ports::{Commit, Guard, Store, StoreError, Write};
use messo_core::time::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

fn seconds(after_noon: u64) -> Timestamp {
    NOON + Duration::from_secs(after_noon)
}

async fn claim(
    store: &Arc<dyn Store>,
    channel: Channel,
    limit: u32,
    now: Timestamp,
    worker: &str,
) -> Vec<Job> {
    let claimed = store.claim(Lane::Out(channel), Priority::Bulk, limit, now, LEASE, worker);
    claimed.await.expect("a claim is answered")
}

async fn put(world: &World, jobs: &[Job]) {
    let writes = jobs.iter().cloned().map(Write::Job).collect();
    world.commit(writes).await.expect("jobs are committed");
}

async fn clear(world: &World, jobs: &[Job]) {
    let writes = jobs.iter().map(|job| Write::JobDone(job.id)).collect();
    world.commit(writes).await.expect("jobs are done");
}

pub(super) async fn urgent_jobs_go_first_then_those_due_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sms = |priority, due| job(world.body.id, Channel::Sms, priority, seconds(due));
    let bulk = sms(Priority::Bulk, 0);
    let ordinary = sms(Priority::Ordinary, 1);
    let legal_late = sms(Priority::Legal, 3);
    let legal = sms(Priority::Legal, 2);
    let foreign = job(world.body.id, Channel::Chat, Priority::Legal, NOON);
    let all = [bulk, ordinary, legal_late, legal, foreign];
    put(&world, &all).await;
    let [bulk, ordinary, legal_late, legal, _] = &all;
    let first = claim(&world.store, Channel::Sms, 3, seconds(9), "a").await;
    let expected = [legal, legal_late, ordinary].map(|job| Job { claims: 1, ..job.clone() });
    assert_eq!(first, expected);
    let rest = claim(&world.store, Channel::Sms, 3, seconds(9), "a").await;
    assert_eq!(rest, [Job { claims: 1, ..bulk.clone() }]);
    assert!(claim(&world.store, Channel::Sms, 3, seconds(9), "a").await.is_empty());
    clear(&world, &all).await;
}

pub(super) async fn a_job_is_not_claimed_before_it_is_due(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let later = job(world.body.id, Channel::Pec, Priority::Legal, seconds(10));
    put(&world, std::slice::from_ref(&later)).await;
    assert!(claim(&world.store, Channel::Pec, 9, seconds(9), "a").await.is_empty());
    assert_eq!(claim(&world.store, Channel::Pec, 9, seconds(10), "a").await.len(), 1);
    clear(&world, &[later]).await;
}

pub(super) async fn a_lease_that_has_run_out_frees_the_job(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let work = job(world.body.id, Channel::Fax, Priority::Ordinary, NOON);
    put(&world, std::slice::from_ref(&work)).await;
    assert_eq!(claim(&world.store, Channel::Fax, 9, NOON, "a").await[0].claims, 1);
    assert!(claim(&world.store, Channel::Fax, 9, seconds(59), "b").await.is_empty());
    let again = claim(&world.store, Channel::Fax, 9, seconds(60), "b").await;
    assert_eq!((again[0].id, again[0].claims, again[0].due_at), (work.id, 2, NOON));
    clear(&world, &[work]).await;
}

pub(super) async fn a_renewed_lease_holds_on(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let work = job(world.body.id, Channel::Fax, Priority::Ordinary, NOON);
    put(&world, std::slice::from_ref(&work)).await;
    assert_eq!(claim(&world.store, Channel::Fax, 9, NOON, "a").await.len(), 1);
    world.store.renew(&[work.id], seconds(500), "a").await.expect("renewed");
    world.store.renew(&[work.id], seconds(1), "stranger").await.expect("changes nothing");
    assert!(claim(&world.store, Channel::Fax, 9, seconds(499), "b").await.is_empty());
    assert_eq!(claim(&world.store, Channel::Fax, 9, seconds(500), "b").await.len(), 1);
    clear(&world, &[work]).await;
}

pub(super) async fn a_worker_without_the_lease_commits_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let work = job(world.body.id, Channel::Post, Priority::Ordinary, NOON);
    put(&world, std::slice::from_ref(&work)).await;
    let finish = |worker: &str| Commit {
        guards: vec![Guard::Leased { job: work.id, worker: worker.into() }],
        writes: vec![Write::Evidence(world.evidence(None)), Write::JobDone(work.id)],
    };
    let early = world.store.commit(finish("a")).await;
    assert!(matches!(early, Err(StoreError::LeaseLost)), "nobody holds it: {early:?}");
    assert_eq!(claim(&world.store, Channel::Post, 1, NOON, "a").await.len(), 1);
    assert_eq!(claim(&world.store, Channel::Post, 1, seconds(60), "b").await.len(), 1);
    let late = world.store.commit(finish("a")).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "it has passed to b: {late:?}");
    let head = world.store.chain_head(world.body.id).await.expect("the chain");
    assert!(head.is_none(), "nothing was written");
    world.store.commit(finish("b")).await.expect("b holds it");
    let again = world.store.commit(finish("b")).await;
    assert!(matches!(again, Err(StoreError::LeaseLost)), "it is gone: {again:?}");
    assert!(claim(&world.store, Channel::Post, 1, seconds(999), "c").await.is_empty());
}

pub(super) async fn a_job_given_back_waits_until_its_time(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let work = job(world.body.id, Channel::Chat, Priority::Bulk, NOON);
    put(&world, std::slice::from_ref(&work)).await;
    assert_eq!(claim(&world.store, Channel::Chat, 1, NOON, "a").await.len(), 1);
    let later = vec![Write::JobLater { job: work.id, due_at: seconds(30) }];
    world.store.commit(commit(later)).await.expect("given back");
    assert!(claim(&world.store, Channel::Chat, 1, seconds(29), "a").await.is_empty());
    let guard = vec![Guard::Leased { job: work.id, worker: "a".into() }];
    let held = world.store.commit(Commit { guards: guard, writes: Vec::new() }).await;
    assert!(matches!(held, Err(StoreError::LeaseLost)), "its lease ended: {held:?}");
    let back = claim(&world.store, Channel::Chat, 1, seconds(30), "b").await;
    assert_eq!((back[0].due_at, back[0].claims), (seconds(30), 2));
    clear(&world, &[work]).await;
}

pub(super) async fn eight_workers_claim_five_hundred_jobs_exactly_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let jobs: Vec<Job> = (0..500)
        .map(|due| job(world.body.id, Channel::Registered, Priority::Ordinary, seconds(due)))
        .collect();
    put(&world, &jobs).await;
    let mut workers = Vec::new();
    for number in 0..8 {
        let store = Arc::clone(&world.store);
        workers.push(tokio::spawn(async move {
            let worker = format!("worker {number}");
            let mut claimed = Vec::new();
            loop {
                let batch = claim(&store, Channel::Registered, 7, seconds(500), &worker).await;
                if batch.is_empty() {
                    return claimed;
                }
                for job in batch {
                    let guards = vec![Guard::Leased { job: job.id, worker: worker.clone() }];
                    let writes = vec![Write::JobDone(job.id)];
                    store.commit(Commit { guards, writes }).await.expect("the lease holds");
                    claimed.push(job.id);
                }
            }
        }));
    }
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.expect("a worker ends well"));
    }
    let distinct: HashSet<_> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), distinct.len()), (500, 500), "each job is claimed once");
}

pub(super) async fn lanes_say_what_is_due_and_what_waits(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let pec = |due| job(world.body.id, Channel::Pec, Priority::Ordinary, seconds(due));
    let jobs = [pec(0), pec(5), pec(7), pec(100)];
    put(&world, &jobs).await;
    assert_eq!(claim(&world.store, Channel::Pec, 1, seconds(1), "a").await.len(), 1);
    let lanes = world.store.lanes(seconds(10)).await.expect("the lanes");
    assert_eq!(lanes.len(), 1, "only lanes that have jobs: {lanes:?}");
    let lane = lanes[0];
    assert_eq!(lane.lane, Lane::Out(Channel::Pec));
    assert_eq!((lane.due, lane.waiting, lane.oldest_due_at), (2, 2, Some(seconds(5))));
    clear(&world, &jobs).await;
    assert!(world.store.lanes(seconds(10)).await.expect("the lanes").is_empty());
}
