/* OTLP spans in protobuf to the columns of collector.model.SPAN_COLUMNS: the same rows, from the same bytes, as
 * collector/decode/otlp_protobuf.py gives. */
#ifndef TRACEKIT_SPANS_H
#define TRACEKIT_SPANS_H

#include "attributes.h"
#include "sqltext.h"
#include "table.h"
#include "wire.h"

/* The same bounds as collector/decode/builder.py. */
#define MAX_SPANS 200000
#define MAX_GROUPS 50000
#define MAX_ITEMS 2000000
#define MAX_FIELDS 100000 /* of one span: FIELDS of otlp_protobuf.py */
#define EARLIEST_NS INT64_C(946684800000000000)
#define LATEST_AHEAD_NS INT64_C(86400000000000)

#define SPAN_COLUMNS(X) \
    X(TRACE_ID, "trace_id", HEX128) \
    X(SPAN_ID, "span_id", U64) \
    X(PARENT_SPAN_ID, "parent_span_id", U64) \
    X(START_NS, "start_ns", I64) \
    X(DURATION_NS, "duration_ns", I64) \
    X(KIND, "kind", U8) \
    X(STATUS, "status", U8) \
    X(STATUS_MESSAGE, "status_message", TEXT) \
    X(SERVICE, "service", TEXT) \
    X(NAME, "name", TEXT) \
    X(SCOPE, "scope", TEXT) \
    X(RESOURCE_ID, "resource_id", U64) \
    X(TRACE_STATE, "trace_state", TEXT) \
    X(FLAGS, "flags", U32) \
    X(DROPPED_ATTRIBUTES, "dropped_attributes_count", U32) \
    X(DROPPED_EVENTS, "dropped_events_count", U32) \
    X(DROPPED_LINKS, "dropped_links_count", U32) \
    X(RECEIVED_NS, "received_ns", I64) \
    X(VERSION, "version", TEXT) \
    X(INSTANCE, "instance", TEXT) \
    X(PLATFORM, "platform", TEXT) \
    X(REGION, "region", TEXT) \
    X(TRIGGER, "trigger", TEXT) \
    X(COLDSTART, "coldstart", BOOL) \
    X(PHASE, "phase", TEXT) \
    X(INVOCATION_ID, "invocation_id", TEXT) \
    X(METHOD, "http_method", TEXT) \
    X(ROUTE, "http_route", TEXT) \
    X(HTTP_STATUS, "http_status", I32) \
    X(SYSTEM, "db_system", TEXT) \
    X(STATEMENT, "db_statement", TEXT) \
    X(MESSAGING, "messaging_system", TEXT) \
    X(DESTINATION, "messaging_destination", TEXT) \
    X(BUCKET, "bucket", TEXT) \
    X(ERROR, "error_type", TEXT) \
    X(PEER_KIND, "peer_kind", TEXT) \
    X(PEER, "peer", TEXT) \
    X(ATTRIBUTES, "attributes", TEXT) \
    X(EVENTS, "events", TEXT) \
    X(LINKS, "links", TEXT) \
    X(SCOPE_ID, "scope_id", U64)

enum span_column {
#define X(id, name, type) COLUMN_##id,
    SPAN_COLUMNS(X)
#undef X
    SPAN_WIDTH
};
extern const struct column_spec span_specs[SPAN_WIDTH];

/* Of a span that breaks OTLP's rules; the words are the caller's (REASONS in otlp_protobuf_c.py). */
enum reason {
    UNREADABLE,
    TRACE_ID_LENGTH,
    SPAN_ID_LENGTH,
    PARENT_ID_LENGTH,
    SPAN_ID_ZERO,
    TRACE_ID_ZERO,
    REASONS,
};

/* Why a request is refused as a whole. */
enum refusal { FINE, UNDECODABLE, TOO_MANY_GROUPS, TOO_MANY_SPANS, TOO_MANY_ITEMS, TOO_MANY_FIELDS };

/* What the columns of a resource's spans say. */
struct resource_columns {
    uint64_t id;
    struct slice service, version, instance, platform, region;
};

/* One ScopeSpans, or ResourceSpans: where it was found, and what the caller made of it. */
struct scope_group {
    struct slice schema_url, scope;
    size_t resource;             /* index of its resource_group */
    size_t first_span, end_span; /* in `spans` */
    uint64_t scope_id;
    struct slice label;
    bool used;
};

struct resource_group {
    struct slice schema_url, resource;
    size_t end_scope; /* its scopes end there, and begin where the one's before end */
    struct resource_columns columns;
    bool used;
};

/* A span's link to another: `row` is the span's. */
struct span_link {
    uint32_t row;
    uint8_t trace_id[16];
    uint64_t span_id;
};

/* Everything one request needs while it is decoded. */
struct request {
    struct buffer resources, scopes, spans; /* of struct resource_group, scope_group, slice */
    int64_t received_ns;
    size_t items;
    uint32_t rejected[REASONS];
    enum reason order[REASONS]; /* in which they first came */
    int reasons;
    struct table *table;
    struct buffer links;     /* of struct span_link */
    struct buffer snapshots; /* of uint32_t: rows with UNFINISHED */
    /* scratch */
    struct messages attributes, events, links_sent, inner;
    struct attribute_writer writer;
    struct wanted wanted, event_wanted;
    struct buffer exception_type;
    struct sql_writer sql;
    /* Normalises a statement that is not ASCII; appends it to `out`. False to give up (an error is set). */
    bool (*normalise)(void *with, struct slice text, struct slice system, struct buffer *out);
    void *with;
    jmp_buf *way_out;
};

/* Sets where to go when memory runs out or `normalise` gives up. */
void request_prepare(struct request *r, jmp_buf *way_out);
void request_free(struct request *r);

/* Finds resources, scopes and spans, and refuses too many of them while they are cheap. */
enum refusal request_find(struct request *r, struct slice body);
/* Reads the spans into `table`; the columns of resources and scopes are filled by now. */
enum refusal request_read(struct request *r);

/* Fills the columns read from the wanted attributes (promote.py). */
void promote(struct request *r, int32_t kind);

#endif
