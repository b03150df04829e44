//! Many messages, and heavy ones: batches stay within their limits.

use crate::server::{Fault, Server, message};
use crate::sink::Sink;
use crate::{folder, settings, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_messages_are_taken_in_bounded_batches_in_spite_of_breaks() {
    const COUNT: usize = 50_000;
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..COUNT, 120);
    for uid in [777, 20_000, 20_001, 49_999] {
        server.fault(uid, Fault::Drop, 1);
    }
    let mut limited = settings(&server);
    limited.deadline_s = 20;
    let mailboxes = start(limited, &sink);
    until("something left", || folder(&mailboxes, "INBOX").left > 0).await;
    until("all", || sink.count() == COUNT).await;
    mailboxes.stop().await;
    let kept = sink.kept();
    assert!(kept.calls.iter().all(|(count, _)| *count <= 100), "a batch is too long");
    assert!(
        kept.calls.len() >= COUNT / 100 && kept.uids.len() >= COUNT / 100,
        "the cursor moves with each"
    );
    let again = server.state().sent - COUNT;
    assert!(again <= 4 * 200, "{again} were fetched again after 4 breaks");
}

#[tokio::test]
async fn batches_are_bounded_by_bytes_and_a_heavy_message_comes_in_pieces() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.fill("INBOX", 0..6, 40_000);
    server.put_silently("INBOX", message(6, 9_000_000));
    server.fill("INBOX", 7..9, 40_000);
    let mut small = settings(&server);
    (small.batch_bytes, small.deadline_s) = (100_000, 10);
    let mailboxes = start(small, &sink);
    until("nine", || sink.count() == 9).await;
    mailboxes.stop().await;
    let sizes: Vec<usize> = sink.kept().calls.iter().map(|(count, _)| *count).collect();
    assert_eq!(sizes, [2, 2, 2, 1, 2]);
    assert_eq!(server.said("UID FETCH 7 (UID BODY.PEEK[]<"), 3, "pieces of 4 MiB");
    assert_eq!(sink.kept().new[6].1, message(6, 9_000_000).len());
}

#[tokio::test]
async fn of_a_message_over_the_limit_only_the_head_is_taken() {
    let (server, sink) = (Server::start().await, Sink::new());
    server.put_silently("INBOX", message(0, 300_000));
    server.put_silently("INBOX", message(1, 100));
    let mut small = settings(&server);
    small.max_message_bytes = 200_000;
    small.after = messo_mailboxes::After::Seen;
    let mailboxes = start(small, &sink);
    until("two", || sink.count() == 2).await;
    until("seen", || server.state().folders["INBOX"].seen == [2]).await;
    assert_eq!(folder(&mailboxes, "INBOX").withheld, 1);
    mailboxes.stop().await;
    let kept = sink.kept();
    let whole = message(0, 300_000).len() as u64;
    assert!(kept.new[0].1 < 200 && kept.new[0].2 == Some(whole), "{:?}", kept.new[0]);
    assert_eq!(kept.new[1].2, None);
}

#[tokio::test]
async fn mailboxes_share_one_memory_and_all_come_through_it() {
    let sink = Sink::new();
    let mut mailboxes = Vec::new();
    let mut servers = Vec::new();
    for number in 0..4 {
        let server = Server::start().await;
        server.fill("INBOX", number * 10..number * 10 + 10, 200_000);
        let mut own = settings(&server);
        own.deadline_s = 20;
        mailboxes.push((messo_core::ids::BodyId(uuid::Uuid::from_u128(number as u128 + 1)), own));
        servers.push(server);
    }
    let mut pace = crate::pace(crate::Stepped::new());
    pace.memory_bytes = 150_000;
    let shared = std::sync::Arc::clone(&sink);
    let running = messo_mailboxes::Mailboxes::start(mailboxes, shared, pace).unwrap();
    until("all forty", || sink.count() == 40).await;
    running.stop().await;
}
