//! Slows down guessing without letting a stranger shut anybody out.
//!
//! A login that failed [`MAX_FAILURES`] times from one address waits for [`WINDOW`] there, and there alone:
//! its owner signs in from elsewhere. When more than [`MAX_OVERALL`] sign-ins have failed in the same time,
//! whoever they were for, further ones go through one by one, a second each, at most [`MAX_LINE`] in line; but
//! a login from an address from which it has signed in before goes its usual way. So guessing from many addresses
//! gets one try a second at most. Limits: what is remembered is in this process alone; at most [`MAX_KNOWN`]
//! pairs of login and address are, as hashes, and beyond that the oldest is forgotten.

use messo_core::ids::BlobHash;
use messo_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Failures after which a login waits, at the address from which they came.
pub(super) const MAX_FAILURES: u32 = 10;
/// How long failures are remembered, from the first.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures of all logins together after which strangers go one by one.
pub(super) const MAX_OVERALL: u32 = 100;
/// Most strangers in line.
const MAX_LINE: usize = 30;
/// How long each of them takes.
const TURN: Duration = Duration::from_secs(1);
/// Most pairs of login and address that are remembered, of each sort.
const MAX_KNOWN: usize = 10_000;

/// How a sign-in may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once.
    Free,
    /// After [`Guard::take_turn`].
    Slow,
    /// Not now.
    Wait,
}

pub(super) struct Guard {
    memory: Mutex<Memory>,
    line: Semaphore,
    door: Semaphore,
    turn: Duration,
}

#[derive(Default)]
struct Memory {
    /// By login and address.
    failures: HashMap<BlobHash, Failures>,
    /// When a login last signed in from an address.
    friends: HashMap<BlobHash, Timestamp>,
    overall: Option<Failures>,
}

#[derive(Clone, Copy)]
struct Failures {
    first: Timestamp,
    count: u32,
}

impl Failures {
    /// One more than before; what is older than the window is forgotten.
    fn one_more(before: Option<Self>, now: Timestamp) -> Self {
        match before.filter(|failures| now.since(failures.first) < WINDOW) {
            Some(before) => Self { count: before.count.saturating_add(1), ..before },
            None => Self { first: now, count: 1 },
        }
    }

    fn reach(before: Option<&Self>, most: u32, now: Timestamp) -> bool {
        before.is_some_and(|failures| failures.count >= most && now.since(failures.first) < WINDOW)
    }
}

impl Guard {
    pub(super) fn new() -> Self {
        Self {
            memory: Mutex::default(),
            line: Semaphore::new(MAX_LINE),
            door: Semaphore::new(1),
            turn: TURN,
        }
    }

    /// How a sign-in may go on. Unless it must wait it is noted as a failure, until it succeeds.
    pub(super) fn begin(&self, login: &str, client: &str, now: Timestamp) -> Pace {
        let (mut memory, key) = (self.lock(), key(login, client));
        if Failures::reach(memory.failures.get(&key), MAX_FAILURES, now) {
            return Pace::Wait;
        }
        let crowded = Failures::reach(memory.overall.as_ref(), MAX_OVERALL, now);
        let pace = match crowded && !memory.friends.contains_key(&key) {
            true => Pace::Slow,
            false => Pace::Free,
        };
        let failures = Failures::one_more(memory.failures.get(&key).copied(), now);
        insert(&mut memory.failures, key, failures, |failures| failures.first);
        memory.overall = Some(Failures::one_more(memory.overall, now));
        pace
    }

    /// Waits for one's turn among strangers; none when the line is too long. The turn lasts until it is
    /// dropped.
    pub(super) async fn take_turn(&self) -> Option<SemaphorePermit<'_>> {
        let _in_line = self.line.try_acquire().ok()?;
        let turn = self.door.acquire().await.ok()?;
        tokio::time::sleep(self.turn).await;
        Some(turn)
    }

    /// Somebody has signed in: it was no failure.
    pub(super) fn succeeded(&self, login: &str, client: &str, now: Timestamp) {
        let (mut memory, key) = (self.lock(), key(login, client));
        memory.failures.remove(&key);
        if let Some(overall) = &mut memory.overall {
            overall.count = overall.count.saturating_sub(1);
        }
        insert(&mut memory.friends, key, now, |at| *at);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Inserts; where there is no room the oldest goes.
fn insert<T>(
    map: &mut HashMap<BlobHash, T>,
    key: BlobHash,
    value: T,
    age: impl Fn(&T) -> Timestamp,
) {
    if map.len() >= MAX_KNOWN && !map.contains_key(&key) {
        let oldest = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| *key);
        oldest.and_then(|oldest| map.remove(&oldest));
    }
    map.insert(key, value);
}

fn key(login: &str, client: &str) -> BlobHash {
    BlobHash::of(format!("{}\0{client}", login.to_lowercase()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "192.0.2.1";
    const AWAY: &str = "203.0.113.9";

    fn start() -> Timestamp {
        Timestamp::from_seconds(1_000)
    }

    #[test]
    fn ten_failures_make_a_login_wait_where_they_came_from_and_nowhere_else() {
        let guard = Guard::new();
        for _ in 0..MAX_FAILURES {
            assert_eq!(guard.begin("anna", AWAY, start()), Pace::Free);
        }
        let later = start() + Duration::from_secs(60);
        assert_eq!(guard.begin("Anna", AWAY, later), Pace::Wait);
        assert_eq!(guard.begin("anna", HOME, later), Pace::Free, "her own place is open");
        assert_eq!(guard.begin("bruno", AWAY, later), Pace::Free);
        assert_eq!(guard.begin("anna", AWAY, start() + WINDOW), Pace::Free);
    }

    #[test]
    fn signing_in_forgets_the_failures() {
        let guard = Guard::new();
        for _ in 0..3 * MAX_FAILURES {
            assert_eq!(guard.begin("anna", HOME, start()), Pace::Free);
            guard.succeeded("anna", HOME, start());
        }
    }

    #[test]
    fn many_guesses_from_everywhere_slow_strangers_down_and_nobody_who_is_known() {
        let guard = Guard::new();
        guard.begin("anna", HOME, start());
        guard.succeeded("anna", HOME, start());
        for number in 0..MAX_OVERALL {
            let from = format!("198.51.100.{number}");
            assert_eq!(guard.begin("anna", &from, start()), Pace::Free);
        }
        assert_eq!(guard.begin("anna", AWAY, start()), Pace::Slow);
        assert_eq!(guard.begin("anna", HOME, start()), Pace::Free);
        assert_eq!(guard.begin("anna", AWAY, start() + WINDOW), Pace::Free, "and it passes");
    }

    #[tokio::test]
    async fn strangers_go_one_by_one_and_their_line_has_an_end() {
        let guard = Guard { turn: Duration::from_millis(10), ..Guard::new() };
        let begun = tokio::time::Instant::now();
        let turns = (0..MAX_LINE + 5).map(|_| async { guard.take_turn().await.is_some() });
        let taken = futures_util::future::join_all(turns).await;
        assert_eq!(taken.iter().filter(|taken| **taken).count(), MAX_LINE);
        assert!(begun.elapsed() >= Duration::from_millis(10) * u32::try_from(MAX_LINE).unwrap());
    }

    #[test]
    fn the_memory_has_a_limit() {
        let guard = Guard::new();
        for number in 0..MAX_KNOWN + 5 {
            let now = Timestamp::from_seconds(i64::try_from(number).unwrap());
            guard.begin(&format!("login{number}"), AWAY, now);
        }
        assert_eq!(guard.lock().failures.len(), MAX_KNOWN);
    }
}
