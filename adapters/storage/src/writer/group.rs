//! One transaction with many commits in it.
//!
//! The heads of all bodies concerned are locked first and in order of identity, so that writers on
//! PostgreSQL cannot block each other in a ring; numbers and the chain then go on in memory, and heads
//! and tallies are written once at the end, however many commits shared them.

use super::Order;
use super::heads::{Head, Heads};
use super::tally::Tally;
use crate::errors::{ends_transaction, repeat};
use crate::session::{Arg, Connection, args};
use crate::statement::{Statement, statements};
use crate::{
    accounts, attempts, blobs, cases, codes, dispatches, evidence, messages, notices, parties,
    queue, receipts, register, suppressions,
};
use messo_core::ids::BodyId;
use messo_core::jobs::Job;
use messo_core::ports::{Commit, Committed, Guard, StoreError, Write};
use std::collections::BTreeSet;
use uuid::Uuid;

statements! {
    // SQLite takes the write lock at once: a transaction that reads first could fail later (517).
    BEGIN = differs("BEGIN IMMEDIATE", "BEGIN");
    COMMIT = same("COMMIT");
    SAVE = same("SAVEPOINT one");
    KEEP = same("RELEASE SAVEPOINT one");
    UNDO = same("ROLLBACK TO SAVEPOINT one");
    ROLLBACK = same("ROLLBACK");
    CHECK = same(
        "INSERT INTO counter (body_id, name, value) VALUES ($1, $2, 0) \
         ON CONFLICT (body_id, name) DO UPDATE SET value = 1 - counter.value",
    );
}

/// A transaction under way: what the writes of every aggregate work on.
pub(crate) struct Writing<'c> {
    pub connection: &'c mut Connection,
    pub heads: Heads,
    pub tally: Tally,
}

