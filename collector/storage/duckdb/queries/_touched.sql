{#- CTE `touched`: the traces of rows that were not looked at (of parts `late`, from row $seen_0, $seen_1 ... on), and those
    whose links name one of them: their waits may be others now. -#}
unseen AS MATERIALIZED (
    {% for part in late %}
    SELECT trace_id FROM {{ part.sql }}.spans
    WHERE rowid >= $seen_{{ loop.index0 }} AND start_ns >= $late_from_ns
    {% if not loop.last %} UNION {% endif %}
    {% endfor %}
),
touched AS MATERIALIZED (
    FROM unseen
    UNION
    SELECT trace_id FROM {{ within('span_links', 'near_start_ns', 'near_end_ns') }}
    WHERE start_ns >= $near_start_ns AND start_ns < $near_end_ns AND linked_trace_id IN (FROM unseen)
)
