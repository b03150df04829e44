-- The protocol register: annotations beside its entries, and its days, closed.

CREATE TABLE register_annotation (
    body_id BYTEA  NOT NULL,
    year    BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    serial  BIGINT NOT NULL,
    at_us   BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    text    TEXT   NOT NULL,
    PRIMARY KEY (body_id, year, number, serial),
    FOREIGN KEY (body_id, year, number) REFERENCES register (body_id, year, number)
);
CREATE INDEX register_annotation_by_time ON register_annotation (body_id, at_us);

CREATE TABLE register_day (
    body_id     BYTEA  NOT NULL,
    day         TEXT   NOT NULL,
    ended_at_us BIGINT NOT NULL,
    entity      TEXT   NOT NULL,
    PRIMARY KEY (body_id, day),
    UNIQUE (body_id, ended_at_us)
);

CREATE INDEX register_by_time ON register (body_id, at_us);

-- Annotations and closed days are never changed.
CREATE TRIGGER register_annotation_is_immutable
    BEFORE UPDATE OR DELETE OR TRUNCATE ON register_annotation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER register_day_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON register_day
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
