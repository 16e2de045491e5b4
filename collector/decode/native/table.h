/* Columns of equal length, laid out as Arrow wants them. */
#ifndef TRACEKIT_TABLE_H
#define TRACEKIT_TABLE_H

#include "buffer.h"

/* ColumnType of collector/arrow.py; its "json" is TEXT here. */
enum column_type { HEX128, U64, I64, U32, I32, U8, BOOL, TEXT };

struct column_spec {
    const char *name;
    enum column_type type;
};

struct column {
    struct buffer values;  /* fixed width, or the bytes of all texts */
    struct buffer offsets; /* of TEXT: int64_t, one more than rows */
};

/* Shared between Python objects and whoever holds exported Arrow memory, on any thread. */
struct table {
    int holders;
    size_t rows;
    int width;
    const struct column_spec *specs;
    struct column *columns;
};

/* Without rows, held once; NULL if there is no memory. `bytes` says about how much it will hold. Growing it may
 * leave through `way_out`. */
struct table *table_new(const struct column_spec *specs, int width, size_t bytes, jmp_buf *way_out);
/* Room for so many rows, so that columns need not grow in steps. */
void table_expect(struct table *t, size_t rows);
void table_hold(struct table *t);
void table_release(struct table *t);
/* What a table consists of, once no table has it any more. */
void columns_free(struct column *columns, int width);

/* Bytes of one value, 0 of TEXT. */
size_t column_bytes(enum column_type type);

/* Of memory that its columns take. */
size_t table_bytes(const struct table *t);

/* A row is filled column by column, each once and in any order, and then kept or forgotten as a whole. */
static inline void put(struct table *t, int column, const void *value, size_t bytes) {
    buffer_add(&t->columns[column].values, value, bytes);
}
static inline void put_u64(struct table *t, int column, uint64_t value) { put(t, column, &value, 8); }
static inline void put_i64(struct table *t, int column, int64_t value) { put(t, column, &value, 8); }
static inline void put_u32(struct table *t, int column, uint32_t value) { put(t, column, &value, 4); }
static inline void put_i32(struct table *t, int column, int32_t value) { put(t, column, &value, 4); }
static inline void put_u8(struct table *t, int column, uint8_t value) { put(t, column, &value, 1); }
static inline void put_text(struct table *t, int column, struct slice text) {
    buffer_add(&t->columns[column].values, text.data, text.length);
}
static inline struct buffer *text_column(struct table *t, int column) { return &t->columns[column].values; }

void table_keep_row(struct table *t);
void table_forget_row(struct table *t);

struct slice table_text(const struct table *t, int column, size_t row);

/* Appends the rows of `from`, which has the same columns, in the order of `rows`. */
void table_take(struct table *to, const struct table *from, const uint32_t *rows, size_t count);

/* Appends all rows of tables that have the same columns, one after the other. */
void table_join(struct table *to, const struct table **from, size_t count);

/* Once per process, before anything is exported. */
void table_prepare(void);

struct ArrowSchema;
struct ArrowArray;
/* Fills the two for a consumer, who releases them. False if there is no memory; nothing is to be released then. */
bool table_export(struct table *t, struct ArrowSchema *schema, struct ArrowArray *array);

#endif
