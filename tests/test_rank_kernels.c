// test_rank_kernels.c - every version of the ranking kernels against fmaf() chains, at a fence.
#include "tests/check.h"
#include "tests/fence.h"
#include "base/rng.h"
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/rank.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static void fill(float *x, size_t n, uint64_t seed)
{
    rng r = rng_at(seed, n, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(rng_uniform(&r) * 4 - 2);
}

// The definition of a score in rank.h.
static float chain(const float *query, const float *item, float bias, int dim)
{
    float s = bias;
    for (int k = 0; k < dim; k++) s = fmaf(query[k], item[k], s);
    return s;
}

static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void test_scores(const rank_kernel *k, int dim)
{
    enum { PANELS = 3 };
    const size_t D = (size_t)dim, R = (size_t)k->rows, C = (size_t)k->cols, V = PANELS * C;
    float *query = fence_floats(R * D), *block = fence_floats(R * D);
    float *item = fence_floats(V * D), *panel = fence_floats(V * D), *bias = fence_floats(V);
    float *got = fence_floats(R * V), *one = fence_floats(V), *dots = fence_floats(V);
    fill(query, R * D, 1);
    fill(item, V * D, 2);
    fill(bias, V, 3);
    for (size_t r = 0; r < R; r++) rank_pack(block, k->rows, (int)r, query + r * D, dim);
    for (size_t i = 0; i < V; i++)
        rank_pack(panel + i / C * C * D, k->cols, (int)(i % C), item + i * D, dim);

    uint32_t which[3 * 64];
    for (uint32_t i = 0; i < V; i++) which[i] = i;
    k->scores(got, V, block, panel, bias, PANELS, dim);
    for (size_t r = 0; r < R; r++) {
        k->one(one, query + r * D, panel, bias, PANELS, dim);
        k->dots(dots, query + r * D, item, bias, which, V, dim);
        for (size_t i = 0; i < V; i++) {
            const float want = chain(query + r * D, item + i * D, bias[i], dim);
            CHECK(same_bits(got[r * V + i], want), "%s D=%d scores[%zu][%zu] %a, want %a", k->name,
                  dim, r, i, (double)got[r * V + i], (double)want);
            CHECK(same_bits(one[i], want), "%s D=%d one[%zu] %a, want %a", k->name, dim, i,
                  (double)one[i], (double)want);
            CHECK(same_bits(dots[i], want), "%s D=%d dots[%zu] %a, want %a", k->name, dim, i,
                  (double)dots[i], (double)want);
        }
    }
    for (size_t n = 0; n <= 20 && n < V; n++) { // any number of dots, without a bias
        float few[21] = { 0 };
        k->dots(few, query, item, NULL, which, n, dim);
        for (size_t i = 0; i < n; i++)
            CHECK(same_bits(few[i], chain(query, item + i * D, 0, dim)), "%s %zu dots", k->name, n);
        CHECK(few[n] == 0, "%s %zu dots write one more", k->name, n);
    }
}

static void test_scans(const rank_kernel *k, size_t n)
{
    // Few distinct values, so that ties are everywhere; and what is not a number.
    static const float values[] = { -INFINITY, -1, -0.0f, 0, 0.5f, 1, INFINITY, NAN };
    float *s = fence_floats(n);
    rng r = rng_at(n, 1, 2);
    for (size_t i = 0; i < n; i++) s[i] = values[rng_below(&r, COUNT_OF(values))];

    for (size_t v = 0; v < COUNT_OF(values); v++) {
        const float t = values[v];
        size_t below = 100, equal = 200, want_below = 100, want_equal = 200, want = 0;
        uint32_t where[1100];
        k->count(s, n, t, &below, &equal);
        const size_t found = k->above(s, n, t, where);
        for (size_t i = 0; i < n; i++) {
            want_below += s[i] < t;
            want_equal += s[i] == t;
            if (!(s[i] > t)) continue;
            CHECK(want < found && where[want] == i, "%s n=%zu above %g: misses %zu", k->name, n,
                  (double)t, i);
            want++;
        }
        CHECK(found == want, "%s n=%zu above %g: %zu, want %zu", k->name, n, (double)t, found,
              want);
        CHECK(below == want_below && equal == want_equal,
              "%s n=%zu count %g: %zu below, %zu equal, want %zu, %zu", k->name, n, (double)t,
              below, equal, want_below, want_equal);
    }
}

int main(void)
{
    static const int dims[] = { 1, 2, 7, 8, 17, 64, 100 };
    static const size_t lengths[] = { 0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1001 };
    size_t versions = 0;
    for (const rank_kernel *k = rank_kernels;; k++) {
        if ((k->needs & cpu_features()) == k->needs) {
            for (size_t i = 0; i < COUNT_OF(dims); i++) test_scores(k, dims[i]);
            for (size_t i = 0; i < COUNT_OF(lengths); i++) test_scans(k, lengths[i]);
            versions++;
        }
        if (k->needs == 0) break; // the reference is last
    }
    CHECK(versions > 0 && rank_pick()->rows > 0, "no kernel to run");
    printf("%zu versions, %s is used\n", versions, rank_pick()->name);
    return CHECK_DONE();
}
