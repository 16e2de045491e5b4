-- When each trace's spans start, so that a trace is found by its id without reading every row.
CREATE TABLE trace_times (
    trace_id UUID NOT NULL,
    first_ns BIGINT NOT NULL,
    last_ns BIGINT NOT NULL
);

CREATE TABLE trace_times_until (rows UBIGINT NOT NULL);

INSERT INTO trace_times_until VALUES (0);
