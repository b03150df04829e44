//! What came in by mail: the list, with what waits for a person first, and one message with what was
//! found in it.

use crate::App;
use crate::pages::{self, PageError, Shell, minute};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use messo_core::cases::Case;
use messo_core::ids::{BodyId, CaseId, MessageId};
use messo_core::messages::{MailClass, Message, MessageState, Reading, Summary};
use messo_core::ports::{MessageFilter, StoreError};
use messo_core::signatures::{SignatureReport, Verdict};
use serde::Deserialize;
use std::sync::Arc;

/// Messages on a page.
const PAGE: u32 = 50;

/// Longest text shown, in characters.
const MAX_TEXT: usize = 20_000;

/// What the list is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    stato: Option<String>,
    #[serde(default)]
    prima: Option<String>,
}

struct Row {
    id: String,
    from: String,
    subject: String,
    what: &'static str,
    at: String,
    chip: &'static str,
    chip_title: &'static str,
}

struct Tab {
    href: &'static str,
    title: &'static str,
    current: bool,
}

#[derive(Template)]
#[template(path = "messages.html")]
struct Page {
    shell: Shell,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    desk: bool,
    older: Option<String>,
}

/// The views of the list: address, title, state.
const VIEWS: [(&str, &str, Option<&str>); 3] = [
    ("/posta", "Da vedere", Some("desk")),
    ("/posta?stato=done", "Fatti", Some("done")),
    ("/posta?stato=tutti", "Tutti", None),
];

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let index = match asked.stato.as_deref() {
        Some("done") => 1,
        Some(_) => 2,
        None => 0,
    };
    let state = VIEWS[index].2;
    let before = asked.prima.as_deref().and_then(|text| text.parse().ok());
    let filter = MessageFilter { state, before, limit: PAGE };
    let messages = app.engine().store.messages(who.body.id, &filter).await?;
    let older = (messages.len() == PAGE as usize).then(|| {
        let mark = if index == 0 { '?' } else { '&' };
        let last = messages.last().map(|message| message.id.to_string()).unwrap_or_default();
        format!("{}{mark}prima={last}", VIEWS[index].0)
    });
    let tabs = VIEWS.iter().enumerate().map(|(at, (href, title, _))| Tab {
        href,
        title,
        current: at == index,
    });
    let page = Page {
        shell: Shell::inside(&app, &who, "/posta", "Posta in arrivo"),
        tabs: tabs.collect(),
        rows: messages.iter().map(row).collect(),
        desk: index == 0,
        older,
    };
    Ok(pages::html(&page))
}

fn row(message: &Message) -> Row {
    let summary = message.summary.as_ref();
    let (chip, chip_title) = chip(&message.state);
    Row {
        id: message.id.to_string(),
        from: summary
            .map(|summary| summary.from.clone())
            .filter(|from| !from.is_empty())
            .unwrap_or_else(|| "mittente non leggibile".into()),
        subject: summary.map(|summary| summary.subject.clone()).unwrap_or_default(),
        what: summary.map_or("messaggio", what),
        at: minute(message.received_at),
        chip,
        chip_title,
    }
}

/// What a message is, in a few words.
fn what(summary: &Summary) -> &'static str {
    match (summary.pec, summary.class) {
        (Some(kind), MailClass::PecReceipt) => kind.title(),
        (_, MailClass::PecReceipt) => "ricevuta PEC",
        (_, MailClass::PecEnvelope) => "messaggio PEC",
        (_, MailClass::PecAnomaly) => "posta non certificata nella casella PEC",
        (_, MailClass::Dsn) => "avviso di mancato recapito",
        (_, MailClass::Arf) => "segnalazione come posta indesiderata",
        (_, MailClass::Mdn) => "conferma di lettura",
        (_, MailClass::CalendarReply) => "risposta a un invito",
        (_, MailClass::AutoReply) => "risposta automatica",
        (_, MailClass::Correspondence) => "e-mail",
    }
}

const fn chip(state: &MessageState) -> (&'static str, &'static str) {
    match state {
        MessageState::Unread => ("waiting", "In lettura"),
        MessageState::Done => ("delivered", "Fatto"),
        MessageState::Desk { .. } => ("doubtful", "Da vedere"),
        MessageState::Settled => ("delivered", "Visto"),
    }
}

/// A line of the facts about a message.
struct Fact {
    name: &'static str,
    value: String,
    href: Option<String>,
}

