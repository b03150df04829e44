//! The part of the statement about certified mail: for each sending by whom, to whom, under which name, when
//! it was handed over, accepted and delivered, and who signed for it.

use crate::certify::Record;
use crate::certify::manifest::{Entry, What};
use crate::certify::pec::{PecFacts, legal_instant, signature_words};
use crate::timeline::{SANDBOX_MARK, instant};
use messo_core::addresses::Channel;
use messo_core::attempts::{Attempt, Outcome};
use serde_json::{Value, json};

/// Columns of a sheet of cases that name the public register from which a certified address was taken.
const SOURCES: [&str; 3] = ["fonte_pec", "pec_fonte", "pec_source"];

/// One section for each sending by certified mail, in order.
pub(super) fn sections(record: &Record, entries: &[Entry]) -> Vec<Value> {
    let receipts: Vec<PecFacts> = record.evidence.iter().filter_map(PecFacts::of).collect();
    record
        .attempts
        .iter()
        .filter(|attempt| attempt.channel == Channel::Pec)
        .map(|attempt| {
            let mut own: Vec<&PecFacts> =
                receipts.iter().filter(|facts| facts.attempt == attempt.id).collect();
            // As they happened, not as they came in.
            own.sort_by_key(|facts| facts.pec.instant.as_ref().map(|instant| instant.at));
            json!({
                "title": title(record, attempt),
                "rows": rows(record, attempt, &own),
                "receipts": own.iter().map(|facts| receipt(facts, entries)).collect::<Vec<_>>(),
                "missing": missing(&own),
            })
        })
        .collect()
}

fn title(record: &Record, attempt: &Attempt) -> String {
    let mark = if attempt.sandbox { format!(" — {SANDBOX_MARK}") } else { String::new() };
    format!("PEC a {}{mark}", address(record, attempt))
}

fn address(record: &Record, attempt: &Attempt) -> String {
    let leg = record.dispatch.legs.get(usize::from(attempt.leg));
    leg.and_then(|leg| leg.address.as_ref()).map_or_else(|| "—".into(), |address| address.line())
}

fn rows(record: &Record, attempt: &Attempt, receipts: &[&PecFacts]) -> Vec<Value> {
    let facts = &record.dispatch.facts;
    let first = |field: fn(&PecFacts) -> Option<&String>| {
        receipts.iter().find_map(|facts| field(facts)).cloned()
    };
    let source =
        SOURCES.iter().find_map(|name| facts.extra.get(*name)).filter(|text| !text.is_empty());
    let sender = first(|facts| facts.pec.sender.as_ref());
    let handed_over = attempt.ending.as_ref().map(|ending| match &ending.outcome {
        Outcome::Failed(failure) => {
            format!("non riuscita, {}: {}", instant(ending.at), failure.class.sentence())
        }
        _ => instant(ending.at),
    });
    [
        ("Mittente", sender.or_else(|| Some(facts.body.pec.clone()).filter(|pec| !pec.is_empty()))),
        ("Casella usata", Some(attempt.provider.clone())),
        ("Indirizzo del destinatario", Some(address(record, attempt))),
        ("Fonte dell'indirizzo", Some(source.map_or("non registrata", String::as_str).to_owned())),
        ("Message-ID del messaggio", Some(attempt.reference.clone())),
        ("Identificativo del gestore", first(|facts| facts.pec.pec_id.as_ref())),
        (
            "Consegnata al proprio gestore",
            Some(handed_over.unwrap_or_else(|| "esito non noto".into())),
        ),
        ("Impronta del messaggio inviato", Some(format!("SHA-256 {}", attempt.content))),
    ]
    .into_iter()
    .filter_map(|(label, value)| value.map(|value| json!({ "label": label, "value": value })))
    .collect()
}

fn receipt(facts: &PecFacts, entries: &[Entry]) -> Value {
    let pec = &facts.pec;
    let what = What::Receipt { receipt: facts.receipt };
    let entry = entries.iter().find(|entry| entry.what == what);
    let mut title = facts.title();
    // The first letter of an Italian title is plain ASCII.
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    json!({
        "title": title,
        "when": pec.instant.as_ref().map_or_else(|| "istante non indicato".into(), legal_instant),
        "provider": pec.provider.as_deref().unwrap_or("non indicato"),
        "recipient": pec.recipient.as_deref(),
        "detail": pec.error_detail.as_deref().filter(|detail| !detail.is_empty()),
        "file": entry.map(|entry| &entry.name),
        "sha256": entry.map(|entry| entry.sha256),
        "signature": signature_words(facts.signature.as_ref()),
    })
}

/// What did not come, said as plainly as what did.
fn missing(receipts: &[&PecFacts]) -> Vec<&'static str> {
    use messo_core::pec::PecKind::{Acceptance, Delivery};
    let has = |kind| receipts.iter().any(|facts| facts.pec.kind == Some(kind));
    [
        (has(Acceptance), "Non è agli atti la ricevuta di accettazione."),
        (
            has(Delivery),
            "Non è agli atti la ricevuta di avvenuta consegna: la consegna non è provata.",
        ),
    ]
    .into_iter()
    .filter_map(|(there, sentence)| (!there).then_some(sentence))
    .collect()
}
