//! Packs a mail into the exact bytes of an Internet message (RFC 5322, RFC 2045).
//!
//! Pure: the same outbound gives the same bytes, since boundaries and the Message-ID come from the attempt
//! and the Date from the engine. Whatever could break out of its header is refused, never repaired.
//! Written by hand and not by lettre's builder, which cannot keep the base64 of a shared attachment.

use super::address::ascii_address;
use super::dkim::Signer;
use super::encode::{
    base64_lines, file_name_parameter, has_control, mailbox_header, quoted_printable, text_header,
};
use super::shared::SharedParts;
use messo_core::addresses::EmailAddress;
use messo_core::attempts::Failure;
use messo_core::failures::FailureClass;
use messo_core::ports::{Mail, Outbound, Part};

/// Makes messages; keeps what is the same in many of them.
#[derive(Default)]
pub struct Composer {
    shared: SharedParts,
    signer: Option<Signer>,
    header: String,
}

/// A message ready to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Message-ID without angle brackets.
    pub reference: String,
    /// Address of the From header, ASCII.
    pub from: String,
    /// Address of the recipient, ASCII.
    pub to: String,
    /// The message, CRLF lines.
    pub bytes: Vec<u8>,
}

impl Composer {
    /// A composer that signs what it makes.
    pub fn signing(signer: Signer) -> Self {
        Self { signer: Some(signer), ..Self::default() }
    }

    /// Adds a header field to each message: a name and a value that are written out in the sources.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = format!("{name}: {value}\r\n");
        self
    }

    /// Makes the message. Fails with `BadRecipient` when the address cannot be written in ASCII, with
    /// `BadContent` when a name, the subject or a part's name holds control characters.
    pub fn compose(
        &self,
        outbound: &Outbound,
        mail: &Mail,
        to: &EmailAddress,
    ) -> Result<Composed, Failure> {
        refuse_controls(outbound, mail)?;
        let to = ascii_address(to.as_str())?;
        let own = |address: &EmailAddress| {
            ascii_address(address.as_str())
                .map_err(|failure| Failure { class: FailureClass::Misconfigured, ..failure })
        };
        let from = own(&outbound.sender.email)?;
        let reply_to = outbound.sender.reply_to.as_ref().map(own).transpose()?;
        let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let reference = format!("m1.{}@{domain}", outbound.attempt.0.simple());

        let mut bytes = Vec::with_capacity(estimate(mail));
        let at = outbound.at.in_rome().strftime("%a, %d %b %Y %H:%M:%S %z");
        bytes.extend_from_slice(format!("Date: {at}\r\n").as_bytes());
        mailbox_header("From", &outbound.sender.name, &from, &mut bytes);
        mailbox_header("To", &outbound.to_name, &to, &mut bytes);
        if let Some(reply_to) = &reply_to {
            mailbox_header("Reply-To", &outbound.sender.name, reply_to, &mut bytes);
        }
        text_header("Subject", &mail.subject, &mut bytes);
        bytes.extend_from_slice(format!("Message-ID: <{reference}>\r\n").as_bytes());
        // RFC 3834, and its counterpart for Exchange: no holiday notes in answer to a summons.
        bytes.extend_from_slice(
            b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n",
        );
        bytes.extend_from_slice(self.header.as_bytes());
        let body = Body { shared: &self.shared, tag: outbound.attempt.0.simple().to_string() };
        body.write(mail, &mut bytes)?;

        if let Some(signer) = &self.signer {
            bytes = signer.sign(&bytes, outbound.at)?;
        }
        Ok(Composed { reference, from, to, bytes })
    }
}

fn refuse_controls(outbound: &Outbound, mail: &Mail) -> Result<(), Failure> {
    let headers = [
        ("to_name", &outbound.to_name),
        ("sender name", &outbound.sender.name),
        ("subject", &mail.subject),
    ];
    let names = mail
        .inline
        .iter()
        .chain(&mail.attachments)
        .flat_map(|part| [("part name", &part.name), ("media type", &part.media_type)]);
    for (what, text) in headers.into_iter().chain(names) {
        if has_control(text) {
            let detail = format!("the {what} holds a control character");
            return Err(Failure::new(FailureClass::BadContent, "messo:control_character", &detail));
        }
    }
    Ok(())
}

