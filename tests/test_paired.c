// test_paired.c - intervals and tests against known values and known coverage.
#include "tests/check.h"
#include "base/memory.h"
#include "base/rng.h"
#include "eval/bootstrap.h"
#include "eval/calibration.h"
#include "eval/paired.h"

#include <math.h>
#include <string.h>

// --- Student's t: values of scipy.stats.t and scipy.special.betainc ------------------------------

static void test_student(void)
{
    static const struct {
        double t, freedom, p;
    } rows[] = {
        { 2, 10, 0.0733880347707404 },   { 0, 5, 1 },
        { 1.5, 3, 0.230583865244823 },   { 5, 100, 2.4501734135038e-06 },
        { -3.2, 7, 0.0150658113424893 }, { 0.01, 1e6, 0.992021289365548 },
        { 12, 2, 0.00687293367715846 },  { 1.96, 6039, 0.0500417095417646 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const double p = student_p(rows[i].t, rows[i].freedom);
        CHECK(fabs(p - rows[i].p) < 1e-8 * rows[i].p, "t=%g df=%g: %.15g", rows[i].t,
              rows[i].freedom, p);
    }
    static const struct {
        double a, b, x, value;
    } betas[] = {
        { 0.5, 0.5, 0.3, 0.369010119565545 },       { 2, 3, 0.4, 0.5248 },
        { 10, 0.5, 0.9, 0.15164090963471 },         { 50, 60, 0.5, 0.830907293901669 },
        { 3019.5, 0.5, 0.999, 0.0139732379731636 },
    };
    for (size_t i = 0; i < COUNT_OF(betas); i++) {
        const double got = incomplete_beta(betas[i].a, betas[i].b, betas[i].x);
        CHECK(fabs(got - betas[i].value) < 1e-10, "beta %zu: %.15g", i, got);
    }
}

static void test_paired(void)
{
    // scipy.stats.ttest_1samp; the permutation p over all 2^7 signs is 0.0625.
    static const double d[] = { 1.2, -0.4, 0.8, 0.0, 2.1, -0.3, 0.9, 1.4 };
    double p = 0, again = 0;
    CHECK(fabs(paired_t_test(d, COUNT_OF(d)) - 0.0562882946503049) < 1e-12, "t-test");
    CHECK_OK(paired_permutation(&p, d, COUNT_OF(d), 1, NULL, err));
    CHECK(fabs(p - 0.0625) < 0.01, "permutation p %g", p);
    run rn = { 0 };
    CHECK_OK(pool_new(&rn.pool, 3, err));
    CHECK_OK(paired_permutation(&again, d, COUNT_OF(d), 1, &rn, err));
    pool_free(rn.pool);
    CHECK(p == again, "threads change p: %g, %g", p, again);

    static const double same[5] = { 0 };
    CHECK(paired_t_test(same, 5) == 1, "no difference, t");
    CHECK_OK(paired_permutation(&p, same, 5, 1, NULL, err));
    CHECK(p == 1, "no difference, permutation %g", p);
    CHECK(paired_t_test(d, 1) == 1, "one user");
    static const double always[3] = { 0.5, 0.5, 0.5 };
    CHECK(paired_t_test(always, 3) == 0, "the same difference for all");
}

static void test_holm(void)
{
    static const double p[] = { 0.01, 0.04, 0.03, 0.005 }, want[] = { 0.03, 0.06, 0.06, 0.02 };
    double got[4];
    holm(got, p, 4);
    for (size_t i = 0; i < 4; i++) CHECK(fabs(got[i] - want[i]) < 1e-15, "[%zu] %g", i, got[i]);
    static const double high[] = { 0.9, 0.8 };
    holm(got, high, 2);
    CHECK(got[0] == 1 && got[1] == 1, "above 1: %g %g", got[0], got[1]);
}

// --- bootstrap -----------------------------------------------------------------------------------

enum { USERS = 150, RESAMPLES = 400, TRIALS = 400 };

// Share of trials whose interval holds the true mean .3 of users who hit or miss.
static void test_coverage(void)
{
    static const ratio mean = { 1, 0, false };
    double value[USERS][2], samples[RESAMPLES], scratch[RESAMPLES], interval[2];
    int inside = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        rng r = rng_at(4, trial, 0);
        for (size_t u = 0; u < USERS; u++) {
            value[u][0] = 1;
            value[u][1] = rng_uniform(&r) < 0.3;
        }
        const sampling s = { .value = &value[0][0],
                             .users = USERS,
                             .columns = 2,
                             .ratios = &mean,
                             .count = 1,
                             .resamples = RESAMPLES,
                             .seed = trial };
        CHECK_OK(bootstrap_samples(samples, &s, NULL, err));
        CHECK(bootstrap_interval(interval, samples, RESAMPLES, 1, scratch), "no interval");
        inside += interval[0] <= 0.3 && 0.3 <= interval[1];
    }
    CHECK(inside > 0.91 * TRIALS && inside < 0.985 * TRIALS, "%d of %d intervals hold the truth",
          inside, TRIALS);
}

