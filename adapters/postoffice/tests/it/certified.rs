//! What goes with certified mail beyond the single receipt: envelopes, forms of receipt, flaws, answers, anomalies.

use crate::support::{
    BODY, DESK, LAWYER, Message, Smtp, after_notice, config, messages, notice, office, openssl,
};
use messo_postoffice::{
    Account, Behaviour, Flaws, Letter, Oversize, PostOffice, Reason, Signature, Step,
};

#[tokio::test(flavor = "multi_thread")]
async fn between_accounts_the_message_travels_whole_in_its_envelope() {
    let office = office().await;
    let receipts = after_notice(&office, LAWYER, 2).await;
    let envelope = messages(&office, LAWYER, 1).await.remove(0);
    let id = receipts[0].fact("<identificativo>", "<");
    assert_eq!(envelope.header("X-Trasporto"), "posta-certificata");
    assert_eq!(envelope.header("X-TipoRicevuta"), "completa");
    assert_eq!(envelope.header("X-Ricevuta"), "");
    let from =
        "\"Per conto di: organismo@pec.sandbox.example\" <posta-certificata@pec.sandbox.example>";
    assert_eq!(envelope.header("From"), from);
    assert_eq!(envelope.header("Sender"), from);
    assert_eq!(envelope.header("Reply-To"), BODY);
    assert_eq!(envelope.header("To"), LAWYER);
    assert_eq!(envelope.header("Return-Path"), format!("<{BODY}>"));
    assert!(envelope.header("Received").contains("smtp.sandbox.example"));
    assert_eq!(envelope.header("Message-ID"), format!("<{id}>"));
    let reference = "<h1.01jd.9f3ac2d1@hub.organismo.example>";
    assert_eq!(envelope.header("X-Riferimento-Message-ID"), reference);
    let subject = "POSTA CERTIFICATA: Convocazione =?utf-8?Q?perch=C3=A9?=";
    assert_eq!(envelope.header("Subject"), subject);
    assert_eq!(envelope.fact("<ricevuta tipo=\"", "\""), "completa");
    assert_eq!(envelope.fact("<consegna>", "<"), "");
    assert!(
        envelope.record().contains("<postacert tipo=\"posta-certificata\" errore=\"nessuno\">")
    );
    envelope.verify().unwrap();

    let inside = envelope.enclosed();
    assert_eq!(inside.header("Message-ID"), format!("<{id}>"));
    assert_eq!(inside.header("X-Riferimento-Message-ID"), reference);
    let bare = inside.text().replace(&format!("Message-ID: <{id}>\r\nX-Riferimento-"), "");
    let sent = notice(LAWYER, "");
    assert!(bare.ends_with(&sent), "apart from trace and Message-ID no byte changes: {bare}");
    assert_eq!(receipts[1].enclosed().0, inside.0, "the complete receipt gives the same back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brief_receipt_has_hashes_in_place_of_files() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let wish = notice("rossi@pec.example", "X-TipoRicevuta: breve\r\n");
    smtp.send(BODY, &["rossi@pec.example"], &wish).await;
    let delivery = messages(&office, BODY, 2).await.remove(1);
    assert_eq!(delivery.fact("<ricevuta tipo=\"", "\""), "breve");
    delivery.verify().unwrap();
    let inside = delivery.enclosed();
    assert_eq!(inside.types(), ["multipart/mixed", "text/plain", "text/plain"]);
    assert!(inside.text().contains("\r\n\r\n-- testo\r\n--xx"), "the text stays");
    let (_, said, _) = openssl(&["dgst", "-sha1", "-r"], b"JVBERi0xLjcK");
    let digest = said.split(' ').next().unwrap();
    assert_eq!(inside.named("atto.pdf.hash").unwrap().body(), digest.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_recipients_in_to_get_the_message_back_and_each_has_its_receipt() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let text = notice("uno@pec.example", "Cc: due@pec.example\r\n");
    smtp.send(BODY, &["uno@pec.example", "due@pec.example"], &text).await;
    let found = messages(&office, BODY, 3).await;
    let accepted = found.iter().filter(|one| one.header("X-Ricevuta") == "accettazione").count();
    assert_eq!(accepted, 1, "one acceptance per message");
    for (address, form, whole) in [("uno", "completa", true), ("due", "sintetica", false)] {
        let address = format!("{address}@pec.example");
        let mut deliveries = found.iter().filter(|one| one.fact("<consegna>", "<") == address);
        let delivery = deliveries.next().unwrap();
        assert_eq!(delivery.fact("<ricevuta tipo=\"", "\""), form);
        assert_eq!(delivery.named("postacert.eml").is_some(), whole);
        assert!(deliveries.next().is_none());
    }
    assert_eq!(found[0].record().matches("<destinatari tipo=\"certificato\">").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_fail_in_the_way_that_was_asked_for() {
    for (word, expected) in [
        ("ber", Ok(())),
        ("falsa", Err("content verify error")),
        ("non-firmata", Err("invalid mime type")),
        ("troncata", Err("no multipart body failure")),
        ("sconosciuta", Err("unable to get local issuer certificate")),
        ("altro-firmatario", Ok(())),
    ] {
        let office = office().await;
        let delivery = after_notice(&office, &format!("{word}@pec.example"), 2).await.remove(1);
        match (delivery.verify(), expected) {
            (Ok(signer), Ok(())) => {
                let (_, email, _) = openssl(&["x509", "-noout", "-email"], signer.as_bytes());
                assert_eq!(email.trim() == delivery.header("From"), word == "ber");
            }
            (Err(said), Err(wanted)) => assert!(said.contains(wanted), "{word}: {said}"),
            (said, _) => panic!("{word}: {said:?}"),
        }
        let signature = delivery.named("smime.p7s").map(|part| part.decoded());
        let ber = signature.is_some_and(|bytes| bytes.starts_with(&[0x30, 0x80]));
        assert_eq!(ber, word == "ber");
        if word == "falsa" {
            assert_eq!(delivery.fact("<ora>", "<"), "00:00:10");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_receipts_are_unusual_and_still_signed() {
    let delivery = async |word: &str| {
        let office = office().await;
        let found = after_notice(&office, &format!("{word}@pec.example"), 2).await.remove(1);
        found.verify().unwrap();
        found
    };
    let rewritten = delivery("riscritta").await;
    let reference = "<h1.01jd.9f3ac2d1@riscritto.sandbox.example>";
    assert_eq!(rewritten.header("X-Riferimento-Message-ID"), reference);
    assert!(delivery("sporca").await.record().contains("</intestazione>\r\n  a\r\n  <dati>"));
    let latin = delivery("latina").await;
    assert!(latin.record().starts_with("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"));
    assert_eq!(latin.fact("<oggetto>", "<"), "Convocazione perché");
    let sparse = delivery("scarna").await.record();
    assert!(
        ["errore=", "<risposte>", "<oggetto>", "<msgid>"].iter().all(|it| !sparse.contains(it))
    );
    let odd = delivery("maiuscole").await;
    assert_eq!(odd.header("X-Ricevuta"), "avvenuta-consegna");
    assert!(odd.text().contains("X-Riferimento-Message-Id: <h1."));
    let open = delivery("aperta").await;
    let inner = open.parts().remove(0);
    assert_eq!(inner.text().matches("----=_messo_").count(), 3 + 1, "no closing boundary");
    assert!(open.named("daticert.xml").is_some());
    let wrapped = delivery("imbustata").await;
    assert_eq!(
        wrapped.named("postacert.eml").unwrap().header("Content-Transfer-Encoding"),
        "base64"
    );
    assert!(wrapped.enclosed().text().contains("-- testo"));
    let brief = delivery("breve").await;
    assert_eq!(brief.fact("<ricevuta tipo=\"", "\""), "breve");
    assert!(delivery("sintetica").await.named("postacert.eml").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_submission_at_the_same_time_gives_the_same_bytes() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let office = office().await;
        let found = after_notice(&office, "ventiquattro-poi-consegna@pec.example", 4).await;
        runs.push(found.into_iter().map(|one| one.0).collect::<Vec<_>>());
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_box_gets_the_envelope_and_no_receipt_comes_of_it() {
    let office = office().await;
    let accepted = after_notice(&office, DESK, 1).await.remove(0);
    let external = format!("<destinatari tipo=\"esterno\">{DESK}</destinatari>");
    assert!(accepted.record().contains(&external));
    let envelope = messages(&office, DESK, 1).await.remove(0);
    assert_eq!(envelope.header("X-Trasporto"), "posta-certificata");
    envelope.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_may_be_the_one_that_is_not_signed() {
    let mut settings = config();
    settings.acceptance_flaws = Flaws { signature: Signature::Missing, ..Flaws::default() };
    let office = PostOffice::start(settings).await.unwrap();
    let found = after_notice(&office, "rossi@pec.example", 2).await;
    assert!(found[0].header("Content-Type").starts_with("multipart/mixed"));
    found[0].verify().unwrap_err();
    found[1].verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_go_to_the_sender_and_answers_to_the_reply_address() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let reply_to = "Reply-To: Ufficio\r\n <ufficio@pec.organismo.example>\r\n";
    smtp.send(BODY, &[LAWYER], &notice(LAWYER, reply_to)).await;
    for receipt in messages(&office, BODY, 2).await {
        assert_eq!(receipt.header("To"), BODY);
        assert_eq!(receipt.fact("<risposte>", "<"), "ufficio@pec.organismo.example");
    }
    let envelope = messages(&office, LAWYER, 1).await.remove(0);
    assert!(envelope.text().contains(reply_to), "byte for byte");
    assert_eq!(envelope.text().split("\r\n\r\n").next().unwrap().matches("Reply-To:").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn monstrous_messages_are_carried_whole() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let mut deep = String::from("Content-Type: text/plain; name=x\r\n\r\nfondo");
    for level in 0..1_000 {
        deep = format!(
            "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{deep}\r\n--b{level}--"
        );
    }
    let wide = "--b\r\nContent-Type: text/plain; name=x\r\n\r\nx\r\n".repeat(10_000);
    let wide = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{wide}");
    let long = format!("X-Lunga: {}\r\n\r\nx", "x".repeat(900_000));
    let quotes = format!(
        "Cc: \"{}\r\nContent-Type: multipart/mixed; boundary=\"\r\n\r\nx",
        "(<".repeat(5_000)
    );
    for (at, monster) in [deep, wide, long, quotes].iter().enumerate() {
        let message = format!(
            "From: {BODY}\r\nTo: a@pec.example\r\nX-TipoRicevuta: breve\r\nMessage-ID: <m{at}@x>\r\n{monster}\r\n"
        );
        assert!(smtp.send(BODY, &["a@pec.example"], &message).await.starts_with("250"));
        let found = messages(&office, BODY, 2 * (at + 1)).await;
        let delivery = found.last().unwrap();
        assert_eq!(delivery.header("X-Ricevuta"), "avvenuta-consegna");
        assert!(delivery.enclosed().text().ends_with(&format!("{monster}\r\n")), "monster {at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_receipt_twice_is_the_same_and_a_repeated_acceptance_is_not() {
    let office = office().await;
    let found = after_notice(&office, "doppia@pec.example", 4).await;
    assert_ne!(found[0].header("Message-ID"), found[1].header("Message-ID"));
    assert_eq!(found[2].0, found[3].0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_its_own_identifier_is_referred_to_by_the_provider_alone() {
    let office = office().await;
    let mut smtp = Smtp::login(&office, BODY).await;
    let text = notice("rossi@pec.example", "");
    let text = text.replace("Message-ID: <h1.01jd.9f3ac2d1@hub.organismo.example>\r\n", "");
    smtp.send(BODY, &["rossi@pec.example"], &text).await;
    for receipt in messages(&office, BODY, 2).await {
        assert_eq!(receipt.header("X-Riferimento-Message-ID"), "");
        assert!(!receipt.record().contains("<msgid>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_goes_before_the_words_and_a_full_box_is_a_delivery_error() {
    let mut settings = config();
    settings.limits.max_box_messages = 2;
    let office = PostOffice::start(settings).await.unwrap();
    office.behave("CONSEGNATA@pec.example", Behaviour::failed(Reason::NoDomain));
    let found = after_notice(&office, "consegnata@pec.example", 2).await;
    assert!(found[1].record().contains("errore=\"no-dominio\""));
    after_notice(&office, "esterna@pec.example", 2).await;
    assert_eq!(office.lost(), 1, "the third message found no room");

    let mut settings = config();
    settings.limits.max_box_bytes = 20_000;
    let office = PostOffice::start(settings).await.unwrap();
    office.put(LAWYER, "INBOX", &[b'x'; 19_000]).unwrap();
    let found = after_notice(&office, LAWYER, 2).await;
    assert_eq!(found[1].header("X-Ricevuta"), "errore-consegna");
    assert!(found[1].fact("<errore-esteso>", "<").starts_with("5.2.2 - "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_access_point_must_refuse_comes_back_as_notice() {
    let to = "rossi@pec.example";
    let good = notice(to, "");
    for (text, reason) in [
        (
            good.replace("From: Organismo <organismo@pec.sandbox.example>\r\n", ""),
            "manca il mittente",
        ),
        (good.replace("<organismo@", "<altro@"), "diverso dal campo From"),
        (good.replace("To: rossi@pec.example\r\n", ""), "manca il destinatario"),
        (good.replace("To: rossi@", "To: bianchi@"), "non è nei campi To e Cc"),
        (notice(to, "Bcc: bianchi@pec.example\r\n"), "Bcc"),
    ] {
        let office = office().await;
        let mut smtp = Smtp::login(&office, BODY).await;
        assert!(smtp.send(BODY, &[to], &text).await.starts_with("250"));
        let refusal = messages(&office, BODY, 1).await.remove(0);
        assert_eq!(refusal.header("X-Ricevuta"), "non-accettazione");
        assert!(refusal.fact("<errore-esteso>", "<").contains(reason), "{}", refusal.record());
        assert!(refusal.named("postacert.eml").is_none());
        refusal.verify().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn size_times_recipients_is_refused_at_once_or_by_notice() {
    let to = ["uno@pec.example", "due@pec.example"];
    for oversize in [Oversize::Refused, Oversize::Noticed] {
        let mut settings = config();
        settings.oversize = oversize;
        settings.limits.max_product_bytes = 800;
        let office = PostOffice::start(settings).await.unwrap();
        let mut smtp = Smtp::login(&office, BODY).await;
        let said = smtp.send(BODY, &to, &notice("uno@pec.example, due@pec.example", "")).await;
        if oversize == Oversize::Refused {
            assert!(said.starts_with("552 5.3.4"), "{said}");
            messages(&office, BODY, 0).await;
        } else {
            assert!(said.starts_with("250"));
            let refusal = messages(&office, BODY, 1).await.remove(0);
            assert_eq!(refusal.header("X-Ricevuta"), "non-accettazione");
        }
        // One recipient alone is within the limit.
        let said = smtp.send(BODY, &to[..1], &notice("uno@pec.example", "")).await;
        assert!(said.starts_with("250"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_box_of_the_home_provider_is_its_own_delivery_error() {
    let office = office().await;
    let found = after_notice(&office, "nessuno@pec.sandbox.example", 2).await;
    assert!(found[1].record().contains("errore=\"no-dest\""));
    assert_eq!(found[1].header("From"), "posta-certificata@pec.sandbox.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_answers_knowing_only_the_providers_identifier() {
    for (word, inside) in [("aderisce", "Aderisco"), ("assente", "Auto-Submitted: auto-replied")] {
        let office = office().await;
        let found = after_notice(&office, &format!("{word}@pec.example"), 3).await;
        let answer = &found[2];
        assert_eq!(answer.header("X-Trasporto"), "posta-certificata");
        assert_eq!(answer.header("Date"), "Tue, 24 Nov 2026 00:20:07 +0100");
        answer.verify().unwrap();
        let letter = answer.enclosed();
        let id = found[0].fact("<identificativo>", "<");
        assert_eq!(letter.header("In-Reply-To"), format!("<{id}>"));
        assert!(letter.text().contains(inside), "{}", letter.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_envelope_has_a_postacert_within_its_postacert() {
    let office = office().await;
    let found = after_notice(&office, "inoltra@pec.example", 3).await;
    let outer = found[2].enclosed();
    let forwarded =
        outer.parts().into_iter().find(|part| part.header("Content-Type") == "message/rfc822");
    let inner = Message(forwarded.unwrap().body());
    assert_eq!(inner.header("X-Trasporto"), "posta-certificata");
    inner.verify().unwrap();
    assert!(inner.enclosed().text().contains("-- testo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn petitions_arrive_in_good_or_in_flawed_envelopes() {
    let office = office().await;
    let petition =
        Letter::new("rossi@studio.example", BODY, "Istanza: è urgente", "Si deposita.\n--\nM.R.")
            .attach("istanza è.pdf", "application/pdf", b"%PDF-1.7\n");
    office.deliver_petition(BODY, &petition).unwrap();
    let flaws = Flaws { signature: Signature::Untrusted, ..Flaws::default() };
    office.deliver_flawed(BODY, &petition, flaws).unwrap();
    let found = messages(&office, BODY, 2).await;
    found[0].verify().unwrap();
    found[1].verify().unwrap_err();
    assert_eq!(
        found[0].header("From").split('<').next().unwrap(),
        "\"Per conto di: rossi@studio.example\" "
    );
    let inside = found[0].enclosed();
    assert_eq!(inside.types(), ["multipart/mixed", "text/plain", "application/pdf"]);
    assert_eq!(inside.parts()[1].decoded(), b"%PDF-1.7\n");
    assert!(office.deliver_petition("nessuno@x.example", &petition).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_mail_reaches_a_certified_box_as_anomaly() {
    let office = office().await;
    let letter = Letter::new("mario@mail.example", BODY, "Domanda", "Buongiorno");
    office.deliver_letter(BODY, &letter).unwrap();
    let envelope = messages(&office, BODY, 1).await.remove(0);
    assert_eq!(envelope.header("X-Trasporto"), "errore");
    assert_eq!(envelope.header("Subject"), "ANOMALIA MESSAGGIO: Domanda");
    let from = "\"Per conto di: mario@mail.example\" <posta-certificata@pec.sandbox.example>";
    assert_eq!(envelope.header("From"), from);
    assert_eq!(envelope.header("Reply-To"), "mario@mail.example");
    let expected =
        ["multipart/signed", "multipart/mixed", "multipart/alternative", "text/plain", "text/html"];
    let types = envelope.types();
    assert_eq!(types[..5], expected);
    assert_eq!(types[5..], ["message/rfc822", "application/pkcs7-signature"], "no record");
    envelope.verify().unwrap();
    let inside = envelope.enclosed();
    assert_eq!(inside.header("Message-ID"), envelope.header("Message-ID"), "kept unchanged");
    assert!(inside.text().ends_with("Buongiorno"));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_filed_where_the_provider_files_them() {
    let mut settings = config();
    settings.accounts[0] =
        Account::certified(BODY, crate::support::PASSWORD).receipts_in("Ricevute");
    let office = PostOffice::start(settings).await.unwrap();
    office.behave("x@pec.example", Behaviour::steps(&[Step::Delivered]));
    after_notice(&office, "x@pec.example", 0).await;
    let filed = || office.messages(BODY, "Ricevute").unwrap().len();
    for _ in 0..500 {
        if filed() == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} receipts in the folder", filed());
}
