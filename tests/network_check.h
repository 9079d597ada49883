// network_check.h - what every network must pass beside tests/model_check.h.
//
//     network_check("sasrec", "dim=8 blocks=2", NETWORK_CAUSAL);
//
//   - the gradient of its loss, whole, in double
//   - causality: what comes later changes nothing that was said before, not one bit
//   - packing: nor does who shares the batch
//   - kept state: taking events in one by one equals the full forward
//   - training repeats bit for bit, at 1, 2 and 4 threads, and when stopped and resumed
#ifndef TESTS_NETWORK_CHECK_H
#define TESTS_NETWORK_CHECK_H
#include "tests/model_check.h"
#include "tests/op_check.h"
#include "data/negatives.h"
#include "models/live.h"
#include "train/checkpoint.h"

enum { NETWORK_CAUSAL = 1, LIVE_USER = 3 };

// Three sequences, of lengths 5, 1 and 4, over ten items.
typedef struct tiny_batch {
    arena memory;
    batch_room room;
    batch batch;
    int32_t negative[64];
    float log_share[10];
} tiny_batch;

static inline void tiny_batch_make(tiny_batch *b, size_t from, size_t to, bool targets)
{
    static const uint32_t item[] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8 };
    static const size_t begin[] = { 0, 6, 8, 12 };
    static const int64_t hour = 3600LL * 1000000;
    static const uint8_t behaviour[] = { 0, 1, 2, 1, 0, 2, 1, 0, 0, BEHAVIOUR_NONE, 2, 1 };
    static float value[] = { 1, 5, -2, 0, 3, 4, 2, 1, 0, 2, 5, 1 };
    static int64_t time[12];
    const unsigned columns = BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE;
    arena plan = { 0 };
    for (int i = 0; i < 12; i++) time[i] = 1000 * hour + i * (i + 1) * hour;
    value[8] = NAN;
    batch_room_place(&b->room, 4, 32, columns, &plan);
    CHECK_OK(arena_init(&b->memory, &plan, err));
    batch_room_place(&b->room, 4, 32, columns, &b->memory);
    batch_start(&b->batch, &b->room);
    for (size_t s = from; s < to; s++) {
        const batch_sequence q = { .user = (uint32_t)s,
                                   .n = begin[s + 1] - begin[s],
                                   .item = item + begin[s],
                                   .time = time + begin[s],
                                   .behaviour = behaviour + begin[s],
                                   .value = value + begin[s],
                                   .now = TIME_NONE };
        batch_add(&b->batch, &b->room, &q, targets);
    }
    b->batch.first_event = begin[from];
    for (int i = 0; i < 64; i++) b->negative[i] = (i * 7 + i / 10 + 2) % 10;
    for (int i = 0; i < 10; i++) b->log_share[i] = logf(0.05f + 0.01f * (float)i);
    b->batch.key = 77;
    b->batch.step_sequences = to - from;
    b->batch.step_targets = b->batch.events;
}

static inline void tiny_batch_negatives(tiny_batch *b, const network *n)
{
    const size_t most = n->sharing == NEGATIVES_OF_ROW ? 4 : 6; // of 12 events
    b->batch.negative = b->negative;
    b->batch.negatives = network_negatives(n) < most ? network_negatives(n) : most;
    b->batch.log_share = n->options.logq ? b->log_share : NULL;
}

static inline network *network_make_of(const char *name, const char *options, uint32_t items,
                                       tensor_type type)
{
    static structured_log log; // with tags of items
    structured_log_make(&log);
    log.tiny.view.items = items;
    const model_class *c = model_find(name);
    network *n = NULL;
    opt_values o = { 0 };
    CHECK_OK(parse_options(&o, c, options, err));
    CHECK_OK(network_new(&n, c, o.values, &log.tiny.view, type, 11, err));
    opt_values_free(&o);
    if (!n) exit(check_done());
    return n;
}

static inline network *network_make(const char *name, const char *options, tensor_type type)
{
    return network_make_of(name, options, 10, type);
}

typedef struct network_text {
    const network *net;
    batch *batch;
} network_text;

static inline tensor *network_loss_text(tape *t, const store *s, void *ctx)
{
    const network_text *x = ctx;
    (void)s;
    return network_learn(t, x->net, x->batch);
}

