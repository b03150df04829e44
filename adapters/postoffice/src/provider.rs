//! A certified provider: its name, its keys, and the receipts and envelopes it writes (RFC 6109, 3 and 4.3).
//!
//! Guarantee: the same statement, serial and keys give the same bytes. Limit: flaws are written only when asked for; without
//! them every message follows the RFC.

use crate::authority::{Authority, AuthorityError, Signer};
use crate::brief::brief;
use crate::cms::{self, Encoding};
use crate::daticert::{self, Record, RecordFlaws};
use crate::instants;
use crate::kinds::{Form, Kind};
use crate::mime;
use crate::originals::Original;
use crate::texts;
use data_encoding::HEXLOWER;
use messo_core::time::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Header field that marks everything the sandbox writes.
pub const MARK: &str = "X-Messo-Sandbox";

/// What becomes of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Signature {
    /// Good, in DER.
    #[default]
    Der,
    /// Good, in BER.
    Ber,
    /// None: the receipt is a plain multipart.
    Missing,
    /// None, though announced: the message ends after its first part.
    CutOff,
    /// Made for an hour later: the signed bytes were changed.
    Tampered,
    /// Good, but the certificate names another address.
    WrongSigner,
    /// Good, under a root that nobody trusts.
    Untrusted,
}

/// What may be wrong or unusual in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// In the record.
    pub record: RecordFlaws,
    /// In the signature.
    pub signature: Signature,
    /// The domain of the referenced Message-ID is another one.
    pub rewritten_reference: bool,
    /// Names of the certified header fields in unusual case.
    pub odd_case: bool,
    /// The closing boundary of the inner multipart is missing.
    pub unclosed: bool,
    /// The enclosed message travels in base64.
    pub enclosed_base64: bool,
}

/// What a provider is to state.
pub struct Statement<'a> {
    /// Which kind; not [`Kind::Anomaly`].
    pub kind: Kind,
    /// The message that this is about.
    pub original: &'a Original,
    /// Who gets this.
    pub to: String,
    /// The legal instant.
    pub at: Timestamp,
    /// The one recipient that this is about.
    pub recipient: Option<&'a str>,
    /// `errore`, when it is not the usual one of the kind.
    pub error: Option<&'static str>,
    /// `errore-esteso`: code and reason; the provider puts its name between.
    pub detail: Option<(&'a str, &'a str)>,
    /// Form of a delivery receipt.
    pub form: Form,
    /// What is wrong with it.
    pub flaws: Flaws,
    /// Number that makes the Message-ID of a receipt unique.
    pub serial: u64,
}

/// A certified provider of the sandbox.
pub struct Provider {
    name: String,
    domain: String,
    signer: Signer,
    impostor: Signer,
    stranger: Signer,
    style: Style,
}

/// How a provider writes; both ways are in use, and both follow the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Readable text as plain text and HTML; `application/pkcs7-signature`, `micalg="sha-256"`.
    Rich,
    /// Plain text alone; `application/x-pkcs7-signature`, `micalg=sha256`.
    Plain,
}

impl Provider {
    /// A provider for `domain`; its keys are made when this authority sees it for the first time.
    ///
    /// # Errors
    /// When keys cannot be made.
    pub fn new(
        authority: &Authority,
        name: &str,
        domain: &str,
        style: Style,
    ) -> Result<Self, AuthorityError> {
        let address = format!("posta-certificata@{domain}");
        let [signer, impostor, stranger] = authority.signers(name, &address)?;
        Ok(Self { name: name.into(), domain: domain.into(), signer, impostor, stranger, style })
    }

    /// Mail domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Address that signs.
    pub fn address(&self) -> &str {
        &self.signer.address
    }

