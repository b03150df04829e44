//! The letter and the mail of a preview, as documents of their own: each under a policy of its own,
//! so that a mail's markup can do nothing in the console.

use super::preview::{Choice, Summons};
use crate::App;
use crate::pages::{PageError, capitalised};
use crate::session::SignedIn;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use data_encoding::BASE64;
use messo_core::addresses::Channel;
use messo_core::ports::{Mail, RenderError, Rendition};
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
    Query(choice): Query<Choice>,
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
    Query(choice): Query<Choice>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &choice).await?;
    match summons.render(&app, &who, Channel::Email).await {
        Ok(Rendition::Mail(mail)) => {
            let policy = [(header::CONTENT_SECURITY_POLICY, MAIL_POLICY)];
            Ok((policy, Html(standalone(mail))).into_response())
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

/// The mail with its pictures inside, since a browser knows no `cid:`.
fn standalone(mail: Mail) -> String {
    mail.inline.into_iter().fold(mail.html, |html, part| {
        let data = format!("data:{};base64,{}", part.media_type, BASE64.encode(&part.bytes));
        html.replace(&format!("cid:{}", part.name), &data)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::ports::Part;

    #[test]
    fn the_pictures_of_a_mail_are_shown_in_its_preview() {
        let part =
            Part { name: "qr@x".into(), media_type: "image/png".into(), bytes: b"png"[..].into() };
        let mail = Mail {
            subject: String::new(),
            text: String::new(),
            html: "<img src=\"cid:qr@x\">".into(),
            inline: vec![part],
            attachments: Vec::new(),
        };
        assert_eq!(standalone(mail), "<img src=\"data:image/png;base64,cG5n\">");
    }
}
