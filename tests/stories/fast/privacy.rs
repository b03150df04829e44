//! No name, address, code or message text in logs, whatever happens.

use messo_tests::{Installation, sheets};

/// Words that stand in the sheet and must not come out again.
const CANARY: [&str; 4] = ["kanarienvogel", "3339999111", "Viacanarino", "Canarini"];

fn sheet() -> String {
    let mut text = sheets::HEADER.to_owned();
    for (row, tag) in
        ["", "+bounced", "+refused", "+throttled", "+doubtful", "+answer"].iter().enumerate()
    {
        text += &format!(
            "{row};2026;02/11/2026;condominio;10;convocato;Kanarienvogel{row};Canarini;kanarienvogel{row}{tag}@example.test;3339999111;Viacanarino;1;50123;Firenze;FI;02/12/2026 10:00;Sala\n",
        );
    }
    text
}

#[test]
fn a_canary_in_the_data_never_appears_in_logs_or_metrics() {
    let installation = Installation::new(&["--sandbox"])
        .with("MESSO_LOG_LEVEL", "debug")
        .with("MESSO_WORKER_SWEEP_MS", "100");
    let file = installation.file("cases.csv", sheet());
    let output = installation.run(&[
        "send",
        file.to_str().unwrap(),
        "--template",
        "convocazione",
        "--plan",
        "email+sms",
        "--wait",
        "--timeout",
        "25",
        "--json",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(said.len() > 200, "nothing was logged, so nothing was tested: {said}");
    for word in CANARY {
        assert!(!said.contains(&word.to_lowercase()), "«{word}» is in the log:\n{said}");
    }
}

#[test]
fn a_secret_of_the_configuration_is_never_printed() {
    let installation = Installation::new(&["--smtp", "smtp://127.0.0.1:9"]);
    let file = installation.data().join("messo.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let nonsense = "smtp://utente:passerosegreto@127.0.0.1:9/?nonsense=1";
    std::fs::write(&file, text.replace("smtp://127.0.0.1:9", nonsense)).unwrap();
    for command in [&["doctor"][..], &["doctor", "--json"], &["serve", "--role", "worker"]] {
        let mut child = installation
            .command(command)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&said).contains("passerosegreto"));
    }
}
