//! Values as people read them: hours, names on one line, sums of money. Dates are the core's.
//!
//! Every value passes through [`line`] before it meets a template, so no name can break a header,
//! start a paragraph, or turn the reading direction of what follows.

use jiff::civil::DateTime;
use messo_core::notices::Locale;

/// An hour: `ore 10:30`, `10:30 Uhr`, `10:30`.
pub fn hour(locale: Locale, when: DateTime) -> String {
    let (hour, minute) = (when.hour(), when.minute());
    match locale {
        Locale::It => format!("ore {hour}:{minute:02}"),
        Locale::De => format!("{hour}:{minute:02} Uhr"),
        Locale::En => format!("{hour}:{minute:02}"),
    }
}

/// Euro, with the separators of the language: `€ 12.500,00`, `€ 12,500.00`.
pub fn euro(locale: Locale, cents: i64) -> String {
    let (thousands, decimal) = match locale {
        Locale::It | Locale::De => ('.', ','),
        Locale::En => (',', '.'),
    };
    let digits = (cents.unsigned_abs() / 100).to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    let sign = if cents < 0 { "-" } else { "" };
    format!("€ {sign}{grouped}{decimal}{:02}", cents.unsigned_abs() % 100)
}

/// The value on one line: white space and control characters become single spaces, marks that turn
/// the reading direction vanish.
pub fn line(value: &str) -> String {
    if is_plain_line(value) {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    for c in value.chars().filter(|c| !is_direction_mark(*c)) {
        if !c.is_whitespace() && !c.is_control() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether there is nothing to mend; most values are so.
fn is_plain_line(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        && !bytes.windows(2).any(|two| two == b"  ")
}

/// The value in paragraphs, parted by a blank line; each on one line.
pub fn paragraphs(value: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut fresh = true;
    for part in value.lines().map(line) {
        match out.last_mut() {
            _ if part.is_empty() => fresh = true,
            Some(last) if !fresh => {
                last.push(' ');
                last.push_str(&part);
            }
            _ => {
                out.push(part);
                fresh = false;
            }
        }
    }
    out
}

/// Unicode bidirectional controls (UAX #9) and invisible isolates.
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The address that people see: scheme and host in lower case (RFC 3986, 3.1 and 3.2.2: they are
/// case-insensitive), the rest as it is.
pub fn address(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    format!("{}{}", url[..end].to_lowercase(), &url[end..])
}

/// The town in a postal address: the line with the CAP, without it and without the province.
pub fn town(lines: &[String]) -> Option<String> {
    lines.iter().rev().find_map(|entry| {
        let mut words: Vec<&str> =
            entry.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let cap = words
            .iter()
            .position(|word| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
        words.drain(..=cap);
        words.retain(|word| !word.starts_with('(') && !is_province(word));
        (!words.is_empty()).then(|| words.join(" "))
    })
}

fn is_province(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The text with letters that the GSM 7-bit alphabet (3GPP TS 23.038) lacks written otherwise,
/// where there is a customary way: `È` becomes `E'`, typographic quotes become plain ones.
pub fn plain_for_sms(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let other = match c {
            'À' | 'Á' => "A'",
            'È' => "E'",
            'Ì' | 'Í' => "I'",
            'Ò' | 'Ó' => "O'",
            'Ù' | 'Ú' => "U'",
            'á' => "a'",
            'í' => "i'",
            'ó' => "o'",
            'ú' => "u'",
            'ç' => "c",
            'â' => "a",
            'ê' | 'ë' => "e",
            'î' | 'ï' => "i",
            'ô' => "o",
            'û' => "u",
            '‘' | '’' | '`' | '´' => "'",
            '“' | '”' | '«' | '»' => "\"",
            '–' | '—' => "-",
            '…' => "...",
            '\u{a0}' | '\u{202f}' | '\t' => " ",
            '°' => "o",
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push_str(other);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn an_hour_is_said_without_a_leading_zero() {
        assert_eq!(hour(Locale::It, datetime(2026, 12, 14, 9, 5, 0, 0)), "ore 9:05");
    }

    #[test]
    fn a_value_cannot_break_a_line_or_turn_the_text() {
        assert_eq!(line(" Mario\r\nBcc: x\t\u{202e}ROSSI \u{0} "), "Mario Bcc: x ROSSI");
        assert_eq!(paragraphs("Uno\r\ndue\r\n\r\n\r\nTre"), ["Uno due", "Tre"]);
    }

    #[test]
    fn money_and_towns_are_read_as_written_in_italy() {
        assert_eq!(euro(Locale::It, 1_250_000), "€ 12.500,00");
        assert_eq!(euro(Locale::En, 100), "€ 1.00");
        let lines = ["Via Crispi 3".to_owned(), "42121 Reggio Emilia RE".to_owned()];
        assert_eq!(town(&lines).as_deref(), Some("Reggio Emilia"));
        assert_eq!(town(&["39100 Bolzano (BZ)".to_owned()]).as_deref(), Some("Bolzano"));
        assert_eq!(town(&["Via Roma 1".to_owned()]), None);
    }

    #[test]
    fn only_scheme_and_host_of_an_address_change_case() {
        assert_eq!(address("HTTPS://MESSO.EXAMPLE/Q/ABC"), "https://messo.example/Q/ABC");
        assert_eq!(address("HTTP://LOCALHOST:80"), "http://localhost:80");
        assert_eq!(address("ABC/DEF"), "abc/DEF");
    }
}
