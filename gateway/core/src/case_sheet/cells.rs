//! What stands in a cell: dates, amounts, roles, and what no cell may hold.
//!
//! Errors are Italian sentences for the person who mends the file.

use super::{MAX_CELL, MAX_EXTRA_CELL};
use crate::cases::Role;
use jiff::civil::{Date, DateTime, Time};

/// Highest amount in cents: a thousand million euro.
const MAX_CENTS: i64 = 100_000_000_000;

/// What no cell may hold, whatever its column: line breaks and control characters (they would break
/// headers), characters that turn the direction of writing, broken encoding, formulas.
pub(super) fn check(cell: &str, known: bool) -> Result<(), String> {
    let limit = if known { MAX_CELL } else { MAX_EXTRA_CELL };
    if cell.len() > limit && cell.chars().count() > limit {
        return Err(format!("la cella supera {limit} caratteri"));
    }
    for c in cell.chars() {
        if matches!(c, '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            return Err("la cella contiene un a capo".to_owned());
        }
        if c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}') {
            return Err("la cella contiene un carattere di controllo".to_owned());
        }
        if c == '\u{FFFD}' {
            return Err("la cella contiene un carattere illeggibile: il file è stato salvato con un'altra codifica".to_owned());
        }
    }
    let text = cell.trim();
    if is_formula(text) {
        return Err(
            "la cella comincia come una formula (=, @, + o -): va scritto il valore".to_owned()
        );
    }
    if text.starts_with('#') && is_spreadsheet_error(text) {
        return Err(format!("il foglio di calcolo segnala un errore ({text})"));
    }
    Ok(())
}

/// `=…` and `@…` always; `+…` and `-…` unless a number follows (a telephone, an amount) or nothing.
fn is_formula(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'=' | b'@') => true,
        Some(b'+' | b'-') => {
            text.len() > 1
                && !text[1..].chars().all(|c| c.is_ascii_digit() || " .,/()-\u{a0}€".contains(c))
        }
        _ => false,
    }
}

fn is_spreadsheet_error(text: &str) -> bool {
    text.bytes().all(|b| b == b'#')
        || [
            "#N/D", "#N/A", "#RIF!", "#REF!", "#VALORE!", "#VALUE!", "#NOME?", "#NAME?", "#DIV/0!",
            "#NUM!",
        ]
        .contains(&text)
}

/// A long number that a spreadsheet has turned into `3,39E+11`: the digits are lost.
pub(super) fn check_unmangled(text: &str) -> Result<(), String> {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return Ok(()) };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mangled = mantissa.split([',', '.']).all(digits)
        && exponent.strip_prefix(['+', '-']).is_some_and(digits);
    if mangled {
        return Err(format!(
            "il foglio di calcolo ha trasformato il numero in {text} e le cifre sono perse: la colonna va formattata come testo"
        ));
    }
    Ok(())
}

