//! Passwords as argon2id (RFC 9106), in PHC form.
//!
//! A check costs 19 MiB and some 50 ms, so it runs where blocking is allowed and [`AT_A_TIME`] at
//! most together, also when whoever asked has gone away; beyond [`WAITING`] in line a check is refused.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// Checks that run at the same time.
const AT_A_TIME: usize = 2;

/// Checks in line before one is refused.
const WAITING: usize = 64;

/// What an unknown login is checked against, so that it takes as long as a known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody signs in with this").unwrap_or_default());

/// A password that cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct PasswordError(String);

/// Hashes a password with a salt of its own. Takes some 50 ms of CPU.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| PasswordError(error.to_string()))
}

/// Checks passwords.
pub(super) struct Verifier {
    room: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

impl Verifier {
    pub(super) fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_A_TIME)), line: Arc::new(Semaphore::new(WAITING)) }
    }

    /// Whether the password fits the hash; without a hash it never does, after the same time.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> bool {
        let Ok(_in_line) = self.line.try_acquire() else { return false };
        let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return false };
        tokio::task::spawn_blocking(move || {
            // The place is given back by the work itself: a caller who hangs up frees nothing early.
            let _place = place;
            // Made at the first check, whoever signs in, so that its making tells nothing.
            let nobody = NOBODY.clone();
            let known = hash.is_some();
            let hash = hash.unwrap_or(nobody);
            fits(&password, &hash) && known
        })
        .await
        .unwrap_or(false)
    }
}

fn fits(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let verifier = Verifier::new();
        let hash = hash_password("tre tigri").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(verifier.verify("tre tigri".into(), Some(hash.clone())).await);
        assert!(!verifier.verify("tre tigre".into(), Some(hash)).await);
        assert!(!verifier.verify("tre tigri".into(), None).await);
        assert!(!verifier.verify("nobody signs in with this".into(), None).await);
    }
}
