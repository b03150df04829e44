//! What files are taken for, and which are refused.

use super::*;
use crate::mime::Message;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let method = if *name == "mimetype" {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn look(name: &str, bytes: &[u8]) -> (String, Option<Refusal>) {
    let head = format!(
        "From: a@b.example\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\n\r\n"
    );
    let raw = [head.as_bytes(), bytes].concat();
    let mut files = read(&Message::read(&raw), &[], &Limits::default());
    assert_eq!(files.len(), 1);
    let file = files.remove(0);
    (file.media_type, file.refused)
}

/// SignedData (RFC 5652) around some content, in DER, without signers.
fn cms(content: &[u8]) -> Vec<u8> {
    let element = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], body].concat()
    };
    let data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let signed_data = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    let inside = element(0xa0, &element(0x04, content));
    let encapsulated = element(0x30, &[&data[..], &inside].concat());
    let body = [&element(0x02, &[1])[..], &element(0x31, &[]), &encapsulated, &element(0x31, &[])]
        .concat();
    element(0x30, &[&signed_data[..], &element(0xa0, &element(0x30, &body))].concat())
}

#[test]
fn content_tells_the_type_and_the_type_decides() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let compound =
        |stream: &str| [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 64], &wide(stream)].concat();
    let types = b"<Types/>";
    let rows: Vec<(&str, Vec<u8>, &str, Option<Refusal>)> = vec![
        ("a.pdf", b"%PDF-1.7 x".to_vec(), "application/pdf", None),
        ("a.pdf", b"junk\n%PDF-1.7 x".to_vec(), "application/pdf", None),
        (
            "a.pdf",
            b"%PDF-1.7 trailer <</Encrypt 5 0 R>>".to_vec(),
            "application/pdf",
            Some(Refusal::Encrypted),
        ),
        ("a.pdf", b"%PDF-1.7 /EncryptMetadata false".to_vec(), "application/pdf", None),
        (
            "a.pdf",
            b"MZ\x90\0 %PDF-1.7".to_vec(),
            "application/vnd.microsoft.portable-executable",
            Some(Refusal::Type),
        ),
        ("a.pdf", b"<html><script>%PDF-".to_vec(), "text/html", Some(Refusal::Type)),
        ("a.pdf", vec![0, 1, 2, 3], "application/octet-stream", Some(Refusal::Type)),
        ("fattura.pdf.exe", b"%PDF-1.7".to_vec(), "application/pdf", Some(Refusal::Type)),
        ("fattura.pdf.exe . ", b"text".to_vec(), "text/plain", Some(Refusal::Type)),
        ("a.jpg", b"\xff\xd8\xff\xe0".to_vec(), "image/jpeg", None),
        ("a.png", b"\x89PNG\r\n\x1a\n".to_vec(), "image/png", None),
        ("a.tif", b"II*\0".to_vec(), "image/tiff", None),
        ("a.txt", "perché".as_bytes().to_vec(), "text/plain", None),
        ("a.txt", b"perch\xe9".to_vec(), "text/plain", None),
        ("a.csv", b"a;b".to_vec(), "text/csv", None),
        ("a.js", b"alert(1)".to_vec(), "text/plain", Some(Refusal::Type)),
        ("a.txt", b"#!/bin/sh\n".to_vec(), "text/x-script", Some(Refusal::Type)),
        ("a.txt", b"\xef\xbb\xbf <!-- x --><HTML>".to_vec(), "text/html", Some(Refusal::Type)),
        (
            "a.png",
            b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
            "image/svg+xml",
            Some(Refusal::Type),
        ),
        (
            "a.xml",
            b"<?xml version='1.0'?><p:FatturaElettronica/>".to_vec(),
            "application/xml",
            None,
        ),
        ("a.ics", b"BEGIN:VCALENDAR\r\n".to_vec(), "text/calendar", None),
        ("a.rtf", b"{\\rtf1 x}".to_vec(), "application/rtf", None),
        (
            "a.rtf",
            b"{\\rtf1 {\\object\\objdata 0}}".to_vec(),
            "application/vnd.ms-office.macros",
            Some(Refusal::Type),
        ),
        ("a.eml", b"From: a@b\r\nTo: c@d\r\nSubject: x\r\n\r\nx".to_vec(), "message/rfc822", None),
        ("a.zip", zip(&[("a.txt", b"x")]), "application/zip", None),
        (
            "a.docx",
            zip(&[("[Content_Types].xml", types), ("word/document.xml", b"<d/>")]),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            None,
        ),
        (
            "a.xlsx",
            zip(&[("[Content_Types].xml", types), ("xl/workbook.xml", b"<d/>")]),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            None,
        ),
        (
            "a.docx",
            zip(&[("[Content_Types].xml", types), ("word/vbaProject.bin", b"x")]),
            "application/vnd.ms-office.macros",
            Some(Refusal::Type),
        ),
        (
            "a.odt",
            zip(&[
                ("mimetype", b"application/vnd.oasis.opendocument.text"),
                ("content.xml", b"<d/>"),
            ]),
            "application/vnd.oasis.opendocument.text",
            None,
        ),
        (
            "a.odt",
            zip(&[
                ("mimetype", b"application/vnd.oasis.opendocument.text"),
                ("META-INF/manifest.xml", b"<manifest:encryption-data/>"),
            ]),
            "application/vnd.oasis.opendocument.text",
            Some(Refusal::Encrypted),
        ),
        (
            "a.jar",
            zip(&[("META-INF/MANIFEST.MF", b"x")]),
            "application/java-archive",
            Some(Refusal::Type),
        ),
        ("a.zip", zip(&[("x/run.exe", b"text")]), "application/zip", Some(Refusal::Type)),
        ("a.zip", zip(&[("innocent.pdf", b"MZ\x90\0")]), "application/zip", Some(Refusal::Type)),
        (
            "a.zip",
            zip(&[("b.zip", &zip(&[("c.txt", b"\x7fELF")]))]),
            "application/zip",
            Some(Refusal::Type),
        ),
        ("a.zip", zip(&[("a.bin", &[0, 1, 2])]), "application/zip", Some(Refusal::Type)),
        ("a.zip", zip(&[("__MACOSX/._a", &[0, 1, 2]), ("a.txt", b"x")]), "application/zip", None),
        ("a.zip", zip(&[("a.pdf.p7m", &cms(b"MZ"))]), "application/zip", Some(Refusal::Type)),
        ("a.doc", compound("WordDocument"), "application/msword", None),
        (
            "a.doc",
            [compound("WordDocument"), wide("_VBA_PROJECT")].concat(),
            "application/vnd.ms-office.macros",
            Some(Refusal::Type),
        ),
        (
            "a.docx",
            compound("EncryptedPackage"),
            "application/vnd.ms-office.encrypted",
            Some(Refusal::Encrypted),
        ),
        ("a.pdf.p7m", cms(b"%PDF-1.7"), "application/pkcs7-mime", None),
        ("a.pdf.p7m", base64_of(&cms(b"%PDF-1.7")), "application/pkcs7-mime", None),
        ("a.pdf.p7m", cms(b"MZ\x90\0"), "application/pkcs7-mime", Some(Refusal::Type)),
        (
            "a.pdf.p7m",
            cms(&cms(b"%PDF-1.7 <</Encrypt 1 0 R>>")),
            "application/pkcs7-mime",
            Some(Refusal::Encrypted),
        ),
        ("a.exe.p7m", cms(b"text"), "application/pkcs7-mime", Some(Refusal::Type)),
        (
            "a.7z",
            b"7z\xbc\xaf\x27\x1c".to_vec(),
            "application/x-7z-compressed",
            Some(Refusal::Type),
        ),
        ("winmail.dat", b"\x78\x9f\x3e\x22".to_vec(), "application/ms-tnef", Some(Refusal::Type)),
    ];
    for (name, bytes, media_type, refused) in rows {
        assert_eq!(look(name, &bytes), (media_type.to_owned(), refused), "{name} {media_type}");
    }
}

