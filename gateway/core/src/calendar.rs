//! The Italian legal calendar: holidays, terms, the window of the first meeting, quiet hours.
//!
//! Dates are civil dates in Rome. The holidays are those of L. 260/1949 as it stands (good for years
//! from 2001 on), with the patron saint of the place where one is given. The rules compute; they never move a
//! date that a person has chosen, but say what is odd about it.

pub mod words;

pub use words::{date_in_words, month_in_words, plain_date_in_words};

use crate::time::{Timestamp, rome};
use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, ToSpan};
use std::fmt;

/// Earliest day of the first meeting, counted from the day after filing (D.Lgs. 28/2010 art. 8 c. 1).
pub const FIRST_MEETING_FROM_DAYS: i64 = 20;
/// Latest day of the first meeting (same norm).
pub const FIRST_MEETING_TO_DAYS: i64 = 40;
/// Months that a mediation may last (D.Lgs. 28/2010 art. 6, as changed by D.Lgs. 216/2024). Not
/// suspended in August.
pub const MEDIATION_MONTHS: i32 = 6;
/// Months that the parties may add at a time, by agreement before the end.
pub const EXTENSION_MONTHS: i32 = 3;

/// First quiet hour of the evening, for SMS and bots. A house rule, not a norm.
const QUIET_FROM: Time = Time::constant(21, 0, 0, 0);
/// End of the quiet hours in the morning.
const QUIET_TO: Time = Time::constant(8, 0, 0, 0);

/// Holidays with a fixed date: month, day, first year, name.
const FIXED: [(i8, i8, i16, &str); 11] = [
    (1, 1, 0, "Capodanno"),
    (1, 6, 0, "Epifania"),
    (4, 25, 0, "Liberazione"),
    (5, 1, 0, "festa del lavoro"),
    (6, 2, 0, "festa della Repubblica"),
    (8, 15, 0, "Ferragosto"),
    // L. 151/2025.
    (10, 4, 2026, "San Francesco"),
    (11, 1, 0, "Ognissanti"),
    (12, 8, 0, "Immacolata"),
    (12, 25, 0, "Natale"),
    (12, 26, 0, "Santo Stefano"),
];

/// Easter Sunday in the Gregorian calendar (the anonymous computus, as in Meeus).
/// Good for years from 1583; the result always falls between 22 March and 25 April.
pub fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let golden = y.rem_euclid(19);
    let century = y.div_euclid(100);
    let correction = century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15;
    let mut moon = correction.rem_euclid(30);
    moon -= (moon / 28) * (1 - (moon / 28) * (29 / (moon + 1)) * ((21 - golden) / 11));
    let weekday = (y + y / 4 + moon + 2 - century + century / 4).rem_euclid(7);
    let sunday = moon - weekday;
    let month = 3 + (sunday + 40) / 44;
    let day = sunday + 28 - 31 * (month / 4);
    // Both are small by the arithmetic above.
    Date::new(year, month as i8, day as i8).unwrap_or(Date::MIN)
}

/// Whether a term that ends on a Saturday moves on (art. 155 c. 5 c.p.c.: only for acts of procedure).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Saturday {
    /// A Saturday is a day like others.
    #[default]
    Counts,
    /// A Saturday is treated like a holiday.
    Moves,
}

/// The end of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// By mere counting.
    pub nominal: Date,
    /// After moving on from a holiday.
    pub end: Date,
}

/// The calendar of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    patron_saint: Option<(i8, i8)>,
}

impl Calendar {
    /// National holidays, and the day (month, day) of the local patron saint where one is given.
    pub const fn new(patron_saint: Option<(i8, i8)>) -> Self {
        Self { patron_saint }
    }

