//! Slows down guessing: a login that failed [`MAX_FAILURES`] times waits for [`WINDOW`].
//!
//! Logins are kept as hashes, known and unknown alike, at most [`MAX_LOGINS`]; beyond that the oldest
//! is forgotten.

use messo_core::ids::BlobHash;
use messo_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures after which a login waits.
pub(super) const MAX_FAILURES: u32 = 10;
/// How long failures are remembered, from the first.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most logins that are remembered.
const MAX_LOGINS: usize = 10_000;

#[derive(Default)]
pub(super) struct Guard {
    failures: Mutex<HashMap<BlobHash, Failures>>,
}

struct Failures {
    first: Timestamp,
    count: u32,
}

impl Guard {
    /// Whether this login must wait.
    pub(super) fn waits(&self, login: &str, now: Timestamp) -> bool {
        self.lock().get(&key(login)).is_some_and(|failures| {
            failures.count >= MAX_FAILURES && now.since(failures.first) < WINDOW
        })
    }

    /// Notes a failure.
    pub(super) fn failed(&self, login: &str, now: Timestamp) {
        let mut known = self.lock();
        let key = key(login);
        if known.len() >= MAX_LOGINS && !known.contains_key(&key) {
            let oldest = known.iter().min_by_key(|(_, failures)| failures.first);
            let oldest = oldest.map(|(key, _)| *key);
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        let failures = known.entry(key).or_insert(Failures { first: now, count: 0 });
        if now.since(failures.first) >= WINDOW {
            *failures = Failures { first: now, count: 0 };
        }
        failures.count += 1;
    }

    /// Somebody has signed in.
    pub(super) fn forget(&self, login: &str) {
        self.lock().remove(&key(login));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlobHash, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(login: &str) -> BlobHash {
    BlobHash::of(login.to_lowercase().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_make_a_login_wait_a_quarter_of_an_hour() {
        let (guard, start) = (Guard::default(), Timestamp::from_seconds(1_000));
        for _ in 0..MAX_FAILURES {
            assert!(!guard.waits("anna", start));
            guard.failed("anna", start);
        }
        assert!(guard.waits("Anna", start + Duration::from_secs(60)));
        assert!(!guard.waits("bruno", start));
        assert!(!guard.waits("anna", start + WINDOW));
    }

    #[test]
    fn signing_in_forgets_the_failures() {
        let (guard, now) = (Guard::default(), Timestamp::from_seconds(1_000));
        for _ in 0..MAX_FAILURES {
            guard.failed("anna", now);
        }
        guard.forget("anna");
        assert!(!guard.waits("anna", now));
    }

    #[test]
    fn the_memory_of_failures_has_a_limit() {
        let guard = Guard::default();
        for number in 0..MAX_LOGINS + 5 {
            let now = Timestamp::from_seconds(i64::try_from(number).unwrap());
            guard.failed(&format!("login{number}"), now);
        }
        assert_eq!(guard.lock().len(), MAX_LOGINS);
    }
}
