#include "spans.h"

#include "text.h"

const struct column_spec span_specs[SPAN_WIDTH] = {
#define X(id, name, type) {name, type},
    SPAN_COLUMNS(X)
#undef X
};

/* ---------------------------------------------------------------- how many fields, before they are parsed */

/* What a message may have of fields on each level from the request down to a span. */
static const struct {
    size_t most;
    enum refusal why;
} levels[] = {{MAX_GROUPS, TOO_MANY_GROUPS}, {MAX_GROUPS, TOO_MANY_GROUPS}, {MAX_SPANS, TOO_MANY_SPANS},
              {MAX_FIELDS, TOO_MANY_FIELDS}};
#define LEVELS (sizeof levels / sizeof *levels)

/* As collector/decode/fields.py reads it: what is damaged passes here, and is refused when it is parsed. */
static uint64_t lenient_varint(struct reader *r) {
    uint64_t value = 0;
    for (int i = 0; i < 10 && r->at < r->end; i++) {
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) return i == 9 && byte > 1 ? UINT64_MAX : value;
    }
    r->at = r->end;
    return 0;
}

static void lenient_skip(struct reader *r, uint64_t length) {
    r->at = length < (uint64_t)(r->end - r->at) ? r->at + length : r->end;
}

/* The smallest message that could hold too many fields on this level or one below. */
static size_t worth_looking_at(size_t level) {
    size_t least = SIZE_MAX;
    for (size_t i = level; i < LEVELS; i++)
        if (levels[i].most * 2 < least) least = levels[i].most * 2; /* a field has two bytes or more */
    return least;
}

static enum refusal require_sparse(struct slice message, size_t level) {
    struct reader r = wire_reader(message);
    if (level == LEVELS || message.length < worth_looking_at(level)) return FINE;
    for (size_t i = 0; i < levels[level].most; i++) {
        if (r.at == r.end) return FINE;
        uint64_t type = lenient_varint(&r) & 7, length;
        switch (type) {
        case BYTES:
            length = lenient_varint(&r);
            if (length <= (uint64_t)(r.end - r.at)) {
                enum refusal why = require_sparse((struct slice){r.at, (size_t)length}, level + 1);
                if (why) return why;
            }
            lenient_skip(&r, length);
            break;
        case VARINT: lenient_varint(&r); break;
        case FIXED64: lenient_skip(&r, 8); break;
        case FIXED32: lenient_skip(&r, 4); break;
        default: return FINE;
        }
    }
    return r.at == r.end ? FINE : levels[level].why;
}

/* ---------------------------------------------------------------- resources, scopes and where spans are */

static bool add_scope(struct request *r, struct slice raw, enum refusal *why) {
    struct scope_group group = {.resource = r->resources.length / sizeof(struct resource_group),
                                .first_span = r->spans.length / sizeof(struct slice)};
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type != BYTES) continue;
        if (f.number == 1) group.scope = f.bytes;
        else if (f.number == 2) buffer_add(&r->spans, &f.bytes, sizeof f.bytes);
        else if (f.number == 3) group.schema_url = f.bytes;
        if (r->spans.length / sizeof(struct slice) > MAX_SPANS) *why = TOO_MANY_SPANS;
        if (*why) r->spans.length = group.first_span * sizeof(struct slice); /* only counted from here on */
    }
    group.end_span = r->spans.length / sizeof(struct slice);
    buffer_add(&r->scopes, &group, sizeof group);
    if (more) *why = UNDECODABLE;
    return !*why;
}

/* The scopes of a ResourceSpans are counted before the first of them is read. */
static bool add_resource(struct request *r, struct slice raw, size_t *groups, enum refusal *why) {
    struct resource_group group = {0};
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type != BYTES) continue;
        if (f.number == 1) group.resource = f.bytes;
        else if (f.number == 2) ++*groups;
        else if (f.number == 3) group.schema_url = f.bytes;
    }
    if (more || *groups > MAX_GROUPS) {
        *why = more ? UNDECODABLE : TOO_MANY_GROUPS;
        return false;
    }
    reader = wire_reader(raw);
    while (wire_next(&reader, &f) > 0)
        if (f.type == BYTES && f.number == 2 && !add_scope(r, f.bytes, why)) return false;
    group.end_scope = r->scopes.length / sizeof(struct scope_group);
    buffer_add(&r->resources, &group, sizeof group);
    return true;
}

