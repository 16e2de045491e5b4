/* OTLP in JSON rewritten as OTLP in protobuf, as collector/decode/json_protobuf.py does it, byte for byte in the order
 * in which the fields come. Only what every reader takes in the same way is rewritten. The rest is handed back to
 * Python: its parsers know what can be saved, and what to call what cannot. */
#ifndef TRACEKIT_REWRITE_H
#define TRACEKIT_REWRITE_H

#include "attributes.h"
#include "fields.h"

/* The same as _MAX_MESSAGES in json_protobuf.py. */
#define MAX_MESSAGES (3 * MAX_DEPTH + 12)

/* How many objects and arrays `body` has at most: the brackets in its texts count too. */
size_t json_containers(struct slice body);

/* False if this is one for Python: what is in `out` is of no use then. Of memory `out` needs little more than the
 * body has. Leaves through `out->way_out` where that is not to be had. */
bool rewrite_json(struct slice body, const struct json_message *request, struct buffer *out);

#endif
