//! What becomes of a certified message for one recipient: chosen by the local part of the address, or by a script.
//!
//! Guarantee: the timeline is pure: the same behaviours and pace give the same events in the same order. Limit: one behaviour per
//! address; a refusal or a lost acceptance of one recipient holds for the whole message.

use crate::kinds::{Form, Kind};
use crate::provider::{Flaws, Signature};
use std::time::Duration;

/// What happens between submission and the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// What the access point says.
    pub acceptance: Acceptance,
    /// What follows, in order; nothing at all is possible.
    pub steps: Vec<Step>,
    /// The address is not certified: the acceptance says so, and nothing follows.
    pub external: bool,
    /// The first step comes before the acceptance.
    pub before_acceptance: bool,
    /// Every receipt comes twice, the acceptance too.
    pub doubled: bool,
    /// The form of delivery receipt, whatever the sender asked for.
    pub form: Option<Form>,
    /// What is wrong with receipts about this recipient.
    pub flaws: Flaws,
    /// Notices between providers come to the sender as well.
    pub service_notices: bool,
    /// What the recipient writes back after delivery.
    pub answer: Option<Answer>,
    /// Everything about this recipient really takes so much longer; stated instants stay.
    pub extra_wait: Duration,
}

/// What the access point says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// Accepts.
    #[default]
    Given,
    /// Accepts, but the receipt never arrives.
    Lost,
    /// Refuses for a formal fault.
    Refused,
    /// Refuses because of a virus.
    Virus,
}

/// One step after acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Delivered, with receipt.
    Delivered,
    /// Delivered after hours, with receipt.
    DeliveredLate,
    /// Delivered, but the receipt never arrives.
    DeliveredSilently,
    /// Not delivered.
    Failed(Reason),
    /// Warning after 12 hours.
    Warning12h,
    /// Warning after 24 hours.
    Warning24h,
}

/// Why a message is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No such box, said as `no-dest`.
    NoRecipient,
    /// No such box, said as `altro` with 5.1.1, as large providers do.
    UnknownAddress,
    /// No such domain.
    NoDomain,
    /// The box is full.
    Full,
    /// A virus was found at the recipient's provider.
    Virus,
}

impl Reason {
    /// `errore`, enhanced status code and reason in words.
    pub const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NoRecipient => ("no-dest", "5.1.1", "casella inesistente"),
            Self::UnknownAddress => ("altro", "5.1.1", "indirizzo non valido"),
            Self::NoDomain => ("no-dominio", "5.1.2", "dominio inesistente"),
            Self::Full => ("altro", "5.2.2", "casella piena"),
            Self::Virus => ("virus", "5.7.1", "il messaggio contiene un virus"),
        }
    }
}

/// What a recipient writes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A person's words.
    Text(String),
    /// A holiday note (RFC 3834).
    Automatic,
    /// The message received, forwarded as an attachment inside a new one.
    Forwarded,
}

/// How long something really takes, and how long the record says that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// From submission to the post being in the box.
    pub wait: Duration,
    /// From acceptance to the legal instant.
    pub stated: Duration,
}

/// All delays: hours may pass in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Until acceptance or refusal.
    pub acceptance: Delay,
    /// Until delivery or failure.
    pub delivery: Delay,
    /// Until the first warning.
    pub warning_12h: Delay,
    /// Until a late delivery.
    pub late: Delay,
    /// Until the second warning.
    pub warning_24h: Delay,
    /// Until a delivery after both warnings.
    pub very_late: Delay,
    /// Until somebody writes back.
    pub answer: Delay,
}

impl Pace {
    /// Stated times as in life; `unit` is what an ordinary delivery really takes.
    pub const fn of(unit: Duration) -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 3_600;
        const fn delay(unit: Duration, units: u32, stated_s: u64) -> Delay {
            let wait = Duration::from_micros(unit.as_micros() as u64 * units as u64);
            Delay { wait, stated: Duration::from_secs(stated_s) }
        }
        Self {
            acceptance: delay(unit, 0, 0),
            delivery: delay(unit, 1, 3),
            warning_12h: delay(unit, 3, 12 * HOUR + 4 * MINUTE),
            late: delay(unit, 4, 13 * HOUR),
            warning_24h: delay(unit, 5, 24 * HOUR + 4 * MINUTE),
            very_late: delay(unit, 6, 25 * HOUR),
            answer: delay(unit, 2, 20 * MINUTE),
        }
    }
}

/// One thing that the provider does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, and which instant it states.
    pub delay: Delay,
    /// Which recipient it concerns, by position; none when it concerns the message.
    pub recipient: Option<usize>,
    /// What.
    pub act: Act,
}

/// What a provider does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Puts a receipt into the sender's box.
    Receipt(Kind),
    /// Puts a failure into the sender's box.
    Failure(Reason),
    /// Puts the envelope into the recipient's box; with the flag a receipt follows.
    Deliver(bool),
    /// Carries the recipient's answer.
    Answer(Answer),
}

