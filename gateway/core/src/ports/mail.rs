//! What the engine needs to take mail in: reading, checking signatures; and what a mailbox needs of the
//! engine: somewhere to put what it fetched.

use crate::addresses::Channel;
use crate::ids::{BodyId, MessageId};
use crate::messages::{Cursor, Reading};
use crate::ports::StoreError;
use crate::signatures::SignatureReport;
use crate::time::Timestamp;
use async_trait::async_trait;

/// Reads messages. Pure, with stated limits; never panics on purpose, and a panic costs that message
/// alone.
pub trait MailReader: Send + Sync {
    /// Reads a message from its bytes.
    fn read(&self, raw: &[u8]) -> Result<Reading, UnreadableMail>;
}

/// Why a message could not be read, in words for the operator, without any of its content.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the message cannot be read: {0}")]
pub struct UnreadableMail(pub String);

/// Checks the signatures that providers of certified mail put on their messages.
pub trait SignatureCheck: Send + Sync {
    /// Checks the signature of a whole message as it stood at an instant.
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport;
}

/// A message as a mailbox brings it.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Whose mailbox.
    pub body: BodyId,
    /// Its name.
    pub mailbox: String,
    /// Certified ([`Channel::Pec`]) or ordinary ([`Channel::Email`]).
    pub channel: Channel,
    /// A sandbox post office made it.
    pub sandbox: bool,
    /// Folder.
    pub folder: String,
    /// IMAP INTERNALDATE.
    pub arrived_at: Option<Timestamp>,
    /// The exact bytes; of a message over the mailbox's limit, only its head.
    pub raw: Vec<u8>,
    /// Length of the whole message when `raw` is only its head.
    pub whole_size: Option<u64>,
}

/// Takes what mailboxes bring.
#[async_trait]
pub trait MailSink: Send + Sync {
    /// Commits the bytes, the job that will read them, and the cursor, together. Several at once, in
    /// order; durable when it returns. A message that was taken before is not taken again. The answer
    /// names each message and whether it was new.
    async fn take(
        &self,
        arrived: Vec<Arrived>,
        cursor: Option<Cursor>,
    ) -> Result<Vec<(MessageId, bool)>, StoreError>;

    /// Where the reading of a folder had come to.
    async fn cursor(
        &self,
        body: BodyId,
        mailbox: &str,
        folder: &str,
    ) -> Result<Option<Cursor>, StoreError>;
}
