//! The receipts of certified mail, read again from their bytes: each is signed, is about the message that
//! was sent and about its recipient, and says what the chain says of it; what lies beside it belongs to it.
//!
//! Limit: without a reader nothing is compared but hashes, without a check of signatures they are not checked;
//! both are said in the answer.

use super::archive::Archive;
use super::{Check, Checks, ProblemCode};
use crate::certify::manifest::{CHAIN, Entry, Manifest, What};
use crate::certify::pec::PecFacts;
use crate::certify::protocol::Protocolled;
use messo_core::correlation::attempt_in;
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{AttemptId, BlobHash};
use messo_core::messages::Reading;
use messo_core::pec::PecData;
use messo_core::ports::MailReader;
use messo_core::signatures::{SignatureReport, Verdict};
use messo_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

/// Shortest text that is looked for inside a receipt, in bytes: a shorter one is found anywhere.
const SHORTEST: usize = 64;

/// What came of the check of a certified receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedReceipt {
    /// Which member.
    pub member: String,
    /// acceptance, delivery, delivery_error …
    pub kind: String,
    /// About which recipient.
    pub recipient: Option<String>,
    /// The provider's instant: RFC 3339, UTC.
    pub instant: Option<String>,
    /// The zone in which the provider wrote it.
    pub zone: Option<String>,
    /// The legal day.
    pub legal_day: Option<String>,
    /// valid, invalid, not_verifiable, missing, not_checked: checked anew.
    pub signature: &'static str,
    /// Why it is no better: words of a closed list.
    pub reasons: Vec<&'static str>,
    /// Who signed, as the certificate says.
    pub signer: Option<String>,
    /// Whether the message that it brings back is, byte for byte, the text that was sent.
    pub returns_message: bool,
}

/// A message as it was sent.
struct Sent {
    /// Its Message-ID.
    message_id: Option<String>,
    /// To whom, lower case.
    to: Vec<String>,
    /// Who wrote it, lower case.
    from: Option<String>,
    /// What follows its headers.
    body: Vec<u8>,
}

/// A receipt under check.
struct Receipt<'a> {
    entry: &'a Entry,
    facts: PecFacts,
    reading: Option<Reading>,
    /// There is a reader, and it could not read it.
    unreadable: bool,
    signature: Option<SignatureReport>,
    returns_message: bool,
}

/// Checks every certified receipt that the chain tells of, and what lies beside them.
pub(super) fn check<R: Read + Seek>(
    check: &mut Check,
    archive: &mut Archive<R>,
    manifest: &Manifest,
    own: &[EvidenceItem],
    checks: &Checks<'_>,
) {
    let facts: Vec<PecFacts> = own.iter().filter_map(PecFacts::of).collect();
    let mut sent: HashMap<AttemptId, Sent> = HashMap::new();
    if let Some(reader) = checks.reader {
        for attempt in facts.iter().map(|facts| facts.attempt).collect::<HashSet<_>>() {
            let entry = of(manifest, What::Sent { attempt });
            let bytes = entry.and_then(|entry| check.again(archive, entry));
            sent.extend(
                bytes.and_then(|bytes| as_sent(reader, &bytes)).map(|sent| (attempt, sent)),
            );
        }
    }
    let mut receipts = Vec::with_capacity(facts.len());
    for facts in facts {
        beside(check, archive, manifest, &facts);
        // A receipt that is not there was named by the chain already.
        let Some(entry) = of(manifest, What::Receipt { receipt: facts.receipt }) else { continue };
        let Some(bytes) = check.again(archive, entry) else { continue };
        let text = sent.get(&facts.attempt).map_or(&[][..], |sent| &sent.body);
        receipts.push(opened(entry, facts, &bytes, text, checks));
    }
    for receipt in &receipts {
        message(check, receipt, &receipts, &sent);
        signature(check, receipt);
        check.found.receipts.push(told(receipt));
    }
    certificates(check, manifest, &receipts);
    register(check, archive, manifest, own);
}

fn of(manifest: &Manifest, what: What) -> Option<&Entry> {
    manifest.members.iter().find(|entry| entry.what == what)
}

