//! The inside of the post office: accounts, boxes, providers and what is under way, shared by its servers.
//!
//! Guarantee: everything that grows has a limit of [`Limits`](crate::Limits); a lock is never held across an await. Limit: state is
//! in memory and ends with the process.

use crate::authority::{Authority, AuthorityError};
use crate::behaviour::Behaviour;
use crate::boxes::{BoxError, MailBox};
use crate::config::{Account, AccountKind, Config};
use crate::instants;
use crate::provider::{Provider, Style};
use messo_core::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most behaviours given by script.
const MAX_SCRIPTS: usize = 100_000;

/// Shared by all connections and all messages under way.
pub(crate) struct Office {
    pub config: Config,
    pub home: Provider,
    pub away: Provider,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    /// Counts changes of boxes; IDLE waits on it.
    pub changes: watch::Sender<u64>,
    state: Mutex<State>,
    serial: AtomicU64,
    pending_bytes: AtomicUsize,
}

struct State {
    boxes: HashMap<String, MailBox>,
    scripts: HashMap<String, Behaviour>,
    lost: u64,
}

/// Room taken by a message under way; given back when dropped.
pub(crate) struct Room {
    office: Arc<Office>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.office.pending_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Office {
    pub fn new(config: Config, authority: &Authority) -> Result<Self, AuthorityError> {
        let (home, away) = (&config.home, &config.away);
        let home = Provider::new(authority, &home.name, &home.domain, Style::Rich)?;
        let away = Provider::new(authority, &away.name, &away.domain, Style::Plain)?;
        let limits = config.limits;
        let make = |account: &Account| {
            let (messages, bytes) = (limits.max_box_messages, limits.max_box_bytes);
            let mailbox = MailBox::new(&account.folders, messages, bytes);
            (account.address.to_ascii_lowercase(), mailbox)
        };
        let boxes = config.accounts.iter().map(make).collect();
        Ok(Self {
            home,
            away,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            changes: watch::channel(0).0,
            state: Mutex::new(State { boxes, scripts: HashMap::new(), lost: 0 }),
            serial: AtomicU64::new(1),
            pending_bytes: AtomicUsize::new(0),
            config,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left behind is still whole: every change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instant that receipts of this moment state.
    pub fn now(&self) -> Timestamp {
        let now = self.config.clock.now();
        Timestamp(now.0.saturating_add(self.config.offset_s.saturating_mul(1_000_000)))
    }

    pub fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A provider's identifier of a message, without angle brackets (RFC 6109, 2.2.1).
    pub fn pec_id(&self, provider: &Provider, at: Timestamp) -> String {
        let serial = self.serial();
        let random = self.config.ids.uuid().as_u128() & 0xffff_ffff;
        let stamp = instants::stamp(at);
        format!("opec{serial}.{stamp}.{random:08x}.1.63@{}", provider.domain())
    }

    /// An identifier for mail that a person elsewhere writes.
    pub fn letter_id(&self, domain: &str) -> String {
        let random = self.config.ids.uuid().as_u128() & 0xffff_ffff_ffff;
        format!("{}.{random:012x}@{domain}", self.serial())
    }

    /// The message with the trace fields that a server puts before it (RFC 5321, 4.4).
    pub fn traced(&self, sender: &str, message: &[u8]) -> Vec<u8> {
        let date = instants::mail_date(self.now());
        let received = format!(
            "Return-Path: <{sender}>\r\nReceived: from localhost ([127.0.0.1]) by smtp.sandbox.example\r\n with ESMTPA id s{}; {date}\r\n",
            self.serial()
        );
        [received.as_bytes(), message].concat()
    }

    /// The account with that user name and password.
    pub fn login(&self, user: &str, password: &str) -> Option<Account> {
        let account =
            self.config.accounts.iter().find(|one| one.address.eq_ignore_ascii_case(user));
        account.filter(|one| one.password == password).cloned()
    }

    /// The account in whose box mail for `address` lands.
    pub fn account_of(&self, address: &str) -> Option<&Account> {
        let (local, domain) = address.rsplit_once('@')?;
        let bare = local.split('+').next().unwrap_or(local);
        let bare = format!("{bare}@{domain}");
        let accounts = &self.config.accounts;
        accounts.iter().find(|one| one.address.eq_ignore_ascii_case(address)).or_else(|| {
            accounts.iter().filter(|one| one.kind == AccountKind::Ordinary).find(|one| {
                one.address.eq_ignore_ascii_case(&bare)
                    || one.domains.iter().any(|own| own.eq_ignore_ascii_case(domain))
            })
        })
    }

    /// Whether an account of the office has this domain.
    pub fn is_own_domain(&self, domain: &str) -> bool {
        let own = |account: &Account| {
            account
                .address
                .rsplit_once('@')
                .is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain))
        };
        domain.eq_ignore_ascii_case(self.home.domain()) || self.config.accounts.iter().any(own)
    }

    /// Works on the box of an account.
    pub fn with_box<T>(
        &self,
        account: &str,
        work: impl FnOnce(&mut MailBox) -> Result<T, BoxError>,
    ) -> Result<T, BoxError> {
        let mut state = self.state();
        let mailbox = state.boxes.get_mut(&account.to_ascii_lowercase());
        work(mailbox.ok_or(BoxError::NoAccount)?)
    }

    /// Puts a message into a folder and wakes those who wait for one.
    pub fn put(&self, account: &str, folder: &str, bytes: &[u8]) -> Result<u32, BoxError> {
        let at = self.now();
        let put = |mailbox: &mut MailBox| {
            // A client may have removed the folder that the provider files into.
            let folder = if mailbox.folder(folder).is_ok() { folder } else { "INBOX" };
            mailbox.put(folder, Arc::from(bytes), BTreeSet::new(), at)
        };
        let put = self.with_box(account, put);
        if put == Err(BoxError::Full) {
            self.state().lost += 1;
        }
        self.changed();
        put
    }

    /// Says that boxes have changed.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Messages that found their box full.
    pub fn lost(&self) -> u64 {
        self.state().lost
    }

    /// Sets the behaviour of an address; past the limit it is not kept.
    pub fn script(&self, address: &str, behaviour: Behaviour) {
        let mut state = self.state();
        if state.scripts.len() < MAX_SCRIPTS {
            state.scripts.insert(address.to_ascii_lowercase(), behaviour);
        }
    }

    /// The behaviour set for an address.
    pub fn scripted(&self, address: &str) -> Option<Behaviour> {
        self.state().scripts.get(&address.to_ascii_lowercase()).cloned()
    }

    /// Takes room for a message under way; none when too much is under way already.
    pub fn room(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        let before = self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { office: self.clone(), bytes };
        (before.saturating_add(bytes) <= self.config.limits.max_pending_bytes).then_some(room)
    }

    /// Waits so long, but no longer than the office is open. Whether it still is.
    pub async fn wait(&self, span: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(span) => true,
        }
    }
}