struct FileLine {
    name: String,
    kind: String,
    size: String,
    refused: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct One {
    shell: Shell,
    id: String,
    title: String,
    what: &'static str,
    chip: &'static str,
    chip_title: &'static str,
    why: Option<&'static str>,
    sandbox: bool,
    facts: Vec<Fact>,
    new_text: String,
    whole: String,
    files: Vec<FileLine>,
    signature: Vec<&'static str>,
    at_desk: bool,
}

fn parse(id: &str) -> Result<MessageId, PageError> {
    id.parse().map_err(|_| PageError::Missing)
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let looked = app.engine().look(who.body.id, parse(&id)?).await?;
    let (message, reading, signature) = looked.ok_or(PageError::Missing)?;
    let (chip, chip_title) = chip(&message.state);
    let why = match &message.state {
        MessageState::Desk { reason } => Some(reason.sentence()),
        _ => None,
    };
    let subject = reading.as_ref().map(|reading| reading.author().subject.clone());
    let title = subject.filter(|text| !text.is_empty()).unwrap_or_else(|| "Senza oggetto".into());
    let text = |pick: fn(&Reading) -> &String| {
        reading
            .as_ref()
            .map(|reading| pick(reading).chars().take(MAX_TEXT).collect::<String>())
            .unwrap_or_default()
    };
    let (new_text, whole) = (text(|reading| &reading.new_text), text(|reading| &reading.text));
    let page = One {
        shell: Shell::inside(&app, &who, "/posta", &title),
        id,
        what: message.summary.as_ref().map_or("messaggio", what),
        chip,
        chip_title,
        why,
        sandbox: message.sandbox,
        facts: facts(&app, who.body.id, &message, reading.as_ref()).await?,
        whole: if whole.trim() == new_text.trim() { String::new() } else { whole },
        new_text,
        files: files(message.summary.as_ref()),
        signature: signature.as_ref().map(sentences).unwrap_or_default(),
        at_desk: matches!(message.state, MessageState::Desk { .. }),
        title,
    };
    Ok(pages::html(&page))
}

async fn facts(
    app: &App,
    body: BodyId,
    message: &Message,
    reading: Option<&Reading>,
) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    let mut plain = |name, value: String| {
        if !value.is_empty() {
            facts.push(Fact { name, value, href: None });
        }
    };
    if let Some(summary) = &message.summary {
        plain("Da", summary.from.clone());
    }
    plain("Ricevuto", format!("{}, casella {}", minute(message.received_at), message.mailbox));
    if let Some(pec) = reading.and_then(|reading| reading.pec.as_ref()) {
        let at = pec.instant.as_ref().map(|instant| crate::pages::second(instant.at));
        plain("Attestato dal gestore", at.unwrap_or_default());
        plain("Gestore", pec.provider.clone().unwrap_or_default());
        plain("Riguarda il destinatario", pec.recipient.clone().unwrap_or_default());
        plain("Errore del gestore", pec.error_detail.clone().unwrap_or_default());
    }
    let store = &app.engine().store;
    if let Some(entry) = store.registered(body, message.raw).await? {
        plain("Protocollo", format!("n. {}/{}", entry.number, entry.draft.year));
    }
    let Some(summary) = &message.summary else { return Ok(facts) };
    if let Some(rung) = summary.rung {
        plain("Riconosciuto perché", rung.sentence().to_owned());
    }
    if let Some(dispatch) = summary.dispatch {
        let known = store.dispatch(body, dispatch).await?;
        let number = known.map_or(0, |dispatch| dispatch.number);
        let (value, href) = (format!("comunicazione n. {number}"), format!("/invii/{dispatch}"));
        facts.push(Fact { name: "Riguarda", value, href: Some(href) });
    }
    for (name, ids) in
        [("Pratica", summary.case.as_slice()), ("Forse riguarda", summary.candidates.as_slice())]
    {
        facts.extend(cases(app, body, name, ids).await?);
    }
    Ok(facts)
}

async fn cases(
    app: &App,
    body: BodyId,
    name: &'static str,
    ids: &[CaseId],
) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    for id in ids {
        if let Some(case) = app.engine().store.case(body, *id).await? {
            facts.push(Fact { name, value: title(&case), href: Some(format!("/pratiche/{id}")) });
        }
    }
    Ok(facts)
}

fn title(case: &Case) -> String {
    format!("{}/{}", case.facts.number, case.facts.year)
}

fn files(summary: Option<&Summary>) -> Vec<FileLine> {
    let files = summary.map(|summary| summary.attachments.as_slice()).unwrap_or_default();
    files
        .iter()
        .map(|file| FileLine {
            name: file.name.clone(),
            kind: file.media_type.clone(),
            size: super::size(file.size),
            refused: file.refused.map(|refusal| refusal.sentence()),
        })
        .collect()
}

/// What staff should know of the provider's signature.
fn sentences(report: &SignatureReport) -> Vec<&'static str> {
    let mut sentences = vec![report.verdict.sentence()];
    if report.verdict != Verdict::Valid {
        sentences.extend(report.reasons.iter().map(|reason| reason.sentence()));
    }
    sentences
}

/// The exact bytes, as a file to keep.
pub(super) async fn raw(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let store = &app.engine().store;
    let message = store.message(who.body.id, parse(&id)?).await?.ok_or(PageError::Missing)?;
    let bytes = store.blob(who.body.id, message.raw).await?.ok_or(PageError::Missing)?;
    let name = format!("attachment; filename=\"messaggio-{id}.eml\"");
    let headers =
        [(header::CONTENT_TYPE, "message/rfc822".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

/// Reads it again: a certificate was added, or a case.
pub(super) async fn again(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    app.engine().read_message_again(who.body.id, parse(&id)?).await?;
    Ok(Redirect::to(&format!("/posta/{id}")).into_response())
}

/// A person has dealt with it.
pub(super) async fn settled(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    app.engine().settle_message(who.body.id, parse(&id)?).await?;
    Ok(Redirect::to("/posta").into_response())
}
