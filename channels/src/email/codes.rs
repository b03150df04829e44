//! What SMTP answers mean: reply codes (RFC 5321 4.2) and enhanced status codes (RFC 3463) to failure
//! classes, as tables.
//!
//! Read in this order: reply codes about us, enhanced codes, reply codes, first digit. A reply that no
//! table knows is a failure; it is a doubt only when the last byte had left.

use crate::envelope::failure_without_answer;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass::{self, *};
use messo_core::ports::{Exchange, Stage};

/// Replies that speak of our access, whatever enhanced code stands beside them.
const ABOUT_US: [(u16, FailureClass); 5] = [
    (530, Misconfigured), // authentication or STARTTLS required
    (534, Misconfigured), // mechanism too weak
    (535, Misconfigured), // credentials invalid
    (538, Misconfigured), // encryption required
    (525, Misconfigured), // our account is disabled
];

/// Enhanced codes. `4.7.*` stands for all of a subject; the first line that fits counts.
const ENHANCED: [(&str, FailureClass); 46] = [
    ("5.1.0", BadRecipient),
    ("5.1.1", BadRecipient),
    ("5.1.2", BadRecipient),
    ("5.1.3", BadRecipient),
    ("5.1.4", BadRecipient),
    ("5.1.5", BadRecipient),
    ("5.1.6", BadRecipient),
    ("5.1.7", Misconfigured), // our sender address is malformed
    ("5.1.8", Misconfigured), // our sender domain does not exist
    ("5.1.10", BadRecipient), // null MX (RFC 7505)
    ("5.2.0", Refused),
    ("5.2.1", BadRecipient), // mailbox disabled
    ("5.2.2", Unavailable),  // mailbox full: may be emptied
    ("5.2.3", BadContent),   // too large for the mailbox
    ("5.2.4", Refused),
    ("5.3.4", BadContent),   // too large for the system
    ("5.4.1", BadRecipient), // Microsoft: recipient not in the directory
    ("5.4.4", BadRecipient), // no route to the domain
    ("5.4.7", Unavailable),  // expired on the way
    ("5.5.*", BadContent),   // protocol: a fault of ours
    ("5.6.*", BadContent),
    ("5.7.8", Misconfigured),
    ("5.7.9", Misconfigured),
    ("5.7.11", Misconfigured),
    ("5.7.13", Misconfigured),
    ("5.7.14", Misconfigured),
    ("5.7.20", Misconfigured), // 5.7.20 to 5.7.30, RFC 7372: DKIM, SPF and PTR of ours do not pass
    ("5.7.21", Misconfigured),
    ("5.7.22", Misconfigured),
    ("5.7.23", Misconfigured),
    ("5.7.24", Misconfigured),
    ("5.7.25", Misconfigured),
    ("5.7.26", Misconfigured),
    ("5.7.27", Misconfigured),
    ("5.7.30", Misconfigured),
    ("5.7.509", Misconfigured), // Microsoft: DMARC
    ("5.7.515", Misconfigured), // Microsoft: bulk sender not authenticated
    ("5.*.*", Refused),
    ("4.2.*", Unavailable),
    ("4.3.*", Unavailable),
    ("4.4.*", Unavailable),
    ("4.5.3", Throttled), // too many recipients in a session
    ("4.5.*", Unavailable),
    ("4.7.26", Misconfigured), // Gmail: slowed for want of authentication
    ("4.7.27", Misconfigured),
    ("4.7.*", Throttled), // policy, greylisting, rate
];

/// Reply codes without an enhanced code that a table knows.
const REPLIES: [(u16, FailureClass); 17] = [
    (421, Throttled),
    (450, Unavailable),
    (451, Unavailable),
    (452, Unavailable),
    (454, Unavailable),
    (455, Unavailable),
    (500, BadContent),
    (501, BadContent),
    (502, BadContent),
    (503, BadContent),
    (504, BadContent),
    (521, Refused),
    (551, BadRecipient),
    (552, BadContent),
    (554, Refused),
    (555, BadContent),
    (556, BadRecipient),
];

/// Replies that mean the recipient while the address is being named, and a policy afterwards.
const BY_STAGE: [u16; 2] = [550, 553];

