/* Columns read from attributes: the rules of collector/decode/promote.py, in the same order. */
#include "attributes.h"
#include "spans.h"
#include "text.h"

#define NO_BOOL (-1)
#define NO_INT32 INT32_MIN
enum { CLIENT = 3, PRODUCER = 4 };

/* The first of the keys that says something; new names of the conventions stand before old ones. */
static struct slice first_of(const struct wanted *w, const enum wanted_key *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (w->of[keys[i]].length) return wanted_text(w, keys[i]);
    return (struct slice){0};
}
#define FIRST(w, ...) \
    first_of((w), (const enum wanted_key[]){__VA_ARGS__}, \
             sizeof((const enum wanted_key[]){__VA_ARGS__}) / sizeof(enum wanted_key))

static bool is(struct slice text, const char *other) {
    return text.length == strlen(other) && !memcmp(text.data, other, text.length);
}

static size_t find(struct slice text, const char *stops) {
    size_t i = 0;
    while (i < text.length && !(text.data[i] < 0x80 && text.data[i] && strchr(stops, text.data[i]))) i++;
    return i;
}

static int32_t http_status(struct slice digits) {
    int32_t status = 0;
    if (!digits.length || digits.length >= 10) return NO_INT32;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') return NO_INT32;
        status = status * 10 + (digits.data[i] - '0');
    }
    return status;
}

static struct slice path_of(const struct wanted *w) {
    struct slice route = FIRST(w, HTTP_ROUTE);
    if (route.length) return route;
    struct slice path = FIRST(w, URL_PATH, HTTP_TARGET);
    path.length = find(path, "?");
    return path;
}

/* host[:port] of a URL, without any user name or password; nothing if it has none. */
static struct slice url_host(struct slice url) {
    struct slice none = {0};
    size_t colon = 0, stop = find(url, "/?#");
    while (colon + 3 <= url.length && memcmp(url.data + colon, "://", 3)) colon++;
    if (colon + 3 > url.length || stop <= colon) return none;
    struct slice host = {url.data + colon + 3, url.length - colon - 3};
    host.length = find(host, "/?#");
    for (size_t i = host.length; i > 0; i--) {
        if (host.data[i - 1] != '@') continue;
        host = (struct slice){host.data + i, host.length - i};
        break;
    }
    return (find(host, "[") < host.length) == (find(host, "]") < host.length) ? host : none;
}

static void put_address(struct request *r, struct slice host) {
    struct slice port = FIRST(&r->wanted, SERVER_PORT, NET_PEER_PORT);
    put_text(r->table, COLUMN_PEER, host);
    if (!port.length) return;
    buffer_byte(text_column(r->table, COLUMN_PEER), ':');
    put_text(r->table, COLUMN_PEER, port);
}

static void put_database(struct request *r, struct slice system, struct slice where) {
    struct buffer *peer = text_column(r->table, COLUMN_PEER);
    if (system.length) put_text(r->table, COLUMN_PEER, system);
    else buffer_literal(peer, "database");
    if (!where.length) return;
    buffer_literal(peer, ": ");
    put_text(r->table, COLUMN_PEER, where);
}

