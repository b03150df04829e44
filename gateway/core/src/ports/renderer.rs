//! Turning frozen facts into what is sent.

use crate::addresses::Channel;
use crate::notices::NoticeFacts;
use crate::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// Renders notices. Pure in effect: the same facts, frame and template version give the same text.
pub trait Renderer: Send + Sync {
    /// Every template.
    fn templates(&self) -> Vec<TemplateInfo>;

    /// The template of this name.
    fn template(&self, name: &str) -> Option<TemplateInfo> {
        self.templates().into_iter().find(|template| template.name == name)
    }

    /// The fields that the template needs on these channels and that the facts lack. Empty means
    /// that [`Renderer::render`] will not fail for want of data.
    fn missing(
        &self,
        facts: &NoticeFacts,
        channels: &[Channel],
    ) -> Result<Vec<MissingField>, RenderError>;

    /// Renders a page for people (e.g. `statement`, the statement of service as HTML) from data.
    fn page(&self, name: &str, data: &serde_json::Value) -> Result<String, RenderError> {
        let _ = data;
        Err(RenderError::UnknownTemplate(name.to_owned()))
    }

    /// Renders for one channel. Called at sending time, in a thread that may block.
    fn render(
        &self,
        facts: &NoticeFacts,
        channel: Channel,
        frame: &Frame,
    ) -> Result<Rendition, RenderError>;
}

/// A template, as offered to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateInfo {
    /// Name on the command line and in the API, e.g. `convocazione`.
    pub name: &'static str,
    /// Title that staff read.
    pub title: &'static str,
    /// Whether the law asks for proof that it arrived; such notices go before all others.
    pub legal: bool,
    /// SHA-256 (hexadecimal) over all sources of the template, bound to each send.
    pub version: String,
}

/// What is added to the facts at sending time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frame {
    /// The dispatch's number within the body, as printed.
    pub reference: String,
    /// The text of the QR code: an address that people can open and Messo can verify offline.
    pub qr_text: String,
    /// When it is sent.
    pub at: Timestamp,
    /// Whether a sandbox carries it: every rendition says so.
    pub sandbox: bool,
}

/// A field that is missing, before release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingField {
    /// Name of the field as in the CSV, e.g. `meeting_at`.
    pub field: String,
    /// One sentence for staff.
    pub reason: String,
}

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No such template.
    #[error("il modello «{0}» non esiste")]
    UnknownTemplate(String),
    /// The template has no text for the channel.
    #[error("il modello «{template}» non ha un testo per il canale {channel}")]
    NoRendition {
        /// The template.
        template: String,
        /// The channel.
        channel: Channel,
    },
    /// The facts lack a field.
    #[error("nel modello «{template}» manca il campo «{field}»")]
    Missing {
        /// The template.
        template: String,
        /// The field.
        field: String,
    },
    /// The QR code would not survive printing and scanning.
    #[error("il codice QR non si può stampare: {0}")]
    Code(String),
    /// The pages could not be set.
    #[error("la lettera non si può comporre: {0}")]
    Letter(String),
    /// The template is wrong in itself.
    #[error("il modello «{template}» non è corretto: {detail}")]
    Template {
        /// The template.
        template: String,
        /// Where and what.
        detail: String,
    },
}

/// What is sent, before it is packed for a provider.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendition {
    /// For e-mail and PEC.
    Mail(Mail),
    /// For SMS and chat.
    Text(String),
    /// For post and fax.
    Letter(Letter),
}

/// A mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// One line, no control characters.
    pub subject: String,
    /// Plain text; says the same as `html`.
    pub text: String,
    /// HTML that refers to `inline` parts by `cid:`.
    pub html: String,
    /// Pictures shown inside.
    pub inline: Vec<Part>,
    /// Files attached.
    pub attachments: Vec<Part>,
}

/// A part of a mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Content-ID of an inline part, file name of an attachment.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The bytes, shared between the messages of a run.
    pub bytes: Arc<[u8]>,
}

/// A letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// A4, fonts embedded, PDF/A.
    pub pdf: Vec<u8>,
    /// How many pages.
    pub pages: u32,
}
