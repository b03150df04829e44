//! What every provider checks and fills in alike when it packs an envelope or notes an exchange.

use messo_core::addresses::Channel;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use messo_core::ports::{Envelope, Exchange, Outbound, Stage, Transcript};

/// Refuses an address of another channel.
pub(crate) fn address_serves(outbound: &Outbound, channel: Channel) -> Result<(), Failure> {
    if outbound.to.serves(channel) {
        return Ok(());
    }
    let detail = format!("the address is not one of the channel {channel}");
    Err(Failure::new(FailureClass::BadRecipient, "messo:wrong_channel", &detail))
}

/// The failure for a rendition of another channel.
pub(crate) fn wrong_rendition(channel: Channel) -> Failure {
    let detail = format!("what was rendered is not for the channel {channel}");
    Failure::new(FailureClass::BadContent, "messo:wrong_rendition", &detail)
}

/// An envelope whose reference is the attempt alone. Refuses a sender with control characters.
pub(crate) fn keyed(outbound: &Outbound, from: &str, bytes: Vec<u8>) -> Result<Envelope, Failure> {
    if from.chars().any(char::is_control) {
        let detail = "the sender's name holds a control character";
        return Err(Failure::new(FailureClass::BadContent, "messo:control_character", detail));
    }
    let reference = format!("m1.{}", outbound.attempt.0.simple());
    Ok(Envelope { reference, from: from.to_owned(), to: outbound.to.line(), bytes })
}

/// Refuses an envelope over the provider's limit.
pub(crate) fn within(envelope: Envelope, max_bytes: u64) -> Result<Envelope, Failure> {
    let size = envelope.bytes.len() as u64;
    if size <= max_bytes {
        return Ok(envelope);
    }
    let detail = format!("the message has {size} bytes, the provider takes {max_bytes}");
    Err(Failure::new(FailureClass::BadContent, "messo:too_large", &detail))
}

/// An exchange that ended without an answer. `error` begins with one of our own words, e.g.
/// `messo:timeout`.
pub(crate) fn unanswered(stage: Stage, error: &str) -> Exchange {
    Exchange {
        stage,
        code: None,
        answer: String::new(),
        error: Some(error.to_owned()),
        transcript: Transcript { lines: vec![format!("-- {error}")] },
    }
}

/// Our own words in [`Exchange::error`], before the first space, and what they mean.
const OWN: [(&str, FailureClass); 10] = [
    ("messo:timeout", FailureClass::Unavailable),
    ("messo:closed", FailureClass::Unavailable),
    ("messo:unreachable", FailureClass::Unavailable),
    ("messo:garbage", FailureClass::Unavailable),
    ("messo:busy", FailureClass::Throttled),
    ("messo:bare_newline", FailureClass::BadContent),
    ("messo:address", FailureClass::BadRecipient),
    ("messo:tls", FailureClass::Misconfigured),
    ("messo:no_starttls", FailureClass::Misconfigured),
    ("messo:no_auth", FailureClass::Misconfigured),
];

/// The failure of an exchange without an answer: a doubt as soon as the last byte had left.
pub(crate) fn failure_without_answer(exchange: &Exchange) -> Failure {
    let said = exchange.error.as_deref().unwrap_or("messo:closed the connection ended");
    let (word, detail) = said.split_once(' ').unwrap_or((said, ""));
    let class = match OWN.iter().find(|(own, _)| *own == word) {
        _ if exchange.stage >= Stage::Sent => FailureClass::Doubtful,
        Some((_, class)) => *class,
        None => FailureClass::Unavailable,
    };
    Failure::new(class, word, detail)
}
