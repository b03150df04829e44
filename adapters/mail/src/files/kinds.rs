//! What a file is, by its content.
//!
//! The table of signatures is data. Guarantee: what may run is recognised before anything else, and what is not recognised is not
//! allowed. Limit: of text formats the first [`HEAD`] bytes are looked at.

use super::{archives, signed};
use crate::transfer;
use memchr::memmem;

/// How much of a text is looked at to tell what it is.
const HEAD: usize = 4096;

/// A type of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its media type.
    pub media_type: &'static str,
    /// The usual ending of its names.
    pub ending: &'static str,
    /// Whether it may enter a case file.
    pub allowed: bool,
    /// Whether it may run, or make something run.
    pub is_program: bool,
    /// Whether it is an archive by structure (also documents that are).
    pub is_archive: bool,
    /// Whether its form says that it is protected.
    pub encrypted: bool,
}

const fn known(media_type: &'static str, ending: &'static str) -> Kind {
    Kind {
        media_type,
        ending,
        allowed: true,
        is_program: false,
        is_archive: false,
        encrypted: false,
    }
}

const fn refused(media_type: &'static str, ending: &'static str) -> Kind {
    Kind { allowed: false, ..known(media_type, ending) }
}

const fn program(media_type: &'static str, ending: &'static str) -> Kind {
    Kind { is_program: true, ..refused(media_type, ending) }
}

const fn document(media_type: &'static str, ending: &'static str) -> Kind {
    Kind { is_archive: true, ..known(media_type, ending) }
}

/// A whole message.
pub const MESSAGE: Kind = known("message/rfc822", "eml");
const UNKNOWN: Kind = refused("application/octet-stream", "bin");
const TEXT: Kind = known("text/plain", "txt");
const PDF: Kind = known("application/pdf", "pdf");
const P7M: Kind = known("application/pkcs7-mime", "p7m");
const ZIP: Kind = document("application/zip", "zip");
const MACROS: Kind = program("application/vnd.ms-office.macros", "bin");
const PROTECTED: Kind =
    Kind { encrypted: true, ..known("application/vnd.ms-office.encrypted", "bin") };
const HTML: Kind = program("text/html", "html");
const SVG: Kind = program("image/svg+xml", "svg");
const SCRIPT: Kind = program("text/x-script", "txt");

/// First bytes, and what they begin. Programs first.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"MZ", program("application/vnd.microsoft.portable-executable", "exe")),
    (b"\x7fELF", program("application/x-elf", "bin")),
    (b"\xca\xfe\xba\xbe", program("application/java-vm", "class")),
    (b"\xfe\xed\xfa\xce", program("application/x-mach-binary", "bin")),
    (b"\xfe\xed\xfa\xcf", program("application/x-mach-binary", "bin")),
    (b"\xcf\xfa\xed\xfe", program("application/x-mach-binary", "bin")),
    (b"\xce\xfa\xed\xfe", program("application/x-mach-binary", "bin")),
    (b"\x4c\x00\x00\x00\x01\x14\x02\x00", program("application/x-ms-shortcut", "lnk")),
    (b"ITSF", program("application/vnd.ms-htmlhelp", "chm")),
    (b"\0asm", program("application/wasm", "wasm")),
    (b"#!", SCRIPT),
    (b"%PDF-", PDF),
    (b"\xff\xd8\xff", known("image/jpeg", "jpg")),
    (b"\x89PNG\r\n\x1a\n", known("image/png", "png")),
    (b"II*\0", known("image/tiff", "tif")),
    (b"MM\0*", known("image/tiff", "tif")),
    (b"GIF87a", known("image/gif", "gif")),
    (b"GIF89a", known("image/gif", "gif")),
    (b"7z\xbc\xaf\x27\x1c", refused("application/x-7z-compressed", "7z")),
    (b"Rar!\x1a\x07", refused("application/vnd.rar", "rar")),
    (b"\x1f\x8b", refused("application/gzip", "gz")),
    (b"BZh", refused("application/x-bzip2", "bz2")),
    (b"\xfd7zXZ\0", refused("application/x-xz", "xz")),
    (b"MSCF", refused("application/vnd.ms-cab-compressed", "cab")),
    (b"\x78\x9f\x3e\x22", refused("application/ms-tnef", "dat")),
];

