// test_rows.c - every version of the row functions, the plain one too, against the reference in
// double, at a fence; their bits where bits are promised; NaN and infinities.
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/rows.h"
#include "tests/check.h"
#include "tests/fence.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { ROWS = 19, GUARD = 16 };
static const size_t widths[] = { 1, 7, 8, 9, 15, 16, 17, 31, 50, 64, 100, 257 };
static const float guard = 12345.5f;

// The same numbers in float, between a guard and a fence, and in double.
typedef struct pair {
    float *f;
    double *d;
    size_t n;
} pair;

static pair pair_new(size_t n, double low, double high, uint64_t seed)
{
    pair p = { fence_floats(n + GUARD), malloc((n + 1) * sizeof(double)), n };
    rng r = rng_at(seed, n, 0);
    for (size_t i = 0; i < GUARD; i++) *p.f++ = guard;
    for (size_t i = 0; i < n; i++) p.f[i] = (float)(low + (high - low) * rng_uniform(&r));
    for (size_t i = 0; i < n; i++) p.d[i] = (double)p.f[i];
    return p;
}

static pair numbers(size_t n, uint64_t seed)
{
    return pair_new(n, -3, 3, seed);
}

static void check_near(const pair *p, double tolerance, const char *version, const char *what)
{
    for (size_t i = 0; i < p->n; i++) {
        const double got = (double)p->f[i], want = p->d[i];
        CHECK(fabs(got - want) <= tolerance * (1 + fabs(want)), "%s %s n=%zu [%zu]: %g, want %g",
              version, what, p->n, i, got, want);
    }
    for (size_t i = 1; i <= GUARD; i++)
        CHECK(p->f[-(ptrdiff_t)i] == guard, "%s %s n=%zu wrote before the start", version, what,
              p->n);
    free(p->d);
}

