//! Settle: a person says what became of an attempt in doubt; and cancel, before anything left.

use crate::Engine;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::evidence::EvidenceKind;
use messo_core::failures::FailureClass;
use messo_core::ids::{BodyId, DispatchId};
use messo_core::legs::{LegEvent, LegState, Proof};
use messo_core::ports::{Commit, StoreError, Write};
use serde::{Deserialize, Serialize};

/// What a person found out about an attempt in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It had left: nothing is sent again.
    Sent,
    /// It had not left: it is sent again, by a new attempt.
    NotSent,
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
        };
        let summary = serde_json::json!({ "attempt": attempt, "verdict": verdict, "by": who });
        let writes = vec![self.evidence(&dispatch, EvidenceKind::Settled, None, &summary)];
        Ok(self.advance(dispatch, leg, &event, now, writes).await?)
    }

    /// Cancels a dispatch of which nothing has left.
    pub async fn cancel(
        &self,
        body: BodyId,
        id: DispatchId,
        who: &str,
    ) -> Result<Dispatch, SettleError> {
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
        self.store.commit(Commit { guards: Vec::new(), writes }).await?;
        Ok(dispatch)
    }
}
