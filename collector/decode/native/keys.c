#include "keys.h"

#include "hash.h"

static const uint8_t zeros[KEY_BYTES];

static bool is_zeros(const uint8_t *key) { return !memcmp(key, zeros, KEY_BYTES); }

/* Where the key is, or would be put. There is always a free slot. */
static uint8_t *slot_of(const struct key_set *set, const uint8_t *key) {
    size_t at = hash_of((struct slice){key, KEY_BYTES}) & (set->size - 1);
    for (;; at = (at + 1) & (set->size - 1)) {
        uint8_t *slot = set->slots + at * KEY_BYTES;
        if (is_zeros(slot) || !memcmp(slot, key, KEY_BYTES)) return slot;
    }
}

bool keys_contain(const struct key_set *set, const uint8_t *key) {
    if (is_zeros(key)) return set->has_zeros;
    return set->count && !is_zeros(slot_of(set, key));
}

static bool grow(struct key_set *set) {
    struct key_set larger = {.size = set->size ? set->size * 2 : 64, .count = set->count, .has_zeros = set->has_zeros};
    larger.slots = calloc(larger.size, KEY_BYTES);
    if (!larger.slots) return false;
    for (size_t i = 0; i < set->size; i++) {
        const uint8_t *key = set->slots + i * KEY_BYTES;
        if (!is_zeros(key)) memcpy(slot_of(&larger, key), key, KEY_BYTES);
    }
    free(set->slots);
    *set = larger;
    return true;
}

int keys_add(struct key_set *set, const uint8_t *key) {
    if (is_zeros(key)) {
        int added = !set->has_zeros;
        set->has_zeros = true;
        return added;
    }
    if (set->count * 2 >= set->size && !grow(set)) return -1;
    uint8_t *slot = slot_of(set, key);
    if (!is_zeros(slot)) return 0;
    memcpy(slot, key, KEY_BYTES);
    set->count++;
    return 1;
}

void keys_free(struct key_set *set) {
    free(set->slots);
    *set = (struct key_set){0};
}
