//! E-mail: the message, the SMTP conversation and what the answers mean.

mod address;
pub(crate) mod codes;
mod dkim;
mod encode;
mod message;
mod shared;

pub use dkim::{KeyError, Signer};
pub use message::{Composed, Composer};
