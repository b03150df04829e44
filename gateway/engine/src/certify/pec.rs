//! What the evidence of a certified receipt says, and how it is put into words.
//!
//! Pure. The words claim no more than was checked when the receipt came in, and say when that was.

use crate::timeline::instant;
use jiff::tz::Offset;
use messo_core::calendar::month_in_words;
use messo_core::correlation::Rung;
use messo_core::evidence::{EvidenceItem, EvidenceKind};
use messo_core::ids::{AttemptId, BlobHash, ReceiptId};
use messo_core::notices::Locale;
use messo_core::pec::{PecData, PecInstant, PecKind};
use messo_core::signatures::{SignatureReport, Signer};
use serde::Deserialize;

/// The facts of a certified receipt, as they were hashed into the chain.
#[derive(Clone, Debug, Deserialize)]
pub struct PecFacts {
    /// Which receipt.
    pub receipt: ReceiptId,
    /// About which attempt.
    pub attempt: AttemptId,
    /// What the provider says.
    pub pec: PecData,
    /// SHA-256 of `daticert.xml`, where there was one.
    #[serde(default)]
    pub daticert_sha256: Option<BlobHash>,
    /// What came of the provider's signature when the receipt was taken.
    #[serde(default)]
    pub signature: Option<SignatureReport>,
    /// How it found its attempt.
    #[serde(default)]
    pub rung: Option<Rung>,
}

impl PecFacts {
    /// The facts of an item; none when it is about no certified receipt.
    pub fn of(item: &EvidenceItem) -> Option<Self> {
        if item.kind != EvidenceKind::Receipt || !item.summary.contains("\"pec\"") {
            return None;
        }
        serde_json::from_str(&item.summary).ok()
    }

    /// What staff and lawyers call it.
    pub fn title(&self) -> String {
        match self.pec.kind {
            Some(kind) => kind.title().into(),
            None => format!("messaggio del gestore («{}»)", self.pec.word),
        }
    }
}

/// The part of a file name that tells the kinds apart.
pub(super) const fn stem(kind: Option<PecKind>) -> &'static str {
    match kind {
        Some(PecKind::Acceptance) => "accettazione",
        Some(PecKind::NonAcceptance) => "non-accettazione",
        Some(PecKind::NonAcceptanceVirus) => "non-accettazione-virus",
        Some(PecKind::TakenInCharge) => "presa-in-carico",
        Some(PecKind::Delivery) => "avvenuta-consegna",
        Some(PecKind::DeliveryError) => "mancata-consegna",
        Some(PecKind::DeliveryErrorVirus) => "mancata-consegna-virus",
        Some(PecKind::Timeout12h) => "preavviso-12-ore",
        Some(PecKind::Timeout24h) => "preavviso-24-ore",
        Some(PecKind::VirusDetected) => "rilevazione-virus",
        Some(PecKind::Transport) => "trasporto",
        Some(PecKind::Anomaly) => "anomalia",
        None => "altro",
    }
}

/// The provider's instant as it is written in `daticert.xml`, with zone and legal day:
/// `24 novembre 2026, ore 00:00:07 (zona +0100), giorno legale 24 novembre 2026`.
pub(crate) fn legal_instant(at: &PecInstant) -> String {
    let day = at.legal_day;
    let legal = format!("{} {} {}", day.day(), month_in_words(day.month(), Locale::It), day.year());
    let Some(offset) = offset(&at.zone) else {
        return format!("{}, giorno legale {legal}", instant(at.at));
    };
    let local = offset.to_datetime(at.at.to_jiff());
    let written =
        format!("{} {} {}", local.day(), month_in_words(local.month(), Locale::It), local.year());
    format!(
        "{written}, ore {} (zona {}), giorno legale {legal}",
        local.strftime("%H:%M:%S"),
        at.zone
    )
}

/// `+0100` as an offset.
fn offset(zone: &str) -> Option<Offset> {
    let (sign, digits) = zone.split_at_checked(1)?;
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// What came of the signature, in sentences: the verdict, who signed, when it was judged, and why it is
/// no better.
pub(crate) fn signature_words(report: Option<&SignatureReport>) -> Vec<String> {
    let Some(report) = report else { return vec!["La firma non è stata verificata.".into()] };
    let mut words = vec![report.verdict.sentence().to_owned()];
    if let Some(signer) = &report.signer {
        words.push(signer_words(signer));
    }
    words.push(format!("Verifica riferita all'istante {}.", instant(report.checked_at_instant)));
    words.extend(report.reasons.iter().map(|reason| reason.sentence().to_owned()));
    words
}

fn signer_words(signer: &Signer) -> String {
    let name = signer.organization.as_deref().unwrap_or(&signer.subject);
    let address = signer.email.as_deref().map(|email| format!(", {email}")).unwrap_or_default();
    format!(
        "Certificato di {name}{address}, n. {}, emesso da {}, valido dal {} al {} (SHA-256 {}).",
        signer.serial_hex,
        signer.issuer,
        instant(signer.not_before),
        instant(signer.not_after),
        signer.sha256_fingerprint_hex,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use messo_core::time::Timestamp;

    #[test]
    fn the_legal_instant_is_told_in_the_zone_in_which_it_was_written() {
        let midnight: jiff::Timestamp = "2026-11-23T23:00:07Z".parse().unwrap();
        let written = |zone: &str| {
            legal_instant(&PecInstant {
                at: Timestamp::from(midnight),
                zone: zone.into(),
                legal_day: date(2026, 11, 24),
            })
        };
        assert_eq!(
            written("+0100"),
            "24 novembre 2026, ore 00:00:07 (zona +0100), giorno legale 24 novembre 2026"
        );
        assert!(written("-0330").starts_with("23 novembre 2026, ore 19:30:07 (zona -0330)"));
        for odd in ["", "CET", "+1", "+99x9", "è100", "+9999"] {
            assert!(written(odd).ends_with("giorno legale 24 novembre 2026"), "{odd}");
        }
    }
}
