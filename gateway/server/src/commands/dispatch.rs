//! `messo dispatch`: what became of one dispatch, and of many; doubts settled, dispatches stopped.

mod settle;

use crate::cli::Dispatch;
use crate::config::Place;
use crate::house::House;
use anyhow::Context;
use messo_core::dispatches::DispatchState;
use messo_core::ids::BodyId;
use messo_core::ports::{DispatchFilter, DispatchRow};
use messo_engine::SettleError;
use std::io::Write;
use std::time::Duration;

/// Who stands in the evidence for what is decided here.
const WHO: &str = "command line";

/// Dispatches read at a time.
const PAGE: u32 = 1_000;

/// Shows, lists, settles or cancels.
pub async fn run(command: Dispatch, place: &Place) -> anyhow::Result<()> {
    let house = House::open(place).await?;
    let body = house.body().await?.id;
    match command {
        Dispatch::Show { id, json } => {
            let view = messo_web::views::dispatch(&house.engine, body, id)
                .await?
                .with_context(|| format!("there is no dispatch {id}"))?;
            if json {
                writeln!(std::io::stdout(), "{}", serde_json::to_string(&view)?)?;
            } else {
                writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&view)?)?;
            }
        }
        Dispatch::List { state, older_than, limit, json, jsonl } => {
            let form = match (json, jsonl) {
                (true, _) => Form::Object,
                (_, true) => Form::Lines,
                _ => Form::Words,
            };
            list(&house, body, state, older_than, limit, form).await?;
        }
        Dispatch::Settle(settle) => settle::run(settle, &house, body).await?,
        Dispatch::Cancel { id } => {
            let dispatch = house.engine.cancel(body, id, WHO).await.map_err(refusal)?;
            println!("{}", dispatch.state().word());
        }
    }
    Ok(())
}

/// Why nothing was settled or cancelled, for the operator: the engine's own sentence is the staff's.
fn refusal(error: SettleError) -> anyhow::Error {
    match error {
        SettleError::NotInDoubt => {
            anyhow::anyhow!("this leg is not in doubt: there is nothing to settle")
        }
        SettleError::TooLate => {
            anyhow::anyhow!("something has left already, or it is over: nothing was cancelled")
        }
        SettleError::Store(error) => error.into(),
    }
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Words,
    Lines,
    Object,
}

/// Writes the newest ones as they are read, so that a long list needs no more memory than a short one;
/// one JSON object is gathered first.
async fn list(
    house: &House,
    body: BodyId,
    state: Option<DispatchState>,
    older_than: Option<Duration>,
    limit: u32,
    form: Form,
) -> anyhow::Result<()> {
    let now = house.engine.clock.now();
    let old = |row: &DispatchRow| {
        older_than.is_none_or(|span| now.since(row.dispatch.created_at) >= span)
    };
    let mut filter = DispatchFilter { state, limit: PAGE, ..DispatchFilter::default() };
    let (mut out, mut gathered) = (std::io::stdout().lock(), Vec::new());
    let mut left = limit as usize;
    while left > 0 {
        let page = house.engine.store.dispatches(body, &filter).await?;
        for row in page.iter().filter(|row| old(row)).take(left) {
            left -= 1;
            match form {
                Form::Words => writeln!(out, "{}", words(row))?,
                Form::Lines => writeln!(out, "{}", line(row))?,
                Form::Object => gathered.push(line(row)),
            }
        }
        filter.before = page.last().map(|row| row.dispatch.id);
        if page.len() < PAGE as usize {
            break;
        }
    }
    if form == Form::Object {
        writeln!(out, "{}", serde_json::json!({ "dispatches": gathered }))?;
    }
    Ok(())
}

fn line(row: &DispatchRow) -> serde_json::Value {
    let dispatch = &row.dispatch;
    serde_json::json!({
        "id": dispatch.id, "row": dispatch.row, "state": dispatch.state(),
        "proof": dispatch.proof(), "case": dispatch.facts.case, "sandbox": row.sandbox,
        "created_at": dispatch.created_at.to_string(),
    })
}

fn words(row: &DispatchRow) -> String {
    let (dispatch, case) = (&row.dispatch, &row.dispatch.facts.case);
    let state = dispatch.state().word();
    format!("{}  {state:10}  {}/{}", dispatch.id, case.number, case.year)
}
