//! Who stamps the proof: the authority that the configuration names.

use crate::config::{Place, Settings};
use crate::rim::{self, SystemClock};
use anyhow::Context;
use messo_core::ports::TimeAuthority;
use messo_timestamps::HttpAuthority;
use std::sync::Arc;

/// The authority; none when none is configured.
pub fn authority(
    settings: &Settings,
    place: &Place,
) -> anyhow::Result<Option<Arc<dyn TimeAuthority>>> {
    let url = settings.timestamps.url.expose();
    if url.is_empty() {
        return Ok(None);
    }
    let trust = place.data.join(&settings.timestamps.trust);
    let nonce = || {
        let bytes = rim::secret();
        u64::from_le_bytes(std::array::from_fn(|at| bytes[at]))
    };
    let clock = Arc::new(SystemClock);
    let authority = HttpAuthority::new(url, trust, clock, Box::new(nonce));
    Ok(Some(Arc::new(authority.context("timestamps.url")?)))
}
