-- The schema, the same on both databases: TEXT, BIGINT and bytes only; identities are the 16 bytes
-- of a UUID, hashes 32 bytes, instants microseconds since 1970, JSON is text. Every table of a body's
-- rows begins its key with body_id. tests compare the two files column by column.

CREATE TABLE body (
    id          BLOB   NOT NULL PRIMARY KEY,
    number      BIGINT NOT NULL UNIQUE,
    entity      TEXT   NOT NULL
);

-- One row per body, locked first by every writer of the body's rows: the end of the evidence chain
-- and the running numbers. Numbers follow the order of commits, without gaps in the chain.
CREATE TABLE body_head (
    body_id       BLOB   NOT NULL PRIMARY KEY,
    evidence_seq  BIGINT NOT NULL,
    evidence_hash BLOB   NOT NULL,
    dispatches    BIGINT NOT NULL,
    cases         BIGINT NOT NULL,
    parties       BIGINT NOT NULL,
    codes         BIGINT NOT NULL
) WITHOUT ROWID;

-- Progressive numbers within a body, by name; body_id of zeros belongs to the installation.
CREATE TABLE counter (
    body_id BLOB   NOT NULL,
    name    TEXT   NOT NULL,
    value   BIGINT NOT NULL,
    PRIMARY KEY (body_id, name)
) WITHOUT ROWID;

CREATE TABLE account (
    id            BLOB  NOT NULL PRIMARY KEY,
    body_id       BLOB  NOT NULL REFERENCES body (id),
    login         TEXT  NOT NULL UNIQUE,
    password_hash TEXT  NOT NULL
);

CREATE TABLE session (
    secret        BLOB   NOT NULL PRIMARY KEY,
    account_id    BLOB   NOT NULL REFERENCES account (id),
    expires_at_us BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_by_account ON session (account_id);

CREATE TABLE api_key (
    secret  BLOB  NOT NULL PRIMARY KEY,
    body_id BLOB  NOT NULL REFERENCES body (id),
    name    TEXT  NOT NULL
) WITHOUT ROWID;

CREATE TABLE case_file (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL,
    serial        BIGINT NOT NULL,
    year          BIGINT NOT NULL,
    number        TEXT   NOT NULL,
    kind          TEXT   NOT NULL,
    facts         TEXT   NOT NULL,
    meeting       TEXT,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, year, number),
    UNIQUE (body_id, serial)
);

CREATE TABLE party (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL,
    serial        BIGINT NOT NULL,
    match_key     TEXT   NOT NULL,
    locale        TEXT   NOT NULL,
    facts         TEXT   NOT NULL,
    addresses     TEXT   NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, match_key),
    UNIQUE (body_id, serial)
);

CREATE TABLE case_role (
    body_id  BLOB  NOT NULL,
    case_id  BLOB  NOT NULL,
    party_id BLOB  NOT NULL,
    role     TEXT  NOT NULL,
    PRIMARY KEY (body_id, case_id, party_id, role),
    FOREIGN KEY (body_id, case_id) REFERENCES case_file (body_id, id),
    FOREIGN KEY (body_id, party_id) REFERENCES party (body_id, id)
) WITHOUT ROWID;

CREATE TABLE document (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL,
    case_id       BLOB   NOT NULL,
    name          TEXT   NOT NULL,
    media_type    TEXT   NOT NULL,
    blob_hash     BLOB   NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (body_id, id),
    FOREIGN KEY (body_id, case_id) REFERENCES case_file (body_id, id)
);
CREATE INDEX document_by_case ON document (body_id, case_id);

CREATE TABLE notice (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL,
    request_key   TEXT   NOT NULL,
    content_hash  BLOB   NOT NULL,
    template      TEXT   NOT NULL,
    batch_id      BLOB,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, request_key)
);

-- batch_id of zeros is no run. state_before is what state was before the last change, so that a
-- change can tell what to count back. A frozen column (plan, facts) is written once.
CREATE TABLE dispatch (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL,
    number        BIGINT NOT NULL,
    notice_id     BLOB   NOT NULL,
    batch_id      BLOB   NOT NULL,
    case_id       BLOB   NOT NULL,
    party_id      BLOB   NOT NULL,
    state         TEXT   NOT NULL,
    state_before  TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    file_row      BIGINT NOT NULL,
    plan          TEXT   NOT NULL,
    legs          TEXT   NOT NULL,
    facts         TEXT   NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (body_id, id),
    UNIQUE (body_id, number),
    FOREIGN KEY (body_id, notice_id) REFERENCES notice (body_id, id),
    FOREIGN KEY (body_id, case_id) REFERENCES case_file (body_id, id),
    FOREIGN KEY (body_id, party_id) REFERENCES party (body_id, id)
);
CREATE INDEX dispatch_by_notice ON dispatch (body_id, notice_id, id);
CREATE INDEX dispatch_by_batch ON dispatch (body_id, batch_id, id);
CREATE INDEX dispatch_by_batch_state ON dispatch (body_id, batch_id, state, id);
CREATE INDEX dispatch_by_state ON dispatch (body_id, state, id);
CREATE INDEX dispatch_by_case ON dispatch (body_id, case_id);
CREATE INDEX dispatch_by_party ON dispatch (body_id, party_id);

