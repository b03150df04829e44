//! What a certified mailbox still takes: so many messages in any hour, so many a day, so much space.
//!
//! Pure: the time comes in. Counted is what may have entered the circuit and what is under way. The hour slides; the day
//! is the civil day of Rome. Limit: providers do not say how they count; who counts by days of their own zone
//! or by fixed hours allows at least as much.

use messo_core::jobs::Priority;
use messo_core::pec::ReceiptType;
use messo_core::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// One in so many of an hour's or a day's messages is kept for what the law asks for.
const KEPT_BACK_PART: u32 = 8;
/// What is less urgent comes so much later to an opening than what the law asks for.
const STEP_ASIDE: Duration = Duration::from_millis(100);
/// When to ask again while only messages under way fill a window: they may fail.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(5);
/// When to ask again while the mailbox is full: somebody must empty it.
const FULL_AGAIN: Duration = Duration::from_secs(600);
/// The length of the sliding window.
const HOUR: Duration = Duration::from_secs(3600);
/// Size of an acceptance, and of a delivery receipt without the message, in bytes.
const BARE_RECEIPT: u64 = 10_000;
/// Size of the short form of a message, whose files are hashes, in bytes.
const SHORT_MESSAGE: u64 = 30_000;
/// How large the next message is taken to be before any was seen, in bytes.
const FIRST_GUESS: u64 = 100_000;

/// What a mailbox allows; 0 stands for no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Messages in any hour.
    pub per_hour: u32,
    /// Messages in a civil day of Rome.
    pub per_day: u32,
    /// Bytes in the mailbox.
    pub mailbox_bytes: u64,
    /// Form of the delivery receipts.
    pub receipt: ReceiptType,
    /// Messages sent before this instant take no space any more.
    pub emptied_at: Timestamp,
}

/// A message that may have entered the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// Its size.
    pub bytes: u64,
}

/// Why a message has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// The hour is used up.
    Hour,
    /// The day is used up.
    Day,
    /// The mailbox is full.
    Space,
}

/// A window that is closed, and after which pause to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub window: Window,
    pub pause: Duration,
}

/// The limits with what has been used of them.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    limits: Limits,
    /// The last hour, oldest first, where an hour has a limit.
    recent: VecDeque<Timestamp>,
    today: u32,
    day_ends: Timestamp,
    space: u64,
    largest: u64,
    under_way: u32,
}

