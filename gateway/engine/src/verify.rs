//! Verify: checks a proof bundle with nothing but the file; no database, no network, no clock.
//!
//! Guarantee: any byte of any member changed, a member left out, put in or swapped, a cut file, a
//! manifest made anew with another key, a certified receipt that is forged, or about another message or
//! recipient, a time stamp of something else: each is found and the member is named. Limits: without the
//! expected key it is certain that the bundle is whole, not who made it: compare the fingerprint; without
//! trust anchors signatures are checked, not who answers for the signer.
//! Archives beyond the limits of [`crate::certify::manifest`] are refused before they are unpacked.

mod archive;
mod chain;
mod receipts;
mod seal;
mod stamp;
#[cfg(test)]
mod tests;

use crate::certify::manifest::{
    CHAIN, Entry, FORMAT, MANIFEST, MAX_BYTES, MAX_MEMBERS, Manifest, SEAL, STATEMENT_HTML,
    STATEMENT_PDF, VERSION,
};
use archive::Archive;
use messo_core::dispatches::DispatchState;
use messo_core::ids::{BlobHash, BodyId, DispatchId};
use messo_core::ports::{MailReader, SignatureCheck, StampCheck};
use serde::Serialize;
use std::collections::HashSet;
use std::io::{Read, Seek};

/// How the archive itself is named in a problem.
pub const WHOLE: &str = "fascicolo.zip";

/// Largest manifest, seal or extract of the chain that is read into memory as a whole.
const MAX_TEXT: u64 = 32 * 1024 * 1024;

/// Most problems that are told; a file that is all wrong needs no longer list.
const MAX_PROBLEMS: usize = 200;

/// What the check may use beside the file.
#[derive(Clone, Copy, Default)]
pub struct Checks<'a> {
    /// The key that must have sealed it.
    pub key: Option<[u8; 32]>,
    /// Reads receipts again; without it their content is not compared with what the chain says of them.
    pub reader: Option<&'a dyn MailReader>,
    /// Checks providers' signatures; without it they are not checked.
    pub signatures: Option<&'a dyn SignatureCheck>,
    /// Checks time stamps; without it they are not checked.
    pub stamps: Option<&'a dyn StampCheck>,
}

pub use receipts::CheckedReceipt;
pub use stamp::CheckedStamp;

/// What the check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verification {
    /// Everything holds, and the key is the expected one where one was given.
    pub valid: bool,
    /// Which dispatch the bundle says it is about.
    pub dispatch: Option<DispatchId>,
    /// Whose it says it is.
    pub body: Option<BodyId>,
    /// How the dispatch stood when it was made.
    pub state: Option<DispatchState>,
    /// Whether a sandbox carried anything: then it proves nothing outside the machine.
    pub sandbox: Option<bool>,
    /// When it says it was made: RFC 3339, UTC.
    pub generated_at: Option<String>,
    /// Fingerprint of the key that sealed it.
    pub fingerprint: Option<String>,
    /// Whether the key was compared with an expected one.
    pub key_checked: bool,
    /// What does not hold.
    pub problems: Vec<VerificationProblem>,
    /// Members of the archive, manifest and seal included.
    pub files: usize,
    /// Items of the chain that speak of this dispatch.
    pub chain_items: usize,
    /// Bare links between them.
    pub chain_links: usize,
    /// Stretches that were left out of the extract because they are too long.
    pub chain_gaps: usize,
    /// The receipts of certified mail, in the chain's order.
    pub receipts: Vec<CheckedReceipt>,
    /// The time stamp over the extract of the chain, where there is one.
    pub stamp: Option<CheckedStamp>,
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerificationProblem {
    /// Which member; [`WHOLE`] for the archive itself.
    pub member: String,
    /// What, for programs.
    pub code: ProblemCode,
    /// What, in one Italian sentence for lawyers.
    pub text: String,
}

