// step.c - one step of training.
#include "train/step.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

// Events on a tape at once, or those of one sequence if more; of sessions side by side, all of a step.
enum { PORTION = 1024 };

// What a thread works with.
typedef struct bench {
    tape *tape;
    arena memory; // of room and negatives
    batch_room room;
    int32_t *negative; // as in batch
    int32_t *window;   // [2 * events] for drawing those of a sequence
} bench;

typedef struct shard {
    sink *sink;
    double loss;
    bool failed;
} shard;

struct stepper {
    network *net;
    batches *batches;
    const negatives *negatives;
    optimiser *optimiser;
    const run *run;
    bench *bench; // [threads]
    size_t threads;
    shard *shard; // [shards]
    sink **sinks; // [shards]
    size_t shards;
    int32_t *shared; // [count] of the step
    size_t count;    // of negatives

    // The present step.
    const uint64_t *start;
    size_t sequences, step;
    uint64_t key;
    double seed; // d(mean loss) / d(sum of losses)

    // Of sessions side by side, [batch][width]: what they go on from, and what they end with.
    float *carried, *carry;
    size_t width; // 0: whole windows
};

static size_t portion(const stepper *s)
{
    const network_options *o = &s->net->options;
    const size_t longest = (size_t)(s->width ? o->batch : o->max_len);
    return longest > PORTION ? longest : PORTION;
}

// --- making -----------------------------------------------------------------------------------------

static void bench_place(const stepper *s, bench *b, unsigned columns, arena *mem)
{
    const size_t events = portion(s), users = (size_t)s->net->options.batch;
    const size_t sequences = users < events ? users : events;
    const sharing of = s->net->sharing;
    batch_room_place(&b->room, sequences, events, columns, mem);
    if (of == NEGATIVES_OF_ROW) b->negative = arena_new(mem, int32_t, events * s->count);
    if (of == NEGATIVES_OF_SEQUENCE) {
        b->negative = arena_new(mem, int32_t, sequences * s->count);
        b->window = arena_new(mem, int32_t, 2 * events);
    }
}

static habit_status make_benches(stepper *s, habit_error *err)
{
    const unsigned columns = BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE;
    for (size_t i = 0; i < s->threads; i++) {
        bench *b = &s->bench[i];
        arena plan = { 0 };
        bench_place(s, b, columns, &plan);
        TRY(arena_init(&b->memory, &plan, err));
        bench_place(s, b, columns, &b->memory);
        TRY(tape_new(&b->tape, s->net->params, NULL, err));
    }
    return HABIT_OK;
}

habit_status stepper_new(stepper **out, network *n, batches *b, const negatives *neg, optimiser *o,
                         const run *r, habit_error *err)
{
    stepper *s = ZNEW(stepper, 1);
    if (!s) return fail_memory(err, "training", sizeof *s);
    s->net = n;
    s->batches = b;
    s->negatives = neg;
    s->optimiser = o;
    s->run = r;
    s->threads = (size_t)run_threads(r);
    s->width = network_carries(n);
    s->shards = s->width ? 1 : (size_t)n->options.shards;
    s->count = network_negatives(n);
    s->bench = ZNEW(bench, s->threads);
    s->shard = ZNEW(shard, s->shards);
    s->sinks = ZNEW(sink *, s->shards);
    s->shared = NEW(int32_t, s->count);
    s->carried = ZNEW(float, stepper_carried(s));
    s->carry = ZNEW(float, stepper_carried(s));
    habit_status st = HABIT_OK;
    if (!s->bench || !s->shard || !s->sinks || !s->shared || !s->carried || !s->carry)
        st = fail_memory(err, "training", s->shards * sizeof *s->shard);
    if (st == HABIT_OK) st = make_benches(s, err);
    for (size_t i = 0; st == HABIT_OK && i < s->shards; i++) {
        st = sink_new(&s->shard[i].sink, n->params, err);
        s->sinks[i] = s->shard[i].sink;
    }
    if (st != HABIT_OK) {
        stepper_free(s);
        return st;
    }
    *out = s;
    return HABIT_OK;
}

void stepper_free(stepper *s)
{
    if (!s) return;
    for (size_t i = 0; s->bench && i < s->threads; i++) {
        tape_free(s->bench[i].tape);
        arena_free(&s->bench[i].memory);
    }
    for (size_t i = 0; s->shard && i < s->shards; i++) sink_free(s->shard[i].sink);
    mem_free(s->bench);
    mem_free(s->shard);
    mem_free(s->sinks);
    mem_free(s->shared);
    mem_free(s->carried);
    mem_free(s->carry);
    mem_free(s);
}

size_t stepper_carried(const stepper *s)
{
    return (size_t)s->net->options.batch * s->width;
}

float *stepper_carry(stepper *s)
{
    return s->carry;
}

