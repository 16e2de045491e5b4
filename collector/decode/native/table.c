#include "table.h"

#include "arrow.h"
#include "pool.h"

size_t column_bytes(enum column_type type) {
    static const size_t bytes[] = {[HEX128] = 16, [U64] = 8, [I64] = 8, [U32] = 4,
                                   [I32] = 4,     [U8] = 1,  [BOOL] = 1, [TEXT] = 0};
    return bytes[type];
}

struct table *table_new(const struct column_spec *specs, int width, size_t bytes, jmp_buf *way_out) {
    struct table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    *t = (struct table){1, 0, width, specs, pool_take(specs, bytes)};
    if (!t->columns) t->columns = calloc((size_t)width, sizeof *t->columns);
    if (!t->columns) {
        free(t);
        return NULL;
    }
    for (int i = 0; i < width; i++)
        t->columns[i].values.way_out = t->columns[i].offsets.way_out = way_out;
    return t;
}

void table_hold(struct table *t) { __atomic_add_fetch(&t->holders, 1, __ATOMIC_RELAXED); }

void table_release(struct table *t) {
    if (!t || __atomic_sub_fetch(&t->holders, 1, __ATOMIC_ACQ_REL)) return;
    if (!pool_give(t->specs, t->width, t->columns)) columns_free(t->columns, t->width);
    free(t);
}

void columns_free(struct column *columns, int width) {
    for (int i = 0; i < width; i++) {
        buffer_free(&columns[i].values);
        buffer_free(&columns[i].offsets);
    }
    free(columns);
}

size_t table_bytes(const struct table *t) {
    size_t bytes = 0;
    for (int i = 0; i < t->width; i++)
        bytes += t->columns[i].values.capacity + t->columns[i].offsets.capacity;
    return bytes;
}

void table_expect(struct table *t, size_t rows) {
    for (int i = 0; rows && i < t->width; i++) {
        struct column *c = &t->columns[i];
        size_t bytes = column_bytes(t->specs[i].type);
        if (bytes) buffer_room(&c->values, rows * bytes);
        else buffer_room(&c->offsets, (rows + 1) * sizeof(int64_t));
    }
}

/* ---------------------------------------------------------------- rows */

static void end_text(struct column *c) {
    int64_t end = (int64_t)c->values.length;
    if (!c->offsets.length) buffer_add(&c->offsets, &(int64_t){0}, sizeof end);
    buffer_add(&c->offsets, &end, sizeof end);
}

static int64_t offset_of(const struct column *c, size_t row) {
    return c->offsets.length ? ((const int64_t *)c->offsets.data)[row] : 0;
}

void table_keep_row(struct table *t) {
    for (int i = 0; i < t->width; i++)
        if (t->specs[i].type == TEXT) end_text(&t->columns[i]);
    t->rows++;
}

void table_forget_row(struct table *t) {
    for (int i = 0; i < t->width; i++) {
        struct column *c = &t->columns[i];
        size_t bytes = column_bytes(t->specs[i].type);
        c->values.length = bytes ? bytes * t->rows : (size_t)offset_of(c, t->rows);
    }
}

struct slice table_text(const struct table *t, int column, size_t row) {
    const struct column *c = &t->columns[column];
    int64_t start = offset_of(c, row), end = offset_of(c, row + 1);
    return (struct slice){c->values.data + start, (size_t)(end - start)};
}

static void take_column(struct column *to, const struct table *from, int column, const uint32_t *rows,
                        size_t count) {
    size_t bytes = column_bytes(from->specs[column].type);
    const uint8_t *values = from->columns[column].values.data;
    for (size_t i = 0; i < count; i++) {
        if (bytes) {
            buffer_add(&to->values, values + bytes * rows[i], bytes);
        } else {
            struct slice text = table_text(from, column, rows[i]);
            buffer_add(&to->values, text.data, text.length);
            end_text(to);
        }
    }
}

void table_take(struct table *to, const struct table *from, const uint32_t *rows, size_t count) {
    for (int i = 0; i < to->width; i++) take_column(&to->columns[i], from, i, rows, count);
    to->rows += count;
}

/* Room for all at once: columns of a hundred thousand rows would be copied over and over as they grow. */
static void expect_joined(struct column *to, const struct table **from, size_t count, int column, bool text) {
    size_t bytes = 0, rows = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += from[i]->columns[column].values.length;
        rows += from[i]->rows;
    }
    if (bytes) buffer_room(&to->values, bytes);
    if (text && rows) buffer_room(&to->offsets, (rows + 1) * sizeof(int64_t));
}

static void join_offsets(struct column *to, const struct column *from, size_t rows) {
    int64_t before = (int64_t)to->values.length;
    if (!to->offsets.length) buffer_add(&to->offsets, &(int64_t){0}, sizeof before);
    int64_t *ends = (int64_t *)buffer_room(&to->offsets, rows * sizeof before);
    for (size_t row = 0; row < rows; row++) ends[row] = before + offset_of(from, row + 1);
    to->offsets.length += rows * sizeof before;
}

