//! What a seal holds and what it lets through.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

fn keys() -> TokenKeys {
    TokenKeys::new([(1, [7; 32])]).unwrap()
}

fn token() -> Token {
    Token { body: 1, case: 12_345, party: 54_321, document: 70_000, page: 2, pages: 3 }
}

fn dispatch(n: u128) -> DispatchId {
    DispatchId(Uuid::from_u128(n))
}

#[test]
fn a_token_opens_as_it_was_sealed_and_stays_short() {
    let text = keys().seal(&token());
    assert_eq!(keys().open(&text), Ok(token()));
    assert!(text.len() <= 38, "{} characters", text.len());
    assert!(text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
}

#[test]
fn the_text_of_a_token_never_changes() {
    // Letters on paper outlive releases: this text must open for ever.
    assert_eq!(keys().seal(&token()), FROZEN);
    assert_eq!(keys().open(FROZEN), Ok(token()));
}

const FROZEN: &str = "040VJR5HN01Z18G4081GGJBZ346M5SS6V9A0";

#[test]
fn a_token_is_found_in_what_a_scanner_or_a_person_brings() {
    let text = keys().seal(&token());
    let (head, tail) = text.split_at(9);
    for brought in [
        text.to_lowercase(),
        format!("  {head} {tail}\r\n"),
        format!("{head}-{tail}"),
        format!("HTTPS://MESSO.EXAMPLE.IT/Q/{text}"),
        format!("https://messo.example.it/mediazione/q/{}/?utm=x#top", text.to_lowercase()),
        text.replace('0', "o").replace('1', "l"),
    ] {
        assert_eq!(keys().open(&brought), Ok(token()), "{brought}");
    }
}

#[test]
fn changing_any_character_breaks_the_seal() {
    let text = keys().seal(&token());
    for position in 0..text.len() {
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars() {
            let mut changed: Vec<char> = text.chars().collect();
            if changed[position] != other {
                changed[position] = other;
                let changed: String = changed.into_iter().collect();
                assert!(keys().open(&changed).is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn old_letters_stay_valid_when_keys_rotate_and_the_newest_key_signs() {
    let old = keys();
    let both = TokenKeys::new([(2, [9; 32]), (1, [7; 32])]).unwrap();
    assert_eq!(both.open(&old.seal(&token())), Ok(token()));
    assert_eq!(old.open(&both.seal(&token())), Err(TokenError::UnknownKey(2)));
    let attempt = AttemptId(Uuid::from_u128(5));
    assert!(both.check_callback_mac(attempt, &old.callback_mac(attempt)));
    assert!(both.check_personal_code(dispatch(5), &old.personal_code(dispatch(5))));
    assert_ne!(both.personal_code(dispatch(5)), old.personal_code(dispatch(5)));
}

#[test]
fn a_key_list_reads_back_and_a_bad_one_is_refused() {
    let both = TokenKeys::new([(2, [9; 32]), (1, [7; 32])]).unwrap();
    let again = TokenKeys::from_bytes(&both.to_bytes()).unwrap();
    assert_eq!(again.to_bytes(), both.to_bytes());
    assert_eq!(TokenKeys::from_bytes(&[]).unwrap_err(), InvalidKeys::Empty);
    assert_eq!(TokenKeys::from_bytes(&[0; 34]).unwrap_err(), InvalidKeys::Malformed);
    assert_eq!(TokenKeys::new([(64, [0; 32])]).unwrap_err(), InvalidKeys::IdTooHigh(64));
    assert_eq!(TokenKeys::new([(1, [0; 32]), (1, [1; 32])]).unwrap_err(), InvalidKeys::Repeated(1));
    assert_eq!(format!("{both:?}"), "TokenKeys { ids: [1, 2] }");
}

#[test]
fn a_personal_code_is_taken_as_people_type_it_and_belongs_to_one_dispatch() {
    let code = keys().personal_code(dispatch(1));
    assert_eq!(code.len(), 8);
    let typed = format!("{}-{} ", &code[..4], &code[4..]).to_lowercase();
    assert!(keys().check_personal_code(dispatch(1), &typed));
    assert!(!keys().check_personal_code(dispatch(2), &code));
    assert!(!keys().check_personal_code(dispatch(1), &code[..7]));
    assert!(!keys().check_personal_code(dispatch(1), ""));
}

#[test]
fn a_seal_of_one_use_is_worthless_in_another() {
    let id = Uuid::from_u128(77);
    let callback = keys().callback_mac(AttemptId(id));
    assert!(keys().check_callback_mac(AttemptId(id), &callback));
    assert!(!keys().check_callback_mac(AttemptId(Uuid::from_u128(78)), &callback));
    assert!(!keys().check_personal_code(DispatchId(id), &callback[..8]));
    assert!(keys().open(&callback).is_err());
    assert!(!keys().check_callback_mac(AttemptId(id), &keys().seal(&token())));
}

#[test]
fn the_qr_text_is_in_capitals_unless_the_path_forbids_it() {
    assert_eq!(qr_text("https://messo.example.it/", "T0KEN"), "HTTPS://MESSO.EXAMPLE.IT/Q/T0KEN");
    assert_eq!(qr_text("http://127.0.0.1:8080", "T0KEN"), "HTTP://127.0.0.1:8080/Q/T0KEN");
    assert_eq!(qr_text("https://example.it/odm", "T0KEN"), "https://example.it/odm/Q/T0KEN");
    assert_eq!(qr_text("https://example.it/ODM", "T0KEN"), "HTTPS://EXAMPLE.IT/ODM/Q/T0KEN");
}

#[test]
fn a_number_written_in_too_many_octets_is_refused() {
    assert_eq!(take_varint(&mut &[0x80, 0x00][..]), None);
    assert_eq!(take_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0x1f][..]), None);
    assert_eq!(take_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0x0f][..]), Some(u32::MAX));
}

proptest! {
    #[test]
    fn every_token_opens_as_it_was_sealed(
        body: u32, case: u32, party: u32, document: u32, page in 1..=u16::MAX, more: u16
    ) {
        let token = Token { body, case, party, document, page, pages: page.saturating_add(more) };
        let text = keys().seal(&token);
        prop_assert!((28..=60).contains(&text.len()));
        prop_assert_eq!(keys().open(&qr_text("https://messo.example.it", &text)), Ok(token));
    }

    #[test]
    fn no_text_makes_the_reader_panic_or_passes_without_a_seal(text in "\\PC{0,80}|[0-9A-Z]{0,80}") {
        prop_assert!(keys().open(&text).is_err());
        prop_assert!(!keys().check_personal_code(dispatch(1), &text));
        prop_assert!(!keys().check_callback_mac(AttemptId(Uuid::nil()), &text));
    }
}
