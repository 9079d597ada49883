// ranking.c - a full ranking of as many users and items as MovieLens-1M has: encoding all histories,
// one target ranked among all items for each, and the best 50 kept.
//
//     ninja -C build bench/bench_ranking && build/bench/bench_ranking [ROUNDS]
//
// Lengths of histories are drawn so that their mean and median are those of MovieLens-1M (165 and 96), items
// and weights at random: what a model has learned changes no time.  Best of a few rounds: seconds by
// the wall, of these in the model (mean of the threads), and seconds of the processor.  Beside them
// what we want of sasrec.
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "eval/ranking.h"
#include "models/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 6040, ITEMS = 3416, LIST = 50, SHORTEST = 18, LONGEST = 2300 };
#define MEDIAN 96
#define SPREAD 1.04
static const double most = 0.6; // seconds on two cores

// --- the log -----------------------------------------------------------------------------------------

typedef struct records {
    uint64_t begin[USERS], end[USERS], target_begin[USERS], target_end[USERS];
    uint32_t target[USERS], *item;
    int64_t *time;
    log_view history, targets;
} records;

static habit_status records_make(records *x, habit_error *err)
{
    rng r = rng_at(1, 2, 3);
    uint64_t events = 0;
    for (size_t u = 0; u < USERS; u++) {
        const double n = exp(log(MEDIAN) + SPREAD * rng_normal(&r));
        x->begin[u] = events;
        x->end[u] = events += (uint64_t)fmin(fmax(n, SHORTEST), LONGEST);
        x->target_begin[u] = u, x->target_end[u] = u + 1;
        x->target[u] = (uint32_t)rng_below(&r, ITEMS);
    }
    x->item = NEW(uint32_t, events);
    x->time = NEW(int64_t, events);
    if (!x->item || !x->time) return fail_memory(err, "events", events * 12);
    for (uint64_t e = 0; e < events; e++) {
        x->item[e] = (uint32_t)rng_below(&r, ITEMS);
        x->time[e] = (int64_t)e * 1000000;
    }
    x->history = (log_view){ .users = USERS,
                             .items = ITEMS,
                             .begin = x->begin,
                             .end = x->end,
                             .item = x->item,
                             .time = x->time,
                             .events = events };
    x->targets = (log_view){ .users = USERS,
                             .items = ITEMS,
                             .begin = x->target_begin,
                             .end = x->target_end,
                             .item = x->target,
                             .events = USERS };
    return HABIT_OK;
}

// --- models ------------------------------------------------------------------------------------------

// A factor model: its vectors of users are there.
typedef struct factors {
    model base;
    const float *user_vector;
} factors;

static void encode_user(const model *m, const query *q, size_t n, float *vectors, arena *scratch)
{
    (void)scratch;
    const size_t dim = (size_t)m->dim;
    for (size_t r = 0; r < n; r++)
        memcpy(vectors + r * dim, ((const factors *)m)->user_vector + q[r].user * dim,
               dim * sizeof *vectors);
}

static const model_class factors_class = { .name = "factors", .encode = encode_user };

static const float *random_vectors(size_t rows, size_t dim)
{
    float *x = NEW(float, rows *dim);
    rng r = rng_at(4, rows, dim);
    for (size_t i = 0; x && i < rows * dim; i++) x[i] = (float)rng_normal(&r);
    return x;
}

static habit_status make_network(network **out, const char *name, const char *width,
                                 const log_view *log, habit_error *err)
{
    const model_class *c = model_find(name);
    opt_values o = { 0 };
    TRY(opt_values_init(&o, c->table, c->options_size, err));
    habit_status st = opt_set(&o, opt_find(&o, "dim"), width, err);
    if (st == HABIT_OK) st = opt_set(&o, opt_find(&o, "blocks"), "2", err);
    if (st == HABIT_OK) st = network_new(out, c, o.values, log, TENSOR_F32, 1, err);
    opt_values_free(&o);
    return st;
}

// --- times -------------------------------------------------------------------------------------------

static habit_status rank(const model *m, const questions *q, const run *rn, int rounds,
                         habit_error *err)
{
    const contestant c = { .name = m->class->name, .model = m };
    double wall = 1e9, model_time = 1e9, cpu = 1e9;
    for (int i = 0; i < rounds; i++) {
        ranking r = { 0 };
        const double began = clock_wall(), began_cpu = clock_cpu();
        TRY(ranking_make(&r, q, &c, &(ranking_plan){ .list = LIST }, rn, err));
        wall = fmin(wall, clock_wall() - began);
        cpu = fmin(cpu, clock_cpu() - began_cpu);
        model_time = fmin(model_time, r.encode);
        ranking_free(&r);
    }
    printf("%-10s %4d %8d %8.4f %8.4f %8.4f", m->class->name, m->dim, run_threads(rn), wall,
           model_time, cpu);
    if (strcmp(m->class->name, "sasrec") == 0 && run_threads(rn) == 2)
        printf("  wanted: %.2f", most);
    putchar('\n');
    return HABIT_OK;
}

static habit_status rank_factors(const questions *q, const run *rn, int rounds, habit_error *err)
{
    enum { DIM = 64 };
    factors f = { { .class = &factors_class,
                    .users = USERS,
                    .items = ITEMS,
                    .dim = DIM,
                    .item_vector = random_vectors(ITEMS, DIM) },
                  random_vectors(USERS, DIM) };
    const habit_status st = f.base.item_vector && f.user_vector
                                ? rank(&f.base, q, rn, rounds, err)
                                : fail_memory(err, "vectors", (USERS + ITEMS) * DIM * 4);
    mem_free((void *)(uintptr_t)f.base.item_vector);
    mem_free((void *)(uintptr_t)f.user_vector);
    return st;
}

static habit_status rank_network(const char *name, const char *width, const records *x,
                                 const questions *q, const run *rn, int rounds, habit_error *err)
{
    network *n;
    TRY(make_network(&n, name, width, &x->history, err));
    const habit_status st = rank(&n->base, q, rn, rounds, err);
    model_free(&n->base);
    return st;
}

static habit_status rank_all(const records *x, int threads, int rounds, habit_error *err)
{
    static const char *const networks[][2] = {
        { "sasrec", "50" }, { "sasrec", "64" },  { "esasrec", "64" }, { "bert4rec", "64" },
        { "hstu", "50" },   { "gru4rec", "64" }, { "lru", "64" },
    };
    const questions_options o = { .filter_seen = true };
    run rn = { 0 };
    questions q = { 0 };
    TRY(pool_new(&rn.pool, threads, err));
    habit_status st = questions_make(&q, &x->history, &x->targets, &o, &rn, err);
    if (st == HABIT_OK) st = rank_factors(&q, &rn, rounds, err);
    for (size_t i = 0; i < COUNT_OF(networks) && st == HABIT_OK; i++)
        st = rank_network(networks[i][0], networks[i][1], x, &q, &rn, rounds, err);
    questions_free(&q);
    pool_free(rn.pool);
    return st;
}

int main(int argc, char **argv)
{
    static records x;
    const int rounds = argc > 1 ? atoi(argv[1]) : 7;
    habit_error err = { 0 };
    habit_status st = records_make(&x, &err);
    printf("%-10s %4s %8s %8s %8s %8s\n", "", "dim", "threads", "wall", "model", "cpu");
    for (int threads = 1; threads <= pool_cores() && st == HABIT_OK; threads *= 2)
        st = rank_all(&x, threads, rounds, &err);
    mem_free(x.item);
    mem_free(x.time);
    if (st != HABIT_OK) fprintf(stderr, "%s\n", err.message);
    return habit_status_exit(st);
}
