//! Complaints (RFC 5965) and notifications of disposition (RFC 8098).
//!
//! Guarantee: only a multipart/report of their kind counts. Limit: of a complaint about several recipients the first is kept.

use crate::bounces::{reports, returned_id};
use crate::head::{Head, bare_id, printable};
use crate::mime::Message;
use crate::transfer;
use messo_core::messages::{Complaint, Meaning};

/// Largest report part that is read, in encoded bytes.
const MAX_REPORT: usize = 1 << 20;

/// A complaint.
pub fn complaint(message: &Message<'_>) -> Option<Meaning> {
    if !reports(message, "feedback-report") {
        return None;
    }
    let bytes = part(message, "message/feedback-report").unwrap_or_default();
    let (head, _) = Head::read(&bytes);
    let kind = head.word("Feedback-Type").map(|word| printable(&word, 40));
    let recipient = head.text("Original-Rcpt-To").or_else(|| head.text("Removal-Recipient"));
    let recipient = recipient.map(|text| printable(text.trim_matches(['<', '>', ' ']), 320));
    Some(Meaning::Complaint(Complaint {
        kind: kind.filter(|word| !word.is_empty()).unwrap_or_else(|| "other".to_owned()),
        recipient: recipient.filter(|address| address.contains('@')),
        reference: returned_id(message).or_else(|| {
            Some(bare_id(&head.text("Original-Envelope-Id")?)).filter(|id| !id.is_empty())
        }),
    }))
}

/// A notification that a message was displayed, deleted and the like.
pub fn disposition(message: &Message<'_>) -> Option<Meaning> {
    if !reports(message, "disposition-notification") {
        return None;
    }
    let bytes = part(message, "message/disposition-notification").unwrap_or_default();
    let (head, _) = Head::read(&bytes);
    // `manual-action/MDN-sent-manually; displayed/processed`
    let word = head.word("Disposition").and_then(|text| {
        let kind = text.rsplit(';').next()?.split('/').next()?.trim().to_owned();
        Some(printable(&kind, 40)).filter(|kind| !kind.is_empty())
    });
    let reference = head.text("Original-Message-ID").map(|text| bare_id(&text));
    Some(Meaning::Disposition {
        reference: reference
            .filter(|id| !id.is_empty())
            .or_else(|| returned_id(message))
            .or_else(|| message.head().ids("In-Reply-To").into_iter().next()),
        word: word.unwrap_or_else(|| "unknown".to_owned()),
    })
}

fn part(message: &Message<'_>, kind: &str) -> Option<Vec<u8>> {
    let parts = message.in_order();
    let part = parts.iter().find(|part| part.kind() == kind)?;
    let bytes = transfer::decode(&part.encoding, &part.body[..part.body.len().min(MAX_REPORT)]);
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    Some(bytes[start..].to_vec())
}
