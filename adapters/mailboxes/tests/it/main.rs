//! Mailboxes against a scripted IMAP server: what is promised when servers misbehave.

mod faults;
mod reading;
mod server;
mod sink;
mod volume;

use messo_core::addresses::Channel;
use messo_core::ids::BodyId;
use messo_core::ports::Clock;
use messo_core::time::Timestamp;
use messo_mailboxes::{FolderStatus, MailboxSettings, MailboxStatus, Mailboxes, Pace, Tls};
use server::Server;
use sink::Sink;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for something that should happen.
const LIMIT: Duration = Duration::from_secs(60);

/// A clock that tests step, and that stands still otherwise.
pub(crate) struct Stepped(AtomicI64);

impl Stepped {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Timestamp::from_seconds(1_800_000_000).0)))
    }

    pub(crate) fn step(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn body() -> BodyId {
    BodyId(uuid::Uuid::from_u128(7))
}

/// Settings for the scripted server: quick, but for the poll, which tests that need it shorten.
pub(crate) fn settings(server: &Server) -> MailboxSettings {
    let mut settings = MailboxSettings::new(
        "ricevute",
        Channel::Pec,
        "127.0.0.1",
        "sede@pec.example.it",
        "segreta",
    );
    settings.port = server.port();
    settings.tls = Tls::None;
    settings.poll_s = 1;
    settings.deadline_s = 1;
    settings
}

pub(crate) fn pace(clock: Arc<dyn Clock>) -> Pace {
    let mut pace = Pace::new(clock, Arc::new(|| 0.0));
    pace.first_pause = Duration::from_millis(20);
    pace.longest_pause = Duration::from_millis(40);
    pace
}

/// Starts one mailbox.
pub(crate) fn start(settings: MailboxSettings, sink: &Arc<Sink>) -> Mailboxes {
    start_at(Stepped::new(), settings, sink)
}

pub(crate) fn start_at(
    clock: Arc<Stepped>,
    settings: MailboxSettings,
    sink: &Arc<Sink>,
) -> Mailboxes {
    let sink: Arc<Sink> = Arc::clone(sink);
    Mailboxes::start(vec![(body(), settings)], sink, pace(clock)).expect("settings that can work")
}

pub(crate) fn status(mailboxes: &Mailboxes) -> MailboxStatus {
    mailboxes.status().remove(0)
}

pub(crate) fn folder(mailboxes: &Mailboxes, name: &str) -> FolderStatus {
    status(mailboxes).folders.get(name).cloned().unwrap_or_default()
}

/// Waits until it holds. Panics when it does not, with what was waited for.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not in time");
        sleep(Duration::from_millis(5)).await;
    }
}
