//! How many dispatches are in each state, counted while they move, so that progress is a lookup
//! however many there are. Written once per transaction, under the lock on the body's head.

use crate::session::{Connection, args};
use crate::statement::statements;
use messo_core::ids::BodyId;
use messo_core::ports::StoreError;
use std::collections::BTreeMap;
use uuid::Uuid;

statements! {
    ADD_TALLY = same(
        "INSERT INTO tally (body_id, batch_id, state, count) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (body_id, batch_id, state) DO UPDATE SET count = tally.count + excluded.count",
    );
}

/// What has changed in this transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(BTreeMap<(BodyId, Uuid, String), i64>);

impl Tally {
    /// Counts `by` more dispatches of a run (zeros: of no run) in a state.
    pub(crate) fn count(&mut self, body: BodyId, batch: Uuid, state: &str, by: i64) {
        *self.0.entry((body, Uuid::nil(), state.to_owned())).or_default() += by;
        if !batch.is_nil() {
            *self.0.entry((body, batch, state.to_owned())).or_default() += by;
        }
    }

    /// Writes the changes.
    pub(super) async fn store(self, connection: &mut Connection) -> Result<(), StoreError> {
        for ((body, batch, state), by) in self.0 {
            if by != 0 {
                connection.run(ADD_TALLY, args![body.0, batch, state, by]).await?;
            }
        }
        Ok(())
    }
}
