//! The mailbox server, driven by a foreign client (async-imap) and by hand: folders, searches, flags, IDLE, faults.

use crate::submission::connector;
use crate::support::{BODY, LAWYER, PASSWORD, config, office};
use async_imap::{Client, Session};
use futures_util::TryStreamExt;
use messo_postoffice::{Fault, Letter, PostOffice};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

type Imap = Session<TlsStream<TcpStream>>;
const SOON: Duration = Duration::from_secs(10);

async fn sign_in(office: &PostOffice) -> Imap {
    let stream = TcpStream::connect(office.addresses().imaps).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = connector(office).connect(name, stream).await.unwrap();
    let mut client = Client::new(tls);
    client.read_response().await.unwrap().expect("a greeting");
    client.login(BODY, PASSWORD).await.map_err(|(error, _)| error).unwrap()
}

fn fill(office: &PostOffice, subjects: &[&str]) {
    for subject in subjects {
        let text = format!("Subject: {subject}\r\nTo: {BODY}\r\n\r\nTesto {subject}\r\n");
        office.put(BODY, "INBOX", text.as_bytes()).unwrap();
    }
}

/// UIDs and first lines of what a client sees.
async fn seen(imap: &mut Imap, set: &str) -> Vec<(u32, String)> {
    let fetched = imap.uid_fetch(set, "(UID BODY.PEEK[])").await.unwrap();
    let fetched: Vec<_> = fetched.try_collect().await.unwrap();
    let first = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap().to_owned();
    fetched.iter().map(|one| (one.uid.unwrap(), first(one.body().unwrap()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_client_reads_searches_and_marks() {
    let office = office().await;
    fill(&office, &["uno", "due", "tre"]);
    let mut imap = sign_in(&office).await;
    let names: Vec<_> = imap.list(None, Some("*")).await.unwrap().try_collect().await.unwrap();
    let mut names: Vec<_> = names.iter().map(|name| name.name().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["Cestino", "INBOX", "Inviata", "Ricevute"]);
    let status = imap.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)").await.unwrap();
    assert_eq!((status.exists, status.uid_next, status.uid_validity), (3, Some(4), Some(1)));
    let mailbox = imap.select("INBOX").await.unwrap();
    assert_eq!((mailbox.exists, mailbox.uid_validity, mailbox.uid_next), (3, Some(1), Some(4)));

    let all =
        "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODY.PEEK[HEADER] BODY.PEEK[TEXT]<2.5>)";
    let fetched: Vec<_> = imap.uid_fetch("2", all).await.unwrap().try_collect().await.unwrap();
    assert_eq!(fetched.len(), 1);
    let one = &fetched[0];
    assert_eq!((one.message, one.uid), (2, Some(2)));
    let length = office.messages(BODY, "INBOX").unwrap()[1].len();
    assert_eq!(one.size, Some(u32::try_from(length).unwrap()));
    assert_eq!(one.internal_date().unwrap().timestamp(), 1_795_474_807);
    let header = format!("Subject: due\r\nTo: {BODY}\r\n\r\n");
    assert_eq!(one.header().unwrap(), header.as_bytes());
    assert_eq!(one.envelope().unwrap().subject.as_deref(), Some(&b"due"[..]));
    assert_eq!(one.flags().count(), 0, "peeking marks nothing");

    for (search, count) in [
        ("ALL", 3),
        ("UNSEEN", 3),
        ("UID 2:*", 2),
        ("SINCE 24-Nov-2026", 3),
        ("SINCE 25-Nov-2026", 0),
    ] {
        assert_eq!(imap.uid_search(search).await.unwrap().len(), count, "{search}");
    }
    let stored: Vec<_> =
        imap.uid_store("1,3", "+FLAGS (\\Seen $Letto)").await.unwrap().try_collect().await.unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(imap.uid_search("UNSEEN").await.unwrap(), [2].into());
    assert_eq!(imap.uid_search("KEYWORD $Letto").await.unwrap().len(), 2);
    let read: Vec<_> = imap.fetch("2", "BODY[TEXT]").await.unwrap().try_collect().await.unwrap();
    assert_eq!(read[0].text().unwrap(), b"Testo due\r\n");
    assert!(imap.uid_search("UNSEEN").await.unwrap().is_empty(), "reading marks");
    imap.logout().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_move_between_folders_and_go_for_good() {
    let office = office().await;
    fill(&office, &["uno", "due", "tre"]);
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    imap.create("Archivio/2026").await.unwrap();
    imap.uid_copy("1", "Archivio/2026").await.unwrap();
    imap.uid_mv("2", "Archivio/2026").await.unwrap();
    imap.append("Archivio/2026", Some("(\\Seen)"), None, b"Subject: quattro\r\n\r\n")
        .await
        .unwrap();
    let left: Vec<_> = seen(&mut imap, "1:*").await.into_iter().map(|(uid, _)| uid).collect();
    assert_eq!(left, [1, 3]);
    let gone: Vec<_> = imap
        .uid_store("3", "+FLAGS.SILENT (\\Deleted)")
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(gone.is_empty());
    let gone: Vec<_> = imap.expunge().await.unwrap().try_collect().await.unwrap();
    assert_eq!(gone, [2], "by sequence number");
    assert!(imap.uid_copy("1", "Nessuna").await.is_err());
    assert!(imap.create("inbox").await.is_err());
    assert!(imap.select("Nessuna").await.is_err());
    let mailbox = imap.examine("Archivio/2026").await.unwrap();
    assert_eq!(mailbox.exists, 3);
    let subjects: Vec<_> =
        seen(&mut imap, "1:*").await.into_iter().map(|(_, first)| first).collect();
    assert_eq!(subjects, ["Subject: uno", "Subject: due", "Subject: quattro"]);
    let marked = imap.run_command_and_check_ok("UID STORE 1 +FLAGS (\\Seen)").await;
    assert!(marked.is_err(), "read-only");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_tells_of_new_mail_at_once() {
    let office = office().await;
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    let mut idle = imap.idle();
    idle.init().await.unwrap();
    let (news, _interrupt) = idle.wait_with_timeout(SOON);
    let petition = Letter::new("a@pec.example", BODY, "Istanza", "x");
    office.deliver_petition(BODY, &petition).unwrap();
    let news = timeout(SOON, news).await.unwrap().unwrap();
    assert!(format!("{news:?}").contains("Exists(1)"), "{news:?}");
    let mut imap = timeout(SOON, idle.done()).await.unwrap().unwrap();
    assert_eq!(imap.uid_search("ALL").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_drops_at_once_or_in_the_middle_of_a_message() {
    let office = office().await;
    fill(&office, &["uno"]);
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    office.fault(BODY, Fault::Drop).unwrap();
    assert!(imap.noop().await.is_err());

    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    office.fault(BODY, Fault::DropAfter(40)).unwrap();
    let cut = imap.uid_fetch("1", "BODY.PEEK[]").await.unwrap().try_collect::<Vec<_>>().await;
    assert!(cut.is_err() || cut.unwrap().is_empty());

    // The next connection is served as if nothing had been.
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    assert_eq!(seen(&mut imap, "1:*").await.len(), 1);
    assert!(office.fault("nessuno@x.example", Fault::Drop).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_server_answers_late() {
    let office = office().await;
    let mut imap = sign_in(&office).await;
    office.fault(BODY, Fault::Stall(Duration::from_millis(400))).unwrap();
    assert!(timeout(Duration::from_millis(100), imap.noop()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn renumbering_sends_clients_away_and_gives_other_numbers() {
    let office = office().await;
    fill(&office, &["uno", "due", "tre"]);
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    imap.uid_mv("1", "Cestino").await.unwrap();
    office.renumber(BODY, "INBOX").unwrap();
    // The client's own noop() takes the end of the connection for success.
    assert!(imap.run_command_and_check_ok("NOOP").await.is_err());
    let mut imap = sign_in(&office).await;
    let mailbox = imap.select("INBOX").await.unwrap();
    assert_eq!((mailbox.exists, mailbox.uid_validity), (2, Some(2)));
    assert_eq!(
        seen(&mut imap, "1:*").await,
        [(1, "Subject: due".into()), (2, "Subject: tre".into())]
    );

    office.reorder(BODY, "INBOX").unwrap();
    office.duplicate(BODY, "INBOX").unwrap();
    let mut imap = sign_in(&office).await;
    assert_eq!(imap.select("INBOX").await.unwrap().uid_validity, Some(3));
    let now: Vec<_> = seen(&mut imap, "1:*").await;
    let expected = [(1, "tre"), (2, "due"), (3, "tre"), (4, "due")];
    assert_eq!(now, expected.map(|(uid, subject)| (uid, format!("Subject: {subject}"))));
}

/// Says bytes on the clear-text port and gives everything that comes back.
async fn raw(office: &PostOffice, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(office.addresses().imap).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut heard)).await.expect("the server ends it");
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_client_sees_what_the_first_removed() {
    let office = office().await;
    fill(&office, &["uno", "due"]);
    let mut first = sign_in(&office).await;
    first.select("INBOX").await.unwrap();
    let mut second = sign_in(&office).await;
    second.select("INBOX").await.unwrap();
    first.uid_mv("1", "Cestino").await.unwrap();
    assert_eq!(second.search("ALL").await.unwrap(), [2].into(), "numbers stay until it is told");
    second.noop().await.unwrap();
    assert_eq!(second.search("ALL").await.unwrap(), [1].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_by_sasl_and_literals_in_the_clear() {
    let office = office().await;
    let plain = data_encoding::BASE64.encode(format!("\0{BODY}\0{PASSWORD}").as_bytes());
    let heard =
        raw(&office, format!("a AUTHENTICATE PLAIN {plain}\r\nb LOGOUT\r\n").as_bytes()).await;
    assert!(heard.contains("a OK [CAPABILITY IMAP4rev1") && heard.contains("b OK"), "{heard}");
    let said = format!(
        "a LOGIN {{{}+}}\r\n{LAWYER} \"{PASSWORD}\"\r\nb NAMESPACE\r\nc LOGOUT\r\n",
        LAWYER.len()
    );
    let heard = raw(&office, said.as_bytes()).await;
    assert!(
        heard.contains("a OK") && heard.contains("* NAMESPACE ((\"\" \"/\")) NIL NIL"),
        "{heard}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_clients_are_answered_and_left() {
    let office = office().await;
    let login = format!("a LOGIN {BODY} \"{PASSWORD}\"\r\n");
    let heard = raw(&office, b"a SELECT INBOX\r\nb LOGIN x y\r\nc LOGOUT\r\n").await;
    assert!(heard.contains("a BAD") && heard.contains("b NO [AUTHENTICATIONFAILED]"), "{heard}");
    assert!(raw(&office, b"a LOGIN {999999999+}\r\n").await.contains("* BYE"));
    assert!(
        raw(
            &office,
            &[b"a LOGIN ".to_vec(), vec![b'('; 5_000], b"\r\nb LOGOUT\r\n".to_vec()].concat()
        )
        .await
        .contains("* BAD")
    );
    assert!(raw(&office, &b"\xff\x00\r\n".repeat(30)).await.matches("* BAD").count() <= 20);
    for nonsense in [
        "FETCH 1:* BODYSTRUCTURE",
        "FETCH 0 FLAGS",
        "FETCH 1 BODY[",
        "UID FETCH * (BODY[]<99999999999999999999.1>)",
        "UID STORE 1 FLAGS \"x\"",
        "UID",
        "SEARCH",
        "SEARCH NOT",
        "APPEND INBOX",
        "APPEND INBOX {0+}\r\n {0+}\r\n x",
        "STATUS INBOX (WHATEVER)",
        "COPY 1",
        "RENAME INBOX x",
        "CREATE \"\"",
        "IDLE x",
        "UID EXPUNGE",
    ] {
        let said = format!("{login}s SELECT INBOX\r\nb {nonsense}\r\nDONE\r\nc LOGOUT\r\n");
        let heard = raw(&office, said.as_bytes()).await;
        assert!(heard.contains("a OK") && heard.contains("c OK"), "{nonsense}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_many_messages_is_read_in_bounded_pieces() {
    let mut settings = config();
    settings.limits.max_box_messages = 5_000;
    let office = PostOffice::start(settings).await.unwrap();
    for number in 0..5_000 {
        office.put(BODY, "INBOX", format!("Subject: {number}\r\n\r\n").as_bytes()).unwrap();
    }
    assert!(office.put(BODY, "INBOX", b"x").is_err());
    let mut imap = sign_in(&office).await;
    imap.select("INBOX").await.unwrap();
    assert_eq!(seen(&mut imap, "1:*").await.len(), 5_000);
}
