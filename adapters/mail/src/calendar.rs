//! Answers to calendar invitations (RFC 5546, RFC 6047).
//!
//! They come as the only body, as an alternative, as an attachment, or as several of these: equal ones count once. Guarantee: what
//! has no method of an answer, no UID or not exactly one attendee is no answer. Limit: one event, [`MAX_BYTES`]; zones by their IANA
//! name or by the few names of Outlook below, else the time of Rome; recurrences are not looked at.

use crate::head::printable;
use crate::mime::{Message, Part};
use crate::transfer;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use messo_core::messages::CalendarReply;
use messo_core::time::{Timestamp, rome};

/// Largest calendar that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Most lines of it.
const MAX_LINES: usize = 5_000;
/// Deepest component.
const MAX_LEVEL: usize = 16;

/// Names that Outlook gives to zones, and those of the IANA.
const ZONES: &[(&str, &str)] = &[
    ("W. Europe Standard Time", "Europe/Rome"),
    ("Central Europe Standard Time", "Europe/Rome"),
    ("Central European Standard Time", "Europe/Rome"),
    ("Romance Standard Time", "Europe/Rome"),
    ("GMT Standard Time", "Europe/London"),
    ("Greenwich Standard Time", "UTC"),
    ("UTC", "UTC"),
];

/// The answer in a message, and what was odd about it.
pub fn read(message: &Message<'_>) -> Option<(CalendarReply, Option<&'static str>)> {
    let mut found: Option<CalendarReply> = None;
    let mut odd = None;
    for part in message.in_order().into_iter().filter(|part| is_calendar(part)) {
        let Some(reply) = parse(&part.bytes(), part.media.parameter("charset")) else { continue };
        let declared = part.media.parameter("method");
        if declared.is_some_and(|method| !method.eq_ignore_ascii_case(&reply.method)) {
            odd = Some("the method of the calendar is not that of its part");
        }
        match &found {
            Some(first) if (&first.uid, first.stamp) != (&reply.uid, reply.stamp) => {
                odd = Some("the message answers to several invitations; the first was taken");
            }
            Some(_) => {}
            None => found = Some(reply),
        }
    }
    found.map(|reply| (reply, odd))
}

fn is_calendar(part: &Part<'_>) -> bool {
    let named =
        || part.file_name().is_some_and(|name| name.trim().to_ascii_lowercase().ends_with(".ics"));
    matches!(part.kind(), "text/calendar" | "application/ics")
        || part.parts.is_empty()
            && matches!(part.kind(), "application/octet-stream" | "text/plain")
            && named()
}

/// The answer in a calendar.
pub fn parse(bytes: &[u8], charset: Option<&str>) -> Option<CalendarReply> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    // The standard says UTF-8 whatever else is written; other sets only where it is not.
    let charset = if std::str::from_utf8(bytes).is_ok() { None } else { charset };
    let text = transfer::text(charset, bytes);
    let mut event = Event::default();
    let mut within: Vec<String> = Vec::new();
    for line in unfold(&text).take(MAX_LINES) {
        let Some(line) = Line::read(&line) else { continue };
        match line.name.as_str() {
            "BEGIN" if within.len() < MAX_LEVEL => within.push(line.value.trim().to_uppercase()),
            "BEGIN" => return None,
            "END" => {
                within.pop();
                if event.uid.is_some() && within.len() == 1 {
                    break;
                }
            }
            "METHOD" if within.len() == 1 => event.method = line.value.trim().to_uppercase(),
            _ if within.last().is_some_and(|name| name == "VEVENT") && within.len() == 2 => {
                event.take(&line)
            }
            _ => {}
        }
    }
    event.reply()
}

#[derive(Default)]
struct Event {
    method: String,
    uid: Option<String>,
    sequence: u32,
    stamp: Option<Timestamp>,
    start: Option<Timestamp>,
    attendees: Vec<(String, String)>,
}

impl Event {
    fn take(&mut self, line: &Line) {
        match line.name.as_str() {
            "UID" => self.uid = Some(printable(&line.value, 400)).filter(|uid| !uid.is_empty()),
            "SEQUENCE" => self.sequence = line.value.trim().parse().unwrap_or(0),
            "DTSTAMP" => self.stamp = line.instant(),
            "DTSTART" => self.start = line.instant(),
            "ATTENDEE" if self.attendees.len() < 100 => {
                let status = line.parameter("PARTSTAT").unwrap_or_default().to_lowercase();
                self.attendees.push((line.address(), status));
            }
            _ => {}
        }
    }

    fn reply(self) -> Option<CalendarReply> {
        let counter = self.method == "COUNTER";
        if self.method != "REPLY" && !counter {
            return None;
        }
        // A proposal holds the whole event with all attendees: the one who answers is the one with an answer.
        let mut answering = self.attendees.into_iter().filter(|(address, status)| {
            address.contains('@') && (!counter || !matches!(status.as_str(), "" | "needs-action"))
        });
        let one = answering.next();
        if answering.next().is_some() || one.is_none() && !counter {
            return None;
        }
        let (attendee, status) = one.unwrap_or_default();
        Some(CalendarReply {
            uid: self.uid?,
            attendee,
            status: if status.is_empty() {
                "needs-action".to_owned()
            } else {
                printable(&status, 40)
            },
            sequence: self.sequence,
            stamp: self.stamp,
            proposed: if counter { self.start } else { None },
            method: self.method,
        })
    }
}

