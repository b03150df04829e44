//! Ordinary mail: carried without receipts, bounced, answered or complained about by magic words, wrapped on certified boxes.
//!
//! Guarantee: reports and automatic answers go to the sender of the envelope, answers of people to `Reply-To` (RFC 3464, RFC 3834).
//! Limit: mail for addresses that the office does not know ends here.

use crate::authority::AuthorityError;
use crate::boxes::BoxError;
use crate::certified::Refusal;
use crate::config::AccountKind;
use crate::letters::{Bounce, Invitation, Letter, calendar_reply, complaint, read_notice};
use crate::mime;
use crate::office::{Office, Room};
use crate::structure::{Headers, decode_words, parts, split};
use std::sync::Arc;

/// Deepest nesting in which an invitation is looked for.
const DEPTH: usize = 8;
/// Most parts of one multipart in which an invitation is looked for.
const PARTS: usize = 100;

/// Why a message could not be put into a box.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The box would not take it.
    #[error("the box does not take the message")]
    Box(#[from] BoxError),
    /// It could not be signed.
    #[error("the message could not be signed")]
    Authority(#[from] AuthorityError),
}

impl Office {
    /// Takes ordinary mail.
    pub(crate) fn submit_ordinary(
        self: &Arc<Self>,
        sender: &str,
        recipients: &[String],
        message: &[u8],
    ) -> Result<String, Refusal> {
        let full = Refusal { code: 452, text: "4.3.1 too much under way" };
        let room = self.room(message.len()).ok_or(full)?;
        let message = self.traced(sender, message);
        let id = format!("ord{}", self.serial());
        let (sender, recipients) = (sender.to_owned(), recipients.to_vec());
        self.tasks.spawn(carry(self.clone(), sender, recipients, message, room));
        Ok(id)
    }

    /// Puts ordinary mail into a box; a certified one gets it in an anomaly envelope.
    pub(crate) fn deliver_ordinary(&self, to: &str, message: &[u8]) -> Result<u32, DeliveryError> {
        let account = self.account_of(to).ok_or(BoxError::NoAccount)?;
        if account.kind == AccountKind::Ordinary {
            return Ok(self.put(&account.address, "INBOX", message)?);
        }
        let reason = "il messaggio è di posta ordinaria";
        let envelope = self.home.anomaly(message, reason, self.now())?;
        Ok(self.put(&account.address, "INBOX", &envelope)?)
    }
}

async fn carry(
    office: Arc<Office>,
    sender: String,
    recipients: Vec<String>,
    message: Vec<u8>,
    _room: Room,
) {
    if !office.wait(office.config.pace.delivery.wait).await {
        return;
    }
    for recipient in &recipients {
        let sent = Sent { office: &office, sender: &sender, recipient, message: &message };
        if let Err(error) = sent.arrive() {
            tracing::debug!(%error, "ordinary mail of the sandbox was lost");
        }
    }
}

/// One message on its way to one recipient.
struct Sent<'a> {
    office: &'a Office,
    sender: &'a str,
    recipient: &'a str,
    message: &'a [u8],
}

