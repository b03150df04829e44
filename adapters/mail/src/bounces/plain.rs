//! Bounces in prose: what servers write that send no status part.
//!
//! The tables are data: phrases by which a program is known to report a failure or a delay, and phrases that stand for a
//! code. Guarantee: without one of the phrases, or the header `X-Failed-Recipients`, a text is no bounce. Limit: recipients are
//! the addresses above the returned message; a text that names none gives a bounce without recipient, for a person.

use super::{MAX_DIAGNOSTIC, MAX_RECIPIENTS, enhanced};
use crate::head::{Head, ids_in, printable};
use messo_core::messages::{Bounce, BounceAction, Headers};

/// How much of a text is searched, in bytes.
const MAX_SEARCHED: usize = 64 * 1024;

/// Phrases (lower case) of programs that report, and what they report.
const REPORTS: &[(&str, BounceAction)] = &[
    // Warnings first: their texts often hold the words of failures as well.
    ("has not yet been delivered", BounceAction::Delayed),
    ("has not been delivered to one or more of its recipients after", BounceAction::Delayed),
    ("this is a warning message only", BounceAction::Delayed),
    ("you do not need to resend", BounceAction::Delayed),
    ("delivery to the following recipients has been delayed", BounceAction::Delayed),
    ("delivery incomplete", BounceAction::Delayed),
    ("non è stato ancora consegnato", BounceAction::Delayed),
    ("la consegna è in ritardo", BounceAction::Delayed),
    ("konnte noch nicht zugestellt werden", BounceAction::Delayed),
    // qmail
    ("this is the qmail-send program", BounceAction::Failed),
    ("this is a permanent error; i've given up", BounceAction::Failed),
    // Exim
    ("this message was created automatically by mail delivery software", BounceAction::Failed),
    ("the following address(es) failed", BounceAction::Failed),
    // Postfix
    ("this is the mail system at host", BounceAction::Failed),
    ("this is the postfix program at host", BounceAction::Failed),
    // Sendmail
    ("the following addresses had permanent fatal errors", BounceAction::Failed),
    // Exchange
    ("delivery has failed to these recipients or", BounceAction::Failed),
    ("did not reach the following recipient", BounceAction::Failed),
    ("recapito non riuscito", BounceAction::Failed),
    ("impossibile recapitare il messaggio", BounceAction::Failed),
    ("non ha raggiunto alcuni o tutti i destinatari", BounceAction::Failed),
    ("fehler bei der nachrichtenzustellung", BounceAction::Failed),
    ("ihre nachricht wurde nicht zugestellt", BounceAction::Failed),
    // Gmail
    ("delivery to the following recipient failed permanently", BounceAction::Failed),
    ("your message wasn't delivered to", BounceAction::Failed),
    ("il tuo messaggio non è stato recapitato", BounceAction::Failed),
    ("non è stato possibile recapitare il messaggio", BounceAction::Failed),
    // Italian providers
    ("non è stato possibile consegnare", BounceAction::Failed),
    ("non e' stato possibile consegnare", BounceAction::Failed),
    ("non è stato possibile recapitare", BounceAction::Failed),
    ("non e' stato possibile recapitare", BounceAction::Failed),
    ("messaggio non è stato consegnato", BounceAction::Failed),
    ("messaggio non e' stato consegnato", BounceAction::Failed),
    ("messaggio non consegnato", BounceAction::Failed),
    ("messaggio non recapitato", BounceAction::Failed),
    ("mancato recapito", BounceAction::Failed),
    // Others
    ("could not be delivered", BounceAction::Failed),
    ("couldn't be delivered", BounceAction::Failed),
    ("was not delivered to", BounceAction::Failed),
    ("unable to deliver", BounceAction::Failed),
    ("undeliverable", BounceAction::Failed),
    ("undelivered mail returned", BounceAction::Failed),
    ("delivery to the following recipients failed", BounceAction::Failed),
    ("konnte nicht zugestellt werden", BounceAction::Failed),
    ("unzustellbar", BounceAction::Failed),
];

/// Phrases (lower case) that stand for a code (RFC 3463) where none is written.
const CODES: &[(&str, &str)] = &[
    ("user unknown", "5.1.1"),
    ("unknown user", "5.1.1"),
    ("no such user", "5.1.1"),
    ("no mailbox here", "5.1.1"),
    ("user doesn't exist", "5.1.1"),
    ("does not exist", "5.1.1"),
    ("address not found", "5.1.1"),
    ("couldn't be found", "5.1.1"),
    ("wasn't found at", "5.1.1"),
    ("recipient not found", "5.1.1"),
    ("utente sconosciuto", "5.1.1"),
    ("utente inesistente", "5.1.1"),
    ("casella inesistente", "5.1.1"),
    ("indirizzo inesistente", "5.1.1"),
    ("indirizzo non valido", "5.1.1"),
    ("non esiste", "5.1.1"),
    ("indirizzo non trovato", "5.1.1"),
    ("empfänger unbekannt", "5.1.1"),
    ("host not found", "5.1.2"),
    ("domain not found", "5.1.2"),
    ("name service error", "5.1.2"),
    ("couldn't find any host", "5.1.2"),
    ("unrouteable address", "5.1.2"),
    ("dominio inesistente", "5.1.2"),
    ("dominio non trovato", "5.1.2"),
    ("mailbox disabled", "5.2.1"),
    ("account disabled", "5.2.1"),
    ("casella disattivata", "5.2.1"),
    ("mailbox full", "5.2.2"),
    ("mailbox is full", "5.2.2"),
    ("over quota", "5.2.2"),
    ("quota exceeded", "5.2.2"),
    ("casella piena", "5.2.2"),
    ("casella di posta piena", "5.2.2"),
    ("spazio esaurito", "5.2.2"),
    ("postfach voll", "5.2.2"),
    ("message too large", "5.2.3"),
    ("message size exceeds", "5.2.3"),
    ("messaggio troppo grande", "5.2.3"),
];

