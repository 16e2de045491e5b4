/* Attributes (repeated KeyValue) as JSON text, with the few that columns want kept as plain text. */
#ifndef TRACEKIT_ATTRIBUTES_H
#define TRACEKIT_ATTRIBUTES_H

#include "buffer.h"
#include "wire.h"

/* The same bounds as collector/decode/attributes.py. */
#define MAX_DEPTH 32
#define MAX_ATTRIBUTES 10000
#define MAX_VALUES 100000

/* The attributes that columns are read from: PROMOTED_KEYS of promote.py but for those of resources. */
#define WANTED(X) \
    X(SERVICE_PEER_NAME, "service.peer.name") \
    X(PEER_SERVICE, "peer.service") \
    X(DB_SYSTEM_NAME, "db.system.name") \
    X(DB_SYSTEM, "db.system") \
    X(DB_NAMESPACE, "db.namespace") \
    X(DB_NAME, "db.name") \
    X(DB_QUERY_TEXT, "db.query.text") \
    X(DB_STATEMENT, "db.statement") \
    X(SERVER_ADDRESS, "server.address") \
    X(NET_PEER_NAME, "net.peer.name") \
    X(NET_PEER_IP, "net.peer.ip") \
    X(NET_SOCK_PEER_ADDR, "net.sock.peer.addr") \
    X(SERVER_PORT, "server.port") \
    X(NET_PEER_PORT, "net.peer.port") \
    X(URL_FULL, "url.full") \
    X(HTTP_URL, "http.url") \
    X(URL_PATH, "url.path") \
    X(HTTP_TARGET, "http.target") \
    X(HTTP_REQUEST_METHOD, "http.request.method") \
    X(HTTP_METHOD, "http.method") \
    X(HTTP_RESPONSE_STATUS_CODE, "http.response.status_code") \
    X(HTTP_STATUS_CODE, "http.status_code") \
    X(HTTP_ROUTE, "http.route") \
    X(FAAS_INVOCATION_ID, "faas.invocation_id") \
    X(FAAS_EXECUTION, "faas.execution") \
    X(FAAS_TRIGGER, "faas.trigger") \
    X(FAAS_COLDSTART, "faas.coldstart") \
    X(FAAS_INVOKED_NAME, "faas.invoked_name") \
    X(FAAS_DOCUMENT_COLLECTION, "faas.document.collection") \
    X(MESSAGING_DESTINATION_NAME, "messaging.destination.name") \
    X(MESSAGING_DESTINATION, "messaging.destination") \
    X(MESSAGING_OPERATION_TYPE, "messaging.operation.type") \
    X(MESSAGING_OPERATION, "messaging.operation") \
    X(MESSAGING_SYSTEM, "messaging.system") \
    X(AWS_S3_BUCKET, "aws.s3.bucket") \
    X(OSS_BUCKET_NAME, "oss.bucket.name") \
    X(TRACEKIT_PHASE, "tracekit.phase") \
    X(ERROR_TYPE, "error.type") \
    X(EXCEPTION_TYPE, "exception.type") \
    X(RPC_SERVICE, "rpc.service")

enum wanted_key {
#define X(name, key) name,
    WANTED(X)
#undef X
    WANTED_COUNT
};
extern const char *const wanted_names[WANTED_COUNT];

/* Values of wanted attributes by key, as text; of a key that is absent or says nothing the length is 0. */
struct wanted {
    struct {
        size_t at, length; /* in `texts` */
    } of[WANTED_COUNT];
    struct buffer texts;
};

static inline struct slice wanted_text(const struct wanted *w, enum wanted_key key) {
    return (struct slice){w->texts.data + w->of[key].at, w->of[key].length};
}

static inline void wanted_clear(struct wanted *w) {
    memset(w->of, 0, sizeof w->of);
    w->texts.length = 0;
}

/* Messages of one field: the first MAX_ATTRIBUTES are kept, all are counted. */
struct messages {
    struct buffer kept; /* of struct slice */
    size_t total;
};

static inline void messages_clear(struct messages *m) {
    m->kept.length = 0;
    m->total = 0;
}

static inline void messages_add(struct messages *m, struct slice message) {
    if (m->total++ >= MAX_ATTRIBUTES) return;
    struct slice *kept = (struct slice *)buffer_room(&m->kept, sizeof *kept);
    kept->data = message.data; /* part by part: the processor forwards no store to a wider load */
    kept->length = message.length;
    m->kept.length += sizeof *kept;
}

static inline size_t messages_kept(const struct messages *m) { return m->kept.length / sizeof(struct slice); }

static inline struct slice messages_at(const struct messages *m, size_t i) {
    return ((const struct slice *)m->kept.data)[i];
}

/* What writing attributes needs besides its output, kept from call to call. */
struct attribute_writer {
    struct buffer members; /* of the objects being written, inner ones last */
    struct buffer table;   /* to find equal keys */
    struct buffer copy;    /* to put an object together anew */
    bool unfinished;       /* whether the last set had UNFINISHED (collector/model.py) = true */
};

/* Once per process, after hash_prepare. */
void attributes_prepare(void);

/* Appends the JSON object of the attributes, or nothing if there is none; `flag` (a key, or NULL) is added as
 * true. Returns how many had to be dropped. `wanted` may be NULL. */
size_t attributes_write(struct attribute_writer *w, const struct messages *messages, const char *flag,
                        struct buffer *out, struct wanted *wanted);

#endif
