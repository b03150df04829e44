//! Promises about what is numbered: the chain of evidence and the register.

use super::samples::World;
use messo_core::evidence::genesis;
use messo_core::ports::{Store, StoreError, Write};
use std::sync::Arc;

/// Writers at once, and commits of each.
const WRITERS: usize = 8;
const COMMITS: usize = 25;

pub(super) async fn the_chain_has_no_gaps_under_concurrent_commits(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    let other = Arc::new(World::new(Arc::clone(&world.store)).await);
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (world, other) = (Arc::clone(&world), Arc::clone(&other));
        writers.push(tokio::spawn(async move {
            for _ in 0..COMMITS {
                let writes = vec![
                    Write::Evidence(other.evidence(None)),
                    Write::Evidence(world.evidence(None)),
                    Write::Evidence(world.evidence(None)),
                ];
                world.commit(writes).await.expect("evidence is committed");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer ends well");
    }
    assert_chain(&world, 2 * WRITERS * COMMITS).await;
    assert_chain(&other, WRITERS * COMMITS).await;
}

pub(super) async fn a_refused_commit_leaves_no_hole_in_the_chain(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    let mut writers = Vec::new();
    for number in 0..WRITERS * 4 {
        let world = Arc::clone(&world);
        writers.push(tokio::spawn(async move {
            let mut writes = vec![Write::Evidence(world.evidence(None))];
            if number % 2 == 0 {
                writes.push(Write::Notice(world.notice.clone()));
            }
            let answer = world.commit(writes).await;
            match number % 2 {
                0 => assert!(matches!(answer, Err(StoreError::Taken("notice"))), "{answer:?}"),
                _ => assert!(answer.is_ok(), "{answer:?}"),
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer ends well");
    }
    assert_chain(&world, WRITERS * 2).await;
}

async fn assert_chain(world: &World, length: usize) {
    let (store, body) = (&world.store, world.body.id);
    let chain = store.chain(body, 1, i64::MAX).await.expect("the chain can be read");
    assert_eq!(chain.len(), length);
    let mut previous = genesis(body);
    for (item, seq) in chain.iter().zip(1..) {
        assert_eq!((item.seq, item.previous), (seq, previous), "a gap in the chain");
        assert!(item.holds(), "item {seq} does not hold");
        previous = item.hash;
    }
    let head = store.chain_head(body).await.expect("the head can be read");
    assert_eq!(head.as_ref(), chain.last());
    let piece = store.chain(body, 2, 3).await.expect("a piece can be read");
    assert_eq!(piece, chain[1..3]);
}

pub(super) async fn register_numbers_have_no_gaps_under_concurrent_commits(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    let mut writers = Vec::new();
    for number in 0..WRITERS * 4 {
        let world = Arc::clone(&world);
        writers.push(tokio::spawn(async move {
            let mut writes = vec![Write::Register(Box::new(world.register_draft(2026)))];
            if number % 2 == 0 {
                writes.push(Write::Notice(world.notice.clone()));
            }
            world.commit(writes).await.map_or_else(|_| Vec::new(), |done| done.register)
        }));
    }
    let mut given = Vec::new();
    for writer in writers {
        given.extend(writer.await.expect("a writer ends well"));
    }
    given.sort_unstable();
    let expected: Vec<i64> = (1..).take(WRITERS * 2).collect();
    assert_eq!(given, expected, "the numbers that were answered");
    let entries = world.store.register(world.body.id, 2026, 1, 1_000).await.expect("the register");
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, expected, "the numbers that are kept");
    assert_eq!(entries[0].draft, world.register_draft(2026));
}

pub(super) async fn each_body_and_year_counts_for_itself(store: Arc<dyn Store>) {
    let one = World::new(Arc::clone(&store)).await;
    let two = World::new(store).await;
    let entry = |world: &World, year| Write::Register(Box::new(world.register_draft(year)));
    let writes = vec![entry(&one, 2025), entry(&one, 2026), entry(&two, 2026), entry(&one, 2026)];
    let given = one.commit(writes).await.expect("entries are committed");
    assert_eq!(given.register, [1, 1, 1, 2]);
    let page = one.store.register(one.body.id, 2026, 2, 10).await.expect("a page");
    assert_eq!(page.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
    assert!(two.body.id != one.body.id);
    let bodies = one.store.bodies().await.expect("the bodies");
    let mut numbers: Vec<u32> = bodies.iter().map(|body| body.number).collect();
    numbers.sort_unstable();
    let count = numbers.len();
    numbers.dedup();
    assert!(numbers[0] == 1 && numbers.len() == count, "bodies are numbered from 1: {numbers:?}");
}
