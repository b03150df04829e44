//! The tables of cases, one for each provider.

use super::{Meaning, Table};
use crate::email::{Smtp, SmtpSettings};
use crate::pec::{Pec, PecSettings};
use crate::sandbox::Sandbox;
use crate::sms::{Kannel, KannelSettings};
use messo_core::addresses::{Address, Channel, EmailAddress, PhoneNumber, PostalBlock};
use messo_core::bodies::Sender;
use messo_core::failures::FailureClass::*;
use messo_core::ids::AttemptId;
use messo_core::ports::{
    Callback, CallbackError, CallbackKind, Clock, Letter, Mail, Notify, Outbound, Part, Rendition,
    Stage,
};
use messo_core::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// A value that is written out right here and therefore well formed.
fn sure<T, E>(parsed: Result<T, E>) -> T {
    match parsed {
        Ok(value) => value,
        Err(_) => panic!("a value of the contract's tables is malformed"),
    }
}

fn email(address: &str) -> EmailAddress {
    sure(EmailAddress::parse(address))
}

fn mobile(number: &str) -> Address {
    Address::Mobile(sure(PhoneNumber::parse(number)))
}

fn address(channel: Channel) -> Address {
    match channel {
        Channel::Email => Address::Email(email("mario.rossi@example.it")),
        Channel::Pec => Address::Pec(email("mario.rossi@pec.example.it")),
        Channel::Sms => mobile("+393331234567"),
        Channel::Fax => Address::Fax(sure(PhoneNumber::parse("+390612345678"))),
        Channel::Post | Channel::Registered => {
            let lines = ["Mario Rossi", "Via Roma 1", "00184 Roma RM"];
            Address::Postal(sure(serde_json::from_value::<PostalBlock>(postal(&lines))))
        }
        Channel::Chat => Address::Chat("telegram:mario".to_owned()),
    }
}

fn postal(lines: &[&str]) -> serde_json::Value {
    serde_json::json!(lines)
}

fn mail() -> Mail {
    Mail {
        subject: "Convocazione al primo incontro: perché è importante".to_owned(),
        text: "Gentile Mario,\n\nè convocato.\n".to_owned(),
        html: "<p>Gentile Mario, è convocato. <img src=\"cid:qr\"></p>".to_owned(),
        inline: vec![Part {
            name: "qr".to_owned(),
            media_type: "image/png".to_owned(),
            bytes: vec![1; 300].into(),
        }],
        attachments: Vec::new(),
    }
}

fn rendition(channel: Channel) -> Rendition {
    match channel {
        Channel::Email | Channel::Pec => Rendition::Mail(mail()),
        Channel::Sms | Channel::Chat => Rendition::Text("È convocato lunedì.".to_owned()),
        Channel::Fax | Channel::Post | Channel::Registered => {
            Rendition::Letter(Letter { pdf: b"%PDF-1.7 ...".to_vec(), pages: 1 })
        }
    }
}

/// A plain outbound for a channel.
pub fn outbound(channel: Channel) -> Outbound {
    Outbound {
        attempt: AttemptId(Uuid::from_u128(42)),
        sender: Sender {
            pec: None,
            reply_tags: false,
            name: "Organismo di Mediazione".to_owned(),
            email: email("segreteria@organismo.example"),
            reply_to: None,
            sms_sender: "Mediazione".to_owned(),
        },
        to: address(channel),
        to_name: "Mario Rossi".to_owned(),
        rendition: rendition(channel),
        at: Timestamp::from_seconds(1_795_000_000),
        notify: Some(Notify { url: "https://messo.example/callbacks/kannel/1/abc".to_owned() }),
    }
}

fn with_mail(channel: Channel, change: impl FnOnce(&mut Mail)) -> Outbound {
    let mut mail = mail();
    change(&mut mail);
    Outbound { rendition: Rendition::Mail(mail), ..outbound(channel) }
}

fn with_text(text: &str) -> Outbound {
    Outbound { rendition: Rendition::Text(text.to_owned()), ..outbound(Channel::Sms) }
}

