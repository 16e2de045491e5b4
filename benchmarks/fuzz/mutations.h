/* What fuzzes without libFuzzer: each round takes a file, changes some bytes, cuts or repeats.
 *
 *     fuzz ROUNDS FILE... */
#ifndef TRACEKIT_MUTATIONS_H
#define TRACEKIT_MUTATIONS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(truth) \
    do { \
        if (!(truth)) abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef WITHOUT_LIBFUZZER
#include <stdio.h>

static uint64_t state = 88172645463325252u;

static size_t below(size_t bound) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return bound ? (size_t)(state % bound) : 0;
}

static size_t read_file(const char *path, uint8_t *into, size_t room) {
    FILE *file = fopen(path, "rb");
    REQUIRE(file);
    size_t length = fread(into, 1, room, file);
    fclose(file);
    return length;
}

static size_t change(uint8_t *body, size_t length, size_t room) {
    size_t at = below(length), some = below(length - at + 1) % 64;
    switch (below(5)) {
    case 0: body[at] = (uint8_t)below(256); return length;
    case 1: body[at] ^= (uint8_t)(1u << below(8)); return length;
    case 2: memmove(body + at, body + at + some, length - at - some); return length - some;
    case 3:
        if (length + some > room) return length;
        memmove(body + at + some, body + at, length - at);
        return length + some;
    default: memset(body + at, below(2) ? 0xff : 0x80, some % 12); return length;
    }
}

int main(int count, char **arguments) {
    enum { ROOM = 1 << 16 };
    static uint8_t body[ROOM + 64];
    long rounds = strtol(arguments[1], NULL, 10);
    for (long round = 0; round < rounds; round++) {
        size_t length = read_file(arguments[2 + below((size_t)count - 2)], body, ROOM);
        for (size_t changes = below(8); length && changes; changes--) length = change(body, length, ROOM);
        uint8_t *exact = malloc(length + !length); /* of the exact size, so that a byte too far is noticed */
        REQUIRE(exact);
        memcpy(exact, body, length);
        LLVMFuzzerTestOneInput(exact, length);
        free(exact);
    }
    printf("%ld rounds\n", rounds);
    return 0;
}
#endif

#endif
