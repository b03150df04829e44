//! Promises about commits: whole or not at all, each key taken once, each entity read as written.

use super::samples::{NOON, World, attempt, case, ending, fresh, notice, party};
use messo_core::bodies::User;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::ids::{BatchId, BlobHash, CaseId, NoticeId, PartyId, UserId};
use messo_core::legs::{LegState, Proof};
use messo_core::ports::{Blob, DispatchFilter, IssuedCode, Progress, Store, StoreError, Write};
use messo_core::receipts::Signal;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn a_commit_stands_as_a_whole_or_not_at_all(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let blob = Blob::new(world.body.id, b"never kept".to_vec());
    let dispatch = world.dispatch(None);
    let writes = vec![
        Write::Blob(blob.clone()),
        Write::NewDispatch(Box::new(dispatch.clone())),
        Write::Evidence(world.evidence(Some(dispatch.id))),
        Write::Notice(world.notice.clone()),
    ];
    let answer = world.commit(writes).await;
    assert!(matches!(answer, Err(StoreError::Taken("notice"))), "{answer:?}");
    let (store, body) = (&world.store, world.body.id);
    assert!(store.blob(body, blob.hash).await.expect("blob").is_none());
    assert!(store.dispatch(body, dispatch.id).await.expect("dispatch").is_none());
    assert!(store.chain_head(body).await.expect("head").is_none());
    assert_eq!(store.progress(body, None).await.expect("progress"), Progress::default());
    assert_eq!(world.new_dispatch(None).await.number, 1, "its number was given back");
}

pub(super) async fn a_refused_commit_leaves_its_neighbours_alone(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    let mut tasks = Vec::new();
    for number in 0..64_u32 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            let mut new = notice(world.body.id);
            new.key = format!("vicino {number}");
            let id = new.id;
            let mut writes = vec![Write::Notice(new)];
            if number % 3 == 0 {
                writes.push(Write::Notice(world.notice.clone()));
            }
            let answer = world.commit(writes).await;
            assert_eq!(answer.is_ok(), number % 3 != 0, "{answer:?}");
            let kept = world.store.notice(world.body.id, id).await.expect("notice");
            assert_eq!(kept.is_some(), number % 3 != 0);
        }));
    }
    for task in tasks {
        task.await.expect("a task ends well");
    }
}

pub(super) async fn every_entity_comes_back_as_it_went_in(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let read = store.body(body).await.expect("body").expect("is there");
    assert!(read.number > 0);
    assert_eq!(messo_core::bodies::Body { number: 0, ..read }, world.body);
    let read = store.case(body, world.case.id).await.expect("case").expect("is there");
    assert_eq!(messo_core::cases::Case { serial: 0, ..read }, world.case);
    let read = store.party(body, world.party.id).await.expect("party").expect("is there");
    assert_eq!(messo_core::parties::Party { serial: 0, ..read }, world.party);
    let read = store.notice(body, world.notice.id).await.expect("notice");
    assert_eq!(read.as_ref(), Some(&world.notice));
    let written = world.dispatch(Some(BatchId(fresh())));
    world.commit(vec![Write::NewDispatch(Box::new(written.clone()))]).await.expect("committed");
    let read = store.dispatch(body, written.id).await.expect("dispatch").expect("is there");
    assert_eq!((read.number, read.case_serial, read.party_serial), (1, 1, 1));
    assert_eq!(Dispatch { number: 0, case_serial: 0, party_serial: 0, ..read }, written);
    let mut try_one = attempt(&written);
    try_one.ending = Some(ending(1));
    let receipt = world.receipt(Some(&try_one), b"raw", Signal::Unknown { word: "boh".into() });
    let stray = world.receipt(None, b"raw", Signal::Progress { word: "in coda".into() });
    let blob = Blob::new(body, (0..=255).cycle().take(70_000).collect());
    let writes = vec![
        Write::Attempt(Box::new(try_one.clone())),
        Write::Receipt(Box::new(receipt.clone())),
        Write::Receipt(Box::new(stray.clone())),
        Write::Blob(blob.clone()),
        Write::Evidence(world.evidence(Some(written.id))),
    ];
    world.commit(writes).await.expect("committed");
    assert_eq!(store.attempt(try_one.id).await.expect("attempt").as_ref(), Some(&try_one));
    assert_eq!(store.attempts(body, written.id).await.expect("attempts"), [try_one]);
    assert_eq!(store.receipts(body, written.id).await.expect("receipts"), [receipt]);
    assert_eq!(store.desk(body, 9).await.expect("desk"), [stray]);
    assert_eq!(store.blob(body, blob.hash).await.expect("blob"), Some(blob.bytes));
    let evidence = store.evidence(body, written.id).await.expect("evidence");
    assert!(evidence.len() == 1 && evidence[0].holds());
}

