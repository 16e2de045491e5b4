#include "text.h"

#define REPEAT(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS REPEAT(0x80)

static inline uint64_t load8(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* Not zero if one of eight bytes is zero. */
static inline uint64_t has_zero(uint64_t word) { return (word - REPEAT(1)) & ~word & HIGH_BITS; }

/* Not zero if one of eight bytes is not ASCII, or is one that JSON escapes. */
static inline uint64_t needs_care(uint64_t word, bool json) {
    uint64_t found = word & HIGH_BITS;
    if (!json) return found;
    uint64_t control = (word - REPEAT(0x20)) & ~word & HIGH_BITS;
    return found | control | has_zero(word ^ REPEAT('"')) | has_zero(word ^ REPEAT('\\'));
}

static inline bool plain(uint8_t byte, bool json) {
    return byte < 0x80 && !(json && (byte < 0x20 || byte == '"' || byte == '\\'));
}

/* Of eight bytes of which some need care, as needs_care() marks them: how many come before the first. Of the marks
 * behind it some may be false: its subtraction borrows from the next byte. */
static inline size_t before_first(uint64_t marks, const uint8_t *at, bool json) {
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)at, (void)json;
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    (void)marks;
    size_t n = 0;
    while (plain(at[n], json)) n++;
    return n;
#endif
}

/* How many bytes from `at` need nothing done. */
static inline size_t plain_run(const uint8_t *at, size_t left, bool json) {
    size_t n = 0;
    for (; left - n >= 8; n += 8) {
        uint64_t marks = needs_care(load8(at + n), json);
        if (marks) return n + before_first(marks, at + n, json);
    }
    while (n < left && plain(at[n], json)) n++;
    return n;
}

static inline bool continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Whether `second` may follow the lead byte: no overlong form, no surrogate, nothing above U+10FFFF. */
static inline bool may_follow(uint8_t lead, uint8_t second) {
    switch (lead) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return continues(second);
    }
}

size_t text_plain_run(const uint8_t *at, size_t left) { return plain_run(at, left, true); }

size_t text_character(const uint8_t *at, size_t left, size_t *bad) {
    uint8_t lead = at[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    *bad = 1;
    if (length < 2) return length;
    if (left < 2 || !may_follow(lead, at[1])) return 0;
    for (size_t i = 2; i < length; i++) {
        *bad = i;
        if (i >= left || !continues(at[i])) return 0;
    }
    return length;
}

static void add_escaped(struct buffer *out, uint8_t byte) {
    static const char hex[] = "0123456789abcdef";
    switch (byte) {
    case '"': buffer_literal(out, "\\\""); return;
    case '\\': buffer_literal(out, "\\\\"); return;
    case '\n': buffer_literal(out, "\\n"); return;
    case '\r': buffer_literal(out, "\\r"); return;
    case '\t': buffer_literal(out, "\\t"); return;
    case '\f': buffer_literal(out, "\\f"); return;
    case '\b': buffer_literal(out, "\\b"); return;
    default:
        buffer_literal(out, "\\u00");
        buffer_byte(out, (uint8_t)hex[byte >> 4]);
        buffer_byte(out, (uint8_t)hex[byte & 15]);
    }
}

static void add(struct buffer *out, struct slice text, bool json) {
    const uint8_t *at = text.data;
    size_t left = text.length, bad;
    while (left) {
        size_t run = plain_run(at, left, json);
        buffer_add(out, at, run);
        at += run, left -= run;
        if (!left) return;
        size_t length = text_character(at, left, &bad);
        if (length == 1) {
            add_escaped(out, *at);
        } else if (length) {
            buffer_add(out, at, length);
        } else {
            buffer_literal(out, "\xef\xbf\xbd");
            length = bad;
        }
        at += length, left -= length;
    }
}

void text_add(struct buffer *out, struct slice text) { add(out, text, false); }

void text_add_json(struct buffer *out, struct slice text) {
    buffer_byte(out, '"');
    add(out, text, true);
    buffer_byte(out, '"');
}

void text_add_unsigned(struct buffer *out, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buffer_add(out, digits + at, sizeof digits - at);
}

void text_add_integer(struct buffer *out, int64_t number) {
    if (number < 0) buffer_byte(out, '-');
    text_add_unsigned(out, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_add_hex(struct buffer *out, struct slice bytes) {
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = buffer_room(out, bytes.length * 2);
    for (size_t i = 0; i < bytes.length; i++) {
        *at++ = (uint8_t)hex[bytes.data[i] >> 4];
        *at++ = (uint8_t)hex[bytes.data[i] & 15];
    }
    out->length += bytes.length * 2;
}

void text_add_base64(struct buffer *out, struct slice bytes) {
    static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t three = (uint32_t)bytes.data[i] << 16;
        if (left > 1) three |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) three |= bytes.data[i + 2];
        buffer_byte(out, (uint8_t)code[three >> 18]);
        buffer_byte(out, (uint8_t)code[three >> 12 & 63]);
        buffer_byte(out, left > 1 ? (uint8_t)code[three >> 6 & 63] : '=');
        buffer_byte(out, left > 2 ? (uint8_t)code[three & 63] : '=');
    }
}
