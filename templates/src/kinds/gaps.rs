//! Collects what is missing while a context is built.

use messo_core::notices::NoticeFacts;
use messo_core::ports::{Frame, MissingField};
use minijinja::Value;

/// The facts being read, and the fields found missing so far.
pub(super) struct Gaps<'a> {
    pub facts: &'a NoticeFacts,
    pub frame: Option<&'a Frame>,
    missing: Vec<MissingField>,
}

impl<'a> Gaps<'a> {
    pub const fn new(facts: &'a NoticeFacts, frame: Option<&'a Frame>) -> Self {
        Self { facts, frame, missing: Vec::new() }
    }

    /// Notes the field as missing unless it is `present`.
    pub fn require(&mut self, present: bool, field: &str, reason: &str) {
        if !present {
            let reason = format!("{reason} (colonna {field})");
            self.missing.push(MissingField { field: field.to_owned(), reason });
        }
    }

    /// The context, if nothing is missing.
    pub fn finish(self, context: Value) -> Result<Value, Vec<MissingField>> {
        if self.missing.is_empty() { Ok(context) } else { Err(self.missing) }
    }
}
