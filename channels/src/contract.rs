//! The contract of every provider, as a test suite; in prose it is `channels/CONTRACT.md`.
//!
//! [`PROVIDERS`] lists every provider with its table of cases; [`breaches`] checks one table and names what does
//! not hold. Only the pure parts are checked here (prepare, interpret, callback): what a provider does with
//! a bad network is its own tests' to show.

pub mod tables;

use messo_core::addresses::Channel;
use messo_core::attempts::{Failure, MAX_DETAIL, Outcome};
use messo_core::failures::FailureClass;
use messo_core::ids::AttemptId;
use messo_core::ports::{
    Callback, CallbackError, CallbackKind, Exchange, Outbound, Provider, Stage, Transcript,
};
use messo_core::receipts::Signal;
use messo_core::time::Timestamp;
use uuid::Uuid;

/// A line of [`PROVIDERS`].
pub type Line = (&'static str, Channel, fn() -> Table);

/// Every provider: name of its type, channel, table. A provider without a line here fails a test.
pub const PROVIDERS: [Line; 10] = [
    ("Smtp", Channel::Email, tables::smtp),
    ("Pec", Channel::Pec, tables::pec),
    ("Kannel", Channel::Sms, tables::kannel),
    ("Sandbox", Channel::Email, || tables::sandbox(Channel::Email)),
    ("Sandbox", Channel::Pec, || tables::sandbox(Channel::Pec)),
    ("Sandbox", Channel::Sms, || tables::sandbox(Channel::Sms)),
    ("Sandbox", Channel::Fax, || tables::sandbox(Channel::Fax)),
    ("Sandbox", Channel::Post, || tables::sandbox(Channel::Post)),
    ("Sandbox", Channel::Registered, || tables::sandbox(Channel::Registered)),
    ("Sandbox", Channel::Chat, || tables::sandbox(Channel::Chat)),
];

/// A provider with the cases that it must pass.
pub struct Table {
    /// An instance; its network is never used.
    pub provider: Box<dyn Provider>,
    /// What must be packed.
    pub good: Vec<Outbound>,
    /// What must be refused, and as what.
    pub bad: Vec<(&'static str, Outbound, FailureClass)>,
    /// Answers and what they mean.
    pub answers: Vec<(Stage, u16, &'static str, Meaning)>,
    /// Callbacks and what they mean.
    pub callbacks: Vec<(Callback, Result<&'static str, CallbackError>)>,
    /// What must stand in no envelope.
    pub secrets: Vec<&'static str>,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Taken; a receipt follows.
    Accepted,
    /// Taken; nothing follows.
    Delivered,
    /// Not taken.
    Failed(FailureClass),
}

/// What does not hold, a sentence each; empty when the contract is kept.
pub fn breaches(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    specification(table, &mut found);
    packing(table, &mut found);
    refusing(table, &mut found);
    reading(table, &mut found);
    silence(table, &mut found);
    nonsense(table, &mut found);
    callbacks(table, &mut found);
    let name = &table.provider.spec().name;
    found.into_iter().map(|breach| format!("{name}: {breach}")).collect()
}

fn specification(table: &Table, found: &mut Vec<String>) {
    let spec = table.provider.spec();
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut require = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    require(!spec.name.is_empty() && spec.name.chars().all(kebab), "its name is not lower-kebab");
    require(spec.concurrency > 0, "it allows no attempt at all");
    require(spec.max_bytes > 0, "it allows no byte at all");
    require(spec.sandbox == spec.name.starts_with("sandbox-"), "name and sandbox mark disagree");
    require(!table.good.is_empty(), "its table has no good outbound");
    require(!table.bad.is_empty(), "its table has no bad outbound");
    require(table.answers.len() >= 4, "its table has fewer than four answers");
}

fn packing(table: &Table, found: &mut Vec<String>) {
    for (index, outbound) in table.good.iter().enumerate() {
        let prepared = table.provider.prepare(outbound);
        let Ok(envelope) = &prepared else {
            found.push(format!("good outbound {index} is refused: {prepared:?}"));
            continue;
        };
        if prepared != table.provider.prepare(outbound) {
            found.push(format!("good outbound {index} gives other bytes the second time"));
        }
        if !envelope.reference.contains(&outbound.attempt.0.simple().to_string()) {
            found.push(format!("the reference of good outbound {index} lacks the attempt"));
        }
        let other = Outbound { attempt: AttemptId(Uuid::from_u128(u128::MAX)), ..outbound.clone() };
        if table.provider.prepare(&other).is_ok_and(|e| e.reference == envelope.reference) {
            found.push("two attempts have one reference".to_owned());
        }
        if envelope.bytes.is_empty()
            || envelope.bytes.len() as u64 > table.provider.spec().max_bytes
        {
            found.push(format!("good outbound {index} gives an empty or too large envelope"));
        }
        for secret in &table.secrets {
            if format!("{envelope:?}{}", String::from_utf8_lossy(&envelope.bytes)).contains(secret)
            {
                found.push("a secret stands in the envelope".to_owned());
            }
        }
        break_out(table, outbound, found);
    }
}

/// A name with a line end never becomes a line of its own.
fn break_out(table: &Table, outbound: &Outbound, found: &mut Vec<String>) {
    let mut evil = Outbound { to_name: "x\r\nInjected: yes".to_owned(), ..outbound.clone() };
    evil.sender.name = evil.to_name.clone();
    evil.sender.sms_sender = evil.to_name.clone();
    match table.provider.prepare(&evil) {
        Ok(envelope) if envelope.bytes.windows(9).any(|w| w == b"\nInjected") => {
            found.push("a name breaks out of its place".to_owned());
        }
        Ok(envelope) if envelope.from.contains('\n') => {
            found.push("a name breaks out of the envelope's sender".to_owned());
        }
        Ok(_) => {}
        Err(failure) => check_failure(&failure, found),
    }
}

fn refusing(table: &Table, found: &mut Vec<String>) {
    for (name, outbound, class) in &table.bad {
        match table.provider.prepare(outbound) {
            Ok(_) => found.push(format!("{name} is packed")),
            Err(failure) => {
                check_failure(&failure, found);
                if failure.class != *class {
                    found.push(format!("{name} is refused as {:?}, not {class:?}", failure.class));
                }
            }
        }
    }
    // What belongs to another channel is refused, never sent by the wrong way.
    for (_, channel, other) in
        PROVIDERS.iter().filter(|line| line.1 != table.provider.spec().channel)
    {
        for outbound in other().good {
            let packed = table.provider.prepare(&outbound).is_ok();
            if packed && !outbound.to.serves(table.provider.spec().channel) {
                found.push(format!("an outbound for {channel} is packed"));
            }
        }
    }
}

fn check_failure(failure: &Failure, found: &mut Vec<String>) {
    if failure.code.is_empty() || failure.detail.chars().count() > MAX_DETAIL {
        found.push("a failure has no code or too long a detail".to_owned());
    }
}

/// An exchange for the tables.
pub fn exchange(stage: Stage, code: Option<u16>, answer: &str) -> Exchange {
    let error = code.is_none().then(|| "messo:closed played".to_owned());
    Exchange { stage, code, answer: answer.to_owned(), error, transcript: Transcript::default() }
}

fn meaning(outcome: &Outcome) -> Meaning {
    match outcome {
        Outcome::Accepted { .. } => Meaning::Accepted,
        Outcome::Delivered { .. } => Meaning::Delivered,
        Outcome::Failed(failure) => Meaning::Failed(failure.class),
    }
}

fn reading(table: &Table, found: &mut Vec<String>) {
    for (stage, code, answer, expected) in &table.answers {
        let exchange = exchange(*stage, Some(*code), answer);
        let outcome = table.provider.interpret(&exchange);
        if outcome != table.provider.interpret(&exchange) {
            found.push(format!("{code} {answer} means something else the second time"));
        }
        if meaning(&outcome) != *expected {
            found.push(format!("{stage:?} {code} {answer} means {outcome:?}, not {expected:?}"));
        }
    }
}

const STAGES: [Stage; 6] =
    [Stage::Connect, Stage::Open, Stage::Address, Stage::Content, Stage::Sent, Stage::Answered];

/// Without an answer: a doubt once the last byte has left, and never before.
fn silence(table: &Table, found: &mut Vec<String>) {
    for stage in STAGES {
        let outcome = table.provider.interpret(&exchange(stage, None, ""));
        let doubt = meaning(&outcome) == Meaning::Failed(FailureClass::Doubtful);
        let failed = matches!(outcome, Outcome::Failed(_));
        if !failed || doubt != (stage >= Stage::Sent) {
            found.push(format!("silence at {stage:?} means {outcome:?}"));
        }
    }
}

/// No code with words that nobody knows is success, but for those in the table; before the provider
/// has answered nothing is.
fn nonsense(table: &Table, found: &mut Vec<String>) {
    let long = "x".repeat(MAX_DETAIL + 1);
    let known: Vec<u16> = (table.answers.iter())
        .filter(|(_, _, _, meaning)| !matches!(meaning, Meaning::Failed(_)))
        .map(|(_, code, _, _)| *code)
        .collect();
    for stage in STAGES {
        for code in 0..1000 {
            let outcome = table.provider.interpret(&exchange(stage, Some(code), &long));
            match &outcome {
                Outcome::Failed(failure) => check_failure(failure, found),
                _ if stage < Stage::Answered || !known.contains(&code) => {
                    found.push(format!("nonsense {code} at {stage:?} means {outcome:?}"));
                }
                _ => {}
            }
        }
    }
}

fn callbacks(table: &Table, found: &mut Vec<String>) {
    for (callback, expected) in &table.callbacks {
        let read = table.provider.callback(callback);
        if read != table.provider.callback(callback) {
            found.push("a callback means something else the second time".to_owned());
        }
        let signals =
            read.as_ref().map(|all| all.iter().map(|r| r.signal.name()).collect::<Vec<_>>());
        let same = match (&signals, expected) {
            (Ok(names), Ok(name)) => names[..] == [*name],
            (Err(error), Err(wanted)) => *error == wanted,
            _ => false,
        };
        if !same {
            found.push(format!(
                "the callback {:?} means {read:?}, not {expected:?}",
                callback.query
            ));
        }
        if read.is_ok_and(|all| all.iter().any(|reported| reported.raw.is_empty())) {
            found.push("a callback's exact bytes are lost".to_owned());
        }
    }
    for kind in [CallbackKind::Report(AttemptId(Uuid::nil())), CallbackKind::Message] {
        for query in [vec![], vec![("s", "")], vec![("s", "999"), ("r", "?")], vec![("x", "1")]] {
            let query = query.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            let callback =
                Callback { kind, query, body: Vec::new(), at: Timestamp::from_seconds(1) };
            let moved = table.provider.callback(&callback).is_ok_and(|all| {
                all.iter()
                    .any(|r| !matches!(r.signal, Signal::Unknown { .. } | Signal::Progress { .. }))
            });
            if moved {
                found.push(format!("the nonsense callback {:?} moves something", callback.query));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use messo_core::jobs::Priority;
    use std::path::Path;

    #[tokio::test]
    async fn an_idle_provider_gives_a_turn_at_once_and_gives_it_again() {
        for (name, _, table) in PROVIDERS {
            let Table { provider, good, .. } = table();
            for priority in [Priority::Bulk, Priority::Legal, Priority::Bulk] {
                let asked = provider.turn(&good[0].to, priority).now_or_never();
                assert!(matches!(asked, Some(Ok(_))), "{name}: no turn");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_turn_waits_for_ever_and_some_are_kept_for_what_the_law_asks_for() {
        for (name, _, table) in PROVIDERS {
            let Table { provider, good, .. } = table();
            let mut turns = Vec::new();
            for _ in 0..=provider.spec().concurrency {
                match provider.turn(&good[0].to, Priority::Bulk).await {
                    Ok(turn) => turns.push(turn),
                    Err(pause) => {
                        assert!(!pause.is_zero(), "{name}: ask again at once");
                        let legal = provider.turn(&good[0].to, Priority::Legal).await;
                        assert!(legal.is_ok(), "{name}: nothing is kept back");
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn every_provider_keeps_the_contract() {
        let found: Vec<String> =
            PROVIDERS.iter().flat_map(|(_, _, table)| breaches(&table())).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn every_line_stands_for_the_channel_it_names() {
        for (name, channel, table) in PROVIDERS {
            assert_eq!(table().provider.spec().channel, channel, "{name}");
        }
    }

    #[test]
    fn every_provider_in_the_sources_has_a_table() {
        let mut found = Vec::new();
        providers_under(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
        assert!(found.len() >= 3, "{found:?}");
        for name in found {
            assert!(PROVIDERS.iter().any(|line| line.0 == name), "{name} has no table of cases");
        }
    }

    fn providers_under(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                providers_under(&path, found);
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                if let Some(rest) = line.strip_prefix("impl Provider for ") {
                    found.push(rest.trim_end_matches(" {").to_owned());
                }
            }
        }
    }
}
