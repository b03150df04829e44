//! The certified-mail provider: PEC (DPR 68/2005, RFC 6109) through the mailbox's own submission server.
//!
//! One recipient a message, `From` the mailbox itself, nobody in copy: one proof for one notice. A 250 means that the
//! provider has it and receipts will tell the rest, never that it was delivered. After the final dot nothing is ever
//! sent again by itself: a lost answer is a doubt that a receipt settles. Limit: of what a provider
//! allows, this process counts its own messages and those sent before its first turn ([`Past`]), not those of others later.

mod forecast;
mod ledger;
mod settings;
mod windows;

pub use forecast::{Forecast, Hour, Stop};
pub use ledger::Sent;
pub use settings::PecSettings;

use crate::email::codes;
use crate::email::session::Message;
use crate::email::sessions::Sessions;
use crate::email::{Composer, SettingsError};
use crate::envelope;
use crate::pace::{self, Pace};
use async_trait::async_trait;
use ledger::{ASK_AGAIN, Ledger, Limits};
use messo_core::addresses::{Address, Channel};
use messo_core::attempts::{Failure, Outcome};
use messo_core::bodies::Sender;
use messo_core::failures::FailureClass;
use messo_core::jobs::Priority;
use messo_core::pec::{RECEIPT_WITHIN, ReceiptType};
use messo_core::ports::{
    Clock, DoubtPolicy, Envelope, Exchange, Outbound, Provider, ProviderSpec, Rendition, Stage,
    Turn,
};
use messo_core::time::{Timestamp, rome};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use windows::Windows;

/// Messages with a turn for each connection: the one that is carried, and one whose commands go behind it.
const TURNS_PER_SESSION: usize = 2;
/// Attempts under way for each connection: those with a turn, one being packed, one being written down.
const ATTEMPTS_PER_SESSION: usize = 4;
/// Recipients of a message: each needs a proof of its own.
const RECIPIENTS: u64 = 1;
/// Time that a submission takes where nothing limits it, as far as a forecast goes: the provider checks
/// for viruses before it answers.
const USUAL_SUBMISSION: Duration = Duration::from_secs(1);

/// The refusal of a sender address that is not the user's. The leg must wait for the operator, not go on to paper.
const NOT_OUR_ADDRESS: &str = "553 5.7.1";

/// What the mailbox sent before this process began.
#[async_trait]
pub trait Past: Send + Sync {
    /// Everything from an instant on that may have entered the circuit; one sentence, without personal data,
    /// when it cannot be told now.
    async fn sent(&self, from: Timestamp) -> Result<Vec<Sent>, String>;
}

/// A configured certified mailbox.
pub struct Pec {
    spec: ProviderSpec,
    composer: Composer,
    pace: Pace,
    windows: Arc<Windows>,
    sessions: Sessions,
    patience: Duration,
    usual_pace: Duration,
    past: Option<Box<dyn Past>>,
    recalled: OnceCell<()>,
}

impl Pec {
    /// Reads the files that the settings name; opens no connection.
    pub fn new(settings: &PecSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let smtp = settings.smtp()?;
        let limits = Limits {
            per_hour: settings.per_hour,
            per_day: settings.per_day,
            mailbox_bytes: settings.mailbox_bytes,
            receipt: settings.receipt_type,
            emptied_at: emptied_at(settings),
        };
        Ok(Self {
            spec: ProviderSpec {
                name: settings.name.clone(),
                channel: Channel::Pec,
                sandbox: settings.sandbox,
                concurrency: settings.sessions * ATTEMPTS_PER_SESSION,
                max_bytes: settings.max_message_bytes.min(settings.max_product_bytes / RECIPIENTS),
                doubt: DoubtPolicy::Hold,
                queries_after: None,
            },
            composer: Composer::default()
                .with_header("X-TipoRicevuta", receipt_word(settings.receipt_type)),
            pace: Pace::new(pace::Limits {
                per_minute: settings.per_minute,
                under_way: settings.sessions * TURNS_PER_SESSION,
                ..pace::Limits::default()
            }),
            windows: Windows::new(Ledger::new(limits), clock),
            sessions: Sessions::new(&smtp)?,
            patience: Duration::from_secs(settings.patience_s),
            usual_pace: match settings.per_minute {
                0 => USUAL_SUBMISSION / u32::try_from(settings.sessions).unwrap_or(u32::MAX),
                per_minute => Duration::from_secs(60) / per_minute,
            },
            past: None,
            recalled: OnceCell::new(),
        })
    }

    /// Asks there, before the first turn, what was sent by others or before a restart.
    pub fn with_past(self, past: Box<dyn Past>) -> Self {
        Self { past: Some(past), ..self }
    }