static int same_bits(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

// --- place by place --------------------------------------------------------------------------------

static void test_places(const row_kernels *k, size_t n)
{
    const row_kernels *exact = row_kernels_f64();
    const pair a = numbers(n, 1), b = numbers(n, 2);
    pair y = numbers(n, 3);
    k->add(y.f, a.f, n), exact->add(y.d, a.d, n);
    check_near(&y, 1e-6, k->name, "add");
    y = numbers(n, 3);
    k->sum(y.f, a.f, b.f, n), exact->sum(y.d, a.d, b.d, n);
    check_near(&y, 1e-6, k->name, "sum");
    y = numbers(n, 3);
    k->axpy(y.f, -1.5, a.f, n), exact->axpy(y.d, -1.5, a.d, n);
    check_near(&y, 1e-6, k->name, "axpy");
    y = numbers(n, 3);
    k->scale(y.f, 0.75, n), exact->scale(y.d, 0.75, n);
    check_near(&y, 1e-6, k->name, "scale");
    y = numbers(n, 3);
    k->multiply(y.f, a.f, b.f, n), exact->multiply(y.d, a.d, b.d, n);
    check_near(&y, 1e-6, k->name, "multiply");
    y = numbers(n, 3);
    k->multiply_add(y.f, a.f, b.f, n), exact->multiply_add(y.d, a.d, b.d, n);
    check_near(&y, 1e-6, k->name, "multiply_add");
    free(a.d), free(b.d);
}

static void test_totals(const row_kernels *k, size_t n)
{
    const row_kernels *exact = row_kernels_f64();
    const pair a = numbers(n, 1), b = numbers(n, 2);
    const double got = k->dot(a.f, b.f, n), want = exact->dot(a.d, b.d, n);
    CHECK(fabs(got - want) <= 1e-6 * (double)(n + 4), "%s n=%zu dot %g, want %g", k->name, n, got,
          want);
    const double norm = k->norm2(a.f, n), norm_want = exact->norm2(a.d, n);
    CHECK(fabs(norm - norm_want) <= 1e-13 * norm_want, "%s n=%zu norm2 %g, want %g", k->name, n,
          norm, norm_want);
    CHECK(k->max(a.f, n) == exact->max(a.d, n), "%s n=%zu max %g", k->name, n, k->max(a.f, n));

    pair x = numbers(n, 3);
    const double sum = k->exp_shift(x.f, 2, n), sum_want = exact->exp_shift(x.d, 2, n);
    CHECK(fabs(sum - sum_want) <= 1e-6 * sum_want, "%s n=%zu exp_shift %g, want %g", k->name, n,
          sum, sum_want);
    check_near(&x, 2e-7, k->name, "exp_shift");
    free(a.d), free(b.d);
}

static void test_activations(const row_kernels *k, size_t n)
{
    const row_kernels *exact = row_kernels_f64();
    static const char *const names[] = { "none", "relu",    "gelu", "gelu erf",
                                         "silu", "sigmoid", "tanh" };
    for (activation f = ACT_NONE; f <= ACT_TANH; f++) {
        const pair x = pair_new(n, -12, 12, 4);
        pair dy = numbers(n, 5), y = numbers(n, 6), in_place = pair_new(n, -12, 12, 4);
        k->activate(y.f, x.f, n, f), exact->activate(y.d, x.d, n, f);
        k->activate(in_place.f, in_place.f, n, f);
        CHECK(same_bits(y.f, in_place.f, n), "%s %s in place", k->name, names[f]);
        check_near(&y, 1e-6, k->name, names[f]);

        y = numbers(n, 6);
        k->activate_back(y.f, dy.f, x.f, n, f), exact->activate_back(y.d, dy.d, x.d, n, f);
        k->activate_back(dy.f, dy.f, x.f, n, f);
        CHECK(same_bits(y.f, dy.f, n), "%s back %s in place", k->name, names[f]);
        check_near(&y, 2e-6, k->name, names[f]);
        free(x.d), free(dy.d), free(in_place.d);
    }
}

// --- rows --------------------------------------------------------------------------------------------

static void test_rows(const row_kernels *k, size_t cols)
{
    const row_kernels *ref = &row_kernels_ref_f32;
    const pair row = numbers(cols, 7), x = numbers(ROWS * cols, 8);
    pair y = numbers(ROWS * cols, 9);
    k->repeat(y.f, row.f, ROWS, cols), row_kernels_f64()->repeat(y.d, row.d, ROWS, cols);
    check_near(&y, 0, k->name, "repeat");

    pair sum = numbers(cols, 7), same = numbers(cols, 7);
    k->sum_rows(sum.f, x.f, ROWS, cols), row_kernels_f64()->sum_rows(sum.d, x.d, ROWS, cols);
    ref->sum_rows(same.f, x.f, ROWS, cols);
    CHECK(same_bits(sum.f, same.f, cols), "%s sum_rows %zu: not in the order of rows", k->name,
          cols);
    check_near(&sum, 4e-6, k->name, "sum_rows");
    free(row.d), free(x.d), free(same.d);
}

typedef struct norm_case {
    pair x, g, b, y, stats, dx, dg, db, dy;
} norm_case;

static norm_case norm_case_new(size_t cols, bool centred)
{
    const size_t n = ROWS * cols;
    return (norm_case){ .x = pair_new(n, -1, 3, 10),
                        .g = pair_new(cols, 0.5, 2, 11),
                        .b = numbers(cols, 12),
                        .y = numbers(n, 13),
                        .stats = numbers(ROWS * (centred ? 2 : 1), 14),
                        .dx = numbers(n, 15),
                        .dg = numbers(cols, 16),
                        .db = numbers(cols, 17),
                        .dy = numbers(n, 18) };
}

static void norm_case_check(const norm_case *c, const char *version, const char *what)
{
    check_near(&c->y, 4e-6, version, what);
    check_near(&c->stats, 4e-6, version, what);
    check_near(&c->dx, 1e-5, version, what);
    check_near(&c->dg, 1e-5, version, what);
    check_near(&c->db, 1e-5, version, what);
    free(c->x.d), free(c->g.d), free(c->b.d), free(c->dy.d);
}

// What is wanted of the gradients does not change the others much; what is not, is not touched.
static void test_layer_norm(const row_kernels *k, size_t cols)
{
    const row_kernels *exact = row_kernels_f64();
    const double eps = 1e-3;
    for (int want = 0; want < 8; want++) {
        norm_case c = norm_case_new(cols, true);
        k->layer_norm(c.y.f, c.stats.f, c.x.f, c.g.f, c.b.f, ROWS, cols, eps);
        exact->layer_norm(c.y.d, c.stats.d, c.x.d, c.g.d, c.b.d, ROWS, cols, eps);
        k->layer_norm_back(want & 1 ? c.dx.f : NULL, want & 2 ? c.dg.f : NULL,
                           want & 4 ? c.db.f : NULL, c.dy.f, c.x.f, c.g.f, c.stats.f, ROWS, cols);
        exact->layer_norm_back(want & 1 ? c.dx.d : NULL, want & 2 ? c.dg.d : NULL,
                               want & 4 ? c.db.d : NULL, c.dy.d, c.x.d, c.g.d, c.stats.d, ROWS,
                               cols);
        norm_case_check(&c, k->name, "layer_norm");
    }
}

static void test_rms_norm(const row_kernels *k, size_t cols)
{
    const row_kernels *exact = row_kernels_f64();
    const double eps = 1e-3;
    for (int want = 0; want < 4; want++) {
        norm_case c = norm_case_new(cols, false);
        k->rms_norm(c.y.f, c.stats.f, c.x.f, c.g.f, ROWS, cols, eps);
        exact->rms_norm(c.y.d, c.stats.d, c.x.d, c.g.d, ROWS, cols, eps);
        k->rms_norm_back(want & 1 ? c.dx.f : NULL, want & 2 ? c.dg.f : NULL, c.dy.f, c.x.f, c.g.f,
                         c.stats.f, ROWS, cols);
        exact->rms_norm_back(want & 1 ? c.dx.d : NULL, want & 2 ? c.dg.d : NULL, c.dy.d, c.x.d,
                             c.g.d, c.stats.d, ROWS, cols);
        norm_case_check(&c, k->name, "rms_norm");
    }
}

// Rows one by one give the bits they have together; sums over rows go on where they stopped.
static void test_company(const row_kernels *k, size_t cols)
{
    norm_case all = norm_case_new(cols, true), one = norm_case_new(cols, true);
    const norm_case *pairs[] = { &all, &one };
    k->layer_norm(all.y.f, all.stats.f, all.x.f, all.g.f, all.b.f, ROWS, cols, 1e-5);
    k->layer_norm_back(all.dx.f, all.dg.f, all.db.f, all.dy.f, all.x.f, all.g.f, all.stats.f, ROWS,
                       cols);
    for (size_t r = 0, i = 0; r < ROWS; r++, i += cols) {
        k->layer_norm(one.y.f + i, one.stats.f + 2 * r, one.x.f + i, one.g.f, one.b.f, 1, cols,
                      1e-5);
        k->layer_norm_back(one.dx.f + i, one.dg.f, one.db.f, one.dy.f + i, one.x.f + i, one.g.f,
                           one.stats.f + 2 * r, 1, cols);
    }
    CHECK(same_bits(all.y.f, one.y.f, ROWS * cols) && same_bits(all.dx.f, one.dx.f, ROWS * cols),
          "%s layer_norm %zu: a row depends on its company", k->name, cols);
    CHECK(same_bits(all.dg.f, one.dg.f, cols) && same_bits(all.db.f, one.db.f, cols),
          "%s layer_norm %zu: sums are not in the order of rows", k->name, cols);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        const norm_case *c = pairs[i];
        free(c->x.d), free(c->g.d), free(c->b.d), free(c->y.d), free(c->stats.d);
        free(c->dx.d), free(c->dg.d), free(c->db.d), free(c->dy.d);
    }
}

