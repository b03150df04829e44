//! What the check of a signed message or of a time stamp found, as values that can be stored and shown.
//!
//! The faults are a closed list; each has the verdict that follows from it ([`SignatureFault::weight`]), so that
//! a report's verdict can never say better than its reasons. The check itself is in another crate.

use crate::ids::BlobHash;
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a signature is worth (RFC 6109 section 2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Bytes, signature, profile, sender and chain hold.
    Valid,
    /// Something that was checked does not hold: the message is not what a provider signed.
    Invalid,
    /// What could be checked holds, but nobody whom the operator trusts answers for the signer.
    NotVerifiable,
    /// Nobody signed.
    Missing,
}

impl Verdict {
    /// The word in the API, the database and the metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::NotVerifiable => "not_verifiable",
            Self::Missing => "missing",
        }
    }

    /// What a statement of service and the staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Valid => "La firma del gestore è valida.",
            Self::Invalid => "La firma non è valida.",
            Self::NotVerifiable => {
                "La firma è integra, ma non è stato possibile verificarne il firmatario."
            }
            Self::Missing => "Il messaggio non è firmato.",
        }
    }
}

/// What was found in checking a signature: faults, and facts that a reader must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureFault {
    /// The message carries no signature.
    NoSignature,
    /// The parts of the signed message are not as RFC 1847 wants them.
    MimeStructure,
    /// The signature cannot be read as CMS SignedData (RFC 5652), or is too large.
    CmsUnreadable,
    /// The signed bytes are not those of the message.
    DigestMismatch,
    /// The signature was not made with the key of its certificate.
    SignatureWrong,
    /// More than one signer.
    SeveralSigners,
    /// The certificate of the signer is not in the signature (RFC 6109 section 5.5 wants it there).
    NoSignerCertificate,
    /// The certificate was not valid yet at the time of the message.
    CertificateNotYetValid,
    /// The certificate was no longer valid at the time of the message.
    CertificateExpired,
    /// `keyUsage` is absent, not critical, without `digitalSignature`, or the extended usage excludes mail.
    KeyUsageWrong,
    /// No `rfc822Name` in `subjectAltName`.
    SanMissing,
    /// No `rfc822Name` is the address of `From`.
    SanDiffersFromSender,
    /// `From` is missing, repeated, or not one address.
    SenderUnreadable,
    /// `basicConstraints` is present, which the profile of providers forbids.
    BasicConstraintsPresent,
    /// The chain of issuers is there, but a link of it does not hold.
    ChainBroken,
    /// The provider's line in the operator's list does not hold the domain of the sender.
    DomainNotManaged,
    /// The operator trusts nobody yet: the folder of trust anchors is empty.
    NoAnchors,
    /// No chain leads to a trust anchor that was valid at the time of the message.
    ChainUntrusted,
    /// The chain holds, but neither signer nor issuers are in the operator's list of providers.
    SignerNotListed,
    /// An algorithm or format of signature that is not checked here, or that is too weak to prove anything.
    AlgorithmUnsupported,
    /// The digest is SHA-1: accepted, since old mail has nothing else.
    Sha1Digest,
    /// The file had bare line feeds; they were read as CRLF, as they were on the wire.
    LineEndsNormalised,
}

