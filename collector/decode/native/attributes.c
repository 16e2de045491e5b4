#include "attributes.h"

#include <math.h>

#include "hash.h"
#include "text.h"

/* A member of an object being written: `"key":value` in the output. */
struct member {
    uint64_t hash;
    size_t at, key_length, length;
};

const char *const wanted_names[WANTED_COUNT] = {
#define X(name, key) key,
    WANTED(X)
#undef X
};

/* ---------------------------------------------------------------- keys */

#define WANTED_SLOTS 128
static struct {
    uint64_t hash;
    size_t length;
    int key; /* 1 + enum wanted_key, 0 for none */
} wanted_slots[WANTED_SLOTS];

void attributes_prepare(void) {
    memset(wanted_slots, 0, sizeof wanted_slots);
    for (int key = 0; key < WANTED_COUNT; key++) {
        const char *name = wanted_names[key];
        uint64_t hash = hash_of((struct slice){(const uint8_t *)name, strlen(name)});
        size_t slot = hash % WANTED_SLOTS;
        while (wanted_slots[slot].key) slot = (slot + 1) % WANTED_SLOTS;
        wanted_slots[slot].hash = hash;
        wanted_slots[slot].length = strlen(name);
        wanted_slots[slot].key = key + 1;
    }
}

static int wanted_key_of(struct slice key, uint64_t hash) {
    for (size_t slot = hash % WANTED_SLOTS; wanted_slots[slot].key; slot = (slot + 1) % WANTED_SLOTS) {
        if (wanted_slots[slot].hash != hash) continue;
        int found = wanted_slots[slot].key - 1;
        if (wanted_slots[slot].length == key.length && !memcmp(wanted_names[found], key.data, key.length))
            return found;
    }
    return -1;
}

#define IS(text, literal) \
    ((text).length == sizeof(literal) - 1 && !memcmp((text).data, (literal), sizeof(literal) - 1))

/* ---------------------------------------------------------------- values as they are sent */

enum kind { NOTHING, STRING, BOOLEAN, INTEGER, DOUBLE, ARRAY, MAP, BINARY };

struct value {
    enum kind kind;
    uint64_t number;
    struct slice bytes;
};

