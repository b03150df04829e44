//! Bundle: writes the archive. Pure: the same contents and key give the same bytes.
//!
//! Members are stored as they are, without compression: the evidence lies open in the file, and any
//! program of any age can take it out. Guarantee: every member but the seal stands in the manifest
//! with size and SHA-256, and the seal covers the manifest. Limits: [`MAX_BYTES`], [`MAX_MEMBERS`].

use super::manifest::{
    ALGORITHM, About, Entry, FORMAT, MANIFEST, MAX_BYTES, MAX_MEMBERS, Manifest, SEAL, SealFile,
    VERSION, What, fingerprint, json,
};
use messo_core::ids::BlobHash;
use messo_core::ports::Seal;
use std::fmt::Write as _;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Everything that goes into a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// What it is about.
    pub about: About,
    /// The members, in order, without manifest and seal.
    pub members: Vec<Member>,
}

/// A member with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its path in the archive.
    pub name: String,
    /// What it is, for programs.
    pub what: What,
    /// What it is, for people.
    pub description: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Member {
    /// How the manifest names it.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            size: self.bytes.len() as u64,
            sha256: BlobHash::of(&self.bytes),
            what: self.what,
            description: self.description.clone(),
        }
    }
}

/// Why no bundle was written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Too much for one file.
    #[error("il fascicolo supera {} MB: gli allegati vanno esportati a parte", MAX_BYTES / (1024 * 1024))]
    TooLarge,
    /// Too many members.
    #[error("il fascicolo avrebbe più di {MAX_MEMBERS} file")]
    TooMany,
    /// The archive could not be written.
    #[error("il fascicolo non si può scrivere: {0}")]
    Archive(#[from] zip::result::ZipError),
}

/// Writes the archive.
pub fn write(contents: &Contents, seal: &dyn Seal) -> Result<Vec<u8>, BundleError> {
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        about: contents.about.clone(),
        members: contents.members.iter().map(Member::entry).collect(),
    };
    let size: u64 = manifest.members.iter().map(|entry| entry.size).sum();
    if size > MAX_BYTES {
        return Err(BundleError::TooLarge);
    }
    if manifest.members.len() > MAX_MEMBERS {
        return Err(BundleError::TooMany);
    }
    let manifest = json(&manifest);
    let sealed = json(&seal_file(&manifest, seal));
    let members = contents
        .members
        .iter()
        .map(|member| (member.name.as_str(), member.bytes.as_slice()))
        .chain([(MANIFEST, manifest.as_slice()), (SEAL, sealed.as_slice())]);
    archive(members)
}

/// Seals a manifest.
pub(crate) fn seal_file(manifest: &[u8], seal: &dyn Seal) -> SealFile {
    let key = seal.public_key();
    SealFile {
        algorithm: ALGORITHM.into(),
        public_key: hex(&key),
        fingerprint: fingerprint(&key),
        manifest_sha256: BlobHash::of(manifest),
        signature: hex(&seal.seal(manifest)),
    }
}

/// A ZIP of these members, in this order, all dated 1 January 1980, so that the same contents
/// always are the same file.
pub(crate) fn archive<'a>(
    members: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<u8>, BundleError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name, options)?;
        zip.write_all(bytes).map_err(zip::result::ZipError::from)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
