//! The embedded fonts, and what they can print.
//!
//! Open Sans Regular and Semibold (Apache-2.0) with the Latin, Greek and Cyrillic letters of European
//! names, cut down once so that subsetting them for each letter is quick. A letter with any other
//! character is refused by name, because PDF/A allows no missing glyph and a name must not be altered; other
//! documents, which quote what came in, show its number as `[U+1F44D]`.

use messo_core::ports::RenderError;
use serde_json::Value;
use std::fmt::Write as _;
use typst::foundations::Bytes;
use typst::text::Font;

const FILES: [&[u8]; 2] = [
    include_bytes!("../../letters/fonts/OpenSans-Regular.ttf"),
    include_bytes!("../../letters/fonts/OpenSans-Semibold.ttf"),
];

/// Loads the fonts.
pub fn load() -> Result<Vec<Font>, RenderError> {
    let load = |file: &&'static [u8]| {
        Font::new(Bytes::new(*file), 0)
            .ok_or_else(|| RenderError::Letter("a font is damaged".to_owned()))
    };
    FILES.iter().map(load).collect()
}

/// The same data with characters that print like another written as that one; an error that names
/// the first character that cannot be printed.
pub fn printable(fonts: &[Font], template: &str, data: &Value) -> Result<Value, RenderError> {
    Ok(match data {
        Value::String(text) => Value::String(text_of(fonts, template, text)?),
        Value::Array(items) => Value::Array(
            items.iter().map(|item| printable(fonts, template, item)).collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), printable(fonts, template, value)?)))
                .collect::<Result<_, RenderError>>()?,
        ),
        other => other.clone(),
    })
}

fn text_of(fonts: &[Font], template: &str, text: &str) -> Result<String, RenderError> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2010}' | '\u{2011}' => out.push('-'),
            '\u{1e9e}' => out.push_str("SS"),
            '\u{2007}' | '\u{202f}' => out.push('\u{a0}'),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe0f}' | '\u{feff}' => {}
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c if c.is_ascii()
                || fonts.iter().all(|font| font.info().coverage.contains(c.into())) =>
            {
                out.push(c)
            }
            // A document shows what strangers wrote, and must come to be all the same.
            c if template != "letter" => {
                // Writing into a String cannot fail.
                let _ = write!(out, "[U+{:04X}]", u32::from(c));
            }
            c => {
                return Err(RenderError::Letter(format!(
                    "nel modello «{template}» c’è il carattere «{c}», che i caratteri di stampa non hanno"
                )));
            }
        }
    }
    Ok(out)
}