impl Sent<'_> {
    fn arrive(&self) -> Result<(), DeliveryError> {
        if self.office.account_of(self.recipient).is_some() {
            return self.office.deliver_ordinary(self.recipient, self.message).map(drop);
        }
        let local = self.recipient.rsplit_once('@').map_or(self.recipient, |(local, _)| local);
        let word = local.split(['.', '+']).next().unwrap_or_default().to_ascii_lowercase();
        match word.as_str() {
            "inesistente" | "mancata" => self.bounce("failed", "5.1.1", "550 5.1.1 user unknown"),
            "dominio-inesistente" => self.bounce("failed", "5.1.2", "550 5.1.2 host not found"),
            "casella-piena" => self.bounce("failed", "5.2.2", "552 5.2.2 mailbox full"),
            "bloccata" => self.bounce("failed", "5.7.1", "554 5.7.1 rejected by policy"),
            "scaduta" => self.bounce("failed", "4.4.7", "451 4.4.7 delivery time expired"),
            "ritardo" => self.bounce("delayed", "4.4.1", "451 4.4.1 no answer from host"),
            "grezza" => self.plain_bounce(),
            "assente" => self.automatic(),
            "aderisce" => self.answer("Buongiorno, aderisco alla mediazione."),
            "rifiuta" => self.answer("Buongiorno, non intendo aderire."),
            "domanda" => self.answer("A che ora è l'incontro e dove si trova la sede?"),
            "invito-accettato" => self.calendar("ACCEPTED"),
            "invito-rifiutato" => self.calendar("DECLINED"),
            "invito-forse" => self.calendar("TENTATIVE"),
            "reclamo" => {
                let id = self.id();
                let at = self.office.now();
                self.back(&complaint(self.sender, self.recipient, self.message, &id, at))
            }
            "letta" => {
                let (id, at) = (self.id(), self.office.now());
                let answered = self.headers().get("Message-ID").unwrap_or_default();
                self.back(&read_notice(self.sender, self.recipient, &answered, &id, at))
            }
            _ => Ok(()),
        }
    }

    fn headers(&self) -> Headers {
        split(self.message).0
    }

    fn id(&self) -> String {
        self.office.letter_id(self.recipient.rsplit_once('@').map_or("", |(_, domain)| domain))
    }

    /// To the sender of the envelope; the null sender gets nothing (RFC 5321, 4.5.5).
    fn back(&self, message: &[u8]) -> Result<(), DeliveryError> {
        if self.sender.is_empty() {
            return Ok(());
        }
        self.office.deliver_ordinary(self.sender, message).map(drop)
    }

    fn bounce(
        &self,
        action: &'static str,
        status: &'static str,
        diagnostic: &str,
    ) -> Result<(), DeliveryError> {
        let (recipient, diagnostic) = (self.recipient.to_owned(), diagnostic.to_owned());
        let bounce = Bounce { recipient, action, status, diagnostic };
        let id = self.office.letter_id("mail.sandbox.example");
        self.back(&bounce.write(self.sender, self.message, &id, self.office.now()))
    }

    /// A failure told in words alone, as some systems still do.
    fn plain_bounce(&self) -> Result<(), DeliveryError> {
        let text = format!(
            "Sono il programma di posta di mail.sandbox.example.\nNon ho potuto consegnare il messaggio:\n\n\
<{}>:\n550 5.1.1 utente sconosciuto\n\n--- Segue una copia dell'intestazione.\n\nMessage-ID: {}\n",
            self.recipient,
            self.headers().get("Message-ID").unwrap_or_default()
        );
        let from = "MAILER-DAEMON@mail.sandbox.example";
        let letter = Letter::new(from, self.sender, "failure notice", &text);
        let letter = letter.header("Return-Path", "<>");
        let id = self.office.letter_id("mail.sandbox.example");
        self.back(&letter.write(&id, self.office.now()))
    }

    fn letter(&self, to: &str, text: &str) -> Letter {
        let headers = self.headers();
        let subject = decode_words(&headers.get("Subject").unwrap_or_default());
        let mut letter = Letter::new(self.recipient, to, &format!("Re: {subject}"), text);
        letter.in_reply_to = headers.get("Message-ID");
        letter
    }

    fn automatic(&self) -> Result<(), DeliveryError> {
        let headers = self.headers();
        let subject = decode_words(&headers.get("Subject").unwrap_or_default());
        let answered = headers.get("Message-ID");
        let letter = Letter::automatic(self.recipient, self.sender, &subject, answered.as_deref());
        self.back(&letter.write(&self.id(), self.office.now()))
    }

    /// A person answers to `Reply-To`, and quotes.
    fn answer(&self, text: &str) -> Result<(), DeliveryError> {
        let headers = self.headers();
        let named = headers.addresses("Reply-To").into_iter().chain(headers.addresses("From"));
        let Some(to) = named.into_iter().next() else { return Ok(()) };
        let quoted = format!("{text}\n\nIl giorno 1 giugno {to} ha scritto:\n> [testo citato]\n");
        let letter = self.letter(&to, &quoted);
        let message = letter.write(&self.id(), self.office.now());
        self.office.deliver_ordinary(&to, &message).map(drop)
    }

    fn calendar(&self, answer: &str) -> Result<(), DeliveryError> {
        let Some(invitation) = invitation(self.message, 0) else { return Ok(()) };
        let to = invitation.organizer.rsplit(':').next().unwrap_or_default().to_owned();
        let letter = self.letter(&to, "");
        let (id, at) = (self.id(), self.office.now());
        let message = calendar_reply(&letter, &invitation, answer, &id, at);
        self.office.deliver_ordinary(&to, &message).map(drop)
    }
}

/// The first invitation in a message.
fn invitation(entity: &[u8], depth: usize) -> Option<Invitation> {
    let (headers, body) = split(entity);
    let kind = headers.content_type();
    if kind.value.starts_with("multipart/") && depth < DEPTH {
        let cut = parts(body, &kind.parameter("boundary")?, PARTS)?;
        return cut.parts.iter().find_map(|part| invitation(part, depth + 1));
    }
    if kind.value != "text/calendar" {
        return None;
    }
    let text = match headers.transfer_encoding().as_str() {
        "base64" => mime::read_base64(body),
        "quoted-printable" => mime::read_quoted_printable(body),
        _ => body.to_vec(),
    };
    let text = String::from_utf8_lossy(&text).replace("\r\n", "\n").replace("\n ", "");
    let line = |name: &str| {
        let begins =
            |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', ';']));
        text.lines().find(begins).map(str::to_owned)
    };
    let value = |name: &str| line(name)?.split_once(':').map(|(_, value)| value.trim().to_owned());
    Some(Invitation {
        uid: value("UID")?,
        organizer: value("ORGANIZER")?,
        sequence: value("SEQUENCE").and_then(|text| text.parse().ok()).unwrap_or(0),
        start: line("DTSTART").unwrap_or_default(),
    })
}
