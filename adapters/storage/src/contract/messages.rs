//! Promises about what comes in: messages taken once, cursors, suppressed addresses, other names of
//! attempts, draft cases and their documents.

use super::samples::{NOON, World, attempt, case, fresh, party};
use messo_core::addresses::{Address, Channel, EmailAddress};
use messo_core::cases::{Case, CaseRole, CaseStanding, Document, Role};
use messo_core::ids::{AttemptId, BlobHash, BodyId, CaseId, DocumentId, MessageId, PartyId};
use messo_core::messages::{
    Cursor, DeskReason, MailClass, Message, MessageState, Summary, Suppression,
};
use messo_core::ports::{Blob, MessageFilter, Store, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

fn message(body: BodyId, text: &str) -> Message {
    Message {
        id: MessageId(fresh()),
        body,
        mailbox: "ricevute".into(),
        folder: "INBOX.Ricevute".into(),
        channel: Channel::Pec,
        sandbox: true,
        identity: BlobHash::of(text.as_bytes()),
        raw: BlobHash::of(format!("Received: oggi\r\n{text}").as_bytes()),
        size: u64::from(u32::MAX) + 7,
        arrived_at: Some(NOON),
        received_at: NOON + Duration::from_secs(9),
        state: MessageState::Unread,
        summary: None,
        version: 0,
    }
}

fn summary(case: CaseId) -> Summary {
    Summary {
        class: MailClass::PecEnvelope,
        pec: None,
        from: "Niccolò D'Aronco <parte@example.org>".into(),
        subject: "istanza «urgente»".into(),
        message_id: Some("1@example.org".into()),
        signature: None,
        rung: None,
        dispatch: None,
        attempt: None,
        case: Some(case),
        candidates: vec![case],
        registered: true,
        attachments: Vec::new(),
    }
}

fn cursor(body: BodyId, folder: &str, uid_validity: u32, uid: u32) -> Cursor {
    Cursor { body, mailbox: "ricevute".into(), folder: folder.into(), uid_validity, uid }
}

fn suppression(body: BodyId, address: &str, message: MessageId, second: u64) -> Suppression {
    Suppression {
        body,
        channel: Channel::Email,
        address: address.into(),
        hard: second.is_multiple_of(2),
        code: "5.1.1".into(),
        at: NOON + Duration::from_secs(second),
        message,
    }
}

fn new(message: &Message) -> Write {
    Write::NewMessage(Box::new(message.clone()))
}

pub(super) async fn a_message_is_taken_once(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let body = world.body.id;
    let first = message(body, "uno");
    world.commit(vec![new(&first)]).await.expect("a new message");
    let again = Message { folder: "Restored".into(), ..message(body, "uno") };
    let blob = Blob::new(body, b"the bytes of the second".to_vec());
    let writes =
        vec![Write::Blob(blob.clone()), Write::Cursor(cursor(body, "INBOX", 1, 9)), new(&again)];
    let answer = world.commit(writes).await;
    assert!(matches!(answer, Err(StoreError::Taken("message"))), "{answer:?}");
    assert!(store.message(body, again.id).await.expect("message").is_none());
    assert!(store.blob(body, blob.hash).await.expect("blob").is_none(), "nothing of it stands");
    assert!(store.cursor(body, "ricevute", "INBOX").await.expect("cursor").is_none());
    let known = store.message_identified(body, first.identity).await.expect("identity");
    assert_eq!(known, Some(first.id));
    assert_eq!(store.message(body, first.id).await.expect("message"), Some(first));
    // Another body gets the same circular for itself.
    let other = World::new(store).await;
    other.commit(vec![new(&message(other.body.id, "uno"))]).await.expect("its own message");
}

pub(super) async fn eight_readers_of_one_mailbox_take_a_message_once(store: Arc<dyn Store>) {
    let world = Arc::new(World::new(store).await);
    let mut readers = Vec::new();
    for _ in 0..8 {
        let world = Arc::clone(&world);
        readers.push(tokio::spawn(async move {
            let mut taken = 0;
            for number in 0..20 {
                let message = message(world.body.id, &format!("messaggio {number}"));
                match world.commit(vec![new(&message)]).await {
                    Ok(_) => taken += 1,
                    Err(StoreError::Taken("message")) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            taken
        }));
    }
    let mut taken = 0;
    for reader in readers {
        taken += reader.await.expect("a reader ends well");
    }
    assert_eq!(taken, 20);
    let all = MessageFilter { limit: 99, ..MessageFilter::default() };
    assert_eq!(world.store.messages(world.body.id, &all).await.expect("messages").len(), 20);
}

pub(super) async fn a_message_moved_from_an_old_version_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let unread = message(body, "uno");
    world.commit(vec![new(&unread)]).await.expect("a new message");
    let read = Message {
        state: MessageState::Desk { reason: DeskReason::Petition },
        summary: Some(summary(world.case.id)),
        ..unread.clone()
    };
    world.commit(vec![Write::Message(Box::new(read.clone()))]).await.expect("read");
    let late = Message { state: MessageState::Done, ..unread };
    let answer = world.commit(vec![Write::Message(Box::new(late))]).await;
    assert!(matches!(answer, Err(StoreError::Stale("message"))), "{answer:?}");
    let kept = store.message(body, read.id).await.expect("message").expect("is there");
    assert_eq!(kept, Message { version: 1, ..read });
    let settled = Message { state: MessageState::Settled, ..kept };
    world.commit(vec![Write::Message(Box::new(settled))]).await.expect("from the version read");
    let never = Write::Message(Box::new(message(body, "mai arrivato")));
    let answer = world.commit(vec![never]).await;
    assert!(matches!(answer, Err(StoreError::Stale("message"))), "{answer:?}");
}

pub(super) async fn messages_are_paged_newest_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let messages: Vec<Message> =
        (0..5).map(|number| message(body, &format!("messaggio {number}"))).collect();
    world.commit(messages.iter().map(new).collect()).await.expect("new messages");
    for index in [1, 3] {
        let state = MessageState::Desk { reason: DeskReason::NoMatch };
        let desk = Message { state, ..messages[index].clone() };
        world.commit(vec![Write::Message(Box::new(desk))]).await.expect("to the desk");
    }
    let page = |state, before: Option<usize>| {
        let before = before.map(|index| messages[index].id);
        async move {
            let filter = MessageFilter { state, before, limit: 2 };
            let page = store.messages(body, &filter).await.expect("a page");
            page.into_iter().map(|message| message.id).collect::<Vec<_>>()
        }
    };
    let ids = |indexes: &[usize]| -> Vec<MessageId> {
        indexes.iter().map(|index| messages[*index].id).collect()
    };
    assert_eq!(page(None, None).await, ids(&[4, 3]));
    assert_eq!(page(None, Some(3)).await, ids(&[2, 1]));
    assert_eq!(page(Some("desk"), None).await, ids(&[3, 1]));
    assert_eq!(page(Some("desk"), Some(3)).await, ids(&[1]));
    assert_eq!(page(Some("unread"), Some(4)).await, ids(&[2, 0]));
    assert_eq!(page(Some("settled"), None).await, ids(&[]));
}

pub(super) async fn a_cursor_is_kept_by_mailbox_and_folder(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let furthest = cursor(body, "INBOX", u32::MAX, u32::MAX);
    let other = cursor(body, "Ricevute", 7, 3);
    let of_another_box = Cursor { mailbox: "segreteria".into(), ..cursor(body, "INBOX", 2, 2) };
    let all = [furthest.clone(), other, of_another_box];
    world.commit(all.iter().cloned().map(Write::Cursor).collect()).await.expect("cursors");
    for cursor in &all {
        let read = store.cursor(body, &cursor.mailbox, &cursor.folder).await.expect("a cursor");
        assert_eq!(read.as_ref(), Some(cursor));
    }
    // A mailbox that was made anew begins again: a cursor also goes back.
    let anew = Cursor { uid_validity: 1, uid: 0, ..furthest };
    world.commit(vec![Write::Cursor(anew.clone())]).await.expect("a cursor");
    assert_eq!(store.cursor(body, "ricevute", "INBOX").await.expect("a cursor"), Some(anew));
    assert_eq!(store.cursor(body, "ricevute", "Altro").await.expect("a cursor"), None);
}

pub(super) async fn the_same_message_suppresses_an_address_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let said = MessageId(fresh());
    let first = suppression(body, "parte@example.org", said, 1);
    let again = Suppression { code: "5.2.2".into(), ..first.clone() };
    let later = suppression(body, "parte@example.org", MessageId(fresh()), 2);
    let of_pec = Suppression { channel: Channel::Pec, ..first.clone() };
    let another = suppression(body, "altra@example.org", said, 3);
    for written in [&first, &again, &later, &of_pec, &another] {
        world.commit(vec![Write::Suppression(written.clone())]).await.expect("a suppression");
    }
    let said_of = |channel, address| async move {
        store.suppressions(body, channel, address).await.expect("suppressions")
    };
    assert_eq!(said_of(Channel::Email, "parte@example.org").await, [later, first]);
    assert_eq!(said_of(Channel::Pec, "parte@example.org").await, [of_pec]);
    assert_eq!(said_of(Channel::Email, "altra@example.org").await, [another]);
    assert!(said_of(Channel::Sms, "parte@example.org").await.is_empty());
}

