//! People and organisations known to a body.

use crate::addresses::Address;
use crate::ids::{BodyId, PartyId};
use crate::notices::{Locale, RecipientFacts};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A person or an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Its identity.
    pub id: PartyId,
    /// Whose row it is.
    pub body: BodyId,
    /// Running number within the body, given by the storage (0 before); stands in QR tokens.
    pub serial: u32,
    /// Names and fiscal code.
    pub facts: RecipientFacts,
    /// Language.
    pub locale: Locale,
    /// Every address known.
    pub addresses: Vec<Address>,
    /// When first seen.
    pub created_at: Timestamp,
}

impl Party {
    /// The key by which the same party is found again within a body: the fiscal code where there
    /// is one, else name and first address. Upper case, so that spelling habits don't split people.
    pub fn match_key(&self) -> String {
        if !self.facts.fiscal_code.is_empty() {
            return format!("cf:{}", self.facts.fiscal_code.to_uppercase());
        }
        let address = self.addresses.first().map(Address::line).unwrap_or_default();
        format!("{}|{address}", self.facts.full_name()).to_uppercase()
    }
}
