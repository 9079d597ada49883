// test_attention_kernels.c - every version of attention agrees with the reference in double, for
// random shapes and forms, without touching memory outside of its arrays.
#include "base/status.h"
#include "kernels/attention.h"
#include "kernels/cpu.h"
#include "tests/check.h"
#include "tests/fence.h"

#include <math.h>
#include <string.h>

static rng draw = { 11 };

static size_t below(size_t n)
{
    return (size_t)rng_below(&draw, n);
}

static bool chance(double p)
{
    return rng_uniform(&draw) < p;
}

// The same numbers in both types; `single` ends at a fence.
typedef struct array {
    float *single;
    double *twice;
    size_t n;
} array;

static array array_new(size_t n, bool zeros)
{
    array x = { fence_floats(n), malloc((n + 1) * sizeof(double)), n };
    for (size_t i = 0; i < n; i++) {
        x.single[i] = zeros ? 0 : (float)(rng_uniform(&draw) * 2 - 1);
        x.twice[i] = (double)x.single[i];
    }
    return x;
}

static void array_free(array *x)
{
    fence_free(x->single, x->n);
    free(x->twice);
}

// Relative, but gradients of biases may cancel to nothing.
static double array_error(const array *x)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < x->n; i++) {
        const double d = (double)x->single[i] - x->twice[i];
        off += d * d;
        norm += x->twice[i] * x->twice[i];
    }
    return sqrt(off / fmax(norm, 1));
}

// --- whole sequences -------------------------------------------------------------------------------

enum { SEQUENCES = 5 };

enum { Q, K, V, OUT, SUMS, POSITION, TIME, DOUT, DQ, DK, DV, DPOSITION, DTIME, ARRAYS };
static const char *const names[ARRAYS] = {
    [OUT] = "out",    [DQ] = "dq", [DK] = "dk", [DV] = "dv", [DPOSITION] = "dposition",
    [DTIME] = "dtime"
};

typedef struct trial {
    attention a;
    int32_t offset[SEQUENCES + 1], key_offset[SEQUENCES + 1], key_end[SEQUENCES];
    array array[ARRAYS];
    int64_t *query_time, *key_time;
    bool stored, fresh; // buckets are found before; gradients are set
} trial;

// Sequences look at keys anywhere, others' among them.
static void trial_share(trial *t)
{
    const int32_t all = t->key_offset[SEQUENCES];
    for (int s = 0; s < SEQUENCES; s++) {
        const int32_t n = t->key_offset[s + 1] - t->key_offset[s];
        t->key_end[s] = n + (int32_t)below((size_t)(all - n) + 1);
    }
    for (int s = 0, n = 0, next; s < SEQUENCES; s++, n = next) {
        next = t->key_offset[s + 1];
        t->key_offset[s] = t->key_end[s] - (next - n);
    }
    t->a.key_end = t->key_end;
}

// Causal queries may be the last ones of their keys' events.
static void trial_lengths(trial *t, bool cross)
{
    static const size_t some[] = { 0, 1, 2, 7, 8, 9, 15, 17, 31, 32, 33, 38, 64, 65, 70, 130 };
    for (int s = 0; s < SEQUENCES; s++) {
        t->offset[s + 1] = t->offset[s] + (int32_t)some[below(COUNT_OF(some))];
        const int32_t more = (int32_t)some[below(COUNT_OF(some))];
        t->key_offset[s + 1] =
            t->key_offset[s] + more + (t->a.causal ? t->offset[s + 1] - t->offset[s] : 0);
    }
    t->a.sequences = SEQUENCES;
    t->a.offset = t->offset;
    t->a.key_offset = cross ? t->key_offset : t->offset;
    if (cross && chance(0.5)) trial_share(t);
}

static attention_table trial_table(size_t cols, bool none, int heads)
{
    return none ? (attention_table){ 0 }
                : (attention_table){ (void *)1, cols, heads > 1 && chance(0.5) ? cols : 0 };
}

static void trial_form(trial *t)
{
    static const int widths[] = { 1, 2, 3, 4, 5, 8, 11, 16, 25, 32, 50 };
    attention *a = &t->a;
    attention_form *f = &a->form;
    const bool cross = chance(0.3);
    a->causal = chance(0.7);
    a->window = a->causal && chance(0.4) ? 1 + below(40) : 0;
    f->heads = 1 + (int)below(3);
    f->key_width = widths[below(COUNT_OF(widths))];
    f->value_width = chance(0.5) ? f->key_width : widths[below(COUNT_OF(widths))];
    f->weights = chance(0.4) ? ATTENTION_SILU : ATTENTION_SOFTMAX;
    f->scale = 2 / sqrt((double)f->key_width);
    f->divisor = 20;
    f->position = trial_table(1 + below(90), chance(0.5), f->heads);
    f->time = trial_table(1 + below(140), chance(0.5), f->heads);
    if (chance(0.4)) a->drop = (dropout){ 99, 1000, 0.1 + rng_uniform(&draw) / 2 };
    a->q_row = (size_t)(f->heads * f->key_width) + below(5);
    a->k_row = (size_t)(f->heads * f->key_width) + below(5);
    a->v_row = (size_t)(f->heads * f->value_width) + below(5);
    a->out_row = (size_t)(f->heads * f->value_width);
    trial_lengths(t, cross);
}

