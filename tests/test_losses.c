// test_losses.c - losses: gradients in double, formulas written out, blocks, single precision.
#include "nn/op_loss.h"
#include "nn/ops.h"
#include "tests/op_check.h"

enum { N = 9, D = 6, V = 13, K = 5, SEQUENCES = 3 };

static const int32_t target[N] = { 3, 0, -1, 12, 7, 7, 1, -1, 4 };
static const float weight[N] = { 1, 3, 1, 0, 0.5F, 1, 1.5F, 9, 1 };
static const int32_t offset[SEQUENCES + 1] = { 0, 4, 4, N };
static const float answer_logq[N] = { -1, -2, 0, -1.5F, -2, -2, -1, 0, -0.5F };
// The window of the first sequence has two of its targets and others, that of the last one target.
static const int32_t window_start[SEQUENCES + 1] = { 0, 4, 5, 8 };
static const int32_t window[] = { 0, 3, 5, 6, 2, 7, 8, 12 };
static const loss_windows windows = { SEQUENCES, offset, window_start, window };
static int32_t negative[N * K]; // drawn below; some are the row's target
static float logq[N * K];

static store *inputs(tensor_type type, size_t rows, size_t cols, size_t items, bool matrix_bias)
{
    store *s;
    CHECK_OK(store_new(&s, type, err));
    store_add(s, "h", rows, cols, INIT_NORMAL, 1);
    store_add(s, "e", items, cols, INIT_NORMAL, 0.7);
    if (matrix_bias)
        store_add(s, "b", items, 1, INIT_NORMAL, 0.5);
    else
        store_add_vector(s, "b", items, INIT_NORMAL, 0.5);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 3);
    return s;
}

typedef struct how {
    const char *name;
    bool bias, weighted, masked_items;
    double scale, smoothing;
    sharing sharing;
    bool logq, in_batch, keep_hits;
    sampled_loss loss;
    bool full, cosine, windows, frugal, computed;
    const int32_t *item; // instead of `target`
    size_t from, to;     // only these rows have a target; 0, 0: all
} how;

static tensor *text(tape *t, const store *s, void *ctx)
{
    const how *w = ctx;
    tensor *h = tape_param(t, store_find(s, "h"));
    const size_t rows = tensor_rows(h);
    int32_t *item = tape_memory(t, rows, sizeof *item);
    for (size_t n = 0; n < rows; n++) {
        item[n] = w->item ? w->item[n] : target[n];
        if (w->to && (n < w->from || n >= w->to)) item[n] = -1;
    }
    tensor *e = w->computed ? op_scale(t, tape_param(t, store_find(s, "e")), 1) : NULL;
    const loss_targets to = { .item = item,
                              .weight = w->weighted ? weight : NULL,
                              .table = store_find(s, "e"),
                              .bias = w->bias ? store_find(s, "b") : NULL,
                              .scale = w->scale,
                              .cosine = w->cosine,
                              .windows = w->windows ? &windows : NULL,
                              .frugal = w->frugal,
                              .vectors = w->computed ? e : NULL };
    if (w->full) return op_softmax_loss(t, h, &to, w->smoothing);
    const loss_negatives from = { .sharing = w->sharing,
                                  .count = K,
                                  .item = negative,
                                  .logq = w->logq ? logq : NULL,
                                  .answer_logq = w->logq ? answer_logq : NULL,
                                  .offset = offset,
                                  .sequences = SEQUENCES,
                                  .in_batch = w->in_batch,
                                  .keep_hits = w->keep_hits };
    return op_sampled_loss(t, h, &to, &from, &w->loss);
}

