//! Reading mail: what a message is, what it is about, what its author wrote, and which files came with it.
//!
//! [`Reader`] is the port's implementation. The class follows from header fields and structure in a fixed order
//! (`MailClass::ALL`), never from the subject. Guarantee: pure; bytes that are no message give an error, everything else a
//! reading, with what was odd about it; time is linear in the bytes, memory within about twice the message; nothing is
//! fetched, run or unpacked beyond the stated [`Limits`]. Limit: signatures are somebody else's to check, and a message
//! encrypted for its reader stays closed.

mod automatic;
mod bounces;
mod calendar;
mod certified;
mod daticert;
mod files;
pub mod fuzzing;
mod head;
mod mime;
mod reports;
mod text;
mod transfer;

use head::Head;
use messo_core::ids::BlobHash;
use messo_core::messages::{Headers, MailClass, Meaning, Reading};
use messo_core::ports::{MailReader, UnreadableMail};
use mime::Message;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What is read at most of one message.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest message, in bytes.
    pub message_bytes: usize,
    /// Longest text of a part that is decoded, in bytes.
    pub text_bytes: usize,
    /// Largest file that is taken, in bytes, decoded.
    pub part_bytes: u64,
    /// Most files that are taken.
    pub attachments: usize,
    /// How much the archives of one message may unpack to altogether, in bytes.
    pub unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 150 << 20,
            text_bytes: 2 << 20,
            part_bytes: 30 << 20,
            attachments: 200,
            unpacked_bytes: 200 << 20,
        }
    }
}

/// Reads messages within limits.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    limits: Limits,
}

impl Reader {
    /// A reader with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

impl MailReader for Reader {
    fn read(&self, raw: &[u8]) -> Result<Reading, UnreadableMail> {
        if raw.len() > self.limits.message_bytes {
            return Err(UnreadableMail("it is longer than is read".to_owned()));
        }
        let message = Message::read(raw);
        if message.head().is_empty() {
            return Err(UnreadableMail("it has no header".to_owned()));
        }
        let mut reading = match certified::class(message.head()) {
            Some((class, word)) => self.certified(&message, class, word),
            None => self.ordinary(&message),
        };
        let mut oddities: Vec<String> =
            message.oddities.iter().map(|what| (*what).to_owned()).collect();
        oddities.append(&mut reading.oddities);
        reading.oddities = oddities;
        Ok(reading)
    }
}

impl Reader {
    fn ordinary(&self, message: &Message<'_>) -> Reading {
        let headers = headers(message.head());
        let (text, used) = text::read(message, self.limits.text_bytes);
        let mut oddities = Vec::new();
        let (class, meaning) = classify(message, &headers, &text, &mut oddities);
        let has_files = matches!(
            class,
            MailClass::CalendarReply | MailClass::AutoReply | MailClass::Correspondence
        );
        let report = matches!(class, MailClass::Dsn | MailClass::Arf | MailClass::Mdn);
        Reading {
            class,
            headers,
            meaning,
            pec: None,
            daticert: None,
            inner: None,
            new_text: text::quotes::strip(&text),
            attachments: if has_files {
                files::read(message, &used, &self.limits)
            } else {
                Vec::new()
            },
            automatic: report || is_automatic(message.head(), &mut oddities),
            text,
            oddities,
        }
    }

    fn certified(&self, message: &Message<'_>, class: MailClass, word: String) -> Reading {
        let sealed = certified::sealed(message);
        let inside = sealed.as_deref().map(Message::read);
        let content = inside.as_ref().unwrap_or(message);
        let (text, _) = text::read(content, self.limits.text_bytes);
        let daticert = certified::record(content).map(|part| part.bytes());
        let mut pec = certified::read(message.head(), class, word, daticert.as_deref(), &text);
        pec.sealed = sealed.as_deref().map(BlobHash::of);
        let receipt = class == MailClass::PecReceipt;
        let mut reading = Reading {
            class,
            headers: headers(message.head()),
            meaning: Meaning::Plain,
            pec: Some(pec),
            daticert: daticert.map(Cow::into_owned),
            inner: None,
            new_text: String::new(),
            text,
            attachments: Vec::new(),
            automatic: receipt,
            oddities: Vec::new(),
        };
        // What a receipt brings back is our own; an envelope is about what it carries.
        if !receipt {
            self.open(content, &mut reading);
        }
        reading
    }

