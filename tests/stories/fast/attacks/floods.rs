//! Floods, repetitions and hostile texts: what comes a thousand times, twice, or with a script in its name.

use super::super::office::{PASSWORD, set_password};
use super::super::pec::open;
use super::{Inside, desk};
use messo_core::cases::CaseStanding;
use messo_core::messages::{DeskReason, Message};
use messo_core::ports::Store;
use messo_core::register::Direction;
use messo_postoffice::Letter;
use messo_tests::Installation;
use messo_tests::installation::Serving;
use messo_tests::post_office::{self, LAWYER, PEC};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_petitions_is_registered_and_makes_few_drafts_and_confirmations() {
    let (office, installation) = open().await;
    const PETITIONS: usize = 60;
    for number in 0..PETITIONS {
        let subject = format!("Istanza di mediazione {number}");
        let letter = Letter::new(LAWYER, PEC, &subject, "Ancora.").attach(
            "istanza.pdf",
            "application/pdf",
            b"%PDF-1.7\n%%EOF\n",
        );
        office.deliver_petition(PEC, &letter).unwrap();
    }
    let _serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    petitions(&inside, PETITIONS).await;
    let cases = inside.store.cases(inside.body, 1_000).await.unwrap();
    // Those that are read at the same time don't see each other: a few more than the limit.
    assert!((20..PETITIONS / 2 + 10).contains(&cases.len()), "{} drafts", cases.len());
    let entries = inside.store.register(inside.body, 2026, 1, 1_000).await.unwrap();
    let came = entries.iter().filter(|entry| entry.draft.correspondent == LAWYER).count();
    assert_eq!(came, PETITIONS, "each is registered");
}

