//! Promises about the register: annotations beside entries, and days that are closed for good.

use super::samples::{NOON, World};
use jiff::civil::Date;
use messo_core::ids::BlobHash;
use messo_core::ports::{Store, StoreError, Write};
use messo_core::register::{Annotation, RegisterDay, day_of, end_of};
use messo_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const YEAR: i16 = 2027;

pub(super) fn annotation(world: &World, number: i64) -> Annotation {
    Annotation {
        body: world.body.id,
        year: YEAR,
        number,
        at: NOON,
        who: "segreteria".into(),
        reason: "correzione".into(),
        text: "Il mittente è «Bianchi», non «Bianco».".into(),
    }
}

pub(super) fn day(world: &World, day: Date, entries: u32, annotations: u32) -> RegisterDay {
    RegisterDay {
        body: world.body.id,
        day,
        entries,
        annotations,
        first: (entries > 0).then_some((YEAR, 1)),
        last: (entries > 0).then_some((YEAR, i64::from(entries))),
        csv: BlobHash::of(day.to_string().as_bytes()),
        pdf: vec![BlobHash::of(b"%PDF")],
        previous: None,
        closed_at: NOON + Duration::from_secs(86_400),
    }
}

fn entry(world: &World, at: Timestamp) -> Write {
    let mut draft = world.register_draft(YEAR);
    draft.at = at;
    Write::Register(Box::new(draft))
}

fn close(day: &RegisterDay) -> Vec<Write> {
    vec![Write::RegisterDay(Box::new(day.clone()))]
}

pub(super) async fn an_annotation_stands_beside_its_entry(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    world.commit(vec![entry(&world, NOON), entry(&world, NOON)]).await.expect("two entries");
    let before = store.register(body, YEAR, 1, 10).await.expect("the register");
    let first = annotation(&world, 2);
    let second = Annotation { reason: "annullamento".into(), ..first.clone() };
    for one in [&first, &second] {
        world.commit(vec![Write::Annotation(Box::new(one.clone()))]).await.expect("an annotation");
    }
    assert_eq!(store.annotations(body, YEAR, 2).await.expect("two"), [first.clone(), second]);
    assert_eq!(store.annotations(body, YEAR, 1).await.expect("none"), []);
    assert_eq!(store.register(body, YEAR, 1, 10).await.expect("the register"), before);
    let made = store.annotated_between(body, NOON, end_of(day_of(NOON))).await.expect("of the day");
    assert_eq!(made.len(), 2);
    let nothing = Annotation { number: 3, ..first };
    let answer = world.commit(vec![Write::Annotation(Box::new(nothing))]).await;
    assert!(matches!(answer, Err(StoreError::Missing("register entry"))), "{answer:?}");
}

pub(super) async fn entries_are_found_by_the_time_of_their_registration(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let later = NOON + Duration::from_secs(60);
    let writes = [NOON, NOON, later].map(|at| entry(&world, at)).into();
    world.commit(writes).await.expect("three entries");
    let numbers = |after| async move {
        let found = store.registered_between(body, NOON, later, after).await.expect("entries");
        found.iter().map(|entry| (entry.draft.year, entry.number)).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None).await, [(YEAR, 1), (YEAR, 2)]);
    assert_eq!(numbers(Some((YEAR, 1))).await, [(YEAR, 2)]);
    let first = |from| store.registered_from(body, from);
    assert_eq!(first(Timestamp(0)).await.expect("the first"), Some(NOON));
    assert_eq!(first(later).await.expect("the last"), Some(later));
    assert_eq!(first(later + Duration::from_micros(1)).await.expect("none"), None);
}

pub(super) async fn a_day_is_closed_once_in_order_and_with_everything_in_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body, today) = (&world.store, world.body.id, day_of(NOON));
    let writes = vec![
        entry(&world, NOON),
        entry(&world, NOON),
        Write::Annotation(Box::new(annotation(&world, 1))),
    ];
    world.commit(writes).await.expect("two entries and an annotation");
    for wrong in [day(&world, today, 1, 1), day(&world, today, 2, 0)] {
        let answer = world.commit(close(&wrong)).await;
        assert!(matches!(answer, Err(StoreError::Stale("register"))), "{answer:?}");
    }
    assert_eq!(store.register_day(body, None).await.expect("none"), None);
    let closed = day(&world, today, 2, 1);
    world.commit(close(&closed)).await.expect("it is closed");
    assert_eq!(store.register_day(body, Some(today)).await.expect("it").as_ref(), Some(&closed));
    assert_eq!(store.register_day(body, None).await.expect("it").as_ref(), Some(&closed));
    for earlier in [today, today.yesterday().expect("a day")] {
        let answer = world.commit(close(&day(&world, earlier, 0, 0))).await;
        assert!(matches!(answer, Err(StoreError::Taken("register day"))), "{answer:?}");
    }
    let tomorrow = today.tomorrow().expect("a day");
    let unlinked = day(&world, tomorrow, 0, 0);
    let answer = world.commit(close(&unlinked)).await;
    assert!(matches!(answer, Err(StoreError::Stale("register day"))), "{answer:?}");
    let linked = RegisterDay { previous: Some((today, closed.csv)), ..unlinked };
    world.commit(close(&linked)).await.expect("the next day follows");
}

pub(super) async fn nothing_is_dated_into_a_closed_day(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body, today) = (&world.store, world.body.id, day_of(NOON));
    world.commit(vec![entry(&world, NOON)]).await.expect("an entry");
    world.commit(close(&day(&world, today, 1, 0))).await.expect("the day is closed");
    let writes = vec![entry(&world, NOON), Write::Annotation(Box::new(annotation(&world, 1)))];
    let given = world.commit(writes).await.expect("what was late is taken");
    assert_eq!(given.register, [2]);
    let late = store.register(body, YEAR, 2, 1).await.expect("the register");
    assert_eq!(late[0].draft.at, end_of(today));
    let annotations = store.annotations(body, YEAR, 1).await.expect("the annotation");
    assert_eq!(annotations[0].at, end_of(today));
}
