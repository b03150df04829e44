//! The one style sheet and the one script, under names that change with their content, so that
//! browsers may keep them for ever.

use crate::App;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use messo_core::ids::BlobHash;
use std::sync::{Arc, LazyLock};

const STYLE: &str = include_str!("../static/app.css");
const SCRIPT: &str = include_str!("../static/app.js");
const MARK: &str = include_str!("../static/mark.svg");

/// Path of the style sheet.
pub(crate) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path(STYLE, "css"));
/// Path of the script.
pub(crate) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path(SCRIPT, "js"));

fn path(content: &str, suffix: &str) -> String {
    let hash = BlobHash::of(content.as_bytes()).hex();
    format!("/assets/app-{}.{suffix}", &hash[..12])
}

/// The routes of the assets.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/assets/{name}", get(asset)).route(
        "/favicon.svg",
        get(|| async {
            let kind = (header::CONTENT_TYPE, "image/svg+xml");
            ([kind, (header::CACHE_CONTROL, "max-age=86400")], MARK)
        }),
    )
}

async fn asset(Path(name): Path<String>) -> Response {
    let asked = format!("/assets/{name}");
    let (kind, content) = if asked == *STYLE_PATH {
        ("text/css; charset=utf-8", STYLE)
    } else if asked == *SCRIPT_PATH {
        ("text/javascript; charset=utf-8", SCRIPT)
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let keep = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], content).into_response()
}
