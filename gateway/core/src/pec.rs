//! Certified mail (*posta elettronica certificata*, DPR 68/2005, RFC 6109): the kinds of message that a
//! provider makes, what they say, and how far one sending has come.
//!
//! [`apply`] is a join: receipts may come in any order and any number of times, and the standing is the
//! same. Limit: it knows nothing of signatures; whoever applies a receipt has verified it.

use crate::failures::FailureClass;
use crate::ids::BlobHash;
use crate::legs::Proof;
use crate::receipts::Signal;
use crate::signatures::SignatureReport;
use crate::time::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long after handing over a delivery receipt may come: the provider closes its transaction after
/// 24 hours (RFC 6109 3.1.6); two more for the notice to reach us.
pub const RECEIPT_WITHIN: Duration = Duration::from_secs(26 * 3600);

/// Without an acceptance after this time somebody should look.
pub const ACCEPTANCE_ALERT: Duration = Duration::from_secs(15 * 60);

/// Without an acceptance after this time it is unknown whether the message entered the circuit.
pub const ACCEPTANCE_UNKNOWN: Duration = Duration::from_secs(3600);

/// Code of a failure that stands in the acceptance: the recipient's address is not certified (*esterno*).
pub const NOT_CERTIFIED: &str = "pec:esterno";

/// What a provider's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PecKind {
    /// *Accettazione*: the sender's provider has taken the message.
    Acceptance,
    /// *Non accettazione* for a formal fault: it never entered the circuit.
    NonAcceptance,
    /// *Non accettazione per virus*.
    NonAcceptanceVirus,
    /// *Presa in carico*: from provider to provider; tolerated when seen.
    TakenInCharge,
    /// *Avvenuta consegna*: the message is in the recipient's mailbox, read or not.
    Delivery,
    /// *Mancata consegna*.
    DeliveryError,
    /// *Mancata consegna per virus*.
    DeliveryErrorVirus,
    /// First warning, twelve hours without delivery; also a warning that does not say which.
    #[serde(rename = "timeout_12h")]
    Timeout12h,
    /// Second warning: the provider has closed the transaction.
    #[serde(rename = "timeout_24h")]
    Timeout24h,
    /// *Rilevazione virus*: from provider to provider.
    VirusDetected,
    /// Transport envelope (*busta di trasporto*): somebody's message.
    Transport,
    /// Anomaly envelope (*busta di anomalia*): ordinary or damaged mail.
    Anomaly,
}

impl PecKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Acceptance,
        Self::NonAcceptance,
        Self::NonAcceptanceVirus,
        Self::TakenInCharge,
        Self::Delivery,
        Self::DeliveryError,
        Self::DeliveryErrorVirus,
        Self::Timeout12h,
        Self::Timeout24h,
        Self::VirusDetected,
        Self::Transport,
        Self::Anomaly,
    ];

    /// The word on the command line, in the API and in evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acceptance => "acceptance",
            Self::NonAcceptance => "non_acceptance",
            Self::NonAcceptanceVirus => "non_acceptance_virus",
            Self::TakenInCharge => "taken_in_charge",
            Self::Delivery => "delivery",
            Self::DeliveryError => "delivery_error",
            Self::DeliveryErrorVirus => "delivery_error_virus",
            Self::Timeout12h => "timeout_12h",
            Self::Timeout24h => "timeout_24h",
            Self::VirusDetected => "virus_detected",
            Self::Transport => "transport",
            Self::Anomaly => "anomaly",
        }
    }

    /// What staff and the statement of service call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Acceptance => "ricevuta di accettazione",
            Self::NonAcceptance => "avviso di non accettazione",
            Self::NonAcceptanceVirus => "avviso di non accettazione per virus",
            Self::TakenInCharge => "ricevuta di presa in carico",
            Self::Delivery => "ricevuta di avvenuta consegna",
            Self::DeliveryError => "avviso di mancata consegna",
            Self::DeliveryErrorVirus => "avviso di mancata consegna per virus",
            Self::Timeout12h => "avviso di mancata consegna nelle prime 12 ore",
            Self::Timeout24h => "avviso di mancata consegna nelle 24 ore",
            Self::VirusDetected => "avviso di rilevazione virus",
            Self::Transport => "busta di trasporto",
            Self::Anomaly => "busta di anomalia",
        }
    }

    /// What it does to the standing of the sending that it is about; none for envelopes and for what
    /// providers tell each other.
    pub const fn event(self) -> Option<PecEvent> {
        Some(match self {
            Self::Acceptance => PecEvent::Accepted,
            Self::NonAcceptance => PecEvent::Rejected,
            Self::NonAcceptanceVirus => PecEvent::RejectedVirus,
            Self::Delivery => PecEvent::Delivered,
            Self::DeliveryError => PecEvent::Failed,
            Self::DeliveryErrorVirus => PecEvent::FailedVirus,
            Self::Timeout12h => PecEvent::Warned,
            Self::Timeout24h => PecEvent::TimedOut,
            Self::TakenInCharge | Self::VirusDetected | Self::Transport | Self::Anomaly => {
                return None;
            }
        })
    }
}

