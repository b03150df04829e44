//! Parties: found again by their match key, which is unique within a body.

use crate::session::{Readers, Row, args, json, word};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::addresses::Address;
use messo_core::ids::{BodyId, PartyId};
use messo_core::parties::Party;
use messo_core::ports::StoreError;

macro_rules! party_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, body_id, serial, facts, locale, addresses, created_at_us FROM party ",
            $rest
        )
    };
}

statements! {
    WRITE_PARTY = same(
        "INSERT INTO party (id, body_id, serial, match_key, facts, locale, addresses, created_at_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (body_id, id) DO UPDATE SET match_key = excluded.match_key, \
         facts = excluded.facts, locale = excluded.locale, addresses = excluded.addresses \
         RETURNING serial",
    );
    FORGET_ADDRESSES = same("DELETE FROM party_address WHERE body_id = $1 AND party_id = $2");
    WRITE_ADDRESS = same(
        "INSERT INTO party_address (body_id, address, party_id) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    );
    PARTY = same(party_columns!("WHERE body_id = $1 AND id = $2"));
    PARTY_MATCHING = same(party_columns!("WHERE body_id = $1 AND match_key = $2"));
}

pub(crate) async fn write_party(
    writing: &mut Writing<'_>,
    party: &Party,
) -> Result<(), StoreError> {
    let serial = writing.head(party.body)?.parties + 1;
    let args = args![
        party.id.0,
        party.body.0,
        serial,
        party.match_key(),
        json("party", &party.facts)?,
        word("party", &party.locale)?,
        json("party", &party.addresses)?,
        party.created_at,
    ];
    if writing.insert_numbered("party", WRITE_PARTY, args).await? == serial {
        writing.head(party.body)?.parties = serial;
    } else {
        writing.run(FORGET_ADDRESSES, args![party.body.0, party.id.0]).await?;
    }
    for address in &party.addresses {
        if let Address::Email(address) | Address::Pec(address) = address {
            let address = address.as_str().to_lowercase();
            writing.run(WRITE_ADDRESS, args![party.body.0, address, party.id.0]).await?;
        }
    }
    Ok(())
}

pub(crate) async fn party(
    readers: &Readers,
    body: BodyId,
    id: PartyId,
) -> Result<Option<Party>, StoreError> {
    readers.row(PARTY, args![body.0, id.0]).await?.map(read_party).transpose()
}

pub(crate) async fn party_matching(
    readers: &Readers,
    body: BodyId,
    key: &str,
) -> Result<Option<Party>, StoreError> {
    readers.row(PARTY_MATCHING, args![body.0, key]).await?.map(read_party).transpose()
}

fn read_party(mut row: Row) -> Result<Party, StoreError> {
    Ok(Party {
        id: PartyId(row.uuid()?),
        body: BodyId(row.uuid()?),
        serial: row.small()?,
        facts: row.json("party")?,
        locale: row.word("party")?,
        addresses: row.json("party")?,
        created_at: row.instant()?,
    })
}
