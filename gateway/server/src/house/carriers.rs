//! The ways out that the configuration names.

use crate::config::{Settings, toml_value::Table};
use anyhow::{Context, bail};
use messo_channels::email::{Smtp, SmtpSettings};
use messo_channels::sandbox::Sandbox;
use messo_channels::sms::{Kannel, KannelSettings};
use messo_core::addresses::Channel;
use messo_core::ports::Provider;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Every provider that the configuration names, the real ones first.
pub fn configured(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Provider>>> {
    let mut list: Vec<Arc<dyn Provider>> = Vec::new();
    match settings.email.provider.as_str() {
        "none" => {}
        "sandbox" => list.push(Arc::new(Sandbox::new(Channel::Email))),
        "smtp" => list.push(Arc::new(smtp(settings)?)),
        other => bail!("email.provider is «{other}»: it can be none, sandbox or smtp"),
    }
    match settings.sms.provider.as_str() {
        "none" => {}
        "sandbox" => list.push(Arc::new(Sandbox::new(Channel::Sms))),
        "kannel" => list.push(Arc::new(kannel(settings)?)),
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

fn smtp(settings: &Settings) -> anyhow::Result<Smtp> {
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
    Ok(Smtp::new(&full)?)
}

fn kannel(settings: &Settings) -> anyhow::Result<Kannel> {
    let base = serde_json::json!({
        "url": settings.sms.url,
        "user": settings.sms.user,
        "password": settings.sms.password.expose(),
    });
    let full: KannelSettings =
        options(merge(base, &settings.sms.kannel)).context("[sms.kannel]")?;
    Ok(Kannel::new(full)?)
}

fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn merge(base: serde_json::Value, more: &Table) -> serde_json::Value {
    let serde_json::Value::Object(mut fields) = base else { return base };
    fields.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
    serde_json::Value::Object(fields)
}

fn options<T: DeserializeOwned>(value: serde_json::Value) -> anyhow::Result<T> {
    // A message about a type quotes the value, which could be a secret; one about a name does not.
    serde_json::from_value(value).map_err(|error| match error.to_string() {
        said if said.starts_with("unknown field") || said.starts_with("missing field") => {
            anyhow::anyhow!(said)
        }
        _ => anyhow::anyhow!("an option has not the type that channels/CONTRACT.md asks for"),
    })
}
