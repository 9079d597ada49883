// test_attention.c - packed attention: gradients, causality, packing, windows.
#include "nn/op_attention.h"
#include "kernels/attention.h"
#include "nn/ops.h"
#include "tests/nn_fixture.h"
#include "tests/op_check.h"

// Sequences with several events, with one and with none; the other side of cross attention.
static const int32_t offset[] = { 0, 5, 6, 6, 13 }, key_offset[] = { 0, 2, 2, 6, 10 };
static const int32_t shared[] = { 0, 0, 5, 2 }, shared_end[] = { 4, 9, 5, 10 };
enum { SEQUENCES = 4, N = 13, KEYS = 10, HEADS = 2, C = 3, D = HEADS * C, P = 5, BUCKETS = 24 };
static int64_t query_time[N], key_time[N];

typedef struct form {
    const char *name;
    bool silu, causal, cross, shares, position, time, by_head, fused;
    size_t window;
    double dropout;
} form;

static const form forms[] = {
    { .name = "causal", .causal = true },
    { .name = "bidirectional" },
    { .name = "cross", .cross = true },
    { .name = "cross with biases", .cross = true, .position = true, .time = true },
    { .name = "shared keys", .cross = true, .shares = true, .dropout = 0.2 },
    { .name = "position", .causal = true, .position = true },
    { .name = "position, both ways", .position = true, .by_head = true },
    { .name = "time", .causal = true, .time = true, .by_head = true },
    { .name = "window", .causal = true, .window = 3, .position = true, .by_head = true },
    { .name = "dropout", .causal = true, .dropout = 0.3 },
    { .name = "dropout, both ways", .dropout = 0.4, .position = true },
    { .name = "columns of one tensor", .causal = true, .fused = true, .dropout = 0.2 },
    { .name = "silu", .silu = true, .causal = true },
    { .name = "silu with biases", .silu = true, .causal = true, .position = true, .time = true },
    { .name = "silu, all", .silu = true, .position = true, .by_head = true, .dropout = 0.2 },
    { .name = "silu in a window", .silu = true, .causal = true, .window = 2, .fused = true },
};

static attention_shape shape_of(const form *f, const store *s)
{
    attention_shape a = { .offset = offset,
                          .sequences = SEQUENCES,
                          .heads = HEADS,
                          .causal = f->causal,
                          .window = f->window,
                          .dropout = f->dropout,
                          .query_time = query_time,
                          .key_time = key_time,
                          .divisor = 7 };
    if (f->cross) a.key_offset = f->shares ? shared : key_offset;
    if (f->shares) a.key_end = shared_end;
    if (f->position) a.position_bias = store_find(s, f->by_head ? "position.heads" : "position");
    if (f->time) a.time_bias = store_find(s, f->by_head ? "time.heads" : "time");
    if (f->fused) {
        a.q_from = D, a.v_from = 2 * D;
        a.key_width = a.value_width = C;
    }
    return a;
}

static tensor *text(tape *t, const store *s, void *ctx)
{
    const form *f = ctx;
    const attention_shape a = shape_of(f, s);
    tensor *q = tape_param(t, store_find(s, f->fused ? "fused" : "q"));
    tensor *k = f->fused ? q : tape_param(t, store_find(s, f->cross ? "keys" : "k"));
    tensor *v = f->fused ? q : tape_param(t, store_find(s, f->cross ? "values" : "v"));
    return (f->silu ? op_silu_attention : op_attention)(t, q, k, v, &a);
}

static store *inputs(tensor_type type)
{
    store *s;
    CHECK_OK(store_new(&s, type, err));
    store_add(s, "q", N, D, INIT_NORMAL, 1);
    store_add(s, "k", N, D, INIT_NORMAL, 1);
    store_add(s, "v", N, D + HEADS, INIT_NORMAL, 1); // values may have a width of their own
    store_add(s, "keys", KEYS, D, INIT_NORMAL, 1);
    store_add(s, "values", KEYS, D, INIT_NORMAL, 1);
    store_add(s, "fused", N, 3 * D, INIT_NORMAL, 1);
    store_add(s, "events", 23, D, INIT_NORMAL, 1);
    store_add(s, "mix", D, 3 * D, INIT_XAVIER, 0);
    store_add(s, "position", 1, P, INIT_NORMAL, 1);
    store_add(s, "position.heads", HEADS, P, INIT_NORMAL, 1);
    store_add(s, "time", 1, BUCKETS, INIT_NORMAL, 1);
    store_add(s, "time.heads", HEADS, BUCKETS, INIT_NORMAL, 1);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 3);
    return s;
}

