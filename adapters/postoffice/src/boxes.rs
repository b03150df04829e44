//! The mailboxes of the post office, in memory: folders, messages, UIDs, and the faults that a server is told to show.
//!
//! Guarantee: a box never holds more than its limits; UIDs only grow while the UIDVALIDITY stays. Limit: nothing outlives
//! the process.

use messo_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Most folders of a box.
pub const MAX_FOLDERS: usize = 64;
/// Most faults that wait to be shown.
pub const MAX_FAULTS: usize = 64;
/// Most flags of one message.
pub const MAX_FLAGS: usize = 32;

/// One message in a folder.
#[derive(Clone, Debug)]
pub struct Stored {
    /// UID.
    pub uid: u32,
    /// Flags such as `\Seen`.
    pub flags: BTreeSet<String>,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// The message.
    pub bytes: Arc<[u8]>,
}

/// One folder.
#[derive(Clone, Debug)]
pub struct Folder {
    /// UIDVALIDITY.
    pub validity: u32,
    /// Next UID.
    pub next_uid: u32,
    /// In order of UID.
    pub messages: Vec<Stored>,
    /// Grows with every message that comes or goes.
    pub version: u64,
}

impl Folder {
    fn new(validity: u32) -> Self {
        Self { validity, next_uid: 1, messages: Vec::new(), version: 0 }
    }

    fn put(&mut self, bytes: Arc<[u8]>, flags: BTreeSet<String>, arrived_at: Timestamp) -> u32 {
        let uid = self.next_uid;
        self.next_uid = self.next_uid.saturating_add(1);
        self.version += 1;
        self.messages.push(Stored { uid, flags, arrived_at, bytes });
        uid
    }

    /// Starts numbering again under another UIDVALIDITY.
    fn renumber(&mut self) {
        self.validity = self.validity.saturating_add(1);
        self.next_uid = 1;
        for message in &mut self.messages {
            message.uid = self.next_uid;
            self.next_uid += 1;
        }
    }
}

/// Misbehaviour of the IMAP server, shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends when the next command arrives.
    Drop,
    /// The connection ends after so many bytes of the next answer.
    DropAfter(usize),
    /// The next answer comes after so long.
    Stall(Duration),
}

/// Misbehaviour of the submission server at the end of a message, shown once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionFault {
    /// The message is taken, but the connection ends before the reply: the sender cannot know.
    Cut,
    /// The message is refused with this code, e.g. 451 or 554.
    Refuse(u16),
}

/// Why something does not fit into a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoxError {
    /// Too many messages or bytes.
    #[error("the box is full")]
    Full,
    /// No such folder.
    #[error("no such folder")]
    NoFolder,
    /// The folder exists already, or there are too many.
    #[error("the folder cannot be made")]
    NoRoom,
    /// No such account.
    #[error("no such account")]
    NoAccount,
}

/// A mailbox.
#[derive(Debug)]
pub struct MailBox {
    /// Folders by name.
    pub folders: BTreeMap<String, Folder>,
    /// Faults to be shown, first first.
    pub faults: VecDeque<Fault>,
    /// Faults of submission to be shown, first first.
    pub submission_faults: VecDeque<SubmissionFault>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl MailBox {
    /// A box with these folders.
    pub fn new(folders: &[String], max_messages: usize, max_bytes: usize) -> Self {
        let folders = folders.iter().map(|name| (canonical(name), Folder::new(1))).collect();
        let (faults, submission_faults) = (VecDeque::new(), VecDeque::new());
        Self { folders, faults, submission_faults, bytes: 0, max_messages, max_bytes }
    }

    /// The folder, with INBOX in any case.
    pub fn folder(&self, name: &str) -> Result<&Folder, BoxError> {
        self.folders.get(&canonical(name)).ok_or(BoxError::NoFolder)
    }

    /// The same, to be changed.
    pub fn folder_mut(&mut self, name: &str) -> Result<&mut Folder, BoxError> {
        self.folders.get_mut(&canonical(name)).ok_or(BoxError::NoFolder)
    }

    /// Adds a message and gives its UID.
    pub fn put(
        &mut self,
        folder: &str,
        bytes: Arc<[u8]>,
        flags: BTreeSet<String>,
        arrived_at: Timestamp,
    ) -> Result<u32, BoxError> {
        let count: usize = self.folders.values().map(|folder| folder.messages.len()).sum();
        if count >= self.max_messages || self.bytes.saturating_add(bytes.len()) > self.max_bytes {
            return Err(BoxError::Full);
        }
        let length = bytes.len();
        let uid = self.folder_mut(folder)?.put(bytes, flags, arrived_at);
        self.bytes += length;
        Ok(uid)
    }

    /// Takes messages out.
    pub fn remove(&mut self, folder: &str, uids: &BTreeSet<u32>) -> Result<(), BoxError> {
        let folder = self.folder_mut(folder)?;
        folder.messages.retain(|message| !uids.contains(&message.uid));
        folder.version += 1;
        self.count_bytes();
        Ok(())
    }

    /// Makes a folder.
    pub fn create(&mut self, name: &str) -> Result<(), BoxError> {
        let name = canonical(name);
        let sound = !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control);
        if !sound || self.folders.contains_key(&name) || self.folders.len() >= MAX_FOLDERS {
            return Err(BoxError::NoRoom);
        }
        // A folder made anew under an old name must not look like the old one.
        let highest = self.folders.values().map(|folder| folder.validity).max().unwrap_or(0);
        self.folders.insert(name, Folder::new(highest + 1));
        Ok(())
    }

