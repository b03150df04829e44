//! What is read, when, and what is left behind in the mailbox.

use crate::server::{Server, message};
use crate::sink::Sink;
use crate::{Stepped, folder, settings, start, start_at, status, until};
use messo_mailboxes::{After, Mailboxes, check};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn every_message_is_taken_once_and_the_mailbox_stays_as_it_was() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..7, 100);
    let mailboxes = start(settings(&server), &sink);
    until("seven", || sink.count() == 7).await;
    until("two more looks", || server.said("EXAMINE") > 2).await;
    assert_eq!((sink.handed(), sink.cursor_of("INBOX")), (7, Some((1, 7))));
    let inbox = folder(&mailboxes, "INBOX");
    assert_eq!((inbox.taken, inbox.left, inbox.withheld, inbox.fault), (7, 0, 0, None));
    assert!(inbox.last_look.is_some() && status(&mailboxes).connected_since.is_some());
    mailboxes.stop().await;
    let commands = server.state().commands.clone();
    assert!(commands.iter().any(|command| command == "LOGOUT"), "it says good-bye");
    let altering = ["SELECT", "UID STORE", "UID MOVE", "UID EXPUNGE", "CLOSE"];
    let altered = |command: &&String| altering.iter().any(|verb| command.starts_with(verb));
    assert_eq!(commands.iter().find(altered), None);
    assert!(!commands.iter().any(|command| command.contains("BODY[")), "reading marks nothing");
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_commit_ended() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..5, 100);
    let mailboxes = start(settings(&server), &sink);
    until("five", || sink.count() == 5).await;
    mailboxes.stop().await;
    server.fill("INBOX", 5..8, 100);
    let mailboxes = start(settings(&server), &sink);
    until("eight", || sink.count() == 8).await;
    mailboxes.stop().await;
    assert_eq!(sink.handed(), 8, "nothing is fetched twice");
}

#[tokio::test]
async fn a_mailbox_made_anew_is_read_from_its_beginning_and_each_message_taken_once() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..5, 100);
    let mailboxes = start(settings(&server), &sink);
    until("five", || sink.count() == 5).await;
    // Moved to another provider: other numbers, another order, one more message.
    server.make("INBOX", 2);
    for number in [9, 3, 0, 4, 2, 1] {
        server.put_silently("INBOX", message(number, 100));
    }
    until("one more", || sink.count() == 6).await;
    until("the cursor", || sink.cursor_of("INBOX") == Some((2, 6))).await;
    assert_eq!(sink.handed(), 11);
    mailboxes.stop().await;
}

#[tokio::test]
async fn uids_that_go_back_begin_the_folder_again() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..5, 100);
    let mailboxes = start(settings(&server), &sink);
    until("five", || sink.count() == 5).await;
    // Restored from a backup under the same UIDVALIDITY.
    server.make("INBOX", 1);
    server.fill("INBOX", 3..6, 100);
    until("one more", || sink.count() == 6).await;
    until("the cursor", || sink.cursor_of("INBOX") == Some((1, 3))).await;
    mailboxes.stop().await;
}

#[tokio::test]
async fn the_sweep_finds_what_appeared_below_the_cursor_and_fetches_nothing_else() {
    let (server, sink, clock) = (Server::start().await, Sink::new(), Stepped::new());
    server.fill("INBOX", 0..5, 100);
    let missing = server.state().folders.get_mut("INBOX").unwrap().messages.remove(&2).unwrap();
    let mailboxes = start_at(clock.clone(), settings(&server), &sink);
    until("four", || sink.count() == 4).await;
    server.state().folders.get_mut("INBOX").unwrap().messages.insert(2, missing);
    until("two more looks", || server.said("EXAMINE") > 2).await;
    assert_eq!(sink.count(), 4, "the cursor has passed it");
    clock.step(Duration::from_secs(24 * 3_600));
    until("the fifth", || sink.count() == 5).await;
    assert_eq!((sink.handed(), sink.cursor_of("INBOX")), (5, Some((1, 5))));
    let searched =
        server.said("UID SEARCH SINCE 7-Jan-2027") + server.said("UID SEARCH SINCE 8-Jan-2027");
    assert_eq!(searched, 1, "{:?}", server.state().commands);
    mailboxes.stop().await;
}

#[tokio::test]
async fn an_announced_message_is_taken_at_once_and_an_unannounced_one_at_the_next_poll() {
    let (server, sink) = (Server::start().await, Sink::new());
    let mut slow = settings(&server);
    slow.poll_s = 30;
    let mailboxes = start(slow, &sink);
    until("idling", || server.said("IDLE") == 1).await;
    sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    server.put("INBOX", message(1, 100));
    until("announced", || sink.count() == 1).await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    mailboxes.stop().await;
    server.state().deaf = true;
    let mailboxes = start(settings(&server), &sink);
    until("idling", || server.said("IDLE") >= 3).await;
    server.put("INBOX", message(2, 100));
    until("polled", || sink.count() == 2).await;
    mailboxes.stop().await;
}

