//! Waiting for the end of a run, and listing what became of each row.

use super::Line;
use crate::house::House;
use crate::progress::Progress;
use messo_core::dispatches::Dispatch;
use messo_core::ids::DispatchId;
use messo_core::legs::Proof;
use messo_core::ports::{DispatchFilter, Progress as Standing};
use messo_engine::{Released, Run};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Dispatches read at a time.
const PAGE: u32 = 5_000;

/// Waits until nothing of the run is under way, or until the time is over. What is in doubt is not
/// waited for when nothing else is: a person has to settle it.
pub async fn until_over(house: &House, run: &Run, timeout_s: u64) -> anyhow::Result<Standing> {
    let deadline = Instant::now() + Duration::from_secs(timeout_s);
    let store = &house.engine.store;
    let mut standing = store.progress(run.body, Some(run.batch)).await?;
    let total = standing.waiting + over(&standing) + standing.doubtful;
    let mut progress = Progress::new("invio", total);
    while standing.waiting > 0 {
        if Instant::now() >= deadline {
            eprintln!("Ancora in corso: {}; il server li porta a termine.", standing.waiting);
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        standing = store.progress(run.body, Some(run.batch)).await?;
        progress.at(over(&standing) + standing.doubtful);
    }
    progress.end();
    Ok(standing)
}

fn over(standing: &Standing) -> u64 {
    standing.delivered + standing.failed + standing.cancelled
}

/// What became of each row, in the order of the file.
pub async fn lines(house: &House, run: &Run, released: &[Released]) -> anyhow::Result<Vec<Line>> {
    let mut states: HashMap<DispatchId, (&'static str, Option<Proof>)> =
        HashMap::with_capacity(released.len());
    let mut filter =
        DispatchFilter { batch: Some(run.batch), limit: PAGE, ..DispatchFilter::default() };
    loop {
        let page = house.engine.store.dispatches(run.body, &filter).await?;
        filter.before = page.last().map(|row| row.dispatch.id);
        states.extend(page.iter().map(|row| (row.dispatch.id, standing(&row.dispatch))));
        if page.len() < PAGE as usize || states.len() >= super::MAX_DISPATCHES {
            break;
        }
    }
    let mut lines = Vec::with_capacity(released.len());
    for row in released {
        let (state, proof) = match states.get(&row.dispatch) {
            Some(standing) => *standing,
            // Released by an earlier run.
            None => {
                let known = house.engine.store.dispatch(run.body, row.dispatch).await?;
                known.as_ref().map_or(("waiting", None), standing)
            }
        };
        lines.push(Line { id: row.dispatch, row: row.row, state, proof });
    }
    Ok(lines)
}

fn standing(dispatch: &Dispatch) -> (&'static str, Option<Proof>) {
    (dispatch.state().word(), dispatch.proof())
}
