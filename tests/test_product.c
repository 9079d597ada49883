// test_product.c - every version of the matrix product agrees with the reference in double, for odd
// sizes, transposed and strided, without touching memory outside C.
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/product.h"
#include "tests/check.h"
#include "tests/fence.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static uint64_t state = 7;

static double uniform(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53 - 0.5;
}

static void fill(float *to, double *twice, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (float)uniform(), twice[i] = (double)to[i];
}

typedef struct shape {
    int m, n, k;
    bool a_across, b_across, add;
} shape;

// p once more, into C as it was, with B laid out beforehand: the same bits.
static void check_packed(const product_kernel *kernel, const product *p, const float *want)
{
    float *packed = fence_floats(kernel->pack(NULL, p));
    product q = *p;
    kernel->pack(packed, p);
    q.b = packed;
    q.b_row = q.b_col = 0;
    q.packed = true;
    kernel->run(&q);
    CHECK(memcmp(p->c, want, (size_t)p->m * p->n * sizeof *want) == 0,
          "%s %dx%dx%d: another result when packed", kernel->name, p->m, p->n, p->k);
}

static void check_shape(const product_kernel *kernel, const shape *s)
{
    const size_t an = (size_t)s->m * s->k, bn = (size_t)s->k * s->n, cn = (size_t)s->m * s->n;
    float *a = fence_floats(an), *b = fence_floats(bn), *c = fence_floats(cn);
    double *a2 = malloc(an * 8 + 8), *b2 = malloc(bn * 8 + 8), *c2 = malloc(cn * 8 + 8);
    float *again = fence_floats(cn);
    fill(a, a2, an), fill(b, b2, bn), fill(c, c2, cn);
    memcpy(again, c, cn * sizeof *c);
    product p = { s->m,
                  s->n,
                  s->k,
                  a,
                  s->a_across ? 1 : s->k,
                  s->a_across ? s->m : 1,
                  b,
                  s->b_across ? 1 : s->n,
                  s->b_across ? s->k : 1,
                  c,
                  s->n,
                  s->add };
    kernel->run(&p);
    p.a = a2, p.b = b2, p.c = c2;
    product_ref_f64(&p);
    double worst = 0;
    for (size_t i = 0; i < cn; i++) worst = fmax(worst, fabs((double)c[i] - c2[i]));
    CHECK(worst < 1e-6 * (4 + sqrt((double)s->k)), "%s %dx%dx%d %d%d add %d: error %g",
          kernel->name, s->m, s->n, s->k, s->a_across, s->b_across, s->add, worst);
    p.a = a, p.b = b, p.c = again;
    check_packed(kernel, &p, c);
    free(a2), free(b2), free(c2);
}

// A row has the same bits whoever shares the product, and from whichever end columns are met: what
// packing, shards and recurrences rely on.
static void check_rows_alone(const product_kernel *kernel)
{
    enum { M = 31, N = 200, K = 300, FEW = 6 };
    static float a[M * K], b[K * N], all[M * N], some[FEW * N];
    static double twice[K * N];
    fill(a, twice, M * K), fill(b, twice, K * N);
    product p = { M, N, K, a, K, 1, b, N, 1, all, N, false };
    kernel->run(&p);
    for (int i = 0; i < M; i++) {
        const int rows = M - i < i % FEW + 1 ? M - i : i % FEW + 1;
        for (int end = 0; end < 2; end++) {
            product q = { rows, N, K, a + i * K, K, 1, b, N, 1, some, N, false };
            q.from_end = end;
            memset(some, 0, sizeof some);
            kernel->run(&q);
            CHECK(memcmp(some, all + i * N, (size_t)rows * N * sizeof *some) == 0,
                  "%s: row %d of %d depends on its company, from %s", kernel->name, i, rows,
                  end ? "the end" : "the beginning");
        }
    }
}

int main(void)
{
    static const int sizes[] = { 1, 2, 5, 6, 7, 12, 13, 16, 17, 25, 31, 50, 64, 97 };
    static const int depths[] = { 0, 1, 3, 8, 50, 255, 256, 257, 600 };
    for (size_t v = 0; product_at(v); v++) {
        const product_kernel *kernel = product_at(v);
        if (!cpu_allows(kernel->name, kernel->needs)) continue;
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            for (size_t j = 0; j < COUNT_OF(sizes); j++)
                for (size_t q = 0; q < COUNT_OF(depths); q++) {
                    const int t = (int)(i + j + q);
                    const shape s = { sizes[i], sizes[j], depths[q], t & 1, t & 2, t & 4 };
                    check_shape(kernel, &s);
                }
        check_rows_alone(kernel);
    }
    return CHECK_DONE();
}
