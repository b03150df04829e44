//! Fetching a group of messages: together, in pieces, or only the head; and what to do when that breaks.
//!
//! A group whose fetch broke is fetched message by message from then on. A message whose fetch broke is tried again
//! behind a later one: when the server has just handed over something of that and then breaks on this one,
//! [`TRIES`] times, it is replaced by its head, and when even that breaks by a few lines that name its place: a person
//! fetches it by hand. A server that hands over nothing, or a single last message, is tried for ever.

use crate::fault::Fault;
use crate::session::{MOST_HEAD, Pieces, Session};
use crate::settings::MailboxSettings;
use crate::uids::UidSet;
use messo_core::time::Timestamp;
use std::collections::VecDeque;

/// After so many breaks only the head is fetched; after as many more, nothing.
const TRIES: u32 = 3;

/// What is known of a message before it is fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub uid: u32,
    pub size: u64,
    pub arrived_at: Option<Timestamp>,
}

/// A message that was fetched.
pub(crate) struct Taken {
    pub item: Item,
    pub raw: Vec<u8>,
    /// `raw` is only the head, or less.
    pub is_head: bool,
}

/// Where fetching broke.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    /// The message that broke it, when it was alone; else 0.
    at: u32,
    /// How often, while another one was handed over.
    times: u32,
    /// Up to here messages are fetched one by one.
    upto: u32,
}

impl Trouble {
    fn times_at(trouble: Option<&Self>, uid: u32) -> u32 {
        trouble.filter(|trouble| trouble.at == uid).map_or(0, |trouble| trouble.times)
    }

    fn is_near(trouble: Option<&Self>, uid: u32) -> bool {
        trouble.is_some_and(|trouble| uid <= trouble.upto)
    }

    /// What is known after a break. It counts against a single message when the server was seen to hand over another.
    fn broke(before: Option<Self>, group: &[Item], proven: bool) -> Option<Self> {
        let (first, last) = (group.first()?.uid, group.last()?.uid);
        let upto = before.map_or(last, |before| before.upto.max(last));
        let times = Self::times_at(before.as_ref(), first) + u32::from(proven);
        // Of several messages nobody knows which.
        let at = if group.len() == 1 { first } else { 0 };
        Some(Self { at, times, upto })
    }
}

/// The next messages to fetch together: as many as the limits allow, at least one.
pub(crate) fn next_group(
    items: &mut VecDeque<Item>,
    settings: &MailboxSettings,
    trouble: Option<&Trouble>,
) -> Vec<Item> {
    let mut group: Vec<Item> = Vec::new();
    let mut bytes = 0_u64;
    while let Some(item) = items.front().copied() {
        bytes = bytes.saturating_add(item.size);
        let alone = item.size > settings.max_message_bytes
            || item.size > settings.batch_bytes
            || Trouble::is_near(trouble, item.uid);
        let full = alone || bytes > settings.batch_bytes || group.len() >= settings.batch_messages;
        if !group.is_empty() && full {
            break;
        }
        group.push(item);
        items.pop_front();
        if alone {
            break;
        }
    }
    group
}

/// What the messages will weigh in memory.
pub(crate) fn weight(group: &[Item], settings: &MailboxSettings) -> u64 {
    let weighs = |item: &Item| match item.size > settings.max_message_bytes {
        true => MOST_HEAD,
        false => item.size,
    };
    group.iter().map(weighs).sum()
}

/// Fetches a group. Messages that have gone meanwhile are missing from the answer.
pub(crate) async fn fetch(
    session: &mut Session,
    settings: &MailboxSettings,
    trouble: &mut Option<Trouble>,
    group: &[Item],
    later: Option<Item>,
) -> Result<Vec<Taken>, Fault> {
    let suspect = match group {
        [one] => trouble.filter(|trouble| trouble.at == one.uid),
        _ => None,
    };
    let times = suspect.map_or(0, |trouble| trouble.times);
    // When the server hands over nothing at all it is not the message's fault.
    let proven = match later.filter(|_| suspect.is_some()) {
        Some(later) => session.hands_over(later.uid).await?,
        None => false,
    };
    let taken = match group {
        [one] if proven && times >= TRIES => without_body(session, *one, times).await,
        [one] if one.size > settings.batch_bytes || trouble.is_some() => {
            single(session, settings, *one).await
        }
        [one] if one.size > settings.max_message_bytes => head(session, *one).await,
        several => together(session, several).await,
    };
    match (&taken, group.last()) {
        (Err(_), _) => *trouble = Trouble::broke(*trouble, group, proven),
        (Ok(_), Some(last)) if !Trouble::is_near(trouble.as_ref(), last.uid.saturating_add(1)) => {
            *trouble = None;
        }
        (Ok(_), _) => {}
    }
    taken
}

