#include "rewrite.h"

#include "json.h"

struct rewriter {
    struct json json;
    struct buffer *out;
    size_t values; /* inside of values, in the whole request */
};

/* ---------------------------------------------------------------- protobuf */

static inline int varint_bytes(uint64_t number) {
    int bytes = 1;
    while (number >>= 7) bytes++;
    return bytes;
}

static inline void write_varint(uint8_t *to, uint64_t number) {
    for (; number >= 0x80; number >>= 7) *to++ = (uint8_t)(number | 0x80);
    *to = (uint8_t)number;
}

static void add_varint(struct buffer *out, uint64_t number) {
    int bytes = varint_bytes(number);
    write_varint(buffer_room(out, (size_t)bytes), number);
    out->length += (size_t)bytes;
}

static void add_tag(struct buffer *out, const struct json_field *f) {
    add_varint(out, f->number << 3 | (uint32_t)field_wire_type(f->kind));
}

static void add_little_endian(struct buffer *out, uint64_t number, size_t bytes) {
    uint8_t *to = buffer_room(out, bytes);
    for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)(number >> 8 * i);
    out->length += bytes;
}

/* Room for a length of so many bytes; where its content begins. */
static size_t begin_content(struct buffer *out, int length_bytes) {
    buffer_room(out, (size_t)length_bytes);
    return out->length += (size_t)length_bytes;
}

/* Puts the length before the content; its room was a guess, so that the content may have to be moved. */
static void end_content(struct buffer *out, size_t start, int guessed) {
    size_t length = out->length - start;
    int bytes = varint_bytes(length);
    if (bytes != guessed) {
        buffer_room(out, (size_t)bytes);
        memmove(out->data + start - guessed + bytes, out->data + start, length);
        out->length = start - (size_t)guessed + (size_t)bytes + length;
    }
    write_varint(out->data + start - guessed, length);
}

/* ---------------------------------------------------------------- texts and bytes */

static bool write_text(struct rewriter *w) {
    struct json_text text;
    if (!json_string(&w->json, &text)) return false;
    if (!text.escaped) {
        add_varint(w->out, text.raw.length);
        buffer_add(w->out, text.raw.data, text.raw.length);
        return true;
    }
    int guess = varint_bytes(text.raw.length);
    size_t start = begin_content(w->out, guess);
    json_unescape(text.raw, w->out);
    end_content(w->out, start, guess);
    return true;
}

/* A text in which nobody needs an escape. */
static bool plain_text(struct rewriter *w, struct slice *found) {
    struct json_text text;
    if (!json_string(&w->json, &text) || text.escaped) return false;
    *found = text.raw;
    return true;
}

static bool write_hex(struct rewriter *w) {
    struct slice text;
    if (!plain_text(w, &text) || text.length % 2) return false;
    size_t bytes = text.length / 2;
    add_varint(w->out, bytes);
    uint8_t *to = buffer_room(w->out, bytes + 1), wrong = 0;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        wrong |= high | low;
        to[i] = (uint8_t)(high << 4 | (low & 15));
    }
    w->out->length += bytes;
    return wrong < 16;
}

static uint8_t base64_value(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9') return (uint8_t)(c - '0' + 52);
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : NO_DIGIT;
}

/* Without its padding, which may be left out but not be wrong. False if the length cannot be right. */
static bool base64_digits(struct slice *text) {
    size_t whole = text->length;
    while (text->length && whole - text->length < 2 && text->data[text->length - 1] == '=') text->length--;
    return text->length % 4 != 1 && (whole == text->length || whole % 4 == 0);
}

static bool write_base64(struct rewriter *w) {
    struct slice text;
    if (!plain_text(w, &text) || !base64_digits(&text)) return false;
    size_t bytes = text.length / 4 * 3 + text.length % 4 * 3 / 4;
    add_varint(w->out, bytes);
    uint8_t *to = buffer_room(w->out, bytes + 1);
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t value = base64_value(text.data[i]);
        if (value == NO_DIGIT) return false;
        bits = bits << 6 | value;
        if ((held += 6) >= 8) *to++ = (uint8_t)(bits >> (held -= 8));
        bits &= (1u << held) - 1;
    }
    w->out->length += bytes;
    return !bits; /* what is left over holds nothing */
}

/* ---------------------------------------------------------------- numbers */

static bool write_bool(struct rewriter *w) {
    bool truth = json_word(&w->json, "true");
    if (!truth && !json_word(&w->json, "false")) return false;
    buffer_byte(w->out, truth);
    return true;
}

/* As protobuf's JSON mapping calls what JSON has no numbers for. */
static bool double_word(struct rewriter *w, uint64_t *bits) {
    static const struct {
        const char *word;
        uint64_t bits;
    } words[] = {
        {"NaN", UINT64_C(0x7ff8) << 48},
        {"Infinity", UINT64_C(0x7ff0) << 48},
        {"-Infinity", UINT64_C(0xfff0) << 48},
    };
    struct slice text;
    if (!plain_text(w, &text)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *bits = words[i].bits;
        if (text.length == strlen(words[i].word) && !memcmp(text.data, words[i].word, text.length)) return true;
    }
    return false;
}

static bool double_bits(struct rewriter *w, uint64_t *bits) {
    struct json_number number;
    double found;
    if (json_peek(&w->json) == '"') return double_word(w, bits);
    if (!json_number(&w->json, &number) || !json_double(&number, &found)) return false;
    memcpy(bits, &found, sizeof found);
    return true;
}

static bool write_double(struct rewriter *w) {
    uint64_t bits;
    if (!double_bits(w, &bits)) return false;
    add_little_endian(w->out, bits, sizeof bits);
    return true;
}

