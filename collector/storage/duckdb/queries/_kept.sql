{#- CTEs of what is kept of the last hour's calls (edgecalls.py): `chosen`, those of [$from_ns, $until_ns) with their edge,
    and `named`, who its ends are. `late`: rows that were not looked at; what they touch is resolved anew. -#}
{% set columns = 'edge, start_ns, failed, refused, awaits_caller, client_ns, server_ns, wait_ns, adjusted_count' %}
{% set ends = 'source_kind, source, target_kind, target' %}
{% if late %}
{% include '_resolved.sql' %},
unknown AS (SELECT DISTINCT {{ ends }} FROM resolved EXCEPT SELECT {{ ends }} FROM edge_sums.ends),
named AS MATERIALIZED (
    FROM edge_sums.ends
    UNION ALL
    SELECT (SELECT coalesce(max(edge), 0) FROM edge_sums.ends) + row_number() OVER (), {{ ends }} FROM unknown
),
chosen AS (
    SELECT {{ columns }} FROM edge_sums.calls
    WHERE start_ns >= $from_ns AND start_ns < $until_ns AND (start_ns < $pair_start_ns OR start_ns >= $pair_end_ns)
    UNION ALL
    SELECT {{ columns }} FROM edge_sums.calls ANTI JOIN touched USING (trace_id)
    WHERE start_ns >= $from_ns AND start_ns < $until_ns AND start_ns >= $pair_start_ns AND start_ns < $pair_end_ns
    UNION ALL
    SELECT {{ columns }} FROM resolved JOIN named USING ({{ ends }})
    WHERE start_ns >= $from_ns AND start_ns < $until_ns
)
{% else %}
named AS (FROM edge_sums.ends),
chosen AS (SELECT {{ columns }} FROM edge_sums.calls WHERE start_ns >= $from_ns AND start_ns < $until_ns)
{% endif %}
