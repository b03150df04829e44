//! How a relay is reached: what every connection to it has in common.

use super::settings::{Deadlines, SettingsError, SmtpSettings, TlsMode};
use super::tls;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::SecretString;
use std::sync::Arc;

/// The way to a relay.
pub(crate) struct Line {
    pub host: String,
    pub port: u16,
    pub tls: TlsMode,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub hello: Option<String>,
    pub deadlines: Deadlines,
    config: Option<Arc<ClientConfig>>,
}

impl Line {
    /// Reads the authorities and checks what can be checked without the network.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SettingsError> {
        let mode = settings.effective_tls();
        let plain = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !settings.hello.iter().all(plain) {
            return Err(SettingsError::Value("hello".to_owned()));
        }
        if !plain(&settings.host) {
            return Err(SettingsError::Value("host".to_owned()));
        }
        let config = match mode {
            TlsMode::None => None,
            TlsMode::Opportunistic => Some(tls::unchecked()?),
            TlsMode::Required | TlsMode::Implicit => {
                Some(tls::checked(settings.ca_file.as_deref())?)
            }
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.effective_port(),
            tls: mode,
            user: settings.user.clone(),
            password: settings.password.clone(),
            hello: settings.hello.clone(),
            deadlines: settings.deadlines,
            config,
        })
    }

    /// The TLS configuration and the name that the certificate must bear.
    pub fn tls_to(&self) -> Option<(&Arc<ClientConfig>, ServerName<'static>)> {
        Some((self.config.as_ref()?, ServerName::try_from(self.host.clone()).ok()?))
    }
}
