//! Bounces: delivery status notifications (RFC 3464), and what servers write instead of them ([`plain`]).
//!
//! Guarantee: one bounce per recipient that the notification names, none for what it does not say; a word or a code that
//! is not of the norm is left out, not guessed. Limit: [`MAX_RECIPIENTS`] recipients, a status part of [`MAX_STATUS`] bytes.

use crate::head::{Head, ids_in, printable};
use crate::mime::{Message, Part};
use crate::transfer;
use messo_core::messages::{Bounce, BounceAction, Headers};

mod plain;

/// Most recipients of one notification.
const MAX_RECIPIENTS: usize = 1_000;
/// Largest status part that is read, in encoded bytes.
const MAX_STATUS: usize = 1 << 20;
/// Longest words of a remote server that are kept, in characters.
const MAX_DIAGNOSTIC: usize = 500;

/// The bounces of a message; none when it is no notification, empty when it is one that says nothing clear.
pub fn read(
    message: &Message<'_>,
    headers: &Headers,
    text: impl Fn() -> String,
) -> Option<Vec<Bounce>> {
    let parts = message.in_order();
    let is_report = reports(message, "delivery-status");
    let from_machine = is_from_machine(message.head(), headers);
    // Some put the status part into a multipart of another kind.
    let status = parts.iter().find(|part| {
        matches!(part.kind(), "message/delivery-status" | "message/global-delivery-status")
    });
    if let Some(part) = status.filter(|_| is_report || from_machine) {
        let (mut bounces, envelope) = statuses(part);
        let references = references(message, headers, envelope.as_deref());
        for bounce in &mut bounces {
            bounce.references.clone_from(&references);
        }
        return Some(bounces);
    }
    if is_report || from_machine {
        let references = || references(message, headers, None);
        if let Some(bounces) = plain::read(message.head(), headers, &text(), references) {
            return Some(bounces);
        }
    }
    is_report.then(Vec::new)
}

/// Whether the message is a report of this kind (RFC 6522).
pub fn reports(message: &Message<'_>, kind: &str) -> bool {
    let whole = &message.parts[0];
    whole.kind() == "multipart/report"
        && whole
            .media
            .parameter("report-type")
            .is_some_and(|word| word.trim().eq_ignore_ascii_case(kind))
}

/// Whether it comes from a server rather than from a person. Subjects don't count.
fn is_from_machine(head: &Head<'_>, headers: &Headers) -> bool {
    let local = headers.from.as_ref().map(|from| local_part(&from.address)).unwrap_or_default();
    head.has("X-Failed-Recipients")
        || headers.return_path.as_deref() == Some("")
        || matches!(
            local.as_str(),
            "mailer-daemon"
                | "postmaster"
                | "mail-daemon"
                | "mailerdaemon"
                | "mdaemon"
                | "microsoftexchange"
        )
        || local.starts_with("microsoftexchange")
}

fn local_part(address: &str) -> String {
    address.split('@').next().unwrap_or_default().to_ascii_lowercase()
}

/// The blocks of a status part: of the message, then of each recipient. Also the envelope id (RFC 3464 2.2.1).
fn statuses(part: &Part<'_>) -> (Vec<Bounce>, Option<String>) {
    let bytes = transfer::decode(&part.encoding, &part.body[..part.body.len().min(MAX_STATUS)]);
    let mut rest: &[u8] = &bytes;
    let (mut bounces, mut envelope) = (Vec::new(), None);
    while !rest.is_empty() && bounces.len() < MAX_RECIPIENTS {
        let (block, after) = Head::read(rest);
        rest = after;
        envelope = envelope.or_else(|| block.text("Original-Envelope-Id"));
        bounces.extend(status(&block));
    }
    (bounces, envelope.map(|id| transfer::xtext(&id)))
}

fn status(block: &Head<'_>) -> Option<Bounce> {
    let recipient = ["Original-Recipient", "Final-Recipient"]
        .into_iter()
        .find_map(|name| typed_address(&block.text(name)?, name == "Original-Recipient"));
    let diagnostic = block.text("Diagnostic-Code");
    let code = block.text("Status").and_then(|text| enhanced(&text));
    // "5.0.0" says nothing; the remote server often said more.
    let vague = code.as_deref().is_none_or(|code| code.ends_with(".0.0"));
    let spoken = diagnostic
        .as_deref()
        .and_then(enhanced)
        .filter(|spoken| code.as_deref().is_none_or(|code| code[..1] == spoken[..1]));
    let code = if vague { spoken.or(code) } else { code };
    let action = block.word("Action").and_then(|word| action(&word));
    let action = action.or_else(|| by_class(code.as_deref()?))?;
    if recipient.is_none() && code.is_none() {
        return None;
    }
    Some(Bounce {
        recipient,
        action,
        status: code,
        diagnostic: diagnostic.map(|text| printable(&text, MAX_DIAGNOSTIC)),
        references: Vec::new(),
    })
}

fn action(word: &str) -> Option<BounceAction> {
    Some(match word.split([' ', '(', ';']).next()? {
        "failed" => BounceAction::Failed,
        "delayed" => BounceAction::Delayed,
        "delivered" => BounceAction::Delivered,
        "relayed" => BounceAction::Relayed,
        "expanded" => BounceAction::Expanded,
        _ => return None,
    })
}

