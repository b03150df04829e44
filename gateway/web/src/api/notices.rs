//! `/v1/notices`: releasing, and looking at what was released.

use super::key::Caller;
use super::request::{NoticeInput, json_fault};
use crate::App;
use crate::problem::Problem;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use messo_core::ids::{BodyId, DispatchId, NoticeId};
use messo_core::ports::DispatchFilter;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Most dispatches of one notice: the engine accepts no more recipients.
const MAX_DISPATCHES: u32 = 1_000;

/// Longest `Idempotency-Key`, in characters.
const MAX_KEY: usize = 200;

/// A notice with its dispatches.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoticeView {
    /// Identity of the notice.
    notice: String,
    /// Its template.
    template: String,
    /// Its dispatches, in the order of the recipients.
    dispatches: Vec<DispatchLine>,
}

/// A dispatch in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DispatchLine {
    /// Identity of the dispatch.
    id: String,
    /// What it has come to: waiting, doubtful, delivered, failed, cancelled.
    state: &'static str,
}

/// Releases a notice. The same key with the same request is harmless: it answers 200 with the same
/// identities; with another request it answers 409. A request with any fault is refused whole.
#[utoipa::path(
    post, path = "/v1/notices", tag = "notices",
    params(("Idempotency-Key" = String, Header, description = "1 to 200 visible ASCII characters.")),
    request_body = NoticeInput,
    responses(
        (status = 201, description = "Released.", body = NoticeView),
        (status = 200, description = "Released before, by the same request.", body = NoticeView),
        (status = 400, description = "Not JSON, or no key.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid key.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key was used for another request.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Larger than 1 MB.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Every fault of the request.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Come again, with the same key.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Caller(body): Caller,
    headers: HeaderMap,
    input: Result<Json<NoticeInput>, JsonRejection>,
) -> Result<(StatusCode, Json<NoticeView>), Problem> {
    let key = idempotency_key(&headers)?;
    let Json(input) = input.map_err(json_fault)?;
    let engine = app.engine();
    let letterhead = engine.body(body).await?;
    let template = input.template.clone();
    let request = input.read(engine, &letterhead, key)?;
    let accepted = engine.accept(request).await?;
    let states = states(&app, body, accepted.notice).await?;
    let dispatches = accepted
        .dispatches
        .into_iter()
        .map(|id| DispatchLine {
            id: id.to_string(),
            state: states.get(&id).copied().unwrap_or("waiting"),
        })
        .collect();
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(NoticeView { notice: accepted.notice.to_string(), template, dispatches })))
}

/// Shows a notice with the state of each of its dispatches.
#[utoipa::path(
    get, path = "/v1/notices/{id}", tag = "notices",
    params(("id" = String, Path, description = "Identity of the notice.")),
    responses(
        (status = 200, description = "The notice.", body = NoticeView),
        (status = 401, description = "No valid key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such notice in this body.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Caller(body): Caller,
    Path(id): Path<String>,
) -> Result<Json<NoticeView>, Problem> {
    let missing =
        || Problem::missing("Nessuna comunicazione di questo organismo ha questo identificativo.");
    let id: NoticeId = id.parse().map_err(|_| missing())?;
    let notice = app.engine().store.notice(body, id).await?.ok_or_else(missing)?;
    let mut dispatches: Vec<_> = states(&app, body, id).await?.into_iter().collect();
    // Identities sort by birth, which is the order of the recipients.
    dispatches.sort_by_key(|(id, _)| *id);
    let dispatches = dispatches
        .into_iter()
        .map(|(id, state)| DispatchLine { id: id.to_string(), state })
        .collect();
    Ok(Json(NoticeView { notice: id.to_string(), template: notice.template, dispatches }))
}

async fn states(
    app: &App,
    body: BodyId,
    notice: NoticeId,
) -> Result<HashMap<DispatchId, &'static str>, Problem> {
    let filter =
        DispatchFilter { notice: Some(notice), limit: MAX_DISPATCHES, ..DispatchFilter::default() };
    let rows = app.engine().store.dispatches(body, &filter).await?;
    Ok(rows.into_iter().map(|row| (row.dispatch.id, row.dispatch.state().word())).collect())
}

/// The caller's key, apart from the keys of other ways in.
fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or("");
    let fits = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        return Err(Problem::malformed(
            "Serve l'intestazione Idempotency-Key: da 1 a 200 caratteri ASCII senza spazi, diversa per ogni comunicazione.",
        ));
    }
    Ok(format!("api:{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_usable_key_is_refused() {
        let key = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", text.parse().unwrap());
            idempotency_key(&headers)
        };
        assert_eq!(key("ordine-7").unwrap(), "api:ordine-7");
        assert_eq!(key("").unwrap_err().status, 400);
        assert_eq!(key("con spazi").unwrap_err().status, 400);
        assert_eq!(key(&"x".repeat(201)).unwrap_err().status, 400);
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap_err().status, 400);
    }
}
