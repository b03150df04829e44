//! Italian fiscal codes and VAT numbers: form and check character (DM 23/12/1976, art. 35 DPR 633/1972).
//!
//! A code that passes is well formed; whether it was ever issued, only the tax office knows.

/// What an odd position (the first is 1) of a fiscal code is worth: for 0–9 and A–J, then K–Z.
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Reads the fiscal code of a person (16 characters), or the numeric one of an organisation, which
/// is also its VAT number (11 digits, `IT` before it is taken off). Upper case, without blanks. The error
/// is one Italian sentence.
pub fn parse(text: &str) -> Result<String, &'static str> {
    let code: String =
        text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).take(32).collect();
    let code = match code.strip_prefix("IT") {
        Some(digits) if all_digits(digits) && !digits.is_empty() => digits.to_owned(),
        _ => code,
    };
    if all_digits(&code) {
        return match code.len() {
            11 if vat_check(code.as_bytes()) => Ok(code),
            11 => Err("la cifra di controllo della partita IVA non torna"),
            8..=10 => Err(
                "la partita IVA ha 11 cifre: forse il foglio di calcolo ha tolto gli zeri iniziali",
            ),
            _ => Err("la partita IVA ha 11 cifre"),
        };
    }
    if code.len() != 16 || !code.is_ascii() {
        return Err("il codice fiscale ha 16 caratteri, la partita IVA 11 cifre");
    }
    if !has_form(code.as_bytes()) {
        return Err("il codice fiscale non è scritto correttamente");
    }
    if !person_check(code.as_bytes()) {
        return Err("la lettera di controllo del codice fiscale non torna");
    }
    Ok(code)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters and digits in their places. A digit may be a letter of `LMNPQRSTUV` where two people would
/// have had the same code (*omocodia*).
fn has_form(code: &[u8]) -> bool {
    code.iter().zip("LLLLLLDDMDDLDDDL".bytes()).all(|(c, kind)| match kind {
        b'L' => c.is_ascii_uppercase(),
        b'M' => b"ABCDEHLMPRST".contains(c),
        _ => c.is_ascii_digit() || b"LMNPQRSTUV".contains(c),
    })
}

fn person_check(code: &[u8]) -> bool {
    let value = |c: u8| u32::from(if c.is_ascii_digit() { c - b'0' } else { c - b'A' });
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(index, c)| if index % 2 == 0 { ODD[value(*c) as usize] } else { value(*c) })
        .sum();
    sum % 26 == value(code[15])
}

fn vat_check(code: &[u8]) -> bool {
    let sum: u32 = code
        .iter()
        .enumerate()
        .map(|(index, c)| {
            let digit = u32::from(c - b'0');
            match index % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn well_formed_codes_pass_in_one_spelling() {
        for (written, kept) in [
            ("RSSMRA85T10A562S", "RSSMRA85T10A562S"),
            (" rss mra 85t10 a562s ", "RSSMRA85T10A562S"),
            ("00743110157", "00743110157"),
            ("IT 00743110157", "00743110157"),
        ] {
            assert_eq!(parse(written).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn a_mistyped_code_is_told_from_a_malformed_one() {
        for (written, word) in [
            ("RSSMRA85T10A562T", "lettera di controllo"),
            ("RSSMRA85T10A526S", "lettera di controllo"),
            ("RSSMRA85Z10A562S", "non è scritto"),
            ("RSSMRA85T10A562", "16 caratteri"),
            ("00743110158", "cifra di controllo"),
            ("743110157", "zeri iniziali"),
            ("123", "11 cifre"),
            ("ROSSIMARIO€€1234", "16 caratteri"),
        ] {
            let error = parse(written).unwrap_err();
            assert!(error.contains(word), "{written}: {error}");
        }
    }

    #[test]
    fn two_people_with_the_same_data_have_letters_for_digits() {
        // The last digit 2 written as N, with its own check letter.
        let variants = ('A'..='Z').filter(|c| parse(&format!("RSSMRA85T10A56N{c}")).is_ok());
        assert_eq!(variants.count(), 1);
    }
}
