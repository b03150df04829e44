//! Each kind of message against the tables of RFC 6109: headers, subjects, records, trees, signatures.

use crate::support::{BODY, Message, after_notice, office, openssl};
use messo_postoffice::Kind;

const TEXT: &str = "text/plain";
const MIXED: &str = "multipart/mixed";

/// What one receipt must say: X-Ricevuta, subject prefix, `errore`, `consegna` named, stated day and time.
type Expected = (&'static str, &'static str, &'static str, bool, &'static str);

const ACCEPTED: Expected =
    ("accettazione", "ACCETTAZIONE", "nessuno", false, "24/11/2026 00:00:07");
const DELIVERED: Expected =
    ("avvenuta-consegna", "CONSEGNA", "nessuno", true, "24/11/2026 00:00:10");
const WARNED_12: Expected = (
    "preavviso-errore-consegna",
    "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO",
    "nessuno",
    true,
    "24/11/2026 12:04:07",
);
const WARNED_24: Expected = (
    "preavviso-errore-consegna",
    "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO",
    "altro",
    true,
    "25/11/2026 00:04:07",
);

const fn failed(error: &'static str) -> Expected {
    ("errore-consegna", "AVVISO DI MANCATA CONSEGNA", error, true, "24/11/2026 00:00:10")
}

const fn late(stated: &'static str) -> Expected {
    ("avvenuta-consegna", "CONSEGNA", "nessuno", true, stated)
}

