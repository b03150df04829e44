//! The protocol register as a secretary and an inspector meet it: days that follow each other, closed for good.

use jiff::civil::{Date, date};
use messo_core::addresses::EmailAddress;
use messo_core::bodies::{Body, BodyKind, Sender};
use messo_core::evidence::EvidenceKind;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::notices::BodyFacts;
use messo_core::ports::{Clock, Commit, Ids, Seal, SignatureCheck, Write};
use messo_core::register::{Direction, RegisterDraft};
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_core::tokens::TokenKeys;
use messo_engine::registry::RegistryError;
use messo_engine::{BodyCache, Engine, Intake, KeyRing, Providers, Settings};
use messo_storage::Storage;
use messo_tests::Installation;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use uuid::Uuid;

const BODY: BodyId = BodyId(Uuid::from_u128(1));

/// A clock that stands where it is put.
struct Stepped(AtomicI64);

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct Random;

impl Ids for Random {
    #[expect(clippy::disallowed_methods, reason = "the stories need no seed")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

struct NoSeal;

impl Seal for NoSeal {
    fn seal(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
    fn public_key(&self) -> [u8; 32] {
        [0; 32]
    }
}

struct NoSignatures;

impl SignatureCheck for NoSignatures {
    fn check(&self, _: &[u8], at: Timestamp) -> SignatureReport {
        SignatureReport::from_reasons(Vec::new(), None, None, at)
    }
}

struct Office {
    engine: Arc<Engine>,
    clock: Arc<Stepped>,
}

impl Office {
    async fn open(storage: Storage) -> Self {
        let clock = Arc::new(Stepped(AtomicI64::new(0)));
        let keys = TokenKeys::new(vec![(1, [7; 32])]).expect("a key");
        let engine = Engine {
            store: Arc::new(storage),
            doorbell: Arc::new(messo_wakeup::LocalDoorbell::new()),
            renderer: Arc::new(messo_templates::Templates::new(None).expect("templates")),
            typesetter: Arc::new(messo_typesetting::Typesetter::new().expect("a typesetter")),
            clock: clock.clone(),
            ids: Arc::new(Random),
            seal: Arc::new(NoSeal),
            tokens: KeyRing::new(keys, clock.clone(), Box::new(|| None)),
            providers: Providers::default(),
            intake: Intake {
                reader: Arc::new(messo_mail::Reader::default()),
                signatures: Arc::new(NoSignatures),
                trust_unverifiable: false,
            },
            time_authority: None,
            settings: Settings::default(),
            bodies: BodyCache::default(),
        };
        let body = Body {
            id: BODY,
            number: 0,
            kind: BodyKind::Mediation,
            facts: BodyFacts {
                name: "Organismo di Mediazione Alfa".into(),
                address: vec!["Via Larga 7".into(), "50123 Firenze FI".into()],
                register_number: "123".into(),
                ..BodyFacts::default()
            },
            sender: Sender {
                pec: None,
                name: "Alfa".into(),
                email: EmailAddress::parse("segreteria@alfa.example").expect("an address"),
                reply_to: None,
                reply_tags: false,
                sms_sender: "Alfa".into(),
            },
            patron_saint: None,
        };
        let office = Self { engine: Arc::new(engine), clock };
        office.commit(vec![Write::Body(Box::new(body))]).await;
        office
    }

    async fn commit(&self, writes: Vec<Write>) {
        self.engine.store.commit(Commit { guards: Vec::new(), writes }).await.expect("a commit");
    }

    /// Sets the clock to a civil time in Rome.
    fn at(&self, day: Date, hour: i8, minute: i8) {
        let local = day.at(hour, minute, 0, 0).to_zoned(messo_core::time::rome());
        self.clock.0.store(local.expect("a time").timestamp().as_microsecond(), Ordering::SeqCst);
    }

