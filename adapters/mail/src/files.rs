//! The files of a message: safe names, types by content, and what must not enter a case file.
//!
//! Guarantee: a file is taken only when its content is of a type on the list and its name does not pretend otherwise; every
//! attachment is hashed; no archive is unpacked beyond the limits. Limit: this is no virus scanner, and a document's own
//! faults (scripts in PDF) are not looked for.

use crate::Limits;
use crate::head::is_invisible;
use crate::mime::{Message, Part};
use messo_core::ids::BlobHash;
use messo_core::messages::{Attachment, Refusal};

mod archives;
mod kinds;
pub mod signed;

use kinds::Kind;

/// Longest name, in characters.
const MAX_NAME: usize = 120;
/// Deepest nesting of messages in messages that is looked into.
const MAX_MESSAGES: usize = 8;
/// Deepest nesting of archives in archives that is looked into.
const MAX_ARCHIVES: usize = 3;

/// Endings of names that a system might run. Whatever the content, such a name has no place in a case file.
const DANGEROUS: &[&str] = &[
    "exe",
    "com",
    "scr",
    "pif",
    "bat",
    "cmd",
    "ps1",
    "psm1",
    "vbs",
    "vbe",
    "js",
    "jse",
    "mjs",
    "ws",
    "wsf",
    "wsc",
    "hta",
    "msi",
    "msp",
    "mst",
    "dll",
    "cpl",
    "jar",
    "class",
    "lnk",
    "url",
    "reg",
    "inf",
    "chm",
    "hlp",
    "sh",
    "bash",
    "py",
    "pl",
    "rb",
    "php",
    "apk",
    "app",
    "deb",
    "rpm",
    "iso",
    "img",
    "vhd",
    "vhdx",
    "scf",
    "gadget",
    "application",
    "appref-ms",
    "docm",
    "dotm",
    "xlsm",
    "xltm",
    "xlam",
    "pptm",
    "potm",
    "ppam",
    "ppsm",
    "sldm",
    "html",
    "htm",
    "xhtml",
    "mht",
    "mhtml",
    "svg",
    "svgz",
    "swf",
    "one",
    "xll",
    "library-ms",
    "desktop",
    "command",
    "terminal",
];

/// Media types that declare a structure, not a file.
const STRUCTURE: &[&str] = &[
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
    "message/delivery-status",
    "message/feedback-report",
    "message/disposition-notification",
];

/// The files of a message; `used` are the places of the parts that are its text.
pub fn read(message: &Message<'_>, used: &[usize], limits: &Limits) -> Vec<Attachment> {
    let mut look = Look { unpack: limits.unpacked_bytes };
    let mut files: Vec<Attachment> = Vec::new();
    for (place, part) in places(message) {
        let structure = STRUCTURE.contains(&part.kind()) && signs(message, place);
        if !part.parts.is_empty() || used.contains(&place) || structure {
            continue;
        }
        let too_many = files.len() >= limits.attachments;
        files.push(look.file(part, files.len() + 1, too_many, limits));
    }
    files
}

/// Parts in their order, with their places.
fn places<'a, 'm>(message: &'m Message<'a>) -> Vec<(usize, &'m Part<'a>)> {
    let (mut order, mut waiting) = (Vec::new(), vec![0]);
    while let Some(place) = waiting.pop() {
        let part = &message.parts[place];
        waiting.extend(part.parts.iter().rev());
        order.push((place, part));
    }
    order
}

/// Whether a part belongs to the structure of its parent (multipart/signed, multipart/report).
fn signs(message: &Message<'_>, place: usize) -> bool {
    message.parts.iter().any(|parent| {
        matches!(parent.kind(), "multipart/signed" | "multipart/report")
            && parent.parts.contains(&place)
    })
}

/// What may still be spent on looking into the files of one message.
struct Look {
    unpack: u64,
}

impl Look {
    fn file(
        &mut self,
        part: &Part<'_>,
        number: usize,
        too_many: bool,
        limits: &Limits,
    ) -> Attachment {
        let bytes = part.bytes().into_owned();
        let declared = part.kind().chars().filter(|c| !c.is_control()).take(100).collect();
        let size = bytes.len() as u64;
        let hash = BlobHash::of(&bytes);
        let kind = if part.is_message() { kinds::MESSAGE } else { kinds::of(&bytes) };
        let written = part.file_name();
        let name = safe_name(written.as_deref(), &kind, number);
        let refused = if too_many {
            Some(Refusal::TooMany)
        } else if size > limits.part_bytes {
            Some(Refusal::Size)
        } else {
            let by_name = is_dangerous(&name).then_some(Refusal::Type);
            self.refusal(&kind, &bytes, 0).or(by_name)
        };
        let drop = matches!(refused, Some(Refusal::Size | Refusal::TooMany));
        let media_type = kinds::by_name(&kind, &name).to_owned();
        let bytes = if drop { Vec::new() } else { bytes };
        Attachment { name, declared, media_type, bytes, hash, size, refused }
    }

