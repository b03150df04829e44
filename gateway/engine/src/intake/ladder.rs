//! Climbing the ladder: which attempt, which case is a message about.

use crate::Engine;
use messo_core::attempts::Attempt;
use messo_core::correlation::{Rung, attempt_in};
use messo_core::ids::{AttemptId, BodyId, CaseId};
use messo_core::messages::{Headers, Message, Reading};
use messo_core::ports::StoreError;

/// Most references of one message that are looked up.
const MAX_REFERENCES: usize = 50;

/// Most recipients among which a reply address is looked for.
const MAX_RECIPIENTS: usize = 50;

/// What was found, and by which rung.
#[derive(Default)]
pub(super) struct Found {
    pub rung: Option<Rung>,
    pub attempt: Option<Attempt>,
    pub case: Option<CaseId>,
    pub candidates: Vec<CaseId>,
}

impl Found {
    /// Whether it was found with certainty.
    pub(super) fn acts(&self) -> bool {
        self.rung.is_some_and(Rung::acts)
    }
}

impl Engine {
    /// The attempt of one's own body with this identity, made in the same world: what a sandbox says never
    /// touches what really left, and the other way round.
    pub(super) async fn own_attempt(
        &self,
        message: &Message,
        id: AttemptId,
    ) -> Result<Option<Attempt>, StoreError> {
        let attempt = self.store.attempt(id).await?;
        Ok(attempt.filter(|row| row.body == message.body && row.sandbox == message.sandbox))
    }

    /// The first of these references that is an attempt of ours, by our own Message-ID or by the name that its
    /// provider gave it: whoever answers certified mail has never seen ours.
    pub(super) async fn referred<'a>(
        &self,
        message: &Message,
        references: impl Iterator<Item = &'a String>,
    ) -> Result<Option<Attempt>, StoreError> {
        for reference in references.take(MAX_REFERENCES) {
            let named = match attempt_in(reference) {
                Some(id) => Some(id),
                None => self.store.also_known(message.body, &provider_name(reference)).await?,
            };
            if let Some(id) = named
                && let Some(attempt) = self.own_attempt(message, id).await?
            {
                return Ok(Some(attempt));
            }
        }
        Ok(None)
    }

    /// What a person's message is about.
    pub(super) async fn climb(
        &self,
        message: &Message,
        reading: &Reading,
    ) -> Result<Found, StoreError> {
        if let Some((rung, attempt)) = self.by_reference(message, reading).await? {
            let dispatch = self.store.dispatch(message.body, attempt.dispatch).await?;
            let case = dispatch.map(|dispatch| dispatch.case);
            return Ok(Found {
                rung: Some(rung),
                attempt: Some(attempt),
                case,
                ..Found::default()
            });
        }
        let author = reading.author();
        if let Some(case) = self.cited(message.body, &author.subject).await? {
            let rung = Some(Rung::SubjectTag);
            return Ok(Found { rung, candidates: vec![case], ..Found::default() });
        }
        let Some(from) = &author.from else { return Ok(Found::default()) };
        let candidates = self.store.cases_of_address(message.body, &from.address).await?;
        let rung = (candidates.len() == 1).then_some(Rung::Sender);
        Ok(Found { rung, candidates, ..Found::default() })
    }

    async fn by_reference(
        &self,
        message: &Message,
        reading: &Reading,
    ) -> Result<Option<(Rung, Attempt)>, StoreError> {
        let author = reading.author();
        let both: Vec<&Headers> =
            [Some(&reading.headers), reading.inner.as_ref()].into_iter().flatten().collect();
        for address in both.iter().flat_map(|headers| &headers.to).take(MAX_RECIPIENTS) {
            if let Some(id) = reply_tag(address).and_then(|tag| self.tokens.open_reply_tag(tag))
                && let Some(attempt) = self.own_attempt(message, id).await?
            {
                return Ok(Some((Rung::Token, attempt)));
            }
        }
        if let Some(attempt) = self.referred(message, author.in_reply_to.iter()).await? {
            return Ok(Some((Rung::InReplyTo, attempt)));
        }
        let references = self.referred(message, author.references.iter().rev()).await?;
        Ok(references.map(|attempt| (Rung::References, attempt)))
    }

    /// The case that a subject cites as `123/2026`.
    async fn cited(&self, body: BodyId, subject: &str) -> Result<Option<CaseId>, StoreError> {
        let Some((number, year)) = case_number(subject) else { return Ok(None) };
        Ok(self.store.case_numbered(body, year, &number).await?.map(|case| case.id))
    }
}

/// A provider's name for a message, as it is kept.
pub(super) fn provider_name(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').to_lowercase()
}

/// What stands between the last `+` and the `@`.
fn reply_tag(address: &str) -> Option<&str> {
    let (local, _) = address.rsplit_once('@')?;
    local.rsplit_once('+').map(|(_, tag)| tag)
}

/// The first `number/year` in a text.
fn case_number(text: &str) -> Option<(String, i16)> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-'))).find_map(|word| {
        let (number, year) = word.split_once('/')?;
        let plausible = number.len() <= 12 && number.contains(|c: char| c.is_ascii_digit());
        let year: i16 = year.parse().ok().filter(|year| (1990..2200).contains(year))?;
        plausible.then(|| (number.to_owned(), year))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cites_a_case_by_number_and_year_only() {
        let cited = |text: &str| case_number(text).map(|(number, year)| format!("{number}/{year}"));
        assert_eq!(cited("R: Procedimento n. 123/2026, convocazione").as_deref(), Some("123/2026"));
        assert_eq!(cited("[Proc. M-12/2026]").as_deref(), Some("M-12/2026"));
        assert_eq!(cited("incontro del 12/11"), None);
        assert_eq!(cited("12/11/2026"), None);
        assert_eq!(cited("e/2026"), None);
    }

    #[test]
    fn a_tag_stands_after_the_last_plus() {
        assert_eq!(reply_tag("segreteria+abc@x.it"), Some("abc"));
        assert_eq!(reply_tag("a+b+c@x.it"), Some("c"));
        assert_eq!(reply_tag("segreteria@x.it"), None);
    }
}
