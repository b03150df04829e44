//! Keeps to what a provider and a recipient's domain allow: messages a minute, messages under way.
//!
//! A message waits for its turn, but no longer than the patience it is given; then it is put off with the wait
//! that is still needed. What is remembered of quiet domains is forgotten.

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
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

/// What is allowed; 0 stands for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Messages a minute through the provider.
    pub per_minute: u32,
    /// Messages a minute to one domain.
    pub domain_per_minute: u32,
    /// Messages under way to one domain.
    pub domain_under_way: usize,
}

/// The turn of a message; while it is held the message counts as under way.
pub(crate) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The limits with what has been used of them.
pub(crate) struct Pace {
    provider: Option<DefaultDirectRateLimiter>,
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
            domains: quota(limits.domain_per_minute).map(RateLimiter::keyed),
            under_way: Mutex::default(),
            domain_under_way: limits.domain_under_way,
            seen: AtomicU32::new(0),
        }
    }

    /// Waits for the turn of a message to this domain; the wait still needed when patience ends.
    pub async fn turn(&self, domain: &str, patience: Duration) -> Result<Turn, Duration> {
        let until = Instant::now() + patience;
        self.forget();
        let permit = match self.semaphore(domain) {
            None => None,
            Some(semaphore) => match timeout_at(until, semaphore.acquire_owned()).await {
                Ok(permit) => permit.ok(),
                Err(_) => return Err(patience),
            },
        };
        if let Some(domains) = &self.domains {
            let key = domain.to_owned();
            let check = || {
                let now = DefaultClock::default().now();
                domains.check_key(&key).map_err(|not_until| not_until.wait_time_from(now))
            };
            wait(check, until).await?;
        }
        if let Some(provider) = &self.provider {
            let check = || {
                let now = DefaultClock::default().now();
                provider.check().map_err(|not_until| not_until.wait_time_from(now))
            };
            wait(check, until).await?;
        }
        Ok(Turn { _permit: permit })
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
        assert!(pace.turn("a.it", Duration::ZERO).await.is_ok());
        let needed = pace.turn("a.it", Duration::ZERO).await.err().unwrap();
        assert!(needed > Duration::from_secs(20) && needed <= Duration::from_secs(30));
        assert!(pace.turn("b.it", Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn messages_under_way_to_a_domain_are_capped() {
        let pace = Pace::new(Limits { domain_under_way: 1, ..Limits::default() });
        let first = pace.turn("a.it", Duration::ZERO).await.ok().unwrap();
        assert!(pace.turn("a.it", Duration::from_millis(20)).await.is_err());
        drop(first);
        assert!(pace.turn("a.it", Duration::from_millis(20)).await.is_ok());
    }

    #[tokio::test]
    async fn quiet_domains_are_forgotten() {
        let pace = Pace::new(Limits { domain_under_way: 1, ..Limits::default() });
        for domain in 0..5000 {
            assert!(pace.turn(&format!("{domain}.it"), Duration::ZERO).await.is_ok());
        }
        assert!(pace.under_way.lock().unwrap().len() <= FORGET_EVERY as usize + 1);
    }
}
