#include "json.h"

#include <math.h>
#include <stdio.h>

#include "text.h"

#define DEEPEST 64 /* arrays and objects in each other, of a value that is skipped */
#define LONGEST 64 /* characters of a number */

bool json_word(struct json *r, const char *word) {
    size_t length = strlen(word);
    if (json_peek(r) != (uint8_t)*word || (size_t)(r->end - r->at) < length || memcmp(r->at, word, length)) return false;
    r->at += length;
    return true;
}

/* ---------------------------------------------------------------- strings */

/* The unit of UTF-16 in `\uXXXX`; -1 if that is not there. */
static int32_t utf16_unit(const uint8_t *at, size_t left) {
    int32_t unit = 0;
    if (left < 6 || at[0] != '\\' || at[1] != 'u') return -1;
    for (int i = 2; i < 6; i++) {
        uint8_t digit = hex_value(at[i]);
        if (digit == NO_DIGIT) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static size_t utf16_escape(const uint8_t *at, size_t left, uint32_t *code) {
    int32_t unit = utf16_unit(at, left);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return 0;
    *code = (uint32_t)unit;
    if (unit < 0xd800 || unit > 0xdfff) return 6;
    int32_t second = utf16_unit(at + 6, left - 6);
    if (second < 0xdc00 || second > 0xdfff) return 0;
    *code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10 | (uint32_t)(second - 0xdc00));
    return 12;
}

/* How long the escape at `at` is, and what it stands for; 0 if it is none, or half a character. */
static size_t escape(const uint8_t *at, size_t left, uint32_t *code) {
    if (left < 2) return 0;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/': *code = at[1]; return 2;
    case 'n': *code = '\n'; return 2;
    case 't': *code = '\t'; return 2;
    case 'r': *code = '\r'; return 2;
    case 'b': *code = '\b'; return 2;
    case 'f': *code = '\f'; return 2;
    case 'u': return utf16_escape(at, left, code);
    default: return 0;
    }
}

/* Past what needs care: an escape, or a character beyond ASCII. */
static size_t careful(const uint8_t *at, size_t left, bool *escaped) {
    uint32_t code;
    size_t bad;
    if (*at >= 0x80) return text_character(at, left, &bad);
    if (*at != '\\') return 0; /* a control character */
    *escaped = true;
    return escape(at, left, &code);
}

bool json_string(struct json *r, struct json_text *text) {
    if (!json_take(r, '"')) return false;
    const uint8_t *at = r->at;
    text->escaped = false;
    for (;;) {
        at += text_plain_run(at, (size_t)(r->end - at));
        if (at == r->end) return false;
        if (*at == '"') break;
        size_t length = careful(at, (size_t)(r->end - at), &text->escaped);
        if (!length) return false;
        at += length;
    }
    text->raw = (struct slice){r->at, (size_t)(at - r->at)};
    r->at = at + 1;
    return true;
}

/* Where what follows the character begins. */
static uint8_t *put_utf8(uint8_t *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (uint8_t)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (uint8_t)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *to++ = (uint8_t)(0xe0 | code >> 12);
        *to++ = (uint8_t)(0x80 | (code >> 6 & 63));
    } else {
        *to++ = (uint8_t)(0xf0 | code >> 18);
        *to++ = (uint8_t)(0x80 | (code >> 12 & 63));
        *to++ = (uint8_t)(0x80 | (code >> 6 & 63));
    }
    *to++ = (uint8_t)(0x80 | (code & 63));
    return to;
}

/* Where the rest of `text` begins: the next escape, or its end. What comes before is copied to `*to`. */
static const uint8_t *copy_run(struct slice text, uint8_t **to) {
    const uint8_t *found = memchr(text.data, '\\', text.length);
    size_t length = found ? (size_t)(found - text.data) : text.length;
    memcpy(*to, text.data, length);
    *to += length;
    return text.data + length;
}

void json_unescape(struct slice raw, struct buffer *out) {
    const uint8_t *at = raw.data, *end = at + raw.length;
    uint8_t *to = buffer_room(out, raw.length + 1); /* no escape is shorter than what it stands for */
    while (at < end) {
        uint32_t code = 0;
        if (*at != '\\') at = copy_run((struct slice){at, (size_t)(end - at)}, &to);
        if (at == end) break;
        at += escape(at, (size_t)(end - at), &code);
        to = put_utf8(to, code);
    }
    out->length = (size_t)(to - out->data);
}

/* ---------------------------------------------------------------- numbers */

static inline bool is_digit(const uint8_t *at, const uint8_t *end) { return at < end && *at >= '0' && *at <= '9'; }

