//! Messages made to hurt: each is read, or refused with a reason, in little time and memory.

use crate::build::{Certified, Record, base64, letter, read};
use messo_core::messages::{MailClass, Refusal};
use messo_core::ports::{MailReader, UnreadableMail};
use messo_mail::{Limits, Reader};

#[test]
fn what_has_no_header_is_no_message() {
    for raw in [&b""[..], b"\r\n\r\n", b"no header", b"\0\0\0", &[0xff; 1000], b":\n:"] {
        assert_eq!(Reader::default().read(raw), Err(UnreadableMail("it has no header".into())));
    }
    let short = Reader::new(Limits { message_bytes: 10, ..Limits::default() });
    assert!(short.read(b"Subject: xxxxx\n\n").is_err());
}

#[test]
fn a_header_of_a_megabyte_is_read() {
    let long = format!(
        "Subject: {}\r\nTo: {}\r\nReferences: {}\r\nContent-Type: text/plain; {}\r\nFrom: a@b.example\r\n\r\nText\r\n",
        "=?utf-8?q?a?= ".repeat(80_000),
        "a@b.example, ".repeat(80_000),
        "<a@b> ".repeat(200_000),
        "x=y; ".repeat(200_000)
    );
    let reading = read(&long);
    assert_eq!((reading.class, reading.text.as_str()), (MailClass::Correspondence, "Text"));
    let many = format!("{}\r\nText", "X-A: b\r\n".repeat(130_000));
    assert_eq!(read(many).oddities, ["the header has more fields than are read"]);
}

#[test]
fn parts_beyond_number_and_depth_are_left_and_said() {
    let wide = format!(
        "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{}",
        "--b\r\nContent-Type: image/png\r\n\r\nx\r\n".repeat(10_000)
    );
    let reading = read(wide);
    assert_eq!(
        reading.oddities,
        ["the message has more parts than are read", "a multipart has no closing boundary"]
    );
    assert!(
        reading.attachments.iter().skip(200).all(|file| file.refused == Some(Refusal::TooMany))
    );
    let mut deep = "From: a@b.example\r\n".to_owned();
    for level in 0..1_000 {
        deep.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"
        ));
    }
    assert!(read(deep).oddities.contains(&"parts are nested deeper than is read".to_owned()));
}

#[test]
fn a_thousand_messages_in_messages_are_refused_as_a_file() {
    let mut raw =
        "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n".to_owned();
    raw.push_str(&"Content-Type: message/rfc822\r\n\r\nFrom: a@b.example\r\n".repeat(1_000));
    let reading = read(raw);
    assert_eq!(reading.attachments.len(), 1);
    assert_eq!(reading.attachments[0].refused, Some(Refusal::Bomb));
    // Encoded once more at each level, as far as that is possible.
    let mut carried = letter();
    for _ in 0..12 {
        carried = format!(
            "From: a@b.example\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            base64(carried.as_bytes())
        );
    }
    assert_eq!(read(carried).attachments[0].refused, Some(Refusal::Bomb));
}

#[test]
fn hostile_records_cost_the_record_alone() {
    let mut message = Certified::new("X-Ricevuta: accettazione\r\n", &Record::new("accettazione"));
    for record in [
        "<a>".repeat(1_000),
        "<a>".repeat(1 << 20),
        "<!DOCTYPE x [<!ENTITY a \"b\">]><postacert>&a;</postacert>".to_owned(),
        String::new(),
        "\0\u{ffff}<postacert".to_owned(),
    ] {
        message.record = Some(record);
        let pec = read(message.raw()).pec.unwrap();
        assert_eq!(pec.kind, Some(messo_core::pec::PecKind::Acceptance));
        assert_eq!(pec.instant, None);
        assert!(!pec.oddities.is_empty());
    }
}

#[test]
fn control_characters_in_headers_and_names_do_not_come_through() {
    let raw = "From: a\0b@c.example\r\nSubject: x\0y\u{202e}z\u{7}\r\nMessage-ID: <a\0b@c>\r\nContent-Type: application/pdf; name=\"../../etc/pass\u{202e}wd\0.pdf\"\r\n\r\n%PDF-1.4\r\n";
    let reading = read(raw);
    assert_eq!(reading.headers.subject, "xyz");
    assert_eq!(reading.headers.message_id.as_deref(), Some("ab@c"));
    assert_eq!(reading.attachments[0].name, "passwd.pdf");
    assert!(!reading.headers.from.unwrap().address.contains('\0'));
}

#[test]
fn boundaries_that_begin_alike_do_not_cut_each_other() {
    let mut raw =
        "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n".to_owned();
    raw.push_str(&"--aa\r\n".repeat(50_000));
    raw.push_str("--a\r\n\r\nText\r\n--a--\r\n");
    assert_eq!(read(raw).text, "Text");
}

#[test]
fn a_long_text_is_cut() {
    let reader = Reader::new(Limits { text_bytes: 1_000, ..Limits::default() });
    let raw = format!("From: a@b.example\r\n\r\n{}", "è".repeat(10_000));
    assert!(reader.read(raw.as_bytes()).unwrap().text.len() <= 1_003);
}

#[test]
fn prose_with_a_thousand_addresses_costs_little() {
    let lines: String = (0..10_000).map(|n| format!("a{n}@b.it\r\n")).collect();
    let reading = read(format!("From: mailer-daemon@x.example\r\n\r\nUndeliverable\r\n{lines}"));
    let messo_core::messages::Meaning::Bounces(bounces) = reading.meaning else { panic!() };
    assert_eq!(bounces.len(), 1_000);
}
