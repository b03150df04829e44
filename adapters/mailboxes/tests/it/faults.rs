//! Servers that break, stall, lie and refuse: every message is taken once all the same.

use crate::server::{Fault, Greeting, Server, message};
use crate::sink::Sink;
use crate::{folder, settings, start, status, until};

/// Ten messages of which the fifth breaks `times` times; how often it was reached, and the mailbox.
async fn broken(fault: Fault, times: u32) -> (Server, std::sync::Arc<Sink>) {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..10, 5_000);
    server.fault(5, fault, times);
    let mailboxes = start(settings(&server), &sink);
    until(&format!("all in spite of {fault:?}"), || sink.cursor_of("INBOX") == Some((1, 10))).await;
    mailboxes.stop().await;
    (server, sink)
}

#[tokio::test]
async fn whatever_breaks_in_mid_fetch_every_message_is_taken_whole_and_once() {
    for fault in [
        Fault::Drop,
        Fault::Stall,
        Fault::DropAll,
        Fault::No,
        Fault::Nothing,
        Fault::Huge,
        Fault::Garbage,
        Fault::Bye,
    ] {
        let (server, sink) = broken(fault, 2).await;
        let kept = sink.kept();
        assert_eq!(kept.new.len(), 10, "{fault:?}");
        assert!(kept.new.iter().all(|(_, length, head)| *length >= 5_000 && head.is_none()));
        assert_eq!(server.state().connections, 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_message_that_always_breaks_goes_to_the_desk_with_its_head() {
    for fault in [Fault::Drop, Fault::No, Fault::Nothing, Fault::Huge, Fault::Garbage] {
        let (_, sink) = broken(fault, u32::MAX).await;
        let kept = sink.kept();
        assert_eq!(kept.new.len(), 10, "{fault:?}");
        let heads: Vec<_> = kept.new.iter().filter(|(.., whole)| whole.is_some()).collect();
        assert!(
            matches!(heads[..], [(_, length, Some(5_000..6_000))] if *length < 200),
            "{heads:?}"
        );
        assert!(kept.texts[0].contains("Subject: prova 4\r\n"), "{:?}", kept.texts);
    }
}

#[tokio::test]
async fn a_message_of_which_nothing_comes_goes_to_the_desk_with_its_place() {
    let (_, sink) = broken(Fault::DropAll, u32::MAX).await;
    let kept = sink.kept();
    assert_eq!(kept.new.len(), 10);
    assert!(kept.texts[0].contains("(UID 5)"), "{:?}", kept.texts);
}

#[tokio::test]
async fn a_server_that_hands_over_nothing_makes_no_entries_at_the_desk() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..10, 5_000);
    (1..=10).for_each(|uid| server.fault(uid, Fault::DropAll, u32::MAX));
    let mailboxes = start(settings(&server), &sink);
    until("many tries", || server.state().connections > 20).await;
    assert_eq!((sink.count(), sink.cursor_of("INBOX")), (0, None));
    server.state().faults.clear();
    until("it has recovered", || sink.count() == 10).await;
    assert!(sink.kept().new.iter().all(|(.., head)| head.is_none()));
    mailboxes.stop().await;
}

#[tokio::test]
async fn the_last_message_is_tried_until_it_comes() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..3, 5_000);
    server.fault(3, Fault::Drop, 12);
    let mailboxes = start(settings(&server), &sink);
    until("three", || sink.count() == 3).await;
    assert!(sink.kept().new.iter().all(|(.., head)| head.is_none()));
    mailboxes.stop().await;
}

#[tokio::test]
async fn a_folder_that_breaks_the_connection_lets_the_others_go_first() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.make("Ricevute", 2);
    server.put_silently("INBOX", message(0, 5_000));
    server.fault(1, Fault::Drop, u32::MAX);
    let mut several = settings(&server);
    several.folders.push("Ricevute".into());
    let mailboxes = start(several, &sink);
    // Under another UID, since faults go by UID.
    server.state().folders.get_mut("Ricevute").unwrap().next = 7;
    server.put_silently("Ricevute", message(1, 100));
    until("the other folder", || sink.count() == 1).await;
    assert_eq!(sink.kept().new[0].0, "Ricevute");
    mailboxes.stop().await;
}

#[tokio::test]
async fn a_message_that_vanishes_is_passed_over() {
    let (server, sink) = broken(Fault::Vanish, 1).await;
    assert_eq!((sink.count(), server.state().connections), (9, 1));
}

#[tokio::test]
async fn a_slow_message_is_waited_for_within_its_deadline() {
    let (server, sink) = broken(Fault::Slow(600), 1).await;
    assert_eq!((sink.count(), server.state().connections), (10, 1));
}

#[tokio::test]
async fn a_server_that_is_silent_or_odd_at_first_is_tried_again() {
    for greeting in [Greeting::Silence, Greeting::Bye, Greeting::Garbage] {
        let (server, sink) = (Server::start().await, Sink::new());
        server.put_silently("INBOX", message(0, 100));
        server.state().greetings = vec![greeting; 2];
        let mailboxes = start(settings(&server), &sink);
        until("the message", || sink.count() == 1).await;
        let fault = status(&mailboxes).last_fault.unwrap().1;
        assert!(!fault.contains('@'), "{fault}");
        assert_eq!(server.state().connections, 3);
        mailboxes.stop().await;
    }
}

#[tokio::test]
async fn a_refused_sign_in_is_told_without_the_address_and_tried_again() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.put_silently("INBOX", message(0, 100));
    server.state().refuses_login = true;
    let mailboxes = start(settings(&server), &sink);
    until("a fault", || status(&mailboxes).last_fault.is_some()).await;
    let (_, fault) = status(&mailboxes).last_fault.unwrap();
    assert_eq!(fault, "the server refused the user name or the password (AUTHENTICATIONFAILED)");
    assert_eq!(status(&mailboxes).connected_since, None);
    server.state().refuses_login = false;
    until("the message", || sink.count() == 1).await;
    mailboxes.stop().await;
}

#[tokio::test]
async fn what_the_engine_could_not_store_is_handed_over_again() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..10, 100);
    sink.kept().failures = 4;
    let mut one_by_one = settings(&server);
    one_by_one.batch_messages = 1;
    let mailboxes = start(one_by_one, &sink);
    until("ten", || sink.count() == 10).await;
    assert_eq!(folder(&mailboxes, "INBOX").withheld, 0, "the messages are not to blame");
    mailboxes.stop().await;
}
