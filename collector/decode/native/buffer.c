#include "buffer.h"

#define GENTLY ((size_t)64 * 1024)

void buffer_grow(struct buffer *b, size_t more) {
    size_t wanted = b->length + more;
    if (wanted < more || wanted > PTRDIFF_MAX / 2) longjmp(*b->way_out, OUT_OF_MEMORY);
    /* Large ones wait for their insert by the hundred: half of what they take would be nothing's. */
    size_t capacity = !b->capacity ? 256 : b->capacity + b->capacity / (b->capacity < GENTLY ? 1 : 4);
    if (capacity < wanted) capacity = wanted;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) longjmp(*b->way_out, OUT_OF_MEMORY);
    b->data = data;
    b->capacity = capacity;
}
