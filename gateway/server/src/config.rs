//! The configuration: one file, every option documented and defaulted, environment on top.
//!
//! `messo init` writes the whole file from these very comments. A secret is a [`Secret`]: it can be
//! used, not printed. Guarantee: a key in the file that is no option stops every command, with its name and
//! the option that was meant; no sentence about the file quotes a value of it. Limit: a variable of the
//! environment that is no option is not noticed.

mod unknown;

use confique::Config;
use messo_core::plans::Plan;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use url::Url;

/// A value that is used and never shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hands the value to whoever needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(empty)" } else { "(secret)" })
    }
}

/// Everything that an operator can set.
///
/// Times are in the unit that ends the option's name. Every option can be given by the environment
/// variable named beside it, which wins over this file.
#[derive(Debug, Config)]
pub struct Settings {
    /// Pages, API and the callbacks of providers.
    #[config(nested)]
    pub server: Server,

    /// Where the facts are kept.
    #[config(nested)]
    pub database: Database,

    /// How workers learn that work is due. The jobs themselves are always in the database.
    #[config(nested)]
    pub doorbell: Doorbell,

    /// Ordinary e-mail.
    #[config(nested)]
    pub email: Email,

    /// Certified mail.
    #[config(nested)]
    pub pec: Pec,

    /// Text messages.
    #[config(nested)]
    pub sms: Sms,

    /// Mail that comes in.
    #[config(nested)]
    pub mail: Mail,

    /// Mailboxes that are read over IMAP, one table `[[mailboxes]]` each; several per body, and not only the
    /// one that sends: a body that changes its provider goes on reading the old mailbox for late
    /// receipts. Options: name, channel (pec or email), host, port, tls (implicit, starttls, none), ca_file,
    /// user, password, folders, poll_s, idle, after (keep, seen, or move to a folder), body (its number, where
    /// there are several), and more in adapters/mailboxes.
    #[config(default = [])]
    pub mailboxes: Vec<toml_value::Table>,

    /// Time stamps of the proof.
    #[config(nested)]
    pub timestamps: Timestamps,

    /// Simulated carriers, for trying things out.
    #[config(nested)]
    pub sandbox: Sandbox,

    /// The workers of this process.
    #[config(nested)]
    pub worker: Worker,

    /// What a message costs, for the estimate before a release.
    #[config(nested)]
    pub prices: Prices,

    /// Logs.
    #[config(nested)]
    pub log: Log,
}

/// Pages, API and callbacks.
#[derive(Debug, Config)]
pub struct Server {
    /// Address and port to listen on. Behind a reverse proxy keep it on loopback.
    #[config(default = "127.0.0.1:8080", env = "MESSO_SERVER_LISTEN")]
    pub listen: SocketAddr,

    /// Address under which people reach this installation, without a final slash. It is printed in
    /// the QR codes of letters: choose it well, and keep it.
    #[config(default = "http://127.0.0.1:8080", env = "MESSO_SERVER_PUBLIC_URL")]
    pub public_url: String,

    /// Address under which providers call back with receipts, when it is not the public one.
    #[config(env = "MESSO_SERVER_CALLBACK_URL")]
    pub callback_url: Option<String>,

    /// Let only HTTPS carry the session (set it as soon as there is a certificate).
    #[config(default = false, env = "MESSO_SERVER_SECURE_COOKIES")]
    pub secure_cookies: bool,

    /// Show `/metrics` to other machines too, not only to this one.
    #[config(default = false, env = "MESSO_SERVER_PUBLIC_METRICS")]
    pub public_metrics: bool,

    /// Address and port for `/ready` and `/metrics` alone, e.g. `127.0.0.1:9090`. They are then no longer
    /// at `listen`, and whoever reaches this address sees them. Also for a process that only works.
    #[config(env = "MESSO_SERVER_HEALTH_LISTEN")]
    pub health_listen: Option<SocketAddr>,

    /// Addresses of the reverse proxies whose `X-Forwarded-For` is believed. Failed sign-ins are counted
    /// for each address from which they come.
    #[config(default = ["127.0.0.1", "::1"], env = "MESSO_SERVER_PROXIES", parse_env = confique::env::parse::list_by_comma)]
    pub proxies: Vec<IpAddr>,

    /// Most connections at a time; the next one is told to come again.
    #[config(default = 1024, env = "MESSO_SERVER_MAX_CONNECTIONS")]
    pub max_connections: usize,

    /// How long a connection may take to send the headers of a request, or stay silent between two, in
    /// seconds.
    #[config(default = 15, env = "MESSO_SERVER_HEADER_TIMEOUT_S")]
    pub header_timeout_s: u64,

    /// How long a request may take from its headers to its answer, in seconds.
    #[config(default = 60, env = "MESSO_SERVER_REQUEST_TIMEOUT_S")]
    pub request_timeout_s: u64,
}

