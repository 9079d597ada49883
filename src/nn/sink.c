// sink.c - gradients of parameters, dense or row by row.
#include "nn/sink.h"
#include "base/memory.h"

#include <string.h>

typedef struct entry {
    const param *param;
    sink_kind kind;
    unsigned char *dense; // [rows][cols], or NULL until asked for
    uint32_t *slot;       // [rows] 1 + place in `row`, 0: not met; or NULL until asked for
    uint32_t *row;        // [count] rows met
    unsigned char *data;  // [cap][cols]
    size_t count, cap;
} entry;

struct sink {
    const store *params;
    size_t size; // bytes of an element
    entry *entry;
    bool failed;
};

habit_status sink_new(sink **out, const store *params, habit_error *err)
{
    const size_t n = store_count(params);
    sink *s = ZNEW(sink, 1);
    if (s) s->entry = ZNEW(entry, n);
    if (!s || !s->entry) {
        mem_free(s);
        return fail_memory(err, "gradients", n * sizeof(entry));
    }
    s->params = params;
    s->size = tensor_size(store_type(params));
    for (size_t i = 0; i < n; i++) s->entry[i].param = store_at(params, i);
    *out = s;
    return HABIT_OK;
}

void sink_free(sink *s)
{
    if (!s) return;
    for (size_t i = 0; i < store_count(s->params); i++) {
        entry *e = &s->entry[i];
        mem_free(e->dense);
        mem_free(e->slot);
        mem_free(e->row);
        mem_free(e->data);
    }
    mem_free(s->entry);
    mem_free(s);
}

static void entry_clear(entry *e)
{
    for (size_t k = 0; k < e->count; k++) e->slot[e->row[k]] = 0;
    e->count = 0;
    e->kind = SINK_NOTHING;
}

void sink_clear(sink *s)
{
    for (size_t i = 0; i < store_count(s->params); i++) entry_clear(&s->entry[i]);
}

bool sink_failed(const sink *s)
{
    return s->failed;
}

static void *failed(sink *s)
{
    s->failed = true;
    return NULL;
}

void *sink_dense(sink *s, const param *p)
{
    entry *e = &s->entry[p->index];
    if (e->kind == SINK_DENSE) return e->dense;
    const size_t width = p->cols * s->size;
    if (!e->dense) e->dense = mem_alloc(p->rows, width);
    if (!e->dense) return failed(s);
    memset(e->dense, 0, p->rows * width);
    for (size_t k = 0; k < e->count; k++)
        memcpy(e->dense + e->row[k] * width, e->data + k * width, width);
    entry_clear(e);
    e->kind = SINK_DENSE;
    return e->dense;
}

// Room for one more row, and for the map from rows to places.
static bool entry_grow(entry *e, size_t width)
{
    const param *p = e->param;
    if (!e->slot) e->slot = ZNEW(uint32_t, p->rows);
    if (!e->slot) return false;
    if (e->count < e->cap) return true;
    size_t cap = e->cap ? 2 * e->cap : 256;
    if (cap > p->rows) cap = p->rows;
    uint32_t *row = mem_resize(e->row, e->count * sizeof *row, cap, sizeof *row);
    if (!row) return false;
    e->row = row;
    unsigned char *data = mem_resize(e->data, e->count * width, cap, width);
    if (!data) return false;
    e->data = data;
    e->cap = cap;
    return true;
}

void *sink_row(sink *s, const param *p, size_t row)
{
    entry *e = &s->entry[p->index];
    const size_t width = p->cols * s->size;
    if (e->kind == SINK_DENSE) return e->dense + row * width;
    if (e->slot && e->slot[row]) return e->data + (e->slot[row] - 1) * width;
    if (!entry_grow(e, width)) return failed(s);
    e->kind = SINK_ROWS;
    e->row[e->count] = (uint32_t)row;
    e->slot[row] = (uint32_t)++e->count;
    return memset(e->data + (e->count - 1) * width, 0, width);
}

sink_kind sink_kind_of(const sink *s, const param *p)
{
    return s->entry[p->index].kind;
}

const void *sink_find(const sink *s, const param *p, size_t row)
{
    const entry *e = &s->entry[p->index];
    const size_t width = p->cols * s->size;
    if (e->kind == SINK_DENSE) return e->dense + row * width;
    if (e->kind == SINK_NOTHING || !e->slot[row]) return NULL;
    return e->data + (e->slot[row] - 1) * width;
}

const uint32_t *sink_rows(const sink *s, const param *p, size_t *count)
{
    const entry *e = &s->entry[p->index];
    *count = e->count;
    return e->row;
}

// --- whole gradients -------------------------------------------------------------------------------

static double norm2(const void *x, size_t n, size_t size)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double v = size == 8 ? ((const double *)x)[i] : (double)((const float *)x)[i];
        sum += v * v;
    }
    return sum;
}

double sink_norm2(const sink *s)
{
    double sum = 0;
    for (size_t i = 0; i < store_count(s->params); i++) {
        const entry *e = &s->entry[i];
        const size_t cols = e->param->cols;
        if (e->kind == SINK_DENSE) sum += norm2(e->dense, e->param->rows * cols, s->size);
        if (e->kind == SINK_ROWS) sum += norm2(e->data, e->count * cols, s->size);
    }
    return sum;
}

static void axpy(void *y, double a, const void *x, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        if (size == 8)
            ((double *)y)[i] += a * ((const double *)x)[i];
        else
            ((float *)y)[i] += (float)a * ((const float *)x)[i];
    }
}

void sink_add(sink *into, const sink *from, double factor)
{
    for (size_t i = 0; i < store_count(from->params); i++) {
        const entry *e = &from->entry[i];
        const param *p = e->param;
        if (e->kind == SINK_DENSE) {
            void *to = sink_dense(into, p);
            if (to) axpy(to, factor, e->dense, p->rows * p->cols, from->size);
        }
        for (size_t k = 0; k < e->count; k++) {
            void *to = sink_row(into, p, e->row[k]);
            if (to) axpy(to, factor, e->data + k * p->cols * from->size, p->cols, from->size);
        }
    }
}