enum refusal request_find(struct request *r, struct slice body) {
    enum refusal why = require_sparse(body, 0);
    if (why) return why;
    struct reader reader = wire_reader(body);
    struct field f;
    size_t groups = 0;
    int more;
    while ((more = wire_next(&reader, &f)) > 0) groups += f.type == BYTES && f.number == 1;
    if (more) return UNDECODABLE;
    if (groups > MAX_GROUPS) return TOO_MANY_GROUPS;
    reader = wire_reader(body);
    while (wire_next(&reader, &f) > 0)
        if (f.type == BYTES && f.number == 1 && !add_resource(r, f.bytes, &groups, &why)) break;
    return why;
}

/* ---------------------------------------------------------------- one span */

struct span {
    struct slice trace_id, span_id, parent_id, trace_state, name, status, message;
    uint64_t start_ns, end_ns, dropped_attributes, dropped_events, dropped_links;
    uint32_t flags;
    int32_t kind, code;
};

static bool read_status(struct slice raw, struct span *s) {
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type == BYTES && f.number == 2) s->message = f.bytes;
        else if (f.type == VARINT && f.number == 3) s->code = (int32_t)f.number_value;
    }
    return !more;
}

static void read_bytes(struct request *r, const struct field *f, struct span *s) {
    switch (f->number) {
    case 1: s->trace_id = f->bytes; break;
    case 2: s->span_id = f->bytes; break;
    case 3: s->trace_state = f->bytes; break;
    case 4: s->parent_id = f->bytes; break;
    case 5: s->name = f->bytes; break;
    case 9: messages_add(&r->attributes, f->bytes); break;
    case 11: messages_add(&r->events, f->bytes); break;
    case 13: messages_add(&r->links_sent, f->bytes); break;
    case 15: s->status = f->bytes; break;
    default: break;
    }
}

static void read_number(const struct field *f, struct span *s) {
    if (f->type == FIXED32) {
        if (f->number == 16) s->flags = (uint32_t)f->number_value;
        return;
    }
    switch (f->number << 3 | (uint32_t)f->type) {
    case 6 << 3 | VARINT: s->kind = (int32_t)f->number_value; break;
    case 7 << 3 | FIXED64: s->start_ns = f->number_value; break;
    case 8 << 3 | FIXED64: s->end_ns = f->number_value; break;
    case 10 << 3 | VARINT: s->dropped_attributes = (uint32_t)f->number_value; break;
    case 12 << 3 | VARINT: s->dropped_events = (uint32_t)f->number_value; break;
    case 14 << 3 | VARINT: s->dropped_links = (uint32_t)f->number_value; break;
    default: break;
    }
}

static bool read_span(struct request *r, struct slice raw, struct span *s) {
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    messages_clear(&r->attributes);
    messages_clear(&r->events);
    messages_clear(&r->links_sent);
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type == BYTES) read_bytes(r, &f, s);
        else read_number(&f, s);
    }
    return !more;
}

static bool zero(struct slice bytes) {
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.data[i]) return false;
    return true;
}

static uint64_t big_endian(const uint8_t *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | at[i];
    return value;
}

/* REASONS if the ids are as OTLP wants them. */
static enum reason check_ids(const struct span *s) {
    if (s->trace_id.length != 16) return TRACE_ID_LENGTH;
    if (s->span_id.length != 8) return SPAN_ID_LENGTH;
    if (s->parent_id.length && s->parent_id.length != 8) return PARENT_ID_LENGTH;
    if (zero(s->span_id)) return SPAN_ID_ZERO;
    if (zero(s->trace_id)) return TRACE_ID_ZERO;
    return REASONS;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most) {
    return value < least ? least : value > most ? most : value;
}

