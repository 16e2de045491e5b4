/* The rewriter of OTLP JSON in C: any bytes are a request. It must neither crash nor read or write where it may not,
 * and what it gives must be sound protobuf, of a size that the body bounds, with the same items in it again. */
#include "mutations.h"
#include "rewrite.h"
#include "text.h"

static void require_sound(struct slice message, const struct json_message *m);

static const struct json_field *numbered(const struct json_message *m, uint32_t number) {
    const struct json_field *f = m->fields;
    while (f->name && f->number != number) f++;
    REQUIRE(f->name);
    return f;
}

static void require_utf8(struct slice text) {
    jmp_buf way_out;
    struct buffer again = {.way_out = &way_out};
    REQUIRE(!setjmp(way_out));
    text_add(&again, text);
    REQUIRE(again.length == text.length); /* nothing was replaced */
    buffer_free(&again);
}

static void require_field(const struct json_field *f, const struct field *found) {
    REQUIRE(found->type == field_wire_type(f->kind));
    if (f->message) require_sound(found->bytes, f->message);
    else if (f->kind == OF_TEXT || f->kind == REPEATED_TEXT) require_utf8(found->bytes);
    else if (f->kind == OF_BOOL) REQUIRE(found->number_value <= 1);
    else if (f->kind == OF_UINT32) REQUIRE(found->number_value <= UINT32_MAX);
}

static void require_sound(struct slice message, const struct json_message *m) {
    struct reader r = wire_reader(message);
    struct field found;
    int more;
    while ((more = wire_next(&r, &found)) > 0) require_field(numbered(m, found.number), &found);
    REQUIRE(!more);
}

static void rewrite(struct slice body, const struct json_message *request) {
    jmp_buf way_out;
    struct buffer out = {.way_out = &way_out};
    REQUIRE(!setjmp(way_out));
    if (rewrite_json(body, request, &out)) {
        require_sound((struct slice){out.data, out.length}, request);
        REQUIRE(out.length <= body.length + body.length / 4); /* -1 for an enum of a record of its own */
    }
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice body = {data, size};
    REQUIRE(json_containers(body) <= size);
    rewrite(body, &json_traces);
    rewrite(body, &json_logs);
    return 0;
}
