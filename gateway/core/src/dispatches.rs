//! A dispatch: one notice to one recipient by one plan, and how its legs move it.

use crate::addresses::{Address, Channel};
use crate::ids::{BatchId, BlobHash, BodyId, CaseId, DispatchId, NoticeId, PartyId};
use crate::legs::{InvalidTransition, LegEvent, LegState, Proof, SkipReason, Step, apply};
use crate::notices::NoticeFacts;
use crate::plans::Plan;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One channel of a dispatch's plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// The step of the plan, from 0.
    pub step: u8,
    /// Which channel.
    pub channel: Channel,
    /// Where to. Absent only when the leg is skipped.
    pub address: Option<Address>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: LegState,
}

/// One notice to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Its identity.
    pub id: DispatchId,
    /// Whose it is.
    pub body: BodyId,
    /// Number within the body, given by the storage at the first commit (0 before); it stands in
    /// the QR token as the document's number.
    pub number: u32,
    /// What is said.
    pub notice: NoticeId,
    /// The run in which it was released, if any.
    pub batch: Option<BatchId>,
    /// The case it belongs to.
    pub case: CaseId,
    /// Serial of the case, given by the storage (0 before); stands in the QR token.
    pub case_serial: u32,
    /// To whom.
    pub party: PartyId,
    /// Serial of the party, given by the storage (0 before); stands in the QR token.
    pub party_serial: u32,
    /// By which ways.
    pub plan: Plan,
    /// The plan's ways with their addresses and states, in the plan's order.
    pub legs: Vec<Leg>,
    /// What the template is filled with; frozen at acceptance.
    pub facts: NoticeFacts,
    /// Row of the file it came from, from 1; 0 when it came from elsewhere.
    pub row: u32,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Counts the changes; a writer must name the version that it read.
    pub version: i64,
}

/// What a dispatch has come to, derived from its legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchState {
    /// Something is due or under way.
    Waiting,
    /// A leg is in doubt and nothing else is under way: a person or evidence must settle it.
    Doubtful,
    /// The principal leg of a step reached the recipient, and nothing is under way.
    Delivered,
    /// Every step failed.
    Failed,
    /// It was cancelled before anything left.
    Cancelled,
}

impl DispatchState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Waiting, Self::Doubtful, Self::Delivered, Self::Failed, Self::Cancelled];

    /// The word in the API and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Doubtful => "doubtful",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// What staff read. Of one dispatch say [`Dispatch::title`]: a mere hand-over is no delivery.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Waiting => "In corso",
            Self::Doubtful => "Da verificare",
            Self::Delivered => "Inviata o consegnata",
            Self::Failed => "Non consegnata",
            Self::Cancelled => "Annullata",
        }
    }
}

/// What the engine must do after a dispatch has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Send this leg (by index) when due: a job is needed.
    Send {
        /// Index of the leg.
        leg: usize,
        /// Not before.
        due_at: Timestamp,
    },
    /// The leg took the event but nothing changed.
    Nothing,
}

impl Dispatch {
    /// What it has come to.
    pub fn state(&self) -> DispatchState {
        let mut doubtful = false;
        for leg in &self.legs {
            match &leg.state {
                LegState::Ready { .. } | LegState::Sending { .. } | LegState::Submitted { .. } => {
                    return DispatchState::Waiting;
                }
                LegState::Doubtful { .. } => doubtful = true,
                _ => {}
            }
        }
        if doubtful {
            DispatchState::Doubtful
        } else if self.principals().any(|leg| matches!(leg.state, LegState::Delivered { .. })) {
            DispatchState::Delivered
        } else if self
            .legs
            .iter()
            .all(|leg| matches!(leg.state, LegState::Skipped { reason } if reason == SkipReason::Cancelled || reason == SkipReason::NoAddress))
        {
            DispatchState::Cancelled
        } else if self.legs.iter().any(|leg| leg.state == LegState::Planned) {
            DispatchState::Waiting
        } else {
            DispatchState::Failed
        }
    }

    /// What its delivery is worth: the strongest proof among the legs that reached the recipient.
    pub fn proof(&self) -> Option<Proof> {
        let proofs = self.legs.iter().filter_map(|leg| match leg.state {
            LegState::Delivered { proof, .. } => Some(proof),
            _ => None,
        });
        proofs.max()
    }