/// Where the facts are kept.
#[derive(Debug, Config)]
pub struct Database {
    /// `sqlite://messo.db` (a file in the data folder; nothing to install) or
    /// `postgres://user:password@host/name` (for many users or several machines).
    #[config(default = "sqlite://messo.db", env = "MESSO_DATABASE_URL")]
    pub url: Secret,
}

/// How workers learn that work is due.
#[derive(Debug, Config)]
pub struct Doorbell {
    /// `local` (one process) or an address such as `amqp://user:password@host:5672/vhost` (RabbitMQ,
    /// for several machines).
    #[config(default = "local", env = "MESSO_DOORBELL_URL")]
    pub url: Secret,
}

/// Ordinary e-mail.
#[derive(Debug, Config)]
pub struct Email {
    /// `none`, `sandbox` (nothing leaves) or `smtp`.
    #[config(default = "none", env = "MESSO_EMAIL_PROVIDER")]
    pub provider: String,

    /// The mail server: `smtp://host:25`, `smtp://user:password@host:587` (STARTTLS),
    /// `smtps://user:password@host:465` (TLS from the start).
    #[config(default = "", env = "MESSO_EMAIL_URL")]
    pub url: Secret,

    /// Further options of the SMTP provider, as documented in channels/CONTRACT.md
    /// (sessions, messages per minute, limits per recipient domain, deadlines, DKIM).
    #[config(default = {})]
    pub smtp: toml_value::Table,
}

/// Certified mail.
#[derive(Debug, Config)]
pub struct Pec {
    /// `none`, `sandbox` (nothing leaves) or `smtp` (the provider's own submission server).
    #[config(default = "none", env = "MESSO_PEC_PROVIDER")]
    pub provider: String,

    /// The mailbox that sends: `smtps://user:password@host:465`, or `smtp://user:password@host:587` (STARTTLS).
    /// The user is with most providers the address itself, its `@` written `%40`. `messo body set --pec` says
    /// the address.
    #[config(default = "", env = "MESSO_PEC_URL")]
    pub url: Secret,

    /// Further options of the PEC provider, as documented in channels/CONTRACT.md: what the mailbox takes
    /// (per_minute, per_hour, per_day, max_message_bytes, max_product_bytes, mailbox_bytes,
    /// mailbox_emptied_on), sessions, receipt_type, ca_file, deadlines. Several processes that send from one
    /// mailbox get each its share of these limits.
    #[config(default = {})]
    pub smtp: toml_value::Table,
}

/// Text messages.
#[derive(Debug, Config)]
pub struct Sms {
    /// `none`, `sandbox` (nothing leaves) or `kannel`.
    #[config(default = "none", env = "MESSO_SMS_PROVIDER")]
    pub provider: String,

    /// Kannel's sendsms address, e.g. `http://127.0.0.1:13013/cgi-bin/sendsms`.
    #[config(default = "", env = "MESSO_SMS_URL")]
    pub url: String,

    /// Kannel user.
    #[config(default = "", env = "MESSO_SMS_USER")]
    pub user: String,

    /// Kannel password.
    #[config(default = "", env = "MESSO_SMS_PASSWORD")]
    pub password: Secret,

    /// Further options of the Kannel provider, as documented in channels/CONTRACT.md.
    #[config(default = {})]
    pub kannel: toml_value::Table,

    /// Numbers on which people write to us, each with the number of the body to whose desk the message
    /// goes, e.g. `{ "+39 333 1234500" = 2 }`. Kannel says the number as `to=%P` in its `post-url`. Without
    /// an entry, a body whose own SMS sender is that number has it; failing that, the first body.
    #[config(default = {})]
    pub receivers: BTreeMap<String, u32>,
}

/// Mail that comes in.
#[derive(Debug, Config)]
pub struct Mail {
    /// Folder with the certificates of those who may sign receipts of certified mail (PEM or DER): relative to the
    /// data folder. It is looked at again while the server runs.
    #[config(default = "trust", env = "MESSO_MAIL_TRUST")]
    pub trust: PathBuf,

    /// Let a receipt count whose signature holds but whose signer nobody in `trust` answers for. It is marked
    /// wherever it is shown. One whose signature is wrong or missing never counts.
    #[config(default = false, env = "MESSO_MAIL_TRUST_UNVERIFIABLE")]
    pub trust_unverifiable: bool,
}

/// Time stamps of the proof (RFC 3161).
#[derive(Debug, Config)]
pub struct Timestamps {
    /// Address of a time stamping authority, e.g. `https://tsa.example.it/tsr`. Each proof bundle is then
    /// stamped when it is made. Without one, bundles say that they have no time stamp.
    #[config(default = "", env = "MESSO_TIMESTAMPS_URL")]
    pub url: Secret,