    /// The Italian name of the holiday, if the day is one. Sundays are holidays.
    pub fn holiday(&self, date: Date) -> Option<&'static str> {
        let fixed = FIXED
            .iter()
            .find(|(month, day, since, _)| {
                (*month, *day) == (date.month(), date.day()) && date.year() >= *since
            })
            .map(|(.., name)| *name);
        let easter = easter(date.year());
        if fixed.is_some() {
            fixed
        } else if date == easter {
            Some("Pasqua")
        } else if easter.tomorrow().ok() == Some(date) {
            Some("lunedì dell'Angelo")
        } else if self.patron_saint == Some((date.month(), date.day())) {
            Some("festa del patrono")
        } else if date.weekday() == Weekday::Sunday {
            Some("domenica")
        } else {
            None
        }
    }

    /// Monday to Friday and no holiday. For service levels only, never for terms of law.
    pub fn is_working_day(&self, date: Date) -> bool {
        date.weekday() != Weekday::Saturday && self.holiday(date).is_none()
    }

    /// The `count`-th working day after a date; the date itself when `count` is 0.
    pub fn working_days_after(&self, date: Date, count: u16) -> Date {
        let mut day = date;
        for _ in 0..count {
            day = first_from(next(day), |day| self.is_working_day(day));
        }
        day
    }

    /// A term in days: the initial day is not counted, the last one is; an end on a holiday moves to
    /// the next day that is none (art. 155 c.p.c., art. 2963 c.c.).
    pub fn term_in_days(&self, from: Date, days: u16, saturday: Saturday) -> Term {
        self.term(from, i64::from(days).days(), saturday)
    }

    /// A term in months: it ends on the same day number of the last month, or on that month's last
    /// day when there is no such number (art. 2963 c.c.); moved like a term in days.
    pub fn term_in_months(&self, from: Date, months: u16, saturday: Saturday) -> Term {
        self.term(from, i64::from(months).months(), saturday)
    }

    fn term(&self, from: Date, length: Span, saturday: Saturday) -> Term {
        let nominal = from.saturating_add(length);
        let end = first_from(nominal, |day| {
            let moved = saturday == Saturday::Moves && day.weekday() == Weekday::Saturday;
            self.holiday(day).is_none() && !moved
        });
        Term { nominal, end }
    }

    /// What is odd about a day chosen for the first meeting of a case filed on `filed_on`: outside
    /// the window, a holiday, a Saturday. Often nothing. The day is never moved.
    pub fn first_meeting_warnings(&self, filed_on: Date, meeting: Date) -> Vec<MeetingWarning> {
        let window = first_meeting_window(filed_on);
        let mut warnings = Vec::new();
        if meeting < window.first {
            warnings.push(MeetingWarning::TooEarly(window));
        } else if meeting > window.last {
            warnings.push(MeetingWarning::TooLate(window));
        }
        warnings.extend(self.day_warning(meeting));
        warnings
    }

    /// What is odd about a day chosen for any meeting: a holiday, a Saturday.
    pub fn day_warning(&self, meeting: Date) -> Option<MeetingWarning> {
        match self.holiday(meeting) {
            Some(name) => Some(MeetingWarning::Holiday(name)),
            None if meeting.weekday() == Weekday::Saturday => Some(MeetingWarning::Saturday),
            None => None,
        }
    }
}

/// The days on which the first meeting may fall, unless the parties agree otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeetingWindow {
    /// First day allowed.
    pub first: Date,
    /// Last day allowed.
    pub last: Date,
}

impl MeetingWindow {
    /// Whether the day is inside, bounds included.
    pub fn contains(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

/// Not before 20 and not after 40 days from filing (D.Lgs. 28/2010 art. 8 c. 1). The bounds are days
/// like others: they don't move from holidays.
pub fn first_meeting_window(filed_on: Date) -> MeetingWindow {
    MeetingWindow {
        first: filed_on.saturating_add(FIRST_MEETING_FROM_DAYS.days()),
        last: filed_on.saturating_add(FIRST_MEETING_TO_DAYS.days()),
    }
}

/// The day on which a mediation runs out: 6 months from filing, and 3 more for each agreed extension.
/// By mere counting, never moved: it is no term for an act.
pub fn mediation_ends_on(filed_on: Date, extensions: u8) -> Date {
    let months = MEDIATION_MONTHS + EXTENSION_MONTHS * i32::from(extensions);
    filed_on.saturating_add(months.months())
}

/// What is odd about the day of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingWarning {
    /// Before the window.
    TooEarly(MeetingWindow),
    /// After the window.
    TooLate(MeetingWindow),
    /// On a holiday, with its name.
    Holiday(&'static str),
    /// On a Saturday.
    Saturday,
}

impl fmt::Display for MeetingWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: Date| date_in_words(date, crate::notices::Locale::It);
        match self {
            Self::TooEarly(window) => write!(
                f,
                "la data precede il primo giorno utile per il primo incontro, {} (20 giorni dal deposito)",
                day(window.first)
            ),
            Self::TooLate(window) => write!(
                f,
                "la data supera l'ultimo giorno utile per il primo incontro, {} (40 giorni dal deposito)",
                day(window.last)
            ),
            Self::Holiday(name) => write!(f, "la data cade in un giorno festivo ({name})"),
            Self::Saturday => f.write_str("la data cade di sabato"),
        }
    }
}

/// Whether SMS and bots keep quiet at this time of the day in Rome: from 21 to 8.
pub fn is_quiet(time: Time) -> bool {
    time >= QUIET_FROM || time < QUIET_TO
}

/// The instant itself, or the end of the quiet hours in which it falls (8 o'clock in Rome).
pub fn after_quiet_hours(at: Timestamp) -> Timestamp {
    let local = at.in_rome();
    if !is_quiet(local.time()) {
        return at;
    }
    let day = if local.time() >= QUIET_FROM { next(local.date()) } else { local.date() };
    // Clocks change at 2 and 3 in the morning, so that 8 o'clock always exists once.
    day.to_datetime(QUIET_TO).to_zoned(rome()).map_or(at, |morning| morning.timestamp().into())
}

fn next(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

/// The first day from `day` on that fits. Gives up after a year: no calendar of ours is so idle.
fn first_from(day: Date, fits: impl Fn(Date) -> bool) -> Date {
    let mut candidate = day;
    for _ in 0..366 {
        if fits(candidate) {
            return candidate;
        }
        candidate = next(candidate);
    }
    day
}

#[cfg(test)]
mod tests;
