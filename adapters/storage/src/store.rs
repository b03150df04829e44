//! The port, method by method: what writes goes to the [writer](crate::writer), what reads to the
//! aggregate that knows the statement.

use crate::writer::{Claim, Order, Renewal};
use crate::{
    Storage, accounts, attempts, blobs, cases, codes, dispatches, evidence, messages, notices,
    parties, queue, receipts, register, suppressions,
};
use async_trait::async_trait;
use jiff::civil::Date;
use messo_core::addresses::Channel;
use messo_core::attempts::Attempt;
use messo_core::bodies::{Body, User};
use messo_core::cases::{Case, CaseRole, Document};
use messo_core::dispatches::Dispatch;
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{
    AttemptId, BatchId, BlobHash, BodyId, CaseId, DispatchId, JobId, MessageId, NoticeId, PartyId,
};
use messo_core::jobs::{Job, Lane, Priority};
use messo_core::messages::{Cursor, Message, Suppression};
use messo_core::notices::Notice;
use messo_core::parties::Party;
use messo_core::ports::{
    Commit, Committed, DispatchFilter, DispatchRow, IssuedCode, LaneStats, MessageFilter, Progress,
    Store, StoreError,
};
use messo_core::receipts::Receipt;
use messo_core::register::{Annotation, RegisterDay, RegisterEntry};
use messo_core::time::Timestamp;
use std::time::Duration;

type Answer<T> = Result<T, StoreError>;

#[async_trait]
impl Store for Storage {
    async fn commit(&self, commit: Commit) -> Answer<Committed> {
        self.writer.order(|answer| Order::Commit(commit, answer)).await
    }

    async fn claim(
        &self,
        lane: Lane,
        least: Priority,
        limit: u32,
        now: Timestamp,
        lease: Duration,
        worker: &str,
    ) -> Answer<Vec<Job>> {
        let claim =
            Claim { lane, least, limit, now, until: now + lease, worker: worker.to_owned() };
        self.writer.order(|answer| Order::Claim(claim, answer)).await
    }