static const how cases[] = {
    { "softmax", .full = true },
    { "softmax, bias", .full = true, .bias = true, .weighted = true },
    { "softmax, temperature", .full = true, .scale = 2.5, .bias = true },
    { "softmax, smoothing", .full = true, .smoothing = 0.2, .bias = true, .weighted = true },
    { "softmax, smoothing, scale", .full = true, .smoothing = 0.1, .scale = 0.3 },
    { "softmax, cosine", .full = true, .cosine = true, .scale = 20, .bias = true },
    { "softmax, windows", .full = true, .windows = true, .bias = true, .weighted = true },
    { "softmax, frugal", .full = true, .frugal = true, .bias = true, .cosine = true, .scale = 4 },
    { "softmax, computed", .full = true, .computed = true, .scale = 3 },
    { "softmax, computed, cosine", .full = true, .computed = true, .cosine = true, .scale = 9 },
    { "sampled softmax, computed", .computed = true, .logq = true, .weighted = true },
    { "sampled softmax, computed, cosine", .computed = true, .cosine = true, .scale = 9 },
    { "bce of rows, computed", .sharing = NEGATIVES_OF_ROW, .computed = true,
      .loss = { SCORE_BCE } },
    { "sampled softmax", .loss = { SCORE_SOFTMAX } },
    { "sampled softmax, all", .bias = true, .weighted = true, .scale = 3, .logq = true },
    { "sampled softmax, hits", .keep_hits = true },
    { "sampled softmax of sequences", .sharing = NEGATIVES_OF_SEQUENCE, .bias = true },
    { "sampled softmax of sequences, logq", .sharing = NEGATIVES_OF_SEQUENCE, .logq = true },
    { "sampled softmax of rows", .sharing = NEGATIVES_OF_ROW, .bias = true, .logq = true },
    { "sampled softmax of rows, hits", .sharing = NEGATIVES_OF_ROW, .keep_hits = true },
    { "sampled softmax, in batch", .in_batch = true, .bias = true },
    { "gru4rec cross-entropy", .in_batch = true, .keep_hits = true, .logq = true, .bias = true },
    { "sampled softmax, cosine", .cosine = true, .scale = 20, .bias = true },
    { "sampled softmax of rows, cosine", .sharing = NEGATIVES_OF_ROW, .cosine = true, .scale = 9 },
    { "bce", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BCE } },
    { "bce, shared", .loss = { SCORE_BCE, .mean = true }, .bias = true, .weighted = true },
    { "gbce", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BCE, .beta = 0.3, .mean = true } },
    { "bpr", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BPR, .mean = true } },
    { "bpr, sum, sequences", .sharing = NEGATIVES_OF_SEQUENCE, .loss = { SCORE_BPR } },
    { "bpr, in batch", .in_batch = true, .keep_hits = true, .loss = { SCORE_BPR, .mean = true } },
    { "top1", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_TOP1, .mean = true } },
    { "top1, in batch", .in_batch = true, .bias = true, .loss = { SCORE_TOP1, .mean = true } },
    { "bpr-max", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BPR_MAX, .reg = 0.5 } },
    { "bpr-max, elu", .in_batch = true, .loss = { SCORE_BPR_MAX, .elu = 0.5, .reg = 1 } },
    { "top1-max", .in_batch = true, .bias = true, .loss = { SCORE_TOP1_MAX } },
};

// --- the formulas, written out -----------------------------------------------------------------------

static double softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double score(const store *s, const how *w, size_t n, int32_t item)
{
    const double *h = store_find(s, "h")->data, *e = store_find(s, "e")->data;
    const double *b = store_find(s, "b")->data;
    double x = 0, hh = 0, ee = 0;
    for (size_t d = 0; d < D; d++) {
        const double p = h[n * D + d], q = e[(size_t)item * D + d];
        x += p * q, hh += p * p, ee += q * q;
    }
    if (w->cosine) x /= sqrt(hh * ee);
    return x * (w->scale != 0 ? w->scale : 1) + (w->bias ? b[item] : 0);
}

static bool in_window(size_t n, int32_t item)
{
    const size_t q = n < (size_t)offset[1] ? 0 : 2;
    for (int32_t i = window_start[q]; i < window_start[q + 1]; i++)
        if (window[i] == item) return true;
    return false;
}

