/* Protobuf's wire form, read as upb (protobuf's own C core) reads it: the same bytes are refused and the same
 * unknown fields skipped, so that this decoder and the fallback agree on damaged input too. */
#ifndef TRACEKIT_WIRE_H
#define TRACEKIT_WIRE_H

#include "buffer.h"

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };

/* How many groups may stand in each other, where a message itself stands in another, one fewer. */
#define MAX_GROUPS_DEEP 100

struct reader {
    const uint8_t *at, *end;
    int depth;
};

struct field {
    uint32_t number;
    enum wire_type type;
    uint64_t number_value; /* of VARINT, FIXED64 and FIXED32 */
    struct slice bytes;    /* of BYTES */
};

/* Past a group whose start was just read. False if it is not whole. */
bool wire_skip_group(struct reader *r, uint32_t number);

static inline struct reader wire_reader(struct slice message) {
    static const uint8_t nothing[1];
    const uint8_t *data = message.data ? message.data : nothing; /* C allows no arithmetic on a null pointer */
    return (struct reader){data, data + message.length, MAX_GROUPS_DEEP};
}

/* At most `longest` bytes and `largest` in value. False if it is not there. */
static inline bool wire_varint(struct reader *r, uint64_t *value, int longest, uint64_t largest) {
    const uint8_t *at = r->at;
    if (at < r->end && *at < 0x80) {
        *value = *at;
        r->at = at + 1;
        return true;
    }
    uint64_t found = 0;
    for (int i = 0; i < longest && at < r->end; i++, at++) {
        found |= (uint64_t)(*at & 0x7f) << (7 * i);
        if (*at < 0x80) {
            *value = found;
            r->at = at + 1;
            return found <= largest;
        }
    }
    return false;
}

static inline uint64_t wire_little_endian(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline bool wire_content(struct reader *r, struct field *f) {
    size_t left = (size_t)(r->end - r->at);
    uint64_t length;
    switch (f->type) {
    case VARINT:
        return wire_varint(r, &f->number_value, 10, UINT64_MAX);
    case FIXED64:
    case FIXED32:
        length = f->type == FIXED64 ? 8 : 4;
        if (left < length) return false;
        f->number_value = wire_little_endian(r->at, (int)length);
        r->at += length;
        return true;
    case BYTES:
        if (!wire_varint(r, &length, 5, INT32_MAX) || length > (uint64_t)(r->end - r->at)) return false;
        f->bytes = (struct slice){r->at, (size_t)length};
        r->at += length;
        return true;
    case GROUP:
        return wire_skip_group(r, f->number);
    default: /* the end of a group that never began, or a type that does not exist */
        return false;
    }
}

static inline bool wire_tag(struct reader *r, struct field *f) {
    uint64_t tag = 0;
    if (!wire_varint(r, &tag, 5, UINT32_MAX)) return false;
    f->number = (uint32_t)tag >> 3;
    f->type = (enum wire_type)(tag & 7);
    return true;
}

/* The next field: 1; 0 at the end of the message, -1 if it is malformed. */
static inline int wire_next(struct reader *r, struct field *f) {
    *f = (struct field){0};
    if (r->at == r->end) return 0;
    return wire_tag(r, f) && f->number && wire_content(r, f) ? 1 : -1;
}

#endif
