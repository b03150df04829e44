//! The sandbox post office from outside: SMTP in, IMAP out, and `openssl` as judge of what it signs.
//!
//! Guarantee: expectations are written by hand from RFC 6109, and messages are read here by code of the tests' own. Limit: needs
//! the `openssl` command; without it the tests fail and say so.

mod certified;
mod kinds;
mod letters;
mod mailbox;
mod submission;
mod support;