static double softmax_formula(const store *s, const how *w, size_t n)
{
    double sum = 0, loss = 0;
    for (int32_t i = 0; i < V; i++)
        if (!w->windows || i == target[n] || !in_window(n, i)) sum += exp(score(s, w, n, i));
    for (int32_t i = 0; i < V; i++) {
        const double q = (i == target[n] ? 1 - w->smoothing : 0) + w->smoothing / V;
        loss -= q * (score(s, w, n, i) - log(sum));
    }
    return loss;
}

static double elu(double x, double a)
{
    return x < 0 && a > 0 ? a * (exp(x) - 1) : x;
}

// a: the answer; x: n negatives.
static double sampled_formula(const sampled_loss *l, double a, const double *x, size_t n)
{
    double sum = 0, top = 0, squares = 0;
    if (l->kind == SCORE_SOFTMAX) sum = exp(a);
    if (l->kind == SCORE_BCE) sum = (l->beta != 0 ? l->beta : 1) * softplus(-a);
    for (size_t i = 0; i < n; i++) {
        const double s = l->kind == SCORE_BPR_MAX ? elu(x[i], l->elu) : x[i];
        const double p = l->kind == SCORE_BPR_MAX ? elu(a, l->elu) : a;
        if (l->kind == SCORE_SOFTMAX) sum += exp(s);
        if (l->kind == SCORE_BCE) sum += softplus(s);
        if (l->kind == SCORE_BPR) sum += -log(sigmoid(p - s));
        if (l->kind == SCORE_TOP1) sum += sigmoid(s - p) + sigmoid(s * s);
        if (l->kind == SCORE_BPR_MAX) top += exp(s) * sigmoid(p - s), squares += exp(s) * s * s;
        if (l->kind == SCORE_TOP1_MAX) top += exp(s) * (sigmoid(s - p) + sigmoid(s * s));
        if (l->kind >= SCORE_BPR_MAX) sum += exp(s);
    }
    if (l->kind == SCORE_SOFTMAX) return log(sum) - a;
    if (l->kind == SCORE_BPR_MAX) return -log(top / sum) + l->reg * squares / sum;
    if (l->kind == SCORE_TOP1_MAX) return top / sum;
    return sum;
}

static double negatives_formula(const store *s, const how *w, size_t n)
{
    double x[N + K];
    size_t count = 0, columns = K;
    const size_t set = w->sharing == NEGATIVES_SHARED   ? 0
                       : w->sharing == NEGATIVES_OF_ROW ? n
                       : n < (size_t)offset[1]          ? 0
                                                        : 2;
    for (size_t m = 0; w->in_batch && m < N; m++) {
        if (target[m] < 0) continue;
        columns++;
        if (m == n || (target[m] == target[n] && !w->keep_hits)) continue;
        x[count++] = score(s, w, n, target[m]) - (w->logq ? (double)answer_logq[m] : 0);
    }
    for (size_t i = set * K; i < (set + 1) * K; i++) {
        if (negative[i] == target[n] && !w->keep_hits) continue;
        x[count++] = score(s, w, n, negative[i]) - (w->logq ? (double)logq[i] : 0);
    }
    const double a = score(s, w, n, target[n]) - (w->logq ? (double)answer_logq[n] : 0);
    double loss = sampled_formula(&w->loss, a, x, count);
    if (!w->loss.mean) return loss;
    if (w->loss.kind == SCORE_BCE) return loss / (double)(columns + 1);
    if (w->in_batch) loss += w->loss.kind == SCORE_BPR ? log(2) : 0.5;
    return loss / (double)columns;
}

