//! `/v1/notices`: releasing, and looking at what was released.

use super::key::Caller;
use super::request::{NoticeInput, complete, json_fault};
use crate::App;
use crate::problem::{FieldFault, Problem};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use messo_core::bodies::Body;
use messo_core::dispatches::Dispatch;
use messo_core::ids::{BodyId, DispatchId, NoticeId};
use messo_core::legs::Proof;
use messo_core::notices::NoticeRequest;
use messo_core::ports::DispatchFilter;
use messo_engine::Engine;
use serde::Serialize;
use serde_json::Value;
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
    /// What was released but should be looked at, e.g. a first meeting outside the days of the law. Told when
    /// it is released.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<FieldFault>>,
}

/// A dispatch in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DispatchLine {
    /// Identity of the dispatch.
    id: String,
    /// What it has come to: waiting, doubtful, delivered, failed, cancelled.
    state: &'static str,
    /// What a delivery is worth: handed_over, carrier_report, signed_receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    proof: Option<Proof>,
}

/// Releases a notice. The same key with the same request is harmless: it answers 200 with the same
/// identities, whatever has changed since; with another request it answers 409. A request with any fault is
/// refused whole, with every fault of its structure, or else every fault of its values.
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
        (status = 415, description = "Not application/json.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Every fault of the request.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Come again, with the same key.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Caller(body): Caller,
    headers: HeaderMap,
    input: Result<Json<Value>, JsonRejection>,
) -> Result<(StatusCode, Json<NoticeView>), Problem> {
    let key = idempotency_key(&headers)?;
    let Json(input) = input.map_err(json_fault)?;
    let engine = app.engine();
    let letterhead = engine.body(body).await?;
    let input = NoticeInput::of(input)?;
    let template = input.template.clone();
    let today = engine.clock.now().in_rome().date();
    let (request, mut faults) = input.parse(&letterhead, key, today);
    let Some(request) = request else { return Err(Problem::faults(faults)) };
    // The key before anything that depends on today's data: a repetition hears the first answer again.
    let known = if faults.is_empty() { engine.recall(&request).await? } else { None };
    let warnings = warnings(engine, &request, &letterhead);
    let accepted = match known {
        Some(accepted) => accepted,
        None => {
            complete(engine, &request, &letterhead, &mut faults)?;
            if !faults.is_empty() {
                return Err(Problem::faults(faults));
            }
            engine.accept(request).await?
        }
    };
    let mut lines = lines(&app, body, accepted.notice).await?;
    let dispatches = accepted
        .dispatches
        .into_iter()
        .map(|id| {
            let waiting = || DispatchLine { id: id.to_string(), state: "waiting", proof: None };
            lines.remove(&id).unwrap_or_else(waiting)
        })
        .collect();
    let status = if accepted.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let notice = accepted.notice.to_string();
    Ok((status, Json(NoticeView { notice, template, dispatches, warnings: Some(warnings) })))
}

/// What should be looked at; what is said of every recipient alike is said once.
fn warnings(engine: &Engine, request: &NoticeRequest, body: &Body) -> Vec<FieldFault> {
    let mut told: Vec<FieldFault> = Vec::new();
    for (index, recipient) in request.recipients.iter().enumerate() {
        for warning in engine.warnings(recipient, request, body) {
            let warning = FieldFault::of_recipient(index, &warning.field, warning.reason);
            let same = |known: &FieldFault| {
                known.pointer == warning.pointer && known.reason == warning.reason
            };
            if !told.iter().any(same) {
                told.push(warning);
            }
        }
    }
    told
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
    let mut dispatches: Vec<_> = lines(&app, body, id).await?.into_iter().collect();
    // Identities sort by birth, which is the order of the recipients.
    dispatches.sort_by_key(|(id, _)| *id);
    let dispatches = dispatches.into_iter().map(|(_, line)| line).collect();
    let (notice, template) = (id.to_string(), notice.template);
    Ok(Json(NoticeView { notice, template, dispatches, warnings: None }))
}

async fn lines(
    app: &App,
    body: BodyId,
    notice: NoticeId,
) -> Result<HashMap<DispatchId, DispatchLine>, Problem> {
    let filter =
        DispatchFilter { notice: Some(notice), limit: MAX_DISPATCHES, ..DispatchFilter::default() };
    let rows = app.engine().store.dispatches(body, &filter).await?;
    let line = |dispatch: &Dispatch| DispatchLine {
        id: dispatch.id.to_string(),
        state: dispatch.state().word(),
        proof: dispatch.proof(),
    };
    Ok(rows.iter().map(|row| (row.dispatch.id, line(&row.dispatch))).collect())
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
