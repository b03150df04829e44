//! Certified mail against a submission server that plays by script, and against the sandbox post office.

use crate::outbounds;
use crate::relay::{CLOSE, HANG, Relay, Script};
use jiff::civil::date;
use mail_parser::{MessageParser, MimeHeaders};
use messo_channels::email::Deadlines;
use messo_channels::pec::{Past, Pec, PecSettings, Sent, Stop};
use messo_core::addresses::{Address, EmailAddress};
use messo_core::attempts::Outcome;
use messo_core::failures::FailureClass::{self, *};
use messo_core::jobs::Priority::{self, Bulk, Legal};
use messo_core::pec::RECEIPT_WITHIN;
use messo_core::ports::{Clock, Exchange, Ids, Outbound, Part, Provider, Rendition, Stage};
use messo_core::time::Timestamp;
use messo_postoffice::{Account, Config, Pace, PostOffice};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BODY: &str = "organismo@pec.sandbox.example";
/// 2026-11-22T09:00 in Rome.
const NINE: Timestamp = Timestamp::from_seconds(1_795_334_400);
const HOUR: Duration = Duration::from_secs(3600);

/// A clock that stands until it is moved.
struct Stepped(AtomicI64);

impl Stepped {
    fn at(instant: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(instant.0)))
    }

    fn set(&self, instant: Timestamp) {
        self.0.store(instant.0, Ordering::SeqCst);
    }
}

impl Clock for Stepped {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn to(address: &str, number: u128) -> Outbound {
    let mut outbound = outbounds::to("x@example.it", number);
    outbound.to = Address::Pec(EmailAddress::parse(address).unwrap());
    outbound.sender.pec = Some(EmailAddress::parse(BODY).unwrap());
    outbound
}

fn lawyer() -> Address {
    to("avvocato@pec.example.it", 1).to
}

fn settings(relay: &Relay) -> PecSettings {
    PecSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(relay.address.port()),
        ca_file: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem").into()),
        user: Some(BODY.to_owned()),
        password: Some("segretissima".to_owned().into()),
        patience_s: 0,
        deadlines: Deadlines::all(1),
        ..PecSettings::default()
    }
}

/// A provider that never connects.
fn unconnected(change: impl FnOnce(&mut PecSettings), clock: Arc<dyn Clock>) -> Pec {
    let mut settings = PecSettings {
        host: "127.0.0.1".to_owned(),
        user: Some(BODY.to_owned()),
        patience_s: 0,
        ..PecSettings::default()
    };
    change(&mut settings);
    Pec::new(&settings, clock).unwrap()
}

/// What was sent before; told only from the second question on, when `late`.
struct Before {
    sent: Vec<Sent>,
    from: Arc<Mutex<Option<Timestamp>>>,
    late: AtomicBool,
}

#[async_trait::async_trait]
impl Past for Before {
    async fn sent(&self, from: Timestamp) -> Result<Vec<Sent>, String> {
        *self.from.lock().unwrap() = Some(from);
        if self.late.swap(false, Ordering::SeqCst) {
            return Err("the database does not answer".to_owned());
        }
        Ok(self.sent.clone())
    }
}

fn before(sent: &[Sent]) -> Box<Before> {
    Box::new(Before { sent: sent.to_vec(), from: Arc::default(), late: AtomicBool::new(false) })
}

fn script() -> Script {
    Script {
        implicit_tls: true,
        features: vec!["PIPELINING", "SIZE 30000000", "AUTH PLAIN LOGIN"],
        ..Script::default()
    }
}

fn class(provider: &Pec, exchange: &Exchange) -> Option<FailureClass> {
    match provider.interpret(exchange) {
        Outcome::Failed(failure) => Some(failure.class),
        _ => None,
    }
}

/// As the engine does: the turn, then the message.
async fn send(provider: &Pec, priority: Priority, number: u128) -> Result<Exchange, Duration> {
    let outbound = to("avvocato@pec.example.it", number);
    let turn = provider.turn(&outbound.to, priority).await?;
    let exchange = provider.send(&provider.prepare(&outbound).unwrap()).await;
    drop(turn);
    Ok(exchange)
}

