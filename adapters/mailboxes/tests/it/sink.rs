//! A sink that knows messages by their identity, as the engine's does, and keeps cursors.

use async_trait::async_trait;
use messo_core::ids::{BlobHash, BodyId, MessageId};
use messo_core::messages::{Cursor, identity};
use messo_core::ports::{Arrived, MailSink, StoreError};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use uuid::Uuid;

#[derive(Default)]
pub struct Kept {
    known: HashMap<BlobHash, MessageId>,
    /// New ones, in order, without their bytes: folder, length of the bytes, length announced when only a head.
    pub new: Vec<(String, usize, Option<u64>)>,
    /// The bytes of new ones shorter than 1,000.
    pub texts: Vec<String>,
    /// Length of each call: messages and bytes.
    pub calls: Vec<(usize, usize)>,
    pub cursors: HashMap<(BodyId, String, String), Cursor>,
    /// So many calls fail.
    pub failures: u32,
    /// UIDs at which a cursor ever stood.
    pub uids: HashSet<u32>,
}

#[derive(Default)]
pub struct Sink(Mutex<Kept>);

impl Sink {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// How many new messages were taken.
    pub fn count(&self) -> usize {
        self.kept().new.len()
    }

    /// How many messages were handed over, known ones too.
    pub fn handed(&self) -> usize {
        self.kept().calls.iter().map(|(count, _)| count).sum()
    }

    pub fn cursor_of(&self, folder: &str) -> Option<(u32, u32)> {
        let kept = self.kept();
        let mut found = kept.cursors.values().filter(|cursor| cursor.folder == folder);
        found.next().map(|cursor| (cursor.uid_validity, cursor.uid))
    }
}

#[async_trait]
impl MailSink for Sink {
    async fn take(
        &self,
        arrived: Vec<Arrived>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<(MessageId, bool)>, StoreError> {
        let mut kept = self.kept();
        if kept.failures > 0 {
            kept.failures -= 1;
            return Err(StoreError::Unavailable("a test".into()));
        }
        kept.calls.push((arrived.len(), arrived.iter().map(|one| one.raw.len()).sum()));
        let mut answers = Vec::new();
        for one in arrived {
            assert_eq!(one.mailbox, "ricevute");
            let identity = identity(&one.raw);
            if let Some(id) = kept.known.get(&identity) {
                answers.push((*id, false));
                continue;
            }
            let id = MessageId(Uuid::from_u128(kept.known.len() as u128 + 1));
            kept.known.insert(identity, id);
            kept.new.push((one.folder, one.raw.len(), one.whole_size));
            if one.raw.len() < 1_000 {
                kept.texts.push(String::from_utf8_lossy(&one.raw).into_owned());
            }
            answers.push((id, true));
        }
        if let Some(cursor) = cursor {
            kept.uids.insert(cursor.uid);
            let key = (cursor.body, cursor.mailbox.clone(), cursor.folder.clone());
            kept.cursors.insert(key, cursor);
        }
        Ok(answers)
    }

    async fn cursor(
        &self,
        body: BodyId,
        mailbox: &str,
        folder: &str,
    ) -> Result<Option<Cursor>, StoreError> {
        let key = (body, mailbox.to_owned(), folder.to_owned());
        Ok(self.kept().cursors.get(&key).cloned())
    }
}
