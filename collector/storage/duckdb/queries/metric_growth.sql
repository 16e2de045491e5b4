{% set since = "struct_pack(start_ns := start_ns, measured := measured, sum := sum)" %}
WITH {% include '_points.sql' %}, {% include '_growth.sql' %}
{% if statistic == 'avg' %}
SELECT line, part, fsum(sum - coalesce(since.sum, 0)) / nullif(sum(measured::DOUBLE - coalesce(since.measured, 0)::DOUBLE), 0) AS found
FROM grown WHERE sum IS NOT NULL AND isfinite(sum)
{% else %}
SELECT line, part, fsum(measured::DOUBLE - coalesce(since.measured, 0)::DOUBLE) AS found FROM grown
{% endif %}
GROUP BY line, part HAVING found IS NOT NULL ORDER BY line, part
