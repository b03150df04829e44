//! Short messages.

pub mod kannel;

pub use kannel::{Kannel, KannelSettings};