/// The number of a case: a short text, because bodies write `12`, `12/A`, `2026-12`.
pub(super) fn case_number(text: &str) -> Result<String, String> {
    check_unmangled(text)?;
    if text.chars().count() > 40 {
        return Err("il numero della pratica supera 40 caratteri".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn case_year(text: &str) -> Result<i16, String> {
    match text.parse::<i16>() {
        Ok(year) if text.len() == 4 && (1990..=2100).contains(&year) => Ok(year),
        _ => Err("l'anno della pratica si scrive con quattro cifre, per esempio 2026".to_owned()),
    }
}

/// A part in the case, in Italian (either gender) or English.
pub(super) fn role(text: &str) -> Result<Role, String> {
    let word = text.to_lowercase();
    Ok(match word.as_str() {
        "istante" | "parte istante" | "petitioner" => Role::Petitioner,
        "convocato" | "convocata" | "parte convocata" | "parte invitata" | "invitato"
        | "invitata" | "chiamato" | "chiamata" | "summoned" => Role::Summoned,
        "avvocato" | "avvocata" | "legale" | "lawyer" => Role::Lawyer,
        "mediatore" | "mediatrice" | "gestore" | "mediator" => Role::Mediator,
        "debitore" | "debitrice" | "debtor" => Role::Debtor,
        "creditore" | "creditrice" | "creditor" => Role::Creditor,
        _ => {
            return Err("il ruolo deve essere uno tra istante, convocato, avvocato, mediatore, \
                        debitore, creditore"
                .to_owned());
        }
    })
}

/// An amount in cents. `12.345,67` and `12345.67` are the same; `12.345` is twelve thousand. Nothing
/// for the words with which an undetermined value is written.
pub(super) fn amount(text: &str) -> Result<Option<i64>, String> {
    check_unmangled(text)?;
    let wrong = || "il valore non è un importo, per esempio 12.345,67".to_owned();
    let word = text.to_lowercase();
    if ["indeterminat", "indeterminabil"].iter().any(|stem| word.starts_with(stem))
        || word == "n.d."
    {
        return Ok(None);
    }
    let bare: String = word
        .trim_start_matches("eur")
        .trim_end_matches("euro")
        .trim_end_matches("eur")
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '€' | '\'' | '’'))
        .collect();
    if bare.starts_with('-') {
        return Err("il valore non può essere negativo".to_owned());
    }
    let (whole, decimals) = split_amount(&bare)?;
    if whole.is_empty()
        || decimals.len() > 2
        || !(whole.clone() + decimals).bytes().all(|b| b.is_ascii_digit())
    {
        return Err(wrong());
    }
    let cents: i64 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
    if cents > MAX_CENTS {
        Err("il valore supera un miliardo di euro".to_owned())
    } else {
        Ok(Some(cents))
    }
}

/// Whole part without its marks, and decimals.
fn split_amount(bare: &str) -> Result<(String, &str), String> {
    let wrong = || "il valore non è un importo, per esempio 12.345,67".to_owned();
    let (commas, dots) = (bare.matches(',').count(), bare.matches('.').count());
    let mark = match (commas, dots) {
        (0, 0) => return Ok((bare.to_owned(), "")),
        (1.., 1..) if bare.rfind(',') > bare.rfind('.') => ',',
        (1.., 1..) => '.',
        (1, 0) => ',',
        (0, 1) => '.',
        // One mark, several times: it groups thousands.
        (_, 0) => return grouped(bare, ',').map(|whole| (whole, "")).ok_or_else(wrong),
        (0, _) => return grouped(bare, '.').map(|whole| (whole, "")).ok_or_else(wrong),
    };
    let (whole, decimals) = bare.rsplit_once(mark).ok_or_else(wrong)?;
    if decimals.len() == 3 && commas + dots == 1 {
        if mark == '.' {
            return grouped(bare, '.').map(|whole| (whole, "")).ok_or_else(wrong);
        }
        return Err("il valore è ambiguo: tre cifre dopo la virgola".to_owned());
    }
    let other = if mark == ',' { '.' } else { ',' };
    if whole.contains(other) {
        return grouped(whole, other).map(|whole| (whole, decimals)).ok_or_else(wrong);
    }
    Ok((whole.to_owned(), decimals))
}

/// `12.345.678` without its marks, when they stand before every three digits.
fn grouped(text: &str, mark: char) -> Option<String> {
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let fits = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    fits.then(|| text.replace(mark, ""))
}

/// A day: ISO or `dd/mm/yyyy`; a time after it is read and left out.
pub(super) fn date(text: &str) -> Result<Date, String> {
    Ok(date_and_time(text)?.0)
}

/// A day with its time.
pub(super) fn date_time(text: &str) -> Result<DateTime, String> {
    match date_and_time(text)? {
        (date, Some(time)) => Ok(date.to_datetime(time)),
        (_, None) => Err("manca l'ora, per esempio 03/11/2026 15:30".to_owned()),
    }
}

fn date_and_time(text: &str) -> Result<(Date, Option<Time>), String> {
    if (4..=7).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',')
    {
        return Err(
            "sembra il numero interno di una data di Excel: la cella va formattata come data"
                .to_owned(),
        );
    }
    let (day, time) = match text.split_once(|c: char| c.is_whitespace() || c == 'T') {
        Some((day, time)) => (day, time.trim()),
        None => (text, ""),
    };
    let day = civil_date(day)?;
    let time = if time.is_empty() { None } else { Some(civil_time(time)?) };
    Ok((day, time))
}

fn civil_date(text: &str) -> Result<Date, String> {
    let wrong = || "la data non è scritta come gg/mm/aaaa o aaaa-mm-gg".to_owned();
    let parts: Vec<&str> = text.split(['-', '/', '.']).take(4).collect();
    let [first, middle, last] = parts[..] else { return Err(wrong()) };
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit())) {
        return Err(wrong());
    }
    let (year, month, day) = match (first.len(), middle.len(), last.len()) {
        (4, 1..=2, 1..=2) => (first, middle, last),
        (1..=2, 1..=2, 4) => (last, middle, first),
        (1..=2, 1..=2, 2) => {
            return Err("l'anno della data si scrive con quattro cifre".to_owned());
        }
        _ => return Err(wrong()),
    };
    let number = |text: &str| text.parse::<i16>().map_err(|_| wrong());
    let (year, month, day) = (number(year)?, number(month)? as i8, number(day)? as i8);
    if !(1900..=2100).contains(&year) {
        return Err("l'anno della data è fuori dal calendario".to_owned());
    }
    Date::new(year, month, day).map_err(|_| "la data non esiste nel calendario".to_owned())
}