// --- dropout -----------------------------------------------------------------------------------------

static void test_drop(const row_kernels *k, size_t cols)
{
    static const double chances[] = { 0, 0.1, 0.2, 0.5, 0.9 };
    const size_t n = ROWS * cols;
    for (size_t i = 0; i < COUNT_OF(chances); i++) {
        const dropout d = { 42 + i, 1000, chances[i] };
        pair x = numbers(n, 19), got = numbers(n, 20), want = numbers(n, 20);
        k->drop(got.f, x.f, &d, ROWS, cols);
        row_kernels_ref_f32.drop(want.f, x.f, &d, ROWS, cols);
        CHECK(same_bits(got.f, want.f, n), "%s drop %zu: other units", k->name, cols);
        for (size_t r = 0; r < ROWS; r++) {
            const dropout row = { d.key, d.first_row + r, d.p };
            k->drop(got.f + r * cols, x.f + r * cols, &row, 1, cols);
        }
        CHECK(same_bits(got.f, want.f, n), "%s drop %zu: rows alone", k->name, cols);
        k->drop_back(got.f, x.f, &d, ROWS, cols);
        row_kernels_f64()->drop(got.d, x.d, &d, ROWS, cols);
        row_kernels_f64()->drop_back(got.d, x.d, &d, ROWS, cols);
        k->drop(x.f, x.f, &d, ROWS, cols);
        CHECK(same_bits(x.f, want.f, n), "%s drop %zu in place", k->name, cols);
        check_near(&got, 1e-6, k->name, "drop_back");
        free(x.d), free(want.d);
    }
}