/* Whether the times had to be changed. A span without a start starts where it ends. */
static bool sane_times(const struct request *r, struct span *s) {
    uint64_t latest = (uint64_t)(r->received_ns + LATEST_AHEAD_NS);
    if (EARLIEST_NS <= s->start_ns && s->start_ns <= s->end_ns && s->end_ns <= latest) return false;
    uint64_t wanted = s->start_ns ? s->start_ns : s->end_ns ? s->end_ns : (uint64_t)r->received_ns;
    s->start_ns = wanted < EARLIEST_NS ? EARLIEST_NS : wanted;
    if (s->start_ns > latest) s->start_ns = latest;
    s->end_ns = clamp(s->end_ns, s->start_ns, latest);
    return true;
}

static uint32_t as_u32(uint64_t count) { return (uint32_t)clamp(count, 0, UINT32_MAX); }

/* ---------------------------------------------------------------- events and links */

static bool count_items(struct request *r, size_t count) {
    r->items += count;
    return r->items <= MAX_ITEMS;
}

/* `"attributes"` and what was dropped of them: the end of an event or a link. */
static bool write_tail(struct request *r, uint64_t dropped, struct buffer *out, struct wanted *wanted) {
    static const char name[] = ",\"attributes\":";
    if (!count_items(r, r->inner.total)) return false;
    size_t start = out->length;
    buffer_literal(out, name);
    dropped += attributes_write(&r->writer, &r->inner, NULL, out, wanted);
    if (out->length == start + sizeof name - 1) out->length = start;
    if (dropped) {
        buffer_literal(out, ",\"dropped_attributes_count\":");
        text_add_unsigned(out, as_u32(dropped));
    }
    buffer_byte(out, '}');
    return true;
}

struct event {
    uint64_t time_ns, dropped;
    struct slice name;
};

static bool read_event(struct request *r, struct slice raw, struct event *e) {
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    messages_clear(&r->inner);
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type == FIXED64 && f.number == 1) e->time_ns = f.number_value;
        else if (f.type == BYTES && f.number == 2) e->name = f.bytes;
        else if (f.type == BYTES && f.number == 3) messages_add(&r->inner, f.bytes);
        else if (f.type == VARINT && f.number == 4) e->dropped = (uint32_t)f.number_value;
    }
    return !more;
}

static void keep_exception_type(struct request *r) {
    struct slice type = wanted_text(&r->event_wanted, EXCEPTION_TYPE);
    if (!type.length) return;
    r->exception_type.length = 0;
    buffer_add(&r->exception_type, type.data, type.length);
}

static bool write_event(struct request *r, const struct event *e, struct buffer *out) {
    wanted_clear(&r->event_wanted);
    buffer_literal(out, "{\"time_ns\":");
    text_add_unsigned(out, clamp(e->time_ns, 0, INT64_MAX));
    buffer_literal(out, ",\"name\":");
    text_add_json(out, e->name);
    if (!write_tail(r, e->dropped, out, &r->event_wanted)) return false;
    if (e->name.length == 9 && !memcmp(e->name.data, "exception", 9)) keep_exception_type(r);
    return true;
}

static void between(struct buffer *out, size_t start) { buffer_byte(out, out->length == start ? '[' : ','); }

static void close_array(struct buffer *out, size_t start) {
    if (out->length > start) buffer_byte(out, ']');
}

/* False if the request holds too many items. What is not kept is added to the count of dropped ones. */
static bool write_events(struct request *r, struct span *s) {
    struct buffer *out = text_column(r->table, COLUMN_EVENTS);
    size_t start = out->length, written = 0;
    r->exception_type.length = 0;
    if (!count_items(r, r->events.total)) return false;
    for (size_t i = 0; i < messages_kept(&r->events); i++) {
        struct event event = {0};
        if (!read_event(r, messages_at(&r->events, i), &event)) continue;
        between(out, start);
        if (!write_event(r, &event, out)) return false;
        written++;
    }
    close_array(out, start);
    s->dropped_events += r->events.total - written;
    return true;
}

struct link {
    struct slice trace_id, span_id, trace_state;
    uint64_t dropped;
    uint32_t flags;
};

