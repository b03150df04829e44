//! Every kind of certified mail: header, record, class, kind, event.

use crate::build::{Certified, LETTER_FROM, OURS, Record, base64, cms, letter, read};
use messo_core::messages::{MailClass, Reading};
use messo_core::pec::{PecEvent, PecKind, ReceiptType};

/// Kind, lines of the header, `tipo`, `errore`, `errore-esteso`.
const KINDS: [(PecKind, &str, &str, &str, Option<&str>); 12] = [
    (PecKind::Acceptance, "X-Ricevuta: accettazione\r\n", "accettazione", "nessuno", None),
    (
        PecKind::NonAcceptance,
        "X-Ricevuta: non-accettazione\r\n",
        "non-accettazione",
        "altro",
        Some("5.7.1 - G - Bcc"),
    ),
    (
        PecKind::NonAcceptanceVirus,
        "X-Ricevuta: non-accettazione\r\nX-VerificaSicurezza: errore\r\n",
        "non-accettazione",
        "virus",
        None,
    ),
    (PecKind::TakenInCharge, "X-Ricevuta: presa-in-carico\r\n", "presa-in-carico", "nessuno", None),
    (
        PecKind::Delivery,
        "X-Ricevuta: avvenuta-consegna\r\nX-TipoRicevuta: completa\r\n",
        "avvenuta-consegna",
        "nessuno",
        None,
    ),
    (
        PecKind::DeliveryError,
        "X-Ricevuta: errore-consegna\r\n",
        "errore-consegna",
        "no-dest",
        Some("5.1.1 - G - indirizzo non valido"),
    ),
    (
        PecKind::DeliveryErrorVirus,
        "X-Ricevuta: errore-consegna\r\nX-VerificaSicurezza: errore\r\n",
        "errore-consegna",
        "virus",
        None,
    ),
    (
        PecKind::Timeout12h,
        "X-Ricevuta: preavviso-errore-consegna\r\n",
        "preavviso-errore-consegna",
        "nessuno",
        Some("4.4.7 - G - non consegnato nelle prime dodici ore"),
    ),
    (
        PecKind::Timeout24h,
        "X-Ricevuta: preavviso-errore-consegna\r\n",
        "preavviso-errore-consegna",
        "altro",
        Some("5.4.1 - G - non consegnato nelle prime ventiquattro ore"),
    ),
    (
        PecKind::VirusDetected,
        "X-Ricevuta: rilevazione-virus\r\nX-Mittente: a@b.example\r\n",
        "rilevazione-virus",
        "virus",
        None,
    ),
    (
        PecKind::Transport,
        "X-Trasporto: posta-certificata\r\n",
        "posta-certificata",
        "nessuno",
        None,
    ),
    (PecKind::Anomaly, "X-Trasporto: errore\r\n", "", "", None),
];

