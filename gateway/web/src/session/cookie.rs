//! The session cookie (RFC 6265): 32 secret bytes and their bond to the password, in hexadecimal, out of
//! reach of scripts and of other sites' forms; bound to the host by its `__Host-` name when it travels by
//! HTTPS alone.

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use messo_core::ids::BlobHash;
use std::time::Duration;
use subtle::ConstantTimeEq;

const fn name(secure: bool) -> &'static str {
    if secure { "__Host-messo_session" } else { "messo_session" }
}

/// Bytes of the secret, and of all that the cookie holds.
const SECRET: usize = 32;
const WHOLE: usize = SECRET + 16;

/// What the cookie holds: a secret, and a hash over it and the stored form of the password. So a session
/// ends with the password under which it began, without anybody looking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass([u8; WHOLE]);

impl Pass {
    pub(super) fn new(secret: [u8; SECRET], password_hash: &str) -> Self {
        let mut whole = [0; WHOLE];
        whole[..SECRET].copy_from_slice(&secret);
        whole[SECRET..].copy_from_slice(&bond(&secret, password_hash));
        Self(whole)
    }

    /// The name of the session in the database.
    pub(super) fn session(&self) -> BlobHash {
        BlobHash::of(&self.0[..SECRET])
    }

    /// Whether the password is still the one under which the session began.
    pub(super) fn holds(&self, password_hash: &str) -> bool {
        let (secret, bound) = self.0.split_at(SECRET);
        bool::from(bond(secret, password_hash).ct_eq(bound))
    }
}

fn bond(secret: &[u8], password_hash: &str) -> [u8; WHOLE - SECRET] {
    let hash = BlobHash::of(&[secret, password_hash.as_bytes()].concat());
    let mut bond = [0; WHOLE - SECRET];
    bond.copy_from_slice(&hash.0[..WHOLE - SECRET]);
    bond
}

/// The header that begins a session.
pub(super) fn set(pass: &Pass, keep: Duration, secure: bool) -> String {
    write(&HEXLOWER.encode(&pass.0), keep.as_secs(), secure)
}

/// The header that ends it.
pub(super) fn clear(secure: bool) -> String {
    write("", 0, secure)
}

fn write(value: &str, seconds: u64, secure: bool) -> String {
    let name = name(secure);
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// What a request brings.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<Pass> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name(secure))
        .and_then(|(_, value)| HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok())
        .map(Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn a_session_is_read_back_among_other_cookies() {
        let pass = Pass::new([7; 32], "$argon2id$1");
        let set = set(&pass, Duration::from_secs(60), false);
        let pair = set.split(';').next().unwrap();
        let brought = headers(&format!("lang=it; {pair}; x=1"));
        assert_eq!(read(&brought, false), Some(pass));
        assert_eq!(read(&brought, true), None, "an insecure cookie opens no secure session");
    }

    #[test]
    fn a_secure_cookie_is_bound_to_its_host() {
        let set = set(&Pass::new([7; 32], "$argon2id$1"), Duration::from_secs(60), true);
        assert!(set.starts_with("__Host-messo_session="));
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(set.contains(part), "{set}");
        }
    }

    #[test]
    fn a_session_ends_with_its_password() {
        let pass = Pass::new([7; 32], "$argon2id$1");
        assert!(pass.holds("$argon2id$1"));
        assert!(!pass.holds("$argon2id$2"));
        assert_eq!(pass.session(), Pass::new([7; 32], "$argon2id$2").session());
    }

    #[test]
    fn a_mangled_cookie_is_nobody() {
        for value in ["", "abc", "zz", &"0".repeat(64), &"0".repeat(95)] {
            assert_eq!(read(&headers(&format!("messo_session={value}")), false), None);
        }
    }
}
