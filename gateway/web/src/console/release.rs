//! «Rilascia»: the request that was previewed, under the key that the page carried, so that a
//! second click, or a reload, is the same release.

use super::preview::{self, Choice, Summons};
use crate::App;
use crate::pages::{PageError, capitalised};
use crate::session::SignedIn;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use messo_engine::AcceptError;
use serde::Deserialize;
use std::sync::Arc;

/// Longest key, in bytes: ours are UUIDs.
const MAX_KEY: usize = 64;

#[derive(Deserialize)]
pub(super) struct Ordered {
    /// From the page.
    chiave: String,
    #[serde(flatten)]
    choice: Choice,
}

pub(super) async fn release(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, party)): Path<(String, String)>,
    Form(ordered): Form<Ordered>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &ordered.choice).await?;
    if ordered.chiave.is_empty() || ordered.chiave.len() > MAX_KEY {
        return Err(PageError::Missing);
    }
    let key = format!("console:{}", ordered.chiave);
    let request = match summons.request(&who, key) {
        Ok(request) => request,
        Err(sentence) => {
            let faults = vec![("plan".to_owned(), capitalised(sentence))];
            return Ok(preview::show(&app, &who, &summons, Some(faults)).await);
        }
    };
    let faults = match app.engine().accept(request).await {
        Ok(accepted) => {
            let id = accepted.dispatches.first().ok_or(PageError::Missing)?;
            return Ok(Redirect::to(&format!("/invii/{id}")).into_response());
        }
        Err(AcceptError::Faults(problems)) => problems
            .into_iter()
            .map(|problem| (problem.field, capitalised(&problem.reason)))
            .collect(),
        Err(AcceptError::NoProvider(channel)) => {
            vec![("plan".into(), format!("Il canale {} non è configurato.", channel.title()))]
        }
        Err(error) => return Err(error.into()),
    };
    Ok(preview::show(&app, &who, &summons, Some(faults)).await)
}
