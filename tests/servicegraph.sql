-- The rules of collector.storage.base.EdgesQuery one by one, by brute force: each row is one call along an edge.
-- For SQLite, over tables span and link of tests/servicegraph.py; nothing is shared with the engines.
WITH near AS (
    SELECT *, start + duration AS ended FROM span WHERE start >= :near_start AND start < :near_end
),
received AS (  -- what rules 1, 2 and 6 are about
    SELECT * FROM near WHERE kind = 'server' OR (kind = 'consumer' AND destination = '')
)
-- 1 and 6
SELECT
    'function:' || p.service AS source, 'function:' || s.service AS target, p.failed OR s.failed AS failed,
    p.kind IN ('client', 'producer') AND p.refused AS refused, p.start AS at, p.duration AS client, s.duration AS server, NULL AS trace, NULL AS id
FROM received s, near p
WHERE p.trace = s.trace AND p.id = s.parent AND abs(p.start - s.start) <= :slack
    AND (p.kind IN ('client', 'producer') OR p.service <> s.service)
    AND p.start >= :start AND p.start < :end
UNION ALL
-- 2 and 6
SELECT
    CASE
        WHEN s.came_by = 'timer' THEN 'trigger:timer'
        WHEN s.came_by = 'datasource' AND s.bucket <> '' THEN 'bucket:' || s.bucket
        WHEN s.came_by = 'pubsub' AND s.destination <> '' THEN 'queue:' || s.destination
        WHEN s.came_by IN ('datasource', 'pubsub') THEN 'trigger:' || s.came_by
        ELSE 'user:user'
    END,
    'function:' || s.service, s.failed, false, s.start, NULL, s.duration, NULL, NULL
FROM received s
WHERE NOT EXISTS (
        SELECT 1 FROM near p WHERE p.trace = s.trace AND p.id = s.parent AND abs(p.start - s.start) <= :slack
    )
    AND (s.parent = 0 OR s.start < :settled)
    AND s.start >= :start AND s.start < :end
UNION ALL
-- 3
SELECT 'function:' || s.service, s.peer_kind || ':' || s.peer, s.failed, s.refused, s.start, s.duration, NULL, NULL, NULL
FROM near s
WHERE s.kind IN ('client', 'producer') AND s.peer_kind NOT IN ('', 'queue')
    AND NOT (s.kind = 'producer' AND s.destination <> '')
    AND NOT EXISTS (
        SELECT 1 FROM near c
        WHERE c.trace = s.trace AND c.parent = s.id AND c.kind IN ('server', 'consumer')
            AND abs(c.start - s.start) <= :slack
    )
    AND s.start >= :start AND s.start < :end
UNION ALL
-- 4
SELECT 'function:' || s.service, 'queue:' || s.destination, s.failed, s.refused, s.start, s.duration, NULL, NULL, NULL
FROM near s
WHERE (s.kind = 'producer' OR (s.kind = 'client' AND s.peer_kind = 'queue')) AND s.destination <> ''
    AND s.start >= :start AND s.start < :end
UNION ALL
-- 5
SELECT 'queue:' || s.destination, 'function:' || s.service, s.failed, false, s.start, NULL, s.duration, s.trace, s.id
FROM near s
WHERE s.kind = 'consumer' AND s.destination <> '' AND s.start >= :start AND s.start < :end
