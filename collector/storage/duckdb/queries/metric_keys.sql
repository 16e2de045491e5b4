WITH {% include '_points.sql' %}
SELECT DISTINCT unnest(json_keys(attributes)) AS key
FROM (SELECT DISTINCT attributes FROM points WHERE attributes <> '') ORDER BY key
