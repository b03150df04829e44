//! Certified and ordinary mail both ways through the sandbox post office, as a body lives with it.

use messo_postoffice::{Letter, PostOffice};
use messo_tests::Installation;
use messo_tests::post_office::{self, LAWYER, PEC};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const HEADER: &str =
    "numero;anno;data_presentazione;materia;ruolo;nome;cognome;pec;email;data_incontro;sede\n";

/// A sheet with one recipient for each of these words, by PEC and e-mail.
fn sheet(words: &[&str]) -> String {
    let mut sheet = HEADER.to_owned();
    for (index, word) in words.iter().enumerate() {
        writeln!(
            sheet,
            "{};2026;02/11/2026;condominio;convocato;Anna;Caso {word};{word}.rossi@altra-pec.sandbox.example;anna{index}@ordinaria.sandbox.example;04/12/2026 10:00;Sala Blu, Via Larga 7, Firenze",
            index + 1
        )
        .expect("a string takes every line");
    }
    sheet
}

/// Releases a sheet by a plan; the dispatch of each word.
pub(super) fn release(
    installation: &Installation,
    words: &[&str],
    plan: &str,
) -> HashMap<String, String> {
    let file = installation.file("cases.csv", sheet(words));
    let file = file.to_str().expect("a path in UTF-8");
    let report =
        installation.json(&["send", file, "--template", "convocazione", "--plan", plan, "--json"]);
    let lines = report["dispatches"].as_array().expect("dispatches").clone();
    assert_eq!(lines.len(), words.len(), "{report}");
    words
        .iter()
        .zip(lines)
        .map(|(word, line)| ((*word).to_owned(), line["id"].as_str().unwrap().to_owned()))
        .collect()
}

pub(super) fn show(installation: &Installation, id: &str) -> Value {
    installation.json(&["dispatch", "show", id, "--json"])
}

/// The state of the leg of a channel.
pub(super) fn leg(shown: &Value, channel: &str) -> String {
    let legs = shown["legs"].as_array().expect("legs");
    let leg = legs.iter().find(|leg| leg["channel"] == channel).expect("a leg of that channel");
    leg["state"].as_str().expect("a state").to_owned()
}

