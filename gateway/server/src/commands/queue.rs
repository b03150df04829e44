//! `messo queue plan`: what waits on each channel, how fast it may leave, when the last of it will have left.
//!
//! Guarantee: nothing is changed; certified mail is played ahead by the very ledger that lets it go, from what was
//! sent today. Limit: a channel without a pace ends when its server has taken everything, which nobody knows;
//! messages that fail and are tried again are not foreseen.

use crate::cli::Queue;
use crate::config::Place;
use crate::house::{House, carriers};
use messo_channels::pec::{Forecast, Hour, Stop};
use messo_core::addresses::Channel;
use messo_core::dispatches::DispatchState;
use messo_core::jobs::Lane;
use messo_core::legs::LegState;
use messo_core::ports::{DispatchFilter, Store, StoreError};
use messo_core::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

/// Dispatches read at a time.
const PAGE: u32 = 1_000;

/// What waits on a channel.
#[derive(Clone, Copy, Default)]
struct Waiting {
    messages: u64,
    /// When the last of them is due by its plan.
    last_due_at: Option<Timestamp>,
}

/// A channel's line of the report.
#[derive(Serialize)]
struct Line {
    channel: Channel,
    provider: Option<String>,
    sandbox: bool,
    waiting: u64,
    due: u64,
    per_minute: Option<u32>,
    per_hour: Option<u32>,
    per_day: Option<u32>,
    finished_at: Option<String>,
    stopped: Option<&'static str>,
    stopped_at: Option<String>,
    hours: Vec<HourLine>,
}

/// What leaves in an hour.
#[derive(Serialize)]
struct HourLine {
    from: String,
    messages: u64,
}

/// Shows the plan of the queue.
pub async fn run(command: Queue, place: &Place) -> anyhow::Result<()> {
    let Queue::Plan { bytes, json } = command;
    let house = House::open(place).await?;
    let store = house.engine.store.as_ref();
    let now = house.engine.clock.now();
    let waiting = waiting(store).await?;
    let lanes = store.lanes(now).await?;
    let mut lines = Vec::new();
    for channel in Channel::ALL {
        let lane = lanes.iter().find(|stats| stats.lane == Lane::Out(channel));
        let waits = waiting.get(&channel).copied().unwrap_or_default();
        if house.engine.providers.sending(channel).is_some() || waits.messages > 0 {
            let due = lane.map_or(0, |stats| stats.due);
            lines.push(line(&house, channel, waits, due, bytes, now).await?);
        }
    }
    let mut out = std::io::stdout().lock();
    if json {
        let report = serde_json::json!({ "now": now.to_string(), "channels": lines });
        writeln!(out, "{report}")?;
    } else {
        for line in &lines {
            write_words(&mut out, line)?;
        }
    }
    Ok(())
}

/// Counts the legs that wait to be sent. The queue alone does not tell them from questions and alarms that
/// are due later.
async fn waiting(store: &dyn Store) -> Result<BTreeMap<Channel, Waiting>, StoreError> {
    let mut found: BTreeMap<Channel, Waiting> = BTreeMap::new();
    for body in store.bodies().await? {
        let state = Some(DispatchState::Waiting);
        let mut filter = DispatchFilter { state, limit: PAGE, ..DispatchFilter::default() };
        loop {
            let page = store.dispatches(body.id, &filter).await?;
            for leg in page.iter().flat_map(|row| &row.dispatch.legs) {
                if let LegState::Ready { due_at, .. } = leg.state {
                    let entry = found.entry(leg.channel).or_default();
                    entry.messages += 1;
                    entry.last_due_at = entry.last_due_at.max(Some(due_at));
                }
            }
            // Each page is older than the one before: this ends with the oldest dispatch.
            match page.last() {
                Some(row) if page.len() == PAGE as usize => filter.before = Some(row.dispatch.id),
                _ => break,
            }
        }
    }
    Ok(found)
}

