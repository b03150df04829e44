//! Runs the contract on a database that is empty: `cargo run --example contract -- URL`.

use messo_core::ports::Store;
use messo_storage::{Storage, contract};
use std::sync::Arc;

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).expect("usage: contract URL");
    let storage = Storage::open(&url).await.expect("the database opens");
    storage.migrate().await.expect("the schema is made");
    storage.prepare_all().await.expect("every statement is understood");
    let store: Arc<dyn Store> = Arc::new(storage);
    for case in contract::CASES {
        eprintln!("{}", case.name.replace('_', " "));
        case.run(Arc::clone(&store)).await;
    }
    eprintln!("{} promises kept", contract::CASES.len());
}