    /// The message in an envelope takes the place of the provider's letter.
    fn open(&self, message: &Message<'_>, reading: &mut Reading) {
        // Usually it stands there as it is; some encode it, or send it as a file.
        let bytes = certified::carried(message).map(|part| part.bytes()).unwrap_or_default();
        let inner = Message::read(&bytes);
        if inner.head().is_empty() {
            reading.oddities.push("the envelope carries no message".to_owned());
            return;
        }
        let odd = inner.oddities.iter().map(|what| format!("{what} (in the message inside)"));
        reading.oddities.extend(odd);
        let (text, used) = text::read(&inner, self.limits.text_bytes);
        let mut author = headers(inner.head());
        let sender = reading.pec.as_ref().and_then(|pec| pec.sender.as_deref());
        if let Some(odd) = sender.and_then(|sender| certified::attest(&mut author, sender)) {
            reading.oddities.push(odd.to_owned());
        }
        reading.inner = Some(author);
        reading.attachments = files::read(&inner, &used, &self.limits);
        let report = inner.parts[0].kind() == "multipart/report";
        reading.automatic = report || is_automatic(inner.head(), &mut reading.oddities);
        reading.new_text = text::quotes::strip(&text);
        reading.text = text;
    }

    /// The message that certified mail carries, read by itself: of a transport envelope the author's, of a receipt of
    /// delivery the one that was sent. None for what is not certified, and where there is none.
    pub fn carried(&self, raw: &[u8]) -> Option<Reading> {
        let message = Message::read(raw);
        certified::class(message.head())?;
        let sealed = certified::sealed(&message);
        let inside = sealed.as_deref().map(Message::read);
        let bytes = certified::carried(inside.as_ref().unwrap_or(&message))?.bytes();
        self.read(&bytes).ok()
    }
}

/// Class and meaning of a message that is not certified.
fn classify(
    message: &Message<'_>,
    headers: &Headers,
    text: &str,
    oddities: &mut Vec<String>,
) -> (MailClass, Meaning) {
    if let Some(bounces) = bounces::read(message, headers, || text.to_owned()) {
        return (MailClass::Dsn, Meaning::Bounces(bounces));
    }
    if let Some(complaint) = reports::complaint(message) {
        return (MailClass::Arf, complaint);
    }
    if let Some(disposition) = reports::disposition(message) {
        return (MailClass::Mdn, disposition);
    }
    if let Some((reply, odd)) = calendar::read(message) {
        oddities.extend(odd.map(str::to_owned));
        return (MailClass::CalendarReply, Meaning::Calendar(reply));
    }
    if automatic::is_reply(message.head()) {
        return (MailClass::AutoReply, Meaning::Plain);
    }
    (MailClass::Correspondence, Meaning::Plain)
}

fn is_automatic(head: &Head<'_>, oddities: &mut Vec<String>) -> bool {
    if automatic::is_reply(head) {
        return true;
    }
    let by_subject = automatic::has_subject(head);
    if by_subject {
        oddities.push("only the subject says that it is an automatic reply".to_owned());
    }
    by_subject
}

/// Where servers note to which address a copy went.
const WENT_TO: &[&str] =
    &["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];

fn headers(head: &Head<'_>) -> Headers {
    let went_to = WENT_TO.iter().flat_map(|name| head.people(name));
    let mut seen = BTreeSet::new();
    let to = went_to
        .map(|person| person.address.to_lowercase())
        .filter(|address| !address.is_empty() && seen.insert(address.clone()))
        .collect();
    let first =
        |name: &str| head.people(name).into_iter().find(|person| !person.address.is_empty());
    Headers {
        message_id: head
            .text("Message-ID")
            .map(|text| head::bare_id(&text))
            .filter(|id| !id.is_empty()),
        from: first("From").or_else(|| first("Sender")),
        reply_to: first("Reply-To"),
        to,
        subject: head.decoded("Subject").unwrap_or_default(),
        date: head.date("Date"),
        in_reply_to: head.ids("In-Reply-To"),
        references: head.ids("References"),
        return_path: head
            .text("Return-Path")
            .map(|text| head::printable(text.trim_matches(['<', '>', ' ']), 320)),
    }
}
