//! What providers bring back: reports about an attempt, and messages that people write.
//!
//! Guarantee: 200 means that the exact bytes are stored; on trouble of ours the answer is 503, so that
//! the provider comes again. Addresses are secrets (a sealed path, a key), and whoever guesses
//! learns nothing: 404. GET is taken because Kannel reports by GET; a repeated report is one.

use crate::{App, MAX_BODY};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use messo_core::ids::{AttemptId, BodyId};
use messo_core::ports::{CallbackError, StoreError};
use messo_engine::ReconcileError;
use std::sync::Arc;
use subtle::ConstantTimeEq;

type Pairs = Query<Vec<(String, String)>>;

/// The routes of a process that takes callbacks.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/callbacks/{provider}/messages/{key}", get(message).post(message))
        .route("/callbacks/{provider}/{attempt}/{mac}", get(report).post(report))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn report(
    State(app): State<Arc<App>>,
    Path((provider, attempt, mac)): Path<(String, String, String)>,
    Query(query): Pairs,
    body: Bytes,
) -> StatusCode {
    let Ok(attempt) = attempt.parse::<AttemptId>() else { return StatusCode::NOT_FOUND };
    status(app.engine().report(&provider, attempt, &mac, query, body.to_vec()).await)
}

async fn message(
    State(app): State<Arc<App>>,
    Path((provider, key)): Path<(String, String)>,
    Query(query): Pairs,
    body: Bytes,
) -> StatusCode {
    let expected = &app.web.settings.message_key;
    if expected.is_empty() || !bool::from(key.as_bytes().ct_eq(expected.as_bytes())) {
        return StatusCode::NOT_FOUND;
    }
    match addressee(&app).await {
        Ok(Some(owner)) => {
            status(app.engine().message(&provider, owner, query, body.to_vec()).await)
        }
        Ok(None) => StatusCode::NOT_FOUND,
        Err(error) => status(Err(error.into())),
    }
}

/// The body to which messages are written: the only one, or the first.
async fn addressee(app: &App) -> Result<Option<BodyId>, StoreError> {
    let bodies = app.engine().store.bodies().await?;
    Ok(bodies.into_iter().min_by_key(|body| body.number).map(|body| body.id))
}

fn status(taken: Result<(), ReconcileError>) -> StatusCode {
    match taken {
        Ok(()) => StatusCode::OK,
        Err(
            ReconcileError::UnknownProvider
            | ReconcileError::Forged
            | ReconcileError::Callback(CallbackError::NotOurs)
            | ReconcileError::Store(StoreError::Missing(_)),
        ) => StatusCode::NOT_FOUND,
        Err(ReconcileError::Callback(error @ CallbackError::Malformed(_))) => {
            tracing::warn!(%error, "a callback could not be read");
            StatusCode::BAD_REQUEST
        }
        Err(ReconcileError::Store(error)) => {
            tracing::error!(%error, "a callback could not be stored; the provider is asked to repeat it");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_callback_learns_no_more_than_an_unknown_one() {
        assert_eq!(status(Err(ReconcileError::Forged)), StatusCode::NOT_FOUND);
        assert_eq!(status(Err(ReconcileError::UnknownProvider)), StatusCode::NOT_FOUND);
    }

    #[test]
    fn trouble_of_ours_makes_the_provider_come_again() {
        let trouble = StoreError::Unavailable("down".into());
        assert_eq!(status(Err(trouble.into())), StatusCode::SERVICE_UNAVAILABLE);
        let malformed = CallbackError::Malformed("status");
        assert_eq!(status(Err(malformed.into())), StatusCode::BAD_REQUEST);
    }
}