/// What does not hold, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The file is no archive, or cut.
    ArchiveUnreadable,
    /// The archive contradicts itself: doubled names, two stories about one member.
    ArchiveInconsistent,
    /// Larger than a bundle can be.
    TooLarge,
    /// A name that a bundle never has: it would lead out of the folder or hide something.
    UnsafeName,
    /// The member's bytes cannot be read.
    MemberUnreadable,
    /// The manifest names it, the archive does not have it.
    Missing,
    /// The archive has it, the manifest does not name it.
    Unlisted,
    /// It is not what the manifest says.
    Changed,
    /// A file of the format cannot be read.
    Malformed,
    /// Made by a later release.
    VersionUnknown,
    /// The seal does not hold.
    SealBroken,
    /// The seal holds, but the key is not the expected one.
    OtherKey,
    /// An item of the chain is not what it was when it was chained.
    ItemBroken,
    /// Two neighbours of the chain do not fit together.
    ChainBroken,
    /// An item speaks of another dispatch or body.
    Foreign,
    /// The chain names bytes that are not in the bundle.
    EvidenceMissing,
    /// The member is not what the chain names.
    EvidenceDiffers,
    /// The chain knows nothing of the member.
    NotInChain,
    /// The manifest says something else than the chain about state or sandbox; or a file of the bundle
    /// something else than the chain.
    Contradiction,
    /// The provider's signature on a receipt does not hold.
    SignatureInvalid,
    /// A receipt is not signed.
    SignatureMissing,
    /// A receipt is about another message.
    OtherMessage,
    /// A receipt is about another recipient.
    OtherRecipient,
    /// A receipt does not say what the chain says of it.
    ReceiptDiffers,
    /// `daticert.xml` is not the one inside the receipt.
    DaticertDiffers,
    /// The time stamp does not hold.
    StampBroken,
    /// The time stamp stamps something else.
    StampOfOther,
}

/// Checks a bundle. Never fails: whatever is wrong with the file is in the answer.
pub fn verify<R: Read + Seek>(bundle: R, checks: &Checks<'_>) -> Verification {
    let mut check = Check::default();
    check.found.key_checked = checks.key.is_some();
    match Archive::open(bundle) {
        Ok(mut archive) => check.all(&mut archive, checks),
        Err(problem) => check.found.problems.push(problem),
    }
    check.found.problems.truncate(MAX_PROBLEMS);
    check.found.valid = check.found.problems.is_empty();
    check.found
}

/// What every version of the manifest begins with.
#[derive(serde::Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// The check under way.
#[derive(Default)]
struct Check {
    found: Verification,
}

