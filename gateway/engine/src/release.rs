//! Release: a run of many notices, one per row, each accepted on its own.
//!
//! Guarantee: a row is released once under a template and a plan, however often its file is started and
//! whatever other rows were mended in it: its key is made of what it says and to whom. A run that was
//! interrupted is simply started again. To say the same again on purpose takes a word ([`Run::again`]).

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

/// A run: the same file with the same template and plan.
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
    /// Beginning of the rows' keys: body, template and plan.
    scope: String,
}

impl Run {
    /// Names a run after what is in it: `content` is the hash of the file.
    pub fn new(body: BodyId, template: &str, plan: Plan, content: BlobHash) -> Self {
        let scope = format!("{body}\0{template}\0{plan}");
        let batch = BatchId(named(&format!("{scope}\0{content}")));
        let scope = named(&scope).simple().to_string();
        Self { body, template: template.to_owned(), plan, batch, scope }
    }

    /// The same once more: rows that were released before are released again. `salt` is new each time.
    #[must_use]
    pub fn again(mut self, salt: Uuid) -> Self {
        self.batch = BatchId(salt);
        self.scope = salt.simple().to_string();
        self
    }

    /// The request for a row.
    pub fn request(&self, recipient: RecipientRequest) -> NoticeRequest {
        let said = serde_json::to_vec(&(&recipient.facts, &recipient.addresses));
        // Facts and addresses are plain data; a row that could not be written would get a key of its own.
        let said = said.unwrap_or_else(|_| recipient.row.to_be_bytes().to_vec());
        let key = format!("{}:{}", self.scope, BlobHash::of(&said));
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

/// A UUID that stands for a text.
fn named(text: &str) -> Uuid {
    let hash = BlobHash::of(text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.0[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
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
