//! Letters and statements come out as tagged PDF with everything inside, and nothing else gets in.

use super::*;
use messo_core::notices::{BodyFacts, Locale};
use messo_core::ports::{Block, LetterCode, LetterOrder};

fn order() -> LetterOrder {
    let paragraph = "La mediazione è un colloquio riservato, guidato da una persona imparziale, per \
        cercare insieme un accordo: non è una causa, e nessuno decide al posto suo.";
    LetterOrder {
        locale: Locale::It,
        at: Timestamp::from_seconds(1_795_320_000),
        body: BodyFacts {
            name: "Organismo di Mediazione San Giovanni".into(),
            address: vec!["Via dei Portici 24".into(), "39100 Bolzano BZ".into()],
            ..BodyFacts::default()
        },
        logo_svg: Some(include_str!("../../letters/logo.svg").into()),
        address: vec!["MARIA ROSSI".into(), "VIA ROMA 1".into(), "38122 TRENTO TN".into()],
        dateline: "Bolzano, 22 novembre 2026".into(),
        title: "Convocazione".into(),
        blocks: vec![
            Block::Paragraph { text: paragraph.into() },
            Block::Facts { rows: vec![("Quando".into(), "lunedì 14 dicembre".into())] },
            Block::Answer { text: "Rispondi".into() },
            Block::List { items: vec!["uno".into(), "due".into()] },
            Block::Note { text: "In piccolo.".into() },
        ],
        code: LetterCode {
            svg: "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><path d=\"M4 4h1v1h-1z\"/></svg>".into(),
            side_mm: 30.0,
            alt: "Codice QR".into(),
            caption: "Inquadri il codice:".into(),
            url: "https://messo.example/Q/ABC".into(),
        },
        reference: "Comunicazione n. 2026/000123".into(),
        banner: None,
        page_words: ("Pagina".into(), "di".into()),
    }
}

fn statement() -> Value {
    json!({
        "title": "Relazione di notificazione e attestazione delle ricevute",
        "body_name": "Organismo di Mediazione San Giovanni", "case": "n. 12/2026",
        "recipient": "Maria Rossi", "outcome_sentence": "Consegnata.", "sandbox": true,
        "events": [{ "at": "22/11/2026 10:31:02", "text": "Inviata.", "sha256": "ab".repeat(32) },
                   { "at": "22/11/2026 10:31:03", "text": "Consegnata." }],
        "files": [{ "name": "message.eml", "sha256": "cd".repeat(32), "size": 20_123 }],
        "chain": { "from": 1, "to": 7, "head": "ef".repeat(32) },
        "seal_fingerprint": "01".repeat(32), "generated_at": "22/11/2026 11:00:00",
        "at": 1_795_320_000_000_000_i64,
    })
}

fn has(pdf: &[u8], words: &str) -> bool {
    pdf.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn a_letter_is_one_tagged_page_of_moderate_size_with_its_fonts_inside() {
    let letter = Typesetter::new().unwrap().letter(&order()).unwrap();
    assert_eq!(letter.pages, 1);
    assert!(letter.pdf.starts_with(b"%PDF-1.7"));
    assert!(has(&letter.pdf, "<pdfaid:part>2</pdfaid:part>"));
    assert!(has(&letter.pdf, "<pdfuaid:part>1</pdfuaid:part>"));
    assert!(has(&letter.pdf, "+OpenSans"));
    assert!(letter.pdf.len() <= 30_000, "{} bytes", letter.pdf.len());
}

#[test]
fn the_same_order_gives_the_same_bytes() {
    let typesetter = Typesetter::new().unwrap();
    let first = typesetter.letter(&order()).unwrap();
    let other = LetterOrder { title: "Altro".into(), ..order() };
    assert_ne!(first, typesetter.letter(&other).unwrap());
    assert_eq!(first, typesetter.letter(&order()).unwrap());
}

#[test]
fn a_long_text_runs_over_pages_and_an_endless_one_is_refused() {
    let typesetter = Typesetter::new().unwrap();
    let many = |count| LetterOrder {
        blocks: (0..count).flat_map(|_| order().blocks).collect(),
        ..order()
    };
    assert!(typesetter.letter(&many(20)).unwrap().pages > 1);
    let tall = LetterOrder { address: vec!["A".into(); 40], ..order() };
    assert!(typesetter.letter(&tall).is_err());
}

#[test]
fn the_window_shows_the_address_and_nothing_else() {
    let typesetter = Typesetter::new().unwrap();
    let full = vec!["CONSORZIO PER LA PROMOZIONE DEL MARCHIO STOR".to_owned(); 6];
    assert!(typesetter.letter(&LetterOrder { address: full, ..order() }).is_ok());
    let lines = vec!["M".repeat(44); 6];
    let error = typesetter.letter(&LetterOrder { address: lines, ..order() }).unwrap_err();
    assert!(error.to_string().contains("finestra"), "{error}");
    let narrow = WindowSpec { clearance_mm: 20.0, ..WindowSpec::default() };
    let typesetter = Typesetter { window: narrow, ..Typesetter::new().unwrap() };
    assert!(typesetter.letter(&order()).unwrap_err().to_string().contains("finestra"));
}

#[test]
fn a_character_without_a_glyph_is_named() {
    let typesetter = Typesetter::new().unwrap();
    let name = |name: &str| LetterOrder { title: name.into(), ..order() };
    assert!(typesetter.letter(&name("Žižek Đorđević, Ştefan Kovařík – Müßig")).is_ok());
    assert!(typesetter.letter(&name("Иван Ευγενία")).is_ok());
    let error = typesetter.letter(&name("Ada 王")).unwrap_err().to_string();
    assert!(error.contains("«王»"), "{error}");
}

#[test]
fn a_statement_of_service_is_set_from_json() {
    let typesetter = Typesetter::new().unwrap();
    let statement = typesetter.document("statement", &statement()).unwrap();
    assert_eq!(statement.pages, 1);
    assert!(has(&statement.pdf, "<pdfuaid:part>1</pdfuaid:part>"));
}

#[test]
fn unknown_templates_missing_data_and_markup_in_data_do_no_harm() {
    let typesetter = Typesetter::new().unwrap();
    assert!(matches!(
        typesetter.document("house/../etc", &json!({})),
        Err(RenderError::UnknownTemplate(_))
    ));
    let error = typesetter.document("statement", &json!({ "title": "x" })).unwrap_err();
    assert!(matches!(error, RenderError::Template { .. }), "{error}");
    let markup = LetterOrder { title: "#read(\"/etc/passwd\") $x$ *a*".into(), ..order() };
    assert!(typesetter.letter(&markup).is_ok());
}
