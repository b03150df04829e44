-- The protocol register: annotations beside its entries, and its days, closed.

CREATE TABLE register_annotation (
    body_id BLOB   NOT NULL,
    year    BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    serial  BIGINT NOT NULL,
    at_us   BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    text    TEXT   NOT NULL,
    PRIMARY KEY (body_id, year, number, serial),
    FOREIGN KEY (body_id, year, number) REFERENCES register (body_id, year, number)
) WITHOUT ROWID;
CREATE INDEX register_annotation_by_time ON register_annotation (body_id, at_us);

CREATE TABLE register_day (
    body_id     BLOB   NOT NULL,
    day         TEXT   NOT NULL,
    ended_at_us BIGINT NOT NULL,
    entity      TEXT   NOT NULL,
    PRIMARY KEY (body_id, day),
    UNIQUE (body_id, ended_at_us)
) WITHOUT ROWID;

CREATE INDEX register_by_time ON register (body_id, at_us);

-- Annotations and closed days are never changed.
CREATE TRIGGER register_annotation_refuses_update BEFORE UPDATE ON register_annotation
BEGIN
    SELECT RAISE(ABORT, 'rows of register_annotation are immutable');
END;
CREATE TRIGGER register_annotation_refuses_delete BEFORE DELETE ON register_annotation
BEGIN
    SELECT RAISE(ABORT, 'rows of register_annotation are immutable');
END;
CREATE TRIGGER register_day_refuses_update BEFORE UPDATE ON register_day
BEGIN
    SELECT RAISE(ABORT, 'rows of register_day are immutable');
END;
CREATE TRIGGER register_day_refuses_delete BEFORE DELETE ON register_day
BEGIN
    SELECT RAISE(ABORT, 'rows of register_day are immutable');
END;