/// Waits until this number of petitions has been read.
async fn petitions(inside: &Inside, count: usize) -> Vec<Message> {
    for _ in 0..300 {
        let mut messages = inside.messages().await;
        messages.retain(|one| {
            let summary = one.summary.as_ref();
            summary.is_some_and(|summary| summary.subject.starts_with("Istanza"))
        });
        if messages.len() >= count {
            return messages;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not all was read");
}

/// Somebody of the office at a browser, with the cookie of the session.
async fn sign_in(installation: &Installation, serving: &Serving) -> (reqwest::Client, String) {
    set_password(installation, "anna", PASSWORD);
    let none = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(none).build().unwrap();
    let form = [("login", "anna"), ("password", PASSWORD)];
    let answer = client.post(format!("{}/login", serving.url)).form(&form).send().await.unwrap();
    let cookie = answer.headers()[reqwest::header::SET_COOKIE].to_str().unwrap().to_owned();
    (client, cookie)
}

/// Reads a message again, so many times.
async fn read_again(
    installation: &Installation,
    serving: &Serving,
    message: &Message,
    times: usize,
) {
    let (client, cookie) = sign_in(installation, serving).await;
    for _ in 0..times {
        let url = format!("{}/posta/{}/rileggi", serving.url, message.id);
        let answer =
            client.post(url).header(reqwest::header::COOKIE, &cookie).send().await.unwrap();
        assert!(answer.status().is_redirection(), "{}", answer.status());
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_petition_read_again_is_registered_filed_and_confirmed_once() {
    let (office, installation) = open().await;
    let serving = installation.serve(&[]).ready().await;
    let letter = Letter::new(LAWYER, PEC, "Istanza di mediazione", "In allegato.").attach(
        "istanza.pdf",
        "application/pdf",
        b"%PDF-1.7\n%%EOF\n",
    );
    office.deliver_petition(PEC, &letter).unwrap();
    let inside = Inside::of(&installation).await;
    let message = inside.read("Istanza").await;
    for _ in 0..100 {
        if !office.messages(LAWYER, "INBOX").unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = inside.registered().await;
    read_again(&installation, &serving, &message, 3).await;
    let after = inside.read("Istanza").await;
    assert_eq!(desk(&after), Some(DeskReason::Petition));
    assert!(after.version > message.version, "it was read again");
    let cases = inside.store.cases(inside.body, 10).await.unwrap();
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].standing, CaseStanding::Draft);
    let documents = inside.store.documents(inside.body, cases[0].id).await.unwrap();
    assert_eq!(documents.len(), 2, "the message and its file");
    assert_eq!(inside.registered().await, before);
    assert_eq!(office.messages(LAWYER, "INBOX").unwrap().len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_run_killed_many_times_loses_nothing_and_takes_nothing_twice() {
    const LETTERS: usize = 300;
    let (office, installation) = open().await;
    let installation = installation.with("MESSO_WORKER_LEASE_S", "3");
    for number in 0..LETTERS {
        let from = format!("avv{number}@altra-pec.sandbox.example");
        let subject = format!("Istanza di mediazione {number}");
        let letter = Letter::new(&from, PEC, &subject, "In allegato.").attach(
            "istanza.pdf",
            "application/pdf",
            format!("%PDF-1.7\n% {number}\n%%EOF\n").as_bytes(),
        );
        office.deliver_petition(PEC, &letter).unwrap();
    }
    let inside = Inside::of(&installation).await;
    let mut seed = 20_261_122_u64;
    let mut read = Vec::new();
    for _ in 0..8 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut serving = installation.serve(&["--role", "worker,intake"]);
        // Killed some messages further on, however fast they are read here.
        let enough = inside.over().await + 1 + (seed >> 33) as usize % (LETTERS / 10);
        for _ in 0..150 {
            if inside.over().await >= enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        serving.kill();
        read.push(inside.over().await);
    }
    assert!(
        read.iter().any(|count| (1..LETTERS).contains(count)),
        "killed in the middle: {read:?}"
    );
    let _serving = installation.serve(&["--role", "worker,intake"]);
    let letters = petitions(&inside, LETTERS).await;
    assert_eq!(letters.len(), LETTERS);
    assert!(letters.iter().all(|one| desk(one) == Some(DeskReason::Petition)));
    let cases: BTreeSet<_> = letters.iter().filter_map(|one| one.summary.as_ref()?.case).collect();
    assert_eq!(cases.len(), LETTERS, "a draft each");
    let all = inside.store.cases(inside.body, 1_000).await.unwrap();
    assert_eq!(all.len(), LETTERS, "and no draft without its message");
    for case in &all {
        let documents = inside.store.documents(inside.body, case.id).await.unwrap();
        assert_eq!(documents.len(), 2);
    }
    let entries = inside.store.register(inside.body, 2026, 1, 5_000).await.unwrap();
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "no gap");
    let came: BTreeSet<_> = entries
        .iter()
        .filter(|entry| entry.draft.direction == Direction::In)
        .map(|entry| entry.draft.document)
        .collect();
    assert_eq!(came.len(), LETTERS, "each registered once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_confirms_petitions_and_one_that_confirms_confirmations_fall_silent() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    let letter =
        Letter::new(LAWYER, PEC, "Ricevuta di protocollo: Istanza di mediazione", "Istanza.")
            .header("Auto-Submitted", "auto-generated")
            .attach("istanza.pdf", "application/pdf", b"%PDF-1.7\n%%EOF\n");
    office.deliver_petition(PEC, &letter).unwrap();
    let read = inside.read("Ricevuta di protocollo").await;
    assert_eq!(desk(&read), Some(DeskReason::Unfiled), "certified, so a person sees it");
    assert_eq!(inside.registered().await, [1]);
    assert!(inside.store.cases(inside.body, 10).await.unwrap().is_empty());

    // What we confirm ourselves says that a machine wrote it.
    let petition = Letter::new(LAWYER, PEC, "Istanza di mediazione", "x").attach(
        "istanza.pdf",
        "application/pdf",
        b"%PDF-1.7\n%%EOF\n",
    );
    office.deliver_petition(PEC, &petition).unwrap();
    let told = post_office::first_letter(&office, LAWYER).await;
    assert!(told.contains("Auto-Submitted: auto-generated"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_write_is_shown_as_text_and_never_as_a_page() {
    let (office, installation) = open().await;
    let serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    let script = "<script>alert(1)</script>";
    let mut letter =
        Letter::new(LAWYER, PEC, &format!("Istanza {script} {}", "x".repeat(50_000)), script);
    letter.from_name = format!("\"{script}");
    letter = letter.attach(
        &format!("a{script}\r\nX-Injected: 1;.pdf"),
        "text/html",
        b"%PDF-1.7\n%%EOF\n",
    );
    for number in 0..400 {
        letter =
            letter.attach(&format!("istanza{number}.pdf"), "application/pdf", b"%PDF-1.7\n%%EOF\n");
    }
    office.deliver_petition(PEC, &letter).unwrap();
    let message = inside.read("Istanza").await;
    let case = message.summary.as_ref().unwrap().case.expect("a draft");
    let documents = inside.store.documents(inside.body, case).await.unwrap();
    assert!(documents.len() <= 201, "{} documents", documents.len());
    let (client, cookie) = sign_in(&installation, &serving).await;
    let get = |path: String| {
        let request = client.get(format!("{}{path}", serving.url));
        request.header(reqwest::header::COOKIE, &cookie).send()
    };
    let pages = [
        "/posta".to_owned(),
        format!("/posta/{}", message.id),
        format!("/pratiche/{case}"),
        "/".into(),
        "/protocollo".into(),
    ];
    for path in pages {
        let page = get(path.clone()).await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        let text = page.text().await.unwrap();
        assert!(!text.contains(script), "{path}");
    }
    let odd = documents.iter().find(|one| one.name.contains("script")).expect("the odd name");
    let file = get(format!("/pratiche/{case}/documenti/{}", odd.id)).await.unwrap();
    let headers = file.headers();
    assert!(headers.get("x-injected").is_none());
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(headers["content-type"], "application/pdf", "by its content");
    for number in [i64::MIN, -1, 0, i64::MAX] {
        let page = get(format!("/protocollo?anno=2026&fino={number}")).await.unwrap();
        assert_eq!(page.status(), 200, "fino={number}");
    }
}
