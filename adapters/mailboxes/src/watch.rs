//! The life of one mailbox: connect, look through the folders in turn, wait for mail, and again; after a fault, wait
//! longer each time and connect anew.
//!
//! Guarantee: one connection at a time; each folder is looked at every `poll_s` seconds whatever the server announces;
//! a folder that breaks the connection lets the others go first next time; a panic ends one connection, not the watch.

use crate::Shared;
use crate::fault::Fault;
use crate::look::{Folder, Look};
use crate::session::Session;
use crate::settings::{MOST_FOLDERS, MailboxSettings};
use crate::status::Board;
use futures_util::FutureExt;
use messo_core::ids::BodyId;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Servers and routers forget longer silences (RFC 2177 allows 29 minutes; practice is shorter).
const LONGEST_IDLE: Duration = Duration::from_secs(5 * 60);

/// A mailbox that is watched.
pub(crate) struct Watch {
    pub body: BodyId,
    pub settings: MailboxSettings,
    pub shared: Arc<Shared>,
    pub board: Arc<Board>,
    folders: Vec<Folder>,
    /// Whose turn it is.
    next: usize,
    /// Faults in a row: since something was taken, or all folders were looked at.
    faults: u32,
}

impl Watch {
    pub(crate) fn new(
        body: BodyId,
        settings: MailboxSettings,
        shared: Arc<Shared>,
        board: Arc<Board>,
    ) -> Self {
        Self { body, settings, shared, board, folders: Vec::new(), next: 0, faults: 0 }
    }

    /// Watches until it is told to stop. What was handed over is safe whenever that is.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let name = self.settings.name.clone();
        let gauge = metrics::gauge!("messo_mailbox_connected", "mailbox" => name.clone());
        let until = stop.clone();
        let watch = async {
            loop {
                let before = self.taken();
                let visit = AssertUnwindSafe(self.visit(&until)).catch_unwind().await;
                let Err(fault) = visit.unwrap_or(Err(Fault::Panicked)) else { return };
                gauge.set(0.0);
                // A line that breaks now and then while much is fetched is no reason to wait long.
                let went_on = self.taken() > before;
                self.faults = if went_on { 1 } else { self.faults.saturating_add(1) };
                self.report(&fault);
                sleep(self.shared.pause(self.faults)).await;
            }
        };
        tokio::select! {
            // A good-bye is said when nothing is under way; a fetch or a commit is given up.
            () = watch => {}
            () = async { stop.cancelled().await; sleep(Duration::from_millis(500)).await } => {}
        }
        gauge.set(0.0);
        self.board.write(|status| status.connected_since = None);
    }

    fn taken(&self) -> u64 {
        self.board.read().folders.values().map(|folder| folder.taken).sum()
    }

    fn report(&self, fault: &Fault) {
        let (mailbox, why) = (self.settings.name.as_str(), fault.word());
        tracing::warn!(mailbox, %fault, times = self.faults, "a mailbox cannot be read now");
        metrics::counter!("messo_mailbox_faults_total", "mailbox" => mailbox.to_owned(), "why" => why)
            .increment(1);
        let now = self.shared.clock.now();
        self.board.write(|status| {
            status.connected_since = None;
            status.last_fault = Some((now, fault.to_string()));
        });
    }

    /// One connection, from sign-in to fault or stop.
    async fn visit(&mut self, stop: &CancellationToken) -> Result<(), Fault> {
        let mut session = Session::open(&self.settings).await?;
        let now = self.shared.clock.now();
        self.board.write(|status| status.connected_since = Some(now));
        let name = self.settings.name.clone();
        metrics::gauge!("messo_mailbox_connected", "mailbox" => name).set(1.0);
        while !stop.is_cancelled() {
            self.find_folders(&mut session).await?;
            for _ in 0..self.folders.len() {
                let index = self.next % self.folders.len();
                self.next = index + 1;
                self.look(&mut session, index).await?;
            }
            self.faults = 0;
            let poll = Duration::from_secs(self.settings.poll_s);
            let idles = self.settings.idle && session.offers("IDLE") && !self.folders.is_empty();
            if !idles {
                let _ = tokio::time::timeout(poll, stop.cancelled()).await;
                continue;
            }
            // Only the folder that is open is announced; opening it again is also the last look.
            let readable = if self.folders.len() > 1 || session.news() {
                self.look(&mut session, 0).await?
            } else {
                self.board_has_no_fault(0)
            };
            if !readable {
                let _ = tokio::time::timeout(poll, stop.cancelled()).await;
            } else if !session.news() {
                session.idle(poll.min(LONGEST_IDLE), stop.cancelled()).await?;
                // What the server announced is in the first folder.
                self.next = 0;
            }
        }
        session.close().await;
        Ok(())
    }

    fn board_has_no_fault(&self, index: usize) -> bool {
        let status = self.board.read();
        let folder = self.folders.get(index).and_then(|folder| status.folders.get(&folder.name));
        folder.is_some_and(|folder| folder.fault.is_none())
    }

    /// Looks through one folder; whether it could be read.
    async fn look(&mut self, session: &mut Session, index: usize) -> Result<bool, Fault> {
        let folder = &mut self.folders[index];
        let name = folder.name.clone();
        let look = Look {
            body: self.body,
            settings: &self.settings,
            shared: &self.shared,
            board: &self.board,
            session,
            folder,
        };
        let fault = look.run().await?;
        if let Some(fault) = &fault {
            let (mailbox, why) = (self.settings.name.as_str(), fault.word());
            tracing::warn!(mailbox, index, %fault, "a folder of a mailbox cannot be read as asked");
            metrics::counter!(
                "messo_mailbox_faults_total", "mailbox" => mailbox.to_owned(), "why" => why
            )
            .increment(1);
        }
        let readable = fault.is_none();
        self.board.folder(&name, |status| status.fault = fault.map(|fault| fault.to_string()));
        let left: u64 = self.board.read().folders.values().map(|folder| folder.left).sum();
        metrics::gauge!("messo_mailbox_left", "mailbox" => self.settings.name.clone())
            .set(left as f64);
        Ok(readable)
    }

    /// The folders of the settings; those of a wildcard are asked for each time.
    async fn find_folders(&mut self, session: &mut Session) -> Result<(), Fault> {
        let asks = self.settings.folders.iter().any(|folder| folder.ends_with('*'));
        if !asks && !self.folders.is_empty() {
            return Ok(());
        }
        let mut names: Vec<String> = Vec::new();
        for folder in &self.settings.folders {
            let found = match folder.ends_with('*') {
                true => session.list(folder).await?,
                false => vec![folder.clone()],
            };
            for name in found {
                if names.len() < MOST_FOLDERS && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        // What is moved away is not read again where it went.
        if let crate::settings::After::Move(target) = &self.settings.after {
            names.retain(|name| name != target);
        }
        let now = self.shared.clock.now();
        self.folders.retain(|folder| names.contains(&folder.name));
        for name in names {
            if !self.folders.iter().any(|folder| folder.name == name) {
                self.folders.push(Folder::new(name, now));
            }
        }
        Ok(())
    }
}
