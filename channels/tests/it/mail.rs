//! The messages that are made, as an independent reader (mail-parser) sees them.

use crate::outbounds;
use mail_parser::{MessageParser, MimeHeaders};
use messo_channels::email::{Composer, Signer};
use messo_core::addresses::Address;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use messo_core::ports::{Mail, Outbound, Part, Rendition};

fn compose(composer: &Composer, outbound: &Outbound) -> Result<Vec<u8>, Failure> {
    let (Rendition::Mail(mail), Address::Email(to)) = (&outbound.rendition, &outbound.to) else {
        panic!("not a mail");
    };
    composer.compose(outbound, mail, to).map(|composed| composed.bytes)
}

fn with(change: impl FnOnce(&mut Mail)) -> Outbound {
    let mut outbound = outbounds::to("mario@example.it", 7);
    let mut mail = outbounds::mail();
    change(&mut mail);
    outbound.rendition = Rendition::Mail(mail);
    outbound
}

#[test]
fn a_reader_finds_everything_that_was_put_in() {
    let long = "perché è così ".repeat(300);
    let outbound = with(|mail| {
        mail.text.push_str(&long);
        mail.attachments = vec![Part {
            name: "Verbale n. 3 – però.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: vec![0xAB; 5000].into(),
        }];
    });
    let bytes = compose(&Composer::default(), &outbound).unwrap();
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Organismo di Mediazione Città Serena"));
    assert_eq!(from.address(), Some("segreteria@organismo.example"));
    assert_eq!(parsed.to().unwrap().first().unwrap().name(), Some("Mario Rossi"));
    let reply_to = parsed.reply_to().unwrap().first().unwrap();
    assert_eq!(reply_to.address(), Some("risposte@organismo.example"));
    assert_eq!(parsed.subject(), Some("Convocazione: l'incontro è fissato per lunedì"));
    assert_eq!(parsed.message_id(), Some("m1.00000000000000000000000000000007@organismo.example"));
    assert_eq!(parsed.date().unwrap().to_timestamp(), 1_795_000_000);
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert!(text.starts_with("Gentile Mario,\n\nl'incontro è lunedì.\n.\nUna riga"), "{text}");
    assert!(text.contains(long.trim_end()));
    assert!(parsed.body_html(0).unwrap().contains("<b>lunedì</b>"));
    let attachment = parsed.attachments().find(|part| part.attachment_name().is_some()).unwrap();
    assert_eq!(attachment.attachment_name(), Some("Verbale n. 3 – però.pdf"));
    assert_eq!(attachment.contents(), [0xAB; 5000]);
    let picture = parsed.parts.iter().find(|part| part.content_id().is_some()).unwrap();
    assert_eq!(picture.content_id(), Some("qr@messo"));
    assert_eq!(picture.contents(), [0x89; 700]);
}

#[test]
fn every_line_is_short_ascii_and_ends_with_crlf() {
    let outbound = with(|mail| {
        mail.subject = "à".repeat(500);
        mail.html = format!("<p>{}</p>", "x".repeat(5000));
    });
    let text = String::from_utf8(compose(&Composer::default(), &outbound).unwrap()).unwrap();
    assert!(text.is_ascii());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    for line in text.split("\r\n") {
        assert!(line.len() <= 78 && !line.contains('\r'), "{line}");
    }
}

#[test]
fn the_same_outbound_gives_the_same_bytes_and_another_attempt_others() {
    let composer = Composer::default();
    let one = compose(&composer, &with(|_| ())).unwrap();
    assert_eq!(one, compose(&composer, &with(|_| ())).unwrap());
    assert_eq!(one, compose(&Composer::default(), &with(|_| ())).unwrap());
    let other = Outbound { attempt: outbounds::to("a@example.it", 8).attempt, ..with(|_| ()) };
    assert_ne!(one, compose(&composer, &other).unwrap());
}

#[test]
fn sharing_a_part_changes_no_byte() {
    let part = Part {
        name: "a.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        bytes: vec![9; 100_000].into(),
    };
    let composer = Composer::default();
    let shared = with(|mail| mail.attachments = vec![part.clone()]);
    let alone = with(|mail| {
        mail.attachments = vec![Part { bytes: part.bytes.to_vec().into(), ..part.clone() }];
    });
    let bytes = compose(&composer, &shared).unwrap();
    assert_eq!(bytes, compose(&composer, &alone).unwrap());
    assert_eq!(bytes, compose(&composer, &shared).unwrap());
}

#[test]
fn nothing_breaks_out_of_its_header() {
    let evil = "x\r\nBcc: vittima@example.it\r\n\r\nciao";
    let mut cases = vec![
        with(|mail| mail.subject = evil.to_owned()),
        with(|mail| mail.inline[0].name = evil.to_owned()),
        with(|mail| mail.inline[0].media_type = "image/png\r\nX: y".to_owned()),
        with(|mail| mail.inline[0].name = "a>b".to_owned()),
        with(|mail| mail.inline[0].media_type = "image/png; x=\"".to_owned()),
    ];
    cases.push(Outbound { to_name: evil.to_owned(), ..with(|_| ()) });
    cases.push(Outbound { to_name: "Mario\u{0}Rossi".to_owned(), ..with(|_| ()) });
    let mut outbound = with(|_| ());
    outbound.sender.name = "Organismo\nBcc: x@example.it".to_owned();
    cases.push(outbound);
    for outbound in cases {
        let refused = compose(&Composer::default(), &outbound).unwrap_err();
        assert_eq!(refused.class, FailureClass::BadContent, "{outbound:?}");
        assert!(!refused.detail.contains("vittima"), "no personal data in errors");
    }
}

#[test]
fn names_of_every_kind_are_read_back_as_they_were() {
    for name in [
        "Mario Rossi",
        "Rossi, Mario (detto \"Mimmo\")",
        "D'Angelo \\ Figli",
        "Müller & Söhne OHG",
        "=?utf-8?Q?finto?=",
        "Società Cooperativa Sociale a Responsabilità Limitata «L'Arcobaleno» in liquidazione coatta",
        "王小明",
    ] {
        let outbound = Outbound { to_name: name.to_owned(), ..with(|_| ()) };
        let bytes = compose(&Composer::default(), &outbound).unwrap();
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let to = parsed.to().unwrap().first().unwrap();
        assert_eq!((to.name(), to.address()), (Some(name), Some("mario@example.it")));
    }
}

#[test]
fn a_signed_message_is_the_message_with_a_signature_in_front() {
    let pem = include_bytes!("../tls/dkim-rsa.key");
    let signer = Signer::new("organismo.example", "messo1", pem).unwrap();
    let plain = compose(&Composer::default(), &with(|_| ())).unwrap();
    let composer = Composer::signing(signer);
    let signed = compose(&composer, &with(|_| ())).unwrap();
    assert!(signed.ends_with(&plain));
    assert!(signed.starts_with(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"));
    assert_eq!(signed, compose(&composer, &with(|_| ())).unwrap());
}