impl Writing<'_> {
    pub(crate) async fn run(
        &mut self,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        self.connection.run(statement, args).await
    }

    /// Inserts a row; `Taken(what)` when its key is there already.
    pub(crate) async fn insert(
        &mut self,
        what: &'static str,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<(), StoreError> {
        match self.run(statement, args).await {
            Ok(0) | Err(StoreError::Taken(_)) => Err(StoreError::Taken(what)),
            Ok(_) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Inserts or replaces a row that has a running number; the number it has.
    pub(crate) async fn insert_numbered(
        &mut self,
        what: &'static str,
        statement: Statement,
        args: &[Arg<'_>],
    ) -> Result<i64, StoreError> {
        match self.connection.row(statement, args).await {
            Ok(Some(mut row)) => row.int(),
            Ok(None) | Err(StoreError::Taken(_)) => Err(StoreError::Taken(what)),
            Err(other) => Err(other),
        }
    }

    pub(crate) fn head(&mut self, body: BodyId) -> Result<&mut Head, StoreError> {
        self.heads.get(body)
    }
}

/// What an order will be told once its group is committed.
enum Worked {
    Commit(Result<Committed, StoreError>),
    Claim(Result<Vec<Job>, StoreError>),
    Other(Result<(), StoreError>),
}

impl Worked {
    fn error(&self) -> Option<&StoreError> {
        match self {
            Self::Commit(result) => result.as_ref().err(),
            Self::Claim(result) => result.as_ref().err(),
            Self::Other(result) => result.as_ref().err(),
        }
    }
}

/// Whether each commit of a group can be undone alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    /// The first refusal undoes the whole group.
    None,
    /// A refusal undoes its own commit.
    Each,
}

/// How a transaction ended, when the database did its part.
enum Ended {
    Committed(Vec<Worked>),
    /// An order was refused and everything rolled back.
    Undone(Worked),
}

/// Writes the orders in one transaction and answers everybody; whether the connection is still good.
pub(super) async fn write(connection: &mut Connection, orders: Vec<Order>) -> bool {
    match work_off_all(connection, &orders).await {
        Ok(worked) => {
            orders.into_iter().zip(worked).for_each(|(order, worked)| answer(order, worked));
            true
        }
        Err(error) => {
            tracing::error!(%error, orders = orders.len(), "a group was not committed");
            orders.into_iter().for_each(|order| order.refuse(&error));
            false
        }
    }
}

/// A caller that has gone away is not told; what it asked for stands.
fn answer(order: Order, worked: Worked) {
    match (order, worked) {
        (Order::Commit(_, answer), Worked::Commit(result)) => drop(answer.send(result)),
        (Order::Claim(_, answer), Worked::Claim(result)) => drop(answer.send(result)),
        (Order::Renew(_, answer) | Order::Check(answer), Worked::Other(result)) => {
            drop(answer.send(result));
        }
        // A caller whose answer is dropped hears that the writer has ended.
        _ => tracing::error!("an order was worked off as another kind"),
    }
}

/// Refusals are rare and savepoints cost two statements for each commit: the group is written without
/// them, and only when somebody is refused once more with them.
async fn work_off_all(
    connection: &mut Connection,
    orders: &[Order],
) -> Result<Vec<Worked>, StoreError> {
    match transaction(connection, orders, Savepoints::None).await? {
        Ended::Committed(worked) => return Ok(worked),
        Ended::Undone(refused) if orders.len() == 1 => return Ok(vec![refused]),
        Ended::Undone(_) => {}
    }
    match transaction(connection, orders, Savepoints::Each).await? {
        Ended::Committed(worked) => Ok(worked),
        Ended::Undone(_) => Err(StoreError::Unavailable("a group was undone twice".into())),
    }
}

async fn transaction(
    connection: &mut Connection,
    orders: &[Order],
    savepoints: Savepoints,
) -> Result<Ended, StoreError> {
    connection.run(BEGIN, &[]).await?;
    let bodies: BTreeSet<BodyId> = orders.iter().flat_map(bodies_of).collect();
    let heads = Heads::lock(connection, &bodies).await?;
    let mut writing = Writing { connection, heads, tally: Tally::default() };
    let mut done = Vec::with_capacity(orders.len());
    for order in orders {
        let worked = writing.work_off(order, savepoints).await?;
        if let Some(fault) = worked.error().filter(|error| ends_transaction(error)) {
            return Err(repeat(fault));
        }
        if savepoints == Savepoints::None && worked.error().is_some() {
            writing.run(ROLLBACK, &[]).await?;
            return Ok(Ended::Undone(worked));
        }
        done.push(worked);
    }
    let Writing { connection, heads, tally } = writing;
    tally.store(connection).await?;
    heads.store(connection).await?;
    connection.run(COMMIT, &[]).await?;
    Ok(Ended::Committed(done))
}

impl Writing<'_> {
    async fn work_off(
        &mut self,
        order: &Order,
        savepoints: Savepoints,
    ) -> Result<Worked, StoreError> {
        Ok(match order {
            Order::Commit(commit, _) if savepoints == Savepoints::None => {
                Worked::Commit(self.apply(commit).await)
            }
            Order::Commit(commit, _) => Worked::Commit(self.apply_alone(commit).await?),
            Order::Claim(claim, _) => Worked::Claim(queue::claim(self, claim).await),
            Order::Renew(renewal, _) => Worked::Other(queue::renew(self, renewal).await),
            Order::Check(_) => {
                let checked = self.run(CHECK, args![Uuid::nil(), "check"]).await;
                Worked::Other(checked.map(|_| ()))
            }
        })
    }

    /// One commit between savepoints. The outer error is that of the transaction, the inner its own.
    async fn apply_alone(
        &mut self,
        commit: &Commit,
    ) -> Result<Result<Committed, StoreError>, StoreError> {
        self.run(SAVE, &[]).await?;
        let (heads, tally) = (self.heads.clone(), self.tally.clone());
        let applied = self.apply(commit).await;
        match &applied {
            Err(error) if ends_transaction(error) => {}
            Err(_) => {
                self.run(UNDO, &[]).await?;
                self.run(KEEP, &[]).await?;
                (self.heads, self.tally) = (heads, tally);
            }
            Ok(_) => {
                self.run(KEEP, &[]).await?;
            }
        }
        Ok(applied)
    }

    async fn apply(&mut self, commit: &Commit) -> Result<Committed, StoreError> {
        let mut committed = Committed::default();
        for Guard::Leased { job, worker } in &commit.guards {
            queue::require_lease(self, *job, worker).await?;
        }
        for write in &commit.writes {
            self.apply_write(write, &mut committed).await?;
        }
        Ok(committed)
    }

    async fn apply_write(
        &mut self,
        write: &Write,
        committed: &mut Committed,
    ) -> Result<(), StoreError> {
        match write {
            Write::Body(body) => accounts::write_body(self, body).await,
            Write::User(user) => accounts::write_user(self, user).await,
            Write::Session { secret, user, expires_at } => {
                accounts::write_session(self, *secret, *user, *expires_at).await
            }
            Write::EndSession(secret) => accounts::end_session(self, *secret).await,
            Write::ForgetSessions { expired_by } => {
                accounts::forget_sessions(self, *expired_by).await
            }
            Write::ApiKey { secret, body, name } => {
                accounts::write_api_key(self, *secret, *body, name).await
            }
            Write::Case(case) => cases::write_case(self, case).await,
            Write::Party(party) => parties::write_party(self, party).await,
            Write::Role(role) => cases::write_role(self, role).await,
            Write::Document(document) => cases::write_document(self, document).await,
            Write::Notice(notice) => notices::write_notice(self, notice).await,
            Write::NewDispatch(dispatch) => dispatches::write_new(self, dispatch).await,
            Write::Dispatch(dispatch) => dispatches::write_moved(self, dispatch).await,
            Write::Attempt(attempt) => {
                attempts::write_attempt(self, attempt.as_ref().clone()).await
            }
            Write::Ending { body, attempt, ending } => {
                attempts::write_ending(self, *body, *attempt, ending).await
            }
            Write::Receipt(receipt) => receipts::write_receipt(self, receipt).await,
            Write::Blob(blob) => blobs::write_blob(self, blob).await,
            Write::Evidence(draft) => evidence::write_evidence(self, draft.clone()).await,
            Write::Code(code) => codes::write_code(self, code).await,
            Write::Register(draft) => {
                committed.register.push(register::write_entry(self, draft).await?);
                Ok(())
            }
            Write::Annotation(annotation) => register::write_annotation(self, annotation).await,
            Write::RegisterDay(day) => register::write_day(self, day).await,
            Write::NewMessage(message) => messages::write_new(self, message).await,
            Write::Message(message) => messages::write_moved(self, message).await,
            Write::Cursor(cursor) => messages::write_cursor(self, cursor).await,
            Write::Suppression(suppression) => {
                suppressions::write_suppression(self, suppression).await
            }
            Write::AlsoKnown { body, name, attempt } => {
                messages::write_name(self, *body, name, *attempt).await
            }
            Write::Job(job) => queue::write_job(self, job).await,
            Write::JobDone(job) => queue::write_done(self, *job).await,
            Write::JobLater { job, due_at } => queue::write_later(self, *job, *due_at).await,
        }
    }
}

