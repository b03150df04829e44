//! `messo dispatch`: what became of one dispatch, and of many.

use crate::cli::Dispatch;
use crate::config::Place;
use crate::house::House;
use anyhow::Context;
use messo_core::ports::DispatchFilter;
use messo_engine::Verdict;
use std::io::Write;

/// Shows, lists or settles.
pub async fn run(command: Dispatch, place: &Place) -> anyhow::Result<()> {
    let house = House::open(place).await?;
    let body = house.body().await?.id;
    match command {
        Dispatch::Show { id, json } => {
            let view = messo_web::views::dispatch(&house.engine, body, id)
                .await?
                .with_context(|| format!("there is no dispatch {id}"))?;
            if json {
                println!("{}", serde_json::to_string(&view)?);
            } else {
                println!("{}", serde_json::to_string_pretty(&view)?);
            }
        }
        Dispatch::List { limit, jsonl } => {
            let filter = DispatchFilter { limit, ..DispatchFilter::default() };
            let mut out = std::io::stdout().lock();
            for row in house.engine.store.dispatches(body, &filter).await? {
                let (dispatch, state) = (&row.dispatch, row.dispatch.state());
                if jsonl {
                    let line = serde_json::json!({
                        "id": dispatch.id, "row": dispatch.row, "state": state,
                        "case": dispatch.facts.case, "sandbox": row.sandbox,
                    });
                    writeln!(out, "{line}")?;
                } else {
                    let case = &dispatch.facts.case;
                    let (number, year) = (&case.number, case.year);
                    writeln!(out, "{}  {:10}  {number}/{year}", dispatch.id, state.word())?;
                }
            }
        }
        Dispatch::Settle { id, leg, sent, not_sent: _ } => {
            let verdict = if sent { Verdict::Sent } else { Verdict::NotSent };
            let dispatch = house.engine.settle(body, id, leg, verdict, "command line").await?;
            println!("{}", dispatch.state().word());
        }
    }
    Ok(())
}
