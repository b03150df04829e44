//! The exact bytes that the evidence of a dispatch names, as members of the bundle; beside a certified
//! receipt its data, the report of its check, and the certificate of who signed it.

use super::bundle::{BundleError, Member};
use super::manifest::{MAX_BYTES, MAX_MEMBERS, What, json};
use super::pec::{PecFacts, signature_words, stem};
use super::shelf::Shelf;
use super::{CertifyError, Record};
use messo_core::addresses::Channel;
use messo_core::evidence::{EvidenceItem, EvidenceKind};
use messo_core::ids::{AttemptId, BlobHash, BodyId, ReceiptId};
use serde_json::{Value, json as object};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// Reads the bytes: what was sent, what was said, what came back, each in the chain's order.
pub(super) async fn collect<S: Shelf + ?Sized>(
    store: &S,
    record: &Record,
) -> Result<Vec<Member>, CertifyError> {
    let mut files = Files {
        store,
        record,
        ordinals: HashMap::new(),
        sent: Vec::new(),
        transcripts: Vec::new(),
        receipts: Vec::new(),
        reports: Vec::new(),
        certificates: Vec::new(),
        names: HashSet::new(),
        room: MAX_BYTES,
    };
    for item in &record.evidence {
        files.add(item).await?;
    }
    let Files { sent, transcripts, receipts, reports, certificates, .. } = files;
    Ok([sent, transcripts, receipts, reports, certificates].concat())
}

struct Files<'a, S: ?Sized> {
    store: &'a S,
    record: &'a Record,
    /// Attempts by the order in which they began, from 1: the number stands in the names.
    ordinals: HashMap<AttemptId, usize>,
    sent: Vec<Member>,
    transcripts: Vec<Member>,
    receipts: Vec<Member>,
    reports: Vec<Member>,
    certificates: Vec<Member>,
    names: HashSet<String>,
    room: u64,
}

