#include "fields.h"

#define FIELDS(of) static const struct json_field of[]
#define END {0}

static const struct json_message any_value;

FIELDS(key_value_fields) = {
    {"key", 1, OF_TEXT, NULL},
    {"value", 2, OF_MESSAGE, &any_value},
    {"keyStrindex", 3, LEFT_TO_PYTHON, NULL},
    END,
};
static const struct json_message key_value = {key_value_fields, 1, false, false};

FIELDS(array_fields) = {{"values", 1, REPEATED_MESSAGE, &any_value}, END};
static const struct json_message array = {array_fields, 1, true, false};

FIELDS(map_fields) = {{"values", 1, REPEATED_MESSAGE, &key_value}, END};
static const struct json_message map = {map_fields, 1, true, false};

FIELDS(any_value_fields) = {
    {"stringValue", 1, OF_TEXT, NULL},
    {"intValue", 3, OF_INT64, NULL},
    {"boolValue", 2, OF_BOOL, NULL},
    {"doubleValue", 4, OF_DOUBLE, NULL},
    {"arrayValue", 5, OF_MESSAGE, &array},
    {"kvlistValue", 6, OF_MESSAGE, &map},
    {"bytesValue", 7, OF_BASE64, NULL},
    END, /* stringValueStrindex is not known: a choice is left to Python */
};
static const struct json_message any_value = {any_value_fields, 1, false, true};

/* ---------------------------------------------------------------- what signals have in common */

FIELDS(entity_fields) = {
    {"schemaUrl", 1, OF_TEXT, NULL},
    {"type", 2, OF_TEXT, NULL},
    {"idKeys", 3, REPEATED_TEXT, NULL},
    {"descriptionKeys", 4, REPEATED_TEXT, NULL},
    END,
};
static const struct json_message entity = {entity_fields, 1, false, false};

FIELDS(resource_fields) = {
    {"attributes", 1, REPEATED_MESSAGE, &key_value},
    {"droppedAttributesCount", 2, OF_UINT32, NULL},
    {"entityRefs", 3, REPEATED_MESSAGE, &entity},
    END,
};
static const struct json_message resource = {resource_fields, 2, false, false};

FIELDS(scope_fields) = {
    {"name", 1, OF_TEXT, NULL},
    {"version", 2, OF_TEXT, NULL},
    {"attributes", 3, REPEATED_MESSAGE, &key_value},
    {"droppedAttributesCount", 4, OF_UINT32, NULL},
    END,
};
static const struct json_message scope = {scope_fields, 1, false, false};

/* ---------------------------------------------------------------- traces */

FIELDS(status_fields) = {{"code", 3, OF_INT32, NULL}, {"message", 2, OF_TEXT, NULL}, END};
static const struct json_message status = {status_fields, 1, false, false};

FIELDS(event_fields) = {
    {"attributes", 3, REPEATED_MESSAGE, &key_value},
    {"name", 2, OF_TEXT, NULL},
    {"timeUnixNano", 1, OF_FIXED64, NULL},
    {"droppedAttributesCount", 4, OF_UINT32, NULL},
    END,
};
static const struct json_message event = {event_fields, 2, false, false};

FIELDS(link_fields) = {
    {"attributes", 4, REPEATED_MESSAGE, &key_value},
    {"spanId", 2, OF_HEX, NULL},
    {"traceId", 1, OF_HEX, NULL},
    {"traceState", 3, OF_TEXT, NULL},
    {"droppedAttributesCount", 5, OF_UINT32, NULL},
    {"flags", 6, OF_FIXED32, NULL},
    END,
};
static const struct json_message link = {link_fields, 1, false, false};

