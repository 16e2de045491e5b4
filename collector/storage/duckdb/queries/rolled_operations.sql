-- The operations of these rows that a rollup names: enough for any sender that names them well.
SELECT name FROM {{ part }}.spans WHERE rowid >= $since AND rowid < $until AND kind IN (2, 5)
GROUP BY name ORDER BY count(*) DESC, name LIMIT $most
