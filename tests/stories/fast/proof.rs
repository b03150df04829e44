//! Proof of a certified notice on another machine: what is in the bundle, who stamped it, and every way of
//! spoiling it named.

use messo_core::ids::BlobHash;
use messo_postoffice::PostOffice;
use messo_signatures::testing::TestCa;
use messo_tests::{Installation, post_office};
use messo_timestamps::testing::TestAuthority;
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const SHEET: &str = "numero;anno;data_presentazione;materia;ruolo;nome;cognome;pec;data_incontro;sede;fonte_pec\n\
    1;2026;02/11/2026;condominio;convocato;Anna;Rossi;consegnata.rossi@altra-pec.sandbox.example;04/12/2026 10:00;Sala Blu;INI-PEC\n\
    2;2026;02/11/2026;condominio;convocato;Bruno;Bianchi;mancata.bianchi@altra-pec.sandbox.example;04/12/2026 10:00;Sala Blu;\n";

/// Name and bytes of a member.
type Member = (String, Vec<u8>);

/// Sends two notices by PEC and waits until their receipts are there; the dispatches.
async fn sent(installation: &Installation) -> Vec<String> {
    let serving = installation.serve(&[]).ready().await;
    let file = installation.file("cases.csv", SHEET);
    let file = file.to_str().expect("a path in UTF-8");
    let report =
        installation.json(&["send", file, "--template", "convocazione", "--plan", "pec", "--json"]);
    let ids: Vec<String> = (0..2)
        .map(|row| report["dispatches"][row]["id"].as_str().expect("an id").to_owned())
        .collect();
    for (id, state) in ids.iter().zip(["delivered", "failed"]) {
        let mut shown = Value::Null;
        for _ in 0..200 {
            shown = installation.json(&["dispatch", "show", id, "--json"]);
            if shown["state"] == state
                && shown["receipts"].as_array().is_some_and(|all| all.len() >= 2)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(shown["state"], state, "{shown:#}");
    }
    drop(serving);
    ids
}

async fn open(authority: &TestAuthority, ca: &TestCa) -> (PostOffice, Installation) {
    messo_tests::install_tls_provider();
    let office = post_office::open().await;
    let installation = post_office::installation(&office)
        .with("MESSO_WORKER_SWEEP_MS", "100")
        .with("MESSO_TIMESTAMPS_URL", &authority.url);
    let root = installation.data().join("trust/tsa.pem");
    std::fs::write(root, messo_signatures::testing::pem(&ca.root.certificate)).expect("a root");
    (office, installation)
}

fn export(installation: &Installation, id: &str, name: &str) -> Vec<u8> {
    let file = installation.folder().join(name);
    installation.ok(&["evidence", "export", id, "--out", file.to_str().expect("a path")]);
    std::fs::read(file).expect("the bundle")
}

/// Verifies as somebody would who has the program, the file and nothing else.
fn verified(bundle: &[u8], trust: Option<&Path>) -> (bool, Value) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::write(elsewhere.path().join("prova.zip"), bundle).expect("the bundle");
    let mut command = std::process::Command::new(messo_tests::messo_binary());
    command.current_dir(elsewhere.path()).env_remove("MESSO_DATA");
    command.args(["evidence", "verify", "prova.zip", "--json"]);
    if let Some(trust) = trust {
        command.arg("--trust").arg(trust);
    }
    let output = command.output().expect("the program runs");
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), found)
}

fn members(bundle: &[u8]) -> Vec<Member> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bundle)).expect("an archive");
    (0..zip.len())
        .map(|index| {
            let mut file = zip.by_index(index).expect("a member");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("its bytes");
            (file.name().expect("a name").into_owned(), bytes)
        })
        .collect()
}

fn packed(members: &[Member]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name.as_str(), options).expect("a member");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.finish().expect("an archive").into_inner()
}