static void check_gradients(void)
{
    store *s = inputs(TENSOR_F64);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        form f = forms[i];
        op_check(f.name, s, text, &f);
    }
    store_free(s);
}

// --- watching --------------------------------------------------------------------------------------

// The values weighed by what a watch was told.
typedef struct onlooker {
    double out[N * (D + HEADS)];
    const form *form;
    const store *s;
    size_t told;
} onlooker;

static void look(void *ctx, const attention_seen *x)
{
    onlooker *o = ctx;
    const form *f = o->form;
    const param *v = store_find(o->s, f->fused ? "fused" : f->cross ? "values" : "v");
    const int32_t *keys = f->shares ? shared : f->cross ? key_offset : offset;
    const size_t from = f->fused ? 2 * D : 0, E = f->fused || f->cross ? C : C + 1;
    const size_t row = (size_t)offset[x->sequence] + x->row;
    CHECK(x->heads == HEADS, "%s: %d heads", f->name, x->heads);
    for (size_t j = 0; j < x->keys; j++)
        for (size_t d = 0; d < E; d++) {
            const size_t at = (size_t)keys[x->sequence] + j;
            o->out[row * E * HEADS + (size_t)x->head * E + d] +=
                x->weight[j] *
                ((const double *)v->data)[at * v->cols + from + (size_t)x->head * E + d];
        }
    o->told++;
}

static void check_watching(void)
{
    store *s = inputs(TENSOR_F64);
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        static onlooker o;
        form f = forms[i];
        o = (onlooker){ .form = &f, .s = s };
        const attention_watch watch = { look, &o };
        tape_begin(t, &(tape_pass){ .mode = TAPE_INFER, .watch = &watch });
        const tensor *h = text(t, s, &f);
        const double *out = tensor_data(h);
        double worst = 0;
        for (size_t k = 0; k < N * tensor_cols(h); k++)
            worst = fmax(worst, fabs(out[k] - o.out[k]));
        CHECK(o.told == N * HEADS && worst < 1e-14, "%s: told %zu times, off by %g", f.name, o.told,
              worst);
    }
    tape_free(t);
    store_free(s);
}

// --- what a row depends on -------------------------------------------------------------------------

static const float *run(tape *t, const store *s, const form *f)
{
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN, .key = 5 });
    form copy = *f;
    const float *out = tensor_data(text(t, s, &copy));
    CHECK(out, "%s: no output", f->name);
    return out;
}

// Events after number `from` of the last sequence change: rows up to it keep their bits, the last
// one does not.
static void check_causality(const form *f)
{
    enum { FROM = 9 };
    store *s = inputs(TENSOR_F32);
    tape *t;
    static float before[N * (D + HEADS)];
    CHECK_OK(tape_new(&t, s, NULL, err));
    const size_t row = (f->fused ? D : D + HEADS) * sizeof(float);
    memcpy(before, run(t, s, f), N * row);
    static const char *const names[] = { "q", "k", "v", "fused" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const param *p = store_find(s, names[i]);
        float *x = p->data;
        for (size_t e = (FROM + 1) * p->cols; e < N * p->cols; e++) x[e] += 1;
    }
    const float *after = run(t, s, f);
    CHECK(memcmp(before, after, (FROM + 1) * row) == 0, "%s: the future is seen", f->name);
    CHECK(memcmp((char *)before + (N - 1) * row, (const char *)after + (N - 1) * row, row) != 0,
          "%s: the present is not seen", f->name);
    tape_free(t);
    store_free(s);
}

// Sequence 3 by itself, with the same numbers of events for dropout: the same bits.
static void check_packing(const form *f)
{
    enum { FROM = 6, LENGTH = 7 };
    store *s = inputs(TENSOR_F32);
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    static float together[N * (D + HEADS)];
    const size_t cols = f->fused ? D : D + HEADS;
    memcpy(together, run(t, s, f), N * cols * sizeof(float));
    static const int32_t alone[] = { 0, LENGTH };
    attention_shape a = shape_of(f, s);
    a.offset = alone, a.sequences = 1;
    a.query_time += FROM, a.key_time += FROM;
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN, .key = 5, .first_row = FROM });
    tensor *in[3];
    static const char *const names[] = { "q", "k", "v" };
    for (int i = 0; i < 3; i++) {
        const param *p = store_find(s, f->fused ? "fused" : names[i]);
        in[i] = tape_input(t, (float *)p->data + FROM * p->cols, LENGTH, p->cols);
    }
    const tensor *out = (f->silu ? op_silu_attention : op_attention)(t, in[0], in[1], in[2], &a);
    CHECK(memcmp(tensor_data(out), together + FROM * cols, LENGTH * cols * sizeof(float)) == 0,
          "%s: depends on who shares the batch", f->name);
    tape_free(t);
    store_free(s);
}

