-- Snapshots of running spans are kept apart until the span is finished, or closed without having finished.
CREATE TABLE open_spans (
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    taken_ns BIGINT NOT NULL,
    received_ns BIGINT NOT NULL,
    timeout_imminent BOOLEAN NOT NULL,
    span VARCHAR NOT NULL
);