/// The SMTP provider.
pub fn smtp() -> Table {
    let settings = SmtpSettings {
        password: Some("segretissima".to_owned().into()),
        user: Some("u".to_owned()),
        max_bytes: 100_000,
        ..SmtpSettings::default()
    };
    let too_large = with_mail(Channel::Email, |mail| mail.inline[0].bytes = vec![0; 90_000].into());
    let failed = |class| Meaning::Failed(class);
    Table {
        provider: Box::new(sure(Smtp::new(&settings))),
        good: vec![
            outbound(Channel::Email),
            with_mail(Channel::Email, |mail| mail.attachments = mail.inline.clone()),
        ],
        bad: vec![
            ("a message over the limit", too_large, BadContent),
            (
                "a subject of two lines",
                with_mail(Channel::Email, |mail| mail.subject = "a\r\nBcc: b".to_owned()),
                BadContent,
            ),
            (
                "a text",
                Outbound { rendition: rendition(Channel::Sms), ..outbound(Channel::Email) },
                BadContent,
            ),
            (
                "a phone number",
                Outbound { to: address(Channel::Sms), ..outbound(Channel::Email) },
                BadRecipient,
            ),
        ],
        answers: vec![
            (Stage::Answered, 250, "2.0.0 Ok: queued as 4XYZ", Meaning::Delivered),
            (Stage::Answered, 251, "will forward", Meaning::Delivered),
            (Stage::Answered, 252, "will try", Meaning::Delivered),
            (Stage::Open, 554, "5.3.2 no service", failed(Misconfigured)),
            (Stage::Open, 535, "5.7.8 credentials", failed(Misconfigured)),
            (Stage::Open, 421, "4.7.0 too many connections", failed(Throttled)),
            (Stage::Address, 550, "5.1.1 unknown", failed(BadRecipient)),
            (Stage::Address, 550, "5.1.10 null MX", failed(BadRecipient)),
            (Stage::Address, 550, "5.2.1 disabled", failed(BadRecipient)),
            (Stage::Address, 552, "5.2.2 mailbox full", failed(Unavailable)),
            (Stage::Address, 452, "4.2.2 mailbox full", failed(Unavailable)),
            (Stage::Address, 552, "5.3.4 too large", failed(BadContent)),
            (Stage::Address, 450, "4.7.1 greylisted", failed(Throttled)),
            (Stage::Address, 451, "4.7.1 slow down", failed(Throttled)),
            (Stage::Address, 451, "local error", failed(Unavailable)),
            (Stage::Address, 499, "?", failed(Unavailable)),
            (Stage::Address, 599, "?", failed(Refused)),
            (Stage::Address, 530, "5.7.0 must authenticate", failed(Misconfigured)),
            (Stage::Address, 553, "no such mailbox", failed(BadRecipient)),
            (Stage::Address, 550, "5.4.4 no route", failed(BadRecipient)),
            (Stage::Answered, 550, "5.7.26 unauthenticated", failed(Misconfigured)),
            (Stage::Answered, 554, "5.7.1 policy", failed(Refused)),
            (Stage::Answered, 554, "5.6.0 malformed", failed(BadContent)),
            (Stage::Answered, 354, "go on", failed(Doubtful)),
        ],
        callbacks: vec![(report(&[("s", "1")]), Err(CallbackError::NotOurs))],
        secrets: vec!["segretissima"],
    }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_795_000_000)
    }
}

fn certified(change: impl FnOnce(&mut Mail)) -> Outbound {
    let mut outbound = with_mail(Channel::Pec, change);
    outbound.sender.pec = Some(email("organismo@pec.example.it"));
    outbound
}

