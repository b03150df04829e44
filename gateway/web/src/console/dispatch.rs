//! One dispatch: what happened in words, the ways and where each stands, the answer, the proof.

use crate::App;
use crate::api::zip;
use crate::pages::{self, PageError, Shell, capitalised, minute, second};
use crate::session::SignedIn;
use crate::views::Record;
use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use messo_core::addresses::Address;
use messo_core::dispatches::{Dispatch, DispatchState, Leg};
use messo_core::ids::DispatchId;
use messo_core::legs::LegState;
use messo_core::notices::LawyerFacts;
use messo_core::receipts::{Receipt, Signal};
use messo_core::time::Timestamp;
use messo_engine::Verdict;
use messo_engine::certify::CertifyError;
use messo_engine::timeline::{SANDBOX_MARK, TimelineEvent, TimelineKind, leg_words, timeline};
use serde::Deserialize;
use std::sync::Arc;

/// What a dispatch has come to, as page part and as fragment.
#[derive(Template)]
#[template(path = "dispatch_state.html")]
struct Standing {
    id: String,
    state: &'static str,
    state_title: &'static str,
    sandbox: bool,
    answers: Vec<Answer>,
    legs: Vec<LegLine>,
    events: Vec<Event>,
    can_cancel: bool,
    every: u32,
}

#[derive(Template)]
#[template(path = "dispatch.html")]
struct Page {
    shell: Shell,
    recipient: String,
    role: String,
    case: String,
    matter: String,
    lawyer: Option<LawyerFacts>,
    template: String,
    number: u32,
    released_at: String,
    batch: Option<String>,
    standing: Standing,
}

struct Answer {
    /// From an address to which this dispatch was not written.
    other_sender: bool,
    from: String,
    channel: &'static str,
    at: String,
    text: String,
}

struct LegLine {
    index: usize,
    channel: &'static str,
    address: String,
    words: String,
    /// A further sentence: when it is tried again, until when a receipt may come.
    more: String,
    class: &'static str,
    doubtful: bool,
}

struct Event {
    at: String,
    text: String,
    simulated: bool,
    class: &'static str,
}

fn parse(id: &str) -> Result<DispatchId, PageError> {
    id.parse().map_err(|_| PageError::Missing)
}

async fn record(app: &App, who: &SignedIn, id: &str) -> Result<Record, PageError> {
    let id = parse(id)?;
    Record::read(app.engine(), who.body.id, id).await?.ok_or(PageError::Missing)
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let record = record(&app, &who, &id).await?;
    let Dispatch { facts, number, created_at, batch, .. } = &record.dispatch;
    let title = app.engine().template(&facts.template).map(|template| template.title);
    let page = Page {
        shell: Shell::inside(&app, &who, "/invii", &facts.recipient.full_name()),
        recipient: facts.recipient.full_name(),
        role: facts.recipient.role.clone(),
        case: format!("{}/{}", facts.case.number, facts.case.year),
        matter: facts.case.matter.clone(),
        lawyer: facts.lawyer.clone(),
        template: title.map_or_else(|_| facts.template.clone(), str::to_owned),
        number: *number,
        released_at: minute(*created_at),
        batch: batch.map(|batch| batch.to_string()),
        standing: standing(&record, app.engine().clock.now()),
    };
    Ok(pages::html(&page))
}

pub(super) async fn fragment(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let record = record(&app, &who, &id).await?;
    Ok(pages::html(&standing(&record, app.engine().clock.now())))
}

pub(super) async fn evidence(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    match app.engine().certify(who.body.id, id).await {
        Ok(bundle) => Ok(zip(id, bundle)),
        Err(CertifyError::Missing) => Err(PageError::Missing),
        Err(CertifyError::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "a proof bundle could not be made");
            Err(PageError::TooLate(error.to_string()))
        }
    }
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    app.engine().cancel(who.body.id, id, &who.user.login).await?;
    Ok(back(id))
}

