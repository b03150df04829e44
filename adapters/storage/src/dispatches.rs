//! Dispatches: moved by version, listed by keyset, counted while they move.
//!
//! Plan and facts are frozen at acceptance and written once; a move writes the legs, the state derived
//! from them and the version.

use crate::session::{Readers, Row, args, json};
use crate::statement::{Statement, statements};
use crate::writer::group::Writing;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::ids::{BatchId, BodyId, CaseId, DispatchId, NoticeId, PartyId};
use messo_core::ports::{DispatchFilter, DispatchRow, Progress, StoreError};
use uuid::Uuid;

/// Longest page of dispatches, as the port promises.
const MOST_LISTED: u32 = 10_000;

macro_rules! dispatch_columns {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT d.id, d.body_id, d.number, d.notice_id, d.batch_id, d.case_id, d.party_id, \
             d.plan, d.legs, d.facts, d.file_row, d.created_at_us, d.version, \
             (SELECT c.serial FROM case_file c WHERE c.body_id = d.body_id AND c.id = d.case_id), \
             (SELECT p.serial FROM party p WHERE p.body_id = d.body_id AND p.id = d.party_id)",
            $more,
            " FROM dispatch d WHERE d.body_id = $1 AND ",
            $rest
        )
    };
}

/// A page: all filters are bound to every text; each text leads with the one its index serves.
macro_rules! page {
    ($lead:literal) => {
        dispatch_columns!(
            ", (SELECT COUNT(*) FROM attempt a WHERE a.body_id = d.body_id \
                AND a.dispatch_id = d.id AND a.sandbox = 1), \
             (SELECT COUNT(*) FROM receipt r WHERE r.body_id = d.body_id \
                AND r.dispatch_id = d.id AND r.signal = 'answer')",
            $lead
        )
    };
}

statements! {
    NEW_DISPATCH = same(
        "INSERT INTO dispatch (body_id, id, number, notice_id, batch_id, case_id, party_id, state, \
         state_before, version, file_row, plan, legs, facts, created_at_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11, $12, $13, $14) \
         ON CONFLICT DO NOTHING",
    );
    MOVE_DISPATCH = same(
        "UPDATE dispatch SET legs = $4, state_before = state, state = $5, version = version + 1 \
         WHERE body_id = $1 AND id = $2 AND version = $3 RETURNING state_before, batch_id",
    );
    // Most moves leave the state as it is, and with it two indexes.
    MOVE_LEGS = same(
        "UPDATE dispatch SET legs = $4, version = version + 1 \
         WHERE body_id = $1 AND id = $2 AND version = $3 AND state = $5",
    );
    KNOWN = same("SELECT version FROM dispatch WHERE body_id = $1 AND id = $2");
    DISPATCH = same(dispatch_columns!("", "d.id = $2"));
    PAGE = same(page!("d.id < $2 ORDER BY d.id DESC LIMIT $3"));
    PAGE_OF_STATE = same(page!("d.state = $4 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"));
    PAGE_OF_BATCH = same(page!("d.batch_id = $4 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"));
    PAGE_OF_BATCH_STATE = same(page!(
        "d.batch_id = $4 AND d.state = $5 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"
    ));
    PAGE_OF_NOTICE = same(page!("d.notice_id = $4 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"));
    PAGE_OF_NOTICE_STATE = same(page!(
        "d.notice_id = $4 AND d.state = $5 AND d.id < $2 ORDER BY d.id DESC LIMIT $3"
    ));
    PROGRESS = same("SELECT state, count FROM tally WHERE body_id = $1 AND batch_id = $2");
}

fn batch_key(batch: Option<BatchId>) -> Uuid {
    batch.map_or(Uuid::nil(), |batch| batch.0)
}

pub(crate) async fn write_new(
    writing: &mut Writing<'_>,
    dispatch: &Dispatch,
) -> Result<(), StoreError> {
    let number = writing.head(dispatch.body)?.dispatches + 1;
    let state = dispatch.state().word();
    let args = args![
        dispatch.body.0,
        dispatch.id.0,
        number,
        dispatch.notice.0,
        batch_key(dispatch.batch),
        dispatch.case.0,
        dispatch.party.0,
        state,
        dispatch.version,
        dispatch.row,
        dispatch.plan.to_string(),
        json("dispatch", &dispatch.legs)?,
        json("dispatch", &dispatch.facts)?,
        dispatch.created_at,
    ];
    writing.insert("dispatch", NEW_DISPATCH, args).await?;
    writing.head(dispatch.body)?.dispatches = number;
    writing.tally.count(dispatch.body, batch_key(dispatch.batch), state, 1);
    Ok(())
}