// A stream that would begin with the word 0; a word that lies on the level itself.
static void test_drop_edges(const row_kernels *k)
{
    enum { COLS = 100, AT = 3 };
    float x[COLS], got[COLS], want[COLS];
    uint32_t stream[DROPOUT_STREAMS];
    dropout d = { 0, 0, 0 };
    CHECK(dropout_mix(&d, 0) == 0, "key and row 0 are mixed to something else");
    dropout_begin(&d, 0, stream);
    d.p = (dropout_next(stream[AT]) >> 1) * 0x1p-31;
    for (size_t i = 0; i < COLS; i++) x[i] = 1;
    k->drop(got, x, &d, 1, COLS);
    row_kernels_ref_f32.drop(want, x, &d, 1, COLS);
    CHECK(same_bits(got, want, COLS) && got[AT] > 0, "%s: dropout at the edges", k->name);
}

static void test_drop_share(const row_kernels *k)
{
    enum { N = 1000, COLS = 50 };
    static float x[N * COLS];
    for (size_t i = 0; i < N * COLS; i++) x[i] = 0.8f;
    const dropout d = { 7, 0, 0.2 };
    k->drop(x, x, &d, N, COLS);
    size_t stayed = 0;
    for (size_t i = 0; i < N * COLS; i++) stayed += x[i] != 0;
    CHECK(fabs((double)stayed / (N * COLS) - 0.8) < 0.01, "%s: %zu stayed", k->name, stayed);
    CHECK(k->max(x, N * COLS) == 1, "%s: what stays is not divided by 1 - p", k->name);
}

// --- accuracy and odd numbers ------------------------------------------------------------------------

// Largest error of n floats in units in the last place of a float.
static double worst_ulps(const float *got, const double *want, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        int e;
        frexp(want[i], &e);
        worst = fmax(worst, fabs((double)got[i] - want[i]) / ldexp(1, e - 24));
    }
    return worst;
}

static void test_accuracy(const row_kernels *k)
{
    enum { N = 200000 };
    static float x[N], y[N];
    static double want[N];
    for (size_t i = 0; i < N; i++) y[i] = x[i] = (float)(-87.3 + 176.0 * (double)i / N);
    for (size_t i = 0; i < N; i++) want[i] = exp((double)x[i]);
    k->exp_shift(y, 0, N);
    CHECK(worst_ulps(y, want, N) < 1.05, "%s exp: %g ulps", k->name, worst_ulps(y, want, N));

    k->activate(y, x, N, ACT_SIGMOID);
    for (size_t i = 0; i < N; i++) want[i] = 1 / (1 + exp(-(double)x[i]));
    CHECK(worst_ulps(y, want, N) < 3, "%s sigmoid: %g ulps", k->name, worst_ulps(y, want, N));

    // evenly, then closer and closer to zero
    for (size_t i = 0; i < N / 2; i++) x[i] = (float)(-10 + 20.0 * (double)i / (N / 2));
    for (size_t i = N / 2; i < N; i++) x[i] = x[i - N / 2] * expf(-(float)(i % 80));
    k->activate(y, x, N, ACT_TANH);
    for (size_t i = 0; i < N; i++) want[i] = tanh((double)x[i]);
    CHECK(worst_ulps(y, want, N) < 3, "%s tanh: %g ulps", k->name, worst_ulps(y, want, N));
}

static void test_exp_ends(const row_kernels *k)
{
    static const struct {
        float x, low, high;
    } cases[] = {
        { 0, 1, 1 },
        { -0.0f, 1, 1 },
        { -INFINITY, 0, 0 },
        { -1e30f, 0, 0 },
        { -104, 0, 0 },
        { -88, 0, 0x1p-126f },
        { -87, 1e-38f, 2e-38f },
        { 88.7f, 3.3e38f, 3.4e38f },
        { 88.73f, INFINITY, INFINITY },
        { 1e30f, INFINITY, INFINITY },
        { INFINITY, INFINITY, INFINITY },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        float x = cases[i].x;
        const double sum = k->exp_shift(&x, 0, 1);
        CHECK(x >= cases[i].low && x <= cases[i].high && sum == (double)x, "%s exp(%g) = %g",
              k->name, (double)cases[i].x, (double)x);
    }
}