    /// Removes a folder with what is in it; INBOX stays.
    pub fn delete(&mut self, name: &str) -> Result<(), BoxError> {
        let name = canonical(name);
        if name == "INBOX" || self.folders.remove(&name).is_none() {
            return Err(BoxError::NoFolder);
        }
        self.count_bytes();
        Ok(())
    }

    /// Gives all messages new UIDs under a new UIDVALIDITY, as after a restore from backup.
    pub fn renumber(&mut self, folder: &str) -> Result<(), BoxError> {
        self.folder_mut(folder)?.renumber();
        Ok(())
    }

    /// The same with the messages in opposite order.
    pub fn reorder(&mut self, folder: &str) -> Result<(), BoxError> {
        let folder = self.folder_mut(folder)?;
        folder.messages.reverse();
        folder.renumber();
        Ok(())
    }

    /// Puts a second copy of every message behind the others.
    pub fn duplicate(&mut self, folder: &str) -> Result<(), BoxError> {
        for message in self.folder(folder)?.messages.clone() {
            self.put(folder, message.bytes, message.flags, message.arrived_at)?;
        }
        Ok(())
    }

    /// Arms a fault; the oldest wait first, and past [`MAX_FAULTS`] new ones are dropped.
    pub fn arm(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push_back(fault);
        }
    }

    /// The same for submission.
    pub fn arm_submission(&mut self, fault: SubmissionFault) {
        if self.submission_faults.len() < MAX_FAULTS {
            self.submission_faults.push_back(fault);
        }
    }

    fn count_bytes(&mut self) {
        let messages = self.folders.values().flat_map(|folder| &folder.messages);
        self.bytes = messages.map(|message| message.bytes.len()).sum();
    }
}

/// INBOX is INBOX in any case (RFC 3501, 5.1).
pub fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_of(count: u8) -> MailBox {
        let mut mailbox = MailBox::new(&["inbox".into()], 3, 100);
        for byte in 0..count {
            let bytes = Arc::from(vec![byte; 10]);
            mailbox.put("INBOX", bytes, BTreeSet::new(), Timestamp::default()).unwrap();
        }
        mailbox
    }

    #[test]
    fn a_full_box_takes_nothing_until_something_is_removed() {
        let mut mailbox = full_of(3);
        let bytes: Arc<[u8]> = Arc::from(vec![9; 10]);
        let put = |mailbox: &mut MailBox, bytes| {
            mailbox.put("inbox", bytes, BTreeSet::new(), Timestamp::default())
        };
        assert_eq!(put(&mut mailbox, bytes.clone()), Err(BoxError::Full));
        mailbox.remove("INBOX", &BTreeSet::from([2])).unwrap();
        assert_eq!(put(&mut mailbox, Arc::from(vec![0; 81])), Err(BoxError::Full));
        assert_eq!(put(&mut mailbox, bytes), Ok(4));
    }

    #[test]
    fn reordering_gives_other_numbers_under_another_validity() {
        let mut mailbox = full_of(2);
        mailbox.reorder("INBOX").unwrap();
        let folder = mailbox.folder("INBOX").unwrap();
        assert_eq!(folder.validity, 2);
        let seen: Vec<_> = folder.messages.iter().map(|one| (one.uid, one.bytes[0])).collect();
        assert_eq!(seen, [(1, 1), (2, 0)]);
    }
}
