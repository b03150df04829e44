//! Every text of every kind in every language, compiled once from the sources embedded in the
//! program.
//!
//! Strict: a text that names a field which its context lacks is an error that names the field. Each
//! rendering has a limit of [`FUEL`] steps.

use crate::kinds::KINDS;
use crate::source::{self, Piece, Source};
use crate::words;
use messo_core::ids::BlobHash;
use messo_core::notices::Locale;
use messo_core::ports::{Block, RenderError};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};
use std::collections::BTreeMap;

/// Steps of the template machine for one piece of text; the longest of ours takes some hundreds.
const FUEL: u64 = 100_000;

const MAIL: &str = "mail.html";

/// The sources under `messages`, in the program.
#[derive(rust_embed::RustEmbed)]
#[folder = "messages"]
struct Sources;

/// The compiled texts.
pub struct Library {
    env: Environment<'static>,
    /// By `kind/locale`, with every text replaced by its name in `env`.
    texts: BTreeMap<String, Source>,
}

impl Library {
    /// Compiles everything.
    pub fn load() -> Result<Self, RenderError> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_auto_escape_callback(|name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        });
        env.set_formatter(format);
        let mut library = Self { env, texts: BTreeMap::new() };
        library.compile("mail", MAIL, read("mail", MAIL)?)?;
        for kind in KINDS.iter().map(|kind| kind.name).chain(["shared"]) {
            for locale in Locale::ALL {
                library.add(kind, locale, &read(kind, &path(kind, locale))?)?;
            }
        }
        Ok(library)
    }

    fn compile(&mut self, kind: &str, name: &str, text: String) -> Result<(), RenderError> {
        self.env
            .add_template_owned(name.to_owned(), text)
            .map_err(|error| broken(kind, format!("{name}: {error}")))
    }

    /// Adds a message file.
    fn add(&mut self, kind: &str, locale: Locale, text: &str) -> Result<(), RenderError> {
        let key = format!("{kind}/{locale}");
        let mut parsed =
            source::parse(text).map_err(|detail| broken(kind, format!("{key}: {detail}")))?;
        let mut count = 0;
        let mut name = |text: &mut String| {
            count += 1;
            let name = format!("{key}/{count}");
            let text = std::mem::replace(text, name.clone());
            self.compile(kind, &name, text)
        };
        for section in &mut parsed.sections {
            name(&mut section.text)?;
        }
        for piece in &mut parsed.body {
            match piece {
                Piece::Heading(text)
                | Piece::Paragraph(text)
                | Piece::Answer(text)
                | Piece::Note(text) => name(text)?,
                Piece::List(items) => items.iter_mut().try_for_each(&mut name)?,
                Piece::Facts(rows) => {
                    rows.iter_mut().try_for_each(|(label, value)| name(label).and(name(value)))?;
                }
            }
        }
        self.texts.insert(key, parsed);
        Ok(())
    }

    /// A section on one line.
    pub fn section(
        &self,
        kind: &str,
        locale: Locale,
        section: &str,
        context: &Value,
    ) -> Result<String, RenderError> {
        let found = self.source(kind, locale)?.sections.iter().find(|one| one.name == section);
        let found = found
            .ok_or_else(|| broken(kind, format!("{kind}/{locale}: no section «{section}»")))?;
        Ok(words::line(&self.say(kind, &found.text, context)?))
    }

    /// The body; pieces that come out empty vanish.
    pub fn body(
        &self,
        kind: &str,
        locale: Locale,
        context: &Value,
    ) -> Result<Vec<Block>, RenderError> {
        let line = |name: &String| Ok(words::line(&self.say(kind, name, context)?));
        let mut blocks = Vec::new();
        for piece in &self.source(kind, locale)?.body {
            match piece {
                Piece::Heading(text) => blocks.push(Block::Heading { text: line(text)? }),
                Piece::Answer(text) => blocks.push(Block::Answer { text: line(text)? }),
                Piece::Note(text) => blocks.push(Block::Note { text: line(text)? }),
                Piece::Paragraph(text) => {
                    let texts = words::paragraphs(&self.say(kind, text, context)?);
                    blocks.extend(texts.into_iter().map(|text| Block::Paragraph { text }));
                }
                Piece::List(items) => {
                    let mut items = items.iter().map(line).collect::<Result<Vec<_>, _>>()?;
                    items.retain(|item| !item.is_empty());
                    blocks.push(Block::List { items });
                }
                Piece::Facts(rows) => {
                    let rows = rows.iter().map(|(label, value)| Ok((line(label)?, line(value)?)));
                    let mut rows = rows.collect::<Result<Vec<_>, RenderError>>()?;
                    rows.retain(|(_, value)| !value.is_empty());
                    blocks.push(Block::Facts { rows });
                }
            }
        }
        blocks.retain(|block| !is_empty(block));
        Ok(blocks)
    }

    /// The HTML page of a mail.
    pub fn mail(&self, context: &Value) -> Result<String, RenderError> {
        self.say("mail", MAIL, context)
    }

    fn source(&self, kind: &str, locale: Locale) -> Result<&Source, RenderError> {
        self.texts
            .get(&format!("{kind}/{locale}"))
            .ok_or_else(|| RenderError::UnknownTemplate(kind.to_owned()))
    }

    fn say(&self, kind: &str, name: &str, context: &Value) -> Result<String, RenderError> {
        let template = self.env.get_template(name).map_err(|e| broken(kind, e.to_string()))?;
        template.render(context.clone()).map_err(|error| {
            let mut unknown: Vec<String> =
                template.undeclared_variables(true).into_iter().collect();
            unknown.retain(|field| !is_known(field, context));
            unknown.sort();
            if error.kind() == ErrorKind::UndefinedError && !unknown.is_empty() {
                broken(kind, format!("{name}: campo sconosciuto «{}»", unknown.join("», «")))
            } else {
                broken(kind, format!("{name}: {error}"))
            }
        })
    }
}