    /// The signer of everything without flaw.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Writes a receipt or a transport envelope.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn write(&self, statement: &Statement<'_>) -> Result<Vec<u8>, AuthorityError> {
        let record = self.record(statement);
        let header = match statement.kind {
            Kind::Transport => self.envelope_header(statement),
            _ => self.receipt_header(statement),
        };
        let content = self.content(statement, &record);
        let signed = match statement.flaws.signature {
            Signature::Tampered => {
                let later = record.at + Duration::from_secs(3_600);
                Some(self.content(statement, &Record { at: later, ..record }))
            }
            _ => None,
        };
        let seal = Seal { signed, at: statement.at, signature: statement.flaws.signature };
        self.sealed(header, content, seal)
    }

    /// Writes an anomaly envelope around mail that is not certified (RFC 6109, 3.2.2).
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn anomaly(
        &self,
        message: &[u8],
        reason: &str,
        at: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        let original = Original::read(message, "", at);
        let kept = ["Received", "To", "Cc", "Return-Path", "Reply-To", "Message-ID"];
        let mut header = Header::inherited(&original, &kept);
        header.field("X-Trasporto", "errore");
        header.field("Date", &instants::mail_date(at));
        header.field("Subject", &subject(Kind::Anomaly, &original));
        self.on_behalf(&mut header, &original);
        let record = Record { error_detail: Some(reason.into()), at, ..blank(&original) };
        let parts = [self.readable(Kind::Anomaly, &record), enclosed(message, false)];
        let content = mixed(&parts, true);
        let seal = Seal { signed: None, at, signature: Signature::Der };
        self.sealed(header, content, seal)
    }

    fn record(&self, statement: &Statement<'_>) -> Record {
        let kind = statement.kind;
        let detail = statement.detail.map(|(code, why)| match code {
            "" => why.to_owned(),
            _ => format!("{code} - {} - {why}", self.name),
        });
        let recipient = statement.recipient.filter(|_| kind.names_recipient());
        let taken = statement.recipient.filter(|_| kind == Kind::TakenInCharge);
        Record {
            kind: kind.record().unwrap_or_default(),
            error: statement.error.unwrap_or(kind.usual_error()),
            provider: self.name.clone(),
            at: statement.at,
            message_id: reference(statement),
            form: match kind {
                Kind::Delivery => Some(statement.form),
                Kind::Transport => Some(statement.original.form),
                _ => None,
            },
            recipient: recipient.map(str::to_owned),
            taken: taken.map(str::to_owned).into_iter().collect(),
            error_detail: detail,
            ..blank(statement.original)
        }
    }

    fn receipt_header(&self, statement: &Statement<'_>) -> Header {
        let (kind, original) = (statement.kind, statement.original);
        let mut header = Header { odd_case: statement.flaws.odd_case, ..Header::default() };
        header.field("Return-Path", &format!("<{}>", self.address()));
        header.field("X-Ricevuta", kind.receipt().unwrap_or_default());
        if kind.is_security_notice() {
            header.field("X-VerificaSicurezza", "errore");
        }
        if kind == Kind::VirusDetected {
            header.field("X-Mittente", &original.sender);
        }
        header.field("Date", &instants::mail_date(statement.at));
        header.field("Subject", &subject(kind, original));
        header.field("From", self.address());
        header.field("To", &statement.to);
        if let Some(reference) = reference(statement) {
            header.field("X-Riferimento-Message-ID", &reference);
        }
        let local = original.pec_id.split('@').next().unwrap_or_default();
        header.field("Message-ID", &format!("<r{}.{local}@{}>", statement.serial, self.domain));
        header
    }

    fn envelope_header(&self, statement: &Statement<'_>) -> Header {
        let original = statement.original;
        let kept = ["Received", "To", "Cc", "Return-Path", "Reply-To"];
        let mut header = Header::inherited(original, &kept);
        header.odd_case = statement.flaws.odd_case;
        header.field("X-Trasporto", "posta-certificata");
        header.field("Date", &instants::mail_date(statement.at));
        header.field("Subject", &subject(Kind::Transport, original));
        self.on_behalf(&mut header, original);
        header.field("Message-ID", &format!("<{}>", original.pec_id));
        if let Some(reference) = reference(statement) {
            header.field("X-Riferimento-Message-ID", &reference);
        }
        header.field("X-TipoRicevuta", original.form.word());
        header
    }

    /// `From` and `Sender` of an envelope: the provider speaks for the true author, who gets the answers.
    fn on_behalf(&self, header: &mut Header, original: &Original) {
        let sound = |c: &char| c.is_ascii() && !c.is_control() && !matches!(c, '"' | '\\');
        let name: String = original.sender.chars().filter(sound).collect();
        let from = format!("\"Per conto di: {name}\" <{}>", self.address());
        header.field("From", &from);
        header.field("Sender", &from);
        if original.headers.get("Reply-To").is_none() {
            header.field("Reply-To", &original.sender);
        }
    }

    /// The multipart that is signed: text, record, and the message where the kind has it.
    fn content(&self, statement: &Statement<'_>, record: &Record) -> Vec<u8> {
        let original = statement.original;
        let mut parts = vec![self.readable(statement.kind, record)];
        let fields = [
            ("Content-Type", "application/xml; name=\"daticert.xml\"".into()),
            ("Content-Transfer-Encoding", "base64".into()),
            ("Content-Disposition", "inline; filename=\"daticert.xml\"".into()),
        ];
        let xml = daticert::write(record, statement.flaws.record);
        parts.push(mime::part(&fields, &mime::base64_lines(&xml)));
        let base64 = statement.flaws.enclosed_base64;
        match (statement.kind, statement.form) {
            (Kind::Transport, _) | (Kind::Delivery, Form::Complete) => {
                parts.push(enclosed(&original.bytes, base64));
            }
            (Kind::Delivery, Form::Brief) => parts.push(enclosed(&brief(&original.bytes), base64)),
            _ => {}
        }
        mixed(&parts, !statement.flaws.unclosed)
    }

    fn readable(&self, kind: Kind, record: &Record) -> Vec<u8> {
        let text = texts::text(kind, record);
        if self.style == Style::Plain {
            return mime::text_part("plain", &text);
        }
        let forms = [mime::text_part("plain", &text), mime::text_part("html", &texts::html(&text))];
        let boundary = boundary(&[&forms[0], &forms[1]]);
        let kind = format!("multipart/alternative; boundary=\"{boundary}\"");
        mime::part(&[("Content-Type", kind)], &mime::multipart(&boundary, &forms, true))
    }

    /// Puts header, signed content and signature together.
    fn sealed(
        &self,
        mut header: Header,
        content: Vec<u8>,
        seal: Seal,
    ) -> Result<Vec<u8>, AuthorityError> {
        header.field(MARK, "1");
        header.field("MIME-Version", "1.0");
        let mut out = header.bytes;
        if seal.signature == Signature::Missing {
            out.extend_from_slice(&content);
            return Ok(out);
        }
        let boundary = boundary(&[&content]);
        let (protocol, micalg) = match self.style {
            Style::Rich => ("application/pkcs7-signature", "\"sha-256\""),
            Style::Plain => ("application/x-pkcs7-signature", "sha256"),
        };
        let kind = format!(
            "multipart/signed; protocol=\"{protocol}\"; micalg={micalg}; boundary=\"{boundary}\""
        );
        out.extend_from_slice(mime::field("Content-Type", &kind).as_bytes());
        out.extend_from_slice(b"\r\nThis is an S/MIME signed message\r\n\r\n");
        if seal.signature == Signature::CutOff {
            out.extend_from_slice(&mime::multipart(&boundary, &[content], false));
            return Ok(out);
        }
        let (signer, encoding) = match seal.signature {
            Signature::WrongSigner => (&self.impostor, Encoding::Der),
            Signature::Untrusted => (&self.stranger, Encoding::Der),
            Signature::Ber => (&self.signer, Encoding::Ber),
            _ => (&self.signer, Encoding::Der),
        };
        let signed = seal.signed.as_ref().unwrap_or(&content);
        let signature = cms::sign(signer, signed, seal.at, encoding)?;
        let fields = [
            ("Content-Type", format!("{protocol}; name=\"smime.p7s\"")),
            ("Content-Transfer-Encoding", "base64".into()),
            ("Content-Disposition", "attachment; filename=\"smime.p7s\"".into()),
        ];
        let signature = mime::part(&fields, &mime::base64_lines(&signature));
        out.extend_from_slice(&mime::multipart(&boundary, &[content, signature], true));
        Ok(out)
    }
}

