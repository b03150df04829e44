//! Before a release: the choices, what is missing, what is odd, and every rendition as it will leave.
//!
//! A template may ask for fields of its own (the subject and the text of a communication): they are entered
//! here and travel in the bodies of forms, never in an address, which ends in logs and histories.

mod summons;

use crate::App;
use crate::pages::{self, PageError, Shell, capitalised};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use messo_core::addresses::{Address, Channel};
use messo_core::cases::Role;
use messo_core::notices::{LawyerFacts, Locale};
use messo_core::ports::{RenderError, Rendition};
use messo_core::sms_text::segments;
use std::sync::Arc;
use summons::OWN;

use summons::offered;
pub(super) use summons::{Choice, Summons};

#[derive(Template)]
#[template(path = "preview.html")]
struct Page {
    shell: Shell,
    recipient: String,
    role: &'static str,
    case: String,
    matter: String,
    addresses: Vec<(&'static str, String)>,
    here: String,
    /// Query string of the renditions.
    query: String,
    templates: Vec<Choosable>,
    locales: Vec<Choosable>,
    plans: Vec<Choosable>,
    plan: String,
    /// The plan is none of those in the list.
    by_hand: bool,
    /// The template's own fields, with what was entered.
    fields: Vec<Field>,
    lawyer: Option<LawyerFacts>,
    faults: Vec<(String, String)>,
    warnings: Vec<String>,
    legal: bool,
    mail: Result<MailWords, String>,
    sms: Result<SmsWords, String>,
    letter: bool,
    key: String,
}

struct Choosable {
    value: String,
    title: String,
    chosen: bool,
}

/// A field to be filled in by hand.
struct Field {
    /// As the form sends it.
    name: String,
    title: String,
    value: String,
    /// It may have paragraphs.
    long: bool,
}

struct MailWords {
    subject: String,
    text: String,
}

struct SmsWords {
    text: String,
    size: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, party)): Path<(String, String)>,
    Query(choice): Query<Choice>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &choice).await?;
    Ok(show(&app, &who, &summons, None).await)
}

/// The same with fields that were entered: a form's body, because they are somebody's words.
pub(super) async fn composed(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path((case, party)): Path<(String, String)>,
    Form(choice): Form<Choice>,
) -> Result<Response, PageError> {
    let summons = Summons::read(&app, &who, &case, &party, &choice).await?;
    Ok(show(&app, &who, &summons, None).await)
}

