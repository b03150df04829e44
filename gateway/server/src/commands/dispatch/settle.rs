//! `messo dispatch settle`: one leg in doubt, or all that have been so for long.

use super::{WHO, refusal};
use crate::cli::{Settle, SettledAs};
use crate::house::House;
use crate::progress::Progress;
use messo_core::ids::BodyId;
use messo_engine::{Doubts, Verdict};
use std::time::Duration;

pub(super) async fn run(settle: Settle, house: &House, body: BodyId) -> anyhow::Result<()> {
    let verdict = verdict(&settle);
    if let Some(id) = settle.id {
        let settled = house.engine.settle(body, id, settle.leg, verdict, WHO).await;
        let dispatch = settled.map_err(refusal)?;
        if settle.json {
            println!("{}", serde_json::json!({ "id": id, "state": dispatch.state() }));
        } else {
            println!("{}", dispatch.state().word());
        }
        return Ok(());
    }
    let older_than = settle.older_than.unwrap_or(Duration::ZERO);
    let doubts = if settle.dry_run {
        let found = house.engine.doubts(body, older_than).await?;
        Doubts { found, settled: 0 }
    } else {
        let mut progress = Progress::new("settling", 0);
        let settling =
            house.engine.settle_doubts(body, older_than, verdict, WHO, || progress.step());
        let settled = settling.await;
        progress.end();
        settled.map_err(refusal)?
    };
    tell(&doubts, &settle)
}

fn verdict(settle: &Settle) -> Verdict {
    match settle.verdict {
        Some(SettledAs::Failed) => Verdict::Failed,
        Some(SettledAs::Delivered) => Verdict::Sent,
        None if settle.not_sent => Verdict::NotSent,
        None => Verdict::Sent,
    }
}

fn tell(doubts: &Doubts, settle: &Settle) -> anyhow::Result<()> {
    let Doubts { found, settled } = doubts;
    if settle.json {
        let legs: Vec<_> =
            found.iter().map(|(id, leg)| serde_json::json!({ "id": id, "leg": leg })).collect();
        let report = serde_json::json!({
            "found": found.len(), "settled": settled, "dry_run": settle.dry_run, "legs": legs,
        });
        println!("{report}");
        return Ok(());
    }
    for (id, leg) in found {
        println!("{id}  leg {leg}");
    }
    if settle.dry_run {
        eprintln!("{} legs in doubt would be settled; none was.", found.len());
    } else {
        eprintln!("{settled} of {} legs in doubt are settled.", found.len());
    }
    Ok(())
}
