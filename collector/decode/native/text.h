/* Text as columns and JSON hold it. */
#ifndef TRACEKIT_TEXT_H
#define TRACEKIT_TEXT_H

#include "buffer.h"

/* UTF-8 as Python's bytes.decode("utf-8", "replace") reads it: U+FFFD for each part that is none. */
void text_add(struct buffer *out, struct slice text);
/* The same as a JSON string with its quotes, escaped as json.dumps(ensure_ascii=False) does. */
void text_add_json(struct buffer *out, struct slice text);

/* How many bytes from `at` are ASCII that JSON does not escape. */
size_t text_plain_run(const uint8_t *at, size_t left);
/* Length of the character at `at`, or 0 with the number of bytes that one U+FFFD stands for in `*bad`. */
size_t text_character(const uint8_t *at, size_t left, size_t *bad);

void text_add_unsigned(struct buffer *out, uint64_t number);
void text_add_integer(struct buffer *out, int64_t number);
/* A finite or other double as Python's repr writes it: the shortest digits that read back as the same. */
void text_add_double(struct buffer *out, double number);
void text_add_base64(struct buffer *out, struct slice bytes);
void text_add_hex(struct buffer *out, struct slice bytes);

#endif