/// SHA-256 over all sources of the kind, the shared ones, and `letters`, the version of the
/// typesetter. Names and lengths go in too, so moving text between files is a change.
pub fn version(kind: &str, letters: &str) -> Result<String, RenderError> {
    let mut all = Vec::new();
    let files = [kind, "shared"].map(|kind| Locale::ALL.map(|locale| path(kind, locale)));
    for file in files.iter().flatten().map(String::as_str).chain([MAIL]) {
        let text = read(kind, file)?;
        all.extend_from_slice(format!("{file}\n{}\n", text.len()).as_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    all.extend_from_slice(letters.as_bytes());
    Ok(BlobHash::of(&all).hex())
}

fn path(kind: &str, locale: Locale) -> String {
    format!("{kind}/{locale}.txt")
}

fn read(kind: &str, path: &str) -> Result<String, RenderError> {
    let file = Sources::get(path).ok_or_else(|| broken(kind, format!("{path} is not there")))?;
    String::from_utf8(file.data.into_owned())
        .map_err(|_| broken(kind, format!("{path} is not UTF-8")))
}

fn broken(kind: &str, detail: String) -> RenderError {
    RenderError::Template { template: kind.to_owned(), detail }
}

/// Escapes for HTML as minijinja does, but leaves the slash alone: addresses stay legible to whoever
/// reads the source of a mail, link scanners included.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            let mut rest = text;
            while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
                out.write_str(&rest[..at])?;
                out.write_str(match rest.as_bytes()[at] {
                    b'&' => "&amp;",
                    b'<' => "&lt;",
                    b'>' => "&gt;",
                    b'"' => "&quot;",
                    _ => "&#39;",
                })?;
                rest = &rest[at + 1..];
            }
            out.write_str(rest)?;
            Ok(())
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Whether the dotted name leads to a value.
fn is_known(field: &str, context: &Value) -> bool {
    let mut at = context.clone();
    field.split('.').all(|part| match at.get_attr(part) {
        Ok(value) if !value.is_undefined() => {
            at = value;
            true
        }
        _ => false,
    })
}

fn is_empty(block: &Block) -> bool {
    match block {
        Block::Heading { text }
        | Block::Paragraph { text }
        | Block::Answer { text }
        | Block::Note { text } => text.is_empty(),
        Block::Facts { rows } => rows.is_empty(),
        Block::List { items } => items.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::value::Serde;

    #[test]
    fn a_text_that_names_an_unknown_field_says_which() {
        let mut library = Library::load().unwrap();
        library
            .add("prova", Locale::It, "== body\nCiao {{ recipient.nome }}, {{ nobody }}!")
            .unwrap();
        let context = Value::from(Serde(serde_json::json!({ "recipient": { "name": "Ada" } })));
        let error = library.body("prova", Locale::It, &context).unwrap_err().to_string();
        assert!(error.contains("«nobody», «recipient.nome»"), "{error}");
    }

    #[test]
    fn a_value_never_becomes_markup() {
        let mut library = Library::load().unwrap();
        library.add("prova", Locale::It, "== body\n{{ name }}\n").unwrap();
        let context = Value::from(Serde(serde_json::json!({ "name": "# {{ 1 }}" })));
        let blocks = library.body("prova", Locale::It, &context).unwrap();
        assert_eq!(blocks, [Block::Paragraph { text: "# {{ 1 }}".into() }]);
    }

    #[test]
    fn every_kind_has_its_own_version_that_the_letters_change() {
        let versions: Vec<String> =
            KINDS.iter().map(|kind| version(kind.name, "").unwrap()).collect();
        assert!(versions.iter().all(|version| version.len() == 64));
        assert_ne!(versions[0], versions[1]);
        assert_ne!(versions[0], version(KINDS[0].name, "x").unwrap());
    }
}
