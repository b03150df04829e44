//! What an operator can say about a certified mailbox, with the defaults.
//!
//! Guarantee: no setting lets a password or a message travel in clear, which RFC 6109 (5.2, 5.3) forbids. Limit: what a
//! provider allows an hour or a day stands in its contract; nothing here knows it.

use crate::email::{Deadlines, SettingsError, SmtpSettings, TlsMode};
use jiff::civil::Date;
use messo_core::pec::ReceiptType;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;

/// A certified mailbox, as far as sending goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PecSettings {
    /// Name in attempts, evidence and metrics. Default `pec`.
    pub name: String,
    /// Host name or address of the provider's submission server. Must be set.
    pub host: String,
    /// Port. Default by `tls`: 465 for `implicit`, 587 for `required`.
    pub port: Option<u16>,
    /// `implicit` (TLS from the first byte) or `required` (STARTTLS). Default `implicit`.
    pub tls: TlsMode,
    /// PEM file with the authorities to trust instead of the usual ones. Default none.
    pub ca_file: Option<PathBuf>,
    /// User name; with most providers the mailbox's own address. Must be set.
    pub user: Option<String>,
    /// Password of the user, or the one that the provider gives to programs. Default none.
    pub password: Option<SecretString>,
    /// How we introduce ourselves (EHLO): a host name. Default our own address in brackets.
    pub hello: Option<String>,
    /// Most connections at a time: a hard cap. Default 2.
    pub sessions: usize,
    /// Messages over one connection before it is renewed. Default 50.
    pub messages_per_session: u32,
    /// Seconds that an unused connection is kept. Default 20.
    pub idle_s: u64,
    /// Most messages a minute, 0 for no limit. Default 0.
    pub per_minute: u32,
    /// Most messages in any hour, 0 for no limit. Default 0.
    pub per_hour: u32,
    /// Most messages in a civil day of Rome, 0 for no limit. Default 0.
    pub per_day: u32,
    /// Seconds that a message waits for its turn before it is put off. Default 60.
    pub patience_s: u64,
    /// Largest message in bytes, encoded. Default 30000000.
    pub max_message_bytes: u64,
    /// Largest product of size and recipients in bytes (RFC 6109 3.1.1). Default 30000000.
    pub max_product_bytes: u64,
    /// Space of the mailbox in bytes: each message brings two receipts into it. When what was sent since
    /// `mailbox_emptied_on` would fill it, sending stops. 0 for no limit. Default 0.
    pub mailbox_bytes: u64,
    /// Day on which the mailbox was last emptied, e.g. `2026-11-20`: space is counted from its beginning.
    /// Default never.
    pub mailbox_emptied_on: Option<Date>,
    /// How much of the message the delivery receipt brings back: `completa`, `breve` or `sintetica`. Only
    /// `completa` proves what was served. Default `completa`.
    pub receipt_type: ReceiptType,
    /// The mailbox is one of a sandbox post office: nothing leaves the machine, and what it carries is marked so.
    /// Default false.
    pub sandbox: bool,
    /// Longest waits.
    pub deadlines: Deadlines,
}

impl Default for PecSettings {
    fn default() -> Self {
        Self {
            name: "pec".to_owned(),
            host: String::new(),
            port: None,
            tls: TlsMode::Implicit,
            ca_file: None,
            user: None,
            password: None,
            hello: None,
            sessions: 2,
            messages_per_session: 50,
            idle_s: 20,
            per_minute: 0,
            per_hour: 0,
            per_day: 0,
            patience_s: 60,
            max_message_bytes: 30_000_000,
            max_product_bytes: 30_000_000,
            mailbox_bytes: 0,
            mailbox_emptied_on: None,
            receipt_type: ReceiptType::Completa,
            sandbox: false,
            deadlines: Deadlines::default(),
        }
    }
}

impl PecSettings {
    /// Where and as whom, from a URL such as `smtps://user:password@host:465`; `smtp://` means STARTTLS. A
    /// query is refused: the rest has its own options.
    pub fn from_url(text: &str) -> Result<Self, SettingsError> {
        if text.contains('?') {
            return Err(SettingsError::Url);
        }
        let base = SmtpSettings::from_url(text)?;
        Ok(Self {
            host: base.host,
            port: base.port,
            tls: match base.tls {
                TlsMode::Implicit => TlsMode::Implicit,
                _ => TlsMode::Required,
            },
            user: base.user,
            password: base.password,
            ..Self::default()
        })
    }

    /// The settings of the SMTP sessions. Refuses what would go out in clear, or without signing in.
    pub(super) fn smtp(&self) -> Result<SmtpSettings, SettingsError> {
        let wrong = |name: &str| Err(SettingsError::Value(name.to_owned()));
        if !matches!(self.tls, TlsMode::Implicit | TlsMode::Required) {
            return wrong("tls");
        }
        if self.user.is_none() {
            return wrong("user");
        }
        if self.sessions == 0 {
            return wrong("sessions");
        }
        if self.max_message_bytes == 0 {
            return wrong("max_message_bytes");
        }
        if self.max_product_bytes == 0 {
            return wrong("max_product_bytes");
        }
        Ok(SmtpSettings {
            name: self.name.clone(),
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            ca_file: self.ca_file.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            hello: self.hello.clone(),
            sessions: self.sessions,
            messages_per_session: self.messages_per_session,
            idle_s: self.idle_s,
            patience_s: self.patience_s,
            deadlines: self.deadlines,
            ..SmtpSettings::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_as_whom_and_always_with_encryption() {
        let url = "smtps://alfa%40pec.it:a+b@smtps.pec.it";
        let settings = PecSettings::from_url(url).unwrap();
        let smtp = settings.smtp().unwrap();
        assert_eq!((smtp.effective_port(), smtp.user.as_deref()), (465, Some("alfa@pec.it")));
        let settings = PecSettings::from_url("smtp://u:p@smtp.pec.it").unwrap();
        let smtp = settings.smtp().unwrap();
        assert_eq!((smtp.effective_port(), smtp.effective_tls()), (587, TlsMode::Required));
        assert!(!format!("{settings:?}").contains("\"p\""));
    }

    #[test]
    fn what_would_travel_in_clear_or_reach_nobody_is_refused_by_name() {
        let good = PecSettings::from_url("smtps://u:p@smtps.pec.it").unwrap();
        let refused = |change: fn(&mut PecSettings)| {
            let mut settings = good.clone();
            change(&mut settings);
            settings.smtp().map(drop).unwrap_err()
        };
        let value = |name: &str| SettingsError::Value(name.to_owned());
        assert_eq!(refused(|s| s.tls = TlsMode::None), value("tls"));
        assert_eq!(refused(|s| s.tls = TlsMode::Opportunistic), value("tls"));
        assert_eq!(refused(|s| s.user = None), value("user"));
        assert_eq!(refused(|s| s.sessions = 0), value("sessions"));
        assert_eq!(
            PecSettings::from_url("smtps://u:p@h?sessions=3").unwrap_err(),
            SettingsError::Url
        );
    }
}
