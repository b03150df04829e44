//! A submitted message as the access point keeps it: read once, with the provider's own Message-ID.
//!
//! Guarantee: apart from Message-ID and its reference no byte changes (RFC 6109, 2.2.1 and 3.1.4). Limit: fields that
//! cannot be read count as missing.

use crate::kinds::Form;
use crate::mime;
use crate::structure::{Headers, decode_words, first_line, split};
use messo_core::time::Timestamp;

/// A message that entered certified mail.
#[derive(Clone, Debug)]
pub struct Original {
    /// The message with the provider's Message-ID, as recipients get it.
    pub bytes: Vec<u8>,
    /// Its header as submitted.
    pub headers: Headers,
    /// Address in `From`.
    pub sender: String,
    /// Addresses in `To`.
    pub to: Vec<String>,
    /// Addresses in `Cc`.
    pub cc: Vec<String>,
    /// Where answers go: `Reply-To`, else the sender.
    pub reply_to: String,
    /// Subject as written, on one line, ASCII; empty when there is none.
    pub raw_subject: String,
    /// Subject decoded.
    pub subject: Option<String>,
    /// The sender's Message-ID with its angle brackets.
    pub message_id: Option<String>,
    /// Form of delivery receipt asked for.
    pub form: Form,
    /// The provider's identifier, without angle brackets.
    pub pec_id: String,
    /// When the access point took it.
    pub accepted_at: Timestamp,
    /// Addresses that are not certified, in lower case.
    pub external: Vec<String>,
}

impl Original {
    /// Reads a message and gives it the identifier `pec_id`.
    pub fn read(message: &[u8], pec_id: &str, accepted_at: Timestamp) -> Self {
        let (headers, body) = split(message);
        let sender = headers.addresses("From").into_iter().next().unwrap_or_default();
        let reply_to = headers.addresses("Reply-To").into_iter().next();
        let raw_subject = headers.get("Subject");
        let message_id = headers.get("Message-ID").filter(|id| !id.is_empty());
        Self {
            bytes: rewritten(message, body, pec_id, message_id.as_deref()),
            to: headers.addresses("To"),
            cc: headers.addresses("Cc"),
            reply_to: reply_to.unwrap_or_else(|| sender.clone()),
            subject: raw_subject.as_deref().map(decode_words),
            raw_subject: raw_subject.as_deref().map(ascii).unwrap_or_default(),
            form: Form::asked(&headers.get("X-TipoRicevuta").unwrap_or_default()),
            pec_id: pec_id.into(),
            external: Vec::new(),
            headers,
            sender,
            message_id,
            accepted_at,
        }
    }

    /// Recipients in `To` and `Cc`, each with whether it is certified.
    pub fn recipients(&self) -> Vec<(String, bool)> {
        let all = self.to.iter().chain(&self.cc);
        all.map(|address| (address.clone(), !self.is_external(address))).collect()
    }

    /// Whether the address is known not to be certified.
    pub fn is_external(&self, address: &str) -> bool {
        self.external.contains(&address.to_ascii_lowercase())
    }

    /// Only recipients in `To` get the message back (RFC 6109, 3.3.2.1).
    pub fn form_for(&self, recipient: &str) -> Form {
        let in_to = self.to.iter().any(|address| address.eq_ignore_ascii_case(recipient));
        if in_to { self.form } else { Form::Synthetic }
    }
}

/// Eight-bit subjects exist; a header that a provider writes is ASCII.
fn ascii(raw: &str) -> String {
    if raw.is_ascii() { raw.to_owned() } else { mime::header_text(raw) }
}

/// Line by line, so that fields which nobody can read stay as they are.
fn rewritten(message: &[u8], body: &[u8], pec_id: &str, own: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 256);
    let mut names = format!("Message-ID: <{pec_id}>\r\n");
    if let Some(own) = own {
        names.push_str(&mime::field("X-Riferimento-Message-ID", own));
    }
    let mut names = Some(names);
    let mut rest = &message[..message.len() - body.len()];
    let mut left_out = false;
    while let Some((line, after)) = first_line(rest) {
        rest = after;
        if line == b"\r\n" || line == b"\n" {
            break;
        }
        if !matches!(line[0], b' ' | b'\t') {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            left_out = name.eq_ignore_ascii_case(b"X-Riferimento-Message-ID");
            if name.eq_ignore_ascii_case(b"Message-ID") {
                left_out = true;
                out.extend_from_slice(names.take().unwrap_or_default().as_bytes());
            }
        }
        if !left_out {
            out.extend_from_slice(line);
        }
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(names.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] =
        b"From: Segreteria <s@pec.example>\r\nTo: a@pec.example,\r\n b@pec.example\r\n\
Cc: c@pec.example\r\nSubject: =?utf-8?q?Perch=C3=A9?=\r\nMessage-Id: <h1.x@hub.example>\r\n\
X-TipoRicevuta: breve\r\n\r\n--testo\r\n";

    #[test]
    fn the_message_keeps_its_bytes_but_for_the_message_id() {
        let original = Original::read(MESSAGE, "opec1@pec.example", Timestamp::default());
        let text = String::from_utf8(original.bytes.clone()).unwrap();
        assert_eq!(
            text,
            "From: Segreteria <s@pec.example>\r\nTo: a@pec.example,\r\n b@pec.example\r\n\
Cc: c@pec.example\r\nSubject: =?utf-8?q?Perch=C3=A9?=\r\nMessage-ID: <opec1@pec.example>\r\n\
X-Riferimento-Message-ID: <h1.x@hub.example>\r\nX-TipoRicevuta: breve\r\n\r\n--testo\r\n"
        );
        assert_eq!(original.subject.as_deref(), Some("Perché"));
        assert_eq!(original.message_id.as_deref(), Some("<h1.x@hub.example>"));
    }

    #[test]
    fn fields_without_sense_and_fields_without_number_stay() {
        let many = "X: y\r\n".repeat(3_000);
        let message = format!("senza due punti\r\nMessage-ID:\r\n <a@b>\r\n{many}\r\ncorpo");
        let original = Original::read(message.as_bytes(), "p@x", Timestamp::default());
        let text = String::from_utf8(original.bytes).unwrap();
        let names = "Message-ID: <p@x>\r\nX-Riferimento-Message-ID: <a@b>\r\n";
        assert_eq!(text, format!("senza due punti\r\n{names}{many}\r\ncorpo"));
        let bare = Original::read(b"From: a@b", "p@x", Timestamp::default());
        assert_eq!(bare.bytes, b"From: a@b\r\nMessage-ID: <p@x>\r\n\r\n");
    }

    #[test]
    fn recipients_in_copy_get_no_message_back() {
        let original = Original::read(MESSAGE, "opec1@pec.example", Timestamp::default());
        assert_eq!(original.form_for("B@pec.example"), Form::Brief);
        assert_eq!(original.form_for("c@pec.example"), Form::Synthetic);
    }
}
