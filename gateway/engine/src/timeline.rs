//! The timeline of a dispatch in words, for the statement of service and for the console.
//!
//! Pure, and told by the evidence: every event stands on an item of the chain, in the chain's order;
//! the rows only add addresses and the words that came back. A row without evidence is not told.

use crate::certify::pec::{PecFacts, legal_instant};
use messo_core::attempts::{Attempt, Failure, Outcome};
use messo_core::calendar::month_in_words;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::evidence::{EvidenceItem, EvidenceKind};
use messo_core::failures::FailureClass;
use messo_core::ids::{AttemptId, BlobHash, ReceiptId};
use messo_core::legs::{LegState, SkipReason};
use messo_core::notices::Locale;
use messo_core::pec::NOT_CERTIFIED;
use messo_core::receipts::{Receipt, Signal};
use messo_core::signatures::Verdict;
use messo_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Longest quotation of what somebody wrote, in characters; the whole is in the receipt's bytes.
const MAX_QUOTE: usize = 1_000;

/// What is added to everything that a sandbox did.
pub const SANDBOX_MARK: &str = "SIMULAZIONE";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEvent {
    /// When we knew of it.
    pub at: Timestamp,
    /// One or two sentences in Italian, without the date.
    pub text: String,
    /// What sort of event, for signs and colours.
    pub kind: TimelineKind,
    /// SHA-256 of the bytes that it stands on.
    pub sha256: Option<BlobHash>,
}

/// What sort of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    /// The dispatch was accepted.
    Accepted,
    /// A later step of the plan began.
    Fallback,
    /// An attempt was committed.
    Attempt,
    /// The provider took it.
    Taken,
    /// It arrived, as far as the channel can tell.
    Delivered,
    /// It did not.
    Failed,
    /// News that move nothing.
    Progress,
    /// The recipient wrote.
    Answer,
    /// It may or may not have left.
    Doubt,
    /// A person settled a doubt.
    Settled,
    /// The dispatch came to an end.
    Closed,
    /// The dispatch was cancelled.
    Cancelled,
}

/// Tells what happened, in the chain's order.
pub fn timeline(
    dispatch: &Dispatch,
    attempts: &[Attempt],
    receipts: &[Receipt],
    evidence: &[EvidenceItem],
) -> Vec<TimelineEvent> {
    let teller = Teller { dispatch, attempts, receipts };
    let mut events = Vec::with_capacity(evidence.len());
    let mut legs_begun: Vec<u8> = Vec::new();
    for item in evidence {
        let facts = serde_json::from_str(&item.summary).unwrap_or(Value::Null);
        if item.kind == EvidenceKind::Attempt
            && let Some(attempt) = teller.attempt(&facts)
            && !legs_begun.contains(&attempt.leg)
        {
            legs_begun.push(attempt.leg);
            events.extend(teller.fallback(attempt, item.at));
        }
        let (kind, text) = teller.tell(item, &facts);
        events.push(TimelineEvent { at: item.at, text, kind, sha256: item.blob });
    }
    events
}

/// An instant as Italian lawyers write it, civil time in Rome with seconds and the offset from UTC:
/// `22 novembre 2026, ore 10:15:03 (UTC+01:00)`.
pub fn instant(at: Timestamp) -> String {
    let local = at.in_rome();
    format!(
        "{} {} {}, ore {}",
        local.day(),
        month_in_words(local.month(), Locale::It),
        local.year(),
        local.strftime("%H:%M:%S (UTC%:z)")
    )
}

