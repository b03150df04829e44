//! The queue: jobs by lane, claimed with a lease.
//!
//! A job has one instant from which it may be claimed (`ready_at_us`): its due time, or the end of its
//! lease. Claiming moves that instant on, so a lease that runs out needs no sweeper. A claim reads the
//! index from its front: its cost does not grow with the jobs that wait.

use crate::session::{Readers, Row, args, json, parse};
use crate::statement::statements;
use crate::writer::group::Writing;
use crate::writer::{Claim, Renewal};
use messo_core::ids::{BodyId, JobId};
use messo_core::jobs::{Job, Lane, PAYLOAD_VERSION, Priority};
use messo_core::ports::{LaneStats, StoreError};
use messo_core::time::Timestamp;

/// Most jobs of one claim.
const MOST_CLAIMED: u32 = 1_000;
/// From the most urgent on.
const PRIORITIES: [Priority; 3] = [Priority::Legal, Priority::Ordinary, Priority::Bulk];

statements! {
    // PostgreSQL passes by what another writer is claiming; SQLite has one writer.
    CLAIM = differs(
        "UPDATE job SET worker = $1, ready_at_us = $2, claims = claims + 1 WHERE id IN (\
         SELECT id FROM job WHERE lane = $3 AND priority = $4 AND ready_at_us <= $5 \
         AND payload_version <= $6 ORDER BY ready_at_us, id LIMIT $7) \
         RETURNING id, body_id, due_at_us, claims, payload",
        "UPDATE job SET worker = $1, ready_at_us = $2, claims = claims + 1 WHERE id IN (\
         SELECT id FROM job WHERE lane = $3 AND priority = $4 AND ready_at_us <= $5 \
         AND payload_version <= $6 ORDER BY ready_at_us, id LIMIT $7 FOR UPDATE SKIP LOCKED) \
         RETURNING id, body_id, due_at_us, claims, payload",
    );
    // The lock keeps the lease until the commit that depends on it.
    LEASE = differs(
        "SELECT claims FROM job WHERE id = $1 AND worker = $2",
        "SELECT claims FROM job WHERE id = $1 AND worker = $2 FOR UPDATE",
    );
    // A row that another writer holds is being finished: waiting for it could close a ring.
    RENEW = differs(
        "UPDATE job SET ready_at_us = $2 WHERE id = $1 AND worker = $3",
        "UPDATE job SET ready_at_us = $2 WHERE id = (\
         SELECT id FROM job WHERE id = $1 AND worker = $3 FOR UPDATE SKIP LOCKED)",
    );
    NEW_JOB = same(
        "INSERT INTO job (id, body_id, lane, priority, due_at_us, ready_at_us, claims, \
         payload_version, payload) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8) \
         ON CONFLICT DO NOTHING",
    );
    DONE = same("DELETE FROM job WHERE id = $1");
    LATER = same(
        "UPDATE job SET due_at_us = $2, ready_at_us = $2, worker = NULL WHERE id = $1",
    );
    LANES = same(
        "SELECT lane, COUNT(CASE WHEN ready_at_us <= $1 THEN 1 END), \
         COUNT(CASE WHEN ready_at_us > $1 THEN 1 END), \
         MIN(CASE WHEN ready_at_us <= $1 THEN ready_at_us END) FROM job GROUP BY lane ORDER BY lane",
    );
}

/// Leases due jobs, the most urgent first.
pub(crate) async fn claim(
    writing: &mut Writing<'_>,
    claim: &Claim,
) -> Result<Vec<Job>, StoreError> {
    let mut jobs = Vec::new();
    let mut open = claim.limit.min(MOST_CLAIMED);
    for priority in PRIORITIES.into_iter().filter(|priority| *priority <= claim.least) {
        if open == 0 {
            break;
        }
        let args = args![
            claim.worker.as_str(),
            claim.until,
            claim.lane.word(),
            priority.number(),
            claim.now,
            PAYLOAD_VERSION,
            open,
        ];
        let rows = writing.connection.rows(CLAIM, args).await?;
        open = open.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        for row in rows {
            jobs.extend(read_job(row, claim.lane, priority)?);
        }
    }
    jobs.sort_by_key(|job: &Job| (job.priority, job.due_at, job.id));
    Ok(jobs)
}

/// A job whose payload cannot be read stays leased and is reported, so that it cannot stop its lane.
fn read_job(mut row: Row, lane: Lane, priority: Priority) -> Result<Option<Job>, StoreError> {
    let (id, body) = (JobId(row.uuid()?), BodyId(row.uuid()?));
    let (due_at, claims) = (row.instant()?, row.small()?);
    match parse("job", &row.text()?) {
        Ok(task) => Ok(Some(Job { id, body, lane, priority, due_at, claims, task })),
        Err(error) => {
            tracing::error!(job = %id, %error, "a job is passed over");
            Ok(None)
        }
    }
}

pub(crate) async fn renew(writing: &mut Writing<'_>, renewal: &Renewal) -> Result<(), StoreError> {
    for job in &renewal.jobs {
        let args = args![job.0, renewal.until, renewal.worker.as_str()];
        writing.run(RENEW, args).await?;
    }
    Ok(())
}

pub(crate) async fn require_lease(
    writing: &mut Writing<'_>,
    job: JobId,
    worker: &str,
) -> Result<(), StoreError> {
    match writing.connection.row(LEASE, args![job.0, worker]).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost),
    }
}

pub(crate) async fn write_job(writing: &mut Writing<'_>, job: &Job) -> Result<(), StoreError> {
    let args = args![
        job.id.0,
        job.body.0,
        job.lane.word(),
        job.priority.number(),
        job.due_at,
        job.claims,
        PAYLOAD_VERSION,
        json("job", &job.task)?,
    ];
    writing.insert("job", NEW_JOB, args).await
}

/// A job that is gone already is done.
pub(crate) async fn write_done(writing: &mut Writing<'_>, job: JobId) -> Result<(), StoreError> {
    writing.run(DONE, args![job.0]).await.map(|_| ())
}

pub(crate) async fn write_later(
    writing: &mut Writing<'_>,
    job: JobId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    match writing.run(LATER, args![job.0, due_at]).await? {
        0 => Err(StoreError::Missing("job")),
        _ => Ok(()),
    }
}

/// The lanes that have jobs. A walk along the index, without its rows.
pub(crate) async fn lanes(readers: &Readers, now: Timestamp) -> Result<Vec<LaneStats>, StoreError> {
    let mut lanes = Vec::new();
    for mut row in readers.rows(LANES, args![now]).await? {
        lanes.push(LaneStats {
            lane: row.text()?.parse().map_err(|_| StoreError::Unreadable {
                what: "lane",
                detail: "no lane has this name".into(),
            })?,
            due: u64::from(row.small()?),
            waiting: u64::from(row.small()?),
            oldest_due_at: row.optional_instant()?,
        });
    }
    Ok(lanes)
}
