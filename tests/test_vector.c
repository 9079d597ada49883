// test_vector.c - every version of the vector loops against sums in double, at a fence.
#include "tests/check.h"
#include "tests/fence.h"
#include "base/rng.h"
#include "kernels/cpu.h"
#include "kernels/vector.h"

#include <string.h>

static void fill(float *x, size_t n, uint64_t seed)
{
    rng r = rng_at(seed, n, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(rng_uniform(&r) * 4 - 2);
}

static void test_version(const vector_kernels *k, size_t n)
{
    float *x = fence_floats(n), *y = fence_floats(n), *was = fence_floats(n);
    fill(x, n, 1);
    fill(y, n, 2);
    memcpy(was, y, n * sizeof *y);

    double want = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        want += (double)x[i] * (double)y[i];
        size += fabs((double)x[i] * (double)y[i]);
    }
    const double got = (double)k->dot(x, y, n);
    CHECK(fabs(got - want) <= 1e-6 * size, "%s n=%zu dot %g, want %g", k->name, n, got, want);

    k->axpy(y, -1.5f, x, n);
    for (size_t i = 0; i < n; i++) {
        const double sum = (double)was[i] - 1.5 * (double)x[i];
        CHECK(fabs((double)y[i] - sum) <= 1e-6, "%s n=%zu axpy[%zu] %g, want %g", k->name, n, i,
              (double)y[i], sum);
    }
    memcpy(was, x, n * sizeof *x);
    k->scale(x, 0.3f, n);
    for (size_t i = 0; i < n; i++)
        CHECK(x[i] == 0.3f * was[i], "%s n=%zu scale[%zu] %g", k->name, n, i, (double)x[i]);
}

// What the memory before and after holds must not matter, nor be touched.
static void test_neighbours(const vector_kernels *k)
{
    float x[80], y[80];
    for (size_t i = 0; i < 80; i++) x[i] = y[i] = NAN;
    for (size_t i = 3; i < 3 + 41; i++) x[i] = y[i] = 1;
    CHECK(k->dot(x + 3, y + 3, 41) == 41, "%s reads its neighbours", k->name);
    k->axpy(y + 3, 1, x + 3, 41);
    CHECK(isnan(y[2]) && y[3] == 2 && y[43] == 2 && isnan(y[44]), "%s writes there", k->name);
}

int main(void)
{
    static const size_t lengths[] = { 0,  1,  2,  3,  4,  7,  8,  9,   15,  16,  17,
                                      31, 32, 33, 50, 63, 64, 65, 100, 127, 128, 1001 };
    size_t versions = 0;
    for (const vector_kernels *k; (k = vector_kernels_at(versions)) != NULL; versions++) {
        if ((k->needs & cpu_features()) != k->needs) continue;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) test_version(k, lengths[i]);
        test_neighbours(k);
    }
    CHECK(versions >= 1 && vector_kernels_at(versions - 1)->needs == 0, "no reference at the end");

    const vector_kernels *best = vector_kernels_pick();
    CHECK((best->needs & cpu_features()) == best->needs, "picked %s", best->name);
    setenv("HABIT_KERNELS", "ref", 1);
    CHECK(strcmp(vector_kernels_pick()->name, "ref") == 0, "HABIT_KERNELS=ref is not obeyed");
    return CHECK_DONE();
}
