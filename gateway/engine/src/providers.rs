//! The configured ways out, by channel and by name.

use messo_core::addresses::Channel;
use messo_core::jobs::Lane;
use messo_core::ports::Provider;
use std::sync::Arc;

/// The configured providers; at most one per channel is used for new attempts, the first listed.
#[derive(Clone, Default)]
pub struct Providers {
    list: Vec<Arc<dyn Provider>>,
}

impl Providers {
    /// Providers in the order of preference.
    pub fn new(list: Vec<Arc<dyn Provider>>) -> Self {
        Self { list }
    }

    /// The one that sends on this channel.
    pub fn sending(&self, channel: Channel) -> Option<&Arc<dyn Provider>> {
        self.list.iter().find(|provider| provider.spec().channel == channel)
    }

    /// The one that sends what waits in this lane.
    pub fn of(&self, lane: Lane) -> Option<&Arc<dyn Provider>> {
        self.sending(lane.channel()?)
    }

    /// The one of this name, for receipts about earlier attempts.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.list.iter().find(|provider| provider.spec().name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.list.iter()
    }
}
