//! How fast a mailbox is read: messages each second, and processor time of this process for 1,000 of them.
//!
//! `throughput PORT USER PASSWORD COUNT` reads COUNT messages from the inbox of a server on the loopback, without TLS, into
//! a sink that only hashes.

use async_trait::async_trait;
use messo_core::addresses::Channel;
use messo_core::ids::{BodyId, MessageId};
use messo_core::messages::{Cursor, identity};
use messo_core::ports::{Arrived, Clock, MailSink, StoreError};
use messo_core::time::Timestamp;
use messo_mailboxes::{MailboxSettings, Mailboxes, Pace, Tls};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

#[derive(Default)]
struct Hashing {
    count: AtomicUsize,
    bytes: AtomicUsize,
}

#[async_trait]
impl MailSink for Hashing {
    async fn take(
        &self,
        arrived: Vec<Arrived>,
        _cursor: Option<Cursor>,
    ) -> Result<Vec<(MessageId, bool)>, StoreError> {
        for one in &arrived {
            std::hint::black_box(identity(&one.raw));
            self.bytes.fetch_add(one.raw.len(), Ordering::Relaxed);
        }
        self.count.fetch_add(arrived.len(), Ordering::Relaxed);
        Ok(arrived.iter().map(|_| (MessageId(Uuid::nil()), true)).collect())
    }

    async fn cursor(&self, _: BodyId, _: &str, _: &str) -> Result<Option<Cursor>, StoreError> {
        Ok(None)
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
}

/// Processor time of this process so far, in ticks of 10 ms, and its largest memory in kB.
fn spent() -> (u64, String) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    (ticks, peak.trim().to_owned())
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, user, password, count] = &arguments[..] else {
        panic!("usage: throughput PORT USER PASSWORD COUNT")
    };
    let count: usize = count.parse().expect("a number of messages");
    let mut settings = MailboxSettings::new("bench", Channel::Email, "127.0.0.1", user, password);
    settings.port = port.parse().expect("a port");
    settings.tls = Tls::None;
    let sink = Arc::new(Hashing::default());
    let begun = Instant::now();
    let pace = Pace::new(Arc::new(Noon), Arc::new(|| 0.5));
    let shared: Arc<Hashing> = Arc::clone(&sink);
    let body = BodyId(Uuid::nil());
    let mailboxes = Mailboxes::start(vec![(body, settings)], shared, pace).expect("settings");
    while sink.count.load(Ordering::Relaxed) < count {
        assert!(begun.elapsed() < Duration::from_secs(600), "{:?}", mailboxes.status());
        sleep(Duration::from_millis(5)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (ticks, peak) = spent();
    let megabytes = sink.bytes.load(Ordering::Relaxed) as f64 / 1e6;
    println!(
        "{count} messages, {megabytes:.0} MB in {seconds:.2} s: {:.0} messages/s, {:.0} MB/s, \
         {:.0} ms of processor for 1,000, peak memory {peak}",
        count as f64 / seconds,
        megabytes / seconds,
        ticks as f64 * 10.0 * 1_000.0 / count as f64,
    );
}
