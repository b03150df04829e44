//! `messo send`: one notice per row of a CSV: validate, price, release, report.
//!
//! The file is read twice: once to find every fault before anything leaves, once to release. So the
//! memory hardly grows with the file; one that is not the same at the second reading is refused. Started again, after an interruption or after rows were mended, it
//! goes on where it stopped: a row that was released before is not sent twice (but for `--again`).

mod pricing;
mod waiting;

use crate::cli::{Role, Send};
use crate::commands::sheet;
use crate::config::Place;
use crate::house::House;
use crate::progress::Progress;
use crate::running::{Doors, Running};
use anyhow::{Context, bail};
use messo_core::bodies::Body;
use messo_core::case_sheet::RowError;
use messo_core::ids::{BlobHash, DispatchId};
use messo_core::legs::Proof;
use messo_core::ports::Progress as Standing;
use messo_engine::{Released, Run};
use serde::Serialize;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use tokio::time::Instant;

/// Most faults that are listed; the number of rejected rows is always whole.
const MAX_LISTED: usize = 10_000;

/// Most dispatches that are listed in the report.
const MAX_DISPATCHES: usize = 200_000;

/// The report. Its fields are a contract.
#[derive(Serialize)]
struct Report {
    rows: u64,
    rejected: Vec<RowError>,
    rejected_rows: u64,
    warnings: Vec<RowError>,
    released: u64,
    repeated: u64,
    delivered: u64,
    /// How many of the delivered ones are known to be handed over only: ordinary e-mail proves no more.
    handed_over: u64,
    failed: u64,
    waiting: u64,
    doubtful: u64,
    cancelled: u64,
    /// Thousandths of a euro, for the rows that can be released.
    cost_millieuro: u64,
    dry_run: bool,
    sandbox: bool,
    dispatches: Vec<Line>,
    seconds: f64,
}

#[derive(Serialize)]
struct Line {
    id: DispatchId,
    row: u32,
    state: &'static str,
    /// What a delivery is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
}

/// What the first reading found.
struct Check {
    rows: u64,
    problems: Vec<RowError>,
    warnings: Vec<RowError>,
    bad_rows: HashSet<u32>,
    content: BlobHash,
    cost_millieuro: u64,
}