/// Where a leg stands, in words that follow the channel and the address.
pub fn leg_words(state: &LegState) -> String {
    match state {
        LegState::Planned => "previsto, non ancora avviato".into(),
        LegState::Ready { tries: 0, .. } => "in attesa di invio".into(),
        LegState::Ready { tries, .. } => format!("da ritentare (tentativi fatti: {tries})"),
        LegState::Sending { .. } => "invio in corso".into(),
        LegState::Submitted { .. } => "affidato al fornitore, si attende la ricevuta".into(),
        LegState::Doubtful { .. } => "non è certo che sia partito: da verificare".into(),
        LegState::Delivered { proof, .. } => proof.sentence().into(),
        LegState::Failed { class, .. } => format!("non riuscito: {}", failure_words(*class)),
        LegState::Skipped { reason: SkipReason::NoAddress } => {
            "non usato: manca il recapito".into()
        }
        LegState::Skipped { reason: SkipReason::NotNeeded } => {
            "non usato: non è stato necessario".into()
        }
        LegState::Skipped { reason: SkipReason::Cancelled } => "non usato: annullato".into(),
    }
}

/// The rows that the words are taken from.
struct Teller<'a> {
    dispatch: &'a Dispatch,
    attempts: &'a [Attempt],
    receipts: &'a [Receipt],
}

