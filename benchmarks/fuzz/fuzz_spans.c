/* The decoder in C without Python: any bytes are a request. It must neither crash nor read or write where it may
 * not, and what it gives must be whole: every column as long as the table, every text inside its column.
 *
 * benchmarks/fuzz/run.sh builds and runs it: under libFuzzer where clang is, else with the mutations of mutations.h. */
#include "arrow.h"
#include "hash.h"
#include "mutations.h"
#include "spans.h"
#include "text.h"

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
