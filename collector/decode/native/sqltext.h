/* SQL text without its values: collector/decode/sqltext.py says what is done and why; this does the same to
 * ASCII text. */
#ifndef TRACEKIT_SQLTEXT_H
#define TRACEKIT_SQLTEXT_H

#include "buffer.h"

struct sql_token {
    const char *text;
    size_t length;
};

/* A statement normalised lately: applications run few, over and over. */
struct sql_known {
    uint64_t hash;
    size_t at, text_length, system_length, shape_length; /* one behind the other in `texts` */
};

#define SQL_KNOWN 256

struct sql_writer {
    struct buffer found, folded; /* of struct sql_token */
    struct buffer texts;
    struct sql_known known[SQL_KNOWN]; /* by hash; the latest has the place */
};

bool is_ascii(struct slice text);

/* Appends the shape of `text`, a statement for the database system `system`; both are ASCII. */
void sql_normalise(struct sql_writer *w, struct slice text, struct slice system, struct buffer *out);

#endif
