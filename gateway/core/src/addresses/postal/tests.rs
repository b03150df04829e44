//! The vectors of the postal block.

use super::*;

fn parts() -> PostalParts {
    PostalParts {
        recipient: "Consorzio per la promozione del marchio storico dei vini reggiani".into(),
        street: "via Crispi".into(),
        house_number: "3".into(),
        postal_code: "42121".into(),
        city: "Reggio Emilia".into(),
        province: "RE".into(),
        ..PostalParts::default()
    }
}

fn warnings(parts: &PostalParts) -> String {
    PostalBlock::compose(parts).unwrap().warnings().join("; ")
}

fn refusal(parts: &PostalParts) -> String {
    PostalBlock::compose(parts).unwrap_err().to_string()
}

#[test]
fn a_block_is_set_as_the_carrier_asks() {
    let block = PostalBlock::compose(&parts()).unwrap();
    assert_eq!(
        block.lines(),
        [
            "CONSORZIO PER LA PROMOZIONE DEL MARCHIO STOR",
            "ICO DEI VINI REGGIANI",
            "VIA CRISPI 3",
            "42121 REGGIO EMILIA RE",
        ]
    );
    assert!(block.warnings().is_empty());
}

#[test]
fn a_name_of_44_45_88_and_89_characters_fills_one_line_two_lines_and_is_cut_with_a_warning() {
    for (length, widths, cut) in [
        (44, vec![44], false),
        (45, vec![44, 1], false),
        (88, vec![44, 44], false),
        (89, vec![44, 44], true),
    ] {
        let block =
            PostalBlock::compose(&PostalParts { recipient: "è".repeat(length), ..parts() })
                .unwrap();
        let names = &block.lines()[..block.lines().len() - 2];
        assert_eq!(names.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), widths);
        assert_eq!(!block.warnings().is_empty(), cut, "{length}");
    }
}

#[test]
fn presso_and_building_have_their_own_lines() {
    let block = PostalBlock::compose(&PostalParts {
        recipient: "Maria D'Andrà".into(),
        care_of: "c/o Studio  Rossi".into(),
        building: "scala B int. 4".into(),
        ..parts()
    })
    .unwrap();
    assert_eq!(
        block.lines(),
        [
            "MARIA D'ANDRÀ",
            "C/O STUDIO ROSSI",
            "SCALA B INT. 4",
            "VIA CRISPI 3",
            "42121 REGGIO EMILIA RE"
        ]
    );
}

#[test]
fn only_abroad_the_country_has_a_line() {
    let abroad = PostalParts {
        postal_code: "6900".into(),
        city: "Lugano".into(),
        province: String::new(),
        country: "Svizzera".into(),
        ..parts()
    };
    let block = PostalBlock::compose(&abroad).unwrap();
    assert_eq!(block.lines()[3..], ["6900 LUGANO", "SVIZZERA"]);
    for (code, city, province, country) in [
        ("47890", "San Marino", "RSM", "San Marino"),
        ("47895", "Domagnano", "", ""),
        ("00120", "Città del Vaticano", "SCV", "Vaticano"),
    ] {
        let block = PostalBlock::compose(&PostalParts {
            postal_code: code.into(),
            city: city.into(),
            province: province.into(),
            country: country.into(),
            ..parts()
        })
        .unwrap();
        assert_eq!(block.lines().last().unwrap(), &format!("{code} {}", city.to_uppercase()));
        assert!(block.warnings().is_empty());
    }
}

#[test]
fn a_province_may_be_a_code_or_a_name_and_an_old_code_is_told() {
    for (written, printed) in
        [("mi", "MI"), ("(MI)", "MI"), ("Milano", "MI"), ("Forli Cesena", "FC"), ("l’aquila", "AQ")]
    {
        let block =
            PostalBlock::compose(&PostalParts { province: written.into(), ..parts() }).unwrap();
        assert!(block.lines()[3].ends_with(&format!(" {printed}")), "{written}");
        assert!(block.warnings().is_empty());
    }
    assert!(warnings(&PostalParts { province: "OT".into(), ..parts() }).contains("OT"));
    assert!(warnings(&PostalParts { province: String::new(), ..parts() }).contains("provincia"));
    assert!(refusal(&PostalParts { province: "XX".into(), ..parts() }).contains("provincia"));
}

#[test]
fn a_generic_postal_code_is_a_warning_and_a_malformed_one_an_error() {
    let generic = PostalParts { postal_code: "20100".into(), city: "Milano".into(), ..parts() };
    assert!(warnings(&generic).contains("generico"));
    assert!(refusal(&PostalParts { postal_code: "187".into(), ..parts() }).contains("5 cifre"));
    assert!(
        refusal(&PostalParts { postal_code: "0187".into(), ..parts() }).contains("zero iniziale")
    );
    assert!(refusal(&PostalParts { postal_code: "I-4212".into(), ..parts() }).contains("5 cifre"));
}

#[test]
fn what_is_missing_or_too_long_is_named() {
    for (changed, word) in [
        (PostalParts { recipient: " ".into(), ..parts() }, "destinatario"),
        (PostalParts { street: String::new(), ..parts() }, "via"),
        (PostalParts { city: String::new(), ..parts() }, "comune"),
        (PostalParts { postal_code: String::new(), ..parts() }, "CAP"),
        (PostalParts { street: "x".repeat(43), ..parts() }, "supera 44"),
        (PostalParts { city: "a\r\nb".into(), ..parts() }, "a capo"),
    ] {
        assert!(refusal(&changed).contains(word), "{word}");
    }
    assert!(warnings(&PostalParts { house_number: String::new(), ..parts() }).contains("civico"));
}

#[test]
fn a_block_reads_back_from_its_lines() {
    let block = PostalBlock::compose(&parts()).unwrap();
    let text = serde_json::to_string(&block).unwrap();
    assert_eq!(serde_json::from_str::<PostalBlock>(&text).unwrap(), block);
    assert!(serde_json::from_str::<PostalBlock>("[]").is_err());
    assert!(serde_json::from_str::<PostalBlock>(&format!("[\"{}\"]", "A".repeat(45))).is_err());
}
