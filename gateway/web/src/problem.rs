//! Errors of the API as `application/problem+json` (RFC 9457).
//!
//! `title` and `detail` are for people and are Italian; `type` and `errors[].field` are for programs
//! and stay. Nothing of the inside shows: causes go to the log, once, here.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use messo_core::ports::StoreError;
use messo_engine::AcceptError;
use serde::Serialize;
use utoipa::ToSchema;

/// Most faults that are listed; `detail` has their whole number.
const MAX_LISTED: usize = 1_000;

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What sort of problem: a name that stays, e.g. `urn:messo:problem:invalid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few Italian words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// An Italian sentence about this occurrence.
    pub detail: String,
    /// Every fault, where the request has some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
}

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFault {
    /// Where, e.g. `recipients[0].email`.
    #[schema(example = "recipients[0].email")]
    pub field: String,
    /// The same as a JSON Pointer into the request (RFC 6901).
    #[schema(example = "/recipients/0/email")]
    pub pointer: String,
    /// What to mend, an Italian sentence.
    pub reason: String,
}

impl FieldFault {
    /// A fault at a place that is written as `recipients[0].email`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let field = field.into();
        let steps: Vec<String> =
            field.split(['.', '[']).map(|step| step.trim_end_matches(']').to_owned()).collect();
        Self { pointer: pointer(&steps), field, reason: reason.into() }
    }

    /// A fault at the end of a path of names and indices.
    pub(crate) fn at(steps: &[String], reason: impl Into<String>) -> Self {
        let mut field = String::new();
        for step in steps {
            match step.bytes().all(|byte| byte.is_ascii_digit()) && !field.is_empty() {
                true => field += &format!("[{step}]"),
                false if field.is_empty() => field.clone_from(step),
                false => field += &format!(".{step}"),
            }
        }
        Self { pointer: pointer(steps), field, reason: reason.into() }
    }

    /// A fault that the template, the plan or a rule finds in a recipient. `column` is the name in a CSV,
    /// where case and meeting stand in every row; here they stand once.
    pub(crate) fn of_recipient(index: usize, column: &str, reason: impl Into<String>) -> Self {
        let own = format!("/recipients/{index}");
        let pointer = match column {
            "case_number" => "/case/number".to_owned(),
            "case_year" => "/case/year".to_owned(),
            "filed_on" => "/case/filed_on".to_owned(),
            "matter" => "/case/matter".to_owned(),
            "value" => "/case/value".to_owned(),
            "meeting_at" => "/meeting/at".to_owned(),
            "meeting_place" => "/meeting/place".to_owned(),
            "lawyer_name" => format!("{own}/lawyer/name"),
            "lawyer_pec" => format!("{own}/lawyer/pec"),
            "body_name" => String::new(),
            known if RECIPIENT.contains(&known) => format!("{own}/{known}"),
            // The template's own.
            other => format!("{own}/extra/{}", escaped(other)),
        };
        let field = format!("recipients[{index}].{column}");
        Self { field, pointer, reason: reason.into() }
    }
}

/// Fields of a recipient that have the name of their column.
const RECIPIENT: [&str; 17] = [
    "role",
    "given_name",
    "family_name",
    "company",
    "fiscal_code",
    "language",
    "email",
    "pec",
    "mobile",
    "fax",
    "street",
    "house_number",
    "postal_code",
    "city",
    "province",
    "country",
    "chat",
];

/// RFC 6901.
fn pointer(steps: &[String]) -> String {
    steps
        .iter()
        .filter(|step| steps.len() > 1 || !step.is_empty())
        .map(|step| format!("/{}", escaped(step)))
        .collect()
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

impl Problem {
    fn new(kind: &str, title: &str, status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:messo:problem:{kind}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 400: not a request at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", "Richiesta non leggibile", StatusCode::BAD_REQUEST, detail)
    }

    /// 401: no key, or an unknown one.
    pub fn unauthorized() -> Self {
        let detail = "Serve una chiave valida nell'intestazione Authorization: Bearer.";
        Self::new("unauthorized", "Chiave mancante o sconosciuta", StatusCode::UNAUTHORIZED, detail)
    }

    /// 404: not there, or another body's.
    pub fn missing(detail: impl Into<String>) -> Self {
        Self::new("missing", "Non trovato", StatusCode::NOT_FOUND, detail)
    }

    /// 405: the address is right, the method is not.
    pub fn method() -> Self {
        let detail = "Questo indirizzo non prevede questo metodo: si veda /v1/openapi.json.";
        Self::new("method", "Metodo non previsto", StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// 409: the idempotency key was used for something else.
    pub fn conflict() -> Self {
        let detail = "Questa Idempotency-Key è già stata usata per una comunicazione diversa.";
        Self::new("conflict", "Chiave già usata", StatusCode::CONFLICT, detail)
    }

    /// 413: larger than [`crate::MAX_BODY`].
    pub fn too_large() -> Self {
        let detail = "La richiesta supera 1 MB.";
        Self::new("too_large", "Richiesta troppo grande", StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// 415: not JSON.
    pub fn not_json() -> Self {
        let detail = "Il corpo della richiesta è JSON, con Content-Type: application/json.";
        Self::new("not_json", "Formato non previsto", StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 422: some fields must be mended.
    pub fn faults(mut errors: Vec<FieldFault>) -> Self {
        let detail = match errors.len() {
            1 => "Un dato è da correggere; nulla è stato inviato.".into(),
            many => format!("{many} dati sono da correggere; nulla è stato inviato."),
        };
        errors.truncate(MAX_LISTED);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { errors, ..Self::new("invalid", "Dati da correggere", status, detail) }
    }

    /// 500: our fault.
    pub fn internal() -> Self {
        let detail =
            "Si è verificato un errore interno; l'amministratore ne trova traccia nei log.";
        Self::new("internal", "Errore interno", StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// 503: later.
    pub fn unavailable() -> Self {
        let detail =
            "Il servizio non può rispondere ora: riprovare tra poco, con la stessa chiave.";
        Self::new(
            "unavailable",
            "Temporaneamente non disponibile",
            StatusCode::SERVICE_UNAVAILABLE,
            detail,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(_) => {
                Self::missing("Non esiste, o appartiene a un altro organismo.")
            }
            StoreError::Unavailable(_) | StoreError::Unwritable(_) => {
                tracing::error!(%error, "a request could not be served");
                Self::unavailable()
            }
            _ => {
                tracing::error!(%error, "a request could not be served");
                Self::internal()
            }
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let sentence = error.to_string();
        let fault = |field: &str| Self::faults(vec![FieldFault::new(field, sentence.clone())]);
        match error {
            AcceptError::Faults(problems) => Self::faults(
                problems
                    .into_iter()
                    .map(|problem| {
                        // Rows of a request count from 1.
                        let index = problem.row.saturating_sub(1) as usize;
                        FieldFault::of_recipient(index, &problem.field, problem.reason)
                    })
                    .collect(),
            ),
            AcceptError::Recipients(_) => fault("recipients"),
            AcceptError::UnknownTemplate(_) => fault("template"),
            AcceptError::NoProvider(_) | AcceptError::Invalid(_) => fault("plan"),
            AcceptError::Conflict(_) => Self::conflict(),
            AcceptError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::case_sheet::RowError;

    #[test]
    fn a_problem_names_every_fault_by_its_place_in_the_request() {
        let problems = vec![RowError {
            row: 2,
            field: "email".into(),
            reason: "manca il recapito per il canale E-mail".into(),
        }];
        let json = serde_json::to_value(Problem::from(AcceptError::Faults(problems))).unwrap();
        assert_eq!(json["type"], "urn:messo:problem:invalid");
        assert_eq!(json["status"], 422);
        assert_eq!(json["errors"][0]["field"], "recipients[1].email");
        assert_eq!(json["errors"][0]["pointer"], "/recipients/1/email");
    }

    #[test]
    fn a_pointer_leads_to_the_place_in_the_request() {
        let pointer = |column: &str| FieldFault::of_recipient(2, column, "").pointer;
        assert_eq!(pointer("meeting_at"), "/meeting/at");
        assert_eq!(pointer("street"), "/recipients/2/street");
        assert_eq!(pointer("oggetto"), "/recipients/2/extra/oggetto");
        assert_eq!(
            FieldFault::new("recipients[0].lawyer.name", "").pointer,
            "/recipients/0/lawyer/name"
        );
        assert_eq!(FieldFault::new("plan", "").pointer, "/plan");
    }

    #[test]
    fn a_problem_is_sent_with_its_own_media_type_and_status() {
        let response = Problem::unauthorized().into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn what_broke_inside_is_not_told_outside() {
        let problem =
            Problem::from(StoreError::Unavailable("connection to db.internal:5432".into()));
        assert!(!serde_json::to_string(&problem).unwrap().contains("5432"));
    }
}
