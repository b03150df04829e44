//! The days of the protocol register on PostgreSQL.

use crate::fast::register::{
    days_follow_each_other, many_close_at_once, numbers_survive_a_worker_that_is_killed,
};
use messo_storage::Storage;
use messo_tests::Servers;

async fn fresh() -> Storage {
    let url = Servers::postgres().await.database().await;
    let storage = Storage::open(&url).await.expect("the database opens");
    storage.migrate().await.expect("the schema is made");
    storage
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_days_of_the_register_are_a_chain_on_postgresql_too() {
    days_follow_each_other(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_closed_once_on_postgresql_too() {
    many_close_at_once(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_leaves_no_gap_on_postgresql_either() {
    let url = Servers::postgres().await.database().await;
    numbers_survive_a_worker_that_is_killed(&["--database", &url]).await;
}