pub(super) async fn the_first_attempt_of_a_name_keeps_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let dispatch = world.new_dispatch(None).await;
    let (one, two) = (attempt(&dispatch), attempt(&dispatch));
    let body = world.body.id;
    let named = |attempt: AttemptId| Write::AlsoKnown {
        body,
        name: "opec21024.20261122@pec.example.it".into(),
        attempt,
    };
    let mut two_refers_elsewhere = two.clone();
    two_refers_elsewhere.reference = "other@example.org".into();
    let (one_id, two_id) = (one.id, two.id);
    let writes = vec![
        Write::Attempt(Box::new(one)),
        Write::Attempt(Box::new(two_refers_elsewhere)),
        named(one_id),
        named(two_id),
    ];
    world.commit(writes).await.expect("names");
    let name = "opec21024.20261122@pec.example.it";
    assert_eq!(world.store.also_known(body, name).await.expect("a name"), Some(one_id));
    assert_eq!(world.store.also_known(body, "opec0").await.expect("no name"), None);
}

/// Somebody with these addresses and a part in the case.
async fn joined(world: &World, case: &Case, name: &str, addresses: Vec<Address>) -> PartyId {
    let mut person = party(world.body.id);
    person.facts.family_name = name.into();
    person.facts.fiscal_code = String::new();
    person.addresses = addresses;
    let role = CaseRole {
        body: case.body,
        case: case.id,
        party: person.id,
        role: Role::Petitioner,
        lawyer: None,
    };
    let id = person.id;
    world.commit(vec![Write::Party(Box::new(person)), Write::Role(role)]).await.expect("joined");
    id
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

pub(super) async fn an_address_finds_the_cases_that_are_not_closed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let numbered = |number: &str, standing| {
        let mut new = Case { standing, ..case(body) };
        new.facts.number = number.into();
        new
    };
    let (draft, open) = (numbered("d", CaseStanding::Draft), numbered("o", CaseStanding::Open));
    let mut closed = numbered("c", CaseStanding::Closed);
    let cases = [&draft, &open, &closed].map(|case| Write::Case(Box::new(case.clone())));
    world.commit(cases.to_vec()).await.expect("three cases");
    let both = || {
        let pec = Address::Pec(email("studio@pec.example.it"));
        vec![Address::Email(email("Anna.Rossi@Example.org")), pec]
    };
    for (case, name) in [(&draft, "Uno"), (&open, "Due"), (&closed, "Tre")] {
        joined(&world, case, name, both()).await;
    }
    let found = |address: &'static str| async move {
        store.cases_of_address(body, address).await.expect("cases")
    };
    assert_eq!(found("anna.rossi@example.org").await, [draft.id, open.id]);
    assert_eq!(found("ANNA.ROSSI@EXAMPLE.ORG").await, [draft.id, open.id]);
    assert_eq!(found("studio@pec.example.it").await, [draft.id, open.id]);
    assert!(found("rossi@example.org").await.is_empty(), "a part of an address is another one");
    closed.standing = CaseStanding::Open;
    world.commit(vec![Write::Case(Box::new(closed.clone()))]).await.expect("opened again");
    assert_eq!(found("studio@pec.example.it").await, [draft.id, open.id, closed.id]);
}

