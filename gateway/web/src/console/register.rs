//! The protocol register of a year, newest first.

use crate::App;
use crate::pages::{self, PageError, Shell, minute};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use messo_core::register::{Direction, RegisterEntry};
use serde::Deserialize;
use std::sync::Arc;

/// Entries on a page.
const PAGE: i64 = 100;

#[derive(Deserialize)]
pub(super) struct Asked {
    anno: Option<i16>,
    fino: Option<i64>,
}

struct Row {
    number: i64,
    way: &'static str,
    at: String,
    correspondent: String,
    subject: String,
    case: Option<String>,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Page {
    shell: Shell,
    year: i16,
    rows: Vec<Row>,
    older: Option<String>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let engine = app.engine();
    let year = asked.anno.unwrap_or_else(|| engine.clock.now().in_rome().year());
    let last = match asked.fino {
        Some(number) => number.max(0),
        None => engine.store.register_end(who.body.id, year).await?,
    };
    let from = (last - PAGE + 1).max(1);
    let count = u32::try_from(last - from + 1).unwrap_or(0);
    let mut entries = engine.store.register(who.body.id, year, from, count).await?;
    entries.reverse();
    let page = Page {
        shell: Shell::inside(&app, &who, "/protocollo", "Protocollo"),
        year,
        rows: entries.into_iter().map(row).collect(),
        older: (from > 1).then(|| format!("/protocollo?anno={year}&fino={}", from - 1)),
    };
    Ok(pages::html(&page))
}

fn row(entry: RegisterEntry) -> Row {
    Row {
        number: entry.number,
        way: match entry.draft.direction {
            Direction::In => "In entrata",
            Direction::Out => "In uscita",
        },
        at: minute(entry.draft.at),
        correspondent: entry.draft.correspondent,
        subject: entry.draft.subject,
        case: entry.draft.case.map(|id| id.to_string()),
    }
}
