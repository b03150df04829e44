//! What typst sees of the world: our templates, our fonts, and the data of one document.
//!
//! Anything else is refused with `AccessDenied`; there are no packages and there is no clock. What does
//! not change between documents (library, fonts, parsed templates) lives in the [`Press`], made once.

use crate::fonts;
use messo_core::ids::BlobHash;
use messo_core::ports::RenderError;
use std::collections::HashMap;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};

/// The templates, by file name.
const TEMPLATES: [(&str, &str); 4] = [
    ("house.typ", include_str!("../../letters/house.typ")),
    ("letter.typ", include_str!("../../letters/letter.typ")),
    ("register.typ", include_str!("../../letters/register.typ")),
    ("statement.typ", include_str!("../../letters/statement.typ")),
];

/// What stays the same from document to document.
pub struct Press {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    /// The embedded fonts.
    pub fonts: Vec<Font>,
    sources: HashMap<FileId, Source>,
    data: FileId,
    /// SHA-256 over templates and fonts.
    pub version: String,
}

impl Press {
    /// Parses everything.
    pub fn new() -> Result<Self, RenderError> {
        let fonts = fonts::load()?;
        let mut all = Vec::new();
        let mut sources = HashMap::new();
        for (name, text) in TEMPLATES {
            let id = file(name)?;
            sources.insert(id, Source::new(id, text.to_owned()));
            all.extend_from_slice(format!("{name}\n{}\n{text}", text.len()).as_bytes());
        }
        fonts.iter().for_each(|font| all.extend_from_slice(font.data().as_slice()));
        Ok(Self {
            library: LazyHash::new(Library::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            sources,
            data: file("data.json")?,
            version: BlobHash::of(&all).hex(),
        })
    }
}

fn file(name: &str) -> Result<FileId, RenderError> {
    let path = VirtualPath::new(name).map_err(|_| RenderError::UnknownTemplate(name.to_owned()))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// The world of one document.
pub struct Desk<'a> {
    press: &'a Press,
    main: FileId,
    data: Bytes,
}

impl<'a> Desk<'a> {
    /// `name` is that of a template without its ending; only the known ones are taken.
    pub fn new(press: &'a Press, name: &str, data: Vec<u8>) -> Result<Self, RenderError> {
        let known = TEMPLATES.iter().any(|(file, _)| file.strip_suffix(".typ") == Some(name));
        if !known {
            return Err(RenderError::UnknownTemplate(name.to_owned()));
        }
        Ok(Self { press, main: file(&format!("{name}.typ"))?, data: Bytes::new(data) })
    }
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.press.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.press.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.press.sources.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.press.data { Ok(self.data.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.press.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
