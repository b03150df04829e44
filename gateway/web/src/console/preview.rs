//! Before a release: the choices, what is missing, and every rendition as it will leave.

use crate::App;
use crate::pages::{self, PageError, Shell, capitalised};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use messo_core::addresses::{Address, Channel};
use messo_core::cases::{Case, Role};
use messo_core::ids::{CaseId, PartyId};
use messo_core::notices::{Locale, NoticeFacts, NoticeRequest, RecipientRequest};
use messo_core::parties::Party;
use messo_core::plans::Plan;
use messo_core::ports::{Frame, RenderError, Rendition};
use messo_core::sms_text::segments;
use messo_core::tokens::{Token, qr_text};
use serde::Deserialize;
use std::sync::Arc;

/// Plans that offices use, in words. A plan is offered when all its channels are configured.
const PLANS: [(&str, &str); 8] = [
    ("email+sms?", "E-mail e SMS"),
    ("email", "Solo e-mail"),
    ("email>registered", "E-mail, altrimenti raccomandata"),
    ("pec>registered", "PEC, altrimenti raccomandata"),
    ("pec", "Solo PEC"),
    ("registered+email?", "Raccomandata A/R ed e-mail"),
    ("sms", "Solo SMS"),
    ("post", "Posta prioritaria"),
];

/// What the person chose; empty where nothing was chosen yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    modello: String,
    lingua: String,
    piano: String,
    /// A plan written by hand; wins over the list.
    piano_scritto: String,
}

/// Somebody's part in a case, with the choices made: what a preview and a release are made of.
pub(super) struct Summons {
    case: Case,
    party: Party,
    role: Option<Role>,
    pub(super) template: String,
    locale: Locale,
    plan_text: String,
    plan: Result<Plan, String>,
}

impl Summons {
    /// Reads case and party; fills in what was not chosen.
    pub(super) async fn read(
        app: &App,
        who: &SignedIn,
        case: &str,
        party: &str,
        choice: &Choice,
    ) -> Result<Self, PageError> {
        let case: CaseId = case.parse().map_err(|_| PageError::Missing)?;
        let party: PartyId = party.parse().map_err(|_| PageError::Missing)?;
        let (store, body) = (&app.engine().store, who.body.id);
        let case = store.case(body, case).await?.ok_or(PageError::Missing)?;
        let party = store.party(body, party).await?.ok_or(PageError::Missing)?;
        let roles = store.roles(body, case.id).await?;
        let role = roles.iter().find(|role| role.party == party.id).map(|role| role.role);
        let proposed = match role {
            Some(Role::Petitioner) => "conferma",
            _ => "convocazione",
        };
        let template = first_of(&choice.modello, proposed);
        let plan_text = match first_of(&choice.piano_scritto, &choice.piano) {
            text if text.is_empty() => proposed_plan(app, &party).to_owned(),
            text => text,
        };
        Ok(Self {
            locale: choice.lingua.parse().unwrap_or(party.locale),
            plan: plan_text
                .parse()
                .map_err(|error: messo_core::plans::InvalidPlan| error.to_string()),
            case,
            party,
            role,
            template,
            plan_text,
        })
    }

    /// The request that a release would make.
    pub(super) fn request(&self, who: &SignedIn, key: String) -> Result<NoticeRequest, &str> {
        let plan = self.plan.as_ref().map_err(String::as_str)?.clone();
        Ok(NoticeRequest {
            body: who.body.id,
            key,
            template: self.template.clone(),
            plan,
            batch: None,
            not_before: None,
            recipients: vec![self.recipient()],
        })
    }

    fn recipient(&self) -> RecipientRequest {
        let mut recipient = self.party.facts.clone();
        recipient.role = self.role.map(|role| role.italian().to_owned()).unwrap_or_default();
        if recipient.postal_lines.is_empty()
            && let Some(block) = self.party.addresses.iter().find_map(|address| match address {
                Address::Postal(block) => Some(block),
                _ => None,
            })
        {
            recipient.postal_lines = block.lines().to_vec();
        }
        let facts = NoticeFacts {
            template: self.template.clone(),
            locale: self.locale,
            case: self.case.facts.clone(),
            recipient,
            meeting: self.case.meeting.clone(),
            ..NoticeFacts::default()
        };
        RecipientRequest { row: 0, facts, addresses: self.party.addresses.clone() }
    }

    /// Renders for a channel as it would leave now. The code is sealed for document 0, so that a
    /// preview's code never stands for a letter that was sent.
    pub(super) async fn render(
        &self,
        app: &App,
        who: &SignedIn,
        channel: Channel,
    ) -> Result<Rendition, RenderError> {
        let engine = Arc::clone(app.engine());
        let token = Token {
            body: who.body.number,
            case: self.case.serial,
            party: self.party.serial,
            document: 0,
            page: 1,
            pages: 1,
        };
        let sending = engine.providers.sending(channel);
        let frame = Frame {
            // About as long as a real one: an SMS is counted with it.
            reference: "0000".into(),
            qr_text: qr_text(&engine.settings.public_url, &engine.tokens.seal(&token)),
            at: engine.clock.now(),
            sandbox: sending.is_some_and(|provider| provider.spec().sandbox),
        };
        let mut facts = self.recipient().facts;
        facts.body = who.body.facts.clone();
        tokio::task::spawn_blocking(move || engine.renderer.render(&facts, channel, &frame))
            .await
            .unwrap_or_else(|_| Err(RenderError::Letter("la composizione si è interrotta".into())))
    }
}

fn first_of(chosen: &str, otherwise: &str) -> String {
    let chosen = chosen.trim();
    if chosen.is_empty() { otherwise.trim().to_owned() } else { chosen.to_owned() }
}

/// Plans whose channels are all configured.
fn offered(app: &App) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
    let providers = &app.engine().providers;
    PLANS.into_iter().filter(|(plan, _)| {
        plan.parse::<Plan>()
            .is_ok_and(|plan| plan.channels().all(|channel| providers.sending(channel).is_some()))
    })
}

/// The first plan for which the party has the addresses; the first of all otherwise, so that the
/// page says what is missing.
fn proposed_plan(app: &App, party: &Party) -> &'static str {
    let fits = |(plan, _): &(&'static str, &str)| {
        plan.parse::<Plan>().is_ok_and(|plan| plan.legs(&party.addresses).is_ok())
    };
    let found = offered(app).find(fits).or_else(|| offered(app).next());
    found.map_or("email", |(plan, _)| plan)
}

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
    faults: Vec<(String, String)>,
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
    fn every_plan_that_is_offered_is_a_plan() {
        for (plan, title) in PLANS {
            assert!(plan.parse::<Plan>().is_ok(), "{title}");
        }
    }

    #[test]
    fn an_sms_is_counted_in_parts() {
        assert_eq!(sms_size("Perché no?"), "1 SMS, 10 caratteri");
        assert_eq!(sms_size(&"a".repeat(161)), "2 SMS uniti, 161 caratteri");
    }
}