impl Ledger {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            recent: VecDeque::new(),
            today: 0,
            day_ends: Timestamp(i64::MIN),
            space: 0,
            largest: 0,
            under_way: 0,
        }
    }

    /// Whether anything is limited at all.
    pub fn limited(&self) -> bool {
        let Limits { per_hour, per_day, mailbox_bytes, .. } = self.limits;
        per_hour > 0 || per_day > 0 || mailbox_bytes > 0
    }

    /// From when on what was sent matters at this time.
    pub fn matters_from(&self, now: Timestamp) -> Timestamp {
        let counted = (now - HOUR).min(day_of(now).0);
        if self.limits.mailbox_bytes == 0 { counted } else { counted.min(self.limits.emptied_at) }
    }

    /// Whether one more message may begin now.
    pub fn open(&mut self, now: Timestamp, priority: Priority) -> Result<(), Closed> {
        self.roll(now);
        let aside = if priority == Priority::Legal { Duration::ZERO } else { STEP_ASIDE };
        match self.closed(now, priority) {
            None => Ok(()),
            Some(closed) => Err(Closed { pause: closed.pause + aside, ..closed }),
        }
    }

    fn closed(&self, now: Timestamp, priority: Priority) -> Option<Closed> {
        let room = |cap: u32| match priority {
            Priority::Legal => cap,
            Priority::Ordinary | Priority::Bulk => cap - cap / KEPT_BACK_PART,
        };
        let closed = |window, pause| Some(Closed { window, pause });
        let Limits { per_hour, per_day, .. } = self.limits;
        if self.full() {
            return closed(Window::Space, FULL_AGAIN);
        }
        if per_day > 0 && self.today.saturating_add(self.under_way) >= room(per_day) {
            let used_up = self.today >= room(per_day);
            return closed(Window::Day, if used_up { self.day_ends.since(now) } else { ASK_AGAIN });
        }
        let taken = self.recent.len() + self.under_way as usize;
        if per_hour > 0 && taken >= room(per_hour) as usize {
            // The one whose hour must be over first.
            let sent = self.recent.get(taken - room(per_hour) as usize);
            let pause = sent.map_or(ASK_AGAIN, |at| (*at + HOUR).since(now).min(HOUR));
            return closed(Window::Hour, pause);
        }
        None
    }

    /// Whether the mailbox is full: the receipts of one more message as large as the largest so far, beside
    /// those under way, would not fit.
    pub fn full(&self) -> bool {
        let guess = if self.largest == 0 { FIRST_GUESS } else { self.largest };
        let coming = u64::from(self.under_way) + 1;
        let needed = self.space.saturating_add(self.weight(guess).saturating_mul(coming));
        self.limits.mailbox_bytes > 0 && needed > self.limits.mailbox_bytes
    }

    /// What a message brings into the mailbox: an acceptance, and a delivery in the form asked for.
    fn weight(&self, bytes: u64) -> u64 {
        2 * BARE_RECEIPT
            + match self.limits.receipt {
                ReceiptType::Completa => bytes.saturating_mul(14) / 10,
                ReceiptType::Breve => SHORT_MESSAGE.min(bytes),
                ReceiptType::Sintetica => 0,
            }
    }

    /// A message begins.
    pub fn begin(&mut self) {
        self.under_way += 1;
    }

    /// A message that had begun has come to its end.
    pub fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// A message may have entered the circuit.
    pub fn enter(&mut self, sent: Sent, now: Timestamp) {
        self.roll(now);
        if self.limits.per_hour > 0 && sent.at + HOUR > now {
            let place = self.recent.partition_point(|at| *at <= sent.at);
            self.recent.insert(place, sent.at);
        }
        if sent.at >= day_of(now).0 {
            self.today = self.today.saturating_add(1);
        }
        if sent.at >= self.limits.emptied_at {
            self.space = self.space.saturating_add(self.weight(sent.bytes));
        }
        self.largest = self.largest.max(sent.bytes);
    }

    /// The same without what is under way, for a look ahead.
    pub fn at_rest(&self) -> Self {
        Self { under_way: 0, ..self.clone() }
    }

    fn roll(&mut self, now: Timestamp) {
        while self.recent.front().is_some_and(|at| *at + HOUR <= now) {
            self.recent.pop_front();
        }
        if now >= self.day_ends {
            self.today = 0;
            self.day_ends = day_of(now).1;
        }
    }
}

