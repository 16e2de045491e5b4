/* A set of span keys: KEY_BYTES each (trace id, span id), in one table without pointers. */
#ifndef TRACEKIT_KEYS_H
#define TRACEKIT_KEYS_H

#include "buffer.h"

/* trace id and span id, both big-endian */
#define KEY_BYTES 24

struct key_set {
    uint8_t *slots; /* KEY_BYTES each; all zeros where free */
    size_t size, count;
    bool has_zeros;
};

bool keys_contain(const struct key_set *set, const uint8_t *key);
/* 1 if it was added, 0 if it was there, -1 if there is no memory. */
int keys_add(struct key_set *set, const uint8_t *key);
void keys_free(struct key_set *set);

#endif