/// Lines (lower case) below which the returned message stands.
const RETURNED: &[&str] = &[
    "below this line is a copy of the message",
    "this is a copy of the message",
    "original message",
    "messaggio originale",
    "message headers follow",
    "ursprüngliche nachricht",
    "return-path:",
    "received:",
];

/// The bounces of a text; none when it is no report of a server.
pub fn read(
    head: &Head<'_>,
    headers: &Headers,
    text: &str,
    references: impl FnOnce() -> Vec<String>,
) -> Option<Vec<Bounce>> {
    let mut end = text.len().min(MAX_SEARCHED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    // Typographic apostrophes would hide half of the phrases.
    let told = text.replace(['\u{2019}', '\u{2018}'], "'");
    let joined = told.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let failed: Vec<String> = head
        .texts("X-Failed-Recipients")
        .flat_map(|text| addresses(&text).collect::<Vec<_>>())
        .take(MAX_RECIPIENTS)
        .collect();
    let known =
        REPORTS.iter().find(|(phrase, _)| joined.contains(phrase)).map(|(_, action)| *action);
    let action = known.or((!failed.is_empty()).then_some(BounceAction::Failed))?;
    let (report, returned) = split(&told);
    let recipients = if failed.is_empty() { recipients(headers, report) } else { failed };
    let mut references = references();
    references.extend(returned.lines().find_map(message_id).filter(|id| !references.contains(id)));
    let bounce = |recipient: Option<String>, words: &str| Bounce {
        recipient,
        action,
        status: code(words),
        diagnostic: diagnostic(words),
        references: references.clone(),
    };
    if recipients.is_empty() {
        return Some(vec![bounce(None, report)]);
    }
    if let [only] = recipients.as_slice() {
        return Some(vec![bounce(Some(only.clone()), report)]);
    }
    let about = words_about(report, &recipients);
    let each = recipients.iter().zip(about);
    Some(each.map(|(recipient, words)| bounce(Some(recipient.clone()), words)).collect())
}

/// What the server says, and what it sends back.
fn split(text: &str) -> (&str, &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim().to_lowercase();
        // The first lines may speak of the original message without showing it.
        if start > 0
            && lower.len() < 200
            && RETURNED.iter().any(|mark| lower.trim_matches(['-', ' ', '*']).starts_with(mark))
        {
            return text.split_at(start);
        }
        start += line.len();
    }
    (text, "")
}

/// The addresses in what the server says, without its own and ours.
fn recipients(headers: &Headers, report: &str) -> Vec<String> {
    let from = headers.from.as_ref().map(|from| from.address.to_ascii_lowercase());
    let mut found: Vec<String> = Vec::new();
    for address in addresses(report) {
        let lower = address.to_ascii_lowercase();
        let server = ["postmaster@", "mailer-daemon@", "abuse@", "support@"]
            .iter()
            .any(|start| lower.starts_with(start));
        let ours = headers.to.contains(&lower) || from.as_deref() == Some(&lower);
        if !server && !ours && !found.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
            found.push(address);
        }
        if found.len() == MAX_RECIPIENTS {
            break;
        }
    }
    found
}

/// Words with an at sign that look like addresses.
fn addresses(text: &str) -> impl Iterator<Item = String> {
    let apart = |c: char| {
        c.is_whitespace()
            || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | '"' | '\'' | '|')
    };
    text.split(apart).filter_map(|word| {
        let word = word.strip_prefix("mailto:").unwrap_or(word);
        let word = word.trim_matches([':', '.', '*', '=']);
        let (local, domain) = word.rsplit_once('@')?;
        let fits = !local.is_empty()
            && local.len() <= 64
            && domain.contains('.')
            && domain.len() <= 253
            && domain
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        (fits && !local.contains(['/', ':', '='])).then(|| word.to_owned())
    })
}

/// What the server says about each of several recipients: from its address to the next one.
fn words_about<'a>(report: &'a str, recipients: &[String]) -> Vec<&'a str> {
    let places: Vec<Option<usize>> =
        recipients.iter().map(|recipient| report.find(recipient.as_str())).collect();
    let mut starts: Vec<usize> = places.iter().flatten().copied().collect();
    starts.sort_unstable();
    let words = recipients.iter().zip(&places).map(|(recipient, place)| {
        let Some(place) = place else { return "" };
        let start = place + recipient.len();
        let next = starts[starts.partition_point(|other| *other < start)..].first();
        &report[start..next.copied().unwrap_or(report.len())]
    });
    words.collect()
}

fn code(words: &str) -> Option<String> {
    enhanced(words).or_else(|| {
        let lower = words.to_lowercase();
        CODES.iter().find(|(phrase, _)| lower.contains(phrase)).map(|(_, code)| (*code).to_owned())
    })
}

/// The line with the code or with the words for it.
fn diagnostic(words: &str) -> Option<String> {
    let line = words.lines().find(|line| code(line).is_some())?;
    Some(printable(line, MAX_DIAGNOSTIC))
}

fn message_id(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    name.trim().eq_ignore_ascii_case("message-id").then(|| ids_in(value).into_iter().next())?
}

#[cfg(test)]
mod tests;
