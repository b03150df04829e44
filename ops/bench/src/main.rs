//! The parts of the benchmarks that are programs: a sheet to send, a peer on lettre, letters, receipts.

use messo_core::addresses::Channel;
use messo_core::ids::BlobHash;
use messo_core::notices::NoticeFacts;
use messo_core::ports::{Frame, Renderer, Rendition};
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

mod lettre_peer;
mod receipts;

const HEADER: &str = "numero;anno;data_presentazione;materia;valore;ruolo;nome;cognome;email;indirizzo;civico;cap;comune;provincia;data_incontro;sede";

const USAGE: &str = "usage: messo-bench sheet ROWS | letters COUNT [FOLDER] | lettre PORT COUNT SESSIONS HTML | \
    receipts-make FOLDER FILE DISPATCHES ANSWERED whole|text | receipts-take FOLDER FILE SKIP COUNT READERS | \
    receipts-parts FOLDER FILE COUNT";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sheet", rows] => sheet(rows.parse()?),
        ["letters", count] => letters(count.parse()?, None)?,
        ["letters", count, folder] => letters(count.parse()?, Some(folder))?,
        ["lettre", port, count, sessions, file] => {
            lettre_peer::run(port.parse()?, count.parse()?, sessions.parse()?, file)?;
        }
        ["receipts-make", folder, file, count, answered, size] => {
            let whole = *size == "whole";
            receipts::prepare(
                folder.as_ref(),
                file.as_ref(),
                count.parse()?,
                answered.parse()?,
                whole,
            )?;
        }
        ["receipts-take", folder, file, skip, count, readers] => {
            let (skip, count) = (skip.parse()?, count.parse()?);
            receipts::take(folder.as_ref(), file.as_ref(), skip, count, readers.parse()?)?;
        }
        ["receipts-parts", folder, file, count] => {
            receipts::parts(folder.as_ref(), file.as_ref(), count.parse()?)?;
        }
        _ => anyhow::bail!(USAGE),
    }
    Ok(())
}

/// A sheet of summonses, one case for each row.
fn sheet(rows: u32) {
    println!("{HEADER}");
    for row in 1..=rows {
        println!(
            "{row};2026;02/11/2026;condominio;\"1.200,50\";convocato;Niccolò;D'Angelo {row};anna{row}@example.test;Via Roma;{row};50123;Firenze;FI;02/12/2026 10:00;Sala Blu, Via Larga 7, Firenze"
        );
    }
}

/// Letters of one template with other data each: the mass release of a run. Kept where there is a folder.
fn letters(count: u32, folder: Option<&str>) -> anyhow::Result<()> {
    let typesetter = Arc::new(messo_typesetting::Typesetter::new()?);
    let templates =
        messo_templates::Templates::new(Some(typesetter))?.with_logo(messo_templates::DEMO_LOGO);
    let example = include_str!("../../../templates/messages/example.json");
    let mut facts: NoticeFacts = serde_json::from_str(example)?;
    facts.template = "convocazione".into();
    let (mut bytes, mut first) = (0, Duration::ZERO);
    let before = cpu()?;
    for number in 0..count {
        facts.recipient.given_name = format!("Anna {number}");
        facts.recipient.postal_lines = vec![
            format!("ANNA {number} D'ALO'"),
            format!("VIA ROMA {number}"),
            "38122 TRENTO TN".into(),
        ];
        facts.case.number = number.to_string();
        let frame = Frame {
            reference: number.to_string(),
            qr_text: format!("HTTPS://MESSO.EXAMPLE/Q/{}", code(number)),
            at: Timestamp::from_seconds(1_795_000_000),
            sandbox: false,
        };
        if let Rendition::Letter(letter) = templates.render(&facts, Channel::Post, &frame)? {
            if let Some(folder) = folder {
                std::fs::write(format!("{folder}/{number}.pdf"), &letter.pdf)?;
            }
            bytes += letter.pdf.len();
        }
        if number == 0 {
            first = cpu()? - before;
        }
        if [1_000, 10_000].contains(&number) {
            println!("{}", serde_json::json!({ "letters": number, "rss_mb": rss_mb("VmRSS:")? }));
        }
    }
    let each = (cpu()? - before - first).as_secs_f64() * 1000.0 / f64::from(count.max(2) - 1);
    println!(
        "{}",
        serde_json::json!({
            "letters": count, "first_cpu_ms": first.as_secs_f64() * 1000.0, "cpu_ms_each": each,
            "bytes_each": bytes / count.max(1) as usize, "rss_mb": rss_mb("VmRSS:")?, "peak_rss_mb": rss_mb("VmHWM:")?,
        })
    );
    Ok(())
}

/// Twenty-eight characters like those of a real code.
fn code(number: u32) -> String {
    BlobHash::of(&number.to_be_bytes()).hex()[..28].to_uppercase()
}

/// User and system time of this process (proc(5), clock ticks of 10 ms).
fn cpu() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn rss_mb(field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or("0 0");
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse::<u64>()? / 1024)
}