/// The certified-mail provider.
pub fn pec() -> Table {
    let settings = PecSettings {
        host: "smtps.pec.example".to_owned(),
        user: Some("u".to_owned()),
        password: Some("segretissima".to_owned().into()),
        max_message_bytes: 200_000,
        max_product_bytes: 100_000,
        ..PecSettings::default()
    };
    let too_large = certified(|mail| mail.inline[0].bytes = vec![0; 90_000].into());
    let failed = |class| Meaning::Failed(class);
    Table {
        provider: Box::new(sure(Pec::new(&settings, Arc::new(Still)))),
        good: vec![
            certified(|_| {}),
            certified(|mail| mail.attachments = mail.inline.clone()),
            Outbound { notify: None, ..certified(|_| {}) },
        ],
        bad: vec![
            ("a body without PEC", outbound(Channel::Pec), Misconfigured),
            ("a message over the product's limit", too_large, BadContent),
            (
                "a subject of two lines",
                certified(|mail| mail.subject = "a\r\nBcc: b".to_owned()),
                BadContent,
            ),
            (
                "a text",
                Outbound { rendition: rendition(Channel::Sms), ..certified(|_| {}) },
                BadContent,
            ),
            (
                "an ordinary mailbox",
                Outbound { to: address(Channel::Email), ..certified(|_| {}) },
                BadRecipient,
            ),
        ],
        answers: vec![
            (Stage::Answered, 250, "2.0.0 taken as opec1.2026@pec.example", Meaning::Accepted),
            (Stage::Answered, 251, "will forward", failed(Doubtful)),
            (Stage::Answered, 252, "will try", failed(Doubtful)),
            (Stage::Answered, 354, "go on", failed(Doubtful)),
            (Stage::Open, 535, "5.7.8 credentials", failed(Misconfigured)),
            (Stage::Open, 421, "4.7.0 too many connections", failed(Throttled)),
            (Stage::Address, 530, "5.7.0 must authenticate", failed(Misconfigured)),
            (Stage::Address, 553, "5.7.1 not your address", failed(Misconfigured)),
            (Stage::Address, 552, "5.3.4 message too big", failed(BadContent)),
            (Stage::Address, 552, "too big", failed(BadContent)),
            (Stage::Address, 501, "5.1.3 not an address", failed(BadRecipient)),
            (Stage::Address, 550, "5.1.1 unknown", failed(BadRecipient)),
            (Stage::Address, 450, "slow down", failed(Unavailable)),
            (Stage::Address, 451, "4.7.1 too many messages an hour", failed(Throttled)),
            (Stage::Address, 452, "4.5.3 too many", failed(Throttled)),
            (Stage::Address, 452, "4.3.1 no space", failed(Unavailable)),
            (Stage::Answered, 552, "5.3.4 size times recipients too big", failed(BadContent)),
            (Stage::Answered, 554, "5.6.0 malformed", failed(BadContent)),
            (Stage::Answered, 554, "5.7.1 From is not the sender", failed(Refused)),
            (Stage::Answered, 451, "4.3.0 try later", failed(Unavailable)),
        ],
        callbacks: vec![(report(&[("s", "1")]), Err(CallbackError::NotOurs))],
        secrets: vec!["segretissima"],
    }
}

fn callback(kind: CallbackKind, query: &[(&str, &str)]) -> Callback {
    let query = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Callback { kind, query, body: Vec::new(), at: Timestamp::from_seconds(1_795_000_100) }
}

fn report(query: &[(&str, &str)]) -> Callback {
    callback(CallbackKind::Report(AttemptId(Uuid::from_u128(42))), query)
}

fn message(query: &[(&str, &str)]) -> Callback {
    callback(CallbackKind::Message, query)
}

