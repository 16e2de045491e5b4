/* Memory of tables that are gone, kept for the next ones: what the system gives anew it fills with zeros first,
 * which took more time than decoding did. */
#ifndef TRACEKIT_POOL_H
#define TRACEKIT_POOL_H

#include "table.h"

/* At most so much is kept; a fuzzer keeps nothing, so that it sees every step over a bound. */
#ifndef POOL_BYTES
#define POOL_BYTES ((size_t)224 << 20)
#endif

/* Empty columns with about so many bytes of memory, for a table of these columns; NULL if there are none. */
struct column *pool_take(const struct column_spec *specs, size_t bytes);

/* Takes over the columns of a table that is gone, from any thread. False if they are not wanted. */
bool pool_give(const struct column_spec *specs, int width, struct column *columns);

/* Gives all that is kept back to the system; how many bytes that were. */
size_t pool_empty(void);

#endif
