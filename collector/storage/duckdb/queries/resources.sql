SELECT DISTINCT resource_id, service, attributes, schema_url, dropped_attributes_count, entity_refs
FROM {{ everywhere('resources') }} WHERE resource_id IN (SELECT unnest($ids::UBIGINT[]))
