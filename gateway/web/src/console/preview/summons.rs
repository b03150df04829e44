//! Somebody's part in a case with the choices made: what a preview and a release are made of.

use crate::App;
use crate::pages::PageError;
use crate::session::SignedIn;
use messo_core::addresses::{Address, Channel};
use messo_core::cases::{Case, Role};
use messo_core::ids::{CaseId, PartyId};
use messo_core::notices::{LawyerFacts, Locale, NoticeFacts, NoticeRequest, RecipientRequest};
use messo_core::parties::Party;
use messo_core::plans::Plan;
use messo_core::ports::{Frame, RenderError, Rendition};
use messo_core::tokens::{Token, qr_text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Plans that offices use, in words. A plan is offered when all its channels are configured.
const PLANS: [(&str, &str); 9] = [
    ("pec>registered", "PEC, altrimenti raccomandata"),
    ("pec>email+sms?", "PEC, altrimenti e-mail e SMS"),
    ("email+sms?", "E-mail e SMS"),
    ("email", "Solo e-mail"),
    ("email>registered", "E-mail, altrimenti raccomandata"),
    ("pec", "Solo PEC"),
    ("registered+email?", "Raccomandata A/R ed e-mail"),
    ("sms", "Solo SMS"),
    ("post", "Posta prioritaria"),
];

/// What the person chose; empty where nothing was chosen yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    modello: String,
    lingua: String,
    piano: String,
    /// A plan written by hand; wins over the list.
    piano_scritto: String,
    /// The template's own fields, each with [`OWN`] before its name.
    #[serde(flatten)]
    own: BTreeMap<String, String>,
}

/// What stands before the name of a template's own field in a form.
pub(super) const OWN: &str = "campo.";

/// Most fields of a template's own.
const MAX_OWN: usize = 20;

/// Somebody's part in a case, with the choices made: what a preview and a release are made of.
pub(crate) struct Summons {
    pub(super) case: Case,
    pub(super) party: Party,
    pub(super) role: Option<Role>,
    pub(super) lawyer: Option<LawyerFacts>,
    pub(super) template: String,
    pub(super) locale: Locale,
    pub(super) plan_text: String,
    /// The template's own fields, by name.
    pub(super) own: BTreeMap<String, String>,
    plan: Result<Plan, String>,
}

impl Summons {
    /// Reads case and party; fills in what was not chosen.
    pub(crate) async fn read(
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
        let role = roles.iter().find(|role| role.party == party.id);
        let lawyer = role.and_then(|role| role.lawyer.clone());
        let role = role.map(|role| role.role);
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
            own: own_fields(&choice.own),
            case,
            party,
            role,
            lawyer,
            template,
            plan_text,
        })
    }

    /// The request that a release would make.
    pub(crate) fn request(&self, who: &SignedIn, key: String) -> Result<NoticeRequest, &str> {
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
            lawyer: self.lawyer.clone(),
            extra: self.own.clone(),
            meeting: self.case.meeting.clone(),
            ..NoticeFacts::default()
        };
        RecipientRequest { row: 0, facts, addresses: self.party.addresses.clone() }
    }

    /// Renders for a channel as it would leave now. The code is sealed for document 0, so that a
    /// preview's code never stands for a letter that was sent.
    pub(crate) async fn render(
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

fn own_fields(entered: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = entered.iter().filter_map(|(name, text)| Some((name.strip_prefix(OWN)?, text)));
    // Browsers send CRLF.
    own.take(MAX_OWN).map(|(name, text)| (name.to_owned(), text.replace("\r\n", "\n"))).collect()
}

fn first_of(chosen: &str, otherwise: &str) -> String {
    let chosen = chosen.trim();
    if chosen.is_empty() { otherwise.trim().to_owned() } else { chosen.to_owned() }
}

/// Plans whose channels are all configured.
pub(super) fn offered(app: &App) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
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
    fn a_form_says_the_template_s_own_fields_among_the_choices() {
        let sent = "modello=comunicazione&piano=email&campo.oggetto=Rinvio&altro=x&campo.testo=Uno%0D%0A%0D%0ADue";
        let choice: Choice = serde_urlencoded_of(sent);
        let own = own_fields(&choice.own);
        assert_eq!(choice.modello, "comunicazione");
        assert_eq!(own.get("oggetto").map(String::as_str), Some("Rinvio"));
        assert_eq!(own.get("testo").map(String::as_str), Some("Uno\n\nDue"));
        assert_eq!(own.len(), 2);
    }

    fn serde_urlencoded_of(sent: &str) -> Choice {
        let uri: axum::http::Uri = format!("/?{sent}").parse().unwrap();
        axum::extract::Query::try_from_uri(&uri).unwrap().0
    }
}
