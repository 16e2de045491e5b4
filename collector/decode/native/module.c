/* The Python module collector.decode._otlp, against the stable ABI: one build serves every Python from 3.11.
 * Only this file knows Python. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "arrow.h"
#include "hash.h"
#include "keys.h"
#include "pool.h"
#include "rewrite.h"
#include "spans.h"

/* ---------------------------------------------------------------- Table: columns, and what belongs to spans */

typedef struct {
    PyObject_HEAD
    struct table *table;
    struct buffer links, snapshots;
} Table;

static PyTypeObject *table_type, *keys_type;

static Table *new_table(void) {
    allocfunc alloc = (allocfunc)PyType_GetSlot(table_type, Py_tp_alloc);
    return (Table *)alloc(table_type, 0); /* all zeros */
}

static void table_dealloc(PyObject *self) {
    Table *t = (Table *)self;
    PyTypeObject *type = Py_TYPE(self);
    table_release(t->table);
    buffer_free(&t->links);
    buffer_free(&t->snapshots);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static Py_ssize_t table_length(PyObject *self) { return (Py_ssize_t)((Table *)self)->table->rows; }

/* The two structures live in capsules, which release them if no consumer has taken them over. */
static void free_schema(PyObject *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema->release) schema->release(schema);
    free(schema);
}

static void free_array(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->release) array->release(array);
    free(array);
}

static PyObject *capsules(struct ArrowSchema *schema, struct ArrowArray *array) {
    PyObject *first = PyCapsule_New(schema, "arrow_schema", free_schema);
    if (!first) {
        schema->release(schema);
        free(schema);
    }
    PyObject *second = PyCapsule_New(array, "arrow_array", free_array);
    if (!second) {
        array->release(array);
        free(array);
    }
    PyObject *both = first && second ? PyTuple_Pack(2, first, second) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
}

static PyObject *table_arrow(PyObject *self, PyObject *args, PyObject *named) {
    static char *names[] = {"requested_schema", NULL};
    PyObject *requested = NULL; /* what the consumer would prefer: a producer may ignore it */
    if (!PyArg_ParseTupleAndKeywords(args, named, "|O", names, &requested)) return NULL;
    struct ArrowSchema *schema = calloc(1, sizeof *schema);
    struct ArrowArray *array = calloc(1, sizeof *array);
    if (schema && array && table_export(((Table *)self)->table, schema, array)) return capsules(schema, array);
    free(schema);
    free(array);
    return PyErr_NoMemory();
}

static int column_named(const struct table *t, const char *name) {
    for (int i = 0; i < t->width; i++)
        if (!strcmp(t->specs[i].name, name)) return i;
    PyErr_Format(PyExc_KeyError, "no column %s", name);
    return -1;
}

static PyObject *hex_text(const uint8_t *bytes) {
    static const char hex[] = "0123456789abcdef";
    char text[32];
    for (int i = 0; i < 16; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    return PyUnicode_FromStringAndSize(text, sizeof text);
}

static PyObject *fixed_value(enum column_type type, const uint8_t *at) {
    union {
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        int32_t i32;
        uint8_t u8;
    } value;
    if (type == HEX128) return hex_text(at);
    memcpy(&value, at, column_bytes(type));
    switch (type) {
    case U64: return PyLong_FromUnsignedLongLong(value.u64);
    case I64: return PyLong_FromLongLong(value.i64);
    case U32: return PyLong_FromUnsignedLong(value.u32);
    case I32: return value.i32 == INT32_MIN ? Py_NewRef(Py_None) : PyLong_FromLong(value.i32);
    case BOOL: return value.u8 > 1 ? Py_NewRef(Py_None) : PyBool_FromLong(value.u8);
    default: return PyLong_FromLong(value.u8);
    }
}

static PyObject *value_at(const struct table *t, int column, size_t row) {
    enum column_type type = t->specs[column].type;
    if (type != TEXT) return fixed_value(type, t->columns[column].values.data + row * column_bytes(type));
    struct slice text = table_text(t, column, row);
    return PyUnicode_DecodeUTF8((const char *)text.data, (Py_ssize_t)text.length, "strict");
}

static PyObject *table_column(PyObject *self, PyObject *args) {
    const char *name;
    const struct table *t = ((Table *)self)->table;
    if (!PyArg_ParseTuple(args, "s", &name)) return NULL;
    int column = column_named(t, name);
    PyObject *found = column < 0 ? NULL : PyList_New((Py_ssize_t)t->rows);
    for (size_t row = 0; found && row < t->rows; row++) {
        PyObject *value = value_at(t, column, row);
        if (!value || PyList_SetItem(found, (Py_ssize_t)row, value) < 0) Py_CLEAR(found);
    }
    return found;
}

static PyObject *table_keys(PyObject *self, PyObject *Py_UNUSED(none)) {
    const struct table *t = ((Table *)self)->table;
    PyObject *keys = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(t->rows * KEY_BYTES));
    if (!keys) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AsString(keys);
    const uint8_t *traces = t->columns[COLUMN_TRACE_ID].values.data, *spans = t->columns[COLUMN_SPAN_ID].values.data;
    for (size_t row = 0; row < t->rows; row++, at += KEY_BYTES) {
        uint64_t span_id;
        memcpy(at, traces + row * 16, 16);
        memcpy(&span_id, spans + row * 8, 8);
        for (int i = 0; i < 8; i++) at[16 + i] = (uint8_t)(span_id >> (56 - 8 * i));
    }
    return keys;
}

