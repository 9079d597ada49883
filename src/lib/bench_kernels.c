// bench_kernels.c - what each kind of kernel reaches on this machine, beside what it could do at most.
//
// Every figure is the best of the turns that fit into the seconds given: what disturbs a measurement
// only ever makes it slower.  Shapes are those of sequence models, and what a kernel works on stays
// in the cache, as it does between the ops of a pass.  Counted are the operations of the formula, an
// exponential, a root or a division as one.
#include "base/clock.h"
#include "base/memory.h"
#include "index/topk.h"
#include "kernels/attention.h"
#include "kernels/factor.h"
#include "kernels/peak.h"
#include "kernels/product.h"
#include "kernels/recurrent.h"
#include "kernels/rows.h"
#include "kernels/scores.h"
#include "kernels/update.h"
#include "kernels/vector.h"
#include "lib/bench.h"

#include <string.h>

enum {
    SPINS = 200000, // of the peak
    TURN = 1 << 20, // operations of a turn of the others, at least
    ITEMS = 3416,
    QUERIES = 64,
    BEST = 10,
    D = 64,
    LENGTH = 200, // of a sequence, and of vectors
    ROWS = 192,
    PARAMS = 4096,
    NUMBERS = 1 << 19
};

// What kernels read and write.
typedef struct desk {
    float *x, *y, *z; // [NUMBERS]
    double stats[2 * ROWS];
    catalogue *items;
    float *tile; // of ranking
    uint32_t index[LENGTH];
    int32_t offset[2];
    void *scratch; // of attention
    attention attention;
} desk;

// One thing to time: run(desk) does `flops` operations.
typedef struct task {
    const char *kernel, *shape, *version;
    double flops;
    void (*run)(desk *d);
} task;

// --- what is timed ------------------------------------------------------------------------------------

static void run_peak(desk *d)
{
    d->y[0] += peak_pick()->spin(SPINS);
}

static void multiply(desk *d, int m, int n, int k)
{
    product_pick()->run(&(product){ m, n, k, d->x, k, 1, d->y, n, 1, d->z, n, false, false });
}

static void run_linear_50(desk *d)
{
    multiply(d, ROWS, 50, 50);
}

static void run_linear_64(desk *d)
{
    multiply(d, ROWS, D, D);
}

static void run_linear_one(desk *d)
{
    multiply(d, 1, D, D);
}

static void run_attention(desk *d)
{
    attention_pick()->forward(&d->attention);
}

static void run_attention_back(desk *d)
{
    float *to = d->z + 2 * LENGTH * D;
    const attention_gradient g = {
        .dout = d->y + 2 * LENGTH * D, .dq = to, .dk = to + D, .dv = to + 2 * D, .fresh = true
    };
    attention_pick()->backward(&d->attention, &g);
}

static void run_gru(desk *d)
{
    memcpy(d->z, d->x, 32 * 4 * D * sizeof *d->z); // gates are replaced
    recurrent_kernels_pick()->gru(d->z + 32 * 4 * D, d->z, d->y, 32, D);
}

static void run_norm(desk *d)
{
    row_kernels_pick()->layer_norm(d->z, d->stats, d->x, d->y, d->y + D, ROWS, D, 1e-5);
}

static void run_scores(desk *d)
{
    memcpy(d->z, d->x, ROWS * D * sizeof *d->z);
    score_kernels_pick()->exp_sum(d->z, d->y, d->y + D, ROWS, D);
    memset(d->y + D, 0, D * sizeof *d->y);
}

static void run_adam(desk *d)
{
    const update u = { 1e-9f, 0.9f, 0.999f, 1, 1, 1e-8f, 0, 0, 1 };
    update_kernels_pick()->adam(d->z, d->z + PARAMS, d->z + 2 * PARAMS, d->x, &u, PARAMS);
}

static void run_gram(desk *d)
{
    memset(d->z, 0, D * D * sizeof *d->z);
    factor_kernels_pick()->gram(d->z, d->x, LENGTH, D);
}

static void run_dot(desk *d)
{
    const vector_kernels *k = vector_kernels_pick();
    for (int i = 0; i < D; i++) d->z[i] = k->dot(d->x + i * LENGTH, d->y, LENGTH);
}

static void run_axpy(desk *d)
{
    const vector_kernels *k = vector_kernels_pick();
    for (int i = 0; i < D; i++) k->axpy(d->z, 1e-6f, d->x + i * LENGTH, LENGTH);
}

static void run_top(desk *d)
{
    topk_query top[QUERIES];
    uint32_t item[QUERIES * BEST];
    for (size_t q = 0; q < QUERIES; q++)
        top[q] = (topk_query){ .answer = {
                                   .item = item + q * BEST, .score = d->z + q * BEST, .k = BEST } };
    topk_dot(top, d->y, QUERIES, d->items, d->tile);
}

// --- times --------------------------------------------------------------------------------------------

static double best_rate(const task *t, desk *d, double seconds)
{
    const double stop = clock_wall() + seconds;
    const int turns = t->flops < TURN ? (int)(TURN / t->flops) : 1;
    double best = 0;
    do {
        const double began = clock_wall();
        for (int i = 0; i < turns; i++) t->run(d);
        const double spent = clock_wall() - began;
        if (spent > 0 && turns * t->flops / spent > best) best = turns * t->flops / spent;
    } while (clock_wall() < stop);
    return best;
}