/// Each magic word and what comes back, in order.
fn table() -> Vec<(&'static str, Vec<Expected>)> {
    let refused = |prefix, error| ("non-accettazione", prefix, error, false, "24/11/2026 00:00:07");
    let virus = "AVVISO DI MANCATA CONSEGNA PER VIRUS";
    vec![
        ("consegnata", vec![ACCEPTED, DELIVERED]),
        ("chiunque", vec![ACCEPTED, DELIVERED]),
        ("tardi", vec![ACCEPTED, late("24/11/2026 13:00:07")]),
        ("disordine", vec![DELIVERED, ACCEPTED]),
        ("doppia", vec![ACCEPTED, ACCEPTED, DELIVERED, DELIVERED]),
        ("senza-accettazione", vec![DELIVERED]),
        ("senza-consegna", vec![ACCEPTED]),
        ("muta", vec![]),
        ("non-accettata", vec![refused("AVVISO DI NON ACCETTAZIONE", "altro")]),
        ("virus-mittente", vec![refused("AVVISO DI NON ACCETTAZIONE PER VIRUS", "virus")]),
        ("mancata", vec![ACCEPTED, failed("altro")]),
        ("inesistente", vec![ACCEPTED, failed("no-dest")]),
        ("dominio-inesistente", vec![ACCEPTED, failed("no-dominio")]),
        ("casella-piena", vec![ACCEPTED, failed("altro")]),
        ("virus", vec![ACCEPTED, ("errore-consegna", virus, "virus", true, "24/11/2026 00:00:10")]),
        ("dodici-ore", vec![ACCEPTED, WARNED_12]),
        ("ventiquattro-ore", vec![ACCEPTED, WARNED_12, WARNED_24]),
        ("solo-ventiquattro", vec![ACCEPTED, WARNED_24]),
        ("dodici-poi-consegna", vec![ACCEPTED, WARNED_12, late("24/11/2026 13:00:07")]),
        (
            "ventiquattro-poi-consegna",
            vec![ACCEPTED, WARNED_12, WARNED_24, late("25/11/2026 01:00:07")],
        ),
        ("esterna", vec![ACCEPTED]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_magic_address_brings_the_receipts_of_the_norm() {
    for (word, expected) in table() {
        let office = office().await;
        let address = format!("{word}@pec.example");
        let found = after_notice(&office, &address, expected.len()).await;
        let mut ids = std::collections::BTreeSet::new();
        for (message, expected) in found.iter().zip(expected) {
            check(message, &expected, &address);
            ids.insert(message.fact("<identificativo>", "</identificativo>"));
        }
        assert!(ids.len() <= 1, "one identifier for all receipts of {word}: {ids:?}");
    }
}

fn check(message: &Message, expected: &Expected, address: &str) {
    let (receipt, prefix, error, names_recipient, stated) = *expected;
    assert_eq!(message.header("X-Ricevuta"), receipt, "{address}");
    assert_eq!(message.header("X-Trasporto"), "");
    let security = if prefix.ends_with("VIRUS") { "errore" } else { "" };
    assert_eq!(message.header("X-VerificaSicurezza"), security);
    let subject = format!("{prefix}: Convocazione =?utf-8?Q?perch=C3=A9?=");
    assert_eq!(message.header("Subject"), subject);
    assert!(message.header("From").starts_with("posta-certificata@"));
    assert_eq!(message.header("To"), BODY);
    let reference = "<h1.01jd.9f3ac2d1@hub.organismo.example>";
    assert_eq!(message.header("X-Riferimento-Message-ID"), reference);
    assert_ne!(message.header("Message-ID"), reference);
    assert_eq!(message.header("X-Messo-Sandbox"), "1");

    let record = message.record();
    let begin = format!("<postacert tipo=\"{receipt}\" errore=\"{error}\">");
    assert!(record.contains(&begin), "{record}");
    assert_eq!(message.fact("<mittente>", "<"), BODY);
    assert_eq!(message.fact("<risposte>", "<"), BODY);
    assert_eq!(message.fact("<oggetto>", "<"), "Convocazione perché");
    let when = format!("{} {}", message.fact("<giorno>", "<"), message.fact("<ora>", "<"));
    assert_eq!(when, stated);
    assert_eq!(message.fact("zona=\"", "\""), "+0100");
    let escaped = "&lt;h1.01jd.9f3ac2d1@hub.organismo.example&gt;";
    assert_eq!(message.fact("<msgid>", "</msgid>"), escaped);
    assert_eq!(message.fact("<consegna>", "<"), if names_recipient { address } else { "" });
    let form = if receipt == "avvenuta-consegna" { "completa" } else { "" };
    assert_eq!(message.fact("<ricevuta tipo=\"", "\""), form);
    let whole = message.named("postacert.eml").is_some();
    assert_eq!(
        whole,
        receipt == "avvenuta-consegna",
        "only a complete delivery gives the message back"
    );

    let signer = message.verify().unwrap_or_else(|error| panic!("{address}: {error}"));
    let (_, email, _) = openssl(&["x509", "-noout", "-email"], signer.as_bytes());
    assert_eq!(email.trim(), message.header("From"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_is_the_message_that_the_norm_describes() {
    let office = office().await;
    let found = after_notice(&office, "esterna@pec.example", 1).await;
    let acceptance = &found[0];
    let text = acceptance.text();
    let id = acceptance.fact("<identificativo>", "<");
    let id_local = id.strip_suffix("@pec.sandbox.example").expect("the provider's domain");
    assert!(id_local.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{id}");
    assert!(id_local.contains(".20261124000007."));
    let head = text.split("X-Messo-Sandbox").next().unwrap();
    assert!(head.starts_with(
        "Return-Path: <posta-certificata@pec.sandbox.example>\r\nX-Ricevuta: accettazione\r\n\
Date: Tue, 24 Nov 2026 00:00:07 +0100\r\nSubject: ACCETTAZIONE: Convocazione =?utf-8?Q?perch=C3=A9?=\r\n\
From: posta-certificata@pec.sandbox.example\r\nTo: organismo@pec.sandbox.example\r\n\
X-Riferimento-Message-ID: <h1.01jd.9f3ac2d1@hub.organismo.example>\r\nMessage-ID: <r"
    ), "{head}");
    let kind = acceptance.header("Content-Type");
    assert!(kind.starts_with(
        "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=\"sha-256\"; boundary="
    ));
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<postacert tipo=\"accettazione\" errore=\"nessuno\">\r
  <intestazione>\r
    <mittente>organismo@pec.sandbox.example</mittente>\r
    <destinatari tipo=\"esterno\">esterna@pec.example</destinatari>\r
    <risposte>organismo@pec.sandbox.example</risposte>\r
    <oggetto>Convocazione perché</oggetto>\r
  </intestazione>\r
  <dati>\r
    <gestore-emittente>Posta di Prova S.p.A.</gestore-emittente>\r
    <data zona=\"+0100\">\r
      <giorno>24/11/2026</giorno>\r
      <ora>00:00:07</ora>\r
    </data>\r
    <identificativo>{id}</identificativo>\r
    <msgid>&lt;h1.01jd.9f3ac2d1@hub.organismo.example&gt;</msgid>\r
  </dati>\r
</postacert>\r\n"
    );
    assert_eq!(acceptance.record(), expected);
    let types = [
        "multipart/signed",
        MIXED,
        "multipart/alternative",
        TEXT,
        "text/html",
        "application/xml",
        "application/pkcs7-signature",
    ];
    assert_eq!(acceptance.types(), types);
    let readable = acceptance.parts()[0].parts()[0].parts()[0].clone();
    assert_eq!(readable.header("Content-Type"), "text/plain; charset=\"iso-8859-1\"");
    assert_eq!(readable.header("Content-Transfer-Encoding"), "quoted-printable");
    assert!(readable.text().contains("\r\n\r\n-- Ricevuta di accettazione"));
    assert!(readable.text().contains("=E8 stato accettato"), "ISO-8859-1 in quoted-printable");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_warnings_are_explained_with_code_provider_and_reason() {
    for (word, at, count, expected) in [
        ("mancata", 1, 2, "5.1.1 - Altro Gestore S.r.l. - indirizzo non valido"),
        ("casella-piena", 1, 2, "5.2.2 - Altro Gestore S.r.l. - casella piena"),
        (
            "ventiquattro-ore",
            1,
            3,
            "il messaggio non è stato consegnato nelle prime dodici ore dal suo invio",
        ),
        (
            "ventiquattro-ore",
            2,
            3,
            "5.4.1 - Posta di Prova S.p.A. - il messaggio non è stato consegnato nelle prime ventiquattro ore dal suo invio",
        ),
    ] {
        let office = office().await;
        let found = after_notice(&office, &format!("{word}@pec.example"), count).await;
        assert_eq!(found[at].fact("<errore-esteso>", "<"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_between_providers_are_marked_as_such() {
    let office = office().await;
    let found = after_notice(&office, "gestore-virus@pec.example", 4).await;
    let named = |kind: &str| found.iter().find(|one| one.header("X-Ricevuta") == kind).unwrap();
    let taken = named("presa-in-carico");
    assert!(taken.header("Subject").starts_with("PRESA IN CARICO: "));
    assert_eq!(taken.header("To"), "posta-certificata@pec.sandbox.example");
    assert_eq!(taken.fact("<ricezione>", "<"), "gestore-virus@pec.example");
    let virus = named("rilevazione-virus");
    assert!(virus.header("Subject").starts_with("PROBLEMA DI SICUREZZA: "));
    assert_eq!(virus.header("X-Mittente"), BODY);
    assert!(virus.record().contains("<postacert tipo=\"rilevazione-virus\" errore=\"virus\">"));
    for message in [taken, virus] {
        assert!(message.named("postacert.eml").is_none());
        message.verify().unwrap();
    }
}

#[test]
fn kinds_state_the_words_of_the_norm_and_no_others() {
    let records: Vec<_> = Kind::ALL.iter().map(|kind| kind.record().unwrap_or("-")).collect();
    let expected = [
        "accettazione",
        "non-accettazione",
        "non-accettazione",
        "presa-in-carico",
        "avvenuta-consegna",
        "errore-consegna",
        "errore-consegna",
        "preavviso-errore-consegna",
        "preavviso-errore-consegna",
        "rilevazione-virus",
        "posta-certificata",
        "-",
    ];
    assert_eq!(records, expected);
}

#[test]
fn certificates_have_the_profile_of_the_norm() {
    let provider = messo_postoffice::Provider::new(
        &crate::support::authority(),
        "Gestore Uno",
        "uno.example",
        messo_postoffice::Style::Rich,
    );
    let provider = provider.unwrap();
    let pem = provider.signer().certificate_pem();
    let (_, text, _) = openssl(&["x509", "-noout", "-text"], &pem);
    for line in [
        "X509v3 Key Usage: critical",
        "Digital Signature",
        "email:posta-certificata@uno.example",
        "O = Gestore Uno",
        "Public-Key: (2048 bit)",
        "sha256WithRSAEncryption",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("Basic Constraints"), "{text}");
    let (_, digest, _) = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], &pem);
    let digest = digest.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase();
    assert_eq!(provider.signer().fingerprint(), digest);
}
