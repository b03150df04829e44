//! What providers bring back: reports about an attempt, and messages that people write.
//!
//! Guarantee: 200 means that the exact bytes are stored; on trouble of ours the answer is 503, so that
//! the provider comes again. Addresses are secrets (a sealed path, a key), and whoever guesses
//! learns nothing: 404. GET is taken because Kannel reports by GET; a repeated report is one. Limit: a message
//! to a number that no body has goes to the desk of the first body, which runs the installation; nothing is
//! dropped for want of an addressee.

use crate::{App, MAX_BODY};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use messo_core::addresses::PhoneNumber;
use messo_core::bodies::Body;
use messo_core::ids::{AttemptId, BodyId};
use messo_core::ports::{CallbackError, StoreError};
use messo_engine::ReconcileError;
use std::collections::BTreeMap;
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
    match addressee(&app, &query).await {
        Ok(Some(owner)) => {
            status(app.engine().message(&provider, owner, query, body.to_vec()).await)
        }
        Ok(None) => StatusCode::NOT_FOUND,
        Err(error) => status(Err(error.into())),
    }
}

/// The body to which a message is written: the only one, or the one that has the number in `to`.
async fn addressee(app: &App, query: &[(String, String)]) -> Result<Option<BodyId>, StoreError> {
    let mut bodies = app.engine().store.bodies().await?;
    bodies.sort_by_key(|body| body.number);
    if bodies.len() > 1 {
        let to = query.iter().find(|(name, _)| name == "to").map_or("", |(_, to)| to.as_str());
        if let Some(owner) = owner(&bodies, to, &app.web.settings.receivers) {
            return Ok(Some(owner));
        }
        tracing::warn!(
            "a message was written to a number that no body has ([sms.receivers]); the first body has it"
        );
    }
    Ok(bodies.first().map(|body| body.id))
}

/// Whose number it is: the configuration says so, or it is the sender of a body's own SMS.
fn owner(bodies: &[Body], to: &str, receivers: &BTreeMap<String, u32>) -> Option<BodyId> {
    let number = dialled(to)?;
    let listed = receivers.iter().find(|(known, _)| dialled(known).as_ref() == Some(&number));
    let body = match listed {
        Some((_, number)) => bodies.iter().find(|body| body.number == *number),
        None => {
            bodies.iter().find(|body| dialled(&body.sender.sms_sender).as_ref() == Some(&number))
        }
    };
    body.map(|body| body.id)
}

/// A number as it is compared: the digits of its E.164 form where it has one, else its own (a short
/// code).
fn dialled(text: &str) -> Option<String> {
    if let Ok(number) = PhoneNumber::parse(text) {
        return Some(number.e164().trim_start_matches('+').to_owned());
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let short = !digits.is_empty() && !text.chars().any(char::is_alphabetic);
    short.then_some(digits)
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
    fn a_number_is_the_same_however_it_is_written() {
        for text in ["+39 333 1234500", "393331234500", "0039 333 123 4500", "333 1234500"] {
            assert_eq!(dialled(text).as_deref(), dialled("+393331234500").as_deref(), "{text}");
        }
        assert_eq!(dialled("4 88 55").as_deref(), Some("48855"));
        assert_eq!(dialled("Messo1"), None, "an alias is no number");
        assert_eq!(dialled(""), None);
    }

    #[test]
    fn a_message_finds_the_body_that_has_the_number() {
        let body = |number: u32, sms_sender: &str| {
            let body = serde_json::json!({
                "id": format!("00000000-0000-7000-8000-00000000000{number}"), "number": number,
                "kind": "mediation", "facts": { "name": "Organismo" },
                "sender": { "name": "Organismo", "email": "a@example.it", "sms_sender": sms_sender },
            });
            serde_json::from_value::<Body>(body).unwrap()
        };
        let bodies = [body(1, "Messo"), body(2, "+39 333 1234500"), body(3, "")];
        let receivers = BTreeMap::from([("+39 333 9999999".to_owned(), 3)]);
        let found = |to: &str| {
            let owner = owner(&bodies, to, &receivers)?;
            bodies.iter().find(|body| body.id == owner).map(|body| body.number)
        };
        assert_eq!(found("393331234500"), Some(2), "its own sender");
        assert_eq!(found("+393339999999"), Some(3), "the configuration says so");
        assert_eq!((found("+393330000000"), found("")), (None, None), "for the first body");
    }

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
