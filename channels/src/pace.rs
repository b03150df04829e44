//! Keeps to what a provider and a recipient's domain allow: messages a minute, messages under way.
//!
//! A message waits for its turn, but no longer than the patience it is given; then it is put off with the wait
//! that is still needed. At the provider's own pace and places the more urgent go first. Limit: within one domain they
//! do not. What is remembered of quiet domains is forgotten.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use messo_core::jobs::Priority;
use messo_core::ports::Turn;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

/// A minute's allowance may be used up in bursts of this part of it.
const BURST_PART: u32 = 20;
/// Quiet domains are forgotten after this many messages.
const FORGET_EVERY: u32 = 1024;
/// To each so many places one more is kept for what the law asks for.
const KEPT_BACK_PART: usize = 8;
/// How long the less urgent step aside before they look again.
const STEP_ASIDE: Duration = Duration::from_millis(100);
/// When to ask again after no place came free within the patience.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What is allowed; 0 stands for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Messages a minute through the provider.
    pub per_minute: u32,
    /// Messages a minute to one domain.
    pub domain_per_minute: u32,
    /// Messages under way to one domain.
    pub domain_under_way: usize,
    /// Messages under way through the provider, besides the places kept back.
    pub under_way: usize,
}

/// The limits with what has been used of them.
pub(crate) struct Pace {
    provider: Option<DefaultDirectRateLimiter>,
    waiting: Waiting,
    places: Option<Places>,
    domains: Option<DefaultKeyedRateLimiter<String>>,
    under_way: Mutex<HashMap<String, Arc<Semaphore>>>,
    domain_under_way: usize,
    seen: AtomicU32,
}

impl Pace {
    /// Nothing used yet.
    pub fn new(limits: Limits) -> Self {
        let quota = |per_minute: u32| {
            let burst = NonZeroU32::new(per_minute / BURST_PART).unwrap_or(NonZeroU32::MIN);
            Some(Quota::per_minute(NonZeroU32::new(per_minute)?).allow_burst(burst))
        };
        Self {
            provider: quota(limits.per_minute).map(RateLimiter::direct),
            waiting: Waiting::default(),
            places: (limits.under_way > 0).then(|| Places::new(limits.under_way)),
            domains: quota(limits.domain_per_minute).map(RateLimiter::keyed),
            under_way: Mutex::default(),
            domain_under_way: limits.domain_under_way,
            seen: AtomicU32::new(0),
        }
    }

    /// Waits for the turn of a message to this domain; when patience ends, the wait still needed.
    pub async fn turn(
        &self,
        domain: &str,
        priority: Priority,
        patience: Duration,
    ) -> Result<Turn, Duration> {
        let until = Instant::now() + patience;
        self.forget();
        let of_domain = match self.semaphore(domain) {
            None => None,
            Some(semaphore) => Some(permit(&semaphore, until).await?),
        };
        if let Some(domains) = &self.domains {
            let key = domain.to_owned();
            let check = || {
                let now = DefaultClock::default().now();
                domains.check_key(&key).map_err(|not_until| not_until.wait_time_from(now))
            };
            wait(check, until).await?;
        }
        let place = match &self.places {
            None => None,
            Some(places) => Some(places.take(priority, until).await?),
        };
        if let Some(provider) = &self.provider {
            let _waiting = self.waiting.enter(priority);
            let check = || {
                if self.waiting.anyone_before(priority) {
                    return Err(STEP_ASIDE);
                }
                let now = DefaultClock::default().now();
                provider.check().map_err(|not_until| not_until.wait_time_from(now))
            };
            wait(check, until).await?;
        }
        Ok(Turn::holding((of_domain, place)))
    }

    fn semaphore(&self, domain: &str) -> Option<Arc<Semaphore>> {
        if self.domain_under_way == 0 {
            return None;
        }
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = under_way
            .entry(domain.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.domain_under_way)));
        Some(Arc::clone(semaphore))
    }

    fn forget(&self) {
        if !self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(FORGET_EVERY) {
            return;
        }
        if let Some(domains) = &self.domains {
            domains.retain_recent();
            domains.shrink_to_fit();
        }
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
    }
}

