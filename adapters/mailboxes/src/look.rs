//! One look through a folder: what is new is fetched in batches and handed over, each batch with its cursor.
//!
//! Guarantee: the cursor goes on only with the commit of what it passes, so that whatever breaks, the next look goes on
//! where the last commit ended. A new UIDVALIDITY, or UIDs that went back, begin the folder again; who takes the
//! messages knows which of them he has. No message stops a folder for good (see [`fetching`]).
//!
//! IMAP gives what is put into a folder a higher UID. Servers and restored mailboxes that break this are covered by
//! the sweep: the mail of the last days is compared with what this process has handed over, and the rest fetched
//! again. Limit: older mail that appears below the cursor under an unchanged UIDVALIDITY is not seen, and a
//! process that never lives for a whole period never sweeps. A message that was taken but not yet filed away when
//! the process ended stays where it was until a sweep comes by.

mod fetching;

use crate::Shared;
use crate::fault::Fault;
use crate::memory::Held;
use crate::session::Session;
use crate::settings::MailboxSettings;
use crate::status::Board;
use crate::uids::UidSet;
use fetching::{Item, Taken, Trouble, fetch, next_group, weight};
use futures_util::future::join;
use jiff::ToSpan;
use messo_core::ids::BodyId;
use messo_core::messages::Cursor;
use messo_core::ports::Arrived;
use messo_core::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::timeout;

/// Messages whose sizes are asked for at once; also keeps commands under the 8,000 bytes that servers take.
const SIZES_AT_ONCE: usize = 500;

/// What is remembered of a folder while the process lives.
pub(crate) struct Folder {
    pub name: String,
    uid_validity: u32,
    /// Handed over by this process under this UIDVALIDITY.
    known: UidSet,
    trouble: Option<Trouble>,
    swept_at: Timestamp,
}

impl Folder {
    pub(crate) fn new(name: String, now: Timestamp) -> Self {
        Self { name, uid_validity: 0, known: UidSet::default(), trouble: None, swept_at: now }
    }
}

/// A look under way.
pub(crate) struct Look<'l> {
    pub body: BodyId,
    pub settings: &'l MailboxSettings,
    pub shared: &'l Shared,
    pub board: &'l Board,
    pub session: &'l mut Session,
    pub folder: &'l mut Folder,
}

/// Messages fetched and not yet handed over.
struct Batch {
    taken: Vec<Taken>,
    /// Up to here the folder is done once this is committed; none in a sweep.
    cursor: Option<Cursor>,
    _held: Held,
}

/// Messages that were handed over.
#[derive(Default)]
struct Handed {
    uids: Vec<u32>,
    /// Those that may be filed away: a message of which only the head was taken stays where a person looks for it.
    whole: UidSet,
    new: u64,
    heads: u64,
}

