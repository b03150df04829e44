//! Settle: a person says what became of an attempt in doubt, or of many; and cancel, before anything left.
//!
//! Guarantee: a doubt that evidence settles meanwhile stays as the evidence says; a cancellation that meets
//! another change looks again, [`MAX_RACES`] times at most.

use crate::Engine;
use crate::filing::MAX_RACES;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::evidence::EvidenceKind;
use messo_core::failures::FailureClass;
use messo_core::ids::{BodyId, DispatchId};
use messo_core::legs::{LegEvent, LegState, Proof};
use messo_core::ports::{Commit, DispatchFilter, StoreError, Write};
use messo_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Dispatches read at a time.
const PAGE: u32 = 1_000;

/// What a person found out about an attempt in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It had left: nothing is sent again.
    Sent,
    /// It had not left: it is sent again, by a new attempt.
    NotSent,
    /// It is given up: nothing is sent again on this leg, and the plan goes on with its next step.
    Failed,
}

/// What was found in doubt, and how much of it was settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Doubts {
    /// The legs: dispatch and index.
    pub found: Vec<(DispatchId, usize)>,
    /// How many were settled; the others were settled by evidence or by somebody else meanwhile.
    pub settled: u64,
}

/// Why nothing was settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The leg is not in doubt.
    #[error("questo invio non è in dubbio: non c'è nulla da verificare")]
    NotInDoubt,
    /// Something has left already.
    #[error("l'invio è già partito o concluso e non si può annullare")]
    TooLate,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Settles the doubt on a leg. `who` stands in the evidence.
    pub async fn settle(
        &self,
        body: BodyId,
        id: DispatchId,
        leg: usize,
        verdict: Verdict,
        who: &str,
    ) -> Result<Dispatch, SettleError> {
        let dispatch =
            self.store.dispatch(body, id).await?.ok_or(StoreError::Missing("dispatch"))?;
        let Some(LegState::Doubtful { attempt, .. }) = dispatch.legs.get(leg).map(|l| &l.state)
        else {
            return Err(SettleError::NotInDoubt);
        };
        let (attempt, now) = (*attempt, self.clock.now());
        let event = match verdict {
            Verdict::Sent => LegEvent::Delivered { attempt, proof: Proof::HandedOver },
            Verdict::NotSent => {
                LegEvent::TryAgain { attempt, due_at: now, class: FailureClass::Doubtful }
            }
            Verdict::Failed => LegEvent::Failed { attempt, class: FailureClass::Doubtful },
        };
        let summary = serde_json::json!({ "attempt": attempt, "verdict": verdict, "by": who });
        let writes = vec![self.evidence(&dispatch, EvidenceKind::Settled, None, &summary)];
        Ok(self.advance(dispatch, leg, &event, now, writes).await?)
    }

    /// The legs that have been in doubt for so long.
    pub async fn doubts(
        &self,
        body: BodyId,
        older_than: Duration,
    ) -> Result<Vec<(DispatchId, usize)>, StoreError> {
        let now = self.clock.now();
        let old = |since: Timestamp| now.since(since) >= older_than;
        let state = Some(DispatchState::Doubtful);
        let mut filter = DispatchFilter { state, limit: PAGE, ..DispatchFilter::default() };
        let mut found = Vec::new();
        loop {
            let page = self.store.dispatches(body, &filter).await?;
            for row in &page {
                let legs = row.dispatch.legs.iter().enumerate();
                let doubtful = legs.filter(
                    |(_, leg)| matches!(leg.state, LegState::Doubtful { since, .. } if old(since)),
                );
                found.extend(doubtful.map(|(index, _)| (row.dispatch.id, index)));
            }
            filter.before = page.last().map(|row| row.dispatch.id);
            if page.len() < PAGE as usize {
                return Ok(found);
            }
        }
    }

    /// Settles all legs that have been in doubt for so long. `progress` hears of each one.
    pub async fn settle_doubts(
        &self,
        body: BodyId,
        older_than: Duration,
        verdict: Verdict,
        who: &str,
        mut progress: impl FnMut(),
    ) -> Result<Doubts, SettleError> {
        let found = self.doubts(body, older_than).await?;
        let mut settled = 0;
        for (dispatch, leg) in &found {
            match self.settle(body, *dispatch, *leg, verdict, who).await {
                Ok(_) => settled += 1,
                // Evidence was quicker, or somebody else.
                Err(SettleError::NotInDoubt | SettleError::Store(StoreError::Stale(_))) => {}
                Err(error) => return Err(error),
            }
            progress();
        }
        Ok(Doubts { found, settled })
    }

    /// Cancels a dispatch of which nothing has left.
    pub async fn cancel(
        &self,
        body: BodyId,
        id: DispatchId,
        who: &str,
    ) -> Result<Dispatch, SettleError> {
        for _ in 0..MAX_RACES {
            let mut dispatch =
                self.store.dispatch(body, id).await?.ok_or(StoreError::Missing("dispatch"))?;
            let before = dispatch.clone();
            dispatch.cancel(self.clock.now());
            if dispatch == before || dispatch.state() != DispatchState::Cancelled {
                return Err(SettleError::TooLate);
            }
            let summary = serde_json::json!({ "by": who });
            let evidence = self.evidence(&dispatch, EvidenceKind::Cancelled, None, &summary);
            let writes = vec![evidence, Write::Dispatch(Box::new(dispatch.clone()))];
            match self.store.commit(Commit { guards: Vec::new(), writes }).await {
                Ok(_) => return Ok(dispatch),
                // Moved meanwhile: perhaps it can still be cancelled.
                Err(StoreError::Stale(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unavailable("many writers move the same dispatch".into()).into())
    }
}
