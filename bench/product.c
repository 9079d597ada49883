// product.c - the matrix product at the shapes of sequence models, on one core, by version.
//
//     ninja -C build bench/bench_product && build/bench/bench_product [VERSION]
//
// GFLOP/s of processor time, the best of many turns, and the share of what the core can do at most.
// Matrices stay in the cache, as they do between the ops of a pass.
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/cpu.h"
#include "kernels/peak.h"
#include "kernels/product.h"

#include <stdio.h>
#include <string.h>

typedef struct shape {
    const char *what;
    int m, n, k;
    bool a_across, b_across; // transposed
} shape;

static const shape shapes[] = {
    { "linear", 192, 50, 50, false, false },
    { "  gradient of x", 192, 50, 50, false, true },
    { "  gradient of W", 50, 50, 192, true, false },
    { "linear", 192, 64, 64, false, false },
    { "  gradient of x", 192, 64, 64, false, true },
    { "  gradient of W", 64, 64, 192, true, false },
    { "linear, wider", 192, 256, 64, false, false },
    { "  gradient of x", 192, 64, 256, false, true },
    { "  gradient of W", 64, 256, 192, true, false },
    { "linear, narrower", 192, 64, 256, false, false },
    { "scores of 64 events", 192, 64, 64, false, false },
    { "  gradient of events", 64, 64, 192, true, false },
    { "gates of 32 sequences", 32, 300, 100, false, false },
    { "one event", 1, 50, 50, false, false },
    { "one event", 1, 64, 64, false, false },
    { "one event, wider", 1, 256, 64, false, false },
    { "one event, narrower", 1, 64, 256, false, false },
    { "four events", 4, 64, 64, false, false },
};

enum { NUMBERS = 1 << 16, SPINS = 400000, TURN_FLOPS = 40000000 };

static double peak(double seconds)
{
    const peak_kernel *p = peak_pick();
    double best = 0;
    volatile float sink = 0;
    for (const double stop = clock_wall() + seconds; clock_wall() < stop;) {
        const double began = clock_cpu();
        sink = sink + p->spin(SPINS);
        const double spent = clock_cpu() - began;
        if (spent > 0 && (double)p->flops * SPINS / spent > best)
            best = (double)p->flops * SPINS / spent;
    }
    return best;
}

static double rate(product_fn *run, const product *p, double seconds)
{
    const double flops = 2.0 * p->m * p->n * p->k;
    const int turns = (int)(TURN_FLOPS / flops) + 1;
    double best = 0;
    for (const double stop = clock_wall() + seconds; clock_wall() < stop;) {
        const double began = clock_cpu();
        for (int t = 0; t < turns; t++) run(p);
        const double spent = clock_cpu() - began;
        if (spent > 0 && flops * turns / spent > best) best = flops * turns / spent;
    }
    return best;
}

int main(int argc, char **argv)
{
    float *a = NEW(float, NUMBERS), *b = NEW(float, NUMBERS), *c = NEW(float, NUMBERS);
    if (!a || !b || !c) return 1;
    for (int i = 0; i < NUMBERS; i++) a[i] = b[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
    const double most = peak(0.5);
    printf("one core does at most %.1f GFLOP/s\n", most / 1e9);
    const product_kernel *k;
    for (size_t v = 0; (k = product_at(v)) != NULL; v++) {
        if ((k->needs & cpu_features()) != k->needs) continue;
        if (argc > 1 && strcmp(argv[1], k->name) != 0) continue;
        printf("\n%-24s %4s x %4s x %4s  GFLOP/s  of peak\n", k->name, "m", "n", "k");
        for (size_t i = 0; i < COUNT_OF(shapes); i++) {
            const shape *s = &shapes[i];
            const product p = { s->m,
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
                                false };
            const double r = rate(k->run, &p, 0.1);
            printf("%-24s %4d x %4d x %4d  %7.1f  %6.0f%%\n", s->what, s->m, s->n, s->k, r / 1e9,
                   100 * r / most);
        }
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
    return 0;
}
