//! One case: who is in it, and the documents in its file.

use super::cases::{CaseCard, card};
use crate::App;
use crate::pages::{self, PageError, Shell, minute};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use messo_core::cases::{CaseStanding, Document};
use messo_core::ids::{CaseId, DocumentId};
use std::sync::Arc;

struct DocumentLine {
    id: String,
    name: String,
    kind: String,
    at: String,
}

#[derive(Template)]
#[template(path = "case.html")]
struct Page {
    shell: Shell,
    case: CaseCard,
    draft: bool,
    filed_on: String,
    documents: Vec<DocumentLine>,
}

fn parse(id: &str) -> Result<CaseId, PageError> {
    id.parse().map_err(|_| PageError::Missing)
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let store = &app.engine().store;
    let case = store.case(who.body.id, parse(&id)?).await?.ok_or(PageError::Missing)?;
    let documents = store.documents(who.body.id, case.id).await?;
    let draft = case.standing == CaseStanding::Draft;
    let filed_on = case.facts.filed_on.map(|day| day.strftime("%d/%m/%Y").to_string());
    let card = card(&app, case).await?;
    let page = Page {
        shell: Shell::inside(&app, &who, "/", &format!("Pratica {}", card.name)),
        draft,
        filed_on: filed_on.unwrap_or_default(),
        documents: documents.iter().map(line).collect(),
        case: card,
    };
    Ok(pages::html(&page))
}

fn line(document: &Document) -> DocumentLine {
    DocumentLine {
        id: document.id.to_string(),
        name: document.name.clone(),
        kind: document.media_type.clone(),
        at: minute(document.created_at),
    }
}

/// A document, always as a file to keep: what strangers sent is never shown inside our pages.
pub(super) async fn document(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let id: DocumentId = id.parse().map_err(|_| PageError::Missing)?;
    let store = &app.engine().store;
    let documents = store.documents(who.body.id, parse(&case)?).await?;
    let document = documents.into_iter().find(|document| document.id == id);
    let document = document.ok_or(PageError::Missing)?;
    let bytes = store.blob(who.body.id, document.blob).await?.ok_or(PageError::Missing)?;
    let name = encoded(&document.name);
    let headers = [
        (header::CONTENT_TYPE, document.media_type),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
        (header::CONTENT_SECURITY_POLICY, "sandbox".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// A file name as RFC 8187 wants it.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_file_cannot_leave_its_header() {
        assert_eq!(encoded("è a\"\r\n.pdf"), "%C3%A8%20a%22%0D%0A.pdf");
    }
}