static bool read_link(struct request *r, struct slice raw, struct link *l) {
    struct reader reader = wire_reader(raw);
    struct field f;
    int more;
    messages_clear(&r->inner);
    while ((more = wire_next(&reader, &f)) > 0) {
        if (f.type == VARINT && f.number == 5) l->dropped = (uint32_t)f.number_value;
        else if (f.type == FIXED32 && f.number == 6) l->flags = (uint32_t)f.number_value;
        if (f.type != BYTES) continue;
        if (f.number == 1) l->trace_id = f.bytes;
        else if (f.number == 2) l->span_id = f.bytes;
        else if (f.number == 3) l->trace_state = f.bytes;
        else if (f.number == 4) messages_add(&r->inner, f.bytes);
    }
    return !more;
}

static bool goes_nowhere(const struct link *l) {
    return l->trace_id.length != 16 || l->span_id.length != 8 || zero(l->trace_id) || zero(l->span_id);
}

static bool write_link(struct request *r, const struct link *l, struct buffer *out) {
    buffer_literal(out, "{\"trace_id\":\"");
    text_add_hex(out, l->trace_id);
    buffer_literal(out, "\",\"span_id\":\"");
    text_add_hex(out, l->span_id);
    buffer_byte(out, '"');
    if (l->trace_state.length) {
        buffer_literal(out, ",\"trace_state\":");
        text_add_json(out, l->trace_state);
    }
    if (l->flags) {
        buffer_literal(out, ",\"flags\":");
        text_add_unsigned(out, l->flags);
    }
    return write_tail(r, l->dropped, out, NULL);
}

static void keep_link(struct request *r, const struct link *l) {
    struct span_link link = {.row = (uint32_t)r->table->rows, .span_id = big_endian(l->span_id.data)};
    memcpy(link.trace_id, l->trace_id.data, 16);
    buffer_add(&r->links, &link, sizeof link);
}

static bool write_links(struct request *r, struct span *s) {
    struct buffer *out = text_column(r->table, COLUMN_LINKS);
    size_t start = out->length, written = 0;
    if (!count_items(r, r->links_sent.total)) return false;
    for (size_t i = 0; i < messages_kept(&r->links_sent); i++) {
        struct link link = {0};
        if (!read_link(r, messages_at(&r->links_sent, i), &link)) continue;
        if (goes_nowhere(&link)) {
            if (!count_items(r, r->inner.total)) return false;
            continue;
        }
        between(out, start);
        if (!write_link(r, &link, out)) return false;
        keep_link(r, &link);
        written++;
    }
    close_array(out, start);
    s->dropped_links += r->links_sent.total - written;
    return true;
}

/* ---------------------------------------------------------------- rows */

static void reject(struct request *r, enum reason why) {
    if (!r->rejected[why]++) r->order[r->reasons++] = why;
}

static void put_group(struct request *r, struct resource_group *resource, struct scope_group *scope) {
    struct table *t = r->table;
    const struct resource_columns *c = &resource->columns;
    put_text(t, COLUMN_SERVICE, c->service);
    put_u64(t, COLUMN_RESOURCE_ID, c->id);
    put_text(t, COLUMN_VERSION, c->version);
    put_text(t, COLUMN_INSTANCE, c->instance);
    put_text(t, COLUMN_PLATFORM, c->platform);
    put_text(t, COLUMN_REGION, c->region);
    put_text(t, COLUMN_SCOPE, scope->label);
    put_u64(t, COLUMN_SCOPE_ID, scope->scope_id);
    put_i64(t, COLUMN_RECEIVED_NS, r->received_ns);
    resource->used = scope->used = true;
}

