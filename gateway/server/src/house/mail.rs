//! What reads, verifies and fetches the mail that comes in.

use crate::config::{Place, Settings};
use crate::rim::SystemClock;
use messo_core::ports::{Clock, SignatureCheck};
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_engine::Intake;
use messo_mail::Reader;
use messo_signatures::TrustFolder;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often the folder of trust anchors is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The providers whose signatures the operator trusts.
struct Trust(TrustFolder);

impl SignatureCheck for Trust {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        messo_signatures::verify_message(raw, at, &self.0.anchors(SystemClock.now()))
    }
}

/// What the engine needs to read mail.
pub fn intake(settings: &Settings, place: &Place) -> Intake {
    let folder = TrustFolder::open(trust_folder(settings, place), LOOK_EVERY);
    Intake {
        reader: Arc::new(Reader::default()),
        signatures: Arc::new(Trust(folder)),
        trust_unverifiable: settings.mail.trust_unverifiable,
    }
}

/// Where the operator keeps the certificates that are trusted.
pub fn trust_folder(settings: &Settings, place: &Place) -> PathBuf {
    place.data.join(&settings.mail.trust)
}
