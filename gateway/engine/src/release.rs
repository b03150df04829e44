//! Release: a run of many notices, one per row, each accepted on its own.
//!
//! Guarantee: a row is released once, however often the same run is started: its key is made of the
//! run and of the row's content. A run that was interrupted is simply started again.

use crate::Engine;
use crate::accept::AcceptError;
use futures_util::stream::{self, StreamExt};
use messo_core::ids::{BatchId, BlobHash, BodyId, DispatchId};
use messo_core::notices::{NoticeRequest, RecipientRequest};
use messo_core::plans::Plan;
use messo_core::ports::StoreError;
use std::sync::Arc;
use uuid::Uuid;

/// How many rows are accepted at a time: enough for the storage to put many into one transaction.
const AT_A_TIME: usize = 128;

/// A row that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Row of the file.
    pub row: u32,
    /// Its dispatch.
    pub dispatch: DispatchId,
    /// It had been released by an earlier start of the same run.
    pub repeated: bool,
}

/// A run: the same file with the same template and plan is the same run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Whose.
    pub body: BodyId,
    /// Which template.
    pub template: String,
    /// By which ways.
    pub plan: Plan,
    /// Its identity.
    pub batch: BatchId,
}

impl Run {
    /// Names a run after what is in it: `content` is the hash of the file.
    pub fn new(body: BodyId, template: &str, plan: Plan, content: BlobHash) -> Self {
        let name = format!("{body}\0{template}\0{plan}\0{content}");
        let hash = BlobHash::of(name.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.0[..16]);
        let batch = BatchId(uuid::Builder::from_custom_bytes(bytes).into_uuid());
        Self { body, template: template.to_owned(), plan, batch }
    }

    /// The request for a row.
    pub fn request(&self, recipient: RecipientRequest) -> NoticeRequest {
        let key = format!("{}:{}", Uuid::simple(self.batch.0), recipient.row);
        NoticeRequest {
            body: self.body,
            key,
            template: self.template.clone(),
            plan: self.plan.clone(),
            batch: Some(self.batch),
            not_before: None,
            recipients: vec![recipient],
        }
    }
}

impl Engine {
    /// Releases rows as they come. `progress` hears of each one. Stops at the first row that cannot
    /// be accepted; what was accepted before stays, and the run can be started again.
    pub async fn release(
        self: &Arc<Self>,
        run: &Run,
        rows: impl Iterator<Item = RecipientRequest>,
        mut progress: impl FnMut(Released),
    ) -> Result<(), AcceptError> {
        let mut accepted = stream::iter(rows)
            .map(|recipient| {
                let row = recipient.row;
                let request = run.request(recipient);
                async move { self.accept(request).await.map(|accepted| (row, accepted)) }
            })
            .buffered(AT_A_TIME);
        while let Some(next) = accepted.next().await {
            let (row, accepted) = next?;
            let dispatch = *accepted.dispatches.first().ok_or(StoreError::Missing("dispatch"))?;
            progress(Released { row, dispatch, repeated: accepted.repeated });
        }
        Ok(())
    }
}
