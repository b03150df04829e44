//! The register of a day as it is printed: data for `letters/register.typ`. Pure.
//!
//! A long day is printed in volumes, each of which can be set as one document. Very long words of strangers
//! are cut, and the cut is shown: the CSV has them whole.

use super::Day;
use crate::timeline::instant;
use jiff::civil::Date;
use messo_core::calendar::month_in_words;
use messo_core::ids::BlobHash;
use messo_core::notices::{BodyFacts, Locale};
use messo_core::time::Timestamp;
use serde_json::{Value, json};

/// Rows of one volume.
const ROWS: usize = 500;
/// Longest name that is printed, in characters.
const MAX_NAME: usize = 120;
/// Longest subject or annotation that is printed, in characters.
const MAX_WORDS: usize = 400;

/// The data of each volume; at least one.
pub(super) fn volumes(
    day: &Day,
    csv: BlobHash,
    letterhead: &BodyFacts,
    now: Timestamp,
) -> Vec<Value> {
    let rows: Vec<Value> = entries(day).chain(annotations(day)).collect();
    let of = rows.chunks(ROWS).len().max(1);
    let volumes = rows.chunks(ROWS).enumerate();
    volumes
        .map(|(index, rows)| {
            json!({
                "title": "Registro giornaliero di protocollo",
                "day": words(day.day),
                "body_name": letterhead.name,
                "body_address": letterhead.address,
                "body_register_number": letterhead.register_number,
                "volume": index + 1,
                "volumes": of,
                "counted": counted(day),
                "rows": rows,
                "csv_sha256": csv,
                "previous": previous(day),
                "generated_at": instant(now),
                "at": now.0,
            })
        })
        .collect()
}

fn entries(day: &Day) -> impl Iterator<Item = Value> {
    day.entries.iter().map(|entry| {
        let draft = &entry.draft;
        json!({
            "kind": "entry",
            "number": format!("{}/{}", entry.number, draft.year),
            "time": time(day.day, draft.at),
            "direction": draft.direction.title(),
            "correspondent": cut(&draft.correspondent, MAX_NAME),
            "subject": cut(&draft.subject, MAX_WORDS),
            "sha256": draft.document,
        })
    })
}

fn annotations(day: &Day) -> impl Iterator<Item = Value> {
    day.annotations.iter().map(|annotation| {
        json!({
            "kind": "annotation",
            "number": format!("{}/{}", annotation.number, annotation.year),
            "time": time(day.day, annotation.at),
            "direction": "annotazione",
            "correspondent": cut(&annotation.who, MAX_NAME),
            "subject": cut(&format!("{}: {}", annotation.reason, annotation.text), MAX_WORDS),
            "sha256": null,
        })
    })
}

fn counted(day: &Day) -> String {
    let entries = match (day.entries.first(), day.entries.last()) {
        (Some(only), Some(_)) if day.entries.len() == 1 => {
            format!("una registrazione, n. {}/{}", only.number, only.draft.year)
        }
        (Some(first), Some(last)) => format!(
            "{} registrazioni, dal n. {}/{} al n. {}/{}",
            day.entries.len(),
            first.number,
            first.draft.year,
            last.number,
            last.draft.year
        ),
        _ => "nessuna registrazione".into(),
    };
    format!("{entries}; annotazioni: {}", day.annotations.len())
}

fn previous(day: &Day) -> Value {
    match &day.previous {
        Some(previous) => json!({ "day": words(previous.day), "csv_sha256": previous.csv }),
        None => Value::Null,
    }
}

/// The time of day in Rome; with its date where that is another one.
fn time(day: Date, at: Timestamp) -> String {
    let local = at.in_rome();
    let form = if local.date() == day { "%H:%M:%S" } else { "%d/%m/%Y %H:%M:%S" };
    local.strftime(form).to_string()
}

fn words(day: Date) -> String {
    format!("{} {} {}", day.day(), month_in_words(day.month(), Locale::It), day.year())
}

fn cut(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= longest {
        return line;
    }
    format!("{}…", line.chars().take(longest).collect::<String>())
}