/// Waits until the leg of a channel is in a state.
pub(super) async fn until(
    installation: &Installation,
    id: &str,
    channel: &str,
    state: &str,
) -> Value {
    let mut shown = Value::Null;
    for _ in 0..150 {
        shown = show(installation, id);
        if leg(&shown, channel) == state {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the {channel} leg never was {state}: {shown:#}");
}

pub(super) fn signals(shown: &Value) -> Vec<String> {
    let receipts = shown["receipts"].as_array().expect("receipts");
    receipts
        .iter()
        .map(|receipt| receipt["signal"].as_str().unwrap_or_default().to_owned())
        .collect()
}

pub(super) async fn open() -> (PostOffice, Installation) {
    messo_tests::install_tls_provider();
    let office = post_office::open().await;
    let installation = post_office::installation(&office).with("MESSO_WORKER_SWEEP_MS", "100");
    (office, installation)
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_in_any_order_number_and_form_move_the_right_dispatch() {
    let (_office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let delivered = [
        "consegnata",
        "tardi",
        "disordine",
        "doppia",
        "senza-accettazione",
        "dodici-poi-consegna",
        "breve",
        "sintetica",
        "riscritta",
        "sporca",
        "latina",
        "scarna",
        "maiuscole",
        "aperta",
        "imbustata",
        "ber",
        "gestore",
    ];
    let failed = [
        "non-accettata",
        "virus-mittente",
        "mancata",
        "inesistente",
        "dominio-inesistente",
        "casella-piena",
        "virus",
        "ventiquattro-ore",
        "solo-ventiquattro",
        "esterna",
    ];
    let waiting = [
        "muta",
        "senza-consegna",
        "dodici-ore",
        "falsa",
        "non-firmata",
        "troncata",
        "altro-firmatario",
        "sconosciuta",
    ];
    let words: Vec<&str> = delivered.iter().chain(&failed).chain(&waiting).copied().collect();
    let ids = release(&installation, &words, "pec>email");
    for word in delivered {
        let shown = until(&installation, &ids[word], "pec", "delivered").await;
        assert_eq!(shown["state"], "delivered", "{word}");
        assert_eq!(leg(&shown, "email"), "skipped", "{word}: the fallback was not needed");
    }
    for word in failed {
        until(&installation, &ids[word], "pec", "failed").await;
        let shown = until(&installation, &ids[word], "email", "delivered").await;
        assert_eq!(shown["state"], "delivered", "{word}: by the next way");
    }
    for word in waiting {
        let shown = show(&installation, &ids[word]);
        assert_eq!(
            leg(&shown, "pec"),
            "submitted",
            "{word}: nothing that does not verify moves a state: {shown:#}"
        );
        assert_eq!(leg(&shown, "email"), "planned", "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_after_twenty_four_hours_still_wins_and_is_never_sent_twice() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["ventiquattro-poi-consegna"], "pec>email");
    let id = &ids["ventiquattro-poi-consegna"];
    let shown = until(&installation, id, "pec", "delivered").await;
    let attempts = shown["attempts"].as_array().unwrap();
    let by_pec = attempts.iter().filter(|attempt| attempt["channel"] == "pec").count();
    assert_eq!(by_pec, 1, "{shown:#}");
    assert!(signals(&shown).contains(&"delivered".to_owned()));
    drop(office);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_finds_its_address_and_a_holiday_note_is_no_answer() {
    let (_office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let mut sheet = HEADER.to_owned();
    let words = ["inesistente", "assente", "aderisce"];
    for (index, word) in words.iter().enumerate() {
        writeln!(sheet, "{};2026;02/11/2026;condominio;convocato;Anna;Caso {word};;{word}.rossi@ordinaria.sandbox.example;04/12/2026 10:00;Sala Blu", index + 1).unwrap();
    }
    let file = installation.file("ordinary.csv", sheet);
    let report = installation.json(&[
        "send",
        file.to_str().unwrap(),
        "--template",
        "convocazione",
        "--plan",
        "email",
        "--json",
    ]);
    let id = |index: usize| report["dispatches"][index]["id"].as_str().unwrap().to_owned();
    until(&installation, &id(0), "email", "failed").await;
    let mut answered = Value::Null;
    for _ in 0..100 {
        answered = show(&installation, &id(2));
        if signals(&answered).contains(&"answer".to_owned()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(signals(&answered).contains(&"answer".to_owned()), "{answered:#}");
    let away = show(&installation, &id(1));
    assert_eq!(away["state"], "delivered");
    assert_eq!(signals(&away), ["progress"], "the note is kept and is no answer: {away:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_petition_by_pec_is_registered_becomes_a_draft_and_its_author_is_told() {
    let (office, installation) = open().await;
    let serving = installation.serve(&[]).ready().await;
    let petition = Letter::new(
        LAWYER,
        PEC,
        "Istanza di mediazione Rossi c. Bianchi",
        "Si deposita l'istanza in allegato.",
    )
    .attach("istanza.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")
    .attach(
        "programma.pdf.exe",
        "application/pdf",
        b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff",
    );
    office.deliver_petition(PEC, &petition).unwrap();
    let told = post_office::first_letter(&office, LAWYER).await;
    assert!(told.contains("Ricevuta di protocollo"), "{told}");
    let listed = installation.json(&["register", "list", "--year", "2026", "--json"]);
    let text = listed.to_string();
    assert!(text.contains("Istanza di mediazione Rossi c. Bianchi"), "{text}");
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_moved_and_renumbered_is_taken_once() {
    let (office, installation) = open().await;
    let serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["consegnata"], "pec");
    let shown = until(&installation, &ids["consegnata"], "pec", "delivered").await;
    let before = signals(&shown).len();
    office.renumber(PEC, "Ricevute").unwrap();
    office.duplicate(PEC, "Ricevute").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = show(&installation, &ids["consegnata"]);
    assert_eq!(signals(&after).len(), before, "{after:#}");
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_of_a_certified_notice_holds_offline_and_says_who_signed() {
    let (_office, installation) = open().await;
    let serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["consegnata"], "pec");
    until(&installation, &ids["consegnata"], "pec", "delivered").await;
    drop(serving);
    let bundle = installation.folder().join("prova.zip");
    let bundle = bundle.to_str().unwrap();
    installation.ok(&["evidence", "export", &ids["consegnata"], "--out", bundle]);
    let trust = installation.data().join("trust");
    let elsewhere = tempfile::tempdir().unwrap();
    let verified = verify(elsewhere.path(), bundle, &trust);
    assert_eq!(verified["valid"], true, "{verified:#}");
}

/// Verifies as somebody without the installation would.
fn verify(folder: &Path, bundle: &str, trust: &Path) -> Value {
    let output = std::process::Command::new(messo_tests::messo_binary())
        .current_dir(folder)
        .args(["evidence", "verify", bundle, "--json", "--trust"])
        .arg(trust)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