/// A content line (RFC 5545 3.1).
struct Line {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let mut quoted = false;
        let mut cuts = Vec::new();
        let colon = line.char_indices().find_map(|(at, c)| {
            match c {
                '"' => quoted = !quoted,
                ';' if !quoted => cuts.push(at),
                ':' if !quoted => return Some(at),
                _ => {}
            }
            None
        })?;
        cuts.push(colon);
        let name = line[..cuts[0]].trim().to_uppercase();
        let parameters = cuts.windows(2).filter_map(|pair| {
            let (name, value) = line[pair[0] + 1..pair[1]].split_once('=')?;
            Some((name.trim().to_uppercase(), value.trim().trim_matches('"').to_owned()))
        });
        Some(Self { name, parameters: parameters.collect(), value: line[colon + 1..].to_owned() })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address of a calendar user, without `mailto:`.
    fn address(&self) -> String {
        let value = self.value.trim();
        let bare = match value.split_at_checked(7) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => rest,
            _ => self.parameter("EMAIL").unwrap_or(value),
        };
        printable(bare, 320)
    }

    fn instant(&self) -> Option<Timestamp> {
        let value = self.value.trim();
        let (value, utc) = match value.strip_suffix(['Z', 'z']) {
            Some(value) => (value, true),
            None => (value, false),
        };
        let number = |from: usize, to: usize| value.get(from..to)?.parse::<i16>().ok();
        let short = |from, to| i8::try_from(number(from, to)?).ok();
        // A whole day begins at midnight.
        let time = if value.len() == 8 {
            (0, 0, 0)
        } else if value.len() == 15 && value.as_bytes()[8] == b'T' {
            (short(9, 11)?, short(11, 13)?, short(13, 15)?.min(59))
        } else {
            return None;
        };
        let civil =
            DateTime::new(number(0, 4)?, short(4, 6)?, short(6, 8)?, time.0, time.1, time.2, 0)
                .ok()?;
        let zone = if utc { TimeZone::UTC } else { zone(self.parameter("TZID")) };
        Some(civil.to_zoned(zone).ok()?.timestamp().into())
    }
}

fn zone(name: Option<&str>) -> TimeZone {
    let Some(name) = name.map(str::trim) else { return rome() };
    let known =
        ZONES.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)).map(|(_, iana)| *iana);
    TimeZone::get(known.unwrap_or(name)).unwrap_or_else(|_| rome())
}

/// Lines without their folds (RFC 5545 3.1).
fn unfold(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).peekable();
    std::iter::from_fn(move || {
        let mut whole = lines.next()?.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            whole.push_str(&more[1..]);
        }
        Some(whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:case-123@o.ex\r\n ample\r\nSEQUENCE:2\r\nDTSTAMP:20261124T090000Z\r\nDTSTART;TZID=Europe/Rome:20261201T100000\r\nATTENDEE;CN=\"Rossi; Mario: avv.\";PARTSTAT=ACCEPTED:MAILTO:mario@parte.example\r\nBEGIN:VALARM\r\nUID:no\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn of(text: &str) -> Option<CalendarReply> {
        parse(text.as_bytes(), None)
    }

    fn at(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(Into::into)
    }

    #[test]
    fn an_answer_names_event_person_and_status() {
        let reply = of(REPLY).unwrap();
        assert_eq!(
            (reply.uid.as_str(), reply.attendee.as_str()),
            ("case-123@o.example", "mario@parte.example")
        );
        assert_eq!((reply.status.as_str(), reply.sequence, reply.proposed), ("accepted", 2, None));
        assert_eq!(reply.stamp, at("2026-11-24T09:00:00Z"));
        assert_eq!(of(&REPLY.replace("\r\n", "\n")), of(REPLY));
    }

    #[test]
    fn a_proposal_brings_its_start_in_the_zone_that_it_names() {
        for zone in ["Europe/Rome", "W. Europe Standard Time", "nowhere"] {
            let text = REPLY
                .replace("METHOD:REPLY", "METHOD:COUNTER")
                .replace("TZID=Europe/Rome", &format!("TZID=\"{zone}\""));
            assert_eq!(of(&text).unwrap().proposed, at("2026-12-01T09:00:00Z"), "{zone}");
        }
    }

    #[test]
    fn what_is_no_answer_of_one_person_is_none() {
        for (what, instead) in [
            ("METHOD:REPLY", "METHOD:REQUEST"),
            ("UID:case", "X-UID:case"),
            ("ATTENDEE;CN", "X-ATTENDEE;CN"),
            ("SEQUENCE:2", "ATTENDEE:mailto:b@c.example"),
        ] {
            assert_eq!(of(&REPLY.replace(what, instead)), None, "{instead}");
        }
        assert_eq!(of(&"BEGIN:X\n".repeat(1_000)), None);
    }
}