/// First words of texts (lower case, after blanks), and what they begin.
const TEXTS: &[(&str, Kind)] = &[
    ("begin:vcalendar", known("text/calendar", "ics")),
    ("begin:vcard", known("text/vcard", "vcf")),
    ("{\\rtf", known("application/rtf", "rtf")),
    ("<?php", SCRIPT),
    ("@echo", SCRIPT),
];

/// Elements with which a page begins that a browser would run.
const PAGES: &[&str] =
    &["<!doctype html", "<html", "<script", "<body", "<head", "<iframe", "<hta:"];

/// Endings that say more than the content of a text can.
const BY_NAME: &[(&str, &str, &str)] =
    &[("text/plain", "csv", "text/csv"), ("text/plain", "md", "text/markdown")];

/// What a file is.
pub fn of(bytes: &[u8]) -> Kind {
    if let Some((_, kind)) = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)) {
        return *kind;
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zipped(bytes);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return compound(bytes);
    }
    match (bytes.get(4..8), bytes.get(8..12)) {
        (Some(b"ftyp"), Some(b"heic" | b"heix" | b"mif1" | b"heim" | b"msf1")) => {
            return known("image/heic", "heic");
        }
        (_, Some(b"WEBP")) if bytes.starts_with(b"RIFF") => return known("image/webp", "webp"),
        _ => {}
    }
    if signed::is_der(bytes) || signed::from_text(bytes).is_some() {
        return P7M;
    }
    // Some programs write a few lines before it (ISO 32000-1, annex H).
    if memmem::find(&bytes[..bytes.len().min(1024)], b"%PDF-").is_some() && !is_page(bytes) {
        return PDF;
    }
    texts(bytes)
}

/// The media type that a harmless ending of the name makes more exact.
pub fn by_name(kind: &Kind, name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let found =
        BY_NAME.iter().find(|(from, known, _)| *from == kind.media_type && *known == ending);
    found.map_or(kind.media_type, |(_, _, to)| to)
}

/// Whether a PDF asks for a password, or could: its trailer names an encryption dictionary (ISO 32000-1 7.6).
pub fn is_encrypted_pdf(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"/Encrypt").any(|at| {
        let rest = bytes[at + 8..].trim_ascii_start();
        rest.starts_with(b"<<") || rest.first().is_some_and(u8::is_ascii_digit)
    })
}

fn texts(bytes: &[u8]) -> Kind {
    let head = &bytes[..bytes.len().min(HEAD)];
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let text = if wide { transfer::text(Some("utf-16"), head) } else { transfer::text(None, head) };
    let text =
        text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_lowercase();
    if let Some((_, kind)) = TEXTS.iter().find(|(start, _)| text.starts_with(start)) {
        return rich(kind, bytes);
    }
    if text.starts_with('<') && (text.contains("<svg") || text.contains("/2000/svg")) {
        return SVG;
    }
    if is_page(head) || text.starts_with('<') && text.contains("<script") {
        return HTML;
    }
    if text.starts_with("<?xml") || text.starts_with('<') && text.contains("xmlns") {
        return if text.contains("xhtml") || text.contains("xsl:") {
            HTML
        } else {
            known("application/xml", "xml")
        };
    }
    let odd =
        text.chars().filter(|c| c.is_control() && !c.is_whitespace() && *c != '\u{c}').count();
    let nul = !wide && memchr::memchr(0, bytes).is_some();
    if nul || odd > 0 {
        return UNKNOWN;
    }
    if looks_like_message(&text) { MESSAGE } else { TEXT }
}

