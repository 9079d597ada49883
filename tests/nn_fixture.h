// nn_fixture.h - is an op what PyTorch computes?  See tests/fixtures/nn/README.md.
//
//     static tensor *text(tape *t, const store *s, const safetensors *f, void *ctx)
//     {
//         return op_layer_norm(t, tape_param(t, store_find(s, "x")), ...);
//     }
//     fixture_check("layer_norm", text, NULL);
//
// Every array that has a gradient in the file (x and dx) becomes a parameter.  The output and all
// gradients are compared in double and in float, by the norm of the difference.
#ifndef TESTS_NN_FIXTURE_H
#define TESTS_NN_FIXTURE_H
#include "nn/safetensors.h"
#include "nn/tape.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

typedef tensor *fixture_text(tape *t, const store *s, const safetensors *f, void *ctx);

static inline void fixture_open(safetensors *f, const char *name)
{
    char path[512];
    const char *root = getenv("HABIT_ROOT");
    snprintf(path, sizeof path, "%s/tests/fixtures/nn/%s.safetensors", root ? root : ".", name);
    CHECK_OK(safetensors_open(f, path, err));
}

// The array's numbers of the type that it must have.
static inline const void *fixture_array(const safetensors *f, const char *name, tensor_type type)
{
    const tensor_view *v = safetensors_find(f, name);
    CHECK(v && v->type == type, "no array %s of %s", name, tensor_type_name(type));
    return v ? v->data : NULL;
}

static inline double fixture_number(const safetensors *f, const char *name)
{
    const double *x = fixture_array(f, name, TENSOR_F64);
    return x ? *x : NAN;
}

static inline const tensor_view *fixture_gradient(const safetensors *f, const char *name)
{
    char d[80];
    snprintf(d, sizeof d, "d%s", name);
    return strcmp(name, "out") == 0 ? NULL : safetensors_find(f, d);
}

static inline store *fixture_store(const safetensors *f, tensor_type type)
{
    store *s;
    CHECK_OK(store_new(&s, type, err));
    for (size_t i = 0; i < f->count; i++) {
        const tensor_view *v = &f->tensors[i];
        if (!fixture_gradient(f, v->name)) continue;
        if (v->dims == 1)
            store_add_vector(s, v->name, v->shape[0], INIT_ZERO, 0);
        else
            store_add(s, v->name, v->shape[0], v->shape[1], INIT_ZERO, 0);
    }
    CHECK_OK(store_allocate(s, err));
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        const double *x = fixture_array(f, p->name, TENSOR_F64);
        for (size_t n = 0; n < p->rows * p->cols; n++) {
            if (type == TENSOR_F64)
                ((double *)p->data)[n] = x[n];
            else
                ((float *)p->data)[n] = (float)x[n];
        }
    }
    return s;
}

// The file's tables of positions go from the furthest key ahead to the furthest behind, 2 L - 1 of
// them; ours of causal attention begin at the event itself.
static inline void fixture_own_table(tensor_view *v, double *into)
{
    const double *from = v->data;
    const uint64_t heads = v->dims == 2 ? v->shape[0] : 1, all = v->shape[v->dims - 1];
    const uint64_t own = (all + 1) / 2;
    for (uint64_t h = 0; h < heads; h++)
        for (uint64_t d = 0; d < own; d++) into[h * own + d] = from[h * all + own - 1 - d];
    v->data = into;
    v->shape[v->dims - 1] = own;
}

// Returns how many there are, those of gradients among them.
static inline int fixture_own_positions(safetensors *f)
{
    static double tables[8][64];
    int found = 0;
    for (size_t i = 0; i < f->count && found < 8; i++)
        if (strstr(f->tensors[i].name, "position_w"))
            fixture_own_table(&f->tensors[i], tables[found++]);
    return found;
}

static inline double fixture_element(const void *x, size_t i, tensor_type type)
{
    return type == TENSOR_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

// |got - want| / |want|; `got` row by row, NULL rows are zeros.
typedef struct fixture_error {
    double off, norm;
} fixture_error;

static inline void fixture_compare(fixture_error *e, const void *got, const double *want, size_t n,
                                   tensor_type type)
{
    for (size_t i = 0; i < n; i++) {
        const double x = got ? fixture_element(got, i, type) : 0;
        e->off += (x - want[i]) * (x - want[i]);
        e->norm += want[i] * want[i];
    }
}

static inline void fixture_check_as(const char *name, const safetensors *f, tensor_type type,
                                    fixture_text *text, void *ctx)
{
    const double most = type == TENSOR_F64 ? 1e-12 : 1e-5;
    tape *t;
    sink *k;
    store *s = fixture_store(f, type);
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&k, s, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *out = text(t, s, f, ctx);
    const size_t n = tensor_rows(out) * tensor_cols(out);
    const tensor_view *want = safetensors_find(f, "out");
    const double *dout = fixture_array(f, "dout", TENSOR_F64);
    CHECK(tensor_count(want) == n, "%s: %zu outputs", name, n);
    void *seed = malloc(n * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        if (type == TENSOR_F64)
            ((double *)seed)[i] = dout[i];
        else
            ((float *)seed)[i] = (float)dout[i];
    }
    fixture_error e = { 0, 0 };
    fixture_compare(&e, tensor_data(out), want->data, n, type);
    CHECK(e.off <= most * most * e.norm, "%s: output off by %.2e", name, sqrt(e.off / e.norm));
    tape_backward(t, out, seed, NULL, k);
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        const double *d = fixture_gradient(f, p->name)->data;
        e = (fixture_error){ 0, 0 };
        for (size_t r = 0; r < p->rows; r++)
            fixture_compare(&e, sink_find(k, p, r), d + r * p->cols, p->cols, type);
        CHECK(e.off <= most * most * e.norm, "%s: gradient of %s off by %.2e", name, p->name,
              sqrt(e.off / e.norm));
    }
    free(seed);
    sink_free(k);
    tape_free(t);
    store_free(s);
}

static inline void fixture_check(const char *name, fixture_text *text, void *ctx)
{
    safetensors f;
    fixture_open(&f, name);
    fixture_check_as(name, &f, TENSOR_F64, text, ctx);
    fixture_check_as(name, &f, TENSOR_F32, text, ctx);
    safetensors_close(&f);
}

#endif