pub(crate) async fn write_moved(
    writing: &mut Writing<'_>,
    dispatch: &Dispatch,
) -> Result<(), StoreError> {
    let (body, state) = (dispatch.body, dispatch.state().word());
    let legs = json("dispatch", &dispatch.legs)?;
    let args = args![body.0, dispatch.id.0, dispatch.version, legs, state];
    if writing.run(MOVE_LEGS, args).await? > 0 {
        return Ok(());
    }
    let Some(mut moved) = writing.connection.row(MOVE_DISPATCH, args).await? else {
        let known = writing.connection.row(KNOWN, args![body.0, dispatch.id.0]).await?;
        return Err(match known {
            Some(_) => StoreError::Stale("dispatch"),
            None => StoreError::Missing("dispatch"),
        });
    };
    let (before, batch) = (moved.text()?, moved.uuid()?);
    if before != state {
        writing.tally.count(body, batch, &before, -1);
        writing.tally.count(body, batch, state, 1);
    }
    Ok(())
}

pub(crate) async fn dispatch(
    readers: &Readers,
    body: BodyId,
    id: DispatchId,
) -> Result<Option<Dispatch>, StoreError> {
    let row = readers.row(DISPATCH, args![body.0, id.0]).await?;
    row.map(|mut row| read_dispatch(&mut row)).transpose()
}

pub(crate) async fn dispatches(
    readers: &Readers,
    body: BodyId,
    filter: &DispatchFilter,
) -> Result<Vec<DispatchRow>, StoreError> {
    let before = filter.before.map_or(Uuid::max(), |id| id.0);
    let limit = filter.limit.min(MOST_LISTED);
    let state = filter.state.map(DispatchState::word);
    let lead = filter.notice.map(|id| id.0).or(filter.batch.map(|id| id.0));
    let of_notice = filter.notice.is_some();
    let rows = match (lead, state) {
        (None, None) => readers.rows(PAGE, args![body.0, before, limit]).await?,
        (None, Some(state)) => {
            readers.rows(PAGE_OF_STATE, args![body.0, before, limit, state]).await?
        }
        (Some(lead), None) => {
            let text = either(of_notice, PAGE_OF_NOTICE, PAGE_OF_BATCH);
            readers.rows(text, args![body.0, before, limit, lead]).await?
        }
        (Some(lead), Some(state)) => {
            let text = either(of_notice, PAGE_OF_NOTICE_STATE, PAGE_OF_BATCH_STATE);
            readers.rows(text, args![body.0, before, limit, lead, state]).await?
        }
    };
    let page: Result<Vec<_>, _> = rows.into_iter().map(read_listed).collect();
    // A notice belongs to one run at most: naming both asks whether it is this one.
    Ok(page?
        .into_iter()
        .filter(|listed| filter.batch.is_none() || listed.dispatch.batch == filter.batch)
        .collect())
}

fn either(first: bool, one: Statement, other: Statement) -> Statement {
    if first { one } else { other }
}

fn read_dispatch(row: &mut Row) -> Result<Dispatch, StoreError> {
    Ok(Dispatch {
        id: DispatchId(row.uuid()?),
        body: BodyId(row.uuid()?),
        number: row.small()?,
        notice: NoticeId(row.uuid()?),
        batch: Some(row.uuid()?).filter(|batch| !batch.is_nil()).map(BatchId),
        case: CaseId(row.uuid()?),
        party: PartyId(row.uuid()?),
        plan: row.word("plan")?,
        legs: row.json("dispatch")?,
        facts: row.json("dispatch")?,
        row: row.small()?,
        created_at: row.instant()?,
        version: row.int()?,
        case_serial: row.small()?,
        party_serial: row.small()?,
    })
}

fn read_listed(mut row: Row) -> Result<DispatchRow, StoreError> {
    let dispatch = read_dispatch(&mut row)?;
    Ok(DispatchRow { dispatch, sandbox: row.int()? > 0, answered: row.int()? > 0 })
}

pub(crate) async fn progress(
    readers: &Readers,
    body: BodyId,
    batch: Option<BatchId>,
) -> Result<Progress, StoreError> {
    let mut progress = Progress::default();
    for mut row in readers.rows(PROGRESS, args![body.0, batch_key(batch)]).await? {
        let state: DispatchState = row.word("state")?;
        let count = u64::try_from(row.int()?).unwrap_or(0);
        match state {
            DispatchState::Waiting => progress.waiting = count,
            DispatchState::Doubtful => progress.doubtful = count,
            DispatchState::Delivered => progress.delivered = count,
            DispatchState::Failed => progress.failed = count,
            DispatchState::Cancelled => progress.cancelled = count,
        }
    }
    Ok(progress)
}