    /// Registers something that came in now.
    async fn registers(&self, subject: &str) {
        let at = self.clock.now();
        let draft = RegisterDraft {
            body: BODY,
            year: at.in_rome().year(),
            direction: Direction::In,
            at,
            correspondent: "Rossi, Anna".into(),
            subject: subject.into(),
            case: None,
            document: BlobHash::of(subject.as_bytes()),
        };
        self.commit(vec![Write::Register(Box::new(draft))]).await;
    }
}

/// From Saturday to Monday, over the end of a year.
pub(crate) async fn days_follow_each_other(storage: Storage) {
    let (thursday, friday, saturday) = (date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2));
    let office = Office::open(storage).await;
    let engine = &office.engine;
    office.at(thursday, 10, 15);
    office.registers("Istanza, con \"virgolette\" e un 👍").await;
    office.registers("=SOMMA(A1)").await;
    let open = engine.day_register(BODY, thursday).await;
    assert!(matches!(open, Err(RegistryError::NotOver(day)) if day == thursday));
    office.at(friday, 0, 5);
    let early = engine.day_register(BODY, thursday).await;
    assert!(matches!(early, Err(RegistryError::NotOver(_))), "what was under way may still come");

    // On Saturday something comes in, and an old entry is annotated; then the days are closed.
    office.at(saturday, 9, 0);
    office.registers("Adesione").await;
    engine
        .annotate(BODY, 2026, 2, "segreteria", "correzione", "Il mittente è Bianchi")
        .await
        .unwrap();
    let nothing = engine.annotate(BODY, 2026, 3, "segreteria", "correzione", "x").await;
    assert!(matches!(nothing, Err(RegistryError::NoEntry { number: 3, .. })));
    let empty = engine.annotate(BODY, 2026, 2, "segreteria", " ", "x").await;
    assert!(matches!(empty, Err(RegistryError::Annotation)));
    office.at(date(2027, 1, 4), 9, 0);
    let closed = engine.close_days(BODY, saturday).await.unwrap();
    let days: Vec<Date> = closed.iter().map(|day| day.day).collect();
    assert_eq!(days, [thursday, saturday], "a day on which nothing was registered is skipped");

    let first = engine.day_register(BODY, thursday).await.unwrap();
    let csv = String::from_utf8(first.csv.clone()).unwrap();
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(lines[0], "riga,anno,numero,data,ora,verso,corrispondente,oggetto,sha256,autore");
    assert!(lines[1].starts_with("precedente,"), "{csv}");
    assert!(lines[2].starts_with("registrazione,2026,1,2026-12-31,10:15:00+01:00,entrata,\"Rossi, Anna\",\"Istanza, con \"\"virgolette\"\" e un 👍\","), "{csv}");
    assert!(lines[3].contains("'=SOMMA(A1)"), "no formula of a stranger: {csv}");
    let second = engine.day_register(BODY, saturday).await.unwrap();
    assert_eq!(second.day.previous, Some((thursday, BlobHash::of(&first.csv))));
    let csv = String::from_utf8(second.csv.clone()).unwrap();
    assert!(csv.contains(&BlobHash::of(&first.csv).hex()), "{csv}");
    assert!(csv.contains("registrazione,2027,1,"), "{csv}");
    assert!(csv.contains("annotazione,2026,2,2027-01-02,"), "{csv}");
    assert!(second.pdf[0].starts_with(b"%PDF-1.7"));
    keep(&second.pdf[0]);

    // Closed is closed: what comes late goes into a later day, and the files stay as they are.
    office.at(saturday, 23, 59);
    office.registers("Arrivata tardi").await;
    office.at(date(2027, 1, 5), 9, 0);
    engine.close_due_days().await.unwrap();
    let again = engine.day_register(BODY, saturday).await.unwrap();
    assert_eq!((again.csv, again.pdf), (second.csv, second.pdf));
    let sunday = engine.day_register(BODY, date(2027, 1, 3)).await.unwrap();
    assert!(String::from_utf8(sunday.csv).unwrap().contains("Arrivata tardi"));
    let none = engine.day_register(BODY, date(2027, 1, 4)).await;
    assert!(matches!(none, Err(RegistryError::Empty(_))));

