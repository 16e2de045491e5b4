-- Versions before read every span for every figure.
CREATE TABLE call_slots (
    slot_ns BIGINT NOT NULL,
    service VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    trigger VARCHAR NOT NULL,
    operation VARCHAR,
    platform VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    spans UBIGINT NOT NULL,
    calls UBIGINT NOT NULL,
    errors UBIGINT NOT NULL,
    cold_starts UBIGINT NOT NULL,
    cold_known UBIGINT NOT NULL,
    duration_ns HUGEINT NOT NULL,
    last_ns BIGINT NOT NULL
);

CREATE TABLE call_durations (
    slot_ns BIGINT NOT NULL,
    service VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    trigger VARCHAR NOT NULL,
    operation VARCHAR,
    bucket SMALLINT NOT NULL,
    calls UBIGINT NOT NULL
);

CREATE TABLE call_instances (
    slot_ns BIGINT NOT NULL,
    service VARCHAR NOT NULL,
    trigger VARCHAR NOT NULL,
    operation VARCHAR,
    instance VARCHAR NOT NULL,
    calls UBIGINT NOT NULL
);

CREATE TABLE rollups_until (rows UBIGINT NOT NULL);

INSERT INTO rollups_until VALUES (0);
