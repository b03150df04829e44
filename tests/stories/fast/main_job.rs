//! The main job on the sandbox: a CSV of real-looking cases, through to proof.

use messo_tests::{Installation, sheets};
use serde_json::Value;
use std::path::Path;

fn send(installation: &Installation, sheet: &Path, plan: &str, more: &[&str]) -> Value {
    let sheet = sheet.to_str().expect("a path in UTF-8");
    let mut line = vec!["send", sheet, "--template", "convocazione", "--plan", plan, "--json"];
    line.extend(more);
    installation.json(&line)
}

/// Field and reason of every fault of a row.
fn faults(report: &Value, row: u64) -> Vec<(String, String)> {
    let rejected = report["rejected"].as_array().expect("a list");
    rejected
        .iter()
        .filter(|fault| fault["row"] == row)
        .map(|fault| {
            (
                fault["field"].as_str().unwrap().to_owned(),
                fault["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[test]
fn every_row_is_delivered_and_proved_and_a_second_start_sends_nothing_again() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    let sheet = installation.file("cases.csv", sheets::summonses(12, "example.test"));
    let report = send(&installation, &sheet, "email+sms", &["--wait"]);
    assert_eq!(report["rows"], 12);
    assert_eq!(report["rejected"].as_array().unwrap().len(), 0);
    assert_eq!(report["delivered"], 12);
    assert_eq!(report["waiting"], 0);
    assert_eq!(report["sandbox"], true);

    let again = send(&installation, &sheet, "email+sms", &["--wait"]);
    assert_eq!((again["released"].clone(), again["repeated"].clone()), (12.into(), 12.into()));
    let id = again["dispatches"][0]["id"].as_str().expect("an id");
    let shown = installation.json(&["dispatch", "show", id, "--json"]);
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 2, "one by e-mail, one by SMS");
    assert!(!shown["receipts"].as_array().unwrap().is_empty());

    let bundle = installation.folder().join("prova.zip");
    let bundle = bundle.to_str().unwrap();
    installation.ok(&["evidence", "export", id, "--out", bundle]);
    let verified = installation.json(&["evidence", "verify", bundle, "--json"]);
    assert_eq!(verified["valid"], true, "{verified}");
    assert_eq!(verified["sandbox"], true);
}

#[test]
fn a_sheet_with_one_row_mended_sends_that_row_alone() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    let text = sheets::summonses(4, "example.test");
    let bad = text.replace("anna2@example.test", "anna2@");
    let sheet = installation.file("cases.csv", bad);
    let first = send(&installation, &sheet, "email", &["--wait"]);
    assert_eq!((first["released"].clone(), first["rejected_rows"].clone()), (3.into(), 1.into()));
    let sheet = installation.file("cases.csv", text);
    let second = send(&installation, &sheet, "email", &["--wait"]);
    assert_eq!((second["released"].clone(), second["repeated"].clone()), (4.into(), 3.into()));
    assert_eq!(second["delivered"], 4);
    let listed = installation.ok(&["dispatch", "list", "--jsonl"]);
    assert_eq!(listed.lines().count(), 4);
    let again = send(&installation, &sheet, "email", &["--again"]);
    assert_eq!((again["released"].clone(), again["repeated"].clone()), (4.into(), 0.into()));
}

#[test]
fn a_changed_byte_in_a_bundle_is_found_and_named() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    let sheet = installation.file("cases.csv", sheets::summonses(1, "example.test"));
    let report = send(&installation, &sheet, "email", &["--wait"]);
    let id = report["dispatches"][0]["id"].as_str().expect("an id");
    let bundle = installation.folder().join("prova.zip");
    installation.ok(&["evidence", "export", id, "--out", bundle.to_str().unwrap()]);
    let whole = std::fs::read(&bundle).unwrap();
    let changed = installation.folder().join("cambiata.zip");
    for place in [whole.len() / 10, whole.len() / 3, whole.len() / 2, whole.len() * 3 / 4] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&changed, &bytes).unwrap();
        let output = installation.run(&["evidence", "verify", changed.to_str().unwrap(), "--json"]);
        assert!(!output.status.success(), "byte {place} was changed and nobody noticed");
        let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(!verified["problems"].as_array().unwrap().is_empty());
    }
    std::fs::write(&changed, &whole[..whole.len() / 2]).unwrap();
    assert!(!installation.run(&["evidence", "verify", changed.to_str().unwrap()]).status.success());
}

