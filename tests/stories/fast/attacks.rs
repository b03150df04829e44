//! What somebody could try who can write to every mailbox of a body, and why it does not work.
//!
//! The attacker owns a certified mailbox, so that providers sign receipts and envelopes about his own mail; he
//! knows the Message-IDs of mail that he got, and can put any bytes into an ordinary mailbox.

use super::office::{PASSWORD, between, set_password};
use super::pec::{leg, open, release, show, signals, until};
use messo_core::cases::CaseStanding;
use messo_core::ids::BodyId;
use messo_core::messages::{DeskReason, Message, MessageState};
use messo_core::ports::{Clock, Commit, MessageFilter, Store, Write};
use messo_core::register::Direction;
use messo_core::time::Timestamp;
use messo_postoffice::{Flaws, Form, Kind, Letter, Original, PostOffice, Provider, Statement};
use messo_storage::Storage;
use messo_tests::Installation;
use messo_tests::installation::Serving;
use messo_tests::post_office::{EMAIL, LAWYER, PEC};
use std::collections::BTreeSet;
use std::time::Duration;

/// An address whose acceptance comes and whose receipt of delivery never does.
const SILENT: &str = "senza-consegna.rossi@altra-pec.sandbox.example";
const ATTACKER: &str = "attaccante@altra-pec.sandbox.example";

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the stories run on real time")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

/// The database of an installation, beside the program that works on it.
struct Inside {
    store: Storage,
    body: BodyId,
}

impl Inside {
    async fn of(installation: &Installation) -> Self {
        let file = installation.data().join("messo.db").display().to_string();
        let store = Storage::open(&file).await.expect("the database opens");
        let body = store.bodies().await.unwrap()[0].id;
        Self { store, body }
    }

    async fn messages(&self) -> Vec<Message> {
        let filter = MessageFilter { limit: 5_000, ..MessageFilter::default() };
        self.store.messages(self.body, &filter).await.unwrap()
    }

