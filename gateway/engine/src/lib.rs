//! The use cases, one verb per file: accept, warn, send, reconcile, settle, release, certify, verify.
//!
//! The engine sees ports only ([`messo_core::ports`]): no database, no HTTP, no provider by name.
//! Guarantee: a fact and the job that follows from it are one commit; before a byte leaves there is
//! a committed attempt; what happened between "sent" and "saved" is never settled by sending again.

mod accept;
pub mod certify;
mod filing;
mod intake;
mod keyring;
mod providers;
mod reconcile;
pub mod registry;
mod release;
mod send;
mod settle;
pub mod timeline;
pub mod verify;
mod warn;
mod work;

pub use accept::{AcceptError, Accepted};
pub use intake::Intake;
pub use keyring::{KeyRing, ReadAgain};
pub use providers::Providers;
pub use reconcile::ReconcileError;
pub use release::{Released, Run};
pub use settle::{Doubts, SettleError, Verdict};
pub use work::Workers;

use messo_core::bodies::Body;
use messo_core::ids::{BodyId, JobId};
use messo_core::jobs::Lane;
use messo_core::ports::{
    Clock, Doorbell, Ids, Renderer, Seal, Store, StoreError, TimeAuthority, Typeset,
};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// The engine with everything that it talks to.
pub struct Engine {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The doorbell.
    pub doorbell: Arc<dyn Doorbell>,
    /// The templates.
    pub renderer: Arc<dyn Renderer>,
    /// The typesetter of documents.
    pub typesetter: Arc<dyn Typeset>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// New identities.
    pub ids: Arc<dyn Ids>,
    /// Seals exports.
    pub seal: Arc<dyn Seal>,
    /// Keys of the codes on paper and of callback addresses.
    pub tokens: KeyRing,
    /// The ways out.
    pub providers: Providers,
    /// What reads the mail that comes in.
    pub intake: Intake,
    /// Who stamps the proof, where somebody does.
    pub time_authority: Option<Arc<dyn TimeAuthority>>,
    /// The rest of the configuration.
    pub settings: Settings,
    /// Bodies change rarely and are needed for every send.
    pub bodies: BodyCache,
}

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address under which the public reaches this installation, without a final slash; stands in
    /// QR codes and callback addresses.
    pub public_url: String,
    /// Address under which providers reach us; the public one when absent.
    pub callback_url: Option<String>,
    /// How long a claimed job belongs to a worker; renewed at a third of it.
    pub lease: Duration,
    /// How often a worker looks for due work without being rung.
    pub sweep: Duration,
    /// How long a stopping worker waits for what is under way.
    pub stop_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            callback_url: None,
            lease: Duration::from_secs(60),
            sweep: Duration::from_secs(1),
            stop_within: Duration::from_secs(20),
        }
    }
}

/// Bodies kept for [`BodyCache::KEEP`]: a change of the letterhead is seen after that time at most.
#[derive(Default)]
pub struct BodyCache {
    known: RwLock<HashMap<BodyId, (messo_core::time::Timestamp, Arc<Body>)>>,
}

impl BodyCache {
    const KEEP: Duration = Duration::from_secs(5);
}

impl Engine {
    /// The body, from memory when it was read a moment ago.
    pub async fn body(&self, id: BodyId) -> Result<Arc<Body>, StoreError> {
        let now = self.clock.now();
        if let Ok(known) = self.bodies.known.read()
            && let Some((read_at, body)) = known.get(&id)
            && now.since(*read_at) < BodyCache::KEEP
        {
            return Ok(Arc::clone(body));
        }
        let body = Arc::new(self.store.body(id).await?.ok_or(StoreError::Missing("body"))?);
        if let Ok(mut known) = self.bodies.known.write() {
            known.insert(id, (now, Arc::clone(&body)));
        }
        Ok(body)
    }

    /// Rings for jobs that are committed. A doorbell out of order costs time only, so it is logged
    /// and counted, and nothing more.
    async fn ring(&self, jobs: &[(Lane, JobId)]) {
        if jobs.is_empty() {
            return;
        }
        if let Err(error) = self.doorbell.ring(jobs).await {
            metrics::counter!("messo_rings_lost_total").increment(jobs.len() as u64);
            tracing::warn!(%error, jobs = jobs.len(), "the doorbell was not heard; workers will find the jobs by themselves");
        }
    }
}
