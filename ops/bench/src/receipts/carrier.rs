//! Open dispatches with the receipts that they wait for: a certified mailbox that accepts everything and writes down at once
//! what the sandbox's provider would answer.
//!
//! Guarantee: the messages are those of the real PEC channel, the receipts follow RFC 6109 and are signed (RSA-2048).

use super::house::{House, PEC, WallClock, trust_folder};
use async_trait::async_trait;
use messo_channels::pec::{Pec, PecSettings};
use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::attempts::{Failure, Outcome};
use messo_core::ids::BlobHash;
use messo_core::jobs::{Lane, Priority};
use messo_core::notices::{NoticeFacts, RecipientRequest};
use messo_core::ports::{
    Clock, Envelope, Exchange, Outbound, Provider, ProviderSpec, Stage, Transcript, Turn,
};
use messo_engine::{Run, Workers};
use messo_postoffice::{
    Authority, Flaws, Kind, Original, Provider as PostProvider, Statement, Style,
};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Makes `count` open dispatches in the folder and writes the receipts of the first `answered` to `file`.
/// `whole` messages are the summons as it leaves, with its letter; the others are those of ordinary mail without it,
/// of which more can be made in a given time.
pub fn prepare(
    folder: &Path,
    file: &Path,
    count: u64,
    answered: u64,
    whole: bool,
) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(preparing(folder, file, count, answered, whole))
}

async fn preparing(
    folder: &Path,
    file: &Path,
    count: u64,
    answered: u64,
    whole: bool,
) -> anyhow::Result<()> {
    let authority = Authority::new(WallClock.now())?;
    std::fs::create_dir_all(trust_folder(folder))?;
    std::fs::write(trust_folder(folder).join("root.pem"), authority.root_pem())?;
    let settings = PecSettings {
        sessions: 16,
        sandbox: true,
        ..PecSettings::from_url("smtps://user:password@127.0.0.1:9")?
    };
    let carrier = Carrier {
        pec: Pec::new(&settings, Arc::new(WallClock))?,
        office: PostProvider::new(
            &authority,
            "Gestore di prova",
            "pec.sandbox.example",
            Style::Rich,
        )?,
        file: Mutex::new(BufWriter::new(File::create(file)?)),
        begun: AtomicU64::new(0),
        sent: AtomicU64::new(0),
        answered,
    };
    let carrier = Arc::new(carrier);
    let House { engine, body, .. } = House::open(folder, vec![carrier.clone()], whole).await?;
    let example: NoticeFacts =
        serde_json::from_str(include_str!("../../../../templates/messages/example.json"))?;
    let run = Run::new(body, "convocazione", "pec".parse()?, BlobHash::of(b"bench"));
    let rows = (1..=count).filter_map(|number| row(&example, number));
    engine.release(&run, rows, |_| {}).await?;
    let workers = Workers::start(engine.clone(), &[Lane::Out(Channel::Pec)], "bench".into());
    let limit = Duration::from_secs(60) + Duration::from_millis(20) * u32::try_from(count)?;
    let all = async {
        while carrier.sent.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let sent = tokio::time::timeout(limit, all).await;
    anyhow::ensure!(
        sent.is_ok(),
        "{} of {count} were sent: some were refused",
        carrier.sent.load(Ordering::Relaxed)
    );
    workers.stop().await;
    carrier.file.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
    Ok(())
}

/// A recipient with a case of his own.
fn row(example: &NoticeFacts, number: u64) -> Option<RecipientRequest> {
    let mut facts = example.clone();
    facts.case.number = number.to_string();
    facts.recipient.family_name = format!("Rossi {number}");
    facts.recipient.fiscal_code = String::new();
    let to = EmailAddress::parse(&format!("anna{number}@pec.sandbox.example")).ok()?;
    let row = u32::try_from(number).ok()?;
    Some(RecipientRequest { row, facts, addresses: vec![Address::Pec(to)] })
}

/// The mailbox.
struct Carrier {
    pec: Pec,
    office: PostProvider,
    file: Mutex<BufWriter<File>>,
    begun: AtomicU64,
    sent: AtomicU64,
    answered: u64,
}

impl Carrier {
    /// Acceptance and delivery of a message.
    fn answer(&self, envelope: &Envelope, number: u64) -> anyhow::Result<()> {
        let at = WallClock.now();
        let pec_id = format!("opec{number}.20261122@pec.sandbox.example");
        let original = Original::read(&envelope.bytes, &pec_id, at);
        let mut both = Vec::new();
        for (kind, serial) in [(Kind::Acceptance, 1), (Kind::Delivery, 2)] {
            let receipt = self.office.write(&Statement {
                kind,
                original: &original,
                to: PEC.into(),
                at,
                recipient: Some(&envelope.to),
                error: None,
                detail: None,
                form: original.form_for(&envelope.to),
                flaws: Flaws::default(),
                serial,
            })?;
            both.extend_from_slice(&u32::try_from(receipt.len())?.to_be_bytes());
            both.extend_from_slice(&receipt);
        }
        // Together, so that any even number from the front is whole pairs.
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&both)?;
        Ok(())
    }
}

#[async_trait]
impl Provider for Carrier {
    fn spec(&self) -> &ProviderSpec {
        self.pec.spec()
    }

    fn prepare(&self, outbound: &Outbound) -> Result<Envelope, Failure> {
        self.pec.prepare(outbound)
    }

    async fn turn(&self, _to: &Address, _priority: Priority) -> Result<Turn, Duration> {
        Ok(Turn::free())
    }

    async fn send(&self, envelope: &Envelope) -> Exchange {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let written = match number < self.answered {
            true => tokio::task::block_in_place(|| self.answer(envelope, number)),
            false => Ok(()),
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        Exchange {
            stage: Stage::Answered,
            code: Some(if written.is_ok() { 250 } else { 451 }),
            answer: "2.0.0 Ok".into(),
            error: None,
            transcript: Transcript::default(),
        }
    }

    fn interpret(&self, exchange: &Exchange) -> Outcome {
        self.pec.interpret(exchange)
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}