pub(super) async fn an_address_given_up_finds_nothing_more(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let mut moved = world.party.clone();
    let old = "parte@example.org";
    let found = store.cases_of_address(body, old).await.expect("cases");
    assert_eq!(found, [world.case.id]);
    moved.addresses = vec![Address::Email(email("nuova@example.org"))];
    world.commit(vec![Write::Party(Box::new(moved))]).await.expect("a new address");
    assert!(store.cases_of_address(body, old).await.expect("cases").is_empty());
    let found = store.cases_of_address(body, "nuova@example.org").await.expect("cases");
    assert_eq!(found, [world.case.id]);
}

pub(super) async fn documents_come_oldest_first_and_each_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (store, body) = (&world.store, world.body.id);
    let document = |name: &str, second| Document {
        id: DocumentId(fresh()),
        body,
        case: world.case.id,
        name: name.into(),
        media_type: "application/pdf".into(),
        blob: BlobHash::of(name.as_bytes()),
        created_at: NOON + Duration::from_secs(second),
    };
    let (late, early) = (document("più tardi.pdf", 9), document("istanza.pdf", 1));
    let writes = vec![Write::Document(late.clone()), Write::Document(early.clone())];
    world.commit(writes).await.expect("documents");
    let again = Document { name: "altro nome.pdf".into(), ..early.clone() };
    let answer = world.commit(vec![Write::Document(again)]).await;
    assert!(matches!(answer, Err(StoreError::Taken("document"))), "{answer:?}");
    let kept = store.documents(body, world.case.id).await.expect("documents");
    assert_eq!(kept, [early, late]);
    assert!(store.documents(body, CaseId(fresh())).await.expect("documents").is_empty());
}