static PyObject *table_start_range(PyObject *self, PyObject *Py_UNUSED(none)) {
    const struct table *t = ((Table *)self)->table;
    const uint8_t *starts = t->columns[COLUMN_START_NS].values.data;
    int64_t least = t->rows ? INT64_MAX : 0, most = t->rows ? INT64_MIN : 0;
    for (size_t row = 0; row < t->rows; row++) {
        int64_t start;
        memcpy(&start, starts + row * 8, 8);
        if (start < least) least = start;
        if (start > most) most = start;
    }
    return Py_BuildValue("(LL)", (long long)least, (long long)most);
}

static PyObject *table_nbytes(PyObject *self, PyObject *Py_UNUSED(none)) {
    const Table *t = (Table *)self;
    return PyLong_FromSize_t(t->links.capacity + t->snapshots.capacity + table_bytes(t->table));
}

static PyObject *table_snapshots(PyObject *self, PyObject *Py_UNUSED(none)) {
    const struct buffer *rows = &((Table *)self)->snapshots;
    size_t count = rows->length / sizeof(uint32_t);
    PyObject *found = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; found && i < count; i++) {
        PyObject *row = PyLong_FromUnsignedLong(((const uint32_t *)rows->data)[i]);
        if (!row || PyList_SetItem(found, (Py_ssize_t)i, row) < 0) Py_CLEAR(found);
    }
    return found;
}

/* ---------------------------------------------------------------- links as a table of their own */

#define LINK_COLUMNS(X) \
    X(TRACE_ID, "trace_id", HEX128) \
    X(SPAN_ID, "span_id", U64) \
    X(START_NS, "start_ns", I64) \
    X(LINKED_TRACE_ID, "linked_trace_id", HEX128) \
    X(LINKED_SPAN_ID, "linked_span_id", U64)

enum link_column {
#define X(id, name, type) LINK_##id,
    LINK_COLUMNS(X)
#undef X
    LINK_WIDTH
};
static const struct column_spec link_specs[LINK_WIDTH] = {
#define X(id, name, type) {name, type},
    LINK_COLUMNS(X)
#undef X
};

static void fill_links(struct table *to, const struct table *spans, const struct buffer *links) {
    const struct span_link *link = (const struct span_link *)links->data;
    for (size_t i = 0; i < links->length / sizeof *link; i++, link++) {
        put(to, LINK_TRACE_ID, spans->columns[COLUMN_TRACE_ID].values.data + 16 * (size_t)link->row, 16);
        put(to, LINK_SPAN_ID, spans->columns[COLUMN_SPAN_ID].values.data + 8 * (size_t)link->row, 8);
        put(to, LINK_START_NS, spans->columns[COLUMN_START_NS].values.data + 8 * (size_t)link->row, 8);
        put(to, LINK_LINKED_TRACE_ID, link->trace_id, 16);
        put_u64(to, LINK_LINKED_SPAN_ID, link->span_id);
        table_keep_row(to);
    }
}

static bool make_links(Table *links, const Table *spans) {
    jmp_buf way_out;
    if (setjmp(way_out)) return false;
    links->table = table_new(link_specs, LINK_WIDTH, 0, &way_out);
    if (links->table) fill_links(links->table, spans->table, &spans->links);
    return links->table != NULL;
}

static PyObject *table_links(PyObject *self, PyObject *Py_UNUSED(none)) {
    const Table *spans = (Table *)self;
    if (!spans->links.length) Py_RETURN_NONE;
    Table *links = new_table();
    if (links && make_links(links, spans)) return (PyObject *)links;
    Py_XDECREF((PyObject *)links);
    return PyErr_NoMemory();
}