static void test_statistics(void)
{
    // two users: columns 1, error^2, count; entries ascending: negative 0, positive 0, positive 1,
    // negative 1
    static const double value[] = { 1, 8, 2, 1, 10, 1 };
    static const ratio ratios[] = { { 1, 2, true }, { 1, 0, false }, { -1, -1, false } };
    uint32_t entries[] = { 0, 1, 3, 2 };
    const pooled both = { entries, 4 };
    sampling s = { .value = value,
                   .users = 2,
                   .columns = 3,
                   .ratios = ratios,
                   .count = 3,
                   .pool = &both,
                   .resamples = 9,
                   .seed = 1 };
    double out[3], one[9 * 3], four[9 * 3];
    bootstrap_values(out, &s);
    CHECK(fabs(out[0] - sqrt(6)) < 1e-12 && out[1] == 9 && out[2] == 0.5, "%g %g %g", out[0],
          out[1], out[2]);
    run rn = { 0 };
    CHECK_OK(pool_new(&rn.pool, 4, err));
    CHECK_OK(bootstrap_samples(one, &s, NULL, err));
    CHECK_OK(bootstrap_samples(four, &s, &rn, err));
    pool_free(rn.pool);
    CHECK(memcmp(one, four, sizeof one) == 0, "threads change the resamples");
}

// --- Platt scaling -------------------------------------------------------------------------------

static void test_calibration(void)
{
    enum { N = 20000 };
    // Scores drawn so that P(taken | s) = 1 / (1 + exp(-(1.5 s - 0.5))) exactly.
    float *positive = NEW(float, N), *negative = NEW(float, N);
    size_t p = 0, n = 0;
    rng r = rng_at(1, 1, 1);
    while (p < N && n < N) {
        const double s = 4 * rng_uniform(&r) - 2;
        if (rng_uniform(&r) < 1 / (1 + exp(-(1.5 * s - 0.5))))
            positive[p++] = (float)s;
        else
            negative[n++] = (float)s;
    }
    // calibration_fit takes pairs; absent halves are NaN
    while (p < N) positive[p++] = NAN;
    while (n < N) negative[n++] = NAN;
    const calibration c = calibration_fit(positive, negative, N);
    CHECK(fabs(c.a - 1.5) < 0.05 && fabs(c.b + 0.5) < 0.05, "a=%g b=%g", c.a, c.b);
    CHECK(calibration_probability(&c, NAN) == calibration_probability(&c, (float)c.floor),
          "NaN is not the lowest");

    for (size_t i = 0; i < N; i++) positive[i] = 2, negative[i] = 1; // separated: stays finite
    const calibration sharp = calibration_fit(positive, negative, N);
    CHECK(isfinite(sharp.a) && calibration_probability(&sharp, 2) > 0.99 &&
              calibration_probability(&sharp, 1) < 0.01,
          "separated: a=%g", sharp.a);
    for (size_t i = 0; i < N; i++) positive[i] = negative[i] = 3; // nothing to learn
    const calibration flat = calibration_fit(positive, negative, N);
    CHECK(calibration_probability(&flat, 3) == 0.5, "constant scores");
    for (size_t i = 0; i < N; i++) positive[i] = negative[i] = NAN;
    const calibration none = calibration_fit(positive, negative, N);
    CHECK(calibration_probability(&none, 3) == 0.5 && calibration_probability(&none, NAN) == 0.5,
          "no scores");
    mem_free(positive);
    mem_free(negative);
}

int main(void)
{
    test_student();
    test_paired();
    test_holm();
    test_coverage();
    test_statistics();
    test_calibration();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