/// What the signature is made over, when, and what is wrong with it.
struct Seal {
    signed: Option<Vec<u8>>,
    at: Timestamp,
    signature: Signature,
}

/// The header of a message under way.
#[derive(Default)]
struct Header {
    bytes: Vec<u8>,
    odd_case: bool,
}

impl Header {
    /// Begins with fields of the message, byte for byte (RFC 6109, 3.1.4).
    fn inherited(original: &Original, names: &[&str]) -> Self {
        let wanted = |name: &str| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        let fields = original.headers.0.iter().filter(|field| wanted(&field.name));
        Self { bytes: fields.flat_map(|field| field.raw.clone()).collect(), odd_case: false }
    }

    fn field(&mut self, name: &str, value: &str) {
        let name = if self.odd_case && name.starts_with("X-") { odd(name) } else { name.into() };
        self.bytes.extend_from_slice(mime::field(&name, value).as_bytes());
    }
}

fn mixed(parts: &[Vec<u8>], closed: bool) -> Vec<u8> {
    let all: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let boundary = boundary(&all);
    let kind = format!("multipart/mixed; boundary=\"{boundary}\"");
    mime::part(&[("Content-Type", kind)], &mime::multipart(&boundary, parts, closed))
}

/// A boundary that the parts cannot contain, since it is made of their hash.
fn boundary(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    format!("----=_messo_{}", HEXLOWER.encode(&digest.finalize()[..12]))
}