/* ---------------------------------------------------------------- some of the rows */

static uint32_t *row_numbers(PyObject *sequence, size_t rows, size_t *count) {
    Py_ssize_t length = PySequence_Size(sequence);
    if (length < 0) return NULL;
    uint32_t *found = malloc(((size_t)length + 1) * sizeof *found);
    if (!found) PyErr_NoMemory();
    for (Py_ssize_t i = 0; found && i < length; i++) {
        PyObject *item = PySequence_GetItem(sequence, i);
        size_t row = item ? PyLong_AsSize_t(item) : 0;
        Py_XDECREF(item);
        if (!PyErr_Occurred() && row >= rows) PyErr_SetString(PyExc_IndexError, "no such row");
        found[i] = (uint32_t)row;
        if (PyErr_Occurred()) {
            free(found);
            return NULL;
        }
    }
    *count = (size_t)length;
    return found;
}

/* Links and snapshots are in the order of their rows, of which `rows` picks some. */
static void take_links(Table *to, const Table *from, const uint32_t *rows, size_t count, uint32_t *first) {
    const struct span_link *links = (const struct span_link *)from->links.data;
    size_t number = from->links.length / sizeof *links, at = 0;
    for (size_t row = 0; row <= from->table->rows; row++) {
        while (at < number && links[at].row < row) at++;
        first[row] = (uint32_t)at;
    }
    for (size_t i = 0; i < count; i++)
        for (at = first[rows[i]]; at < number && links[at].row == rows[i]; at++) {
            struct span_link link = links[at];
            link.row = (uint32_t)i;
            buffer_add(&to->links, &link, sizeof link);
        }
}

static void take_snapshots(Table *to, const Table *from, const uint32_t *rows, size_t count, uint32_t *marked) {
    const uint32_t *snapshots = (const uint32_t *)from->snapshots.data;
    memset(marked, 0, (from->table->rows + 1) * sizeof *marked);
    for (size_t i = 0; i < from->snapshots.length / sizeof *snapshots; i++) marked[snapshots[i]] = 1;
    for (uint32_t i = 0; i < count; i++)
        if (marked[rows[i]]) buffer_add(&to->snapshots, &i, sizeof i);
}

/* `scratch` has one place more than there are rows. */
static bool take(Table *to, const Table *from, const uint32_t *rows, size_t count, uint32_t *scratch) {
    jmp_buf way_out;
    if (setjmp(way_out)) return false;
    to->links.way_out = to->snapshots.way_out = &way_out;
    to->table = table_new(from->table->specs, from->table->width, 0, &way_out);
    if (!to->table) return false;
    table_take(to->table, from->table, rows, count);
    if (from->links.length) take_links(to, from, rows, count, scratch);
    if (from->snapshots.length) take_snapshots(to, from, rows, count, scratch);
    return true;
}

static PyObject *table_take_rows(PyObject *self, PyObject *sequence) {
    const Table *from = (Table *)self;
    size_t count = 0;
    uint32_t *rows = row_numbers(sequence, from->table->rows, &count);
    if (!rows) return NULL;
    uint32_t *scratch = malloc((from->table->rows + 1) * sizeof *scratch);
    Table *to = scratch ? new_table() : NULL;
    bool taken = to && take(to, from, rows, count, scratch);
    free(rows);
    free(scratch);
    if (taken) return (PyObject *)to;
    Py_XDECREF((PyObject *)to);
    return PyErr_NoMemory();
}

/* ---------------------------------------------------------------- several tables as one */

/* The tables of a sequence of Tables, in a list that keeps them alive. */
static const struct table **tables_of(PyObject *list, size_t *count) {
    Py_ssize_t length = PyList_Size(list);
    const struct table **found = malloc(((size_t)length + 1) * sizeof *found);
    if (!found) PyErr_NoMemory();
    for (Py_ssize_t i = 0; found && i < length; i++) {
        PyObject *item = PyList_GetItem(list, i);
        if (PyObject_TypeCheck(item, table_type)) {
            found[i] = ((Table *)item)->table;
            if (found[i]->specs == found[0]->specs) continue;
        }
        PyErr_SetString(PyExc_TypeError, "tables of the same columns are joined");
        free(found);
        found = NULL;
    }
    *count = (size_t)length;
    return found;
}

static bool join(Table *to, const struct table **from, size_t count) {
    jmp_buf way_out;
    if (setjmp(way_out)) return false;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += table_bytes(from[i]);
    to->table = table_new(span_specs, SPAN_WIDTH, bytes, &way_out);
    if (!to->table) return false;
    table_join(to->table, from, count);
    return true;
}