fn as_sent(reader: &dyn MailReader, bytes: &[u8]) -> Option<Sent> {
    let headers = reader.read(bytes).ok()?.headers;
    let at = find(bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let to = headers.to.iter().map(|address| address.to_lowercase()).collect();
    let from = headers.from.map(|from| from.address.to_lowercase());
    let body = bytes[at..].trim_ascii_end().to_vec();
    Some(Sent { message_id: headers.message_id, to, from, body })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

fn opened<'a>(
    entry: &'a Entry,
    facts: PecFacts,
    bytes: &[u8],
    text: &[u8],
    checks: &Checks<'_>,
) -> Receipt<'a> {
    let reading = checks.reader.and_then(|reader| reader.read(bytes).ok());
    let unreadable = checks.reader.is_some() && reading.is_none();
    let said = reading.as_ref().and_then(|reading| reading.pec.as_ref());
    let instant = said.unwrap_or(&facts.pec).instant.as_ref().map(|instant| instant.at);
    let dated = reading.as_ref().and_then(|reading| reading.headers.date);
    let kept = facts.signature.as_ref().map(|report| report.checked_at_instant);
    // The provider's own instant, as at its arrival.
    let at = instant.or(dated).or(kept).unwrap_or(Timestamp(0));
    // What was read must be what was signed.
    let sealed = said.and_then(|pec| pec.sealed);
    let signature =
        checks.signatures.map(|signatures| signatures.check(bytes, at).of_what_was_read(sealed));
    let returns_message = text.len() >= SHORTEST && find(bytes, text).is_some();
    Receipt { entry, facts, reading, unreadable, signature, returns_message }
}

