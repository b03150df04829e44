//! Letters and statements come out as tagged PDF with everything inside, and nothing else gets in.

use super::*;
use crate::pack::tests::{inflated, objects};
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
    let fonts = objects(&letter.pdf).into_values().filter(|object| has(object, "/FontFile2"));
    assert_eq!(fonts.count(), 2);
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

/// Letters of three languages, with names of many lengths, on one to three pages.
fn run() -> impl Iterator<Item = LetterOrder> {
    (0..33_usize).map(|number| {
        let name = format!("Ada {} Straßer-D’Alò", "Maria ".repeat(number % 8));
        let mut blocks = vec![Block::Paragraph { text: format!("Gentile {name},") }];
        blocks.extend((0..=number % 4 * 8).flat_map(|_| order().blocks));
        LetterOrder {
            locale: [Locale::It, Locale::De, Locale::En][number % 3],
            logo_svg: order().logo_svg.filter(|_| number % 5 != 0),
            address: vec![
                name.to_uppercase(),
                format!("VIA ROMA {number}"),
                "38122 TRENTO TN".into(),
            ],
            code: LetterCode {
                url: format!(
                    "https://messo.example/Q/{}",
                    &BlobHash::of(&[number as u8]).hex()[..28]
                ),
                ..order().code
            },
            banner: (number % 7 == 0).then(|| "SIMULAZIONE".into()),
            reference: format!("Comunicazione n. 2026/{number}"),
            blocks,
            ..order()
        }
    })
}

#[test]
fn a_letter_in_a_run_has_the_bytes_of_the_same_letter_alone() {
    let typesetter = Typesetter::new().unwrap();
    let together: Vec<_> = run().map(|order| typesetter.letter(&order).unwrap()).collect();
    assert!(together.iter().any(|letter| letter.pages == 1));
    assert!(together.iter().any(|letter| letter.pages == 3));
    for (order, letter) in run().zip(together) {
        comemo::evict(0);
        assert_eq!(Typesetter::new().unwrap().letter(&order).unwrap(), letter);
    }
}

#[test]
fn packing_loses_no_object_of_a_letter() {
    let typesetter = Typesetter::new().unwrap();
    let data = serde_json::to_value(order()).unwrap();
    let mut plain_data = data.clone();
    plain_data["foot"] = foot(&data);
    let plain = typesetter.set("letter", &plain_data).unwrap().pdf;
    let packed = typesetter.document("letter", &data).unwrap().pdf;
    let found = objects(&packed);
    assert!(packed.len() + 4_000 < plain.len(), "{} {}", packed.len(), plain.len());
    for (number, object) in found.iter().take(found.len() - 2) {
        let whole = [format!("\n{number} 0 obj\n").as_bytes(), object, b"\nendobj\n"].concat();
        assert!(plain.windows(whole.len()).any(|window| window == whole), "{number}");
    }
}

/// A glyph that stands for two texts in a letter needs an `ActualText` wherever it stands, which bloats the
/// page and breaks words for who copies or listens.
#[test]
fn every_glyph_of_a_letter_stands_for_one_text() {
    let letter = Typesetter::new().unwrap().letter(&order()).unwrap();
    let streams = objects(&letter.pdf).into_values().filter(|object| has(object, "/FlateDecode"));
    let pages: Vec<_> =
        streams.map(|object| inflated(&object)).filter(|page| has(page, ">>BDC")).collect();
    assert_eq!(pages.len(), 1);
    assert!(!has(&pages[0], "ActualText"));
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

/// Codes as the seal makes them: base 32, no two alike.
fn codes(count: u64) -> impl Iterator<Item = String> {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..count).map(|index| {
        let hash = messo_core::ids::BlobHash::of(&index.to_be_bytes());
        let bytes = hash.0.iter().chain(&hash.0[..4]);
        bytes.map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
    })
}

#[test]
fn the_address_of_any_code_stays_clear_of_the_window() {
    let setter = Typesetter::new().unwrap();
    for base in ["HTTPS://WWW.MEDIAZIONE-MMM.EXAMPLE", "http://127.0.0.1:8080"] {
        for code in codes(60).chain(["W".repeat(36), "8".repeat(60)]) {
            let mut order = order();
            order.code.url = format!("{base}/Q/{code}");
            let letter = setter.letter(&order);
            assert!(letter.is_ok(), "{}: {:?}", order.code.url, letter.err());
        }
    }
}
