-- What comes in by mail, and what it needs to find what it is about.

-- A case made from a petition begins as a draft.
ALTER TABLE case_file ADD COLUMN standing TEXT NOT NULL DEFAULT 'open';

CREATE TABLE message (
    body_id        BYTEA  NOT NULL,
    id             BYTEA  NOT NULL,
    identity       BYTEA  NOT NULL,
    state          TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    raw_hash       BYTEA  NOT NULL,
    entity         TEXT   NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, identity)
);
CREATE INDEX message_by_state ON message (body_id, state, id);

CREATE TABLE mail_cursor (
    body_id      BYTEA  NOT NULL,
    mailbox      TEXT   NOT NULL,
    folder       TEXT   NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid          BIGINT NOT NULL,
    PRIMARY KEY (body_id, mailbox, folder)
);

-- What carriers call our attempts.
CREATE TABLE attempt_name (
    body_id    BYTEA NOT NULL,
    name       TEXT  NOT NULL,
    attempt_id BYTEA NOT NULL,
    PRIMARY KEY (body_id, name)
);

CREATE TABLE suppression (
    body_id    BYTEA  NOT NULL,
    channel    TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    message_id BYTEA  NOT NULL,
    at_us      BIGINT NOT NULL,
    hard       BIGINT NOT NULL,
    code       TEXT   NOT NULL,
    PRIMARY KEY (body_id, channel, address, message_id)
);

-- The e-mail and PEC addresses of parties, lower case.
CREATE TABLE party_address (
    body_id  BYTEA NOT NULL,
    address  TEXT  NOT NULL,
    party_id BYTEA NOT NULL,
    PRIMARY KEY (body_id, address, party_id),
    FOREIGN KEY (body_id, party_id) REFERENCES party (body_id, id)
);
CREATE INDEX party_address_by_party ON party_address (body_id, party_id);
INSERT INTO party_address (body_id, address, party_id)
    SELECT DISTINCT p.body_id, lower(a ->> 'value'), p.id
    FROM party p, jsonb_array_elements(CAST(p.addresses AS JSONB)) a
    WHERE a ->> 'kind' IN ('email', 'pec');

CREATE INDEX case_role_by_party ON case_role (body_id, party_id);
CREATE INDEX register_by_document ON register (body_id, document_hash);
