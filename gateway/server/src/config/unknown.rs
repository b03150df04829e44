//! Faults of the configuration file, named by key and line.
//!
//! Guarantee: every key that is no option is named at once, each with the option that was most likely
//! meant; no value is ever quoted, since it may be a password.

use confique::meta::{FieldKind, Meta};
use std::collections::BTreeSet;
use std::error::Error;
use toml::{Table, Value};

/// Refuses a file that is no TOML or names what is no option.
pub(super) fn check(text: &str, meta: &Meta) -> anyhow::Result<()> {
    let table: Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        anyhow::anyhow!("line {line} is not as TOML wants it (is a text without quotes?)")
    })?;
    let mut known = BTreeSet::new();
    list("", meta, &mut known);
    let mut unknown = Vec::new();
    compare("", &table, meta, &mut unknown);
    if unknown.is_empty() {
        return Ok(());
    }
    let said: Vec<_> = unknown.iter().map(|key| sentence(key, &known)).collect();
    anyhow::bail!("{}", said.join("; "))
}

/// The line, and the key on it, about which an error speaks.
pub(super) fn place(text: &str, error: &confique::Error) -> Option<String> {
    let span = error.source()?.downcast_ref::<toml::de::Error>()?.span()?;
    let number = line_of(text, span.start);
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    Some(format!("line {number}: «{key}»"))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// Full names of all options and sections.
fn list(prefix: &str, meta: &Meta, known: &mut BTreeSet<String>) {
    for field in meta.fields {
        let name = format!("{prefix}{}", field.name);
        if let FieldKind::Nested { meta } = field.kind {
            list(&format!("{name}."), meta, known);
        }
        known.insert(name);
    }
}

/// Keys of the table that the options do not have. What is inside an option is the option's own affair.
fn compare(prefix: &str, table: &Table, meta: &Meta, unknown: &mut Vec<String>) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match meta.fields.iter().find(|field| field.name == key).map(|field| field.kind) {
            None => unknown.push(name),
            Some(FieldKind::Leaf { .. }) => {}
            // A section that is no table is said by whoever reads the values.
            Some(FieldKind::Nested { meta }) => {
                if let Value::Table(inner) = value {
                    compare(&format!("{name}."), inner, meta, unknown);
                }
            }
        }
    }
}

fn sentence(key: &str, known: &BTreeSet<String>) -> String {
    match nearest(key, known) {
        Some(meant) => format!("«{key}» is no option; did you mean «{meant}»?"),
        None => {
            format!("«{key}» is no option; `messo init` in another folder writes a file with all")
        }
    }
}

/// The known name that differs least, when it differs little; or the one of the same last part.
fn nearest<'a>(key: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let (own, most) = (last(key), key.chars().count().div_ceil(4).max(2));
    let close = known
        .iter()
        .map(|name| (distance(key, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min();
    let moved = || known.iter().find(|name| last(name) == own);
    // A misspelt word in a section that is right is often longer than the limit allows.
    close.map(|(_, name)| name).or_else(moved).map(String::as_str)
}

/// Letters to add, drop or change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, d) in other.iter().enumerate() {
            let changed = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use confique::Config;

    fn refusal(text: &str) -> String {
        check(text, &Settings::META).unwrap_err().to_string()
    }

    #[test]
    fn every_key_that_is_no_option_is_named_with_the_one_that_was_meant() {
        let said = refusal("[server]\npublic_ulr = \"x\"\n[emial]\nurl = \"x\"\n");
        assert!(
            said.contains("«server.public_ulr» is no option; did you mean «server.public_url»?")
        );
        assert!(said.contains("«emial» is no option; did you mean «email»?"), "{said}");
        let said = refusal("public_url = \"x\"\n");
        assert!(said.contains("did you mean «server.public_url»?"), "{said}");
        assert!(refusal("[server]\nfavourite_colour = 1\n").contains("«server.favourite_colour»"));
    }

    #[test]
    fn the_file_that_init_writes_and_the_tables_of_providers_are_understood() {
        check(&crate::config::template(), &Settings::META).unwrap();
        let own = "[email.smtp]\nsessions = 3\n[sms.receivers]\n\"+39333\" = 1\n";
        check(own, &Settings::META).unwrap();
    }

    #[test]
    fn a_line_that_is_no_toml_is_named_and_not_quoted() {
        let said = refusal("[email]\n\nurl = smtp://utente:passero@host\n");
        assert!(said.contains("line 3") && !said.contains("passero"), "{said}");
    }
}
