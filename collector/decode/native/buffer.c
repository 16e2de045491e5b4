#include "buffer.h"

void buffer_grow(struct buffer *b, size_t more) {
    size_t wanted = b->length + more;
    if (wanted < more || wanted > PTRDIFF_MAX / 2) longjmp(*b->way_out, OUT_OF_MEMORY);
    size_t capacity = b->capacity ? b->capacity * 2 : 256;
    if (capacity < wanted) capacity = wanted;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) longjmp(*b->way_out, OUT_OF_MEMORY);
    b->data = data;
    b->capacity = capacity;
}
