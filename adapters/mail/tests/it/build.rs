//! Builds messages: certified ones in the shape of RFC 6109 4.3, reports, letters.

use base64::Engine;
use messo_core::messages::Reading;
use messo_core::ports::MailReader;
use messo_mail::Reader;

/// Our own Message-ID in all samples.
pub const OURS: &str = "m1.0192f3a4b5c67d8e9f00112233445566@hub.organismo.example";

/// Reads a message that must be readable.
pub fn read(raw: impl AsRef<[u8]>) -> Reading {
    Reader::default().read(raw.as_ref()).expect("a message")
}

/// Base 64 in lines.
pub fn base64(bytes: &[u8]) -> String {
    let whole = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines = whole.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\r\n")
}

/// A message of a certified provider.
pub struct Certified {
    pub header: String,
    pub subject: String,
    pub letter: String,
    pub record: Option<String>,
    pub carried: Option<String>,
    pub signed: bool,
}

impl Certified {
    /// A receipt or envelope with these lines in its header and this record.
    pub fn new(header: &str, record: &Record) -> Self {
        Self {
            header: header.to_owned(),
            subject: "Oggetto".to_owned(),
            letter: "-- Ricevuta --\r\n--Il messaggio e' stato trattato.".to_owned(),
            record: Some(record.xml()),
            carried: None,
            signed: true,
        }
    }

    /// The whole message with boundaries of its own, to be carried by another.
    pub fn raw_inside(&self, level: usize) -> String {
        let mut raw = self.raw();
        for word in ["mix", "sig"] {
            raw = raw
                .replace(&format!("--{word}"), &format!("--{word}{level}"))
                .replace(&format!("\"{word}"), &format!("\"{word}{level}"));
        }
        raw
    }

    /// The whole message with CRLF.
    pub fn raw(&self) -> String {
        let mut inside = format!(
            "Content-Type: multipart/mixed; boundary=\"mix\"\r\n\r\n--mix\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            self.letter
        );
        if let Some(record) = &self.record {
            let body = base64(record.as_bytes());
            inside.push_str(&format!("--mix\r\nContent-Type: application/xml; name=\"daticert.xml\"\r\nContent-Disposition: inline; filename=\"daticert.xml\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"));
        }
        if let Some(carried) = &self.carried {
            inside.push_str(&format!("--mix\r\nContent-Type: message/rfc822; name=\"postacert.eml\"\r\nContent-Disposition: attachment; filename=\"postacert.eml\"\r\n\r\n{carried}\r\n"));
        }
        inside.push_str("--mix--\r\n");
        let top = format!(
            "From: \"Per conto di\" <posta-certificata@pec.gestore.example>\r\nTo: segreteria@pec.organismo.example\r\nSubject: {}\r\nMessage-ID: <opec1.99@pec.gestore.example>\r\nDate: Tue, 24 Nov 2026 00:00:09 +0100\r\nMIME-Version: 1.0\r\n{}",
            self.subject, self.header
        );
        if !self.signed {
            return format!("{top}{inside}");
        }
        format!(
            "{top}Content-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"; micalg=sha1; boundary=\"sig\"\r\n\r\nThis is an S/MIME signed message\r\n\r\n--sig\r\n{inside}\r\n--sig\r\nContent-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIB\r\n--sig--\r\n"
        )
    }
}

/// A `daticert.xml`.
pub struct Record {
    pub tipo: &'static str,
    pub errore: &'static str,
    pub recipients: Vec<(&'static str, &'static str)>,
    pub consegna: Option<&'static str>,
    pub ricevuta: Option<&'static str>,
    pub esteso: Option<&'static str>,
}

impl Record {
    /// About one certified recipient, without error.
    pub fn new(tipo: &'static str) -> Self {
        Self {
            tipo,
            errore: "nessuno",
            recipients: vec![("certificato", "avv.rossi@pec.example")],
            consegna: None,
            ricevuta: None,
            esteso: None,
        }
    }

    /// The document.
    pub fn xml(&self) -> String {
        let recipients: String = self
            .recipients
            .iter()
            .map(|(tipo, address)| format!("<destinatari tipo=\"{tipo}\">{address}</destinatari>"))
            .collect();
        let optional = |name: &str, value: Option<&str>| {
            value.map(|value| format!("<{name}>{value}</{name}>")).unwrap_or_default()
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<postacert tipo=\"{}\" errore=\"{}\"><intestazione><mittente>{}</mittente>{recipients}<risposte>segreteria@pec.organismo.example</risposte><oggetto>Convocazione</oggetto></intestazione><dati><gestore-emittente>Gestore Esempio S.p.A.</gestore-emittente><data zona=\"+0100\"><giorno>24/11/2026</giorno><ora>00:00:07</ora></data><identificativo>opec1.20261124@pec.gestore.example</identificativo><msgid>&lt;{OURS}&gt;</msgid>{}{}{}</dati></postacert>",
            self.tipo,
            self.errore,
            if self.tipo == "posta-certificata" {
                LETTER_FROM
            } else {
                "segreteria@pec.organismo.example"
            },
            self.ricevuta.map(|tipo| format!("<ricevuta tipo=\"{tipo}\"/>")).unwrap_or_default(),
            optional("consegna", self.consegna),
            optional("errore-esteso", self.esteso),
        )
    }
}

/// Who wrote [`letter`].
pub const LETTER_FROM: &str = "mario@pec.example";

/// Somebody's message with a file.
pub fn letter() -> String {
    format!(
        "From: Mario Rossi <mario@pec.example>\r\nTo: segreteria@pec.organismo.example\r\nSubject: =?utf-8?q?Adesione_perch=C3=A9?=\r\nMessage-ID: <inner@pec.example>\r\nIn-Reply-To: <{OURS}>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nAderisco.\r\n\r\nIl 24/11/2026 Segreteria ha scritto:\r\n> vi convochiamo\r\n--in\r\nContent-Type: application/pdf; name=\"atto.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--in--\r\n",
        base64(b"%PDF-1.7\nhello\n%%EOF")
    )
}

/// A report of this kind (RFC 6522): text, machine part, and what came back.
pub fn report(kind: &str, header: &str, text: &str, part: &str, returned: &str) -> String {
    format!(
        "{header}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary=\"rep\"\r\n\r\n--rep\r\n\r\n{text}\r\n--rep\r\nContent-Type: message/{kind}\r\n\r\n{part}\r\n--rep\r\n{returned}\r\n--rep--\r\n"
    )
}

/// SignedData (RFC 5652) around some content, in DER, without signers.
pub fn cms(content: &[u8]) -> Vec<u8> {
    let element = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], body].concat()
    };
    let oid = |last: u8| vec![6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last];
    let inside = element(0xa0, &element(4, content));
    let encapsulated = element(0x30, &[oid(1), inside].concat());
    let empty = element(0x31, &[]);
    let body = [element(2, &[1]), empty.clone(), encapsulated, empty].concat();
    element(0x30, &[oid(2), element(0xa0, &element(0x30, &body))].concat())
}