async fn line(
    house: &House,
    channel: Channel,
    waits: Waiting,
    due: u64,
    bytes: u64,
    now: Timestamp,
) -> anyhow::Result<Line> {
    let provider = house.engine.providers.sending(channel).map(|provider| provider.spec());
    let limits = carriers::limits(&house.settings, channel)?;
    let limit = |value: u32| (value > 0).then_some(value);
    let mailbox = channel == Channel::Pec && house.settings.pec.provider == "smtp";
    let plan = match provider {
        None => Forecast { hours: Vec::new(), finished_at: None, stopped: None },
        Some(_) if mailbox => {
            let pec = carriers::pec(&house.settings, &house.engine.store)?;
            let sizes = (0..waits.messages).map(|_| bytes);
            pec.forecast(sizes).await.map_err(anyhow::Error::msg)?
        }
        Some(_) => at_pace(waits.messages, limit(limits.per_minute), now),
    };
    let stopped = match (provider, plan.stopped) {
        (None, _) => Some("no provider is configured"),
        (_, Some(Stop::MailboxFull(_))) => Some("the mailbox will be full"),
        (_, Some(Stop::TooFar)) => Some("it takes more than a year"),
        _ => None,
    };
    let stopped_at = match plan.stopped {
        Some(Stop::MailboxFull(at)) => Some(at.to_string()),
        _ => None,
    };
    // What its plan holds back leaves no earlier.
    let finished_at = plan.finished_at.map(|at| at.max(waits.last_due_at.unwrap_or(at)));
    Ok(Line {
        channel,
        provider: provider.map(|spec| spec.name.clone()),
        sandbox: provider.is_some_and(|spec| spec.sandbox),
        waiting: waits.messages,
        due,
        per_minute: limit(limits.per_minute),
        per_hour: limit(limits.per_hour),
        per_day: limit(limits.per_day),
        finished_at: finished_at.map(|at| at.to_string()),
        stopped,
        stopped_at,
        hours: plan.hours.iter().map(hour_line).collect(),
    })
}

fn hour_line(hour: &Hour) -> HourLine {
    HourLine { from: hour.from.to_string(), messages: hour.messages }
}

/// Without windows the pace alone counts; without a pace the end is known only for an empty queue.
fn at_pace(messages: u64, per_minute: Option<u32>, now: Timestamp) -> Forecast {
    let finished_at = match per_minute {
        _ if messages == 0 => Some(now),
        None => None,
        Some(per_minute) => {
            let ms = messages.saturating_mul(60_000) / u64::from(per_minute);
            Some(now + Duration::from_millis(ms))
        }
    };
    Forecast { hours: Vec::new(), finished_at, stopped: None }
}

fn write_words(out: &mut impl Write, line: &Line) -> std::io::Result<()> {
    let rates = [(line.per_minute, "minute"), (line.per_hour, "hour"), (line.per_day, "day")];
    let rates: Vec<String> =
        rates.into_iter().filter_map(|(rate, span)| Some(format!("{} a {span}", rate?))).collect();
    let rate = if rates.is_empty() { "no limit set".to_owned() } else { rates.join(", ") };
    let end = match (&line.finished_at, line.stopped, &line.stopped_at) {
        (_, Some(why), Some(at)) => format!("does not end: {why} at {at}"),
        (_, Some(why), None) => format!("does not end: {why}"),
        (Some(at), None, _) => format!("finished at {at}"),
        (None, None, _) => "finished when the server has taken everything".to_owned(),
    };
    let by = line.provider.as_deref().unwrap_or("nobody");
    let channel = line.channel.word();
    writeln!(out, "{channel:10} by {by}: {} waiting; {rate}; {end}", line.waiting)?;
    for hour in &line.hours {
        writeln!(out, "    {}  {}", hour.from, hour.messages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_said_only_where_it_is_known() {
        let now = Timestamp::from_seconds(1_795_000_000);
        assert_eq!(at_pace(0, None, now).finished_at, Some(now));
        assert_eq!(at_pace(9, None, now).finished_at, None);
        let minute = now + Duration::from_secs(60);
        assert_eq!(at_pace(30, Some(30), now).finished_at, Some(minute));
    }
}