/// What a receipt can say about a sending to one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PecEvent {
    /// The provider accepted it.
    Accepted,
    /// Accepted, but the recipient's address is not a certified mailbox (*esterno*): no receipt of
    /// delivery will ever come.
    NotCertified,
    /// It was not accepted.
    Rejected,
    /// It was not accepted because of a virus.
    RejectedVirus,
    /// Twelve hours without delivery.
    Warned,
    /// Twenty-four hours without delivery.
    TimedOut,
    /// It could not be delivered.
    Failed,
    /// It was stopped because of a virus.
    FailedVirus,
    /// It was delivered.
    Delivered,
}

/// How far a sending to one recipient has come. Later values win over earlier ones, whichever came
/// first: a delivery wins always, even after the provider had given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PecStanding {
    /// The provider's server said 250; no receipt yet.
    Submitted,
    /// *Accettata*.
    Accepted,
    /// *Accettata*, with a warning after twelve hours.
    Warned,
    /// Not delivered within twenty-four hours.
    TimedOut,
    /// The recipient's address is not certified: ordinary mail, without proof.
    NotCertified,
    /// Not accepted.
    Rejected,
    /// Not accepted because of a virus.
    RejectedVirus,
    /// Not delivered.
    Failed,
    /// Stopped because of a virus.
    FailedVirus,
    /// *Consegnata*.
    Delivered,
}

impl PecStanding {
    /// All standings, weakest first.
    pub const ALL: [Self; 10] = [
        Self::Submitted,
        Self::Accepted,
        Self::Warned,
        Self::TimedOut,
        Self::NotCertified,
        Self::Rejected,
        Self::RejectedVirus,
        Self::Failed,
        Self::FailedVirus,
        Self::Delivered,
    ];

    /// What staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Submitted => "consegnata al gestore; si attende la ricevuta di accettazione",
            Self::Accepted => "accettata dal gestore; si attende la ricevuta di consegna",
            Self::Warned => "accettata; dopo 12 ore non è ancora consegnata",
            Self::TimedOut => "non consegnata entro 24 ore",
            Self::NotCertified => "l'indirizzo non è PEC: nessuna ricevuta di consegna arriverà",
            Self::Rejected => "non accettata dal gestore",
            Self::RejectedVirus => "non accettata dal gestore: contiene un virus",
            Self::Failed => "non consegnata",
            Self::FailedVirus => "non consegnata: contiene un virus",
            Self::Delivered => "consegnata nella casella del destinatario",
        }
    }
}

/// The standing after an event: the stronger of the two.
pub fn apply(standing: PecStanding, event: PecEvent) -> PecStanding {
    standing.max(match event {
        PecEvent::Accepted => PecStanding::Accepted,
        PecEvent::Warned => PecStanding::Warned,
        PecEvent::TimedOut => PecStanding::TimedOut,
        PecEvent::NotCertified => PecStanding::NotCertified,
        PecEvent::Rejected => PecStanding::Rejected,
        PecEvent::RejectedVirus => PecStanding::RejectedVirus,
        PecEvent::Failed => PecStanding::Failed,
        PecEvent::FailedVirus => PecStanding::FailedVirus,
        PecEvent::Delivered => PecStanding::Delivered,
    })
}

