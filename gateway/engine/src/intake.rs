//! Intake: what came in by mail is kept, read, and finds what it is about.

use crate::Engine;
use messo_core::ids::MessageId;
use messo_core::jobs::Job;
use messo_core::ports::StoreError;
use std::time::Duration;

impl Engine {
    pub(crate) async fn read(&self, job: &Job, _message: MessageId) -> Result<(), StoreError> {
        self.later(job, self.clock.now() + Duration::from_secs(60)).await
    }

    pub(crate) async fn confirm(&self, job: &Job, _message: MessageId) -> Result<(), StoreError> {
        self.later(job, self.clock.now() + Duration::from_secs(60)).await
    }
}