#[tokio::test]
async fn the_message_is_exactly_what_certified_mail_asks_for_and_250_only_means_accepted() {
    let relay = Relay::play(script()).await;
    let provider = Pec::new(&settings(&relay), Stepped::at(NINE)).unwrap();
    let mut outbound = to("avvocato@pec.example.it", 7);
    let mut mail = outbounds::mail();
    mail.attachments = vec![Part {
        name: "convocazione.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: b"%PDF-1.7\n".to_vec().into(),
    }];
    outbound.rendition = Rendition::Mail(mail);
    let envelope = provider.prepare(&outbound).unwrap();
    let exchange = provider.send(&envelope).await;
    assert_eq!(
        provider.interpret(&exchange),
        Outcome::Accepted { provider_reference: None, receipt_within: RECEIPT_WITHIN }
    );
    assert_eq!(relay.messages(), [String::from_utf8(envelope.bytes.clone()).unwrap()]);

    let commands = relay.commands();
    let begin = |word: &str| commands.iter().filter(|c| c.starts_with(word)).collect::<Vec<_>>();
    let size = envelope.bytes.len();
    assert_eq!(begin("MAIL"), [&format!("MAIL FROM:<{BODY}> SIZE={size}")]);
    assert_eq!(begin("RCPT"), ["RCPT TO:<avvocato@pec.example.it>"]);

    let parsed = MessageParser::default().parse(&envelope.bytes).unwrap();
    let header = |name: &str| parsed.header_raw(name).map(|value| value.trim().to_owned());
    assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some(BODY));
    let recipients: Vec<_> = parsed.to().unwrap().iter().map(|to| to.address()).collect();
    assert_eq!(recipients, [Some("avvocato@pec.example.it")]);
    assert_eq!(header("X-TipoRicevuta").as_deref(), Some("completa"));
    assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
    for absent in ["Cc", "Bcc", "Reply-To", "Sender", "DKIM-Signature"] {
        assert_eq!(header(absent), None, "{absent}");
    }
    let id = parsed.message_id().unwrap();
    assert_eq!(id, envelope.reference);
    let (local, domain) = id.split_once('@').unwrap();
    assert_eq!((local, domain), ("m1.00000000000000000000000000000007", "pec.sandbox.example"));
    assert!(local.len() <= 64 && local.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'));
    let attached: Vec<_> = parsed.attachments().filter_map(|part| part.attachment_name()).collect();
    assert!(attached.contains(&"convocazione.pdf"), "{attached:?}");
}

#[tokio::test]
async fn a_body_without_certified_address_is_told_what_to_set() {
    let provider = unconnected(|_| {}, Stepped::at(NINE));
    let mut outbound = to("avvocato@pec.example.it", 1);
    outbound.sender.pec = None;
    let failure = provider.prepare(&outbound).unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Misconfigured, "messo:no_pec_sender"));
    assert!(failure.detail.contains("messo body set --pec"), "{}", failure.detail);
}

#[tokio::test]
async fn an_answer_lost_after_the_final_dot_is_a_doubt_that_is_counted_and_never_sent_again() {
    for loss in [CLOSE, HANG, "251 will forward"] {
        let script = Script { replies: vec![(".", 9, loss)], ..script() };
        let relay = Relay::play(script).await;
        let settings = PecSettings { per_day: 1, ..settings(&relay) };
        let provider = Pec::new(&settings, Stepped::at(NINE)).unwrap();
        let exchange = send(&provider, Legal, 1).await.unwrap();
        assert!(exchange.stage >= Stage::Sent, "{loss}: {exchange:?}");
        assert_eq!(class(&provider, &exchange), Some(Doubtful), "{loss}");
        assert_eq!(relay.commands().iter().filter(|c| *c == "DATA").count(), 1, "{loss}");
        assert_eq!(send(&provider, Legal, 2).await.unwrap_err(), 15 * HOUR, "{loss}");
    }
}

#[tokio::test]
async fn what_was_refused_never_entered_and_uses_up_no_window() {
    let cases = [
        ("MAIL", "553 5.7.1 not your address", Misconfigured),
        ("RCPT", "550 5.1.1 unknown", BadRecipient),
        ("RCPT", "451 4.7.1 too many messages an hour", Throttled),
        ("DATA", "452 4.3.1 no space", Unavailable),
        (".", "552 5.3.4 size times recipients too big", BadContent),
        (".", "451 4.3.0 later", Unavailable),
    ];
    for (command, reply, expected) in cases {
        let script = Script { replies: vec![(command, 1, reply)], ..script() };
        let relay = Relay::play(script).await;
        let settings = PecSettings { per_day: 1, ..settings(&relay) };
        let provider = Pec::new(&settings, Stepped::at(NINE)).unwrap();
        let exchange = send(&provider, Legal, 1).await.unwrap();
        assert_eq!(class(&provider, &exchange), Some(expected), "{command} {reply}");
        assert_eq!(class(&provider, &send(&provider, Legal, 2).await.unwrap()), None, "{reply}");
        // A refused message ends with an empty one where commands are pipelined (RFC 2920 3.1).
        assert_eq!(relay.messages().iter().filter(|body| !body.is_empty()).count(), 1);
    }
}

