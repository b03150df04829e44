//! Writes down an SMTP conversation for the evidence.
//!
//! Secrets never get here: who sends one writes `(secret)` instead. At most [`MAX_LINES`] lines.

use super::reply::Reply;
use super::session::Halt;
use messo_core::ports::Transcript;

/// Most lines of one transcript.
const MAX_LINES: usize = 400;

/// A conversation being written down.
#[derive(Default)]
pub(crate) struct Log {
    lines: Vec<String>,
}

impl Log {
    /// Any line.
    pub fn note(&mut self, line: String) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
    }

    /// A command of ours, without secrets.
    pub fn ours(&mut self, command: &str) {
        self.note(format!("C: {}", command.trim_end()));
    }

    /// A reply.
    pub fn theirs(&mut self, reply: &Reply) {
        let mut lines = reply.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            self.note(format!("S: {:03}{mark}{line}", reply.code));
        }
    }

    /// Notes our own error on its way out.
    pub fn halt(&mut self, halt: Halt) -> Halt {
        if let Some(error) = &halt.error {
            self.note(format!("-- {error}"));
        }
        halt
    }

    /// The conversation.
    pub fn transcript(self) -> Transcript {
        Transcript { lines: self.lines }
    }
}
