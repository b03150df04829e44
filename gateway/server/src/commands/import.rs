//! `messo import`: cases and people from a CSV, without saying anything to anybody.

use crate::cli::Import;
use crate::commands::sheet;
use crate::config::Place;
use crate::house::House;
use crate::progress::Progress;
use futures_util::StreamExt;
use messo_core::case_sheet::RowError;
use std::process::ExitCode;

/// Rows filed at a time: enough for the storage to put many into one transaction.
const AT_A_TIME: usize = 128;

/// Files every row that is sound; lists the faults of the others. A run started again files nothing
/// twice.
pub async fn run(import: Import, place: &Place) -> anyhow::Result<ExitCode> {
    let Import::Cases { file, dry_run } = import;
    let house = House::open(place).await?;
    let body = house.body().await?.id;
    let mut progress = Progress::new("registrazione", 0);
    let (mut filed, mut problems) = (0u64, Vec::new());
    let mut broken = None;
    let rows = sheet::rows(&file, house.engine.clock.now())?.filter_map(|row| match row {
        Ok(row) => row.outcome.map_err(|faults| problems.extend(faults)).ok(),
        Err(error) => {
            broken = Some(error);
            None
        }
    });
    if dry_run {
        filed = rows.count() as u64;
    } else {
        let engine = &house.engine;
        let mut filing = futures_util::stream::iter(rows)
            .map(|row| async move { engine.enroll(body, &row).await })
            .buffered(AT_A_TIME);
        while let Some(done) = filing.next().await {
            done?;
            filed += 1;
            progress.step();
        }
    }
    progress.end();
    if let Some(error) = broken {
        return Err(error.into());
    }
    print_csv(&problems)?;
    let verb = if dry_run { "corrette" } else { "registrate" };
    eprintln!("Righe {verb}: {filed}; errori: {}.", problems.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_csv(problems: &[RowError]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    out.write_record(["row", "field", "reason"])?;
    for problem in problems {
        out.write_record([&problem.row.to_string(), &problem.field, &problem.reason])?;
    }
    out.flush()?;
    Ok(())
}
