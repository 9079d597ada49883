// store.c - the parameters of one network, by name.
#include "nn/store.h"
#include "base/arena.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64, BLOCK = 64 }; // as in tensor_view; parameters made at once

// Parameters stay where they are: models hold pointers to them.
typedef struct block {
    param item[BLOCK];
    char name[BLOCK][NAME_BYTES];
    struct block *next;
} block;

struct store {
    tensor_type type;
    block *first, *last;
    size_t count;
    arena memory;
    bool failed;
    param spare; // what store_add() gives when there is no memory
    char format[NAME_BYTES];
};

habit_status store_new(store **out, tensor_type type, habit_error *err)
{
    store *s = ZNEW(store, 1);
    if (!s) return fail_memory(err, "parameters", sizeof *s);
    s->type = type;
    *out = s;
    return HABIT_OK;
}

void store_free(store *s)
{
    if (!s) return;
    for (block *b = s->first, *next; b; b = next) {
        next = b->next;
        mem_free(b);
    }
    arena_free(&s->memory);
    mem_free(s);
}

const char *store_name(store *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(s->format, sizeof s->format, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof s->format) s->failed = true;
    return s->format;
}

param *store_add(store *s, const char *name, size_t rows, size_t cols, initialiser init,
                 double spread)
{
    const size_t at = s->count % BLOCK;
    if (at == 0) {
        block *b = ZNEW(block, 1);
        if (!b) {
            s->failed = true;
            return &s->spare;
        }
        if (s->last)
            s->last->next = b;
        else
            s->first = b;
        s->last = b;
    }
    param *p = &s->last->item[at];
    if (strlen(name) >= NAME_BYTES) s->failed = true;
    snprintf(s->last->name[at], NAME_BYTES, "%s", name);
    *p = (param){ s->last->name[at], rows, cols, s->count++, NULL, init, spread, false, false };
    return p;
}

param *store_add_vector(store *s, const char *name, size_t cols, initialiser init, double spread)
{
    param *p = store_add(s, name, 1, cols, init, spread);
    p->vector = true;
    return p;
}

tensor_type store_type(const store *s)
{
    return s->type;
}

size_t store_count(const store *s)
{
    return s->count;
}

param *store_at(const store *s, size_t i)
{
    block *b = s->first;
    for (; i >= BLOCK; i -= BLOCK) b = b->next;
    return &b->item[i];
}

param *store_find(const store *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(store_at(s, i)->name, name) == 0) return store_at(s, i);
    return NULL;
}

size_t store_numbers(const store *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) n += store_at(s, i)->rows * store_at(s, i)->cols;
    return n;
}

habit_status store_check(const store *s, habit_error *err)
{
    return s->failed ? fail_memory(err, "parameters", s->count * sizeof(param)) : HABIT_OK;
}

habit_status store_allocate(store *s, habit_error *err)
{
    TRY(store_check(s, err));
    arena plan = { 0 };
    for (size_t i = 0; i < s->count; i++) {
        const param *p = store_at(s, i);
        if (p->cols && p->rows > SIZE_MAX / p->cols) plan.failed = true;
        arena_alloc(&plan, p->rows * p->cols, tensor_size(s->type));
    }
    TRY(arena_init(&s->memory, &plan, err));
    for (size_t i = 0; i < s->count; i++) {
        param *p = store_at(s, i);
        p->data = arena_alloc(&s->memory, p->rows * p->cols, tensor_size(s->type));
    }
    return HABIT_OK;
}

// --- first values ----------------------------------------------------------------------------------

void store_put(store *s, const param *p, size_t i, double v)
{
    if (s->type == TENSOR_F64)
        ((double *)p->data)[i] = v;
    else
        ((float *)p->data)[i] = (float)v;
}

static double get(const store *s, const param *p, size_t i)
{
    return s->type == TENSOR_F64 ? ((const double *)p->data)[i]
                                 : (double)((const float *)p->data)[i];
}

// Modified Gram-Schmidt over the rows (or columns) of one square block of n.
static void make_orthogonal(store *s, const param *p, size_t r0, size_t c0, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const size_t row = (r0 + i) * p->cols + c0;
        for (size_t j = 0; j < i; j++) {
            const size_t other = (r0 + j) * p->cols + c0;
            double dot = 0;
            for (size_t k = 0; k < n; k++) dot += get(s, p, row + k) * get(s, p, other + k);
            for (size_t k = 0; k < n; k++)
                store_put(s, p, row + k, get(s, p, row + k) - dot * get(s, p, other + k));
        }
        double norm = 0;
        for (size_t k = 0; k < n; k++) norm += get(s, p, row + k) * get(s, p, row + k);
        norm = sqrt(norm);
        for (size_t k = 0; k < n; k++) store_put(s, p, row + k, get(s, p, row + k) / norm);
    }
}

