//! The words of the statement of service, as data that the page and the PDF are set from.
//!
//! Pure. It says what each channel is worth as proof, and never more: it is not the *relata di
//! notificazione* of a court officer or lawyer, and says so.

use super::Record;
use super::manifest::{About, CHAIN, Entry, MANIFEST};
use crate::timeline::{SANDBOX_MARK, instant, leg_words, timeline};
use messo_core::addresses::Channel;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::legs::{LegState, Proof};
use messo_core::notices::BodyFacts;
use messo_core::time::Timestamp;
use serde_json::{Value, json};

/// Most events and files that the statement lists, the last ones; with more it would be no
/// document to read. All of them are in the chain and in the manifest.
const MAX_ROWS: usize = 300;

/// What the statement is made from.
pub(super) struct Statement<'a> {
    pub letterhead: &'a BodyFacts,
    pub record: &'a Record,
    pub about: &'a About,
    pub entries: &'a [Entry],
    pub fingerprint: String,
    pub now: Timestamp,
}

/// The data for `letters/statement.typ` and `pages/statement.html`.
pub(super) fn data(statement: &Statement<'_>) -> Value {
    let Statement { letterhead, record, about, entries, fingerprint, now } = statement;
    let dispatch = &record.dispatch;
    let told = timeline(dispatch, &record.attempts, &record.receipts, &record.evidence);
    let events_left_out = told.len().saturating_sub(MAX_ROWS);
    let files_left_out = entries.len().saturating_sub(MAX_ROWS);
    let events: Vec<Value> = omitted(events_left_out, files_left_out)
        .into_iter()
        .chain(told.into_iter().skip(events_left_out).map(
            |event| json!({ "at": instant(event.at), "text": event.text, "sha256": event.sha256 }),
        ))
        .collect();
    let files: Vec<Value> = entries
        .iter()
        .skip(files_left_out)
        .map(|entry| {
            json!({
                "name": entry.name,
                "what": entry.description,
                "sha256": entry.sha256,
                "size": entry.size,
            })
        })
        .collect();
    json!({
        "title": "Relata di comunicazione",
        "body_name": letterhead.name,
        "body_address": letterhead.address,
        "case": case_line(dispatch),
        "number": dispatch.number,
        "dispatch": dispatch.id,
        "recipient": recipient_line(dispatch),
        "state": dispatch.title(),
        "outcome_sentence": outcome_sentence(dispatch),
        "sandbox": about.sandbox,
        "sandbox_sentence": sandbox_sentence(about.sandbox),
        "addresses": addresses(dispatch),
        "events": events,
        "worth": worth(dispatch),
        "files": files,
        "chain": {
            "from": about.chain.from,
            "to": about.chain.to,
            "head": about.chain.head,
        },
        "seal_fingerprint": fingerprint,
        "verify": verify_steps(),
        "note": "Questo documento descrive gli invii eseguiti e le ricevute pervenute, come risultano dal registro delle prove. Non sostituisce la relata di notificazione dell'ufficiale giudiziario o dell'avvocato.",
        "generated_at": instant(*now),
        "at": now.0,
    })
}

/// The first row of a list that is cut.
fn omitted(events: usize, files: usize) -> Option<Value> {
    (events + files > 0).then(|| {
        let text = format!(
            "Per brevità non sono riportati i primi {events} eventi e i primi {files} file: sono tutti nel registro ({CHAIN}) e nel manifesto ({MANIFEST})."
        );
        json!({ "at": "—", "text": text, "sha256": null })
    })
}

fn case_line(dispatch: &Dispatch) -> String {
    let case = &dispatch.facts.case;
    let matter =
        if case.matter.is_empty() { String::new() } else { format!(" — {}", case.matter) };
    format!("Pratica n. {}/{}{matter}", case.number, case.year)
}

fn recipient_line(dispatch: &Dispatch) -> String {
    let recipient = &dispatch.facts.recipient;
    let mut line = recipient.full_name();
    if !recipient.fiscal_code.is_empty() {
        line.push_str(&format!(" (C.F. {})", recipient.fiscal_code));
    }
    if !recipient.role.is_empty() {
        line.push_str(&format!(", {}", recipient.role));
    }
    line
}

