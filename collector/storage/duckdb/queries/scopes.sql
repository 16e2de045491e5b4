SELECT DISTINCT scope_id, name, version, attributes, schema_url, dropped_attributes_count
FROM {{ everywhere('scopes') }} WHERE scope_id IN (SELECT unnest($ids::UBIGINT[]))