-- How many dispatches are in each state, by run (zeros: the whole body), kept at write.
CREATE TABLE tally (
    body_id  BLOB   NOT NULL,
    batch_id BLOB   NOT NULL,
    state    TEXT   NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (body_id, batch_id, state)
) WITHOUT ROWID;

CREATE TABLE attempt (
    body_id       BLOB   NOT NULL,
    id            BLOB   NOT NULL UNIQUE,
    dispatch_id   BLOB   NOT NULL,
    sandbox       BIGINT NOT NULL,
    started_at_us BIGINT NOT NULL,
    entity        TEXT   NOT NULL,
    ending        TEXT,
    PRIMARY KEY (body_id, dispatch_id, id),
    FOREIGN KEY (body_id, dispatch_id) REFERENCES dispatch (body_id, id)
);

CREATE TABLE receipt (
    body_id        BLOB   NOT NULL,
    id             BLOB   NOT NULL,
    dispatch_id    BLOB,
    attempt_id     BLOB,
    signal         TEXT   NOT NULL,
    received_at_us BIGINT NOT NULL,
    raw_hash       BLOB   NOT NULL,
    entity         TEXT   NOT NULL,
    PRIMARY KEY (body_id, id),
    FOREIGN KEY (body_id, dispatch_id) REFERENCES dispatch (body_id, id)
);
CREATE UNIQUE INDEX receipt_once ON receipt (body_id, COALESCE(attempt_id, x''), raw_hash);
CREATE INDEX receipt_by_dispatch ON receipt (body_id, dispatch_id, received_at_us);

CREATE TABLE blob (
    body_id BLOB  NOT NULL,
    hash    BLOB  NOT NULL,
    bytes   BLOB  NOT NULL,
    PRIMARY KEY (body_id, hash)
);

CREATE TABLE code (
    body_id     BLOB   NOT NULL,
    serial      BIGINT NOT NULL,
    text        TEXT   NOT NULL,
    dispatch_id BLOB   NOT NULL,
    at_us       BIGINT NOT NULL,
    PRIMARY KEY (body_id, serial),
    UNIQUE (body_id, text),
    FOREIGN KEY (body_id, dispatch_id) REFERENCES dispatch (body_id, id)
);

CREATE TABLE evidence (
    body_id     BLOB   NOT NULL,
    seq         BIGINT NOT NULL,
    id          BLOB   NOT NULL,
    dispatch_id BLOB,
    kind        TEXT   NOT NULL,
    at_us       BIGINT NOT NULL,
    blob_hash   BLOB,
    summary     TEXT   NOT NULL,
    previous    BLOB   NOT NULL,
    hash        BLOB   NOT NULL,
    PRIMARY KEY (body_id, seq)
);
CREATE INDEX evidence_by_dispatch ON evidence (body_id, dispatch_id, seq);

CREATE TABLE register (
    body_id       BLOB   NOT NULL,
    year          BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    direction     TEXT   NOT NULL,
    at_us         BIGINT NOT NULL,
    correspondent TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    case_id       BLOB,
    document_hash BLOB   NOT NULL,
    PRIMARY KEY (body_id, year, number)
);

-- The queue. ready_at_us is the instant from which the job may be claimed: its due time, or the end
-- of its lease. One index then answers a claim, however many jobs wait.
CREATE TABLE job (
    id              BLOB   NOT NULL PRIMARY KEY,
    body_id         BLOB   NOT NULL,
    lane            TEXT   NOT NULL,
    priority        BIGINT NOT NULL,
    due_at_us       BIGINT NOT NULL,
    ready_at_us     BIGINT NOT NULL,
    worker          TEXT,
    claims          BIGINT NOT NULL,
    payload_version BIGINT NOT NULL,
    payload         TEXT   NOT NULL
) WITHOUT ROWID;
CREATE INDEX job_ready ON job (lane, priority, ready_at_us, id);

-- What is evidence or registered is never changed: corrected only by adding.
CREATE TRIGGER evidence_refuses_update BEFORE UPDATE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'rows of evidence are immutable');
END;
CREATE TRIGGER evidence_refuses_delete BEFORE DELETE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'rows of evidence are immutable');
END;
CREATE TRIGGER register_refuses_update BEFORE UPDATE ON register
BEGIN
    SELECT RAISE(ABORT, 'rows of register are immutable');
END;
CREATE TRIGGER register_refuses_delete BEFORE DELETE ON register
BEGIN
    SELECT RAISE(ABORT, 'rows of register are immutable');
END;
