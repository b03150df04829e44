//! The staff's pages: cases, previews, releases, and what became of them.
//!
//! Guarantee: every page shows one body alone; GET changes nothing; a release carries a key, so that a
//! second click is the same release. Limit: this is the first plain page; lists show the newest rows.

mod case;
mod cases;
mod dispatch;
mod dispatches;
mod messages;
mod preview;
mod register;
mod release;
mod renditions;

use crate::{App, MAX_FORM};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// The routes of the console.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(cases::home))
        .route("/pratiche/{case}/parti/{party}", get(preview::page).post(release::release))
        .route(
            "/pratiche/{case}/parti/{party}/anteprima",
            get(preview::page).post(preview::composed),
        )
        .route(
            "/pratiche/{case}/parti/{party}/lettera.pdf",
            get(renditions::letter).post(renditions::letter),
        )
        .route(
            "/pratiche/{case}/parti/{party}/mail.html",
            get(renditions::mail).post(renditions::mail),
        )
        .route("/pratiche/{case}", get(case::page))
        .route("/pratiche/{case}/documenti/{document}", get(case::document))
        .route("/posta", get(messages::page))
        .route("/posta/{id}", get(messages::one))
        .route("/posta/{id}/messaggio.eml", get(messages::raw))
        .route("/posta/{id}/rileggi", post(messages::again))
        .route("/posta/{id}/visto", post(messages::settled))
        .route("/protocollo", get(register::page))
        .route("/invii", get(dispatches::page))
        .route("/invii/elenco", get(dispatches::fragment))
        .route("/invii/{id}", get(dispatch::page))
        .route("/invii/{id}/stato", get(dispatch::fragment))
        .route("/invii/{id}/prova.zip", get(dispatch::evidence))
        .route("/invii/{id}/annulla", post(dispatch::cancel))
        .route("/invii/{id}/verifica", post(dispatch::settle))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

/// A size in bytes, for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} byte"),
        1024..=1_048_575 => format!("{} KB", bytes.div_ceil(1024)),
        _ => format!("{} MB", bytes.div_ceil(1_048_576)),
    }
}
