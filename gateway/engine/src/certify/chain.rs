//! The extract of a body's chain: a dispatch's items whole, what lies between them as bare links.
//!
//! Links give no other party's data away and still show that nothing was put between. Guarantee:
//! from an item to the next, hash follows hash. Limit: [`MAX_LINKS`] links in all; a stretch
//! that does not fit stands as a gap, said as such, across which order rests on the numbers alone.

use super::manifest::Span;
use super::shelf::Shelf;
use messo_core::evidence::EvidenceItem;
use messo_core::ids::{BlobHash, BodyId};
use messo_core::ports::StoreError;
use serde::{Deserialize, Serialize};

/// Most links in one extract.
pub const MAX_LINKS: i64 = 10_000;

/// One line of the extract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainLine {
    /// An item about this dispatch.
    Item(EvidenceItem),
    /// An item about something else.
    Link(Link),
    /// Items that were left out because they are too many.
    Gap(Gap),
}

/// An item without what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its place.
    pub seq: i64,
    /// Hash of the item before.
    pub previous: BlobHash,
    /// Its hash.
    pub hash: BlobHash,
}

/// A stretch that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Place of the first item left out.
    pub from: i64,
    /// Place of the last item left out.
    pub to: i64,
}

impl From<&EvidenceItem> for Link {
    fn from(item: &EvidenceItem) -> Self {
        Self { seq: item.seq, previous: item.previous, hash: item.hash }
    }
}

/// Reads what lies between a dispatch's items. `own` is in the chain's order.
pub(super) async fn extract<S: Shelf + ?Sized>(
    store: &S,
    body: BodyId,
    own: Vec<EvidenceItem>,
) -> Result<Vec<ChainLine>, StoreError> {
    let mut lines = Vec::with_capacity(own.len());
    let mut room = MAX_LINKS;
    let mut last: Option<i64> = None;
    for item in own {
        let from = last.map_or(item.seq, |last| last + 1);
        let to = item.seq - 1;
        let between = to - from + 1;
        if between > room {
            lines.push(ChainLine::Gap(Gap { from, to }));
        } else if between > 0 {
            room -= between;
            let links = store.stretch(body, from, to).await?;
            lines.extend(links.iter().map(|item| ChainLine::Link(item.into())));
        }
        last = Some(item.seq);
        lines.push(ChainLine::Item(item));
    }
    Ok(lines)
}

/// Where an extract begins and ends; none when it has no item.
pub fn span(lines: &[ChainLine]) -> Option<Span> {
    let mut items = lines.iter().filter_map(|line| match line {
        ChainLine::Item(item) => Some(item),
        _ => None,
    });
    let first = items.next()?;
    let last = items.next_back().unwrap_or(first);
    Some(Span { from: first.seq, to: last.seq, head: last.hash })
}

/// The extract as a file: one JSON object per line.
pub fn write(lines: &[ChainLine]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend(serde_json::to_vec(line).unwrap_or_default());
        bytes.push(b'\n');
    }
    bytes
}