static inline void network_check_gradient(const char *name, const char *options)
{
    tiny_batch b;
    network *n = network_make(name, options, TENSOR_F64);
    tiny_batch_make(&b, 0, 3, true);
    tiny_batch_negatives(&b, n);
    network_text x = { n, &b.batch };
    // Away from symmetric starting values, so that every path carries some of the gradient.
    for (size_t i = 0; i < store_count(n->params); i++) {
        param *p = store_at(n->params, i);
        rng r = rng_at(4, i, 0);
        for (size_t k = 0; k < p->rows * p->cols; k++)
            ((double *)p->data)[k] += 0.3 * rng_normal(&r);
    }
    op_check(options, n->params, network_loss_text, &x);
    arena_free(&b.memory);
    model_free(&n->base);
}

// The rows of forward() for sequences from .. to-1 of the tiny batch, copied.
static inline float *network_rows(const network *n, size_t from, size_t to, int32_t last_item)
{
    tiny_batch b;
    tape *t;
    tiny_batch_make(&b, from, to, false);
    if (last_item >= 0) b.room.item[b.batch.events - 1] = last_item;
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const tensor *h = network_answers(t, n, &b.batch);
    const size_t bytes = tensor_rows(h) * tensor_cols(h) * sizeof(float);
    float *copy = malloc(bytes);
    memcpy(copy, tensor_data(h), bytes);
    tape_free(t);
    arena_free(&b.memory);
    return copy;
}

static inline void network_check_packing(const char *name, const char *options, unsigned kind)
{
    network *n = network_make(name, options, TENSOR_F32);
    const size_t D = (size_t)n->base.dim;
    float *all = network_rows(n, 0, 3, -1), *first = network_rows(n, 0, 1, -1);
    float *last = network_rows(n, 2, 3, -1), *other = network_rows(n, 2, 3, 7);
    CHECK(memcmp(all, first, 6 * D * sizeof *all) == 0, "%s: a neighbour changes an answer", name);
    CHECK(memcmp(all + 8 * D, last, 4 * D * sizeof *all) == 0, "%s: a neighbour changes an answer",
          name);
    if (kind & NETWORK_CAUSAL)
        CHECK(memcmp(last, other, 3 * D * sizeof *all) == 0,
              "%s: a later event changes an earlier answer", name);
    CHECK(memcmp(last + 3 * D, other + 3 * D, D * sizeof *all) != 0,
          "%s: the last event changes nothing", name);
    free(all), free(first), free(last), free(other);
    model_free(&n->base);
}

// --- training --------------------------------------------------------------------------------------

static inline habit_status network_train(model **out, const char *name, const char *options,
                                         const log_view *log, const training_plan *plan,
                                         const run *r, habit_error *err)
{
    opt_values o = { 0 };
    const model_class *c = model_find(name);
    TRY(parse_options(&o, c, options, err));
    const habit_status st = trainer_fit(out, c, o.values, log, plan, r, err);
    opt_values_free(&o);
    return st;
}

// A hook that asks to stop when it has been called `left` times.
static inline int network_stop(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    int *left = ctx;
    (void)what, (void)done, (void)total;
    return (*left)-- <= 0;
}

typedef struct network_validation {
    structured_log log;
    int left; // asked to stop in the validation after so many
} network_validation;

static inline habit_status network_value(void *ctx, double *value, const model *m, habit_error *err)
{
    network_validation *v = ctx;
    if (v->left-- == 0) return fail(err, HABIT_ESTOPPED, "stopped in a validation");
    *value = hit_rate(m, &v->log);
    return HABIT_OK;
}

static inline void network_check_resume(const char *name, const char *options)
{
    static network_validation v = { .left = -1 };
    const log_view *log = &v.log.tiny.view;
    structured_log_make(&v.log);
    char folder[96];
    snprintf(folder, sizeof folder, "resume-%s-%ld.tmp", name, (long)getpid());
    training_plan plan = { .validate = network_value,
                           .validate_ctx = &v,
                           .metric = "hits",
                           .checkpoint = folder,
                           .resume = true,
                           .fingerprint = 9 };
    model *whole = NULL, *parts = NULL;
    CHECK_OK(network_train(&whole, name, options, log, &plan, NULL, err));
    // Stopped once in a validation, then in steps, three times unless patience ends it before.
    for (int stops = 4; stops >= 0 && !parts; stops--) {
        int left = stops && stops < 4 ? 4 : 1 << 30;
        v.left = stops == 4 ? 1 : -1;
        const run r = { .hooks = { .progress = network_stop, .ctx = &left } };
        const habit_status st = network_train(&parts, name, options, log, &plan, &r, NULL);
        CHECK(st == (parts ? HABIT_OK : HABIT_ESTOPPED) && (stops < 3 || !parts), "%s: %s", name,
              habit_status_text(st));
        CHECK(parts || checkpoint_exists(folder), "%s: a stop that keeps nothing", name);
    }
    CHECK(whole && parts, "%s: training does not end", name);
    if (whole && parts) check_same_scores("stopping and going on", whole, parts, log);
    model_free(whole);
    model_free(parts);
}

