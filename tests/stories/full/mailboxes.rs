//! Mailboxes of a real Dovecot: announced at once, read in every folder, each message taken once.

use async_trait::async_trait;
use messo_core::addresses::Channel;
use messo_core::ids::{BlobHash, BodyId, MessageId};
use messo_core::messages::{Cursor, identity};
use messo_core::ports::{Arrived, Clock, MailSink, StoreError};
use messo_core::time::Timestamp;
use messo_mailboxes::{After, MailboxSettings, Mailboxes, Pace, Tls, check};
use messo_postoffice::Fault;
use messo_tests::{Dovecot, Servers, dovecot::PASSWORD, post_office};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const BODY: BodyId = BodyId(Uuid::nil());

/// Knows messages by their identity, as the engine does.
#[derive(Default)]
struct Kept {
    known: HashMap<BlobHash, Arrived>,
    handed: usize,
    cursors: HashMap<String, Cursor>,
}

#[derive(Default)]
struct Sink(Mutex<Kept>);

impl Sink {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nobody panics with it")
    }
}

#[async_trait]
impl MailSink for Sink {
    async fn take(
        &self,
        arrived: Vec<Arrived>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<(MessageId, bool)>, StoreError> {
        let mut kept = self.kept();
        kept.handed += arrived.len();
        let mut answers = Vec::new();
        for one in arrived {
            let known = kept.known.insert(identity(&one.raw), one);
            answers.push((MessageId(Uuid::nil()), known.is_none()));
        }
        kept.cursors.extend(cursor.map(|cursor| (cursor.folder.clone(), cursor)));
        Ok(answers)
    }

    async fn cursor(
        &self,
        _body: BodyId,
        _mailbox: &str,
        folder: &str,
    ) -> Result<Option<Cursor>, StoreError> {
        Ok(self.kept().cursors.get(folder).cloned())
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
}

fn settings(dovecot: &Dovecot, address: &str, folders: &[&str]) -> MailboxSettings {
    let mut settings =
        MailboxSettings::new("ricevute", Channel::Pec, "127.0.0.1", address, PASSWORD);
    settings.port = dovecot.imap_port();
    settings.tls = Tls::None;
    settings.folders = folders.iter().map(|folder| (*folder).to_owned()).collect();
    settings
}

fn start(settings: &MailboxSettings, sink: &Arc<Sink>) -> Mailboxes {
    let mut pace = Pace::new(Arc::new(Noon), Arc::new(|| 0.0));
    pace.first_pause = Duration::from_millis(50);
    let sink: Arc<Sink> = Arc::clone(sink);
    Mailboxes::start(vec![(BODY, settings.clone())], sink, pace).expect("settings that can work")
}

fn mails(numbers: std::ops::Range<u32>, length: usize) -> Vec<Vec<u8>> {
    let mail = |number| {
        let body = ".una riga che comincia con un punto, e «è»\r\n".repeat(length / 44 + 1);
        let head = format!("Message-ID: <{number}@example.test>\r\nFrom: a@example.test\r\n");
        format!("{head}Subject: prova {number}\r\n\r\n{body}").into_bytes()
    };
    numbers.map(mail).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not in time");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_message_is_taken_within_a_second_of_its_delivery_as_it_lies_in_the_mailbox() {
    let dovecot = Servers::dovecot().await;
    let address = "subito@example.test";
    dovecot.deliver(address, &mails(0..1, 100)).await.expect("delivered");
    let sink = Arc::new(Sink::default());
    let mailboxes = start(&settings(dovecot, address, &["INBOX"]), &sink);
    until("the first", || sink.kept().known.len() == 1).await;
    // The polling floor is a minute: only IDLE can be this quick.
    sleep(Duration::from_millis(300)).await;
    dovecot.deliver(address, &mails(1..2, 200_000)).await.expect("delivered");
    let begun = Instant::now();
    until("the second", || sink.kept().known.len() == 2).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    mailboxes.stop().await;
    let mut stored = dovecot.mailbox(address).await;
    let mut taken: Vec<_> = sink.kept().known.values().map(|one| one.raw.clone()).collect();
    for raw in taken.iter_mut().chain(&mut stored) {
        raw.retain(|byte| *byte != b'\r');
    }
    taken.sort();
    stored.sort();
    assert!(taken == stored, "byte for byte");
    assert!(sink.kept().known.values().all(|one| one.arrived_at.is_some()));
}

#[tokio::test]
async fn receipts_in_a_folder_of_their_own_are_read_and_a_restart_goes_on() {
    let dovecot = Servers::dovecot().await;
    let address = "cartelle@example.test";
    let all = mails(0..6, 100);
    dovecot.deliver(address, &all[..2]).await.expect("delivered");
    dovecot.file(address, "Ricevute", "1.a.stories", &all[2]).expect("filed");
    dovecot.file(address, "Ricevute.Citt&AOA-", "2.a.stories", &all[3]).expect("filed");
    let settings = settings(dovecot, address, &["INBOX", "Ricevute*"]);
    let seen = check(&settings).await.expect("it can be read");
    let seen: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(seen, ["INBOX", "Ricevute", "Ricevute.Città"]);
    let sink = Arc::new(Sink::default());
    let mailboxes = start(&settings, &sink);
    until("four", || sink.kept().known.len() == 4).await;
    mailboxes.stop().await;
    dovecot.deliver(address, &all[4..5]).await.expect("delivered");
    dovecot.file(address, "Ricevute.Citt&AOA-", "3.a.stories", &all[5]).expect("filed");
    let mailboxes = start(&settings, &sink);
    until("six", || sink.kept().known.len() == 6).await;
    mailboxes.stop().await;
    assert_eq!(sink.kept().handed, 6, "nothing is fetched twice");
}

#[tokio::test]
async fn a_mailbox_that_was_moved_to_another_server_is_taken_once() {
    let dovecot = Servers::dovecot().await;
    let address = "trasloco@example.test";
    dovecot.deliver(address, &mails(0..250, 2_000)).await.expect("delivered");
    let sink = Arc::new(Sink::default());
    let settings = settings(dovecot, address, &["INBOX"]);
    let mailboxes = start(&settings, &sink);
    until("all", || sink.kept().known.len() == 250).await;
    mailboxes.stop().await;
    let before = sink.kept().cursors["INBOX"].clone();
    // UIDVALIDITY counts seconds.
    sleep(Duration::from_millis(1_100)).await;
    dovecot.number_anew(address).expect("numbered anew");
    dovecot.deliver(address, &mails(250..251, 2_000)).await.expect("delivered");
    let mailboxes = start(&settings, &sink);
    until("one more", || sink.kept().known.len() == 251).await;
    until("to the end", || sink.kept().handed == 250 + 251).await;
    mailboxes.stop().await;
    let after = sink.kept().cursors["INBOX"].clone();
    assert!(after.uid_validity != before.uid_validity && after.uid == 251, "{after:?}");
}

#[tokio::test]
async fn taken_messages_are_moved_only_when_the_operator_says_so() {
    let dovecot = Servers::dovecot().await;
    let address = "fatto@example.test";
    dovecot.deliver(address, &mails(0..3, 100)).await.expect("delivered");
    dovecot.file(address, "Fatto", "1.a.stories", &mails(9..10, 100)[0]).expect("filed");
    let sink = Arc::new(Sink::default());
    let mut settings = settings(dovecot, address, &["INBOX"]);
    let mailboxes = start(&settings, &sink);
    until("three", || sink.kept().known.len() == 3).await;
    mailboxes.stop().await;
    assert_eq!(dovecot.mailbox(address).await.len(), 3);
    settings.after = After::Move("Fatto".into());
    dovecot.deliver(address, &mails(3..5, 100)).await.expect("delivered");
    let mailboxes = start(&settings, &sink);
    until("five", || sink.kept().known.len() == 5).await;
    sleep(Duration::from_millis(300)).await;
    mailboxes.stop().await;
    assert_eq!(dovecot.mailbox(address).await.len(), 3, "the two that were taken now have moved");
    let seen = check(&settings).await.expect("it can be read");
    assert_eq!(seen, [("INBOX".to_owned(), 3)]);
}

#[tokio::test]
async fn a_connection_changes_over_to_tls_before_anybody_signs_in() {
    let dovecot = Servers::dovecot().await;
    let address = "starttls@example.test";
    dovecot.deliver(address, &mails(0..2, 100)).await.expect("delivered");
    let mut settings = settings(dovecot, address, &["INBOX"]);
    settings.tls = Tls::Starttls;
    let refused = check(&settings).await.expect_err("nobody vouches for it");
    assert_eq!(refused, "the server's certificate or TLS was not accepted");
    settings.ca_file = Some(dovecot.certificate());
    assert_eq!(check(&settings).await.expect("trusted"), [("INBOX".to_owned(), 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certified_mailbox_is_read_over_tls_through_drops_renumbering_and_duplicates() {
    let office = post_office::open().await;
    let put = |folder, mails: Vec<Vec<u8>>| {
        mails.iter().for_each(|mail| {
            office.put(post_office::PEC, folder, mail).expect("there is room");
        });
    };
    put("INBOX", mails(0..60, 3_000));
    put("Ricevute", mails(60..70, 3_000));
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("root.pem");
    std::fs::write(&ca_file, office.ca_pem()).expect("the root can be written");
    let mut settings =
        MailboxSettings::new("ricevute", Channel::Pec, "127.0.0.1", post_office::PEC, "prova");
    settings.port = office.addresses().imaps.port();
    settings.folders = ["INBOX", "Ricevute"].map(str::to_owned).to_vec();
    settings.poll_s = 1;
    let refused = check(&settings).await.expect_err("nobody vouches for it");
    assert_eq!(refused, "the server's certificate or TLS was not accepted");
    settings.ca_file = Some(ca_file);
    let sink = Arc::new(Sink::default());
    for after in [5_000, 60_000] {
        office.fault(post_office::PEC, Fault::DropAfter(after)).expect("an account");
    }
    let mailboxes = start(&settings, &sink);
    until("seventy", || sink.kept().known.len() == 70).await;
    office.renumber(post_office::PEC, "INBOX").expect("a folder");
    office.duplicate(post_office::PEC, "INBOX").expect("a folder");
    office.reorder(post_office::PEC, "Ricevute").expect("a folder");
    put("Ricevute", mails(70..71, 3_000));
    until("one more", || sink.kept().known.len() == 71).await;
    until("all folders to their end", || {
        let status = mailboxes.status().remove(0);
        sink.kept().handed >= 70 + 120 && status.folders.values().all(|folder| folder.left == 0)
    })
    .await;
    mailboxes.stop().await;
    assert_eq!(sink.kept().known.len(), 71, "each once");
}