static void check_formula(const store *s, how *w)
{
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    double want = 0;
    for (size_t n = 0; n < N; n++) {
        if (target[n] < 0) continue;
        want += (w->weighted ? (double)weight[n] : 1) *
                (w->full ? softmax_formula(s, w, n) : negatives_formula(s, w, n));
    }
    for (enum tape_mode mode = TAPE_TRAIN; mode <= TAPE_INFER; mode++) {
        tape_begin(t, &(tape_pass){ .mode = mode });
        const double got = tensor_number(t, text(t, s, w));
        CHECK(fabs(got - want) < 1e-12 * fabs(want), "%s: %.15g, want %.15g", w->name, got, want);
    }
    tape_free(t);
}

// --- larger sizes --------------------------------------------------------------------------------------

enum { MANY_N = 300, MANY_D = 20, MANY_V = 1000 };

static int32_t many_target[MANY_N];

typedef struct outcome {
    double loss;
    sink *sink;
} outcome;

// Adds the loss and gradients of rows from .. to-1.
static void run_rows(const store *s, how *w, size_t from, size_t to, outcome *o)
{
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    w->item = many_target, w->from = from, w->to = to;
    tensor *loss = text(t, s, w);
    const float one = 1;
    const double one_f64 = 1;
    tape_backward(t, loss, store_type(s) == TENSOR_F64 ? (const void *)&one_f64 : &one, NULL,
                  o->sink);
    CHECK(!tape_failed(t) && !sink_failed(o->sink), "%s: out of memory", w->name);
    o->loss += tensor_number(t, loss);
    w->item = NULL, w->from = w->to = 0;
    tape_free(t);
}

static double distance(const sink *a, const sink *b, const store *s)
{
    sink *d;
    CHECK_OK(sink_new(&d, s, err));
    sink_add(d, a, 1);
    sink_add(d, b, -1);
    const double norm = sqrt(sink_norm2(d) / sink_norm2(b));
    sink_free(d);
    return norm;
}

// Rows in one op, and cut into pieces that start elsewhere.
static void check_blocks(tensor_type type, how *w, double tolerance)
{
    static const size_t cut[] = { 0, 1, 18, 81, 82, 210, MANY_N };
    store *s = inputs(type, MANY_N, MANY_D, MANY_V, w->weighted);
    outcome whole = { 0 }, parts = { 0 };
    CHECK_OK(sink_new(&whole.sink, s, err));
    CHECK_OK(sink_new(&parts.sink, s, err));
    run_rows(s, w, 0, MANY_N, &whole);
    for (size_t i = 0; i + 1 < COUNT_OF(cut); i++) run_rows(s, w, cut[i], cut[i + 1], &parts);
    CHECK(fabs(whole.loss - parts.loss) < tolerance * whole.loss, "%s: in parts %.12g, whole %.12g",
          w->name, parts.loss, whole.loss);
    const double far = distance(parts.sink, whole.sink, s);
    CHECK(far < tolerance, "%s: gradients differ by %g", w->name, far);
    sink_free(whole.sink);
    sink_free(parts.sink);
    store_free(s);
}

// Single precision against double, from the same numbers.
static void check_single(how *w)
{
    store *s[2] = { inputs(TENSOR_F32, MANY_N, MANY_D, MANY_V, w->weighted),
                    inputs(TENSOR_F64, MANY_N, MANY_D, MANY_V, w->weighted) };
    outcome o[2] = { 0 };
    double off = 0, norm = 0;
    for (size_t p = 0; p < store_count(s[0]); p++) {
        param *a = store_at(s[0], p), *b = store_at(s[1], p);
        for (size_t i = 0; i < a->rows * a->cols; i++)
            ((double *)b->data)[i] = (double)((float *)a->data)[i];
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(sink_new(&o[i].sink, s[i], err));
        run_rows(s[i], w, 0, MANY_N, &o[i]);
    }
    for (size_t p = 0; p < store_count(s[0]); p++) {
        const param *a = store_at(s[0], p), *b = store_at(s[1], p);
        for (size_t r = 0; r < a->rows; r++) {
            const float *x = sink_find(o[0].sink, a, r);
            const double *y = sink_find(o[1].sink, b, r);
            CHECK(!x == !y, "%s: row %zu of %s", w->name, r, a->name);
            for (size_t i = 0; x && y && i < a->cols; i++) {
                off += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
                norm += y[i] * y[i];
            }
        }
    }
    CHECK(fabs(o[0].loss - o[1].loss) < 1e-5 * o[1].loss, "%s: single %.9g, double %.9g", w->name,
          o[0].loss, o[1].loss);
    CHECK(sqrt(off / norm) < 1e-5, "%s: gradients in single differ by %g", w->name,
          sqrt(off / norm));
    for (int i = 0; i < 2; i++) sink_free(o[i].sink), store_free(s[i]);
}