fn outcome_sentence(dispatch: &Dispatch) -> String {
    let reached: Vec<String> = dispatch
        .legs
        .iter()
        .filter_map(|leg| match leg.state {
            LegState::Delivered { at, proof, .. } => {
                Some(format!("{} — {} ({})", leg.channel.title(), proof.sentence(), instant(at)))
            }
            _ => None,
        })
        .collect();
    match dispatch.state() {
        DispatchState::Delivered => {
            format!("Comunicazione {}. {}.", dispatch.title().to_lowercase(), reached.join("; "))
        }
        DispatchState::Failed if reached.is_empty() => {
            "Comunicazione non consegnata: nessuno dei canali previsti è riuscito.".into()
        }
        DispatchState::Failed => format!(
            "Comunicazione non consegnata sul canale principale. {}.",
            reached.join("; ")
        ),
        DispatchState::Doubtful => {
            "Esito da verificare: non è certo che la comunicazione sia partita.".into()
        }
        DispatchState::Waiting => {
            "Comunicazione ancora in corso: il documento ritrae la situazione al momento in cui è stato formato.".into()
        }
        DispatchState::Cancelled => "Comunicazione annullata prima dell'invio.".into(),
    }
}

fn sandbox_sentence(sandbox: bool) -> Option<String> {
    sandbox.then(|| {
        format!(
            "{SANDBOX_MARK}. Almeno un invio è stato eseguito da un gestore simulato: nulla è uscito dal sistema e questo documento non prova alcuna comunicazione reale."
        )
    })
}

fn addresses(dispatch: &Dispatch) -> Vec<Value> {
    dispatch
        .legs
        .iter()
        .map(|leg| {
            json!({
                "channel": leg.channel.title(),
                "address": leg.address.as_ref().map_or_else(|| "—".to_owned(), |a| a.line()),
                "outcome": leg_words(&leg.state),
            })
        })
        .collect()
}

/// What the success of each channel in use is worth, once per channel.
fn worth(dispatch: &Dispatch) -> Vec<Value> {
    let mut channels: Vec<Channel> = Vec::new();
    for leg in &dispatch.legs {
        if !channels.contains(&leg.channel) {
            channels.push(leg.channel);
        }
    }
    channels
        .into_iter()
        .map(|channel| json!({ "channel": channel.title(), "text": channel_worth(channel) }))
        .collect()
}

fn channel_worth(channel: Channel) -> String {
    match channel {
        Channel::Email => {
            "la presa in carico da parte del server di posta prova che il messaggio è stato affidato al server del destinatario o a un intermediario; l'e-mail ordinaria non prova la consegna né la lettura.".into()
        }
        Channel::Pec => {
            "la ricevuta di avvenuta consegna, firmata dal gestore, prova che il messaggio è stato reso disponibile nella casella del destinatario (D.P.R. 68/2005).".into()
        }
        Channel::Sms => {
            "il rapporto di consegna del gestore telefonico attesta la ricezione da parte dell'apparecchio, non la lettura; il canale ha valore di cortesia.".into()
        }
        Channel::Fax => {
            "il rapporto di trasmissione attesta il numero di pagine ricevute dall'apparecchio.".into()
        }
        Channel::Post => {
            "la posta prioritaria non prova la consegna; fa fede solo la presa in carico dichiarata dal fornitore.".into()
        }
        Channel::Registered => {
            "l'avviso di ricevimento firmato prova la consegna della raccomandata.".into()
        }
        Channel::Chat => format!(
            "{}; il canale ha valore di cortesia e non prova l'identità di chi legge.",
            Proof::CarrierReport.sentence()
        ),
    }
}

fn verify_steps() -> [&'static str; 4] {
    [
        "Il fascicolo ZIP che contiene questa relata si verifica senza rete, su qualunque computer, con il comando: messo evidence verify FASCICOLO.zip",
        "La verifica controlla che ogni file del fascicolo sia elencato in manifest.json con la sua impronta SHA-256, che il sigillo Ed25519 in manifest.sig copra il manifesto, che il registro concatenato in catena.jsonl sia integro e che ogni prova del registro abbia il suo file.",
        "L'impronta della chiave del sigillo, qui riportata, va confrontata con quella pubblicata dall'organismo: solo così è certo chi ha formato il fascicolo.",
        "Anche senza Messo, l'impronta di un singolo file si ricalcola con un programma comune (per esempio sha256sum) e si confronta con l'elenco qui sopra.",
    ]
}
