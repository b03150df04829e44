//! What an operator can say about an SMTP relay, with the defaults.
//!
//! Reading settings touches no network. Deadlines are those of RFC 5321 4.5.3.2 unless set otherwise.

use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;
use url::{Url, form_urlencoded};

/// An SMTP relay.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpSettings {
    /// Name in attempts, evidence and metrics. Default `smtp`.
    pub name: String,
    /// Host name or address of the relay. Default `localhost`.
    pub host: String,
    /// Port. Default by `tls`: 465 for `implicit`, 587 with a user, else 25.
    pub port: Option<u16>,
    /// How the connection is encrypted. Default `opportunistic`.
    pub tls: TlsMode,
    /// PEM file with the authorities to trust instead of the usual ones. Default none.
    pub ca_file: Option<PathBuf>,
    /// User name; without one, nobody signs in. Default none.
    pub user: Option<String>,
    /// Password of the user. Default none.
    pub password: Option<SecretString>,
    /// How we introduce ourselves (EHLO): a host name. Default our own address in brackets.
    pub hello: Option<String>,
    /// Most connections at a time: a hard cap. Default 10.
    pub sessions: usize,
    /// Messages over one connection before it is renewed. Default 200.
    pub messages_per_session: u32,
    /// Seconds that an unused connection is kept. Default 20.
    pub idle_s: u64,
    /// Most messages a minute, 0 for no limit. Default 0.
    pub per_minute: u32,
    /// Most messages a minute to one recipient domain, 0 for no limit. Default 0.
    pub domain_per_minute: u32,
    /// Most messages under way to one recipient domain, 0 for no limit. Default 0.
    pub domain_sessions: usize,
    /// Seconds that a message waits for its turn before it is put off as throttled. Default 60.
    pub patience_s: u64,
    /// Largest message in bytes, encoded. Default 20971520 (20 MiB).
    pub max_bytes: u64,
    /// Reverse path, where bounces go; `{attempt}` in it becomes the attempt's id, e.g.
    /// `rimbalzi+{attempt}@example.it`. Default the body's own address.
    pub return_path: Option<String>,
    /// The relay is a sandbox post office: nothing leaves the machine, and what it carries is marked so. Default
    /// false.
    pub sandbox: bool,
    /// DKIM signature. Default none: the relay signs.
    pub dkim: Option<DkimSettings>,
    /// Longest waits.
    pub deadlines: Deadlines,
}

/// A DKIM key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSettings {
    /// Signing domain (`d=`).
    pub domain: String,
    /// Selector (`s=`).
    pub selector: String,
    /// PEM file of the private key, RSA (2048 bits or more) or Ed25519.
    pub key_file: PathBuf,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// Never. A password is then sent in clear: only for a relay on this machine.
    None,
    /// STARTTLS when offered, without looking at the certificate (RFC 7435); with a user it is
    /// the same as `required`, so that a password never goes to a stranger.
    #[default]
    Opportunistic,
    /// STARTTLS with a valid certificate, or nothing is sent.
    Required,
    /// TLS from the first byte (RFC 8314), with a valid certificate.
    Implicit,
}

/// Longest wait of each stage, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// TCP connection and TLS handshake. Default 30.
    pub connect_s: u64,
    /// Greeting of the server. Default 300.
    pub greeting_s: u64,
    /// Answer to EHLO, AUTH, MAIL, RCPT and RSET. Default 300.
    pub command_s: u64,
    /// Answer to DATA. Default 120.
    pub data_s: u64,
    /// Writing one block of the message. Default 180.
    pub block_s: u64,
    /// Answer to the end of the message. Default 600.
    pub done_s: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect_s: 30,
            greeting_s: 300,
            command_s: 300,
            data_s: 120,
            block_s: 180,
            done_s: 600,
        }
    }
}

impl Deadlines {
    /// The same limit for every stage.
    pub const fn all(seconds: u64) -> Self {
        Self {
            connect_s: seconds,
            greeting_s: seconds,
            command_s: seconds,
            data_s: seconds,
            block_s: seconds,
            done_s: seconds,
        }
    }
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            name: "smtp".to_owned(),
            host: "localhost".to_owned(),
            port: None,
            tls: TlsMode::default(),
            ca_file: None,
            user: None,
            password: None,
            hello: None,
            sessions: 10,
            messages_per_session: 200,
            idle_s: 20,
            per_minute: 0,
            domain_per_minute: 0,
            domain_sessions: 0,
            patience_s: 60,
            max_bytes: 20 * 1024 * 1024,
            return_path: None,
            sandbox: false,
            dkim: None,
            deadlines: Deadlines::default(),
        }
    }
}

