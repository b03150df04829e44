//! The submission server: commands in any order, limits, TLS, and clients that mean harm.

use crate::support::{BODY, DESK, LAWYER, PASSWORD, Smtp, config, messages, notice, office};
use data_encoding::BASE64;
use messo_postoffice::{PostOffice, SubmissionFault};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A TLS client that trusts the post office and nobody else.
pub fn connector(office: &PostOffice) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&office.ca_pem()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_may_come_all_at_once() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let all = format!(
        "MAIL FROM:<{BODY}> SIZE=300 BODY=8BITMIME\r\nRCPT TO:<a@pec.example>\r\nRCPT TO:<A@pec.example>\r\nDATA\r\n{}.\r\nQUIT\r\n",
        notice("a@pec.example", "")
    );
    smtp.write(all.as_bytes()).await;
    let replies = String::from_utf8(smtp.rest().await).unwrap();
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "250", "354", "250", "221"]);
    messages(&office, BODY, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_can_do_and_signs_in_both_ways() {
    let office = office().await;
    let mut smtp = Smtp::connect(&office).await;
    assert!(smtp.say("MAIL FROM:<a@b.it>").await.starts_with("503"));
    assert!(smtp.say("AUTH PLAIN AGEAYg==").await.starts_with("503"));
    smtp.write(b"EHLO prova\r\nNOOP\r\nQUIT\r\n").await;
    let replies = String::from_utf8(smtp.rest().await).unwrap();
    for word in ["PIPELINING", "SIZE 100000000", "8BITMIME", "STARTTLS", "AUTH PLAIN LOGIN"] {
        assert!(replies.contains(&format!("250-{word}\r\n")), "{word} in {replies}");
    }
    let mut smtp = Smtp::connect(&office).await;
    smtp.say("EHLO prova").await;
    assert_eq!(smtp.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    assert_eq!(smtp.say(&BASE64.encode(BODY.as_bytes())).await, "334 UGFzc3dvcmQ6");
    assert!(smtp.say(&BASE64.encode(b"falsa")).await.starts_with("535"));
    assert!(smtp.say("MAIL FROM:<a@b.it>").await.starts_with("530"));
    assert_eq!(smtp.say("AUTH PLAIN").await, "334");
    let plain = BASE64.encode(format!("\0{BODY}\0{PASSWORD}").as_bytes());
    assert!(smtp.say(&plain).await.starts_with("235"));
    assert!(smtp.say(&format!("MAIL FROM:<{LAWYER}>")).await.starts_with("553"));
    assert!(smtp.say(&format!("MAIL FROM:<{BODY}>")).await.starts_with("250"));
    assert!(smtp.say("DATA").await.starts_with("503"));
    assert!(smtp.say("RCPT TO:<nessuno>").await.starts_with("501"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_travel_under_tls_from_the_start_or_after_starttls() {
    let office = office().await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(office.addresses().smtps).await.unwrap();
    let tls = connector(&office).connect(name.clone(), stream).await.unwrap();
    let (mut read, mut write) = tokio::io::split(tls);
    tokio::io::AsyncWriteExt::write_all(&mut write, b"QUIT\r\n").await.unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut read, &mut said).await.unwrap();
    assert!(said.starts_with("220 ") && said.contains("221 "), "{said}");

    let mut smtp = Smtp::connect(&office).await;
    smtp.say("EHLO prova").await;
    assert!(smtp.say("STARTTLS").await.starts_with("220"));
    let tls = connector(&office).connect(name, smtp.0.into_inner()).await.unwrap();
    let mut tls = BufReader::new(tls);
    tokio::io::AsyncWriteExt::write_all(&mut tls, b"EHLO prova\r\nQUIT\r\n").await.unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut tls, &mut said).await.unwrap();
    assert!(said.contains("AUTH PLAIN") && !said.contains("STARTTLS"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_starttls_in_clear_text_is_not_heard() {
    let office = office().await;
    let mut smtp = Smtp::connect(&office).await;
    smtp.write(b"EHLO prova\r\nSTARTTLS\r\nNOOP\r\n").await;
    let said = String::from_utf8_lossy(&smtp.rest().await).into_owned();
    assert!(said.ends_with("220 2.0.0 ready\r\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_on_size_and_recipients_and_lines() {
    let mut settings = config();
    settings.limits.max_message_bytes = 1_000;
    settings.limits.max_recipients = 2;
    let office = PostOffice::start(settings).await.unwrap();
    let mut smtp = Smtp::login(&office, BODY).await;
    assert!(smtp.say(&format!("MAIL FROM:<{BODY}> SIZE=1001")).await.starts_with("552"));
    assert!(smtp.say(&format!("MAIL FROM:<{BODY}> SIZE=1000")).await.starts_with("250"));
    smtp.say("RCPT TO:<a@x.example>").await;
    smtp.say("RCPT TO:<b@x.example>").await;
    assert!(smtp.say("RCPT TO:<c@x.example>").await.starts_with("452"));
    smtp.say("RSET").await;
    let long = format!("From: {BODY}\r\nTo: a@x.example\r\n\r\n{}\r\n", "x".repeat(1_100));
    assert!(smtp.send(BODY, &["a@x.example"], &long).await.starts_with("552"));
    let bare = format!("From: {BODY}\r\nTo: a@x.example\r\n\r\nx\ny\r\n");
    assert!(smtp.send(BODY, &["a@x.example"], &bare).await.starts_with("554"));
    assert_eq!(smtp.say(&"N".repeat(20_000)).await, "", "an endless line ends the connection");
    messages(&office, BODY, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_refused_or_cut_off_on_command() {
    let office = office().await;
    office.submission_fault(BODY, SubmissionFault::Refuse(451)).unwrap();
    office.submission_fault(BODY, SubmissionFault::Cut).unwrap();
    let mut smtp = Smtp::login(&office, BODY).await;
    let (to, text) = ("a@pec.example", notice("a@pec.example", ""));
    assert!(smtp.send(BODY, &[to], &text).await.starts_with("451 4.7.0"));
    messages(&office, BODY, 0).await;
    assert_eq!(smtp.send(BODY, &[to], &text).await, "", "no reply, and yet it is taken");
    messages(&office, BODY, 2).await;
    let mut smtp = Smtp::login(&office, BODY).await;
    assert!(smtp.send(BODY, &[to], &text).await.starts_with("250"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_a_while_and_then_left() {
    let office = office().await;
    let mut smtp = Smtp::connect(&office).await;
    for _ in 0..30 {
        smtp.write(b"\xff\xfe\x00 NONSENSE\r\n").await;
    }
    let said = String::from_utf8_lossy(&smtp.rest().await).into_owned();
    assert!(said.ends_with("421 4.7.0 too many faults\r\n"), "{said}");
    assert!(said.lines().count() <= 21);
    // One that leaves in the middle of a message takes nobody with it.
    let mut smtp = Smtp::login(&office, BODY).await;
    smtp.say(&format!("MAIL FROM:<{BODY}>")).await;
    smtp.say("RCPT TO:<a@x.example>").await;
    smtp.say("DATA").await;
    smtp.write(b"From: half").await;
    drop(smtp);
    assert!(Smtp::connect(&office).await.say("NOOP").await.starts_with("250"));
    messages(&office, BODY, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_too_many_is_sent_away() {
    let mut settings = config();
    settings.limits.max_connections = 1;
    let office = PostOffice::start(settings).await.unwrap();
    let first = Smtp::connect(&office).await;
    let stream = TcpStream::connect(office.addresses().smtp).await.unwrap();
    assert_eq!(Smtp(BufReader::new(stream)).reply().await, "");
    drop(first);
    for _ in 0..100 {
        let stream = TcpStream::connect(office.addresses().smtp).await.unwrap();
        if Smtp(BufReader::new(stream)).reply().await.starts_with("220") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of the first client was never given free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_left_and_closing_ends_everybody() {
    let mut settings = config();
    settings.limits.patience = Duration::from_millis(100);
    let office = PostOffice::start(settings).await.unwrap();
    let mut smtp = Smtp::connect(&office).await;
    assert_eq!(smtp.reply().await, "");
    let office = crate::support::office().await;
    let mut smtp = Smtp::connect(&office).await;
    let closed = tokio::time::timeout(Duration::from_secs(5), office.close()).await;
    assert!(closed.is_ok());
    assert_eq!(smtp.reply().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_password_only_ordinary_mail_is_taken_and_only_where_that_is_set() {
    let strict = office().await;
    let mut smtp = Smtp::connect(&strict).await;
    smtp.say("EHLO prova").await;
    assert!(smtp.say(&format!("MAIL FROM:<{DESK}>")).await.starts_with("530"));
    let mut settings = config();
    settings.trusts_loopback = true;
    let office = PostOffice::start(settings).await.unwrap();
    let mut smtp = Smtp::connect(&office).await;
    smtp.say("EHLO prova").await;
    assert!(smtp.say(&format!("MAIL FROM:<{BODY}>")).await.starts_with("530"));
    let plus = DESK.replace('@', "+b7@");
    assert!(smtp.say(&format!("MAIL FROM:<{plus}>")).await.starts_with("250"));
}