fn base64_of(bytes: &[u8]) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes()
}

#[test]
fn archives_that_unpack_to_too_much_are_bombs() {
    let zeros = vec![0; 30 << 20];
    assert_eq!(look("a.zip", &zip(&[("a.bin", &zeros)])).1, Some(Refusal::Bomb));
    // A directory that lies about the size.
    let mut lying = zip(&[("a.txt", &vec![b'x'; 100_000])]);
    let size = 100_000_u32.to_le_bytes();
    let at = memchr::memmem::rfind(&lying, &size).unwrap();
    lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    assert_eq!(look("a.zip", &lying).1, Some(Refusal::Bomb));
    // Archives in archives, deeper than anybody looks.
    let mut nested = zip(&[("a.txt", b"x")]);
    for _ in 0..4 {
        nested = zip(&[("b.zip", &nested)]);
    }
    assert_eq!(look("a.zip", &nested).1, Some(Refusal::Bomb));
    // Many archives share one budget.
    let mut look = Look { unpack: 15 << 20 };
    let large = zip(&[("a.txt", &vec![b'x'; 8 << 20])]);
    let kind = kinds::of(&large);
    assert_eq!(look.refusal(&kind, &large, 0), None);
    assert_eq!(look.refusal(&kind, &large, 0), Some(Refusal::Bomb));
}