// Rows whose last one ends with the array.
static size_t numbers(size_t rows, size_t stride, int heads, int width)
{
    return rows ? (rows - 1) * stride + (size_t)(heads * width) : 0;
}

// What fresh gradients may hold; between rows that are wider than heads, both keep what they have.
static void trial_forget(trial *t, int i)
{
    array *x = &t->array[i];
    const attention *a = &t->a;
    const attention_form *f = &a->form;
    const size_t stride = i == DQ ? a->q_row : i == DK ? a->k_row : a->v_row;
    const size_t cols = (size_t)(f->heads * (i == DV ? f->value_width : f->key_width));
    for (size_t c = 0; c < x->n; c++)
        if (c % stride < cols) x->single[c] = NAN, x->twice[c] = 5;
}

static void trial_arrays(trial *t)
{
    const attention *a = &t->a;
    const attention_form *f = &a->form;
    const size_t N = (size_t)a->offset[SEQUENCES], M = (size_t)a->key_offset[SEQUENCES];
    const size_t H = (size_t)f->heads;
    const size_t q = numbers(N, a->q_row, f->heads, f->key_width);
    const size_t k = numbers(M, a->k_row, f->heads, f->key_width);
    const size_t v = numbers(M, a->v_row, f->heads, f->value_width);
    const size_t out = N * a->out_row;
    const size_t p = f->position.by_head ? H * f->position.cols : f->position.cols;
    const size_t time = f->time.by_head ? H * f->time.cols : f->time.cols;
    const size_t n[ARRAYS] = { q, k, v, out, 2 * N * H, p, time, out, q, k, v, p, time };
    t->stored = chance(0.5), t->fresh = !a->key_end && chance(0.5);
    for (int i = 0; i < ARRAYS; i++)
        t->array[i] = array_new(n[i], i >= DQ && !(t->fresh && i <= DV));
    if (t->fresh)
        for (int i = DQ; i <= DV; i++) trial_forget(t, i);
    t->query_time = malloc((N + 1) * sizeof(int64_t));
    t->key_time = malloc((M + 1) * sizeof(int64_t));
    for (size_t i = 0; i < N; i++) t->query_time[i] = (int64_t)(rng_u64(&draw) >> (20 + below(44)));
    for (size_t i = 0; i < M; i++) t->key_time[i] = (int64_t)(rng_u64(&draw) >> (20 + below(44)));
}

static void trial_run(trial *t, const attention_kernels *k, bool twice)
{
    attention a = t->a;
    void *x[ARRAYS];
    for (int i = 0; i < ARRAYS; i++)
        x[i] = twice ? (void *)t->array[i].twice : (void *)t->array[i].single;
    a.q = x[Q], a.k = x[K], a.v = x[V], a.out = x[OUT];
    a.sums = a.form.weights == ATTENTION_SOFTMAX ? x[SUMS] : NULL;
    if (a.form.position.data) a.form.position.data = x[POSITION];
    if (a.form.time.data) a.form.time.data = x[TIME];
    a.query_time = t->query_time, a.key_time = t->key_time;
    const size_t bytes = (k->scratch(&a) + 63) / 64 * 64;
    a.scratch = fence_floats(bytes / sizeof(float));
    const size_t pairs = a.form.time.data && t->stored ? k->bucket_bytes(&a) : 0;
    uint8_t *buckets = pairs ? malloc(pairs) : NULL;
    if (buckets) k->find_buckets(&a, buckets);
    a.buckets = buckets;
    const attention_gradient g = { x[DOUT],
                                   x[DQ],
                                   x[DK],
                                   x[DV],
                                   a.form.position.data ? x[DPOSITION] : NULL,
                                   a.form.time.data ? x[DTIME] : NULL,
                                   t->fresh };
    k->forward(&a);
    k->backward(&a, &g);
    free(buckets);
    fence_free(a.scratch, bytes / sizeof(float));
}

