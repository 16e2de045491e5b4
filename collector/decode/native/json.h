/* JSON as RFC 8259 writes it, token by token, without a tree. Whatever is unusual is "not ordinary" (false) and left
 * to the Python parsers, which know what may still be read: lone surrogates, NaN, numbers of any length. */
#ifndef TRACEKIT_JSON_H
#define TRACEKIT_JSON_H

#include "buffer.h"

struct json {
    const uint8_t *at, *end;
};

/* What stands between the quotes: UTF-8 without a control character; its escapes are sound. */
struct json_text {
    struct slice raw;
    bool escaped;
};

struct json_number {
    struct slice digits; /* with sign, point and exponent */
    bool whole;          /* neither a point nor an exponent */
};

/* The next character that is no white space; 0 at the end. */
static inline uint8_t json_peek(struct json *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
    return r->at < r->end ? *r->at : 0;
}

/* Past that character, if it is the next one. */
static inline bool json_take(struct json *r, uint8_t character) {
    if (json_peek(r) != character) return false;
    r->at++;
    return true;
}

#define NO_DIGIT 0xff

/* Of a hexadecimal digit in either case. Without a branch: of an id no digit tells the next. */
static inline uint8_t hex_value(uint8_t c) {
    uint8_t digit = (uint8_t)(c - '0'), letter = (uint8_t)((c | 0x20) - 'a');
    uint8_t is_digit = (uint8_t)-(digit < 10), is_letter = (uint8_t)-(letter < 6);
    return (uint8_t)((digit & is_digit) | ((letter + 10) & is_letter) | (uint8_t)~(is_digit | is_letter));
}

/* Past `null`, `true` or `false`, if it is next. */
bool json_word(struct json *r, const char *word);
bool json_string(struct json *r, struct json_text *text);
bool json_number(struct json *r, struct json_number *number);
/* Past a value of any kind. */
bool json_skip(struct json *r);

/* The text as UTF-8 behind what is in `out`. */
void json_unescape(struct slice raw, struct buffer *out);
/* An integer of at most 64 bits in its usual spelling: no plus, no leading zero, no -0. */
bool json_integer(struct slice digits, bool *negative, uint64_t *magnitude);
/* The nearest double, as every exact reader finds it. False for what is too large or too small, and for -0. */
bool json_double(const struct json_number *text, double *number);

#endif
