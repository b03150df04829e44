//! `messo mail read`: what a message is and says, from its file alone.

use crate::cli::Mail;
use anyhow::{Context, bail};
use jiff::tz::{Offset, TimeZone};
use messo_core::messages::{Attachment, Bounce, MailClass, Meaning, Reading};
use messo_core::pec::PecInstant;
use messo_core::ports::MailReader;
use messo_mail::{Limits, Reader};
use serde_json::{Value, json};
use std::io::Read;
use std::io::Write as _;
use std::path::Path;

/// Longest text of a message that is shown on a terminal, in characters.
const MAX_SHOWN: usize = 2_000;

/// Reads a message and says what it is. Needs no data folder.
pub fn run(mail: &Mail) -> anyhow::Result<()> {
    let Mail::Read { file, json } = mail;
    let reading = Reader::default().read(&bytes_of(file)?)?;
    if *json {
        writeln!(std::io::stdout(), "{}", object(&reading))?;
    } else {
        print!("{}", sentences(&reading));
    }
    Ok(())
}

/// The bytes of a message, from a file or, for `-`, from standard input.
pub fn bytes_of(file: &Path) -> anyhow::Result<Vec<u8>> {
    let most = Limits::default().message_bytes as u64;
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        let opened = std::fs::File::open(file);
        Box::new(opened.with_context(|| format!("{} cannot be opened", file.display()))?)
    };
    let read = source.take(most + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    if bytes.len() as u64 > most {
        bail!("{} is longer than the {} MB that are read", file.display(), most >> 20);
    }
    Ok(bytes)
}

fn object(reading: &Reading) -> Value {
    let author = reading.author();
    let bounces: Vec<Value> = bounces(reading).iter().map(bounce).collect();
    json!({
        "class": reading.class.word(),
        "reference": reference(reading),
        "bounce": bounces.first(),
        "bounces": bounces,
        "automatic": reading.automatic,
        "new_text": reading.new_text,
        "from": author.from.as_ref().map(|person| &person.address),
        "from_name": author.from.as_ref().map(|person| &person.name).filter(|name| !name.is_empty()),
        "to": author.to,
        "subject": author.subject,
        "date": author.date.map(|date| date.to_jiff().to_string()),
        "message_id": author.message_id,
        "in_reply_to": author.in_reply_to,
        "references": author.references,
        "attachments": files(&reading.attachments),
        "calendar": calendar(reading),
        "complaint": match &reading.meaning {
            Meaning::Complaint(complaint) => Some(complaint),
            _ => None,
        },
        "disposition": match &reading.meaning {
            Meaning::Disposition { word, .. } => Some(word),
            _ => None,
        },
        "pec": reading.pec.as_ref().map(super::pec::data),
        "oddities": reading.oddities,
    })
}

/// What a message of ours it is about, as far as it says so itself.
fn reference(reading: &Reading) -> Option<&String> {
    let author = reading.author();
    let written = author.in_reply_to.first().or_else(|| author.references.last());
    let meant = match &reading.meaning {
        Meaning::Bounces(bounces) => bounces.first().and_then(|bounce| bounce.references.first()),
        Meaning::Complaint(complaint) => complaint.reference.as_ref(),
        Meaning::Disposition { reference, .. } => reference.as_ref(),
        Meaning::Plain | Meaning::Calendar(_) => None,
    };
    // An envelope's own reference is the message inside it; the question is what that one answers to.
    let receipt = reading.pec.as_ref().filter(|_| reading.class == MailClass::PecReceipt);
    match receipt {
        Some(pec) => pec.reference.as_ref(),
        None => meant.or(written),
    }
}

fn bounces(reading: &Reading) -> &[Bounce] {
    match &reading.meaning {
        Meaning::Bounces(bounces) => bounces,
        _ => &[],
    }
}

fn bounce(bounce: &Bounce) -> Value {
    json!({
        "recipient": bounce.recipient,
        "action": bounce.action,
        "status": bounce.status,
        "diagnostic": bounce.diagnostic,
        "references": bounce.references,
    })
}

fn calendar(reading: &Reading) -> Option<Value> {
    let Meaning::Calendar(reply) = &reading.meaning else { return None };
    Some(json!({
        "method": reply.method,
        "uid": reply.uid,
        "attendee": reply.attendee,
        "status": reply.status,
        "sequence": reply.sequence,
        "stamp": reply.stamp.map(|at| at.to_jiff().to_string()),
        "proposed": reply.proposed.map(|at| at.to_jiff().to_string()),
    }))
}

/// Attachments as the command line shows them.
pub fn files(attachments: &[Attachment]) -> Vec<Value> {
    let shown = attachments.iter().map(|file| {
        json!({
            "name": file.name,
            "media_type": file.media_type,
            "size": file.size,
            "sha256": file.hash.to_string(),
            "refused": file.refused,
        })
    });
    shown.collect()
}

