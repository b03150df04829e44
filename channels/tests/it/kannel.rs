//! The Kannel provider against an HTTP server that plays smsbox.

use crate::outbounds;
use messo_channels::sms::{Kannel, KannelSettings};
use messo_core::addresses::{Address, PhoneNumber};
use messo_core::attempts::Outcome;
use messo_core::failures::FailureClass;
use messo_core::ids::AttemptId;
use messo_core::ports::{
    Callback, CallbackKind, Exchange, Notify, Outbound, Provider, Rendition, Stage,
};
use messo_core::receipts::Signal;
use messo_core::time::Timestamp;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

/// Answers every request with these bytes (nothing: never answers); gives the address and the requests.
async fn smsbox(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cgi-bin/sendsms", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&shared);
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !request.ends_with(b"\r\n\r\n") {
                    let count = stream.read(&mut chunk).await.unwrap();
                    request.extend_from_slice(&chunk[..count]);
                }
                let head = String::from_utf8(request).unwrap();
                seen.lock().unwrap().push(head.lines().next().unwrap().to_owned());
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            });
        }
    });
    (url, seen)
}

fn provider(url: &str) -> Kannel {
    Kannel::new(KannelSettings {
        url: url.to_owned(),
        password: "segre+tissima".to_owned().into(),
        timeout_s: 1,
        ..KannelSettings::default()
    })
    .unwrap()
}

fn outbound(text: &str) -> Outbound {
    Outbound {
        to: Address::Mobile(PhoneNumber::parse("+393331234567").unwrap()),
        rendition: Rendition::Text(text.to_owned()),
        notify: Some(Notify { url: "http://127.0.0.1:1/callbacks/kannel/a/b".to_owned() }),
        ..outbounds::to("mario@example.it", 42)
    }
}

async fn send(provider: &Kannel, text: &str) -> Exchange {
    provider.send(&provider.prepare(&outbound(text)).unwrap()).await
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\nConnection: close\r\n\r\n0: Accepted for delivery";

#[tokio::test]
async fn a_message_is_asked_for_with_everything_that_kannel_needs() {
    let (url, seen) = smsbox(ACCEPTED).await;
    let provider = provider(&url);
    let exchange = send(&provider, "Convocazione: costa 10 €, è lunedì").await;
    assert!(matches!(provider.interpret(&exchange), Outcome::Accepted { .. }), "{exchange:?}");
    let request = seen.lock().unwrap()[0].clone();
    let target = request.split(' ').nth(1).unwrap();
    let url = url::Url::parse(&format!("http://x{target}")).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let expected = [
        ("from", "Mediazione"),
        ("to", "+393331234567"),
        ("coding", "0"),
        ("charset", "UTF-8"),
        ("text", "Convocazione: costa 10 €, è lunedì"),
        ("validity", "2880"),
        ("dlr-mask", "31"),
        ("dlr-url", "http://127.0.0.1:1/callbacks/kannel/a/b?s=%d&r=%A&f=%F&t=%T&i=%i"),
        ("username", "messo"),
        ("password", "segre+tissima"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(pairs, expected);
    let said = format!("{exchange:?}");
    assert!(!said.contains("tissima") && !said.contains("lunedì"), "{said}");
}

#[tokio::test]
async fn one_character_outside_the_alphabet_sends_the_whole_in_ucs2() {
    let (url, seen) = smsbox(ACCEPTED).await;
    send(&provider(&url), "Ç ç").await;
    let request = seen.lock().unwrap()[0].clone();
    assert!(request.contains("coding=2&charset=UTF-16BE&text=%00%C7%00+%00%E7&"), "{request}");
}

#[tokio::test]
async fn silence_and_nobody_there_are_told_apart() {
    let (url, _) = smsbox("").await;
    let hanging = provider(&url);
    let exchange = send(&hanging, "ciao").await;
    assert_eq!(exchange.stage, Stage::Sent);
    let Outcome::Failed(failure) = hanging.interpret(&exchange) else { panic!() };
    assert_eq!(failure.class, FailureClass::Doubtful);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cgi-bin/sendsms", listener.local_addr().unwrap());
    drop(listener);
    let absent = provider(&url);
    let exchange = send(&absent, "ciao").await;
    assert_eq!(exchange.stage, Stage::Connect);
    let Outcome::Failed(failure) = absent.interpret(&exchange) else { panic!() };
    assert_eq!(failure.class, FailureClass::Unavailable);
    assert!(!format!("{exchange:?}{:?}", absent.check().await).contains("tissima"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_endless_answer_is_cut() {
    let (url, seen) = smsbox(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    )
    .await;
    let redirected = provider(&url);
    let exchange = send(&redirected, "ciao").await;
    let Outcome::Failed(failure) = redirected.interpret(&exchange) else { panic!() };
    assert_eq!(failure.class, FailureClass::Misconfigured);
    assert_eq!(seen.lock().unwrap().len(), 1);

    let endless = format!("HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{}", "x".repeat(300_000));
    let (url, _) = smsbox(Box::leak(endless.into_boxed_str())).await;
    let exchange = send(&provider(&url), "ciao").await;
    assert_eq!((exchange.code, exchange.answer.len()), (Some(400), 64 * 1024));
}

#[tokio::test]
async fn doctor_is_told_about_a_wrong_password_and_nothing_is_sent() {
    let (url, seen) =
        smsbox("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert!(provider(&url).check().await.unwrap_err().contains("password"));
    assert!(!seen.lock().unwrap()[0].contains("to="));
}

fn callback(kind: CallbackKind, query: &[(&str, &str)], body: &[u8]) -> Callback {
    let query = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Callback { kind, query, body: body.to_vec(), at: Timestamp::from_seconds(2) }
}

#[test]
fn a_report_names_its_attempt_and_the_carriers_instant() {
    let attempt = AttemptId(Uuid::from_u128(42));
    let query = [("s", "2"), ("r", "id:1 stat:EXPIRED err:000"), ("t", "1795000000")];
    let callback = callback(CallbackKind::Report(attempt), &query, b"");
    let read = provider("http://127.0.0.1:1/").callback(&callback).unwrap();
    assert_eq!(
        (read[0].attempt, read[0].at),
        (Some(attempt), Some(Timestamp::from_seconds(1_795_000_000)))
    );
    let Signal::Failed { class, code } = &read[0].signal else { panic!("{read:?}") };
    assert_eq!((*class, code.as_str()), (FailureClass::Unavailable, "2 id:1 stat:EXPIRED err:000"));
}

/// Query, body, text that is read.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], &'a str);

#[test]
fn an_answer_is_read_in_every_alphabet_that_kannel_brings() {
    let from = ("from", "+393331234567");
    let wide: Vec<u8> = "Sì, però 😀".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let cases: [Case; 3] = [
        (&[from, ("coding", "0")], "Sì, però".as_bytes(), "Sì, però"),
        (&[from, ("coding", "2"), ("charset", "UTF-16BE")], &wide, "Sì, però 😀"),
        (&[from, ("coding", "0")], b"S\xec", "Sì"),
    ];
    for (query, body, expected) in cases {
        let callback = callback(CallbackKind::Message, query, body);
        let read = provider("http://127.0.0.1:1/").callback(&callback).unwrap();
        let Signal::Answer { from, text } = &read[0].signal else { panic!("{read:?}") };
        assert_eq!((from.line().as_str(), text.as_str()), ("+393331234567", expected));
        assert!(read[0].raw.ends_with(body));
    }
}
