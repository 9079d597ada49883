// test_scores.c - every version of the score kernels against the reference in double, at a fence.
#include "base/rng.h"
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/scores.h"
#include "tests/check.h"
#include "tests/fence.h"

#include <math.h>
#include <string.h>

typedef struct block {
    float *x, *bias, *answer, *sum, *most; // of the version that is tested
    double *x2, *bias2, *answer2, *sum2, *most2;
    size_t rows, cols;
} block;

static double *twice(const float *x, size_t n)
{
    double *to = malloc(n * sizeof *to + 1);
    for (size_t i = 0; i < n; i++) to[i] = (double)x[i];
    return to;
}

// Scores of several sizes; some of them -INFINITY; one column all of it.
static block make(size_t rows, size_t cols, double size)
{
    const size_t n = rows * cols;
    block b = { fence_floats(n),
                fence_floats(rows),
                fence_floats(cols),
                fence_floats(cols),
                fence_floats(cols),
                NULL,
                NULL,
                NULL,
                NULL,
                NULL,
                rows,
                cols };
    rng r = rng_at(rows, cols, (uint64_t)size);
    for (size_t i = 0; i < n; i++) b.x[i] = (float)(size * rng_normal(&r));
    for (size_t i = 0; i < n; i++)
        if (i % 11 == 3 || i % cols == 5) b.x[i] = -INFINITY;
    for (size_t i = 0; i < rows; i++) b.bias[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < cols; i++) b.answer[i] = (float)(size * rng_normal(&r));
    for (size_t i = 0; i < cols; i++) b.most[i] = b.answer[i], b.sum[i] = (float)i;
    b.x2 = twice(b.x, n), b.bias2 = twice(b.bias, rows), b.answer2 = twice(b.answer, cols);
    b.most2 = twice(b.most, cols), b.sum2 = twice(b.sum, cols);
    return b;
}

static void drop(block *b)
{
    free(b->x2), free(b->bias2), free(b->answer2), free(b->most2), free(b->sum2);
}

static void compare(const char *kernel, const char *what, const block *b, const float *got,
                    const double *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        if ((double)got[i] == want[i]) continue;
        CHECK(fabs((double)got[i] - want[i]) <= tolerance * (1 + fabs(want[i])),
              "%s %zux%zu %s[%zu]: %.9g, want %.9g", kernel, b->rows, b->cols, what, i,
              (double)got[i], want[i]);
    }
}

static void check_passes(const score_kernels *k, size_t rows, size_t cols, double size)
{
    const score_kernels *ref = score_kernels_f64();
    block b = make(rows, cols, size);
    k->add_bias(b.x, b.bias, rows, cols), ref->add_bias(b.x2, b.bias2, rows, cols);
    compare(k->name, "bias", &b, b.x, b.x2, rows * cols, 1e-6);
    free(b.x2);
    b.x2 = twice(b.x, rows * cols);
    k->most(b.most, b.x, rows, cols), ref->most(b.most2, b.x2, rows, cols);
    compare(k->name, "most", &b, b.most, b.most2, cols, 0);
    k->exp_sum(b.x, b.most, b.sum, rows, cols), ref->exp_sum(b.x2, b.most2, b.sum2, rows, cols);
    compare(k->name, "exp", &b, b.x, b.x2, rows * cols, 1e-6);
    compare(k->name, "sum", &b, b.sum, b.sum2, cols, 5e-6);
    drop(&b);
}

static void check_loss(const score_kernels *k, score_loss kind, size_t rows, size_t cols,
                       double size, double elu)
{
    static const char *const names[] = { "softmax", "bce", "bpr", "top1", "bpr-max", "top1-max" };
    block b = make(rows, cols, size);
    float *slope = fence_floats(cols), *work = fence_floats(2 * rows * cols);
    double *slope2 = malloc(cols * 8), *work2 = malloc(2 * rows * cols * 8 + 8);
    score_block s = { b.x, b.answer, b.sum, slope, work, rows, cols, 0.3, elu, 0.7 };
    k->loss(&s, kind);
    s = (score_block){ b.x2, b.answer2, b.sum2, slope2, work2, rows, cols, 0.3, elu, 0.7 };
    score_kernels_f64()->loss(&s, kind);
    // of sums over rows, and of differences of scores
    const double tolerance = 1e-6 * (1 + size);
    compare(k->name, names[kind], &b, b.sum, b.sum2, cols, tolerance);
    compare(k->name, names[kind], &b, slope, slope2, cols, tolerance);
    compare(k->name, names[kind], &b, b.x, b.x2, rows * cols, tolerance * (1 + size));
    free(slope2), free(work2);
    drop(&b);
}