pub(super) async fn a_document_is_found_in_the_register_at_its_first_entry(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let body = world.body.id;
    let entry = |document: &[u8], year| {
        let mut draft = world.register_draft(year);
        draft.document = BlobHash::of(document);
        Write::Register(Box::new(draft))
    };
    let writes = vec![entry(b"a", 2026), entry(b"b", 2026), entry(b"b", 2027), entry(b"b", 2026)];
    world.commit(writes).await.expect("entries");
    let found = world.store.registered(body, BlobHash::of(b"b")).await.expect("an entry");
    let found = found.expect("is there");
    assert_eq!((found.draft.year, found.number), (2026, 2));
    assert_eq!(found.draft.document, BlobHash::of(b"b"));
    let never = world.store.registered(body, BlobHash::of(b"c")).await.expect("none");
    assert!(never.is_none());
}

pub(super) async fn drafts_are_numbered_by_year_until_they_have_a_number(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let other = World::new(store).await;
    let draft = |world: &World, year| {
        let mut draft = Case { standing: CaseStanding::Draft, ..case(world.body.id) };
        (draft.facts.number, draft.facts.year) = (String::new(), year);
        draft
    };
    let drafts = [
        draft(&world, 2026),
        draft(&world, 2026),
        draft(&world, 2027),
        draft(&other, 2026),
        draft(&world, 2026),
    ];
    let writes = drafts.iter().map(|draft| Write::Case(Box::new(draft.clone()))).collect();
    world.commit(writes).await.expect("drafts");
    let mut numbers = Vec::new();
    for draft in &drafts {
        let kept = world.store.case(draft.body, draft.id).await.expect("case").expect("is there");
        assert_eq!(kept.standing, CaseStanding::Draft);
        numbers.push(kept.facts.number);
    }
    assert_eq!(numbers, ["bozza-1", "bozza-2", "bozza-1", "bozza-1", "bozza-3"]);
    let (store, body) = (&world.store, world.body.id);
    let mut opened = store.case(body, drafts[1].id).await.expect("case").expect("is there");
    (opened.standing, opened.facts.number) = (CaseStanding::Open, "77".into());
    world.commit(vec![Write::Case(Box::new(opened.clone()))]).await.expect("a case of its own");
    let found = store.case_numbered(body, 2026, "77").await.expect("case");
    assert_eq!(found, Some(opened));
    let gone = store.case_numbered(body, 2026, "bozza-2").await.expect("case");
    assert!(gone.is_none());
}

pub(super) async fn a_body_never_sees_nor_moves_the_mail_of_another(store: Arc<dyn Store>) {
    let world = World::new(Arc::clone(&store)).await;
    let stranger = World::new(Arc::clone(&store)).await.body.id;
    let body = world.body.id;
    let dispatch = world.new_dispatch(None).await;
    let (mail, attempt) = (message(body, "uno"), attempt(&dispatch));
    let (address, name) = ("solo@example.org", "opec1@pec.example.it");
    joined(&world, &world.case, "Solo", vec![Address::Email(email(address))]).await;
    let named = Write::AlsoKnown { body, name: name.into(), attempt: attempt.id };
    let writes = vec![
        new(&mail),
        Write::Cursor(cursor(body, "INBOX", 1, 9)),
        Write::Suppression(suppression(body, address, mail.id, 1)),
        Write::Attempt(Box::new(attempt)),
        named,
        Write::Register(Box::new(world.register_draft(2026))),
    ];
    world.commit(writes).await.expect("one row of everything");
    for (whose, seen) in [(body, true), (stranger, false)] {
        let all = MessageFilter { limit: 9, ..MessageFilter::default() };
        let unread = MessageFilter { state: Some("unread"), ..all.clone() };
        let letter = world.register_draft(2026).document;
        let answers = [
            store.message(whose, mail.id).await.expect("message").is_some(),
            store.message_identified(whose, mail.identity).await.expect("identity").is_some(),
            !store.messages(whose, &all).await.expect("messages").is_empty(),
            !store.messages(whose, &unread).await.expect("messages").is_empty(),
            store.cursor(whose, "ricevute", "INBOX").await.expect("cursor").is_some(),
            store.also_known(whose, name).await.expect("name").is_some(),
            !store.suppressions(whose, Channel::Email, address).await.expect("some").is_empty(),
            !store.cases_of_address(whose, address).await.expect("cases").is_empty(),
            store.registered(whose, letter).await.expect("entry").is_some(),
        ];
        assert_eq!(answers, [seen; 9], "asked by {whose}");
    }
    let taken_over = Message { body: stranger, state: MessageState::Settled, ..mail.clone() };
    let answer = world.commit(vec![Write::Message(Box::new(taken_over))]).await;
    assert!(matches!(answer, Err(StoreError::Stale("message"))), "{answer:?}");
    assert_eq!(store.message(body, mail.id).await.expect("message"), Some(mail));
}
