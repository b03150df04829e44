//! The session cookie (RFC 6265): 32 secret bytes in hexadecimal, out of reach of scripts and of
//! other sites' forms; bound to the host by its `__Host-` name when it travels by HTTPS alone.

use axum::http::{HeaderMap, header};
use data_encoding::HEXLOWER;
use std::time::Duration;

const fn name(secure: bool) -> &'static str {
    if secure { "__Host-messo_session" } else { "messo_session" }
}

/// The header that begins a session.
pub(super) fn set(secret: &[u8; 32], keep: Duration, secure: bool) -> String {
    write(&HEXLOWER.encode(secret), keep.as_secs(), secure)
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

/// The secret that a request brings.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<[u8; 32]> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name(secure))
        .and_then(|(_, value)| HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok())
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
        let secret = [7; 32];
        let set = set(&secret, Duration::from_secs(60), false);
        let pair = set.split(';').next().unwrap();
        let brought = headers(&format!("lang=it; {pair}; x=1"));
        assert_eq!(read(&brought, false), Some(secret));
        assert_eq!(read(&brought, true), None, "an insecure cookie opens no secure session");
    }

    #[test]
    fn a_secure_cookie_is_bound_to_its_host() {
        let set = set(&[7; 32], Duration::from_secs(60), true);
        assert!(set.starts_with("__Host-messo_session="));
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(set.contains(part), "{set}");
        }
    }

    #[test]
    fn a_mangled_cookie_is_nobody() {
        for value in ["", "abc", "zz", &"0".repeat(63)] {
            assert_eq!(read(&headers(&format!("messo_session={value}")), false), None);
        }
    }
}
