//! The ways out that the configuration names.

mod sent;

use crate::config::{Settings, toml_value::Table};
use crate::rim::SystemClock;
use anyhow::{Context, bail};
use messo_channels::email::{Smtp, SmtpSettings};
use messo_channels::pec::{Pec, PecSettings};
use messo_channels::sandbox::Sandbox;
use messo_channels::sms::{Kannel, KannelSettings};
use messo_core::addresses::Channel;
use messo_core::ports::{Provider, Store};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Every provider that the configuration names, the real ones first.
pub fn configured(
    settings: &Settings,
    store: &Arc<dyn Store>,
) -> anyhow::Result<Vec<Arc<dyn Provider>>> {
    let mut list: Vec<Arc<dyn Provider>> = Vec::new();
    match settings.email.provider.as_str() {
        "none" => {}
        "sandbox" => list.push(Arc::new(Sandbox::new(Channel::Email))),
        "smtp" => list.push(Arc::new(Smtp::new(&smtp(settings)?)?)),
        other => bail!("email.provider is «{other}»: it can be none, sandbox or smtp"),
    }
    match settings.pec.provider.as_str() {
        "none" => {}
        "sandbox" => list.push(Arc::new(Sandbox::new(Channel::Pec))),
        "smtp" => list.push(Arc::new(pec(settings, store)?)),
        other => bail!("pec.provider is «{other}»: it can be none, sandbox or smtp"),
    }
    match settings.sms.provider.as_str() {
        "none" => {}
        "sandbox" => list.push(Arc::new(Sandbox::new(Channel::Sms))),
        "kannel" => list.push(Arc::new(Kannel::new(kannel(settings)?)?)),
        other => bail!("sms.provider is «{other}»: it can be none, sandbox or kannel"),
    }
    for word in &settings.sandbox.channels {
        let channel: Channel = word
            .parse()
            .map_err(|_| anyhow::anyhow!("sandbox.channels names «{word}», which is no channel"))?;
        if !list.iter().any(|provider| provider.spec().channel == channel) {
            list.push(Arc::new(Sandbox::new(channel)));
        }
    }
    Ok(list)
}

/// How fast a channel may send; 0 stands for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Messages a minute.
    pub per_minute: u32,
    /// Messages in any hour.
    pub per_hour: u32,
    /// Messages in a civil day.
    pub per_day: u32,
}

/// How fast the configured provider of a channel may send.
pub fn limits(settings: &Settings, channel: Channel) -> anyhow::Result<Limits> {
    let per_minute = |per_minute| Limits { per_minute, ..Limits::default() };
    Ok(match channel {
        Channel::Email if settings.email.provider == "smtp" => {
            per_minute(smtp(settings)?.per_minute)
        }
        Channel::Sms if settings.sms.provider == "kannel" => {
            per_minute(kannel(settings)?.per_minute)
        }
        Channel::Pec if settings.pec.provider == "smtp" => {
            let PecSettings { per_minute, per_hour, per_day, .. } = pec_settings(settings)?;
            Limits { per_minute, per_hour, per_day }
        }
        _ => Limits::default(),
    })
}

/// The certified mailbox, which finds in the evidence what it has sent before.
pub fn pec(settings: &Settings, store: &Arc<dyn Store>) -> anyhow::Result<Pec> {
    let full = pec_settings(settings)?;
    let past = sent::Evidence { store: Arc::clone(store), provider: full.name.clone() };
    let pec = Pec::new(&full, Arc::new(SystemClock)).context("[pec]")?;
    Ok(pec.with_past(Box::new(past)))
}

fn pec_settings(settings: &Settings) -> anyhow::Result<PecSettings> {
    let base = PecSettings::from_url(settings.pec.url.expose()).context("pec.url")?;
    let more = &settings.pec.smtp;
    let mut full: PecSettings = options(merge(empty(), more)).context("[pec.smtp]")?;
    full.host = base.host;
    full.port = base.port;
    full.user = base.user;
    full.password = base.password;
    if !more.contains_key("tls") {
        full.tls = base.tls;
    }
    Ok(full)
}

fn smtp(settings: &Settings) -> anyhow::Result<SmtpSettings> {
    let mut full = SmtpSettings::from_url(settings.email.url.expose()).context("email.url")?;
    let more = &settings.email.smtp;
    if !more.is_empty() {
        // The address says where and as whom; the table says the rest.
        let base =
            std::mem::replace(&mut full, options(merge(empty(), more)).context("[email.smtp]")?);
        full.host = base.host;
        full.port = base.port;
        full.user = base.user;
        full.password = base.password;
        if !more.contains_key("tls") {
            full.tls = base.tls;
        }
    }
    Ok(full)
}

fn kannel(settings: &Settings) -> anyhow::Result<KannelSettings> {
    let base = serde_json::json!({
        "url": settings.sms.url,
        "user": settings.sms.user,
        "password": settings.sms.password.expose(),
    });
    options(merge(base, &settings.sms.kannel)).context("[sms.kannel]")
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn merge(base: serde_json::Value, more: &Table) -> serde_json::Value {
    let serde_json::Value::Object(mut fields) = base else { return base };
    fields.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    serde_json::Value::Object(fields)
}

pub(super) fn options<T: DeserializeOwned>(value: serde_json::Value) -> anyhow::Result<T> {
    // A message about a type quotes the value, which could be a secret; one about a name does not.
    serde_json::from_value(value).map_err(|error| match error.to_string() {
        said if said.starts_with("unknown field") || said.starts_with("missing field") => {
            anyhow::anyhow!(said)
        }
        _ => anyhow::anyhow!("an option has not the type that channels/CONTRACT.md asks for"),
    })
}