impl Teller<'_> {
    fn tell(&self, item: &EvidenceItem, facts: &Value) -> (TimelineKind, String) {
        match item.kind {
            EvidenceKind::Accepted => (TimelineKind::Accepted, self.accepted()),
            EvidenceKind::Attempt => (TimelineKind::Attempt, self.begun(facts)),
            EvidenceKind::Outcome => self.outcome(facts),
            EvidenceKind::Receipt => self.receipt(item, facts),
            EvidenceKind::Doubt => (TimelineKind::Doubt, self.doubt(facts)),
            EvidenceKind::Settled => (TimelineKind::Settled, self.settled(facts)),
            EvidenceKind::Closed => {
                let state = facts.get("state").cloned().unwrap_or_default();
                let words = match serde_json::from_value::<DispatchState>(state) {
                    // What the delivery is worth is in the dispatch alone.
                    Ok(state) if state == self.dispatch.state() => self.dispatch.title(),
                    Ok(state) => state.title(),
                    Err(_) => "sconosciuto",
                };
                (
                    TimelineKind::Closed,
                    format!("Esito della comunicazione: {}.", words.to_lowercase()),
                )
            }
            // Of the register, not of a dispatch.
            EvidenceKind::RegisterDay => {
                (TimelineKind::Progress, "Giornata del registro chiusa.".into())
            }
            EvidenceKind::Cancelled => {
                (TimelineKind::Cancelled, format!("Comunicazione annullata da {}.", by(facts)))
            }
        }
    }

    fn accepted(&self) -> String {
        format!(
            "Comunicazione n. {} («{}») accettata per l'invio, con il piano {}.",
            self.dispatch.number, self.dispatch.facts.template, self.dispatch.plan
        )
    }

    fn fallback(&self, attempt: &Attempt, at: Timestamp) -> Option<TimelineEvent> {
        let leg = self.dispatch.legs.get(usize::from(attempt.leg))?;
        let first = self.dispatch.legs.iter().map(|leg| leg.step).min()?;
        (leg.step > first).then(|| TimelineEvent {
            at,
            text: format!(
                "I canali precedenti non sono riusciti: come prevede il piano, si passa a {}.",
                leg.channel.title()
            ),
            kind: TimelineKind::Fallback,
            sha256: None,
        })
    }

    fn begun(&self, facts: &Value) -> String {
        let Some(attempt) = self.attempt(facts) else {
            return "Tentativo registrato prima della partenza.".into();
        };
        let reference = if attempt.reference.is_empty() {
            String::new()
        } else {
            format!(" (riferimento {})", attempt.reference)
        };
        format!(
            "{}: tentativo registrato e contenuto fissato prima della partenza, tramite «{}»{reference}{}.",
            self.way(facts),
            attempt.provider,
            mark(attempt.sandbox)
        )
    }

    fn outcome(&self, facts: &Value) -> (TimelineKind, String) {
        let way = self.way(facts);
        let sandbox = self.attempt(facts).is_some_and(|attempt| attempt.sandbox);
        let outcome = facts.get("outcome").cloned().unwrap_or_default();
        match serde_json::from_value(outcome) {
            Ok(Outcome::Accepted { provider_reference, .. }) => (
                TimelineKind::Taken,
                format!(
                    "{way}: preso in carico dal fornitore, si attende la ricevuta{}{}.",
                    bracketed(provider_reference.as_deref()),
                    mark(sandbox)
                ),
            ),
            Ok(Outcome::Delivered { provider_reference, proof }) => (
                TimelineKind::Delivered,
                format!(
                    "{way}: {}{}{}.",
                    proof.sentence(),
                    bracketed(provider_reference.as_deref()),
                    mark(sandbox)
                ),
            ),
            Ok(Outcome::Failed(failure)) => {
                (TimelineKind::Failed, format!("{way}: {}", failed(&failure, sandbox)))
            }
            Err(_) => (
                TimelineKind::Progress,
                format!(
                    "{way}: risposta del fornitore non interpretata; il testo esatto è nel colloquio."
                ),
            ),
        }
    }

    fn receipt(&self, item: &EvidenceItem, facts: &Value) -> (TimelineKind, String) {
        let way = self.way(facts);
        let id: Option<ReceiptId> = field(facts, "receipt").and_then(|id| id.parse().ok());
        let Some(receipt) = self.receipts.iter().find(|receipt| Some(receipt.id) == id) else {
            return (TimelineKind::Progress, format!("{way}: ricevuta acquisita."));
        };
        let (kind, words) = signal_words(&receipt.signal);
        if let Some(pec) = PecFacts::of(item) {
            let outside = match &receipt.signal {
                Signal::Failed { code, .. } if code == NOT_CERTIFIED => {
                    ", in cui il destinatario risulta esterno al circuito: l'indirizzo non è PEC e nessuna ricevuta di consegna arriverà"
                }
                _ => "",
            };
            let told = certified(&pec);
            return (kind, format!("{way}: {told}{outside}{}.", mark(receipt.sandbox)));
        }
        // The provider's instant is told when it is not the one at which we heard of it.
        let when = if receipt.at.seconds() == receipt.received_at.seconds() {
            String::new()
        } else {
            format!(" — istante indicato dal gestore: {}", instant(receipt.at))
        };
        // Whoever knows a reference can write; only the address that we wrote to is the recipient's.
        let other = match facts.get("other_sender").and_then(Value::as_bool) {
            Some(true) => " — da un indirizzo diverso da quello a cui abbiamo scritto",
            _ => "",
        };
        (kind, format!("{way}: {words}{other}{when}{}.", mark(receipt.sandbox)))
    }

    fn doubt(&self, facts: &Value) -> String {
        let way = self.way(facts);
        match field(facts, "reason") {
            Some("no receipt in time") => {
                format!("{way}: nessuna ricevuta è arrivata entro il termine.")
            }
            Some("no acceptance yet") => format!(
                "{way}: dopo un quarto d'ora il gestore non ha ancora inviato la ricevuta di accettazione."
            ),
            Some("acceptance unknown") => format!(
                "{way}: dopo un'ora manca ancora la ricevuta di accettazione; non è certo che il messaggio sia entrato nel circuito e non viene ripetuto da solo."
            ),
            _ => format!(
                "{way}: l'invio si è interrotto dopo la registrazione; non è certo che sia partito e non viene ripetuto da solo."
            ),
        }
    }

    fn settled(&self, facts: &Value) -> String {
        let verdict = match field(facts, "verdict") {
            Some("sent") => "risulta partito e non viene ripetuto",
            Some("not_sent") => "risulta non partito e viene ripetuto con un nuovo tentativo",
            Some("failed") => "si rinuncia a questo canale, senza ripeterlo",
            _ => "verifica conclusa",
        };
        format!("{}: dubbio verificato da {}: {verdict}.", self.way(facts), by(facts))
    }

    fn attempt(&self, facts: &Value) -> Option<&Attempt> {
        let id: AttemptId = field(facts, "attempt")?.parse().ok()?;
        self.attempts.iter().find(|attempt| attempt.id == id)
    }

    /// `E-mail a anna@example.it`.
    fn way(&self, facts: &Value) -> String {
        let Some(attempt) = self.attempt(facts) else { return "Invio".into() };
        let address = self
            .dispatch
            .legs
            .get(usize::from(attempt.leg))
            .and_then(|leg| leg.address.as_ref())
            .map(|address| format!(" a {}", address.line()))
            .unwrap_or_default();
        format!("{}{address}", attempt.channel.title())
    }
}

