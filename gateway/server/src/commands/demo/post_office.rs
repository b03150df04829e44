//! The post office of the demo: what the body sends by e-mail and PEC goes there, and what comes back is read from
//! its mailboxes, as with a real provider.

use crate::config::{Place, Settings};
use crate::house::House;
use crate::house::mail::trust_folder;
use crate::rim::{RandomIds, SystemClock};
use anyhow::Context;
use messo_core::bodies::Body;
use messo_core::ids::BlobHash;
use messo_core::ports::MessageFilter;
use messo_postoffice::{Account, Config, Letter, Pace, PostOffice};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Password of the demo's mailboxes: they are on the loopback, and end with the process.
const PASSWORD: &str = "dimostrazione";

/// What an ordinary delivery takes; the hours of the real circuit pass at this pace.
const DELIVERY: Duration = Duration::from_millis(1_500);

/// When the petition arrives.
const PETITION_AFTER: Duration = Duration::from_secs(10);

/// A petition as a lawyer would send it.
const PETITION: &[u8] = include_bytes!("../../../demo/istanza.pdf");

/// Opens the post office with the body's two mailboxes.
pub async fn open(body: &Body) -> anyhow::Result<PostOffice> {
    let mut config = Config::new(Arc::new(SystemClock), Arc::new(RandomIds))
        .account(Account::certified(&pec(body)?, PASSWORD).receipts_in("Ricevute"))
        .account(Account::ordinary(body.sender.email.as_str(), PASSWORD));
    config.pace = Pace::of(DELIVERY);
    config.pace.answer.stated = 2 * DELIVERY;
    PostOffice::start(config).await.context("the demo's post office does not open")
}

/// Makes the installation send through the post office, read its mailboxes and trust its root.
pub fn connect(
    office: &PostOffice,
    body: &Body,
    settings: &mut Settings,
    place: &Place,
) -> anyhow::Result<()> {
    let folder = trust_folder(settings, place);
    std::fs::create_dir_all(&folder)?;
    let root = office.ca_pem();
    // Each start has a root of its own; those of earlier ones stay, for what they have signed.
    let name = format!("ufficio-di-prova-{}.pem", &BlobHash::of(&root).hex()[..16]);
    let root_file = folder.join(name);
    std::fs::write(&root_file, &root)?;
    let (certified, ordinary) = (pec(body)?, body.sender.email.to_string());
    let options = || {
        let value = serde_json::json!({ "ca_file": root_file, "sandbox": true });
        serde_json::from_value(value).context("options of the demo's post office")
    };
    settings.pec.provider = "smtp".into();
    settings.pec.url = url(office, &certified).into();
    settings.pec.smtp = options()?;
    settings.email.provider = "smtp".into();
    settings.email.url = url(office, &ordinary).into();
    settings.email.smtp = options()?;
    for (name, channel, address, folders) in [
        ("PEC", "pec", &certified, &["INBOX", "Ricevute"][..]),
        ("e-mail", "email", &ordinary, &["INBOX"][..]),
    ] {
        let table = mailbox(office, &root_file, name, channel, address, folders);
        settings.mailboxes.push(serde_json::from_value(table).context("mailbox of the demo")?);
    }
    Ok(())
}

fn mailbox(
    office: &PostOffice,
    root: &Path,
    name: &str,
    channel: &str,
    address: &str,
    folders: &[&str],
) -> serde_json::Value {
    let imaps = office.addresses().imaps;
    serde_json::json!({
        "name": name,
        "channel": channel,
        "sandbox": true,
        "host": imaps.ip().to_string(),
        "port": imaps.port(),
        "tls": "implicit",
        "ca_file": root,
        "user": address,
        "password": PASSWORD,
        "folders": folders,
        "poll_s": 1,
    })
}

fn url(office: &PostOffice, user: &str) -> String {
    format!("smtps://{}:{PASSWORD}@{}", user.replace('@', "%40"), office.addresses().smtps)
}

fn pec(body: &Body) -> anyhow::Result<String> {
    Ok(body.sender.pec.as_ref().context("the demo's body has no PEC")?.to_string())
}

/// Some seconds after the first start a petition comes in by PEC. Never returns.
pub async fn petition_comes(office: &PostOffice, house: &House) {
    tokio::time::sleep(PETITION_AFTER).await;
    if let Err(error) = deliver_petition(office, house).await {
        tracing::warn!(%error, "the demo's petition could not be delivered");
    }
    std::future::pending::<()>().await;
}

async fn deliver_petition(office: &PostOffice, house: &House) -> anyhow::Result<()> {
    let body = house.body().await?;
    let filter = MessageFilter { limit: 1, ..MessageFilter::default() };
    let certified = pec(&body)?;
    if !house.engine.store.messages(body.id, &filter).await?.is_empty() {
        let known = house.engine.store.cases(body.id, 100).await?;
        if known.iter().any(|case| case.standing == messo_core::cases::CaseStanding::Draft) {
            return Ok(());
        }
    }
    let mut letter = Letter::new(
        "lucia.ferri@pec.avvocati.example",
        &certified,
        "Istanza di mediazione Ferri c. Marmi Versilia S.r.l.",
        "Si deposita in allegato l'istanza di mediazione.\n\nDistinti saluti\navv. Lucia Ferri\n",
    )
    .attach("istanza.pdf", "application/pdf", PETITION);
    letter.from_name = "Avv. Lucia Ferri".into();
    office.deliver_petition(&certified, &letter).context("no delivery")?;
    Ok(())
}