static double as_double(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* AnyValue: of its kinds the last one counts. False if it is malformed. */
static bool read_value(struct slice raw, int depth, struct value *v) {
    struct reader r = wire_reader(raw);
    r.depth -= depth;
    struct field f;
    int more;
    while ((more = wire_next(&r, &f)) > 0) {
        if (f.type == BYTES) {
            enum kind kind = f.number == 1 ? STRING : f.number == 5 ? ARRAY : f.number == 6 ? MAP : BINARY;
            if (kind == BINARY && f.number != 7) continue;
            *v = (struct value){kind, 0, f.bytes};
        } else if (f.type == VARINT && (f.number == 2 || f.number == 3)) {
            *v = (struct value){f.number == 2 ? BOOLEAN : INTEGER, f.number_value, {0}};
        } else if (f.type == FIXED64 && f.number == 4) {
            *v = (struct value){DOUBLE, f.number_value, {0}};
        } else if (f.type == VARINT && f.number == 8) { /* an index into a table that traces do not have */
            *v = (struct value){NOTHING, 0, {0}};
        }
    }
    return !more;
}

/* KeyValue. A value sent in two parts is their sum, as protobuf has it. False if it is malformed. */
static bool read_pair(struct slice raw, struct slice *key, struct value *v) {
    struct reader r = wire_reader(raw);
    struct field f;
    int more;
    *key = (struct slice){0};
    *v = (struct value){0};
    while ((more = wire_next(&r, &f)) > 0) {
        if (f.type != BYTES) continue;
        if (f.number == 1) *key = f.bytes;
        else if (f.number == 2 && !read_value(f.bytes, 1, v)) return false;
    }
    return !more;
}

/* ---------------------------------------------------------------- objects */

static inline struct member *member_at(struct attribute_writer *w, size_t i) {
    return (struct member *)w->members.data + i;
}

static inline size_t members(const struct attribute_writer *w) { return w->members.length / sizeof(struct member); }

static inline struct slice written_key(const struct member *m, const struct buffer *out) {
    return (struct slice){out->data + m->at + 1, m->key_length - 2}; /* without its quotes */
}

/* Begins a member: its comma and key. Escaped keys are compared, which tell apart what the keys themselves do. */
static void begin_member(struct attribute_writer *w, struct buffer *out, bool first, struct slice key) {
    if (!first) buffer_byte(out, ',');
    struct member *m = (struct member *)buffer_room(&w->members, sizeof *m);
    w->members.length += sizeof *m;
    m->at = out->length;
    text_add_json(out, key);
    m->key_length = out->length - m->at;
    m->hash = hash_of(written_key(m, out));
    buffer_byte(out, ':');
}

static void end_member(struct attribute_writer *w, const struct buffer *out) {
    struct member *m = member_at(w, members(w) - 1);
    m->length = out->length - m->at;
}

static void undo_member(struct attribute_writer *w, struct buffer *out, size_t length) {
    w->members.length -= sizeof(struct member);
    out->length = length;
}

/* Gives equal keys the content of the last of them, in the place of the first; the others get the length 0. */
static bool merge_equal_keys(struct attribute_writer *w, const struct buffer *out, size_t first) {
    size_t count = members(w) - first, slots = 4;
    while (slots < count * 2) slots *= 2;
    w->table.length = 0;
    uint32_t *table = (uint32_t *)buffer_room(&w->table, slots * sizeof *table);
    memset(table, 0, slots * sizeof *table);
    bool merged = false;
    for (size_t i = 0; i < count; i++) {
        struct member *m = member_at(w, first + i);
        for (size_t slot = m->hash & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
            if (!table[slot]) {
                table[slot] = (uint32_t)i + 1;
                break;
            }
            struct member *known = member_at(w, first + table[slot] - 1);
            if (known->hash != m->hash || known->key_length != m->key_length ||
                memcmp(out->data + known->at, out->data + m->at, m->key_length))
                continue;
            known->at = m->at, known->length = m->length;
            m->length = 0;
            merged = true;
            break;
        }
    }
    return merged;
}

static void put_together_anew(struct attribute_writer *w, struct buffer *out, size_t start, size_t first) {
    w->copy.length = 0;
    size_t kept = first;
    for (size_t i = first; i < members(w); i++) {
        struct member m = *member_at(w, i);
        if (!m.length) continue;
        if (kept > first) buffer_byte(&w->copy, ',');
        size_t at = w->copy.length;
        buffer_add(&w->copy, out->data + m.at, m.length);
        m.at = start + 1 + at;
        *member_at(w, kept++) = m;
    }
    out->length = start + 1;
    buffer_add(out, w->copy.data, w->copy.length);
    w->members.length = kept * sizeof(struct member);
}

/* Ends the object that began at `start` with `{`: equal keys become one. A lone key of jsonvalue's own marks
 * would read back as something else and is wrapped. Its members are forgotten. */
static void end_object(struct attribute_writer *w, struct buffer *out, size_t start, size_t first) {
    if (members(w) - first > 1 && merge_equal_keys(w, out, first)) put_together_anew(w, out, start, first);
    buffer_byte(out, '}');
    if (members(w) - first == 1) {
        struct slice key = written_key(member_at(w, first), out);
        if (IS(key, "$bytes") || IS(key, "$double") || IS(key, "$map")) {
            static const char mark[] = "{\"$map\":";
            size_t length = out->length - start;
            buffer_room(out, sizeof mark);
            memmove(out->data + start + sizeof mark - 1, out->data + start, length);
            memcpy(out->data + start, mark, sizeof mark - 1);
            out->length += sizeof mark - 1;
            buffer_byte(out, '}');
        }
    }
    w->members.length = first * sizeof(struct member);
}

/* ---------------------------------------------------------------- values as JSON */

struct limits {
    int depth;   /* how many arrays and maps may still stand in each other */
    size_t left; /* how many values may still stand in them */
};

static bool write_value(struct attribute_writer *w, const struct value *v, struct limits *l, struct buffer *out);

static bool write_item(struct attribute_writer *w, struct slice raw, struct limits *l, struct buffer *out) {
    struct value v = {0};
    return read_value(raw, 0, &v) && write_value(w, &v, l, out);
}

static bool write_array(struct attribute_writer *w, struct slice raw, struct limits *l, struct buffer *out) {
    struct reader r = wire_reader(raw);
    struct field f;
    int more;
    bool first = true;
    buffer_byte(out, '[');
    while ((more = wire_next(&r, &f)) > 0) {
        if (f.type != BYTES || f.number != 1) continue;
        if (!l->left--) return false;
        if (!first) buffer_byte(out, ',');
        first = false;
        if (!write_item(w, f.bytes, l, out)) return false;
    }
    buffer_byte(out, ']');
    return !more;
}

static bool write_map(struct attribute_writer *w, struct slice raw, struct limits *l, struct buffer *out) {
    struct reader r = wire_reader(raw);
    struct field f;
    int more;
    size_t start = out->length, first = members(w);
    buffer_byte(out, '{');
    while ((more = wire_next(&r, &f)) > 0) {
        struct slice key;
        struct value v;
        if (f.type != BYTES || f.number != 1) continue;
        if (!l->left-- || !read_pair(f.bytes, &key, &v)) return false;
        begin_member(w, out, members(w) == first, key);
        if (!write_value(w, &v, l, out)) return false;
        end_member(w, out);
    }
    if (more) return false;
    end_object(w, out, start, first);
    return true;
}

static void write_double(double number, struct buffer *out) {
    if (isnan(number)) buffer_literal(out, "{\"$double\":\"NaN\"}");
    else if (isinf(number) && number > 0) buffer_literal(out, "{\"$double\":\"Infinity\"}");
    else if (isinf(number)) buffer_literal(out, "{\"$double\":\"-Infinity\"}");
    else text_add_double(out, number);
}

/* False if the value is malformed, nests too deep or holds too many values. */
static bool write_value(struct attribute_writer *w, const struct value *v, struct limits *l, struct buffer *out) {
    bool whole = true;
    switch (v->kind) {
    case NOTHING: buffer_literal(out, "null"); break;
    case STRING: text_add_json(out, v->bytes); break;
    case BOOLEAN:
        if (v->number) buffer_literal(out, "true");
        else buffer_literal(out, "false");
        break;
    case INTEGER: text_add_integer(out, (int64_t)v->number); break;
    case DOUBLE: write_double(as_double(v->number), out); break;
    case BINARY:
        buffer_literal(out, "{\"$bytes\":\"");
        text_add_base64(out, v->bytes);
        buffer_literal(out, "\"}");
        break;
    case ARRAY:
    case MAP:
        if (!l->depth--) return false;
        whole = v->kind == ARRAY ? write_array(w, v->bytes, l, out) : write_map(w, v->bytes, l, out);
        l->depth++;
    }
    return whole;
}

/* ---------------------------------------------------------------- attributes */

static void keep_wanted(struct wanted *w, int key, const struct value *v) {
    size_t at = w->texts.length;
    switch (v->kind) {
    case STRING: text_add(&w->texts, v->bytes); break;
    case BOOLEAN: buffer_add(&w->texts, v->number ? "true" : "false", v->number ? 4 : 5); break;
    case INTEGER: text_add_integer(&w->texts, (int64_t)v->number); break;
    case DOUBLE: text_add_double(&w->texts, as_double(v->number)); break;
    default: break;
    }
    if (w->texts.length == at) return;
    w->of[key].at = at;
    w->of[key].length = w->texts.length - at;
}

/* False if it has no key or cannot be read: nothing is written then. */
static bool write_attribute(struct attribute_writer *w, struct slice raw, bool first, struct buffer *out,
                            struct wanted *wanted) {
    struct slice key;
    struct value v;
    struct limits limits = {MAX_DEPTH, MAX_VALUES};
    size_t length = out->length, known = members(w);
    if (!read_pair(raw, &key, &v) || !key.length) return false;
    begin_member(w, out, first, key);
    if (!write_value(w, &v, &limits, out)) {
        w->members.length = (known + 1) * sizeof(struct member);
        undo_member(w, out, length);
        return false;
    }
    end_member(w, out);
    struct member *m = member_at(w, known);
    if (wanted) {
        int found = wanted_key_of(written_key(m, out), m->hash);
        if (found >= 0) keep_wanted(wanted, found, &v);
    }
    struct slice written = written_key(m, out);
    if (IS(written, "tracekit.unfinished")) w->unfinished = v.kind == BOOLEAN && v.number;
    return true;
}

size_t attributes_write(struct attribute_writer *w, const struct messages *messages, const char *flag,
                        struct buffer *out, struct wanted *wanted) {
    size_t start = out->length, kept = messages_kept(messages), dropped = messages->total - kept;
    w->members.length = 0;
    w->unfinished = false;
    buffer_byte(out, '{');
    for (size_t i = 0; i < kept; i++)
        dropped += !write_attribute(w, messages_at(messages, i), !members(w), out, wanted);
    if (flag) {
        begin_member(w, out, !members(w), (struct slice){(const uint8_t *)flag, strlen(flag)});
        buffer_literal(out, "true");
        end_member(w, out);
    }
    if (members(w)) end_object(w, out, start, 0);
    else out->length = start;
    return dropped;
}
