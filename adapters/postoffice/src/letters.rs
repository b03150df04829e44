//! Messages that people and ordinary mail systems write: petitions, answers, holiday notes, bounces, calendar replies.
//!
//! Guarantee: each carries the header fields by which its RFC tells it from the others. Limit: constructors for demo and
//! tests; nothing here is sent anywhere by itself.

use crate::instants;
use crate::mime;
use crate::provider::MARK;
use messo_core::time::Timestamp;

/// A file in a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name; not trusted by anybody.
    pub name: String,
    /// Media type as the sender states it.
    pub media_type: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A message of a person or a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Address of the author.
    pub from: String,
    /// Name of the author, possibly empty.
    pub from_name: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Recipients in copy.
    pub cc: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Text; lines end in LF or CRLF.
    pub text: String,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Message-ID answered, with angle brackets.
    pub in_reply_to: Option<String>,
    /// A whole message, enclosed: forwarding mail with mail inside.
    pub forwarded: Option<Vec<u8>>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
}

impl Letter {
    /// A plain text.
    pub fn new(from: &str, to: &str, subject: &str, text: &str) -> Self {
        Self {
            from: from.into(),
            to: vec![to.into()],
            subject: subject.into(),
            text: text.into(),
            ..Self::default()
        }
    }

    /// With a file.
    pub fn attach(mut self, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let (name, media_type) = (name.into(), media_type.into());
        self.attachments.push(Attachment { name, media_type, bytes: bytes.to_vec() });
        self
    }

    /// As an answer to that Message-ID.
    pub fn answering(mut self, message_id: &str) -> Self {
        self.in_reply_to = Some(message_id.into());
        self
    }

    /// With a further header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a whole message inside.
    pub fn forwarding(mut self, message: &[u8]) -> Self {
        self.forwarded = Some(message.to_vec());
        self
    }

    /// A holiday note in answer to a message (RFC 3834).
    pub fn automatic(from: &str, to: &str, subject: &str, answered: Option<&str>) -> Self {
        let text = "Sono assente fino al giorno 31. Per urgenze contattare lo studio.";
        let mut letter = Self::new(from, to, &format!("Risposta automatica: {subject}"), text)
            .header("Auto-Submitted", "auto-replied")
            .header("Precedence", "bulk");
        letter.in_reply_to = answered.map(str::to_owned);
        letter
    }

    /// The message with this Message-ID (no angle brackets) and date.
    pub fn write(&self, message_id: &str, at: Timestamp) -> Vec<u8> {
        let mut out = self.header_fields(message_id, at);
        let text = self.text.replace("\r\n", "\n").replace('\n', "\r\n");
        let fields = [
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Content-Transfer-Encoding", "quoted-printable".to_owned()),
        ];
        let text = mime::part(&fields, &mime::quoted_printable(text.as_bytes()));
        if self.attachments.is_empty() && self.forwarded.is_none() {
            out.extend(text);
            return out;
        }
        let mut parts = vec![text];
        if let Some(message) = &self.forwarded {
            let fields = [
                ("Content-Type", "message/rfc822".to_owned()),
                ("Content-Disposition", "attachment; filename=\"messaggio.eml\"".to_owned()),
            ];
            parts.push(mime::part(&fields, message));
        }
        parts.extend(self.attachments.iter().map(Attachment::part));
        multipart(&mut out, "mixed", &parts, message_id);
        out
    }

