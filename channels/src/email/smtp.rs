//! The SMTP provider: e-mail through a relay.
//!
//! What the relay takes is handed over and no more ([`Proof::HandedOver`]): ordinary mail proves no
//! delivery, and bounces come back to a mailbox. An answer lost after the last byte is a doubt that a
//! bounce or a person settles; nothing is ever sent twice by itself.

use super::codes;
use super::dkim::Signer;
use super::message::Composer;
use super::session::Message;
use super::sessions::Sessions;
use super::settings::{SettingsError, SmtpSettings};
use crate::envelope;
use crate::pace::{Limits, Pace};
use async_trait::async_trait;
use messo_core::addresses::{Address, Channel};
use messo_core::attempts::{Failure, Outcome};
use messo_core::jobs::Priority;
use messo_core::legs::Proof;
use messo_core::ports::{
    DoubtPolicy, Envelope, Exchange, Outbound, Provider, ProviderSpec, Rendition, Stage, Turn,
};
use std::time::Duration;

/// Messages with a turn for each connection: the one that is carried, and one whose commands go behind it.
const TURNS_PER_SESSION: usize = 2;
/// Attempts under way for each connection: those with a turn, one being packed, one being written down.
const ATTEMPTS_PER_SESSION: usize = 4;
/// Stands in a return path for the attempt's id.
const ATTEMPT_MARK: &str = "{attempt}";

/// A configured relay.
pub struct Smtp {
    spec: ProviderSpec,
    composer: Composer,
    pace: Pace,
    sessions: Sessions,
    patience: Duration,
    return_path: Option<String>,
}

impl Smtp {
    /// Reads the files that the settings name; opens no connection.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SettingsError> {
        if settings.sessions == 0 {
            return Err(SettingsError::Value("sessions".to_owned()));
        }
        if let Some(path) = &settings.return_path {
            let example = path.replace(ATTEMPT_MARK, "0");
            super::address::ascii_address(&example)
                .map_err(|_| SettingsError::Value("return_path".to_owned()))?;
        }
        let composer = match &settings.dkim {
            None => Composer::default(),
            Some(dkim) => {
                let pem = std::fs::read(&dkim.key_file)
                    .map_err(|_| SettingsError::File("dkim.key_file"))?;
                Composer::signing(Signer::new(&dkim.domain, &dkim.selector, &pem)?)
            }
        };
        Ok(Self {
            spec: ProviderSpec {
                name: settings.name.clone(),
                channel: Channel::Email,
                sandbox: settings.sandbox,
                concurrency: settings.sessions * ATTEMPTS_PER_SESSION,
                max_bytes: settings.max_bytes,
                doubt: DoubtPolicy::Hold,
                queries_after: None,
            },
            composer,
            pace: Pace::new(Limits {
                per_minute: settings.per_minute,
                domain_per_minute: settings.domain_per_minute,
                domain_under_way: settings.domain_sessions,
                under_way: settings.sessions * TURNS_PER_SESSION,
            }),
            sessions: Sessions::new(settings)?,
            patience: Duration::from_secs(settings.patience_s),
            return_path: settings.return_path.clone(),
        })
    }
}

#[async_trait]
impl Provider for Smtp {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure> {
        envelope::address_serves(outbound, Channel::Email)?;
        let (Rendition::Mail(mail), Address::Email(to)) = (&outbound.rendition, &outbound.to)
        else {
            return Err(envelope::wrong_rendition(Channel::Email));
        };
        let composed = self.composer.compose(outbound, mail, to)?;
        let from = match &self.return_path {
            Some(path) => path.replace(ATTEMPT_MARK, &outbound.attempt.0.simple().to_string()),
            None => composed.from,
        };
        let envelope = Envelope {
            reference: composed.reference,
            from,
            to: composed.to,
            bytes: composed.bytes,
        };
        envelope::within(envelope, self.spec.max_bytes)
    }

    async fn turn(&self, to: &Address, priority: Priority) -> Result<Turn, Duration> {
        let domain = match to {
            Address::Email(to) => to.as_str().rsplit_once('@').map_or("", |(_, domain)| domain),
            _ => "",
        };
        self.pace.turn(&domain.to_lowercase(), priority, self.patience).await
    }

    async fn send(&self, envelope: &Envelope) -> Exchange {
        let message = match Message::new(envelope) {
            Ok(message) => message,
            Err(error) => return envelope::unanswered(Stage::Connect, error),
        };
        self.sessions.carry(message).await
    }

    fn interpret(&self, exchange: &Exchange) -> Outcome {
        match (exchange.stage, exchange.code) {
            (Stage::Answered, Some(250..=252)) => Outcome::Delivered {
                provider_reference: queue_id(&exchange.answer),
                proof: Proof::HandedOver,
            },
            _ => Outcome::Failed(codes::failure(exchange)),
        }
    }

    async fn check(&self) -> Result<(), String> {
        self.sessions.check().await.map_err(|exchange| {
            let failure = codes::failure(&exchange);
            format!("the relay does not take our mail: {} {}", failure.code, failure.detail)
        })
    }
}

/// The relay's own name for the message, where its answer shows one in a known form: Postfix and Exim
/// (`queued as X`, `id=X`).
fn queue_id(answer: &str) -> Option<String> {
    let after = |mark: &str| answer.split_once(mark).map(|(_, rest)| rest);
    let rest = after("queued as ").or_else(|| after("id="))?;
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_own_name_for_a_message_is_kept() {
        assert_eq!(queue_id("2.0.0 Ok: queued as 4Xy7Zk1").as_deref(), Some("4Xy7Zk1"));
        assert_eq!(queue_id("OK id=1tEhGc-000abc-1x").as_deref(), Some("1tEhGc-000abc-1x"));
        assert_eq!(queue_id("2.0.0 Ok"), None);
    }
}