/// The bodies whose rows an order writes. Jobs and sign-in take no lock on the body.
fn bodies_of(order: &Order) -> Vec<BodyId> {
    let Order::Commit(commit, _) = order else { return Vec::new() };
    commit.writes.iter().filter_map(body_of).collect()
}

fn body_of(write: &Write) -> Option<BodyId> {
    match write {
        Write::Body(body) => Some(body.id),
        Write::Case(case) => Some(case.body),
        Write::Party(party) => Some(party.body),
        Write::Role(role) => Some(role.body),
        Write::Document(document) => Some(document.body),
        Write::Notice(notice) => Some(notice.body),
        Write::NewDispatch(dispatch) | Write::Dispatch(dispatch) => Some(dispatch.body),
        Write::Attempt(attempt) => Some(attempt.body),
        Write::Ending { body, .. } => Some(*body),
        Write::Receipt(receipt) => Some(receipt.body),
        Write::Blob(blob) => Some(blob.body),
        Write::Evidence(draft) => Some(draft.body),
        Write::Code(code) => Some(code.body),
        Write::Register(draft) => Some(draft.body),
        Write::Annotation(annotation) => Some(annotation.body),
        Write::RegisterDay(day) => Some(day.body),
        Write::NewMessage(message) | Write::Message(message) => Some(message.body),
        Write::Suppression(suppression) => Some(suppression.body),
        Write::AlsoKnown { body, .. } => Some(*body),
        Write::User(_)
        | Write::Session { .. }
        | Write::EndSession(_)
        | Write::ApiKey { .. }
        | Write::Cursor(_)
        | Write::Job(_)
        | Write::JobDone(_)
        | Write::JobLater { .. }
        | Write::ForgetSessions { .. } => None,
    }
}
