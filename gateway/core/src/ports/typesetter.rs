//! Setting pages: PDF from facts. Apart from [`crate::ports::Renderer`], because it is heavy and
//! serves documents too, such as the statement of service.

use crate::ports::renderer::{Letter, RenderError};
use serde_json::Value;

/// Sets pages with embedded fonts as tagged PDF/A.
pub trait Typeset: Send + Sync {
    /// Sets the document of this name (e.g. `letter`, `statement`) with this data. CPU work of some
    /// milliseconds: called in a thread that may block.
    fn document(&self, name: &str, data: &Value) -> Result<Letter, RenderError>;
}