/// What happens to a message with these recipients, in order of time.
pub fn timeline(recipients: &[Behaviour], pace: &Pace) -> Vec<Event> {
    let mut events = Vec::new();
    let refusal = recipients.iter().find_map(|one| match one.acceptance {
        Acceptance::Refused => Some(Kind::NonAcceptance),
        Acceptance::Virus => Some(Kind::NonAcceptanceVirus),
        _ => None,
    });
    if let Some(kind) = refusal {
        return vec![Event { delay: pace.acceptance, recipient: None, act: Act::Receipt(kind) }];
    }
    let mut acceptance = pace.acceptance;
    if recipients.iter().any(|one| one.before_acceptance) {
        acceptance.wait = pace.delivery.wait + pace.delivery.wait / 2;
    }
    let doubled = recipients.iter().any(|one| one.doubled);
    if recipients.iter().all(|one| one.acceptance != Acceptance::Lost) {
        let act = Act::Receipt(Kind::Acceptance);
        let event = Event { delay: acceptance, recipient: None, act };
        events.extend(std::iter::repeat_n(event, if doubled { 2 } else { 1 }));
    }
    for (at, behaviour) in recipients.iter().enumerate().filter(|(_, one)| !one.external) {
        of_recipient(&mut events, at, behaviour, pace);
    }
    events.sort_by_key(|event| event.delay.wait);
    events
}

fn of_recipient(events: &mut Vec<Event>, at: usize, behaviour: &Behaviour, pace: &Pace) {
    let mut push = |mut delay: Delay, act| {
        delay.wait += behaviour.extra_wait;
        events.push(Event { delay, recipient: Some(at), act });
    };
    if behaviour.service_notices && !behaviour.steps.is_empty() {
        push(pace.acceptance, Act::Receipt(Kind::TakenInCharge));
    }
    for step in &behaviour.steps {
        let warned = behaviour.steps.contains(&Step::Warning24h);
        let late = if warned { pace.very_late } else { pace.late };
        let (delay, act) = match *step {
            Step::Delivered => (pace.delivery, Act::Deliver(true)),
            Step::DeliveredLate => (late, Act::Deliver(true)),
            Step::DeliveredSilently => (pace.delivery, Act::Deliver(false)),
            Step::Failed(reason) => (pace.delivery, Act::Failure(reason)),
            Step::Warning12h => (pace.warning_12h, Act::Receipt(Kind::Timeout12h)),
            Step::Warning24h => (pace.warning_24h, Act::Receipt(Kind::Timeout24h)),
        };
        if *step == Step::Failed(Reason::Virus) && behaviour.service_notices {
            push(delay, Act::Receipt(Kind::VirusDetected));
        }
        push(delay, act);
    }
    if let Some(answer) = &behaviour.answer {
        push(pace.answer, Act::Answer(answer.clone()));
    }
}

impl Behaviour {
    /// Accepted and delivered.
    pub fn delivered() -> Self {
        Self { steps: vec![Step::Delivered], ..Self::default() }
    }

    /// Accepted, then these steps.
    pub fn steps(steps: &[Step]) -> Self {
        Self { steps: steps.to_vec(), ..Self::default() }
    }

    /// Not delivered.
    pub fn failed(reason: Reason) -> Self {
        Self::steps(&[Step::Failed(reason)])
    }

    fn flawed(flaws: Flaws) -> Self {
        Self { flaws, ..Self::delivered() }
    }

    fn signed(signature: Signature) -> Self {
        Self::flawed(Flaws { signature, ..Flaws::default() })
    }

    fn answering(answer: Answer) -> Self {
        Self { answer: Some(answer), ..Self::delivered() }
    }

    /// Behaviour by the local part of an address up to its first `.` or `+`; none when it is no magic word.
    pub fn magic(address: &str) -> Option<Self> {
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        let word = local.split(['.', '+']).next().unwrap_or_default().to_ascii_lowercase();
        Self::of_word(&word)
    }

