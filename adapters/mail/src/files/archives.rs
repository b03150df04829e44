//! Looking into ZIP archives (APPNOTE 6.3) without unpacking them.
//!
//! The directory at the end names every entry; its sums tell most bombs, and what it says about an entry is held against what the
//! entry really unpacks to, within a budget for the whole message. Guarantee: memory for one entry at a time, never beyond
//! the budget. Limit: ZIP64, split archives and methods other than stored and deflated are refused.

use messo_core::messages::Refusal;
use std::io::Read;

/// Most entries of an archive.
const MAX_ENTRIES: usize = 5_000;
/// How much more an entry may weigh unpacked, beyond which it is a bomb once it is large at all.
const MAX_RATIO: u64 = 200;
/// Below this size nothing is a bomb.
const SMALL: u64 = 10 << 20;
/// Largest comment after the directory.
const MAX_COMMENT: usize = 65_535;

/// A file in an archive, as its directory has it.
#[derive(Debug)]
pub struct Entry {
    /// Its name, with path.
    pub name: String,
    /// Whether a password is needed.
    pub encrypted: bool,
    method: u16,
    packed: u64,
    unpacked: u64,
    offset: usize,
}

/// The entries of an archive.
pub fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Refusal> {
    let tail = bytes.len().saturating_sub(MAX_COMMENT + 22);
    let end = memchr::memmem::rfind(&bytes[tail..], b"PK\x05\x06").ok_or(Refusal::Type)? + tail;
    let record = bytes.get(end..end + 22).ok_or(Refusal::Type)?;
    let (count, size, start) =
        (number(record, 10, 2), number(record, 12, 4), number(record, 16, 4));
    if count == 0xffff || start == 0xffff_ffff || count > MAX_ENTRIES as u64 {
        return Err(Refusal::Bomb);
    }
    // What stands before the archive (a program that unpacks itself) shifts everything, and has no place here.
    let (start, size) = (start as usize, size as usize);
    let directory = bytes.get(start..start.saturating_add(size)).ok_or(Refusal::Type)?;
    let mut rest = directory;
    let mut entries = Vec::with_capacity(count as usize);
    while entries.len() < count as usize {
        let (entry, after) = entry(rest).ok_or(Refusal::Type)?;
        if entry.packed == 0xffff_ffff || entry.unpacked == 0xffff_ffff {
            return Err(Refusal::Bomb);
        }
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let fixed = bytes.get(..46).filter(|fixed| fixed.starts_with(b"PK\x01\x02"))?;
    let lengths = [28, 30, 32].map(|at| number(fixed, at, 2) as usize);
    let name = bytes.get(46..46 + lengths[0])?;
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        encrypted: number(fixed, 8, 2) & 1 == 1,
        method: number(fixed, 10, 2) as u16,
        packed: number(fixed, 20, 4),
        unpacked: number(fixed, 24, 4),
        offset: number(fixed, 42, 4) as usize,
    };
    Some((entry, bytes.get(46 + lengths.iter().sum::<usize>()..)?))
}

/// Whether what the directory says is too much: for what may still be unpacked, or for what the archive weighs.
pub fn is_bomb(entries: &[Entry], weight: u64, budget: u64) -> bool {
    let total: u64 = entries.iter().map(|entry| entry.unpacked).sum();
    // Entries that share their bytes weigh more together than the archive.
    let packed: u64 = entries.iter().map(|entry| entry.packed).sum();
    total > budget || packed > weight || total > SMALL && total / weight.max(1) > MAX_RATIO
}

impl Entry {
    /// The content; none when it is not what the directory says, or more than the budget, which it uses up.
    pub fn unpack(&self, archive: &[u8], budget: &mut u64) -> Option<Vec<u8>> {
        let header = archive.get(self.offset..self.offset.checked_add(30)?)?;
        if !header.starts_with(b"PK\x03\x04") || self.unpacked > *budget {
            return None;
        }
        let start =
            self.offset + 30 + number(header, 26, 2) as usize + number(header, 28, 2) as usize;
        let packed = archive.get(start..start.checked_add(usize::try_from(self.packed).ok()?)?)?;
        *budget -= self.unpacked;
        let content = match self.method {
            0 => packed.to_vec(),
            8 => self.inflate(packed)?,
            _ => return None,
        };
        (content.len() as u64 == self.unpacked).then_some(content)
    }

    /// One byte more than announced is enough to know that the directory lies.
    fn inflate(&self, packed: &[u8]) -> Option<Vec<u8>> {
        let most = self.unpacked + 1;
        let mut content = Vec::with_capacity(usize::try_from(most.min(1 << 20)).ok()?);
        let reader = flate2::bufread::DeflateDecoder::new(packed);
        reader.take(most).read_to_end(&mut content).ok()?;
        Some(content)
    }
}

/// A little-endian number; the caller has seen to it that it is there.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