static PyObject *joined(PyObject *Py_UNUSED(module), PyObject *sequence) {
    PyObject *list = PySequence_List(sequence);
    size_t count = 0;
    const struct table **from = list ? tables_of(list, &count) : NULL;
    Table *to = from ? new_table() : NULL;
    bool done = false;
    if (count && from && from[0]->specs != span_specs) {
        PyErr_SetString(PyExc_TypeError, "tables of spans are joined");
    } else if (to) {
        PyThreadState *state = PyEval_SaveThread(); /* a table is never changed once it is made */
        done = join(to, from, count);
        PyEval_RestoreThread(state);
    }
    free(from);
    Py_XDECREF(list);
    if (done) return (PyObject *)to;
    Py_XDECREF((PyObject *)to);
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

static PyMethodDef table_methods[] = {
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))table_arrow, METH_VARARGS | METH_KEYWORDS,
     "The columns as Arrow memory, without a copy."},
    {"column", table_column, METH_VARARGS, "The values of the column of that name, as a list."},
    {"keys", table_keys, METH_NOARGS, "24 bytes a span: trace id and span id."},
    {"links", table_links, METH_NOARGS, "The links of all spans as a table, or None."},
    {"nbytes", table_nbytes, METH_NOARGS, "Bytes of memory that the columns take."},
    {"snapshots", table_snapshots, METH_NOARGS, "Rows of snapshots of running spans."},
    {"start_range", table_start_range, METH_NOARGS, "(earliest, latest) start_ns."},
    {"take", table_take_rows, METH_O, "A table of these rows, in this order."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_doc, "Decoded columns; made by decode()."},
    {Py_tp_dealloc, table_dealloc},
    {Py_tp_methods, table_methods},
    {Py_sq_length, table_length},
    {0, NULL},
};
static PyType_Spec table_spec = {"collector.decode._otlp.Table", sizeof(Table), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, table_slots};

/* ---------------------------------------------------------------- decode */

struct decoding {
    struct request request;
    jmp_buf way_out;
    struct slice body;
    PyObject *read_resource, *read_scope, *normalise_text;
    PyObject *resources, *scopes; /* what the two gave, by group */
    PyThreadState *state;
};

/* What the columns of a request take, about: its texts, and for each span numbers, ids and ends of texts. */
static size_t expected_bytes(const struct request *r, struct slice body) {
    return body.length + r->spans.length / sizeof(struct slice) * 320;
}

enum { MEMORY_ERROR = 100, PYTHON_ERROR = 101 };

/* At most what sqltext.py keeps, each character four bytes long. */
#define LONGEST_SHAPE (4096 * 4)

/* A statement that C does not know to normalise. The GIL is taken for it. */
static bool normalise(void *with, struct slice text, struct slice system, struct buffer *out) {
    struct decoding *d = with;
    uint8_t *room = buffer_room(out, LONGEST_SHAPE); /* first: it may jump */
    PyEval_RestoreThread(d->state);
    Py_ssize_t length = 0;
    PyObject *shape = PyObject_CallFunction(d->normalise_text, "s#s#", (const char *)text.data,
                                            (Py_ssize_t)text.length, system.length ? (const char *)system.data : "",
                                            (Py_ssize_t)system.length);
    const char *bytes = shape ? PyUnicode_AsUTF8AndSize(shape, &length) : NULL;
    if (bytes && length > LONGEST_SHAPE) PyErr_SetString(PyExc_ValueError, "the normalised statement is too long");
    bool done = bytes && length <= LONGEST_SHAPE;
    if (done) memcpy(room, bytes, (size_t)length);
    Py_XDECREF(shape);
    d->state = PyEval_SaveThread();
    if (done) out->length += (size_t)length;
    return done;
}

/* `schema URL NUL message`, as the readers take it. */
static PyObject *with_schema(struct slice schema_url, struct slice message) {
    PyObject *key = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(schema_url.length + 1 + message.length));
    if (!key) return NULL;
    char *start = PyBytes_AsString(key), *at = start;
    for (size_t i = 0; i < schema_url.length; i++)
        if (schema_url.data[i]) *at++ = (char)schema_url.data[i];
    *at++ = 0;
    if (message.length) memcpy(at, message.data, message.length);
    at += message.length;
    if (at - start == PyBytes_Size(key)) return key;
    PyObject *shorter = PyBytes_FromStringAndSize(start, at - start);
    Py_DECREF(key);
    return shorter;
}

