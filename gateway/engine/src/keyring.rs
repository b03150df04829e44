//! The keys of the codes in a process that goes on running while keys are added.
//!
//! Guarantee: a code or callback address sealed with a key that another process has added since is
//! read again against the newest keys before it is refused. Limit: the keys are read again at most once in
//! [`PAUSE`], so that forged codes cost next to nothing; within it a new key may be unknown.

use messo_core::ids::{AttemptId, DispatchId};
use messo_core::ports::Clock;
use messo_core::time::Timestamp;
use messo_core::tokens::{Token, TokenError, TokenKeys};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// Shortest time between two readings of the keys.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads the keys from where they are kept; none when they cannot be read.
pub type ReadAgain = Box<dyn Fn() -> Option<TokenKeys> + Send + Sync>;

/// Keys that are read again when they do not suffice.
pub struct KeyRing {
    keys: RwLock<TokenKeys>,
    clock: Arc<dyn Clock>,
    read_at: Mutex<Option<Timestamp>>,
    again: ReadAgain,
}

impl KeyRing {
    /// Begins with these keys.
    pub fn new(keys: TokenKeys, clock: Arc<dyn Clock>, again: ReadAgain) -> Self {
        Self { keys: RwLock::new(keys), clock, read_at: Mutex::new(None), again }
    }

    /// See [`TokenKeys::seal`]. Seals with the newest key that this process knows of.
    pub fn seal(&self, token: &Token) -> String {
        self.keys().seal(token)
    }

    /// See [`TokenKeys::open`].
    pub fn open(&self, text: &str) -> Result<Token, TokenError> {
        let opened = self.keys().open(text);
        match opened {
            Err(TokenError::UnknownKey(_)) if self.read_again() => self.keys().open(text),
            opened => opened,
        }
    }

    /// See [`TokenKeys::callback_mac`].
    pub fn callback_mac(&self, attempt: AttemptId) -> String {
        self.keys().callback_mac(attempt)
    }

    /// See [`TokenKeys::check_callback_mac`].
    pub fn check_callback_mac(&self, attempt: AttemptId, text: &str) -> bool {
        self.holds(|keys| keys.check_callback_mac(attempt, text))
    }

    /// See [`TokenKeys::reply_tag`].
    pub fn reply_tag(&self, attempt: AttemptId) -> String {
        self.keys().reply_tag(attempt)
    }

    /// See [`TokenKeys::open_reply_tag`].
    pub fn open_reply_tag(&self, text: &str) -> Option<AttemptId> {
        let opened = self.keys().open_reply_tag(text);
        opened.or_else(|| self.read_again().then(|| self.keys().open_reply_tag(text)).flatten())
    }

    /// See [`TokenKeys::personal_code`].
    pub fn personal_code(&self, dispatch: DispatchId) -> String {
        self.keys().personal_code(dispatch)
    }

    /// See [`TokenKeys::check_personal_code`].
    pub fn check_personal_code(&self, dispatch: DispatchId, typed: &str) -> bool {
        self.holds(|keys| keys.check_personal_code(dispatch, typed))
    }

    fn holds(&self, check: impl Fn(&TokenKeys) -> bool) -> bool {
        let held = check(&self.keys());
        held || (self.read_again() && check(&self.keys()))
    }

    fn keys(&self) -> RwLockReadGuard<'_, TokenKeys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the keys were read anew just now.
    fn read_again(&self) -> bool {
        let now = self.clock.now();
        {
            let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
            if read_at.is_some_and(|at| now.since(at) < PAUSE) {
                return false;
            }
            *read_at = Some(now);
        }
        let Some(keys) = (self.again)() else { return false };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    struct Stepped(AtomicI64);

    impl Clock for Stepped {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
        }
    }

    fn keys(ids: &[u8]) -> TokenKeys {
        TokenKeys::new(ids.iter().map(|id| (*id, [*id; 32]))).unwrap()
    }

    #[test]
    fn a_key_added_meanwhile_is_found_and_a_stranger_makes_us_look_once_a_second() {
        let token = Token { body: 1, case: 2, party: 3, document: 4, page: 1, pages: 1 };
        let clock = Arc::new(Stepped(AtomicI64::new(100)));
        let readings = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&readings);
        let again = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Some(keys(&[1, 2]))
        };
        let ring = KeyRing::new(keys(&[1]), clock.clone(), Box::new(again));
        let new = keys(&[1, 2]).seal(&token);
        assert_eq!(ring.open(&new), Ok(token));
        assert_eq!(ring.seal(&token), new, "and it seals with it from now on");
        let strange = keys(&[9]).seal(&token);
        for _ in 0..50 {
            assert!(ring.open(&strange).is_err());
        }
        assert_eq!(readings.load(Ordering::SeqCst), 1);
        clock.0.store(102, Ordering::SeqCst);
        assert!(ring.open(&strange).is_err());
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_callback_sealed_with_a_new_key_holds() {
        let clock = Arc::new(Stepped(AtomicI64::new(100)));
        let attempt: AttemptId = "01a201ba-45bc-7258-8644-a2d92fafdfa7".parse().unwrap();
        let ring = KeyRing::new(keys(&[1]), clock, Box::new(|| Some(keys(&[1, 2]))));
        assert!(ring.check_callback_mac(attempt, &keys(&[1, 2]).callback_mac(attempt)));
        assert!(!ring.check_callback_mac(attempt, "000000000000000000"));
    }
}