static void measure(json_t *rows, desk *d, double seconds)
{
    const double pairs = (double)LENGTH * (LENGTH + 1) / 2;
    const task tasks[] = {
        { "peak", "multiply-adds in registers", peak_pick()->name,
          (double)peak_pick()->flops * SPINS, run_peak },
        { "product", "192 x 64 x 64", product_pick()->name, 2.0 * ROWS * D * D, run_linear_64 },
        { "product", "192 x 50 x 50", product_pick()->name, 2.0 * ROWS * 50 * 50, run_linear_50 },
        { "product", "1 x 64 x 64", product_pick()->name, 2.0 * D * D, run_linear_one },
        { "attention", "200 events x 64", attention_pick()->name, 4 * pairs * D, run_attention },
        { "attention, backward", "200 events x 64", attention_pick()->name, 10 * pairs * D,
          run_attention_back },
        { "recurrent", "gates of a GRU, 32 x 64", recurrent_kernels_pick()->name, 16.0 * 32 * D,
          run_gru },
        { "rows", "layer norm, 192 x 64", row_kernels_pick()->name, 8.0 * ROWS * D, run_norm },
        { "scores", "softmax, 192 x 64", score_kernels_pick()->name, 3.0 * ROWS * D, run_scores },
        { "update", "Adam, 4096", update_kernels_pick()->name, 15.0 * PARAMS, run_adam },
        { "factor", "Gram matrix, 200 x 64", factor_kernels_pick()->name,
          (double)LENGTH * D * (D + 1), run_gram },
        { "vector", "dot, 64 x 200", vector_kernels_pick()->name, 2.0 * LENGTH * D, run_dot },
        { "vector", "axpy, 64 x 200", vector_kernels_pick()->name, 2.0 * LENGTH * D, run_axpy },
        { "rank", "top-10, 64 users x 3416 items x 64", rank_pick()->name,
          2.0 * QUERIES * ITEMS * D, run_top },
    };
    double peak = 0;
    for (size_t i = 0; i < COUNT_OF(tasks); i++) {
        const task *t = &tasks[i];
        const double rate = best_rate(t, d, seconds);
        if (i == 0) peak = rate;
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:f, s:f}", "kernel", t->kernel,
                                              "version", t->version, "shape", t->shape, "gflops",
                                              rate / 1e9, "share_of_peak", rate / peak));
    }
}

// --- making -------------------------------------------------------------------------------------------

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 7919 % 1000) / 1000 - 0.5f;
}

// One sequence, its q, k and v side by side in x, sums of a forward pass in z.
static habit_status make_attention(desk *d, habit_error *err)
{
    d->offset[1] = LENGTH;
    d->attention = (attention){
        .form = { .heads = 1, .key_width = D, .value_width = D, .scale = 0.125, .divisor = 1 },
        .sequences = 1,
        .offset = d->offset,
        .key_offset = d->offset,
        .causal = true,
        .q = d->x,
        .k = d->x + D,
        .v = d->x + 2 * D,
        .q_row = 3 * D,
        .k_row = 3 * D,
        .v_row = 3 * D,
        .out = d->z,
        .out_row = D,
        .sums = d->z + LENGTH * D
    };
    const size_t bytes = attention_pick()->scratch(&d->attention);
    d->scratch = d->attention.scratch = mem_alloc(bytes, 1);
    return d->scratch ? HABIT_OK : fail_memory(err, "bench", bytes);
}

static habit_status desk_make(desk *d, habit_error *err)
{
    *d = (desk){ .x = NEW(float, NUMBERS), .y = NEW(float, NUMBERS), .z = ZNEW(float, NUMBERS) };
    if (!d->x || !d->y || !d->z) return fail_memory(err, "bench", NUMBERS * sizeof *d->x);
    fill(d->x, NUMBERS);
    fill(d->y, NUMBERS);
    TRY(make_attention(d, err));
    TRY(catalogue_new(&d->items, &(catalogue_items){ .vector = d->x, .items = ITEMS, .dim = D },
                      NULL, err));
    const size_t room = topk_dot_scratch(d->items, QUERIES);
    d->tile = NEW(float, room);
    return d->tile ? HABIT_OK : fail_memory(err, "bench", room * sizeof *d->tile);
}

static void desk_free(desk *d)
{
    catalogue_free(d->items);
    mem_free(d->x);
    mem_free(d->y);
    mem_free(d->z);
    mem_free(d->scratch);
    mem_free(d->tile);
}

habit_status bench_kernels(json_t **rows, double seconds, habit_error *err)
{
    desk d;
    habit_status st = desk_make(&d, err);
    json_t *list = json_array();
    if (st == HABIT_OK && !list) st = fail_memory(err, "bench", 0);
    if (st == HABIT_OK) measure(list, &d, seconds);
    desk_free(&d);
    if (st == HABIT_OK)
        *rows = list;
    else
        json_decref(list);
    return st;
}
