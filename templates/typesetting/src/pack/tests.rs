//! A packed document holds the same objects, byte for byte, and its references lead to them.

use super::*;
use std::collections::BTreeMap;
use std::io::Read as _;

/// A small document as our exporter writes it.
fn plain() -> Vec<u8> {
    let tree = format!("<</Type/StructElem/Alt({})>>", "mediazione ".repeat(80));
    let objects = ["<</Type/Catalog/Pages 3 0 R>>", "<</Length 3>>\nstream\nq Q\nendstream", &tree];
    let mut pdf = b"%PDF-1.7\n%\x80\x80\x80\x80\n\n".to_vec();
    let mut table = "xref\n0 4\n0000000000 65535 f\r\n".to_owned();
    for (number, body) in (1..).zip(objects) {
        table.push_str(&format!("{:010} 00000 n\r\n", pdf.len()));
        pdf.extend_from_slice(format!("{number} 0 obj\n{body}\nendobj\n\n").as_bytes());
    }
    let trailer = format!("trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{}\n%%EOF", pdf.len());
    [pdf, table.into_bytes(), trailer.into_bytes()].concat()
}

/// The objects of a packed document, found by its references.
pub fn objects(pdf: &[u8]) -> BTreeMap<usize, Vec<u8>> {
    let tail = String::from_utf8_lossy(&pdf[pdf.len() - 40..]).into_owned();
    let start: usize =
        tail.split("startxref\n").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let rows = inflated(&pdf[start..]);
    let rows: Vec<[usize; 3]> = rows
        .chunks(7)
        .map(|row| [number(&row[..1]), number(&row[1..5]), number(&row[5..])])
        .collect();
    let mut found = BTreeMap::new();
    for (name, [kind, place, index]) in rows.iter().enumerate().skip(1) {
        match kind {
            1 => {
                let from = format!("{name} 0 obj\n");
                let body = pdf[*place..].strip_prefix(from.as_bytes()).unwrap();
                let end = body.windows(8).position(|end| end == b"\nendobj\n").unwrap();
                found.insert(name, body[..end].to_vec());
            }
            2 => {
                let stream = &pdf[rows[*place][1]..];
                let first: usize = entry(stream, "/First ").parse().unwrap();
                let data = inflated(stream);
                let index_text = String::from_utf8_lossy(&data[..first]).into_owned();
                let index_words: Vec<usize> =
                    index_text.split(' ').filter_map(|word| word.parse().ok()).collect();
                assert_eq!(index_words[index * 2], name);
                let from = first + index_words[index * 2 + 1];
                let to = index_words.get(index * 2 + 3).map_or(data.len(), |next| first + next);
                found.insert(name, data[from..to].trim_ascii_end().to_vec());
            }
            _ => panic!("{name} is free"),
        }
    }
    found
}

/// The unpacked data of the stream that begins here.
pub fn inflated(object: &[u8]) -> Vec<u8> {
    let from = object.windows(8).position(|word| word == b"\nstream\n").unwrap() + 8;
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(&object[from..]).read_to_end(&mut out).unwrap();
    out
}

fn entry(object: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(&object[..object.len().min(200)]).into_owned();
    let value = text.split(name).nth(1).unwrap();
    value.chars().take_while(char::is_ascii_digit).collect()
}

#[test]
fn a_packed_document_is_smaller_and_holds_the_same_objects() {
    let pdf = plain();
    let packed = pack(pdf.clone());
    assert!(packed.len() < pdf.len(), "{} {}", packed.len(), pdf.len());
    let found = objects(&packed);
    for (number, object) in (1..).zip(Plain::read(&pdf).unwrap().objects) {
        let whole = [format!("{number} 0 obj\n").as_bytes(), &found[&number], b"\nendobj"].concat();
        assert_eq!(whole, object);
    }
    assert!(has(&packed, b"/Size 6/Root 1 0 R"));
    assert!(!has(&packed, b"StructElem"));
}

#[test]
fn what_does_not_look_like_our_exporters_work_stays_as_it_is() {
    let pdf = plain();
    for end in 0..pdf.len() {
        assert_eq!(pack(pdf[..end].to_vec()), pdf[..end]);
    }
    for (from, to) in [("PDF-1.7", "PDF-1.4"), ("xref\n0 4", "xref\n0 9"), ("3 0 obj", "8 0 obj")] {
        let at = pdf.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let other = [&pdf[..at], to.as_bytes(), &pdf[at + to.len()..]].concat();
        assert_eq!(pack(other.clone()), other, "{from}");
    }
}

fn has(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}