// --- kept state ------------------------------------------------------------------------------------

// The full forward's answer after the events from .. to-1, each of which sees max_len events.
static inline void network_full_answer(const network *n, const live_event *e, size_t from,
                                       size_t to, int64_t now, float *vector)
{
    const size_t count = to - from;
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    batch b;
    tape *t;
    uint32_t *item = malloc(count * sizeof *item);
    int64_t *time = malloc(count * sizeof *time);
    uint8_t *behaviour = malloc(count);
    float *value = malloc(count * sizeof *value);
    for (size_t i = 0; i < count; i++) {
        item[i] = e[from + i].item, time[i] = e[from + i].time;
        behaviour[i] = e[from + i].behaviour, value[i] = e[from + i].value;
    }
    batch_room_place(&room, 1, count, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    batch_room_place(&room, 1, count, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &memory);
    batch_start(&b, &room);
    const batch_sequence s = { .user = LIVE_USER,
                               .n = count,
                               .item = item,
                               .time = time,
                               .behaviour = behaviour,
                               .value = value,
                               .now = now };
    batch_add(&b, &room, &s, false);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const float *rows = tensor_data(network_answers(t, n, &b));
    memcpy(vector, rows + (count - 1) * (size_t)n->base.dim, (size_t)n->base.dim * sizeof *vector);
    tape_free(t);
    arena_free(&memory);
    free(item), free(time), free(behaviour), free(value);
}

// Well past three windows, every answer equals the full forward's.
static inline void network_check_live(const char *name, const char *options)
{
    enum { EVENTS = 70 };
    network *n = network_make(name, options, TENSOR_F32);
    const size_t D = (size_t)n->base.dim, bytes = live_bytes(n);
    const bool absolute = n->base.class->network->traits & NETWORK_ABSOLUTE;
    live_event e[EVENTS];
    float *live = malloc(D * sizeof *live), *full = malloc(D * sizeof *full);
    void *state = mem_alloc(bytes, 1);
    arena scratch;
    size_t from = 0;
    double worst = 0;
    CHECK_OK(arena_init_bytes(&scratch, live_scratch(n), err));
    CHECK(EVENTS > 3 * n->options.max_len, "%s: windows are too long for the test", name);
    live_start(n, state, LIVE_USER);
    live_answer(n, state, TIME_NONE, live, &scratch);
    for (size_t k = 0; k < D; k++) CHECK(live[k] == 0, "%s: an answer before any event", name);
    for (size_t i = 0; i < EVENTS; i++) {
        rng r = rng_at(8, i, 0);
        e[i] = (live_event){ .item = (uint32_t)rng_below(&r, 10),
                             .time = (i ? e[i - 1].time : 0) + (int64_t)(rng_exponential(&r) * 4e9),
                             .value = (float)rng_below(&r, 5),
                             .behaviour = (uint8_t)rng_below(&r, 3) };
        const int64_t now = e[i].time + 1000000 * (int64_t)(i * i);
        live_follow(n, state, e, i + 1, &scratch);
        if (absolute) from = i + 1 - (size_t)live_events(state);
        live_answer(n, state, now, live, &scratch);
        network_full_answer(n, e, from, i + 1, now, full);
        for (size_t k = 0; k < D; k++) worst = fmax(worst, fabs((double)(live[k] - full[k])));
        CHECK(!scratch.failed, "%s: live_scratch() asks for too little", name);
    }
    CHECK(worst < 1e-5, "%s: kept state is off by %g", name, worst);
    arena_free(&scratch);
    mem_free(state);
    free(live), free(full);
    model_free(&n->base);
}

// `shape`: options that make it small; training options are added here.
static inline void network_check(const char *name, const char *shape, unsigned kind)
{
    char options[512];
    network_check_gradient(name, shape);
    network_check_packing(name, shape, kind);
    if (!(model_find(name)->network->traits & NETWORK_RECOMPUTES)) network_check_live(name, shape);
    snprintf(options, sizeof options, "%s epochs=2 batch=64 shards=3", shape);
    model_check(name, options);
    snprintf(options, sizeof options, "%s epochs=5 batch=64 shards=3 patience=4", shape);
    network_check_resume(name, options);
}

#endif
