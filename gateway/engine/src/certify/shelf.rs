//! What a bundle needs of the store beyond the rows of its dispatch: bytes, links of the chain, register.

use async_trait::async_trait;
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::ports::{Store, StoreError};
use messo_core::register::{Annotation, RegisterDay, RegisterEntry, day_of};

/// An entry of the register with what stands beside it.
pub(super) struct Registered {
    pub entry: RegisterEntry,
    pub annotations: Vec<Annotation>,
    /// The day's register, where it is closed.
    pub day: Option<RegisterDay>,
}

/// The store, as far as a bundle sees it.
#[async_trait]
pub(super) trait Shelf: Send + Sync {
    async fn bytes(&self, body: BodyId, hash: BlobHash) -> Result<Option<Vec<u8>>, StoreError>;
    async fn stretch(
        &self,
        body: BodyId,
        from: i64,
        to: i64,
    ) -> Result<Vec<EvidenceItem>, StoreError>;
    async fn registered(
        &self,
        body: BodyId,
        document: BlobHash,
    ) -> Result<Option<Registered>, StoreError>;
}

#[async_trait]
impl Shelf for dyn Store {
    async fn bytes(&self, body: BodyId, hash: BlobHash) -> Result<Option<Vec<u8>>, StoreError> {
        self.blob(body, hash).await
    }

    async fn stretch(
        &self,
        body: BodyId,
        from: i64,
        to: i64,
    ) -> Result<Vec<EvidenceItem>, StoreError> {
        self.chain(body, from, to).await
    }

    async fn registered(
        &self,
        body: BodyId,
        document: BlobHash,
    ) -> Result<Option<Registered>, StoreError> {
        let Some(entry) = Store::registered(self, body, document).await? else { return Ok(None) };
        let annotations = self.annotations(body, entry.draft.year, entry.number).await?;
        let day = self.register_day(body, Some(day_of(entry.draft.at))).await?;
        Ok(Some(Registered { entry, annotations, day }))
    }
}