/// The page; with a refusal when a release was asked for and could not be.
pub(super) async fn show(
    app: &App,
    who: &SignedIn,
    summons: &Summons,
    refusal: Option<Vec<(String, String)>>,
) -> Response {
    let status = match refusal {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let faults = refusal.unwrap_or_else(|| faults(app, who, summons));
    let engine = app.engine();
    let plans: Vec<_> = offered(app)
        .map(|(value, title)| choosable(value, title, value == summons.plan_text))
        .collect();
    let template = engine.template(&summons.template).ok();
    let full_name = summons.party.facts.full_name();
    let page = Page {
        shell: Shell::inside(app, who, "/", &format!("Anteprima per {full_name}")),
        recipient: full_name,
        role: summons.role.map(Role::italian).unwrap_or_default(),
        case: format!("{}/{}", summons.case.facts.number, summons.case.facts.year),
        matter: summons.case.facts.matter.clone(),
        addresses: summons.party.addresses.iter().map(|a| (kind(a), a.line())).collect(),
        here: format!("/pratiche/{}/parti/{}", summons.case.id, summons.party.id),
        query: format!("modello={}&lingua={}", plain(&summons.template), summons.locale),
        templates: engine
            .renderer
            .templates()
            .iter()
            .map(|t| choosable(t.name, t.title, t.name == summons.template))
            .collect(),
        locales: Locale::ALL
            .into_iter()
            .map(|locale| choosable(locale.code(), language(locale), locale == summons.locale))
            .collect(),
        by_hand: !plans.iter().any(|plan| plan.chosen),
        plans,
        plan: summons.plan_text.clone(),
        legal: template.is_some_and(|template| template.legal),
        mail: mail_words(summons.render(app, who, Channel::Email).await),
        sms: sms_words(summons.render(app, who, Channel::Sms).await),
        letter: !faults.iter().any(|(field, _)| field != "plan" && !is_address(field)),
        fields: fields(app, who, summons),
        lawyer: summons.lawyer.clone(),
        warnings: warnings(app, who, summons),
        faults,
        key: engine.ids.uuid().to_string(),
    };
    (status, pages::html(&page)).into_response()
}

/// What is missing for a release, field by field.
fn faults(app: &App, who: &SignedIn, summons: &Summons) -> Vec<(String, String)> {
    let request = match summons.request(who, String::new()) {
        Ok(request) => request,
        Err(sentence) => return vec![("plan".into(), capitalised(sentence))],
    };
    let engine = app.engine();
    let without = request.plan.channels().find(|way| engine.providers.sending(*way).is_none());
    if let Some(channel) = without {
        let sentence = format!("Il canale {} non è configurato.", channel.title());
        return vec![("plan".into(), sentence)];
    }
    match engine.faults(&request.recipients[0], &request, &who.body) {
        Ok(found) => {
            found.into_iter().map(|fault| (fault.field, capitalised(&fault.reason))).collect()
        }
        Err(refusal) => vec![("template".into(), capitalised(&refusal.to_string()))],
    }
}

/// What is odd about it; it can be released all the same.
fn warnings(app: &App, who: &SignedIn, summons: &Summons) -> Vec<String> {
    let Ok(request) = summons.request(who, String::new()) else { return Vec::new() };
    let warnings = app.engine().warnings(&request.recipients[0], &request, &who.body);
    warnings.into_iter().map(|warning| capitalised(&warning.reason)).collect()
}

/// The fields that the template asks for and that no case or party has: its own.
fn fields(app: &App, who: &SignedIn, summons: &Summons) -> Vec<Field> {
    let Ok(mut request) = summons.request(who, String::new()) else { return Vec::new() };
    request.recipients[0].facts.extra.clear();
    let asked = app.engine().faults(&request.recipients[0], &request, &who.body);
    asked
        .unwrap_or_default()
        .into_iter()
        .filter(|fault| !is_known(&fault.field))
        .map(|fault| Field {
            name: format!("{OWN}{}", fault.field),
            title: capitalised(&fault.field),
            value: summons.own.get(&fault.field).cloned().unwrap_or_default(),
            long: fault.field == "testo",
        })
        .collect()
}

/// Whether a field is one of the case, the party, the meeting or the body.
fn is_known(field: &str) -> bool {
    is_address(field)
        || matches!(
            field,
            "case_number"
                | "case_year"
                | "filed_on"
                | "matter"
                | "value"
                | "role"
                | "given_name"
                | "family_name"
                | "company"
                | "fiscal_code"
                | "meeting_at"
                | "meeting_place"
                | "lawyer_name"
                | "lawyer_pec"
                | "body_name"
                | "plan"
                | "template"
        )
}

fn is_address(field: &str) -> bool {
    matches!(field, "email" | "pec" | "mobile" | "fax" | "street" | "chat")
}

fn mail_words(rendition: Result<Rendition, RenderError>) -> Result<MailWords, String> {
    match rendition {
        Ok(Rendition::Mail(mail)) => Ok(MailWords { subject: mail.subject, text: mail.text }),
        Ok(_) => Err("Questo modello non ha un testo per l'e-mail.".into()),
        Err(error) => Err(capitalised(&error.to_string())),
    }
}

fn sms_words(rendition: Result<Rendition, RenderError>) -> Result<SmsWords, String> {
    match rendition {
        Ok(Rendition::Text(text)) => Ok(SmsWords { size: sms_size(&text), text }),
        Ok(_) => Err("Questo modello non ha un testo per l'SMS.".into()),
        Err(error) => Err(capitalised(&error.to_string())),
    }
}

fn sms_size(text: &str) -> String {
    let size = segments(text);
    let parts = match size.parts {
        1 => "1 SMS".to_owned(),
        parts => format!("{parts} SMS uniti"),
    };
    format!("{parts}, {} caratteri", text.chars().count())
}

fn choosable(value: &str, title: &str, chosen: bool) -> Choosable {
    Choosable { value: value.to_owned(), title: title.to_owned(), chosen }
}

/// A template's name as it may stand in an address: others have no rendition anyway.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()
}

const fn language(locale: Locale) -> &'static str {
    match locale {
        Locale::It => "Italiano",
        Locale::De => "Deutsch",
        Locale::En => "English",
    }
}

const fn kind(address: &Address) -> &'static str {
    match address {
        Address::Email(_) => "E-mail",
        Address::Pec(_) => "PEC",
        Address::Mobile(_) => "Cellulare",
        Address::Fax(_) => "Fax",
        Address::Postal(_) => "Indirizzo",
        Address::Chat(_) => "Chat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sms_is_counted_in_parts() {
        assert_eq!(sms_size("Perché no?"), "1 SMS, 10 caratteri");
        assert_eq!(sms_size(&"a".repeat(161)), "2 SMS uniti, 161 caratteri");
    }
}
