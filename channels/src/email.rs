//! E-mail: the message, the SMTP conversation and what the answers mean.

mod address;
pub(crate) mod codes;
mod dkim;
mod encode;
mod line;
mod log;
mod message;
mod reply;
pub(crate) mod session;
pub(crate) mod sessions;
mod settings;
mod shared;
mod smtp;
mod tls;

pub use dkim::{KeyError, Signer};
pub use message::{Composed, Composer};
pub use settings::{Deadlines, DkimSettings, SettingsError, SmtpSettings, TlsMode};
pub use smtp::Smtp;
