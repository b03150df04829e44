//! Reads what Kannel calls back: delivery reports, and messages that people write.
//!
//! Pure, and harmless when called twice. A word or value that no table knows becomes
//! [`Signal::Unknown`] and goes to the desk.

use messo_core::addresses::{Address, PhoneNumber};
use messo_core::failures::FailureClass::{self, *};
use messo_core::ids::AttemptId;
use messo_core::legs::Proof;
use messo_core::ports::{Callback, CallbackError, Reported};
use messo_core::receipts::Signal;
use messo_core::time::Timestamp;
use url::form_urlencoded;

/// Words in the carrier's text about a failure, in upper case, and their class. The first counts.
const FAILED: [(&str, FailureClass); 11] = [
    ("STAT:EXPIRED", Unavailable),
    ("STAT:UNDELIV", BadRecipient),
    ("STAT:DELETED", Refused),
    ("STAT:REJECTD", Refused),
    ("NACK/0X0000000B", BadRecipient), // SMPP ESME_RINVDSTADR
    ("NACK/11/", BadRecipient),
    ("NACK/0X0000000A", Misconfigured), // SMPP ESME_RINVSRCADR
    ("NACK/10/", Misconfigured),
    ("NACK/0X00000058", Throttled), // SMPP ESME_RTHROTTLED
    ("NACK/88/", Throttled),
    ("", Refused),
];

/// Longest word of the carrier that is kept in a signal, in characters.
const MAX_WORD: usize = 200;

/// A delivery report: `s` the value (Kannel user guide, "Delivery reports"), `r` the carrier's text, `t` the time.
pub(super) fn report(
    attempt: AttemptId,
    callback: &Callback,
) -> Result<Vec<Reported>, CallbackError> {
    let value = parameter(callback, "s").ok_or(CallbackError::Malformed("s"))?;
    let words: String =
        parameter(callback, "r").unwrap_or_default().chars().take(MAX_WORD).collect();
    let word = if words.is_empty() { value.to_owned() } else { format!("{value} {words}") };
    let signal = match value {
        "1" => Signal::Delivered { proof: Proof::CarrierReport },
        "2" | "16" => {
            let upper = words.to_uppercase();
            let class =
                FAILED.iter().find(|(part, _)| upper.contains(part)).map_or(Refused, |f| f.1);
            Signal::Failed { class, code: word }
        }
        "4" | "8" => Signal::Progress { word },
        value if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() => {
            Signal::Unknown { word }
        }
        _ => return Err(CallbackError::Malformed("s")),
    };
    Ok(vec![reported(callback, Some(attempt), signal)])
}

/// A message: `from`, `charset`, `coding`, `t` in the query; the text in the body (`post-url`), or in `text`
/// (`get-url`).
pub(super) fn message(callback: &Callback) -> Result<Vec<Reported>, CallbackError> {
    let from = parameter(callback, "from").ok_or(CallbackError::Malformed("from"))?;
    let wide = parameter(callback, "coding") == Some("2")
        || parameter(callback, "charset").is_some_and(|c| c.eq_ignore_ascii_case("UTF-16BE"));
    let text = match (&callback.body[..], parameter(callback, "text")) {
        ([], None) => return Err(CallbackError::Malformed("text")),
        ([], Some(text)) if wide => narrowed(text),
        ([], Some(text)) => Some(text.to_owned()),
        (body, _) if wide => utf16(body),
        (body, _) => Some(eight_bit(body)),
    };
    let signal = match (PhoneNumber::parse(from), text) {
        (Ok(number), Some(text)) => Signal::Answer { from: Address::Mobile(number), text },
        (Err(_), _) => Signal::Unknown { word: "message from no phone number".to_owned() },
        (_, None) => Signal::Unknown { word: "message in no readable alphabet".to_owned() },
    };
    Ok(vec![reported(callback, None, signal)])
}

fn parameter<'a>(callback: &'a Callback, name: &str) -> Option<&'a str> {
    callback.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn reported(callback: &Callback, attempt: Option<AttemptId>, signal: Signal) -> Reported {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&callback.query);
    let mut raw = query.finish().into_bytes();
    if !callback.body.is_empty() {
        raw.extend_from_slice(b"\r\n\r\n");
        raw.extend_from_slice(&callback.body);
    }
    let seconds = parameter(callback, "t").and_then(|t| t.parse::<u32>().ok());
    let at = seconds.filter(|s| *s > 0).map(|s| Timestamp::from_seconds(i64::from(s)));
    Reported { attempt, signal, at, raw }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    if bytes.len() % 2 == 1 {
        return None;
    }
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

/// UTF-8, which Kannel promises, or Latin-1, which some carriers send.
fn eight_bit(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// UTF-16 that has passed through a query string: readable only if no byte was lost on the way.
fn narrowed(text: &str) -> Option<String> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    if text.contains('\0') { utf16(text.as_bytes()) } else { Some(text.to_owned()) }
}
