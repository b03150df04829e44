//! The magic addresses of the sandbox, and what becomes of a message sent to each.
//!
//! One table ([`TABLE`]) for the words, the phone endings and the meanings. An address without magic is
//! delivered. The word stands: in e-mail, PEC and chat as the whole local part or behind its `+`
//! (`mario+bounced@example.it`, `bounced@example.it`); on a phone or fax as the last two digits; on
//! a letter as a word of the first line (`Mario Rossi BOUNCED`).

use messo_core::addresses::{Address, Channel};
use messo_core::failures::FailureClass;
use messo_core::legs::Proof;
use messo_core::ports::{Carried, Reported};
use messo_core::receipts::Signal;
use messo_core::time::Timestamp;
use std::time::Duration;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Story {
    /// Taken, delivered after two seconds.
    Delivered,
    /// Taken, delivered after half a minute.
    Late,
    /// Taken, returned after three seconds.
    Bounced,
    /// Refused at once, not for the address.
    Refused,
    /// Refused at once: no such recipient.
    Unknown,
    /// Two tries are told to slow down, the third is delivered.
    Throttled,
    /// Nobody ever answers.
    Unavailable,
    /// The answer to the last byte is lost; asked after six seconds, the carrier says delivered.
    Doubtful,
    /// Taken, and never heard of again.
    Silent,
    /// Delivered, and the recipient adheres.
    Answer,
    /// Delivered, and the recipient declines.
    RefuseAnswer,
    /// Our credentials are wrong.
    Misconfigured,
}

/// Word, last two digits of a phone, story.
pub const TABLE: [(&str, &str, Story); 12] = [
    ("delivered", "00", Story::Delivered),
    ("late", "91", Story::Late),
    ("bounced", "92", Story::Bounced),
    ("refused", "93", Story::Refused),
    ("unknown", "94", Story::Unknown),
    ("throttled", "95", Story::Throttled),
    ("unavailable", "96", Story::Unavailable),
    ("doubtful", "97", Story::Doubtful),
    ("silent", "98", Story::Silent),
    ("answer", "81", Story::Answer),
    ("refuse-answer", "82", Story::RefuseAnswer),
    ("misconfigured", "99", Story::Misconfigured),
];

const DELIVERED_AFTER: Duration = Duration::from_secs(2);
const BOUNCED_AFTER: Duration = Duration::from_secs(3);
const ANSWERED_AFTER: Duration = Duration::from_secs(4);
const SETTLED_AFTER: Duration = Duration::from_secs(6);
const LATE_AFTER: Duration = Duration::from_secs(30);

const ADHERES: &str = "Buongiorno, confermo la mia adesione alla mediazione e sarò presente all'incontro. Cordiali saluti";
const DECLINES: &str =
    "Buongiorno, comunico che non intendo aderire alla mediazione. Distinti saluti";

impl Story {
    /// The story of an address.
    pub fn of(channel: Channel, to: &Address) -> Self {
        match to {
            Address::Postal(block) => {
                Self::of_text(channel, block.lines().first().map_or("", String::as_str))
            }
            other => Self::of_text(channel, &other.line()),
        }
    }

    /// The story of an address as it stands in an envelope.
    pub(crate) fn of_text(channel: Channel, to: &str) -> Self {
        let found = match channel {
            Channel::Email | Channel::Pec | Channel::Chat => by_local_part(channel, to),
            Channel::Sms | Channel::Fax => {
                TABLE.into_iter().find(|(_, ending, _)| to.ends_with(ending))
            }
            Channel::Post | Channel::Registered => {
                let first = to.split([',', '\n']).next().unwrap_or_default();
                let mut words = first.split_whitespace();
                words.find_map(|word| by_word(&word.to_ascii_lowercase()))
            }
        };
        found.map_or(Self::Delivered, |(_, _, story)| story)
    }

    /// What the carrier knows at this time, oldest first. Asked again, it says the same with the same
    /// bytes.
    pub fn report(self, channel: Channel, carried: &Carried, now: Timestamp) -> Vec<Reported> {
        let delivered = Signal::Delivered { proof: proof(channel) };
        let answer =
            |text: &str| Signal::Answer { from: carried.to.clone(), text: text.to_owned() };
        let told = match self {
            Self::Delivered | Self::Throttled => vec![(DELIVERED_AFTER, delivered)],
            Self::Late => vec![(LATE_AFTER, delivered)],
            Self::Doubtful => vec![(SETTLED_AFTER, delivered)],
            Self::Bounced => {
                let code = "550 5.1.1 destinatario inesistente (sandbox)".to_owned();
                let class = FailureClass::BadRecipient;
                vec![(BOUNCED_AFTER, Signal::Failed { class, code })]
            }
            Self::Answer => vec![(DELIVERED_AFTER, delivered), (ANSWERED_AFTER, answer(ADHERES))],
            Self::RefuseAnswer => {
                vec![(DELIVERED_AFTER, delivered), (ANSWERED_AFTER, answer(DECLINES))]
            }
            Self::Refused
            | Self::Unknown
            | Self::Unavailable
            | Self::Silent
            | Self::Misconfigured => Vec::new(),
        };
        let elapsed = now.since(carried.since);
        told.into_iter()
            .filter(|(after, _)| elapsed >= *after)
            .map(|(after, signal)| reported(carried, carried.since + after, signal))
            .collect()
    }
}