// An odd number at any place: there what the reference says, elsewhere nothing changes.
static void test_odd(const row_kernels *k, activation f, bool back)
{
    enum { N = 19 };
    static const float odd[] = { NAN, INFINITY, -INFINITY, -0.0f, 1e-40f, 3e38f, -3e38f };
    for (size_t o = 0; o < COUNT_OF(odd); o++)
        for (size_t at = 0; at < N; at++) {
            float x[N], y[N], want[N], one[N];
            for (size_t i = 0; i < N; i++) x[i] = i == at ? odd[o] : 0.5f, one[i] = 1;
            if (back) {
                k->activate_back(y, one, x, N, f);
                row_kernels_ref_f32.activate_back(want, one, x, N, f);
            } else {
                k->activate(y, x, N, f);
                row_kernels_ref_f32.activate(want, x, N, f);
            }
            for (size_t i = 0; i < N; i++)
                CHECK((isnan(y[i]) && isnan(want[i])) || y[i] == want[i] ||
                          fabsf(y[i] - want[i]) <= 1e-6f,
                      "%s activation %d back %d of %g: %g, want %g", k->name, f, back, (double)x[i],
                      (double)y[i], (double)want[i]);
        }
}

static void test_nan(const row_kernels *k)
{
    enum { N = 70 };
    float x[N], in[ROWS * N], y[ROWS * N], stats[ROWS * 2], g[N], b[N];
    CHECK(k->max(NULL, 0) == -INFINITY, "%s: max of nothing", k->name);
    for (size_t at = 0; at < N; at++) {
        for (size_t i = 0; i < N; i++) x[i] = i == at ? NAN : -(float)i - 1, g[i] = 1, b[i] = 0;
        CHECK(k->max(x, N) == (at == 0 ? -2 : -1), "%s: max with NaN at %zu", k->name, at);
        CHECK(isnan(k->exp_shift(x, 0, N)) && isnan(x[at]), "%s: exp of NaN at %zu", k->name, at);
        CHECK(!isnan(x[(at + 1) % N]), "%s: NaN at %zu spreads", k->name, at);
        for (size_t i = 0; i < ROWS * N; i++) in[i] = i == 2 * N + at ? NAN : (float)(i % 7);
        k->layer_norm(y, stats, in, g, b, ROWS, N, 1e-5);
        for (size_t i = 0; i < ROWS * N; i++)
            CHECK(isnan(y[i]) == (i / N == 2), "%s: layer_norm with NaN at %zu", k->name, at);
    }
    for (size_t i = 0; i < N; i++) x[i] = NAN;
    CHECK(k->max(x, N) == -INFINITY, "%s: max of NaN", k->name);
    for (size_t i = 0; i < N; i++) x[i] = -INFINITY;
    CHECK(k->max(x, N) == -INFINITY, "%s: max of -infinity", k->name);
    for (size_t i = 0; i < N; i++) x[i] = 1e30f;
    CHECK(fabs(k->norm2(x, N) / 70e60 - 1) < 1e-6, "%s: norm2 overflows", k->name);
}

int main(void)
{
    size_t versions = 0;
    for (const row_kernels *k; (k = row_kernels_at(versions)) != NULL; versions++) {
        if ((k->needs & cpu_features()) != k->needs) continue;
        for (size_t i = 0; i < COUNT_OF(widths); i++) {
            test_places(k, widths[i]);
            test_totals(k, widths[i]);
            test_activations(k, widths[i]);
            test_rows(k, widths[i]);
            test_layer_norm(k, widths[i]);
            test_rms_norm(k, widths[i]);
            test_company(k, widths[i]);
            test_drop(k, widths[i]);
        }
        test_drop_edges(k);
        test_drop_share(k);
        test_accuracy(k);
        test_exp_ends(k);
        for (activation f = ACT_NONE; f <= ACT_TANH; f++)
            test_odd(k, f, false), test_odd(k, f, true);
        test_nan(k);
    }
    CHECK(versions >= 1 && row_kernels_at(versions - 1)->needs == 0, "no reference at the end");
    setenv("HABIT_KERNELS", "ref", 1);
    CHECK(row_kernels_pick() == &row_kernels_ref_f32, "HABIT_KERNELS=ref is not obeyed");
    return CHECK_DONE();
}