/// What somebody found out about a leg in doubt.
#[derive(Deserialize)]
pub(super) struct Finding {
    leg: usize,
    esito: Esito,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Esito {
    Inviato,
    NonInviato,
}

pub(super) async fn settle(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(finding): Form<Finding>,
) -> Result<Response, PageError> {
    let id = parse(&id)?;
    let verdict = match finding.esito {
        Esito::Inviato => Verdict::Sent,
        Esito::NonInviato => Verdict::NotSent,
    };
    app.engine().settle(who.body.id, id, finding.leg, verdict, &who.user.login).await?;
    Ok(back(id))
}

fn back(id: DispatchId) -> Response {
    Redirect::to(&format!("/invii/{id}")).into_response()
}

fn standing(record: &Record, now: Timestamp) -> Standing {
    let dispatch = &record.dispatch;
    let state = dispatch.state();
    let told = timeline(dispatch, &record.attempts, &record.receipts, &record.evidence);
    Standing {
        id: dispatch.id.to_string(),
        state: state.word(),
        state_title: dispatch.title(),
        sandbox: record.sandbox(),
        answers: record
            .receipts
            .iter()
            .filter_map(|receipt| answer(receipt, &record.dispatch))
            .collect(),
        legs: dispatch.legs.iter().enumerate().map(|(i, leg)| leg_line(i, leg, now)).collect(),
        events: told.iter().rev().map(event).collect(),
        can_cancel: can_cancel(dispatch, now),
        every: if state == DispatchState::Waiting { 1_000 } else { 3_000 },
    }
}

/// Whether nothing has left and something could be stopped.
fn can_cancel(dispatch: &Dispatch, now: Timestamp) -> bool {
    let mut tried = dispatch.clone();
    tried.cancel(now);
    tried != *dispatch && tried.state() == DispatchState::Cancelled
}

fn answer(receipt: &Receipt, dispatch: &Dispatch) -> Option<Answer> {
    let Signal::Answer { from, text } = &receipt.signal else { return None };
    let mut written_to = dispatch.legs.iter().filter_map(|leg| leg.address.as_ref());
    Some(Answer {
        other_sender: !written_to.any(|to| to.line().eq_ignore_ascii_case(&from.line())),
        from: from.line(),
        channel: receipt.channel.title(),
        at: minute(receipt.at),
        text: text.clone(),
    })
}

fn leg_line(index: usize, leg: &Leg, now: Timestamp) -> LegLine {
    let (class, more) = match &leg.state {
        LegState::Planned => ("", String::new()),
        LegState::Ready { due_at, .. } if *due_at > now => {
            ("waiting", format!("Si invia il {}.", second(*due_at)))
        }
        LegState::Ready { .. } | LegState::Sending { .. } => ("waiting", String::new()),
        LegState::Submitted { receipt_by, .. } => (
            "waiting",
            format!("Se non arriva entro il {}, si considera non consegnato.", minute(*receipt_by)),
        ),
        LegState::Doubtful { since, .. } => ("doubtful", format!("Dal {}.", minute(*since))),
        LegState::Delivered { at, .. } => ("delivered", format!("Il {}.", second(*at))),
        LegState::Failed { at, .. } => ("failed", format!("Il {}.", second(*at))),
        LegState::Skipped { .. } => ("", String::new()),
    };
    LegLine {
        index,
        channel: leg.channel.title(),
        address: leg.address.as_ref().map(Address::line).unwrap_or_default(),
        words: capitalised(&leg_words(&leg.state)),
        more,
        class,
        doubtful: matches!(leg.state, LegState::Doubtful { .. }),
    }
}

fn event(event: &TimelineEvent) -> Event {
    let class = match event.kind {
        TimelineKind::Accepted | TimelineKind::Progress | TimelineKind::Settled => "",
        TimelineKind::Fallback => "fallback",
        TimelineKind::Attempt => "attempt",
        TimelineKind::Taken => "taken",
        TimelineKind::Delivered => "delivered",
        TimelineKind::Failed => "failed",
        TimelineKind::Answer => "answer",
        TimelineKind::Doubt => "doubt",
        TimelineKind::Closed => "closed",
        TimelineKind::Cancelled => "cancelled",
    };
    // The sentence ends with the mark of the sandbox; here the mark is a sign beside it.
    let (text, simulated) = match event.text.split_once(SANDBOX_MARK) {
        Some((text, _)) => (text.trim_end_matches([' ', '—']), true),
        None => (event.text.as_str(), false),
    };
    Event { at: second(event.at), text: text.to_owned(), simulated, class }
}
