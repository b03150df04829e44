//! Certified mail from submission to the last receipt: the access point's checks, then the timeline of each recipient.
//!
//! Guarantee: checks and receipts follow RFC 6109, 3.1 to 3.3; nothing is issued without a reason in a behaviour. Limit: the
//! hours of the RFC pass at the pace of the configuration.

use crate::authority::AuthorityError;
use crate::behaviour::{Act, Answer, Behaviour, Event, Reason, Step, timeline};
use crate::config::{Account, AccountKind, Oversize};
use crate::kinds::Kind;
use crate::letters::Letter;
use crate::office::{Office, Room};
use crate::originals::Original;
use crate::provider::{Flaws, Provider, Statement};
use crate::structure::split;
use messo_core::time::Timestamp;
use std::sync::Arc;

/// Why the server does not take a message, in the words of SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Reply code, e.g. 552.
    pub code: u16,
    /// Enhanced status code and text.
    pub text: &'static str,
}

/// One recipient of a submission.
struct Recipient {
    address: String,
    behaviour: Behaviour,
}

/// A submission under way.
struct Submission {
    account: Account,
    original: Original,
    recipients: Vec<Recipient>,
    /// What was found wrong with the form of the message.
    fault: Option<&'static str>,
    serial: u64,
    _room: Room,
}

impl Office {
    /// Takes a message into certified mail. What it is worth is said later, by receipt.
    pub(crate) fn submit_certified(
        self: &Arc<Self>,
        account: &Account,
        sender: &str,
        recipients: &[String],
        message: &[u8],
    ) -> Result<String, Refusal> {
        let limits = self.config.limits;
        let product = message.len().saturating_mul(recipients.len());
        let mut fault = formal_fault(message, sender, recipients);
        if product > limits.max_product_bytes {
            if self.config.oversize == Oversize::Refused {
                return Err(Refusal { code: 552, text: "5.3.4 size times recipients too big" });
            }
            fault = Some("dimensione per numero di destinatari oltre il limite");
        }
        let full = Refusal { code: 452, text: "4.3.1 too much under way" };
        let room = self.room(message.len()).ok_or(full)?;
        let accepted_at = self.now();
        let pec_id = self.pec_id(&self.home, accepted_at);
        let message = self.traced(sender, message);
        let mut original = Original::read(&message, &pec_id, accepted_at);
        // A notice about a message without author goes to whoever submitted it.
        original.sender = account.address.clone();
        let recipients: Vec<Recipient> = recipients
            .iter()
            .map(|address| Recipient {
                address: address.clone(),
                behaviour: self.behaviour(address),
            })
            .collect();
        if original.to.is_empty() && original.cc.is_empty() {
            // The record names at least one recipient (RFC 6109, 4.4): here those of the envelope.
            original.to = recipients.iter().map(|one| one.address.clone()).collect();
        }
        let external = recipients.iter().filter(|one| one.behaviour.external);
        original.external = external.map(|one| one.address.to_ascii_lowercase()).collect();
        let serial = self.serial();
        let account = account.clone();
        let submission = Submission { account, original, recipients, fault, serial, _room: room };
        self.tasks.spawn(carry(self.clone(), submission));
        Ok(pec_id)
    }

    /// Script, then magic word, then what the office knows of the address.
    fn behaviour(&self, address: &str) -> Behaviour {
        if let Some(behaviour) = self.scripted(address).or_else(|| Behaviour::magic(address)) {
            return behaviour;
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let ordinary =
            self.config.ordinary_domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
        match self.account_of(address) {
            Some(account) if account.kind == AccountKind::Certified => Behaviour::delivered(),
            Some(_) => Behaviour { external: true, ..Behaviour::default() },
            None if ordinary => Behaviour { external: true, ..Behaviour::default() },
            None if self.is_own_domain(domain) => Behaviour::failed(Reason::NoRecipient),
            None => Behaviour::delivered(),
        }
    }

    /// The provider of an address.
    fn provider_of(&self, address: &str) -> &Provider {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if self.is_own_domain(domain) { &self.home } else { &self.away }
    }

    /// A transport envelope from a person whose provider is elsewhere (RFC 6109, 3.1.4).
    pub(crate) fn transport_from_outside(
        &self,
        letter: &Letter,
        at: Timestamp,
        flaws: Flaws,
    ) -> Result<Vec<u8>, AuthorityError> {
        let domain = letter.from.rsplit_once('@').map_or("", |(_, domain)| domain);
        let message = letter.write(&self.letter_id(domain), at);
        let pec_id = self.pec_id(&self.away, at);
        let original = Original::read(&message, &pec_id, at);
        self.away.write(&transport(&original, at, flaws))
    }
}

/// What the access point must refuse (RFC 6109, 3.1.1), in Italian for the notice.
fn formal_fault(message: &[u8], sender: &str, recipients: &[String]) -> Option<&'static str> {
    let (headers, _) = split(message);
    let from = headers.addresses("From");
    let named: Vec<String> =
        headers.addresses("To").into_iter().chain(headers.addresses("Cc")).collect();
    let is_named = |address: &String| named.iter().any(|name| name.eq_ignore_ascii_case(address));
    if from.is_empty() {
        Some("manca il mittente nel campo From")
    } else if !from.iter().all(|address| address.eq_ignore_ascii_case(sender)) {
        Some("il mittente della busta è diverso dal campo From")
    } else if headers.addresses("To").is_empty() {
        Some("manca il destinatario nel campo To")
    } else if headers.get("Bcc").is_some_and(|value| !value.is_empty()) {
        Some("il campo Bcc non è ammesso")
    } else if !recipients.iter().all(is_named) {
        Some("un destinatario della busta non è nei campi To e Cc")
    } else {
        None
    }
}

