{#- Figures of log records over time: see LogSeriesQuery. -#}
{% import '_logs.sql' as logs with context %}
WITH chosen AS (
    SELECT
        {{ part_of('time_ns') }} AS part,
        {{ line }} AS line,
        {{ figure }} AS figure
    FROM {{ within('logs') }} WHERE {{ logs.matching() }}
),
{% include '_figures.sql' %}