/* Past one digit or more; NULL without any. */
static const uint8_t *digits(const uint8_t *at, const uint8_t *end) {
    if (!is_digit(at, end)) return NULL;
    while (is_digit(at, end)) at++;
    return at;
}

static const uint8_t *fraction(const uint8_t *at, const uint8_t *end) {
    return at < end && *at == '.' ? digits(at + 1, end) : at;
}

static const uint8_t *exponent(const uint8_t *at, const uint8_t *end) {
    if (at == end || (*at | 0x20) != 'e') return at;
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    return digits(at, end);
}

bool json_number(struct json *r, struct json_number *number) {
    json_peek(r);
    const uint8_t *at = r->at + (r->at < r->end && *r->at == '-'), *whole;
    if (at < r->end && *at == '0') whole = at + 1; /* nothing but itself may follow it */
    else whole = digits(at, r->end);
    if (!whole || !(at = fraction(whole, r->end)) || !(at = exponent(at, r->end))) return false;
    number->digits = (struct slice){r->at, (size_t)(at - r->at)};
    number->whole = at == whole;
    r->at = at;
    return number->digits.length <= LONGEST;
}

bool json_integer(struct slice text, bool *negative, uint64_t *magnitude) {
    const uint8_t *at = text.data, *end = at + text.length;
    *negative = at < end && *at == '-';
    at += *negative;
    if (!is_digit(at, end) || (*at == '0' && (end - at > 1 || *negative))) return false;
    uint64_t found = 0;
    for (; is_digit(at, end); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (found > (UINT64_MAX - digit) / 10) return false;
        found = found * 10 + digit;
    }
    *magnitude = found;
    return at == end;
}

struct decimal {
    char digits[LONGEST + 16]; /* of the whole number that is multiplied with ten to the power */
    int count;
    int power;
    bool negative;
};

static void read_decimal(struct slice text, struct decimal *d) {
    bool behind_point = false;
    *d = (struct decimal){0};
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (c == '-') {
            d->negative = true;
        } else if (c == '.') {
            behind_point = true;
        } else if (c >= '0' && c <= '9') {
            if (d->count || c != '0') d->digits[d->count++] = (char)c;
            d->power -= behind_point;
        } else {
            char rest[LONGEST + 1] = {0}; /* what follows the `e` */
            memcpy(rest, text.data + i + 1, text.length - i - 1);
            long power = strtol(rest, NULL, 10);
            d->power += (int)(power > 9999 ? 9999 : power < -9999 ? -9999 : power);
            return;
        }
    }
}

/* With digits below 2**53 and a power of ten that a double holds, one operation is exact to the last bit. The
 * others are the C library's, which reads exactly; it sees no decimal point, so that the locale's does not matter. */
bool json_double(const struct json_number *text, double *number) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal d;
    read_decimal(text->digits, &d);
    if (!d.count) {
        *number = d.negative ? -0.0 : 0.0;
        return !(d.negative && text->whole);
    }
    if (d.count <= 15 && d.power >= -22 && d.power <= 22) {
        double whole = (double)strtoull(d.digits, NULL, 10);
        *number = d.power < 0 ? whole / tens[-d.power] : whole * tens[d.power];
    } else {
        snprintf(d.digits + d.count, sizeof d.digits - (size_t)d.count, "e%d", d.power);
        *number = strtod(d.digits, NULL);
    }
    bool held = *number != 0 && !isinf(*number);
    if (d.negative) *number = -*number;
    return held;
}

/* ---------------------------------------------------------------- any value */

static bool skip(struct json *r, int depth);

static bool skip_object(struct json *r, int depth) {
    struct json_text key;
    if (json_take(r, '}')) return true;
    do
        if (!json_string(r, &key) || !json_take(r, ':') || !skip(r, depth)) return false;
    while (json_take(r, ','));
    return json_take(r, '}');
}

static bool skip_array(struct json *r, int depth) {
    if (json_take(r, ']')) return true;
    do
        if (!skip(r, depth)) return false;
    while (json_take(r, ','));
    return json_take(r, ']');
}

static bool skip(struct json *r, int depth) {
    struct json_text text;
    struct json_number number;
    switch (json_peek(r)) {
    case '{':
    case '[':
        if (!depth) return false;
        return *r->at++ == '{' ? skip_object(r, depth - 1) : skip_array(r, depth - 1);
    case '"': return json_string(r, &text);
    case 'n': return json_word(r, "null");
    case 't': return json_word(r, "true");
    case 'f': return json_word(r, "false");
    default: return json_number(r, &number);
    }
}

bool json_skip(struct json *r) { return skip(r, DEEPEST); }