    /// What staff read: «consegnata» only where somebody other than us says so.
    pub fn title(&self) -> &'static str {
        match (self.state(), self.proof()) {
            (DispatchState::Delivered, Some(Proof::HandedOver)) => "Inviata",
            (DispatchState::Delivered, _) => "Consegnata",
            (state, _) => state.title(),
        }
    }

    /// The first usable leg of each step: the one whose outcome is the step's outcome.
    fn principals(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().enumerate().filter_map(|(index, leg)| {
            let first = self
                .legs
                .iter()
                .position(|other| other.step == leg.step && other.address.is_some());
            (first == Some(index)).then_some(leg)
        })
    }

    /// The content that the legs carry, for the idempotency check: the facts, the plan and the
    /// addresses, without ids and times.
    pub fn content_hash(&self) -> BlobHash {
        let addresses: Vec<_> = self.legs.iter().map(|leg| &leg.address).collect();
        let text = serde_json::to_vec(&(&self.facts, &self.plan, addresses))
            .expect("facts, plan and addresses are plain data whose keys are text");
        BlobHash::of(&text)
    }

    /// Begins the first step that has an address. Called once, at acceptance.
    pub fn begin(&mut self, due_at: Timestamp) -> Result<Vec<Consequence>, InvalidTransition> {
        for leg in &mut self.legs {
            if leg.address.is_none() {
                leg.state = LegState::Skipped { reason: SkipReason::NoAddress };
            }
        }
        self.begin_next_step(due_at)
    }

    /// Takes an event on one leg and lets the plan go on: the next step begins when the principal
    /// leg of a step has failed, also when a bounce corrects a hand-over; what has not left of the
    /// later steps is skipped when it has been delivered.
    pub fn on(
        &mut self,
        leg: usize,
        event: &LegEvent,
        at: Timestamp,
    ) -> Result<Vec<Consequence>, InvalidTransition> {
        let Some(target) = self.legs.get_mut(leg) else {
            return Err(InvalidTransition { state: "absent", event: event.name() });
        };
        match apply(&target.state, event, at)? {
            Step::Same => Ok(vec![Consequence::Nothing]),
            Step::Move(next) => {
                target.state = next;
                let mut consequences = Vec::new();
                if let LegState::Ready { due_at, .. } = target.state {
                    consequences.push(Consequence::Send { leg, due_at });
                }
                consequences.extend(self.go_on(leg, at)?);
                Ok(consequences)
            }
        }
    }

    /// Stops what has not begun. Legs under way go on: what may have left cannot be called back.
    pub fn cancel(&mut self, at: Timestamp) {
        for leg in &mut self.legs {
            let skip = LegEvent::Skip(SkipReason::Cancelled);
            if let Ok(Step::Move(next)) = apply(&leg.state, &skip, at) {
                leg.state = next;
            }
        }
    }

    fn go_on(&mut self, leg: usize, at: Timestamp) -> Result<Vec<Consequence>, InvalidTransition> {
        let step = self.legs[leg].step;
        let principal =
            self.legs.iter().position(|other| other.step == step && other.address.is_some());
        if principal != Some(leg) {
            return Ok(Vec::new());
        }
        match self.legs[leg].state {
            LegState::Failed { .. } => self.begin_next_step(at),
            LegState::Delivered { .. } => {
                let skip = LegEvent::Skip(SkipReason::NotNeeded);
                for other in self.legs.iter_mut().filter(|other| other.step > step) {
                    // Legs under way refuse to be skipped: what may have left cannot be called back.
                    if let Ok(Step::Move(next)) = apply(&other.state, &skip, at) {
                        other.state = next;
                    }
                }
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Begins the first step that was not tried yet, unless another one has succeeded.
    fn begin_next_step(
        &mut self,
        due_at: Timestamp,
    ) -> Result<Vec<Consequence>, InvalidTransition> {
        if self.principals().any(|leg| matches!(leg.state, LegState::Delivered { .. })) {
            return Ok(Vec::new());
        }
        let untried = |leg: &Leg| {
            let not_needed = LegState::Skipped { reason: SkipReason::NotNeeded };
            leg.state == LegState::Planned || leg.state == not_needed
        };
        let Some(step) = self.legs.iter().filter(|leg| untried(leg)).map(|leg| leg.step).min()
        else {
            return Ok(Vec::new());
        };
        let mut consequences = Vec::new();
        for (index, leg) in self.legs.iter_mut().enumerate() {
            if leg.step != step || !untried(leg) {
                continue;
            }
            if let Step::Move(next) = apply(&leg.state, &LegEvent::Start { due_at }, due_at)? {
                leg.state = next;
                consequences.push(Consequence::Send { leg: index, due_at });
            }
        }
        Ok(consequences)
    }
}

#[cfg(test)]
mod tests;