    fn header_fields(&self, message_id: &str, at: Timestamp) -> Vec<u8> {
        let mut out = String::new();
        let from = match self.from_name.as_str() {
            "" => self.from.clone(),
            name => format!("{} <{}>", mime::header_text(name), self.from),
        };
        out.push_str(&mime::field("From", &from));
        out.push_str(&mime::field("To", &self.to.join(", ")));
        if !self.cc.is_empty() {
            out.push_str(&mime::field("Cc", &self.cc.join(", ")));
        }
        out.push_str(&mime::field("Subject", &mime::header_text(&self.subject)));
        out.push_str(&mime::field("Date", &instants::mail_date(at)));
        out.push_str(&mime::field("Message-ID", &format!("<{message_id}>")));
        if let Some(answered) = &self.in_reply_to {
            out.push_str(&mime::field("In-Reply-To", answered));
            out.push_str(&mime::field("References", answered));
        }
        for (name, value) in &self.headers {
            out.push_str(&mime::field(name, value));
        }
        out.push_str(&mime::field(MARK, "1"));
        out.push_str("MIME-Version: 1.0\r\n");
        out.into_bytes()
    }
}

impl Attachment {
    fn part(&self) -> Vec<u8> {
        let name = mime::header_text(&self.name.replace(['"', '\\'], "_"));
        let fields = [
            ("Content-Type", format!("{}; name=\"{name}\"", self.media_type)),
            ("Content-Transfer-Encoding", "base64".into()),
            ("Content-Disposition", format!("attachment; filename=\"{name}\"")),
        ];
        mime::part(&fields, &mime::base64_lines(&self.bytes))
    }
}

/// A failure or delay that a mail system reports about one recipient (RFC 3464).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Recipient that was not reached.
    pub recipient: String,
    /// `failed` or `delayed`.
    pub action: &'static str,
    /// Enhanced status code (RFC 3463).
    pub status: &'static str,
    /// Words of the other server.
    pub diagnostic: String,
}

impl Bounce {
    /// The report to `to` about `message`, whose header is enclosed.
    pub fn write(&self, to: &str, message: &[u8], message_id: &str, at: Timestamp) -> Vec<u8> {
        let host = "mail.sandbox.example";
        let subject = match self.action {
            "delayed" => "Delivery delayed",
            _ => "Undelivered Mail Returned to Sender",
        };
        let letter = Letter::new(&format!("MAILER-DAEMON@{host}"), to, subject, "")
            .header("Return-Path", "<>")
            .header("Auto-Submitted", "auto-replied");
        let mut out = letter.header_fields(message_id, at);
        let fields = [
            format!(
                "Reporting-MTA: dns; {host}\r\nArrival-Date: {}\r\n\r\n",
                instants::mail_date(at)
            ),
            format!("Final-Recipient: rfc822; {}\r\n", self.recipient),
            format!("Action: {}\r\nStatus: {}\r\n", self.action, self.status),
            format!("Diagnostic-Code: smtp; {}\r\n", self.diagnostic),
        ];
        let explained = format!(
            "The message could not be delivered to\r\n<{}>: {}\r\n",
            self.recipient, self.diagnostic
        );
        let parts = [
            mime::part(
                &[("Content-Type", "text/plain; charset=us-ascii".into())],
                explained.as_bytes(),
            ),
            mime::part(
                &[("Content-Type", "message/delivery-status".into())],
                fields.concat().as_bytes(),
            ),
            mime::part(&[("Content-Type", "text/rfc822-headers".into())], header_of(message)),
        ];
        multipart(&mut out, "report; report-type=delivery-status", &parts, message_id);
        out
    }
}

/// A complaint that a mailbox provider passes on (RFC 5965).
pub fn complaint(
    to: &str,
    recipient: &str,
    message: &[u8],
    message_id: &str,
    at: Timestamp,
) -> Vec<u8> {
    let letter = Letter::new("fbl@mail.sandbox.example", to, "Abuse report", "");
    let mut out = letter.header_fields(message_id, at);
    let report = format!(
        "Feedback-Type: abuse\r\nUser-Agent: MessoSandbox/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <{recipient}>\r\n"
    );
    let parts = [
        mime::part(&[("Content-Type", "text/plain".into())], b"This is an abuse report.\r\n"),
        mime::part(&[("Content-Type", "message/feedback-report".into())], report.as_bytes()),
        mime::part(&[("Content-Type", "message/rfc822".into())], message),
    ];
    multipart(&mut out, "report; report-type=feedback-report", &parts, message_id);
    out
}

