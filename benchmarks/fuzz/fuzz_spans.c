/* The decoder in C without Python: any bytes are a request. It must neither crash nor read or write where it may
 * not, and what it gives must be whole: every column as long as the table, every text inside its column.
 *
 * benchmarks/fuzz/run.sh builds and runs it: under libFuzzer where clang is, else with the mutations below. */
#include "arrow.h"
#include "hash.h"
#include "spans.h"
#include "text.h"

#define REQUIRE(truth) \
    do { \
        if (!(truth)) abort(); \
    } while (0)

/* What module.c does with Python: here a statement that is not ASCII becomes one mark. */
static bool normalise(void *with, struct slice text, struct slice system, struct buffer *out) {
    (void)with, (void)text, (void)system;
    buffer_literal(out, "?");
    return true;
}

static void require_text(const struct column *c, size_t rows) {
    const int64_t *offsets = (const int64_t *)c->offsets.data;
    if (!rows) return;
    REQUIRE(c->offsets.length == (rows + 1) * sizeof *offsets && offsets[0] == 0);
    for (size_t row = 0; row < rows; row++) REQUIRE(offsets[row] <= offsets[row + 1]);
    REQUIRE((size_t)offsets[rows] == c->values.length);
    struct buffer again = {.way_out = c->values.way_out};
    text_add(&again, (struct slice){c->values.data, c->values.length});
    REQUIRE(again.length == c->values.length); /* valid UTF-8 throughout: nothing was replaced */
    buffer_free(&again);
}

static void require_whole(struct request *r) {
    struct table *t = r->table;
    for (int i = 0; i < t->width; i++) {
        size_t bytes = column_bytes(t->specs[i].type);
        if (bytes) REQUIRE(t->columns[i].values.length == bytes * t->rows);
        else require_text(&t->columns[i], t->rows);
    }
    const struct span_link *links = (const struct span_link *)r->links.data;
    for (size_t i = 0; i < r->links.length / sizeof *links; i++) REQUIRE(links[i].row < t->rows);
    const uint32_t *snapshots = (const uint32_t *)r->snapshots.data;
    for (size_t i = 0; i < r->snapshots.length / sizeof *snapshots; i++) REQUIRE(snapshots[i] < t->rows);
}

static void export_and_release(struct table *t) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    REQUIRE(table_export(t, &schema, &array));
    REQUIRE(array.length == (int64_t)t->rows && array.n_children == schema.n_children);
    schema.release(&schema);
    array.release(&array);
}

static void decode(struct request *r, struct slice body, jmp_buf *way_out) {
    static const uint8_t some[] = "resource";
    if (request_find(r, body)) return;
    struct resource_group *resources = (struct resource_group *)r->resources.data;
    for (size_t i = 0; i < r->resources.length / sizeof *resources; i++)
        resources[i].columns.service = (struct slice){some, sizeof some - 1};
    r->table = table_new(span_specs, SPAN_WIDTH, 0, way_out);
    REQUIRE(r->table);
    if (request_read(r)) return;
    require_whole(r);
    export_and_release(r->table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    jmp_buf way_out;
    struct request r;
    static bool prepared;
    if (!prepared) hash_prepare(1), attributes_prepare(), table_prepare();
    prepared = true;
    memset(&r, 0, sizeof r);
    request_prepare(&r, &way_out);
    r.received_ns = INT64_C(1700000060000000000);
    r.normalise = normalise;
    if (!setjmp(way_out)) decode(&r, (struct slice){data, size}, &way_out);
    request_free(&r);
    return 0;
}

#ifdef WITHOUT_LIBFUZZER
/* fuzz_spans ROUNDS FILE...: each round takes a file, changes some bytes, cuts, repeats or joins it to another. */
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
