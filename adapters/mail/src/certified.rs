//! Certified mail (RFC 6109): which of its kinds a message is, by its outermost header alone, and what its provider says.
//!
//! Somebody can send a forged receipt only inside an envelope, so the outermost header decides and nothing inside is asked.
//! Guarantee: an unknown word keeps its class and has no kind. Limit: whether the provider really wrote it is the
//! signature's to say.

use crate::daticert::{self, Daticert};
use crate::files::signed;
use crate::head::Head;
use crate::mime::{Message, Part};
use messo_core::messages::{Headers, MailClass, Person};
use messo_core::pec::{PecData, PecKind};
use std::borrow::Cow;

/// Class and provider's word of certified mail; none for any other message.
pub fn class(head: &Head<'_>) -> Option<(MailClass, String)> {
    // An envelope may carry the other field as well; it stays an envelope.
    if let Some(word) = head.word("X-Trasporto") {
        let class = if word == "errore" { MailClass::PecAnomaly } else { MailClass::PecEnvelope };
        return Some((class, word));
    }
    head.word("X-Ricevuta").map(|word| (MailClass::PecReceipt, word))
}

/// What a message of certified mail says: header and record together. `text` is the provider's letter.
pub fn read(
    head: &Head<'_>,
    class: MailClass,
    word: String,
    record: Option<&[u8]>,
    text: &str,
) -> PecData {
    let mut oddities = Vec::new();
    if record.is_none() && class != MailClass::PecAnomaly {
        oddities.push("there is no daticert.xml".to_owned());
    }
    let mut data = record.map(daticert::read).unwrap_or_default();
    oddities.append(&mut data.oddities);
    if let Some(other) = data.word.as_deref().filter(|other| *other != word) {
        oddities.push(format!("the header says {}, daticert.xml says {other}", shown(&word)));
    }
    let virus = is_virus(head, &data, &mut oddities);
    let kind = kind(class, &word, virus, || timeout(data.error_detail.as_deref(), text));
    if kind.is_none() {
        oddities.push(format!("the provider's word {} is unknown", shown(&word)));
    }
    let reference = reference(head, &data, &mut oddities);
    let receipt_type =
        data.receipt_type.or_else(|| daticert::receipt_type(&head.word("X-TipoRicevuta")?));
    PecData {
        kind,
        word,
        record: data.word,
        sealed: None,
        reference,
        pec_id: data.pec_id,
        recipient: data.delivered_to.or_else(|| match (kind?, data.recipients.as_slice()) {
            (PecKind::Transport | PecKind::Anomaly, _) => None,
            (_, [only]) => Some(only.address.clone()),
            _ => None,
        }),
        recipients: data.recipients,
        sender: data.sender,
        subject: data.subject,
        instant: data.instant,
        error: data.error,
        error_detail: data.error_detail,
        receipt_type,
        provider: data.provider,
        oddities,
    }
}

/// The part of a message that a signature can cover (RFC 1847 2.1, RFC 8551 3.5): the first one, or what is
/// inside a signature in one piece. Nothing else of certified mail may be read: what stands beside it anybody
/// may have put there.
pub fn sealed<'a>(message: &Message<'a>) -> Option<Cow<'a, [u8]>> {
    let whole = &message.parts[0];
    match whole.kind() {
        "multipart/signed" => {
            let first = message.parts.get(*whole.parts.first()?)?;
            Some(Cow::Borrowed(first.raw))
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            signed::content(&whole.bytes()).map(Cow::Owned)
        }
        _ => None,
    }
}

/// Makes the certified sender (*mittente*) the author: the provider answers for him, not for what the message
/// inside says. Tells what was odd.
pub fn attest(author: &mut Headers, sender: &str) -> Option<&'static str> {
    let same = |from: &Person| from.address.eq_ignore_ascii_case(sender);
    if author.from.as_ref().is_some_and(same) {
        return None;
    }
    // A name that somebody else gave himself must not stand beside the true address.
    author.from = Some(Person { name: String::new(), address: sender.to_owned() });
    Some("the message inside names another author than daticert.xml, which counts")
}

/// The message that an envelope, or a receipt of delivery, carries.
pub fn carried<'a, 'm>(message: &'m Message<'a>) -> Option<&'m Part<'a>> {
    let parts = message.in_order();
    let named = |part: &&&Part<'a>| {
        part.file_name().is_some_and(|name| name.trim().eq_ignore_ascii_case("postacert.eml"))
    };
    let found = parts.iter().skip(1).find(named);
    found.or_else(|| parts.iter().skip(1).find(|part| part.is_message())).copied()
}

