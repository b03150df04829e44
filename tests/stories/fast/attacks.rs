//! What somebody could try who can write to every mailbox of a body, and why it does not work.
//!
//! The attacker owns a certified mailbox, so that providers sign receipts and envelopes about his own mail; he
//! knows the Message-IDs of mail that he got, and can put any bytes into an ordinary mailbox.

mod floods;

use super::office::between;
use super::pec::{leg, open, release, show, signals, until};
use messo_core::addresses::Channel;
use messo_core::ids::BodyId;
use messo_core::messages::{DeskReason, Message, MessageState};
use messo_core::ports::{Clock, Commit, MessageFilter, Store, Write};
use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use messo_postoffice::{Flaws, Form, Kind, Letter, Original, PostOffice, Provider, Statement};
use messo_signatures::testing::{Encoding, TestCa};
use messo_storage::Storage;
use messo_tests::Installation;
use messo_tests::post_office::{EMAIL, LAWYER, PEC};
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

    /// How many messages have been read.
    async fn over(&self) -> usize {
        let messages = self.messages().await;
        messages.iter().filter(|one| one.state != MessageState::Unread).count()
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
        ("taglio", cut_twice.clone(), DeskReason::SignatureInvalid),
        ("due teste", two_heads, DeskReason::SignatureInvalid),
        ("prima", before, DeskReason::SignatureInvalid),
        ("dopo", after, DeskReason::SignatureInvalid),
    ] {
        office.put(EMAIL, "INBOX", named(&message, subject).as_bytes()).unwrap();
        let read = inside.read(subject).await;
        assert_eq!(desk(&read), Some(reason), "{subject}");
    }
    let file = installation.file("taglio.eml", cut_twice);
    let trust = installation.data().join("trust");
    let (file, trust) = (file.to_str().unwrap(), trust.to_str().unwrap());
    let read = installation.json(&["pec", "read", file, "--json", "--trust", trust]);
    assert_eq!(read["signature"], "invalid", "{read:#}");
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

    // The copy was there first; the true one in the certified mailbox counts all the same.
    office.put(PEC, "INBOX", named(&envelope, "spedita ad altri").as_bytes()).unwrap();
    for _ in 0..100 {
        if !inside.registered().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let read = inside.read("Istanza di mediazione").await;
    assert_eq!((read.channel, desk(&read)), (Channel::Pec, Some(DeskReason::Petition)));

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
    assert!(entries.iter().any(|entry| entry.draft.correspondent == ATTACKER));
    assert!(entries.iter().all(|entry| !entry.draft.correspondent.contains("tribunale")));

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
async fn a_person_with_a_certificate_of_a_trusted_authority_is_no_provider() {
    let (office, installation) = open().await;
    let authority = TestCa::new("Autorità per tutti");
    let folder = tempfile::tempdir().unwrap();
    authority.trust_in(folder.path());
    let anchor = installation.data().join("trust/everybody.pem");
    std::fs::copy(folder.path().join("root.pem"), anchor).unwrap();
    let _serving = installation.serve(&[]).ready().await;
    let ids = release(&installation, &["senza-consegna"], "pec");
    let id = &ids["senza-consegna"];
    acceptance(&office, &installation, id).await;
    let own = Letter::new(PEC, SILENT, "x", "x");
    let receipt = stated(office.away(), Kind::Delivery, &own, &our_id(&installation, id), SILENT);
    let boundary = format!("--{}", between(&receipt, "boundary=\"", "\""));
    let part = receipt.split(&boundary).nth(1).unwrap().trim_start_matches("\r\n");
    let part = part.strip_suffix("\r\n").unwrap();
    let inside = Inside::of(&installation).await;
    let signed = |address: &str| {
        let message = authority.provider(address).message(address, part.as_bytes(), Encoding::Der);
        let message = String::from_utf8(message).unwrap();
        named(&format!("X-Ricevuta: avvenuta-consegna\r\n{message}"), address)
    };
    office.put(EMAIL, "INBOX", signed(ATTACKER).as_bytes()).unwrap();
    let read = inside.read(ATTACKER).await;
    assert_eq!(read.summary.as_ref().unwrap().signature, Some(Verdict::Valid));
    assert_eq!(desk(&read), Some(DeskReason::Contradiction));
    assert_eq!(leg(&show(&installation, id), "pec"), "submitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_bounce_spares_every_address_but_the_one_that_got_our_message() {
    let (office, installation) = open().await;
    let _serving = installation.serve(&[]).ready().await;
    let inside = Inside::of(&installation).await;
    let ids = release(&installation, &["primo", "secondo"], "email");
    until(&installation, &ids["primo"], "email", "delivered").await;
    let ours = our_id(&installation, &ids["primo"]);
    let bounce = |subject: &str, ours: &str| {
        format!(
            "From: mailer-daemon@x.example\r\nTo: {EMAIL}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@x.example>\r\nMIME-Version: 1.0\r\nX-Messo-Sandbox: 1\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nno\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.example\r\n\r\nFinal-Recipient: rfc822; anna1@ordinaria.sandbox.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{ours}>\r\n\r\n--b--\r\n"
        )
    };
    let guessed = "m1.0192f3a4b5c67d8e9f00112233445566@alfa.sandbox.example";
    for (subject, reference) in [("indovinato", guessed), ("conosciuto", ours.as_str())] {
        office.put(EMAIL, "INBOX", bounce(subject, reference).as_bytes()).unwrap();
        inside.read(subject).await;
    }
    let said = async |address: &str| {
        inside.store.suppressions(inside.body, Channel::Email, address).await.unwrap().len()
    };
    assert_eq!(said("anna1@ordinaria.sandbox.example").await, 0, "whom the bounce names");
    assert_eq!(said("anna0@ordinaria.sandbox.example").await, 1, "to whom we wrote");
}
