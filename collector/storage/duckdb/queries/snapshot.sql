COPY (
{% if time %}
    SELECT {{ columns | join(", ") }} FROM {{ within(table) }} AS {{ table }}
    WHERE {{ time }} >= {{ start_ns }} AND {{ time }} < {{ end_ns }} {% if condition %} AND ({{ condition }}) {% endif %}

{% else %}
    {# What rows refer to stands once in each part. #}
    SELECT {{ key }}{% for column in columns if column != key %}, any_value({{ column }}) AS {{ column }}{% endfor %}

    FROM ({% for other in referring %}FROM {{ beside(table, other) }}{{ " UNION ALL BY NAME " if not loop.last }}{% endfor %})
    GROUP BY {{ key }}
{% endif %}
) TO '{{ path }}' (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {{ group }})
