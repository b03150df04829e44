//! Cases, who has which part in them, and their documents.

use crate::session::{Readers, Row, args, json, word};
use crate::statement::statements;
use crate::writer::group::Writing;
use messo_core::cases::{Case, CaseRole, CaseStanding, Document};
use messo_core::ids::{BodyId, CaseId, DocumentId, PartyId};
use messo_core::ports::StoreError;

/// Longest list of cases.
const MOST_LISTED: u32 = 10_000;

macro_rules! case_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, body_id, serial, kind, standing, facts, meeting, created_at_us FROM case_file ",
            $rest
        )
    };
}

statements! {
    WRITE_CASE = same(
        "INSERT INTO case_file (id, body_id, serial, year, number, kind, facts, meeting, \
         created_at_us, standing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (body_id, id) DO UPDATE SET year = excluded.year, number = excluded.number, \
         facts = excluded.facts, meeting = excluded.meeting, standing = excluded.standing \
         RETURNING serial",
    );
    NEXT_DRAFT = same(
        "INSERT INTO counter (body_id, name, value) VALUES ($1, $2, 1) \
         ON CONFLICT (body_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value",
    );
    CASE = same(case_columns!("WHERE body_id = $1 AND id = $2"));
    CASE_NUMBERED = same(case_columns!("WHERE body_id = $1 AND year = $2 AND number = $3"));
    CASES = same(case_columns!("WHERE body_id = $1 ORDER BY serial DESC LIMIT $2"));
    WRITE_ROLE = same(
        "INSERT INTO case_role (body_id, case_id, party_id, role, lawyer) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (body_id, case_id, party_id, role) DO UPDATE SET lawyer = excluded.lawyer \
         WHERE excluded.lawyer IS NOT NULL AND excluded.lawyer IS DISTINCT FROM case_role.lawyer",
    );
    ROLES = same(
        "SELECT party_id, role, lawyer FROM case_role WHERE body_id = $1 AND case_id = $2 \
         ORDER BY role, party_id",
    );
    WRITE_DOCUMENT = same(
        "INSERT INTO document (body_id, id, case_id, name, media_type, blob_hash, created_at_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    );
    DOCUMENTS = same(
        "SELECT id, name, media_type, blob_hash, created_at_us FROM document \
         WHERE body_id = $1 AND case_id = $2 ORDER BY created_at_us, id LIMIT 10000",
    );
    CASES_OF_ADDRESS = same(
        "SELECT DISTINCT c.id FROM party_address a \
         JOIN case_role r ON r.body_id = a.body_id AND r.party_id = a.party_id \
         JOIN case_file c ON c.body_id = r.body_id AND c.id = r.case_id \
         WHERE a.body_id = $1 AND a.address = $2 AND c.standing <> 'closed' ORDER BY c.id LIMIT 20",
    );
}

pub(crate) async fn write_case(writing: &mut Writing<'_>, case: &Case) -> Result<(), StoreError> {
    let serial = writing.head(case.body)?.cases + 1;
    let meeting = case.meeting.as_ref().map(|meeting| json("meeting", meeting)).transpose()?;
    let mut facts = case.facts.clone();
    if facts.number.is_empty() && case.standing == CaseStanding::Draft {
        facts.number = next_draft(writing, case.body, facts.year).await?;
    }
    let args = args![
        case.id.0,
        case.body.0,
        serial,
        facts.year,
        facts.number.as_str(),
        word("case", &case.kind)?,
        json("case", &facts)?,
        meeting,
        case.created_at,
        word("case", &case.standing)?,
    ];
    if writing.insert_numbered("case", WRITE_CASE, args).await? == serial {
        writing.head(case.body)?.cases = serial;
    }
    Ok(())
}

/// A draft has no number of its own: drafts are counted by year.
async fn next_draft(
    writing: &mut Writing<'_>,
    body: BodyId,
    year: i16,
) -> Result<String, StoreError> {
    let row = writing.connection.row(NEXT_DRAFT, args![body.0, format!("draft/{year}")]).await?;
    Ok(format!("bozza-{}", row.ok_or(StoreError::Missing("draft number"))?.int()?))
}

pub(crate) async fn write_role(
    writing: &mut Writing<'_>,
    role: &CaseRole,
) -> Result<(), StoreError> {
    let lawyer = role.lawyer.as_ref().map(|lawyer| json("role", lawyer)).transpose()?;
    let args = args![role.body.0, role.case.0, role.party.0, word("role", &role.role)?, lawyer,];
    writing.run(WRITE_ROLE, args).await.map(|_| ())
}

pub(crate) async fn write_document(
    writing: &mut Writing<'_>,
    document: &Document,
) -> Result<(), StoreError> {
    let args = args![
        document.body.0,
        document.id.0,
        document.case.0,
        document.name.as_str(),
        document.media_type.as_str(),
        document.blob,
        document.created_at,
    ];
    writing.insert("document", WRITE_DOCUMENT, args).await
}

pub(crate) async fn case(
    readers: &Readers,
    body: BodyId,
    id: CaseId,
) -> Result<Option<Case>, StoreError> {
    readers.row(CASE, args![body.0, id.0]).await?.map(read_case).transpose()
}

pub(crate) async fn case_numbered(
    readers: &Readers,
    body: BodyId,
    year: i16,
    number: &str,
) -> Result<Option<Case>, StoreError> {
    readers.row(CASE_NUMBERED, args![body.0, year, number]).await?.map(read_case).transpose()
}

pub(crate) async fn cases(
    readers: &Readers,
    body: BodyId,
    limit: u32,
) -> Result<Vec<Case>, StoreError> {
    let rows = readers.rows(CASES, args![body.0, limit.min(MOST_LISTED)]).await?;
    rows.into_iter().map(read_case).collect()
}

fn read_case(mut row: Row) -> Result<Case, StoreError> {
    Ok(Case {
        id: CaseId(row.uuid()?),
        body: BodyId(row.uuid()?),
        serial: row.small()?,
        kind: row.word("case")?,
        standing: row.word("case")?,
        facts: row.json("case")?,
        meeting: row.optional_json("meeting")?,
        created_at: row.instant()?,
    })
}

pub(crate) async fn roles(
    readers: &Readers,
    body: BodyId,
    case: CaseId,
) -> Result<Vec<CaseRole>, StoreError> {
    let rows = readers.rows(ROLES, args![body.0, case.0]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(CaseRole {
                body,
                case,
                party: PartyId(row.uuid()?),
                role: row.word("role")?,
                lawyer: row.optional_json("role")?,
            })
        })
        .collect()
}

pub(crate) async fn documents(
    readers: &Readers,
    body: BodyId,
    case: CaseId,
) -> Result<Vec<Document>, StoreError> {
    let rows = readers.rows(DOCUMENTS, args![body.0, case.0]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Document {
                id: DocumentId(row.uuid()?),
                body,
                case,
                name: row.text()?,
                media_type: row.text()?,
                blob: row.hash()?,
                created_at: row.instant()?,
            })
        })
        .collect()
}

pub(crate) async fn cases_of_address(
    readers: &Readers,
    body: BodyId,
    address: &str,
) -> Result<Vec<CaseId>, StoreError> {
    let rows = readers.rows(CASES_OF_ADDRESS, args![body.0, address.to_lowercase()]).await?;
    rows.into_iter().map(|mut row| row.uuid().map(CaseId)).collect()
}
