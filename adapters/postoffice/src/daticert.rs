//! Writes daticert.xml, the record that a certified provider signs (RFC 6109, 4.4).
//!
//! Guarantee: elements stand in the order of the DTD, text is escaped. Limit: the flaws are those that real
//! providers have shown; they are written only when asked for.

use crate::instants;
use crate::kinds::Form;
use messo_core::time::Timestamp;

/// What a provider states about a message.
#[derive(Clone, Debug)]
pub struct Record {
    /// `@tipo`.
    pub kind: &'static str,
    /// `@errore`.
    pub error: &'static str,
    /// Sender.
    pub sender: String,
    /// Recipients; the flag says whether the address is certified.
    pub recipients: Vec<(String, bool)>,
    /// Where answers go.
    pub reply_to: String,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Name of the provider that states this.
    pub provider: String,
    /// The legal instant.
    pub at: Timestamp,
    /// Identifier that all receipts of one message share, without angle brackets.
    pub pec_id: String,
    /// The sender's own Message-ID, with angle brackets.
    pub message_id: Option<String>,
    /// Form of receipt.
    pub form: Option<Form>,
    /// The recipient that this is about.
    pub recipient: Option<String>,
    /// Recipients taken in charge.
    pub taken: Vec<String>,
    /// Error in words.
    pub error_detail: Option<String>,
}

/// What may be wrong or unusual in a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordFlaws {
    /// A loose letter between two elements.
    pub stray_text: bool,
    /// Declared and written in ISO-8859-1.
    pub latin1: bool,
    /// `risposte`, `oggetto`, `msgid` and `@errore` are left out.
    pub sparse: bool,
}

/// Writes the record.
pub fn write(record: &Record, flaws: RecordFlaws) -> Vec<u8> {
    let charset = if flaws.latin1 { "ISO-8859-1" } else { "UTF-8" };
    let mut out = format!("<?xml version=\"1.0\" encoding=\"{charset}\"?>\r\n");
    let error = if flaws.sparse { String::new() } else { format!(" errore=\"{}\"", record.error) };
    line(&mut out, 0, &format!("<postacert tipo=\"{}\"{error}>", record.kind));
    line(&mut out, 1, "<intestazione>");
    element(&mut out, "mittente", &record.sender);
    for (address, certified) in &record.recipients {
        let kind = if *certified { "certificato" } else { "esterno" };
        let address = escaped(address);
        line(&mut out, 2, &format!("<destinatari tipo=\"{kind}\">{address}</destinatari>"));
    }
    if !flaws.sparse {
        element(&mut out, "risposte", &record.reply_to);
        optional(&mut out, "oggetto", record.subject.as_deref());
    }
    line(&mut out, 1, "</intestazione>");
    if flaws.stray_text {
        line(&mut out, 1, "a");
    }
    data(&mut out, record, flaws);
    line(&mut out, 0, "</postacert>");
    if flaws.latin1 { latin1(&out) } else { out.into_bytes() }
}

fn data(out: &mut String, record: &Record, flaws: RecordFlaws) {
    line(out, 1, "<dati>");
    element(out, "gestore-emittente", &record.provider);
    line(out, 2, &format!("<data zona=\"{}\">", instants::zone(record.at)));
    line(out, 3, &format!("<giorno>{}</giorno>", instants::day(record.at)));
    line(out, 3, &format!("<ora>{}</ora>", instants::time(record.at)));
    line(out, 2, "</data>");
    element(out, "identificativo", &record.pec_id);
    if !flaws.sparse {
        optional(out, "msgid", record.message_id.as_deref());
    }
    if let Some(form) = record.form {
        line(out, 2, &format!("<ricevuta tipo=\"{}\"/>", form.word()));
    }
    optional(out, "consegna", record.recipient.as_deref());
    for address in &record.taken {
        element(out, "ricezione", address);
    }
    optional(out, "errore-esteso", record.error_detail.as_deref());
    line(out, 1, "</dati>");
}

fn optional(out: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        element(out, name, text);
    }
}

fn element(out: &mut String, name: &str, text: &str) {
    line(out, 2, &format!("<{name}>{}</{name}>", escaped(text)));
}

fn line(out: &mut String, depth: usize, text: &str) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(text);
    out.push_str("\r\n");
}

/// Text as element content; characters that XML 1.0 forbids become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn latin1(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            kind: "avvenuta-consegna",
            error: "nessuno",
            sender: "segreteria@pec.organismo.example".into(),
            recipients: vec![("avv.rossi@pec.example".into(), true)],
            reply_to: "segreteria@pec.organismo.example".into(),
            subject: Some("Convocazione è <1> & 2 €".into()),
            provider: "Gestore Esempio S.p.A.".into(),
            at: Timestamp::from_seconds(1_795_474_807),
            pec_id: "opec1.20261124000007.1.2.3@pec.gestore.example".into(),
            message_id: Some("<h1.01JD.9f3a@hub.organismo.example>".into()),
            form: Some(Form::Complete),
            recipient: Some("avv.rossi@pec.example".into()),
            taken: vec![],
            error_detail: None,
        }
    }

    #[test]
    fn a_record_reads_as_the_dtd_orders_it() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r
<postacert tipo=\"avvenuta-consegna\" errore=\"nessuno\">\r
  <intestazione>\r
    <mittente>segreteria@pec.organismo.example</mittente>\r
    <destinatari tipo=\"certificato\">avv.rossi@pec.example</destinatari>\r
    <risposte>segreteria@pec.organismo.example</risposte>\r
    <oggetto>Convocazione è &lt;1&gt; &amp; 2 €</oggetto>\r
  </intestazione>\r
  <dati>\r
    <gestore-emittente>Gestore Esempio S.p.A.</gestore-emittente>\r
    <data zona=\"+0100\">\r
      <giorno>24/11/2026</giorno>\r
      <ora>00:00:07</ora>\r
    </data>\r
    <identificativo>opec1.20261124000007.1.2.3@pec.gestore.example</identificativo>\r
    <msgid>&lt;h1.01JD.9f3a@hub.organismo.example&gt;</msgid>\r
    <ricevuta tipo=\"completa\"/>\r
    <consegna>avv.rossi@pec.example</consegna>\r
  </dati>\r
</postacert>\r\n";
        let written = String::from_utf8(write(&record(), RecordFlaws::default())).unwrap();
        assert_eq!(written, expected);
    }

    #[test]
    fn a_record_in_latin1_says_so_and_escapes_what_that_set_lacks() {
        let flaws = RecordFlaws { latin1: true, ..RecordFlaws::default() };
        let written = write(&record(), flaws);
        assert!(written.starts_with(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"));
        let subject = b"Convocazione \xe8 &lt;1&gt; &amp; 2 &#8364;";
        assert!(written.windows(subject.len()).any(|window| window == subject));
    }
}
