//! Typed addresses: a value of one of these types is well formed, so nothing further in checks again.

pub mod email;
pub mod phone;
pub mod postal;

pub use email::EmailAddress;
pub use phone::PhoneNumber;
pub use postal::{PostalBlock, PostalParts};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Ordinary e-mail: courtesy, no proof of delivery.
    Email,
    /// Certified mail (*posta elettronica certificata*, DPR 68/2005).
    Pec,
    /// Text message to a mobile phone: courtesy.
    Sms,
    /// Fax: courtesy.
    Fax,
    /// Priority letter (*posta prioritaria*): no proof.
    Post,
    /// Registered letter with advice of receipt (*raccomandata A/R*).
    Registered,
    /// A chat account.
    Chat,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 7] =
        [Self::Email, Self::Pec, Self::Sms, Self::Fax, Self::Post, Self::Registered, Self::Chat];

    /// The word used in plans, in the API and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Pec => "pec",
            Self::Sms => "sms",
            Self::Fax => "fax",
            Self::Post => "post",
            Self::Registered => "registered",
            Self::Chat => "chat",
        }
    }

    /// The name that staff read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Pec => "PEC",
            Self::Sms => "SMS",
            Self::Fax => "Fax",
            Self::Post => "Posta prioritaria",
            Self::Registered => "Raccomandata A/R",
            Self::Chat => "Chat",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Channel {
    type Err = UnknownChannel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.word() == text)
            .ok_or_else(|| UnknownChannel(text.to_owned()))
    }
}

/// A text that is no address of its kind: one Italian sentence that says what to mend. The sentence
/// never repeats the address, so it may stand in a log.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidAddress(pub String);

impl From<&str> for InvalidAddress {
    fn from(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

/// A word that names no channel.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("«{0}» non è un canale")]
pub struct UnknownChannel(pub String);

/// Where somebody can be reached on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Address {
    /// An ordinary mailbox.
    Email(EmailAddress),
    /// A certified mailbox.
    Pec(EmailAddress),
    /// A mobile phone.
    Mobile(PhoneNumber),
    /// A fax machine.
    Fax(PhoneNumber),
    /// A postal address, as printed.
    Postal(PostalBlock),
    /// An account of a chat service, in the form `service:account`.
    Chat(String),
}

impl Address {
    /// Whether a message on this channel can go to this address.
    pub fn serves(&self, channel: Channel) -> bool {
        matches!(
            (self, channel),
            (Self::Email(_), Channel::Email)
                | (Self::Pec(_), Channel::Pec)
                | (Self::Mobile(_), Channel::Sms)
                | (Self::Fax(_), Channel::Fax)
                | (Self::Postal(_), Channel::Post | Channel::Registered)
                | (Self::Chat(_), Channel::Chat)
        )
    }

    /// One line for staff and for the statement of service.
    pub fn line(&self) -> String {
        match self {
            Self::Email(address) | Self::Pec(address) => address.to_string(),
            Self::Mobile(number) | Self::Fax(number) => number.to_string(),
            Self::Postal(block) => block.lines().join(", "),
            Self::Chat(account) => account.clone(),
        }
    }
}