impl Look<'_> {
    /// Looks through the folder to its end. The inner fault is one of the folder; the outer one ends the connection.
    pub(crate) async fn run(mut self) -> Result<Option<Fault>, Fault> {
        let selected = match self.session.select(&self.folder.name, &self.settings.after).await {
            Err(refused @ Fault::Refused { .. }) => return Ok(Some(refused)),
            other => other?,
        };
        let Some(uid_validity) = selected.uid_validity else {
            return Ok(Some(Fault::NotOffered("lasting message numbers")));
        };
        if uid_validity != self.folder.uid_validity {
            self.folder.uid_validity = uid_validity;
            self.folder.known = UidSet::default();
            self.folder.trouble = None;
        }
        let from = self.begin_after(selected.uid_next).await?;
        let mut unfiled = None;
        if selected.exists > 0 && selected.uid_next != from.checked_add(1) {
            let new = self.session.above(from).await?;
            unfiled = self.take(&new, true).await?;
        }
        if self.sweep_is_due() {
            // Before it is done: a sweep that breaks is not repeated at once, before everything new.
            self.folder.swept_at = self.shared.clock.now();
            let old = self.appeared_below(from).await?;
            unfiled = self.take(&old, false).await?.or(unfiled);
        }
        let now = self.shared.clock.now();
        self.board.folder(&self.folder.name, |status| {
            status.last_look = Some(now);
            status.left = 0;
        });
        Ok(unfiled)
    }

    /// The UID up to which everything was taken; 0 when the folder has to be read from its beginning.
    async fn begin_after(&self, uid_next: Option<u32>) -> Result<u32, Fault> {
        let (sink, limit) = (&self.shared.sink, Duration::from_secs(self.settings.deadline_s));
        let asked = sink.cursor(self.body, &self.settings.name, &self.folder.name);
        let cursor = timeout(limit, asked).await.map_err(|_| Fault::SinkTimedOut)?;
        let Some(cursor) = cursor.map_err(Fault::Sink)? else { return Ok(0) };
        let goes_on = uid_next.is_none_or(|next| next > cursor.uid);
        if cursor.uid_validity == self.folder.uid_validity && goes_on {
            return Ok(cursor.uid);
        }
        tracing::warn!(
            mailbox = self.settings.name,
            "a folder was made anew; it is read from its beginning"
        );
        let name = self.settings.name.clone();
        metrics::counter!("messo_mailbox_rescans_total", "mailbox" => name).increment(1);
        Ok(0)
    }

    fn sweep_is_due(&self) -> bool {
        let period = Duration::from_secs(self.settings.sweep_h.saturating_mul(3_600));
        !period.is_zero() && self.shared.clock.now().since(self.folder.swept_at) >= period
    }

    /// What lies below the cursor, is of the last days, and was not handed over by this process.
    async fn appeared_below(&mut self, uid: u32) -> Result<Vec<u32>, Fault> {
        let today = self.shared.clock.now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
        // One day more, since the server counts days in a zone of its own.
        let day = today.saturating_sub((i64::from(self.settings.sweep_days) + 1).days());
        let found = self.session.since(day).await?;
        let known = &self.folder.known;
        Ok(found.into_iter().filter(|found| *found <= uid && !known.contains(*found)).collect())
    }

    /// Fetches and hands over; why something was not filed away.
    async fn take(&mut self, uids: &[u32], moves_cursor: bool) -> Result<Option<Fault>, Fault> {
        let mut unfiled = None;
        let mut left = uids.len();
        for part in uids.chunks(SIZES_AT_ONCE) {
            self.show_left(left);
            let mut items = self.items(part).await?;
            let mut ready: Option<Batch> = None;
            // While one batch is committed, the next one is fetched.
            while ready.is_some() || !items.is_empty() {
                let group = next_group(&mut items, self.settings, self.folder.trouble.as_ref());
                let last = group.last().map(|item| item.uid);
                let cursor = last.filter(|_| moves_cursor).map(|uid| self.cursor(uid));
                let handing =
                    hand_over(self.body, self.settings, self.shared, &self.folder.name, ready);
                let later = items.front().copied();
                let trouble = &mut self.folder.trouble;
                let fetching = async {
                    if group.is_empty() {
                        return Ok(None);
                    }
                    let _held = self.shared.memory.hold(weight(&group, self.settings)).await;
                    let taken = fetch(self.session, self.settings, trouble, &group, later).await?;
                    Ok::<_, Fault>(Some(Batch { taken, cursor, _held }))
                };
                let (handed, fetched) = join(handing, fetching).await;
                let handed = handed?;
                left = left.saturating_sub(handed.uids.len());
                self.show_left(left);
                let filed = self.handed_over(handed, fetched.is_ok()).await?;
                unfiled = filed.or(unfiled);
                ready = fetched?;
            }
        }
        Ok(unfiled)
    }

    fn show_left(&self, left: usize) {
        let left = left as u64;
        self.board.folder(&self.folder.name, |status| status.left = left);
    }

    fn cursor(&self, uid: u32) -> Cursor {
        Cursor {
            body: self.body,
            mailbox: self.settings.name.clone(),
            folder: self.folder.name.clone(),
            uid_validity: self.folder.uid_validity,
            uid,
        }
    }

    /// Sizes of those of these messages that are still there, in order.
    async fn items(&mut self, uids: &[u32]) -> Result<VecDeque<Item>, Fault> {
        let mut found = self.session.sizes(&uids.iter().copied().collect()).await?;
        found.retain(|found| found.size.is_some());
        found.sort_by_key(|found| found.uid);
        found.dedup_by_key(|found| found.uid);
        let item = |found: crate::response::Fetched| Item {
            uid: found.uid,
            size: found.size.unwrap_or_default(),
            arrived_at: found.arrived_at,
        };
        Ok(found.into_iter().map(item).collect())
    }

    /// Notes what was taken and files it away, if the connection still stands.
    async fn handed_over(
        &mut self,
        handed: Handed,
        connected: bool,
    ) -> Result<Option<Fault>, Fault> {
        handed.uids.iter().for_each(|uid| self.folder.known.insert(*uid));
        self.folder.known.bounded();
        self.board.folder(&self.folder.name, |status| {
            status.taken += handed.new;
            status.withheld += handed.heads;
        });
        if !connected {
            return Ok(None);
        }
        match self.session.finish(&handed.whole, &self.settings.after).await {
            Ok(()) => Ok(None),
            Err(fault @ (Fault::Refused { .. } | Fault::NotOffered(_))) => Ok(Some(fault)),
            Err(fault) => Err(fault),
        }
    }
}

/// Hands a batch over and waits until it is committed.
async fn hand_over(
    body: BodyId,
    settings: &MailboxSettings,
    shared: &Shared,
    folder: &str,
    batch: Option<Batch>,
) -> Result<Handed, Fault> {
    let Some(Batch { taken, cursor, _held }) = batch else { return Ok(Handed::default()) };
    let mut handed = Handed::default();
    let mut arrived = Vec::with_capacity(taken.len());
    let mut bytes = 0;
    for Taken { item, raw, is_head } in taken {
        handed.uids.push(item.uid);
        bytes += raw.len() as u64;
        match is_head {
            true => handed.heads += 1,
            false => handed.whole.insert(item.uid),
        }
        arrived.push(Arrived {
            body,
            mailbox: settings.name.clone(),
            channel: settings.channel,
            sandbox: settings.sandbox,
            folder: folder.to_owned(),
            arrived_at: item.arrived_at,
            whole_size: is_head.then(|| item.size.max(raw.len() as u64)),
            raw,
        });
    }
    if arrived.is_empty() && cursor.is_none() {
        return Ok(handed);
    }
    let count = arrived.len() as u64;
    let limit = Duration::from_secs(settings.deadline_s);
    let took = timeout(limit, shared.sink.take(arrived, cursor)).await;
    let took = took.map_err(|_| Fault::SinkTimedOut)?.map_err(Fault::Sink)?;
    handed.new = took.iter().filter(|(_, new)| *new).count() as u64;
    let counted = |new: &'static str, number: u64| {
        let name = settings.name.clone();
        metrics::counter!("messo_mailbox_messages_total", "mailbox" => name, "new" => new)
            .increment(number);
    };
    counted("true", handed.new);
    counted("false", count.saturating_sub(handed.new));
    metrics::counter!("messo_mailbox_bytes_total", "mailbox" => settings.name.clone())
        .increment(bytes);
    Ok(handed)
}