fn signal_words(signal: &Signal) -> (TimelineKind, String) {
    match signal {
        Signal::Delivered { proof } => (TimelineKind::Delivered, proof.sentence().into()),
        Signal::Failed { class, code } => {
            let words = failure_words(*class);
            (TimelineKind::Failed, format!("mancata consegna: {words}{}", bracketed(Some(code))))
        }
        Signal::Accepted => (TimelineKind::Progress, "accettata dal gestore".to_owned()),
        Signal::Progress { word } => (TimelineKind::Progress, format!("in lavorazione ({word})")),
        Signal::Answer { from, text } => (
            TimelineKind::Answer,
            format!("risposta ricevuta da {}: «{}»", from.line(), quoted(text)),
        ),
        Signal::Unknown { word } => (
            TimelineKind::Progress,
            format!("avviso di significato sconosciuto ({word}), sottoposto alla segreteria"),
        ),
    }
}

/// A certified receipt: what it is, the instant that counts in law, the provider, its error, its signature.
fn certified(facts: &PecFacts) -> String {
    let pec = &facts.pec;
    let mut words = facts.title();
    if let Some(provider) = &pec.provider {
        words.push_str(&format!(" di {}", one_line(provider)));
    }
    if let Some(at) = &pec.instant {
        words.push_str(&format!(" — {}", legal_instant(at)));
    }
    if let Some(detail) = pec.error_detail.as_deref().filter(|detail| !detail.is_empty()) {
        words.push_str(&format!(" — motivo: «{}»", quoted(detail)));
    }
    match facts.signature.as_ref().map(|report| report.verdict) {
        Some(Verdict::Valid) => words.push_str(" — firma del gestore valida"),
        Some(Verdict::NotVerifiable) => {
            words.push_str(" — firma integra, firmatario non verificabile")
        }
        Some(Verdict::Invalid) => words.push_str(" — firma non valida"),
        Some(Verdict::Missing) | None => words.push_str(" — senza firma"),
    }
    words
}

fn failed(failure: &Failure, sandbox: bool) -> String {
    let sentence = failure.class.sentence().trim_end_matches('.');
    let detail = [failure.code.as_str(), failure.detail.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    // What is in doubt has not failed.
    let verdict = if failure.class == FailureClass::Doubtful { "" } else { "non riuscito. " };
    format!("{verdict}{sentence}{}{}.", bracketed(Some(&one_line(&detail))), mark(sandbox))
}

fn field<'a>(facts: &'a Value, name: &str) -> Option<&'a str> {
    facts.get(name).and_then(Value::as_str)
}

fn by(facts: &Value) -> &str {
    field(facts, "by").unwrap_or("persona non indicata")
}

fn bracketed(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map(|text| format!(" ({text})")).unwrap_or_default()
}

fn mark(sandbox: bool) -> String {
    if sandbox {
        format!(" — {SANDBOX_MARK}: nulla è uscito dal sistema")
    } else {
        String::new()
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= MAX_QUOTE {
        return line;
    }
    let cut: String = line.chars().take(MAX_QUOTE).collect();
    format!("{cut}…")
}

/// Why something failed for good: unlike [`FailureClass::sentence`], without what follows from it.
fn failure_words(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Throttled => "il fornitore non ha più accettato invii",
        FailureClass::Unavailable => "nessuna risposta o ricevuta entro il termine",
        FailureClass::Refused => "il server ha rifiutato il messaggio",
        FailureClass::BadRecipient => "l'indirizzo non esiste o non può ricevere",
        FailureClass::BadContent => "il contenuto non si poteva inviare così com'era",
        FailureClass::Misconfigured => "l'accesso al fornitore non era configurato bene",
        FailureClass::Doubtful => "non è certo che il messaggio sia partito",
    }
}

#[cfg(test)]
mod tests;
