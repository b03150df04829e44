//! The vectors of the legal calendar.

use super::*;
use crate::notices::Locale;
use jiff::civil::date;

#[test]
fn easter_falls_where_the_tables_say() {
    for (year, month, day) in [
        (1818, 3, 22),
        (1943, 4, 25),
        (1954, 4, 18),
        (1981, 4, 19),
        (2000, 4, 23),
        (2008, 3, 23),
        (2025, 4, 20),
        (2026, 4, 5),
        (2027, 3, 28),
        (2028, 4, 16),
        (2038, 4, 25),
        (2049, 4, 18),
        (2076, 4, 19),
    ] {
        assert_eq!(easter(year), date(year, month, day));
    }
    for year in 1583..4000 {
        assert_eq!(easter(year).weekday(), Weekday::Sunday);
    }
}

#[test]
fn the_fourth_of_october_is_a_holiday_from_2026() {
    let national = Calendar::default();
    assert_eq!(national.holiday(date(2025, 10, 4)), None);
    assert_eq!(national.holiday(date(2026, 10, 4)), Some("San Francesco"));
    assert_eq!(national.holiday(date(2027, 10, 4)), Some("San Francesco"));
}

#[test]
fn holidays_are_the_national_ones_sundays_and_the_patron_saint() {
    let milan = Calendar::new(Some((12, 7)));
    for day in [
        date(2026, 1, 1),
        date(2026, 1, 6),
        date(2026, 4, 5),
        date(2026, 4, 6),
        date(2026, 4, 25),
        date(2026, 5, 1),
        date(2026, 6, 2),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 12, 8),
        date(2026, 12, 25),
        date(2026, 12, 26),
        date(2026, 12, 7),
        date(2026, 11, 22),
    ] {
        assert!(milan.holiday(day).is_some(), "{day}");
    }
    // Abolished in 1977, and Milan's patron elsewhere.
    for day in [date(2026, 3, 19), date(2026, 6, 29), date(2026, 11, 4), date(2026, 12, 7)] {
        assert_eq!(Calendar::default().holiday(day), None, "{day}");
    }
}

#[test]
fn the_first_meeting_falls_from_20_to_40_days_after_filing() {
    for (filed, first, last) in [
        (date(2026, 3, 10), date(2026, 3, 30), date(2026, 4, 19)),
        (date(2026, 7, 20), date(2026, 8, 9), date(2026, 8, 29)),
        (date(2026, 12, 1), date(2026, 12, 21), date(2027, 1, 10)),
    ] {
        assert_eq!(first_meeting_window(filed), MeetingWindow { first, last });
    }
}

#[test]
fn an_odd_meeting_day_is_told_and_never_moved() {
    let (national, filed) = (Calendar::default(), date(2026, 3, 10));
    let told = |day| {
        let warnings = national.first_meeting_warnings(filed, day);
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(told(date(2026, 3, 30)), "");
    assert_eq!(
        told(date(2026, 3, 29)),
        "la data precede il primo giorno utile per il primo incontro, lunedì 30 marzo 2026 \
         (20 giorni dal deposito); la data cade in un giorno festivo (domenica)"
    );
    assert_eq!(told(date(2026, 4, 6)), "la data cade in un giorno festivo (lunedì dell'Angelo)");
    assert_eq!(told(date(2026, 4, 18)), "la data cade di sabato");
    assert!(told(date(2026, 4, 20)).starts_with("la data supera l'ultimo giorno utile"));
}

#[test]
fn a_mediation_lasts_six_months_and_three_more_for_each_extension() {
    assert_eq!(mediation_ends_on(date(2026, 8, 31), 0), date(2027, 2, 28));
    assert_eq!(mediation_ends_on(date(2027, 8, 31), 0), date(2028, 2, 29));
    assert_eq!(mediation_ends_on(date(2026, 3, 10), 0), date(2026, 9, 10));
    assert_eq!(mediation_ends_on(date(2026, 3, 10), 1), date(2026, 12, 10));
}

#[test]
fn a_term_skips_its_first_day_and_moves_from_a_holiday() {
    let national = Calendar::default();
    let days = |from, n, saturday| national.term_in_days(from, n, saturday);
    // 30 days from 3 June: a Friday, as it is.
    let plain = days(date(2026, 6, 3), 30, Saturday::Counts);
    assert_eq!(plain, Term { nominal: date(2026, 7, 3), end: date(2026, 7, 3) });
    // Christmas is a Friday, Santo Stefano a Saturday, then Sunday.
    let christmas = days(date(2026, 12, 15), 10, Saturday::Counts);
    assert_eq!(christmas, Term { nominal: date(2026, 12, 25), end: date(2026, 12, 28) });
    // An ordinary Saturday moves only for acts of procedure.
    assert_eq!(days(date(2026, 6, 3), 3, Saturday::Counts).end, date(2026, 6, 6));
    assert_eq!(days(date(2026, 6, 3), 3, Saturday::Moves).end, date(2026, 6, 8));
    let months = national.term_in_months(date(2026, 8, 31), 6, Saturday::Counts);
    assert_eq!(months, Term { nominal: date(2027, 2, 28), end: date(2027, 3, 1) });
}

#[test]
fn working_days_jump_over_weekends_and_holidays() {
    let national = Calendar::default();
    // Good Friday is a working day; then weekend and Easter Monday.
    assert_eq!(national.working_days_after(date(2026, 4, 2), 1), date(2026, 4, 3));
    assert_eq!(national.working_days_after(date(2026, 4, 2), 2), date(2026, 4, 7));
    assert_eq!(national.working_days_after(date(2026, 4, 5), 0), date(2026, 4, 5));
}

#[test]
fn what_falls_in_the_quiet_hours_waits_for_eight_in_rome() {
    let at = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
    for (instant, allowed) in [
        ("2026-11-23T19:59:59Z", "2026-11-23T19:59:59Z"),
        ("2026-11-23T20:00:00Z", "2026-11-24T07:00:00Z"),
        ("2026-11-24T06:59:59Z", "2026-11-24T07:00:00Z"),
        ("2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z"),
        // Summer time, and the night in which the clocks go back.
        ("2026-07-01T19:00:00Z", "2026-07-02T06:00:00Z"),
        ("2026-10-24T19:30:00Z", "2026-10-25T07:00:00Z"),
    ] {
        assert_eq!(after_quiet_hours(at(instant)), at(allowed), "{instant}");
    }
}

#[test]
fn dates_are_said_in_three_languages() {
    for (locale, words) in [
        (Locale::It, "martedì 3 novembre 2026"),
        (Locale::De, "Dienstag, 3. November 2026"),
        (Locale::En, "Tuesday 3 November 2026"),
    ] {
        assert_eq!(date_in_words(date(2026, 11, 3), locale), words);
    }
    assert_eq!(date_in_words(date(2027, 1, 1), Locale::It), "venerdì 1° gennaio 2027");
    assert_eq!(date_in_words(date(2027, 1, 1), Locale::De), "Freitag, 1. Jänner 2027");
}
