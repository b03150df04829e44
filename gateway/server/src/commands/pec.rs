//! `messo pec read`: what a message of certified mail proves, from its file and a folder of trust anchors.

use crate::cli::Pec;
use crate::commands::mail;
use crate::config::{self, Place};
use crate::house::mail::trust_folder;
use crate::rim::SystemClock;
use messo_core::messages::{Attachment, MailClass, Reading};
use messo_core::pec::PecData;
use messo_core::ports::{Clock, MailReader};
use messo_core::signatures::SignatureReport;
use messo_mail::Reader;
use messo_signatures::Anchors;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// Reads a message of certified mail and checks its provider's signature. Needs no data folder.
pub fn run(pec: &Pec, place: &Place) -> anyhow::Result<()> {
    let Pec::Read { file, json, trust } = pec;
    let raw = mail::bytes_of(file)?;
    let reader = Reader::default();
    let reading = reader.read(&raw)?;
    let anchors = anchors(trust.as_deref(), place)?;
    for problem in anchors.problems() {
        eprintln!("messo: {}: {}", problem.file, problem.why);
    }
    let instant = reading.pec.as_ref().and_then(|pec| pec.instant.as_ref());
    let at = instant.map(|instant| instant.at).or(reading.headers.date);
    let report =
        messo_signatures::verify_message(&raw, at.unwrap_or_else(|| SystemClock.now()), &anchors);
    let report = report.of_what_was_read(reading.pec.as_ref().and_then(|pec| pec.sealed));
    // A receipt's own reading leaves out what it brings back; here it is shown.
    let carried = match reading.class {
        MailClass::PecReceipt => reader.carried(&raw),
        _ => None,
    };
    let found = Found { reading: &reading, carried: carried.as_ref(), report: &report };
    if *json {
        writeln!(std::io::stdout(), "{}", found.object())?;
    } else {
        print!("{}", found.sentences());
    }
    Ok(())
}

/// Those of the folder that is named, else of the installation's own, else none.
fn anchors(named: Option<&Path>, place: &Place) -> anyhow::Result<Anchors> {
    let folder = match named {
        Some(folder) if !folder.is_dir() => {
            anyhow::bail!("{} is no folder of certificates", folder.display())
        }
        Some(folder) => folder.to_owned(),
        None if place.file.exists() => trust_folder(&config::load(&place.file)?, place),
        None => return Ok(Anchors::empty()),
    };
    Ok(if folder.is_dir() { Anchors::read(&folder) } else { Anchors::empty() })
}

/// What a provider says, as the command line shows it.
pub fn data(pec: &PecData) -> Value {
    json!({
        "kind": pec.kind.map_or("none", |kind| kind.word()),
        "word": pec.word,
        "reference": pec.reference,
        "pec_id": pec.pec_id,
        "recipient": pec.recipient,
        "recipients": pec.recipients,
        "sender": pec.sender,
        "subject": pec.subject,
        "instant": pec.instant.as_ref().map(mail::instant),
        "zone": pec.instant.as_ref().map(|instant| &instant.zone),
        "legal_day": pec.instant.as_ref().map(|instant| instant.legal_day.to_string()),
        "error": pec.error,
        "error_detail": pec.error_detail,
        "receipt_type": pec.receipt_type,
        "provider": pec.provider,
        "oddities": pec.oddities,
    })
}

struct Found<'a> {
    reading: &'a Reading,
    carried: Option<&'a Reading>,
    report: &'a SignatureReport,
}

impl Found<'_> {
    fn object(&self) -> Value {
        let mut object = match &self.reading.pec {
            Some(pec) => data(pec),
            None => json!({
                "kind": "none", "reference": null, "pec_id": null, "recipient": null, "instant": null,
                "zone": null, "legal_day": null, "error": null, "error_detail": null,
                "receipt_type": null, "oddities": [],
            }),
        };
        let signer = self.report.signer.as_ref();
        object["signature"] = json!(self.report.verdict.word());
        object["signature_reasons"] = json!(self.report.reasons);
        object["signer"] = json!(signer.map(|signer| &signer.subject));
        object["signer_email"] = json!(signer.and_then(|signer| signer.email.as_ref()));
        object["signer_sha256"] = json!(signer.map(|signer| &signer.sha256_fingerprint_hex));
        object["message"] = self.message();
        object
    }

    /// The message that it is about: the one inside where there is one, else what the record says of it.
    fn message(&self) -> Value {
        let shown = |reading: &Reading, files: &[Attachment]| {
            let author = reading.author();
            json!({
                "from": author.from.as_ref().map(|person| &person.address),
                "to": author.to,
                "subject": author.subject,
                "attachments": mail::files(files),
            })
        };
        match (self.carried, &self.reading.pec) {
            (Some(carried), _) => shown(carried, &carried.attachments),
            (None, Some(pec)) if self.reading.inner.is_none() => json!({
                "from": pec.sender,
                "to": pec.recipients.iter().map(|one| &one.address).collect::<Vec<_>>(),
                "subject": pec.subject,
                "attachments": [],
            }),
            _ => shown(self.reading, &self.reading.attachments),
        }
    }

    fn sentences(&self) -> String {
        let Some(pec) = &self.reading.pec else {
            return "Non è un messaggio di posta certificata.\n".to_owned();
        };
        let title = pec.kind.map_or("tipo sconosciuto", |kind| kind.title());
        let mut out = format!("Tipo: {title}\n");
        let mut line = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                out.push_str(&format!("{name}: {value}\n"));
            }
        };
        line("Gestore", pec.provider.as_deref());
        line("Mittente", pec.sender.as_deref());
        line("Destinatario", pec.recipient.as_deref());
        line("Oggetto", pec.subject.as_deref());
        line("Data e ora", pec.instant.as_ref().map(mail::instant).as_deref());
        line("Riguarda il messaggio", pec.reference.as_deref());
        line("Identificativo", pec.pec_id.as_deref());
        line("Errore", pec.error.as_deref().filter(|error| *error != "nessuno"));
        line("Dettaglio", pec.error_detail.as_deref());
        line("Firma", Some(self.report.verdict.sentence()));
        line("Firmatario", self.report.signer.as_ref().map(|signer| signer.subject.as_str()));
        let files = self.carried.unwrap_or(self.reading);
        if !files.attachments.is_empty() {
            out.push_str(&format!("Allegati:\n{}", mail::file_lines(&files.attachments)));
        }
        out
    }
}
