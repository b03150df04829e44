//! One transaction with many commits in it.
//!
//! The heads of all bodies concerned are locked first and in order of identity, so that writers on
//! PostgreSQL cannot block each other in a ring; numbers and the chain then go on in memory, and heads
//! and tallies are written once at the end, however many commits shared them.

use super::heads::{Head, Heads};
use super::tally::Tally;
use super::{Answer, Order};
use crate::errors::{ends_transaction, repeat};
use crate::session::{Arg, Connection, args};
use crate::statement::{Statement, statements};
use crate::{
    accounts, attempts, blobs, cases, codes, dispatches, evidence, notices, parties, queue,
    receipts, register,
};
use messo_core::ids::BodyId;
use messo_core::jobs::Job;
use messo_core::ports::{Commit, Committed, Guard, StoreError, Write};
use std::collections::{BTreeSet, VecDeque};
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

/// An order that was worked off, with what it will be told once the group is committed.
enum Done {
    Commit(Answer<Committed>, Result<Committed, StoreError>),
    Claim(Answer<Vec<Job>>, Result<Vec<Job>, StoreError>),
    Other(Answer<()>, Result<(), StoreError>),
}

impl Done {
    fn error(&self) -> Option<&StoreError> {
        match self {
            Self::Commit(_, result) => result.as_ref().err(),
            Self::Claim(_, result) => result.as_ref().err(),
            Self::Other(_, result) => result.as_ref().err(),
        }
    }

    /// A caller that has gone away is not told; what it asked for stands.
    fn answer(self) {
        match self {
            Self::Commit(answer, result) => drop(answer.send(result)),
            Self::Claim(answer, result) => drop(answer.send(result)),
            Self::Other(answer, result) => drop(answer.send(result)),
        }
    }

    fn refuse(self, error: &StoreError) {
        match self {
            Self::Commit(answer, _) => drop(answer.send(Err(repeat(error)))),
            Self::Claim(answer, _) => drop(answer.send(Err(repeat(error)))),
            Self::Other(answer, _) => drop(answer.send(Err(repeat(error)))),
        }
    }
}

/// Writes the orders in one transaction and answers everybody; whether the connection is still good.
pub(super) async fn write(connection: &mut Connection, orders: Vec<Order>) -> bool {
    let mut orders = VecDeque::from(orders);
    let mut done = Vec::with_capacity(orders.len());
    match transaction(connection, &mut orders, &mut done).await {
        Ok(()) => {
            done.into_iter().for_each(Done::answer);
            true
        }
        Err(error) => {
            tracing::error!(%error, orders = done.len() + orders.len(), "a group was not committed");
            done.into_iter().for_each(|order| order.refuse(&error));
            orders.into_iter().for_each(|order| order.refuse(&error));
            false
        }
    }
}

async fn transaction(
    connection: &mut Connection,
    orders: &mut VecDeque<Order>,
    done: &mut Vec<Done>,
) -> Result<(), StoreError> {
    // A lone order needs no savepoint: the transaction is its own.
    let alone = orders.len() == 1;
    connection.run(BEGIN, &[]).await?;
    let bodies: BTreeSet<BodyId> = orders.iter().flat_map(bodies_of).collect();
    let heads = Heads::lock(connection, &bodies).await?;
    let mut writing = Writing { connection, heads, tally: Tally::default() };
    while let Some(order) = orders.pop_front() {
        let worked = writing.work_off(order, alone).await?;
        let fault = worked.error().filter(|error| ends_transaction(error)).map(repeat);
        let refused = worked.error().is_some();
        done.push(worked);
        if let Some(fault) = fault {
            return Err(fault);
        }
        if alone && refused {
            writing.run(ROLLBACK, &[]).await?;
            return Ok(());
        }
    }
    let Writing { connection, heads, tally } = writing;
    tally.store(connection).await?;
    heads.store(connection).await?;
    connection.run(COMMIT, &[]).await?;
    Ok(())
}

impl Writing<'_> {
    async fn work_off(&mut self, order: Order, alone: bool) -> Result<Done, StoreError> {
        Ok(match order {
            Order::Commit(commit, answer) => {
                Done::Commit(answer, self.commit_one(commit, alone).await?)
            }
            Order::Claim(claim, answer) => Done::Claim(answer, queue::claim(self, &claim).await),
            Order::Renew(renewal, answer) => {
                Done::Other(answer, queue::renew(self, &renewal).await)
            }
            Order::Check(answer) => {
                let checked = self.run(CHECK, args![Uuid::nil(), "check"]).await;
                Done::Other(answer, checked.map(|_| ()))
            }
        })
    }

    /// One commit between savepoints. The outer error is that of the transaction, the inner its own.
    async fn commit_one(
        &mut self,
        commit: Commit,
        alone: bool,
    ) -> Result<Result<Committed, StoreError>, StoreError> {
        if alone {
            return Ok(self.apply(commit).await);
        }
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

    async fn apply(&mut self, commit: Commit) -> Result<Committed, StoreError> {
        let mut committed = Committed::default();
        for Guard::Leased { job, worker } in &commit.guards {
            queue::require_lease(self, *job, worker).await?;
        }
        for write in commit.writes {
            self.apply_write(write, &mut committed).await?;
        }
        Ok(committed)
    }

    async fn apply_write(
        &mut self,
        write: Write,
        committed: &mut Committed,
    ) -> Result<(), StoreError> {
        match write {
            Write::Body(body) => accounts::write_body(self, &body).await,
            Write::User(user) => accounts::write_user(self, &user).await,
            Write::Session { secret, user, expires_at } => {
                accounts::write_session(self, secret, user, expires_at).await
            }
            Write::EndSession(secret) => accounts::end_session(self, secret).await,
            Write::ApiKey { secret, body, name } => {
                accounts::write_api_key(self, secret, body, &name).await
            }
            Write::Case(case) => cases::write_case(self, &case).await,
            Write::Party(party) => parties::write_party(self, &party).await,
            Write::Role(role) => cases::write_role(self, role).await,
            Write::Document(document) => cases::write_document(self, &document).await,
            Write::Notice(notice) => notices::write_notice(self, &notice).await,
            Write::NewDispatch(dispatch) => dispatches::write_new(self, &dispatch).await,
            Write::Dispatch(dispatch) => dispatches::write_moved(self, &dispatch).await,
            Write::Attempt(attempt) => attempts::write_attempt(self, *attempt).await,
            Write::Ending { body, attempt, ending } => {
                attempts::write_ending(self, body, attempt, &ending).await
            }
            Write::Receipt(receipt) => receipts::write_receipt(self, &receipt).await,
            Write::Blob(blob) => blobs::write_blob(self, &blob).await,
            Write::Evidence(draft) => evidence::write_evidence(self, draft).await,
            Write::Code(code) => codes::write_code(self, &code).await,
            Write::Register(draft) => {
                committed.register.push(register::write_entry(self, &draft).await?);
                Ok(())
            }
            Write::Job(job) => queue::write_job(self, &job).await,
            Write::JobDone(job) => queue::write_done(self, job).await,
            Write::JobLater { job, due_at } => queue::write_later(self, job, due_at).await,
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
        Write::User(_)
        | Write::Session { .. }
        | Write::EndSession(_)
        | Write::ApiKey { .. }
        | Write::Job(_)
        | Write::JobDone(_)
        | Write::JobLater { .. } => None,
    }
}