    async fn renew(&self, jobs: &[JobId], until: Timestamp, worker: &str) -> Answer<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let renewal = Renewal { jobs: jobs.to_vec(), until, worker: worker.to_owned() };
        self.writer.order(|answer| Order::Renew(renewal, answer)).await
    }

    async fn lanes(&self, now: Timestamp) -> Answer<Vec<LaneStats>> {
        queue::lanes(&self.readers, now).await
    }

    async fn bodies(&self) -> Answer<Vec<Body>> {
        accounts::bodies(&self.readers).await
    }

    async fn body(&self, body: BodyId) -> Answer<Option<Body>> {
        accounts::body(&self.readers, body).await
    }

    async fn api_key(&self, secret: BlobHash) -> Answer<Option<BodyId>> {
        accounts::api_key(&self.readers, secret).await
    }

    async fn user(&self, login: &str) -> Answer<Option<User>> {
        accounts::user(&self.readers, login).await
    }

    async fn session(&self, secret: BlobHash, now: Timestamp) -> Answer<Option<User>> {
        accounts::session(&self.readers, secret, now).await
    }

    async fn case(&self, body: BodyId, id: CaseId) -> Answer<Option<Case>> {
        cases::case(&self.readers, body, id).await
    }

    async fn case_numbered(&self, body: BodyId, year: i16, number: &str) -> Answer<Option<Case>> {
        cases::case_numbered(&self.readers, body, year, number).await
    }

    async fn cases(&self, body: BodyId, limit: u32) -> Answer<Vec<Case>> {
        cases::cases(&self.readers, body, limit).await
    }

    async fn party(&self, body: BodyId, id: PartyId) -> Answer<Option<Party>> {
        parties::party(&self.readers, body, id).await
    }

    async fn party_matching(&self, body: BodyId, key: &str) -> Answer<Option<Party>> {
        parties::party_matching(&self.readers, body, key).await
    }

    async fn roles(&self, body: BodyId, case: CaseId) -> Answer<Vec<CaseRole>> {
        cases::roles(&self.readers, body, case).await
    }

    async fn notice_keyed(&self, body: BodyId, key: &str) -> Answer<Option<Notice>> {
        notices::notice_keyed(&self.readers, body, key).await
    }

    async fn notice(&self, body: BodyId, id: NoticeId) -> Answer<Option<Notice>> {
        notices::notice(&self.readers, body, id).await
    }

    async fn dispatch(&self, body: BodyId, id: DispatchId) -> Answer<Option<Dispatch>> {
        dispatches::dispatch(&self.readers, body, id).await
    }

    async fn dispatches(&self, body: BodyId, filter: &DispatchFilter) -> Answer<Vec<DispatchRow>> {
        dispatches::dispatches(&self.readers, body, filter).await
    }

    async fn progress(&self, body: BodyId, batch: Option<BatchId>) -> Answer<Progress> {
        dispatches::progress(&self.readers, body, batch).await
    }

    async fn attempt(&self, id: AttemptId) -> Answer<Option<Attempt>> {
        attempts::attempt(&self.readers, id).await
    }

    async fn attempts(&self, body: BodyId, dispatch: DispatchId) -> Answer<Vec<Attempt>> {
        attempts::attempts(&self.readers, body, dispatch).await
    }

    async fn receipts(&self, body: BodyId, dispatch: DispatchId) -> Answer<Vec<Receipt>> {
        receipts::receipts(&self.readers, body, dispatch).await
    }

    async fn desk(&self, body: BodyId, limit: u32) -> Answer<Vec<Receipt>> {
        receipts::desk(&self.readers, body, limit).await
    }

    async fn evidence(&self, body: BodyId, dispatch: DispatchId) -> Answer<Vec<EvidenceItem>> {
        evidence::evidence(&self.readers, body, dispatch).await
    }

    async fn chain(&self, body: BodyId, from: i64, to: i64) -> Answer<Vec<EvidenceItem>> {
        evidence::chain(&self.readers, body, from, to).await
    }

    async fn chain_head(&self, body: BodyId) -> Answer<Option<EvidenceItem>> {
        evidence::chain_head(&self.readers, body).await
    }

    async fn blob(&self, body: BodyId, hash: BlobHash) -> Answer<Option<Vec<u8>>> {
        blobs::blob(&self.readers, body, hash).await
    }

    async fn codes(
        &self,
        body: BodyId,
        after: Option<&str>,
        limit: u32,
    ) -> Answer<Vec<IssuedCode>> {
        codes::codes(&self.readers, body, after, limit).await
    }

    async fn register(
        &self,
        body: BodyId,
        year: i16,
        from: i64,
        limit: u32,
    ) -> Answer<Vec<RegisterEntry>> {
        register::register(&self.readers, body, year, from, limit).await
    }

    async fn register_end(&self, body: BodyId, year: i16) -> Answer<i64> {
        register::end(&self.readers, body, year).await
    }

    async fn registered(&self, body: BodyId, document: BlobHash) -> Answer<Option<RegisterEntry>> {
        register::registered(&self.readers, body, document).await
    }

    async fn registered_between(
        &self,
        body: BodyId,
        from: Timestamp,
        to: Timestamp,
        after: Option<(i16, i64)>,
    ) -> Answer<Vec<RegisterEntry>> {
        register::registered_between(&self.readers, body, from, to, after).await
    }

    async fn annotations(&self, body: BodyId, year: i16, number: i64) -> Answer<Vec<Annotation>> {
        register::annotations(&self.readers, body, year, number).await
    }

    async fn annotated_between(
        &self,
        body: BodyId,
        from: Timestamp,
        to: Timestamp,
    ) -> Answer<Vec<Annotation>> {
        register::annotated_between(&self.readers, body, from, to).await
    }

    async fn registered_from(&self, body: BodyId, from: Timestamp) -> Answer<Option<Timestamp>> {
        register::registered_from(&self.readers, body, from).await
    }

    async fn register_day(&self, body: BodyId, day: Option<Date>) -> Answer<Option<RegisterDay>> {
        register::register_day(&self.readers, body, day).await
    }

    async fn documents(&self, body: BodyId, case: CaseId) -> Answer<Vec<Document>> {
        cases::documents(&self.readers, body, case).await
    }

    async fn cases_of_address(&self, body: BodyId, address: &str) -> Answer<Vec<CaseId>> {
        cases::cases_of_address(&self.readers, body, address).await
    }

    async fn message(&self, body: BodyId, id: MessageId) -> Answer<Option<Message>> {
        messages::message(&self.readers, body, id).await
    }

    async fn message_identified(
        &self,
        body: BodyId,
        identity: BlobHash,
    ) -> Answer<Option<MessageId>> {
        messages::identified(&self.readers, body, identity).await
    }

    async fn messages(&self, body: BodyId, filter: &MessageFilter) -> Answer<Vec<Message>> {
        messages::messages(&self.readers, body, filter).await
    }

    async fn cursor(&self, body: BodyId, mailbox: &str, folder: &str) -> Answer<Option<Cursor>> {
        messages::cursor(&self.readers, body, mailbox, folder).await
    }

    async fn also_known(&self, body: BodyId, name: &str) -> Answer<Option<AttemptId>> {
        messages::also_known(&self.readers, body, name).await
    }

    async fn suppressions(
        &self,
        body: BodyId,
        channel: Channel,
        address: &str,
    ) -> Answer<Vec<Suppression>> {
        suppressions::suppressions(&self.readers, body, channel, address).await
    }

    async fn check(&self) -> Answer<()> {
        self.lanes(Timestamp::default()).await?;
        self.writer.order(Order::Check).await
    }
}
