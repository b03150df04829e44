//! The extract of the chain: every item holds, neighbours fit, and the bytes that the items name are
//! the members of the bundle, no more and no less.
//!
//! Limit: a bare link shows its place and its hashes, not what it says; across a gap the items are
//! bound by their numbers and the seal alone.

use super::{Check, ProblemCode};
use crate::certify::chain::{ChainLine, MAX_LINKS, span};
use crate::certify::manifest::{CHAIN, Entry, MAX_MEMBERS, Manifest, What};
use messo_core::dispatches::DispatchState;
use messo_core::evidence::{EvidenceItem, EvidenceKind, genesis};
use messo_core::ids::BlobHash;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// Most lines that are read.
const MAX_LINES: usize = MAX_LINKS as usize + 2 * MAX_MEMBERS;

/// Checks the extract against itself and against the manifest; gives back the items of this dispatch.
pub(super) fn check(check: &mut Check, manifest: &Manifest, bytes: &[u8]) -> Vec<EvidenceItem> {
    let Some(lines) = read(bytes) else {
        check.problem(
            CHAIN,
            ProblemCode::Malformed,
            "l'estratto del registro delle prove non si può leggere".into(),
        );
        return Vec::new();
    };
    for line in &lines {
        match line {
            ChainLine::Item(_) => check.found.chain_items += 1,
            ChainLine::Link(_) => check.found.chain_links += 1,
            ChainLine::Gap(_) => check.found.chain_gaps += 1,
        }
    }
    items(check, manifest, &lines);
    order(check, manifest, &lines);
    let own: Vec<EvidenceItem> = lines
        .into_iter()
        .filter_map(|line| match line {
            ChainLine::Item(item) => Some(item),
            _ => None,
        })
        .collect();
    evidence(check, manifest, &own);
    story(check, manifest, &own);
    own
}

fn read(bytes: &[u8]) -> Option<Vec<ChainLine>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines: Vec<&str> = text.lines().take(MAX_LINES + 1).collect();
    if lines.len() > MAX_LINES {
        return None;
    }
    lines.into_iter().map(|line| serde_json::from_str(line).ok()).collect()
}

/// Each item says what it said, about this dispatch.
fn items(check: &mut Check, manifest: &Manifest, lines: &[ChainLine]) {
    for line in lines {
        let ChainLine::Item(item) = line else { continue };
        let seq = item.seq;
        if !item.holds() {
            check.problem(
                CHAIN,
                ProblemCode::ItemBroken,
                format!("la prova n. {seq} del registro è stata cambiata"),
            );
        }
        if item.body != manifest.about.body || item.dispatch != Some(manifest.about.dispatch) {
            check.problem(
                CHAIN,
                ProblemCode::Foreign,
                format!("la prova n. {seq} del registro riguarda un'altra comunicazione"),
            );
        }
    }
}

/// Numbers follow numbers and hashes follow hashes, and the ends are those of the manifest.
fn order(check: &mut Check, manifest: &Manifest, lines: &[ChainLine]) {
    let mut before: Option<(i64, Option<BlobHash>)> = None;
    for line in lines {
        let (from, to, previous, hash) = match line {
            ChainLine::Item(item) => (item.seq, item.seq, Some(item.previous), Some(item.hash)),
            ChainLine::Link(link) => (link.seq, link.seq, Some(link.previous), Some(link.hash)),
            ChainLine::Gap(gap) => (gap.from, gap.to, None, None),
        };
        let follows = match before {
            None => from != 1 || previous == Some(genesis(manifest.about.body)),
            Some((last, head)) => {
                last.checked_add(1) == Some(from)
                    && (previous.is_none() || head.is_none() || previous == head)
            }
        };
        if !follows || to < from {
            check.problem(
                CHAIN,
                ProblemCode::ChainBroken,
                format!("il registro è interrotto alla prova n. {from}: non si lega a quella che la precede"),
            );
        }
        before = Some((to, hash));
    }
    let ends_with_items = matches!(lines.first(), Some(ChainLine::Item(_)))
        && matches!(lines.last(), Some(ChainLine::Item(_)));
    if !ends_with_items || span(lines) != Some(manifest.about.chain) {
        check.problem(
            CHAIN,
            ProblemCode::ChainBroken,
            "l'estratto del registro non comincia o non finisce dove dice il manifesto".into(),
        );
    }
}

