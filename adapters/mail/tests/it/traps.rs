//! The traps that public samples and other people's troubles are known for, each rebuilt from scratch.

use crate::build::{Certified, LETTER_FROM, OURS, Record, letter, read};
use messo_core::messages::MailClass;
use messo_core::pec::{PecKind, ReceiptType};

fn transport() -> Certified {
    let mut message =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    message.carried = Some(letter());
    message
}

#[test]
fn acceptance_with_sha1_x_pkcs7_and_line_feeds() {
    let raw = Certified::new("X-Ricevuta: accettazione\r\n", &Record::new("accettazione")).raw();
    assert!(raw.contains("micalg=sha1") && raw.contains("x-pkcs7-signature"));
    assert_eq!(read(raw.replace("\r\n", "\n")).pec.unwrap().kind, Some(PecKind::Acceptance));
}

#[test]
fn an_error_with_stray_text_in_its_record_and_another_domain_in_its_reference() {
    let record = Record { errore: "no-dest", ..Record::new("errore-consegna") };
    let header = format!(
        "X-Ricevuta: errore-consegna\r\nX-Riferimento-Message-ID: <{}>\r\n",
        OURS.replace("hub.organismo", "pec")
    );
    let mut message = Certified::new(&header, &record);
    message.record = message.record.map(|xml| xml.replace("</intestazione>", "</intestazione>a"));
    let pec = read(message.raw()).pec.unwrap();
    assert_eq!((pec.kind, pec.reference.as_deref()), (Some(PecKind::DeliveryError), Some(OURS)));
    assert_eq!(pec.oddities, Vec::<String>::new());
}

#[test]
fn files_called_like_a_broken_encoded_word_and_an_invalid_receipt_type() {
    let inner = letter().replace("name=\"atto.pdf\"", "name=\"=pdf.pdf?=\"");
    let twice = inner.replace("--in--", "--in\r\nContent-Type: multipart/mixed; boundary=in2\r\n\r\n--in2\r\nContent-Type: application/pdf; name=\"=pdf.pdf?=\"\r\n\r\n%PDF-1.4\r\n--in2--\r\n--in--");
    let record = Record {
        consegna: Some("not an address"),
        recipients: vec![("certificato", "not an address")],
        ..Record::new("avvenuta-consegna")
    };
    let mut message =
        Certified::new("X-Ricevuta: avvenuta-consegna\r\nX-TipoRicevuta: complet\r\n", &record);
    message.carried = Some(format!("X-TipoRicevuta: complet\r\n{twice}"));
    let raw = message.raw();
    let pec = read(&raw).pec.unwrap();
    assert_eq!(
        (pec.kind, pec.receipt_type, pec.recipient.as_deref()),
        (Some(PecKind::Delivery), None, Some("not an address"))
    );
    let files = messo_mail::Reader::default().carried(raw.as_bytes()).unwrap().attachments;
    let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.refused)).collect();
    assert_eq!(names, [("pdf.pdf", None), ("pdf.pdf", None)]);
}

#[test]
fn an_envelope_with_odd_case_doubled_prefix_and_without_inner_closing_boundaries() {
    let mut message = transport();
    message.header = "X-TRASPORTO: Posta-Certificata\r\nX-Tiporicevuta: completa\r\n".to_owned();
    message.subject = "POSTA CERTIFICATA: POSTA CERTIFICATA: x".to_owned();
    let whole = read(message.raw());
    let open = message.raw().replace("--in--\r\n", "").replace("--mix--\r\n", "");
    let reading = read(open);
    assert_eq!(
        (reading.class, reading.attachments.clone(), reading.text.clone()),
        (MailClass::PecEnvelope, whole.attachments, whole.text)
    );
    assert_eq!(reading.pec.unwrap().receipt_type, Some(ReceiptType::Completa));
    assert_eq!(reading.oddities.len(), 2);
}

#[test]
fn a_receipt_without_p7s_and_without_outer_closing_boundary() {
    let raw = Certified::new("X-Ricevuta: accettazione\r\n", &Record::new("accettazione")).raw();
    let cut = &raw[..raw.find("\r\n--sig\r\nContent-Type: application/x-pkcs7").unwrap()];
    let pec = read(cut).pec.unwrap();
    assert_eq!((pec.kind, pec.reference.as_deref()), (Some(PecKind::Acceptance), Some(OURS)));
}

