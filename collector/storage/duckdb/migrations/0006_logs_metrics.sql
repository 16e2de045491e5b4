-- Versions before took traces only.
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
