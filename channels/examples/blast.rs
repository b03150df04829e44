//! Sends prepared 20 KB messages over 10 sessions to a discarding sink on loopback, with Messo's SMTP
//! sender and with lettre (TCP_NODELAY set), and prints messages a second and CPU seconds per 1,000.
//!
//! `cargo run --release -p messo-channels --example blast -- [MESSAGES] [ROUND_TRIP_MS]`. The sink is a process
//! of its own, so that the CPU figure is the sender's alone.

use lettre::address::Envelope as LettreEnvelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use messo_channels::contract::tables;
use messo_channels::email::{Smtp, SmtpSettings, TlsMode};
use messo_core::addresses::Channel;
use messo_core::attempts::Outcome;
use messo_core::ids::AttemptId;
use messo_core::ports::{Envelope, Outbound, Provider, Rendition};
use std::io::BufRead;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const SESSIONS: usize = 10;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, default: usize| {
        arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    if arguments.first().is_some_and(|first| first == "sink") {
        return sink(number(1, 0) as u64).await;
    }
    let (messages, round_trip_ms) = (number(0, 20_000), number(1, 0));
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["sink", &round_trip_ms.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim().parse().unwrap();

    let settings = SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls: TlsMode::None,
        sessions: SESSIONS,
        messages_per_session: u32::MAX,
        ..SmtpSettings::default()
    };
    let provider = Arc::new(Smtp::new(&settings).unwrap());
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let envelopes: Arc<Vec<Envelope>> =
        Arc::new((0..messages).map(|index| provider.prepare(&outbound(index)).unwrap()).collect());
    report("prepare", messages, start, cpu);
    println!("{} bytes a message, {round_trip_ms} ms round trip", envelopes[0].bytes.len());
    for _ in 0..3 {
        messo(&provider, &envelopes).await;
        lettre(port, &envelopes).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn outbound(index: usize) -> Outbound {
    let mut outbound = tables::outbound(Channel::Email);
    outbound.attempt = AttemptId(Uuid::from_u128(index as u128));
    if let Rendition::Mail(mail) = &mut outbound.rendition {
        mail.html = "<p>Gentile Mario, l'incontro è fissato per lunedì alle 10.</p>\n".repeat(230);
        mail.inline[0].bytes = vec![index as u8; 1200].into();
    }
    outbound
}

async fn messo(provider: &Arc<Smtp>, envelopes: &Arc<Vec<Envelope>>) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..provider.spec().concurrency)
        .map(|_| {
            let (provider, envelopes, next) =
                (Arc::clone(provider), Arc::clone(envelopes), Arc::clone(&next));
            tokio::spawn(async move {
                while let Some(envelope) = envelopes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let exchange = provider.send(envelope).await;
                    let outcome = provider.interpret(&exchange);
                    assert!(matches!(outcome, Outcome::Delivered { .. }), "{exchange:?}");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    report("messo", envelopes.len(), start, cpu);
}

async fn lettre(port: u16, envelopes: &Arc<Vec<Envelope>>) {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let (envelopes, next) = (Arc::clone(envelopes), Arc::clone(&next));
            tokio::spawn(async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let hello = ClientId::Domain("localhost".to_owned());
                let mut connection =
                    AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
                        .await
                        .unwrap();
                while let Some(envelope) = envelopes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let from = Some(envelope.from.parse().unwrap());
                    let to = vec![envelope.to.parse().unwrap()];
                    let addresses = LettreEnvelope::new(from, to).unwrap();
                    connection.send(&addresses, &envelope.bytes).await.unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    report("lettre", envelopes.len(), start, cpu);
}

fn report(what: &str, messages: usize, start: Instant, cpu: f64) {
    let seconds = start.elapsed().as_secs_f64();
    let per_1000 = (cpu_seconds() - cpu) * 1000.0 / messages as f64;
    let rate = messages as f64 / seconds;
    println!("{what:8} {rate:8.0} messages/s   {per_1000:.3} CPU s per 1,000");
}

/// User and system time of this process, from /proc (ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Answers as SMTP asks and throws everything away; each batch of answers takes one round trip.
async fn sink(round_trip_ms: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(discard(stream, Duration::from_millis(round_trip_ms)));
    }
}

async fn discard(mut stream: TcpStream, round_trip: Duration) {
    let _ = stream.write_all(b"220 sink ESMTP\r\n").await;
    let (mut chunk, mut kept, mut in_data) = (vec![0; 65536], Vec::new(), false);
    loop {
        let Ok(count @ 1..) = stream.read(&mut chunk).await else { return };
        kept.extend_from_slice(&chunk[..count]);
        let (mut answers, mut at) = (Vec::new(), 0);
        while let Some(end) = kept[at..].iter().position(|byte| *byte == b'\n') {
            let line = &kept[at..at + end + 1];
            at += end + 1;
            match (in_data, line) {
                (true, b".\r\n") => {
                    in_data = false;
                    answers.extend_from_slice(b"250 2.0.0 Ok\r\n");
                }
                (true, _) => {}
                (false, b"DATA\r\n") => {
                    in_data = true;
                    answers.extend_from_slice(b"354 go on\r\n");
                }
                (false, line) if line.starts_with(b"EHLO") => {
                    answers.extend_from_slice(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
                }
                (false, _) => answers.extend_from_slice(b"250 2.1.0 Ok\r\n"),
            }
        }
        kept.drain(..at);
        if !answers.is_empty() {
            if !round_trip.is_zero() {
                sleep(round_trip).await;
            }
            if stream.write_all(&answers).await.is_err() {
                return;
            }
        }
    }
}
