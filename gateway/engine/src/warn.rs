//! Warn: what can be said but should be looked at first, for the person who releases.
//!
//! Pure but for the clock. A warning stops nothing: a date that somebody has chosen is never moved.

use crate::Engine;
use messo_core::bodies::{Body, BodyKind};
use messo_core::calendar::Calendar;
use messo_core::case_sheet::RowError;
use messo_core::notices::{NoticeRequest, RecipientRequest};

impl Engine {
    /// What is odd about the meeting to which this recipient is called: it is over, it falls on a day on
    /// which nobody works, or, for the summons of a mediation, outside the days that the law gives for
    /// the first meeting (D.Lgs. 28/2010 art. 8 c. 1). The same meeting is told for each recipient.
    pub fn warnings(
        &self,
        recipient: &RecipientRequest,
        request: &NoticeRequest,
        body: &Body,
    ) -> Vec<RowError> {
        let Some(meeting) = &recipient.facts.meeting else { return Vec::new() };
        let mut reasons = Vec::new();
        if meeting.at < self.clock.now().in_rome().datetime() {
            reasons.push("l'incontro è in un giorno già passato".to_owned());
        }
        let (calendar, day) = (Calendar::new(body.patron_saint), meeting.at.date());
        let summons = self.template(&request.template).is_ok_and(|template| template.legal);
        let first = summons && body.kind == BodyKind::Mediation;
        let odd = match recipient.facts.case.filed_on.filter(|_| first) {
            Some(filed_on) => calendar.first_meeting_warnings(filed_on, day),
            None => calendar.day_warning(day).into_iter().collect(),
        };
        reasons.extend(odd.iter().map(ToString::to_string));
        if reasons.is_empty() || !self.tells_of_the_meeting(recipient, request, body) {
            return Vec::new();
        }
        let field = "meeting_at";
        reasons
            .into_iter()
            .map(|reason| RowError { row: recipient.row, field: field.to_owned(), reason })
            .collect()
    }

    /// Whether the template would miss the meeting: a communication about something else would not.
    fn tells_of_the_meeting(
        &self,
        recipient: &RecipientRequest,
        request: &NoticeRequest,
        body: &Body,
    ) -> bool {
        let mut without = recipient.clone();
        without.facts.meeting = None;
        let faults = self.faults(&without, request, body).unwrap_or_default();
        faults.iter().any(|fault| fault.field == "meeting_at")
    }
}
