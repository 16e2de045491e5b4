#include "fields.h"

#define FIELDS(of) static const struct json_field of[]
#define MESSAGE(name, number, kind, message) {name, sizeof name - 1, number, kind, message}
#define FIELD(name, number, kind) MESSAGE(name, number, kind, NULL)
#define END {0}

static const struct json_message any_value;

FIELDS(key_value_fields) = {
    FIELD("key", 1, OF_TEXT),
    MESSAGE("value", 2, OF_MESSAGE, &any_value),
    FIELD("keyStrindex", 3, LEFT_TO_PYTHON),
    END,
};
static const struct json_message key_value = {key_value_fields, 1, false, false};

FIELDS(array_fields) = {MESSAGE("values", 1, REPEATED_MESSAGE, &any_value), END};
static const struct json_message array = {array_fields, 1, true, false};

FIELDS(map_fields) = {MESSAGE("values", 1, REPEATED_MESSAGE, &key_value), END};
static const struct json_message map = {map_fields, 1, true, false};

FIELDS(any_value_fields) = {
    FIELD("stringValue", 1, OF_TEXT),
    FIELD("intValue", 3, OF_INT64),
    FIELD("boolValue", 2, OF_BOOL),
    FIELD("doubleValue", 4, OF_DOUBLE),
    MESSAGE("arrayValue", 5, OF_MESSAGE, &array),
    MESSAGE("kvlistValue", 6, OF_MESSAGE, &map),
    FIELD("bytesValue", 7, OF_BASE64),
    END, /* stringValueStrindex is not known: a choice is left to Python */
};
static const struct json_message any_value = {any_value_fields, 1, false, true};

/* ---------------------------------------------------------------- what signals have in common */

FIELDS(entity_fields) = {
    FIELD("schemaUrl", 1, OF_TEXT),
    FIELD("type", 2, OF_TEXT),
    FIELD("idKeys", 3, REPEATED_TEXT),
    FIELD("descriptionKeys", 4, REPEATED_TEXT),
    END,
};
static const struct json_message entity = {entity_fields, 1, false, false};

FIELDS(resource_fields) = {
    MESSAGE("attributes", 1, REPEATED_MESSAGE, &key_value),
    FIELD("droppedAttributesCount", 2, OF_UINT32),
    MESSAGE("entityRefs", 3, REPEATED_MESSAGE, &entity),
    END,
};
static const struct json_message resource = {resource_fields, 2, false, false};

FIELDS(scope_fields) = {
    FIELD("name", 1, OF_TEXT),
    FIELD("version", 2, OF_TEXT),
    MESSAGE("attributes", 3, REPEATED_MESSAGE, &key_value),
    FIELD("droppedAttributesCount", 4, OF_UINT32),
    END,
};
static const struct json_message scope = {scope_fields, 1, false, false};

/* ---------------------------------------------------------------- traces */

FIELDS(status_fields) = {FIELD("code", 3, OF_INT32), FIELD("message", 2, OF_TEXT), END};
static const struct json_message status = {status_fields, 1, false, false};

FIELDS(event_fields) = {
    MESSAGE("attributes", 3, REPEATED_MESSAGE, &key_value),
    FIELD("name", 2, OF_TEXT),
    FIELD("timeUnixNano", 1, OF_FIXED64),
    FIELD("droppedAttributesCount", 4, OF_UINT32),
    END,
};
static const struct json_message event = {event_fields, 2, false, false};

FIELDS(link_fields) = {
    MESSAGE("attributes", 4, REPEATED_MESSAGE, &key_value),
    FIELD("spanId", 2, OF_HEX),
    FIELD("traceId", 1, OF_HEX),
    FIELD("traceState", 3, OF_TEXT),
    FIELD("droppedAttributesCount", 5, OF_UINT32),
    FIELD("flags", 6, OF_FIXED32),
    END,
};
static const struct json_message link = {link_fields, 1, false, false};

