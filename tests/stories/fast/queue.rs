//! What a certified mailbox takes in a day, across processes: the rest waits for midnight, and the plan says so.

use messo_tests::post_office;
use serde_json::Value;

const HEADER: &str =
    "numero;anno;data_presentazione;materia;ruolo;nome;cognome;pec;data_incontro;sede\n";

/// A sheet with one recipient by PEC for each of these case numbers.
fn sheet(numbers: impl Iterator<Item = u32>) -> String {
    let row = |number| {
        format!(
            "{number};2026;02/11/2026;condominio;convocato;Anna;Caso {number};consegnata.caso{number}@altra-pec.sandbox.example;04/12/2026 10:00;Sala Blu, Via Larga 7, Firenze\n"
        )
    };
    HEADER.to_owned() + &numbers.map(row).collect::<String>()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_knows_what_the_mailbox_sent_today_and_holds_the_rest_until_midnight() {
    messo_tests::install_tls_provider();
    let office = post_office::open().await;
    let installation = post_office::installation(&office);
    let file = installation.data().join("messo.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration is there");
    // The first relay that is named is the one of e-mail.
    let (before, pec) = text.split_once("[pec]\n").expect("a section for certified mail");
    let capped = pec.replacen("sandbox = true }", "sandbox = true, per_day = 2 }", 1);
    std::fs::write(&file, format!("{before}[pec]\n{capped}")).expect("it can be written");

    let send = |name: &str, numbers: std::ops::Range<u32>| {
        let file = installation.file(name, sheet(numbers));
        let file = file.to_str().expect("a path in UTF-8").to_owned();
        let by = ["--template", "convocazione", "--plan", "pec"];
        let waiting = ["--wait", "--timeout", "4", "--json"];
        installation.json(&[&["send", &file], &by[..], &waiting[..]].concat());
    };
    let plan = || -> Value {
        let report = installation.json(&["queue", "plan", "--json"]);
        let channels = report["channels"].as_array().expect("channels").clone();
        channels.into_iter().find(|line| line["channel"] == "pec").expect("certified mail")
    };
    assert_eq!(plan()["waiting"], 0);
    send("three.csv", 1..4);
    let after_three = plan();
    assert_eq!(after_three["waiting"], 1, "{after_three:#}");
    // Another process, another notice: today's two are not forgotten.
    send("one.csv", 4..5);
    let after_four = plan();
    assert_eq!(after_four["waiting"], 2, "{after_four:#}");
    assert_eq!(after_four["per_day"], 2);
    let end = after_four["finished_at"].as_str().expect("an end");
    let end: jiff::Timestamp = end.parse().expect("an instant");
    let in_rome = end.in_tz("Europe/Rome").expect("the zone of Rome");
    assert_eq!((in_rome.hour(), in_rome.minute()), (0, 0), "{after_four:#}");
}