static tensor *many_text(tape *t, const store *s, void *ctx)
{
    how *w = ctx;
    w->item = many_target;
    tensor *loss = text(t, s, w);
    w->item = NULL;
    return loss;
}

static void check_many(void)
{
    rng r = rng_at(4, 0, 0);
    for (size_t n = 0; n < MANY_N; n++)
        many_target[n] = n % 7 == 3 ? -1 : (int32_t)rng_below(&r, MANY_V);
    how full = { "softmax, many", .full = true, .bias = true, .smoothing = 0.1, .scale = 0.7 };
    how shared = { "sampled softmax, many", .bias = true };
    store *s = inputs(TENSOR_F64, MANY_N, MANY_D, MANY_V, false);
    op_check(full.name, s, many_text, &full);
    store_free(s);
    check_blocks(TENSOR_F64, &full, 1e-13);
    check_blocks(TENSOR_F32, &full, 1e-6);
    check_blocks(TENSOR_F64, &shared, 1e-13);
    check_blocks(TENSOR_F32, &shared, 1e-6);
    check_single(&full);
    check_single(&shared);
}

// GRU4Rec's cross-entropy over more rows than are scored at a time: a softmax over all columns.
static void check_batch(void)
{
    how w = { "gru4rec, many", .in_batch = true, .keep_hits = true };
    store *s = inputs(TENSOR_F64, MANY_N, MANY_D, MANY_V, false);
    const double *h = store_find(s, "h")->data, *e = store_find(s, "e")->data;
    double want = 0;
    outcome o = { 0 };
    CHECK_OK(sink_new(&o.sink, s, err));
    run_rows(s, &w, 0, MANY_N, &o);
    for (size_t n = 0; n < MANY_N; n++) {
        double sum = 0, own = 0;
        for (size_t m = 0; many_target[n] >= 0 && m < MANY_N + K; m++) {
            const int32_t item = m < MANY_N ? many_target[m] : negative[m - MANY_N];
            double x = 0;
            for (size_t d = 0; item >= 0 && d < MANY_D; d++)
                x += h[n * MANY_D + d] * e[(size_t)item * MANY_D + d];
            if (item >= 0) sum += exp(x);
            if (m == n) own = x;
        }
        if (many_target[n] >= 0) want += log(sum) - own;
    }
    CHECK(fabs(o.loss - want) < 1e-12 * want, "%s: %.15g, want %.15g", w.name, o.loss, want);
    sink_free(o.sink);
    store_free(s);
}

// Backward again, with another seed and without the table.
static void check_seeds(const store *s, how *w)
{
    const double one = 1, other = -2.5;
    bool mask[] = { true, false, true };
    tape *t;
    sink *a, *b;
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&a, s, err));
    CHECK_OK(sink_new(&b, s, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *loss = text(t, s, w);
    tape_backward(t, loss, &one, NULL, a);
    tape_backward(t, loss, &other, mask, b);
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        for (size_t q = 0; q < p->rows * p->cols; q++) {
            const double want = mask[i] ? other * op_gradient(a, p, q) : 0;
            CHECK(fabs(op_gradient(b, p, q) - want) < 1e-12 * (1 + fabs(want)), "%s: seed, %s",
                  w->name, p->name);
        }
    }
    sink_free(a);
    sink_free(b);
    tape_free(t);
}