// Sequences that look at the same keys: as if each had its own copy of them.
static void check_shared(void)
{
    store *s = inputs(TENSOR_F32);
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    form f = { .name = "shared keys", .cross = true, .shares = true };
    const float *one = tensor_data(text(t, s, &f));
    int32_t copied[32], at[SEQUENCES + 1] = { 0 };
    for (int q = 0; q < SEQUENCES; q++) {
        at[q + 1] = at[q];
        for (int32_t k = shared[q]; k < shared_end[q]; k++) copied[at[q + 1]++] = k;
    }
    attention_shape a = shape_of(&f, s);
    a.key_offset = at, a.key_end = NULL;
    const size_t rows = (size_t)at[SEQUENCES];
    tensor *q = tape_param(t, store_find(s, "q"));
    tensor *k = op_pick(t, tape_param(t, store_find(s, "keys")), copied, rows);
    tensor *v = op_pick(t, tape_param(t, store_find(s, "values")), copied, rows);
    const float *two = tensor_data(op_attention(t, q, k, v, &a));
    CHECK(memcmp(one, two, N * D * sizeof *one) == 0, "shared keys are not seen as own ones");
    tape_free(t);
    store_free(s);
}

static void check_rows(void)
{
    check_shared();
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (forms[i].causal) check_causality(&forms[i]);
        if (!forms[i].cross) check_packing(&forms[i]);
    }
}

// --- event by event --------------------------------------------------------------------------------

// Two layers, so that kept keys have themselves seen what has left the window.
enum { STEPS = 23, WINDOW = 5 };
static int64_t step_query[STEPS], step_key[STEPS];

static const form step_forms[] = {
    { .name = "steps" },
    { .name = "steps, position", .position = true, .by_head = true },
    { .name = "steps, time", .time = true },
    { .name = "steps, silu", .silu = true, .position = true, .time = true, .by_head = true },
};

// Rows from .. from+n-1 of the events.
static tensor *text_steps(tape *t, const store *s, const form *f, size_t from, size_t n)
{
    const int32_t ends[] = { 0, (int32_t)n };
    int32_t *all = tape_memory(t, 2, sizeof *all);
    if (all) memcpy(all, ends, sizeof ends);
    attention_shape a = shape_of(f, s);
    a.offset = all, a.sequences = 1, a.causal = true, a.window = WINDOW;
    a.query_time = step_query + from, a.key_time = step_key + from;
    a.q_from = D, a.v_from = 2 * D, a.key_width = a.value_width = C;
    int32_t *row = tape_memory(t, n, sizeof *row);
    for (size_t i = 0; row && i < n; i++) row[i] = (int32_t)(from + i);
    tensor *x = op_embed(t, store_find(s, "events"), row, n);
    for (int layer = 0; layer < 2; layer++) {
        tensor *qkv = op_linear(t, x, store_find(s, "mix"), NULL, ACT_NONE);
        x = (f->silu ? op_silu_attention : op_attention)(t, qkv, qkv, qkv, &a);
    }
    return x;
}

static double number_at(const tensor *x, size_t i, tensor_type type)
{
    return fixture_element(tensor_data(x), i, type);
}

static void check_steps(const form *f, tensor_type type)
{
    store *s = inputs(type);
    tape *full, *one;
    double worst = 0;
    CHECK_OK(tape_new(&full, s, NULL, err));
    CHECK_OK(tape_new(&one, s, NULL, err));
    tape_begin(full, &(tape_pass){ .mode = TAPE_INFER });
    const tensor *want = text_steps(full, s, f, 0, STEPS);
    const size_t bytes = tape_kept_bytes(full);
    CHECK(bytes > 0, "%s: nothing is to be kept", f->name);
    kept k = { .bytes = calloc(1, bytes) };
    void *before = malloc(bytes);
    for (size_t i = 0; i < STEPS; i++) {
        double asked[D];
        memcpy(before, k.bytes, bytes);
        k.ask = true;
        tape_begin(one, &(tape_pass){ .mode = TAPE_STEP, .kept = &k });
        const tensor *got = text_steps(one, s, f, i, 1);
        CHECK(tape_kept_bytes(one) == bytes, "%s: %zu bytes", f->name, tape_kept_bytes(one));
        CHECK(memcmp(before, k.bytes, bytes) == 0, "%s: asking changes the state", f->name);
        for (size_t c = 0; c < D; c++) asked[c] = number_at(got, c, type);
        k.ask = false;
        tape_begin(one, &(tape_pass){ .mode = TAPE_STEP, .kept = &k });
        got = text_steps(one, s, f, i, 1);
        for (size_t c = 0; c < D; c++) {
            worst = fmax(worst, fabs(number_at(got, c, type) - number_at(want, i * D + c, type)));
            worst = fmax(worst, fabs(number_at(got, c, type) - asked[c]));
        }
        k.events++;
    }
    CHECK(worst < (type == TENSOR_F64 ? 1e-12 : 1e-5), "%s: off by %.2e", f->name, worst);
    free(before);
    free(k.bytes);
    tape_free(one);
    tape_free(full);
    store_free(s);
}

