//! Filing: cases, people and their parts, found again or made, from the rows in which they come.
//!
//! Guarantee: the same case (year and number) and the same person (fiscal code, or name and address)
//! are one row, also within one commit. A race with another writer shows as
//! [`StoreError::Taken`] and is answered by filing anew.

use crate::Engine;
use messo_core::cases::{Case, CaseKind, CaseRole, Role};
use messo_core::ids::{BodyId, CaseId, PartyId};
use messo_core::notices::RecipientRequest;
use messo_core::parties::Party;
use messo_core::ports::{Commit, StoreError, Write};
use messo_core::time::Timestamp;

/// How often a race for the same case or party is tried anew before it is called unavailable.
pub(crate) const MAX_RACES: usize = 5;

/// Cases and parties of one commit, as they are filed.
pub(crate) struct Filing<'a> {
    engine: &'a Engine,
    body: BodyId,
    now: Timestamp,
    /// Those of this very commit, which the database does not know yet.
    cases: Vec<Case>,
    parties: Vec<Party>,
}

impl Engine {
    /// Files a row without saying anything to anybody: the case, the person, the part.
    pub async fn enroll(&self, body: BodyId, row: &RecipientRequest) -> Result<(), StoreError> {
        for _ in 0..MAX_RACES {
            let mut commit = Commit::default();
            Filing::new(self, body, self.clock.now()).file(row, &mut commit.writes).await?;
            match self.store.commit(commit).await {
                Err(StoreError::Taken(_)) => {}
                done => return done.map(drop),
            }
        }
        Err(StoreError::Unavailable("many writers want the same case".into()))
    }
}

impl<'a> Filing<'a> {
    pub(crate) fn new(engine: &'a Engine, body: BodyId, now: Timestamp) -> Self {
        Self { engine, body, now, cases: Vec::new(), parties: Vec::new() }
    }

    /// Files one row; what is new or changed goes to `writes`.
    pub(crate) async fn file(
        &mut self,
        row: &RecipientRequest,
        writes: &mut Vec<Write>,
    ) -> Result<(CaseId, PartyId), StoreError> {
        let case = self.case(row, writes).await?;
        let party = self.party(row, writes).await?;
        let word = &row.facts.recipient.role;
        if let Some(role) = Role::ALL.into_iter().find(|role| role.italian() == word) {
            let lawyer = row.facts.lawyer.clone();
            writes.push(Write::Role(CaseRole { body: self.body, case, party, role, lawyer }));
        }
        Ok((case, party))
    }

    async fn case(
        &mut self,
        row: &RecipientRequest,
        writes: &mut Vec<Write>,
    ) -> Result<CaseId, StoreError> {
        let facts = &row.facts.case;
        let same =
            |case: &&Case| case.facts.year == facts.year && case.facts.number == facts.number;
        if let Some(case) = self.cases.iter().find(same) {
            return Ok(case.id);
        }
        let known = self.engine.store.case_numbered(self.body, facts.year, &facts.number).await?;
        let mut case = known.clone().unwrap_or_else(|| Case {
            standing: messo_core::cases::CaseStanding::Open,
            id: CaseId(self.engine.ids.uuid()),
            body: self.body,
            serial: 0,
            kind: CaseKind::default(),
            facts: facts.clone(),
            meeting: None,
            created_at: self.now,
        });
        // A cell left empty does not erase what was known.
        case.facts.filed_on = facts.filed_on.or(case.facts.filed_on);
        case.facts.value_cents = facts.value_cents.or(case.facts.value_cents);
        if !facts.matter.is_empty() {
            case.facts.matter.clone_from(&facts.matter);
        }
        case.meeting = row.facts.meeting.clone().or(case.meeting);
        if known.as_ref() != Some(&case) {
            writes.push(Write::Case(Box::new(case.clone())));
        }
        let id = case.id;
        self.cases.push(case);
        Ok(id)
    }

    /// Files the person of a row; the row's case is not looked at.
    pub(crate) async fn party(
        &mut self,
        row: &RecipientRequest,
        writes: &mut Vec<Write>,
    ) -> Result<PartyId, StoreError> {
        let mut party = Party {
            id: PartyId(self.engine.ids.uuid()),
            body: self.body,
            serial: 0,
            facts: row.facts.recipient.clone(),
            locale: row.facts.locale,
            addresses: row.addresses.clone(),
            created_at: self.now,
        };
        // The part in a case is not part of the person.
        party.facts.role = String::new();
        let key = party.match_key();
        if let Some(same) = self.parties.iter().find(|other| other.match_key() == key) {
            return Ok(same.id);
        }
        let known = self.engine.store.party_matching(self.body, &key).await?;
        if let Some(known) = &known {
            party.id = known.id;
            party.serial = known.serial;
            party.created_at = known.created_at;
            for address in &known.addresses {
                if !party.addresses.contains(address) {
                    party.addresses.push(address.clone());
                }
            }
        }
        if known.as_ref() != Some(&party) {
            writes.push(Write::Party(Box::new(party.clone())));
        }
        let id = party.id;
        self.parties.push(party);
        Ok(id)
    }
}
