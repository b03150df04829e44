//! `messo init`: a data folder with configuration, secrets, database and a body.

use crate::cli::Init;
use crate::config::{self, Place};
use crate::house;
use crate::rim::{self, KEYS_FILE, Keys, RandomIds};
use anyhow::{Context, bail, ensure};
use messo_channels::email::SmtpSettings;
use messo_core::addresses::{Channel, EmailAddress};
use messo_core::bodies::{Body, BodyKind, Sender};
use messo_core::ids::BodyId;
use messo_core::notices::BodyFacts;
use messo_core::ports::{Commit, Ids, Store, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use url::Url;

/// Sets up the folder. Refuses one that is in use; a half-made one (no configuration yet) is completed.
/// Everything is checked before anything is written, and what was written goes away when it fails.
pub async fn run(init: &Init, place: &Place) -> anyhow::Result<()> {
    if place.file.exists() {
        bail!("{} is there already: nothing was changed", place.file.display());
    }
    let email = EmailAddress::parse(&init.email)
        .map_err(|_| anyhow::anyhow!("--email: «{}» is no e-mail address", init.email))?;
    ensure!(!init.name.trim().is_empty(), "--name: a body has a name");
    let body = new_body(init.name.trim(), email);
    write(place, &options(init)?, body).await?;
    eprintln!("Ready: {}", place.data.display());
    eprintln!("Next: messo doctor --data {0}; messo serve --data {0}", place.data.display());
    Ok(())
}

/// Writes configuration and secrets, makes the database and the body. The configuration comes last:
/// a folder with a configuration is a complete one. On failure the folder is as it was before.
pub async fn write(place: &Place, options: &[(&str, String)], body: Body) -> anyhow::Result<()> {
    let before = Before::look(place);
    let written = write_all(place, options, body).await;
    if written.is_err() {
        before.restore();
    }
    written
}

async fn write_all(place: &Place, options: &[(&str, String)], body: Body) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data)
        .with_context(|| format!("the folder {} cannot be made", place.data.display()))?;
    if !place.data.join(KEYS_FILE).exists() {
        Keys::generate().save(&place.data)?;
    }
    let text = set(&config::template(), options);
    let new = draft(place);
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

/// The configuration while it is being written.
fn draft(place: &Place) -> PathBuf {
    place.file.with_extension("new.toml")
}

/// What was not there before, and goes away again on failure.
struct Before {
    files: Vec<PathBuf>,
    /// Innermost first; only removed when they are empty.
    folders: Vec<PathBuf>,
}

impl Before {
    fn look(place: &Place) -> Self {
        let missing = |file: &PathBuf| !file.exists();
        let names = [KEYS_FILE, "keys.json.new", "messo.db", "messo.db-wal", "messo.db-shm"];
        let files = names.iter().map(|name| place.data.join(name)).chain([draft(place)]);
        let folders = place.data.ancestors().filter(|folder| *folder != Path::new(""));
        Self {
            files: files.filter(missing).collect(),
            folders: folders.map(Path::to_owned).take_while(missing).collect(),
        }
    }

    fn restore(self) {
        for file in self.files {
            drop(std::fs::remove_file(file));
        }
        for folder in self.folders {
            drop(std::fs::remove_dir(folder));
        }
    }
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
        sender: Sender {
            name: name.to_owned(),
            email,
            pec: None,
            reply_to: None,
            reply_tags: false,
            sms_sender: "Messo".into(),
        },
        patron_saint: None,
    }
}

fn options(init: &Init) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut options = Vec::new();
    if init.sandbox {
        options.push(("sandbox.channels", all_channels()));
    }
    if let Some(url) = &init.smtp {
        SmtpSettings::from_url(url).context("--smtp")?;
        options.push(("email.provider", quoted("smtp")?));
        options.push(("email.url", quoted(url)?));
    }
    if let Some(url) = &init.database {
        check_database(url).context("--database")?;
        options.push(("database.url", quoted(url)?));
    }
    if let Some(url) = &init.broker {
        if url != "local" {
            messo_wakeup::RabbitDoorbell::new(url).context("--broker")?;
        }
        options.push(("doorbell.url", quoted(url)?));
    }
    if let Some(url) = &init.public_url {
        let url = config::public_url(url).context("--public-url")?;
        options.push(("server.secure_cookies", url.starts_with("https://").to_string()));
        options.push(("server.public_url", quoted(&url)?));
    }
    Ok(options)
}

/// An address of a database that can be meant. The sentence never repeats it: it may hold a password.
fn check_database(url: &str) -> anyhow::Result<()> {
    if let Some(file) = url.strip_prefix("sqlite://") {
        ensure!(!file.is_empty(), "sqlite:// is followed by the name of a file");
        return Ok(());
    }
    let parsed = Url::parse(url).ok();
    let postgres = parsed.filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    ensure!(
        postgres.is_some_and(|url| url.path().len() > 1),
        "a database is postgres://user:password@host/name or sqlite://FILE"
    );
    Ok(())
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
    fn a_database_is_one_that_can_be_meant() {
        for good in ["sqlite://messo.db", "postgres://u:p@h/messo", "postgresql://h:5432/messo"] {
            assert!(check_database(good).is_ok(), "{good}");
        }
        for bad in ["mysql://h/messo", "postgres://h", "messo.db", "sqlite://", ""] {
            assert!(check_database(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_quoted_url_cannot_break_out_of_its_line() {
        assert_eq!(quoted("a\"b\n").unwrap(), "\"a\\\"b\\n\"");
    }
}
