//! Evidence: items in one hash chain per body. Whoever holds a later hash can tell whether anything
//! earlier was changed, left out or put in.
//!
//! The chain proves order and integrity from the inside. That it was not made anew as a whole is
//! proved from the outside: by the seal on an exported bundle and, where configured, by time stamps.

use crate::ids::{BlobHash, BodyId, DispatchId, EvidenceId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What an item is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// The dispatch was accepted with this content.
    Accepted,
    /// An attempt was committed; the blob is the exact bytes.
    Attempt,
    /// The provider answered; the blob is the transcript.
    Outcome,
    /// Something came back; the blob is its exact bytes.
    Receipt,
    /// An attempt was found in doubt.
    Doubt,
    /// A person or evidence settled a doubt.
    Settled,
    /// The dispatch came to an end.
    Closed,
    /// The dispatch was cancelled.
    Cancelled,
    /// A day of the protocol register was closed; the blob is its CSV.
    RegisterDay,
}

impl EvidenceKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Attempt,
        Self::Outcome,
        Self::Receipt,
        Self::Doubt,
        Self::Settled,
        Self::Closed,
        Self::Cancelled,
        Self::RegisterDay,
    ];

    /// The word in the chain and in the manifest. It is hashed: it never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Attempt => "attempt",
            Self::Outcome => "outcome",
            Self::Receipt => "receipt",
            Self::Doubt => "doubt",
            Self::Settled => "settled",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::RegisterDay => "register_day",
        }
    }
}

/// An item before it has its place in the chain, which the storage gives at commit.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceDraft {
    /// Its identity.
    pub id: EvidenceId,
    /// Whose chain.
    pub body: BodyId,
    /// The dispatch it is about.
    pub dispatch: Option<DispatchId>,
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// When.
    pub at: Timestamp,
    /// The bytes it refers to.
    pub blob: Option<BlobHash>,
    /// A JSON object with the facts. Hashed as this text, so it is kept as text.
    pub summary: String,
}

/// An item in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// Its identity.
    pub id: EvidenceId,
    /// Whose chain.
    pub body: BodyId,
    /// Place in the chain, from 1, without gaps.
    pub seq: i64,
    /// The dispatch it is about.
    pub dispatch: Option<DispatchId>,
    /// What it is evidence of.
    pub kind: EvidenceKind,
    /// When.
    pub at: Timestamp,
    /// The bytes it refers to.
    pub blob: Option<BlobHash>,
    /// A JSON object with the facts, as hashed.
    pub summary: String,
    /// Hash of the item before; [`genesis`] for the first.
    pub previous: BlobHash,
    /// Hash of this item, `previous` included.
    pub hash: BlobHash,
}

/// What the first item of a body's chain has as `previous`.
pub fn genesis(body: BodyId) -> BlobHash {
    let mut hasher = Sha256::new();
    hasher.update(b"messo evidence chain v1\0");
    hasher.update(body.0.as_bytes());
    BlobHash(hasher.finalize().into())
}

impl EvidenceDraft {
    /// Gives the draft its place after the item with sequence number `seq - 1` and hash `previous`.
    pub fn chain(self, seq: i64, previous: BlobHash) -> EvidenceItem {
        let mut item = EvidenceItem {
            id: self.id,
            body: self.body,
            seq,
            dispatch: self.dispatch,
            kind: self.kind,
            at: self.at,
            blob: self.blob,
            summary: self.summary,
            previous,
            hash: previous,
        };
        item.hash = item.compute_hash();
        item
    }
}

impl EvidenceItem {
    /// SHA-256 over every field but `hash`, each with its length in front, so that no two items
    /// can be written alike.
    pub fn compute_hash(&self) -> BlobHash {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(b"messo evidence item v1");
        field(self.id.0.as_bytes());
        field(self.body.0.as_bytes());
        field(&self.seq.to_be_bytes());
        field(self.dispatch.as_ref().map_or(&[][..], |id| id.0.as_bytes()));
        field(self.kind.word().as_bytes());
        field(&self.at.0.to_be_bytes());
        field(self.blob.as_ref().map_or(&[][..], |blob| &blob.0));
        field(self.summary.as_bytes());
        field(&self.previous.0);
        BlobHash(hasher.finalize().into())
    }

    /// Whether the item says what it said when it was chained.
    pub fn holds(&self) -> bool {
        self.compute_hash() == self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn draft(summary: &str) -> EvidenceDraft {
        EvidenceDraft {
            id: EvidenceId(Uuid::from_u128(1)),
            body: BodyId(Uuid::from_u128(2)),
            dispatch: None,
            kind: EvidenceKind::Accepted,
            at: Timestamp::from_seconds(1_000),
            blob: None,
            summary: summary.into(),
        }
    }

    #[test]
    fn a_changed_item_no_longer_holds() {
        let body = BodyId(Uuid::from_u128(2));
        let item = draft("{}").chain(1, genesis(body));
        assert!(item.holds());
        let mut changed = item.clone();
        changed.summary = "{ }".into();
        assert!(!changed.holds());
        let mut moved = item.clone();
        moved.seq = 2;
        assert!(!moved.holds());
        let mut dated = item;
        dated.at = dated.at + std::time::Duration::from_micros(1);
        assert!(!dated.holds());
    }

    #[test]
    fn two_bodies_never_share_a_chain() {
        assert_ne!(genesis(BodyId(Uuid::from_u128(1))), genesis(BodyId(Uuid::from_u128(2))));
    }
}