/// The failure that an unsuccessful exchange is.
pub(crate) fn failure(exchange: &Exchange) -> Failure {
    let Some(code) = exchange.code else {
        return failure_without_answer(exchange);
    };
    let enhanced = enhanced_code(code, &exchange.answer);
    let class = class(exchange.stage, code, enhanced);
    let code = match enhanced {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_string(),
    };
    Failure::new(class, code, &exchange.answer)
}

fn class(stage: Stage, code: u16, enhanced: Option<&str>) -> FailureClass {
    let by_reply = |table: &[(u16, FailureClass)]| {
        table.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
    };
    if let Some(class) = by_reply(&ABOUT_US) {
        return class;
    }
    // A server that turns us away at the door speaks of us, not of this message.
    if stage == Stage::Open && (500..600).contains(&code) {
        return Misconfigured;
    }
    if let Some(class) = enhanced.and_then(by_enhanced) {
        return class;
    }
    if BY_STAGE.contains(&code) {
        return if stage <= Stage::Address { BadRecipient } else { Refused };
    }
    match (by_reply(&REPLIES), code) {
        (Some(class), _) => class,
        (None, 400..500) => Unavailable,
        (None, 500..600) => Refused,
        // Neither yes nor no.
        (None, _) if stage >= Stage::Sent => Doubtful,
        (None, _) => Unavailable,
    }
}

fn by_enhanced(code: &str) -> Option<FailureClass> {
    let fits = |pattern: &str| {
        let mut theirs = code.split('.');
        pattern.split('.').all(|part| theirs.next().is_some_and(|own| part == "*" || part == own))
    };
    ENHANCED.iter().find(|(pattern, _)| fits(pattern)).map(|(_, class)| *class)
}

/// The enhanced code at the start of the text (RFC 2034), if its class agrees with the reply's.
fn enhanced_code(code: u16, text: &str) -> Option<&str> {
    // Gmail writes it behind a hyphen: `421-4.7.28`.
    let word =
        text.trim_start().split([' ', '\t', ':', '\n']).next()?.trim_start_matches(['#', '-']);
    let mut parts = word.split('.');
    let class = parts.next()?;
    let digits = |part: Option<&str>| {
        part.is_some_and(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    let well_formed =
        digits(parts.next()) && digits(parts.next()) && parts.next().is_none() && class.len() == 1;
    (well_formed && class == (code / 100).to_string()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stage: Stage, code: u16, text: &str) -> FailureClass {
        failure(&Exchange {
            stage,
            code: Some(code),
            answer: text.to_owned(),
            error: None,
            transcript: Default::default(),
        })
        .class
    }

    #[test]
    fn no_reply_code_twice_and_no_pattern_hidden_by_an_earlier_one() {
        for (index, (pattern, _)) in ENHANCED.iter().enumerate() {
            let shadow = ENHANCED[..index].iter().find(|(earlier, _)| {
                earlier.split('.').zip(pattern.split('.')).all(|(a, b)| a == "*" || a == b)
            });
            assert_eq!(shadow, None, "{pattern}");
        }
        for (index, (code, _)) in REPLIES.iter().enumerate() {
            assert!(!REPLIES[..index].iter().any(|(other, _)| other == code), "{code}");
        }
    }

    #[test]
    fn a_bare_550_means_the_recipient_only_while_the_recipient_is_named() {
        assert_eq!(said(Stage::Address, 550, "no such user"), BadRecipient);
        assert_eq!(said(Stage::Answered, 550, "looks like spam"), Refused);
    }

    #[test]
    fn an_enhanced_code_of_another_class_is_not_believed() {
        assert_eq!(said(Stage::Address, 450, "5.1.1 nonsense"), Unavailable);
        assert_eq!(said(Stage::Address, 554, "5.1.1.1 nonsense"), Refused);
    }

    #[test]
    fn success_in_the_wrong_place_is_never_success() {
        assert_eq!(said(Stage::Answered, 354, "go on"), Doubtful);
        assert_eq!(said(Stage::Address, 250, "ok"), Unavailable);
        assert_eq!(said(Stage::Answered, 299, "?"), Doubtful);
    }
}
