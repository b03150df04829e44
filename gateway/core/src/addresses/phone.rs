//! FIRST SKETCH, replaced by the address rules.
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sketch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PhoneNumber(String);

/// Sketch.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidAddress(pub String);

impl PhoneNumber {
    /// Sketch.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        Ok(Self(text.trim().to_owned()))
    }
    /// Sketch.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl From<PhoneNumber> for String {
    fn from(value: PhoneNumber) -> Self {
        value.0
    }
}
impl TryFrom<String> for PhoneNumber {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}
