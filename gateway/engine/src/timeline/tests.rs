//! What a secretary and a judge read.

use super::{TimelineKind as Kind, instant, timeline};
use crate::certify::tests::{Story, at};
use messo_core::evidence::EvidenceKind;
use messo_core::time::Timestamp;
use serde_json::json;

fn told(story: &Story) -> Vec<(Kind, String)> {
    timeline(&story.dispatch, &story.attempts, &story.receipts, &story.evidence)
        .into_iter()
        .map(|event| (event.kind, event.text))
        .collect()
}

#[test]
fn a_dispatch_is_told_in_plain_italian() {
    let told = told(&Story::told());
    let lines: Vec<&str> = told.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "Comunicazione n. 12 («convocazione») accettata per l'invio, con il piano email>sms.",
            "E-mail a anna@example.it: tentativo registrato e contenuto fissato prima della partenza, tramite «prova» (riferimento 0@messo).",
            "E-mail a anna@example.it: non riuscito. L'indirizzo non esiste o non può ricevere (550 5.1.1: No such user).",
            "I canali precedenti non sono riusciti: come prevede il piano, si passa a SMS.",
            "SMS a +393331234567: tentativo registrato e contenuto fissato prima della partenza, tramite «prova» (riferimento 1@messo) — SIMULAZIONE: nulla è uscito dal sistema.",
            "SMS a +393331234567: preso in carico dal fornitore, si attende la ricevuta (k-77) — SIMULAZIONE: nulla è uscito dal sistema.",
            "SMS a +393331234567: consegna confermata dal gestore — istante indicato dal gestore: 22 novembre 2026, ore 10:15:06 (UTC+01:00) — SIMULAZIONE: nulla è uscito dal sistema.",
            "SMS a +393331234567: risposta ricevuta da +393331234567: «Sì, <b>ci sarò</b>» — istante indicato dal gestore: 22 novembre 2026, ore 10:16:06 (UTC+01:00) — SIMULAZIONE: nulla è uscito dal sistema.",
            "Esito della comunicazione: consegnata.",
        ]
    );
    let kinds: Vec<Kind> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds[2..5], [Kind::Failed, Kind::Fallback, Kind::Attempt]);
    assert_eq!(kinds[6..], [Kind::Delivered, Kind::Answer, Kind::Closed]);
}

#[test]
fn a_doubt_and_who_settled_it_are_told() {
    let mut story = Story::told();
    let attempt = story.attempts[0].id;
    let interrupted = json!({ "attempt": attempt, "reason": "interrupted" });
    story.note(70, EvidenceKind::Doubt, None, interrupted);
    let verdict = json!({ "attempt": attempt, "verdict": "not_sent", "by": "segreteria" });
    story.note(71, EvidenceKind::Settled, None, verdict);
    let told = told(&story);
    assert_eq!(
        told[told.len() - 2..],
        [
            (Kind::Doubt, "E-mail a anna@example.it: l'invio si è interrotto dopo la registrazione; non è certo che sia partito e non viene ripetuto da solo.".into()),
            (Kind::Settled, "E-mail a anna@example.it: dubbio verificato da segreteria: risulta non partito e viene ripetuto con un nuovo tentativo.".into()),
        ]
    );
}

#[test]
fn evidence_that_nobody_understands_is_told_and_not_dropped() {
    let mut story = Story::told();
    story.note(70, EvidenceKind::Outcome, None, json!({ "outcome": { "outcome": "magic" } }));
    let told = told(&story);
    assert_eq!(
        told.last().unwrap().1,
        "Invio: risposta del fornitore non interpretata; il testo esatto è nel colloquio."
    );
}

#[test]
fn instants_are_in_rome_with_seconds_and_offset() {
    assert_eq!(instant(at(0)), "22 novembre 2026, ore 10:15:03 (UTC+01:00)");
    let summer = Timestamp::from_seconds(1_785_571_200);
    assert_eq!(instant(summer), "1 agosto 2026, ore 10:00:00 (UTC+02:00)");
}
