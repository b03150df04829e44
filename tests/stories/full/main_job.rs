//! The main job through real servers: Postfix into Dovecot, Kannel into its SMS centre.

use messo_tests::{Installation, Kannel, Servers, kannel, process, sheets};
use std::path::Path;

fn configure(data: &Path, kannel: &Kannel) {
    let file = data.join("messo.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let sms = format!(
        "[sms]\nprovider = \"kannel\"\nurl = \"{}\"\nuser = \"{}\"\npassword = \"{}\"\n",
        kannel.sendsms_url(),
        kannel::USER,
        kannel::PASSWORD
    );
    std::fs::write(&file, text.replacen("[sms]\n", &sms, 1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_leaves_by_mail_and_sms_and_its_receipts_are_followed_to_the_end() {
    messo_tests::install_tls_provider();
    let postfix = Servers::postfix().await;
    let inbound = format!("http://127.0.0.1:{}/unused", process::free_port());
    let kannel = Kannel::start(&inbound).await.expect("Kannel");
    let installation =
        Installation::new(&["--smtp", &postfix.smtp_url()]).with("MESSO_WORKER_SWEEP_MS", "200");
    configure(&installation.data(), &kannel);
    let sheet = installation.file("cases.csv", sheets::summonses(20, "main.example.test"));
    let report = installation.json(&[
        "send",
        sheet.to_str().unwrap(),
        "--template",
        "convocazione",
        "--plan",
        "email+sms",
        "--wait",
        "--timeout",
        "120",
        "--json",
    ]);
    assert_eq!(report["delivered"], 20, "{report}");
    assert_eq!(report["sandbox"], false);

    let mails = postfix.mailbox("anna3@main.example.test").await;
    assert_eq!(mails.len(), 1);
    let mail = String::from_utf8_lossy(&mails[0]).into_owned();
    assert!(mail.contains("Auto-Submitted: auto-generated"));
    assert!(mail.contains("multipart/alternative"));
    let id = report["dispatches"][3]["id"].as_str().unwrap();
    let shown = installation.json(&["dispatch", "show", id, "--json"]);
    // Both ways leave at once: their attempts stand in whichever order they were begun.
    let attempts = shown["attempts"].as_array().unwrap();
    let by = |channel: &str| attempts.iter().find(|attempt| attempt["channel"] == channel);
    let reference = by("email").expect("an e-mail")["reference"].as_str().unwrap();
    assert!(mail.contains(&format!("Message-ID: <{reference}>")), "the Message-ID is ours");
    assert_eq!(by("sms").expect("an SMS")["sandbox"], false);
    let receipts = shown["receipts"].as_array().unwrap();
    assert!(receipts.iter().any(|receipt| receipt["channel"] == "sms"), "{shown}");
    let parts = kannel.received_at_least(20).await;
    assert!(parts.len() >= 20);

    let bundle = installation.folder().join("prova.zip");
    let bundle = bundle.to_str().unwrap();
    installation.ok(&["evidence", "export", id, "--out", bundle]);
    assert_eq!(installation.json(&["evidence", "verify", bundle, "--json"])["valid"], true);
}