/* What `read` makes of the message; kept alive in `list`. Borrowed. */
static PyObject *read_group(PyObject *read, PyObject *list, struct slice schema_url, struct slice message) {
    PyObject *key = with_schema(schema_url, message);
    PyObject *known = key ? PyObject_CallFunctionObjArgs(read, key, NULL) : NULL;
    Py_XDECREF(key);
    int kept = known ? PyList_Append(list, known) : -1;
    Py_XDECREF(known);
    return kept ? NULL : known;
}

static bool text_of(PyObject *text, struct slice *found) {
    Py_ssize_t length;
    const char *bytes = text ? PyUnicode_AsUTF8AndSize(text, &length) : NULL;
    if (!bytes) return false;
    *found = (struct slice){(const uint8_t *)bytes, (size_t)length};
    return true;
}

static bool id_of(PyObject *owner, const char *attribute, uint64_t *id) {
    PyObject *number = owner ? PyObject_GetAttrString(owner, attribute) : NULL;
    if (!number) return false;
    *id = PyLong_AsUnsignedLongLong(number);
    Py_DECREF(number);
    return !PyErr_Occurred();
}

/* KnownResource of builder.py: (Resource, ResourceColumns). */
static bool read_resource(struct decoding *d, struct resource_group *g) {
    PyObject *known = read_group(d->read_resource, d->resources, g->schema_url, g->resource);
    PyObject *columns = known ? PyTuple_GetItem(known, 1) : NULL;
    struct slice *const texts[] = {&g->columns.service, &g->columns.version, &g->columns.instance,
                                   &g->columns.platform, &g->columns.region};
    if (!columns || !id_of(PyTuple_GetItem(known, 0), "resource_id", &g->columns.id)) return false;
    for (Py_ssize_t i = 0; i < 5; i++)
        if (!text_of(PyTuple_GetItem(columns, i), texts[i])) return false;
    return true;
}

/* KnownScope of builder.py: (Scope, label). */
static bool read_scope(struct decoding *d, struct scope_group *g) {
    PyObject *known = read_group(d->read_scope, d->scopes, g->schema_url, g->scope);
    return known && id_of(PyTuple_GetItem(known, 0), "scope_id", &g->scope_id) &&
           text_of(PyTuple_GetItem(known, 1), &g->label);
}

static bool read_groups(struct decoding *d) {
    struct resource_group *resources = (struct resource_group *)d->request.resources.data;
    struct scope_group *scopes = (struct scope_group *)d->request.scopes.data;
    size_t at = 0;
    for (size_t i = 0; i < d->request.resources.length / sizeof *resources; i++) {
        if (!read_resource(d, &resources[i])) return false;
        for (; at < resources[i].end_scope; at++)
            if (!read_scope(d, &scopes[at])) return false;
    }
    return true;
}

/* A step without the GIL. Memory that runs out, and an error of Python's, come back as numbers of their own. */
static int without_gil(struct decoding *d, bool find) {
    int result;
    d->state = PyEval_SaveThread();
    int jumped = setjmp(d->way_out);
    if (jumped) result = jumped == GAVE_UP ? PYTHON_ERROR : MEMORY_ERROR;
    else result = (int)(find ? request_find(&d->request, d->body) : request_read(&d->request));
    PyEval_RestoreThread(d->state);
    return result;
}

static int run(struct decoding *d) {
    int refused = without_gil(d, true);
    if (refused) return refused;
    if (!read_groups(d)) return PYTHON_ERROR;
    d->request.table = table_new(span_specs, SPAN_WIDTH, expected_bytes(&d->request, d->body), &d->way_out);
    return d->request.table ? without_gil(d, false) : MEMORY_ERROR;
}

static PyObject *rejected_list(const struct request *r) {
    PyObject *found = PyList_New(0);
    for (int i = 0; found && i < r->reasons; i++) {
        PyObject *pair = Py_BuildValue("(iI)", (int)r->order[i], (unsigned)r->rejected[r->order[i]]);
        if (!pair || PyList_Append(found, pair) < 0) Py_CLEAR(found);
        Py_XDECREF(pair);
    }
    return found;
}

/* Adds the group's Resource or Scope, the first of the pair that was read, under its id. */
static bool add_used(PyObject *used, PyObject *list, size_t index, uint64_t id) {
    PyObject *known = PyList_GetItem(list, (Py_ssize_t)index), *key = PyLong_FromUnsignedLongLong(id);
    PyObject *value = known ? PyTuple_GetItem(known, 0) : NULL;
    bool added = key && value && !PyDict_SetItem(used, key, value);
    Py_XDECREF(key);
    return added;
}

