/* Bytes that grow. Running out of memory leaves through the jump buffer of whoever owns them, so that no caller
 * in between has to check. */
#ifndef TRACEKIT_BUFFER_H
#define TRACEKIT_BUFFER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t length;
};

struct buffer {
    uint8_t *data;
    size_t length, capacity;
    jmp_buf *way_out;
};

/* What a jump says. */
enum { OUT_OF_MEMORY = 1, GAVE_UP = 2 };

void buffer_grow(struct buffer *b, size_t more);

/* Room for `more` (> 0) bytes behind what is there; the caller adds to `length` what it used. */
static inline uint8_t *buffer_room(struct buffer *b, size_t more) {
    if (b->capacity - b->length < more) buffer_grow(b, more);
    return b->data + b->length;
}

static inline void buffer_add(struct buffer *b, const void *data, size_t length) {
    if (!length) return;
    memcpy(buffer_room(b, length), data, length);
    b->length += length;
}

static inline void buffer_byte(struct buffer *b, uint8_t byte) {
    *buffer_room(b, 1) = byte;
    b->length++;
}

#define buffer_literal(b, text) buffer_add((b), (text), sizeof(text) - 1)

static inline void buffer_free(struct buffer *b) {
    free(b->data);
    b->data = NULL;
    b->length = b->capacity = 0;
}

#endif