void table_join(struct table *to, const struct table **from, size_t count) {
    for (int i = 0; i < to->width; i++) {
        struct column *c = &to->columns[i];
        bool text = to->specs[i].type == TEXT;
        expect_joined(c, from, count, i, text);
        for (size_t k = 0; k < count; k++) {
            const struct column *one = &from[k]->columns[i];
            if (text && from[k]->rows) join_offsets(c, one, from[k]->rows);
            buffer_add(&c->values, one->values.data, one->values.length);
        }
    }
    for (size_t k = 0; k < count; k++) to->rows += from[k]->rows;
}

/* ---------------------------------------------------------------- Arrow */

/* One allocation each for everything a schema or an array points to; only the outermost is released. */
struct schema_memory {
    struct ArrowSchema *children, **pointers;
};

struct array_memory {
    struct table *table;
    struct ArrowArray *children, **pointers;
    const void *(*buffers)[3];
    const void *none;
};

static const int64_t no_offsets[1] = {0};
static const uint64_t no_values[1] = {0}; /* some readers take a null pointer amiss, even of no bytes */

static void release_child_schema(struct ArrowSchema *s) { s->release = NULL; }
static void release_child_array(struct ArrowArray *a) { a->release = NULL; }

static void release_schema(struct ArrowSchema *s) {
    struct schema_memory *m = s->private_data;
    for (int64_t i = 0; i < s->n_children; i++)
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
    free(m->children);
    free(m->pointers);
    free(m);
    s->release = NULL;
}

static void release_array(struct ArrowArray *a) {
    struct array_memory *m = a->private_data;
    for (int64_t i = 0; i < a->n_children; i++)
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
    table_release(m->table);
    free(m->children);
    free(m->pointers);
    free(m->buffers);
    free(m);
    a->release = NULL;
}

/* Of a HEX128: {"ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": ""} as Arrow encodes it, a
 * native 32-bit length before each text. Written once, by table_prepare. */
static char uuid_metadata[80];

static char *add_text(char *at, const char *text) {
    int32_t length = (int32_t)strlen(text);
    memcpy(at, &length, sizeof length);
    memcpy(at + sizeof length, text, (size_t)length);
    return at + sizeof length + length;
}

void table_prepare(void) {
    int32_t pairs = 2;
    memcpy(uuid_metadata, &pairs, sizeof pairs);
    char *at = add_text(uuid_metadata + sizeof pairs, "ARROW:extension:name");
    at = add_text(at, "arrow.uuid");
    at = add_text(at, "ARROW:extension:metadata");
    add_text(at, "");
}

static bool export_schema(const struct table *t, struct ArrowSchema *schema) {
    static const char *const formats[] = {[HEX128] = "w:16", [U64] = "L", [I64] = "l",  [U32] = "I",
                                          [I32] = "i",       [U8] = "C",  [BOOL] = "c", [TEXT] = "U"};
    size_t width = (size_t)t->width;
    struct schema_memory *m = calloc(1, sizeof *m);
    if (!m) return false;
    m->children = calloc(width, sizeof *m->children);
    m->pointers = calloc(width, sizeof *m->pointers);
    *schema = (struct ArrowSchema){"+s", "", NULL, 0, t->width, m->pointers, NULL, release_schema, m};
    if (!m->children || !m->pointers) {
        schema->n_children = 0;
        release_schema(schema);
        return false;
    }
    for (int i = 0; i < t->width; i++) {
        const char *metadata = t->specs[i].type == HEX128 ? uuid_metadata : NULL;
        m->pointers[i] = &m->children[i];
        m->children[i] = (struct ArrowSchema){
            formats[t->specs[i].type], t->specs[i].name, metadata, 0, 0, NULL, NULL, release_child_schema, NULL};
    }
    return true;
}

static void export_column(const struct table *t, int column, const void **buffers, struct ArrowArray *array) {
    const struct column *c = &t->columns[column];
    bool text = t->specs[column].type == TEXT;
    const void *values = c->values.data ? (const void *)c->values.data : no_values;
    const void *offsets = c->offsets.data ? (const void *)c->offsets.data : no_offsets;
    buffers[0] = NULL; /* nothing is null: see NO_BOOL in collector/arrow.py */
    buffers[1] = text ? offsets : values;
    buffers[2] = values;
    *array = (struct ArrowArray){(int64_t)t->rows, 0, 0, text ? 3 : 2, 0, buffers, NULL, NULL, release_child_array,
                                 NULL};
}

static bool export_array(struct table *t, struct ArrowArray *array) {
    size_t width = (size_t)t->width;
    struct array_memory *m = calloc(1, sizeof *m);
    if (!m) return false;
    m->children = calloc(width, sizeof *m->children);
    m->pointers = calloc(width, sizeof *m->pointers);
    m->buffers = calloc(width, sizeof *m->buffers);
    *array = (struct ArrowArray){(int64_t)t->rows, 0, 0, 1, t->width, &m->none, m->pointers, NULL, release_array, m};
    if (!m->children || !m->pointers || !m->buffers) {
        array->n_children = 0;
        release_array(array);
        return false;
    }
    for (int i = 0; i < t->width; i++) {
        m->pointers[i] = &m->children[i];
        export_column(t, i, m->buffers[i], &m->children[i]);
    }
    table_hold(t);
    m->table = t;
    return true;
}

bool table_export(struct table *t, struct ArrowSchema *schema, struct ArrowArray *array) {
    if (!export_schema(t, schema)) return false;
    if (export_array(t, array)) return true;
    schema->release(schema);
    return false;
}
