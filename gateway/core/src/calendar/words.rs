//! Dates in words, as letters and messages say them, in the three languages.

use crate::notices::Locale;
use jiff::civil::Date;

const DAYS_IT: [&str; 7] =
    ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"];
const DAYS_DE: [&str; 7] =
    ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];
const DAYS_EN: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS_IT: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];
/// The German of South Tyrol: the first month is *Jänner*.
const MONTHS_DE: [&str; 12] = [
    "Jänner",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The name of a month, 1 to 12; anything else has none.
pub fn month_in_words(month: i8, locale: Locale) -> &'static str {
    let months = match locale {
        Locale::It => &MONTHS_IT,
        Locale::De => &MONTHS_DE,
        Locale::En => &MONTHS_EN,
    };
    let index = usize::try_from(month).ok().and_then(|month| month.checked_sub(1));
    index.and_then(|index| months.get(index)).copied().unwrap_or_default()
}

/// A date without its weekday: `1° dicembre 2026`, `14. Dezember 2026`, `14 December 2026`.
pub fn plain_date_in_words(date: Date, locale: Locale) -> String {
    let (number, year) = (date.day(), date.year());
    let month = month_in_words(date.month(), locale);
    match locale {
        Locale::It if number == 1 => format!("1° {month} {year}"),
        Locale::It | Locale::En => format!("{number} {month} {year}"),
        Locale::De => format!("{number}. {month} {year}"),
    }
}

/// A date with its weekday: `martedì 3 novembre 2026`, `Dienstag, 3. November 2026`,
/// `Tuesday 3 November 2026`.
pub fn date_in_words(date: Date, locale: Locale) -> String {
    // A number between 0 and 6.
    let day = date.weekday().to_monday_zero_offset() as usize;
    let words = plain_date_in_words(date, locale);
    match locale {
        Locale::It => format!("{} {words}", DAYS_IT[day]),
        Locale::De => format!("{}, {words}", DAYS_DE[day]),
        Locale::En => format!("{} {words}", DAYS_EN[day]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_are_written_as_each_language_writes_them() {
        assert_eq!(date_in_words(date(2026, 12, 14), Locale::It), "lunedì 14 dicembre 2026");
        assert_eq!(plain_date_in_words(date(2027, 1, 1), Locale::It), "1° gennaio 2027");
        assert_eq!(date_in_words(date(2027, 1, 11), Locale::De), "Montag, 11. Jänner 2027");
        assert_eq!(date_in_words(date(2026, 12, 20), Locale::En), "Sunday 20 December 2026");
    }

    #[test]
    fn a_month_that_is_none_has_no_name() {
        assert_eq!(month_in_words(12, Locale::It), "dicembre");
        assert_eq!((month_in_words(0, Locale::De), month_in_words(13, Locale::En)), ("", ""));
        assert_eq!(month_in_words(i8::MIN, Locale::It), "");
    }
}