static double truncated(rng *r)
{
    double x;
    do x = rng_normal(r);
    while (fabs(x) > 2);
    return x;
}

static void draw(store *s, const param *p, uint64_t seed)
{
    const size_t n = p->rows * p->cols;
    rng r = rng_at(seed, p->index, 0);
    const double limit =
        p->init == INIT_XAVIER ? sqrt(6.0 / (double)(p->rows + p->cols)) : p->spread;
    for (size_t i = 0; i < n; i++) switch (p->init) {
        case INIT_ZERO:
            store_put(s, p, i, 0);
            break;
        case INIT_ONE:
            store_put(s, p, i, 1);
            break;
        case INIT_CONSTANT:
            store_put(s, p, i, p->spread);
            break;
        case INIT_NORMAL:
            store_put(s, p, i, p->spread * rng_normal(&r));
            break;
        case INIT_TRUNCATED:
            store_put(s, p, i, p->spread * truncated(&r));
            break;
        case INIT_ORTHOGONAL:
            store_put(s, p, i, rng_normal(&r));
            break;
        case INIT_UNIFORM:
        case INIT_XAVIER:
            store_put(s, p, i, limit * (2 * rng_uniform(&r) - 1));
            break;
        }
    if (p->init != INIT_ORTHOGONAL) return;
    const size_t side = p->rows < p->cols ? p->rows : p->cols;
    for (size_t i = 0; i + side <= p->rows; i += side)
        for (size_t j = 0; j + side <= p->cols; j += side) make_orthogonal(s, p, i, j, side);
}

void store_draw(store *s, uint64_t seed)
{
    for (size_t i = 0; i < s->count; i++) draw(s, store_at(s, i), seed);
}

// --- files -----------------------------------------------------------------------------------------

void store_view(const store *s, size_t i, tensor_view *out)
{
    const param *p = store_at(s, i);
    *out = (tensor_view){ .type = s->type,
                          .dims = p->vector ? 1 : 2,
                          .shape = { p->vector ? p->cols : p->rows, p->vector ? 0 : p->cols },
                          .data = p->data };
    snprintf(out->name, sizeof out->name, "%s", p->name);
}

habit_status store_write(const store *s, const char *path, habit_error *err)
{
    tensor_view *view = ZNEW(tensor_view, s->count);
    if (!view) return fail_memory(err, "parameters", s->count * sizeof *view);
    for (size_t i = 0; i < s->count; i++) store_view(s, i, &view[i]);
    const habit_status st = safetensors_write(path, view, s->count, err);
    mem_free(view);
    return st;
}

static habit_status take(store *s, param *p, const tensor_view *v, const char *path,
                         habit_error *err)
{
    tensor_view want;
    store_view(s, p->index, &want);
    if (!v) return fail(err, HABIT_EFORMAT, "%s: no array '%s'", path, p->name);
    if (v->type != TENSOR_F32 && v->type != TENSOR_F64)
        return fail(err, HABIT_EFORMAT, "%s: array '%s' is %s", path, p->name,
                    tensor_type_name(v->type));
    if (v->dims != want.dims || v->shape[0] != want.shape[0] ||
        (v->dims == 2 && v->shape[1] != want.shape[1]))
        return fail(err, HABIT_EFORMAT, "%s: array '%s' has another shape, wanted %zu x %zu", path,
                    p->name, p->rows, p->cols);
    for (size_t i = 0; i < p->rows * p->cols; i++)
        store_put(s, p, i,
                  v->type == TENSOR_F64 ? ((const double *)v->data)[i]
                                        : (double)((const float *)v->data)[i]);
    return HABIT_OK;
}

habit_status store_read(store *s, const char *path, habit_error *err)
{
    safetensors file;
    TRY(safetensors_open(&file, path, err));
    habit_status st = HABIT_OK;
    for (size_t i = 0; st == HABIT_OK && i < s->count; i++) {
        param *p = store_at(s, i);
        st = take(s, p, safetensors_find(&file, p->name), path, err);
    }
    safetensors_close(&file);
    return st;
}
