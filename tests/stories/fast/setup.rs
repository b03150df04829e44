//! Installing: what is asked for wrongly is said before anything is written, and what is wrong is found.

use messo_tests::{Installation, messo_binary};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn init(data: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(messo_binary());
    command.args(["init", "--data", data.to_str().unwrap()]).args(options);
    command.env_remove("MESSO_DATA").output().expect("messo can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Findings of `messo doctor` that are no good, as `what: detail`.
fn problems(installation: &Installation) -> Vec<String> {
    let report = installation.json(&["doctor", "--json"]);
    let findings = report["findings"].as_array().expect("findings");
    let bad = findings.iter().filter(|finding| finding["ok"] == false);
    bad.map(|finding| format!("{}: {}", finding["what"], finding["detail"])).collect()
}

#[test]
fn an_address_that_cannot_be_meant_is_refused_by_its_option_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/b");
    for (option, value) in [
        ("--smtp", "mail.example.it:25"),
        ("--smtp", "http://passerosegreto@mail"),
        ("--database", "mysql://u:passerosegreto@host/messo"),
        ("--broker", "http://u:passerosegreto@host"),
        ("--public-url", "messo.example.it"),
        ("--email", "segreteria@"),
        // Good to read, but nobody is there: what was begun goes away again.
        ("--database", "postgres://u:passerosegreto@127.0.0.1:9/messo"),
    ] {
        let output = init(&data, &[option, value]);
        let said = said(&output);
        assert!(!output.status.success(), "{option} {value}");
        assert!(!said.contains("passerosegreto"), "{said}");
        assert!(
            !folder.path().join("a").exists(),
            "{option} {value} left something behind: {said}"
        );
    }
    let said = said(&init(&data, &["--smtp", "mail.example.it:25"]));
    assert!(said.contains("--smtp") && said.contains("smtp://user:password@host:port"), "{said}");
}

#[test]
fn a_folder_that_was_there_keeps_what_was_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("keys.json.bak");
    std::fs::write(&kept, "x").unwrap();
    let output = init(folder.path(), &["--database", "postgres://u@127.0.0.1:9/messo"]);
    assert!(!output.status.success());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn secrets_and_data_belong_to_their_owner_alone() {
    let installation = Installation::new(&["--sandbox"]);
    for name in ["messo.toml", "keys.json", "messo.db"] {
        let about = std::fs::metadata(installation.data().join(name)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let keys = installation.data().join("keys.json");
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(problems(&installation).iter().any(|problem| problem.contains("chmod 600")));
}

#[test]
fn a_misspelt_option_stops_every_command_with_the_name_that_was_meant() {
    let installation = Installation::new(&["--sandbox"]);
    let file = installation.data().join("messo.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("[server]", "[server]\npublic_ulr = \"https://a.it\""))
        .unwrap();
    for command in [
        &["serve"][..],
        &["doctor"],
        &["migrate"],
        &["dispatch", "list"],
        &["key", "create", "x"],
        &["notice", "list"],
    ] {
        let output = installation.run(command);
        let said = said(&output);
        assert!(!output.status.success(), "{command:?}");
        assert!(
            said.contains("«server.public_ulr» is no option; did you mean «server.public_url»?"),
            "{said}"
        );
    }
    std::fs::write(&file, good.replace("[email]", "[email]\nurl = smtp://u:passerosegreto@h"))
        .unwrap();
    let said = said(&installation.run(&["doctor"]));
    assert!(said.contains("line ") && !said.contains("passerosegreto"), "{said}");
}

#[test]
fn the_doctor_finds_addresses_that_only_a_rehearsal_may_have() {
    let rehearsal = Installation::new(&["--sandbox"]);
    assert_eq!(problems(&rehearsal), Vec::<String>::new());
    let real = Installation::new(&["--smtp", "smtp://127.0.0.1:9"]);
    real.ok(&["body", "set", "--email", "segreteria@organismo.example"]);
    let found = problems(&real);
    let about = |what: &str| found.iter().any(|problem| problem.contains(what));
    assert!(about("public address") && about("server.public_url"), "{found:?}");
    assert!(about("segreteria@organismo.example"), "{found:?}");
    real.ok(&["body", "set", "--email", "segreteria@alfa.it", "--patron-saint", "06-24"]);
    let real = real.with("MESSO_SERVER_PUBLIC_URL", "https://messo.alfa.it");
    let found = problems(&real);
    assert!(!found.iter().any(|problem| problem.contains("public") || problem.contains("sender")));
}

#[test]
fn a_database_that_is_missing_is_said_and_not_made() {
    let installation = Installation::new(&["--sandbox"]);
    let database = installation.data().join("messo.db");
    for name in ["messo.db", "messo.db-wal", "messo.db-shm"] {
        let _ = std::fs::remove_file(installation.data().join(name));
    }
    for command in [&["doctor"][..], &["serve"], &["dispatch", "list"]] {
        let output = installation.run(command);
        assert!(!output.status.success(), "{command:?}");
        assert!(said(&output).contains("is not there"), "{}", said(&output));
        assert!(!database.exists(), "{command:?} made an empty one");
    }
}

#[test]
fn the_public_address_is_written_down_when_it_is_given() {
    let installation = Installation::new(&["--sandbox", "--public-url", "https://messo.alfa.it/"]);
    let text = std::fs::read_to_string(installation.data().join("messo.toml")).unwrap();
    assert!(text.contains("\npublic_url = \"https://messo.alfa.it\"\n"));
    assert!(text.contains("\nsecure_cookies = true\n"), "and the session travels by HTTPS alone");
}
