//! Tests of what the writer promises when the disk is full, read-only or shared.

use crate::Storage;
use crate::connect::Source;
use crate::lite::LiteSource;
use messo_core::evidence::{EvidenceDraft, EvidenceKind};
use messo_core::ids::{BlobHash, BodyId, EvidenceId};
use messo_core::ports::{Blob, Commit, Store as _, StoreError, Write};
use messo_core::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

const BODY: BodyId = BodyId(Uuid::from_u128(7));

async fn fresh() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messo.db").display().to_string();
    let storage = Storage::open(&path).await.unwrap();
    storage.migrate().await.unwrap();
    storage.close().await;
    (folder, path)
}

/// An item of evidence and 4 KB of bytes that nothing else has.
fn commit(number: u128) -> (BlobHash, Commit) {
    let blob = Blob::new(BODY, number.to_be_bytes().repeat(256));
    let draft = EvidenceDraft {
        id: EvidenceId(Uuid::from_u128(number)),
        body: BODY,
        dispatch: None,
        kind: EvidenceKind::Receipt,
        at: Timestamp::from_seconds(1),
        blob: Some(blob.hash),
        summary: "{}".into(),
    };
    let hash = blob.hash;
    (hash, Commit { guards: Vec::new(), writes: vec![Write::Blob(blob), Write::Evidence(draft)] })
}

/// The chain is whole and refers to exactly the bytes of the commits that were answered.
async fn assert_kept(storage: &Storage, answered: &[BlobHash]) {
    let chain = storage.chain(BODY, 1, i64::MAX).await.unwrap();
    for (item, seq) in chain.iter().zip(1..) {
        assert!(item.holds() && item.seq == seq);
    }
    let mut kept: Vec<_> = chain.iter().filter_map(|item| item.blob).collect();
    let mut answered = answered.to_vec();
    kept.sort_unstable();
    answered.sort_unstable();
    assert_eq!(kept, answered);
    for hash in answered {
        assert!(storage.blob(BODY, hash).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let (_folder, path) = fresh().await;
    let Source::Lite(source) = Source::parse(&path).unwrap() else { unreachable!() };
    let small = Source::Lite(LiteSource { most_pages: Some(400), ..source });
    let storage = Arc::new(Storage::from_source(small).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=600 {
        let storage = Arc::clone(&storage);
        tasks.spawn(async move {
            let (hash, commit) = commit(number);
            storage.commit(commit).await.map(|_| hash)
        });
    }
    let (answered, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(Result::is_ok);
    let mut answered: Vec<BlobHash> = answered.into_iter().map(Result::unwrap).collect();
    assert!(!refused.is_empty());
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");
    }
    let mut refused = None;
    for number in 1_001..2_000 {
        let (hash, commit) = commit(number);
        match storage.commit(commit).await {
            Ok(_) => answered.push(hash),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert!(matches!(refused, Some(StoreError::Unwritable(_))), "{refused:?}");
    assert_kept(&storage, &answered).await;
    drop(storage);
    let storage = Storage::open(&path).await.unwrap();
    let (hash, commit) = commit(10_000);
    storage.commit(commit).await.expect("there is room again");
    answered.push(hash);
    assert_kept(&storage, &answered).await;
}

#[tokio::test]
async fn a_read_only_database_refuses_writes_and_can_be_read() {
    let (_folder, path) = fresh().await;
    let storage = Storage::open(&path).await.unwrap();
    let (hash, first) = commit(1);
    storage.commit(first).await.unwrap();
    let frozen = Storage::open(&format!("sqlite://{path}?mode=ro")).await.unwrap();
    let refused = frozen.commit(commit(2).1).await;
    assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");
    let refused = frozen.check().await;
    assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");
    assert_kept(&frozen, &[hash]).await;
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let (_folder, path) = fresh().await;
    let storage = Arc::new(Storage::open(&path).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=512 {
        let storage = Arc::clone(&storage);
        tasks.spawn(async move { storage.commit(commit(number).1).await });
    }
    tasks.join_all().await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let written = storage.written();
    assert_eq!(written.orders, 512);
    assert!(written.groups <= 512 / 50, "{written:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_share_a_file_without_a_gap_in_the_chain() {
    let (_folder, path) = fresh().await;
    let mut answered = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    let (one, two) = (Storage::open(&path).await.unwrap(), Storage::open(&path).await.unwrap());
    let both = [Arc::new(one), Arc::new(two)];
    for number in 1..=200_u32 {
        let storage = Arc::clone(&both[(number % 2) as usize]);
        let (hash, commit) = commit(u128::from(number));
        answered.push(hash);
        tasks.spawn(async move { storage.commit(commit).await });
    }
    tasks.join_all().await.into_iter().for_each(|answer| drop(answer.unwrap()));
    assert_kept(&both[0], &answered).await;
}

#[tokio::test]
async fn evidence_and_register_cannot_be_changed_even_by_sql() {
    let (_folder, path) = fresh().await;
    let storage = Storage::open(&path).await.unwrap();
    storage.commit(commit(1).1).await.unwrap();
    let tampering = rusqlite::Connection::open(&path).unwrap();
    tampering
        .execute_batch(
            "INSERT INTO register VALUES (x'07', 2026, 1, 'in', 1, 'a', 'b', NULL, x'00');
             INSERT INTO register_annotation VALUES (x'07', 2026, 1, 1, 1, 'a', 'b', 'c');
             INSERT INTO register_day VALUES (x'07', '2026-11-22', 1, '{}');",
        )
        .unwrap();
    for sql in [
        "UPDATE evidence SET summary = '{}'",
        "DELETE FROM evidence",
        "UPDATE register SET subject = 'altro'",
        "DELETE FROM register",
        "UPDATE register_annotation SET text = ''",
        "DELETE FROM register_annotation",
        "UPDATE register_day SET entity = ''",
        "DELETE FROM register_day",
    ] {
        let refused = tampering.execute(sql, []);
        assert!(refused.is_err_and(|error| error.to_string().contains("immutable")));
    }
}

#[test]
fn both_schemas_have_the_same_tables_and_columns() {
    let lite = include_str!("../../../migrations/sqlite/0001_schema.sql");
    let postgres = include_str!("../../../migrations/postgres/0001_schema.sql");
    let declared = |text: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let tables = text.lines().filter(|line| {
            line.starts_with("CREATE TABLE")
                || line.starts_with("CREATE INDEX")
                || line.starts_with("    ")
        });
        tables
            .filter(|line| !line.contains("RAISE") && !line.contains("EXECUTE FUNCTION"))
            .map(|line| words(&line.replace("BYTEA", "BLOB")))
            .collect()
    };
    assert_eq!(declared(lite), declared(postgres));
}