/// The record, by its name, else by its type; never out of the message that is carried.
pub fn record<'a, 'm>(message: &'m Message<'a>) -> Option<&'m Part<'a>> {
    let parts = message.in_order();
    // The RFC calls it certdata.xml; providers call it daticert.xml.
    let named = parts.iter().find(|part| {
        part.file_name().is_some_and(|name| {
            let name = name.trim().to_ascii_lowercase();
            name == "daticert.xml" || name == "certdata.xml"
        })
    });
    let typed = || parts.iter().find(|part| matches!(part.kind(), "application/xml" | "text/xml"));
    named.or_else(typed).copied()
}

/// The record is signed and the header is not: the header is asked only where there is no record.
fn is_virus(head: &Head<'_>, data: &Daticert, oddities: &mut Vec<String>) -> bool {
    let by_header = head.word("X-VerificaSicurezza").as_deref() == Some("errore");
    let by_record = data.error.as_deref() == Some("virus");
    let told_twice = matches!(data.word.as_deref(), Some("non-accettazione" | "errore-consegna"));
    if told_twice && by_header != by_record {
        oddities.push("header and daticert.xml disagree about a virus".to_owned());
    }
    if data.word.is_some() { by_record } else { by_header }
}

fn kind(
    class: MailClass,
    word: &str,
    virus: bool,
    timeout: impl FnOnce() -> PecKind,
) -> Option<PecKind> {
    if class != MailClass::PecReceipt {
        return match word {
            "posta-certificata" => Some(PecKind::Transport),
            "errore" => Some(PecKind::Anomaly),
            _ => None,
        };
    }
    Some(match word {
        "accettazione" => PecKind::Acceptance,
        "non-accettazione" if virus => PecKind::NonAcceptanceVirus,
        "non-accettazione" => PecKind::NonAcceptance,
        "presa-in-carico" => PecKind::TakenInCharge,
        "avvenuta-consegna" => PecKind::Delivery,
        "errore-consegna" if virus => PecKind::DeliveryErrorVirus,
        "errore-consegna" => PecKind::DeliveryError,
        "preavviso-errore-consegna" => timeout(),
        "rilevazione-virus" => PecKind::VirusDetected,
        _ => return None,
    })
}

/// Which of the two warnings (RFC 6109 3.1.6) only the provider's words tell. Its extended error counts before its letter,
/// words before codes: a warning taken for the end would give the sending up too early.
fn timeout(detail: Option<&str>, text: &str) -> PecKind {
    let detail = detail.unwrap_or_default();
    let by_words = |text: &str| {
        let lower = text.to_lowercase();
        let first = |words: [&str; 2]| words.iter().filter_map(|word| lower.find(word)).min();
        match (first(["12 ore", "dodici"]), first(["24 ore", "ventiquattro"])) {
            (Some(half), Some(whole)) if whole < half => Some(PecKind::Timeout24h),
            (Some(_), _) => Some(PecKind::Timeout12h),
            (None, Some(_)) => Some(PecKind::Timeout24h),
            (None, None) => None,
        }
    };
    by_words(detail)
        .or_else(|| detail.trim().starts_with("5.4.1").then_some(PecKind::Timeout24h))
        .or_else(|| by_words(text))
        .unwrap_or(PecKind::Timeout12h)
}

/// The record is signed and the header is not: what the record leaves out, the header must not add.
fn reference(head: &Head<'_>, data: &Daticert, oddities: &mut Vec<String>) -> Option<String> {
    let header = head.text("X-Riferimento-Message-ID").map(|text| crate::head::bare_id(&text));
    let header = header.filter(|id| !id.is_empty());
    if let (Some(one), Some(other)) = (&header, &data.reference)
        && !local(one).eq_ignore_ascii_case(local(other))
    {
        oddities.push("header and daticert.xml refer to different messages".to_owned());
    }
    if data.word.is_some() { data.reference.clone() } else { header }
}

fn local(id: &str) -> &str {
    id.split('@').next().unwrap_or(id)
}

/// A provider's word is no secret, but anybody may write one.
fn shown(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{:?}", &word[..end])),
        None => Cow::Owned(format!("{word:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_warnings_are_told_apart_by_words_then_by_code() {
        let rows: &[(Option<&str>, &str, PecKind)] = &[
            (
                Some("5.4.1 - G - non consegnato nelle prime ventiquattro ore"),
                "",
                PecKind::Timeout24h,
            ),
            (Some("5.4.1 - G - timeout"), "", PecKind::Timeout24h),
            (Some("5.4.1 - G - non consegnato nelle prime dodici ore"), "", PecKind::Timeout12h),
            (Some("nelle prime 12 ore; un altro avviso dopo 24 ore"), "", PecKind::Timeout12h),
            (None, "non è stato consegnato nelle 24 ore successive", PecKind::Timeout24h),
            (None, "nelle prime dodici ore dal suo invio", PecKind::Timeout12h),
            (None, "", PecKind::Timeout12h),
        ];
        for (detail, text, kind) in rows {
            assert_eq!(timeout(*detail, text), *kind, "{detail:?} {text}");
        }
    }
}
