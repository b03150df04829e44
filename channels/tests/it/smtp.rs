//! The SMTP provider against a relay that keeps to the rules, and against every kind that does not.

use crate::outbounds;
use crate::relay::{CLOSE, HANG, Relay, Script};
use messo_channels::email::{Deadlines, Smtp, SmtpSettings, TlsMode};
use messo_core::addresses::{Address, EmailAddress};
use messo_core::attempts::Outcome;
use messo_core::failures::FailureClass::{self, *};
use messo_core::jobs::Priority;
use messo_core::legs::Proof;
use messo_core::ports::{Exchange, Provider, Stage};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn settings(relay: &Relay) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(relay.address.port()),
        tls: TlsMode::None,
        deadlines: Deadlines::all(1),
        ..SmtpSettings::default()
    }
}

fn provider(relay: &Relay) -> Smtp {
    Smtp::new(&settings(relay)).unwrap()
}

async fn send(provider: &Smtp, number: u128) -> Exchange {
    let envelope = provider.prepare(&outbounds::to("mario@example.it", number)).unwrap();
    provider.send(&envelope).await
}

fn class(provider: &Smtp, exchange: &Exchange) -> Option<FailureClass> {
    match provider.interpret(exchange) {
        Outcome::Failed(failure) => Some(failure.class),
        _ => None,
    }
}

#[tokio::test]
async fn a_message_arrives_byte_for_byte_and_is_only_handed_over() {
    let relay = Relay::play(Script::default()).await;
    let provider = provider(&relay);
    let outbound = outbounds::to("mario@example.it", 1);
    let envelope = provider.prepare(&outbound).unwrap();
    let exchange = provider.send(&envelope).await;
    assert_eq!(exchange.stage, Stage::Answered);
    assert_eq!(
        provider.interpret(&exchange),
        Outcome::Delivered {
            provider_reference: Some("4XYZ".to_owned()),
            proof: Proof::HandedOver
        }
    );
    assert_eq!(relay.messages(), [String::from_utf8(envelope.bytes.clone()).unwrap()]);
    let said = exchange.transcript.lines.join("\n");
    assert!(said.contains(&format!("C: ({} bytes)", envelope.bytes.len())), "{said}");
    assert!(said.contains("C: MAIL FROM:<segreteria@organismo.example> SIZE="), "{said}");
    assert!(said.contains("C: RCPT TO:<mario@example.it> NOTIFY="), "{said}");
}

#[tokio::test]
async fn many_messages_share_few_connections_and_none_is_lost_or_doubled() {
    let relay = Relay::play(Script::default()).await;
    let settings = SmtpSettings { sessions: 3, messages_per_session: 20, ..settings(&relay) };
    let provider = Arc::new(Smtp::new(&settings).unwrap());
    assert_eq!(provider.spec().concurrency, 12);
    let sends: Vec<_> = (0..200)
        .map(|number| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { send(&provider, number).await })
        })
        .collect();
    for send in sends {
        let exchange = send.await.unwrap();
        assert_eq!(class(&provider, &exchange), None, "{exchange:?}");
    }
    let mut ids: Vec<String> = relay
        .messages()
        .iter()
        .map(|body| body.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), relay.messages().len()), (200, 200));
    assert!(relay.seen.most_open.load(Ordering::SeqCst) <= 3);
    assert!(relay.seen.connections.load(Ordering::SeqCst) >= 10);
}

#[tokio::test]
async fn a_server_that_knows_no_pipelining_and_no_ehlo_is_served_step_by_step() {
    let script = Script {
        features: Vec::new(),
        replies: vec![("EHLO", 9, "502 5.5.1 what is EHLO")],
        ..Script::default()
    };
    let relay = Relay::play(script).await;
    let provider = provider(&relay);
    for number in 0..3 {
        let exchange = send(&provider, number).await;
        assert_eq!(class(&provider, &exchange), None, "{exchange:?}");
    }
    assert!(relay.commands().contains(&"MAIL FROM:<segreteria@organismo.example>".to_owned()));
    assert_eq!(relay.messages().len(), 3);
}