pub(super) async fn a_notice_key_is_taken_once(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let again = messo_core::notices::Notice { id: NoticeId(fresh()), ..world.notice.clone() };
    let answer = world.commit(vec![Write::Notice(again)]).await;
    assert!(matches!(answer, Err(StoreError::Taken("notice"))), "{answer:?}");
    // Another body uses the same key for itself.
    World::new(store).await;
}

pub(super) async fn a_case_number_and_a_party_are_taken_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut same_number = case(world.body.id);
    same_number.id = CaseId(fresh());
    let answer = world.commit(vec![Write::Case(Box::new(same_number))]).await;
    assert!(matches!(answer, Err(StoreError::Taken("case"))), "{answer:?}");
    let mut same_person = party(world.body.id);
    same_person.id = PartyId(fresh());
    let answer = world.commit(vec![Write::Party(Box::new(same_person))]).await;
    assert!(matches!(answer, Err(StoreError::Taken("party"))), "{answer:?}");
}

pub(super) async fn a_case_and_a_party_keep_their_serial_when_replaced(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let mut moved = world.case.clone();
    moved.facts.matter = "locazione".into();
    let mut renamed = world.party.clone();
    renamed.facts.given_name = "Nicolò".into();
    let writes = vec![Write::Case(Box::new(moved)), Write::Party(Box::new(renamed))];
    world.commit(writes).await.expect("replaced");
    let mut second = case(body);
    second.facts.number = "13/A".into();
    let second_id = second.id;
    world.commit(vec![Write::Case(Box::new(second))]).await.expect("a second case");
    let first = store.case(body, world.case.id).await.expect("case").expect("is there");
    assert_eq!((first.serial, first.facts.matter.as_str()), (1, "locazione"));
    let person = store.party(body, world.party.id).await.expect("party").expect("is there");
    assert_eq!((person.serial, person.facts.given_name.as_str()), (1, "Nicolò"));
    let listed = store.cases(body, 10).await.expect("cases");
    let listed: Vec<_> = listed.iter().map(|case| (case.id, case.serial)).collect();
    assert_eq!(listed, [(second_id, 2), (world.case.id, 1)], "newest first, no serial wasted");
}

pub(super) async fn the_same_receipt_twice_is_one(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dispatch = world.new_dispatch(None).await;
    let (one, two) = (attempt(&dispatch), attempt(&dispatch));
    let attempts = [&one, &two].map(|attempt| Write::Attempt(Box::new(attempt.clone())));
    world.commit(attempts.to_vec()).await.expect("attempts");
    let signal = Signal::Delivered { proof: Proof::CarrierReport };
    let receipt =
        |about| vec![Write::Receipt(Box::new(world.receipt(about, b"the same", signal.clone())))];
    for about in [Some(&one), Some(&two), None] {
        world.commit(receipt(about)).await.expect("the first of its kind");
        let answer = world.commit(receipt(about)).await;
        assert!(matches!(answer, Err(StoreError::Taken("receipt"))), "{answer:?}");
    }
}

pub(super) async fn the_same_bytes_role_and_code_twice_are_one(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dispatch = world.new_dispatch(None).await;
    let body = world.body.id;
    let role = messo_core::cases::CaseRole {
        body,
        case: world.case.id,
        party: world.party.id,
        role: messo_core::cases::Role::Summoned,
        lawyer: Some(messo_core::notices::LawyerFacts {
            name: "Avv. Portinari".into(),
            pec: "portinari@pec.example.it".into(),
        }),
    };
    let code = IssuedCode { body, dispatch: dispatch.id, text: "codice".into(), at: NOON };
    for _ in 0..2 {
        let writes = vec![
            Write::Blob(Blob::new(body, b"twice".to_vec())),
            Write::Role(role.clone()),
            Write::Code(code.clone()),
        ];
        world.commit(writes).await.expect("harmless");
    }
    let without = messo_core::cases::CaseRole { lawyer: None, ..role.clone() };
    world.commit(vec![Write::Role(without)]).await.expect("harmless, and the lawyer stays");
    assert_eq!(world.store.roles(body, world.case.id).await.expect("roles"), [role]);
    assert_eq!(world.store.codes(body, None, 9).await.expect("codes"), [code]);
}