/// The civil day of Rome around an instant: its first, and the first of the next.
fn day_of(at: Timestamp) -> (Timestamp, Timestamp) {
    let day = at.in_rome().start_of_day();
    let next = day.as_ref().map_err(Clone::clone).and_then(|day| day.tomorrow());
    let instant = |zoned: Result<jiff::Zoned, _>| match zoned {
        Ok(zoned) => Timestamp::from(zoned.timestamp()),
        // Only at the ends of the calendar.
        Err(_) => at,
    };
    (instant(day), instant(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use messo_core::jobs::Priority::{Bulk, Legal};

    /// 2026-11-22T09:00 in Rome.
    const NINE: Timestamp = Timestamp::from_seconds(1_795_334_400);
    const MINUTE: Duration = Duration::from_secs(60);

    fn ledger(per_hour: u32, per_day: u32, mailbox_bytes: u64) -> Ledger {
        Ledger::new(Limits {
            per_hour,
            per_day,
            mailbox_bytes,
            receipt: ReceiptType::Completa,
            emptied_at: Timestamp(i64::MIN),
        })
    }

    fn send(ledger: &mut Ledger, at: Timestamp, bytes: u64) {
        ledger.enter(Sent { at, bytes }, at);
    }

    #[test]
    fn an_hour_slides_so_that_no_hour_carries_more_than_it_may() {
        let mut ledger = ledger(2, 0, 0);
        send(&mut ledger, NINE, 1);
        send(&mut ledger, NINE + 10 * MINUTE, 1);
        let closed = ledger.open(NINE + 20 * MINUTE, Legal).unwrap_err();
        assert_eq!(closed, Closed { window: Window::Hour, pause: 40 * MINUTE });
        assert_eq!(ledger.open(NINE + 60 * MINUTE, Legal), Ok(()));
        send(&mut ledger, NINE + 60 * MINUTE, 1);
        assert_eq!(ledger.open(NINE + 60 * MINUTE, Legal).unwrap_err().pause, 10 * MINUTE);
    }

    #[test]
    fn a_day_ends_at_midnight_in_rome_also_when_the_clocks_change() {
        let mut day = ledger(0, 1, 0);
        send(&mut day, NINE, 1);
        let closed = day.open(NINE, Legal).unwrap_err();
        assert_eq!(closed, Closed { window: Window::Day, pause: 15 * 60 * MINUTE });
        assert_eq!(day.open(NINE + 15 * 60 * MINUTE, Legal), Ok(()));
        // 2026-10-25T00:00 in Rome: a day of 25 hours.
        let first = Timestamp::from_seconds(1_792_879_200);
        let mut day = ledger(0, 1, 0);
        send(&mut day, first, 1);
        assert_eq!(day.open(first, Legal).unwrap_err().pause, 25 * 60 * MINUTE);
    }

    #[test]
    fn a_part_of_each_window_is_for_what_the_law_asks_for() {
        for mut ledger in [ledger(8, 0, 0), ledger(0, 8, 0)] {
            for _ in 0..7 {
                assert_eq!(ledger.open(NINE, Bulk), Ok(()));
                send(&mut ledger, NINE, 1);
            }
            assert!(ledger.open(NINE, Bulk).is_err());
            assert_eq!(ledger.open(NINE, Legal), Ok(()));
            send(&mut ledger, NINE, 1);
            let (bulk, legal) = (ledger.open(NINE, Bulk), ledger.open(NINE, Legal));
            assert!(bulk.unwrap_err().pause > legal.unwrap_err().pause);
        }
    }

    #[test]
    fn what_is_under_way_counts_and_what_failed_counts_no_more() {
        let mut ledger = ledger(1, 1, 0);
        ledger.begin();
        assert_eq!(ledger.open(NINE, Legal).unwrap_err().pause, ASK_AGAIN);
        ledger.end();
        assert_eq!(ledger.open(NINE, Legal), Ok(()));
    }

    #[test]
    fn the_two_receipts_of_each_message_fill_the_mailbox() {
        let mut ledger = ledger(0, 0, 1_000_000);
        // 160,000 bytes each: six fit.
        for _ in 0..6 {
            assert_eq!(ledger.open(NINE, Legal), Ok(()));
            send(&mut ledger, NINE, 100_000);
        }
        assert_eq!(ledger.open(NINE, Legal).unwrap_err().window, Window::Space);
        // A day later it is still full: only somebody who empties it helps.
        assert!(ledger.open(NINE + 24 * 60 * MINUTE, Legal).is_err());
    }

    #[test]
    fn what_was_sent_before_a_restart_is_counted_where_it_belongs() {
        let mut ledger = ledger(10, 10, 1_000_000);
        ledger.limits.emptied_at = NINE - 30 * MINUTE;
        let ago = |minutes: u32| Sent { at: NINE - minutes * MINUTE, bytes: 1_000 };
        // Yesterday; today, more than an hour ago; and within the hour, late and early.
        for sent in [ago(10 * 60), ago(90), ago(40), ago(20)] {
            ledger.enter(sent, NINE);
        }
        assert_eq!((ledger.recent.len(), ledger.today), (2, 3));
        assert_eq!(ledger.space, ledger.weight(1_000));
        assert_eq!(ledger.matters_from(NINE), NINE - 9 * 60 * MINUTE);
    }
}
