//! Several processes that share PostgreSQL and RabbitMQ, and a broker that dies in the middle.

use messo_tests::{Installation, MailCounter, RabbitMq, Servers, process, sheets};
use std::time::Duration;

const NOTICES: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn workers_on_shared_servers_lose_and_double_nothing_when_the_broker_is_killed() {
    let database = Servers::postgres().await.database().await;
    let broker = RabbitMq::start().await.expect("a broker of our own, to be killed");
    let host = broker.virtual_host().await;
    let counter = MailCounter::start(Duration::from_millis(20)).await.expect("a mail server");
    let installation = Installation::new(&[
        "--smtp",
        &counter.smtp_url(),
        "--database",
        &database,
        "--broker",
        &host,
    ]);
    let web = installation.serve(&["--role", "web,intake"]).ready().await;
    let _one = installation.serve_on(&["--role", "worker"], process::free_port(), "one.log");
    let _two = installation.serve_on(&["--role", "worker"], process::free_port(), "two.log");
    let sheet = installation.file("cases.csv", sheets::summonses(NOTICES, "example.test"));
    let sheet = sheet.to_str().unwrap();
    let line = ["send", sheet, "--template", "convocazione", "--plan", "email", "--json"];
    let released = installation.json(&line);
    assert_eq!(released["released"], NOTICES as u64);
    broker.kill().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    broker.restart().await;
    let mut report = released;
    for _ in 0..240 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        report = installation.json(&line);
        if report["waiting"] == 0 {
            break;
        }
    }
    assert_eq!(report["delivered"], NOTICES as u64, "{}", installation.log("one.log"));
    let taken = counter.taken();
    assert_eq!(taken.len(), NOTICES);
    assert!(taken.values().all(|ids| ids.len() == 1), "something was sent twice");
    drop(web);
}
