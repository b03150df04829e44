//! What every doorbell keeps, as functions that panic with a sentence when it does not.
//!
//! Guarantee: [`run`] needs nothing but a way to make a fresh doorbell, so it runs on the local one
//! in a unit test and on a real broker in the full lane. Limit: it waits seconds, not minutes; a
//! doorbell slower than [`PATIENCE`] is broken here.

use futures_util::future::BoxFuture;
use messo_core::addresses::Channel;
use messo_core::ids::JobId;
use messo_core::jobs::Lane;
use messo_core::ports::{Bell, Doorbell, Rung};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// How long a ring that must come may take.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// How long it must be quiet before we believe that nothing comes.
const QUIET: Duration = Duration::from_millis(400);
/// How long `ring` may take when the doorbell is out of order.
const FAILURE_LIMIT: Duration = Duration::from_secs(5);

const MAIL: Lane = Lane::Out(Channel::Email);
const TEXT: Lane = Lane::Out(Channel::Sms);
const PREFETCH: u16 = 16;

/// Makes a doorbell that nobody else rings or hears.
pub type Fresh<'a> = dyn Fn() -> BoxFuture<'a, Box<dyn Doorbell>> + 'a;

/// Whether a ring that was heard but not settled comes again when its listener goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// It does.
    ComesAgain,
    /// It is lost, and the database has to be looked at.
    IsLost,
}

/// The whole contract, but for [`an_outage_is_survived`].
pub async fn run(fresh: &Fresh<'_>, unsettled: Unsettled) {
    a_ring_is_heard(&*fresh().await).await;
    a_ring_before_anyone_listens_is_heard_by_the_first_who_does(&*fresh().await).await;
    a_ring_is_heard_by_one_listener_only(&*fresh().await).await;
    other_lanes_do_not_hear_it(&*fresh().await).await;
    one_bell_hears_all_its_lanes(&*fresh().await).await;
    an_unsettled_ring_comes_again_or_is_lost(&*fresh().await, unsettled).await;
    many_rings_do_not_pile_up(&*fresh().await).await;
}

/// A ring reaches a listener that waits, and names the right lane and, when it names one, the job.
pub async fn a_ring_is_heard(doorbell: &dyn Doorbell) {
    doorbell.check().await.expect("a fresh doorbell works");
    let mut bell = listen(doorbell, &[MAIL]).await;
    ring(doorbell, MAIL, 1).await;
    let rung = heard(&mut *bell).await;
    assert_eq!(rung.lane, MAIL);
    assert!(rung.job.is_none_or(|heard| heard == job(1)), "another job was named");
    rung.settle();
    quiet(&mut *bell).await;
}

/// A worker that starts late is told.
pub async fn a_ring_before_anyone_listens_is_heard_by_the_first_who_does(doorbell: &dyn Doorbell) {
    ring(doorbell, MAIL, 1).await;
    let mut bell = listen(doorbell, &[MAIL]).await;
    heard(&mut *bell).await.settle();
    quiet(&mut *bell).await;
}

/// A ring that waits longer than it is kept says nothing new: it goes away, so that rings don't pile up
/// where nobody works. Only of doorbells that keep rings.
pub async fn an_old_ring_is_not_heard(doorbell: &dyn Doorbell, keep: Duration) {
    ring(doorbell, MAIL, 1).await;
    tokio::time::sleep(keep * 3).await;
    let mut bell = listen(doorbell, &[MAIL]).await;
    quiet(&mut *bell).await;
    ring(doorbell, MAIL, 2).await;
    heard(&mut *bell).await.settle();
}

/// Two listeners of one lane: one ring wakes one of them.
pub async fn a_ring_is_heard_by_one_listener_only(doorbell: &dyn Doorbell) {
    let mut one = listen(doorbell, &[MAIL]).await;
    let mut two = listen(doorbell, &[MAIL]).await;
    ring(doorbell, MAIL, 1).await;
    let first = timeout(PATIENCE, async {
        tokio::select! { rung = one.next() => rung, rung = two.next() => rung }
    });
    first.await.expect("neither listener heard the ring").settle();
    quiet(&mut *one).await;
    quiet(&mut *two).await;
}

/// A slow lane's worker is not woken by another lane.
pub async fn other_lanes_do_not_hear_it(doorbell: &dyn Doorbell) {
    let mut texts = listen(doorbell, &[TEXT]).await;
    let mut mails = listen(doorbell, &[MAIL]).await;
    ring(doorbell, MAIL, 1).await;
    quiet(&mut *texts).await;
    heard(&mut *mails).await.settle();
}