/// Runs the command. Fails when nothing could be released of what was asked, or when a waited-for
/// run did not come to its end in time.
pub async fn run(send: &Send, place: &Place) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let house = House::open(place).await?;
    let body = house.body().await?;
    let plan = send.plan.clone().unwrap_or_else(|| house.settings.prices.default_plan.clone());
    let mut run = Run::new(body.id, &send.template, plan, BlobHash([0; 32]));
    for channel in run.plan.channels() {
        if house.engine.providers.sending(channel).is_none() {
            bail!("the channel {channel} is not configured: `messo doctor` shows which are");
        }
    }
    let check = check(&house, &send.file, &run, &body)?;
    run = Run::new(body.id, &send.template, run.plan, check.content);
    if send.again {
        run = run.again(house.engine.ids.uuid());
    }
    list_problems(&check);
    let mut report = Report::new(&house, &run, &check, send.dry_run);
    let stopped = send.strict && !check.bad_rows.is_empty();
    if stopped {
        eprintln!(
            "Nulla è stato rilasciato: righe da correggere {} (--strict).",
            report.rejected_rows
        );
    }
    if !send.dry_run && !stopped {
        deliver(&house, send, &run, &check, &mut report).await?;
    }
    report.seconds = started.elapsed().as_secs_f64();
    show(&report, send.json)?;
    if report.released > 0 {
        unchanged(&send.file, check.content)
            .context("while its rows were released; see `messo dispatch list` for what was")?;
    }
    let finished = !send.wait || send.dry_run || report.waiting == 0;
    let useful = report.rows == 0 || check.bad_rows.len() as u64 != report.rows;
    Ok(if finished && useful && !stopped { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// First reading: every fault of every row, before anything leaves.
fn check(house: &House, file: &Path, run: &Run, body: &Body) -> anyhow::Result<Check> {
    let mut check = Check {
        rows: 0,
        problems: Vec::new(),
        warnings: Vec::new(),
        bad_rows: HashSet::new(),
        content: sheet::hash(file)?,
        cost_millieuro: 0,
    };
    let mut progress = Progress::new("controllo", 0);
    for row in sheet::rows(file, house.engine.clock.now())? {
        check.rows += 1;
        progress.step();
        let row = row.with_context(|| file.display().to_string())?;
        let room = MAX_LISTED - check.warnings.len();
        check.warnings.extend(row.warnings.into_iter().take(room));
        let faults = match row.outcome {
            Err(faults) => faults,
            Ok(recipient) => {
                let request = run.request(recipient);
                let recipient = &request.recipients[0];
                let faults = house.engine.faults(recipient, &request, body)?;
                if faults.is_empty() {
                    let warnings = house.engine.warnings(recipient, &request, body);
                    let room = MAX_LISTED - check.warnings.len();
                    check.warnings.extend(warnings.into_iter().take(room));
                    check.cost_millieuro +=
                        pricing::cost(&house.settings.prices, &run.plan, &recipient.addresses);
                }
                faults
            }
        };
        for fault in faults {
            check.bad_rows.insert(fault.row);
            if check.problems.len() < MAX_LISTED {
                check.problems.push(fault);
            }
        }
    }
    progress.end();
    Ok(check)
}

/// Releases, and waits when asked to.
async fn deliver(
    house: &House,
    send: &Send,
    run: &Run,
    check: &Check,
    report: &mut Report,
) -> anyhow::Result<()> {
    unchanged(&send.file, check.content).context("nothing was released; start again")?;
    // Workers begin while rows are still being released: the first notices need not wait for the last.
    let running = if send.wait { Some(start(house).await?) } else { None };
    let good = check.rows - check.bad_rows.len() as u64;
    let mut progress = Progress::new("rilascio", good);
    let rows = sheet::rows(&send.file, house.engine.clock.now())?
        .filter_map(|row| row.ok()?.outcome.ok())
        .filter(|row| !check.bad_rows.contains(&row.row));
    let mut released: Vec<Released> = Vec::new();
    let outcome = house
        .engine
        .release(run, rows, |row| {
            progress.step();
            report.released += 1;
            report.repeated += u64::from(row.repeated);
            if released.len() < MAX_DISPATCHES {
                released.push(row);
            }
        })
        .await;
    progress.end();
    let standing = match (outcome, &running) {
        (Ok(()), Some(_)) => waiting::until_over(house, run, send.timeout).await,
        (Ok(()), None) => Ok(house.engine.store.progress(run.body, Some(run.batch)).await?),
        (Err(error), _) => Err(error.into()),
    };
    if let Some(running) = running {
        running.stop().await;
    }
    report.stands(standing?);
    report.dispatches = waiting::lines(house, run, &released).await?;
    report.count();
    Ok(())
}

/// What is released is what was checked.
fn unchanged(file: &Path, content: BlobHash) -> anyhow::Result<()> {
    if sheet::hash(file)? == content {
        return Ok(());
    }
    bail!("{} changed after it was checked", file.display())
}

/// Workers in this process, and the listener for receipts when no server holds the port already.
async fn start(house: &House) -> anyhow::Result<Running> {
    let listen = house.settings.server.listen;
    let listener = tokio::net::TcpListener::bind(listen).await.ok();
    if listener.is_none() {
        tracing::info!(%listen, "another process listens for receipts");
    }
    let doors = Doors { main: listener, health: None };
    Running::start(house, &[Role::Worker, Role::Intake], doors, None).await
}

fn list_problems(check: &Check) {
    for problem in &check.problems {
        eprintln!("riga {}, {}: {}", problem.row, problem.field, problem.reason);
    }
    for warning in &check.warnings {
        eprintln!("riga {}, {} (avviso): {}", warning.row, warning.field, warning.reason);
    }
}

impl Report {
    fn new(house: &House, run: &Run, check: &Check, dry_run: bool) -> Self {
        let sandbox = run.plan.channels().any(|channel| {
            house.engine.providers.sending(channel).is_some_and(|p| p.spec().sandbox)
        });
        Self {
            rows: check.rows,
            rejected: check.problems.clone(),
            rejected_rows: check.bad_rows.len() as u64,
            warnings: check.warnings.clone(),
            released: 0,
            repeated: 0,
            delivered: 0,
            handed_over: 0,
            failed: 0,
            waiting: 0,
            doubtful: 0,
            cancelled: 0,
            cost_millieuro: check.cost_millieuro,
            dry_run,
            sandbox,
            dispatches: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Counts what is listed: rows that an earlier run had released are not in this one's standing.
    fn count(&mut self) {
        if self.dispatches.len() as u64 != self.released {
            return;
        }
        let count =
            |state: &str| self.dispatches.iter().filter(|line| line.state == state).count() as u64;
        let standing = Standing {
            waiting: count("waiting"),
            doubtful: count("doubtful"),
            delivered: count("delivered"),
            failed: count("failed"),
            cancelled: count("cancelled"),
        };
        self.stands(standing);
        let over = |line: &&Line| line.proof == Some(Proof::HandedOver);
        let delivered = self.dispatches.iter().filter(|line| line.state == "delivered");
        self.handed_over = delivered.filter(over).count() as u64;
    }

    fn stands(&mut self, standing: Standing) {
        self.delivered = standing.delivered;
        self.failed = standing.failed;
        self.doubtful = standing.doubtful;
        self.cancelled = standing.cancelled;
        self.waiting = standing.waiting + standing.doubtful;
    }
}

fn show(report: &Report, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "Righe: {}, da correggere: {}", report.rows, report.rejected_rows)?;
    let euro = report.cost_millieuro as f64 / 1000.0;
    writeln!(out, "Costo previsto: {euro:.2} €")?;
    if report.sandbox {
        writeln!(out, "SIMULAZIONE: nulla lascia questa macchina.")?;
    }
    if !report.dry_run {
        writeln!(
            out,
            "Rilasciate: {} (già rilasciate prima: {}); consegnate {}, inviate senza conferma di consegna {}, non consegnate {}, in corso {}, da verificare {}",
            report.released,
            report.repeated,
            report.delivered - report.handed_over,
            report.handed_over,
            report.failed,
            report.waiting - report.doubtful,
            report.doubtful
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_after_it_was_checked_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pratiche.csv");
        std::fs::write(&file, "numero;anno\n1;2026\n").unwrap();
        let content = sheet::hash(&file).unwrap();
        assert!(unchanged(&file, content).is_ok());
        std::fs::write(&file, "numero;anno\n2;2026\n").unwrap();
        let said = unchanged(&file, content).unwrap_err().to_string();
        assert!(said.contains("pratiche.csv changed after it was checked"), "{said}");
    }
}