fn estimate(mail: &Mail) -> usize {
    let parts: usize =
        mail.inline.iter().chain(&mail.attachments).map(|part| part.bytes.len()).sum();
    2048 + (mail.text.len() + mail.html.len()) * 9 / 8 + parts * 11 / 8
}

/// The MIME tree: `mixed(alternative(text, related(html, pictures)), attachments)`, without the
/// levels that have nothing to hold.
struct Body<'a> {
    shared: &'a SharedParts,
    tag: String,
}

impl Body<'_> {
    fn write(&self, mail: &Mail, out: &mut Vec<u8>) -> Result<(), Failure> {
        if mail.attachments.is_empty() {
            return self.alternative(mail, out);
        }
        self.open("mixed", out);
        self.next("mixed", out);
        self.alternative(mail, out)?;
        for part in &mail.attachments {
            self.next("mixed", out);
            self.part(part, false, out)?;
        }
        self.close("mixed", out);
        Ok(())
    }

    fn alternative(&self, mail: &Mail, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.open("alternative", out);
        self.next("alternative", out);
        text("plain", &mail.text, out);
        self.next("alternative", out);
        if mail.inline.is_empty() {
            text("html", &mail.html, out);
        } else {
            self.open("related", out);
            self.next("related", out);
            text("html", &mail.html, out);
            for part in &mail.inline {
                self.next("related", out);
                self.part(part, true, out)?;
            }
            self.close("related", out);
        }
        self.close("alternative", out);
        Ok(())
    }

    /// `=_` cannot occur in quoted-printable or base64, so a boundary is never found in a part.
    fn open(&self, kind: &str, out: &mut Vec<u8>) {
        let root = if kind == "related" { "; type=\"text/html\"" } else { "" };
        let tag = &self.tag;
        out.extend_from_slice(
            format!("Content-Type: multipart/{kind}{root};\r\n boundary=\"=_{kind}.{tag}\"\r\n")
                .as_bytes(),
        );
    }

    fn next(&self, kind: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\r\n--=_{kind}.{}\r\n", self.tag).as_bytes());
    }

    fn close(&self, kind: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\r\n--=_{kind}.{}--\r\n", self.tag).as_bytes());
    }

    fn part(&self, part: &Part, inline: bool, out: &mut Vec<u8>) -> Result<(), Failure> {
        let safe = |c: char| c.is_ascii_alphanumeric() || "!#$&^_.+-/".contains(c);
        if part.media_type.split('/').filter(|half| !half.is_empty()).count() != 2
            || !part.media_type.chars().all(safe)
        {
            let detail = "a part's media type is malformed";
            return Err(Failure::new(FailureClass::BadContent, "messo:media_type", detail));
        }
        out.extend_from_slice(format!("Content-Type: {}", part.media_type).as_bytes());
        if inline {
            if !part.name.chars().all(|c| c.is_ascii_alphanumeric() || "._@+-".contains(c)) {
                let detail = "a picture's Content-ID is malformed";
                return Err(Failure::new(FailureClass::BadContent, "messo:content_id", detail));
            }
            out.extend_from_slice(
                format!("\r\nContent-ID: <{}>\r\nContent-Disposition: inline", part.name)
                    .as_bytes(),
            );
        } else {
            out.extend_from_slice(b"\r\nContent-Disposition: attachment");
            file_name_parameter("filename", &part.name, out);
        }
        out.extend_from_slice(b"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        match self.shared.encoded(&part.bytes) {
            Some(encoded) => out.extend_from_slice(&encoded),
            None => base64_lines(&part.bytes, out),
        }
        Ok(())
    }
}

fn text(subtype: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!(
            "Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        )
        .as_bytes(),
    );
    quoted_printable(text, out);
}