/// The receipt is about this message and this recipient, and says what the chain says of it.
fn message(
    check: &mut Check,
    receipt: &Receipt<'_>,
    all: &[Receipt<'_>],
    sent: &HashMap<AttemptId, Sent>,
) {
    let name = &receipt.entry.name;
    if receipt.unreadable {
        let text = "la ricevuta non si può leggere come messaggio di posta".into();
        return check.problem(name, ProblemCode::ReceiptDiffers, text);
    }
    let Some(reading) = &receipt.reading else { return };
    let Some(pec) = &reading.pec else {
        return check.problem(
            name,
            ProblemCode::ReceiptDiffers,
            "il file non è una ricevuta di posta certificata".into(),
        );
    };
    let attempt = receipt.facts.attempt;
    if !names(pec, attempt, sent.get(&attempt)) && !known_by_provider(pec, attempt, all, sent) {
        let other = all
            .iter()
            .map(|other| other.facts.attempt)
            .find(|other| *other != attempt && names(pec, *other, sent.get(other)));
        let text = match (other, &pec.reference) {
            (Some(_), _) => "è la ricevuta di un altro invio di questa comunicazione: le ricevute sono state scambiate".into(),
            (None, Some(reference)) => format!("è la ricevuta di un altro messaggio (Message-ID {})", super::shown(reference)),
            (None, None) => "la ricevuta non dice a quale messaggio si riferisce".into(),
        };
        check.problem(name, ProblemCode::OtherMessage, text);
    }
    if let Some(sent) = sent.get(&attempt).filter(|sent| !concerns(pec, &sent.to)) {
        let text = match (&pec.recipient, sent.to.first()) {
            (Some(named), Some(to)) => format!(
                "la ricevuta riguarda il destinatario {}, il messaggio era per {to}",
                super::shown(named)
            ),
            _ => "la ricevuta riguarda un altro destinatario".into(),
        };
        check.problem(name, ProblemCode::OtherRecipient, text);
    }
    if let Some(text) = contradiction(pec, sent.get(&attempt)) {
        check.problem(name, ProblemCode::ReceiptDiffers, text);
    }
    if let Some(what) = difference(pec, &receipt.facts.pec) {
        check.problem(
            name,
            ProblemCode::ReceiptDiffers,
            format!("il registro delle prove dice di questa ricevuta altro da ciò che vi è scritto ({what})"),
        );
    }
    let inside = reading.daticert.as_deref().map(BlobHash::of);
    if inside != receipt.facts.daticert_sha256 {
        check.problem(
            name,
            ProblemCode::DaticertDiffers,
            "i dati di certificazione dentro la ricevuta non sono quelli annotati nel registro delle prove".into(),
        );
    }
}

/// Whether a reference is that of the attempt: by our own name for it, or the Message-ID that was sent. Only
/// the part before the `@` counts, since some providers rewrite the other.
fn names(pec: &PecData, attempt: AttemptId, sent: Option<&Sent>) -> bool {
    let Some(reference) = &pec.reference else { return false };
    let local = |id: &str| {
        let id = id.trim().trim_start_matches('<').trim_end_matches('>');
        id.split('@').next().unwrap_or_default().to_lowercase()
    };
    let by_message_id = sent
        .and_then(|sent| sent.message_id.as_deref())
        .is_some_and(|id| !local(id).is_empty() && local(id) == local(reference));
    by_message_id || attempt_in(reference) == Some(attempt)
}

/// Whether another receipt, which names the message, has the same *identificativo* of the provider. A receipt
/// that names another message of ours is never taken that way.
fn known_by_provider(
    pec: &PecData,
    attempt: AttemptId,
    all: &[Receipt<'_>],
    sent: &HashMap<AttemptId, Sent>,
) -> bool {
    let Some(id) = &pec.pec_id else { return false };
    if pec.reference.as_deref().and_then(attempt_in).is_some() {
        return false;
    }
    all.iter().filter(|other| other.facts.attempt == attempt).any(|other| {
        let said = other.reading.as_ref().and_then(|reading| reading.pec.as_ref());
        said.is_some_and(|said| {
            said.pec_id.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(id))
                && names(said, attempt, sent.get(&attempt))
        })
    })
}

/// The signed record says another thing than the header that nobody signs, or is about a message of
/// somebody else.
fn contradiction(pec: &PecData, sent: Option<&Sent>) -> Option<String> {
    if pec.record.as_deref() != Some(pec.word.as_str()) {
        return Some("l'intestazione e i dati di certificazione firmati non dicono lo stesso tipo di ricevuta".into());
    }
    let from = sent.and_then(|sent| sent.from.as_deref());
    let other = matches!((&pec.sender, from), (Some(sender), Some(from)) if !sender.eq_ignore_ascii_case(from));
    other.then(|| "i dati di certificazione indicano un altro mittente del messaggio".into())
}

fn concerns(pec: &PecData, to: &[String]) -> bool {
    let sent_to = |address: &str| to.contains(&address.to_lowercase());
    match &pec.recipient {
        _ if to.is_empty() => true,
        Some(recipient) => sent_to(recipient),
        None => pec.recipients.is_empty() || pec.recipients.iter().any(|one| sent_to(&one.address)),
    }
}

/// The first thing of weight in which a receipt and what the chain says of it differ.
fn difference(is: &PecData, said: &PecData) -> Option<&'static str> {
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    [
        ("tipo", is.kind != said.kind),
        ("istante", is.instant != said.instant),
        ("riferimento", lower(&is.reference) != lower(&said.reference)),
        ("identificativo", lower(&is.pec_id) != lower(&said.pec_id)),
        ("destinatario", lower(&is.recipient) != lower(&said.recipient)),
        ("errore", is.error != said.error || is.error_detail != said.error_detail),
        ("tipo di ricevuta", is.receipt_type != said.receipt_type),
    ]
    .into_iter()
    .find_map(|(what, differs)| differs.then_some(what))
}

fn signature(check: &mut Check, receipt: &Receipt<'_>) {
    let Some(report) = &receipt.signature else { return };
    let name = &receipt.entry.name;
    match report.verdict {
        Verdict::Invalid => {
            let worst = report.reasons.iter().find(|reason| reason.weight() == Verdict::Invalid);
            let why = worst.map(|reason| reason.sentence()).unwrap_or_default();
            check.problem(
                name,
                ProblemCode::SignatureInvalid,
                format!("la firma del gestore non è valida: {why}"),
            );
        }
        Verdict::Missing => check.problem(
            name,
            ProblemCode::SignatureMissing,
            "la ricevuta non è firmata da alcun gestore".into(),
        ),
        Verdict::Valid | Verdict::NotVerifiable => {}
    }
    let print = |report: Option<&SignatureReport>| {
        report
            .and_then(|report| report.signer.as_ref())
            .map(|signer| signer.sha256_fingerprint_hex.clone())
    };
    let kept = print(receipt.facts.signature.as_ref());
    if kept.is_some() && kept != print(Some(report)) {
        check.problem(
            name,
            ProblemCode::ReceiptDiffers,
            "il registro delle prove indica un altro firmatario".into(),
        );
    }
}