#[test]
fn every_bad_row_is_shown_with_field_and_reason_before_anything_leaves() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    let mut text = sheets::summonses(2, "example.test");
    let good = text.lines().nth(1).unwrap().to_owned();
    text += &good.replace("anna0@example.test", "anna0@example..test").replace("Niccolò", "Carla"); // row 4
    text += "\n";
    text += &good.replace("02/12/2026 10:00", "").replace("Niccolò", "Dario"); // row 5
    text += "\n";
    text += &good.replace("Niccolò", "=cmd|' /C calc'!A0"); // row 6
    text += "\n";
    text += &good; // row 7 repeats row 2
    text += "\n";
    text += &good.replace("Niccolò", "\"Elena\r\nBcc: tutti@example.test\""); // row 8
    text += "\n";
    let sheet = installation.file("cases.csv", text);
    let report = send(&installation, &sheet, "email+sms", &["--dry-run"]);
    assert_eq!(report["rows"], 7);
    assert_eq!(report["rejected_rows"], 5, "{report}");
    assert_eq!(report["released"], 0);
    assert_eq!(faults(&report, 4)[0].0, "email");
    assert_eq!(faults(&report, 5)[0].0, "meeting_at");
    assert_eq!(faults(&report, 6)[0].0, "given_name");
    assert!(faults(&report, 7)[0].1.contains("riga 2"));
    assert_eq!(faults(&report, 8)[0].0, "given_name");
    let listed = installation.ok(&["dispatch", "list", "--jsonl"]);
    assert_eq!(listed, "", "a dry run stored something");

    let strict = installation.run(&[
        "send",
        sheet.to_str().unwrap(),
        "--template",
        "convocazione",
        "--plan",
        "email",
        "--strict",
    ]);
    assert!(!strict.status.success());
    assert_eq!(installation.ok(&["dispatch", "list", "--jsonl"]), "");
}

#[test]
fn excel_exports_in_cp1252_and_with_bom_read_like_plain_utf_8() {
    let installation = Installation::new(&["--sandbox"]);
    let text = sheets::summonses(6, "example.test").replace("Øystein", "Oystein");
    let (cp1252, _, lost) = messo_tests::cp1252(&text);
    assert!(!lost);
    let files = [
        installation.file("utf8.csv", &text),
        installation.file("bom.csv", format!("\u{feff}{text}")),
        installation.file("cp1252.csv", cp1252),
        installation.file("crlf.csv", text.replace('\n', "\r\n")),
        installation.file("comma.csv", text.replace(',', " -").replace(';', ",")),
    ];
    for file in &files[..4] {
        let report = send(&installation, file, "email", &["--dry-run"]);
        assert_eq!(
            (report["rows"].clone(), report["rejected_rows"].clone()),
            (6.into(), 0.into()),
            "{file:?}: {report}"
        );
    }
    let report = send(&installation, &files[4], "email", &["--dry-run"]);
    assert_eq!(report["rows"], 6);
}

#[test]
fn a_file_that_is_no_sheet_gets_one_sentence_and_stores_nothing() {
    let installation = Installation::new(&["--sandbox"]);
    let long = format!("{}{};2026\n", sheets::HEADER, "x".repeat(1_500_000));
    let cases: [(&str, Vec<u8>); 4] = [
        ("vuoto.csv", Vec::new()),
        ("senza_intestazione.csv", b"1;2;3\n4;5;6\n".to_vec()),
        ("lungo.csv", long.into_bytes()),
        ("archivio.csv", b"PK\x03\x04\x00\x00binary\x00".to_vec()),
    ];
    for (name, bytes) in cases {
        let file = installation.file(name, bytes);
        let output = installation.run(&[
            "send",
            file.to_str().unwrap(),
            "--template",
            "convocazione",
            "--plan",
            "email",
        ]);
        assert!(!output.status.success(), "{name}");
        let said = String::from_utf8(output.stderr).unwrap();
        let sentence = said.lines().rfind(|line| line.starts_with("messo:")).unwrap_or_default();
        assert!(sentence.contains(name), "{name}: {said}");
    }
}