    /// When messages of these sizes (bytes) will all have left, from what is used up by now. Fails with one
    /// sentence when it is not known what was sent before.
    pub async fn forecast(&self, sizes: impl IntoIterator<Item = u64>) -> Result<Forecast, String> {
        self.recall().await?;
        let ledger = self.windows.ledger().at_rest();
        Ok(forecast::forecast(ledger, sizes, self.usual_pace, self.windows.now()))
    }

    /// Counts what was sent before this process began, once, where anything is limited.
    async fn recall(&self) -> Result<(), String> {
        let recalling = async || {
            let from = {
                let ledger = self.windows.ledger();
                ledger.limited().then(|| ledger.matters_from(self.windows.now()))
            };
            if let (Some(past), Some(from)) = (&self.past, from) {
                let sent = past.sent(from).await?;
                let now = self.windows.now();
                let mut ledger = self.windows.ledger();
                sent.into_iter().for_each(|sent| ledger.enter(sent, now));
            }
            Ok(())
        };
        self.recalled.get_or_try_init(recalling).await.map(|_| ())
    }
}

#[async_trait]
impl Provider for Pec {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure> {
        envelope::address_serves(outbound, Channel::Pec)?;
        let (Rendition::Mail(mail), Address::Pec(to)) = (&outbound.rendition, &outbound.to) else {
            return Err(envelope::wrong_rendition(Channel::Pec));
        };
        let Some(own) = outbound.sender.pec.clone() else {
            let detail =
                "the body has no PEC address to write from: `messo body set --pec ADDRESS`";
            return Err(Failure::new(FailureClass::Misconfigured, "messo:no_pec_sender", detail));
        };
        // The provider refuses any other sender, and looks for answers in no other place.
        let sender = Sender { email: own, reply_to: None, ..outbound.sender.clone() };
        let certified = Outbound { sender, ..outbound.clone() };
        let composed = self.composer.compose(&certified, mail, to)?;
        let envelope = Envelope {
            reference: composed.reference,
            from: composed.from,
            to: composed.to,
            bytes: composed.bytes,
        };
        envelope::within(envelope, self.spec.max_bytes)
    }

    async fn turn(&self, _to: &Address, priority: Priority) -> Result<Turn, Duration> {
        if let Err(reason) = self.recall().await {
            tracing::warn!(%reason, "it is not known what the certified mailbox sent before: nothing leaves yet");
            return Err(ASK_AGAIN);
        }
        let until = Instant::now() + self.patience;
        // The windows first: who is put off until midnight uses up no pace.
        let begun = self.windows.turn(priority, until).await?;
        let left = until.saturating_duration_since(Instant::now());
        let place = self.pace.turn("", priority, left).await?;
        Ok(Turn::holding((begun, place)))
    }

    async fn send(&self, envelope: &Envelope) -> Exchange {
        let message = match Message::new(envelope) {
            Ok(message) => message,
            Err(error) => return envelope::unanswered(Stage::Connect, error),
        };
        let counted = self.windows.count(envelope.bytes.len() as u64);
        let exchange = self.sessions.carry(message).await;
        if !may_have_entered(&self.interpret(&exchange)) {
            counted.never_entered();
        }
        exchange
    }

    fn interpret(&self, exchange: &Exchange) -> Outcome {
        if (exchange.stage, exchange.code) == (Stage::Answered, Some(250)) {
            return Outcome::Accepted { provider_reference: None, receipt_within: RECEIPT_WITHIN };
        }
        let failure = codes::failure(exchange);
        if exchange.stage <= Stage::Address && failure.code == NOT_OUR_ADDRESS {
            return Outcome::Failed(Failure { class: FailureClass::Misconfigured, ..failure });
        }
        Outcome::Failed(failure)
    }

    async fn check(&self) -> Result<(), String> {
        self.sessions.check().await.map_err(|exchange| {
            let failure = codes::failure(&exchange);
            format!("the PEC provider does not let us in: {} {}", failure.code, failure.detail)
        })?;
        self.recall().await?;
        if self.windows.ledger().full() {
            return Err(
                "the mailbox is counted as full: empty it, then set mailbox_emptied_on".into()
            );
        }
        Ok(())
    }
}

/// Whether an attempt with this outcome may have entered the circuit, and therefore counts.
pub fn may_have_entered(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Accepted { .. } | Outcome::Delivered { .. } => true,
        Outcome::Failed(failure) => failure.class == FailureClass::Doubtful,
    }
}

/// The beginning in Rome of the day on which the mailbox was emptied.
fn emptied_at(settings: &PecSettings) -> Timestamp {
    let day = settings.mailbox_emptied_on.and_then(|day| day.to_zoned(rome()).ok());
    day.map_or(Timestamp(i64::MIN), |day| day.timestamp().into())
}

/// The value of `X-TipoRicevuta` (RFC 6109 8.1).
const fn receipt_word(receipt: ReceiptType) -> &'static str {
    match receipt {
        ReceiptType::Completa => "completa",
        ReceiptType::Breve => "breve",
        ReceiptType::Sintetica => "sintetica",
    }
}
