//! The format of a proof bundle: what its manifest and its seal say, word for word.
//!
//! Written by [`super::bundle`], read by [`crate::verify`]. A bundle must still be readable in ten
//! years, as long as such files are kept, so fields are only ever added, and [`VERSION`] rises when
//! an old reader would misunderstand a new bundle: 2 brought certified receipts, the register and time stamps.

use messo_core::dispatches::DispatchState;
use messo_core::ids::{AttemptId, BlobHash, BodyId, DispatchId, NoticeId, ReceiptId};
use messo_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the format, first field of the manifest.
pub const FORMAT: &str = "messo-evidence";
/// Version of the format that this release writes, and the newest that it reads.
pub const VERSION: u32 = 2;
/// The list of everything else.
pub const MANIFEST: &str = "manifest.json";
/// The seal over the exact bytes of the manifest.
pub const SEAL: &str = "manifest.sig";
/// The extract of the chain.
pub const CHAIN: &str = "catena.jsonl";
/// The extract of the protocol register.
pub const REGISTER: &str = "protocollo.json";
/// The time stamp over the extract of the chain: a token of RFC 3161 in DER.
pub const STAMP: &str = "catena.tst";
/// The statement of service as PDF.
pub const STATEMENT_PDF: &str = "relata.pdf";
/// The statement of service as HTML.
pub const STATEMENT_HTML: &str = "relata.html";
/// How the seal is made.
pub const ALGORITHM: &str = "Ed25519 (RFC 8032)";

/// Most bytes of all members together. Making a bundle needs about twice as much memory.
pub const MAX_BYTES: u64 = 200 * 1024 * 1024;
/// Most members of a bundle.
pub const MAX_MEMBERS: usize = 10_000;

/// What a bundle is about, and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// What the bundle is about.
    #[serde(flatten)]
    pub about: About,
    /// Every member but the manifest and its seal, in the order of the archive.
    pub members: Vec<Entry>,
}

/// What a bundle is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Release of Messo that made it.
    pub release: String,
    /// When it was made: RFC 3339, UTC.
    pub generated_at: String,
    /// Whose it is.
    pub body: BodyId,
    /// What was said.
    pub notice: NoticeId,
    /// To whom and by which ways.
    pub dispatch: DispatchId,
    /// The dispatch's number within the body, as printed in the notice.
    pub number: u32,
    /// How it stood.
    pub state: DispatchState,
    /// Whether a sandbox carried anything: then it proves nothing outside the machine.
    pub sandbox: bool,
    /// Which piece of the body's chain is in it.
    pub chain: Span,
}

/// A piece of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Place of the first item.
    pub from: i64,
    /// Place of the last item.
    pub to: i64,
    /// Hash of the last item.
    pub head: BlobHash,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the archive.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: BlobHash,
    /// What it is, for programs.
    #[serde(flatten)]
    pub what: What,
    /// What it is, for people.
    pub description: String,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The statement of service as PDF.
    StatementPdf,
    /// The statement of service as HTML.
    StatementHtml,
    /// The exact bytes handed to a provider.
    Sent {
        /// By which attempt.
        attempt: AttemptId,
    },
    /// What was said between us and the provider.
    Transcript {
        /// About which attempt.
        attempt: AttemptId,
    },
    /// The exact bytes of something that came back.
    Receipt {
        /// Which receipt.
        receipt: ReceiptId,
    },
    /// The extract of the chain.
    Chain,
    /// `daticert.xml` of a certified receipt, taken out of it.
    Daticert {
        /// Of which receipt.
        receipt: ReceiptId,
    },
    /// What came of the check of a certified receipt.
    Report {
        /// Of which receipt.
        receipt: ReceiptId,
    },
    /// The certificate of somebody who signed a receipt, in DER.
    Certificate,
    /// The extract of the protocol register.
    Register,
    /// The time stamp over the extract of the chain.
    Stamp,
}

/// The seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealFile {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// The key with which the seal is checked: 32 bytes in hexadecimal.
    pub public_key: String,
    /// [`fingerprint`] of that key.
    pub fingerprint: String,
    /// SHA-256 of the manifest: tells which of the two was changed.
    pub manifest_sha256: BlobHash,
    /// Signature over the exact bytes of the manifest: 64 bytes in hexadecimal.
    pub signature: String,
}

/// A key in short, to be compared by eye or read over the telephone: the first 16 bytes of its SHA-256 in
/// eight groups of four hexadecimal digits.
pub fn fingerprint(public_key: &[u8; 32]) -> String {
    let hex = BlobHash::of(public_key).hex();
    let groups: Vec<&str> = (0..8).map(|group| &hex[group * 4..group * 4 + 4]).collect();
    groups.join(" ")
}

/// An instant as the manifest writes it.
pub fn written(at: Timestamp) -> String {
    at.to_string()
}

/// JSON that people can read, the same bytes for the same value. Both types of this file are plain
/// structs, which always have a JSON form.
pub(crate) fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