/// Lets happen what is to happen, in time.
async fn carry(office: Arc<Office>, submission: Submission) {
    let mut behaviours: Vec<_> =
        submission.recipients.iter().map(|one| one.behaviour.clone()).collect();
    if submission.fault.is_some()
        && let Some(first) = behaviours.first_mut()
    {
        first.acceptance = crate::behaviour::Acceptance::Refused;
    }
    let events = timeline(&behaviours, &office.config.pace);
    let mut passed = std::time::Duration::ZERO;
    let refused = events.iter().any(|event| {
        matches!(event.act, Act::Receipt(Kind::NonAcceptance | Kind::NonAcceptanceVirus))
    });
    if !refused {
        submission.to_ordinary_boxes(&office);
    }
    for event in events {
        if !office.wait(event.delay.wait.saturating_sub(passed)).await {
            return;
        }
        passed = passed.max(event.delay.wait);
        if let Err(error) = submission.happen(&office, &event) {
            tracing::error!(%error, "the post office could not sign");
        }
    }
}

impl Submission {
    fn happen(&self, office: &Office, event: &Event) -> Result<(), AuthorityError> {
        let at = self.original.accepted_at + event.delay.stated;
        let recipient = event.recipient.and_then(|at| self.recipients.get(at));
        match (&event.act, recipient) {
            (Act::Receipt(kind), _) => self.receipt(office, *kind, recipient, at, None),
            (Act::Failure(reason), Some(one)) => self.failure(office, one, *reason, at),
            (Act::Deliver(with_receipt), Some(one)) => {
                if !self.deliver(office, one)? {
                    return self.failure(office, one, Reason::Full, at);
                }
                if !with_receipt {
                    return Ok(());
                }
                self.receipt(office, Kind::Delivery, recipient, at, None)
            }
            (Act::Answer(answer), Some(one)) => self.answer(office, one, answer, at),
            _ => Ok(()),
        }
    }

    /// Puts the envelope into a box of the office; boxes elsewhere always have room.
    fn deliver(&self, office: &Office, one: &Recipient) -> Result<bool, AuthorityError> {
        let Some(account) = office.account_of(&one.address) else { return Ok(true) };
        let flaws = Flaws { signature: Default::default(), ..one.behaviour.flaws };
        let envelope = transport(&self.original, self.original.accepted_at, flaws);
        let envelope = office.home.write(&envelope)?;
        Ok(office.put(&account.address, "INBOX", &envelope).is_ok())
    }

    /// Recipients without certified mail get the envelope as ordinary mail, and no receipt follows.
    fn to_ordinary_boxes(&self, office: &Office) {
        for one in self.recipients.iter().filter(|one| one.behaviour.external) {
            if let Err(error) = self.deliver(office, one) {
                tracing::error!(%error, "the post office could not sign");
            }
        }
    }

    fn failure(
        &self,
        office: &Office,
        one: &Recipient,
        reason: Reason,
        at: Timestamp,
    ) -> Result<(), AuthorityError> {
        let kind = match reason {
            Reason::Virus => Kind::DeliveryErrorVirus,
            _ => Kind::DeliveryError,
        };
        self.receipt(office, kind, Some(one), at, Some(reason))
    }