/// `daticert.xml` and the report beside a receipt are those of the chain.
fn beside<R: Read + Seek>(
    check: &mut Check,
    archive: &mut Archive<R>,
    manifest: &Manifest,
    facts: &PecFacts,
) {
    let receipt = facts.receipt;
    let missing = |check: &mut Check, what: &str| {
        let text = format!("nel fascicolo mancano {what} della ricevuta {receipt}");
        check.problem(CHAIN, ProblemCode::EvidenceMissing, text);
    };
    match (of(manifest, What::Daticert { receipt }), facts.daticert_sha256) {
        (Some(entry), hash) if Some(entry.sha256) != hash => check.problem(
            &entry.name,
            ProblemCode::DaticertDiffers,
            "i dati di certificazione non sono quelli della ricevuta".into(),
        ),
        (None, Some(_)) => missing(check, "i dati di certificazione"),
        _ => {}
    }
    let Some(entry) = of(manifest, What::Report { receipt }) else {
        return missing(check, "gli esiti della verifica");
    };
    let Some(bytes) = check.again(archive, entry) else { return };
    let report: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let agrees = serde_json::from_value(report["pec"].clone()).ok().as_ref() == Some(&facts.pec)
        && serde_json::from_value(report["signature"].clone()).ok()
            == Some(facts.signature.clone());
    if !agrees {
        check.problem(
            &entry.name,
            ProblemCode::Contradiction,
            "la verifica della ricevuta non è quella annotata nel registro delle prove".into(),
        );
    }
}

/// Every certificate is that of somebody who signed.
fn certificates(check: &mut Check, manifest: &Manifest, receipts: &[Receipt<'_>]) {
    let signers: HashSet<&str> = receipts
        .iter()
        .filter_map(|receipt| receipt.facts.signature.as_ref()?.signer.as_ref())
        .map(|signer| signer.sha256_fingerprint_hex.as_str())
        .collect();
    for entry in manifest.members.iter().filter(|entry| entry.what == What::Certificate) {
        if !signers.contains(entry.sha256.hex().as_str()) {
            check.problem(
                &entry.name,
                ProblemCode::NotInChain,
                "il certificato non è di chi ha firmato una delle ricevute".into(),
            );
        }
    }
}

/// Every entry of the register is about a document of this dispatch.
fn register<R: Read + Seek>(
    check: &mut Check,
    archive: &mut Archive<R>,
    manifest: &Manifest,
    own: &[EvidenceItem],
) {
    let documents: HashSet<BlobHash> = own.iter().filter_map(|item| item.blob).collect();
    let Some(entry) = of(manifest, What::Register) else { return };
    let Some(bytes) = check.again(archive, entry) else { return };
    let Ok(entries) = serde_json::from_slice::<Vec<Protocolled>>(&bytes) else {
        let text = "l'estratto del protocollo non si può leggere";
        return check.problem(&entry.name, ProblemCode::Malformed, text.into());
    };
    for row in entries.iter().filter(|row| !documents.contains(&row.document)) {
        let (number, year) = (row.number, row.year);
        check.problem(
            &entry.name,
            ProblemCode::Foreign,
            format!("il protocollo n. {number}/{year} riguarda un altro documento"),
        );
    }
}

fn told(receipt: &Receipt<'_>) -> CheckedReceipt {
    let read = receipt.reading.as_ref().and_then(|reading| reading.pec.as_ref());
    let pec = read.unwrap_or(&receipt.facts.pec);
    let report = receipt.signature.as_ref();
    let signer = report.and_then(|report| report.signer.as_ref());
    CheckedReceipt {
        member: receipt.entry.name.clone(),
        kind: pec.kind.map_or_else(|| pec.word.clone(), |kind| kind.word().to_owned()),
        recipient: pec.recipient.clone(),
        instant: pec.instant.as_ref().map(|instant| instant.at.to_string()),
        zone: pec.instant.as_ref().map(|instant| instant.zone.clone()),
        legal_day: pec.instant.as_ref().map(|instant| instant.legal_day.to_string()),
        signature: report.map_or("not_checked", |report| report.verdict.word()),
        reasons: report.iter().flat_map(|report| &report.reasons).map(|one| one.word()).collect(),
        signer: signer.map(|signer| signer.subject.clone()),
        returns_message: receipt.returns_message,
    }
}

#[cfg(test)]
mod tests;
