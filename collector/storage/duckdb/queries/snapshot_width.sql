-- Bytes of text a row, of a sample.
SELECT {% for column in texts %}coalesce(avg(strlen({{ column }})), 0){{ " + " if not loop.last }}{% endfor %}

FROM (
    SELECT {{ texts | join(", ") }} FROM {{ within(table) }} AS {{ table }}
    WHERE {{ time }} >= $start_ns AND {{ time }} < $end_ns {% if condition %} AND ({{ condition }}) {% endif %}

    LIMIT 5000
)
