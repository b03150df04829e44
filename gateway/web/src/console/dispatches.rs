//! The list of dispatches, kept fresh by a fragment that the script fetches while something is
//! under way. Without the script a link does the same.

use crate::App;
use crate::pages::{self, PageError, Shell, minute};
use crate::session::SignedIn;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use messo_core::dispatches::{Dispatch, DispatchState};
use messo_core::ids::{BatchId, DispatchId};
use messo_core::legs::LegState;
use messo_core::ports::{DispatchFilter, DispatchRow, Progress};
use serde::Deserialize;
use std::sync::Arc;

/// Rows on a page.
const PAGE: u32 = 50;
/// Rows on the first page.
const LATEST: u32 = 5;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// A run.
    spedizione: Option<String>,
    /// Older than this dispatch.
    prima: Option<String>,
    /// A state's word.
    stato: Option<String>,
    /// On the first page: fewer rows.
    #[serde(default)]
    breve: bool,
}

impl Asked {
    fn filter(&self) -> DispatchFilter {
        let asked_state = self.stato.as_deref();
        DispatchFilter {
            batch: self.spedizione.as_deref().and_then(|text| text.parse::<BatchId>().ok()),
            state: DispatchState::ALL.into_iter().find(|state| asked_state == Some(state.word())),
            before: self.prima.as_deref().and_then(|text| text.parse::<DispatchId>().ok()),
            limit: if self.breve { LATEST } else { PAGE },
            ..DispatchFilter::default()
        }
    }
}

/// The list, as page part and as fragment.
#[derive(Template)]
#[template(path = "dispatches_list.html")]
pub(super) struct Listing {
    rows: Vec<Row>,
    bar: Bar,
    /// Address of this fragment.
    pub(super) fragment: String,
    /// Address of the older rows, when there may be some.
    older: Option<String>,
    /// Milliseconds until it should be looked at again.
    every: u32,
    /// One line for those who cannot see the list.
    news: String,
}

#[derive(Template)]
#[template(path = "dispatches.html")]
struct Page {
    shell: Shell,
    listing: Listing,
    /// Where the page refreshes without the script.
    here: String,
    batch: bool,
}

struct Row {
    id: String,
    recipient: String,
    case: String,
    at: String,
    ways: String,
    state: &'static str,
    state_title: &'static str,
    answered: bool,
}

/// How far a run has come, as a bar of 1000 units.
struct Bar {
    segments: Vec<Segment>,
    counts: Vec<(u64, &'static str)>,
    total: u64,
}

struct Segment {
    class: &'static str,
    x: u64,
    width: u64,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let listing = listing(&app, &who, &asked).await?;
    let page = Page {
        shell: Shell::inside(&app, &who, "/invii", "Invii"),
        here: listing.fragment.replace("/invii/elenco", "/invii"),
        batch: asked.filter().batch.is_some(),
        listing,
    };
    Ok(pages::html(&page))
}

pub(super) async fn fragment(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    Ok(pages::html(&listing(&app, &who, &asked).await?))
}

/// The newest rows, for the first page.
pub(super) async fn latest(app: &App, who: &SignedIn) -> Result<Listing, PageError> {
    listing(app, who, &Asked { breve: true, ..Asked::default() }).await
}

impl Listing {
    /// Whether nothing was ever sent.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

async fn listing(app: &App, who: &SignedIn, asked: &Asked) -> Result<Listing, PageError> {
    let (store, body, filter) = (&app.engine().store, who.body.id, asked.filter());
    let rows = store.dispatches(body, &filter).await?;
    let progress = store.progress(body, filter.batch).await?;
    let full = rows.len() == filter.limit as usize;
    let last = rows.last().map(|row| row.dispatch.id);
    let bar = Bar::of(&progress);
    let news: Vec<_> =
        bar.counts.iter().map(|(count, title)| format!("{title}: {count}")).collect();
    Ok(Listing {
        every: if progress.waiting > 0 { 1_000 } else { 4_000 },
        news: news.join(", "),
        rows: rows.iter().map(row).collect(),
        bar,
        fragment: address("/invii/elenco", &filter, filter.before, asked.breve),
        older: last
            .filter(|_| full && !asked.breve)
            .map(|last| address("/invii", &filter, Some(last), false)),
    })
}

/// An address that asks for the same with other bounds. Made of words and identities alone.
fn address(path: &str, filter: &DispatchFilter, before: Option<DispatchId>, brief: bool) -> String {
    let mut pairs = Vec::new();
    pairs.extend(filter.batch.map(|batch| format!("spedizione={batch}")));
    pairs.extend(filter.state.map(|state| format!("stato={}", state.word())));
    pairs.extend(before.map(|before| format!("prima={before}")));
    pairs.extend(brief.then(|| "breve=true".to_owned()));
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

fn row(row: &DispatchRow) -> Row {
    let dispatch = &row.dispatch;
    let state = dispatch.state();
    Row {
        id: dispatch.id.to_string(),
        recipient: dispatch.facts.recipient.full_name(),
        case: format!("{}/{}", dispatch.facts.case.number, dispatch.facts.case.year),
        at: minute(dispatch.created_at),
        ways: ways(dispatch),
        state: state.word(),
        state_title: dispatch.title(),
        answered: row.answered,
    }
}

/// The channels that were or will be used, with a sign for each: `E-mail ✓ · SMS …`.
fn ways(dispatch: &Dispatch) -> String {
    let used = dispatch.legs.iter().filter(|leg| !matches!(leg.state, LegState::Skipped { .. }));
    let ways: Vec<_> = used
        .map(|leg| {
            let sign = match leg.state {
                LegState::Delivered { .. } => " ✓",
                LegState::Failed { .. } => " ✗",
                LegState::Doubtful { .. } => " ?",
                LegState::Planned => "",
                _ => " …",
            };
            format!("{}{sign}", leg.channel.title())
        })
        .collect();
    ways.join(" · ")
}

impl Bar {
    fn of(progress: &Progress) -> Self {
        let counts = [
            // What each is worth stands on the dispatch; the sum is of both.
            (DispatchState::Delivered, progress.delivered, "inviate o consegnate"),
            (DispatchState::Waiting, progress.waiting, "in corso"),
            (DispatchState::Doubtful, progress.doubtful, "da verificare"),
            (DispatchState::Failed, progress.failed, "non consegnate"),
            (DispatchState::Cancelled, progress.cancelled, "annullate"),
        ];
        let total: u64 = counts.iter().map(|(_, count, _)| count).sum();
        let (mut sum, mut segments, mut present) = (0, Vec::new(), Vec::new());
        for (state, count, title) in counts.into_iter().filter(|(_, count, _)| *count > 0) {
            let x = sum * 1_000 / total;
            sum += count;
            segments.push(Segment { class: state.word(), x, width: sum * 1_000 / total - x });
            present.push((count, title));
        }
        Self { segments, counts: present, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_filled_whatever_the_counts_are() {
        let progress = Progress { waiting: 1, delivered: 1, failed: 1, ..Progress::default() };
        let bar = Bar::of(&progress);
        assert_eq!(bar.segments.iter().map(|segment| segment.width).sum::<u64>(), 1_000);
        assert_eq!(bar.total, 3);
        assert!(Bar::of(&Progress::default()).segments.is_empty());
    }

    #[test]
    fn an_address_repeats_only_what_was_understood() {
        let asked = Asked {
            stato: Some("failed".into()),
            spedizione: Some("\"><script>".into()),
            ..Asked::default()
        };
        let filter = asked.filter();
        assert_eq!(address("/invii", &filter, None, false), "/invii?stato=failed");
    }
}
