{% import '_calls.sql' as calls with context %}
{% import '_rollups.sql' as rollups with context %}
WITH slots AS MATERIALIZED (
    {{ rollups.rolled('call_slots', 'slot_ns AS start_ns, service, version, trigger, platform, region, calls, errors,
        cold_starts, cold_known, last_ns', places) }}
    {% call rollups.waiting(places) %}
    {{ rollups.slot() }} AS start_ns, service, version, trigger, platform, region, {{ rollups.number() }},
    {{ rollups.number('status = 2') }}, {{ rollups.number('coldstart') }}, {{ rollups.number('coldstart IS NOT NULL') }},
    max(start_ns)
    {% endcall %}
),
durations AS (
    {{ rollups.rolled('call_durations', 'service, bucket, calls', places) }}
    {% call rollups.waiting(places) %} service, {{ rollups.bucket() }}, {{ rollups.number() }} {% endcall %}
),
instances AS (
    {{ rollups.rolled('call_instances', 'service, instance, calls', places) }}
    {% call rollups.waiting(places) %} service, instance, {{ rollups.number() }} {% endcall %}
),
{{ rollups.quantiles('service') }},
calls AS (SELECT * FROM slots WHERE calls > 0),
totals AS (
    SELECT
        service,
        sum(calls)::BIGINT AS calls,
        sum(errors)::BIGINT AS errors,
        sum(cold_starts)::BIGINT AS cold_starts,
        sum(cold_known)::BIGINT AS cold_known,
        list(DISTINCT version ORDER BY version) FILTER (version <> '') AS versions,
        list(DISTINCT trigger ORDER BY trigger) FILTER (trigger <> '') AS triggers,
        max(last_ns) AS last_seen_ns
    FROM calls GROUP BY service
),
running AS (SELECT service, count(DISTINCT instance) FILTER (instance <> '' AND calls > 0) AS instances FROM instances GROUP BY service),
{% for column in ('platform', 'region') %}
{{ column }}s AS (
    SELECT service, arg_min({{ column }}, (-n, {{ column }})) AS {{ column }}
    FROM (SELECT service, {{ column }}, sum(calls)::BIGINT AS n FROM calls WHERE {{ column }} <> '' GROUP BY ALL)
    GROUP BY service
),
{% endfor %}
buckets AS (
    SELECT service, {{ calls.bucket() }} AS part, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors
    FROM calls GROUP BY ALL
),
sparklines AS (SELECT service, list((part, calls, errors)) AS sparkline FROM buckets GROUP BY service)
SELECT
    service, calls, errors, quantiles, cold_starts, cold_known, coalesce(versions, []), coalesce(instances, 0),
    coalesce(platform, ''), coalesce(region, ''), coalesce(triggers, []), last_seen_ns, sparkline
FROM totals JOIN quantiles USING (service) JOIN sparklines USING (service) LEFT JOIN running USING (service)
    LEFT JOIN platforms USING (service) LEFT JOIN regions USING (service)
ORDER BY calls DESC, service
