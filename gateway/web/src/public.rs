//! The page behind a QR code. It says who writes and how to answer; it never says about what or
//! to whom, because whoever finds the paper can open it.
//!
//! The token is checked without the database; GET changes nothing.

use crate::App;
use crate::pages::{self, PageError, Shell};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use messo_core::notices::BodyFacts;
use std::sync::Arc;

/// The routes of the public; codes are printed in capitals, so both cases answer.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/q/{token}", get(page)).route("/Q/{token}", get(page))
}

#[derive(Template)]
#[template(path = "code.html")]
struct Known {
    shell: Shell,
    facts: BodyFacts,
    phone_link: String,
    /// Number of the communication, to be named on the telephone; 0 in a preview.
    number: u32,
}

#[derive(Template)]
#[template(path = "code_unknown.html")]
struct Unknown {
    shell: Shell,
}

async fn page(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    let engine = app.engine();
    let body = match engine.tokens.open(&token) {
        Ok(token) => {
            let bodies = engine.store.bodies().await?;
            bodies.into_iter().find(|body| body.number == token.body).map(|body| (body, token))
        }
        Err(_) => None,
    };
    let Some((body, token)) = body else {
        let page = Unknown { shell: Shell::outside(&app, "Codice non riconosciuto") };
        return Ok((StatusCode::NOT_FOUND, pages::html(&page)).into_response());
    };
    let mut shell = Shell::outside(&app, "Una comunicazione per lei");
    shell.body.clone_from(&body.facts.name);
    let phone_link = dialled(&body.facts.phone);
    let page = Known { shell, facts: body.facts, phone_link, number: token.document };
    Ok(pages::html(&page))
}

/// A printed number as a telephone dials it (RFC 3966); Italian when it names no country.
fn dialled(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match phone.trim().starts_with('+') {
        _ if digits.is_empty() => String::new(),
        true => format!("+{digits}"),
        false => format!("+39{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::dialled;

    #[test]
    fn a_printed_number_can_be_dialled() {
        assert_eq!(dialled("055 555 0100"), "+390555550100");
        assert_eq!(dialled("+43 512 5350"), "+435125350");
        assert_eq!(dialled(""), "");
    }
}