    fn receipt(
        &self,
        office: &Office,
        kind: Kind,
        one: Option<&Recipient>,
        at: Timestamp,
        reason: Option<Reason>,
    ) -> Result<(), AuthorityError> {
        let own = Behaviour::default();
        let behaviour = one.map_or(&own, |one| &one.behaviour);
        let address = one.map(|one| one.address.as_str());
        let (error, detail) = self.words(kind, reason);
        let between_providers = matches!(kind, Kind::TakenInCharge | Kind::VirusDetected);
        let to = if between_providers { office.home.address() } else { &self.original.sender };
        let asked = address.map_or(self.original.form, |address| self.original.form_for(address));
        let doubled = behaviour.doubled;
        // An acceptance said again is a new message; a receipt that arrives twice is the same one.
        let serial = if one.is_none() { office.serial() } else { self.serial };
        let statement = Statement {
            kind,
            original: &self.original,
            to: to.to_owned(),
            at,
            recipient: address,
            error,
            detail,
            form: behaviour.form.unwrap_or(asked),
            flaws: one.map_or(office.config.acceptance_flaws, |one| one.behaviour.flaws),
            serial: if doubled { serial } else { office.serial() },
        };
        let provider = match (kind, reason, address) {
            // The recipient's provider says what happened there; the rest the sender's says itself.
            (Kind::Delivery | Kind::TakenInCharge | Kind::VirusDetected, _, Some(address)) => {
                office.provider_of(address)
            }
            (Kind::DeliveryError, Some(Reason::NoDomain), _) => &office.home,
            (Kind::DeliveryError, _, Some(address)) => office.provider_of(address),
            _ => &office.home,
        };
        let bytes = provider.write(&statement)?;
        for _ in 0..if doubled { 2 } else { 1 } {
            // A full box loses its receipts, as it would anywhere; the office counts them.
            let _ = office.put(&self.account.address, &self.account.receipts_folder, &bytes);
        }
        Ok(())
    }

    /// `errore` and `errore-esteso` (RFC 6109, 4.4).
    fn words(
        &self,
        kind: Kind,
        reason: Option<Reason>,
    ) -> (Option<&'static str>, Option<(&'static str, &'static str)>) {
        const DAY: &str =
            "il messaggio non è stato consegnato nelle prime ventiquattro ore dal suo invio";
        const HALF: &str =
            "il messaggio non è stato consegnato nelle prime dodici ore dal suo invio";
        match (kind, reason) {
            (_, Some(reason)) => {
                let (error, code, why) = reason.words();
                (Some(error), Some((code, why)))
            }
            (Kind::NonAcceptance, _) => {
                (None, Some(("5.6.0", self.fault.unwrap_or("errore formale nel messaggio"))))
            }
            (Kind::NonAcceptanceVirus | Kind::VirusDetected, _) => {
                (None, Some(("5.7.1", "il messaggio contiene un virus")))
            }
            (Kind::Timeout12h, _) => (None, Some(("", HALF))),
            (Kind::Timeout24h, _) => (Some("altro"), Some(("5.4.1", DAY))),
            _ => (None, None),
        }
    }

    /// The recipient writes back by certified mail, knowing the message by its provider's identifier only.
    fn answer(
        &self,
        office: &Office,
        one: &Recipient,
        answer: &Answer,
        at: Timestamp,
    ) -> Result<(), AuthorityError> {
        let delivered = |step: &Step| !matches!(step, Step::Failed(_));
        if !one.behaviour.steps.iter().any(delivered) {
            return Ok(());
        }
        let (from, to) = (one.address.as_str(), self.original.reply_to.as_str());
        let subject = self.original.subject.as_deref().unwrap_or_default();
        let answered = format!("<{}>", self.original.pec_id);
        let letter = match answer {
            Answer::Text(text) => Letter::new(from, to, &format!("Re: {subject}"), text),
            Answer::Automatic => Letter::automatic(from, to, subject, None),
            Answer::Forwarded => {
                let envelope =
                    transport(&self.original, self.original.accepted_at, Flaws::default());
                Letter::new(from, to, &format!("I: {subject}"), "Inoltro quanto ricevuto.")
                    .forwarding(&office.home.write(&envelope)?)
            }
        };
        let letter = letter.answering(&answered);
        let envelope = office.transport_from_outside(&letter, at, Flaws::default())?;
        let _ = office.put(&self.account.address, "INBOX", &envelope);
        Ok(())
    }
}

fn transport(original: &Original, at: Timestamp, flaws: Flaws) -> Statement<'_> {
    Statement {
        kind: Kind::Transport,
        original,
        to: String::new(),
        at,
        recipient: None,
        error: None,
        detail: None,
        form: original.form,
        flaws,
        serial: 0,
    }
}
