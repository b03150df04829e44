//! Every way out, and the providers' callbacks back in.
//!
//! A provider is one file, one line in [`contract::PROVIDERS`] and one table of cases; the contract that
//! all of them keep stands in `channels/CONTRACT.md` and, as a test suite, in [`contract`].

pub mod contract;
pub mod email;
mod envelope;
mod http;
mod pace;
pub mod pec;
pub mod sandbox;
pub mod sms;