/// The dispatch with its only leg delivered.
fn delivered(mut dispatch: Dispatch) -> Dispatch {
    let attempt = attempt(&dispatch).id;
    dispatch.legs[0].state = LegState::Delivered { attempt, at: NOON, proof: Proof::HandedOver };
    dispatch
}

pub(super) async fn a_dispatch_moved_from_an_old_version_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let read = world.new_dispatch(None).await;
    let moved = delivered(read.clone());
    world.commit(vec![Write::Dispatch(Box::new(moved.clone()))]).await.expect("moved");
    let answer = world.commit(vec![Write::Dispatch(Box::new(read))]).await;
    assert!(matches!(answer, Err(StoreError::Stale("dispatch"))), "{answer:?}");
    let now = world.store.dispatch(world.body.id, moved.id).await.expect("dispatch");
    assert_eq!(now, Some(Dispatch { version: moved.version + 1, ..moved }));
    let unknown = world.commit(vec![Write::Dispatch(Box::new(world.dispatch(None)))]).await;
    assert!(matches!(unknown, Err(StoreError::Missing("dispatch"))), "{unknown:?}");
}

pub(super) async fn the_first_ending_of_an_attempt_is_kept(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dispatch = world.new_dispatch(None).await;
    let open = attempt(&dispatch);
    world.commit(vec![Write::Attempt(Box::new(open.clone()))]).await.expect("attempt");
    for second in [1, 2] {
        let ending = ending(second);
        let write = Write::Ending { body: world.body.id, attempt: open.id, ending };
        world.commit(vec![write]).await.expect("an ending");
    }
    let ended = world.store.attempt(open.id).await.expect("attempt").expect("is there");
    assert_eq!(ended.ending, Some(ending(1)));
}

pub(super) async fn progress_counts_every_dispatch_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let batch = Some(BatchId(fresh()));
    let first = world.new_dispatch(batch).await;
    world.new_dispatch(batch).await;
    world.new_dispatch(None).await;
    world.commit(vec![Write::Dispatch(Box::new(delivered(first.clone())))]).await.expect("moved");
    let stale = world.commit(vec![Write::Dispatch(Box::new(delivered(first)))]).await;
    assert!(stale.is_err());
    let of_batch = store.progress(body, batch).await.expect("progress");
    assert_eq!(of_batch, Progress { waiting: 1, delivered: 1, ..Progress::default() });
    let of_body = store.progress(body, None).await.expect("progress");
    assert_eq!(of_body, Progress { waiting: 2, delivered: 1, ..Progress::default() });
}

pub(super) async fn dispatches_are_paged_newest_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let batch = Some(BatchId(fresh()));
    let mut ids = Vec::new();
    for number in 0..5 {
        let dispatch = world.new_dispatch(batch.filter(|_| number < 4)).await;
        ids.push(dispatch.id);
        if number == 1 {
            let try_one = attempt(&dispatch);
            let from = world.party.addresses[0].clone();
            let answer = Signal::Answer { from, text: "Ci sarò".into() };
            let writes = vec![
                Write::Dispatch(Box::new(delivered(dispatch))),
                Write::Receipt(Box::new(world.receipt(Some(&try_one), b"si", answer))),
                Write::Attempt(Box::new(try_one)),
            ];
            world.commit(writes).await.expect("delivered and answered");
        }
    }
    let list = |filter: DispatchFilter| async move {
        store.dispatches(body, &filter).await.expect("a page")
    };
    let base = DispatchFilter { limit: 2, ..DispatchFilter::default() };
    let found = |rows: &[messo_core::ports::DispatchRow]| -> Vec<_> {
        rows.iter().map(|row| row.dispatch.id).collect()
    };
    assert_eq!(found(&list(base.clone()).await), [ids[4], ids[3]]);
    let next = DispatchFilter { before: Some(ids[3]), ..base.clone() };
    assert_eq!(found(&list(next).await), [ids[2], ids[1]]);
    let of_batch = DispatchFilter { batch, ..base.clone() };
    assert_eq!(found(&list(of_batch.clone()).await), [ids[3], ids[2]]);
    let state = Some(DispatchState::Delivered);
    for filter in [
        DispatchFilter { state, ..base.clone() },
        DispatchFilter { state, ..of_batch.clone() },
        DispatchFilter { state, notice: Some(world.notice.id), ..base.clone() },
        DispatchFilter { state, notice: Some(world.notice.id), ..of_batch },
    ] {
        let rows = list(filter).await;
        assert_eq!(found(&rows), [ids[1]]);
        assert!(rows[0].sandbox && rows[0].answered);
    }
    let other = DispatchFilter { notice: Some(NoticeId(fresh())), ..base.clone() };
    assert!(list(other).await.is_empty());
    let all = list(DispatchFilter { notice: Some(world.notice.id), limit: 99, ..base }).await;
    assert_eq!(all.iter().filter(|row| row.sandbox || row.answered).count(), 1);
    assert_eq!(all.len(), 5);
}