/// RFC 3339 with the offset as written.
pub fn instant(instant: &PecInstant) -> String {
    let seconds = instant.zone.split_at_checked(3).and_then(|(hours, minutes)| {
        let hours: i32 = hours.parse().ok()?;
        let minutes: i32 = minutes.trim_start_matches(':').parse().ok()?;
        let sign = if instant.zone.starts_with('-') { -1 } else { 1 };
        Some(hours * 3600 + sign * minutes * 60)
    });
    let offset = seconds.and_then(|seconds| Offset::from_seconds(seconds).ok());
    let zoned = instant.at.to_jiff().to_zoned(TimeZone::fixed(offset.unwrap_or(Offset::UTC)));
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Files in words, one a line.
pub fn file_lines(attachments: &[Attachment]) -> String {
    let line = |file: &Attachment| {
        let refused = file
            .refused
            .map(|why| format!("; non acquisito: {}", why.sentence()))
            .unwrap_or_default();
        format!("  {} ({}, {} byte{refused})\n", file.name, file.media_type, file.size)
    };
    attachments.iter().map(line).collect()
}

fn sentences(reading: &Reading) -> String {
    let author = reading.author();
    let mut out = format!("{}\n", title(reading));
    if let Some(from) = &author.from {
        out.push_str(&format!("Da: {} <{}>\n", from.name, from.address).replace(":  <", ": <"));
    }
    out.push_str(&format!("A: {}\nOggetto: {}\n", author.to.join(", "), author.subject));
    if let Some(reference) = reference(reading) {
        out.push_str(&format!("Riguarda il messaggio: {reference}\n"));
    }
    for bounce in bounces(reading) {
        let recipient = bounce.recipient.as_deref().unwrap_or("destinatario non indicato");
        let status = bounce.status.as_deref().unwrap_or("senza codice");
        out.push_str(
            &format!("Destinatario: {recipient} ({:?}, {status})\n", bounce.action).to_lowercase(),
        );
    }
    if let Meaning::Calendar(reply) = &reading.meaning {
        out.push_str(&format!("Risposta di {}: {}\n", reply.attendee, reply.status));
    }
    if !reading.attachments.is_empty() {
        out.push_str(&format!("Allegati:\n{}", file_lines(&reading.attachments)));
    }
    if !reading.new_text.is_empty() {
        let text: String = reading.new_text.chars().take(MAX_SHOWN).collect();
        out.push_str(&format!("\n{text}\n"));
    }
    out
}

fn title(reading: &Reading) -> String {
    let kind = reading.pec.as_ref().and_then(|pec| pec.kind);
    let class = match reading.class {
        MailClass::PecReceipt | MailClass::PecEnvelope | MailClass::PecAnomaly => {
            kind.map_or("posta certificata di tipo sconosciuto", |kind| kind.title())
        }
        MailClass::Dsn => "notifica di mancato o ritardato recapito",
        MailClass::Arf => "segnalazione come posta indesiderata",
        MailClass::Mdn => "conferma di lettura",
        MailClass::CalendarReply => "risposta a un invito",
        MailClass::AutoReply => "risposta automatica",
        MailClass::Correspondence => "corrispondenza",
    };
    let automatic = if reading.automatic { ", messaggio automatico" } else { "" };
    format!("Tipo: {class}{automatic}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::time::Timestamp;

    #[test]
    fn an_instant_keeps_the_offset_as_written() {
        for (zone, shown) in [
            ("+0100", "2026-11-24T00:00:07+01:00"),
            ("-0330", "2026-11-23T19:30:07-03:30"),
            ("+00:00", "2026-11-23T23:00:07+00:00"),
        ] {
            let at: jiff::Timestamp = "2026-11-23T23:00:07Z".parse().unwrap();
            let legal_day = jiff::civil::date(2026, 11, 24);
            let one = PecInstant { at: Timestamp::from(at), zone: zone.into(), legal_day };
            assert_eq!(instant(&one), shown);
        }
    }

    #[test]
    fn a_reply_shows_what_it_answers_to() {
        let raw = b"From: Mario <m@p.example>\nTo: s@o.example\nSubject: Re: x\nIn-Reply-To: <m1.a@o.example>\n\nVengo.\n\nIl 24/11/2026 S ha scritto:\n> x\n";
        let shown = object(&Reader::default().read(raw).unwrap());
        assert_eq!(shown["class"], "correspondence");
        assert_eq!(shown["reference"], "m1.a@o.example");
        assert_eq!(shown["new_text"], "Vengo.");
        assert_eq!(shown["bounce"], Value::Null);
    }
}