/// When a provider says that something happened: the time that counts in law (RFC 6109 4.1), to the
/// second, with the zone in which it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PecInstant {
    /// The instant.
    pub at: Timestamp,
    /// The zone as written, e.g. `+0100`.
    pub zone: String,
    /// The civil day as written, which is the legal one.
    pub legal_day: Date,
}

/// A recipient as the provider lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PecRecipient {
    /// The address as written.
    pub address: String,
    /// False for `esterno`: not a certified mailbox.
    pub certified: bool,
}

/// How much of the message a delivery receipt brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptType {
    /// The whole message.
    Completa,
    /// The message with hashes instead of its attachments.
    Breve,
    /// Nothing.
    Sintetica,
}

/// What a provider's message says: its headers and its `daticert.xml` together (RFC 6109 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PecData {
    /// What it is; none when the provider's word is unknown.
    pub kind: Option<PecKind>,
    /// The provider's word, as written in `X-Ricevuta` or `X-Trasporto`, lower case.
    pub word: String,
    /// `tipo`, the same word in the signed record, lower case; none without a record that can be read.
    #[serde(default)]
    pub record: Option<String>,
    /// SHA-256 of the part in which the record, the text and the message inside were read; none when no
    /// signature can cover them. They count only when the signature covers that very part.
    #[serde(default)]
    pub sealed: Option<BlobHash>,
    /// The Message-ID of the message that it is about, without angle brackets; of the header only where there
    /// is no record.
    pub reference: Option<String>,
    /// *Identificativo*: the provider's own name for that message, the same in all its receipts.
    pub pec_id: Option<String>,
    /// The recipient that it is about (*consegna*); of an acceptance with one recipient, that one.
    pub recipient: Option<String>,
    /// All recipients of the message.
    pub recipients: Vec<PecRecipient>,
    /// *Mittente*.
    pub sender: Option<String>,
    /// *Oggetto* of the message that it is about.
    pub subject: Option<String>,
    /// When it happened.
    pub instant: Option<PecInstant>,
    /// `errore`: nessuno, no-dest, no-dominio, virus, altro.
    pub error: Option<String>,
    /// *Errore esteso*, the provider's free text.
    pub error_detail: Option<String>,
    /// *Ricevuta*: how much comes back.
    pub receipt_type: Option<ReceiptType>,
    /// *Gestore emittente*.
    pub provider: Option<String>,
    /// What was missing or odd, as words for the operator.
    pub oddities: Vec<String>,
}

impl PecData {
    /// Whether the provider says that this recipient has no certified mailbox.
    pub fn not_certified(&self, address: &str) -> bool {
        self.recipients.iter().any(|recipient| {
            !recipient.certified && recipient.address.eq_ignore_ascii_case(address)
        })
    }

    /// Whether it is what its provider signed: the part that was read is the part that the signature
    /// covers, and the header, which nobody signs (RFC 6109 2.2.2), has the word of the record. A true receipt
    /// under another header is none.
    pub fn stands_in(&self, signature: &SignatureReport) -> bool {
        self.sealed.is_some()
            && self.sealed == signature.signed
            && self.record.as_deref() == Some(self.word.as_str())
    }

    /// What it means for the sending to this address; none for what is no receipt about it, and for
    /// unknown words. The record must name the address: as the one recipient, or among those of an
    /// acceptance or refusal.
    pub fn event_for(&self, address: &str) -> Option<PecEvent> {
        let event = self.kind?.event()?;
        let of_message =
            matches!(event, PecEvent::Accepted | PecEvent::Rejected | PecEvent::RejectedVirus);
        let listed = || self.recipients.iter().any(|one| one.address.eq_ignore_ascii_case(address));
        let named = match &self.recipient {
            Some(recipient) => recipient.eq_ignore_ascii_case(address),
            None => of_message && listed(),
        };
        match event {
            _ if !named => None,
            PecEvent::Accepted if self.not_certified(address) => Some(PecEvent::NotCertified),
            event => Some(event),
        }
    }

    /// The provider's error in one word for the evidence, e.g. `pec:altro 5.1.1`.
    pub fn code(&self) -> String {
        let error = self.error.as_deref().unwrap_or("nessuno");
        let status = self.error_detail.as_deref().and_then(|detail| detail.split(' ').next());
        match status.filter(|status| status.starts_with(|c: char| c.is_ascii_digit())) {
            Some(status) => format!("pec:{error} {status}"),
            None => format!("pec:{error}"),
        }
    }
}