#[test]
fn text_that_begins_with_dashes_is_no_boundary() {
    let mut message =
        Certified::new("X-Ricevuta: errore-consegna\r\n", &Record::new("errore-consegna"));
    message.letter =
        "-- Ricevuta\r\n--Avviso di mancata consegna\r\n--mixed up\r\n--sigla".to_owned();
    let reading = read(message.raw());
    assert!(reading.text.ends_with("--sigla"), "{}", reading.text);
    assert!(reading.daticert.is_some());
}

#[test]
fn an_ordinary_message_is_correspondence() {
    let reading =
        read("From: a@b.example\r\nTo: c@d.example\r\nSubject: Simple Mail\r\n\r\nHello\r\n");
    assert_eq!(
        (reading.class, reading.text.as_str(), reading.pec),
        (MailClass::Correspondence, "Hello", None)
    );
}

#[test]
fn the_record_may_be_called_by_the_name_of_the_rfc_or_have_none() {
    let raw = Certified::new("X-Ricevuta: accettazione\r\n", &Record::new("accettazione")).raw();
    for name in ["certdata.xml", "DatiCert.XML", "x.xml"] {
        assert!(read(raw.replace("daticert.xml", name)).daticert.is_some(), "{name}");
    }
    let bare =
        raw.replace("; name=\"daticert.xml\"", "").replace("; filename=\"daticert.xml\"", "");
    assert!(read(bare).daticert.is_some());
}

#[test]
fn the_message_inside_is_not_the_whole_and_counts_once() {
    let reading = read(transport().raw());
    assert_eq!(reading.attachments.len(), 1);
    assert!(!reading.text.contains("Ricevuta") && reading.text.contains("Aderisco"));
    // Under 32 KB, with a multipart of one child.
    let one = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=one\r\n\r\n--one\r\n\r\nSolo testo\r\n--one--\r\n";
    let reading = read(Certified { carried: Some(one.into()), ..transport() }.raw());
    assert_eq!((reading.text.as_str(), reading.attachments.len()), ("Solo testo", 0));
}

#[test]
fn of_envelopes_in_envelopes_the_outermost_message_counts_and_the_others_are_files() {
    let mut carried = letter();
    for level in 0..12 {
        let mut envelope = transport();
        envelope.carried = Some(carried);
        let reading = read(envelope.raw());
        let author = reading.author().from.as_ref().unwrap().address.clone();
        assert_eq!(author, LETTER_FROM, "the record of the outermost envelope names its sender");
        if level > 0 {
            let file =
                reading.attachments.iter().find(|file| file.name == "postacert.eml").unwrap();
            assert_eq!(
                (file.media_type.as_str(), file.refused.is_none()),
                ("message/rfc822", level < 9),
                "level {level}"
            );
        }
        carried = envelope.raw_inside(level);
    }
}

#[test]
fn a_carried_message_declared_7bit_may_hold_8_bit_text() {
    let raw = transport().raw();
    let mut bytes = raw
        .replace(
            "name=\"postacert.eml\"\r\n",
            "name=\"postacert.eml\"\r\nContent-Transfer-Encoding: 7bit\r\n",
        )
        .into_bytes();
    let at = bytes.windows(9).position(|window| window == b"Aderisco.").unwrap();
    bytes[at + 8] = 0xe0;
    assert_eq!(read(bytes).new_text, "Aderiscoà");
}

#[test]
fn long_references_are_unfolded() {
    let header = format!(
        "X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID:\r\n <{}>\r\n",
        OURS.replace("@", "\r\n\t@")
    );
    let mut message = Certified::new(&header, &Record::new("accettazione"));
    message.record = None;
    assert_eq!(read(message.raw()).pec.unwrap().reference.as_deref(), Some(OURS));
}

#[test]
fn a_newsletter_in_a_certified_box_is_no_receipt_whatever_its_subject() {
    let mut message = transport();
    message.subject = "ACCETTAZIONE: offerta".into();
    message.carried = Some(format!("Precedence: bulk\r\nList-Id: <x.y.example>\r\n{}", letter()));
    assert_eq!(read(message.raw()).class, MailClass::PecEnvelope);
}