static bool fill_used(const struct decoding *d, PyObject *resources, PyObject *scopes) {
    const struct resource_group *resource = (const struct resource_group *)d->request.resources.data;
    const struct scope_group *scope = (const struct scope_group *)d->request.scopes.data;
    for (size_t i = 0; i < d->request.resources.length / sizeof *resource; i++)
        if (resource[i].used && !add_used(resources, d->resources, i, resource[i].columns.id)) return false;
    for (size_t i = 0; i < d->request.scopes.length / sizeof *scope; i++)
        if (scope[i].used && scope[i].scope_id && !add_used(scopes, d->scopes, i, scope[i].scope_id)) return false;
    return true;
}

static PyObject *result_of(struct decoding *d) {
    Table *table = new_table();
    PyObject *resources = PyDict_New(), *scopes = PyDict_New(), *rejected = rejected_list(&d->request), *all = NULL;
    if (table && resources && scopes && rejected && fill_used(d, resources, scopes)) {
        table->table = d->request.table;
        table->links = d->request.links;
        table->snapshots = d->request.snapshots;
        d->request.table = NULL;
        d->request.links = d->request.snapshots = (struct buffer){0};
        all = PyTuple_Pack(4, (PyObject *)table, rejected, resources, scopes);
    }
    Py_XDECREF((PyObject *)table);
    Py_XDECREF(resources);
    Py_XDECREF(scopes);
    Py_XDECREF(rejected);
    return all;
}

static PyObject *decode(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *body, *found = NULL;
    long long received_ns;
    struct decoding *d = calloc(1, sizeof *d);
    if (!d) return PyErr_NoMemory();
    if (!PyArg_ParseTuple(args, "SLOOO", &body, &received_ns, &d->read_resource, &d->read_scope,
                          &d->normalise_text)) {
        free(d);
        return NULL;
    }
    request_prepare(&d->request, &d->way_out);
    d->request.received_ns = received_ns;
    d->request.normalise = normalise;
    d->request.with = d;
    d->body = (struct slice){(const uint8_t *)PyBytes_AsString(body), (size_t)PyBytes_Size(body)};
    d->resources = PyList_New(0);
    d->scopes = PyList_New(0);
    if (received_ns < 0 || received_ns > INT64_MAX - LATEST_AHEAD_NS)
        PyErr_SetString(PyExc_OverflowError, "received_ns is no moment a column can hold");
    int refused = PyErr_Occurred() ? PYTHON_ERROR : run(d);
    if (!refused) found = result_of(d);
    else if (refused == MEMORY_ERROR) PyErr_NoMemory();
    else if (refused != PYTHON_ERROR) found = PyLong_FromLong(refused);
    Py_XDECREF(d->resources);
    Py_XDECREF(d->scopes);
    request_free(&d->request);
    free(d);
    return found;
}

/* ---------------------------------------------------------------- JSON */

static const struct json_message *request_named(const char *signal) {
    if (!strcmp(signal, "traces")) return &json_traces;
    if (!strcmp(signal, "logs")) return &json_logs;
    PyErr_Format(PyExc_LookupError, "no requests of %s are known", signal);
    return NULL;
}

enum rewriting { REWRITTEN, HANDED_BACK, NO_MEMORY };

static enum rewriting rewrite(struct slice body, const struct json_message *request, size_t most, struct buffer *out) {
    jmp_buf way_out;
    out->way_out = &way_out;
    if (setjmp(way_out)) return NO_MEMORY;
    if (json_containers(body) > most) return HANDED_BACK;
    buffer_room(out, body.length + 1); /* the system gives what is not written to none of its memory */
    return rewrite_json(body, request, out) ? REWRITTEN : HANDED_BACK;
}

static PyObject *protobuf_of_json(PyObject *Py_UNUSED(module), PyObject *args) {
    PyObject *body, *found = NULL;
    Py_ssize_t most;
    const char *signal;
    if (!PyArg_ParseTuple(args, "Ssn", &body, &signal, &most)) return NULL;
    const struct json_message *request = request_named(signal);
    if (!request) return NULL;
    struct buffer out = {0};
    struct slice json = {(const uint8_t *)PyBytes_AsString(body), (size_t)PyBytes_Size(body)};
    PyThreadState *state = PyEval_SaveThread();
    enum rewriting done = rewrite(json, request, (size_t)most, &out);
    PyEval_RestoreThread(state);
    if (done == NO_MEMORY) PyErr_NoMemory();
    else if (done == HANDED_BACK) found = Py_NewRef(Py_None);
    else found = PyBytes_FromStringAndSize((const char *)out.data, (Py_ssize_t)out.length);
    buffer_free(&out);
    return found;
}

