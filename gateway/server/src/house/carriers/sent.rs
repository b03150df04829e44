//! What a provider sent before this process began, as the evidence tells.
//!
//! Guarantee: every attempt of it that may have left is found, whichever process made it. Limit: the newest
//! million items of each body's chain are looked through, newest first; older ones are taken as not sent.

use async_trait::async_trait;
use messo_channels::pec::{Past, Sent, may_have_entered};
use messo_core::evidence::{EvidenceItem, EvidenceKind};
use messo_core::ids::{AttemptId, BodyId};
use messo_core::ports::{Store, StoreError};
use messo_core::time::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Items read at a time.
const PAGE: i64 = 1_000;
/// Most pages of one body.
const MOST_PAGES: usize = 1_000;

/// What the evidence of an attempt says about who made it.
#[derive(Deserialize)]
struct Made {
    attempt: AttemptId,
    provider: String,
}

/// The evidence of all bodies, asked about one provider.
pub struct Evidence {
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// Name of the provider.
    pub provider: String,
}

#[async_trait]
impl Past for Evidence {
    async fn sent(&self, from: Timestamp) -> Result<Vec<Sent>, String> {
        self.since(from).await.map_err(|error| error.to_string())
    }
}

impl Evidence {
    async fn since(&self, from: Timestamp) -> Result<Vec<Sent>, StoreError> {
        let (store, mut sent) = (self.store.as_ref(), Vec::new());
        for body in store.bodies().await? {
            of_body(store, body.id, &self.provider, from, &mut sent).await?;
        }
        Ok(sent)
    }
}

async fn of_body(
    store: &dyn Store,
    body: BodyId,
    provider: &str,
    from: Timestamp,
    sent: &mut Vec<Sent>,
) -> Result<(), StoreError> {
    let mut last = store.chain_head(body).await?.map_or(0, |head| head.seq);
    for _ in 0..MOST_PAGES {
        if last < 1 {
            break;
        }
        let first = (last - PAGE + 1).max(1);
        let items = store.chain(body, first, last).await?;
        for item in items.iter().filter(|item| item.at >= from) {
            sent.extend(attempt(store, item, provider).await?);
        }
        // The chain is in the order of time, but for a clock that was set back.
        if items.iter().all(|item| item.at < from) {
            break;
        }
        last = first - 1;
    }
    Ok(())
}

async fn attempt(
    store: &dyn Store,
    item: &EvidenceItem,
    provider: &str,
) -> Result<Option<Sent>, StoreError> {
    if item.kind != EvidenceKind::Attempt {
        return Ok(None);
    }
    let made: Option<Made> = serde_json::from_str(&item.summary).ok();
    let Some(made) = made.filter(|made| made.provider == provider) else { return Ok(None) };
    let attempt = store.attempt(made.attempt).await?;
    // Without an ending it is under way, or in doubt.
    let left = |ending: &Option<messo_core::attempts::Ending>| {
        ending.as_ref().is_none_or(|ending| may_have_entered(&ending.outcome))
    };
    Ok(attempt
        .filter(|attempt| left(&attempt.ending))
        .map(|attempt| Sent { at: attempt.started_at, bytes: attempt.size }))
}