fn civil_time(text: &str) -> Result<Time, String> {
    let wrong = || "l'ora non è scritta come hh:mm".to_owned();
    let text = text.strip_prefix("ore").unwrap_or(text).trim();
    let parts: Vec<&str> = text.split([':', '.']).take(4).collect();
    if !(2..=3).contains(&parts.len())
        || parts
            .iter()
            .any(|part| !(1..=2).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(wrong());
    }
    let number =
        |index: usize| parts.get(index).and_then(|part| part.parse::<i8>().ok()).unwrap_or(0);
    Time::new(number(0), number(1), number(2), 0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_in_italian_and_in_english() {
        for (written, cents) in [
            ("12.345,67", 1_234_567),
            ("12345.67", 1_234_567),
            ("12,345.67", 1_234_567),
            ("€ 12.345,67", 1_234_567),
            ("12345,6", 1_234_560),
            ("12.345", 1_234_500),
            ("1.234.567", 123_456_700),
            ("1,234,567", 123_456_700),
            ("5000", 500_000),
            ("5000 euro", 500_000),
            ("EUR 5000", 500_000),
            ("0", 0),
            ("12’345,00", 1_234_500),
            ("1.000.000.000,00", MAX_CENTS),
        ] {
            assert_eq!(amount(written), Ok(Some(cents)), "{written}");
        }
        assert_eq!(amount("Indeterminato"), Ok(None));
        for written in [
            "",
            "abc",
            "12,345",
            "1.23.456",
            "-5",
            "1,2E+05",
            "12.345,678",
            "1.000.000.000,01",
            ",5",
            "5000 dollari",
            "12345.678",
        ] {
            assert!(amount(written).is_err(), "{written}");
        }
    }

    #[test]
    fn dates_are_read_in_iso_and_in_italian() {
        let day = jiff::civil::date(2026, 11, 3);
        for written in [
            "2026-11-03",
            "03/11/2026",
            "3/11/2026",
            "3.11.2026",
            "3-11-2026",
            "2026-11-03T15:30",
            "03/11/2026 00:00:00",
        ] {
            assert_eq!(date(written), Ok(day), "{written}");
        }
        for written in [
            "2026-11-03T15:30",
            "2026-11-03 15:30:00",
            "03/11/2026 15:30",
            "3/11/2026 15.30",
            "3/11/2026 ore 15:30",
        ] {
            assert_eq!(date_time(written), Ok(day.at(15, 30, 0, 0)), "{written}");
        }
        for (written, word) in [
            ("46329", "Excel"),
            ("3/11/26", "quattro cifre"),
            ("31/02/2026", "non esiste"),
            ("11/2026", "gg/mm"),
            ("3 novembre 2026", "gg/mm"),
            ("03/11/2026 25:00", "hh:mm"),
            ("03/11/2026 15", "hh:mm"),
            ("2026-11-03T15:30Z", "hh:mm"),
            ("03/11/0026", "fuori"),
        ] {
            let error = date(written).unwrap_err();
            assert!(error.contains(word), "{written}: {error}");
        }
        assert!(date_time("03/11/2026").unwrap_err().contains("manca l'ora"));
    }

    #[test]
    fn formulas_are_refused_and_numbers_with_a_sign_are_not() {
        for cell in ["=cmd|'/C calc'!A0", "@SUM(A1)", "+cmd|x", "-2+3", "+39A", " =1"] {
            assert!(check(cell, true).unwrap_err().contains("formula"), "{cell}");
        }
        for cell in ["+39 333 1234567", "-12,50", "-", "D'Andrà", "a=b", "x@y.it"] {
            assert_eq!(check(cell, true), Ok(()), "{cell}");
        }
        assert!(check("#N/D", true).unwrap_err().contains("#N/D"));
        assert!(check("Mario\nBcc: x@y.it", true).unwrap_err().contains("a capo"));
        assert!(check("a\u{202E}b", true).unwrap_err().contains("controllo"));
        assert!(check("Nicol\u{FFFD}", true).unwrap_err().contains("illeggibile"));
        assert!(check(&"è".repeat(501), true).unwrap_err().contains("500"));
        assert_eq!(check(&"è".repeat(500), true), Ok(()));
    }

    proptest! {
        #[test]
        fn no_cell_makes_a_reader_panic(cell in "\\PC{0,40}|[0-9.,/:TE+-]{0,20}") {
            let _ = (check(&cell, true), amount(&cell), date_time(&cell), case_year(&cell), role(&cell));
            let _ = super::super::fiscal_code::parse(&cell);
        }

        #[test]
        fn every_amount_reads_back_from_its_italian_spelling(cents in 0..=MAX_CENTS) {
            let (euro, rest) = (cents / 100, cents % 100);
            prop_assert_eq!(amount(&format!("{euro},{rest:02}")), Ok(Some(cents)));
        }
    }
}