    /// Why content is not taken. Recursion is as deep as archives and messages are let be.
    fn refusal(&mut self, kind: &Kind, bytes: &[u8], depth: usize) -> Option<Refusal> {
        if !kind.allowed {
            return Some(Refusal::Type);
        }
        match kind.media_type {
            "application/pdf" => kinds::is_encrypted_pdf(bytes).then_some(Refusal::Encrypted),
            "application/pkcs7-mime" => self.signed(bytes, depth),
            "message/rfc822" => self.message(bytes, depth),
            _ if kind.is_archive => self.archive(kind, bytes, depth),
            _ => kind.encrypted.then_some(Refusal::Encrypted),
        }
    }

    fn signed(&mut self, bytes: &[u8], depth: usize) -> Option<Refusal> {
        let inside = signed::content(bytes)?;
        if depth >= MAX_MESSAGES {
            return Some(Refusal::Bomb);
        }
        self.refusal(&kinds::of(&inside), &inside, depth + 1)
    }

    fn message(&mut self, bytes: &[u8], depth: usize) -> Option<Refusal> {
        if depth >= MAX_MESSAGES {
            return Some(Refusal::Bomb);
        }
        let message = Message::read(bytes);
        let leaves = message
            .parts
            .iter()
            .filter(|part| part.parts.is_empty() && !part.kind().starts_with("text/"));
        leaves.filter(|part| !STRUCTURE.contains(&part.kind())).find_map(|part| {
            let bytes = part.bytes();
            let kind = if part.is_message() { kinds::MESSAGE } else { kinds::of(&bytes) };
            let by_name = part.file_name().is_some_and(|name| is_dangerous(&name));
            self.refusal(&kind, &bytes, depth + 1).or(by_name.then_some(Refusal::Type))
        })
    }

    fn archive(&mut self, outer: &Kind, bytes: &[u8], depth: usize) -> Option<Refusal> {
        let entries = match archives::entries(bytes) {
            Ok(entries) => entries,
            Err(refusal) => return Some(refusal),
        };
        if entries.iter().any(|entry| entry.encrypted) {
            return Some(Refusal::Encrypted);
        }
        if archives::is_bomb(&entries, bytes.len() as u64, self.unpack) {
            return Some(Refusal::Bomb);
        }
        // What a document is made of is its own affair, as long as it is no program.
        let is_document = outer.media_type != "application/zip";
        for entry in entries.iter().filter(|entry| !is_left_over(&entry.name)) {
            if is_dangerous(&entry.name) || entry.name.to_lowercase().ends_with("vbaproject.bin") {
                return Some(Refusal::Type);
            }
            let Some(unpacked) = entry.unpack(bytes, &mut self.unpack) else {
                return Some(Refusal::Bomb);
            };
            let kind = kinds::of(&unpacked);
            if kind.is_archive && depth + 1 >= MAX_ARCHIVES {
                return Some(Refusal::Bomb);
            }
            let refusal = if is_document && !kind.is_archive {
                kind.is_program.then_some(Refusal::Type)
            } else {
                self.refusal(&kind, &unpacked, depth + 1)
            };
            if refusal.is_some() {
                return refusal;
            }
        }
        None
    }
}

/// Folders, and what a Mac puts beside every file.
fn is_left_over(name: &str) -> bool {
    name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store")
}

/// Whether a system might run what has this name. Blanks and dots at the end do not hide an ending.
fn is_dangerous(name: &str) -> bool {
    let name = name.trim_end_matches([' ', '.']).to_ascii_lowercase();
    // `fattura.pdf.exe.p7m` is a program once it is opened.
    let name = name.trim_end_matches(".p7m");
    name.rsplit_once('.').is_some_and(|(_, ending)| DANGEROUS.contains(&ending))
}

/// A name that can be written to any disk and shown in any list.
fn safe_name(written: Option<&str>, kind: &Kind, number: usize) -> String {
    let last = written.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = last.chars().filter(|c| !c.is_control() && !is_invisible(*c));
    let replaced = kept
        .map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '=') { '_' } else { c });
    let name: String = replaced.collect();
    let name = name.trim_matches([' ', '.', '_']);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    if name.is_empty() {
        return format!("allegato-{number}.{}", kind.ending);
    }
    // Names of devices on Windows.
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT"));
    shorten(if device { format!("_{name}") } else { name.to_owned() })
}

/// At most [`MAX_NAME`] characters; the ending stays.
fn shorten(name: String) -> String {
    if name.chars().count() <= MAX_NAME {
        return name;
    }
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending)
        .filter(|ending| ending.chars().count() <= 10);
    let ending = ending.map(|ending| format!(".{ending}")).unwrap_or_default();
    let stem: String = name.chars().take(MAX_NAME - ending.chars().count()).collect();
    format!("{}{ending}", stem.trim_end())
}

#[cfg(test)]
mod tests;