async fn together(session: &mut Session, group: &[Item]) -> Result<Vec<Taken>, Fault> {
    let uids: UidSet = group.iter().map(|item| item.uid).collect();
    let announced = group.iter().map(|item| item.size).sum();
    let mut found = session.bodies(&uids, announced).await?;
    // Servers may answer in any order.
    found.sort_by_key(|found| found.uid);
    found.dedup_by_key(|found| found.uid);
    let mut taken = Vec::with_capacity(found.len());
    let mut missing = Vec::new();
    for item in group {
        let at = found.binary_search_by_key(&item.uid, |found| found.uid);
        match at.ok().and_then(|at| found[at].body.take()) {
            Some(raw) => taken.push(Taken { item: *item, raw, is_head: false }),
            None => missing.push(item.uid),
        }
    }
    gone(session, missing).await?;
    Ok(taken)
}

/// A message that is not handed over has gone, or else the server keeps it back.
async fn gone(session: &mut Session, missing: Vec<u32>) -> Result<(), Fault> {
    if missing.is_empty() || session.sizes(&missing.into_iter().collect()).await?.is_empty() {
        return Ok(());
    }
    Err(Fault::Withheld)
}

async fn single(
    session: &mut Session,
    settings: &MailboxSettings,
    item: Item,
) -> Result<Vec<Taken>, Fault> {
    if item.size > settings.max_message_bytes {
        return head(session, item).await;
    }
    match session.in_pieces(item.uid, item.size, settings.max_message_bytes).await? {
        Pieces::Whole(raw) => Ok(vec![Taken { item, raw, is_head: false }]),
        Pieces::TooLong => head(session, item).await,
        Pieces::Gone => gone(session, vec![item.uid]).await.map(|()| Vec::new()),
    }
}

async fn head(session: &mut Session, item: Item) -> Result<Vec<Taken>, Fault> {
    match session.head(item.uid).await? {
        Some(raw) => Ok(vec![Taken { item, raw, is_head: true }]),
        None => gone(session, vec![item.uid]).await.map(|()| Vec::new()),
    }
}

async fn without_body(session: &mut Session, item: Item, times: u32) -> Result<Vec<Taken>, Fault> {
    if times < 2 * TRIES {
        return head(session, item).await;
    }
    // Each with an identity of its own, so that the desk has an entry for each.
    let raw = format!(
        "Message-ID: <{}.{}@non-consegnato.invalid>\r\n\
         Subject: Messaggio che il server della casella non consegna (UID {})\r\n\
         X-Messo-Placeholder: 1\r\n\r\n",
        item.uid, item.size, item.uid
    );
    Ok(vec![Taken { item, raw: raw.into_bytes(), is_head: true }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::addresses::Channel;

    fn items(sizes: &[u64]) -> VecDeque<Item> {
        let numbered = (1..).zip(sizes);
        numbered.map(|(uid, size)| Item { uid, size: *size, arrived_at: None }).collect()
    }

    fn groups(sizes: &[u64], trouble: Option<&Trouble>) -> Vec<Vec<u32>> {
        let mut settings = MailboxSettings::new("a", Channel::Pec, "h", "u", "p");
        settings.batch_bytes = 100;
        settings.batch_messages = 3;
        let mut items = items(sizes);
        let mut groups = Vec::new();
        while !items.is_empty() {
            let group = next_group(&mut items, &settings, trouble);
            groups.push(group.iter().map(|item| item.uid).collect());
        }
        groups
    }

    #[test]
    fn groups_are_bounded_by_count_and_by_bytes_and_the_heavy_go_alone() {
        assert_eq!(groups(&[1, 1, 1, 1], None), [vec![1, 2, 3], vec![4]]);
        assert_eq!(groups(&[60, 40, 1], None), [vec![1, 2], vec![3]]);
        assert_eq!(groups(&[1, 500, 1, 1], None), [vec![1], vec![2], vec![3, 4]]);
        assert_eq!(groups(&[], None), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn after_a_break_messages_go_one_by_one_until_the_group_is_through() {
        let group: Vec<Item> = items(&[1, 1]).into();
        let trouble = Trouble::broke(None, &group, false).unwrap();
        assert_eq!(groups(&[1, 1, 1, 1], Some(&trouble)), [vec![1], vec![2], vec![3, 4]]);
        assert_eq!(Trouble::times_at(Some(&trouble), 1), 0, "nobody is to blame yet");
        let trouble = Trouble::broke(Some(trouble), &group[..1], false);
        let trouble = Trouble::broke(trouble, &group[..1], true).unwrap();
        assert_eq!((trouble.at, trouble.times, trouble.upto), (1, 1, 2));
    }
}