/// The places at the provider. Some are for what the law asks for alone: others never fill them all.
struct Places {
    all: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Places {
    fn new(open: usize) -> Self {
        let kept_back = open.div_ceil(KEPT_BACK_PART);
        Self {
            all: Arc::new(Semaphore::new(open + kept_back)),
            open: Arc::new(Semaphore::new(open)),
        }
    }

    async fn take(&self, priority: Priority, until: Instant) -> Result<Place, Duration> {
        let open = match priority {
            Priority::Legal => None,
            Priority::Ordinary | Priority::Bulk => Some(permit(&self.open, until).await?),
        };
        Ok((open, permit(&self.all, until).await?))
    }
}

type Place = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

async fn permit(
    semaphore: &Arc<Semaphore>,
    until: Instant,
) -> Result<OwnedSemaphorePermit, Duration> {
    if let Ok(permit) = Arc::clone(semaphore).try_acquire_owned() {
        return Ok(permit);
    }
    match timeout_at(until, Arc::clone(semaphore).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(ASK_AGAIN),
    }
}

/// How many wait for the pace of the provider, by priority: the more urgent are let by.
#[derive(Default)]
struct Waiting {
    legal: AtomicU32,
    ordinary: AtomicU32,
}

impl Waiting {
    fn enter(&self, priority: Priority) -> Option<Waits<'_>> {
        let count = match priority {
            Priority::Legal => &self.legal,
            Priority::Ordinary => &self.ordinary,
            Priority::Bulk => return None,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Some(Waits(count))
    }

    fn anyone_before(&self, priority: Priority) -> bool {
        let waits = |count: &AtomicU32| count.load(Ordering::Relaxed) > 0;
        match priority {
            Priority::Legal => false,
            Priority::Ordinary => waits(&self.legal),
            Priority::Bulk => waits(&self.legal) || waits(&self.ordinary),
        }
    }
}

struct Waits<'a>(&'a AtomicU32);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn wait(check: impl Fn() -> Result<(), Duration>, until: Instant) -> Result<(), Duration> {
    while let Err(needed) = check() {
        if Instant::now() + needed > until {
            return Err(needed);
        }
        sleep(needed).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_domain_over_its_rate_is_put_off_and_others_are_not() {
        let pace = Pace::new(Limits { domain_per_minute: 2, ..Limits::default() });
        assert!(pace.turn("a.it", Priority::Bulk, Duration::ZERO).await.is_ok());
        let needed = pace.turn("a.it", Priority::Bulk, Duration::ZERO).await.err().unwrap();
        assert!(needed > Duration::from_secs(20) && needed <= Duration::from_secs(30));
        assert!(pace.turn("b.it", Priority::Bulk, Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn messages_under_way_to_a_domain_are_capped() {
        let pace = Pace::new(Limits { domain_under_way: 1, ..Limits::default() });
        let first = pace.turn("a.it", Priority::Bulk, Duration::ZERO).await.ok().unwrap();
        assert!(pace.turn("a.it", Priority::Bulk, Duration::from_millis(20)).await.is_err());
        drop(first);
        assert!(pace.turn("a.it", Priority::Bulk, Duration::from_millis(20)).await.is_ok());
    }

    #[tokio::test]
    async fn quiet_domains_are_forgotten() {
        let pace = Pace::new(Limits { domain_under_way: 1, ..Limits::default() });
        for domain in 0..5000 {
            assert!(
                pace.turn(&format!("{domain}.it"), Priority::Bulk, Duration::ZERO).await.is_ok()
            );
        }
        assert!(pace.under_way.lock().unwrap().len() <= FORGET_EVERY as usize + 1);
    }
    #[tokio::test]
    async fn bulk_cannot_take_the_places_of_what_the_law_asks_for() {
        let pace = Pace::new(Limits { under_way: 2, ..Limits::default() });
        let (bulk, legal, none) = (Priority::Bulk, Priority::Legal, Duration::ZERO);
        let first = pace.turn("a.it", bulk, none).await.ok().unwrap();
        let _second = pace.turn("a.it", bulk, none).await.ok().unwrap();
        assert!(pace.turn("a.it", bulk, none).await.is_err());
        let _third = pace.turn("a.it", legal, none).await.ok().unwrap();
        assert!(pace.turn("a.it", legal, none).await.is_err());
        drop(first);
        assert!(pace.turn("a.it", legal, none).await.is_ok());
    }

    #[tokio::test]
    async fn what_waits_for_the_pace_lets_the_more_urgent_by() {
        let pace = Arc::new(Pace::new(Limits { per_minute: 120, ..Limits::default() }));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for priority in [Priority::Bulk; 8].into_iter().chain([Priority::Legal; 2]) {
            let (pace, order) = (Arc::clone(&pace), Arc::clone(&order));
            tasks.spawn(async move {
                let _turn = pace.turn("a.it", priority, Duration::from_secs(20)).await.ok();
                order.lock().unwrap().push(priority);
            });
            tokio::task::yield_now().await;
        }
        tasks.join_all().await;
        // The burst is six; whoever waited beyond it came after the legal ones.
        let order = order.lock().unwrap();
        assert_eq!(order[6..8], [Priority::Legal; 2], "{order:?}");
    }
}
