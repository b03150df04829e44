//! `messo notice`: templates, rendered without sending.

use crate::cli;
use crate::commands::init;
use crate::config::{self, Place};
use crate::house::{self, token_keys};
use crate::rim::{Keys, RandomIds, SystemClock};
use anyhow::Context;
use messo_channels::sandbox::Sandbox;
use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::ids::AttemptId;
use messo_core::notices::NoticeFacts;
use messo_core::ports::{Clock, Frame, Ids, Mail, Outbound, Provider, Renderer, Rendition};
use messo_core::tokens::{Token, qr_text};
use messo_templates::Templates;
use std::path::Path;

/// Renders or lists.
pub fn run(notice: cli::Notice, place: &Place) -> anyhow::Result<()> {
    match notice {
        cli::Notice::List(json) => list(json.json),
        cli::Notice::Render { template, data_file, out, locale } => {
            let text = std::fs::read_to_string(&data_file)
                .with_context(|| format!("{} cannot be read", data_file.display()))?;
            let mut facts: NoticeFacts = serde_json::from_str(&text)
                .with_context(|| format!("{} does not fit", data_file.display()))?;
            facts.template = template;
            facts.locale = locale.unwrap_or(facts.locale);
            render(&facts, &out, place)
        }
    }
}

fn list(json: bool) -> anyhow::Result<()> {
    let templates = Templates::new(None)?.templates();
    if json {
        println!("{}", serde_json::to_string(&templates)?);
    } else {
        for template in templates {
            println!("{:16} {}", template.name, template.title);
        }
    }
    Ok(())
}

/// Renders every channel into the folder. The code is sealed with this installation's key where there
/// is one, else with a key that nobody keeps: the page is a specimen.
fn render(facts: &NoticeFacts, out: &Path, place: &Place) -> anyhow::Result<()> {
    let (templates, _) = house::templates()?;
    let keys = match Keys::load(&place.data) {
        Ok(keys) => keys,
        Err(_) => Keys::generate(),
    };
    let public_url = config::load(&place.file)
        .map_or_else(|_| "https://messo.example".to_owned(), |s| s.server.public_url);
    let token = Token { body: 1, case: 0, party: 0, document: 0, page: 1, pages: 1 };
    let code = token_keys(&keys)?.seal(&token);
    let frame = Frame {
        reference: "0".into(),
        qr_text: qr_text(&public_url, &code),
        at: SystemClock.now(),
        sandbox: false,
    };
    let channels = [Channel::Email, Channel::Sms, Channel::Post];
    for missing in templates.missing(facts, &channels)? {
        eprintln!("{}: {}", missing.field, missing.reason);
    }
    let (files, mail) = messo_templates::folder::render(&templates, facts, &frame, out)?;
    for file in files {
        println!("{}", file.display());
    }
    if let Some(mail) = mail {
        let file = out.join("message.eml");
        std::fs::write(&file, message(facts, mail, frame.at)?)
            .with_context(|| format!("{} cannot be written", file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}

/// The mail as bytes, packed as every e-mail provider packs it.
fn message(
    facts: &NoticeFacts,
    mail: Mail,
    at: messo_core::time::Timestamp,
) -> anyhow::Result<Vec<u8>> {
    let address =
        |text: &str| EmailAddress::parse(text).map_err(|error| anyhow::anyhow!("{text}: {error}"));
    let from = if facts.body.email.is_empty() {
        address("segreteria@organismo.example")?
    } else {
        address(&facts.body.email)?
    };
    let outbound = Outbound {
        attempt: AttemptId(RandomIds.uuid()),
        sender: init::new_body(&facts.body.name, from).sender,
        to: Address::Email(address("destinatario@example.it")?),
        to_name: facts.recipient.full_name(),
        rendition: Rendition::Mail(mail),
        at,
        notify: None,
    };
    Sandbox::new(Channel::Email)
        .prepare(&outbound)
        .map(|envelope| envelope.bytes)
        .map_err(|failure| anyhow::anyhow!("{}: {}", failure.code, failure.detail))
}