pub(super) async fn sign_in_ends_with_the_session(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let other = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let user = User {
        id: UserId(fresh()),
        body,
        login: format!("anna {}", body),
        password_hash: "$argon2id$1".into(),
    };
    let secret = BlobHash::of(user.login.as_bytes());
    let writes = vec![
        Write::User(user.clone()),
        Write::Session { secret, user: user.id, expires_at: NOON + Duration::from_secs(10) },
        Write::ApiKey { secret, body, name: "prova".into() },
    ];
    world.commit(writes).await.expect("a user signs in");
    assert_eq!(store.user(&user.login).await.expect("user").as_ref(), Some(&user));
    assert_eq!(store.session(secret, NOON).await.expect("session").as_ref(), Some(&user));
    assert_eq!(store.api_key(secret).await.expect("key"), Some(body));
    let later = NOON + Duration::from_secs(10);
    assert!(store.session(secret, later).await.expect("session").is_none(), "it has expired");
    let changed = User { password_hash: "$argon2id$2".into(), ..user.clone() };
    world.commit(vec![Write::User(changed.clone())]).await.expect("a new password");
    assert_eq!(store.session(secret, NOON).await.expect("session").as_ref(), Some(&changed));
    let thief = User { id: UserId(fresh()), body: other.body.id, ..user };
    let answer = world.commit(vec![Write::User(thief)]).await;
    assert!(matches!(answer, Err(StoreError::Taken("user"))), "{answer:?}");
    world.commit(vec![Write::EndSession(secret)]).await.expect("signed out");
    assert!(store.session(secret, NOON).await.expect("session").is_none());
    let (old, new) = (BlobHash::of(b"old"), BlobHash::of(b"new"));
    let account = store.user(&changed.login).await.expect("user").expect("known").id;
    let begun = |secret, expires_at| Write::Session { secret, user: account, expires_at };
    let after = later + Duration::from_secs(1);
    world.commit(vec![begun(old, later), begun(new, after)]).await.expect("two sessions");
    world.commit(vec![Write::ForgetSessions { expired_by: later }]).await.expect("forgotten");
    assert!(store.session(old, NOON).await.expect("session").is_none(), "nothing of it is left");
    assert!(store.session(new, NOON).await.expect("session").is_some());
}

pub(super) async fn codes_are_read_on_from_the_last_one_seen(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let dispatch = world.new_dispatch(None).await.id;
    for text in ["zeta", "alfa", "mezzo"] {
        let code = IssuedCode { body, dispatch, text: text.into(), at: NOON };
        world.commit(vec![Write::Code(code)]).await.expect("a code");
    }
    let texts = |codes: Vec<IssuedCode>| -> Vec<String> {
        codes.into_iter().map(|code| code.text).collect()
    };
    let first = texts(store.codes(body, None, 2).await.expect("codes"));
    assert_eq!(first, ["zeta", "alfa"]);
    let rest = texts(store.codes(body, Some("alfa"), 2).await.expect("codes"));
    assert_eq!(rest, ["mezzo"]);
}

pub(super) async fn the_database_says_that_it_takes_writes(store: Arc<dyn Store>) {
    store.check().await.expect("it takes writes");
    store.check().await.expect("again");
}