/* ---------------------------------------------------------------- KeySet */

typedef struct {
    PyObject_HEAD
    struct key_set set;
    bool busy; /* in a step without the GIL */
} KeySet;

static PyObject *keys_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(named)) {
    if (!PyArg_ParseTuple(args, "")) return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

static void keys_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    keys_free(&((KeySet *)self)->set);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* A set is one thread's at a time: nobody waits for another, who has a defect. */
static bool is_free(PyObject *self) {
    if (!((KeySet *)self)->busy) return true;
    PyErr_SetString(PyExc_RuntimeError, "another thread is using this set of keys");
    return false;
}

static Py_ssize_t keys_length(PyObject *self) {
    const struct key_set *set = &((KeySet *)self)->set;
    return is_free(self) ? (Py_ssize_t)(set->count + set->has_zeros) : -1;
}

/* The keys in `bytes`, whole ones only. */
static bool keys_of(PyObject *bytes, struct slice *keys) {
    char *data;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0) return false;
    if (length % KEY_BYTES) {
        PyErr_SetString(PyExc_ValueError, "keys are 24 bytes each");
        return false;
    }
    *keys = (struct slice){(const uint8_t *)data, (size_t)length};
    return true;
}

static int keys_has(PyObject *self, PyObject *bytes) {
    struct slice key;
    if (!keys_of(bytes, &key) || !is_free(self)) return -1;
    return key.length == KEY_BYTES && keys_contain(&((KeySet *)self)->set, key.data);
}

static bool add_all(struct key_set *set, struct slice keys) {
    for (size_t at = 0; at < keys.length; at += KEY_BYTES)
        if (keys_add(set, keys.data + at) < 0) return false;
    return true;
}

/* Without the GIL: a set that grows to half a million keys is copied for a good part of a tenth of a second. */
static PyObject *keys_update(PyObject *self, PyObject *bytes) {
    struct slice keys;
    if (!keys_of(bytes, &keys) || !is_free(self)) return NULL;
    KeySet *set = (KeySet *)self;
    set->busy = true;
    PyThreadState *state = PyEval_SaveThread();
    bool added = add_all(&set->set, keys);
    PyEval_RestoreThread(state);
    set->busy = false;
    if (!added) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* Numbers of the keys that are new to all three, which are in `self` from now on; -1 if there is no memory. */
static Py_ssize_t add_new(struct key_set *self, const struct key_set *one, const struct key_set *other,
                          struct slice keys, uint32_t *rows) {
    Py_ssize_t count = 0;
    for (size_t at = 0; at < keys.length; at += KEY_BYTES) {
        const uint8_t *key = keys.data + at;
        int added = keys_contain(one, key) || keys_contain(other, key) ? 0 : keys_add(self, key);
        if (added < 0) return -1;
        if (added) rows[count++] = (uint32_t)(at / KEY_BYTES);
    }
    return count;
}

static void set_busy(KeySet *const *sets, bool busy) {
    for (int i = 0; i < 3; i++) sets[i]->busy = busy;
}

static PyObject *numbers(const uint32_t *rows, Py_ssize_t count) {
    PyObject *found = PyList_New(count);
    for (Py_ssize_t i = 0; found && i < count; i++) {
        PyObject *row = PyLong_FromUnsignedLong(rows[i]);
        if (!row || PyList_SetItem(found, i, row) < 0) Py_CLEAR(found);
    }
    return found;
}

static PyObject *keys_add_unseen(PyObject *self, PyObject *args) {
    PyObject *bytes, *one, *other;
    struct slice keys;
    if (!PyArg_ParseTuple(args, "OO!O!", &bytes, keys_type, &one, keys_type, &other)) return NULL;
    if (!keys_of(bytes, &keys) || !is_free(self) || !is_free(one) || !is_free(other)) return NULL;
    KeySet *const sets[] = {(KeySet *)self, (KeySet *)one, (KeySet *)other};
    uint32_t *rows = malloc((keys.length / KEY_BYTES + 1) * sizeof *rows);
    if (!rows) return PyErr_NoMemory();
    set_busy(sets, true);
    PyThreadState *state = PyEval_SaveThread();
    Py_ssize_t count = add_new(&sets[0]->set, &sets[1]->set, &sets[2]->set, keys, rows);
    PyEval_RestoreThread(state);
    set_busy(sets, false);
    PyObject *found = count < 0 ? PyErr_NoMemory() : numbers(rows, count);
    free(rows);
    return found;
}

static PyMethodDef keys_methods[] = {
    {"add_unseen", keys_add_unseen, METH_VARARGS,
     "add_unseen(keys, one, other) -> numbers of the keys in none of the three, added here; the first of equals."},
    {"update", keys_update, METH_O, "Adds keys, 24 bytes each."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot keys_slots[] = {
    {Py_tp_doc, "A set of span keys."},
    {Py_tp_new, keys_new},
    {Py_tp_dealloc, keys_dealloc},
    {Py_tp_methods, keys_methods},
    {Py_sq_length, keys_length},
    {Py_sq_contains, keys_has},
    {0, NULL},
};
static PyType_Spec keys_spec = {"collector.decode._otlp.KeySet", sizeof(KeySet), 0, Py_TPFLAGS_DEFAULT, keys_slots};

/* ---------------------------------------------------------------- the module */

static PyObject *wanted_keys(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) {
    PyObject *found = PyList_New(WANTED_COUNT);
    for (int i = 0; found && i < WANTED_COUNT; i++) {
        PyObject *name = PyUnicode_FromString(wanted_names[i]);
        if (!name || PyList_SetItem(found, i, name) < 0) Py_CLEAR(found);
    }
    return found;
}

static PyObject *columns_of(const struct column_spec *specs, int width) {
    static const char *const types[] = {[HEX128] = "hex128", [U64] = "u64", [I64] = "i64",   [U32] = "u32",
                                        [I32] = "i32",       [U8] = "u8",   [BOOL] = "bool", [TEXT] = "text"};
    PyObject *found = PyList_New(width);
    for (int i = 0; found && i < width; i++) {
        PyObject *pair = Py_BuildValue("(ss)", specs[i].name, types[specs[i].type]);
        if (!pair || PyList_SetItem(found, i, pair) < 0) Py_CLEAR(found);
    }
    return found;
}

static PyObject *span_columns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) {
    return columns_of(span_specs, SPAN_WIDTH);
}

static PyObject *link_columns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) {
    return columns_of(link_specs, LINK_WIDTH);
}

static PyObject *give_back(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none)) {
    return PyLong_FromSize_t(pool_empty());
}

