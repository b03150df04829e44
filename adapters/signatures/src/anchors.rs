//! Whom the operator trusts: a folder of certificates and a list of providers, read again when it changes.
//!
//! Guarantee: a broken file costs only itself and is reported ([`Anchors::problems`]); what has been read once is served from
//! memory. Limit: at most [`MAX_FILES`] files of [`MAX_FILE_BYTES`], [`MAX_CERTIFICATES`] certificates; a change is seen by
//! names, sizes and times of modification, at the earliest when the interval has passed.

use crate::certificates::Certificate;
use crate::chain::{self, Chain};
use crate::listed::Listed;
use messo_core::signatures::SignatureFault;
use messo_core::time::Timestamp;
use openssl::x509::{X509, X509PurposeId};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The list of providers that are allowed to sign, beside the certificates.
pub const LIST: &str = "providers.txt";
/// Most files that are read.
pub const MAX_FILES: usize = 1_000;
/// Longest file that is read.
pub const MAX_FILE_BYTES: u64 = 4_000_000;
/// Most certificates that are kept.
pub const MAX_CERTIFICATES: usize = 4_000;
/// Most signers that are remembered; there are a few dozen providers.
const MAX_KNOWN: usize = 512;

/// A folder that the operator fills with `.pem`, `.crt`, `.cer` and `.der` files.
pub struct TrustFolder {
    path: PathBuf,
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    looked_at: Option<Timestamp>,
    look: Look,
    anchors: Arc<Anchors>,
}

/// What a folder looks like from outside: name, size and time of modification of each file.
type Look = Vec<(PathBuf, u64, Option<SystemTime>)>;

impl TrustFolder {
    /// A folder that is looked at no more often than `interval`; nothing is read yet.
    pub fn open(path: impl Into<PathBuf>, interval: Duration) -> Self {
        let anchors = Arc::new(Anchors::empty());
        let state = State { looked_at: None, look: Look::new(), anchors };
        Self { path: path.into(), interval, state: Mutex::new(state) }
    }

    /// The anchors as of `now`. Cheap: a lock, and a listing of the folder when the interval has passed.
    pub fn anchors(&self, now: Timestamp) -> Arc<Anchors> {
        let mut state = lock(&self.state);
        let due =
            state.looked_at.is_none_or(|before| now < before || now.since(before) >= self.interval);
        if due {
            let first = state.looked_at.replace(now).is_none();
            let listing = listing(&self.path);
            let look = listing.as_ref().map(|(look, _)| look.clone()).unwrap_or_default();
            if first || look != state.look || listing.is_err() {
                state.anchors = Arc::new(Anchors::from_listing(listing));
                state.look = look;
            }
        }
        state.anchors.clone()
    }
}

/// Something in the folder that could not be used; for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderProblem {
    /// Name of the file, or of the folder.
    pub file: String,
    /// What is wrong with it, one English sentence.
    pub why: String,
}

/// What was read from the folder at one moment, with what has been found out by it since.
pub struct Anchors {
    certificates: Vec<X509>,
    listed: Option<Listed>,
    problems: Vec<FolderProblem>,
    known: Mutex<HashMap<[u8; 32], Arc<Known>>>,
}

/// A signer that was met before.
pub(crate) struct Known {
    /// Its certificate, read.
    pub certificate: Certificate,
    chain: Mutex<Option<Arc<Chain>>>,
}

impl Anchors {
    /// Trust in nobody.
    pub fn empty() -> Self {
        Self {
            certificates: Vec::new(),
            listed: None,
            problems: Vec::new(),
            known: Mutex::new(HashMap::new()),
        }
    }

    /// Reads a folder once, e.g. for a command.
    pub fn read(path: &Path) -> Self {
        Self::from_listing(listing(path))
    }

    fn from_listing(listing: Result<(Look, Vec<FolderProblem>), FolderProblem>) -> Self {
        let mut anchors = Self::empty();
        match listing {
            Err(problem) => anchors.problems.push(problem),
            Ok((files, problems)) => {
                anchors.problems = problems;
                files.iter().for_each(|(path, ..)| anchors.add(path));
            }
        }
        anchors
    }

    fn add(&mut self, path: &Path) {
        let read = if path.file_name().is_some_and(|name| name == LIST) {
            fs::read_to_string(path)
                .map_err(|error| error.to_string())
                .and_then(|text| self.list(&text))
        } else {
            fs::read(path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| certificates(&bytes))
                .map(|found| self.certificates.extend(found))
        };
        if let Err(why) = read {
            self.problems.push(FolderProblem { file: file_name(path), why });
        }
        if self.certificates.len() > MAX_CERTIFICATES {
            self.certificates.truncate(MAX_CERTIFICATES);
            let why = format!("there are more than {MAX_CERTIFICATES} certificates");
            self.problems.push(FolderProblem { file: file_name(path), why });
        }
    }

