-- The calls of [$pair_start_ns, $pair_end_ns) as they are kept (edgecalls.py), with the names of their ends.
WITH {% include '_resolved.sql' %}
SELECT * FROM resolved
