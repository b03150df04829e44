//! `/v1/dispatches`: what became of one notice to one recipient, and the proof.

use super::key::Caller;
use crate::App;
use crate::problem::Problem;
use crate::views::{self, DispatchView};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use messo_core::ids::DispatchId;
use messo_engine::certify::CertifyError;
use std::sync::Arc;

fn missing() -> Problem {
    Problem::missing("Nessun invio di questo organismo ha questo identificativo.")
}

/// Shows a dispatch with its legs, attempts, receipts and evidence.
#[utoipa::path(
    get, path = "/v1/dispatches/{id}", tag = "dispatches",
    params(("id" = String, Path, description = "Identity of the dispatch.")),
    responses(
        (status = 200, description = "The dispatch.", body = DispatchView),
        (status = 401, description = "No valid key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such dispatch in this body.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Caller(body): Caller,
    Path(id): Path<String>,
) -> Result<Json<DispatchView>, Problem> {
    let id: DispatchId = id.parse().map_err(|_| missing())?;
    views::dispatch(app.engine(), body, id).await?.map(Json).ok_or_else(missing)
}

/// Makes the proof bundle of a dispatch as it stands now: a ZIP that is checked offline.
#[utoipa::path(
    get, path = "/v1/dispatches/{id}/evidence", tag = "dispatches",
    params(("id" = String, Path, description = "Identity of the dispatch.")),
    responses(
        (status = 200, description = "The bundle.", body = Vec<u8>, content_type = "application/zip"),
        (status = 401, description = "No valid key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such dispatch in this body.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn evidence(
    State(app): State<Arc<App>>,
    Caller(body): Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id: DispatchId = id.parse().map_err(|_| missing())?;
    let bundle = app.engine().certify(body, id).await.map_err(problem)?;
    Ok(zip(id, bundle))
}

/// The bundle as a download.
pub(crate) fn zip(id: DispatchId, bundle: Vec<u8>) -> Response {
    let name = format!("attachment; filename=\"prova-{id}.zip\"");
    let headers =
        [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, bundle).into_response()
}

fn problem(error: CertifyError) -> Problem {
    match error {
        CertifyError::Missing => missing(),
        CertifyError::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "a proof bundle could not be made");
            Problem::internal()
        }
    }
}
