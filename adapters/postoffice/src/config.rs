//! What a post office is made of: accounts, ports, limits, pace.
//!
//! Guarantee: the defaults run at once on free ports of the loopback. Limit: nothing is read from files.

use crate::authority::Authority;
use crate::behaviour::Pace;
use crate::provider::Flaws;
use messo_core::ports::{Clock, Ids};
use std::sync::Arc;
use std::time::Duration;

/// Which rules hold for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Certified mail: receipts, envelopes, strict submission.
    Certified,
    /// Ordinary mail.
    Ordinary,
}

/// A mailbox with its owner.
#[derive(Clone, Debug)]
pub struct Account {
    /// Address, also the user name.
    pub address: String,
    /// Password.
    pub password: String,
    /// Rules.
    pub kind: AccountKind,
    /// Folders, `INBOX` among them.
    pub folders: Vec<String>,
    /// Folder in which the provider files receipts; some providers do not use the inbox.
    pub receipts_folder: String,
    /// Domains whose mail all lands here (ordinary accounts only), e.g. that of the bounce addresses.
    pub domains: Vec<String>,
}

impl Account {
    /// A certified account.
    pub fn certified(address: &str, password: &str) -> Self {
        Self {
            address: address.into(),
            password: password.into(),
            kind: AccountKind::Certified,
            folders: ["INBOX", "Ricevute", "Inviata", "Cestino"].map(str::to_owned).to_vec(),
            receipts_folder: "INBOX".into(),
            domains: Vec::new(),
        }
    }

    /// An ordinary account. Plus-addresses reach it as well.
    pub fn ordinary(address: &str, password: &str) -> Self {
        Self { kind: AccountKind::Ordinary, ..Self::certified(address, password) }
    }

    /// Files receipts in that folder.
    pub fn receipts_in(mut self, folder: &str) -> Self {
        self.receipts_folder = folder.into();
        if !self.folders.iter().any(|name| name == folder) {
            self.folders.push(folder.into());
        }
        self
    }
}

/// What happens when size times recipients passes the limit (RFC 6109, 3.1.2 allows both).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    /// The submission ends with 552.
    #[default]
    Refused,
    /// The submission is taken and a non-acceptance notice follows.
    Noticed,
}

/// Bounds of everything that grows. A client may hold one message on its way in, so the worst case in memory is
/// `max_connections` × `max_message_bytes`, and `max_pending_bytes`, and `max_box_bytes` for each account.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest message that is taken, bytes.
    pub max_message_bytes: usize,
    /// Largest product of size and recipients of certified mail, bytes.
    pub max_product_bytes: usize,
    /// Most recipients of a message.
    pub max_recipients: usize,
    /// Most messages in a box.
    pub max_box_messages: usize,
    /// Most bytes in a box.
    pub max_box_bytes: usize,
    /// Most bytes of messages whose receipts are still to come.
    pub max_pending_bytes: usize,
    /// Most connections at once, of all four ports together.
    pub max_connections: usize,
    /// Longest silence of a client.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 100_000_000,
            // The national figure of DM 2 November 2005.
            max_product_bytes: 30_000_000,
            max_recipients: 50,
            max_box_messages: 200_000,
            max_box_bytes: 1_000_000_000,
            max_pending_bytes: 500_000_000,
            max_connections: 128,
            patience: Duration::from_secs(30 * 60),
        }
    }
}

/// Ports on the loopback; 0 takes a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// Submission with TLS from the first byte.
    pub smtps: u16,
    /// Submission in clear text, with STARTTLS.
    pub smtp: u16,
    /// IMAP with TLS from the first byte.
    pub imaps: u16,
    /// IMAP in clear text.
    pub imap: u16,
}

/// Name and domain of a provider.
#[derive(Clone, Debug)]
pub struct ProviderName {
    /// Name in certificate and record.
    pub name: String,
    /// Mail domain.
    pub domain: String,
}

/// Everything that a post office needs.
#[derive(Clone)]
pub struct Config {
    /// The clock whose time receipts state.
    pub clock: Arc<dyn Clock>,
    /// Randomness of identifiers.
    pub ids: Arc<dyn Ids>,
    /// Keys to be used again; fresh ones when there are none.
    pub authority: Option<Arc<Authority>>,
    /// Mailboxes.
    pub accounts: Vec<Account>,
    /// Provider of the certified accounts.
    pub home: ProviderName,
    /// Provider of all certified addresses elsewhere.
    pub away: ProviderName,
    /// Domains elsewhere that are not certified.
    pub ordinary_domains: Vec<String>,
    /// Delays.
    pub pace: Pace,
    /// Seconds added to every stated instant; negative to keep compressed hours out of the future.
    pub offset_s: i64,
    /// What is wrong with acceptances and refusals; other receipts have their recipient's flaws.
    pub acceptance_flaws: Flaws,
    /// Answer to oversize.
    pub oversize: Oversize,
    /// Whether the clear-text port takes ordinary mail without a password, by sender address.
    pub trusts_loopback: bool,
    /// Bounds.
    pub limits: Limits,
    /// Ports.
    pub ports: Ports,
}

impl Config {
    /// No accounts, free ports, an ordinary delivery after 200 ms.
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let named =
            |name: &str, domain: &str| ProviderName { name: name.into(), domain: domain.into() };
        Self {
            clock,
            ids,
            authority: None,
            accounts: Vec::new(),
            home: named("Posta di Prova S.p.A.", "pec.sandbox.example"),
            away: named("Altro Gestore S.r.l.", "altra-pec.sandbox.example"),
            ordinary_domains: Vec::new(),
            pace: Pace::of(Duration::from_millis(200)),
            offset_s: 0,
            acceptance_flaws: Flaws::default(),
            oversize: Oversize::default(),
            trusts_loopback: false,
            limits: Limits::default(),
            ports: Ports::default(),
        }
    }

    /// With an account.
    pub fn account(mut self, account: Account) -> Self {
        self.accounts.push(account);
        self
    }
}
