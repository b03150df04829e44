//! The first page: the cases with their parties, and the latest dispatches.

use super::dispatches::{self, Listing};
use crate::App;
use crate::pages::{self, PageError, Shell};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join_all;
use messo_core::addresses::{Address, Channel};
use messo_core::cases::{Case, CaseRole, CaseStanding, Role};
use messo_core::ports::StoreError;
use std::sync::Arc;

/// Most cases on the page.
const MAX_CASES: u32 = 50;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    shell: Shell,
    cases: Vec<CaseCard>,
    listing: Listing,
    demo: bool,
}

pub(super) struct CaseCard {
    pub(super) id: String,
    /// Number and year, e.g. `41/2026`.
    pub(super) name: String,
    pub(super) matter: String,
    /// Made from a petition, to be checked.
    pub(super) draft: bool,
    /// The next meeting in words.
    pub(super) meeting: String,
    pub(super) parties: Vec<PartyLine>,
}

pub(super) struct PartyLine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: &'static str,
    /// The channels by which the party can be reached.
    pub(super) reach: String,
    /// What the button says.
    pub(super) verb: &'static str,
    /// A summons is what most people come for.
    summoned: bool,
}

pub(super) async fn home(
    State(app): State<Arc<App>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let cases = app.engine().store.cases(who.body.id, MAX_CASES).await?;
    let cards = try_join_all(cases.into_iter().map(|case| card(&app, case))).await?;
    let page = Home {
        shell: Shell::inside(&app, &who, "/", "Pratiche"),
        cases: cards,
        listing: dispatches::latest(&app, &who).await?,
        demo: app.web.demo.is_some(),
    };
    Ok(pages::html(&page))
}

/// A case with its parties.
pub(super) async fn card(app: &App, case: Case) -> Result<CaseCard, StoreError> {
    let roles = app.engine().store.roles(case.body, case.id).await?;
    let lines = try_join_all(roles.into_iter().map(|role| line(app, role))).await?;
    let mut parties: Vec<(Role, PartyLine)> = lines.into_iter().flatten().collect();
    parties.sort_by(|(role, one), (other, two)| (role, &one.name).cmp(&(other, &two.name)));
    Ok(CaseCard {
        id: case.id.to_string(),
        name: format!("{}/{}", case.facts.number, case.facts.year),
        draft: case.standing == CaseStanding::Draft,
        matter: case.facts.matter,
        meeting: case
            .meeting
            .map(|meeting| meeting.at.strftime("%d/%m/%Y, ore %H:%M").to_string())
            .unwrap_or_default(),
        parties: parties.into_iter().map(|(_, line)| line).collect(),
    })
}

async fn line(app: &App, role: CaseRole) -> Result<Option<(Role, PartyLine)>, StoreError> {
    let Some(party) = app.engine().store.party(role.body, role.party).await? else {
        return Ok(None);
    };
    let line = PartyLine {
        id: party.id.to_string(),
        name: party.facts.full_name(),
        role: role.role.italian(),
        reach: reach(&party.addresses),
        verb: match role.role {
            Role::Summoned => "Convoca",
            _ => "Avvisa",
        },
        summoned: role.role == Role::Summoned,
    };
    Ok(Some((role.role, line)))
}

/// The channels that the addresses serve, each once.
fn reach(addresses: &[Address]) -> String {
    let served = |channel: &Channel| addresses.iter().any(|address| address.serves(*channel));
    // A postal address serves two channels; people think of one.
    let titles = Channel::ALL.into_iter().filter(|channel| *channel != Channel::Registered);
    let titles: Vec<_> = titles
        .filter(served)
        .map(|channel| match channel {
            Channel::Post => "Posta",
            other => other.title(),
        })
        .collect();
    titles.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::addresses::EmailAddress;

    #[test]
    fn a_party_is_shown_with_the_ways_to_reach_it() {
        let email = EmailAddress::parse("anna@example.it").unwrap();
        let both = [Address::Pec(email.clone()), Address::Email(email)];
        assert_eq!(reach(&both), "E-mail · PEC");
        assert_eq!(reach(&[]), "");
    }
}
