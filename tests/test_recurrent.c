// test_recurrent.c - recurrent layers: gradients, PyTorch's numbers, single against double
// precision, what a sequence may see, and one event at a time against the whole.
#include "nn/op_recurrent.h"
#include "tests/nn_fixture.h"
#include "tests/op_check.h"

enum { D = 5, H = 6, SEQUENCES = 6 };
static const int32_t offset[SEQUENCES + 1] = { 0, 3, 4, 4, 11, 11, 14 }; // lengths 3 1 0 7 0 3
enum { N = 14 };

typedef struct layer {
    const char *name;
    tensor *(*op)(tape *t, tensor *x, const store *s, const int32_t *offset, size_t sequences,
                  tensor *first);
    size_t blocks, states;
    bool linear; // op_lru between two op_linear
} layer;

static tensor *op_gru_form(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                           tensor *first, gru_form form)
{
    const gru_params p = { .w = store_find(s, "w"),
                           .u = store_find(s, "u"),
                           .b = store_find(s, "b"),
                           .bu = store_find(s, "bu"),
                           .form = form };
    return op_gru(t, x, &p, at, sequences, first);
}

static tensor *gru_late(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                        tensor *first)
{
    return op_gru_form(t, x, s, at, sequences, first, GRU_LATE);
}

static tensor *gru_early(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                         tensor *first)
{
    return op_gru_form(t, x, s, at, sequences, first, GRU_EARLY);
}

static tensor *lstm(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                    tensor *first)
{
    const lstm_params p = { .w = store_find(s, "w"),
                            .u = store_find(s, "u"),
                            .b = store_find(s, "b"),
                            .bu = store_find(s, "bu") };
    return op_lstm(t, x, &p, at, sequences, first);
}

static tensor *op_rnn_of(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                         tensor *first, activation f)
{
    const rnn_params p = { .w = store_find(s, "w"),
                           .u = store_find(s, "u"),
                           .b = store_find(s, "b"),
                           .bu = store_find(s, "bu"),
                           .f = f };
    return op_rnn(t, x, &p, at, sequences, first);
}

static tensor *rnn_tanh(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                        tensor *first)
{
    return op_rnn_of(t, x, s, at, sequences, first, ACT_TANH);
}

static tensor *rnn_relu(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                        tensor *first)
{
    return op_rnn_of(t, x, s, at, sequences, first, ACT_RELU);
}

static tensor *lru(tape *t, tensor *x, const store *s, const int32_t *at, size_t sequences,
                   tensor *first)
{
    const lru_params p = { .nu = store_find(s, "nu"),
                           .theta = store_find(s, "theta"),
                           .log_gamma = store_find(s, "log_gamma") };
    tensor *h = op_linear(t, x, store_find(s, "w"), store_find(s, "b"), ACT_NONE);
    h = op_add(t, op_lru(t, h, &p, at, sequences, first), h);
    return op_linear(t, h, store_find(s, "u"), store_find(s, "bu"), ACT_NONE);
}

static const layer layers[] = {
    { "gru late", gru_late, 3, 1, false }, { "gru early", gru_early, 3, 1, false },
    { "lstm", lstm, 4, 2, false },         { "rnn tanh", rnn_tanh, 1, 1, false },
    { "rnn relu", rnn_relu, 1, 1, false }, { "lru", lru, 2, 2, true },
};

// Parameters of a layer, and an x of `rows` events of `in` features; `biases`: 0, 1 or 2 of them.
static store *make(const layer *l, tensor_type type, size_t rows, size_t in, size_t hidden,
                   int biases)
{
    store *s;
    CHECK_OK(store_new(&s, type, err));
    store_add(s, "x", rows, in, INIT_NORMAL, 1);
    store_add(s, "first", SEQUENCES, l->states * hidden, INIT_NORMAL, 1);
    store_add(s, "w", in, l->blocks * hidden, INIT_NORMAL, 1 / sqrt((double)in));
    const size_t from = l->linear ? 2 * hidden : hidden,
                 to = l->linear ? hidden : l->blocks * hidden;
    store_add(s, "u", from, to, INIT_NORMAL, 1 / sqrt((double)from));
    if (biases > 0) store_add_vector(s, "b", l->blocks * hidden, INIT_NORMAL, 0.5);
    if (biases > 1) store_add_vector(s, "bu", to, INIT_NORMAL, 0.5);
    if (l->linear) store_add_vector(s, "nu", hidden, INIT_ZERO, 0);
    if (l->linear) store_add_vector(s, "theta", hidden, INIT_ZERO, 0);
    if (l->linear && biases) store_add_vector(s, "log_gamma", hidden, INIT_ZERO, 0);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 11);
    const lru_params p = { store_find(s, "nu"), store_find(s, "theta"),
                           store_find(s, "log_gamma") };
    if (!l->linear) return s;
    lru_draw(&p, type, 0.8, 0.99, 3);
    // a fast turn has large third derivatives, and differences are then poor slopes
    for (size_t i = 0; i < hidden; i++)
        store_put(s, p.theta, i, log(0.1 + 2 * (double)i / (double)hidden));
    return s;
}

