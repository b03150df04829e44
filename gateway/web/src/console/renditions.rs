//! The letter and the mail of a preview, as documents of their own: each under a policy of its own,
//! so that a mail's markup can do nothing in the console. By GET with the choices alone, by POST with the
//! template's own fields too.

use super::preview::{Choice, Summons};
use crate::App;
use crate::pages::{PageError, capitalised};
use crate::session::SignedIn;
use axum::extract::{Form, Path, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use messo_core::addresses::Channel;
use messo_core::ports::{RenderError, Rendition};
use messo_templates::folder::standalone;
use std::sync::Arc;

/// A mail is shown without scripts, without forms, without anything from elsewhere.
const MAIL_POLICY: &str = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'";
/// A letter is shown by the browser's own reader.
const LETTER_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; plugin-types application/pdf; \
    object-src 'self'; frame-ancestors 'self'";

pub(super) async fn letter(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, party)): Path<(String, String)>,
    Form(choice): Form<Choice>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &choice).await?;
    match summons.render(&app, &who, Channel::Registered).await {
        Ok(Rendition::Letter(letter)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/pdf"),
                (header::CONTENT_DISPOSITION, "inline; filename=\"anteprima.pdf\""),
                (header::CONTENT_SECURITY_POLICY, LETTER_POLICY),
            ];
            Ok((headers, letter.pdf).into_response())
        }
        other => Err(refused(other)),
    }
}

pub(super) async fn mail(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, party)): Path<(String, String)>,
    Form(choice): Form<Choice>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &choice).await?;
    match summons.render(&app, &who, Channel::Email).await {
        Ok(Rendition::Mail(mail)) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, MAIL_POLICY)];
            Ok((policy, Html(standalone(&mail))).into_response())
        }
        other => Err(refused(other)),
    }
}

fn refused(rendition: Result<Rendition, RenderError>) -> PageError {
    match rendition {
        Ok(_) => PageError::Missing,
        Err(error) => PageError::TooLate(capitalised(&error.to_string())),
    }
}
