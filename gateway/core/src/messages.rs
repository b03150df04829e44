//! A message: something that came in by mail. Its bytes are kept before anyone reads them.
//!
//! [`identity`] names a message by what its author wrote, so that the same one taken again from a
//! mailbox that was moved, restored or re-ordered is recognised. What it says ([`Reading`]) can be
//! made anew from the bytes at any time; only a summary is stored.

pub mod identity;
pub mod petition;
pub mod reading;
pub mod status;

pub use identity::identity;
pub use reading::{
    Attachment, Bounce, BounceAction, CalendarReply, Complaint, Headers, MailClass, Meaning,
    Person, Reading, Refusal,
};

use crate::addresses::Channel;
use crate::correlation::Rung;
use crate::ids::{AttemptId, BlobHash, BodyId, CaseId, DispatchId, MessageId};
use crate::pec::PecKind;
use crate::signatures::Verdict;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its identity.
    pub id: MessageId,
    /// Whose it is.
    pub body: BodyId,
    /// Name of the mailbox, as in the configuration.
    pub mailbox: String,
    /// Folder in which it was first seen.
    pub folder: String,
    /// Certified or ordinary mailbox.
    pub channel: Channel,
    /// A sandbox post office made it.
    pub sandbox: bool,
    /// What its author wrote, hashed ([`identity`]); one message per body and identity.
    pub identity: BlobHash,
    /// The exact bytes.
    pub raw: BlobHash,
    /// Their length.
    pub size: u64,
    /// When the mailbox got it (IMAP INTERNALDATE), where known.
    pub arrived_at: Option<Timestamp>,
    /// When we took it.
    pub received_at: Timestamp,
    /// How far it has come.
    pub state: MessageState,
    /// What was read in it; none while unread or unreadable.
    #[serde(default)]
    pub summary: Option<Summary>,
    /// Counts the changes; a writer must name the version that it read.
    pub version: i64,
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MessageState {
    /// Taken, not read yet.
    Unread,
    /// Read, and what follows from it was done.
    Done,
    /// A person has to look.
    Desk {
        /// Why.
        reason: DeskReason,
    },
    /// A person has looked.
    Settled,
}

impl MessageState {
    /// The word in the database and the API.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Done => "done",
            Self::Desk { .. } => "desk",
            Self::Settled => "settled",
        }
    }
}

/// Why a message waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskReason {
    /// It cannot be read.
    Unreadable,
    /// It is larger than the mailbox's limit and was not fetched whole.
    TooLarge,
    /// A certified-mail word that no table knows.
    UnknownPec,
    /// The provider's signature does not hold.
    SignatureInvalid,
    /// No trust anchor for the provider's signature.
    SignatureNotVerifiable,
    /// A receipt without signature.
    SignatureMissing,
    /// The signature holds, but not for what the message shows: another part, another word.
    Contradiction,
    /// A receipt or a bounce about nothing that we sent.
    NoMatch,
    /// A bounce whose recipient or status could not be found.
    UnclearBounce,
    /// Ordinary or damaged mail in a certified mailbox.
    Anomaly,
    /// Correspondence that no case could be found for with certainty.
    Unfiled,
    /// Correspondence about a known case, to be read by a person.
    ToRead,
    /// The same, from an address to which we did not write: who it is must be made sure of.
    OtherSender,
    /// A petition: check the draft case.
    Petition,
    /// An address that complained, or a calendar answer, that a person should see.
    Notice,
}

impl DeskReason {
    /// What staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unreadable => "Il messaggio non si può leggere: i suoi byte sono conservati.",
            Self::TooLarge => "Il messaggio supera il limite della casella e va scaricato a mano.",
            Self::UnknownPec => "Il gestore PEC usa una parola che non conosciamo.",
            Self::SignatureInvalid => "La firma del gestore PEC non è valida.",
            Self::SignatureNotVerifiable => {
                "La firma del gestore PEC non si può verificare: manca un certificato di fiducia."
            }
            Self::SignatureMissing => "La ricevuta PEC non è firmata.",
            Self::Contradiction => {
                "Il messaggio non dice ciò che il gestore PEC ha firmato: non va creduto."
            }
            Self::NoMatch => "La ricevuta non riguarda nessun nostro invio.",
            Self::UnclearBounce => {
                "Un messaggio è tornato indietro, ma non è chiaro perché o a chi."
            }
            Self::Anomaly => "Posta ordinaria o danneggiata arrivata nella casella PEC.",
            Self::Unfiled => "Non è certo a quale pratica appartenga.",
            Self::ToRead => "Una parte ha scritto: va letto.",
            Self::OtherSender => {
                "Ha risposto un indirizzo diverso da quello a cui si è scritto: verificare chi è."
            }
            Self::Petition => "Sembra un'istanza: controllare la pratica in bozza.",
            Self::Notice => "Da vedere.",
        }
    }
}

/// What lists and evidence show of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What it is.
    pub class: MailClass,
    /// For certified mail: which kind.
    pub pec: Option<PecKind>,
    /// True author, as written.
    pub from: String,
    /// Subject.
    pub subject: String,
    /// Its Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// What came of the provider's signature, for certified mail.
    pub signature: Option<Verdict>,
    /// How it found what it is about.
    pub rung: Option<Rung>,
    /// The dispatch that it is about.
    pub dispatch: Option<DispatchId>,
    /// The attempt that it is about.
    pub attempt: Option<AttemptId>,
    /// The case that it is about, or the draft that it became.
    pub case: Option<CaseId>,
    /// Cases that it may be about, for the desk.
    #[serde(default)]
    pub candidates: Vec<CaseId>,
    /// Number and year in the register, for correspondence.
    #[serde(default)]
    pub registered: bool,
    /// Attachments: name, media type, size in bytes, and why it was not filed.
    #[serde(default)]
    pub attachments: Vec<AttachmentLine>,
}

/// An attachment in a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentLine {
    /// File name, made safe.
    pub name: String,
    /// Media type found by content.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// Why it was not taken into the case file.
    pub refused: Option<Refusal>,
}

/// Where the reading of a folder has come to. A cursor saves time, never decides what is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Whose.
    pub body: BodyId,
    /// Name of the mailbox.
    pub mailbox: String,
    /// Folder.
    pub folder: String,
    /// UIDVALIDITY (RFC 9051 2.3.1.1) under which the UIDs hold.
    pub uid_validity: u32,
    /// Every UID up to this one was taken.
    pub uid: u32,
}

/// An address that does not take mail (by the enhanced codes of RFC 3463), or complained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Whose list.
    pub body: BodyId,
    /// Which channel.
    pub channel: Channel,
    /// The address, lower case.
    pub address: String,
    /// Hard: never again until a person lifts it. Soft: three within seven days are a hard one.
    pub hard: bool,
    /// Code that said so, e.g. `5.1.1`, or `complaint`.
    pub code: String,
    /// When.
    pub at: Timestamp,
    /// The message that said so; the same one twice is one.
    pub message: MessageId,
}
