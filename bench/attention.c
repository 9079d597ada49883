// attention.c - packed causal attention on one core: GFLOP/s and share of the core's peak.
//
//     ninja -C build bench/bench_attention && build/bench/bench_attention
//
// Counted are the multiply-adds between a query and the keys it sees: two products forward, five
// backward, of which one is the scores again; not the softmax, nor what a tile does beyond the mask.
// Sequences have T events each; about 6400 events a batch, as of 128 users of 50.
#include "kernels/attention.h"
#include "kernels/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 6400, ROUNDS = 15, BUCKETS = 128 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double peak(void)
{
    const peak_kernel *k = peak_pick();
    const size_t turns = 2000000;
    double best = 0;
    for (int i = 0; i < 5; i++) {
        const double begin = seconds();
        volatile float sum = k->spin(turns);
        (void)sum;
        const double flops = (double)turns * k->flops / (seconds() - begin);
        if (flops > best) best = flops;
    }
    return best;
}

static float *numbers(size_t n)
{
    rng r = rng_at(n, 1, 2);
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)(rng_uniform(&r) - 0.5);
    if (!x) exit(71);
    return x;
}

typedef struct row {
    const char *what;
    int T, heads, width;
    attention_weights weights;
    double dropout;
    bool biases;
} row;

static void row_run(const row *b)
{
    const size_t D = (size_t)(b->heads * b->width), S = EVENTS / (size_t)b->T, N = S * (size_t)b->T;
    float *qkv = numbers(N * D * 3), *out = numbers(N * D), *dout = numbers(N * D);
    float *d = numbers(N * D * 3), *sums = numbers(2 * N * (size_t)b->heads);
    float *tables = numbers(4096), *dtables = numbers(4096);
    int32_t *offset = calloc(S + 1, sizeof *offset);
    int64_t *time = calloc(N, sizeof *time);
    if (!offset || !time) exit(71);
    for (size_t s = 0; s < S; s++) offset[s + 1] = offset[s] + b->T;
    for (size_t i = 0; i < N; i++) time[i] = (int64_t)(i * i % 977 + i * 1000);
    attention a = { .form = { .heads = b->heads,
                              .key_width = b->width,
                              .value_width = b->width,
                              .weights = b->weights,
                              .scale = 0.2,
                              .divisor = b->T },
                    .sequences = S,
                    .offset = offset,
                    .key_offset = offset,
                    .causal = true,
                    .q = qkv,
                    .k = qkv + D,
                    .v = qkv + 2 * D,
                    .q_row = 3 * D,
                    .k_row = 3 * D,
                    .v_row = 3 * D,
                    .out = out,
                    .out_row = D,
                    .sums = sums,
                    .query_time = time,
                    .key_time = time,
                    .drop = { 1, 0, b->dropout } };
    if (b->biases) {
        a.form.position = (attention_table){ tables, (size_t)b->T, 0 };
        a.form.time = (attention_table){ tables + 2048, BUCKETS, 0 };
    }
    const attention_gradient g = {
        dout, d, d + D, d + 2 * D, b->biases ? dtables : NULL, b->biases ? dtables + 2048 : NULL
    };
    const attention_kernels *k = attention_pick();
    a.scratch = aligned_alloc(64, (k->scratch(&a) + 63) / 64 * 64);
    if (!a.scratch) exit(71);
    double forward = 1e9, both = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        const double begin = seconds();
        k->forward(&a);
        const double middle = seconds();
        k->backward(&a, &g);
        const double end = seconds();
        if (middle - begin < forward) forward = middle - begin;
        if (end - begin < both) both = end - begin;
    }
    const double pairs = (double)S * b->T * (b->T + 1) / 2, flops = 2 * pairs * (double)D;
    const double top = peak();
    printf("%-26s %5d %5d %5d %7.1f %4.0f%% %7.1f %4.0f%% %8.3f\n", b->what, b->T, b->heads,
           b->width, 2 * flops / forward * 1e-9, 200 * flops / forward / top,
           7 * flops / both * 1e-9, 700 * flops / both / top, both / (double)N * 1e6);
    free(qkv), free(out), free(dout), free(d), free(sums), free(tables), free(dtables);
    free(offset), free(time), free(a.scratch);
}

int main(void)
{
    static const int lengths[] = { 9, 50, 200 }, widths[] = { 25, 50, 64 };
    printf("kernels %s, peak of a core %.1f GFLOP/s\n", attention_pick()->name, peak() * 1e-9);
    printf("%-26s %5s %5s %5s %13s %13s %8s\n", "", "T", "heads", "width", "forward",
           "and backward", "us/event");
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            row_run(&(row){ "softmax", lengths[i], widths[j] == 25 ? 2 : 1, widths[j],
                            ATTENTION_SOFTMAX, 0, false });
    row_run(&(row){ "dropout", 200, 1, 50, ATTENTION_SOFTMAX, 0.2, false });
    row_run(&(row){ "position and time", 200, 1, 50, ATTENTION_SOFTMAX, 0, true });
    row_run(&(row){ "SiLU", 200, 1, 50, ATTENTION_SILU, 0, false });
    row_run(&(row){ "SiLU, position and time", 200, 2, 25, ATTENTION_SILU, 0, true });
    row_run(&(row){ "softmax", 50, 8, 32, ATTENTION_SOFTMAX, 0, false });
    row_run(&(row){ "softmax", 200, 8, 32, ATTENTION_SOFTMAX, 0, false });
    return 0;
}
