//! Promises about two bodies in one database: each question asked by the right body has an answer, and
//! the same question asked by the other has none.

use super::register::{annotation, day};
use super::samples::{NOON, World, attempt, ending};
use messo_core::attempts::Attempt;
use messo_core::cases::Document;
use messo_core::dispatches::Dispatch;
use messo_core::ids::{BatchId, BodyId, DocumentId};
use messo_core::ports::{Blob, DispatchFilter, IssuedCode, Progress, Store, StoreError, Write};
use messo_core::receipts::Signal;
use messo_core::register::{Annotation, day_of};
use messo_core::time::Timestamp;
use std::sync::Arc;

/// One row of everything.
struct Full {
    world: World,
    batch: BatchId,
    dispatch: Dispatch,
    attempt: Attempt,
    blob: Blob,
}

async fn full(store: Arc<dyn Store>) -> Full {
    let world = World::new(store).await;
    let batch = BatchId(super::samples::fresh());
    let dispatch = world.new_dispatch(Some(batch)).await;
    let attempt = attempt(&dispatch);
    let blob = Blob::new(world.body.id, b"bytes of the first body".to_vec());
    let signal = Signal::Progress { word: "queued".into() };
    let writes = vec![
        Write::Attempt(Box::new(attempt.clone())),
        Write::Receipt(Box::new(world.receipt(Some(&attempt), b"about", signal.clone()))),
        Write::Receipt(Box::new(world.receipt(None, b"stray", signal))),
        Write::Evidence(world.evidence(Some(dispatch.id))),
        Write::Blob(blob.clone()),
        Write::Code(IssuedCode {
            body: world.body.id,
            dispatch: dispatch.id,
            text: "https://example.org/q/1".into(),
            at: NOON,
        }),
        Write::Register(Box::new(world.register_draft(2026))),
        Write::Document(Document {
            id: DocumentId(super::samples::fresh()),
            body: world.body.id,
            case: world.case.id,
            name: "istanza.pdf".into(),
            media_type: "application/pdf".into(),
            blob: blob.hash,
            created_at: NOON,
        }),
    ];
    world.commit(writes).await.expect("one row of everything");
    let annotation = Annotation { year: 2026, ..annotation(&world, 1) };
    let writes = vec![
        Write::Annotation(Box::new(annotation)),
        Write::RegisterDay(Box::new(day(&world, day_of(NOON), 1, 1))),
    ];
    world.commit(writes).await.expect("a day of the register");
    Full { world, batch, dispatch, attempt, blob }
}

pub(super) async fn a_body_never_sees_the_rows_of_another(store: Arc<dyn Store>) {
    let full = full(Arc::clone(&store)).await;
    let stranger = World::new(store).await;
    let seen = answers(&full, full.world.body.id).await;
    for (question, found) in &seen {
        assert!(found, "the body's own {question} is not found");
    }
    for (question, found) in answers(&full, stranger.body.id).await {
        assert!(!found, "{question} shows another body's rows");
    }
}