/// The Kannel provider.
pub fn kannel() -> Table {
    let settings =
        KannelSettings { password: "segretissima".to_owned().into(), ..KannelSettings::default() };
    let mut unsigned = outbound(Channel::Sms);
    unsigned.sender.sms_sender = "2 lunghissimo mittente".to_owned();
    let failed = |class| Meaning::Failed(class);
    let text = ("text", "aderisco");
    Table {
        provider: Box::new(sure(Kannel::new(settings))),
        good: vec![
            outbound(Channel::Sms),
            with_text("Solo GSM: è à ù 10 €"),
            with_text(&"a".repeat(918)),
        ],
        bad: vec![
            ("seven parts", with_text(&"a".repeat(919)), BadContent),
            ("seven parts of UCS-2", with_text(&"ç".repeat(403)), BadContent),
            ("an empty text", with_text(" \n"), BadContent),
            ("a control character", with_text("a\u{7}b"), BadContent),
            ("a sender that no carrier takes", unsigned, Misconfigured),
            (
                "no address for reports",
                Outbound { notify: None, ..outbound(Channel::Sms) },
                Misconfigured,
            ),
            (
                "a landline",
                Outbound { to: mobile("+390612345678"), ..outbound(Channel::Sms) },
                BadRecipient,
            ),
            (
                "a mail",
                Outbound { rendition: rendition(Channel::Email), ..outbound(Channel::Sms) },
                BadContent,
            ),
        ],
        answers: vec![
            (Stage::Answered, 202, "0: Accepted for delivery", Meaning::Accepted),
            (Stage::Answered, 202, "3: Queued for later delivery", Meaning::Accepted),
            (Stage::Answered, 202, "9: something new", failed(Doubtful)),
            (Stage::Answered, 200, "0: Accepted for delivery", failed(Doubtful)),
            (Stage::Answered, 400, "Missing receiver number, rejected", failed(BadRecipient)),
            (Stage::Answered, 400, "Empty text not allowed, rejected", failed(BadContent)),
            (Stage::Answered, 403, "Authorization failed for sendsms", failed(Misconfigured)),
            (Stage::Answered, 404, "Not found", failed(Misconfigured)),
            (Stage::Answered, 429, "Too many requests", failed(Throttled)),
            (Stage::Answered, 418, "?", failed(Refused)),
            (Stage::Answered, 503, "Temporal failure, try again later.", failed(Unavailable)),
            (Stage::Answered, 500, "?", failed(Doubtful)),
        ],
        callbacks: vec![
            (report(&[("s", "1"), ("r", "stat:DELIVRD"), ("t", "1795000090")]), Ok("delivered")),
            (report(&[("s", "2"), ("r", "stat:UNDELIV")]), Ok("failed")),
            (report(&[("s", "16"), ("r", "NACK/0x0000000b/Invalid Destination")]), Ok("failed")),
            (report(&[("s", "4")]), Ok("progress")),
            (report(&[("s", "8"), ("r", "ACK/")]), Ok("progress")),
            (report(&[("s", "32")]), Ok("unknown")),
            (report(&[("s", "uno")]), Err(CallbackError::Malformed("s"))),
            (report(&[("r", "x")]), Err(CallbackError::Malformed("s"))),
            (message(&[("from", "+393331234567"), text]), Ok("answer")),
            (message(&[("from", "VODAFONE"), text]), Ok("unknown")),
            (message(&[text]), Err(CallbackError::Malformed("from"))),
            (message(&[("from", "+393331234567")]), Err(CallbackError::Malformed("text"))),
            (
                message(&[("from", "+393331234567"), ("coding", "2"), ("text", "\0C\0i\0a\0o")]),
                Ok("answer"),
            ),
            (
                message(&[("from", "+393331234567"), ("coding", "2"), ("text", "\0\u{FFFD}")]),
                Ok("unknown"),
            ),
        ],
        secrets: vec!["segretissima"],
    }
}

/// The sandbox of a channel.
pub fn sandbox(channel: Channel) -> Table {
    let other = if channel == Channel::Chat { Channel::Post } else { Channel::Chat };
    let foreign = match channel {
        Channel::Email | Channel::Pec => rendition(Channel::Sms),
        _ => rendition(Channel::Email),
    };
    let failed = |class| Meaning::Failed(class);
    let wrong = match channel {
        Channel::Email | Channel::Pec => {
            with_mail(channel, |mail| mail.subject = "a\nb".to_owned())
        }
        Channel::Sms | Channel::Chat => {
            Outbound { rendition: Rendition::Text(" ".to_owned()), ..outbound(channel) }
        }
        Channel::Fax | Channel::Post | Channel::Registered => {
            let letter = Letter { pdf: b"no PDF".to_vec(), pages: 1 };
            Outbound { rendition: Rendition::Letter(letter), ..outbound(channel) }
        }
    };
    Table {
        provider: Box::new(Sandbox::new(channel)),
        good: vec![outbound(channel)],
        bad: vec![
            ("malformed content", wrong, BadContent),
            ("another rendition", Outbound { rendition: foreign, ..outbound(channel) }, BadContent),
            ("another address", Outbound { to: address(other), ..outbound(channel) }, BadRecipient),
        ],
        answers: vec![
            (Stage::Answered, 250, "2.0.0 preso in carico (sandbox)", Meaning::Accepted),
            (Stage::Address, 550, "5.1.1 destinatario inesistente (sandbox)", failed(BadRecipient)),
            (Stage::Address, 550, "5.7.1 rifiutato (sandbox)", failed(Refused)),
            (Stage::Address, 450, "4.7.1 troppi messaggi (sandbox)", failed(Throttled)),
            (Stage::Open, 535, "5.7.8 credenziali errate (sandbox)", failed(Misconfigured)),
        ],
        callbacks: vec![(report(&[("s", "1")]), Err(CallbackError::NotOurs))],
        secrets: Vec::new(),
    }
}
