// recurrent.c - events a second of the recurrent layers, by width and length of the sequences, and
// the share of this core's peak that their matrix products alone make up.
//
//     ninja -C build bench/bench_recurrent && build/bench/bench_recurrent
//
// One thread, 32 sequences, as many features as units.  Length 1: one step from given states.
// "ragged": lengths uniform in 1 .. 99.  Time is the processor time of the process, the best of
// several passes.
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/peak.h"
#include "nn/op_recurrent.h"

#include <stdio.h>
#include <string.h>

enum { SEQUENCES = 32, PASSES = 25 };

typedef enum cell { GRU, GRU_RESET_FIRST, LSTM, RNN, LRU, CELLS } cell;

static const char *const cell_name[] = { "gru", "gru early", "lstm", "rnn", "lru" };
static const size_t cell_blocks[] = { 3, 3, 4, 1, 2 }, cell_states[] = { 1, 1, 2, 1, 2 };

typedef struct layer {
    cell cell;
    store *s;
    tape *t;
    sink *k;
    int32_t offset[SEQUENCES + 1];
    float *seed, *first;
} layer;

static tensor *text(const layer *l)
{
    const store *s = l->s;
    const param *w = store_find(s, "w"), *u = store_find(s, "u"), *b = store_find(s, "b");
    tensor *x = op_scale(l->t, tape_param(l->t, store_find(s, "x")), 1), *first = NULL;
    const lru_params p = { store_find(s, "nu"), store_find(s, "theta"), store_find(s, "gamma") };
    if (l->offset[SEQUENCES] == SEQUENCES)
        first =
            tape_input(l->t, l->first, SEQUENCES, cell_states[l->cell] * store_find(s, "nu")->cols);
    switch (l->cell) {
    case GRU:
        return op_gru(l->t, x, &(gru_params){ w, u, b, NULL, GRU_LATE }, l->offset, SEQUENCES,
                      first);
    case GRU_RESET_FIRST:
        return op_gru(l->t, x, &(gru_params){ w, u, b, NULL, GRU_EARLY }, l->offset, SEQUENCES,
                      first);
    case LSTM:
        return op_lstm(l->t, x, &(lstm_params){ w, u, b, NULL }, l->offset, SEQUENCES, first);
    case RNN:
        return op_rnn(l->t, x, &(rnn_params){ w, u, b, NULL, ACT_TANH }, l->offset, SEQUENCES,
                      first);
    default:
        x = op_linear(l->t, x, w, b, ACT_NONE);
        return op_linear(l->t, op_lru(l->t, x, &p, l->offset, SEQUENCES, first), u, NULL, ACT_NONE);
    }
}

static habit_status make(layer *l, cell c, size_t width, int length, habit_error *err)
{
    rng r = rng_at(1, 2, 3);
    memset(l, 0, sizeof *l);
    l->cell = c;
    for (size_t s = 0; s < SEQUENCES; s++)
        l->offset[s + 1] = l->offset[s] + (length ? length : 1 + (int32_t)rng_below(&r, 99));
    const size_t events = (size_t)l->offset[SEQUENCES], blocks = cell_blocks[c] * width;
    TRY(store_new(&l->s, TENSOR_F32, err));
    store_add(l->s, "x", events, width, INIT_NORMAL, 1);
    store_add(l->s, "w", width, blocks, INIT_XAVIER, 0);
    store_add(l->s, "u", c == LRU ? blocks : width, c == LRU ? width : blocks, INIT_XAVIER, 0);
    store_add_vector(l->s, "b", blocks, INIT_ZERO, 0);
    store_add_vector(l->s, "nu", width, INIT_ZERO, 0);
    store_add_vector(l->s, "theta", width, INIT_ZERO, 0);
    store_add_vector(l->s, "gamma", width, INIT_ZERO, 0);
    TRY(store_allocate(l->s, err));
    store_draw(l->s, 1);
    lru_draw(&(lru_params){ store_find(l->s, "nu"), store_find(l->s, "theta"),
                            store_find(l->s, "gamma") },
             TENSOR_F32, 0.8, 0.99, 1);
    TRY(tape_new(&l->t, l->s, NULL, err));
    TRY(sink_new(&l->k, l->s, err));
    l->seed = NEW(float, events *width);
    l->first = ZNEW(float, SEQUENCES * 2 * width);
    if (!l->seed || !l->first) return fail_memory(err, "seed", events * width * sizeof(float));
    for (size_t i = 0; i < events * width; i++) l->seed[i] = (float)rng_uniform(&r);
    return HABIT_OK;
}

static void release(layer *l)
{
    mem_free(l->seed);
    mem_free(l->first);
    tape_free(l->t);
    sink_free(l->k);
    store_free(l->s);
}

// Seconds of one pass, the best of several.
static double best(const layer *l, bool train)
{
    double least = 1e9;
    for (int i = 0; i < PASSES; i++) {
        const double from = clock_cpu();
        tape_begin(l->t, &(tape_pass){ .mode = train ? TAPE_TRAIN : TAPE_INFER });
        tensor *out = text(l);
        if (train) {
            sink_clear(l->k);
            tape_backward(l->t, out, l->seed, NULL, l->k);
        }
        const double took = clock_cpu() - from;
        if (took < least) least = took;
    }
    return least;
}

static double peak(void)
{
    const peak_kernel *p = peak_pick();
    const size_t turns = 20000000;
    double most = 0;
    for (int i = 0; i < 5; i++) {
        const double from = clock_cpu();
        volatile float used = p->spin(turns);
        (void)used;
        const double rate = (double)turns * p->flops / (clock_cpu() - from);
        if (rate > most) most = rate;
    }
    return most;
}

int main(void)
{
    static const size_t widths[] = { 50, 64, 100, 256 };
    static const int lengths[] = { 1, 9, 50, 200, 0 };
    const double most = peak();
    printf("peak %.1f GFLOP/s\n%-10s %5s %7s %22s %22s\n", most * 1e-9, "cell", "width", "length",
           "forward, events/s", "and backward");
    for (cell c = 0; c < CELLS; c++)
        for (size_t w = 0; w < COUNT_OF(widths); w++)
            for (size_t n = 0; n < COUNT_OF(lengths); n++) {
                habit_error err = { 0 };
                layer l;
                if (make(&l, c, widths[w], lengths[n], &err) != HABIT_OK) {
                    fprintf(stderr, "%s\n", err.message);
                    return habit_status_exit(err.status);
                }
                const double events = l.offset[SEQUENCES];
                const double flops = 4.0 * (double)(widths[w] * widths[w] * cell_blocks[c]);
                const double forward = events / best(&l, false), both = events / best(&l, true);
                char length[16];
                snprintf(length, sizeof length, lengths[n] ? "%d" : "ragged", lengths[n]);
                printf("%-10s %5zu %7s %15.0f %5.1f%% %15.0f %5.1f%%\n", cell_name[c], widths[w],
                       length, forward, 100 * forward * flops / most, both,
                       100 * both * (lengths[n] == 1 ? 2.5 : 3) * flops / most);
                release(&l);
            }
    return 0;
}