/// Every question of the port that names a body, asked about `full`'s rows in the name of `body`.
async fn answers(full: &Full, body: BodyId) -> Vec<(&'static str, bool)> {
    let Full { world, batch, dispatch, attempt, blob } = full;
    let store = &world.store;
    let listed = |filter: DispatchFilter| async move {
        let filter = DispatchFilter { limit: 10, ..filter };
        !store.dispatches(body, &filter).await.expect("dispatches").is_empty()
    };
    let of_batch = DispatchFilter { batch: Some(*batch), ..DispatchFilter::default() };
    let of_notice = DispatchFilter { notice: Some(world.notice.id), ..DispatchFilter::default() };
    let of_state = DispatchFilter { state: Some(dispatch.state()), ..DispatchFilter::default() };
    let cases = store.cases(body, 10).await.expect("cases");
    let counted = store.progress(body, Some(*batch)).await.expect("progress");
    let whole = store.progress(body, None).await.expect("progress");
    vec![
        ("case", store.case(body, world.case.id).await.expect("case").is_some()),
        ("list of cases", cases.iter().any(|case| case.id == world.case.id)),
        ("party", store.party(body, world.party.id).await.expect("party").is_some()),
        ("roles", !store.roles(body, world.case.id).await.expect("roles").is_empty()),
        ("notice", store.notice(body, world.notice.id).await.expect("notice").is_some()),
        ("dispatch", store.dispatch(body, dispatch.id).await.expect("dispatch").is_some()),
        ("dispatches", listed(DispatchFilter::default()).await),
        ("dispatches of a run", listed(of_batch).await),
        ("dispatches of a notice", listed(of_notice).await),
        ("dispatches in a state", listed(of_state).await),
        ("progress of a run", counted != Progress::default()),
        ("progress", whole != Progress::default()),
        ("attempts", !store.attempts(body, dispatch.id).await.expect("attempts").is_empty()),
        ("receipts", !store.receipts(body, dispatch.id).await.expect("receipts").is_empty()),
        ("desk", !store.desk(body, 10).await.expect("desk").is_empty()),
        ("evidence", !store.evidence(body, dispatch.id).await.expect("evidence").is_empty()),
        ("chain", !store.chain(body, 1, 10).await.expect("chain").is_empty()),
        ("chain head", store.chain_head(body).await.expect("chain head").is_some()),
        ("blob", store.blob(body, blob.hash).await.expect("blob").is_some()),
        ("codes", !store.codes(body, None, 10).await.expect("codes").is_empty()),
        ("register", !store.register(body, 2026, 1, 10).await.expect("register").is_empty()),
        ("registered between", {
            let all = (Timestamp(0), Timestamp(i64::MAX));
            !store.registered_between(body, all.0, all.1, None).await.expect("entries").is_empty()
        }),
        ("annotations", !store.annotations(body, 2026, 1).await.expect("some").is_empty()),
        ("annotated between", {
            let all = (Timestamp(0), Timestamp(i64::MAX));
            !store.annotated_between(body, all.0, all.1).await.expect("some").is_empty()
        }),
        ("registered from", {
            store.registered_from(body, Timestamp(0)).await.expect("the first").is_some()
        }),
        ("register day", store.register_day(body, None).await.expect("a day").is_some()),
        ("attempt", store.attempt(attempt.id).await.expect("attempt").expect("it").body == body),
        ("keyed notice", {
            let found = store.notice_keyed(body, &world.notice.key).await.expect("notice");
            found.is_some_and(|notice| notice.id == world.notice.id)
        }),
        ("numbered case", {
            let facts = &world.case.facts;
            let found = store.case_numbered(body, facts.year, &facts.number).await.expect("case");
            found.is_some_and(|case| case.id == world.case.id)
        }),
        ("matching party", {
            let key = world.party.match_key();
            let found = store.party_matching(body, &key).await.expect("party");
            found.is_some_and(|party| party.id == world.party.id)
        }),
    ]
}

pub(super) async fn a_body_never_changes_the_rows_of_another(store: Arc<dyn Store>) {
    let full = full(Arc::clone(&store)).await;
    let (mine, world) = (full.world.body.id, &full.world);
    let stranger = World::new(store).await.body.id;
    let mut moved = full.dispatch.clone();
    moved.body = stranger;
    moved.legs.clear();
    let answer = world.commit(vec![Write::Dispatch(Box::new(moved))]).await;
    assert!(matches!(answer, Err(StoreError::Missing("dispatch"))), "{answer:?}");
    let foreign = Write::Ending { body: stranger, attempt: full.attempt.id, ending: ending(1) };
    let answer = world.commit(vec![foreign]).await;
    assert!(matches!(answer, Err(StoreError::Missing("attempt"))), "{answer:?}");
    let mut dispatch = world.dispatch(None);
    dispatch.body = stranger;
    let answer = world.commit(vec![Write::NewDispatch(Box::new(dispatch))]).await;
    assert!(matches!(answer, Err(StoreError::Missing(_))), "another's case: {answer:?}");
    let mut case = world.case.clone();
    case.body = stranger;
    case.facts.number = "tolto".into();
    world.commit(vec![Write::Case(Box::new(case))]).await.expect("a case of its own");
    let kept = world.store.case(mine, world.case.id).await.expect("case").expect("is there");
    assert_eq!(kept.facts, world.case.facts);
    let kept = world.store.dispatch(mine, full.dispatch.id).await.expect("dispatch");
    assert_eq!(kept.as_ref(), Some(&full.dispatch));
}
