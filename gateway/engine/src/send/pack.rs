//! Pack: a dispatch's facts become the bytes of one attempt.
//!
//! A mail or a text is packed where it is asked for: it takes less time than the way to another thread. A page is set
//! on a thread for long work. A panic in a template is a failure of this message and of no other.

use crate::Engine;
use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::attempts::Failure;
use messo_core::bodies::Sender;
use messo_core::dispatches::Dispatch;
use messo_core::failures::FailureClass;
use messo_core::ids::AttemptId;
use messo_core::notices::NoticeFacts;
use messo_core::ports::{Envelope, Frame, Notify, Outbound, Provider, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What was packed, or the refusal of the provider or the template; and the text of its code.
pub(super) struct Prepared {
    pub packed: Result<Envelope, Failure>,
    pub qr_text: String,
}

impl Engine {
    /// Renders and packs. The inner result is the provider's or the template's refusal.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        dispatch: &Dispatch,
        leg: u8,
        to: Address,
        attempt: AttemptId,
        provider: &Arc<dyn Provider>,
    ) -> Result<Prepared, StoreError> {
        let body = self.body(dispatch.body).await?;
        let qr_text = self.code_text(dispatch, &body);
        let channel = dispatch.legs[usize::from(leg)].channel;
        let at = self.clock.now();
        let frame = Frame {
            reference: dispatch.number.to_string(),
            qr_text: qr_text.clone(),
            at,
            sandbox: provider.spec().sandbox,
        };
        let packing = Packing {
            engine: Arc::clone(self),
            provider: Arc::clone(provider),
            channel,
            frame,
            sender: self.asking(&body.sender, channel, attempt),
            to,
            attempt,
            notify: self.notify(provider, attempt),
        };
        // A mail takes less time than the way to another thread; a page is set aside.
        // Certified mail carries the deed as a page.
        let paper = !matches!(channel, Channel::Email | Channel::Sms | Channel::Chat);
        let packed = if paper {
            let facts = dispatch.facts.clone();
            tokio::task::spawn_blocking(move || packing.run(&facts))
                .await
                .unwrap_or_else(|_| Err(stopped()))
        } else {
            catch_unwind(AssertUnwindSafe(|| packing.run(&dispatch.facts)))
                .unwrap_or_else(|_| Err(stopped()))
        };
        Ok(Prepared { packed, qr_text })
    }
}

impl Engine {
    /// The sender, asking for the answer at an address of this attempt's own where the mailbox takes such.
    fn asking(&self, sender: &Sender, channel: Channel, attempt: AttemptId) -> Sender {
        let mut sender = sender.clone();
        if channel == Channel::Email && sender.reply_tags {
            let own = sender.reply_to.as_ref().unwrap_or(&sender.email);
            let tagged =
                format!("{}+{}@{}", own.local(), self.tokens.reply_tag(attempt), own.domain());
            // A local part that has no room for the tag keeps its plain address.
            if let Ok(address) = EmailAddress::parse(&tagged) {
                sender.reply_to = Some(address);
            }
        }
        sender
    }
}

/// What a message is made of, besides its facts.
struct Packing {
    engine: Arc<Engine>,
    provider: Arc<dyn Provider>,
    channel: Channel,
    frame: Frame,
    sender: Sender,
    to: Address,
    attempt: AttemptId,
    notify: Option<Notify>,
}

impl Packing {
    fn run(self, facts: &NoticeFacts) -> Result<Envelope, Failure> {
        let rendition = self
            .engine
            .renderer
            .render(facts, self.channel, &self.frame)
            .map_err(|error| bad_content("messo:template", &error.to_string()))?;
        self.provider.prepare(&Outbound {
            attempt: self.attempt,
            sender: self.sender,
            to: self.to,
            to_name: facts.recipient.full_name(),
            rendition,
            at: self.frame.at,
            notify: self.notify,
        })
    }
}

fn bad_content(code: &str, detail: &str) -> Failure {
    Failure::new(FailureClass::BadContent, code, detail)
}

fn stopped() -> Failure {
    bad_content("messo:panic", "the rendering stopped unexpectedly")
}
