-- Versions before kept a scope's name only, and of a resource neither what was dropped nor its entities.
CREATE TABLE scopes (
    scope_id UBIGINT NOT NULL,
    name VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    schema_url VARCHAR NOT NULL,
    dropped_attributes_count UINTEGER NOT NULL
);

ALTER TABLE spans ADD COLUMN scope_id UBIGINT DEFAULT 0;
ALTER TABLE spans ALTER COLUMN scope_id SET NOT NULL;
ALTER TABLE spans ALTER COLUMN scope_id DROP DEFAULT;

ALTER TABLE resources ADD COLUMN dropped_attributes_count UINTEGER DEFAULT 0;
ALTER TABLE resources ALTER COLUMN dropped_attributes_count SET NOT NULL;
ALTER TABLE resources ALTER COLUMN dropped_attributes_count DROP DEFAULT;
ALTER TABLE resources ADD COLUMN entity_refs VARCHAR DEFAULT '';
ALTER TABLE resources ALTER COLUMN entity_refs SET NOT NULL;
ALTER TABLE resources ALTER COLUMN entity_refs DROP DEFAULT;
