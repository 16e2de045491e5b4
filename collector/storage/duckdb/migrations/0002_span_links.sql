-- Version 1 kept links as JSON only; the service graph needs them joinable.
CREATE TABLE span_links (
    trace_id UUID NOT NULL,
    span_id UBIGINT NOT NULL,
    start_ns BIGINT NOT NULL,
    linked_trace_id UUID NOT NULL,
    linked_span_id UBIGINT NOT NULL
);

INSERT INTO span_links
SELECT trace_id, span_id, start_ns, (link ->> 'trace_id')::UUID, ('0x' || (link ->> 'span_id'))::UBIGINT
FROM (SELECT trace_id, span_id, start_ns, unnest(from_json(links, '["JSON"]')) AS link FROM spans WHERE links <> '');
