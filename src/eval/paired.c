// paired.c - paired tests of per-user differences.
#include "eval/paired.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

// --- Student's t ---------------------------------------------------------------------------------

// Continued fraction 26.5.8 of Abramowitz & Stegun, by Lentz's method (Thompson & Barnett, Journal
// of Computational Physics 64, 1986); converges fast for x < (a + 1) / (a + b + 2).
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 10000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step = 1;
        for (int half = 0; half < 2; half++) {
            const double k = half ? odd : even;
            d = 1 + k * d, d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + k / c, c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            f *= step;
        }
        if (fabs(step - 1) < 1e-15) break;
    }
    return f;
}

double incomplete_beta(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_p(double t, double freedom)
{
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double paired_t_test(const double *d, size_t n)
{
    if (n < 2) return 1;
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) mean += d[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) square += (d[i] - mean) * (d[i] - mean); // two passes
    if (square == 0) return mean == 0 ? 1 : 0;
    const double error = sqrt(square / (double)(n - 1) / (double)n);
    return student_p(mean / error, (double)(n - 1));
}

// --- sign flips ----------------------------------------------------------------------------------

enum { STREAM_FLIPS = 31, FLIPS_PIECE = 100, NIBBLE = 4, WAYS = 1 << NIBBLE };

// Sums of four differences under all 16 choices of signs are made once, so that a flip of four
// users is one look-up.
typedef struct flips {
    const double *table; // [groups][WAYS]
    size_t groups;
    double seen; // |sum| of the differences as they are, less rounding
    uint64_t seed;
    uint32_t *extreme; // [pieces] flips at least as far out
} flips;

static void flip_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    const flips *f = ctx;
    uint32_t extreme = 0;
    for (size_t i = piece * FLIPS_PIECE; i < PAIRED_FLIPS && i < (piece + 1) * FLIPS_PIECE; i++) {
        rng r = rng_at(f->seed, STREAM_FLIPS, i);
        double sum = 0;
        for (size_t g = 0; g < f->groups; g += 64 / NIBBLE) {
            uint64_t bits = rng_u64(&r);
            for (size_t k = g; k < f->groups && k < g + 64 / NIBBLE; k++, bits >>= NIBBLE)
                sum += f->table[k * WAYS + (bits & (WAYS - 1))];
        }
        extreme += fabs(sum) >= f->seen;
    }
    f->extreme[piece] = extreme;
}

habit_status paired_permutation(double *p, const double *d, size_t n, uint64_t seed, const run *rn,
                                habit_error *err)
{
    enum { PIECES = (PAIRED_FLIPS + FLIPS_PIECE - 1) / FLIPS_PIECE };
    uint32_t extreme[PIECES];
    double *table = ZNEW(double, (n / NIBBLE + 1) * WAYS), sum = 0, size = 0;
    if (!table) return fail_memory(err, "permutation test", (n / NIBBLE + 1) * WAYS * 8);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (d[i] == 0) continue; // its sign does not matter
        double *row = table + kept / NIBBLE * WAYS;
        for (size_t way = 0; way < WAYS; way++) row[way] += way >> kept % NIBBLE & 1 ? -d[i] : d[i];
        kept++;
        sum += d[i];
        size += fabs(d[i]);
    }
    // A flip that mirrors the sum must count although its additions round differently.
    flips f = { .table = table, .groups = (kept + NIBBLE - 1) / NIBBLE, .seed = seed };
    f.seen = fabs(sum) - 1e-12 * size;
    f.extreme = extreme;
    pool_run(run_pool(rn), PIECES, flip_piece, &f);
    uint64_t far = 1;
    for (size_t i = 0; i < PIECES; i++) far += extreme[i];
    mem_free(table);
    *p = (double)far / (PAIRED_FLIPS + 1);
    return HABIT_OK;
}

// --- several comparisons ---------------------------------------------------------------------------

void holm(double *adjusted, const double *p, size_t n)
{
    // n is small: the rank of each is counted, smaller first, then by place
    double worst = 0;
    for (size_t rank = 0; rank < n; rank++)
        for (size_t i = 0; i < n; i++) {
            size_t before = 0;
            for (size_t j = 0; j < n; j++) before += p[j] < p[i] || (p[j] == p[i] && j < i);
            if (before != rank) continue;
            worst = fmax(worst, fmin(1, p[i] * (double)(n - rank)));
            adjusted[i] = worst;
        }
}