fn by_word(word: &str) -> Option<(&'static str, &'static str, Story)> {
    TABLE.into_iter().find(|(name, _, _)| *name == word)
}

fn by_local_part(channel: Channel, to: &str) -> Option<(&'static str, &'static str, Story)> {
    // A chat account is `service:account`, a mailbox `local@domain`.
    let local = match channel {
        Channel::Chat => to.split_once(':').map_or(to, |(_, account)| account),
        _ => to.rsplit_once('@').map_or(to, |(local, _)| local),
    };
    let local = local.to_ascii_lowercase();
    by_word(&local).or_else(|| by_word(local.rsplit_once('+')?.1))
}

/// What a delivery is worth on the channel that the sandbox plays.
const fn proof(channel: Channel) -> Proof {
    match channel {
        Channel::Pec | Channel::Registered => Proof::SignedReceipt,
        Channel::Sms | Channel::Fax | Channel::Chat => Proof::CarrierReport,
        Channel::Email | Channel::Post => Proof::HandedOver,
    }
}

fn reported(carried: &Carried, at: Timestamp, signal: Signal) -> Reported {
    let said = match &signal {
        Signal::Answer { text, .. } => format!("\n\n{text}\n"),
        Signal::Failed { code, .. } => format!("\ncode: {code}\n"),
        _ => "\n".to_owned(),
    };
    let raw =
        format!("sandbox: {}\nreference: {}\nat: {at}{said}", signal.name(), carried.reference);
    Reported { attempt: Some(carried.attempt), signal, at: Some(at), raw: raw.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::ids::AttemptId;

    const SINCE: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn carried(to: &str) -> Carried {
        Carried {
            attempt: AttemptId(uuid::Uuid::from_u128(7)),
            reference: "m1.x@example.it".to_owned(),
            provider_reference: None,
            to: Address::Chat(to.to_owned()),
            since: SINCE,
        }
    }

    #[test]
    fn every_word_is_found_wherever_its_channel_carries_it() {
        for (word, ending, story) in TABLE {
            let found = |channel, to: String| Story::of_text(channel, &to);
            assert_eq!(found(Channel::Email, format!("mario+{word}@example.it")), story);
            assert_eq!(found(Channel::Pec, format!("{word}@pec.example.it")), story);
            assert_eq!(found(Channel::Chat, format!("telegram:{word}")), story);
            assert_eq!(found(Channel::Sms, format!("+39333123 45{ending}")), story);
            assert_eq!(found(Channel::Fax, format!("+39061234{ending}")), story);
            assert_eq!(
                found(Channel::Registered, format!("Mario Rossi {}", word.to_uppercase())),
                story
            );
        }
    }

    #[test]
    fn an_ordinary_address_is_delivered() {
        for (channel, to) in [
            (Channel::Email, "mario.rossi@example.it"),
            (Channel::Email, "bounced.mario@example.it"),
            (Channel::Sms, "+393331234567"),
            (Channel::Post, "Mario Rossi"),
            (Channel::Chat, "telegram:@mario"),
        ] {
            assert_eq!(Story::of_text(channel, to), Story::Delivered);
        }
    }

    #[test]
    fn an_answer_follows_the_delivery() {
        let carried = carried("telegram:answer");
        let heard = |seconds| -> Vec<&str> {
            let now = SINCE + Duration::from_secs(seconds);
            let news = Story::Answer.report(Channel::Chat, &carried, now);
            news.iter().map(|news| news.signal.name()).collect()
        };
        assert_eq!(heard(1), [""; 0]);
        assert_eq!(heard(2), ["delivered"]);
        assert_eq!(heard(9), ["delivered", "answer"]);
    }

    #[test]
    fn the_same_news_has_the_same_bytes() {
        let carried = carried("telegram:bounced");
        let at = |seconds| {
            Story::Bounced.report(Channel::Chat, &carried, SINCE + Duration::from_secs(seconds))
        };
        assert_eq!(at(2), []);
        assert_eq!(at(3), at(300));
        assert!(matches!(at(3)[0].signal, Signal::Failed { .. }));
    }
}