/// Settings that cannot work. Says which one, never its value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// Not of the form `smtp://…` or `smtps://…`.
    #[error("the SMTP address must look like smtp://user:password@host:port or smtps://…")]
    Url,
    /// A setting that is unknown or cannot have this value.
    #[error("the SMTP setting {0} is unknown or has no possible value")]
    Value(String),
    /// A file cannot be read.
    #[error("the file of the SMTP setting {0} cannot be read or holds nothing usable")]
    File(&'static str),
    /// The DKIM key cannot be used.
    #[error(transparent)]
    Dkim(#[from] super::KeyError),
}

impl SmtpSettings {
    /// The settings that a URL says: `smtp://user:password@host:port?tls=required&sessions=5`.
    /// `smtps` means TLS from the first byte. Queries take `tls`, `ca_file`, `hello`, `sessions`,
    /// `per_minute`, `domain_per_minute`, `return_path` and `name`.
    pub fn from_url(text: &str) -> Result<Self, SettingsError> {
        let url = Url::parse(text).map_err(|_| SettingsError::Url)?;
        let tls = match url.scheme() {
            "smtp" => TlsMode::Opportunistic,
            "smtps" => TlsMode::Implicit,
            _ => return Err(SettingsError::Url),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SettingsError::Url)?;
        let mut settings = Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            tls,
            user: (!url.username().is_empty()).then(|| decoded(url.username())),
            password: url.password().map(|password| decoded(password).into()),
            ..Self::default()
        };
        for (key, value) in url.query_pairs() {
            settings.set(&key, &value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), SettingsError> {
        let wrong = || SettingsError::Value(key.chars().take(40).collect());
        match key {
            "tls" => {
                self.tls = match value {
                    "none" => TlsMode::None,
                    "opportunistic" => TlsMode::Opportunistic,
                    "required" => TlsMode::Required,
                    "implicit" => TlsMode::Implicit,
                    _ => return Err(wrong()),
                }
            }
            "ca_file" => self.ca_file = Some(value.into()),
            "hello" => self.hello = Some(value.to_owned()),
            "name" => self.name = value.to_owned(),
            "return_path" => self.return_path = Some(value.to_owned()),
            "sessions" => self.sessions = value.parse().map_err(|_| wrong())?,
            "per_minute" => self.per_minute = value.parse().map_err(|_| wrong())?,
            "domain_per_minute" => self.domain_per_minute = value.parse().map_err(|_| wrong())?,
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// The port to use.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match (self.tls, &self.user) {
            (TlsMode::Implicit, _) => 465,
            (_, Some(_)) => 587,
            (_, None) => 25,
        })
    }

    /// The TLS mode to use: with a password never one that a stranger could strip.
    pub fn effective_tls(&self) -> TlsMode {
        match (self.tls, &self.user) {
            (TlsMode::Opportunistic, Some(_)) => TlsMode::Required,
            (mode, _) => mode,
        }
    }
}

/// Undoes percent-encoding; a plus stays a plus.
fn decoded(text: &str) -> String {
    let query = format!("v={}", text.replace('+', "%2B"));
    form_urlencoded::parse(query.as_bytes())
        .next()
        .map_or_else(String::new, |(_, v)| v.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_url_says_it_all() {
        let url = "smtp://mario%40example.it:a+b%2Fc@mail.example.it:2525?tls=required&sessions=3";
        let settings = SmtpSettings::from_url(url).unwrap();
        assert_eq!(settings.host, "mail.example.it");
        assert_eq!(settings.effective_port(), 2525);
        assert_eq!(settings.user.as_deref(), Some("mario@example.it"));
        assert_eq!(settings.password.unwrap().expose_secret(), "a+b/c");
        assert_eq!((settings.tls, settings.sessions), (TlsMode::Required, 3));
    }

    #[test]
    fn a_password_is_never_sent_over_a_connection_that_could_be_stripped() {
        let settings = SmtpSettings::from_url("smtp://u:p@mail.example.it").unwrap();
        assert_eq!(settings.effective_tls(), TlsMode::Required);
        assert_eq!(settings.effective_port(), 587);
        let settings = SmtpSettings::from_url("smtps://u:p@mail.example.it").unwrap();
        assert_eq!((settings.effective_tls(), settings.effective_port()), (TlsMode::Implicit, 465));
    }

    #[test]
    fn settings_never_show_their_password() {
        let settings = SmtpSettings::from_url("smtp://u:segretissima@mail.example.it").unwrap();
        assert!(!format!("{settings:?}").contains("segretissima"));
    }

    #[test]
    fn a_setting_that_is_unknown_is_named() {
        let error = SmtpSettings::from_url("smtp://localhost?sesions=3").unwrap_err();
        assert_eq!(error, SettingsError::Value("sesions".to_owned()));
        assert_eq!(SmtpSettings::from_url("http://localhost").unwrap_err(), SettingsError::Url);
    }
}