impl Check {
    fn all<R: Read + Seek>(&mut self, archive: &mut Archive<R>, checks: &Checks<'_>) {
        let names = archive.names();
        self.found.files = names.len();
        self.found.problems.extend(archive.inconsistencies());
        for name in names.iter().filter(|name| !is_safe(name)) {
            self.problem(
                name,
                ProblemCode::UnsafeName,
                "il nome non è tra quelli che un fascicolo può contenere".into(),
            );
        }
        let manifest = self.read(archive, MANIFEST);
        let sealed = self.read(archive, SEAL);
        if let (Some(manifest), Some(sealed)) = (&manifest, &sealed) {
            seal::check(self, manifest, sealed, checks.key);
        }
        let Some(manifest) = manifest.and_then(|bytes| self.manifest(&bytes)) else { return };
        let listed = self.listed(&manifest);
        for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
            self.problem(
                name,
                ProblemCode::Unlisted,
                "il file è nel fascicolo ma non nel manifesto: è stato aggiunto".into(),
            );
        }
        let chain = self.members(archive, &manifest);
        if let Some(chain) = chain {
            let own = chain::check(self, &manifest, &chain);
            receipts::check(self, archive, &manifest, &own, checks);
            stamp::check(self, archive, &manifest, BlobHash::of(&chain), checks.stamps);
        }
    }

    /// A member again, which was read once before.
    fn again<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        entry: &Entry,
    ) -> Option<Vec<u8>> {
        archive.refund(entry.size);
        archive.read(&entry.name, MAX_BYTES).ok()
    }

    /// Reads the manifest and notes what it says.
    fn manifest(&mut self, bytes: &[u8]) -> Option<Manifest> {
        let head: Option<Head> = serde_json::from_slice(bytes).ok();
        if head.is_some_and(|head| head.format != FORMAT || !(1..=VERSION).contains(&head.version))
        {
            self.problem(
                MANIFEST,
                ProblemCode::VersionUnknown,
                "il fascicolo è in un formato che questa versione non conosce: occorre una versione più recente di Messo".into(),
            );
            return None;
        }
        let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) else {
            self.problem(
                MANIFEST,
                ProblemCode::Malformed,
                "il manifesto non si può leggere".into(),
            );
            return None;
        };
        let about = &manifest.about;
        self.found.dispatch = Some(about.dispatch);
        self.found.body = Some(about.body);
        self.found.state = Some(about.state);
        self.found.sandbox = Some(about.sandbox);
        self.found.generated_at = Some(about.generated_at.clone());
        Some(manifest)
    }

    /// The names that the archive must have, each once.
    fn listed<'a>(&mut self, manifest: &'a Manifest) -> HashSet<&'a str> {
        let mut listed = HashSet::from([MANIFEST, SEAL]);
        for entry in manifest.members.iter().take(MAX_MEMBERS) {
            if !listed.insert(&entry.name) {
                self.problem(
                    &entry.name,
                    ProblemCode::Malformed,
                    "il manifesto elenca due volte lo stesso file".into(),
                );
            }
        }
        for name in [STATEMENT_PDF, STATEMENT_HTML, CHAIN] {
            if !listed.contains(name) {
                self.problem(
                    name,
                    ProblemCode::Missing,
                    "il manifesto non elenca questo file, che ogni fascicolo deve avere".into(),
                );
            }
        }
        listed
    }

    /// Compares every member with the manifest; gives back the extract of the chain.
    fn members<R: Read + Seek>(
        &mut self,
        archive: &mut Archive<R>,
        manifest: &Manifest,
    ) -> Option<Vec<u8>> {
        let mut chain = None;
        for entry in manifest.members.iter().take(MAX_MEMBERS) {
            let Some(bytes) = self.read(archive, &entry.name) else { continue };
            if bytes.len() as u64 != entry.size {
                let (is, was) = (bytes.len(), entry.size);
                self.problem(
                    &entry.name,
                    ProblemCode::Changed,
                    format!("il file è di {is} byte, nel manifesto è di {was}: è stato cambiato"),
                );
            } else if BlobHash::of(&bytes) != entry.sha256 {
                self.problem(
                    &entry.name,
                    ProblemCode::Changed,
                    "l'impronta SHA-256 non è quella del manifesto: il file è stato cambiato"
                        .into(),
                );
            }
            if entry.name == CHAIN {
                chain = Some(bytes);
            }
        }
        chain
    }

    fn read<R: Read + Seek>(&mut self, archive: &mut Archive<R>, name: &str) -> Option<Vec<u8>> {
        let limit = if [MANIFEST, SEAL, CHAIN].contains(&name) { MAX_TEXT } else { MAX_BYTES };
        match archive.read(name, limit) {
            Ok(bytes) => Some(bytes),
            Err(problem) => {
                self.found.problems.push(problem);
                None
            }
        }
    }

    fn problem(&mut self, member: &str, code: ProblemCode, text: String) {
        self.found.problems.push(VerificationProblem { member: shown(member), code, text });
    }
}

/// Names in a bundle are short relative paths of small letters, digits and `. - _ /`.
fn is_safe(name: &str) -> bool {
    name.len() <= 100
        && !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b))
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}

/// A name from a stranger's archive, fit for a terminal.
fn shown(name: &str) -> String {
    name.chars().take(120).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
