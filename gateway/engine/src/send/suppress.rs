//! Addresses that take no mail: not written to again, unless the law wants the notice said and there is no
//! other way.
//!
//! Guarantee: a legal notice is never dropped for a bounce of the past; it takes the next way, and where there is
//! none it is sent all the same.

use crate::Engine;
use messo_core::addresses::{Address, Channel};
use messo_core::attempts::Failure;
use messo_core::dispatches::Dispatch;
use messo_core::failures::FailureClass;
use messo_core::jobs::Priority;
use messo_core::legs::LegState;
use messo_core::messages::status::{SOFT_LIMIT, SOFT_WINDOW};
use messo_core::ports::StoreError;

impl Engine {
    /// Why nothing is sent to this address; none when it may be written to.
    pub(super) async fn suppressed(
        &self,
        dispatch: &Dispatch,
        leg: u8,
        to: &Address,
    ) -> Result<Option<Failure>, StoreError> {
        let channel = dispatch.legs[usize::from(leg)].channel;
        // What came back of certified mail is told by its receipts, each for itself.
        let Address::Email(address) = to else { return Ok(None) };
        let address = address.as_str().to_lowercase();
        let said = self.store.suppressions(dispatch.body, channel, &address).await?;
        let since = self.clock.now() - SOFT_WINDOW;
        let soft = said.iter().filter(|one| !one.hard && one.at >= since).count();
        let hard = said.iter().find(|one| one.hard);
        if hard.is_none() && soft < SOFT_LIMIT {
            return Ok(None);
        }
        if self.priority(dispatch) == Priority::Legal && !has_next(dispatch, leg) {
            return Ok(None);
        }
        let code = hard.map_or("soft", |one| one.code.as_str());
        let detail = format!("earlier mail to this address came back ({code})");
        Ok(Some(Failure::new(FailureClass::BadRecipient, "messo:suppressed", &detail)))
    }
}

/// Whether the plan has another way to go when this leg fails.
fn has_next(dispatch: &Dispatch, leg: u8) -> bool {
    let step = dispatch.legs[usize::from(leg)].step;
    dispatch.legs.iter().any(|other| {
        other.step > step && other.channel != Channel::Email && other.state == LegState::Planned
    })
}