/* A number, or its digits in quotes. */
static bool integer_text(struct rewriter *w, struct slice *digits) {
    struct json_number number;
    if (json_peek(&w->json) == '"') return plain_text(w, digits);
    if (!json_number(&w->json, &number)) return false;
    *digits = number.digits;
    return number.whole;
}

static bool in_range(enum field_kind kind, bool negative, uint64_t magnitude) {
    switch (kind) {
    case OF_INT32: return magnitude <= (uint64_t)INT32_MAX + negative;
    case OF_INT64: return magnitude <= (uint64_t)INT64_MAX + negative;
    case OF_FIXED64: return !negative;
    default: return !negative && magnitude <= UINT32_MAX;
    }
}

static bool write_integer(struct rewriter *w, enum field_kind kind) {
    struct slice digits;
    bool negative;
    uint64_t magnitude;
    if (!integer_text(w, &digits) || !json_integer(digits, &negative, &magnitude) ||
        !in_range(kind, negative, magnitude))
        return false;
    uint64_t number = negative ? -magnitude : magnitude;
    if (kind == OF_FIXED64) add_little_endian(w->out, number, 8);
    else if (kind == OF_FIXED32) add_little_endian(w->out, number, 4);
    else add_varint(w->out, number);
    return true;
}

/* ---------------------------------------------------------------- messages */

static bool write_message(struct rewriter *w, const struct json_message *m, int depth);

static bool write_inner(struct rewriter *w, const struct json_message *m, int depth) {
    size_t start = begin_content(w->out, m->length_bytes);
    if (!write_message(w, m, depth - 1)) return false;
    end_content(w->out, start, m->length_bytes);
    return true;
}

static bool write_one(struct rewriter *w, const struct json_field *f, int depth) {
    add_tag(w->out, f);
    switch (f->kind) {
    case OF_TEXT:
    case REPEATED_TEXT: return write_text(w);
    case OF_HEX: return write_hex(w);
    case OF_BASE64: return write_base64(w);
    case OF_BOOL: return write_bool(w);
    case OF_DOUBLE: return write_double(w);
    case OF_MESSAGE:
    case REPEATED_MESSAGE: return write_inner(w, f->message, depth);
    case LEFT_TO_PYTHON: return false;
    default: return write_integer(w, f->kind);
    }
}

static bool write_items(struct rewriter *w, const struct json_field *f, bool nesting, int depth) {
    if (!json_take(&w->json, '[')) return false;
    if (json_take(&w->json, ']')) return true;
    do
        if ((nesting && ++w->values > MAX_VALUES) || !write_one(w, f, depth)) return false;
    while (json_take(&w->json, ','));
    return json_take(&w->json, ']');
}

/* Names with an underscore may be the other ones of fields. */
static bool ignore(struct rewriter *w, const struct json_message *m, struct slice name) {
    bool unknown = !m->is_choice && (!name.length || !memchr(name.data, '_', name.length));
    return unknown && json_skip(&w->json);
}

struct progress {
    const struct json_field *next; /* exporters keep to one order */
    uint32_t seen;                 /* a bit each */
};

/* Past the name of the field, if it is next. */
static inline bool is_next(struct json *r, const struct json_field *f) {
    if (!f->name || json_peek(r) != '"' || (size_t)(r->end - r->at) < f->length + 2) return false;
    if (r->at[f->length + 1] != '"' || memcmp(r->at + 1, f->name, f->length)) return false;
    r->at += f->length + 2;
    return true;
}

static bool write_value(struct rewriter *w, const struct json_message *m, const struct json_field *f, int depth) {
    if (json_peek(&w->json) == 'n') return json_word(&w->json, "null");
    bool repeated = f->kind == REPEATED_TEXT || f->kind == REPEATED_MESSAGE;
    return repeated ? write_items(w, f, m->is_nesting, depth) : write_one(w, f, depth);
}

/* A field that comes twice is one for Python, as is a name that is written with escapes. */
static bool write_field(struct rewriter *w, const struct json_message *m, struct progress *p, int depth) {
    const struct json_field *f = p->next;
    struct slice name = {0};
    if (!is_next(&w->json, f)) {
        if (!plain_text(w, &name)) return false;
        f = field_named(m, name);
    }
    if (!json_take(&w->json, ':')) return false;
    if (!f) return ignore(w, m, name);
    uint32_t bit = UINT32_C(1) << (f - m->fields);
    if (p->seen & bit) return false;
    p->seen |= bit;
    p->next = f + 1;
    return write_value(w, m, f, depth);
}

static bool write_message(struct rewriter *w, const struct json_message *m, int depth) {
    struct progress p = {m->fields, 0};
    if (!depth || !json_take(&w->json, '{')) return false;
    if (json_take(&w->json, '}')) return true;
    do
        if (!write_field(w, m, &p, depth)) return false;
    while (json_take(&w->json, ','));
    return json_take(&w->json, '}');
}

bool rewrite_json(struct slice body, const struct json_message *request, struct buffer *out) {
    struct rewriter w = {{body.data, body.data + body.length}, out, 0};
    return write_message(&w, request, MAX_MESSAGES) && !json_peek(&w.json) && w.json.at == w.json.end;
}

/* `{` and `[` are one bit apart. */
static inline size_t containers(const uint8_t *at, size_t length) {
    uint8_t count = 0; /* so many that one byte holds them: the compiler then takes 16 at a time */
    for (size_t i = 0; i < length; i++) count = (uint8_t)(count + ((at[i] | 0x20) == '{'));
    return count;
}

size_t json_containers(struct slice body) {
    size_t found = 0, at = 0;
    for (; body.length - at >= 240; at += 240) found += containers(body.data + at, 240);
    return found + containers(body.data + at, body.length - at);
}
