//! What all pages share: the frame around them, kind words when something is wrong, dates.

use crate::App;
use crate::assets::{SCRIPT_PATH, STYLE_PATH};
use crate::session::SignedIn;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use messo_core::ports::StoreError;
use messo_core::time::Timestamp;
use messo_engine::{AcceptError, SettleError};

/// The frame around a page.
pub(crate) struct Shell {
    pub(crate) title: String,
    /// Whose installation; empty before sign-in.
    pub(crate) body: String,
    /// Who is signed in; empty before.
    pub(crate) user: String,
    /// Some carrier is simulated.
    pub(crate) sandbox: bool,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    /// Path of the section, for the navigation.
    pub(crate) section: &'static str,
}

impl Shell {
    /// For nobody in particular.
    pub(crate) fn outside(app: &App, title: &str) -> Self {
        Self { sandbox: app.sandbox(), ..Self::bare(title) }
    }

    /// For somebody of the staff.
    pub(crate) fn inside(app: &App, who: &SignedIn, section: &'static str, title: &str) -> Self {
        Self {
            body: who.body.facts.name.clone(),
            user: who.user.login.clone(),
            sandbox: app.sandbox(),
            section,
            ..Self::bare(title)
        }
    }

    fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            body: String::new(),
            user: String::new(),
            sandbox: false,
            style: STYLE_PATH.as_str(),
            script: SCRIPT_PATH.as_str(),
            section: "",
        }
    }
}

/// A rendered page.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice {
    pub(crate) shell: Shell,
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
    /// Where to go on; none for strangers.
    pub(crate) way: Option<(&'static str, &'static str)>,
}

impl Notice {
    fn new(status: StatusCode, title: &str, text: &'static str) -> Self {
        Self { shell: Shell::bare(title), status, text, way: Some(("/", "Torna alle pratiche")) }
    }

    /// 403: a form that another site sent.
    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Richiesta rifiutata",
            "Il modulo non è partito da una pagina di questo sito: per sicurezza non è stato eseguito.",
        )
    }

    fn missing() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Pagina non trovata",
            "L'indirizzo non corrisponde a nulla di questo organismo. Forse è stato copiato a metà.",
        )
    }

    fn trouble() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Un momento di pazienza",
            "Il servizio non può rispondere ora. Nulla è andato perso: riprovare tra poco.",
        )
    }
}

impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        (self.status, html(&self)).into_response()
    }
}

/// Whatever is at no other address.
pub(crate) async fn not_found() -> Notice {
    Notice::missing()
}

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum PageError {
    /// Nobody is signed in.
    SignIn,
    /// Not there, or another body's.
    Missing,
    /// It cannot be done any more; the sentence is for staff.
    TooLate(String),
    /// Trouble of ours; already logged.
    Trouble,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to("/login").into_response(),
            Self::Missing => Notice::missing().into_response(),
            Self::Trouble => Notice::trouble().into_response(),
            Self::TooLate(sentence) => {
                let mut notice = Notice::new(StatusCode::CONFLICT, "Non è più possibile", "");
                notice.shell.title = capitalised(&sentence);
                notice.into_response()
            }
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(_) => Self::Missing,
            error => {
                tracing::error!(%error, "a page could not be served");
                Self::Trouble
            }
        }
    }
}

impl From<SettleError> for PageError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Store(error) => error.into(),
            refusal => Self::TooLate(refusal.to_string()),
        }
    }
}

impl From<AcceptError> for PageError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Store(error) => error.into(),
            refusal => Self::TooLate(refusal.to_string()),
        }
    }
}

/// The sentence with a capital at its beginning.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Day and minute in Rome, e.g. `22/11/2026, 10:15`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.in_rome().strftime("%d/%m/%Y, %H:%M").to_string()
}

/// Day and second in Rome, e.g. `22/11/2026, 10:15:03`.
pub(crate) fn second(at: Timestamp) -> String {
    at.in_rome().strftime("%d/%m/%Y, %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_in_the_time_of_rome() {
        let winter = Timestamp::from_seconds(1_795_338_903);
        assert_eq!(minute(winter), "22/11/2026, 10:15");
        assert_eq!(second(winter), "22/11/2026, 10:15:03");
    }
}
