//! What a message says, as far as it can be told without looking anything up.

use crate::ids::BlobHash;
use crate::pec::PecData;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a message is, decided in this order from its outermost headers and its structure, never from
/// the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailClass {
    /// A receipt of certified mail (RFC 6109).
    PecReceipt,
    /// A transport envelope: somebody's certified message.
    PecEnvelope,
    /// An anomaly envelope: ordinary or damaged mail in a certified mailbox.
    PecAnomaly,
    /// A delivery status notification (RFC 3464), or a bounce in another form.
    Dsn,
    /// A complaint (RFC 5965).
    Arf,
    /// A disposition notification, "read" (RFC 8098).
    Mdn,
    /// An answer to a calendar invitation (RFC 6047).
    CalendarReply,
    /// An automatic reply (RFC 3834).
    AutoReply,
    /// Somebody wrote.
    Correspondence,
}

impl MailClass {
    /// All classes, in the order in which they are tried.
    pub const ALL: [Self; 9] = [
        Self::PecReceipt,
        Self::PecEnvelope,
        Self::PecAnomaly,
        Self::Dsn,
        Self::Arf,
        Self::Mdn,
        Self::CalendarReply,
        Self::AutoReply,
        Self::Correspondence,
    ];

    /// The word on the command line, in the database and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PecReceipt => "pec_receipt",
            Self::PecEnvelope => "pec_envelope",
            Self::PecAnomaly => "pec_anomaly",
            Self::Dsn => "dsn",
            Self::Arf => "arf",
            Self::Mdn => "mdn",
            Self::CalendarReply => "calendar_reply",
            Self::AutoReply => "auto_reply",
            Self::Correspondence => "correspondence",
        }
    }
}

/// A message, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it is.
    pub class: MailClass,
    /// Headers of the outermost message.
    pub headers: Headers,
    /// What its class says.
    pub meaning: Meaning,
    /// Certified mail only: the provider's data.
    pub pec: Option<PecData>,
    /// Certified mail only: the exact bytes of `daticert.xml`, decoded.
    pub daticert: Option<Vec<u8>>,
    /// Headers of the message inside an envelope (certified mail, anomaly): the true author.
    pub inner: Option<Headers>,
    /// The whole text of the author, without HTML.
    pub text: String,
    /// What the author wrote anew: without quoted text and signature.
    pub new_text: String,
    /// Files, of the innermost message that counts.
    pub attachments: Vec<Attachment>,
    /// A machine wrote it (RFC 3834): it never counts as an answer.
    pub automatic: bool,
    /// What was odd, in words for the operator.
    pub oddities: Vec<String>,
}

impl Reading {
    /// The headers of the author: those inside an envelope, else the outermost.
    pub fn author(&self) -> &Headers {
        self.inner.as_ref().unwrap_or(&self.headers)
    }
}

/// The headers that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// From.
    pub from: Option<Person>,
    /// Reply-To.
    pub reply_to: Option<Person>,
    /// Addresses of To and Cc, and of the headers in which servers note where a copy went
    /// (Delivered-To, X-Original-To, Envelope-To), lower case.
    pub to: Vec<String>,
    /// Subject, decoded.
    pub subject: String,
    /// Date.
    pub date: Option<Timestamp>,
    /// In-Reply-To, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// References, without angle brackets, oldest first.
    pub references: Vec<String>,
    /// Return-Path; `Some("")` for the null sender.
    pub return_path: Option<String>,
}

/// Somebody with an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Display name, decoded; may be empty.
    pub name: String,
    /// Address as written.
    pub address: String,
}

/// What a message of each class says beyond its text.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Nothing more: certified mail (see [`Reading::pec`]), an automatic reply, correspondence.
    Plain,
    /// Bounces, one per recipient; empty when the notification could not be understood.
    Bounces(Vec<Bounce>),
    /// A complaint.
    Complaint(Complaint),
    /// Somebody's program says that it was displayed or deleted.
    Disposition {
        /// Message-ID of ours that it is about, without angle brackets.
        reference: Option<String>,
        /// The word: displayed, deleted …
        word: String,
    },
    /// A calendar answer.
    Calendar(CalendarReply),
}

/// What became of a message for one recipient (RFC 3464).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounce {
    /// Address that it could not reach: the original one where given, else the final one.
    pub recipient: Option<String>,
    /// What happened.
    pub action: BounceAction,
    /// Enhanced status code (RFC 3463), `5.1.1`.
    pub status: Option<String>,
    /// The remote server's words, cut to 500 characters.
    pub diagnostic: Option<String>,
    /// Message-IDs or envelope ids of ours found in it, most trustworthy first: the attempt in the
    /// address it came to, In-Reply-To and References, the returned message, Original-Envelope-Id.
    pub references: Vec<String>,
}

/// What a server did (RFC 3464 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceAction {
    /// It gave up.
    Failed,
    /// It still tries.
    Delayed,
    /// It delivered.
    Delivered,
    /// It passed it on to a server that sends no notifications.
    Relayed,
    /// It passed it on to several.
    Expanded,
}

/// A complaint (RFC 5965).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// abuse, fraud, virus, other, not-spam.
    pub kind: String,
    /// Who complained, where told.
    pub recipient: Option<String>,
    /// Message-ID of ours that it is about, without angle brackets.
    pub reference: Option<String>,
}

/// An answer to a calendar invitation (RFC 5546). It says who will attend; it is no adherence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarReply {
    /// REPLY or COUNTER.
    pub method: String,
    /// UID of the event.
    pub uid: String,
    /// The attendee who answers.
    pub attendee: String,
    /// PARTSTAT, lower case: accepted, declined, tentative, delegated.
    pub status: String,
    /// SEQUENCE answered to.
    pub sequence: u32,
    /// DTSTAMP: among equal sequences the latest counts.
    pub stamp: Option<Timestamp>,
    /// COUNTER: the start proposed instead.
    pub proposed: Option<Timestamp>,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name, made safe: no path, no control characters, at most 120 characters.
    pub name: String,
    /// Media type that the sender declared.
    pub declared: String,
    /// Media type found by content.
    pub media_type: String,
    /// Its bytes; empty when it was refused for its size.
    pub bytes: Vec<u8>,
    /// SHA-256 of the decoded bytes.
    pub hash: BlobHash,
    /// Size in bytes, decoded.
    pub size: u64,
    /// Why it must not enter a case file; it stays inside the kept message.
    pub refused: Option<Refusal>,
}

/// Why a file is not taken into a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Its content is of a type that is not allowed (programs, scripts, unknown).
    Type,
    /// It is too large.
    Size,
    /// An archive that unpacks to far more than it weighs, or is nested too deep.
    Bomb,
    /// A protected file that nobody can look into.
    Encrypted,
    /// The message has more files than are taken.
    TooMany,
}

impl Refusal {
    /// What staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Type => "tipo di file non ammesso",
            Self::Size => "file troppo grande",
            Self::Bomb => "archivio pericoloso",
            Self::Encrypted => "file protetto da password",
            Self::TooMany => "troppi allegati",
        }
    }
}