    /// A list that cannot be read lists nobody: a typing error must not widen trust. One without lines is no list.
    fn list(&mut self, text: &str) -> Result<(), String> {
        self.listed = Some(Listed::default());
        let listed = Listed::read(text)?;
        self.listed = (!listed.is_empty()).then_some(listed);
        Ok(())
    }

    /// How many certificates are trusted.
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.listed.is_none()
    }

    /// What could not be read.
    pub fn problems(&self) -> &[FolderProblem] {
        &self.problems
    }

    /// The certificate, read now or before.
    pub(crate) fn know(&self, der: &[u8]) -> Option<Arc<Known>> {
        let key: [u8; 32] = Sha256::digest(der).into();
        if let Some(known) = lock(&self.known).get(&key) {
            return Some(known.clone());
        }
        let certificate = Certificate::read(der)?;
        let known = Arc::new(Known { certificate, chain: Mutex::new(None) });
        let mut all = lock(&self.known);
        if all.len() >= MAX_KNOWN {
            all.clear();
        }
        all.insert(key, known.clone());
        Some(known)
    }

    /// Whether a signer of mail from `domain` is trusted at this instant: listed himself, or by a chain, and then by
    /// the list too if there is one.
    pub(crate) fn trust(
        &self,
        known: &Known,
        helpers: &[&[u8]],
        domain: Option<&str>,
        at: Timestamp,
    ) -> Result<(), SignatureFault> {
        let own = [&known.certificate.sha1_hex, &known.certificate.signer.sha256_fingerprint_hex];
        if let Some(provider) = self.listed.as_ref().and_then(|list| list.find(own.into_iter())) {
            return provider.manages(domain);
        }
        let chain = self.chain_of(known, helpers, at)?;
        let Some(listed) = &self.listed else { return Ok(()) };
        match listed.find(chain.fingerprints.iter()) {
            Some(provider) => provider.manages(domain),
            None => Err(SignatureFault::SignerNotListed),
        }
    }

    /// A chain that was found holds wherever its certificates are valid, and for as long as these anchors are in memory;
    /// one that was not found may be found with the next message's helpers, so only the former is remembered.
    fn chain_of(
        &self,
        known: &Known,
        helpers: &[&[u8]],
        at: Timestamp,
    ) -> Result<Arc<Chain>, SignatureFault> {
        let before = lock(&known.chain).clone();
        if let Some(chain) = before.filter(|one| (one.window.0..one.window.1).contains(&at)) {
            return Ok(chain);
        }
        let purpose = X509PurposeId::SMIME_SIGN;
        let x509 = &known.certificate.x509;
        let chain = Arc::new(chain::build(x509, helpers, &self.certificates, purpose, at)?);
        *lock(&known.chain) = Some(chain.clone());
        Ok(chain)
    }

    /// Whether the certificate of a time stamping authority is trusted at this instant.
    pub(crate) fn trusts_clock(
        &self,
        certificate: &X509,
        helpers: &[&[u8]],
        at: Timestamp,
    ) -> Result<(), SignatureFault> {
        let purpose = X509PurposeId::TIMESTAMP_SIGN;
        chain::build(certificate, helpers, &self.certificates, purpose, at).map(drop)
    }
}

fn certificates(bytes: &[u8]) -> Result<Vec<X509>, String> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let pem = memchr::memmem::find(bytes, BEGIN).is_some();
    let found =
        if pem { X509::stack_from_pem(bytes) } else { X509::from_der(bytes).map(|one| vec![one]) };
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("this is not a certificate in PEM or DER".to_owned()),
    }
}

/// The files that matter, in order of name, and those that are too many or too large.
fn listing(path: &Path) -> Result<(Look, Vec<FolderProblem>), FolderProblem> {
    let entries = fs::read_dir(path)
        .map_err(|error| FolderProblem { file: file_name(path), why: error.to_string() })?;
    let (mut look, mut problems) = (Look::new(), Vec::new());
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| matters(path)) {
        let problem = match fs::metadata(&path) {
            Err(error) => error.to_string(),
            Ok(facts) if !facts.is_file() => continue,
            Ok(facts) if facts.len() > MAX_FILE_BYTES => {
                format!("the file is longer than {MAX_FILE_BYTES} bytes")
            }
            Ok(_) if look.len() >= MAX_FILES => format!("there are more than {MAX_FILES} files"),
            Ok(facts) => {
                look.push((path, facts.len(), facts.modified().ok()));
                continue;
            }
        };
        problems.push(FolderProblem { file: file_name(&path), why: problem });
        if problems.len() >= MAX_FILES {
            break;
        }
    }
    look.sort();
    Ok((look, problems))
}

fn matters(path: &Path) -> bool {
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    ["pem", "crt", "cer", "der"].iter().any(|known| kind.eq_ignore_ascii_case(known))
        || path.file_name().is_some_and(|name| name == LIST)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What is behind these locks is replaced whole, so a panic elsewhere cannot have left it half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
