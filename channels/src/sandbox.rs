//! Carriers that never open a connection: one per channel, their outcome chosen by the address.
//!
//! They pack exactly what the real provider of the channel would send, take it, and report later what
//! an ordinary (or a magic) recipient would have made of it. Nothing leaves the machine, ever. What is
//! reported is a pure function of address, time and number of questions ([`story`]); the one thing kept is how
//! often a `throttled` address was tried.

pub mod story;

use crate::email::Composer;
use crate::envelope;
use async_trait::async_trait;
use messo_core::addresses::{Address, Channel};
use messo_core::attempts::{Failure, Outcome};
use messo_core::failures::FailureClass;
use messo_core::ports::{
    Carried, DoubtPolicy, Envelope, Exchange, Outbound, Provider, ProviderSpec, Rendition,
    Reported, Stage, Transcript,
};
use messo_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use story::Story;

/// Attempts under way at a time.
const CONCURRENCY: usize = 30;
/// Largest envelope in bytes.
const MAX_BYTES: u64 = 20 * 1024 * 1024;
/// Silence after this long counts as failure: short, so that a demonstration shows it.
const RECEIPT_WITHIN: Duration = Duration::from_secs(90);
/// A `throttled` address refuses this many tries, then takes one.
const THROTTLED_TRIES: u32 = 2;
/// Most throttled addresses remembered; beyond it all are forgotten and throttled anew.
const MAX_REMEMBERED: usize = 10_000;

/// A sandbox carrier.
pub struct Sandbox {
    spec: ProviderSpec,
    composer: Composer,
    tries: Mutex<HashMap<String, u32>>,
}

impl Sandbox {
    /// The sandbox of a channel, named `sandbox-email`, `sandbox-sms` and so on.
    pub fn new(channel: Channel) -> Self {
        Self {
            spec: ProviderSpec {
                name: format!("sandbox-{}", channel.word()),
                channel,
                sandbox: true,
                concurrency: CONCURRENCY,
                max_bytes: MAX_BYTES,
                doubt: DoubtPolicy::Query,
                queries_after: Some(Duration::from_secs(1)),
            },
            composer: Composer::default(),
            tries: Mutex::new(HashMap::new()),
        }
    }

    /// One sandbox for each channel.
    pub fn family() -> Vec<Self> {
        Channel::ALL.into_iter().map(Self::new).collect()
    }

    fn tried(&self, to: &str) -> u32 {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MAX_REMEMBERED {
            tries.clear();
        }
        let count = tries.entry(to.to_owned()).or_default();
        *count += 1;
        if *count > THROTTLED_TRIES {
            tries.remove(to);
            return THROTTLED_TRIES + 1;
        }
        *count
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure> {
        let channel = self.spec.channel;
        envelope::address_serves(outbound, channel)?;
        let prepared = match (&outbound.rendition, &outbound.to) {
            (Rendition::Mail(mail), Address::Email(to) | Address::Pec(to)) => {
                let composed = self.composer.compose(outbound, mail, to)?;
                Envelope {
                    reference: composed.reference,
                    from: composed.from,
                    to: composed.to,
                    bytes: composed.bytes,
                }
            }
            (Rendition::Text(text), Address::Mobile(_) | Address::Chat(_)) => {
                let bytes = short_message(outbound, text)?;
                envelope::keyed(outbound, &outbound.sender.sms_sender, bytes)?
            }
            (Rendition::Letter(letter), Address::Postal(_) | Address::Fax(_)) => {
                if !letter.pdf.starts_with(b"%PDF-") {
                    let detail = "the letter is not a PDF";
                    return Err(Failure::new(FailureClass::BadContent, "messo:pdf", detail));
                }
                envelope::keyed(outbound, &outbound.sender.name, letter.pdf.clone())?
            }
            _ => return Err(envelope::wrong_rendition(channel)),
        };
        envelope::within(prepared, self.spec.max_bytes)
    }

    async fn send(&self, envelope: &Envelope) -> Exchange {
        let story = Story::of_text(self.spec.channel, &envelope.to);
        let (stage, code, answer) = match story {
            Story::Refused => (Stage::Address, Some(550), "5.7.1 rifiutato (sandbox)"),
            Story::Unknown => {
                (Stage::Address, Some(550), "5.1.1 destinatario inesistente (sandbox)")
            }
            Story::Misconfigured => (Stage::Open, Some(535), "5.7.8 credenziali errate (sandbox)"),
            Story::Unavailable => (Stage::Connect, None, ""),
            Story::Doubtful => (Stage::Sent, None, ""),
            Story::Throttled if self.tried(&envelope.to) <= THROTTLED_TRIES => {
                (Stage::Address, Some(450), "4.7.1 troppi messaggi, più tardi (sandbox)")
            }
            _ => (Stage::Answered, Some(250), "2.0.0 preso in carico (sandbox)"),
        };
        let mut lines = vec![
            format!("-- sandbox {}: nothing leaves this machine", self.spec.channel),
            format!("C: ({} bytes)", envelope.bytes.len()),
        ];
        lines.extend(code.map(|code| format!("S: {code} {answer}")));
        Exchange {
            stage,
            code,
            answer: answer.to_owned(),
            error: code.is_none().then(|| "messo:closed the sandbox plays a lost line".to_owned()),
            transcript: Transcript { lines },
        }
    }

    fn interpret(&self, exchange: &Exchange) -> Outcome {
        if exchange.stage == Stage::Answered && exchange.code == Some(250) {
            return Outcome::Accepted { provider_reference: None, receipt_within: RECEIPT_WITHIN };
        }
        Outcome::Failed(crate::email::codes::failure(exchange))
    }

    async fn query(&self, carried: &Carried, now: Timestamp) -> Vec<Reported> {
        Story::of(self.spec.channel, &carried.to).report(self.spec.channel, carried, now)
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// What stands in for the request of an SMS or chat provider.
fn short_message(outbound: &Outbound, text: &str) -> Result<Vec<u8>, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(FailureClass::BadContent, "messo:empty", "the text is empty"));
    }
    let (from, to) = (&outbound.sender.sms_sender, outbound.to.line());
    Ok(format!("From: {from}\r\nTo: {to}\r\n\r\n{text}\r\n").into_bytes())
}
