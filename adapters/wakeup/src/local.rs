//! The doorbell inside one process: one switch per lane, so that any number of rings costs nothing.
//!
//! Guarantee: a ring wakes one listener of its lane, or the next one that listens. Limit: rings that
//! come while nobody waits become one ring, and none says which job it was for; whoever hears it
//! looks in the database until nothing is due.

use async_trait::async_trait;
use futures_util::future::select_all;
use messo_core::ids::JobId;
use messo_core::jobs::Lane;
use messo_core::ports::{Bell, Doorbell, DoorbellError, Rung};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// The in-process doorbell. Clones ring the same bells.
#[derive(Clone)]
pub struct LocalDoorbell {
    lanes: Arc<BTreeMap<Lane, Arc<Notify>>>,
}

impl LocalDoorbell {
    /// A doorbell with all lanes, silent.
    pub fn new() -> Self {
        Self { lanes: Arc::new(Lane::all().map(|lane| (lane, Arc::default())).collect()) }
    }
}

impl Default for LocalDoorbell {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Doorbell for LocalDoorbell {
    async fn ring(&self, jobs: &[(Lane, JobId)]) -> Result<(), DoorbellError> {
        for (lane, _) in jobs {
            if let Some(switch) = self.lanes.get(lane) {
                // Wakes the listener that has waited longest, or is kept, once, for the next.
                switch.notify_one();
            }
        }
        Ok(())
    }

    async fn listen(&self, lanes: &[Lane], _prefetch: u16) -> Result<Box<dyn Bell>, DoorbellError> {
        let switches: Vec<_> = lanes
            .iter()
            .filter_map(|lane| self.lanes.get(lane).map(|switch| (*lane, switch.clone())))
            .collect();
        if switches.is_empty() {
            return Err(DoorbellError("a bell needs at least one lane".into()));
        }
        Ok(Box::new(LocalBell { switches }))
    }

    async fn check(&self) -> Result<(), DoorbellError> {
        Ok(())
    }
}

struct LocalBell {
    switches: Vec<(Lane, Arc<Notify>)>,
}

#[async_trait]
impl Bell for LocalBell {
    async fn next(&mut self) -> Rung {
        // A switch that fired for a future dropped here passes its ring on, so none is eaten.
        let waiting = self.switches.iter().map(|(_, switch)| Box::pin(switch.notified()));
        let ((), index, _) = select_all(waiting).await;
        let lane = self.switches[index].0;
        // The lane just heard goes last, so that a busy one cannot drown the others.
        let heard = self.switches.remove(index);
        self.switches.push(heard);
        Rung::new(lane, None, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{self, Unsettled};
    use messo_core::addresses::Channel;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn the_local_doorbell_keeps_the_contract() {
        let fresh = || -> futures_util::future::BoxFuture<'_, Box<dyn Doorbell>> {
            Box::pin(async { Box::new(LocalDoorbell::new()) as Box<dyn Doorbell> })
        };
        contract::run(&fresh, Unsettled::IsLost).await;
    }

    #[tokio::test]
    async fn a_hundred_thousand_rings_nobody_waits_for_become_one() {
        let lane = Lane::Out(Channel::Email);
        let doorbell = LocalDoorbell::new();
        let mut bell = doorbell.listen(&[lane], 1).await.expect("a bell");
        let jobs = vec![(lane, JobId(uuid::Uuid::nil())); 100_000];
        doorbell.ring(&jobs).await.expect("rings");
        bell.next().await.settle();
        assert!(timeout(Duration::from_millis(20), bell.next()).await.is_err());
    }

    #[tokio::test]
    async fn two_waiting_listeners_are_both_woken_by_two_rings() {
        let lane = Lane::Out(Channel::Email);
        let doorbell = LocalDoorbell::new();
        let mut one = doorbell.listen(&[lane], 1).await.expect("a bell");
        let mut two = doorbell.listen(&[lane], 1).await.expect("a bell");
        let job = JobId(uuid::Uuid::nil());
        let waiting = async { tokio::join!(one.next(), two.next()) };
        let ringing = async { doorbell.ring(&[(lane, job), (lane, job)]).await };
        let (woken, rung) = tokio::join!(timeout(Duration::from_secs(5), waiting), ringing);
        rung.expect("rings");
        assert!(woken.is_ok());
    }
}
