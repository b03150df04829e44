//! Whether the process lives (`/health`), can serve (`/ready`), and how it does (`/metrics`).
//!
//! `/ready` shows what the process found when it last looked by itself ([`look`], every few seconds), so
//! that asking costs nothing and writes nothing. It fails with the database alone: a doorbell out of order
//! costs seconds, and taking every machine out of service for it would cost notices. Metrics name lanes and
//! providers, never people.

use crate::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use messo_core::ports::LaneStats;
use messo_core::time::Timestamp;
use messo_engine::Engine;
use serde::Serialize;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest time that one look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(4);

/// Age at which a look no longer counts: whoever should look is stuck.
const STALE: Duration = Duration::from_secs(20);

/// How long `/ready` waits for the first look of a process that has just begun.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// What is found, look after look; none before the first.
pub type Looks = tokio::sync::watch::Receiver<Option<Look>>;

/// What was found when the process looked whether it can serve.
#[derive(Clone, Debug)]
pub struct Look {
    at: Timestamp,
    ready: bool,
    /// What is wrong, by part; empty when nothing is.
    problems: Vec<Trouble>,
}

/// Looks whether the process can serve. Writes to the database: whether it takes writes is what counts.
pub async fn look(engine: &Engine) -> Look {
    let (store, doorbell) = tokio::join!(
        timeout(LOOK_WITHIN, engine.store.check()),
        timeout(LOOK_WITHIN, engine.doorbell.check())
    );
    let mut problems = Vec::new();
    // The causes may name hosts: they go to the log.
    let database = match store {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    };
    let ready = database.is_none();
    if let Some(error) = database {
        tracing::error!(%error, "not ready");
        problems.push(DATABASE);
    }
    if !matches!(doorbell, Ok(Ok(()))) {
        tracing::warn!("the doorbell is out of order");
        problems.push(Trouble {
            part: "doorbell",
            problem: "the doorbell does not answer; work goes on by the clock",
        });
    }
    Look { at: engine.clock.now(), ready, problems }
}

const DATABASE: Trouble =
    Trouble { part: "database", problem: "the database does not answer or takes no writes" };

/// The route that every listener has.
pub(crate) fn alive() -> Router<Arc<App>> {
    Router::new().route("/health", get(|| async { Json(serde_json::json!({ "status": "alive" })) }))
}

/// The routes of one listener of every process.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ready", get(ready)).route("/metrics", get(metrics))
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    problems: Vec<Trouble>,
}

#[derive(Clone, Debug, Serialize)]
struct Trouble {
    part: &'static str,
    problem: &'static str,
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut looks = app.web.looks.clone();
    let first = timeout(FIRST_LOOK, looks.wait_for(Option::is_some)).await;
    let look = first.ok().and_then(Result::ok).and_then(|look| look.clone());
    let now = app.engine().clock.now();
    let ready = match look {
        Some(look) if now.since(look.at) < STALE => {
            Ready { ready: look.ready, problems: look.problems }
        }
        _ => Ready { ready: false, problems: vec![DATABASE] },
    };
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

async fn metrics(State(app): State<Arc<App>>, request: Request) -> Response {
    let settings = &app.web.settings;
    if !settings.public_metrics && !settings.health_apart && !is_local(&request) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut text = (app.web.metrics)();
    let now = app.engine().clock.now();
    match app.engine().store.lanes(now).await {
        Ok(lanes) => text.push_str(&queue(&lanes, now)),
        Err(error) => tracing::error!(%error, "the queue could not be measured"),
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// From this machine, and not handed on by a proxy that runs on it.
fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback())
        && !is_forwarded(request.headers())
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// The queue in Prometheus' text format.
fn queue(lanes: &[LaneStats], now: Timestamp) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&LaneStats) -> f64| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for lane in lanes {
            let _ = writeln!(text, "{name}{{lane=\"{}\"}} {}", lane.lane, value(lane));
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; counts stay far below 2^53"
    )]
    {
        gauge("messo_queue_due", "Jobs due and not leased.", &|lane| lane.due as f64);
        gauge("messo_queue_waiting", "Jobs due later, or leased.", &|lane| lane.waiting as f64);
    }
    gauge(
        "messo_queue_oldest_seconds",
        "How long the oldest due job has waited, in seconds.",
        &|lane| lane.oldest_due_at.map_or(0.0, |due_at| now.since(due_at).as_secs_f64()),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::addresses::Channel;
    use messo_core::jobs::Lane;

    #[test]
    fn the_queue_is_measured_by_lane() {
        let lane = LaneStats {
            lane: Lane::Out(Channel::Sms),
            due: 3,
            waiting: 7,
            oldest_due_at: Some(Timestamp::from_seconds(100)),
        };
        let text = queue(&[lane], Timestamp::from_seconds(142));
        assert!(text.contains("messo_queue_due{lane=\"sms\"} 3\n"));
        assert!(text.contains("messo_queue_waiting{lane=\"sms\"} 7\n"));
        assert!(text.contains("messo_queue_oldest_seconds{lane=\"sms\"} 42\n"));
    }

    #[test]
    fn a_request_handed_on_by_a_proxy_is_not_local() {
        let request = |forwarded: bool| {
            let mut request = Request::new(axum::body::Body::empty());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
            if forwarded {
                request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
            }
            request
        };
        assert!(is_local(&request(false)));
        assert!(!is_local(&request(true)));
        assert!(!is_local(&Request::new(axum::body::Body::empty())));
    }
}