impl SignatureFault {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 22] = [
        Self::NoSignature,
        Self::MimeStructure,
        Self::CmsUnreadable,
        Self::DigestMismatch,
        Self::SignatureWrong,
        Self::SeveralSigners,
        Self::NoSignerCertificate,
        Self::CertificateNotYetValid,
        Self::CertificateExpired,
        Self::KeyUsageWrong,
        Self::SanMissing,
        Self::SanDiffersFromSender,
        Self::SenderUnreadable,
        Self::BasicConstraintsPresent,
        Self::ChainBroken,
        Self::DomainNotManaged,
        Self::NoAnchors,
        Self::ChainUntrusted,
        Self::SignerNotListed,
        Self::AlgorithmUnsupported,
        Self::Sha1Digest,
        Self::LineEndsNormalised,
    ];

    /// The verdict that it leads to; `Valid` for a mere remark.
    pub const fn weight(self) -> Verdict {
        match self {
            Self::NoSignature => Verdict::Missing,
            Self::NoAnchors
            | Self::ChainUntrusted
            | Self::SignerNotListed
            | Self::AlgorithmUnsupported => Verdict::NotVerifiable,
            Self::Sha1Digest | Self::LineEndsNormalised => Verdict::Valid,
            _ => Verdict::Invalid,
        }
    }

    /// The word in the API and the database. It never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoSignature => "no_signature",
            Self::MimeStructure => "mime_structure",
            Self::CmsUnreadable => "cms_unreadable",
            Self::DigestMismatch => "digest_mismatch",
            Self::SignatureWrong => "signature_wrong",
            Self::SeveralSigners => "several_signers",
            Self::NoSignerCertificate => "no_signer_certificate",
            Self::CertificateNotYetValid => "certificate_not_yet_valid",
            Self::CertificateExpired => "certificate_expired",
            Self::KeyUsageWrong => "key_usage_wrong",
            Self::SanMissing => "san_missing",
            Self::SanDiffersFromSender => "san_differs_from_sender",
            Self::SenderUnreadable => "sender_unreadable",
            Self::BasicConstraintsPresent => "basic_constraints_present",
            Self::ChainBroken => "chain_broken",
            Self::DomainNotManaged => "domain_not_managed",
            Self::NoAnchors => "no_anchors",
            Self::ChainUntrusted => "chain_untrusted",
            Self::SignerNotListed => "signer_not_listed",
            Self::AlgorithmUnsupported => "algorithm_unsupported",
            Self::Sha1Digest => "sha1_digest",
            Self::LineEndsNormalised => "line_ends_normalised",
        }
    }

    /// What a statement of service and the staff read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoSignature => "Il messaggio non porta alcuna firma.",
            Self::MimeStructure => "Le parti del messaggio firmato non sono nella forma prevista.",
            Self::CmsUnreadable => "La firma allegata non è leggibile.",
            Self::DigestMismatch => {
                "Il contenuto non è quello firmato: è stato alterato dopo la firma."
            }
            Self::SignatureWrong => "La firma non corrisponde al certificato che la accompagna.",
            Self::SeveralSigners => "I firmatari sono più d'uno, mentre il gestore firma da solo.",
            Self::NoSignerCertificate => "Nella firma manca il certificato di chi ha firmato.",
            Self::CertificateNotYetValid => {
                "Alla data del messaggio il certificato non era ancora valido."
            }
            Self::CertificateExpired => "Alla data del messaggio il certificato era scaduto.",
            Self::KeyUsageWrong => "Il certificato non è abilitato alla firma dei messaggi.",
            Self::SanMissing => "Il certificato non indica l'indirizzo del firmatario.",
            Self::SanDiffersFromSender => {
                "L'indirizzo nel certificato non è quello del mittente del messaggio."
            }
            Self::SenderUnreadable => "Il mittente del messaggio manca o non è un solo indirizzo.",
            Self::BasicConstraintsPresent => {
                "Il certificato non ha il profilo previsto per i gestori di PEC."
            }
            Self::ChainBroken => "La catena dei certificati che porta al firmatario non regge.",
            Self::DomainNotManaged => {
                "Il dominio del mittente non è tra quelli del gestore che ha firmato."
            }
            Self::NoAnchors => "Non è ancora configurata alcuna autorità di certificazione fidata.",
            Self::ChainUntrusted => {
                "Il certificato del firmatario non risale a un'autorità di certificazione fidata."
            }
            Self::SignerNotListed => "Il firmatario non è nell'elenco dei gestori ammessi.",
            Self::AlgorithmUnsupported => {
                "Il tipo o l'algoritmo di firma non è tra quelli verificabili."
            }
            Self::Sha1Digest => "L'impronta è SHA-1, in uso nei messaggi meno recenti.",
            Self::LineEndsNormalised => {
                "I fine riga del file sono stati riportati alla forma in cui il messaggio ha viaggiato."
            }
        }
    }
}

/// Who signed, as the certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Distinguished name, e.g. `C=IT, O=Gestore Esempio S.p.A., CN=Posta Certificata`.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial_hex: String,
    /// First `rfc822Name` of `subjectAltName`.
    pub email: Option<String>,
    /// Organisation of the subject.
    pub organization: Option<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid to.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256_fingerprint_hex: String,
    /// The certificate itself; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub certificate_der: Vec<u8>,
}

/// The whole result of a check, as it is stored beside the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureReport {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in the order of the checks; of a valid signature only remarks.
    pub reasons: Vec<SignatureFault>,
    /// Who signed, when the certificate could be read. Trust it only with a verdict that allows it.
    pub signer: Option<Signer>,
    /// Digest that the signer used: `sha256`, `sha1` …
    pub digest_algorithm: Option<String>,
    /// The time of the message, at which certificates were judged.
    pub checked_at_instant: Timestamp,
    /// SHA-256 of the very bytes that the signature covers, when it was made over them: whoever reads a
    /// message must have read these, since two programs may cut one message in two ways.
    #[serde(default)]
    pub signed: Option<BlobHash>,
}