// Out of memory at any point: the tape says so, and nothing else happens.
static void check_memory(const store *s, how *w)
{
    bool enough = false;
    sink *k;
    CHECK_OK(sink_new(&k, s, err));
    for (size_t bytes = 1 << 14; !enough && bytes < 1 << 22; bytes += 512) {
        arena mem = { 0 };
        tape *t;
        CHECK_OK(arena_init_bytes(&mem, bytes, err));
        CHECK_OK(tape_new(&t, s, &mem, err));
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        const double one = 1;
        tensor *loss = text(t, s, w);
        tape_backward(t, loss, &one, NULL, k);
        enough = !tape_failed(t);
        tape_free(t);
        arena_free(&mem);
    }
    CHECK(enough, "%s: takes more than 4 MB", w->name);
    sink_free(k);
}

// Scores far apart: exact in the limit, never inf - inf.
static void check_extremes(void)
{
    store *s = inputs(TENSOR_F32, 2, 1, V, false);
    float *h = store_find(s, "h")->data, *e = store_find(s, "e")->data;
    h[0] = 1, h[1] = -1;
    for (int i = 0; i < V; i++) e[i] = i == 0 ? 3000 : i == 1 ? -3000 : 0;
    const int32_t item[] = { 0, 0 }, others[] = { 1, 2 }; // answers at +3000 and at -3000
    const loss_targets to = { .item = item, .table = store_find(s, "e") };
    const loss_negatives from = { .count = 2, .item = others };
    static const double want[] = { 6000, 6001.386, 9000 };
    tape *t;
    sink *k;
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&k, s, err));
    for (score_loss kind = SCORE_SOFTMAX; kind <= SCORE_TOP1_MAX; kind++) {
        const sampled_loss loss = { .kind = kind };
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        tensor *out = op_sampled_loss(t, tape_param(t, store_find(s, "h")), &to, &from, &loss);
        const float one = 1;
        sink_clear(k);
        tape_backward(t, out, &one, NULL, k);
        CHECK(isfinite(sink_norm2(k)), "kind %d: gradient is not finite", (int)kind);
        CHECK(isfinite(tensor_number(t, out)), "kind %d: loss %g", (int)kind,
              tensor_number(t, out));
        if (kind < SCORE_TOP1)
            CHECK(fabs(tensor_number(t, out) - want[kind]) < 0.01, "kind %d: loss %g, want %g",
                  (int)kind, tensor_number(t, out), want[kind]);
    }
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    const tensor *out = op_softmax_loss(t, tape_param(t, store_find(s, "h")), &to, 0);
    CHECK(fabs(tensor_number(t, out) - 6000) < 1, "softmax: loss %g", tensor_number(t, out));
    sink_free(k);
    tape_free(t);
    store_free(s);
}

// --- two views, ratings, probabilities -------------------------------------------------------------------

static const float rating[N] = { 3, NAN, 1, 5, 0, -2, 1, NAN, 4 };
static const float chance[N] = { 1, 0, 0, NAN, 0.3F, 1, 1, 0.9F, 0 };

static store *views(void)
{
    store *s;
    CHECK_OK(store_new(&s, TENSOR_F64, err));
    store_add(s, "a", 50, D, INIT_NORMAL, 1); // twice that is more than a block
    store_add(s, "b", 50, D, INIT_NORMAL, 1);
    store_add(s, "x", N, 1, INIT_NORMAL, 2);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 11);
    return s;
}

static tensor *text_contrast(tape *t, const store *s, void *ctx)
{
    tensor *a = tape_param(t, store_find(s, "a")), *b = tape_param(t, store_find(s, "b"));
    const bool cosine = *(bool *)ctx;
    return cosine ? op_contrastive_loss(t, op_unit(t, a), op_unit(t, b), 5)
                  : op_contrastive_loss(t, a, b, 0.5);
}