/* peer_kind and peer of a CLIENT or PRODUCER span, by the order of the service graph. */
static void put_peer(struct request *r, int32_t kind) {
    const struct wanted *w = &r->wanted;
    struct buffer *peer_kind = text_column(r->table, COLUMN_PEER_KIND);
    if (kind != CLIENT && kind != PRODUCER) return;
    struct slice name = FIRST(w, SERVICE_PEER_NAME, PEER_SERVICE);
    struct slice system = FIRST(w, DB_SYSTEM_NAME, DB_SYSTEM), namespace = FIRST(w, DB_NAMESPACE, DB_NAME);
    struct slice server = FIRST(w, SERVER_ADDRESS, NET_PEER_NAME, NET_PEER_IP, NET_SOCK_PEER_ADDR);
    if (system.length || namespace.length || FIRST(w, DB_QUERY_TEXT, DB_STATEMENT).length) {
        buffer_literal(peer_kind, "database");
        if (name.length) put_text(r->table, COLUMN_PEER, name);
        else put_database(r, system, namespace.length ? namespace : server);
        return;
    }
    struct slice found = FIRST(w, AWS_S3_BUCKET, OSS_BUCKET_NAME);
    if (found.length) {
        buffer_literal(peer_kind, "bucket");
        put_text(r->table, COLUMN_PEER, found);
        return;
    }
    found = FIRST(w, MESSAGING_DESTINATION_NAME, MESSAGING_DESTINATION);
    if (found.length) {
        struct slice operation = FIRST(w, MESSAGING_OPERATION_TYPE, MESSAGING_OPERATION);
        bool receives = is(operation, "receive") || is(operation, "settle") || is(operation, "process") ||
                        is(operation, "deliver");
        /* A CLIENT span that receives from a broker is no call to it: the CONSUMER span is the edge. */
        if (kind == CLIENT && receives) return;
        buffer_literal(peer_kind, "queue");
        put_text(r->table, COLUMN_PEER, found);
        return;
    }
    found = FIRST(w, FAAS_INVOKED_NAME);
    if (found.length) {
        buffer_literal(peer_kind, "function");
        put_text(r->table, COLUMN_PEER, found);
        return;
    }
    struct slice remote = name.length ? name : server;
    if (!remote.length) remote = url_host(FIRST(w, URL_FULL, HTTP_URL));
    if (!remote.length) remote = FIRST(w, RPC_SERVICE);
    if (!remote.length) return;
    buffer_literal(peer_kind, "external");
    if (!name.length && server.length) put_address(r, server);
    else put_text(r->table, COLUMN_PEER, remote);
}

static void put_statement(struct request *r, struct slice query, struct slice system) {
    struct buffer *out = text_column(r->table, COLUMN_STATEMENT);
    if (!query.length) return;
    if (is_ascii(query) && is_ascii(system)) sql_normalise(&r->sql, query, system, out);
    else if (!r->normalise(r->with, query, system, out)) longjmp(*r->way_out, GAVE_UP);
}

void promote(struct request *r, int32_t kind) {
    const struct wanted *w = &r->wanted;
    struct table *t = r->table;
    struct slice coldstart = FIRST(w, FAAS_COLDSTART), error = FIRST(w, ERROR_TYPE);
    struct slice system = FIRST(w, DB_SYSTEM_NAME, DB_SYSTEM);
    put_text(t, COLUMN_TRIGGER, FIRST(w, FAAS_TRIGGER));
    put_u8(t, COLUMN_COLDSTART, (uint8_t)(is(coldstart, "true") ? 1 : is(coldstart, "false") ? 0 : NO_BOOL));
    put_text(t, COLUMN_PHASE, FIRST(w, TRACEKIT_PHASE));
    put_text(t, COLUMN_INVOCATION_ID, FIRST(w, FAAS_INVOCATION_ID, FAAS_EXECUTION));
    put_text(t, COLUMN_METHOD, FIRST(w, HTTP_REQUEST_METHOD, HTTP_METHOD));
    put_text(t, COLUMN_ROUTE, path_of(w));
    put_i32(t, COLUMN_HTTP_STATUS, http_status(FIRST(w, HTTP_RESPONSE_STATUS_CODE, HTTP_STATUS_CODE)));
    put_text(t, COLUMN_SYSTEM, system);
    put_statement(r, FIRST(w, DB_QUERY_TEXT, DB_STATEMENT), system);
    put_text(t, COLUMN_MESSAGING, FIRST(w, MESSAGING_SYSTEM));
    put_text(t, COLUMN_DESTINATION, FIRST(w, MESSAGING_DESTINATION_NAME, MESSAGING_DESTINATION));
    put_text(t, COLUMN_BUCKET, FIRST(w, AWS_S3_BUCKET, OSS_BUCKET_NAME, FAAS_DOCUMENT_COLLECTION));
    put_text(t, COLUMN_ERROR,
             error.length ? error : (struct slice){r->exception_type.data, r->exception_type.length});
    put_peer(r, kind);
}