/// What an event is to the leg. `code` is the provider's error. A failure is always for good: the
/// provider has taken the message, so sending it again by itself could serve it twice.
pub fn signal(event: PecEvent, code: String) -> Signal {
    let failed = |class| Signal::Failed { class, code: code.clone() };
    match event {
        PecEvent::Accepted => Signal::Accepted,
        PecEvent::Warned => Signal::Progress { word: "timeout_12h".into() },
        PecEvent::NotCertified => {
            Signal::Failed { class: FailureClass::BadRecipient, code: NOT_CERTIFIED.into() }
        }
        PecEvent::Rejected | PecEvent::RejectedVirus | PecEvent::FailedVirus => {
            failed(FailureClass::BadContent)
        }
        PecEvent::Failed => failed(FailureClass::BadRecipient),
        PecEvent::TimedOut => failed(FailureClass::Refused),
        PecEvent::Delivered => Signal::Delivered { proof: Proof::SignedReceipt },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [PecEvent; 9] = [
        PecEvent::Accepted,
        PecEvent::NotCertified,
        PecEvent::Rejected,
        PecEvent::RejectedVirus,
        PecEvent::Warned,
        PecEvent::TimedOut,
        PecEvent::Failed,
        PecEvent::FailedVirus,
        PecEvent::Delivered,
    ];

    #[test]
    fn the_whole_table_is_as_a_lawyer_would_read_it() {
        let mut table = String::new();
        for standing in PecStanding::ALL {
            table.push_str(&format!("A sending that is {standing:?} ({}):\n", standing.sentence()));
            for event in EVENTS {
                let next = apply(standing, event);
                let arrow = if next == standing { "=".to_owned() } else { format!("-> {next:?}") };
                table.push_str(&format!("  {:<14} {arrow}\n", format!("{event:?}")));
            }
            table.push('\n');
        }
        assert!(table == include_str!("pec/table.txt"), "pec/table.txt should read:\n{table}");
    }

    #[test]
    fn receipts_in_any_order_and_number_give_the_same_standing() {
        for first in EVENTS {
            for second in EVENTS {
                for standing in PecStanding::ALL {
                    let one = apply(apply(standing, first), second);
                    let other = apply(apply(standing, second), first);
                    assert_eq!(one, other, "{first:?} and {second:?}");
                    assert_eq!(apply(one, first), one);
                }
            }
        }
    }

    #[test]
    fn a_delivery_wins_over_everything_that_came_before_it() {
        for standing in PecStanding::ALL {
            assert_eq!(apply(standing, PecEvent::Delivered), PecStanding::Delivered);
        }
    }

    #[test]
    fn an_acceptance_for_an_address_that_is_not_certified_says_so() {
        let data = PecData {
            kind: Some(PecKind::Acceptance),
            word: "accettazione".into(),
            record: Some("accettazione".into()),
            sealed: None,
            reference: None,
            pec_id: None,
            recipient: None,
            recipients: vec![PecRecipient { address: "Mario@Example.it".into(), certified: false }],
            sender: None,
            subject: None,
            instant: None,
            error: None,
            error_detail: None,
            receipt_type: None,
            provider: None,
            oddities: Vec::new(),
        };
        assert_eq!(data.event_for("mario@example.it"), Some(PecEvent::NotCertified));
        assert_eq!(data.event_for("altra@example.it"), None, "it is not about that address");
        let sealed = PecData { sealed: Some(BlobHash::of(b"part")), ..data };
        let at = Timestamp::from_seconds(0);
        let report = SignatureReport::from_reasons(Vec::new(), None, None, at);
        let over =
            |bytes: &[u8]| SignatureReport { signed: Some(BlobHash::of(bytes)), ..report.clone() };
        assert!(sealed.stands_in(&over(b"part")));
        assert!(!sealed.stands_in(&over(b"another part")));
        assert!(!sealed.stands_in(&report), "a signature over nothing that was read");
        let relabelled = PecData { word: "avvenuta-consegna".into(), ..sealed };
        assert!(!relabelled.stands_in(&over(b"part")));
    }
}