// --- one shard --------------------------------------------------------------------------------------

// The first sequence of shard k: cut where k / shards of the step's events are reached.
static size_t shard_begin(const stepper *s, size_t k)
{
    const uint64_t at = pool_cut((size_t)s->start[s->sequences], s->shards, k);
    size_t lo = 0, hi = s->sequences;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (s->start[mid] < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t portion_end(const stepper *s, const bench *b, size_t from, size_t end)
{
    size_t to = from + 1;
    while (to < end && to - from < b->room.sequences &&
           s->start[to + 1] - s->start[from] <= b->room.events)
        to++;
    return to;
}

static void draw_negatives(const stepper *s, bench *w, batch *b)
{
    const sharing of = s->net->sharing;
    b->negative = of == NEGATIVES_SHARED ? s->shared : w->negative;
    b->negatives = s->count;
    if (s->count == 0) return;
    if (of == NEGATIVES_OF_ROW)
        negatives_draw_own(s->negatives, s->key, b, NULL, w->negative, s->count);
    if (of == NEGATIVES_OF_SEQUENCE)
        negatives_draw_sequences(s->negatives, s->key, b, w->window, w->negative, s->count);
    if (s->net->options.logq) b->log_share = negatives_log_share(s->negatives);
}

static void learn_portion(stepper *s, bench *w, shard *k, batch *b)
{
    const network *n = s->net;
    b->key = s->key;
    if (s->width) {
        b->carried = s->carried;
        b->carry = s->carry;
    }
    draw_negatives(s, w, b);
    tape_begin(w->tape,
               &(tape_pass){ .mode = TAPE_TRAIN, .key = s->key, .first_row = b->first_event });
    tensor *loss = network_learn(w->tape, n, b);
    const float seed = (float)s->seed;
    k->loss += tensor_number(w->tape, loss);
    tape_backward(w->tape, loss, &seed, NULL, k->sink);
    k->failed = k->failed || tape_failed(w->tape);
}

static void learn_shard(void *ctx, size_t piece, int worker)
{
    stepper *s = ctx;
    shard *k = &s->shard[piece];
    bench *w = &s->bench[worker];
    const size_t end = shard_begin(s, piece + 1);
    sink_clear(k->sink);
    k->loss = 0;
    k->failed = false;
    for (size_t from = shard_begin(s, piece), to; from < end; from = to) {
        batch b;
        to = portion_end(s, w, from, end);
        batches_fill(s->batches, from, to, &w->room, &b);
        learn_portion(s, w, k, &b);
    }
    k->failed = k->failed || sink_failed(k->sink);
}

// --- the step ---------------------------------------------------------------------------------------

// To each session the state that its event before left; to a new one, zeros.
static void bring_states(stepper *s)
{
    const int32_t *before = batches_before(s->batches);
    for (size_t i = 0; i < s->sequences; i++) {
        float *to = s->carried + i * s->width;
        if (before[i] < 0)
            memset(to, 0, s->width * sizeof *to);
        else
            memcpy(to, s->carry + (size_t)before[i] * s->width, s->width * sizeof *to);
    }
}

// Which thread meets which shard is chance: what one tape needed, all may.
static void match_tapes(stepper *s)
{
    for (size_t i = 1; i < s->threads; i++) tape_match(s->bench[0].tape, s->bench[i].tape);
    for (size_t i = 1; i < s->threads; i++) tape_match(s->bench[i].tape, s->bench[0].tape);
}

habit_status stepper_run(stepper *s, size_t step, uint64_t number, double lr, double *loss,
                         uint64_t *targets, habit_error *err)
{
    s->sequences = batches_turn(s->batches, step, &s->start);
    s->step = step;
    s->key = rng_mix(rng_mix((s->run ? s->run->seed : 0) + 0x57E9) + number);
    *targets = s->start[s->sequences];
    // GRU4Rec's code divides by the size of the batch even when fewer sessions are left
    s->seed = 1 / (double)(s->width ? (uint64_t)s->net->options.batch : *targets);
    if (s->width) bring_states(s);
    if (s->count && s->net->sharing == NEGATIVES_SHARED)
        negatives_draw_shared(s->negatives, s->key, NULL, s->shared, s->count);
    pool_run(run_pool(s->run), s->shards, learn_shard, s);
    match_tapes(s);
    *loss = 0;
    for (size_t k = 0; k < s->shards; k++) {
        if (s->shard[k].failed) return fail_memory(err, "training step", 0);
        *loss += s->shard[k].loss;
    }
    if (!isfinite(*loss))
        return fail(err, HABIT_EDIVERGED, "the loss of step %llu is not finite; lower --lr",
                    (unsigned long long)number + 1);
    return optimiser_step(s->optimiser, s->sinks, s->shards, lr, run_pool(s->run), NULL, err);
}