    let chain = engine.store.chain(BODY, 1, 100).await.unwrap();
    let days: Vec<_> = chain.iter().filter(|item| item.kind == EvidenceKind::RegisterDay).collect();
    assert_eq!(days.len(), 3);
    assert_eq!(days[0].blob, Some(first.day.csv));
    assert!(days.iter().all(|item| item.holds() && item.summary.contains("csv_sha256")));
}

/// Leaves the PDF where somebody can look at it, when they ask for it.
fn keep(pdf: &[u8]) {
    if let Ok(folder) = std::env::var("MESSO_KEEP") {
        std::fs::write(format!("{folder}/registro.pdf"), pdf).expect("the folder is there");
    }
}

/// Four at once close the same days: each is closed once.
pub(crate) async fn many_close_at_once(storage: Storage) {
    let office = Office::open(storage).await;
    for day in 1..=5 {
        office.at(date(2026, 6, day), 12, 0);
        office.registers(&format!("Atto {day}")).await;
    }
    office.at(date(2026, 6, 10), 12, 0);
    let mut closers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let engine = Arc::clone(&office.engine);
        closers
            .spawn(async move { engine.close_days(BODY, date(2026, 6, 9)).await.unwrap().len() });
    }
    let closed: usize = closers.join_all().await.into_iter().sum();
    assert_eq!(closed, 5);
    let mut previous = None;
    for day in 1..=5 {
        let files = office.engine.day_register(BODY, date(2026, 6, day)).await.unwrap();
        assert_eq!(files.day.previous, previous);
        previous = Some((files.day.day, BlobHash::of(&files.csv)));
    }
}

/// A worker dies again and again while it sends certified mail, which is registered: the numbers that are there afterwards are
/// 1, 2, 3 …, each for a document of its own.
pub(crate) async fn numbers_survive_a_worker_that_is_killed(options: &[&str]) {
    let mut all = vec!["--sandbox"];
    all.extend(options);
    let installation = Installation::new(&all)
        .with("MESSO_WORKER_LEASE_S", "3")
        .with("MESSO_WORKER_SWEEP_MS", "50")
        .with("MESSO_LOG_LEVEL", "error");
    let mut sheet = String::from("numero;anno;ruolo;nome;cognome;pec;oggetto;testo\n");
    for row in 1..=400 {
        let line = format!(
            "{row};2026;convocato;Anna;Rossi;anna{row}@pec.example.test;Avviso;Si comunica il rinvio.\n"
        );
        sheet.push_str(&line);
    }
    let sheet = installation.file("cases.csv", sheet);
    let sheet = sheet.to_str().expect("a path in UTF-8");
    installation.ok(&["send", sheet, "--template", "comunicazione", "--plan", "pec"]);
    for round in 0..6 {
        let mut worker = installation.serve(&["--role", "worker"]);
        tokio::time::sleep(Duration::from_millis(250 + round * 90)).await;
        worker.kill();
    }
    let listed = installation.json(&["register", "list", "--json"]);
    let entries = listed["entries"].as_array().expect("entries");
    let numbers: Vec<i64> = entries.iter().filter_map(|entry| entry["number"].as_i64()).collect();
    let expected: Vec<i64> = (1..).take(numbers.len()).collect();
    assert!(numbers.len() > 5, "the worker was never alive long enough: {listed}");
    assert_eq!(numbers, expected);
    let documents: HashSet<&str> =
        entries.iter().filter_map(|entry| entry["document_sha256"].as_str()).collect();
    assert_eq!(documents.len(), numbers.len(), "a document was registered twice");
}

async fn fresh() -> (tempfile::TempDir, Storage) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messo.db").display().to_string();
    let storage = Storage::open(&file).await.expect("SQLite opens");
    storage.migrate().await.expect("the schema is made");
    (folder, storage)
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_days_of_the_register_are_a_chain_that_nothing_enters_later() {
    let (_folder, storage) = fresh().await;
    days_follow_each_other(storage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_leaves_no_gap_in_the_register() {
    numbers_survive_a_worker_that_is_killed(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_closed_once_however_many_close_it() {
    let (_folder, storage) = fresh().await;
    many_close_at_once(storage).await;
}