impl<S: Shelf + ?Sized> Files<'_, S> {
    async fn add(&mut self, item: &EvidenceItem) -> Result<(), CertifyError> {
        let Some(hash) = item.blob else { return Ok(()) };
        if self.names.len() >= MAX_MEMBERS {
            return Err(BundleError::TooMany.into());
        }
        let facts: Value = serde_json::from_str(&item.summary).unwrap_or_default();
        let attempt: Option<AttemptId> = parsed(&facts, "attempt");
        match (item.kind, attempt, parsed::<ReceiptId>(&facts, "receipt")) {
            (EvidenceKind::Attempt, Some(attempt), _) => {
                let number = self.ordinals.len() + 1;
                self.ordinals.insert(attempt, number);
                let bytes = self.bytes(item.body, hash).await?;
                let channel = self.channel(attempt);
                let extension = extension(channel, &bytes);
                let name = self.name(&format!("inviati/{number}-{}", word(channel)), extension);
                let description = if bytes.is_empty() {
                    format!("{}: vuoto, perché non è partito nulla", title(channel))
                } else {
                    format!("{}: i byte esatti consegnati al fornitore", title(channel))
                };
                self.sent.push(Member { name, what: What::Sent { attempt }, description, bytes });
            }
            (EvidenceKind::Outcome, Some(attempt), _) => {
                let number = self.ordinals.get(&attempt).copied().unwrap_or(0);
                let bytes = self.bytes(item.body, hash).await?;
                let channel = self.channel(attempt);
                let name = self.name(&format!("colloqui/{number}-{}", word(channel)), "txt");
                let description =
                    format!("{}: colloquio con il fornitore, senza segreti", title(channel));
                let what = What::Transcript { attempt };
                self.transcripts.push(Member { name, what, description, bytes });
            }
            (EvidenceKind::Receipt, _, Some(receipt)) => match PecFacts::of(item) {
                Some(facts) => self.certified(item, hash, &facts).await?,
                None => self.receipt(item.body, hash, receipt).await?,
            },
            // Nothing else names bytes today; the check of the finished bundle would say so.
            _ => {}
        }
        Ok(())
    }

    async fn receipt(
        &mut self,
        body: BodyId,
        hash: BlobHash,
        receipt: ReceiptId,
    ) -> Result<(), CertifyError> {
        let number = self.ordinal();
        let bytes = self.bytes(body, hash).await?;
        let row = self.record.receipts.iter().find(|row| row.id == receipt);
        let channel = row.map(|row| row.channel);
        let extension = extension(channel, &bytes);
        let name = self.name(&format!("ricevute/{number}-{}", word(channel)), extension);
        let description = format!("{}: ciò che è tornato, nei byte esatti", title(channel));
        self.receipts.push(Member { name, what: What::Receipt { receipt }, description, bytes });
        Ok(())
    }

    /// A receipt of certified mail: the message whole, and what was taken out of it.
    async fn certified(
        &mut self,
        item: &EvidenceItem,
        hash: BlobHash,
        facts: &PecFacts,
    ) -> Result<(), CertifyError> {
        let (receipt, title) = (facts.receipt, facts.title());
        let stem = format!("{}-pec-{}", self.ordinal(), stem(facts.pec.kind));
        let bytes = self.bytes(item.body, hash).await?;
        let file = self.name(&format!("ricevute/{stem}"), "eml");
        self.receipts.push(Member {
            name: file.clone(),
            what: What::Receipt { receipt },
            description: format!("PEC: {title}, nei byte esatti firmati dal gestore"),
            bytes,
        });
        if let Some(daticert) = facts.daticert_sha256 {
            let bytes = self.bytes(item.body, daticert).await?;
            let name = self.name(&format!("ricevute/{stem}.daticert"), "xml");
            self.receipts.push(Member {
                name,
                what: What::Daticert { receipt },
                description: format!("Dati di certificazione contenuti nella {title}"),
                bytes,
            });
        }
        let summary: Value = serde_json::from_str(&item.summary).unwrap_or_default();
        let report = object!({
            "receipt": receipt,
            "file": file,
            "sha256": hash,
            "pec": summary["pec"],
            "signature": summary["signature"],
            "rung": facts.rung,
            "taken_at": item.at.to_string(),
            "words": signature_words(facts.signature.as_ref()),
        });
        let name = self.name(&format!("verifiche/{stem}"), "json");
        self.reports.push(Member {
            name,
            what: What::Report { receipt },
            description: format!("Verifica della firma della {title}, all'arrivo"),
            bytes: json(&report),
        });
        self.certificate(facts);
        Ok(())
    }

    /// The certificate of who signed, once for all the receipts that it signed.
    fn certificate(&mut self, facts: &PecFacts) {
        let Some(signer) = facts.signature.as_ref().and_then(|report| report.signer.as_ref())
        else {
            return;
        };
        let hash = BlobHash::of(&signer.certificate_der);
        let stem: String = hash.hex().chars().take(16).collect();
        let name = format!("certificati/{stem}.der");
        if self.names.insert(name.clone()) {
            self.certificates.push(Member {
                name,
                what: What::Certificate,
                description: "Certificato di chi ha firmato le ricevute (X.509, DER)".into(),
                bytes: signer.certificate_der.clone(),
            });
        }
    }

    /// The number of the next receipt, from 1.
    fn ordinal(&self) -> usize {
        self.receipts.iter().filter(|member| matches!(member.what, What::Receipt { .. })).count()
            + 1
    }

    async fn bytes(&mut self, body: BodyId, hash: BlobHash) -> Result<Vec<u8>, CertifyError> {
        let bytes = self.store.bytes(body, hash).await?.ok_or(CertifyError::Lost(hash))?;
        self.room = self.room.checked_sub(bytes.len() as u64).ok_or(BundleError::TooLarge)?;
        Ok(bytes)
    }

    fn channel(&self, attempt: AttemptId) -> Option<Channel> {
        self.record.attempts.iter().find(|row| row.id == attempt).map(|row| row.channel)
    }

    /// A name that is still free.
    fn name(&mut self, stem: &str, extension: &str) -> String {
        let mut name = format!("{stem}.{extension}");
        let mut copy = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{stem}-{copy}.{extension}");
            copy += 1;
        }
        name
    }
}

fn parsed<T: FromStr>(facts: &Value, name: &str) -> Option<T> {
    facts.get(name)?.as_str()?.parse().ok()
}

fn word(channel: Option<Channel>) -> &'static str {
    channel.map_or("altro", Channel::word)
}

fn title(channel: Option<Channel>) -> &'static str {
    channel.map_or("Altro", Channel::title)
}

/// The ending by which people open the file.
fn extension(channel: Option<Channel>, bytes: &[u8]) -> &'static str {
    match (bytes.first(), channel) {
        (Some(b'{' | b'['), _) => "json",
        (Some(b'%'), _) if bytes.starts_with(b"%PDF-") => "pdf",
        (_, Some(Channel::Email | Channel::Pec)) => "eml",
        _ if std::str::from_utf8(bytes).is_ok() => "txt",
        _ => "bin",
    }
}
