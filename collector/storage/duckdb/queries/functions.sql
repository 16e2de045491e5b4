{% import '_calls.sql' as calls with context %}
WITH calls AS (
    SELECT service, start_ns, duration_ns, status, coldstart, version, instance, platform, region, trigger
    FROM {{ counted('spans') }} WHERE {{ calls.in_window() }}
),
totals AS (
    SELECT
        service,
        count(*) AS calls,
        count(*) FILTER (status = 2) AS errors,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS quantiles,
        count(*) FILTER (coldstart) AS cold_starts,
        count(coldstart) AS cold_known,
        list(DISTINCT version ORDER BY version) FILTER (version <> '') AS versions,
        count(DISTINCT instance) FILTER (instance <> '') AS instances,
        list(DISTINCT trigger ORDER BY trigger) FILTER (trigger <> '') AS triggers,
        max(start_ns) AS last_seen_ns
    FROM calls GROUP BY service
),
{% for column in ('platform', 'region') %}
{{ column }}s AS (
    SELECT service, arg_min({{ column }}, (-n, {{ column }})) AS {{ column }}
    FROM (SELECT service, {{ column }}, count(*) AS n FROM calls WHERE {{ column }} <> '' GROUP BY ALL)
    GROUP BY service
),
{% endfor %}
buckets AS (
    SELECT service, {{ calls.bucket() }} AS part, count(*) AS calls, count(*) FILTER (status = 2) AS errors
    FROM calls GROUP BY ALL
),
sparklines AS (SELECT service, list((part, calls, errors)) AS sparkline FROM buckets GROUP BY service)
SELECT
    service, calls, errors, quantiles, cold_starts, cold_known, coalesce(versions, []), instances,
    coalesce(platform, ''), coalesce(region, ''), coalesce(triggers, []), last_seen_ns, sparkline
FROM totals JOIN sparklines USING (service) LEFT JOIN platforms USING (service) LEFT JOIN regions USING (service)
ORDER BY calls DESC, service