/// A notice that a message was opened (RFC 8098).
pub fn read_notice(
    to: &str,
    reader: &str,
    answered: &str,
    message_id: &str,
    at: Timestamp,
) -> Vec<u8> {
    let letter = Letter::new(reader, to, "Letto", "").answering(answered);
    let mut out = letter.header_fields(message_id, at);
    let notice = format!(
        "Reporting-UA: sandbox; MessoSandbox\r\nFinal-Recipient: rfc822; {reader}\r\nOriginal-Message-ID: {answered}\r\n\
Disposition: manual-action/MDN-sent-manually; displayed\r\n"
    );
    let parts = [
        mime::part(&[("Content-Type", "text/plain".into())], b"Il messaggio e' stato letto.\r\n"),
        mime::part(
            &[("Content-Type", "message/disposition-notification".into())],
            notice.as_bytes(),
        ),
    ];
    multipart(&mut out, "report; report-type=disposition-notification", &parts, message_id);
    out
}

/// What an invitation says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Invitation {
    /// `UID`.
    pub uid: String,
    /// `ORGANIZER`, with its scheme.
    pub organizer: String,
    /// `SEQUENCE`.
    pub sequence: u32,
    /// Line of `DTSTART`, with its parameters.
    pub start: String,
}

/// An attendee's answer to an invitation (RFC 5546, 3.2.3; RFC 6047): `ACCEPTED`, `DECLINED` or `TENTATIVE`.
pub fn calendar_reply(
    letter: &Letter,
    invitation: &Invitation,
    answer: &str,
    message_id: &str,
    at: Timestamp,
) -> Vec<u8> {
    let stamp = at.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".into(),
        "PRODID:-//Messo sandbox//IT".into(),
        "METHOD:REPLY".into(),
        "BEGIN:VEVENT".into(),
        format!("UID:{}", invitation.uid),
        format!("SEQUENCE:{}", invitation.sequence),
        format!("DTSTAMP:{stamp}"),
        format!("ORGANIZER:{}", invitation.organizer),
        format!("ATTENDEE;PARTSTAT={answer}:mailto:{}", letter.from),
    ];
    if !invitation.start.is_empty() {
        lines.push(invitation.start.clone());
    }
    lines.extend(["END:VEVENT".to_owned(), "END:VCALENDAR".into(), String::new()]);
    let calendar: String = lines.iter().map(|line| folded(line)).collect::<Vec<_>>().join("\r\n");
    let mut out = letter.header_fields(message_id, at);
    let fields = [
        ("Content-Type", "text/calendar; method=REPLY; charset=UTF-8; component=VEVENT".to_owned()),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ];
    let text = mime::part(
        &[("Content-Type", "text/plain; charset=us-ascii".into())],
        b"Risposta all'invito.\r\n",
    );
    let parts = [text, mime::part(&fields, &mime::base64_lines(calendar.as_bytes()))];
    multipart(&mut out, "alternative", &parts, message_id);
    out
}

/// Lines of a calendar hold at most 75 octets (RFC 5545, 3.1).
fn folded(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in line.chars() {
        if column + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            column = 1;
        }
        out.push(c);
        column += c.len_utf8();
    }
    out
}

/// Header and blank line of a message.
fn header_of(message: &[u8]) -> &[u8] {
    let (_, body) = crate::structure::split(message);
    &message[..message.len() - body.len()]
}

fn multipart(out: &mut Vec<u8>, kind: &str, parts: &[Vec<u8>], message_id: &str) {
    let boundary = format!("=_{}", message_id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
    let boundary: String = boundary.chars().take(70).collect();
    let kind = format!("multipart/{kind}; boundary=\"{boundary}\"");
    out.extend_from_slice(mime::field("Content-Type", &kind).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&mime::multipart(&boundary, parts, true));
}
