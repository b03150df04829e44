//! `messo demo`: the whole product on embedded defaults, with a small believable body in it.
//!
//! Certified and ordinary mail go through a sandbox post office inside this process and come back through its
//! mailboxes; magic addresses decide what comes back. Every other channel is simulated. Nothing leaves.

mod post_office;

use crate::cli::{self, Role};
use crate::commands::{init, keys};
use crate::config::Place;
use crate::house::House;
use crate::running::{self, Doors, Running};
use anyhow::Context;
use messo_core::addresses::EmailAddress;
use messo_core::bodies::Body;
use messo_core::case_sheet::CaseSheet;
use messo_postoffice::PostOffice;
use messo_web::DemoInfo;
use std::io::{Cursor, Write};
use tokio::net::TcpListener;

/// Who signs in to the demo. The password is public: the demo listens on loopback alone.
const USER: &str = "segreteria";
const PASSWORD: &str = "dimostrazione";

/// The cases of the demo, as a secretary would import them.
const CASES: &str = include_str!("../../demo/cases.csv");

/// Ports tried after 8080, when none is asked for.
const PORTS: u16 = 20;

/// Runs the demo until Ctrl-C. Without `--data` it lives in a temporary folder and leaves nothing.
pub async fn run(demo: cli::Demo, place: Option<Place>) -> anyhow::Result<()> {
    let temporary = match &place {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("messo-demo-").tempdir()?),
    };
    let place = match (place, &temporary) {
        (Some(place), _) => place,
        (None, Some(folder)) => Place::new(Some(folder.path().to_owned()), None),
        (None, None) => anyhow::bail!("no folder for the demo"),
    };
    let listener = bind(demo.port).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let office = post_office::open(&body()?).await?;
    let house = furnish(&place, &url, &office).await?;
    let info = DemoInfo { user: USER.into(), password: PASSWORD.into() };
    let roles = [Role::Web, Role::Worker, Role::Intake];
    let running =
        Running::start(&house, &roles, Doors { main: Some(listener), health: None }, Some(info))
            .await?;
    greet(&demo, &url, &place)?;
    tokio::select! {
        () = running::told_to_stop() => {}
        () = post_office::petition_comes(&office, &house) => {}
    }
    running.stop().await;
    office.close().await;
    Ok(())
}

fn greet(demo: &cli::Demo, url: &str, place: &Place) -> anyhow::Result<()> {
    let data = place.data.display();
    let mut out = std::io::stdout().lock();
    if demo.json {
        let line = serde_json::json!({
            "url": url, "user": USER, "password": PASSWORD, "data": data.to_string(),
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "Messo è pronto:  {url}")?;
        writeln!(out, "Utente: {USER}    Password: {PASSWORD}")?;
        writeln!(
            out,
            "Tutto è simulato: nulla lascia questa macchina. Dati in {data}; Ctrl-C per chiudere."
        )?;
    }
    out.flush()?;
    Ok(())
}

async fn bind(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let ports = port.map_or(8080..=8080 + PORTS, |port| port..=port);
    let asked = *ports.start();
    for port in ports {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    running::bind(([127, 0, 0, 1], asked).into()).await
}

/// Makes the installation at the first start; finds it again later.
async fn furnish(place: &Place, url: &str, office: &PostOffice) -> anyhow::Result<House> {
    // The address may be another at each start, so it comes from here and not from the file.
    let new = !place.file.exists();
    if new {
        let options =
            [("sandbox.channels", init::all_channels()), ("log.level", init::quoted("warn")?)];
        init::write(place, &options, body()?).await?;
    }
    let mut settings = crate::config::load(&place.file)?;
    settings.server.public_url = url.to_owned();
    post_office::connect(office, &body()?, &mut settings, place)?;
    crate::logging::start(&settings.log);
    let storage = crate::house::open_storage(&settings, &place.data).await?;
    let house = House::with(settings, storage, place).await?;
    if let Some(real) = house.engine.providers.iter().find(|provider| !provider.spec().sandbox) {
        anyhow::bail!(
            "{} is a real installation ({} would really send): the demo wants a folder of its own",
            place.data.display(),
            real.spec().name
        );
    }
    if new {
        keys::add_user(&house, USER, PASSWORD).await?;
        seed(&house).await.context("the demo's cases cannot be filed")?;
    }
    Ok(house)
}

async fn seed(house: &House) -> anyhow::Result<()> {
    let body = house.body().await?.id;
    for row in CaseSheet::open(Cursor::new(CASES))? {
        let row = row?.outcome.map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        house.engine.enroll(body, &row).await?;
    }
    Ok(())
}

fn body() -> anyhow::Result<Body> {
    let email = EmailAddress::parse("segreteria@pontevecchio.example")
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut body = init::new_body("Organismo di Mediazione Ponte Vecchio", email);
    body.facts.address = vec!["Via Larga 7".into(), "50123 Firenze FI".into()];
    body.facts.phone = "055 555 0100".into();
    let pec = EmailAddress::parse("mediazione@pec.pontevecchio.example")
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    body.facts.pec = pec.to_string();
    body.sender.pec = Some(pec);
    body.sender.reply_tags = true;
    body.facts.website = "www.pontevecchio.example".into();
    body.facts.register_number = "999".into();
    body.sender.sms_sender = "PonteVecchi".into();
    body.patron_saint = Some((6, 24));
    Ok(body)
}
