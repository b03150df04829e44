//! How the mailboxes are doing, for health pages and `messo doctor`.

use messo_core::ids::BodyId;
use messo_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a mailbox is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// Whose.
    pub body: BodyId,
    /// Its name.
    pub mailbox: String,
    /// Since when it is connected; none while it is not.
    pub connected_since: Option<Timestamp>,
    /// What last went wrong with the connection, in one sentence without addresses, and when. It stays after the
    /// connection is back.
    pub last_fault: Option<(Timestamp, String)>,
    /// Its folders by name.
    pub folders: BTreeMap<String, FolderStatus>,
}

/// How a folder is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderStatus {
    /// When it was last looked through to its end.
    pub last_look: Option<Timestamp>,
    /// Messages found and not yet taken.
    pub left: u64,
    /// Messages that were new, since the start.
    pub taken: u64,
    /// Messages that the server did not hand over whole, since the start; each has an entry at the desk.
    pub withheld: u64,
    /// Why it cannot be read, while that is so.
    pub fault: Option<String>,
}

/// A status that its mailbox writes and everybody reads.
pub(crate) struct Board(Mutex<MailboxStatus>);

impl Board {
    pub(crate) fn new(body: BodyId, mailbox: &str) -> Self {
        Self(Mutex::new(MailboxStatus {
            body,
            mailbox: mailbox.to_owned(),
            connected_since: None,
            last_fault: None,
            folders: BTreeMap::new(),
        }))
    }

    pub(crate) fn read(&self) -> MailboxStatus {
        self.lock().clone()
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut MailboxStatus)) {
        change(&mut self.lock());
    }

    pub(crate) fn folder(&self, name: &str, change: impl FnOnce(&mut FolderStatus)) {
        let mut status = self.lock();
        if !status.folders.contains_key(name) {
            status.folders.insert(name.to_owned(), FolderStatus::default());
        }
        if let Some(folder) = status.folders.get_mut(name) {
            change(folder);
        }
    }

    /// A panic while writing leaves a status that is still worth reading.
    fn lock(&self) -> MutexGuard<'_, MailboxStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
