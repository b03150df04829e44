//! Sets letters and documents with typst, as tagged PDF/A-2a and PDF/UA-1 with embedded fonts.
//!
//! Everything is in the program: templates (`templates/letters/*.typ`), fonts, and the data of the one
//! document being set. A template cannot read files, packages or the clock. In a run of letters, what does not
//! change is laid out once, because typst remembers what it laid out; the bytes are those of each letter alone.
//! Memory stays flat, since what was of no use for ten documents is forgotten, failed ones included.

mod fonts;
mod pack;
mod window;
mod world;

pub use window::{Rect, WindowSpec};

use messo_core::ids::BlobHash;
use messo_core::ports::{Letter, RenderError, Typeset};
use messo_core::time::Timestamp;
use serde_json::{Value, json};
use typst::diag::SourceDiagnostic;
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};
use world::{Desk, Press};

/// Documents for which an unused result is kept: a run of letters in several languages still finds the paragraphs of
/// its last one, and memory stays flat.
const CACHE_AGE: usize = 10;
/// More pages than this are refused: a hybrid registered letter takes a hundred at most.
const MOST_PAGES: usize = 100;
/// More data than this is refused, in bytes of JSON.
const MOST_DATA: usize = 4 << 20;

/// The typesetter. Cheap to share; every call works on its own.
pub struct Typesetter {
    press: Press,
    standards: PdfStandards,
    window: WindowSpec,
}

impl Typesetter {
    /// Parses templates and fonts. Fails only when an embedded one is wrong.
    pub fn new() -> Result<Self, RenderError> {
        let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
            .map_err(|error| RenderError::Letter(error.message().to_string()))?;
        Ok(Self { press: Press::new()?, standards, window: WindowSpec::default() })
    }

    /// The pages as the exporter writes them.
    fn set(&self, name: &str, data: &Value) -> Result<Letter, RenderError> {
        let data = fonts::printable(&self.press.fonts, name, data)?;
        let bytes = serde_json::to_vec(&data).map_err(|e| RenderError::Letter(e.to_string()))?;
        if bytes.len() > MOST_DATA {
            return Err(RenderError::Letter("i dati superano 4 MB".to_owned()));
        }
        let ident = BlobHash::of(&bytes).hex();
        let desk = Desk::new(&self.press, name, bytes)?;
        let document: PagedDocument = typst::compile(&desk).output.map_err(|e| wrong(name, &e))?;
        let pages = document.pages().len();
        if pages > MOST_PAGES {
            return Err(RenderError::Letter(format!("{pages} pagine: al massimo {MOST_PAGES}")));
        }
        if let ("letter", Some(first)) = (name, document.pages().first()) {
            self.window.check(first, &strings(&data["address"])).map_err(RenderError::Letter)?;
        }
        let options = PdfOptions {
            ident: Smart::Custom(ident),
            creator: Smart::Custom(Some("Messo".to_owned())),
            timestamp: date(&data),
            standards: self.standards.clone(),
            ..PdfOptions::default()
        };
        let pdf = typst_pdf::pdf(&document, &options).map_err(|e| wrong(name, &e))?;
        Ok(Letter { pdf, pages: u32::try_from(pages).unwrap_or(u32::MAX) })
    }
}

impl Typeset for Typesetter {
    fn document(&self, name: &str, data: &Value) -> Result<Letter, RenderError> {
        let mut data = data.clone();
        if name == "letter" {
            data["foot"] = foot(&data);
        }
        let result = self.set(name, &data);
        comemo::evict(CACHE_AGE);
        result.map(|letter| Letter { pdf: pack::pack(letter.pdf), ..letter })
    }

    fn version(&self) -> String {
        self.press.version.clone()
    }
}

/// Address and contacts of the body, for the foot of a letter.
fn foot(data: &Value) -> Value {
    let body = &data["body"];
    let text = |name: &str| body[name].as_str().unwrap_or_default().trim().to_owned();
    let worded = |word: &str, name: &str| match text(name) {
        value if value.is_empty() => value,
        value => format!("{word} {value}"),
    };
    let contacts = [worded("Tel.", "phone"), text("email"), worded("PEC", "pec"), text("website")];
    let address = strings(&body["address"]).join(", ");
    json!([address].into_iter().chain(contacts).collect::<Vec<_>>())
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The document's date: `at` in the data, else the start of 1970.
fn date(data: &Value) -> Option<typst_pdf::Timestamp> {
    let at = Timestamp(data["at"].as_i64().unwrap_or_default());
    let utc = at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
    let [month, day, hour, minute, second] =
        [utc.month(), utc.day(), utc.hour(), utc.minute(), utc.second()].map(i8::unsigned_abs);
    Datetime::from_ymd_hms(i32::from(utc.year()), month, day, hour, minute, second)
        .map(typst_pdf::Timestamp::new_utc)
}

fn wrong(name: &str, errors: &[SourceDiagnostic]) -> RenderError {
    let detail: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    RenderError::Template { template: name.to_owned(), detail: detail.join("; ") }
}

#[cfg(test)]
mod tests;
