{% import '_calls.sql' as calls with context %}
WITH failed AS (
    SELECT
        service, version, trace_id, span_id, parent_span_id, start_ns, name, error_type, status_message,
        list_filter(
            from_json(nullif(events, ''), '[{"name": "VARCHAR", "attributes": "JSON"}]'),
            lambda event: event.name = 'exception'
        )[-1] AS exception
    FROM {{ within('spans') }}
    WHERE start_ns >= $start_ns AND start_ns < $end_ns AND status = 2
    {% if q.service %} AND service = $service {% endif %}
),
raised AS (
    SELECT
        * EXCLUDE (exception, error_type, status_message, parent_span_id),
        coalesce(
            nullif(exception.attributes ->> '$."exception.type"', ''), nullif(error_type, ''), 'error'
        ) AS type,
        left(
            CASE WHEN exception IS NULL THEN status_message
            ELSE coalesce(exception.attributes ->> '$."exception.message"', '') END, $message_kept
        ) AS message,
        left(coalesce(exception.attributes ->> '$."exception.stacktrace"', ''), $stack_kept) AS stacktrace
    FROM failed
    ANTI JOIN (
        SELECT trace_id, parent_span_id AS span_id, service FROM failed
    ) AS passed_on USING (trace_id, span_id, service)
),
variants AS (
    SELECT
        *,
        regexp_replace(message, $message_values, '?', 'g') AS pattern,
        md5(regexp_replace(
            CASE WHEN message = '' THEN stacktrace ELSE replace(stacktrace, message, '') END,
            $stack_values, '0', 'g'
        )) AS place,
        {{ calls.bucket() }} AS part
    FROM raised
),
totals AS (
    SELECT
        service, type, pattern, place,
        count(*) AS count,
        min(start_ns) AS first_ns,
        max(start_ns) AS last_ns,
        -- Lists, and no distinct aggregates or groups of their own: stacks are long, and were worked out again for each.
        list_sort(list_distinct(list(version) FILTER (version <> ''))) AS versions,
        list_aggregate(list(part), 'histogram') AS parts,
        arg_max((trace_id, span_id, name, message, stacktrace), (start_ns, trace_id, span_id)) AS example
    FROM variants GROUP BY ALL
)
SELECT service, type, pattern, count, first_ns, last_ns, coalesce(versions, []), parts, example
FROM totals
ORDER BY count DESC, service, type, pattern, example LIMIT $limit
