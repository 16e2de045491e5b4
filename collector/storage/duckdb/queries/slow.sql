{% set rows = {
    'functions': ("service", "service", "kind IN (2, 5)"),
    'operations': ("service", "name", "kind IN (2, 5)"),
    'calls': ("service", "coalesce(nullif(peer, ''), name)", "kind IN (3, 4)"),
    'statements': ("db_system", "db_statement", "db_statement <> ''"),
}[q.what] %}
{% set of_calls = q.what in ('functions', 'operations') %}
{% set order = {'total': 'total_ns', 'p95': 'quantiles[2]', 'max': 'max_ns', 'count': 'count', 'errors': 'errors'}[q.sort] %}
WITH work AS (
    SELECT
        {{ rows[0] }} AS owner, {{ rows[1] }} AS work, trace_id, span_id, duration_ns, status, service,
        {% if is_weighted('spans') %} coalesce(nth, 0) {% else %} 0 {% endif %} AS nth,
        {% if of_calls %} '' {% else %}
        coalesce(nullif(db_system, ''), nullif(messaging_system, ''), peer_kind) {% endif %} AS system
    FROM {{ counted('spans') }}
    WHERE start_ns >= $start_ns AND start_ns < $end_ns AND {{ rows[2] }}
    {% if q.service %} AND service = $service {% endif %}
),
groups AS (
    SELECT
        owner, work,
        count(*) AS count,
        count(*) FILTER (status = 2) AS errors,
        sum(duration_ns) AS total_ns,
        quantile_cont(duration_ns, [0.5, 0.95]) AS quantiles,
        max(duration_ns) AS max_ns,
        {% if q.what == 'statements' %} list(DISTINCT service ORDER BY service) FILTER (service <> '')
        {% elif of_calls %} list_value(owner) {% else %} if(owner <> '', list_value(owner), []) {% endif %} AS callers,
        arg_min((trace_id, span_id), (-duration_ns, trace_id, span_id)) AS example
    FROM work GROUP BY ALL
)
{% if not of_calls %},
-- Traces that may do one work twice: works that differ mostly set bits that differ. Only these are counted work by work,
-- which for all would be as many groups as there are spans.
repeating AS (
    SELECT trace_id FROM work WHERE nth = 0 GROUP BY trace_id
    HAVING count(*) > bit_count(bit_or(1::UBIGINT << (hash(owner, work) % 64)))
),
per_trace AS (
    SELECT owner, work, max(n) AS max_per_trace
    FROM (
        SELECT owner, work, trace_id, count(*) AS n FROM work SEMI JOIN repeating USING (trace_id) WHERE nth = 0
        GROUP BY ALL
    ) GROUP BY ALL
),
{% for column in ('service', 'system') if column == 'system' or q.what == 'statements' %}
{{ column }}s AS (
    SELECT owner, work, arg_min({{ column }}, (-n, {{ column }})) AS {{ column }}
    FROM (SELECT owner, work, {{ column }}, count(*) AS n FROM work WHERE {{ column }} <> '' GROUP BY ALL)
    GROUP BY ALL
){{ '' if loop.last else ',' }}
{% endfor %}
{% endif %},
named AS (
    SELECT
        {{ "coalesce(service, '')" if q.what == 'statements' else 'owner' }} AS service, work,
        {{ "''" if of_calls else "coalesce(system, '')" }} AS system,
        count, errors, total_ns, quantiles, max_ns, coalesce(callers, []) AS callers,
        {{ "0" if of_calls else "coalesce(max_per_trace, 1)" }} AS max_per_trace, example
    FROM groups
    {% if not of_calls %} LEFT JOIN per_trace USING (owner, work) LEFT JOIN systems USING (owner, work) {% endif %}
    {% if q.what == 'statements' %} LEFT JOIN services USING (owner, work) {% endif %}
)
SELECT * FROM named ORDER BY {{ order }} DESC, service, work, system LIMIT $limit
