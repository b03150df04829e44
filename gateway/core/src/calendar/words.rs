//! Dates in words, as letters and messages say them, in the three languages.

use crate::notices::Locale;
use jiff::civil::{Date, DateTime};

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

/// A date with its weekday: `martedì 3 novembre 2026`, `Dienstag, 3. November 2026`,
/// `Tuesday 3 November 2026`.
pub fn date_in_words(date: Date, locale: Locale) -> String {
    // Both conversions are of numbers between 0 and 11.
    let day = date.weekday().to_monday_zero_offset() as usize;
    let month = date.month() as usize - 1;
    let (number, year) = (date.day(), date.year());
    match locale {
        Locale::It => {
            let ordinal = if number == 1 { "°" } else { "" };
            format!("{} {number}{ordinal} {} {year}", DAYS_IT[day], MONTHS_IT[month])
        }
        Locale::De => format!("{}, {number}. {} {year}", DAYS_DE[day], MONTHS_DE[month]),
        Locale::En => format!("{} {number} {} {year}", DAYS_EN[day], MONTHS_EN[month]),
    }
}

/// A date with its time: `martedì 3 novembre 2026, ore 15:30`,
/// `Dienstag, 3. November 2026, 15:30 Uhr`, `Tuesday 3 November 2026 at 15:30`.
pub fn date_time_in_words(at: DateTime, locale: Locale) -> String {
    let date = date_in_words(at.date(), locale);
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    match locale {
        Locale::It => format!("{date}, ore {time}"),
        Locale::De => format!("{date}, {time} Uhr"),
        Locale::En => format!("{date} at {time}"),
    }
}