    /// Folder of the certificates that answer for the authority (PEM or DER), in the data folder when it is
    /// not absolute.
    #[config(default = "trust", env = "MESSO_TIMESTAMPS_TRUST")]
    pub trust: PathBuf,
}

/// Simulated carriers.
#[derive(Debug, Config)]
pub struct Sandbox {
    /// Channels that a sandbox serves: it never opens a connection, decides by magic addresses what
    /// happens, and is marked on every screen and in the evidence. Never used unless named here (or as
    /// the provider of e-mail or SMS). Any of: email, pec, sms, fax, post, registered, chat.
    #[config(default = [], env = "MESSO_SANDBOX_CHANNELS", parse_env = confique::env::parse::list_by_comma)]
    pub channels: Vec<String>,
}

/// The workers of this process.
#[derive(Debug, Config)]
pub struct Worker {
    /// How long a claimed job belongs to a worker, in seconds. It is renewed while work goes on.
    #[config(default = 60, env = "MESSO_WORKER_LEASE_S")]
    pub lease_s: u64,

    /// How often a worker looks for due work by itself, in milliseconds.
    #[config(default = 1000, env = "MESSO_WORKER_SWEEP_MS")]
    pub sweep_ms: u64,

    /// How long a stopping process waits for work under way, in seconds.
    #[config(default = 20, env = "MESSO_WORKER_STOP_WITHIN_S")]
    pub stop_within_s: u64,
}

/// What a message costs.
#[derive(Debug, Config)]
pub struct Prices {
    /// Thousandths of a euro per message, by channel, e.g. `{ sms = 45, registered = 4100 }`. Channels
    /// that are not named cost nothing.
    #[config(default = {})]
    pub millieuro: BTreeMap<String, u64>,

    /// The plan that `messo send` proposes when none is given.
    #[config(default = "email", env = "MESSO_DEFAULT_PLAN")]
    pub default_plan: Plan,
}

/// Logs.
#[derive(Debug, Config)]
pub struct Log {
    /// `pretty`, `json`, or `auto`: pretty on a terminal, JSON otherwise.
    #[config(default = "auto", env = "MESSO_LOG_FORMAT")]
    pub format: String,

    /// What to log, in the syntax of `tracing`: `info`, `warn`, `messo_engine=debug,info`.
    #[config(default = "info", env = "MESSO_LOG_LEVEL")]
    pub level: String,
}

/// Tables whose fields belong to a provider.
pub mod toml_value {
    /// A table of a provider's own options.
    pub type Table = std::collections::BTreeMap<String, serde_json::Value>;
}

/// Name of the configuration file in the data folder.
pub const FILE: &str = "messo.toml";

/// Reads the configuration: defaults, then the file, then the environment.
pub fn load(file: &Path) -> anyhow::Result<Settings> {
    use anyhow::Context;
    if !file.exists() {
        anyhow::bail!(
            "there is no configuration at {}: `messo init --data DIR` writes one",
            file.display()
        );
    }
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    unknown::check(&text, &Settings::META).with_context(|| name.to_string())?;
    let settings = Settings::builder().env().file(file).load().map_err(|error| {
        match unknown::place(&text, &error) {
            Some(place) => {
                anyhow::anyhow!("{name}, {place} has not the type that its comment asks for")
            }
            // About the environment: it names the variable.
            None => anyhow::anyhow!("{error}")
                .context(format!("the configuration {name} cannot be used")),
        }
    })?;
    for channel in settings.prices.millieuro.keys() {
        let known: Result<messo_core::addresses::Channel, _> = channel.parse();
        known.map_err(|_| {
            anyhow::anyhow!("{name}: prices.millieuro names «{channel}», which is no channel")
        })?;
    }
    Ok(settings)
}

/// The address under which people reach an installation, as it may stand in a code: `http` or `https`, a
/// host, perhaps a path, nothing else, no final slash.
pub fn public_url(text: &str) -> anyhow::Result<String> {
    let wrong = || anyhow::anyhow!("an address for people is like https://messo.example.it");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !plain {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The commented configuration file with all defaults.
pub fn template() -> String {
    confique::toml::template::<Settings>(confique::toml::FormatOptions::default())
}

/// The data folder and the configuration file that the command line or the environment name.
#[derive(Clone, Debug)]
pub struct Place {
    /// The data folder.
    pub data: PathBuf,
    /// The configuration file.
    pub file: PathBuf,
}

impl Place {
    /// `--config` wins for the file; the folder defaults to `./messo-data`.
    pub fn new(data: Option<PathBuf>, config: Option<PathBuf>) -> Self {
        let data = data.unwrap_or_else(|| PathBuf::from("messo-data"));
        let file = config.unwrap_or_else(|| data.join(FILE));
        Self { data, file }
    }
}
