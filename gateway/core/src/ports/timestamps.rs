//! What the engine needs of a time stamping authority (RFC 3161): a stamp for a hash, and the check of a
//! stamp, years later and without the authority.

use crate::ids::BlobHash;
use crate::signatures::{SignatureFault, TimeStamp};
use async_trait::async_trait;

/// Asks an authority for stamps.
#[async_trait]
pub trait TimeAuthority: Send + Sync {
    /// A stamp for this hash, checked as [`StampCheck`] would. Gives up after a stated time.
    async fn stamp(&self, sha256: BlobHash) -> Result<TimeStamp, StampError>;
}

/// Why there is no stamp, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time stamping authority gave no stamp: {0}")]
pub struct StampError(pub String);

/// Checks stamps. Pure; never panics on purpose.
pub trait StampCheck: Send + Sync {
    /// Checks a token (DER) against the hash that it must stamp.
    fn check(&self, token: &[u8], sha256: BlobHash) -> StampReport;
}

/// What the check of a stamp found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StampReport {
    /// Everything holds, trust included.
    Valid(TimeStamp),
    /// Everything holds, but nobody whom the operator trusts answers for the authority.
    NotVerifiable(TimeStamp, SignatureFault),
    /// It stamps something else.
    OtherHash,
    /// It does not hold; why, in words for the operator.
    Invalid(String),
}

impl StampReport {
    /// The stamp, when it holds mathematically.
    pub const fn stamp(&self) -> Option<&TimeStamp> {
        match self {
            Self::Valid(stamp) | Self::NotVerifiable(stamp, _) => Some(stamp),
            Self::OtherHash | Self::Invalid(_) => None,
        }
    }
}
