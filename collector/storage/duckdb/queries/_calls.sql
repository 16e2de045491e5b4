{#- Calls of the window: SERVER and CONSUMER spans, of $service, $instance, $trigger, $operation where given. -#}
{% macro in_window() -%}
start_ns >= $start_ns AND start_ns < $end_ns AND kind IN (2, 5) {%- if q.service %} AND service = $service {%- endif %}
{%- for column in ('instance', 'trigger') if q[column] %} AND {{ column }} = ${{ column }} {%- endfor %}
{%- if q.operation %} AND name = $operation {%- endif %}
{%- endmacro %}
{% macro bucket() -%} {{ part_of('start_ns') }} {%- endmacro %}