#[test]
fn broken_and_protected_archives_are_refused() {
    let whole = zip(&[("a.txt", b"x")]);
    assert_eq!(look("a.zip", &whole[..whole.len() - 5]).1, Some(Refusal::Type));
    let mut protected = whole.clone();
    let at = memchr::memmem::find(&protected, b"PK\x01\x02").unwrap();
    protected[at + 8] |= 1;
    assert_eq!(look("a.zip", &protected).1, Some(Refusal::Encrypted));
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        let _ = look("a.zip", &broken);
    }
}

#[test]
fn names_become_safe() {
    for (written, safe) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\atto.pdf", "atto.pdf"),
        ("=pdf.pdf?=", "pdf.pdf"),
        ("a\u{202e}fdp.exe", "afdp.exe"),
        ("con.pdf", "_con.pdf"),
        ("a:b|c.pdf", "a_b_c.pdf"),
        (" . ", "allegato-3.pdf"),
        ("", "allegato-3.pdf"),
        ("perché no.pdf", "perché no.pdf"),
    ] {
        assert_eq!(safe_name(Some(written), &kinds::of(b"%PDF-"), 3), safe);
    }
    let long = safe_name(Some(&format!("{}.pdf", "è".repeat(300))), &kinds::of(b"%PDF-"), 1);
    assert_eq!((long.chars().count(), long.ends_with(".pdf")), (120, true));
}

#[test]
fn files_over_size_and_number_are_named_and_dropped() {
    let part = "--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.7\r\n";
    let raw =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(3));
    let limits = Limits { attachments: 2, ..Limits::default() };
    let files = read(&Message::read(raw.as_bytes()), &[], &limits);
    assert_eq!(
        files.iter().map(|file| file.refused).collect::<Vec<_>>(),
        [None, None, Some(Refusal::TooMany)]
    );
    let limits = Limits { part_bytes: 4, ..Limits::default() };
    let files = read(&Message::read(raw.as_bytes()), &[], &limits);
    assert_eq!(
        (files[0].refused, files[0].size, files[0].bytes.len()),
        (Some(Refusal::Size), 8, 0)
    );
    assert_eq!(files[0].hash, BlobHash::of(b"%PDF-1.7"));
}
