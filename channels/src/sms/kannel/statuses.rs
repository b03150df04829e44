//! What Kannel's answers to `sendsms` mean, as a table.
//!
//! Only the two known phrases of a 202 are success. An answer that no table knows came after the
//! request was complete: it is a doubt.

use crate::envelope::failure_without_answer;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass::{self, *};
use messo_core::ports::{Exchange, Stage};

/// The beginnings of the answers that say yes: accepted, queued for later.
const TAKEN: [&str; 2] = ["0:", "3:"];

/// HTTP status, words in the answer (in lower case; empty for any), class. The first that fits counts.
const TABLE: [(u16, &str, FailureClass); 16] = [
    (400, "receiver", BadRecipient),
    (400, "unknown smsc", Misconfigured),
    (400, "sender", Misconfigured),
    (400, "", BadContent),
    (401, "", Misconfigured),
    (403, "", Misconfigured),
    (404, "", Misconfigured),
    (405, "", Misconfigured),
    (413, "", BadContent),
    (414, "", BadContent),
    (429, "", Throttled),
    (501, "", Misconfigured),
    (503, "queue full", Throttled),
    (503, "", Unavailable),
    (301, "", Misconfigured),
    (302, "", Misconfigured),
];

/// The failure that an exchange is; none when Kannel has taken the message.
pub(super) fn failure(exchange: &Exchange) -> Option<Failure> {
    let Some(code) = exchange.code else {
        return Some(failure_without_answer(exchange));
    };
    let taken = TAKEN.iter().any(|taken| exchange.answer.starts_with(taken));
    if code == 202 && taken && exchange.stage == Stage::Answered {
        return None;
    }
    let words = exchange.answer.to_lowercase();
    let known = TABLE.iter().find(|(status, part, _)| *status == code && words.contains(part));
    let class = match (known, code) {
        (Some((_, _, class)), _) => *class,
        (None, 400..500) => Refused,
        (None, _) => Doubtful,
    };
    Some(Failure::new(class, code.to_string(), &exchange.answer))
}
