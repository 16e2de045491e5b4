-- How many rows each of $buckets stretches of the time asked for holds, the latest first.
SELECT ((({{ time }} - $start_ns)::HUGEINT * $buckets) // ($end_ns - $start_ns))::BIGINT AS part, count(*)
FROM {{ within(table) }} AS {{ table }}
WHERE {{ time }} >= $start_ns AND {{ time }} < $end_ns {% if condition %} AND ({{ condition }}) {% endif %}

GROUP BY part
ORDER BY part DESC