/// What a spoiled bundle is said to suffer from, as `member code`.
#[track_caller]
fn faults(bundle: &[u8]) -> Vec<String> {
    let (success, found) = verified(bundle, None);
    assert!(!success, "a spoiled bundle was accepted");
    let problems = found["problems"].as_array().expect("problems");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    problems.iter().map(|one| format!("{} {}", word(&one["member"]), word(&one["code"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_notice_is_proved_to_somebody_who_has_nothing_but_the_file() {
    let ca = TestCa::new("Marche");
    let authority = TestAuthority::start(&ca);
    let (_office, installation) = open(&authority, &ca).await;
    let ids = sent(&installation).await;
    #[expect(clippy::disallowed_methods, reason = "the story measures")]
    let begun = Instant::now();
    let bundle = export(&installation, &ids[0], "prova.zip");
    assert!(begun.elapsed() < Duration::from_secs(20), "an export takes {:?}", begun.elapsed());
    if let Ok(folder) = std::env::var("MESSO_KEEP") {
        std::fs::write(format!("{folder}/prova.zip"), &bundle).expect("the folder is there");
    }
    let all = members(&bundle);
    // Receipts stand in the order in which they were read, which is not always that of life.
    let named = |name: &str| all.iter().any(|(member, _)| member.ends_with(name));
    for name in [
        "relata.pdf",
        "relata.html",
        "inviati/1-pec.eml",
        "-pec-accettazione.eml",
        "-pec-accettazione.daticert.xml",
        "-pec-avvenuta-consegna.eml",
        "-pec-avvenuta-consegna.json",
        "catena.jsonl",
        "catena.tst",
    ] {
        assert!(
            named(name),
            "{name} is not among {:?}",
            all.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
    }
    assert!(all.iter().any(|(name, _)| name.starts_with("certificati/")));
    let page = &all.iter().find(|(name, _)| name == "relata.html").expect("a statement").1;
    let page = String::from_utf8_lossy(page);
    for words in [
        "consegnata.rossi@altra-pec.sandbox.example",
        "INI-PEC",
        "Ricevuta di avvenuta consegna",
        "giorno legale",
        "La firma del gestore è valida.",
        "marca temporale RFC 3161",
        "SIMULAZIONE",
        "D.P.R. 68",
        "Non è provato:",
    ] {
        assert!(page.contains(words), "{words}");
    }

    let trust = installation.data().join("trust");
    let (success, found) = verified(&bundle, Some(&trust));
    assert!(success, "{found:#}");
    assert_eq!(found["stamp"]["verdict"], "valid", "{found:#}");
    let receipts = found["receipts"].as_array().expect("receipts");
    assert!(receipts.iter().all(|one| one["signature"] == "valid"), "{found:#}");
    let delivery = receipts.iter().find(|one| one["kind"] == "delivery").expect("a delivery");
    assert_eq!(delivery["returns_message"], true, "{found:#}");
    let (success, found) = verified(&bundle, None);
    assert!(success, "{found:#}");
    assert_eq!(found["receipts"][0]["signature"], "not_verifiable");
    assert_eq!(found["stamp"]["verdict"], "not_verifiable");

    spoiled(&bundle, &export(&installation, &ids[1], "altra.zip"));
}

/// Truncation, changed bytes, swapped members, members of another bundle: each is named.
fn spoiled(bundle: &[u8], other: &[u8]) {
    let cut = faults(&bundle[..bundle.len() / 2]);
    assert_eq!(cut, ["fascicolo.zip archive_unreadable"]);
    let changed = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut all = members(bundle);
        change(&mut all);
        faults(&packed(&all))
    };
    let at = |all: &[Member], name: &str| {
        all.iter().position(|(member, _)| member == name).expect("the member")
    };
    let called = |all: &[Member], end: &str| {
        let found = all.iter().find(|(name, _)| name.ends_with(end));
        found.expect("the receipt").0.clone()
    };
    let ours = members(bundle);
    let one = &called(&ours, "-pec-accettazione.eml");
    let two = &called(&ours, "-pec-avvenuta-consegna.eml");
    let swapped = changed(&|all| {
        let (one, two) = (at(all, one), at(all, two));
        let bytes = all[one].1.clone();
        all[one].1 = std::mem::replace(&mut all[two].1, bytes);
    });
    assert!(swapped.contains(&format!("{one} changed")), "{swapped:?}");
    assert!(swapped.contains(&format!("{two} changed")), "{swapped:?}");
    assert!(swapped.iter().any(|fault| fault.ends_with("receipt_differs")), "{swapped:?}");
    let missing = changed(&|all| all.retain(|(name, _)| name != two));
    assert!(missing.contains(&format!("{two} missing")), "{missing:?}");
    let forged = changed(&|all| {
        let delivery = at(all, two);
        let text = String::from_utf8_lossy(&all[delivery].1).replace("rossi", "bossi");
        all[delivery].1 = text.into_bytes();
    });
    assert!(forged.contains(&format!("{two} signature_invalid")), "{forged:?}");
    let others = members(other);
    let foreign = changed(&|all| {
        let theirs = at(&others, &called(&others, "-pec-accettazione.eml"));
        let ours = at(all, one);
        all[ours].1.clone_from(&others[theirs].1);
    });
    assert!(foreign.contains(&format!("{one} other_message")), "{foreign:?}");
    let stamp = changed(&|all| {
        let theirs = at(&others, "catena.tst");
        let ours = at(all, "catena.tst");
        all[ours].1.clone_from(&others[theirs].1);
    });
    assert!(stamp.contains(&"catena.tst stamp_of_other".to_owned()), "{stamp:?}");
    let chain = &members(bundle)[at(&members(bundle), "catena.jsonl")].1;
    assert_ne!(BlobHash::of(chain), BlobHash::of(&others[at(&others, "catena.jsonl")].1));
}