static void put_span(struct request *r, const struct span *s) {
    struct table *t = r->table;
    put(t, COLUMN_TRACE_ID, s->trace_id.data, 16);
    put_u64(t, COLUMN_SPAN_ID, big_endian(s->span_id.data));
    put_u64(t, COLUMN_PARENT_SPAN_ID, s->parent_id.length ? big_endian(s->parent_id.data) : 0);
    put_i64(t, COLUMN_START_NS, (int64_t)s->start_ns);
    put_i64(t, COLUMN_DURATION_NS, (int64_t)(s->end_ns - s->start_ns));
    put_u8(t, COLUMN_KIND, s->kind >= 0 && s->kind <= 5 ? (uint8_t)s->kind : 0);
    put_u8(t, COLUMN_STATUS, s->code >= 0 && s->code <= 2 ? (uint8_t)s->code : 0);
    text_add(text_column(t, COLUMN_STATUS_MESSAGE), s->message);
    text_add(text_column(t, COLUMN_NAME), s->name);
    text_add(text_column(t, COLUMN_TRACE_STATE), s->trace_state);
    put_u32(t, COLUMN_FLAGS, s->flags);
    put_u32(t, COLUMN_DROPPED_ATTRIBUTES, as_u32(s->dropped_attributes));
    put_u32(t, COLUMN_DROPPED_EVENTS, as_u32(s->dropped_events));
    put_u32(t, COLUMN_DROPPED_LINKS, as_u32(s->dropped_links));
}

static bool write_attributes(struct request *r, struct span *s, bool clamped) {
    if (!count_items(r, r->attributes.total)) return false;
    wanted_clear(&r->wanted);
    s->dropped_attributes += attributes_write(&r->writer, &r->attributes, clamped ? "tracekit.time_clamped" : NULL,
                                              text_column(r->table, COLUMN_ATTRIBUTES), &r->wanted);
    if (r->writer.unfinished) {
        uint32_t row = (uint32_t)r->table->rows;
        buffer_add(&r->snapshots, &row, sizeof row);
    }
    return true;
}

/* False if the request holds too many items. A span that breaks the rules is counted and leaves no row. */
static bool add_span(struct request *r, struct slice raw, struct resource_group *resource, struct scope_group *scope) {
    struct span s = {0};
    if (!read_span(r, raw, &s)) {
        reject(r, UNREADABLE);
        return true;
    }
    size_t links = r->links.length, snapshots = r->snapshots.length;
    bool clamped = sane_times(r, &s);
    if (!write_attributes(r, &s, clamped) || !write_events(r, &s) || !write_links(r, &s)) return false;
    enum reason why = read_status(s.status, &s) ? check_ids(&s) : UNREADABLE;
    if (why != REASONS) {
        reject(r, why);
        r->links.length = links;
        r->snapshots.length = snapshots;
        table_forget_row(r->table);
        return true;
    }
    put_group(r, resource, scope);
    put_span(r, &s);
    promote(r, s.kind);
    table_keep_row(r->table);
    return true;
}

enum refusal request_read(struct request *r) {
    struct resource_group *resources = (struct resource_group *)r->resources.data;
    struct scope_group *scopes = (struct scope_group *)r->scopes.data;
    const struct slice *spans = (const struct slice *)r->spans.data;
    table_expect(r->table, r->spans.length / sizeof *spans);
    for (size_t i = 0; i < r->scopes.length / sizeof *scopes; i++)
        for (size_t at = scopes[i].first_span; at < scopes[i].end_span; at++)
            if (!add_span(r, spans[at], &resources[scopes[i].resource], &scopes[i])) return TOO_MANY_ITEMS;
    return FINE;
}

/* ---------------------------------------------------------------- memory */

#define BUFFERS(r) \
    {&(r)->resources, &(r)->scopes, &(r)->spans, &(r)->links, &(r)->snapshots, &(r)->attributes.kept, \
     &(r)->events.kept, &(r)->links_sent.kept, &(r)->inner.kept, &(r)->writer.members, &(r)->writer.table, \
     &(r)->writer.copy, &(r)->wanted.texts, &(r)->event_wanted.texts, &(r)->exception_type, &(r)->sql.found, \
     &(r)->sql.folded, &(r)->sql.texts}

void request_prepare(struct request *r, jmp_buf *way_out) {
    struct buffer *const all[] = BUFFERS(r);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) all[i]->way_out = way_out;
    r->way_out = way_out;
}

void request_free(struct request *r) {
    struct buffer *const all[] = BUFFERS(r);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buffer_free(all[i]);
    table_release(r->table);
    r->table = NULL;
}
