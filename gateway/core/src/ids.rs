//! Typed identities: one newtype per kind of row, so that a case can never be passed for a party.
//!
//! Rows are named by UUID version 7 (RFC 9562): they sort by birth, which keeps indexes compact.
//! They show their time of birth, so they are never used as secrets (see [`crate::tokens`]).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A body (*organismo*): the tenant to whom every row belongs.
    BodyId,
    /// An office (*sede*) of a body.
    OfficeId,
    /// A member of the staff who signs in.
    UserId,
    /// A case (*pratica*).
    CaseId,
    /// A person or organisation known to a body.
    PartyId,
    /// A document in a case file.
    DocumentId,
    /// A notice: what is said, to one or more recipients.
    NoticeId,
    /// A run of many notices released together (a CSV, a campaign).
    BatchId,
    /// One notice to one recipient.
    DispatchId,
    /// One try on one leg.
    AttemptId,
    /// Something that came back.
    ReceiptId,
    /// A message that came in.
    MessageId,
    /// One item of evidence in a body's chain.
    EvidenceId,
    /// One piece of work in the queue.
    JobId,
}

/// The SHA-256 (FIPS 180-4) of some stored bytes; also their name in the blob store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    /// Hashes the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Lower-case hexadecimal, 64 characters.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({})", self.hex())
    }
}

/// A text that is not 64 hexadecimal characters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a SHA-256 is written with 64 hexadecimal characters")]
pub struct InvalidHash;

impl FromStr for BlobHash {
    type Err = InvalidHash;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes =
            data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| InvalidHash)?;
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
    }
}

impl Serialize for BlobHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for BlobHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
