{% for name, condition in asked.origins.items() %}
{{ name }} AS MATERIALIZED (SELECT resource_id FROM {{ everywhere('resources') }} WHERE {{ condition }}),
{% endfor %}
