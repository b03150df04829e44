//! What certified mail says to people, in Italian: the readable part of receipts and envelopes.
//!
//! Guarantee: every text opens with two hyphens, as those of providers do, which must not be taken for a boundary.
//! Limit: only the record in daticert.xml counts; these sentences are for reading.

use crate::daticert::Record;
use crate::instants;
use crate::kinds::Kind;

/// The readable text of a receipt or envelope, lines ending in CRLF.
pub fn text(kind: Kind, record: &Record) -> String {
    let lines = lines(kind, record);
    let mut out = format!("-- {} --\r\n\r\n", title(kind));
    for line in lines {
        out.push_str(&line);
        out.push_str("\r\n");
    }
    out.push_str("\r\nMessaggio di prova: questo gestore esiste solo per le prove.\r\n");
    out
}

/// The same as HTML.
pub fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = escaped.replace("\r\n", "<br>\r\n");
    format!("<html><head><title>Posta certificata</title></head><body>\r\n{body}</body></html>\r\n")
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Acceptance => "Ricevuta di accettazione del messaggio",
        Kind::NonAcceptance => "Avviso di non accettazione",
        Kind::NonAcceptanceVirus => "Avviso di non accettazione per virus",
        Kind::TakenInCharge => "Ricevuta di presa in carico",
        Kind::Delivery => "Ricevuta di avvenuta consegna",
        Kind::DeliveryError => "Avviso di mancata consegna",
        Kind::DeliveryErrorVirus => "Avviso di mancata consegna per virus",
        Kind::Timeout12h | Kind::Timeout24h => {
            "Avviso di mancata consegna per superamento del tempo massimo"
        }
        Kind::VirusDetected => "Avviso di rilevazione di un virus",
        Kind::Transport => "Messaggio di posta certificata",
        Kind::Anomaly => "Anomalia nel messaggio",
    }
}

fn lines(kind: Kind, record: &Record) -> Vec<String> {
    let when = format!(
        "Il giorno {} alle ore {} ({})",
        instants::day(record.at),
        instants::time(record.at),
        instants::zone(record.at)
    );
    let subject = record.subject.as_deref().unwrap_or_default();
    let message = format!("il messaggio \"{subject}\" inviato da \"{}\"", record.sender);
    let recipient = record.recipient.as_deref().unwrap_or_default();
    let detail = record.error_detail.as_deref().unwrap_or_default();
    let mut lines = match kind {
        Kind::Acceptance => {
            let mut lines = vec![
                format!("{when} {message} è stato accettato dal sistema."),
                "Destinatari:".into(),
            ];
            lines.extend(record.recipients.iter().map(|(address, certified)| {
                let what = if *certified { "posta certificata" } else { "posta ordinaria" };
                format!("{address} ({what})")
            }));
            lines
        }
        Kind::NonAcceptance | Kind::NonAcceptanceVirus => vec![
            format!("{when} {message} non è stato accettato:"),
            detail.into(),
            "Il messaggio non sarà consegnato a nessun destinatario.".into(),
        ],
        Kind::TakenInCharge => {
            vec![format!("{when} {message} è stato preso in carico per:"), record.taken.join(", ")]
        }
        Kind::Delivery => {
            vec![format!("{when} {message} è stato consegnato nella casella \"{recipient}\".")]
        }
        Kind::DeliveryError | Kind::DeliveryErrorVirus => vec![
            format!("{when} {message} destinato a \"{recipient}\" non è stato consegnato:"),
            detail.into(),
        ],
        Kind::Timeout12h | Kind::Timeout24h => vec![
            format!("{when}, {message} destinato a \"{recipient}\" risulta senza esito."),
            detail.into(),
        ],
        Kind::VirusDetected => {
            vec![format!("{when} {message} a \"{recipient}\" è risultato infetto:"), detail.into()]
        }
        Kind::Transport => vec![
            format!("{when} {message} è stato accettato per l'inoltro."),
            "Il messaggio originale è incluso in allegato.".into(),
        ],
        Kind::Anomaly => vec![
            format!("{when} è arrivato un messaggio che non è di posta certificata valida:"),
            detail.into(),
            "Il messaggio è allegato così come è arrivato.".into(),
        ],
    };
    if kind != Kind::Anomaly {
        lines.push(format!("Identificativo messaggio: {}", record.pec_id));
    }
    lines
}