/* As the exporter of JavaScript orders them. */
FIELDS(span_fields) = {
    {"traceId", 1, OF_HEX, NULL},
    {"spanId", 2, OF_HEX, NULL},
    {"parentSpanId", 4, OF_HEX, NULL},
    {"traceState", 3, OF_TEXT, NULL},
    {"name", 5, OF_TEXT, NULL},
    {"kind", 6, OF_INT32, NULL},
    {"startTimeUnixNano", 7, OF_FIXED64, NULL},
    {"endTimeUnixNano", 8, OF_FIXED64, NULL},
    {"attributes", 9, REPEATED_MESSAGE, &key_value},
    {"droppedAttributesCount", 10, OF_UINT32, NULL},
    {"events", 11, REPEATED_MESSAGE, &event},
    {"droppedEventsCount", 12, OF_UINT32, NULL},
    {"status", 15, OF_MESSAGE, &status},
    {"links", 13, REPEATED_MESSAGE, &link},
    {"droppedLinksCount", 14, OF_UINT32, NULL},
    {"flags", 16, OF_FIXED32, NULL},
    END,
};
static const struct json_message span = {span_fields, 2, false, false};

FIELDS(scope_spans_fields) = {
    {"scope", 1, OF_MESSAGE, &scope},
    {"spans", 2, REPEATED_MESSAGE, &span},
    {"schemaUrl", 3, OF_TEXT, NULL},
    END,
};
static const struct json_message scope_spans = {scope_spans_fields, 3, false, false};

FIELDS(resource_spans_fields) = {
    {"resource", 1, OF_MESSAGE, &resource},
    {"scopeSpans", 2, REPEATED_MESSAGE, &scope_spans},
    {"schemaUrl", 3, OF_TEXT, NULL},
    END,
};
static const struct json_message resource_spans = {resource_spans_fields, 3, false, false};

FIELDS(traces_fields) = {{"resourceSpans", 1, REPEATED_MESSAGE, &resource_spans}, END};
const struct json_message json_traces = {traces_fields, 0, false, false};

/* ---------------------------------------------------------------- logs */

FIELDS(record_fields) = {
    {"timeUnixNano", 1, OF_FIXED64, NULL},
    {"observedTimeUnixNano", 11, OF_FIXED64, NULL},
    {"severityNumber", 2, OF_INT32, NULL},
    {"severityText", 3, OF_TEXT, NULL},
    {"body", 5, OF_MESSAGE, &any_value},
    {"eventName", 12, OF_TEXT, NULL},
    {"attributes", 6, REPEATED_MESSAGE, &key_value},
    {"droppedAttributesCount", 7, OF_UINT32, NULL},
    {"flags", 8, OF_FIXED32, NULL},
    {"traceId", 9, OF_HEX, NULL},
    {"spanId", 10, OF_HEX, NULL},
    END,
};
static const struct json_message record = {record_fields, 2, false, false};

FIELDS(scope_logs_fields) = {
    {"scope", 1, OF_MESSAGE, &scope},
    {"logRecords", 2, REPEATED_MESSAGE, &record},
    {"schemaUrl", 3, OF_TEXT, NULL},
    END,
};
static const struct json_message scope_logs = {scope_logs_fields, 3, false, false};

FIELDS(resource_logs_fields) = {
    {"resource", 1, OF_MESSAGE, &resource},
    {"scopeLogs", 2, REPEATED_MESSAGE, &scope_logs},
    {"schemaUrl", 3, OF_TEXT, NULL},
    END,
};
static const struct json_message resource_logs = {resource_logs_fields, 3, false, false};

FIELDS(logs_fields) = {{"resourceLogs", 1, REPEATED_MESSAGE, &resource_logs}, END};
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

static inline bool is_called(const struct json_field *f, struct slice name) {
    return !strncmp(f->name, (const char *)name.data, name.length) && !f->name[name.length];
}

const struct json_field *field_named(const struct json_message *m, const struct json_field *expected,
                                     struct slice name) {
    for (const struct json_field *f = expected; f->name; f++)
        if (is_called(f, name)) return f;
    for (const struct json_field *f = m->fields; f != expected; f++)
        if (is_called(f, name)) return f;
    return NULL;
}
