//! Doors for the fuzzers: each takes any bytes and must return.
//!
//! Guarantee: the same functions run in `cargo test` with mutated messages and under cargo-fuzz. Limit: they say nothing about
//! what was read, except that reading twice gives the same.

use crate::{Reader, bounces, calendar, daticert, head, mime};
use messo_core::ports::MailReader;

/// A whole message, twice.
pub fn mail(bytes: &[u8]) {
    let reader = Reader::default();
    assert_eq!(reader.read(bytes).ok(), reader.read(bytes).ok());
}

/// A record of certified mail.
pub fn record(bytes: &[u8]) {
    assert_eq!(daticert::read(bytes), daticert::read(bytes));
}

/// A delivery status notification, and the prose of servers.
pub fn bounce(bytes: &[u8]) {
    let report = [&b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\n"[..], bytes, b"\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n", bytes].concat();
    for raw in [bytes, &report] {
        let message = mime::Message::read(raw);
        let headers = crate::headers(message.head());
        let text = || String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            bounces::read(&message, &headers, text),
            bounces::read(&message, &headers, text)
        );
    }
    let _ = head::ids_in(&String::from_utf8_lossy(bytes));
}

/// A calendar.
pub fn ics(bytes: &[u8]) {
    assert_eq!(calendar::parse(bytes, None), calendar::parse(bytes, None));
}
