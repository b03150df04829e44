//! `messo register`: the protocol register, listed, annotated, and given out day by day.

use crate::cli::Register;
use crate::config::Place;
use crate::house::House;
use anyhow::Context;
use jiff::civil::Date;
use messo_core::ids::BodyId;
use messo_core::register::{Annotation, RegisterEntry};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Entries read at a time.
const PAGE: u32 = 1_000;

/// Lists, shows, annotates or gives out.
pub async fn run(command: Register, place: &Place) -> anyhow::Result<()> {
    let house = House::open(place).await?;
    let body = house.body().await?.id;
    let this_year = house.engine.clock.now().in_rome().year();
    match command {
        Register::List { year, from, limit, json } => {
            list(&house, body, year.unwrap_or(this_year), from, limit, json).await
        }
        Register::Show { number, year, json } => {
            show(&house, body, year.unwrap_or(this_year), number, json).await
        }
        Register::Annotate { number, year, reason, text, who } => {
            let year = year.unwrap_or(this_year);
            house.engine.annotate(body, year, number, &who, &reason, &text).await?;
            println!("{number}/{year}");
            Ok(())
        }
        Register::Day { day, out, json } => give_out(&house, body, day, &out, json).await,
    }
}

async fn list(
    house: &House,
    body: BodyId,
    year: i16,
    from: i64,
    limit: u32,
    json: bool,
) -> anyhow::Result<()> {
    let (mut from, mut left, mut gathered) = (from, limit, Vec::new());
    let mut out = std::io::stdout().lock();
    while left > 0 {
        let page = house.engine.store.register(body, year, from, left.min(PAGE)).await?;
        for entry in &page {
            match json {
                true => gathered.push(object(entry)),
                false => writeln!(out, "{}", line(entry))?,
            }
        }
        let Some(last) = page.last() else { break };
        from = last.number + 1;
        left -= u32::try_from(page.len()).unwrap_or(left).min(left);
    }
    if json {
        writeln!(out, "{}", json!({ "year": year, "entries": gathered }))?;
    }
    Ok(())
}

async fn show(
    house: &House,
    body: BodyId,
    year: i16,
    number: i64,
    json: bool,
) -> anyhow::Result<()> {
    let found = house.engine.store.register(body, year, number, 1).await?;
    let entry = found
        .into_iter()
        .find(|entry| entry.number == number)
        .with_context(|| format!("there is no entry {number} in the register of {year}"))?;
    let annotations = house.engine.store.annotations(body, year, number).await?;
    if json {
        let mut entry = object(&entry);
        entry["annotations"] = annotations.iter().map(note).collect();
        println!("{entry}");
    } else {
        println!("{}", line(&entry));
        for note in annotations {
            println!("  {}  {}: {} ({})", note.at, note.reason, note.text, note.who);
        }
    }
    Ok(())
}

async fn give_out(
    house: &House,
    body: BodyId,
    day: Date,
    out: &Path,
    json: bool,
) -> anyhow::Result<()> {
    let files = house.engine.day_register(body, day).await?;
    std::fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    let volumes = files.pdf.len();
    let name = |volume: usize| match volumes {
        1 => format!("registro-{day}.pdf"),
        _ => format!("registro-{day}-{volume}.pdf"),
    };
    let pdf = files.pdf.iter().enumerate().map(|(index, bytes)| (name(index + 1), bytes));
    let mut written = Vec::new();
    for (name, bytes) in [(format!("registro-{day}.csv"), &files.csv)].into_iter().chain(pdf) {
        let path = out.join(name);
        std::fs::write(&path, bytes)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        written.push(path.display().to_string());
    }
    let closed = &files.day;
    if json {
        let report = json!({
            "day": closed.day, "entries": closed.entries, "annotations": closed.annotations,
            "first": closed.first, "last": closed.last, "csv_sha256": closed.csv,
            "pdf_sha256": closed.pdf, "closed_at": closed.closed_at.to_string(), "files": written,
            "previous": closed.previous.map(|(day, hash)| json!({ "day": day, "csv_sha256": hash })),
        });
        println!("{report}");
    } else {
        written.iter().for_each(|file| println!("{file}"));
    }
    Ok(())
}

fn line(entry: &RegisterEntry) -> String {
    let draft = &entry.draft;
    let at = draft.at.in_rome().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let way = draft.direction.title();
    let number = format!("{}/{}", entry.number, draft.year);
    format!("{number:>12}  {at}  {way:7}  {}  {}", draft.correspondent, draft.subject)
}

fn object(entry: &RegisterEntry) -> Value {
    let draft = &entry.draft;
    json!({
        "number": entry.number, "year": draft.year, "direction": draft.direction,
        "at": draft.at.to_string(), "correspondent": draft.correspondent,
        "subject": draft.subject, "case": draft.case, "document_sha256": draft.document,
    })
}

fn note(note: &Annotation) -> Value {
    json!({ "at": note.at.to_string(), "who": note.who, "reason": note.reason, "text": note.text })
}