fn message(row: &(PecKind, &str, &'static str, &'static str, Option<&'static str>)) -> Certified {
    let (kind, header, tipo, errore, esteso) = row;
    let header = format!("{header}X-Riferimento-Message-ID: <{OURS}>\r\n");
    let record = Record { errore, esteso: *esteso, ..Record::new(tipo) };
    let mut message = Certified::new(&header, &record);
    match kind {
        PecKind::Anomaly => {
            message.record = None;
            message.carried = Some(letter());
        }
        PecKind::Transport => message.carried = Some(letter()),
        _ => {}
    }
    message
}

#[test]
fn every_kind_is_told_by_its_header_and_its_record() {
    for row in &KINDS {
        let kind = row.0;
        let reading = read(message(row).raw());
        let pec = reading.pec.as_ref().unwrap();
        assert_eq!(pec.kind, Some(kind));
        assert_eq!(pec.reference.as_deref(), Some(OURS), "{kind:?}");
        assert_eq!(pec.oddities, Vec::<String>::new(), "{kind:?}");
        let class = match kind {
            PecKind::Transport => MailClass::PecEnvelope,
            PecKind::Anomaly => MailClass::PecAnomaly,
            _ => MailClass::PecReceipt,
        };
        assert_eq!(reading.class, class, "{kind:?}");
        assert_eq!(reading.daticert.is_some(), kind != PecKind::Anomaly, "{kind:?}");
        if kind != PecKind::Anomaly {
            let instant = pec.instant.as_ref().unwrap();
            assert_eq!(instant.legal_day.to_string(), "2026-11-24");
            assert_eq!(instant.at.to_jiff().to_string(), "2026-11-23T23:00:07Z");
        }
        if class == MailClass::PecReceipt {
            assert_eq!(pec.recipient.as_deref(), Some("avv.rossi@pec.example"), "{kind:?}");
        }
    }
}

/// A reading without the hash of the part that it was made from.
fn said(mut reading: Reading) -> Reading {
    reading.pec.as_mut().unwrap().sealed = None;
    reading
}

#[test]
fn line_feeds_alone_are_read_as_line_ends() {
    for row in &KINDS {
        let raw = message(row).raw();
        let (crlf, lf) = (read(&raw), read(raw.replace("\r\n", "\n")));
        assert_eq!(said(crlf), said(lf), "{:?}", row.0);
    }
}

#[test]
fn a_receipt_without_signature_part_and_closing_boundary_is_the_same_receipt() {
    for row in KINDS.iter().filter(|row| row.0 != PecKind::Anomaly) {
        let raw = message(row).raw();
        let whole = said(read(&raw));
        let end = raw.find("\r\n--sig\r\nContent-Type: application/x-pkcs7").unwrap();
        let cut = said(read(&raw[..end]));
        assert_eq!((cut.class, &cut.pec, &cut.text), (whole.class, &whole.pec, &whole.text));
        let unsigned = Certified { signed: false, ..message(row) };
        assert_eq!(said(read(unsigned.raw())).pec, whole.pec);
    }
}

#[test]
fn of_the_three_types_of_receipt_only_the_record_decides() {
    for (word, receipt_type) in [
        ("completa", ReceiptType::Completa),
        ("breve", ReceiptType::Breve),
        ("sintetica", ReceiptType::Sintetica),
    ] {
        let record = Record {
            ricevuta: Some(word),
            consegna: Some("avv.rossi@pec.example"),
            ..Record::new("avvenuta-consegna")
        };
        let mut message =
            Certified::new("X-Ricevuta: avvenuta-consegna\r\nX-TipoRicevuta: complet\r\n", &record);
        message.carried = (word != "sintetica").then(letter);
        let raw = message.raw();
        let reading = read(&raw);
        assert_eq!(reading.pec.as_ref().unwrap().receipt_type, Some(receipt_type));
        // What a receipt brings back is shown on demand, not filed again.
        assert_eq!((reading.inner, reading.attachments), (None, Vec::new()));
        let carried = messo_mail::Reader::default().carried(raw.as_bytes());
        assert_eq!(carried.map(|one| one.attachments.len()), (word != "sintetica").then_some(1));
    }
}

#[test]
fn an_acceptance_for_an_address_outside_says_that_it_is_not_certified() {
    let record =
        Record { recipients: vec![("esterno", "mario@example.it")], ..Record::new("accettazione") };
    let pec = read(Certified::new("X-Ricevuta: accettazione\r\n", &record).raw()).pec.unwrap();
    assert_eq!(pec.event_for("mario@example.it"), Some(PecEvent::NotCertified));
}

#[test]
fn with_several_recipients_only_the_record_names_the_one() {
    let mut record = Record::new("accettazione");
    record.recipients.push(("certificato", "altra@pec.example"));
    let of = |record: &Record, word: &str| {
        read(Certified::new(&format!("X-Ricevuta: {word}\r\n"), record).raw()).pec.unwrap()
    };
    assert_eq!(of(&record, "accettazione").recipient, None);
    record.tipo = "avvenuta-consegna";
    record.consegna = Some("altra@pec.example");
    assert_eq!(of(&record, "avvenuta-consegna").recipient.as_deref(), Some("altra@pec.example"));
}

#[test]
fn an_envelope_wins_over_a_receipt_and_an_unknown_word_is_kept() {
    let record = Record::new("accettazione");
    let both = "X-Ricevuta: accettazione\r\nX-Trasporto: posta-certificata\r\n";
    assert_eq!(read(Certified::new(both, &record).raw()).class, MailClass::PecEnvelope);
    for (header, class) in [
        ("X-Ricevuta: nuova-ricevuta\r\n", MailClass::PecReceipt),
        ("X-Trasporto: nuovo\r\n", MailClass::PecEnvelope),
    ] {
        let reading = read(Certified::new(header, &record).raw());
        let pec = reading.pec.unwrap();
        assert_eq!((reading.class, pec.kind), (class, None));
        assert!(pec.word.starts_with("nuov"));
        assert_eq!(pec.reference.as_deref(), Some(OURS));
    }
}

#[test]
fn header_names_and_words_have_no_case_and_may_be_folded() {
    let record = Record::new("avvenuta-consegna");
    let raw = Certified::new("x-ricevuta:\r\n\t AVVENUTA-Consegna \r\n", &record).raw();
    assert_eq!(read(raw).pec.unwrap().kind, Some(PecKind::Delivery));
}

#[test]
fn the_subject_decides_nothing() {
    let mut message =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    message.subject = "ACCETTAZIONE: CONSEGNA: x".to_owned();
    message.carried = Some(letter());
    assert_eq!(read(message.raw()).class, MailClass::PecEnvelope);
    let plain =
        read("From: a@b.example\r\nSubject: CONSEGNA: x\r\n\r\nX-Ricevuta: avvenuta-consegna\r\n");
    assert_eq!(plain.class, MailClass::Correspondence);
}

#[test]
fn a_receipt_forged_inside_an_envelope_stays_inside() {
    let forged =
        Certified::new("X-Ricevuta: avvenuta-consegna\r\n", &Record::new("avvenuta-consegna"));
    let mut envelope =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    envelope.record = None;
    envelope.carried = Some(forged.raw_inside(1));
    let reading = read(envelope.raw());
    assert_eq!(reading.class, MailClass::PecEnvelope);
    // The record of the forged receipt is inside the carried message and is not looked at.
    assert_eq!((reading.daticert, reading.pec.unwrap().reference), (None, None));
}

#[test]
fn the_reference_may_be_percent_encoded_and_its_domain_rewritten() {
    let record = Record::new("accettazione");
    let header = "X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID: %3Cm1.0192f3a4b5c67d8e9f00112233445566%40pec.altro.example%3E\r\n";
    let mut message = Certified::new(header, &record);
    assert_eq!(read(message.raw()).pec.unwrap().oddities, Vec::<String>::new());
    message.record =
        message.record.map(|xml| xml.replace(&format!("<msgid>&lt;{OURS}&gt;</msgid>"), ""));
    assert_eq!(
        read(message.raw()).pec.unwrap().reference,
        None,
        "what the signed record leaves out, the header must not add"
    );
    message.record = None;
    let reference = read(message.raw()).pec.unwrap().reference.unwrap();
    assert_eq!(reference, "m1.0192f3a4b5c67d8e9f00112233445566@pec.altro.example");
    assert!(messo_core::correlation::attempt_in(&reference).is_some());
    let other =
        Certified::new("X-Ricevuta: accettazione\r\nX-Riferimento-Message-ID: <x@y>\r\n", &record);
    assert!(
        read(other.raw())
            .pec
            .unwrap()
            .oddities
            .iter()
            .any(|what| what.contains("different messages"))
    );
}

#[test]
fn an_envelope_shows_its_true_author_text_and_files() {
    let mut message =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    message.carried = Some(letter());
    let reading = read(message.raw());
    let author = reading.author();
    assert_eq!(author.from.as_ref().unwrap().address, "mario@pec.example");
    assert_eq!(
        (author.subject.as_str(), author.in_reply_to[0].as_str()),
        ("Adesione perché", OURS)
    );
    assert_eq!(reading.new_text, "Aderisco.");
    assert!(reading.text.contains("vi convochiamo") && !reading.automatic);
    let files: Vec<_> = reading
        .attachments
        .iter()
        .map(|file| (file.name.as_str(), file.media_type.as_str(), file.refused))
        .collect();
    assert_eq!(files, [("atto.pdf", "application/pdf", None)]);
}

#[test]
fn the_carried_message_may_be_encoded_or_come_as_a_file() {
    let mut message =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    message.carried = Some(letter());
    let whole = read(message.raw());
    let raw = message.raw();
    let body = crate::build::base64(letter().as_bytes());
    for kind in ["message/rfc822", "application/octet-stream"] {
        let encoded = raw
            .replace(&letter(), &body)
            .replace("Content-Type: message/rfc822; name=\"postacert.eml\"\r\n", &format!("Content-Type: {kind}; name=\"postacert.eml\"\r\nContent-Transfer-Encoding: base64\r\n"));
        let reading = read(encoded);
        assert_eq!(
            (reading.inner, reading.attachments, reading.text),
            (whole.inner.clone(), whole.attachments.clone(), whole.text.clone()),
            "{kind}"
        );
    }
}

#[test]
fn an_automatic_reply_or_report_in_an_envelope_is_automatic() {
    for header in
        ["Auto-Submitted: auto-replied\r\n", "X-Autoreply: yes\r\n", "Precedence: auto_reply\r\n"]
    {
        let mut message =
            Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
        message.carried = Some(format!("{header}{}", letter()));
        assert!(read(message.raw()).automatic, "{header}");
    }
}

#[test]
fn an_anomaly_shows_the_message_that_arrived() {
    let reading = read(message(&KINDS[11]).raw());
    assert_eq!(reading.author().from.as_ref().unwrap().address, "mario@pec.example");
    assert_eq!((reading.new_text.as_str(), reading.attachments.len()), ("Aderisco.", 1));
}

#[test]
fn a_message_signed_in_one_piece_is_read_inside_its_signature() {
    for row in &KINDS {
        let raw = message(row).raw();
        let inside = raw.find("Content-Type: multipart/mixed; boundary=\"mix\"").unwrap();
        let end = raw.find("\r\n--sig\r\nContent-Type: application/x-pkcs7").unwrap();
        let head = &raw[..raw.find("Content-Type: multipart/signed").unwrap()];
        let body = base64(&cms(&raw.as_bytes()[inside..end]));
        let opaque = format!(
            "{head}Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
        );
        let (one, other) = (read(&raw), read(opaque));
        assert_eq!(
            (one.pec, one.inner, one.attachments),
            (other.pec, other.inner, other.attachments),
            "{:?}",
            row.0
        );
    }
}

#[test]
fn a_record_beside_the_signed_part_is_not_read() {
    let genuine = Certified::new(
        "X-Ricevuta: avvenuta-consegna\r\n",
        &Record { errore: "nessuno", ..Record::new("errore-consegna") },
    );
    // This program cuts at "sig"; one that keeps the blank of the boundary cuts elsewhere.
    let forged = Record::new("avvenuta-consegna").xml();
    let forged = format!(
        "--sig\r\nContent-Type: application/xml; name=\"daticert.xml\"\r\n\r\n{forged}\r\n"
    );
    let beside = genuine.raw().replace("--sig--", &format!("{forged}--sig--"));
    let pec = read(&beside).pec.unwrap();
    assert_eq!(pec.record.as_deref(), Some("errore-consegna"));
    assert!(pec.sealed.is_some());
    let before = genuine
        .raw()
        .replace("boundary=\"sig\"", "boundary=\"sig \"")
        .replace("\r\n--sig\r\n", "\r\n--sig \r\n")
        .replacen("message\r\n\r\n--sig ", &format!("message\r\n\r\n{forged}--sig "), 1);
    let other = read(&before).pec.unwrap();
    assert_ne!(other.sealed, pec.sealed, "whoever compares it with what was signed sees it");
    let unsigned = Certified { signed: false, ..genuine };
    assert_eq!(read(unsigned.raw()).pec.unwrap().sealed, None);
}

#[test]
fn the_certified_sender_is_the_author_whatever_the_message_inside_says() {
    let mut message =
        Certified::new("X-Trasporto: posta-certificata\r\n", &Record::new("posta-certificata"));
    message.carried = Some(letter().replace("Mario Rossi <mario@", "Tribunale <presidente@"));
    let reading = read(message.raw());
    let from = reading.author().from.as_ref().unwrap();
    assert_eq!((from.name.as_str(), from.address.as_str()), ("", LETTER_FROM));
    assert!(reading.oddities.iter().any(|what| what.contains("another author")));
}