// --- gradients ---------------------------------------------------------------------------------------

typedef struct text {
    const layer *l;
    const int32_t *offset;
    size_t sequences;
    bool first, twice;
} text;

static tensor *text_layer(tape *t, const store *s, void *ctx)
{
    const text *c = ctx;
    tensor *x = op_scale(t, tape_param(t, store_find(s, "x")), 1); // not a leaf
    tensor *first = c->first ? op_scale(t, tape_param(t, store_find(s, "first")), 1) : NULL;
    tensor *y = c->l->op(t, x, s, c->offset, c->sequences, first);
    return c->twice ? op_add(t, y, c->l->op(t, x, s, c->offset, c->sequences, first)) : y;
}

static void check_gradients(const layer *l)
{
    static const int32_t single[] = { 0, 1, 2, 3, 4, 5, 6 }; // one step of six people
    static const int32_t alone[] = { 0, 14 };
    static int32_t many[61]; // more than are worked on at a time
    for (int i = 0; i < 60; i++) many[i + 1] = many[i] + (i * 7) % 13;
    const text texts[] = {
        { l, many, 60, false, false },        { l, offset, SEQUENCES, false, false },
        { l, offset, SEQUENCES, true, true }, { l, single, 6, true, false },
        { l, single, 6, false, true },        { l, alone, 1, false, false }
    };
    char name[64];
    // so many units that some stand at the corner of relu, where there is no slope
    for (size_t i = l->op == rnn_relu; i < COUNT_OF(texts); i++)
        for (int biases = 0; biases < 3; biases++) {
            text c = texts[i];
            store *s = make(l, TENSOR_F64, (size_t)c.offset[c.sequences], D, H, biases);
            snprintf(name, sizeof name, "%s, text %zu, %d biases", l->name, i, biases);
            op_check(name, s, text_layer, &c);
            store_free(s);
        }
}

// --- PyTorch -------------------------------------------------------------------------------------------

static tensor *torch_text(tape *t, const store *s, const safetensors *f, void *ctx)
{
    const char *cell = ctx;
    const int32_t *at = fixture_array(f, "offset", TENSOR_I32);
    const size_t sequences = tensor_count(safetensors_find(f, "offset")) - 1;
    const param *w = store_find(s, "wx"), *u = store_find(s, "wh"), *h0 = store_find(s, "h0");
    const param *b = store_find(s, "bx"), *bu = store_find(s, "bh");
    tensor *x = tape_param(t, store_find(s, "x")), *first = h0 ? tape_param(t, h0) : NULL;
    if (strcmp(cell, "gru") == 0)
        return op_gru(t, x, &(gru_params){ w, u, b, bu, GRU_LATE }, at, sequences, first);
    if (strcmp(cell, "lstm") == 0)
        return op_lstm(t, x, &(lstm_params){ w, u, b, bu }, at, sequences, first);
    return op_rnn(t, x, &(rnn_params){ w, u, b, bu, ACT_TANH }, at, sequences, first);
}

// Complex numbers are two arrays there.
static tensor *torch_lru(tape *t, const store *s, const safetensors *f, void *ctx)
{
    (void)ctx;
    const int32_t *at = fixture_array(f, "offset", TENSOR_I32);
    const size_t sequences = tensor_count(safetensors_find(f, "offset")) - 1;
    const lru_params p = { store_find(s, "nu_log"), store_find(s, "theta_log"),
                           store_find(s, "gamma_log") };
    const size_t width = p.nu->cols;
    tensor *x = tape_param(t, store_find(s, "x"));
    tensor *re = op_linear(t, x, store_find(s, "b_re"), store_find(s, "b_bias_re"), ACT_NONE);
    tensor *im = op_linear(t, x, store_find(s, "b_im"), store_find(s, "b_bias_im"), ACT_NONE);
    tensor *h = op_lru(t, op_join(t, re, im), &p, at, sequences, NULL);
    re = op_linear(t, op_columns(t, h, 0, width), store_find(s, "c_re"), store_find(s, "c_bias_re"),
                   ACT_NONE);
    im = op_linear(t, op_columns(t, h, width, width), store_find(s, "c_im"), NULL, ACT_NONE);
    return op_add(t, re, op_scale(t, im, -1));
}

