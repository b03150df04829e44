//! Signatures and time stamps, checked beside the `openssl` command on the same files.
//!
//! Guarantee: each verdict comes from bytes signed for the test. Limit: the command is OpenSSL too, of another build and version.

mod fixture;
mod folder;
mod forms;
mod hostile;
mod mail;
mod profile;
mod stamps;
