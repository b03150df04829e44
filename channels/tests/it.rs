//! The channels against servers played on loopback: what each provider makes of good and bad ones.

#[path = "it/kannel.rs"]
mod kannel;
#[path = "it/mail.rs"]
mod mail;
#[path = "it/outbounds.rs"]
mod outbounds;
#[path = "it/pec.rs"]
mod pec;
#[path = "it/relay.rs"]
mod relay;
#[path = "it/smtp.rs"]
mod smtp;
