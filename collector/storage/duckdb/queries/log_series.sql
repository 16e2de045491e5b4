{#- Figures of log records over time: see LogSeriesQuery. -#}
{% import '_logs.sql' as logs with context %}
WITH chosen AS (
    SELECT
        ((time_ns - $start_ns)::HUGEINT * $buckets // $width_ns)::INTEGER AS part,
        {{ line }} AS line,
        {{ figure }} AS figure
    FROM {{ within('logs') }} WHERE {{ logs.matching() }}
),
{% include '_figures.sql' %}
