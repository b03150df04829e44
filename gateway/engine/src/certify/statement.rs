//! The words of the statement of service, as data that the page and the PDF are set from.
//!
//! Pure. It says what each channel is worth as proof, and never more: it is not the *relata di
//! notificazione* of a court officer or lawyer, and says so.

mod certified;

use super::manifest::{About, CHAIN, Entry, MANIFEST, STAMP};
use super::protocol::Protocolled;
use super::{Record, Stamped};
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
    pub register: &'a [Protocolled],
    pub stamped: &'a Stamped,
    pub fingerprint: String,
    pub now: Timestamp,
}

/// The data for `letters/statement.typ` and `pages/statement.html`.
pub(super) fn data(statement: &Statement<'_>) -> Value {
    let Statement { letterhead, record, about, entries, register, stamped, fingerprint, now } =
        statement;
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
        "preamble": preamble(letterhead, dispatch),
        "outcome_sentence": outcome_sentence(dispatch),
        "sandbox": about.sandbox,
        "sandbox_sentence": sandbox_sentence(about.sandbox),
        "addresses": addresses(dispatch),
        "certified": certified::sections(record, entries),
        "events": events,
        "worth": worth(dispatch),
        "not_proved": NOT_PROVED,
        "register": register.iter().map(register_row).collect::<Vec<_>>(),
        "stamp_sentence": stamp_sentence(stamped),
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

/// What no channel proves, whatever came back.
const NOT_PROVED: [&str; 3] = [
    "che il destinatario abbia letto la comunicazione: le ricevute attestano l'arrivo, non la lettura;",
    "per l'e-mail ordinaria, gli SMS e le chat, che la comunicazione sia giunta proprio alla persona indicata;",
    "che i recapiti usati fossero ancora attuali: la loro fonte è indicata solo dove è stata registrata.",
];

/// Who attests, about what and to whom, in one sentence.
fn preamble(letterhead: &BodyFacts, dispatch: &Dispatch) -> String {
    let number = match letterhead.register_number.as_str() {
        "" => String::new(),
        number => format!(" (iscritto al n. {number} del registro ministeriale)"),
    };
    format!(
        "{}{number} attesta che, nella {}, la comunicazione n. {} («{}») indirizzata a {} è stata inviata con i mezzi, nei tempi e con gli esiti che seguono, come risultano dal proprio registro delle prove.",
        letterhead.name,
        case_line(dispatch).replacen("Pratica", "pratica", 1),
        dispatch.number,
        dispatch.facts.template,
        recipient_line(dispatch),
    )
}

fn register_row(entry: &Protocolled) -> Value {
    let notes: Vec<String> = entry
        .annotations
        .iter()
        .map(|note| {
            format!(
                "Annotazione del {}, di {} ({}): {}",
                note.when, note.who, note.reason, note.text
            )
        })
        .collect();
    let day = entry
        .day
        .as_ref()
        .map(|day| format!("Registro giornaliero del {}, SHA-256 {}", day.day, day.csv_sha256));
    json!({
        "number": format!("{}/{}", entry.number, entry.year),
        "direction": entry.direction.title(),
        "when": entry.when,
        "correspondent": entry.correspondent,
        "subject": entry.subject,
        "sha256": entry.document,
        "notes": notes.into_iter().chain(day).collect::<Vec<_>>(),
    })
}

fn stamp_sentence(stamped: &Stamped) -> String {
    match stamped {
        Stamped::Unasked => "Il fascicolo non porta una marca temporale: la data di formazione è quella dichiarata dall'organismo.".into(),
        Stamped::Refused => "Il fascicolo non porta una marca temporale: l'autorità di marcatura non l'ha rilasciata. La data di formazione è quella dichiarata dall'organismo.".into(),
        Stamped::By(stamp) => format!(
            "L'estratto del registro delle prove ({CHAIN}), che indica l'impronta di ogni documento del fascicolo, porta la marca temporale RFC 3161 n. {} del {}, rilasciata da {} ({STAMP}): a quell'istante esisteva già in questa forma.",
            stamp.serial_hex,
            instant(stamp.at),
            stamp.tsa
        ),
    }
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
            "la ricevuta di accettazione, firmata dal gestore del mittente, prova che il messaggio è stato spedito; la ricevuta di avvenuta consegna, firmata dal gestore del destinatario, prova che è stato reso disponibile nella sua casella, letto o no (D.P.R. 68/2005). Senza ricevuta di avvenuta consegna la consegna non è provata.".into()
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

fn verify_steps() -> [&'static str; 5] {
    [
        "Il fascicolo ZIP che contiene questa relata si verifica senza rete, su qualunque computer, con il comando: messo evidence verify FASCICOLO.zip",
        "La verifica controlla che ogni file del fascicolo sia elencato in manifest.json con la sua impronta SHA-256, che il sigillo Ed25519 in manifest.sig copra il manifesto, che il registro concatenato in catena.jsonl sia integro e che ogni prova del registro abbia il suo file.",
        "Delle ricevute di posta certificata la verifica rilegge i byte esatti: la firma del gestore, il messaggio a cui si riferiscono, il destinatario, i dati di certificazione. Con --trust CARTELLA (i certificati delle autorità di cui ci si fida) controlla anche chi risponde per il firmatario.",
        "L'impronta della chiave del sigillo, qui riportata, va confrontata con quella pubblicata dall'organismo: solo così è certo chi ha formato il fascicolo.",
        "Anche senza Messo, l'impronta di un singolo file si ricalcola con un programma comune (per esempio sha256sum) e si confronta con l'elenco qui sopra.",
    ]
}