/* As the exporter of JavaScript orders them. */
FIELDS(span_fields) = {
    FIELD("traceId", 1, OF_HEX),
    FIELD("spanId", 2, OF_HEX),
    FIELD("parentSpanId", 4, OF_HEX),
    FIELD("traceState", 3, OF_TEXT),
    FIELD("name", 5, OF_TEXT),
    FIELD("kind", 6, OF_INT32),
    FIELD("startTimeUnixNano", 7, OF_FIXED64),
    FIELD("endTimeUnixNano", 8, OF_FIXED64),
    MESSAGE("attributes", 9, REPEATED_MESSAGE, &key_value),
    FIELD("droppedAttributesCount", 10, OF_UINT32),
    MESSAGE("events", 11, REPEATED_MESSAGE, &event),
    FIELD("droppedEventsCount", 12, OF_UINT32),
    MESSAGE("status", 15, OF_MESSAGE, &status),
    MESSAGE("links", 13, REPEATED_MESSAGE, &link),
    FIELD("droppedLinksCount", 14, OF_UINT32),
    FIELD("flags", 16, OF_FIXED32),
    END,
};
static const struct json_message span = {span_fields, 2, false, false};

FIELDS(scope_spans_fields) = {
    MESSAGE("scope", 1, OF_MESSAGE, &scope),
    MESSAGE("spans", 2, REPEATED_MESSAGE, &span),
    FIELD("schemaUrl", 3, OF_TEXT),
    END,
};
static const struct json_message scope_spans = {scope_spans_fields, 3, false, false};

FIELDS(resource_spans_fields) = {
    MESSAGE("resource", 1, OF_MESSAGE, &resource),
    MESSAGE("scopeSpans", 2, REPEATED_MESSAGE, &scope_spans),
    FIELD("schemaUrl", 3, OF_TEXT),
    END,
};
static const struct json_message resource_spans = {resource_spans_fields, 3, false, false};

FIELDS(traces_fields) = {MESSAGE("resourceSpans", 1, REPEATED_MESSAGE, &resource_spans), END};
const struct json_message json_traces = {traces_fields, 0, false, false};

/* ---------------------------------------------------------------- logs */

FIELDS(record_fields) = {
    FIELD("timeUnixNano", 1, OF_FIXED64),
    FIELD("observedTimeUnixNano", 11, OF_FIXED64),
    FIELD("severityNumber", 2, OF_INT32),
    FIELD("severityText", 3, OF_TEXT),
    MESSAGE("body", 5, OF_MESSAGE, &any_value),
    FIELD("eventName", 12, OF_TEXT),
    MESSAGE("attributes", 6, REPEATED_MESSAGE, &key_value),
    FIELD("droppedAttributesCount", 7, OF_UINT32),
    FIELD("flags", 8, OF_FIXED32),
    FIELD("traceId", 9, OF_HEX),
    FIELD("spanId", 10, OF_HEX),
    END,
};
static const struct json_message record = {record_fields, 2, false, false};

FIELDS(scope_logs_fields) = {
    MESSAGE("scope", 1, OF_MESSAGE, &scope),
    MESSAGE("logRecords", 2, REPEATED_MESSAGE, &record),
    FIELD("schemaUrl", 3, OF_TEXT),
    END,
};
static const struct json_message scope_logs = {scope_logs_fields, 3, false, false};

FIELDS(resource_logs_fields) = {
    MESSAGE("resource", 1, OF_MESSAGE, &resource),
    MESSAGE("scopeLogs", 2, REPEATED_MESSAGE, &scope_logs),
    FIELD("schemaUrl", 3, OF_TEXT),
    END,
};
static const struct json_message resource_logs = {resource_logs_fields, 3, false, false};

FIELDS(logs_fields) = {MESSAGE("resourceLogs", 1, REPEATED_MESSAGE, &resource_logs), END};
const struct json_message json_logs = {logs_fields, 0, false, false};

/* ---------------------------------------------------------------- */

enum wire_type field_wire_type(enum field_kind kind) {
    switch (kind) {
    case OF_BOOL:
    case OF_INT32:
    case OF_INT64:
    case OF_UINT32: return VARINT;
    case OF_DOUBLE:
    case OF_FIXED64: return FIXED64;
    case OF_FIXED32: return FIXED32;
    default: return BYTES;
    }
}

const struct json_field *field_named(const struct json_message *m, struct slice name) {
    for (const struct json_field *f = m->fields; f->name; f++)
        if (f->length == name.length && !memcmp(f->name, name.data, name.length)) return f;
    return NULL;
}
