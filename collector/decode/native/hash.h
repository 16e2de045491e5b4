/* A hash whose collisions nobody can prepare: it starts from a secret of the process. */
#ifndef TRACEKIT_HASH_H
#define TRACEKIT_HASH_H

#include "buffer.h"

extern uint64_t hash_secret[2];

/* Once per process, with something unguessable. */
void hash_prepare(uint64_t seed);

/* Both halves of the product of two words: no input makes the result independent of the secret. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (a & 0xffffffff) * (b & 0xffffffff), high = (a >> 32) * (b >> 32);
    uint64_t middle = (a >> 32) * (b & 0xffffffff) + (low >> 32);
    uint64_t other = (a & 0xffffffff) * (b >> 32) + (middle & 0xffffffff);
    return ((low & 0xffffffff) | other << 32) ^ (high + (middle >> 32) + (other >> 32));
#endif
}

static inline uint64_t hash_load8(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

/* 1 to 8 bytes; of fewer than 8 each has a place of its own. */
static inline uint64_t hash_word(const uint8_t *at, size_t length) {
    uint32_t first, last;
    if (length >= 8) return hash_load8(at);
    if (length < 4) return (uint64_t)at[0] << 16 | (uint64_t)at[length / 2] << 8 | at[length - 1];
    memcpy(&first, at, 4);
    memcpy(&last, at + length - 4, 4);
    return (uint64_t)first << 32 | last;
}

static inline uint64_t hash_of(struct slice bytes) {
    uint64_t hash = bytes.length ^ hash_secret[0];
    for (size_t at = 0; at < bytes.length; at += 16) {
        uint64_t one = hash_word(bytes.data + at, bytes.length - at);
        uint64_t two = at + 8 < bytes.length ? hash_word(bytes.data + at + 8, bytes.length - at - 8) : 0;
        hash = hash_fold(one ^ hash_secret[1], two ^ hash);
    }
    return hash;
}

#endif