static void trial_check(trial *t, const attention_kernels *k, int number)
{
    const attention_form *f = &t->a.form;
    trial_run(t, k, false);
    trial_run(t, attention_kernels_f64(), true);
    for (int i = 0; i < ARRAYS; i++) {
        if (!names[i]) continue;
        const double e = array_error(&t->array[i]);
        CHECK(e < 2e-5,
              "%s, trial %d: %s off by %.2e (%s%s%s, window %zu, %d heads of %d and %d%s%s)",
              k->name, number, names[i], e, f->weights == ATTENTION_SILU ? "silu" : "softmax",
              t->a.causal ? ", causal" : "",
              t->a.key_offset == t->offset ? ""
              : t->a.key_end               ? ", shared"
                                           : ", cross",
              t->a.window, f->heads, f->key_width, f->value_width,
              f->position.data ? ", positions" : "", f->time.data ? ", times" : "");
    }
}

static void check_sequences(const attention_kernels *k)
{
    for (int number = 0; number < 300; number++) {
        trial t = { 0 };
        trial_form(&t);
        trial_arrays(&t);
        trial_check(&t, k, number);
        for (int i = 0; i < ARRAYS; i++) array_free(&t.array[i]);
        free(t.query_time), free(t.key_time);
    }
}

// --- event by event --------------------------------------------------------------------------------

enum { S_Q, S_K, S_V, S_OUT, S_KEYS, S_VALUES, S_POSITION, S_TIME, S_ARRAYS };

static attention_step step_form(void)
{
    static const int widths[] = { 1, 3, 5, 8, 16, 25, 37, 50, 64 };
    attention_step a = { .window = 1 + below(70) };
    attention_form *f = &a.form;
    f->heads = 1 + (int)below(3);
    f->key_width = widths[below(COUNT_OF(widths))];
    f->value_width = widths[below(COUNT_OF(widths))];
    f->weights = chance(0.4) ? ATTENTION_SILU : ATTENTION_SOFTMAX;
    f->scale = 2 / sqrt((double)f->key_width);
    f->divisor = 20;
    f->position = trial_table(1 + below(90), chance(0.5), f->heads);
    f->time = trial_table(1 + below(140), chance(0.5), f->heads);
    return a;
}

// One event through one version; everything moves on by itself in both types.
static void step_one(const attention_kernels *k, const attention_step *form, array *x,
                     int64_t *times, bool twice)
{
    attention_step a = *form;
    void *p[S_ARRAYS];
    for (int i = 0; i < S_ARRAYS; i++) p[i] = twice ? (void *)x[i].twice : (void *)x[i].single;
    a.q = p[S_Q], a.k = p[S_K], a.v = p[S_V], a.out = p[S_OUT];
    a.keys = p[S_KEYS], a.values = p[S_VALUES];
    a.times = a.form.time.data ? times : NULL;
    if (a.form.position.data) a.form.position.data = p[S_POSITION];
    if (a.form.time.data) a.form.time.data = p[S_TIME];
    const size_t n = (2 * a.window + 64) * (twice ? 2 : 1);
    a.scratch = fence_floats(n);
    k->step(&a);
    fence_free(a.scratch, n);
}

static void check_step(const attention_kernels *k, int number)
{
    attention_step a = step_form();
    const attention_form *f = &a.form;
    const size_t H = (size_t)f->heads, C = H * (size_t)f->key_width, E = H * (size_t)f->value_width;
    const size_t n[S_ARRAYS] = {
        C, C, E, E, C * a.window, E * a.window, H * f->position.cols, H * f->time.cols
    };
    array x[S_ARRAYS];
    int64_t *times[] = { calloc(a.window, sizeof **times), calloc(a.window, sizeof **times) };
    for (int i = 0; i < S_ARRAYS; i++) x[i] = array_new(n[i], false);
    for (a.events = 0; a.events < 3 * a.window + 2; a.events += a.keep) {
        for (int i = S_Q; i <= S_V; i++) {
            for (size_t c = 0; c < n[i]; c++) {
                x[i].single[c] = (float)(rng_uniform(&draw) * 2 - 1);
                x[i].twice[c] = (double)x[i].single[c];
            }
        }
        a.keep = chance(0.8);
        a.key_time = (int64_t)(rng_u64(&draw) >> (20 + below(44)));
        a.query_time = (int64_t)(rng_u64(&draw) >> (20 + below(44)));
        step_one(k, &a, x, times[0], false);
        step_one(attention_kernels_f64(), &a, x, times[1], true);
        const double e = array_error(&x[S_OUT]);
        CHECK(e < 1e-5, "%s, step %llu of trial %d, window %zu: off by %.2e", k->name,
              (unsigned long long)a.events, number, a.window, e);
    }
    for (int i = 0; i < S_ARRAYS; i++) array_free(&x[i]);
    free(times[0]), free(times[1]);
}

int main(void)
{
    for (size_t v = 0; attention_at(v); v++) {
        const attention_kernels *k = attention_at(v);
        if (!cpu_allows(k->name, k->needs)) continue;
        check_sequences(k);
        for (int number = 0; number < 60; number++) check_step(k, number);
    }
    return CHECK_DONE();
}