static void check_all_steps(void)
{
    rng r = rng_at(4, 5, 6);
    for (size_t i = 0, now = 0; i < STEPS; i++) {
        step_key[i] = (int64_t)(now += (size_t)rng_below(&r, 5000));
        step_query[i] = (int64_t)(now + (size_t)rng_below(&r, 900));
    }
    for (size_t i = 0; i < COUNT_OF(step_forms); i++) {
        check_steps(&step_forms[i], TENSOR_F64);
        check_steps(&step_forms[i], TENSOR_F32);
    }
}

// --- buckets ---------------------------------------------------------------------------------------

static void check_buckets(void)
{
    CHECK(attention_bucket(0, 128) == 0 && attention_bucket(-1, 128) == 0, "under two seconds");
    for (int64_t d = 1; d < INT64_C(10000000000000); d += 1 + d / 5000) {
        const size_t b = (size_t)(log((double)d) / 0.301);
        CHECK(attention_bucket(d, 128) == b && attention_bucket(-d, 128) == b, "%lld: %zu, not %zu",
              (long long)d, attention_bucket(d, 128), b);
    }
    CHECK(attention_bucket(INT64_MIN, 1000) == 145, "%zu", attention_bucket(INT64_MIN, 1000));
    CHECK(attention_bucket(INT64_MAX, 9) == 8, "%zu", attention_bucket(INT64_MAX, 9));
}

// --- PyTorch ---------------------------------------------------------------------------------------

// An array that not every file has.
static const void *array(const safetensors *f, const char *name, tensor_type type)
{
    return safetensors_find(f, name) ? fixture_array(f, name, type) : NULL;
}

static tensor *text_torch(tape *t, const store *s, const safetensors *f, void *ctx)
{
    const attention_shape a = { .offset = fixture_array(f, "offset", TENSOR_I32),
                                .key_offset = array(f, "key_offset", TENSOR_I32),
                                .sequences = 4,
                                .heads = 2,
                                .causal = *(const bool *)ctx,
                                .position_bias = store_find(s, "position_w"),
                                .time_bias = store_find(s, "time_w"),
                                .query_time = array(f, "asked", TENSOR_I64),
                                .key_time = array(f, "time", TENSOR_I64),
                                .divisor = array(f, "n", TENSOR_F64) ? fixture_number(f, "n") : 0 };
    tensor *q = tape_param(t, store_find(s, "q")), *k = tape_param(t, store_find(s, "k"));
    tensor *v = tape_param(t, store_find(s, "v"));
    return (a.divisor > 0 ? op_silu_attention : op_attention)(t, q, k, v, &a);
}

static void check_torch_biases(const char *name)
{
    safetensors f;
    bool causal = true;
    fixture_open(&f, name);
    CHECK(fixture_own_positions(&f) == 2, "%s: tables", name);
    fixture_check_as(name, &f, TENSOR_F64, text_torch, &causal);
    fixture_check_as(name, &f, TENSOR_F32, text_torch, &causal);
    safetensors_close(&f);
}

static void check_torch(void)
{
    bool causal = true, not_causal = false;
    fixture_check("attention_causal", text_torch, &causal);
    fixture_check("attention_bidirectional", text_torch, &not_causal);
    fixture_check("attention_cross", text_torch, &not_causal);
    check_torch_biases("attention_bias");
    check_torch_biases("attention_bias_heads");
    check_torch_biases("hstu_attention");
}

int main(void)
{
    rng r = rng_at(1, 2, 3);
    for (size_t i = 0, now = 0; i < N; i++) {
        key_time[i] = (int64_t)(now += (size_t)rng_below(&r, 300));
        query_time[i] = (int64_t)(now + (size_t)rng_below(&r, 90));
    }
    check_gradients();
    check_watching();
    check_rows();
    check_all_steps();
    check_buckets();
    check_torch();
    return CHECK_DONE();
}
