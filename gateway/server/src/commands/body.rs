//! `messo body`: how the body appears in letters and as a sender.
//!
//! Guarantee: what is not named stays as it is; every value is checked before any is written.

use crate::cli::{self, BodySet};
use crate::config::Place;
use crate::house::House;
use anyhow::{Context, ensure};
use messo_core::addresses::EmailAddress;
use messo_core::bodies::Body;
use messo_core::ports::{Commit, Write};

/// Most letters of an alias (AGCOM, as carriers take them).
const MAX_ALIAS: usize = 11;

/// Shows or changes the body.
pub async fn run(command: cli::Body, place: &Place) -> anyhow::Result<()> {
    let house = House::open(place).await?;
    let body = house.body().await?;
    match command {
        cli::Body::Show(json) if json.json => println!("{}", serde_json::to_string(&body)?),
        cli::Body::Show(_) => println!("{}", serde_json::to_string_pretty(&body)?),
        cli::Body::Set(set) => {
            let writes = vec![Write::Body(Box::new(changed(body, *set)?))];
            house.engine.store.commit(Commit { guards: Vec::new(), writes }).await?;
            eprintln!("The body is changed; running processes see it within seconds.");
        }
    }
    Ok(())
}

fn changed(mut body: Body, set: BodySet) -> anyhow::Result<Body> {
    let email = |option: &str, text: &str| {
        EmailAddress::parse(text)
            .map_err(|_| anyhow::anyhow!("{option}: «{text}» is no e-mail address"))
    };
    if let Some(name) = set.name {
        ensure!(!name.trim().is_empty(), "--name: a body has a name");
        body.sender.name.clone_from(&name);
        body.facts.name = name;
    }
    if let Some(text) = set.email {
        body.sender.email = email("--email", &text)?;
        body.facts.email = body.sender.email.to_string();
    }
    if let Some(text) = set.pec {
        let address = email("--pec", &text)?;
        body.facts.pec = address.to_string();
        body.sender.pec = Some(address);
    }
    body.sender.reply_tags = set.reply_tags.unwrap_or(body.sender.reply_tags);
    if !set.address.is_empty() {
        body.facts.address = set.address;
    }
    body.facts.phone = set.phone.unwrap_or(body.facts.phone);
    body.facts.website = set.website.unwrap_or(body.facts.website);
    body.facts.register_number = set.register_number.unwrap_or(body.facts.register_number);
    if let Some(sender) = set.sms_sender {
        let number = sender.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
        ensure!(
            number
                || sender.len() <= MAX_ALIAS && sender.chars().all(|c| c.is_ascii_alphanumeric()),
            "--sms-sender: an alias has at most {MAX_ALIAS} letters and digits"
        );
        body.sender.sms_sender = sender;
    }
    if let Some(day) = set.patron_saint {
        body.patron_saint = Some(month_and_day(&day).context("--patron-saint")?);
    }
    Ok(body)
}

/// `06-24`. A leap year is taken, so that the 29th of February is a day.
fn month_and_day(text: &str) -> anyhow::Result<(i8, i8)> {
    let date: Option<jiff::civil::Date> = format!("2000-{text}").parse().ok();
    let date = date.context("a day is written as MM-DD, e.g. 06-24")?;
    Ok((date.month(), date.day()))
}
