//! Everything that speaks HTTP: the staff's pages, the public page behind a QR code, the API, the
//! callbacks of providers, health and metrics.
//!
//! Guarantee: a request is answered with rows of one body only, GET changes nothing (but for
//! callbacks, whose addresses are sealed and whose effects are idempotent), every body has a
//! limit. Limit: pages live at the root of a host; TLS is the reverse proxy's work.

mod api;
mod assets;
mod callbacks;
mod console;
mod health;
mod pages;
mod problem;
mod public;
mod session;
pub mod views;

pub use health::{Look, Looks, look};
pub use problem::{FieldFault, Problem};
pub use session::{PasswordError, hash_password};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use messo_engine::Engine;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

/// Largest body that the API and callbacks take, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// Largest form that the pages take, in bytes: a communication in the words of the staff is the longest.
const MAX_FORM: usize = 64 * 1024;

/// Pages load nothing from elsewhere and run no script but our one file.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; frame-src 'self'; object-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What the pages, the API and the callbacks work with.
#[derive(Clone)]
pub struct WebState {
    /// The use cases and all that they talk to.
    pub engine: Arc<Engine>,
    /// Renders the metrics of the process in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// 32 random bytes at each call, from the operating system.
    pub secrets: Arc<dyn Fn() -> [u8; 32] + Send + Sync>,
    /// What was found when the process last looked whether it can serve ([`look`]).
    pub looks: Looks,
    /// The part of the configuration that is about HTTP.
    pub settings: WebSettings,
    /// Set in the demo alone: how to sign in stands on the sign-in page.
    pub demo: Option<DemoInfo>,
}

/// The part of the configuration that is about HTTP.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Sessions travel by HTTPS only, in a `__Host-` cookie.
    pub secure_cookies: bool,
    /// `/metrics` answers other machines too.
    pub public_metrics: bool,
    /// Address under which people reach this installation; its origin may post forms.
    pub public_url: String,
    /// Last path segment of the address where providers bring the messages that people write, a
    /// secret. Empty: no such messages are taken.
    pub message_key: String,
    /// Serve pages and API.
    pub pages: bool,
    /// Serve the callbacks of providers.
    pub intake: bool,
    /// `/ready` and `/metrics` have a listener of their own ([`health_router`]) and are nowhere else.
    pub health_apart: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// The body, by its number, to whose desk goes what is written to a telephone number of ours (the
    /// number as in E.164).
    pub receivers: BTreeMap<String, u32>,
    /// Longest time that a request may take.
    pub request_timeout: Duration,
}

/// How to sign in to the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoInfo {
    /// The login.
    pub user: String,
    /// The password; public by intention.
    pub password: String,
}

/// The state behind every handler.
struct App {
    web: WebState,
    doors: session::Doors,
}

impl App {
    fn engine(&self) -> &Arc<Engine> {
        &self.web.engine
    }

    /// Whether any configured carrier is simulated: every page then says so.
    fn sandbox(&self) -> bool {
        self.web.engine.providers.iter().any(|provider| provider.spec().sandbox)
    }
}

/// Everything that this process serves, by its roles ([`WebSettings::pages`],
/// [`WebSettings::intake`]); health is always there.
pub fn router(web: WebState) -> Router {
    let (pages, intake) = (web.settings.pages, web.settings.intake);
    let csrf = csrf(&web.settings.public_url);
    let mut router = if web.settings.health_apart {
        health::alive()
    } else {
        health::alive().merge(health::routes())
    };
    if pages {
        let forms = console::routes().merge(session::routes()).layer(csrf);
        router = router.merge(forms).merge(public::routes()).merge(assets::routes());
        router = router.merge(api::routes());
    }
    if intake {
        router = router.merge(callbacks::routes());
    }
    finish(router, web)
}

/// Health and metrics alone, for a listener that only operators reach.
pub fn health_router(web: WebState) -> Router {
    finish(health::alive().merge(health::routes()), web)
}

/// What every answer has in common.
fn finish(router: Router<Arc<App>>, web: WebState) -> Router {
    let patience = web.settings.request_timeout;
    let app = Arc::new(App { doors: session::Doors::new(), web });
    router
        .fallback(pages::not_found)
        .with_state(app)
        .layer(header_layer("content-security-policy", POLICY))
        .layer(header_layer("x-content-type-options", "nosniff"))
        // Not `no-referrer`: it would turn the Origin of our own forms into `null`.
        .layer(header_layer("referrer-policy", "same-origin"))
        .layer(header_layer("x-robots-tag", "noindex"))
        .layer(header_layer(header::CACHE_CONTROL.as_str(), "no-store"))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, patience))
}

fn header_layer(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    let name = HeaderName::from_static(name);
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Forms come from our own pages only (Sec-Fetch-Site, then Origin against Host).
fn csrf(public_url: &str) -> CsrfLayer<fn(ProtectionError) -> Response> {
    let mut layer = CsrfLayer::new();
    if let Some(origin) = origin(public_url) {
        match layer.clone().add_trusted_origin(&origin) {
            Ok(trusting) => layer = trusting,
            Err(error) => tracing::warn!(?error, "the public address has no usable origin"),
        }
    }
    layer.with_rejection_response(foreign_form)
}

fn foreign_form(_: ProtectionError) -> Response {
    pages::Notice::forbidden().into_response()
}

/// Scheme, host and port of an address, as a browser writes them in `Origin`: no default port.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_lowercase();
    let host = rest.split('/').next()?.to_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        _ => ":80",
    };
    Some(format!("{scheme}://{}", host.strip_suffix(default).unwrap_or(&host)))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let said = |url| origin(url).unwrap();
        assert_eq!(said("https://Messo.Example.IT:443/avvisi"), "https://messo.example.it");
        assert_eq!(said("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(origin("messo.example.it"), None);
    }
}
