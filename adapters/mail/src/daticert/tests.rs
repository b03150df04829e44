//! What the reader of `daticert.xml` must bear.

use super::*;

const WHOLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="avvenuta-consegna" errore="nessuno">
  <intestazione>
    <mittente>segreteria@pec.organismo.example</mittente>
    <destinatari tipo="certificato">avv.rossi@pec.example</destinatari>
    <destinatari tipo="esterno">mario@example.it</destinatari>
    <risposte>segreteria@pec.organismo.example</risposte>
    <oggetto>Convocazione proc. 123/2026</oggetto>
  </intestazione>
  <dati>
    <gestore-emittente>Gestore Esempio S.p.A.</gestore-emittente>
    <data zona="+0100"><giorno>24/11/2026</giorno><ora>00:00:07</ora></data>
    <identificativo>opec1.1@pec.gestore.example</identificativo>
    <msgid>&lt;m1.x@hub.example&gt;</msgid>
    <ricevuta tipo="completa"/>
    <consegna>avv.rossi@pec.example</consegna>
  </dati>
</postacert>"#;

#[test]
fn a_whole_document_is_read_without_oddities() {
    let data = read(WHOLE.as_bytes());
    assert_eq!(data.oddities, Vec::<String>::new());
    assert_eq!(data.word.as_deref(), Some("avvenuta-consegna"));
    assert_eq!(data.reference.as_deref(), Some("m1.x@hub.example"));
    assert_eq!(data.delivered_to.as_deref(), Some("avv.rossi@pec.example"));
    assert_eq!(data.receipt_type, Some(ReceiptType::Completa));
    assert_eq!(data.recipients.iter().map(|one| one.certified).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_legal_day_is_the_written_one_and_the_instant_may_be_the_day_before() {
    let instant = read(WHOLE.as_bytes()).instant.unwrap();
    assert_eq!(instant.at.to_jiff().to_string(), "2026-11-23T23:00:07Z");
    assert_eq!(
        (instant.zone.as_str(), instant.legal_day.to_string().as_str()),
        ("+0100", "2026-11-24")
    );
}

#[test]
fn without_a_zone_the_time_of_rome_is_taken_and_said() {
    let data = read(WHOLE.replace(" zona=\"+0100\"", "").replace("24/11", "24/07").as_bytes());
    let instant = data.instant.unwrap();
    assert_eq!(
        (instant.zone.as_str(), instant.at.to_jiff().to_string()),
        ("+0200", "2026-07-23T22:00:07Z".to_owned())
    );
    assert!(data.oddities.iter().any(|what| what.contains("zona")));
}

#[test]
fn stray_text_and_unknown_elements_do_no_harm() {
    let odd = WHOLE
        .replace("</dati>", "a <nuovo x='1'>b</nuovo></dati> a <!-- c -->")
        .replace("<dati>", "z<dati>");
    assert_eq!(Daticert { oddities: Vec::new(), ..read(odd.as_bytes()) }, read(WHOLE.as_bytes()));
}

#[test]
fn what_is_missing_is_said_and_the_rest_is_read() {
    for (without, name) in [
        ("    <risposte>segreteria@pec.organismo.example</risposte>\n", "risposte"),
        (" errore=\"nessuno\"", "errore"),
        ("    <mittente>segreteria@pec.organismo.example</mittente>\n", "mittente"),
        ("<gestore-emittente>Gestore Esempio S.p.A.</gestore-emittente>", "gestore-emittente"),
        ("<ora>00:00:07</ora>", "data"),
    ] {
        let data = read(WHOLE.replace(without, "").as_bytes());
        assert_eq!(data.oddities.len(), 1, "{name}: {:?}", data.oddities);
        assert!(data.oddities[0].contains(name));
        assert_eq!(data.pec_id.as_deref(), Some("opec1.1@pec.gestore.example"));
    }
}

#[test]
fn the_encoding_of_the_prolog_is_honoured() {
    for charset in ["ISO-8859-1", "windows-1252"] {
        let text = WHOLE.replace("UTF-8", charset).replace("Convocazione", "Perch\u{e9}");
        let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
        assert_eq!(read(&bytes).subject.as_deref(), Some("Perché proc. 123/2026"), "{charset}");
    }
}

#[test]
fn a_bare_ampersand_in_a_subject_is_mended() {
    let data = read(WHOLE.replace("Convocazione", "Rossi & C. &nbsp; \u{1}&#232;").as_bytes());
    assert_eq!(data.subject.as_deref(), Some("Rossi & C. &nbsp;  è proc. 123/2026"));
    assert_eq!(data.oddities.len(), 1);
}

#[test]
fn entities_and_document_types_are_refused() {
    let bomb = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY a \"{}\"><!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}",
        "b".repeat(100),
        WHOLE.split("?>").nth(1).unwrap().replace("Convocazione", "&a;&x;")
    );
    let data = read(bomb.as_bytes());
    assert_eq!((data.subject, data.oddities.len()), (None, 1));
}

#[test]
fn a_thousand_levels_and_a_megabyte_are_refused() {
    for hidden in ["", "<!-- /> --><![CDATA[/>]]>", "<q z='/>'></q>"] {
        let deep = format!(
            "<postacert>{}{}</postacert>",
            format!("{hidden}<a>").repeat(1_000),
            "</a>".repeat(1_000)
        );
        assert_eq!(read(deep.as_bytes()).oddities, ["daticert.xml is nested deeper than is read"]);
    }
    let wide = WHOLE.replace("Convocazione", &"x".repeat(1 << 20));
    assert_eq!(read(wide.as_bytes()).oddities, ["daticert.xml is larger than is read"]);
    assert_eq!(read("<a>".repeat(80_000).as_bytes()).oddities.len(), 1);
}

#[test]
fn times_that_do_not_exist_are_none() {
    for (what, instead) in [
        ("24/11/2026", "31/02/2026"),
        ("00:00:07", "25:00:00"),
        ("24/11/2026", "x"),
        ("+0100", "+9900"),
    ] {
        let data = read(WHOLE.replace(what, instead).as_bytes());
        assert_eq!(data.oddities.len(), 1, "{instead}");
    }
}
