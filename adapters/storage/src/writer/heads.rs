//! The heads of the bodies in a transaction: the end of each chain and the running numbers.
//!
//! Whoever holds a head is alone with the body's chain and numbers until the transaction ends, in
//! this process and in any other.

use crate::session::{Connection, args};
use crate::statement::statements;
use messo_core::evidence::genesis;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::ports::StoreError;
use std::collections::{BTreeMap, BTreeSet};

statements! {
    // The empty update locks the row on PostgreSQL; a body's first head is made on the way.
    LOCK_HEAD = same(
        "INSERT INTO body_head (body_id, evidence_seq, evidence_hash, dispatches, cases, parties, codes) \
         VALUES ($1, 0, $2, 0, 0, 0, 0) \
         ON CONFLICT (body_id) DO UPDATE SET evidence_seq = body_head.evidence_seq \
         RETURNING evidence_seq, evidence_hash, dispatches, cases, parties, codes",
    );
    STORE_HEAD = same(
        "UPDATE body_head SET evidence_seq = $2, evidence_hash = $3, dispatches = $4, cases = $5, \
         parties = $6, codes = $7 WHERE body_id = $1",
    );
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Sequence number of the last item of evidence.
    pub seq: i64,
    /// Its hash.
    pub hash: BlobHash,
    /// Number of the last dispatch.
    pub dispatches: i64,
    /// Serial of the last case.
    pub cases: i64,
    /// Serial of the last party.
    pub parties: i64,
    /// Serial of the last code.
    pub codes: i64,
}

/// The heads held by a transaction, as read and as they stand now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads(BTreeMap<BodyId, (Head, Head)>);

impl Heads {
    /// Locks the heads of the bodies, in order of identity.
    pub(super) async fn lock(
        connection: &mut Connection,
        bodies: &BTreeSet<BodyId>,
    ) -> Result<Self, StoreError> {
        let mut heads = BTreeMap::new();
        for body in bodies {
            let row = connection.row(LOCK_HEAD, args![body.0, genesis(*body)]).await?;
            let mut row = row.ok_or(StoreError::Missing("head of the body"))?;
            let head = Head {
                seq: row.int()?,
                hash: row.hash()?,
                dispatches: row.int()?,
                cases: row.int()?,
                parties: row.int()?,
                codes: row.int()?,
            };
            heads.insert(*body, (head, head));
        }
        Ok(Self(heads))
    }

    /// The head of a body that was locked.
    pub(super) fn get(&mut self, body: BodyId) -> Result<&mut Head, StoreError> {
        self.0.get_mut(&body).map(|(_, now)| now).ok_or(StoreError::Missing("head of the body"))
    }

    /// Writes the heads that have moved.
    pub(super) async fn store(self, connection: &mut Connection) -> Result<(), StoreError> {
        for (body, (before, now)) in self.0 {
            if now == before {
                continue;
            }
            let args =
                args![body.0, now.seq, now.hash, now.dispatches, now.cases, now.parties, now.codes];
            connection.run(STORE_HEAD, args).await?;
        }
        Ok(())
    }
}
