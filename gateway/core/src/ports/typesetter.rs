//! Setting pages: PDF from facts. Apart from [`crate::ports::Renderer`], because it is heavy and
//! serves documents too, such as the statement of service. The templates write the words of a
//! letter ([`LetterOrder`]), the typesetter its pages.

use crate::notices::{BodyFacts, Locale};
use crate::ports::renderer::{Letter, RenderError};
use crate::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Sets pages with embedded fonts as tagged PDF/A.
pub trait Typeset: Send + Sync {
    /// Sets the document of this name (e.g. `letter`, `statement`) with this data. CPU work of some
    /// milliseconds: called in a thread that may block. The document is dated by the field `at`
    /// (microseconds since 1970) where there is one.
    fn document(&self, name: &str, data: &Value) -> Result<Letter, RenderError>;

    /// Sets a letter, with its address in the window of the envelope.
    fn letter(&self, order: &LetterOrder) -> Result<Letter, RenderError> {
        let data =
            serde_json::to_value(order).map_err(|error| RenderError::Letter(error.to_string()))?;
        self.document("letter", &data)
    }

    /// SHA-256 (hexadecimal) over all that decides how pages look; empty where nothing does.
    fn version(&self) -> String {
        String::new()
    }
}

/// A letter in words, before it is set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LetterOrder {
    /// Language: hyphenation and the document's `Lang`.
    pub locale: Locale,
    /// When it is sent: the document's date.
    pub at: Timestamp,
    /// Whose letter: head, sender line and foot.
    pub body: BodyFacts,
    /// The body's logo as SVG without references to other files.
    pub logo_svg: Option<String>,
    /// The address block, at most six lines.
    pub address: Vec<String>,
    /// Place and date, as printed.
    pub dateline: String,
    /// Subject line.
    pub title: String,
    /// The text.
    pub blocks: Vec<Block>,
    /// The code, and what stands beside it.
    pub code: LetterCode,
    /// Number of the communication, as printed in the foot.
    pub reference: String,
    /// The banner of a sandbox, where one carries it.
    pub banner: Option<String>,
    /// The word between page number and number of pages, e.g. `di` in «1 di 2», after the word
    /// for page: `("Pagina", "di")`.
    pub page_words: (String, String),
}

/// The QR code of a letter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LetterCode {
    /// The symbol with its quiet zone, as SVG.
    pub svg: String,
    /// Side of the printed square, quiet zone included, in millimetres.
    pub side_mm: f64,
    /// What the code is for, for those who cannot see it (PDF/UA).
    pub alt: String,
    /// One short invitation, printed beside it.
    pub caption: String,
    /// The address that the code holds, to be typed by hand.
    pub url: String,
}

/// A piece of a notice's text; mail, plain text and letter show the same pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Block {
    /// A heading inside the text.
    Heading {
        /// The words.
        text: String,
    },
    /// A paragraph.
    Paragraph {
        /// The words.
        text: String,
    },
    /// Data in rows: what and which.
    Facts {
        /// Label and value.
        rows: Vec<(String, String)>,
    },
    /// A list.
    List {
        /// Its items.
        items: Vec<String>,
    },
    /// The way to the answer page: a button in mail, an address in text. Letters have the code.
    Answer {
        /// What the button says.
        text: String,
    },
    /// Small print.
    Note {
        /// The words.
        text: String,
    },
}