fn enclosed(message: &[u8], base64: bool) -> Vec<u8> {
    let coding = match (base64, message.is_ascii()) {
        (true, _) => "base64",
        (false, true) => "7bit",
        (false, false) => "8bit",
    };
    let fields = [
        ("Content-Type", "message/rfc822; name=\"postacert.eml\"".into()),
        ("Content-Transfer-Encoding", coding.into()),
        ("Content-Disposition", "inline; filename=\"postacert.eml\"".into()),
    ];
    if base64 {
        mime::part(&fields, &mime::base64_lines(message))
    } else {
        mime::part(&fields, message)
    }
}

fn subject(kind: Kind, original: &Original) -> String {
    format!("{}: {}", kind.prefix(), original.raw_subject)
}

fn reference(statement: &Statement<'_>) -> Option<String> {
    let own = statement.original.message_id.clone()?;
    match own.split_once('@') {
        Some((local, _)) if statement.flaws.rewritten_reference => {
            Some(format!("{local}@riscritto.sandbox.example>"))
        }
        _ => Some(own),
    }
}

fn blank(original: &Original) -> Record {
    Record {
        kind: "",
        error: "nessuno",
        sender: original.sender.clone(),
        recipients: original.recipients(),
        reply_to: original.reply_to.clone(),
        subject: original.subject.clone(),
        provider: String::new(),
        at: original.accepted_at,
        pec_id: original.pec_id.clone(),
        message_id: original.message_id.clone(),
        form: None,
        recipient: None,
        taken: Vec::new(),
        error_detail: None,
    }
}

/// `X-TipoRicevuta` as `X-Tiporicevuta`: seen in real mail.
fn odd(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('-') {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        out.extend(first);
        out.push_str(&letters.as_str().to_ascii_lowercase());
        out.push('-');
    }
    out.trim_end_matches('-').to_owned()
}