    /// The table of the crate's documentation.
    fn of_word(word: &str) -> Option<Self> {
        use Step::{Delivered, DeliveredLate, DeliveredSilently, Warning12h, Warning24h};
        Some(match word {
            "consegnata" => Self::delivered(),
            "tardi" => Self::steps(&[DeliveredLate]),
            "dodici-ore" => Self::steps(&[Warning12h]),
            "dodici-poi-consegna" => Self::steps(&[Warning12h, DeliveredLate]),
            "ventiquattro-ore" => Self::steps(&[Warning12h, Warning24h]),
            "solo-ventiquattro" => Self::steps(&[Warning24h]),
            "ventiquattro-poi-consegna" => Self::steps(&[Warning12h, Warning24h, DeliveredLate]),
            "mancata" => Self::failed(Reason::UnknownAddress),
            "inesistente" => Self::failed(Reason::NoRecipient),
            "dominio-inesistente" => Self::failed(Reason::NoDomain),
            "casella-piena" => Self::failed(Reason::Full),
            "virus" => Self::failed(Reason::Virus),
            "esterna" => Self { external: true, ..Self::default() },
            "muta" => Self { acceptance: Acceptance::Lost, ..Self::default() },
            "senza-accettazione" => Self { acceptance: Acceptance::Lost, ..Self::delivered() },
            "senza-consegna" => Self::steps(&[DeliveredSilently]),
            "non-accettata" => Self { acceptance: Acceptance::Refused, ..Self::default() },
            "virus-mittente" => Self { acceptance: Acceptance::Virus, ..Self::default() },
            "doppia" => Self { doubled: true, ..Self::delivered() },
            "disordine" => Self { before_acceptance: true, ..Self::steps(&[Delivered]) },
            "breve" => Self { form: Some(Form::Brief), ..Self::delivered() },
            "sintetica" => Self { form: Some(Form::Synthetic), ..Self::delivered() },
            "gestore" => Self { service_notices: true, ..Self::delivered() },
            "gestore-virus" => Self { service_notices: true, ..Self::failed(Reason::Virus) },
            "aderisce" => Self::answering(Answer::Text("Aderisco alla mediazione.".into())),
            "rifiuta" => Self::answering(Answer::Text("Non intendo aderire.".into())),
            "assente" => Self::answering(Answer::Automatic),
            "inoltra" => Self::answering(Answer::Forwarded),
            _ => return Self::of_flaw(word),
        })
    }

    fn of_flaw(word: &str) -> Option<Self> {
        let mut flaws = Flaws::default();
        match word {
            "riscritta" => flaws.rewritten_reference = true,
            "sporca" => flaws.record.stray_text = true,
            "latina" => flaws.record.latin1 = true,
            "scarna" => flaws.record.sparse = true,
            "maiuscole" => flaws.odd_case = true,
            "aperta" => flaws.unclosed = true,
            "imbustata" => flaws.enclosed_base64 = true,
            "ber" => return Some(Self::signed(Signature::Ber)),
            "falsa" => return Some(Self::signed(Signature::Tampered)),
            "non-firmata" => return Some(Self::signed(Signature::Missing)),
            "troncata" => return Some(Self::signed(Signature::CutOff)),
            "altro-firmatario" => return Some(Self::signed(Signature::WrongSigner)),
            "sconosciuta" => return Some(Self::signed(Signature::Untrusted)),
            _ => return None,
        }
        Some(Self::flawed(flaws))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(words: &[&str]) -> Vec<Act> {
        let all: Vec<_> = words
            .iter()
            .map(|word| Behaviour::magic(word).unwrap_or_else(Behaviour::delivered))
            .collect();
        let events = timeline(&all, &Pace::of(Duration::from_millis(10)));
        events.into_iter().map(|event| event.act).collect()
    }

    #[test]
    fn an_ordinary_address_is_accepted_and_delivered() {
        let expected = [Act::Receipt(Kind::Acceptance), Act::Deliver(true)];
        assert_eq!(acts(&["avv.rossi@pec.example"]), expected);
    }

    #[test]
    fn warnings_come_before_the_late_delivery() {
        let expected = [
            Act::Receipt(Kind::Acceptance),
            Act::Receipt(Kind::Timeout12h),
            Act::Receipt(Kind::Timeout24h),
            Act::Deliver(true),
        ];
        assert_eq!(acts(&["ventiquattro-poi-consegna@x"]), expected);
    }

    #[test]
    fn a_slow_recipient_waits_really_and_not_on_paper() {
        let slow = Behaviour { extra_wait: Duration::from_secs(5), ..Behaviour::delivered() };
        let pace = Pace::of(Duration::from_millis(10));
        let delivery = timeline(&[slow], &pace).pop().unwrap();
        assert_eq!(delivery.delay.wait, Duration::from_millis(5_010));
        assert_eq!(delivery.delay.stated, pace.delivery.stated);
    }

    #[test]
    fn one_refused_recipient_refuses_the_message() {
        assert_eq!(acts(&["rossi@x", "non-accettata@x"]), [Act::Receipt(Kind::NonAcceptance)]);
    }

    #[test]
    fn disorder_puts_the_delivery_first_and_the_mute_say_nothing() {
        let expected = [Act::Deliver(true), Act::Receipt(Kind::Acceptance)];
        assert_eq!(acts(&["disordine.7@x"]), expected);
        assert_eq!(acts(&["muta+9@x"]), []);
        assert_eq!(acts(&["esterna@x"]), [Act::Receipt(Kind::Acceptance)]);
    }
}