#[tokio::test]
async fn every_refusal_has_its_class_and_says_how_far_it_went() {
    let long: &str = "550-5.1.1 The address\r\n550-5.1.1 does not exist.\r\n550 5.1.1 Try another";
    let cases: [(&str, &str, Stage, FailureClass, &str); 16] = [
        ("greeting", "554 no service for you", Stage::Open, Misconfigured, "554"),
        ("greeting", "421 4.7.0 too many connections", Stage::Open, Throttled, "421 4.7.0"),
        ("greeting", "421 4.3.2 shutting down", Stage::Open, Unavailable, "421 4.3.2"),
        ("greeting", "HTTP/1.1 400 Bad Request", Stage::Open, Unavailable, "messo:garbage"),
        ("greeting", CLOSE, Stage::Open, Unavailable, "messo:closed"),
        ("greeting", HANG, Stage::Open, Unavailable, "messo:timeout"),
        ("MAIL", "451 4.3.0 disk trouble", Stage::Address, Unavailable, "451 4.3.0"),
        ("MAIL", "530 5.7.0 authentication required", Stage::Address, Misconfigured, "530 5.7.0"),
        ("RCPT", long, Stage::Address, BadRecipient, "550 5.1.1"),
        ("RCPT", "450 4.7.1 greylisted", Stage::Address, Throttled, "450 4.7.1"),
        ("RCPT", "554 5.7.1 relay access denied", Stage::Address, Refused, "554 5.7.1"),
        ("DATA", "452 4.3.1 no space", Stage::Address, Unavailable, "452 4.3.1"),
        ("DATA", HANG, Stage::Address, Unavailable, "messo:timeout"),
        (".", "552 5.3.4 too big", Stage::Answered, BadContent, "552 5.3.4"),
        (".", "554 5.7.1 looks like spam", Stage::Answered, Refused, "554 5.7.1"),
        (".", "451 4.7.1 later please", Stage::Answered, Throttled, "451 4.7.1"),
    ];
    for (command, reply, stage, expected, code) in cases {
        let mut script = Script::default();
        if command == "greeting" {
            script.greeting = reply;
        } else {
            script.replies = vec![(command, 9, reply)];
        }
        for pipelining in [true, false] {
            script.features.retain(|feature| pipelining || *feature != "PIPELINING");
            let relay = Relay::play(script.clone()).await;
            let provider = provider(&relay);
            let exchange = send(&provider, 1).await;
            let Outcome::Failed(failure) = provider.interpret(&exchange) else {
                panic!("{command} {reply} counted as success");
            };
            assert_eq!(
                (exchange.stage, failure.class, failure.code.as_str()),
                (stage, expected, code),
                "{command} {reply} pipelining {pipelining}: {exchange:?}"
            );
            assert!(relay.messages().iter().all(String::is_empty));
        }
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_last_byte_is_a_doubt_and_nothing_is_sent_again() {
    for loss in [CLOSE, HANG, "what was that?", "354 go on then", "199 hm"] {
        let script = Script { replies: vec![(".", 9, loss)], ..Script::default() };
        let relay = Relay::play(script).await;
        let provider = provider(&relay);
        let exchange = send(&provider, 1).await;
        assert!(exchange.stage >= Stage::Sent, "{loss}: {exchange:?}");
        assert_eq!(class(&provider, &exchange), Some(Doubtful), "{loss}");
        let data = relay.commands().iter().filter(|command| *command == "DATA").count();
        assert_eq!(data, 1, "{loss}");
    }
}

#[tokio::test]
async fn a_connection_lost_while_the_content_is_written_is_no_doubt() {
    let script = Script { replies: vec![("content", 9, CLOSE)], ..Script::default() };
    let relay = Relay::play(script).await;
    let provider = provider(&relay);
    let mut outbound = outbounds::to("mario@example.it", 1);
    let mut mail = outbounds::mail();
    // Larger than what the kernel takes off our hands.
    mail.inline[0].bytes = vec![1; 14_000_000].into();
    outbound.rendition = messo_core::ports::Rendition::Mail(mail);
    let envelope = provider.prepare(&outbound).unwrap();
    let exchange = provider.send(&envelope).await;
    assert_eq!(exchange.stage, Stage::Content, "{exchange:?}");
    assert_eq!(class(&provider, &exchange), Some(Unavailable));
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let relay = Relay::play(Script::default()).await;
    let provider = provider(&relay);
    drop(relay);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let exchange = send(&provider, 1).await;
    assert_eq!(exchange.stage, Stage::Connect);
    assert_eq!(class(&provider, &exchange), Some(Unavailable));
}

#[tokio::test]
async fn a_refused_message_leaves_its_connection_to_the_next_one() {
    let script =
        Script { replies: vec![("RCPT", 1, "550 5.1.1 no such user")], ..Script::default() };
    let relay = Relay::play(script).await;
    let provider = provider(&relay);
    let exchange = send(&provider, 1).await;
    assert_eq!(class(&provider, &exchange), Some(BadRecipient));
    // DATA was answered with 354 though nobody would receive: it is ended with nothing in it.
    assert!(exchange.transcript.lines.contains(&"C: RSET".to_owned()), "{exchange:?}");
    assert_eq!(relay.messages(), [""]);
    let exchange = send(&provider, 2).await;
    assert_eq!(class(&provider, &exchange), None, "{exchange:?}");
    assert_eq!(relay.seen.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_has_closed_costs_no_attempt() {
    for gone in [CLOSE, "421 4.4.2 idle for too long"] {
        // The second MAIL on a connection meets a server that has had enough.
        let script = Script {
            replies: vec![("MAIL", 1, "250 2.1.0 Ok"), ("MAIL", 1, gone)],
            ..Script::default()
        };
        let relay = Relay::play(script).await;
        let provider = provider(&relay);
        assert_eq!(class(&provider, &send(&provider, 1).await), None);
        let exchange = send(&provider, 2).await;
        assert_eq!(class(&provider, &exchange), None, "{exchange:?}");
        assert_eq!(relay.seen.connections.load(Ordering::SeqCst), 2);
        assert_eq!(relay.messages().len(), 2);
    }
}

#[tokio::test]
async fn a_message_waits_for_a_free_connection_only_so_long() {
    let script = Script { replies: vec![(".", 1, HANG)], ..Script::default() };
    let relay = Relay::play(script).await;
    let settings = SmtpSettings {
        sessions: 1,
        patience_s: 1,
        deadlines: Deadlines::all(3),
        ..settings(&relay)
    };
    let provider = Arc::new(Smtp::new(&settings).unwrap());
    let first = Arc::clone(&provider);
    let first = tokio::spawn(async move { send(&first, 1).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let exchange = send(&provider, 2).await;
    assert_eq!(class(&provider, &exchange), Some(Throttled), "{exchange:?}");
    assert_eq!(class(&provider, &first.await.unwrap()), Some(Doubtful));
    // What was given up is not sent behind its sender's back.
    assert_eq!(relay.commands().iter().filter(|command| *command == "DATA").count(), 1);
}

#[tokio::test]
async fn a_message_over_the_rate_is_put_off_and_says_for_how_long() {
    let relay = Relay::play(Script::default()).await;
    let settings = SmtpSettings { per_minute: 2, patience_s: 1, ..settings(&relay) };
    let provider = Smtp::new(&settings).unwrap();
    let to = Address::Email(EmailAddress::parse("anna@example.it").unwrap());
    let turn = provider.turn(&to, Priority::Bulk).await.ok().unwrap();
    assert_eq!(class(&provider, &send(&provider, 1).await), None);
    drop(turn);
    // Nothing was said to the relay, and the engine has committed nothing yet.
    let pause = provider.turn(&to, Priority::Bulk).await.err().unwrap();
    assert!(pause > Duration::from_secs(20), "{pause:?}");
    assert_eq!(relay.messages().len(), 1);
}

fn ca_file() -> std::path::PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem").into()
}

#[tokio::test]
async fn encryption_is_as_strict_as_the_settings_ask() {
    let offering = Script { features: vec!["STARTTLS", "PIPELINING"], ..Script::default() };
    let implicit = Script { implicit_tls: true, ..Script::default() };
    let plain = Script::default();
    let cases = [
        (&offering, TlsMode::Required, true, None, "certificate checked"),
        (&offering, TlsMode::Required, false, Some(Misconfigured), "messo:tls"),
        (&offering, TlsMode::Opportunistic, false, None, "certificate not checked"),
        (&implicit, TlsMode::Implicit, true, None, "certificate checked"),
        (&implicit, TlsMode::Implicit, false, Some(Misconfigured), "messo:tls"),
        (&plain, TlsMode::Opportunistic, false, None, "S: 220"),
        (&plain, TlsMode::Required, true, Some(Misconfigured), "messo:no_starttls"),
    ];
    for (script, tls, trusted, expected, said) in cases {
        let relay = Relay::play(script.clone()).await;
        let ca_file = trusted.then(ca_file);
        let settings = SmtpSettings { tls, ca_file, ..settings(&relay) };
        let provider = Smtp::new(&settings).unwrap();
        for number in 0..2 {
            let exchange = send(&provider, number).await;
            assert_eq!(class(&provider, &exchange), expected, "{tls:?} {exchange:?}");
            if number == 0 {
                let lines = exchange.transcript.lines.join("\n");
                assert!(lines.contains(said), "{tls:?} {lines}");
            }
        }
        assert_eq!(relay.messages().len(), if expected.is_none() { 2 } else { 0 });
    }
}

#[tokio::test]
async fn signing_in_works_both_ways_and_leaves_no_secret_behind() {
    for mechanisms in ["AUTH PLAIN LOGIN", "AUTH LOGIN"] {
        let relay =
            Relay::play(Script { features: vec![mechanisms, "PIPELINING"], ..Script::default() })
                .await;
        let settings = SmtpSettings {
            user: Some("segreteria".to_owned()),
            password: Some("segretissima".to_owned().into()),
            ..settings(&relay)
        };
        let provider = Smtp::new(&settings).unwrap();
        let exchange = send(&provider, 1).await;
        assert_eq!(class(&provider, &exchange), None, "{exchange:?}");
        let said = format!("{exchange:?}");
        for secret in ["segretissima", "c2VncmV0aXNzaW1h", "AHNlZ3JldGVyaWEAc2VncmV0aXNzaW1h"] {
            assert!(!said.contains(secret), "{said}");
        }
        let came = relay.commands().join("\n");
        assert!(
            came.contains("AUTH PLAIN AHNlZ3JldGVyaWEAc2VncmV0aXNzaW1h")
                || came.contains("AUTH LOGIN\nc2VncmV0ZXJpYQ==\nc2VncmV0aXNzaW1h"),
            "{came}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_ours_to_mend_and_doctor_says_so() {
    let script = Script {
        features: vec!["AUTH PLAIN"],
        replies: vec![("AUTH", 9, "535 5.7.8 authentication failed")],
        ..Script::default()
    };
    let relay = Relay::play(script).await;
    let settings = SmtpSettings { user: Some("u".to_owned()), ..settings(&relay) };
    let provider = Smtp::new(&settings).unwrap();
    let exchange = send(&provider, 1).await;
    assert_eq!(class(&provider, &exchange), Some(Misconfigured));
    assert!(provider.check().await.unwrap_err().contains("535 5.7.8"));
}

#[tokio::test]
async fn a_password_is_not_given_to_a_server_that_offers_no_encryption() {
    let relay = Relay::play(Script { features: vec!["AUTH PLAIN"], ..Script::default() }).await;
    let settings = SmtpSettings {
        tls: TlsMode::Opportunistic,
        user: Some("u".to_owned()),
        ..settings(&relay)
    };
    let provider = Smtp::new(&settings).unwrap();
    assert_eq!(class(&provider, &send(&provider, 1).await), Some(Misconfigured));
    assert!(!relay.commands().iter().any(|command| command.starts_with("AUTH")));
}

#[tokio::test]
async fn content_that_servers_would_end_in_different_places_is_never_sent() {
    let relay = Relay::play(Script::default()).await;
    let provider = provider(&relay);
    let mut envelope = provider.prepare(&outbounds::to("mario@example.it", 1)).unwrap();
    for smuggled in ["x\n.\nMAIL FROM:<x@example.it>\r\n", "x\r.\r\n", "x\r\n.\r\r\n", "x\r"] {
        envelope.bytes = smuggled.as_bytes().to_vec();
        let exchange = provider.send(&envelope).await;
        assert_eq!(class(&provider, &exchange), Some(BadContent), "{smuggled:?}");
    }
    assert!(relay.commands().is_empty());
}

#[tokio::test]
async fn a_server_that_speaks_out_of_turn_is_not_believed() {
    // An answer too many: it would pass for the answer to the message.
    let script = Script {
        replies: vec![("DATA", 9, "354 go on\r\n250 2.0.0 taken already")],
        ..Script::default()
    };
    let relay = Relay::play(script).await;
    let provider = provider(&relay);
    let exchange = send(&provider, 1).await;
    assert_eq!(class(&provider, &exchange), Some(Unavailable), "{exchange:?}");
    assert!(relay.messages().is_empty());
}

#[tokio::test]
async fn a_slow_server_is_waited_for() {
    let script = Script { pause: Duration::from_millis(120), ..Script::default() };
    let relay = Relay::play(script).await;
    let provider = provider(&relay);
    assert_eq!(class(&provider, &send(&provider, 1).await), None);
    assert_eq!(provider.check().await, Ok(()));
}