/// A worker of several lanes hears each of them, also when one rings much more than the other.
pub async fn one_bell_hears_all_its_lanes(doorbell: &dyn Doorbell) {
    let mut bell = listen(doorbell, &[MAIL, TEXT]).await;
    let mut jobs: Vec<_> = (0..50).map(|number| (MAIL, job(number))).collect();
    jobs.push((TEXT, job(99)));
    doorbell.ring(&jobs).await.expect("the doorbell rings");
    let mut lanes = Vec::new();
    while !(lanes.contains(&MAIL) && lanes.contains(&TEXT)) {
        let rung = heard(&mut *bell).await;
        lanes.push(rung.lane);
        rung.settle();
    }
}

/// A listener that dies in its work: its ring comes again to another, or the database tells.
pub async fn an_unsettled_ring_comes_again_or_is_lost(
    doorbell: &dyn Doorbell,
    unsettled: Unsettled,
) {
    let mut bell = listen(doorbell, &[MAIL]).await;
    ring(doorbell, MAIL, 1).await;
    let rung = heard(&mut *bell).await;
    drop(bell);
    drop(rung);
    let mut next = listen(doorbell, &[MAIL]).await;
    match unsettled {
        Unsettled::ComesAgain => heard(&mut *next).await.settle(),
        Unsettled::IsLost => {}
    }
    quiet(&mut *next).await;
}

/// Ten thousand rings: a listener that settles none is handed no more than its prefetch, and goes
/// on hearing when it settles.
pub async fn many_rings_do_not_pile_up(doorbell: &dyn Doorbell) {
    let mut bell = listen(doorbell, &[MAIL]).await;
    let jobs: Vec<_> = (0..1_000).map(|number| (MAIL, job(number))).collect();
    for _ in 0..10 {
        doorbell.ring(&jobs).await.expect("the doorbell rings");
    }
    let mut held = vec![heard(&mut *bell).await];
    while let Ok(rung) = timeout(QUIET, bell.next()).await {
        held.push(rung);
        assert!(
            held.len() <= usize::from(PREFETCH),
            "more rings than the prefetch were handed out"
        );
    }
    held.into_iter().for_each(Rung::settle);
    ring(doorbell, MAIL, 1).await;
    heard(&mut *bell).await.settle();
}

/// The doorbell's server goes away and comes back: ringing fails fast meanwhile, and the same bell
/// hears again afterwards. `stop` and `start` end when the server is down, and up.
pub async fn an_outage_is_survived(
    doorbell: &dyn Doorbell,
    stop: impl Future<Output = ()>,
    start: impl Future<Output = ()>,
) {
    let mut bell = listen(doorbell, &[MAIL]).await;
    ring(doorbell, MAIL, 1).await;
    heard(&mut *bell).await.settle();

    stop.await;
    for number in 2..5 {
        let begin = Instant::now();
        let outcome = doorbell.ring(&[(MAIL, job(number))]).await;
        assert!(outcome.is_err(), "a ring was confirmed by a server that is down");
        assert!(begin.elapsed() <= FAILURE_LIMIT, "a ring hung on a server that is down");
    }
    assert!(doorbell.check().await.is_err(), "the check passes with the server down");

    start.await;
    // Pauses between tries end after five seconds at most; a missed ring is announced by itself.
    heard(&mut *bell).await.settle();
    let ringing = async {
        while doorbell.ring(&[(MAIL, job(9))]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, ringing).await.expect("the doorbell did not recover");
    timeout(PATIENCE, async {
        loop {
            let rung = bell.next().await;
            let done = rung.job == Some(job(9));
            rung.settle();
            if done {
                break;
            }
        }
    })
    .await
    .expect("the bell did not hear the ring after the outage");
    doorbell.check().await.expect("the check passes again");
}

fn job(number: u128) -> JobId {
    JobId(Uuid::from_u128(number))
}

async fn listen(doorbell: &dyn Doorbell, lanes: &[Lane]) -> Box<dyn Bell> {
    doorbell.listen(lanes, PREFETCH).await.expect("the doorbell can be listened to")
}

async fn ring(doorbell: &dyn Doorbell, lane: Lane, number: u128) {
    doorbell.ring(&[(lane, job(number))]).await.expect("the doorbell rings");
}

async fn heard(bell: &mut dyn Bell) -> Rung {
    timeout(PATIENCE, bell.next()).await.expect("a ring was not heard")
}

async fn quiet(bell: &mut dyn Bell) {
    assert!(timeout(QUIET, bell.next()).await.is_err(), "a ring was heard that nobody made");
}
