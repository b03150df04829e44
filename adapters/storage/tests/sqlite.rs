//! The contract and the promises of durability on SQLite.

use messo_core::ports::Store;
use messo_storage::{Storage, contract, statements};
use std::collections::HashSet;
use std::sync::Arc;

/// A migrated database in a folder that goes away with the test.
async fn fresh() -> (tempfile::TempDir, String, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messo.db").display().to_string();
    let storage = Storage::open(&path).await.unwrap();
    storage.migrate().await.unwrap();
    (folder, path, storage)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_every_promise_of_the_contract() {
    let (_folder, _, storage) = fresh().await;
    let store: Arc<dyn Store> = Arc::new(storage);
    for case in contract::CASES {
        eprintln!("{}", case.name);
        case.run(Arc::clone(&store)).await;
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_sqlite() {
    let (_folder, _, storage) = fresh().await;
    storage.prepare_all().await.unwrap();
}

#[test]
fn statements_have_names_of_their_own_and_few_differ_between_the_databases() {
    let names: HashSet<_> = statements().map(|statement| statement.name).collect();
    assert_eq!(names.len(), statements().count());
    let differing: Vec<_> = statements()
        .filter(|statement| statement.lite != statement.postgres)
        .map(|statement| statement.name)
        .collect();
    assert_eq!(differing, ["CLAIM", "LEASE", "RENEW", "COLUMNS", "BEGIN"]);
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (_folder, _, storage) = fresh().await;
    let before = storage.schema().await.unwrap();
    storage.migrate().await.unwrap();
    assert_eq!(storage.schema().await.unwrap(), before);
    assert!(before["dispatch"].contains("state"));
}
