//! What the listener holds on to, and for how long; health apart from the rest.

use super::office::Office;
use messo_tests::{process, sheets};
use reqwest::StatusCode;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokio::time::Instant;

fn cases() -> String {
    sheets::summonses(1, "example.test")
}

fn connect(office: &Office) -> TcpStream {
    let address = office.serving.url.trim_start_matches("http://");
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn read(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_too_little_is_closed() {
    let office = Office::with(&cases(), &[("MESSO_SERVER_HEADER_TIMEOUT_S", "1")]).await;
    let begun = Instant::now();
    let (mut silent, mut slow, mut idle) = (connect(&office), connect(&office), connect(&office));
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    tokio::task::spawn_blocking(move || {
        assert!(!read(&mut slow).contains("200 OK"));
        assert!(read(&mut idle).contains("200 OK"), "answered, then closed after its silence");
        read(&mut silent);
    })
    .await
    .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_connection_too_many_is_told_to_come_again_and_the_others_go_on() {
    let office = Office::with(&cases(), &[("MESSO_SERVER_MAX_CONNECTIONS", "3")]).await;
    let held: Vec<TcpStream> = (0..3).map(|_| connect(&office)).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut refused = connect(&office);
    let answer = tokio::task::spawn_blocking(move || read(&mut refused)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(office.get("/health", "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn health_and_metrics_can_have_an_address_of_their_own() {
    let port = process::free_port();
    let apart = format!("127.0.0.1:{port}");
    let office = Office::with(&cases(), &[("MESSO_SERVER_HEALTH_LISTEN", &apart)]).await;
    for path in ["/ready", "/metrics"] {
        assert_eq!(office.get(path, "").await.status(), StatusCode::NOT_FOUND, "{path}");
        let answer = office.client.get(format!("http://{apart}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let page = office.client.get(format!("http://{apart}/login")).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::NOT_FOUND, "nothing else is there");
    assert_eq!(office.get("/health", "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn asking_for_readiness_writes_nothing() {
    let office = Office::open().await;
    assert_eq!(office.get("/ready", "").await.status(), StatusCode::OK);
    let log = office.installation.data().join("messo.db-wal");
    let size = || std::fs::metadata(&log).map_or(0, |about| about.len());
    // The process looks by itself once in five seconds: in a tenth of that the log stays as it is.
    let mut quiet = false;
    for _ in 0..5 {
        let before = size();
        for _ in 0..50 {
            assert_eq!(office.get("/ready", "").await.status(), StatusCode::OK);
        }
        quiet |= size() == before;
    }
    assert!(quiet, "each look at /ready made the log grow");
}
