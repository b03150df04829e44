//! What reads, verifies and fetches the mail that comes in.

use crate::config::{Place, Settings};
use crate::house::House;
use crate::rim::{self, SystemClock};
use anyhow::Context;
use messo_core::bodies::Body;
use messo_core::ids::BodyId;
use messo_core::ports::{Clock, MailSink, SignatureCheck};
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_engine::Intake;
use messo_mail::Reader;
use messo_mailboxes::{MailboxSettings, Mailboxes, Pace};
use messo_signatures::TrustFolder;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often the folder of trust anchors is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The providers whose signatures the operator trusts.
struct Trust(TrustFolder);

impl SignatureCheck for Trust {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        messo_signatures::verify_message(raw, at, &self.0.anchors(SystemClock.now()))
    }
}

/// What the engine needs to read mail.
pub fn intake(settings: &Settings, place: &Place) -> Intake {
    let folder = TrustFolder::open(trust_folder(settings, place), LOOK_EVERY);
    Intake {
        reader: Arc::new(Reader::default()),
        signatures: Arc::new(Trust(folder)),
        trust_unverifiable: settings.mail.trust_unverifiable,
    }
}

/// Where the operator keeps the certificates that are trusted.
pub fn trust_folder(settings: &Settings, place: &Place) -> PathBuf {
    place.data.join(&settings.mail.trust)
}

/// The mailboxes that the configuration names, each with its body.
pub fn mailboxes(
    settings: &Settings,
    bodies: &[Body],
) -> anyhow::Result<Vec<(BodyId, MailboxSettings)>> {
    let tables = settings.mailboxes.iter().enumerate();
    tables
        .map(|(index, table)| {
            let which = || format!("[[mailboxes]], number {}", index + 1);
            let mut table = table.clone();
            let number = table.remove("body").map(|value| value.as_u64().unwrap_or(0));
            let body = match (number, bodies) {
                (Some(number), _) => bodies.iter().find(|body| u64::from(body.number) == number),
                (None, [only]) => Some(only),
                (None, _) => None,
            };
            let body = body.context("body: say the number of the body").with_context(which)?;
            let options = serde_json::Value::Object(table.into_iter().collect());
            let settings = super::carriers::options(options).with_context(which)?;
            Ok((body.id, settings))
        })
        .collect()
}

/// Begins to read the mailboxes; none when none is configured.
pub async fn watch(house: &House) -> anyhow::Result<Option<Mailboxes>> {
    let list = mailboxes(&house.settings, &house.engine.store.bodies().await?)?;
    if list.is_empty() {
        return Ok(None);
    }
    let sink: Arc<dyn MailSink> = house.engine.clone();
    let pace = Pace::new(Arc::new(SystemClock), Arc::new(rim::chance));
    Mailboxes::start(list, sink, pace).map(Some).context("[[mailboxes]]")
}