    /// Waits until the message with this subject (a part of it) has been read.
    async fn read(&self, subject: &str) -> Message {
        for _ in 0..150 {
            let found = self.messages().await.into_iter().find(|message| {
                let summary = message.summary.as_ref();
                message.state != MessageState::Unread
                    && summary.is_some_and(|summary| summary.subject.contains(subject))
            });
            if let Some(message) = found {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing was read about {subject}");
    }

    async fn registered(&self) -> Vec<i64> {
        let entries = self.store.register(self.body, 2026, 1, 5_000).await.unwrap();
        entries.iter().map(|entry| entry.number).collect()
    }
}

fn desk(message: &Message) -> Option<DeskReason> {
    match message.state {
        MessageState::Desk { reason } => Some(reason),
        _ => None,
    }
}

/// Our own Message-ID of the only attempt of a dispatch.
fn our_id(installation: &Installation, dispatch: &str) -> String {
    let shown = show(installation, dispatch);
    shown["attempts"][0]["reference"].as_str().expect("a reference").to_owned()
}

/// What a provider writes and signs about a message of this author.
fn stated(provider: &Provider, kind: Kind, about: &Letter, id: &str, to: &str) -> String {
    let at = Wall.now();
    let original =
        Original::read(&about.write(id, at), "opec7.7.attack@altra-pec.sandbox.example", at);
    let statement = Statement {
        kind,
        original: &original,
        to: PEC.into(),
        at,
        recipient: Some(to),
        error: None,
        detail: None,
        form: Form::Synthetic,
        flaws: Flaws::default(),
        serial: 99,
    };
    String::from_utf8(provider.write(&statement).unwrap()).unwrap()
}

/// The same message under another subject in the header, which nobody signs.
fn named(message: &str, subject: &str) -> String {
    let (head, rest) = message.split_once("Subject: ").expect("a subject");
    let (_, rest) = rest.split_once("\r\n").expect("an end of line");
    let rest = rest.trim_start_matches([' ', '\t']);
    format!("{head}Subject: {subject}\r\n{rest}")
}

/// The genuine acceptance of a dispatch to [`SILENT`].
async fn acceptance(office: &PostOffice, installation: &Installation, dispatch: &str) -> String {
    for _ in 0..100 {
        let shown = show(installation, dispatch);
        if signals(&shown).contains(&"accepted".to_owned()) {
            let kept = office.messages(PEC, "Ricevute").unwrap();
            return String::from_utf8(kept[0].to_vec()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it was never accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_receipt_under_a_false_header_moves_nothing() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["senza-consegna"], "pec>email");
    let id = &ids["senza-consegna"];
    let genuine = acceptance(&office, &installation, id).await;
    let ours = our_id(&installation, id);
    let put = |message: &str, subject: &str| {
        office.put(EMAIL, "INBOX", named(message, subject).as_bytes()).unwrap()
    };

    // Of another kind than the record.
    put(
        &genuine.replace("X-Ricevuta: accettazione", "X-Ricevuta: avvenuta-consegna"),
        "altro tipo",
    );
    // A signed receipt of the attacker's own message, which has our Message-ID, to the same recipient.
    let own = Letter::new(ATTACKER, SILENT, "Vuoto", "x");
    put(&stated(office.away(), Kind::Delivery, &own, &ours, SILENT), "messaggio suo");
    // A receipt of another message of ours, said by the header to be of this one.
    let other = Letter::new(PEC, SILENT, "Altro", "x");
    let receipt =
        stated(office.away(), Kind::Delivery, &other, "altro@pec.sandbox.example", SILENT);
    put(&receipt.replace("altro@pec.sandbox.example", &ours), "altro riferimento");
    // A receipt about another recipient.
    let receipt = stated(
        office.away(),
        Kind::DeliveryError,
        &Letter::new(PEC, ATTACKER, "Altro", "x"),
        &ours,
        ATTACKER,
    );
    put(&receipt, "altro destinatario");

    let inside = Inside::of(&installation).await;
    for (subject, reason) in [
        ("altro tipo", DeskReason::Contradiction),
        ("messaggio suo", DeskReason::NoMatch),
        ("altro riferimento", DeskReason::NoMatch),
        ("altro destinatario", DeskReason::NoMatch),
    ] {
        let message = inside.read(subject).await;
        assert_eq!(desk(&message), Some(reason), "{subject}");
    }
    let shown = show(&installation, id);
    assert_eq!(leg(&shown, "pec"), "submitted", "{shown:#}");
    assert_eq!(leg(&shown, "email"), "planned");

    // The control: the same by whoever may say it.
    let true_one =
        stated(office.away(), Kind::Delivery, &Letter::new(PEC, SILENT, "x", "x"), &ours, SILENT);
    put(&true_one, "vera");
    until(&installation, id, "pec", "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_record_beside_a_true_signature_moves_nothing() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["senza-consegna"], "pec");
    let id = &ids["senza-consegna"];
    let genuine = acceptance(&office, &installation, id).await;
    let ours = our_id(&installation, id);
    let forged =
        stated(office.away(), Kind::Delivery, &Letter::new(PEC, SILENT, "x", "x"), &ours, SILENT);
    let delivery = |boundary: &str| {
        // The record alone, from a receipt whose signature is thrown away.
        let record =
            forged.split("--").find(|part| part.contains("daticert.xml")).expect("a record");
        format!("--{boundary}\r\n{}\r\n", record.trim())
    };
    let relabelled = genuine.replace("X-Ricevuta: accettazione", "X-Ricevuta: avvenuta-consegna");
    let boundary = between(&relabelled, "boundary=\"", "\"").to_owned();
    let (head, body) = relabelled.split_once("\r\n\r\n").unwrap();

    // One program takes the blank at the end for a part of the boundary, another does not.
    let blank = body.replace(&format!("--{boundary}"), &format!("--{boundary} "));
    let head_blank = head.replace(&boundary, &format!("{boundary} "));
    let cut_twice = format!("{head_blank}\r\n\r\n{}{blank}", delivery(&boundary));
    // One program ends a header at a line that another goes over.
    let record = delivery(&boundary);
    let (_, untyped) = record.split_once("Content-Transfer-Encoding").unwrap();
    let untyped = format!("--{boundary}\r\nContent-Transfer-Encoding{untyped}")
        .replace("\r\n\r\n", "\r\n\r\r\n");
    let two_heads = format!("{head}\r\n\r\r\n{}--{boundary}--\r\n\r\n{body}", untyped);
    // A part before, after and around the signed ones.
    let before = format!("{head}\r\n\r\n{}{body}", delivery(&boundary));
    let after = format!(
        "{head}\r\n\r\n{}",
        body.replace(&format!("--{boundary}--"), &format!("{}--{boundary}--", delivery(&boundary)))
    );

    let inside = Inside::of(&installation).await;
    for (subject, message, reason) in [
        ("taglio", cut_twice, DeskReason::Contradiction),
        ("due teste", two_heads, DeskReason::Contradiction),
        ("prima", before, DeskReason::SignatureInvalid),
        ("dopo", after, DeskReason::SignatureInvalid),
    ] {
        office.put(EMAIL, "INBOX", named(&message, subject).as_bytes()).unwrap();
        let read = inside.read(subject).await;
        assert_eq!(desk(&read), Some(reason), "{subject}");
    }
    let shown = show(&installation, id);
    assert_eq!(leg(&shown, "pec"), "submitted", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_envelope_that_was_meant_for_others_is_not_registered_as_certified() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    let letter = Letter::new(LAWYER, ATTACKER, "Istanza di mediazione", "In allegato.").attach(
        "istanza.pdf",
        "application/pdf",
        b"%PDF-1.7\n%%EOF\n",
    );
    let envelope = stated(office.away(), Kind::Transport, &letter, "l@x.example", ATTACKER);
    office.put(EMAIL, "INBOX", named(&envelope, "spedita ad altri").as_bytes()).unwrap();
    let read = inside.read("Istanza di mediazione").await;
    assert_eq!(desk(&read), Some(DeskReason::Unfiled));
    assert_eq!(inside.registered().await, Vec::<i64>::new());

    // The message inside names a court; the provider answers for the attacker.
    let at = Wall.now();
    let letter = Letter::new("presidente@tribunale.example", PEC, "Ordinanza", "Si ordina.");
    let mut original =
        Original::read(&letter.write("o@x.example", at), "opec8.8@altra-pec.sandbox.example", at);
    original.sender = ATTACKER.into();
    let statement = Statement {
        kind: Kind::Transport,
        original: &original,
        to: PEC.into(),
        at,
        recipient: None,
        error: None,
        detail: None,
        form: Form::Complete,
        flaws: Flaws::default(),
        serial: 1,
    };
    let envelope = office.away().write(&statement).unwrap();
    office.put(PEC, "INBOX", &envelope).unwrap();
    let read = inside.read("Ordinanza").await;
    assert_eq!(read.summary.unwrap().from, ATTACKER);
    let entries = inside.store.register(inside.body, 2026, 1, 10).await.unwrap();
    assert_eq!(entries[0].draft.correspondent, ATTACKER);

    // A receipt that calls itself an envelope.
    let receipt = stated(
        office.away(),
        Kind::Delivery,
        &Letter::new(ATTACKER, PEC, "x", "x"),
        "z@x.example",
        PEC,
    );
    let receipt =
        receipt.replace("X-Ricevuta: avvenuta-consegna", "X-Trasporto: posta-certificata");
    office.put(PEC, "INBOX", named(&receipt, "ricevuta travestita").as_bytes()).unwrap();
    let read = inside.read("ricevuta travestita").await;
    assert_eq!(desk(&read), Some(DeskReason::Contradiction));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_another_address_is_marked_and_one_from_the_recipient_is_not() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    let ids = release(&installation, &["consegnata"], "pec");
    until(&installation, &ids["consegnata"], "pec", "delivered").await;
    let ours = format!("<{}>", our_id(&installation, &ids["consegnata"]));
    for (from, subject, reason) in [
        (ATTACKER, "Rinuncio", DeskReason::OtherSender),
        ("consegnata.rossi@altra-pec.sandbox.example", "Aderisco", DeskReason::ToRead),
    ] {
        let letter = Letter::new(from, PEC, subject, subject).answering(&ours);
        office.deliver_petition(PEC, &letter).unwrap();
        assert_eq!(desk(&inside.read(subject).await), Some(reason), "{subject}");
    }
}

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
        tokio::time::sleep(Duration::from_millis(350 + (seed >> 33) % 500)).await;
        serving.kill();
        let messages = inside.messages().await;
        read.push(messages.iter().filter(|one| one.state != MessageState::Unread).count());
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
async fn a_receipt_in_the_mailbox_of_another_body_moves_nothing_of_the_first() {
    let (office, installation) = open().await;
    let first = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["senza-consegna"], "pec");
    let id = &ids["senza-consegna"];
    acceptance(&office, &installation, id).await;
    let ours = our_id(&installation, id);
    drop(first);

    // A second body, to which the ordinary mailbox belongs from now on.
    let inside = Inside::of(&installation).await;
    let mut other = inside.store.body(inside.body).await.unwrap().unwrap();
    other.id = BodyId(uuid::Uuid::from_u128(77));
    other.number = 2;
    let writes = vec![Write::Body(Box::new(other.clone()))];
    inside.store.commit(Commit { guards: Vec::new(), writes }).await.unwrap();
    let file = installation.data().join("messo.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("name = \"pec\"\n", "name = \"pec\"\nbody = 1\n")
        .replace("name = \"ordinaria\"\n", "name = \"ordinaria\"\nbody = 2\n");
    std::fs::write(&file, text).unwrap();
    let _serving = installation.serve(&["--role", "worker,intake"]);
    let own = Letter::new(PEC, SILENT, "x", "x");
    let receipt = stated(office.away(), Kind::Delivery, &own, &ours, SILENT);
    office.put(EMAIL, "INBOX", named(&receipt, "di un altro").as_bytes()).unwrap();
    let theirs = Inside { body: other.id, ..inside };
    assert_eq!(desk(&theirs.read("di un altro").await), Some(DeskReason::NoMatch));
    assert_eq!(leg(&show(&installation, id), "pec"), "submitted");
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
    let mut told = Vec::new();
    for _ in 0..150 {
        told = office.messages(LAWYER, "INBOX").unwrap();
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = String::from_utf8_lossy(told.first().expect("the author is told")).into_owned();
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
