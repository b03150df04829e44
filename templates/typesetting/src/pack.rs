//! Packs the small objects of a finished PDF into compressed object streams (ISO 32000-1, 7.5.7 and 7.5.8).
//!
//! A third of a tagged letter is its structure tree, which is written plainly otherwise. Object numbers,
//! streams and everything a reader sees stay as they are; PDF/A-2 (ISO 19005-2) allows such streams. What
//! does not look exactly as our exporter writes it (PDF 1.7, one table of references) is left unpacked.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

/// Objects in one stream: a reader unpacks the whole stream to see one of them.
const MOST_TOGETHER: usize = 200;

/// The same document in fewer bytes.
pub fn pack(pdf: Vec<u8>) -> Vec<u8> {
    match Plain::read(&pdf).and_then(|plain| plain.packed()) {
        Some(packed) if packed.len() < pdf.len() => packed,
        _ => pdf,
    }
}

/// A PDF with a plain table of references.
struct Plain<'a> {
    /// All before the first object.
    head: &'a [u8],
    /// By object number, from 1: the whole object, from its number to `endobj`.
    objects: Vec<&'a [u8]>,
    /// The trailer's entries after `Size`.
    trailer: &'a [u8],
}

impl<'a> Plain<'a> {
    /// Nothing where a byte is not where it should be.
    fn read(pdf: &'a [u8]) -> Option<Self> {
        let pdf = pdf.strip_suffix(b"\n%%EOF")?;
        let tail = pdf.get(pdf.len().saturating_sub(64)..)?;
        let from = tail.windows(10).rposition(|window| window == b"startxref\n")?;
        let table: usize = text(&tail[from..])?.lines().nth(1)?.parse().ok()?;
        let rest = pdf.get(table..)?.strip_prefix(b"xref\n0 ")?;
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        let size: usize = text(&rest[..line])?.parse().ok()?;
        let (rows, rest) = rest[line + 1..].split_at_checked(size.checked_mul(20)?)?;
        let rest = rest.strip_prefix(format!("trailer\n<</Size {size}").as_bytes())?;
        let end = rest.windows(12).position(|window| window == b">>\nstartxref")?;
        let offset = |row: &[u8]| match text(row)?.trim_end().strip_suffix(" 00000 n") {
            Some(offset) => offset.parse::<usize>().ok(),
            None => None,
        };
        let offsets = rows.chunks(20).skip(1).map(offset).collect::<Option<Vec<usize>>>()?;
        let mut ends = offsets.clone();
        ends.push(table);
        ends.sort_unstable();
        let object = |from: &usize| {
            let next = ends.get(ends.partition_point(|end| end <= from))?;
            Some(pdf.get(*from..*next)?.trim_ascii_end())
        };
        let objects = offsets.iter().map(object).collect::<Option<Vec<_>>>()?;
        let head = pdf.get(..*ends.first()?)?;
        head.starts_with(b"%PDF-1.7").then_some(Self { head, objects, trailer: &rest[..end] })
    }

    fn packed(&self) -> Option<Vec<u8>> {
        let mut file = File { out: self.head.to_vec(), places: vec![[0, 0, 65535]] };
        file.places.resize(self.objects.len() + 1, [0, 0, 0]);
        let mut small = Vec::new();
        for (number, object) in (1..).zip(&self.objects) {
            let start = format!("{number} 0 obj\n");
            let body = object.strip_prefix(start.as_bytes())?.strip_suffix(b"\nendobj")?;
            if body.ends_with(b"endstream") {
                file.places[number] = [1, file.out.len(), 0];
                file.out.extend_from_slice(object);
                file.out.extend_from_slice(b"\n");
            } else {
                small.push((number, body));
            }
        }
        for together in small.chunks(MOST_TOGETHER) {
            file.add_together(together)?;
        }
        file.finish(self.trailer)
    }
}

/// The file being written.
struct File {
    out: Vec<u8>,
    /// By object number, as in a stream of references: free; at an offset; in a stream, at an index.
    places: Vec<[usize; 3]>,
}

impl File {
    fn add_together(&mut self, objects: &[(usize, &[u8])]) -> Option<()> {
        let (mut index, mut bodies) = (String::new(), Vec::new());
        for (at, (number, body)) in objects.iter().enumerate() {
            index.push_str(&format!("{number} {} ", bodies.len()));
            bodies.extend_from_slice(body);
            bodies.push(b'\n');
            self.places[*number] = [2, self.places.len(), at];
        }
        let entries = format!("/Type/ObjStm/N {}/First {}", objects.len(), index.len());
        self.places.push([1, self.out.len(), 0]);
        self.stream(entries.as_bytes(), &[index.as_bytes(), &bodies].concat())
    }

    /// The references to all objects, this last one included.
    fn finish(mut self, trailer: &[u8]) -> Option<Vec<u8>> {
        let start = self.out.len();
        self.places.push([1, start, 0]);
        let mut rows = Vec::with_capacity(self.places.len() * 7);
        for [kind, place, index] in &self.places {
            rows.push(u8::try_from(*kind).ok()?);
            rows.extend(u32::try_from(*place).ok()?.to_be_bytes());
            rows.extend(u16::try_from(*index).ok()?.to_be_bytes());
        }
        let entries = format!("/Type/XRef/W[1 4 2]/Size {}", self.places.len());
        self.stream(&[entries.as_bytes(), trailer].concat(), &rows)?;
        self.out.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        Some(self.out)
    }

    /// Writes the object that was numbered last.
    fn stream(&mut self, entries: &[u8], data: &[u8]) -> Option<()> {
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(data).ok()?;
        let data = deflate.finish().ok()?;
        let number = self.places.len() - 1;
        let out = &mut self.out;
        out.extend_from_slice(format!("{number} 0 obj\n<<").as_bytes());
        out.extend_from_slice(entries);
        let entries = format!("/Filter/FlateDecode/Length {}>>\nstream\n", data.len());
        out.extend_from_slice(entries.as_bytes());
        out.extend_from_slice(&data);
        out.extend_from_slice(b"\nendstream\nendobj\n");
        Some(())
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
pub mod tests;
