//! The process is killed at random moments of a run; nothing is lost, nothing is sent twice unseen.

use messo_tests::{Installation, MailCounter, sheets};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

const NOTICES: usize = 500;
/// How often the worker is killed before it may finish.
const KILLS: u64 = 14;

fn report(installation: &Installation, sheet: &str) -> Value {
    installation.json(&["send", sheet, "--template", "convocazione", "--plan", "email", "--json"])
}

/// Lets a worker run until nothing is under way but doubts.
async fn work_until_quiet(installation: &Installation, sheet: &str) -> Value {
    let _worker = installation.serve(&["--role", "worker"]);
    for _ in 0..240 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let report = report(installation, sheet);
        if report["waiting"] == report["doubtful"] {
            return report;
        }
    }
    panic!("the run did not come to its end:\n{}", installation.log("messo.log"));
}

fn recipient(installation: &Installation, dispatch: &str) -> (String, u64) {
    let shown = installation.json(&["dispatch", "show", dispatch, "--json"]);
    let address = shown["legs"][0]["address"].as_str().expect("an address").to_owned();
    (address, shown["attempts"].as_array().map_or(0, Vec::len) as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_many_times_loses_nothing_and_sends_nothing_twice_unseen() {
    let counter = MailCounter::start(Duration::from_millis(8)).await.expect("a mail server");
    let installation = Installation::new(&["--smtp", &counter.smtp_url()])
        .with("MESSO_WORKER_LEASE_S", "3")
        .with("MESSO_WORKER_SWEEP_MS", "50")
        .with("MESSO_LOG_LEVEL", "error");
    let sheet = installation.file("cases.csv", sheets::summonses(NOTICES, "example.test"));
    let sheet = sheet.to_str().expect("a path in UTF-8");
    let released = report(&installation, sheet);
    assert_eq!(released["released"], NOTICES as u64);

    // Times of death spread by a multiplicative generator: the same ones in every run of the test.
    let mut seed = 20_261_122_u64;
    for _ in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut worker = installation.serve(&["--role", "worker"]);
        tokio::time::sleep(Duration::from_millis(150 + (seed >> 33) % 700)).await;
        worker.kill();
    }
    let before = counter.taken().len();
    assert!(before > 0, "the worker was never alive long enough to send anything");
    let quiet = work_until_quiet(&installation, sheet).await;

    // Nobody got two, and whoever got none is in doubt, where a person sees it.
    let taken = counter.taken();
    let twice: Vec<_> = taken.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    let states = states(&quiet);
    assert_eq!(
        states.values().filter(|state| *state == "delivered").count() as u64,
        quiet["delivered"].as_u64().unwrap()
    );
    let doubtful: Vec<&String> =
        states.iter().filter(|(_, state)| *state == "doubtful").map(|(id, _)| id).collect();
    assert_eq!(doubtful.len() + quiet["delivered"].as_u64().unwrap() as usize, NOTICES);

    // The mail server is the evidence that settles the doubts.
    for dispatch in &doubtful {
        let (address, attempts) = recipient(&installation, dispatch);
        assert_eq!(attempts, 1, "an attempt in doubt was repeated");
        let verdict = if taken.contains_key(&address) { "--sent" } else { "--not-sent" };
        installation.ok(&["dispatch", "settle", dispatch, verdict]);
    }
    let end = work_until_quiet(&installation, sheet).await;
    assert_eq!(end["delivered"], NOTICES as u64);
    let taken = counter.taken();
    assert_eq!(taken.len(), NOTICES);
    assert!(taken.values().all(|ids| ids.len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_it_waits_for_its_pace_leaves_no_doubt_about_what_had_no_turn() {
    const NOTICES: usize = 260;
    const KILLS: u64 = 4;
    let counter = MailCounter::start(Duration::from_millis(8)).await.expect("a mail server");
    // Ten messages a second after thirty at once: then every place but one waits for its turn.
    const BURST: usize = 30;
    let relay = format!("{}?per_minute=600", counter.smtp_url());
    let installation = Installation::new(&["--smtp", &relay])
        .with("MESSO_WORKER_LEASE_S", "3")
        .with("MESSO_WORKER_SWEEP_MS", "50")
        .with("MESSO_LOG_LEVEL", "error");
    let sheet = installation.file("cases.csv", sheets::summonses(NOTICES, "example.test"));
    let sheet = sheet.to_str().expect("a path in UTF-8");
    assert_eq!(report(&installation, sheet)["released"], NOTICES as u64);
    for kill in 1..=KILLS {
        let before = counter.taken().len();
        let mut worker = installation.serve(&["--role", "worker"]);
        for _ in 0..1_000 {
            if counter.taken().len() > before + BURST {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(137 * kill)).await;
        worker.kill();
    }
    assert!(counter.taken().len() < NOTICES, "the run was over before its pace was felt");
    let quiet = work_until_quiet(&installation, sheet).await;
    let (doubtful, delivered) = (quiet["doubtful"].as_u64(), quiet["delivered"].as_u64());
    // What was on its way when the process died; before turns came first it was every place each time.
    assert!(doubtful <= Some(2 * KILLS), "{doubtful:?} in doubt after {KILLS} kills");
    assert_eq!(doubtful.unwrap_or(0) + delivered.unwrap_or(0), NOTICES as u64);
    assert!(counter.taken().values().all(|ids| ids.len() == 1));
}

fn states(report: &Value) -> HashMap<String, String> {
    let lines = report["dispatches"].as_array().expect("a list of dispatches");
    lines
        .iter()
        .map(|line| {
            (
                line["id"].as_str().unwrap_or("").to_owned(),
                line["state"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect()
}
