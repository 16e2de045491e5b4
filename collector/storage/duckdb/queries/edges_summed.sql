-- What is summed up of a window, without the stretches that are worked out from spans, and without what may have a
-- caller yet at its end: of all slots together, or `by_slot` of one edge.
SELECT
    {% if by_slot %} slot_ns {% else %} NULL {% endif %} AS slot,
    source_kind, source, target_kind, target, side, bucket,
    sum(calls)::BIGINT, sum(errors)::BIGINT, sum(refused)::BIGINT, sum(total_ns)
FROM edge_sums.sums
WHERE slot_ns >= $pair_start_ns AND slot_ns < $pair_end_ns AND NOT (is_unsettled AND slot_ns = $last_ns)
    {% for n in stretches %} AND NOT (slot_ns >= $from_{{ n }} AND slot_ns < $to_{{ n }}) {% endfor %}
    {% if by_slot %}
    AND source_kind = $source_kind AND source = $source AND target_kind = $target_kind AND target = $target
    {% elif q.service %}
    AND ((source_kind = 'function' AND source = $service) OR (target_kind = 'function' AND target = $service))
    {% endif %}
GROUP BY ALL
