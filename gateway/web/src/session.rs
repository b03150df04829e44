//! Who is signed in: the sign-in page, the session cookie, the way out.
//!
//! Guarantee: only the hash of a session's secret is stored; a session ends with the password under which
//! it began; a wrong login takes as long as a wrong password; who guesses is slowed down, and shuts out
//! nobody else ([`guard`]). Limit: failures are counted by each process for itself.

mod client;
mod cookie;
mod guard;
mod password;

pub use password::{PasswordError, hash_password};

use crate::pages::{self, PageError, Shell};
use crate::{App, DemoInfo, MAX_FORM};
use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use cookie::Pass;
use guard::{Guard, Pace};
use messo_core::bodies::{Body, User};
use messo_core::ports::{Commit, Write};
use password::Verifier;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How long somebody stays signed in: a working day.
const SESSION: Duration = Duration::from_secs(12 * 3600);

/// Longest login, and longest password, in bytes.
const MAX_FIELD: usize = 256;

/// What stands at the entrance.
pub(crate) struct Doors {
    guard: Guard,
    verifier: Verifier,
}

impl Doors {
    pub(crate) fn new() -> Self {
        Self { guard: Guard::new(), verifier: Verifier::new() }
    }
}

/// Somebody of the staff, with the body for which they work. Handlers that take it answer
/// nobody else.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) body: Arc<Body>,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let pass = pass(app, &parts.headers).ok_or(PageError::SignIn)?;
        let engine = app.engine();
        let user = engine.store.session(pass.session(), engine.clock.now()).await?;
        // A password that was changed since ends the sessions that began under the old one.
        let user = user.filter(|user| pass.holds(&user.password_hash)).ok_or(PageError::SignIn)?;
        let body = engine.body(user.body).await?;
        Ok(Self { user, body })
    }
}

/// The routes of the entrance.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/login", get(page).post(sign_in))
        .route("/logout", post(sign_out))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    shell: Shell,
    login: &'a str,
    error: Option<&'a str>,
    demo: Option<&'a DemoInfo>,
}

fn login_page(app: &App, login: &str, error: Option<(StatusCode, &str)>) -> Response {
    let page = Login {
        shell: Shell::outside(app, "Accesso"),
        login,
        error: error.map(|(_, text)| text),
        demo: app.web.demo.as_ref(),
    };
    let status = error.map_or(StatusCode::OK, |(status, _)| status);
    (status, pages::html(&page)).into_response()
}

async fn page(State(app): State<Arc<App>>) -> Response {
    login_page(&app, "", None)
}

#[derive(Deserialize)]
struct Entry {
    login: String,
    password: String,
}

async fn sign_in(
    State(app): State<Arc<App>>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Result<Response, PageError> {
    let login = entry.login.trim();
    if login.len() > MAX_FIELD || entry.password.len() > MAX_FIELD {
        return Ok(login_page(&app, "", Some(WRONG)));
    }
    let engine = app.engine();
    let (now, guard) = (engine.clock.now(), &app.doors.guard);
    let client = client::address(&extensions, &headers, &app.web.settings.proxies);
    // Counted before it is checked, so that many at once are not one; forgotten when it holds.
    let place = match guard.begin(login, &client, now) {
        Pace::Free => None,
        Pace::Slow => match guard.take_turn().await {
            Some(turn) => Some(turn),
            None => return Ok(login_page(&app, login, Some(CROWD))),
        },
        Pace::Wait => return Ok(login_page(&app, login, Some(WAIT))),
    };
    let user = engine.store.user(login).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let holds = app.doors.verifier.verify(entry.password, hash).await;
    drop(place);
    let Some(user) = user.filter(|_| holds) else {
        tracing::warn!("a sign-in failed");
        return Ok(login_page(&app, login, Some(WRONG)));
    };
    guard.succeeded(login, &client, now);
    let secret = (app.web.secrets)();
    let pass = Pass::new(secret, &user.password_hash);
    let session =
        Write::Session { secret: pass.session(), user: user.id, expires_at: now + SESSION };
    let writes = vec![Write::ForgetSessions { expired_by: now }, session];
    engine.store.commit(Commit { guards: Vec::new(), writes }).await?;
    let cookie = cookie::set(&pass, SESSION, app.web.settings.secure_cookies);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

const WRONG: (StatusCode, &str) =
    (StatusCode::UNAUTHORIZED, "Nome utente o password non corretti.");
const WAIT: (StatusCode, &str) = (
    StatusCode::TOO_MANY_REQUESTS,
    "Troppi tentativi non riusciti da questo collegamento: si può riprovare fra un quarto d'ora.",
);
const CROWD: (StatusCode, &str) = (
    StatusCode::TOO_MANY_REQUESTS,
    "In questo momento ci sono troppi tentativi di accesso: si può riprovare fra un minuto.",
);

async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, PageError> {
    if let Some(pass) = pass(&app, &headers) {
        let writes = vec![Write::EndSession(pass.session())];
        app.engine().store.commit(Commit { guards: Vec::new(), writes }).await?;
    }
    let cookie = cookie::clear(app.web.settings.secure_cookies);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}

fn pass(app: &App, headers: &HeaderMap) -> Option<Pass> {
    cookie::read(headers, app.web.settings.secure_cookies)
}