#[test]
fn unknown_templates_and_channels_without_a_carrier_are_refused_by_name() {
    let installation = Installation::new(&["--smtp", "smtp://127.0.0.1:9"]);
    let sheet = installation.file("cases.csv", sheets::summonses(1, "example.test"));
    let sheet = sheet.to_str().unwrap();
    let no_sms = installation.run(&["send", sheet, "--template", "convocazione", "--plan", "sms"]);
    assert!(String::from_utf8_lossy(&no_sms.stderr).contains("sms"));
    assert!(!no_sms.status.success());
    let unknown = installation.run(&["send", sheet, "--template", "invito", "--plan", "email"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("invito"));
    assert!(!unknown.status.success());
}

#[test]
fn doubts_are_listed_and_settled_in_bulk_after_a_rehearsal() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    let text = sheets::summonses(4, "example.test");
    let text = text.replace("anna1@", "anna1+doubtful@").replace("anna2@", "anna2+doubtful@");
    let sheet = installation.file("cases.csv", text);
    let report = send(&installation, &sheet, "email", &["--wait"]);
    assert_eq!((&report["doubtful"], &report["delivered"]), (&2.into(), &2.into()), "{report}");
    assert_eq!(report["handed_over"], 2, "ordinary e-mail proves no delivery: {report}");

    let listed = installation.ok(&["dispatch", "list", "--state", "doubtful", "--jsonl"]);
    assert_eq!(listed.lines().count(), 2);
    let object = installation.json(&["dispatch", "list", "--state", "delivered", "--json"]);
    assert_eq!(object["dispatches"].as_array().unwrap().len(), 2);
    assert_eq!(object["dispatches"][0]["proof"], "handed_over");

    let settle = |more: &[&str]| {
        let mut line =
            vec!["dispatch", "settle", "--state", "doubtful", "--as", "failed", "--json"];
        line.extend(more);
        installation.json(&line)
    };
    let none = settle(&["--older-than", "1h"]);
    assert_eq!((&none["found"], &none["settled"]), (&0.into(), &0.into()));
    let rehearsal = settle(&["--dry-run"]);
    assert_eq!((&rehearsal["found"], &rehearsal["settled"]), (&2.into(), &0.into()));
    let settled = settle(&[]);
    assert_eq!((&settled["found"], &settled["settled"]), (&2.into(), &2.into()));
    let id = settled["legs"][0]["id"].as_str().unwrap();
    let shown = installation.json(&["dispatch", "show", id, "--json"]);
    assert_eq!(shown["state"], "failed");
    let told = shown["timeline"].to_string();
    assert!(
        told.contains("si rinuncia a questo canale") && told.contains("command line"),
        "{told}"
    );
    assert_eq!(installation.ok(&["dispatch", "list", "--state", "doubtful", "--jsonl"]), "");
}

#[test]
fn a_dispatch_of_which_nothing_has_left_can_be_cancelled() {
    let installation = Installation::new(&["--sandbox"]);
    let sheet = installation.file("cases.csv", sheets::summonses(1, "example.test"));
    let report = send(&installation, &sheet, "email", &[]);
    let id = report["dispatches"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(installation.ok(&["dispatch", "cancel", &id]).trim(), "cancelled");
    let again = installation.run(&["dispatch", "cancel", &id]);
    assert!(!again.status.success());
}

#[test]
fn odd_meetings_are_warned_of_and_petitions_of_tomorrow_are_errors() {
    let installation = Installation::new(&["--sandbox"]);
    let text = sheets::summonses(3, "example.test");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Eight days after filing, on a Sunday that is over.
    lines[1] = lines[1].replace("02/11/2026", "10/01/2026").replace("02/12/2026", "18/01/2026");
    lines[2] = lines[2].replace("02/11/2026", "10/01/2099").replace("02/12/2026", "20/02/2099");
    let sheet = installation.file("cases.csv", lines.join("\n"));
    let report = send(&installation, &sheet, "email", &["--dry-run"]);
    let reasons: Vec<String> = report["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|warning| warning["row"] == 2)
        .map(|warning| warning["reason"].as_str().unwrap().to_owned())
        .collect();
    for part in ["già passato", "20 giorni dal deposito", "domenica"] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:?}");
    }
    assert_eq!(faults(&report, 2), [], "a warning stops nothing");
    assert_eq!(
        faults(&report, 3)[0],
        ("filed_on".into(), "la data di deposito è nel futuro".into())
    );
}

#[test]
fn plain_progress_never_says_the_same_twice() {
    let installation = Installation::new(&["--sandbox"]).with("MESSO_WORKER_SWEEP_MS", "100");
    // The second one is never heard of again, so that the wait is long and nothing moves.
    let text = sheets::summonses(2, "example.test").replace("anna1@", "anna1+late@");
    let sheet = installation.file("cases.csv", text);
    let line = ["send", sheet.to_str().unwrap(), "--template", "convocazione", "--plan", "email"];
    let line = [&line[..], &["--wait", "--timeout", "9"]].concat();
    let output = installation.run(&line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let progress: Vec<_> = said.lines().filter(|line| line.starts_with("invio: ")).collect();
    assert!(!progress.is_empty(), "{said}");
    let mut different = progress.clone();
    different.dedup();
    assert_eq!(progress, different, "{said}");
}
