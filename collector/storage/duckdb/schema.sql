-- The current schema, version 9. A change here needs a file in migrations/ that brings older stores along;
-- a test compares both ways. Append only: no primary key and no index (an ART index halves the insert rate).
CREATE TABLE schema_version (version INTEGER NOT NULL, applied_ns BIGINT NOT NULL);

CREATE TABLE spans (
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    parent_span_id UBIGINT NOT NULL,
    start_ns BIGINT NOT NULL,
    duration_ns BIGINT NOT NULL,
    kind UTINYINT NOT NULL,
    status UTINYINT NOT NULL,
    status_message VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    resource_id UBIGINT NOT NULL,
    trace_state VARCHAR NOT NULL,
    flags UINTEGER NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    dropped_events_count UINTEGER NOT NULL,
    dropped_links_count UINTEGER NOT NULL,
    received_ns BIGINT NOT NULL,
    version VARCHAR NOT NULL,
    instance VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    trigger VARCHAR NOT NULL,
    coldstart BOOLEAN,
    phase VARCHAR NOT NULL,
    invocation_id VARCHAR NOT NULL,
    http_method VARCHAR NOT NULL,
    http_route VARCHAR NOT NULL,
    http_status INTEGER,
    db_system VARCHAR NOT NULL,
    db_statement VARCHAR NOT NULL,
    messaging_system VARCHAR NOT NULL,
    messaging_destination VARCHAR NOT NULL,
    bucket VARCHAR NOT NULL,
    error_type VARCHAR NOT NULL,
    peer_kind VARCHAR NOT NULL,
    peer VARCHAR NOT NULL,
    -- zstd: 0.9 instead of 2.5 µs a span at a checkpoint, and 87 bytes a span for the whole row
    attributes VARCHAR NOT NULL USING COMPRESSION zstd,
    events VARCHAR NOT NULL USING COMPRESSION zstd,
    links VARCHAR NOT NULL USING COMPRESSION zstd,
    scope_id UBIGINT NOT NULL,
    -- (A column that is added to a table that is there cannot be NOT NULL.)
    adjusted_count UINTEGER DEFAULT 1
);

CREATE TABLE resources (
    resource_id UBIGINT NOT NULL,
    service VARCHAR NOT NULL,
    schema_url VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    entity_refs VARCHAR NOT NULL
);

CREATE TABLE scopes (
    scope_id UBIGINT NOT NULL,
    name VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    schema_url VARCHAR NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL
);

-- The links of spans once more, narrow: the service graph joins them without reading JSON.
CREATE TABLE span_links (
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    start_ns BIGINT NOT NULL,
    linked_trace_id UUID NOT NULL,
    linked_span_id UBIGINT NOT NULL
);

-- Spans that were still running when they were sent, one row each, apart from `spans` until they are finished,
-- or closed without having finished.
CREATE TABLE open_spans (
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    taken_ns BIGINT NOT NULL,
    received_ns BIGINT NOT NULL,
    timeout_imminent BOOLEAN NOT NULL,
    span VARCHAR NOT NULL
);

-- One row: how far the journal in front of the store is stored, committed together with the rows, and how far it
-- was when the file was begun. (A column that was added later cannot be NOT NULL.)
CREATE TABLE watermark (mark UBIGINT NOT NULL, turn UBIGINT NOT NULL, since UBIGINT DEFAULT 0);

INSERT INTO watermark VALUES (0, 0, 0);

-- Logs and metrics, as collector/model_logs.py and model_metrics.py say.
CREATE TABLE logs (
    log_id UBIGINT NOT NULL,
    time_ns BIGINT NOT NULL,
    sent_time_ns UBIGINT NOT NULL,
    observed_ns UBIGINT NOT NULL,
    received_ns BIGINT NOT NULL,
    trace_id UUID,
    span_id UBIGINT NOT NULL,
    flags UINTEGER NOT NULL,
    severity UTINYINT NOT NULL,
    severity_text VARCHAR NOT NULL,
    service VARCHAR NOT NULL,
    event_name VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    resource_id UBIGINT NOT NULL,
    scope_id UBIGINT NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL,
    body VARCHAR NOT NULL USING COMPRESSION zstd,
    attributes VARCHAR NOT NULL USING COMPRESSION zstd
);

CREATE TABLE metrics (
    metric_id UBIGINT NOT NULL,
    name VARCHAR NOT NULL,
    type UTINYINT NOT NULL,
    unit VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    temporality UTINYINT NOT NULL,
    monotonic BOOLEAN NOT NULL,
    service VARCHAR NOT NULL,
    resource_id UBIGINT NOT NULL,
    scope_id UBIGINT NOT NULL,
    metadata VARCHAR NOT NULL
);

-- The attributes of a series stand once, however many points it has.
CREATE TABLE metric_series (
    series_id UBIGINT NOT NULL,
    attributes VARCHAR NOT NULL
);

CREATE TABLE metric_points (
    metric_id UBIGINT NOT NULL,
    series_id UBIGINT NOT NULL,
    time_ns BIGINT NOT NULL,
    sent_time_ns UBIGINT NOT NULL,
    start_ns UBIGINT NOT NULL,
    received_ns BIGINT NOT NULL,
    flags UINTEGER NOT NULL,
    value DOUBLE,
    value_int BIGINT,
    count UBIGINT,
    sum DOUBLE,
    min DOUBLE,
    max DOUBLE,
    bounds VARCHAR NOT NULL,
    counts VARCHAR NOT NULL,
    scale INTEGER,
    zero_count UBIGINT,
    zero_threshold DOUBLE,
    positive_offset INTEGER,
    positive VARCHAR NOT NULL,
    negative_offset INTEGER,
    negative VARCHAR NOT NULL,
    quantiles VARCHAR NOT NULL,
    exemplars VARCHAR NOT NULL USING COMPRESSION zstd
);

-- Payloads of logs and metrics of the last minutes, so that one sent again counts once.
CREATE TABLE payload_digests (
    digest UUID NOT NULL,
    signal VARCHAR NOT NULL,
    received_ns BIGINT NOT NULL
);

-- When the spans of each trace start, gathered now and then for the rows of `spans` before `rows`, sorted by id
-- within each gathering.
CREATE TABLE trace_times (
    trace_id UUID NOT NULL,
    first_ns BIGINT NOT NULL,
    last_ns BIGINT NOT NULL
);

CREATE TABLE trace_times_until (rows UBIGINT NOT NULL);

INSERT INTO trace_times_until VALUES (0);

-- What the rows of `spans` before `rows` add up to, a slot of six minutes at a time (rollups.py). Partial rows: one
-- slot and function may have several, from as many gatherings, and a reader adds them up.
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

-- Of the ordinary traces of a file that was sampled, one of how many was kept; 1 where none was left out.
CREATE TABLE tail_sampling (one_of UINTEGER NOT NULL);

INSERT INTO tail_sampling VALUES (1);