#[tokio::test]
async fn a_server_without_idle_is_polled() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.state().capabilities = "IMAP4rev1".into();
    let mailboxes = start(settings(&server), &sink);
    until("a look", || server.said("EXAMINE") == 1).await;
    server.put("INBOX", message(1, 100));
    until("polled", || sink.count() == 1).await;
    assert_eq!((server.said("IDLE"), server.said("LOGIN")), (0, 1));
    mailboxes.stop().await;
}

#[tokio::test]
async fn all_folders_are_read_and_one_that_is_missing_stops_none() {
    let (server, sink) = (Server::start().await, Sink::new());
    for (validity, name) in [(5, "Ricevute"), (6, "Ricevute.2025"), (7, "Inviata")] {
        server.make(name, validity);
        server.put_silently(name, message(validity as usize, 100));
    }
    server.put_silently("INBOX", message(1, 100));
    let mut several = settings(&server);
    several.folders = ["Spostata", "INBOX", "Ricevute*"].map(str::to_owned).to_vec();
    let mailboxes = start(several, &sink);
    until("three", || sink.count() == 3).await;
    until("the fault", || folder(&mailboxes, "Spostata").fault.is_some()).await;
    let fault = folder(&mailboxes, "Spostata").fault.unwrap();
    assert_eq!(fault, "the server refused the folder (NONEXISTENT)");
    assert_eq!(sink.cursor_of("Ricevute.2025"), Some((6, 1)));
    server.make("Spostata", 9);
    server.put_silently("Spostata", message(9, 100));
    until("it is back", || sink.count() == 4).await;
    until("no fault", || folder(&mailboxes, "Spostata").fault.is_none()).await;
    assert_eq!(status(&mailboxes).folders.len(), 4, "not Inviata");
    mailboxes.stop().await;
}

#[tokio::test]
async fn messages_are_marked_or_moved_once_they_are_taken() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..3, 100);
    let mut seen = settings(&server);
    seen.after = After::Seen;
    let mailboxes = start(seen, &sink);
    until("seen", || server.state().folders["INBOX"].seen == [1, 2, 3]).await;
    mailboxes.stop().await;
    server.make("Fatto", 4);
    server.fill("INBOX", 3..6, 100);
    let mut moving = settings(&server);
    moving.folders = vec!["*".into()];
    moving.after = After::Move("Fatto".into());
    let mailboxes = start(moving.clone(), &sink);
    until("moved", || server.state().folders["Fatto"].messages.len() == 3).await;
    assert_eq!((sink.count(), server.state().folders["INBOX"].messages.len()), (6, 3));
    mailboxes.stop().await;
    server.fill("INBOX", 6..8, 100);
    moving.after = After::Move("Manca".into());
    let mailboxes = start(moving, &sink);
    until("taken all the same", || sink.count() == 8).await;
    until("the fault", || folder(&mailboxes, "INBOX").fault.is_some()).await;
    assert_eq!(folder(&mailboxes, "INBOX").fault.unwrap(), "the server refused moving (TRYCREATE)");
    mailboxes.stop().await;
}

#[tokio::test]
async fn stopping_takes_no_longer_than_a_moment() {
    let (server, sink) = (Server::start().await, Sink::new());
    let mut slow = settings(&server);
    slow.poll_s = 3_000;
    let mailboxes = start(slow, &sink);
    until("idling", || server.said("IDLE") == 1).await;
    let begun = Instant::now();
    mailboxes.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_check_sees_the_folders_or_says_what_is_wrong() {
    let server = Server::start().await;
    server.make("Ricevute", 3);
    server.fill("Ricevute", 0..4, 100);
    let mut several = settings(&server);
    several.folders = ["INBOX", "Ric*"].map(str::to_owned).to_vec();
    let seen = check(&several).await.unwrap();
    assert_eq!(seen, [("INBOX".to_owned(), 0), ("Ricevute".to_owned(), 4)]);
    several.folders.push("Spedite".into());
    let fault = check(&several).await.unwrap_err();
    assert_eq!(fault, "the folder Spedite cannot be opened; there are: INBOX, Ricevute");
    server.state().refuses_login = true;
    let fault = check(&several).await.unwrap_err();
    assert_eq!(fault, "the server refused the user name or the password (AUTHENTICATIONFAILED)");
    several.port = 1;
    assert_eq!(check(&several).await.unwrap_err(), "the server cannot be reached");
    several.folders.clear();
    assert!(check(&several).await.unwrap_err().starts_with("folders of a mailbox"));
}

#[tokio::test]
async fn two_mailboxes_of_one_name_are_refused() {
    let (server, sink) = (Server::start().await, Sink::new());
    let twice = vec![(crate::body(), settings(&server)), (crate::body(), settings(&server))];
    let refused = Mailboxes::start(twice, sink, crate::pace(Stepped::new()));
    assert_eq!(refused.err().unwrap().field, "name");
}