static tensor *text_squared(tape *t, const store *s, void *ctx)
{
    return op_squared_loss(t, tape_param(t, store_find(s, "x")), rating, ctx);
}

static tensor *text_logistic(tape *t, const store *s, void *ctx)
{
    return op_logistic_loss(t, tape_param(t, store_find(s, "x")), chance, ctx);
}

static double contrast_formula(const store *s, bool cosine)
{
    const double *view[2] = { store_find(s, "a")->data, store_find(s, "b")->data };
    double loss = 0;
    for (size_t i = 0; i < 100; i++) {
        double sum = 0, own = 0;
        for (size_t j = 0; j < 100; j++) {
            const double *p = view[i / 50] + i % 50 * D, *q = view[j / 50] + j % 50 * D;
            double x = 0, pp = 0, qq = 0;
            for (size_t d = 0; d < D; d++) x += p[d] * q[d], pp += p[d] * p[d], qq += q[d] * q[d];
            x *= cosine ? 5 / sqrt(pp * qq) : 0.5;
            if (j != i) sum += exp(x);
            if (j % 50 == i % 50 && j != i) own = x;
        }
        loss += log(sum) - own;
    }
    return loss;
}

static double value_of(const store *s, op_text *text_of, void *ctx)
{
    tape *t;
    CHECK_OK(tape_new(&t, s, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const double got = tensor_number(t, text_of(t, s, ctx));
    tape_free(t);
    return got;
}

static void check_heads(void)
{
    store *s = views();
    const double *x = store_find(s, "x")->data;
    double squared = 0, logistic = 0;
    for (size_t i = 0; i < N; i++) {
        const double p = sigmoid(x[i]), r = (double)rating[i], c = (double)chance[i];
        if (!isnan(r)) squared += (double)weight[i] * (x[i] - r) * (x[i] - r);
        if (!isnan(c)) logistic -= c * log(p) + (1 - c) * log(1 - p);
    }
    bool no = false, yes = true;
    const struct {
        const char *name;
        op_text *text;
        void *ctx;
        double want;
    } heads[] = {
        { "contrastive", text_contrast, &no, contrast_formula(s, false) },
        { "contrastive, cosine", text_contrast, &yes, contrast_formula(s, true) },
        { "squared", text_squared, (void *)(uintptr_t)weight, squared },
        { "logistic", text_logistic, NULL, logistic },
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        const double got = value_of(s, heads[i].text, heads[i].ctx);
        CHECK(fabs(got - heads[i].want) < 1e-12 * heads[i].want, "%s: %.15g, want %.15g",
              heads[i].name, got, heads[i].want);
        op_check(heads[i].name, s, heads[i].text, heads[i].ctx);
    }
    store_free(s);
}

int main(void)
{
    rng r = rng_at(1, 2, 3);
    for (size_t i = 0; i < N * K; i++) {
        negative[i] = i % 4 == 1 ? 7 : (int32_t)rng_below(&r, V);
        logq[i] = (float)(-1 - rng_uniform(&r));
    }
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        how w = cases[i];
        for (int matrix = 0; matrix < 2; matrix++) {
            store *s = inputs(TENSOR_F64, N, D, V, matrix);
            check_formula(s, &w);
            op_check(w.name, s, text, &w);
            check_seeds(s, &w);
            if (matrix) check_memory(s, &w);
            store_free(s);
        }
    }
    check_many();
    check_batch();
    check_extremes();
    check_heads();
    CHECK(gbce_beta(10, 101, 0) == 1, "beta without calibration");
    CHECK(fabs(gbce_beta(10, 101, 0.5) - 0.55) < 1e-12, "beta %g", gbce_beta(10, 101, 0.5));
    CHECK(fabs(gbce_beta(10, 101, 1) - 0.1) < 1e-12, "beta is the share of what is drawn");
    return CHECK_DONE();
}
