//! PostgreSQL keeps what SQLite keeps: the same contract, statements, tables and columns.

use messo_core::ports::Store;
use messo_storage::{Storage, contract};
use messo_tests::Servers;
use std::sync::Arc;

async fn fresh() -> Storage {
    let url = Servers::postgres().await.database().await;
    let storage = Storage::open(&url).await.expect("the database opens");
    storage.migrate().await.expect("the schema is made");
    storage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_keeps_every_promise_of_the_contract() {
    let store: Arc<dyn Store> = Arc::new(fresh().await);
    for case in contract::CASES {
        // Shown only when the case after it is the one that fails.
        eprintln!("{}", case.name);
        case.run(Arc::clone(&store)).await;
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_postgresql() {
    let storage = fresh().await;
    if let Err((statement, error)) = storage.prepare_all().await {
        panic!("{}: {error}", statement.name);
    }
}

#[tokio::test]
async fn both_databases_end_in_the_same_tables_and_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messo.db").display().to_string();
    let lite = Storage::open(&file).await.expect("SQLite opens");
    lite.migrate().await.expect("the schema is made");
    let postgres = fresh().await;
    assert_eq!(
        lite.schema().await.expect("SQLite's schema"),
        postgres.schema().await.expect("PostgreSQL's schema")
    );
}

#[tokio::test]
async fn migrating_postgresql_again_changes_nothing() {
    let storage = fresh().await;
    let before = storage.schema().await.expect("a schema");
    storage.migrate().await.expect("the second time too");
    assert_eq!(storage.schema().await.expect("a schema"), before);
}
