-- What comes in by mail, and what it needs to find what it is about.

-- A case made from a petition begins as a draft.
ALTER TABLE case_file ADD COLUMN standing TEXT NOT NULL DEFAULT 'open';

CREATE TABLE message (
    body_id        BLOB   NOT NULL,
    id             BLOB   NOT NULL,
    identity       BLOB   NOT NULL,
    state          TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    raw_hash       BLOB   NOT NULL,
    entity         TEXT   NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, identity)
);
CREATE INDEX message_by_state ON message (body_id, state, id);

CREATE TABLE mail_cursor (
    body_id      BLOB   NOT NULL,
    mailbox      TEXT   NOT NULL,
    folder       TEXT   NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid          BIGINT NOT NULL,
    PRIMARY KEY (body_id, mailbox, folder)
) WITHOUT ROWID;

-- What carriers call our attempts.
CREATE TABLE attempt_name (
    body_id    BLOB  NOT NULL,
    name       TEXT  NOT NULL,
    attempt_id BLOB  NOT NULL,
    PRIMARY KEY (body_id, name)
) WITHOUT ROWID;

CREATE TABLE suppression (
    body_id    BLOB   NOT NULL,
    channel    TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    message_id BLOB   NOT NULL,
    at_us      BIGINT NOT NULL,
    hard       BIGINT NOT NULL,
    code       TEXT   NOT NULL,
    PRIMARY KEY (body_id, channel, address, message_id)
) WITHOUT ROWID;

-- The e-mail and PEC addresses of parties, lower case.
CREATE TABLE party_address (
    body_id  BLOB  NOT NULL,
    address  TEXT  NOT NULL,
    party_id BLOB  NOT NULL,
    PRIMARY KEY (body_id, address, party_id),
    FOREIGN KEY (body_id, party_id) REFERENCES party (body_id, id)
) WITHOUT ROWID;
CREATE INDEX party_address_by_party ON party_address (body_id, party_id);
INSERT INTO party_address (body_id, address, party_id)
    SELECT DISTINCT p.body_id, lower(json_extract(a.value, '$.value')), p.id
    FROM party p, json_each(p.addresses) a
    WHERE json_extract(a.value, '$.kind') IN ('email', 'pec');

CREATE INDEX case_role_by_party ON case_role (body_id, party_id);
CREATE INDEX register_by_document ON register (body_id, document_hash);