static PyMethodDef functions[] = {
    {"decode", decode, METH_VARARGS,
     "decode(body, received_ns, read_resource, read_scope, normalise) -> (Table, rejected, resources, scopes),\n"
     "or the number of the reason why the request is refused as a whole."},
    {"give_back", give_back, METH_NOARGS,
     "Gives memory that is kept for the next tables back to the system; how many bytes."},
    {"joined", joined, METH_O, "The rows of several tables of spans, one after the other, without links and snapshots."},
    {"protobuf_of_json", protobuf_of_json, METH_VARARGS,
     "protobuf_of_json(body, signal, most_containers) -> the request as protobuf, or None where Python has to read it."},
    {"span_columns", span_columns, METH_NOARGS, "(name, type) of the columns of spans."},
    {"link_columns", link_columns, METH_NOARGS, "(name, type) of the columns of links."},
    {"wanted_keys", wanted_keys, METH_NOARGS, "The attributes that columns are read from."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_otlp", "OTLP spans in protobuf to Arrow memory, and OTLP in JSON to protobuf.",
    -1, functions, NULL, NULL, NULL, NULL};

/* Something nobody outside can know: eight bytes of os.urandom. */
static bool prepare_hash(void) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *random = os ? PyObject_CallMethod(os, "urandom", "i", 8) : NULL;
    uint64_t seed;
    if (random) {
        memcpy(&seed, PyBytes_AsString(random), sizeof seed);
        hash_prepare(seed);
        attributes_prepare();
    }
    Py_XDECREF(os);
    Py_XDECREF(random);
    return random != NULL;
}

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, const char *name) {
    PyObject *type = PyType_FromSpec(spec);
    if (!type || PyModule_AddObjectRef(module, name, type) < 0) return NULL;
    return (PyTypeObject *)type;
}

PyMODINIT_FUNC PyInit__otlp(void) {
    PyObject *module = PyModule_Create(&definition);
    if (!module) return NULL;
    table_prepare();
    table_type = add_type(module, &table_spec, "Table");
    keys_type = add_type(module, &keys_spec, "KeySet");
    if (table_type && keys_type && prepare_hash()) return module;
    Py_DECREF(module);
    return NULL;
}
