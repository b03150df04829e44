//! When a queue of certified mail will be finished: the very ledger that lets messages go, played ahead.
//!
//! Pure. Nothing is taken to be what the law asks for, so that the kept-back part of each window stays free: it is
//! rather too late than too early. Limit: providers that slow down, and messages that are tried again, are not foreseen.

use super::ledger::{Ledger, Sent, Window};
use messo_core::jobs::Priority;
use messo_core::time::Timestamp;
use std::time::Duration;

/// Most messages looked at.
const MOST: usize = 1_000_000;
/// How far ahead is looked.
const HORIZON: Duration = Duration::from_secs(366 * 24 * 3600);
/// Least time from one message to the next, so that every play ends.
const LEAST_PACE: Duration = Duration::from_millis(1);

/// What becomes of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Messages that leave, hour by hour; hours without any are left out.
    pub hours: Vec<Hour>,
    /// When the last one leaves; now when nothing waits, none when it does not end.
    pub finished_at: Option<Timestamp>,
    /// Why it does not end.
    pub stopped: Option<Stop>,
}

/// What leaves in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub from: Timestamp,
    /// Messages.
    pub messages: u64,
}

/// Why a queue does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The mailbox will be full at that time.
    MailboxFull(Timestamp),
    /// It takes more than a year, or has more than a million messages.
    TooFar,
}

/// Plays the queue: a message of each size, `pace` from one to the next where no window holds them.
pub(crate) fn forecast(
    mut ledger: Ledger,
    sizes: impl IntoIterator<Item = u64>,
    pace: Duration,
    now: Timestamp,
) -> Forecast {
    let mut found = Forecast { hours: Vec::new(), finished_at: Some(now), stopped: None };
    let (pace, mut at) = (pace.max(LEAST_PACE), now);
    for (index, bytes) in sizes.into_iter().enumerate() {
        let opened = opening(&mut ledger, &mut at);
        let stopped = match opened {
            Some(Window::Space) => Some(Stop::MailboxFull(at)),
            _ if index >= MOST || at.since(now) > HORIZON => Some(Stop::TooFar),
            _ => None,
        };
        if stopped.is_some() {
            return Forecast { finished_at: None, stopped, ..found };
        }
        ledger.enter(Sent { at, bytes }, at);
        found.leave(at);
        at = at + pace;
    }
    found
}

/// Goes ahead to the next opening; the window that will never open by itself, if it is that one.
fn opening(ledger: &mut Ledger, at: &mut Timestamp) -> Option<Window> {
    while let Err(closed) = ledger.open(*at, Priority::Ordinary) {
        if closed.window == Window::Space {
            return Some(Window::Space);
        }
        *at = *at + closed.pause.max(LEAST_PACE);
    }
    None
}

impl Forecast {
    fn leave(&mut self, at: Timestamp) {
        let from = Timestamp::from_seconds(at.seconds().div_euclid(3600) * 3600);
        match self.hours.last_mut().filter(|hour| hour.from == from) {
            Some(hour) => hour.messages += 1,
            None => self.hours.push(Hour { from, messages: 1 }),
        }
        self.finished_at = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Limits;
    use super::*;
    use messo_core::pec::ReceiptType;

    /// 2026-11-22T21:00 in Rome.
    const NINE_PM: Timestamp = Timestamp::from_seconds(1_795_377_600);

    fn ledger(per_hour: u32, per_day: u32, mailbox_bytes: u64) -> Ledger {
        Ledger::new(Limits {
            per_hour,
            per_day,
            mailbox_bytes,
            receipt: ReceiptType::Completa,
            emptied_at: Timestamp(i64::MIN),
        })
    }

    fn play(ledger: Ledger, count: usize) -> Forecast {
        forecast(ledger, vec![100_000; count], Duration::from_secs(1), NINE_PM)
    }

    #[test]
    fn an_empty_queue_is_finished_now() {
        let found = play(ledger(1, 1, 1), 0);
        assert_eq!((found.finished_at, found.hours.len()), (Some(NINE_PM), 0));
    }

    #[test]
    fn without_windows_only_the_pace_counts() {
        let found = play(ledger(0, 0, 0), 3601);
        assert_eq!(found.finished_at, Some(NINE_PM + Duration::from_secs(3600)));
        let hours: Vec<_> = found.hours.iter().map(|hour| hour.messages).collect();
        assert_eq!(hours, [3600, 1]);
    }

    #[test]
    fn hours_fill_one_after_the_other_until_the_day_is_used_up() {
        // 70 of 80 an hour and 140 of 160 a day for what is not legal: two hours, then midnight.
        let found = play(ledger(80, 160, 0), 300);
        let per_hour: Vec<_> = found
            .hours
            .iter()
            .map(|hour| ((hour.from.since(NINE_PM).as_secs()) / 3600, hour.messages))
            .collect();
        assert_eq!(per_hour, [(0, 70), (1, 70), (3, 70), (4, 70), (27, 20)]);
        let last = found.finished_at.unwrap().since(NINE_PM).as_secs();
        assert!((27 * 3600..27 * 3600 + 60).contains(&last), "{last}");
    }

    #[test]
    fn a_mailbox_that_will_be_full_is_foreseen() {
        let found = play(ledger(0, 0, 1_000_000), 10);
        let at = NINE_PM + Duration::from_secs(6);
        assert_eq!((found.finished_at, found.stopped), (None, Some(Stop::MailboxFull(at))));
        assert_eq!(found.hours, [Hour { from: NINE_PM, messages: 6 }]);
    }

    #[test]
    fn a_queue_of_years_is_not_counted_to_its_end() {
        let found = play(ledger(0, 1, 0), 400);
        assert_eq!((found.finished_at, found.stopped), (None, Some(Stop::TooFar)));
    }
}
