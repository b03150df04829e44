//! The harness: private instances of real servers for the stories, on free loopback ports.
//!
//! ```ignore
//! let postfix = Servers::postfix().await;             // starts Dovecot too
//! let url = postfix.smtp_url();                       // smtp://127.0.0.1:…
//! let mails = postfix.mailbox("anna@example.test").await;
//! let kannel = Kannel::start("http://127.0.0.1:…/in?from=%p&text=%b").await?; // one per story
//! ```
//!
//! Guarantee: each server starts once per test process when a story first asks for it, never on a
//! usual port, in one temporary folder; when the process ends, however it ends, its servers are
//! stopped and the folder is removed ([`warden`]). A server that does not start fails every story
//! that asks for it, with the reason and the tail of the server's own log. Limit: Postfix, Dovecot
//! and the change of user for PostgreSQL need root; `ops/test` sees to that.

pub mod dovecot;
pub mod installation;
pub mod kannel;
pub mod mail;
pub mod mail_counter;
pub mod post_office;
pub mod postfix;
pub mod postgres;
pub mod process;
pub mod rabbitmq;
pub mod sheets;
pub mod sink;
pub mod warden;

pub use dovecot::Dovecot;
pub use installation::Installation;
pub use kannel::Kannel;
pub use mail_counter::MailCounter;
pub use postfix::Postfix;
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use sink::Sink;

use std::path::PathBuf;
use tokio::sync::OnceCell;

/// A server that could not be started, in a sentence, with the tail of its log.
pub type Started<T> = Result<T, String>;

/// The shared servers of this test process.
pub struct Servers;

macro_rules! shared {
    ($($(#[$doc:meta])* $name:ident: $server:ty),* $(,)?) => {
        impl Servers {$(
            $(#[$doc])*
            pub async fn $name() -> &'static $server {
                static SERVER: OnceCell<Started<$server>> = OnceCell::const_new();
                // A failure is remembered, so that the other stories don't wait for it again.
                match SERVER.get_or_init(<$server>::start).await {
                    Ok(server) => server,
                    Err(reason) => panic!("{reason}"),
                }
            }
        )*}
    };
}

shared! {
    /// PostgreSQL; every story takes its own [`Postgres::database`].
    postgres: Postgres,
    /// RabbitMQ; every story takes its own [`RabbitMq::virtual_host`]. Stories that kill the broker
    /// start their own with [`RabbitMq::start`].
    rabbitmq: RabbitMq,
    /// Dovecot: every address has a mailbox.
    dovecot: Dovecot,
    /// Postfix, which delivers everything to Dovecot and nothing to the world.
    postfix: Postfix,
    /// `smtp-sink`: takes every mail and throws it away.
    sink: Sink,
}

/// Installs ring as the TLS provider of this process; to be called first by every story that uses
/// TLS-capable clients. Harmless when repeated.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// The `messo` binary built beside this test binary.
///
/// Panics when it was not built (`cargo build -p messo`).
pub fn messo_binary() -> PathBuf {
    let stories = std::env::current_exe().expect("a running program has a path");
    let folder = stories.ancestors().nth(2).expect("target/debug/deps/stories-…");
    let binary = folder.join("messo");
    assert!(binary.exists(), "{} is missing: cargo build -p messo", binary.display());
    binary
}

/// A text as Excel saves it in Italy: Windows-1252. The flag says whether a character was lost.
pub fn cp1252(text: &str) -> (Vec<u8>, &'static str, bool) {
    let (bytes, encoding, lost) = encoding_rs::WINDOWS_1252.encode(text);
    (bytes.into_owned(), encoding.name(), lost)
}