/// The bytes that the chain names are there, and nothing is there that it does not name.
fn evidence(check: &mut Check, manifest: &Manifest, own: &[EvidenceItem]) {
    let mut members: HashMap<What, Vec<&Entry>> = HashMap::new();
    for entry in &manifest.members {
        members.entry(entry.what).or_default().push(entry);
    }
    let mut named: HashSet<&str> = HashSet::new();
    for item in own {
        let Some(blob) = item.blob else { continue };
        let facts: Value = serde_json::from_str(&item.summary).unwrap_or_default();
        let seq = item.seq;
        let missing = |check: &mut Check| {
            check.problem(
                CHAIN,
                ProblemCode::EvidenceMissing,
                format!("la prova n. {seq} del registro indica un documento (sha256 {blob}) che nel fascicolo non c'è"),
            );
        };
        let Some(what) = what_of(item.kind, &facts) else {
            missing(check);
            continue;
        };
        let candidates = members.get(&what).map_or(&[][..], Vec::as_slice);
        if let Some(entry) = candidates.iter().find(|entry| entry.sha256 == blob) {
            named.insert(&entry.name);
        } else if let Some(entry) = candidates.first() {
            named.insert(&entry.name);
            check.problem(
                &entry.name,
                ProblemCode::EvidenceDiffers,
                format!("il file non è quello indicato dalla prova n. {seq} del registro (sha256 {blob})"),
            );
        } else {
            missing(check);
        }
        if !summary_agrees(item.kind, &facts, blob) {
            check.problem(
                CHAIN,
                ProblemCode::ItemBroken,
                format!("la prova n. {seq} del registro indica due impronte diverse per lo stesso documento"),
            );
        }
    }
    for entry in &manifest.members {
        let evidential = matches!(
            entry.what,
            What::Sent { .. } | What::Transcript { .. } | What::Receipt { .. }
        );
        if evidential && !named.contains(entry.name.as_str()) {
            check.problem(
                &entry.name,
                ProblemCode::NotInChain,
                "il registro delle prove non conosce questo file".into(),
            );
        }
    }
}

/// State and sandbox in the manifest are those of the chain.
fn story(check: &mut Check, manifest: &Manifest, own: &[EvidenceItem]) {
    let about = &manifest.about;
    let mut sandbox = false;
    let mut last_state = None;
    for item in own {
        let facts: Value = serde_json::from_str(&item.summary).unwrap_or_default();
        sandbox |= facts.get("sandbox").and_then(Value::as_bool) == Some(true);
        match item.kind {
            EvidenceKind::Closed => {
                last_state = facts
                    .get("state")
                    .and_then(|state| serde_json::from_value::<DispatchState>(state.clone()).ok());
            }
            EvidenceKind::Cancelled => last_state = Some(DispatchState::Cancelled),
            _ => {}
        }
    }
    if sandbox != about.sandbox {
        check.problem(
            super::MANIFEST,
            ProblemCode::Contradiction,
            "manifesto e registro non dicono lo stesso sull'uso di un gestore simulato".into(),
        );
    }
    // A dispatch that was closed may be under way again (a doubt settled); then nothing closes it yet.
    if about.state != DispatchState::Waiting && last_state.is_some_and(|last| last != about.state) {
        check.problem(
            super::MANIFEST,
            ProblemCode::Contradiction,
            "manifesto e registro non dicono lo stesso sull'esito della comunicazione".into(),
        );
    }
}

/// Which member holds the bytes of an item.
fn what_of(kind: EvidenceKind, facts: &Value) -> Option<What> {
    match kind {
        EvidenceKind::Attempt => Some(What::Sent { attempt: parsed(facts, "attempt")? }),
        EvidenceKind::Outcome => Some(What::Transcript { attempt: parsed(facts, "attempt")? }),
        EvidenceKind::Receipt => Some(What::Receipt { receipt: parsed(facts, "receipt")? }),
        _ => None,
    }
}

/// An item that writes its hash out in its facts too writes the same.
fn summary_agrees(kind: EvidenceKind, facts: &Value, blob: BlobHash) -> bool {
    let field = match kind {
        EvidenceKind::Attempt => "content_sha256",
        EvidenceKind::Receipt => "raw_sha256",
        _ => return true,
    };
    facts.get(field).and_then(Value::as_str).is_none_or(|hash| hash == blob.hex())
}

fn parsed<T: FromStr>(facts: &Value, name: &str) -> Option<T> {
    facts.get(name)?.as_str()?.parse().ok()
}
