-- What is summed up of a window, without the stretches that are worked out from spans, and without what may have a
-- caller yet at its end: of all slots together, or `by_slot` of one edge. A row holds all buckets of a histogram,
-- because a row a bucket takes longer to hand over than to sum up.
{% set ends = 'source_kind, source, target_kind, target, side' %}
WITH buckets AS (
    SELECT
        {% if by_slot %} slot_ns {% else %} NULL {% endif %} AS slot, {{ ends }}, bucket,
        sum(calls)::BIGINT AS calls, sum(errors) AS errors, sum(refused) AS refused, sum(total_ns) AS total_ns
    FROM edge_sums.sums
    WHERE slot_ns >= $pair_start_ns AND slot_ns < $pair_end_ns AND NOT (is_unsettled AND slot_ns = $last_ns)
        {% for n in stretches %} AND NOT (slot_ns >= $from_{{ n }} AND slot_ns < $to_{{ n }}) {% endfor %}
        {% if by_slot %}
        AND source_kind = $source_kind AND source = $source AND target_kind = $target_kind AND target = $target
        {% elif q.service %}
        AND ((source_kind = 'function' AND source = $service) OR (target_kind = 'function' AND target = $service))
        {% endif %}
    GROUP BY ALL
)
SELECT
    slot, {{ ends }}, list(bucket), list(calls), sum(errors)::BIGINT, sum(refused)::BIGINT, sum(total_ns)::HUGEINT
FROM buckets GROUP BY ALL
