//! Whose request it is: the body behind the key in `Authorization: Bearer`.
//!
//! Keys are random and long, so their SHA-256 alone is stored and looked up.

use crate::App;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use messo_core::ids::{BlobHash, BodyId};
use std::sync::Arc;

/// The body that asks.
pub(super) struct Caller(pub(super) BodyId);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header.and_then(bearer).ok_or_else(Problem::unauthorized)?;
        let body = app.engine().store.api_key(BlobHash::of(key.as_bytes())).await?;
        body.map(Self).ok_or_else(Problem::unauthorized)
    }
}

/// The key in a header; the scheme's name is case-insensitive (RFC 9110).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn a_key_comes_by_the_bearer_scheme_alone() {
        assert_eq!(bearer("Bearer messo_1"), Some("messo_1"));
        assert_eq!(bearer("bearer  messo_1"), Some("messo_1"));
        assert_eq!(bearer("Basic bWVzc28="), None);
        assert_eq!(bearer("Bearer "), None);
    }
}