#[tokio::test]
async fn the_days_cap_holds_the_next_one_until_midnight_in_rome() {
    let relay = Relay::play(script()).await;
    let clock = Stepped::at(NINE);
    let settings = PecSettings { per_day: 2, ..settings(&relay) };
    let provider = Pec::new(&settings, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    for number in 0..2 {
        assert_eq!(class(&provider, &send(&provider, Legal, number).await.unwrap()), None);
    }
    assert_eq!(send(&provider, Legal, 2).await.unwrap_err(), 15 * HOUR);
    clock.set(NINE + 15 * HOUR);
    assert_eq!(class(&provider, &send(&provider, Legal, 2).await.unwrap()), None);
    assert_eq!(relay.messages().len(), 3);
}

/// Follows the runtime's own clock, which leaps when everybody sleeps.
struct Leaping(tokio::time::Instant);

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        NINE + self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_law_asks_for_goes_first_when_an_hour_opens() {
    let clock = Arc::new(Leaping(tokio::time::Instant::now()));
    let slow = |settings: &mut PecSettings| {
        settings.per_hour = 1;
        settings.patience_s = 3 * 3600;
    };
    let past = before(&[Sent { at: NINE, bytes: 1 }]);
    let provider = Arc::new(unconnected(slow, clock).with_past(past));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for priority in [Bulk, Bulk, Legal] {
        let (provider, order) = (Arc::clone(&provider), Arc::clone(&order));
        tasks.spawn(async move {
            let turn = provider.turn(&lawyer(), priority).await.ok();
            order.lock().unwrap().push(priority);
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(turn);
        });
        tokio::task::yield_now().await;
    }
    tasks.join_all().await;
    assert_eq!(*order.lock().unwrap(), [Legal, Bulk, Bulk]);
}

#[tokio::test]
async fn a_part_of_the_day_is_kept_for_what_the_law_asks_for() {
    let provider = unconnected(|settings| settings.per_day = 8, Stepped::at(NINE))
        .with_past(before(&[Sent { at: NINE, bytes: 1 }; 7]));
    assert!(provider.turn(&lawyer(), Bulk).await.is_err());
    assert!(provider.turn(&lawyer(), Legal).await.is_ok());
}

#[tokio::test]
async fn a_mailbox_that_would_overflow_with_receipts_stops_sending_until_it_is_emptied() {
    let relay = Relay::play(script()).await;
    // The first message brings some 25,000 bytes of receipts; one more like it would not fit.
    let full = PecSettings { mailbox_bytes: 170_000, ..settings(&relay) };
    let provider = Pec::new(&full, Stepped::at(NINE)).unwrap();
    assert_eq!(provider.check().await, Ok(()));
    let sent = [Sent { at: NINE - HOUR, bytes: 100_000 }];
    let provider = Pec::new(&full, Stepped::at(NINE)).unwrap().with_past(before(&sent));
    assert!(provider.turn(&lawyer(), Legal).await.is_err());
    assert!(provider.check().await.unwrap_err().contains("mailbox_emptied_on"));
    let ahead = provider.forecast([100_000]).await.unwrap();
    assert!(matches!(ahead.stopped, Some(Stop::MailboxFull(_))));

    let emptied = PecSettings { mailbox_emptied_on: Some(date(2026, 11, 23)), ..full.clone() };
    let clock = Stepped::at(NINE + 24 * HOUR);
    let provider = Pec::new(&emptied, clock).unwrap().with_past(before(&sent));
    assert!(provider.turn(&lawyer(), Legal).await.is_ok());
}

#[tokio::test]
async fn a_restart_does_not_forget_what_was_sent_today() {
    let restarted = |ago: &[u32]| {
        let sent: Vec<_> = ago.iter().map(|h| Sent { at: NINE - *h * HOUR, bytes: 1 }).collect();
        let past = before(&sent);
        let from = Arc::clone(&past.from);
        let clock = Stepped::at(NINE);
        (unconnected(|settings| settings.per_day = 2, clock).with_past(past), from)
    };
    // Yesterday's does not count.
    let (provider, from) = restarted(&[10, 8]);
    assert!(provider.turn(&lawyer(), Legal).await.is_ok());
    assert_eq!(*from.lock().unwrap(), Some(NINE - 9 * HOUR));
    let (provider, _) = restarted(&[10, 8, 1]);
    assert_eq!(provider.turn(&lawyer(), Legal).await.err(), Some(15 * HOUR));
    // What is left of the queue begins at midnight.
    let ahead = provider.forecast([1]).await.unwrap();
    assert!(ahead.finished_at.unwrap() >= NINE + 15 * HOUR);
}

#[tokio::test]
async fn nothing_leaves_as_long_as_it_is_not_known_what_was_sent_before() {
    let past = before(&[]);
    past.late.store(true, Ordering::SeqCst);
    let provider = unconnected(|settings| settings.per_day = 2, Stepped::at(NINE)).with_past(past);
    let pause = provider.turn(&lawyer(), Legal).await.err().unwrap();
    assert!(pause > Duration::ZERO && pause < Duration::from_secs(60), "{pause:?}");
    assert!(provider.turn(&lawyer(), Legal).await.is_ok());
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_certificate_does_not_hold_and_doctor_names_the_fault() {
    let relay = Relay::play(script()).await;
    let stranger = PecSettings { ca_file: None, ..settings(&relay) };
    let provider = Pec::new(&stranger, Stepped::at(NINE)).unwrap();
    assert_eq!(class(&provider, &send(&provider, Legal, 1).await.unwrap()), Some(Misconfigured));
    assert!(provider.check().await.unwrap_err().contains("messo:tls"));
    assert!(relay.commands().is_empty());

    let wrong = Script { replies: vec![("AUTH", 9, "535 5.7.8 wrong password")], ..script() };
    let relay = Relay::play(wrong).await;
    let provider = Pec::new(&settings(&relay), Stepped::at(NINE)).unwrap();
    let said = provider.check().await.unwrap_err();
    assert!(said.contains("535 5.7.8") && !said.contains("segretissima"), "{said}");
}

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "certificates are checked by the real time")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

#[tokio::test]
async fn the_post_office_accepts_and_delivers_what_leaves_and_its_receipts_name_our_message() {
    let mut config = Config::new(Arc::new(Wall), Arc::new(Counted::default()))
        .account(Account::certified(BODY, "parola d'ordine"));
    config.pace = Pace::of(Duration::from_millis(10));
    let office = PostOffice::start(config).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("root.pem");
    std::fs::write(&ca_file, office.ca_pem()).unwrap();
    let settings = PecSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(office.addresses().smtps.port()),
        ca_file: Some(ca_file),
        user: Some(BODY.to_owned()),
        password: Some("parola d'ordine".to_owned().into()),
        ..PecSettings::default()
    };
    let provider = Pec::new(&settings, Arc::new(Wall)).unwrap();
    assert_eq!(provider.check().await, Ok(()));
    let envelope = provider.prepare(&to("consegnata@pec.example", 77)).unwrap();
    let exchange = provider.send(&envelope).await;
    assert_eq!(class(&provider, &exchange), None, "{exchange:?}");

    let mut receipts = Vec::new();
    for _ in 0..500 {
        receipts = office.messages(BODY, "INBOX").unwrap();
        if receipts.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut kinds: Vec<_> = receipts.iter().map(|raw| receipt(raw, &envelope.reference)).collect();
    kinds.sort();
    assert_eq!(kinds, ["accettazione", "avvenuta-consegna"]);
    let whole = receipts.iter().any(|raw| encloses(raw, &envelope.bytes));
    assert!(whole, "no receipt brings the message back");
    office.close().await;
}

/// The kind of a receipt, after checking that it is about our message.
fn receipt(raw: &[u8], reference: &str) -> String {
    let parsed = MessageParser::default().parse(raw).unwrap();
    let record = parsed.parts.iter().find(|part| part.attachment_name() == Some("daticert.xml"));
    let record = String::from_utf8_lossy(record.unwrap().contents()).into_owned();
    assert!(record.contains(&format!("<msgid>&lt;{reference}&gt;</msgid>")), "{record}");
    let header = |name: &str| parsed.header_raw(name).unwrap_or_default().trim().to_owned();
    assert_eq!(header("X-Riferimento-Message-ID"), format!("<{reference}>"));
    header("X-Ricevuta")
}

/// Whether a receipt encloses the content that we sent, byte for byte.
fn encloses(raw: &[u8], sent: &[u8]) -> bool {
    let body = |message: &[u8]| {
        let at = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        message[at + 4..].to_vec()
    };
    let content = body(sent);
    raw.windows(content.len()).any(|window| window == content)
}