impl SignatureReport {
    /// The report that follows from these reasons.
    pub fn from_reasons(
        reasons: Vec<SignatureFault>,
        signer: Option<Signer>,
        digest_algorithm: Option<String>,
        checked_at_instant: Timestamp,
    ) -> Self {
        let weighs = |verdict| reasons.iter().any(|reason| reason.weight() == verdict);
        let verdict = [Verdict::Invalid, Verdict::Missing, Verdict::NotVerifiable]
            .into_iter()
            .find(|verdict| weighs(*verdict))
            .unwrap_or(Verdict::Valid);
        Self { verdict, reasons, signer, digest_algorithm, checked_at_instant, signed: None }
    }

    /// What the report is worth for somebody who read this part (its SHA-256): nothing when the signature was
    /// made over another one.
    #[must_use]
    pub fn of_what_was_read(self, read: Option<BlobHash>) -> Self {
        if self.signed.is_none() || self.signed == read {
            return self;
        }
        let reasons = [self.reasons, vec![SignatureFault::MimeStructure]].concat();
        let (signed, signer, at) = (self.signed, self.signer, self.checked_at_instant);
        let report = Self::from_reasons(reasons, signer, self.digest_algorithm, at);
        Self { signed, ..report }
    }
}

/// A time stamp that was checked (RFC 3161).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeStamp {
    /// The instant that the authority declares (`genTime`).
    pub at: Timestamp,
    /// Serial number of the stamp, lower-case hexadecimal.
    pub serial_hex: String,
    /// Distinguished name of the authority, from its certificate.
    pub tsa: String,
    /// Policy of the authority, a dotted object identifier.
    pub policy: String,
    /// SHA-256 of what was stamped, lower-case hexadecimal.
    pub sha256_hex: String,
    /// The token itself, to be kept and checked again offline; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub token_der: Vec<u8>,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    data_encoding::BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_signature_over_another_part_than_was_read_is_worth_nothing() {
        let over = Some(BlobHash::of(b"signed"));
        let report = SignatureReport::from_reasons(Vec::new(), None, None, Timestamp(0));
        let report = SignatureReport { signed: over, ..report };
        assert_eq!(report.clone().of_what_was_read(over), report);
        for read in [None, Some(BlobHash::of(b"another"))] {
            assert_eq!(report.clone().of_what_was_read(read).verdict, Verdict::Invalid);
        }
    }

    #[test]
    fn every_fault_has_its_own_word_and_sentence_and_json_says_the_word() {
        let words: BTreeSet<_> = SignatureFault::ALL.iter().map(|fault| fault.word()).collect();
        let sentences: BTreeSet<_> =
            SignatureFault::ALL.iter().map(|fault| fault.sentence()).collect();
        assert_eq!(words.len(), SignatureFault::ALL.len());
        assert_eq!(sentences.len(), SignatureFault::ALL.len());
        for fault in SignatureFault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.word());
        }
        for verdict in [Verdict::Valid, Verdict::Invalid, Verdict::NotVerifiable, Verdict::Missing]
        {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.word());
        }
    }

    #[test]
    fn the_worst_reason_decides_and_a_remark_does_not() {
        let verdict = |reasons: &[SignatureFault]| {
            SignatureReport::from_reasons(reasons.to_vec(), None, None, Timestamp(0)).verdict
        };
        assert_eq!(verdict(&[]), Verdict::Valid);
        assert_eq!(verdict(&[SignatureFault::Sha1Digest]), Verdict::Valid);
        assert_eq!(verdict(&[SignatureFault::NoAnchors]), Verdict::NotVerifiable);
        assert_eq!(verdict(&[SignatureFault::NoSignature]), Verdict::Missing);
        assert_eq!(
            verdict(&[SignatureFault::NoAnchors, SignatureFault::DigestMismatch]),
            Verdict::Invalid
        );
    }

    #[test]
    fn a_report_survives_storage() {
        let signer = Signer {
            subject: "CN=Gestore".into(),
            issuer: "CN=CA".into(),
            serial_hex: "01".into(),
            email: None,
            organization: None,
            not_before: Timestamp(0),
            not_after: Timestamp(1),
            sha256_fingerprint_hex: "00".into(),
            certificate_der: vec![0x30, 0x00, 0xff],
        };
        let report = SignatureReport::from_reasons(
            vec![SignatureFault::NoAnchors],
            Some(signer),
            Some("sha256".into()),
            Timestamp(5),
        );
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SignatureReport>(&text).unwrap(), report);
    }
}
