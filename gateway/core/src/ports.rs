//! What the engine needs from the outside, as traits. Nothing else of the outside is known here.

pub mod doorbell;
pub mod mail;
pub mod provider;
pub mod renderer;
pub mod store;
pub mod timestamps;
pub mod typesetter;

pub use doorbell::{Bell, Doorbell, DoorbellError, Rung};
pub use mail::{Arrived, MailReader, MailSink, SignatureCheck, UnreadableMail};
pub use provider::{
    Callback, CallbackError, CallbackKind, Carried, DoubtPolicy, Envelope, Exchange, Notify,
    Outbound, Provider, ProviderSpec, Reported, Stage, Transcript, Turn,
};
pub use renderer::{
    Frame, Letter, Mail, MissingField, Part, RenderError, Renderer, Rendition, TemplateInfo,
};
pub use store::{
    Blob, Commit, Committed, DispatchFilter, DispatchRow, Guard, IssuedCode, LaneStats,
    MessageFilter, Progress, Store, StoreError, Write,
};
pub use timestamps::{StampCheck, StampError, StampReport, TimeAuthority};
pub use typesetter::{Block, LetterCode, LetterOrder, Typeset};

use crate::time::Timestamp;
use uuid::Uuid;

/// The wall clock. Tests step it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Where new identities and secrets come from. Tests seed it.
pub trait Ids: Send + Sync {
    /// A new UUID version 7.
    fn uuid(&self) -> Uuid;
}

/// Seals an export so that another machine can tell whether a byte was changed.
pub trait Seal: Send + Sync {
    /// Ed25519 signature (RFC 8032) over the bytes.
    fn seal(&self, bytes: &[u8]) -> [u8; 64];
    /// The key with which the seal is checked.
    fn public_key(&self) -> [u8; 32];
}
