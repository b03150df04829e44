//! One instant in the spellings of mail, of IMAP and of daticert.xml, always in Rome's civil time.
//!
//! Guarantee: all spellings name the same second. Limit: parts of a second are cut off, as a certified
//! provider's record knows none (RFC 6109, 4.2).

use messo_core::time::Timestamp;

/// RFC 5322 date, e.g. `Tue, 24 Nov 2026 00:00:07 +0100`.
pub fn mail_date(at: Timestamp) -> String {
    at.in_rome().strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
}

/// Day of daticert, `24/11/2026`.
pub fn day(at: Timestamp) -> String {
    at.in_rome().strftime("%d/%m/%Y").to_string()
}

/// Time of daticert, `00:00:07`.
pub fn time(at: Timestamp) -> String {
    at.in_rome().strftime("%H:%M:%S").to_string()
}

/// Zone of daticert, `+0100`.
pub fn zone(at: Timestamp) -> String {
    at.in_rome().strftime("%z").to_string()
}

/// IMAP date-time, e.g. `24-Nov-2026 00:00:07 +0100` (RFC 3501, 9).
pub fn internal_date(at: Timestamp) -> String {
    at.in_rome().strftime("%d-%b-%Y %H:%M:%S %z").to_string()
}

/// Reads an IMAP date-time; the day may have one digit or a leading space.
pub fn read_internal_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let parsed = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text).ok()?;
    parsed.to_timestamp().ok().map(Timestamp::from)
}

/// Reads an IMAP date such as `1-Feb-1994`.
pub fn read_date(text: &str) -> Option<jiff::civil::Date> {
    jiff::fmt::strtime::parse("%d-%b-%Y", text).ok()?.to_date().ok()
}

/// Compact stamp of a certified message identifier, `20261124000007`.
pub fn stamp(at: Timestamp) -> String {
    at.in_rome().strftime("%Y%m%d%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_before_midnight_in_utc_is_the_next_day_in_rome() {
        // 2026-11-23T23:00:07Z
        let at = Timestamp::from_seconds(1_795_474_807);
        assert_eq!(mail_date(at), "Tue, 24 Nov 2026 00:00:07 +0100");
        assert_eq!((day(at), time(at)), ("24/11/2026".into(), "00:00:07".into()));
        assert_eq!(zone(at), "+0100");
        assert_eq!(stamp(at), "20261124000007");
        assert_eq!(read_internal_date(&internal_date(at)), Some(at));
    }

    #[test]
    fn summer_has_its_own_zone() {
        let at = Timestamp::from_seconds(1_782_900_000);
        assert_eq!(zone(at), "+0200");
    }
}
