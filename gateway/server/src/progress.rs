//! Progress on standard error: a bar on a terminal, plain lines otherwise, each different from the last.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::time::Instant;

/// Plain lines come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// The progress of one piece of long work.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    done: u64,
    last: Instant,
    /// What the last plain line said.
    said: Option<u64>,
}

impl Progress {
    /// Work of `total` steps; 0 when the number is not known.
    pub fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = "{msg:12} {wide_bar} {pos}/{len} {elapsed}";
            bar.set_style(
                ProgressStyle::with_template(style)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_message(what);
            bar
        });
        Self { bar, what, total, done: 0, last: Instant::now(), said: None }
    }

    /// So many steps are done.
    pub fn at(&mut self, done: u64) {
        self.done = done;
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.last.elapsed() >= LINE_EVERY => {
                self.last = Instant::now();
                self.line();
            }
            None => {}
        }
    }

    /// One more step is done.
    pub fn step(&mut self) {
        self.at(self.done + 1);
    }

    /// The work is over.
    pub fn end(mut self) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => self.line(),
        }
    }

    fn line(&mut self) {
        if self.said.replace(self.done) == Some(self.done) {
            return;
        }
        if self.total > 0 {
            eprintln!("{}: {}/{}", self.what, self.done, self.total);
        } else {
            eprintln!("{}: {}", self.what, self.done);
        }
    }
}
