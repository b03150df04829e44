//! FIRST SKETCH, replaced by the address rules.
use serde::{Deserialize, Serialize};

/// Sketch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PostalBlock(Vec<String>);

impl PostalBlock {
    /// The lines as printed.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}
