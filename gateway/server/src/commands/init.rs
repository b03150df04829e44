//! `messo init`: a data folder with configuration, secrets, database and a body.

use crate::cli::Init;
use crate::config::{self, Place};
use crate::house;
use crate::rim::{self, KEYS_FILE, Keys, RandomIds};
use anyhow::{Context, bail};
use messo_core::addresses::{Channel, EmailAddress};
use messo_core::bodies::{Body, BodyKind, Sender};
use messo_core::ids::BodyId;
use messo_core::notices::BodyFacts;
use messo_core::ports::{Commit, Ids, Store, Write};
use std::os::unix::fs::DirBuilderExt;

/// Sets up the folder. Refuses one that is in use; a half-made one (no configuration yet) is completed.
pub async fn run(init: &Init, place: &Place) -> anyhow::Result<()> {
    if place.file.exists() {
        bail!("{} is there already: nothing was changed", place.file.display());
    }
    let email =
        EmailAddress::parse(&init.email).map_err(|error| anyhow::anyhow!("--email: {error}"))?;
    let body = new_body(&init.name, email);
    write(place, &options(init)?, body).await?;
    eprintln!("Ready: {}", place.data.display());
    eprintln!("Next: messo doctor --data {0}; messo serve --data {0}", place.data.display());
    Ok(())
}

/// Writes configuration and secrets, makes the database and the body. The configuration comes last:
/// a folder with a configuration is a complete one.
pub async fn write(place: &Place, options: &[(&str, String)], body: Body) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data)
        .with_context(|| format!("the folder {} cannot be made", place.data.display()))?;
    if !place.data.join(KEYS_FILE).exists() {
        Keys::generate().save(&place.data)?;
    }
    let text = set(&config::template(), options);
    let new = place.file.with_extension("new.toml");
    rim::write_private(&new, text.as_bytes())
        .with_context(|| format!("the configuration {} cannot be written", new.display()))?;
    let settings = config::load(&new)?;
    let storage = house::open_storage(&settings, &place.data).await?;
    storage.migrate().await.context("the database cannot be set up")?;
    if storage.bodies().await?.is_empty() {
        let writes = vec![Write::Body(Box::new(body))];
        storage.commit(Commit { guards: Vec::new(), writes }).await?;
    }
    std::fs::rename(&new, &place.file)?;
    Ok(())
}

/// A body with a name and an address, to be completed in the console.
pub fn new_body(name: &str, email: EmailAddress) -> Body {
    Body {
        id: BodyId(RandomIds.uuid()),
        number: 0,
        kind: BodyKind::Mediation,
        facts: BodyFacts {
            name: name.to_owned(),
            email: email.to_string(),
            ..BodyFacts::default()
        },
        sender: Sender { name: name.to_owned(), email, reply_to: None, sms_sender: "Messo".into() },
        patron_saint: None,
    }
}

fn options(init: &Init) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut options = Vec::new();
    if init.sandbox {
        options.push(("sandbox.channels", all_channels()));
    }
    if let Some(url) = &init.smtp {
        options.push(("email.provider", quoted("smtp")?));
        options.push(("email.url", quoted(url)?));
    }
    if let Some(url) = &init.database {
        options.push(("database.url", quoted(url)?));
    }
    if let Some(url) = &init.broker {
        options.push(("doorbell.url", quoted(url)?));
    }
    Ok(options)
}

/// All channels, as a TOML list.
pub fn all_channels() -> String {
    let words: Vec<_> = Channel::ALL.iter().map(|channel| format!("\"{channel}\"")).collect();
    format!("[{}]", words.join(", "))
}

/// A TOML string. TOML's basic strings are written as JSON's are.
pub fn quoted(text: &str) -> anyhow::Result<String> {
    Ok(serde_json::to_string(text)?)
}

/// Sets options in the commented template: the line `#name = …` of the section becomes `name = value`.
fn set(template: &str, options: &[(&str, String)]) -> String {
    let mut section = String::new();
    let mut lines: Vec<String> = Vec::new();
    for line in template.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        }
        let option = line.trim_start_matches('#').split('=').next().unwrap_or("").trim();
        let full = format!("{section}.{option}");
        match options.iter().find(|(name, _)| line.contains('=') && *name == full) {
            Some((_, value)) => lines.push(format!("{option} = {value}")),
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_template_can_be_set_and_the_rest_stays_explained() {
        let text = set(
            &config::template(),
            &[("email.provider", "\"smtp\"".into()), ("database.url", "\"postgres://x\"".into())],
        );
        assert!(text.contains("\nprovider = \"smtp\"\n"));
        assert!(text.contains("\nurl = \"postgres://x\"\n"));
        assert!(text.contains("# Ordinary e-mail") || text.contains("Ordinary e-mail"));
    }

    #[test]
    fn a_quoted_url_cannot_break_out_of_its_line() {
        assert_eq!(quoted("a\"b\n").unwrap(), "\"a\\\"b\\n\"");
    }
}
