// losses.c - targets a second of the losses over a catalogue, forward and backward, one thread.
//
//     ninja -C build bench/bench_losses && build/bench/bench_losses [WIDTH [SECONDS [LINE]]]
//
// Share of peak: of 6 width operations for each target and item scored (scores, and the gradients of
// rows and of items), whatever was really done; the rest is exponentials, copies and memory.  Times are of the
// processor, the best of all turns: neighbours only ever make them worse.
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/peak.h"
#include "nn/op_loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1024, SEQUENCE = 128 }; // a portion of a training step, in sequences

typedef struct setting {
    const char *name;
    size_t items, negatives; // 0 negatives: the whole catalogue
    sharing sharing;
    score_loss kind;
} setting;

static const setting settings[] = {
    { "softmax", 3416, 0, 0, 0 },
    { "softmax", 12101, 0, 0, 0 },
    { "softmax", 60000, 0, 0, 0 },
    { "sampled softmax, shared", 60000, 128, NEGATIVES_SHARED, SCORE_SOFTMAX },
    { "sampled softmax, shared", 60000, 256, NEGATIVES_SHARED, SCORE_SOFTMAX },
    { "sampled softmax, shared", 1000000, 256, NEGATIVES_SHARED, SCORE_SOFTMAX },
    { "sampled softmax, shared", 3416, 3000, NEGATIVES_SHARED, SCORE_SOFTMAX },
    { "sampled softmax, of sequences", 3416, 3000, NEGATIVES_OF_SEQUENCE, SCORE_SOFTMAX },
    { "sampled softmax, of rows", 3416, 128, NEGATIVES_OF_ROW, SCORE_SOFTMAX },
    { "gbce, of rows", 3416, 256, NEGATIVES_OF_ROW, SCORE_BCE },
    { "bce, of rows", 3416, 1, NEGATIVES_OF_ROW, SCORE_BCE },
    { "bpr-max, shared", 40000, 2048, NEGATIVES_SHARED, SCORE_BPR_MAX },
};

typedef struct work {
    const setting *how;
    store *params;
    tape *tape;
    sink *sink;
    int32_t *target, *negative, offset[ROWS / SEQUENCE + 1];
} work;

static size_t negatives_of(const setting *h)
{
    return h->negatives * (h->sharing == NEGATIVES_OF_ROW        ? ROWS
                           : h->sharing == NEGATIVES_OF_SEQUENCE ? ROWS / SEQUENCE
                                                                 : 1);
}

static habit_status work_make(work *w, const setting *how, size_t width, habit_error *err)
{
    const size_t drawn = negatives_of(how);
    rng r = rng_at(1, how->items, how->negatives);
    *w = (work){ .how = how, .target = NEW(int32_t, ROWS), .negative = NEW(int32_t, drawn) };
    if (!w->target || !w->negative) return fail_memory(err, "items", drawn * 4);
    for (size_t i = 0; i < ROWS; i++) w->target[i] = (int32_t)rng_below(&r, how->items);
    for (size_t i = 0; i < drawn; i++) w->negative[i] = (int32_t)rng_below(&r, how->items);
    for (int i = 0; i <= ROWS / SEQUENCE; i++) w->offset[i] = i * SEQUENCE;
    TRY(store_new(&w->params, TENSOR_F32, err));
    store_add(w->params, "h", ROWS, width, INIT_NORMAL, 0.3);
    store_add(w->params, "e", how->items, width, INIT_NORMAL, 0.3);
    TRY(store_allocate(w->params, err));
    store_draw(w->params, 1);
    TRY(sink_new(&w->sink, w->params, err));
    return tape_new(&w->tape, w->params, NULL, err);
}

static void work_free(work *w)
{
    tape_free(w->tape);
    sink_free(w->sink);
    store_free(w->params);
    mem_free(w->target);
    mem_free(w->negative);
}

// As a training step does it; returns the loss.
static double work_once(work *w)
{
    const float seed = 1.0F / ROWS;
    const loss_targets to = { .item = w->target, .table = store_find(w->params, "e") };
    const loss_negatives from = { .sharing = w->how->sharing,
                                  .count = w->how->negatives,
                                  .item = w->negative,
                                  .offset = w->offset,
                                  .sequences = ROWS / SEQUENCE };
    const sampled_loss loss = { .kind = w->how->kind, .beta = 0.3, .elu = 0.5, .reg = 1 };
    tape_begin(w->tape, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *h = tape_param(w->tape, store_find(w->params, "h"));
    tensor *out = w->how->negatives ? op_sampled_loss(w->tape, h, &to, &from, &loss)
                                    : op_softmax_loss(w->tape, h, &to, 0);
    sink_clear(w->sink);
    tape_backward(w->tape, out, &seed, NULL, w->sink);
    return tensor_number(w->tape, out);
}

static double peak_rate(void)
{
    const peak_kernel *k = peak_pick();
    enum { SPINS = 1000000 };
    double best = 0;
    float sum = 0;
    for (int i = 0; i < 20; i++) {
        const double began = clock_cpu();
        sum += k->spin(SPINS);
        const double rate = (double)k->flops * SPINS / (clock_cpu() - began);
        if (isfinite(sum) && rate > best) best = rate;
    }
    return best;
}

int main(int argc, char **argv)
{
    const size_t width = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
    const double seconds = argc > 2 ? strtod(argv[2], NULL) : 1;
    const size_t line = argc > 3 ? strtoul(argv[3], NULL, 10) : 0; // 0: all
    const double peak = peak_rate();
    printf("width %zu, %d rows, peak %.1f GFLOP/s\n", width, ROWS, peak / 1e9);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        habit_error err = { 0 };
        const setting *how = &settings[i];
        work w;
        if (line && line != i + 1) continue;
        if (work_make(&w, how, width, &err) != HABIT_OK) {
            fprintf(stderr, "%s\n", err.message);
            return habit_status_exit(err.status);
        }
        double best = INFINITY;
        const double stop = clock_wall() + seconds;
        for (int turn = 0; turn < 3 || clock_wall() < stop; turn++) {
            const double began = clock_cpu(), loss = work_once(&w);
            const double spent = clock_cpu() - began;
            if (isfinite(loss) && spent < best) best = spent;
        }
        const size_t scored = how->negatives ? how->negatives + 1 : how->items;
        const double flops = 6.0 * (double)width * (double)scored * ROWS;
        printf(
            "%-30s items %7zu negatives %4zu: %9.0f targets/s, %5.1f GFLOP/s, %3.0f %% of peak\n",
            how->name, how->items, how->negatives, ROWS / best, flops / best / 1e9,
            100 * flops / best / peak);
        work_free(&w);
    }
    return 0;
}
