//! A notice: what is said, before it is said to anybody.

use crate::addresses::Address;
use crate::ids::{BatchId, BlobHash, BodyId, NoticeId};
use crate::plans::Plan;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

/// A language in which Messo speaks.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// Italian.
    #[default]
    It,
    /// German (South Tyrol).
    De,
    /// English.
    En,
}

impl Locale {
    /// All languages.
    pub const ALL: [Self; 3] = [Self::It, Self::De, Self::En];

    /// ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::It => "it",
            Self::De => "de",
            Self::En => "en",
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A word that names no language of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("«{0}» non è una lingua disponibile: si usano it, de, en")]
pub struct UnknownLocale(pub String);

impl FromStr for Locale {
    type Err = UnknownLocale;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_lowercase().as_str() {
            "it" | "ita" | "italiano" | "italienisch" | "italian" => Ok(Self::It),
            "de" | "deu" | "ger" | "tedesco" | "deutsch" | "german" => Ok(Self::De),
            "en" | "eng" | "inglese" | "englisch" | "english" => Ok(Self::En),
            _ => Err(UnknownLocale(text.to_owned())),
        }
    }
}

/// What a template is filled with: frozen when the notice is accepted, so that what leaves is what
/// was released, whatever is edited meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NoticeFacts {
    /// Name of the template, e.g. `convocazione`.
    pub template: String,
    /// The recipient's language.
    #[serde(default)]
    pub locale: Locale,
    /// Who speaks.
    pub body: BodyFacts,
    /// About which case.
    #[serde(default)]
    pub case: CaseFacts,
    /// To whom.
    #[serde(default)]
    pub recipient: RecipientFacts,
    /// The recipient's lawyer, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lawyer: Option<LawyerFacts>,
    /// The meeting, where one stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting: Option<MeetingFacts>,
    /// Anything else that a template may name: the unknown columns of a CSV.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// Who speaks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BodyFacts {
    /// Full name, as in the letterhead.
    pub name: String,
    /// Postal address in lines.
    #[serde(default)]
    pub address: Vec<String>,
    /// Telephone, as printed.
    #[serde(default)]
    pub phone: String,
    /// Public e-mail.
    #[serde(default)]
    pub email: String,
    /// Public certified mail.
    #[serde(default)]
    pub pec: String,
    /// Web site, as printed.
    #[serde(default)]
    pub website: String,
    /// Number in the ministry's register, as printed.
    #[serde(default)]
    pub register_number: String,
}

/// About which case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Number within the year.
    pub number: String,
    /// Year.
    pub year: i16,
    /// Date of the petition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_on: Option<jiff::civil::Date>,
    /// Subject (*materia*).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub matter: String,
    /// Value of the dispute in euro cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_cents: Option<i64>,
}

/// To whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecipientFacts {
    /// Part in the case: istante, convocato, avvocato, mediatore, debitore, creditore.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// Given name of a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub given_name: String,
    /// Family name of a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family_name: String,
    /// Name of an organisation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub company: String,
    /// Italian fiscal code or VAT number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fiscal_code: String,
    /// Lines of the postal block, where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postal_lines: Vec<String>,
}

impl RecipientFacts {
    /// How the recipient is called in an address: the organisation, or given and family name.
    pub fn full_name(&self) -> String {
        if self.company.is_empty() {
            format!("{} {}", self.given_name, self.family_name).trim().to_owned()
        } else {
            self.company.clone()
        }
    }
}

/// The recipient's lawyer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LawyerFacts {
    /// Name.
    pub name: String,
    /// Certified mail.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pec: String,
}

/// The meeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingFacts {
    /// Civil date and time in Rome.
    pub at: jiff::civil::DateTime,
    /// Where: an address, or a link.
    #[serde(default)]
    pub place: String,
}

/// What somebody asks to be said, to one or more recipients.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeRequest {
    /// Whose notice.
    pub body: BodyId,
    /// The caller's key: the same key with the same content is harmless, with another a conflict.
    pub key: String,
    /// Which template.
    pub template: String,
    /// By which ways.
    pub plan: Plan,
    /// The run to which it belongs, if any.
    pub batch: Option<BatchId>,
    /// Not before; at once when absent.
    pub not_before: Option<Timestamp>,
    /// To whom: at least one.
    pub recipients: Vec<RecipientRequest>,
}

/// One recipient of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct RecipientRequest {
    /// Row of the file it came from, from 1; 0 otherwise.
    pub row: u32,
    /// What the template is filled with (template and body are set by the engine).
    pub facts: NoticeFacts,
    /// Every address that is known.
    pub addresses: Vec<Address>,
}

impl RecipientRequest {
    /// A number of case, person and addresses: two requests with the same one are the same to us.
    /// Of 64 bits, so that among two million rows a false alarm has odds of one in nine million.
    pub fn fingerprint(&self) -> u64 {
        // The hasher without keys: the same request gives the same answer every time.
        let mut hasher = DefaultHasher::new();
        let facts = &self.facts;
        (facts.case.year, facts.case.number.to_lowercase()).hash(&mut hasher);
        if facts.recipient.fiscal_code.is_empty() {
            facts.recipient.full_name().to_lowercase().hash(&mut hasher);
        } else {
            facts.recipient.fiscal_code.hash(&mut hasher);
        }
        for address in &self.addresses {
            address.line().to_lowercase().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// A notice as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its identity.
    pub id: NoticeId,
    /// Whose it is.
    pub body: BodyId,
    /// The caller's key.
    pub key: String,
    /// Hash of what was asked, without ids and times.
    pub content_hash: BlobHash,
    /// Which template.
    pub template: String,
    /// The run to which it belongs, if any.
    pub batch: Option<BatchId>,
    /// When it was accepted.
    pub created_at: Timestamp,
}
