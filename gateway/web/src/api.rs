//! The API under `/v1`: JSON in and out, a key in `Authorization`, errors as problems (RFC 9457).
//!
//! Guarantee: a key sees its own body alone; what belongs to another is "not found". The OpenAPI
//! document is made from the handlers, so it cannot drift.

mod dispatches;
pub(crate) use dispatches::zip;
mod form;
mod key;
mod notices;
mod request;

use crate::problem::Problem;
use crate::{App, MAX_BODY};
use axum::extract::DefaultBodyLimit;
use axum::{Json, Router, routing::get};
use std::sync::Arc;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The document's head.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Messo",
        description = "Notices of mediation bodies: released by the right way, followed, proved.\n\n\
            Every call carries `Authorization: Bearer <key>` (`messo key create`). Errors are \
            `application/problem+json`; `errors` lists every fault of a request at once.",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2"),
    ),
    components(schemas(Problem)),
    security(("key" = [])),
    modifiers(&Keys),
    tags(
        (name = "notices", description = "What is said, to one or more recipients."),
        (name = "dispatches", description = "One notice to one recipient, and its proof."),
    )
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The routes of the API.
pub(crate) fn routes() -> Router<Arc<App>> {
    let (router, document) = parts().split_for_parts();
    router
        .route("/v1/openapi.json", get(move || std::future::ready(Json(document.clone()))))
        .route("/v1", axum::routing::any(nothing))
        .route("/v1/", axum::routing::any(nothing))
        .route("/v1/{*rest}", axum::routing::any(nothing))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

fn parts() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(notices::create))
        .routes(routes!(notices::show))
        .routes(routes!(dispatches::show))
        .routes(routes!(dispatches::evidence))
}

async fn nothing() -> Problem {
    Problem::missing("Questo indirizzo non fa parte dell'API: si veda /v1/openapi.json.")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_describes_every_call_and_every_error() {
        let document = serde_json::to_value(super::parts().split_for_parts().1).unwrap();
        for (path, method) in [
            ("/v1/notices", "post"),
            ("/v1/notices/{id}", "get"),
            ("/v1/dispatches/{id}", "get"),
            ("/v1/dispatches/{id}/evidence", "get"),
        ] {
            let call = &document["paths"][path][method];
            assert!(call["summary"].is_string(), "{path} has no summary");
            assert!(call["responses"]["401"].is_object(), "{path} does not tell of 401");
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for (name, schema) in schemas {
            assert!(schema["description"].is_string(), "the schema {name} is not described");
        }
        assert!(schemas.contains_key("Problem"));
        assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    }
}