static void check_torch(void)
{
    fixture_check("gru", torch_text, "gru");
    fixture_check("gru_state", torch_text, "gru");
    fixture_check("lstm", torch_text, "lstm");
    fixture_check("rnn", torch_text, "rnn");
    fixture_check("lru", torch_lru, NULL);
}

// --- single precision ----------------------------------------------------------------------------------

static tape *run(const layer *l, const store *s, const int32_t *at, size_t sequences, bool first,
                 tensor **out)
{
    tape *t;
    text c = { l, at, sequences, first, false };
    CHECK_OK(tape_new(&t, s, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    *out = text_layer(t, s, &c);
    return t;
}

static void copy_values(const store *from, store *to)
{
    for (size_t i = 0; i < store_count(from); i++) {
        const param *a = store_at(from, i), *b = store_at(to, i);
        for (size_t j = 0; j < a->rows * a->cols; j++)
            ((double *)b->data)[j] = (double)((const float *)a->data)[j];
    }
}

// Relative to the norms: outputs, then the gradient of every parameter.
static void check_single(const layer *l, size_t in, size_t hidden)
{
    store *s = make(l, TENSOR_F32, N, in, hidden, 2), *s2 = make(l, TENSOR_F64, N, in, hidden, 2);
    copy_values(s, s2);
    tensor *y, *y2;
    tape *t = run(l, s, offset, SEQUENCES, true, &y),
         *t2 = run(l, s2, offset, SEQUENCES, true, &y2);
    const size_t n = N * hidden;
    float *w = malloc(n * sizeof *w);
    double *w2 = op_weights(n), off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        w[i] = (float)w2[i];
        w2[i] = (double)w[i];
        const double a = ((const double *)tensor_data(y2))[i];
        all = fmax(all, fabs(a));
        off = fmax(off, fabs(a - (double)((const float *)tensor_data(y))[i]));
    }
    CHECK(off < 2e-6 * fmax(1, all), "%s %zu: an output is off by %g", l->name, hidden, off);
    sink *k, *k2;
    CHECK_OK(sink_new(&k, s, err));
    CHECK_OK(sink_new(&k2, s2, err));
    tape_backward(t, y, w, NULL, k);
    tape_backward(t2, y2, w2, NULL, k2);
    for (size_t q = 0; q < store_count(s); q++) {
        const param *p = store_at(s, q), *p2 = store_at(s2, q);
        off = all = 0;
        for (size_t i = 0; i < p->rows * p->cols; i++) {
            const float *row = sink_find(k, p, i / p->cols);
            const double a = op_gradient(k2, p2, i), b = row ? (double)row[i % p->cols] : 0;
            off += (a - b) * (a - b), all += a * a;
        }
        CHECK(off <= 1e-11 * all, "%s %zu: gradient of %s is off by %g", l->name, hidden, p->name,
              sqrt(off / all));
    }
    sink_free(k), sink_free(k2), tape_free(t), tape_free(t2), store_free(s), store_free(s2);
    free(w), free(w2);
}

// --- what a sequence may see -----------------------------------------------------------------------------

enum { WIDE = 50 };

// Inference, which keeps less, gives what training gives.
static void check_inference(const layer *l)
{
    static int32_t many[61];
    for (int i = 0; i < 60; i++) many[i + 1] = many[i] + (i * 7) % 13;
    const size_t rows = (size_t)many[60];
    store *s = make(l, TENSOR_F32, rows, 20, WIDE, 2);
    tensor *y;
    tape *t = run(l, s, many, 60, false, &y), *plain;
    CHECK_OK(tape_new(&plain, s, NULL, err));
    tape_begin(plain, &(tape_pass){ .mode = TAPE_INFER });
    const tensor *z = text_layer(plain, s, &(text){ l, many, 60, false, false });
    CHECK(memcmp(tensor_data(y), tensor_data(z), rows * WIDE * sizeof(float)) == 0,
          "%s: another output without backward", l->name);
    CHECK(l->linear || tape_used(plain) < tape_used(t), "%s: inference takes as much memory",
          l->name);
    tape_free(t), tape_free(plain), store_free(s);
}

// The same bits alone as in company, and whatever comes later.
static void check_company(const layer *l)
{
    store *s = make(l, TENSOR_F32, N, 20, WIDE, 2);
    const size_t row = WIDE * sizeof(float);
    tensor *y, *alone;
    tape *t = run(l, s, offset, SEQUENCES, false, &y);
    param *x = store_find(s, "x");
    for (int q = 0; q < SEQUENCES; q++) {
        const int32_t from = offset[q], length = offset[q + 1] - from, at[] = { 0, length };
        tape *own;
        CHECK_OK(tape_new(&own, s, NULL, err));
        tape_begin(own, &(tape_pass){ .mode = TAPE_INFER });
        tensor *some = tape_input(own, (const float *)x->data + from * 20, (size_t)length, 20);
        alone = l->op(own, some, s, at, 1, NULL);
        CHECK(memcmp(tensor_data(alone), (const char *)tensor_data(y) + (size_t)from * row,
                     (size_t)length * row) == 0,
              "%s: sequence %d depends on its company", l->name, q);
        tape_free(own);
    }
    ((float *)x->data)[8 * 20] += 1; // event 4 of the sequence of rows 4 .. 10
    tape *later = run(l, s, offset, SEQUENCES, false, &alone);
    const char *a = tensor_data(y), *b = tensor_data(alone);
    for (size_t i = 0; i < N; i++) {
        const bool same = memcmp(a + i * row, b + i * row, row) == 0;
        CHECK(same == (i < 8 || i > 10), "%s: row %zu %s", l->name, i,
              same ? "forgot an event" : "saw what it may not");
    }
    tape_free(later), tape_free(t), store_free(s);
}

// --- one event at a time -----------------------------------------------------------------------------------

enum { LONG = 700 };

static double number(tensor_type type, const void *data, size_t i)
{
    return type == TENSOR_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static const tensor *one(tape *t, const layer *l, const store *s, size_t row, kept *state)
{
    const param *x = store_find(s, "x");
    tape_begin(t, &(tape_pass){ .mode = TAPE_STEP, .kept = state });
    tensor *event = store_type(s) == TENSOR_F64
                        ? tape_input_f64(t, (const double *)x->data + row * x->cols, 1, x->cols)
                        : tape_input(t, (const float *)x->data + row * x->cols, 1, x->cols);
    return l->op(t, event, s, NULL, 0, NULL);
}

static void check_steps(const layer *l, tensor_type type, double most)
{
    static const int32_t at[] = { 0, LONG };
    store *s = make(l, type, LONG, 12, 20, 2);
    tensor *whole;
    tape *t = run(l, s, at, 1, false, &whole), *small;
    CHECK_OK(tape_new(&small, s, NULL, err));
    tape_begin(small, &(tape_pass){ .mode = TAPE_MEASURE });
    l->op(small, tape_param(small, store_find(s, "x")), s, at, 1, NULL);
    const size_t bytes = tape_kept_bytes(small);
    CHECK(bytes >= l->states * 20 * tensor_size(type), "%s keeps %zu bytes", l->name, bytes);
    kept state = { .bytes = calloc(1, bytes) };
    double worst = 0;
    for (size_t i = 0; i < LONG; i++) {
        state.ask = true; // asking leaves no trace
        one(small, l, s, (i * 7) % LONG, &state);
        state.ask = false;
        const void *y = tensor_data(one(small, l, s, i, &state));
        state.events++;
        for (size_t j = 0; j < 20; j++)
            worst = fmax(worst,
                         fabs(number(type, y, j) - number(type, tensor_data(whole), i * 20 + j)));
    }
    CHECK(worst <= most, "%s: event by event is off by %g", l->name, worst);
    free(state.bytes), tape_free(small), tape_free(t), store_free(s);
}

// Sequences without events, and no sequences at all.
static void check_nothing(const layer *l)
{
    static const int32_t empty[] = { 0, 0, 0 };
    store *s = make(l, TENSOR_F32, 0, D, H, 2);
    for (size_t sequences = 0; sequences < 3; sequences++) {
        tensor *y;
        tape *t = run(l, s, empty, sequences, sequences == 2, &y);
        const float none = 0;
        sink *k;
        CHECK_OK(sink_new(&k, s, err));
        tape_backward(t, y, &none, NULL, k);
        CHECK(!tape_failed(t) && tensor_rows(y) == 0 && sink_norm2(k) == 0, "%s: nothing", l->name);
        sink_free(k), tape_free(t);
    }
    store_free(s);
}

int main(void)
{
    static const size_t widths[] = { 1, 7, 8, 17, 50, 64, 100 };
    for (size_t i = 0; i < COUNT_OF(layers); i++) {
        const layer *l = &layers[i];
        check_gradients(l);
        for (size_t w = 0; w < COUNT_OF(widths); w++) check_single(l, widths[w] + 3, widths[w]);
        check_company(l);
        check_inference(l);
        check_steps(l, TENSOR_F64, 1e-12);
        check_steps(l, TENSOR_F32, 1e-5);
        check_nothing(l);
    }
    check_torch();
    return CHECK_DONE();
}
