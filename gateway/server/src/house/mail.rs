//! What reads and verifies the mail that comes in.

use crate::config::{Place, Settings};
use crate::rim::SystemClock;
use messo_core::messages::Reading;
use messo_core::ports::{Clock, MailReader, SignatureCheck, UnreadableMail};
use messo_core::signatures::SignatureReport;
use messo_core::time::Timestamp;
use messo_engine::Intake;
use messo_signatures::TrustFolder;
use std::sync::Arc;
use std::time::Duration;

/// Name of the folder of trust anchors in the data folder.
pub const TRUST: &str = "trust";

/// How often the folder of trust anchors is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

struct NoReader;
impl MailReader for NoReader {
    fn read(&self, _raw: &[u8]) -> Result<Reading, UnreadableMail> {
        Err(UnreadableMail("no reader".into()))
    }
}

/// The providers whose signatures the operator trusts.
struct Trust(TrustFolder);

impl SignatureCheck for Trust {
    fn check(&self, raw: &[u8], at: Timestamp) -> SignatureReport {
        messo_signatures::verify_message(raw, at, &self.0.anchors(SystemClock.now()))
    }
}

/// What the engine needs to read mail.
pub fn intake(_settings: &Settings, place: &Place) -> Intake {
    Intake {
        reader: Arc::new(NoReader),
        signatures: Arc::new(Trust(TrustFolder::open(place.data.join(TRUST), LOOK_EVERY))),
        trust_unverifiable: false,
    }
}
