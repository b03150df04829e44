//! Opens a sandbox post office and says where, for trying by hand: `cargo run -p messo-postoffice --example postoffice`.
//!
//! Guarantee: loopback only; ends with Enter. Limit: fixed accounts and passwords.

use messo_core::ports::{Clock, Ids};
use messo_core::time::Timestamp;
use messo_postoffice::{Account, Config, Letter, PostOffice};
use std::sync::Arc;

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "this program has no other clock")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

struct Random;

impl Ids for Random {
    #[expect(clippy::disallowed_methods, reason = "this program has no other randomness")]
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const BODY: &str = "organismo@pec.sandbox.example";
    let config = Config::new(Arc::new(Wall), Arc::new(Random))
        .account(Account::certified(BODY, "prova"))
        .account(Account::certified("avvocato@pec.sandbox.example", "prova"))
        .account(Account::ordinary("segreteria@organismo.sandbox.example", "prova"));
    let office = PostOffice::start(config).await?;
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("sandbox-root.pem");
    std::fs::write(&ca, office.ca_pem())?;
    let petition = Letter::new("rossi@pec.example", BODY, "Istanza di mediazione", "Si deposita.")
        .attach("istanza.pdf", "application/pdf", b"%PDF-1.7\n%%EOF\n");
    office.deliver_petition(BODY, &petition)?;
    println!("{:#?}", office.addresses());
    println!("users     {BODY}, avvocato@pec.sandbox.example (certified)");
    println!("          segreteria@organismo.sandbox.example (ordinary)");
    println!("password  prova");
    println!("root      {}", ca.display());
    println!("Enter closes it.");
    let mut line = String::new();
    tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line)).await??;
    office.close().await;
    Ok(())
}