/// Without a word of action, the class of the code (RFC 3463 3.1).
fn by_class(code: &str) -> Option<BounceAction> {
    match code.as_bytes().first()? {
        b'5' => Some(BounceAction::Failed),
        b'4' => Some(BounceAction::Delayed),
        b'2' => Some(BounceAction::Delivered),
        _ => None,
    }
}

/// `rfc822;mario@example.it`; the original one is written as xtext (RFC 3461 4.2).
fn typed_address(text: &str, is_xtext: bool) -> Option<String> {
    let (kind, address) = text.split_once(';').unwrap_or(("", text));
    let address = address.split('(').next()?.trim().trim_matches(['<', '>', '"']);
    let address = if is_xtext && kind.trim().eq_ignore_ascii_case("rfc822") && is_escaped(address) {
        transfer::xtext(address)
    } else {
        address.to_owned()
    };
    let address = printable(&address, 320);
    (address.contains('@') && !address.contains(' ')).then_some(address)
}

/// A plus sign stands for itself in the addresses of servers that do not know xtext: only `+2B` and the like are undone.
fn is_escaped(address: &str) -> bool {
    address.to_ascii_uppercase().match_indices('+').any(|(at, _)| {
        matches!(
            address.get(at + 1..at + 3).map(str::to_ascii_uppercase).as_deref(),
            Some("2B" | "3D" | "20" | "22" | "25")
        )
    })
}

/// The first enhanced code (RFC 3463) in a text that is not part of an address of a host or of a longer number.
pub fn enhanced(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|at| {
        let is_class = matches!(bytes[at], b'2' | b'4' | b'5') && bytes.get(at + 1) == Some(&b'.');
        let begins =
            at == 0 || !matches!(bytes[at - 1], b'0'..=b'9' | b'.' | b'a'..=b'z' | b'A'..=b'Z');
        if !is_class || !begins {
            return None;
        }
        let rest = &bytes[at..bytes.len().min(at + 12)];
        let end =
            rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.')).unwrap_or(rest.len());
        let code = std::str::from_utf8(&rest[..end]).ok()?.trim_end_matches('.');
        let mut numbers = code.split('.');
        let shape =
            numbers.by_ref().take(3).filter(|number| matches!(number.len(), 1..=3)).count() == 3;
        (shape && numbers.next().is_none()).then(|| code.to_owned())
    })
}

/// What the notification may be about, most trustworthy first.
fn references(message: &Message<'_>, headers: &Headers, envelope: Option<&str>) -> Vec<String> {
    let mut references: Vec<String> =
        headers.to.iter().filter_map(|to| attempt_address(to)).collect();
    references.extend(headers.in_reply_to.iter().cloned());
    references.extend(headers.references.iter().rev().cloned());
    references.extend(returned_id(message));
    references.extend(envelope.map(crate::head::bare_id).filter(|id| !id.is_empty()));
    let mut seen = std::collections::HashSet::new();
    references.retain(|reference| seen.insert(reference.clone()));
    references
}

/// The attempt in an address of ours, `rimbalzi+{attempt}@…`, as the reference that it stands for.
fn attempt_address(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let token = local.rsplit_once(['+', '='])?.1.replace('-', "");
    let is_attempt = token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_attempt.then(|| format!("m1.{}@{domain}", token.to_ascii_lowercase()))
}

/// The Message-ID of the message, or of the header of it, that came back with a report.
pub fn returned_id(message: &Message<'_>) -> Option<String> {
    message.in_order().iter().skip(1).find_map(|part| {
        let returned = part.is_message()
            || matches!(
                part.kind(),
                "text/rfc822-headers" | "message/rfc822-headers" | "message/global-headers"
            );
        if !returned {
            return None;
        }
        let bytes = transfer::decode(&part.encoding, &part.body[..part.body.len().min(MAX_STATUS)]);
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let (head, _) = Head::read(&bytes[start..]);
        ids_in(&head.text("Message-ID")?).into_iter().next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enhanced_code_is_told_from_hosts_and_versions() {
        for (text, code) in [
            ("smtp; 550 5.1.1 <a@b>: no such user", Some("5.1.1")),
            ("550-5.7.26 unauthenticated", Some("5.7.26")),
            ("(#5.1.1)", Some("5.1.1")),
            ("host 5.1.1.7 said 4.2.2.", Some("4.2.2")),
            ("version 15.1.1, x5.1.1 5.1", None),
            ("5.1234.1 5..1", None),
        ] {
            assert_eq!(enhanced(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn an_address_of_ours_names_its_attempt() {
        let hex = "0192f3a4b5c67d8e9f00112233445566";
        for address in [
            format!("rimbalzi+{hex}@o.example"),
            "rimbalzi+0192f3a4-b5c6-7d8e-9f00-112233445566@o.example".into(),
        ] {
            let reference = attempt_address(&address).unwrap();
            assert!(messo_core::correlation::attempt_in(&reference).is_some(), "{address}");
        }
        assert_eq!(attempt_address("rimbalzi+x@o.example"), None);
    }

    #[test]
    fn a_typed_address_is_unwrapped() {
        assert_eq!(typed_address("rfc822; <a@b>", false).as_deref(), Some("a@b"));
        assert_eq!(typed_address("rfc822;a+2Bc@b", true).as_deref(), Some("a+c@b"));
        assert_eq!(typed_address("rfc822;a+news@b", true).as_deref(), Some("a+news@b"));
        assert_eq!(typed_address("unknown", false), None);
    }
}