// What is not a number is not hidden.
static void check_nan(const score_kernels *k)
{
    for (score_loss kind = SCORE_SOFTMAX; kind <= SCORE_TOP1_MAX; kind++) {
        block b = make(4, 16, 1);
        float slope[16], work[2 * 4 * 16];
        b.x[7] = NAN;
        score_block s = { b.x, b.answer, b.sum, slope, work, 4, 16, 1, 0, 1 };
        k->loss(&s, kind);
        // a score that is nothing counts as none in the losses that ask which are there
        if (kind < SCORE_TOP1) CHECK(isnan(b.sum[7]), "%s: loss %d hides NaN", k->name, (int)kind);
        CHECK(!isnan(b.sum[8]), "%s: loss %d has NaN in the next column", k->name, (int)kind);
        drop(&b);
    }
}

static void check_terms(const score_kernels *k, size_t width)
{
    enum { ROWS = 9, COUNT = 14, STEP = 3 };
    static const int32_t row[COUNT] = { 3, 0, 8, 8, 1, 5, 2, 7, 6, 4, 0, 3, 3, 8 };
    static const int32_t slot[COUNT] = { 0, 1, 2, 2, 8, 7, 6, 5, 4, 3, 1, 0, 0, 2 };
    block b = make(ROWS, width, 1); // x: the table
    rng r = rng_at(width, 0, 0);
    float *e = fence_floats(ROWS * width), *de = fence_floats(ROWS * width);
    float *x = fence_floats((COUNT - 1) * STEP + 1);
    for (size_t i = 0; i < ROWS * width; i++) e[i] = (float)rng_normal(&r), de[i] = (float)i;
    double *e2 = twice(e, ROWS * width), *de2 = twice(de, ROWS * width), x2[COUNT * STEP] = { 0 };
    score_terms t = { COUNT, width, row, slot, b.answer, e, x, STEP, b.most, de };
    score_terms u = { COUNT, width, row, slot, b.answer2, e2, x2, STEP, b.most2, de2 };
    for (size_t i = 0; i <= (COUNT - 1) * STEP; i++) x[i] = 0;
    k->dots(&t), score_kernels_f64()->dots(&u);
    compare(k->name, "dots", &b, x, x2, (COUNT - 1) * STEP + 1, 1e-6 * (1 + sqrt((double)width)));
    k->spread(&t), score_kernels_f64()->spread(&u);
    compare(k->name, "spread to h", &b, b.most, b.most2, width, 1e-5);
    compare(k->name, "spread to e", &b, de, de2, ROWS * width, 1e-5);
    free(e2), free(de2);
    drop(&b);
}

int main(void)
{
    static const size_t rows[] = { 0, 1, 2, 7, 64, 257 }, cols[] = { 16, 32, 48, 128 };
    static const double sizes[] = { 0.1, 1, 5, 60 };
    for (size_t v = 0; score_kernels_at(v); v++) {
        const score_kernels *k = score_kernels_at(v);
        if (!cpu_allows(k->name, k->needs)) continue;
        check_nan(k);
        for (size_t width = 1; width < 70; width++) check_terms(k, width);
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            for (size_t j = 0; j < COUNT_OF(cols); j++)
                for (size_t q = 0; q < COUNT_OF(sizes); q++) {
                    check_passes(k, rows[i], cols[j], sizes[q]);
                    for (score_loss kind = SCORE_SOFTMAX; kind <= SCORE_TOP1_MAX; kind++)
                        check_loss(k, kind, rows[i], cols[j], sizes[q], q & 1 ? 0.5 : 0);
                }
    }
    return CHECK_DONE();
}
