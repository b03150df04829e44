//! The vectors of segmentation, and the sender rules.

use super::*;
use proptest::prelude::*;

#[test]
fn a_text_is_counted_as_it_travels() {
    use Encoding::{Gsm7, Ucs2};
    let mixed = format!("{0}€{0}", "a".repeat(152));
    for (text, encoding, units, parts) in [
        (String::new(), Gsm7, 0, 1),
        ("a".repeat(160), Gsm7, 160, 1),
        ("a".repeat(161), Gsm7, 161, 2),
        ("a".repeat(306), Gsm7, 306, 2),
        ("a".repeat(307), Gsm7, 307, 3),
        ("€".repeat(80), Gsm7, 160, 1),
        ("€".repeat(81), Gsm7, 162, 2),
        (mixed, Gsm7, 306, 3),
        ("è".repeat(160), Gsm7, 160, 1),
        ("È".to_owned(), Ucs2, 1, 1),
        ("È".repeat(70), Ucs2, 70, 1),
        ("È".repeat(71), Ucs2, 71, 2),
        ("È".repeat(134), Ucs2, 134, 2),
        ("È".repeat(135), Ucs2, 135, 3),
        ("\u{1F600}".repeat(35), Ucs2, 70, 1),
        ("\u{1F600}".repeat(36), Ucs2, 72, 2),
        ("\u{1F600}".repeat(67), Ucs2, 134, 3),
        ("ç".to_owned(), Ucs2, 1, 1),
        ("\t".to_owned(), Ucs2, 1, 1),
        ("`".to_owned(), Ucs2, 1, 1),
        ("[~]|^{}\\\u{c}\n\r".to_owned(), Gsm7, 20, 1),
    ] {
        let expected = Segmentation { encoding, units, parts };
        assert_eq!(segments(&text), expected, "{} characters", text.chars().count());
    }
}

#[test]
fn the_default_alphabet_has_127_characters_and_the_extension_10() {
    let all = (0..=0x10_FFFF).filter_map(char::from_u32).filter_map(gsm7_cost);
    let (single, double): (Vec<_>, Vec<_>) = all.partition(|cost| *cost == 1);
    assert_eq!((single.len(), double.len()), (127, 10));
}

#[test]
fn transliteration_saves_parts_and_loses_no_meaning() {
    let text = format!("È convocato il 3/11 – l\u{2019}incontro si terrà… {}", "a".repeat(40));
    let offer = transliterate(&text);
    assert!(offer.text.starts_with("E' convocato il 3/11 - l'incontro si terrà... "));
    assert_eq!((offer.before.parts, offer.after.parts), (2, 1));
    assert_eq!(transliterate("\u{201C}CITTÀ\u{201D}\u{A0}ça\tê").text, "\"CITTA'\" ca e");
    assert_eq!(transliterate("e\u{300} ok").text, "è ok");
    assert_eq!(transliterate("ciao \u{1F600}").text, "ciao \u{1F600}");
}

#[test]
fn a_sender_is_a_registered_name_or_a_number() {
    assert_eq!(SmsSender::parse("OdM Milano"), Ok(SmsSender::Alias("OdM Milano".into())));
    assert_eq!(SmsSender::parse("339 1234567"), Ok(SmsSender::Number("+393391234567".into())));
    assert_eq!(SmsSender::parse("43210"), Ok(SmsSender::Number("43210".into())));
    for (written, word) in [
        ("", "manca"),
        ("Od", "almeno 3"),
        ("Mediazione12", "al massimo 11"),
        ("3mediazioni", "numero di telefono"),
        ("Àlbo", "lettera senza accento"),
        ("Albo@x", "ammette solo"),
        ("Forlì", "ammette solo"),
        ("Albo\nX", "ammette solo"),
    ] {
        let error = SmsSender::parse(written).unwrap_err().to_string();
        assert!(error.contains(word), "{written}: {error}");
    }
    assert!(!SmsSender::Alias("OdM".into()).can_be_answered());
}

proptest! {
    #[test]
    fn parts_are_enough_and_at_most_one_character_wasted_each(text in "[a-zè€È\u{1F600}]{0,400}|[a-z€]{0,800}") {
        let size = segments(&text);
        let (alone, in_part) = size.encoding.capacity();
        if size.units <= alone {
            prop_assert_eq!(size.parts, 1);
        } else {
            prop_assert!(size.parts * in_part >= size.units);
            prop_assert!((size.parts - 1) * (in_part - 1) < size.units);
        }
    }

    #[test]
    fn transliteration_is_stable_for_any_text(text in "\\PC{0,200}") {
        let once = transliterate(&text);
        prop_assert_eq!(&transliterate(&once.text).text, &once.text);
    }
}
