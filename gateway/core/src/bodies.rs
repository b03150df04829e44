//! A body (*organismo*), the tenant to whom every row belongs, and the people who work in it.

use crate::addresses::EmailAddress;
use crate::ids::{BodyId, OfficeId, UserId};
use crate::notices::BodyFacts;
use serde::{Deserialize, Serialize};

/// What a body does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// Mediation body (D.Lgs. 28/2010).
    #[default]
    Mediation,
    /// Over-indebtedness body (*organismo di composizione della crisi*, D.Lgs. 14/2019).
    Occ,
    /// Professional order with its roll.
    Order,
}

/// A body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Its identity.
    pub id: BodyId,
    /// Small number, unique in this installation, from 1; stands in QR tokens.
    pub number: u32,
    /// What it does.
    pub kind: BodyKind,
    /// How it appears in letters and messages.
    pub facts: BodyFacts,
    /// How it appears as a sender.
    pub sender: Sender,
    /// Month and day of the local patron saint, a holiday there.
    #[serde(default)]
    pub patron_saint: Option<(i8, i8)>,
}

/// How a body appears as a sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// Display name of messages.
    pub name: String,
    /// `From` of ordinary mail.
    pub email: EmailAddress,
    /// `From` and envelope sender of certified mail: the address of the box that sends it.
    #[serde(default)]
    pub pec: Option<EmailAddress>,
    /// Where answers go, when not to `email`.
    #[serde(default)]
    pub reply_to: Option<EmailAddress>,
    /// The mailbox that takes answers also takes them at `local+tag@domain`: each mail then asks for its answer
    /// at an address of its own.
    #[serde(default)]
    pub reply_tags: bool,
    /// Textual sender of SMS (*alias*, at most 11 characters, registered with AGCOM), or a number.
    #[serde(default)]
    pub sms_sender: String,
}

/// An office (*sede*) of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// Its identity.
    pub id: OfficeId,
    /// Whose it is.
    pub body: BodyId,
    /// Name.
    pub name: String,
    /// Postal address in lines.
    pub address: Vec<String>,
}

/// A member of the staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Which body they work for.
    pub body: BodyId,
    /// Name to sign in with.
    pub login: String,
    /// Password hash in PHC form (argon2id).
    pub password_hash: String,
}