/// Rich text may hold objects that run.
fn rich(kind: &Kind, bytes: &[u8]) -> Kind {
    let objects = memmem::find(bytes, b"\\objdata").is_some()
        || memmem::find(bytes, b"\\objupdate").is_some();
    if kind.ending == "rtf" && objects { MACROS } else { *kind }
}

fn is_page(bytes: &[u8]) -> bool {
    let head = transfer::text(None, &bytes[..bytes.len().min(HEAD)]);
    let mut text =
        head.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_lowercase();
    while let Some(rest) = text.strip_prefix("<!--") {
        let Some((_, after)) = rest.split_once("-->") else { break };
        text = after.trim_start().to_owned();
    }
    if text.starts_with("<?xml") {
        let after = text.split_once("?>").map_or("", |(_, after)| after).trim_start();
        text = after.to_owned();
    }
    PAGES.iter().any(|start| text.starts_with(start))
}

/// A few fields of mail at the start.
fn looks_like_message(text: &str) -> bool {
    let fields = [
        "received:",
        "return-path:",
        "from:",
        "message-id:",
        "mime-version:",
        "date:",
        "subject:",
        "to:",
    ];
    let found =
        text.lines().take(30).filter(|line| fields.iter().any(|field| line.starts_with(field)));
    fields.iter().any(|field| text.starts_with(field)) && found.count() >= 3
}

/// Archives, and the documents that are archives.
fn zipped(bytes: &[u8]) -> Kind {
    let Ok(entries) = archives::entries(bytes) else { return ZIP };
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let begins = |name: &str| entries.iter().any(|entry| entry.name.starts_with(name));
    let ends = |name: &str| entries.iter().any(|entry| entry.name.to_lowercase().ends_with(name));
    if ends("vbaproject.bin")
        || begins("Basic/") && has("mimetype")
        || begins("Scripts/") && has("mimetype")
    {
        return MACROS;
    }
    if has("[Content_Types].xml") {
        return if begins("word/") {
            document(
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "docx",
            )
        } else if begins("xl/") {
            document("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
        } else if begins("ppt/") {
            document(
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                "pptx",
            )
        } else {
            UNKNOWN
        };
    }
    if has("mimetype") {
        return open_document(bytes, &entries);
    }
    if has("META-INF/MANIFEST.MF") || has("AndroidManifest.xml") || ends(".class") {
        return program("application/java-archive", "jar");
    }
    ZIP
}

/// OpenDocument (ISO 26300, part 3): its type is in its first entry, and its manifest says what is encrypted.
fn open_document(bytes: &[u8], entries: &[archives::Entry]) -> Kind {
    let read = |name: &str| {
        let mut most = 1 << 20;
        entries.iter().find(|entry| entry.name == name)?.unpack(bytes, &mut most)
    };
    let kind = match read("mimetype").as_deref().map(<[u8]>::trim_ascii) {
        Some(b"application/vnd.oasis.opendocument.text") => {
            document("application/vnd.oasis.opendocument.text", "odt")
        }
        Some(b"application/vnd.oasis.opendocument.spreadsheet") => {
            document("application/vnd.oasis.opendocument.spreadsheet", "ods")
        }
        Some(b"application/vnd.oasis.opendocument.presentation") => {
            document("application/vnd.oasis.opendocument.presentation", "odp")
        }
        _ => return UNKNOWN,
    };
    let manifest = read("META-INF/manifest.xml").unwrap_or_default();
    let encrypted = memmem::find(&manifest, b"encryption-data").is_some();
    if encrypted { Kind { encrypted: true, is_archive: false, ..kind } } else { kind }
}

/// Compound files of old office programs, by the names of the streams inside (UTF-16).
fn compound(bytes: &[u8]) -> Kind {
    let has = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        memmem::find(bytes, &wide).is_some()
    };
    if has("EncryptedPackage") {
        PROTECTED
    } else if has("_VBA_PROJECT") || has("Macros") {
        MACROS
    } else if has("WordDocument") {
        known("application/msword", "doc")
    } else if has("Workbook") {
        known("application/vnd.ms-excel", "xls")
    } else {
        UNKNOWN
    }
}
