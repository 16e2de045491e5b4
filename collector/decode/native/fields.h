/* The fields of OTLP's messages as JSON calls them: what opentelemetry-proto's descriptors say, of traces and logs. */
#ifndef TRACEKIT_FIELDS_H
#define TRACEKIT_FIELDS_H

#include "buffer.h"
#include "wire.h"

enum field_kind {
    OF_TEXT,     /* string */
    OF_HEX,      /* bytes of an id */
    OF_BASE64,   /* other bytes */
    OF_BOOL,
    OF_DOUBLE,
    OF_INT32,    /* enums too */
    OF_INT64,
    OF_UINT32,
    OF_FIXED32,
    OF_FIXED64,
    OF_MESSAGE,
    REPEATED_TEXT,
    REPEATED_MESSAGE,
    LEFT_TO_PYTHON, /* too new to have a meaning here */
};

struct json_field {
    const char *name;
    size_t length; /* of the name */
    uint32_t number;
    enum field_kind kind;
    const struct json_message *message; /* of the kinds that are messages */
};

struct json_message {
    const struct json_field *fields; /* in the order in which exporters write them; the last, at most the 32nd, has no name */
    int length_bytes;                /* that the length of such a message usually has */
    bool is_nesting;                 /* its items count as values inside a value */
    bool is_choice;                  /* of its fields one is meant: a name that is not known might be it */
};

extern const struct json_message json_traces, json_logs;

enum wire_type field_wire_type(enum field_kind kind);

/* The field of that name, NULL if there is none. */
const struct json_field *field_named(const struct json_message *m, struct slice name);

#endif
