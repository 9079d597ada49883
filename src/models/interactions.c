// interactions.c - a log as a matrix of users by items.
#include "models/interactions.h"
#include "base/clock.h"
#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum weight_kind { WEIGHT_ONE, WEIGHT_COUNT, WEIGHT_VALUE };

static enum weight_kind weight_kind(const interaction_options *o)
{
    if (strcmp(o->weight, "count") == 0) return WEIGHT_COUNT;
    return strcmp(o->weight, "value") == 0 ? WEIGHT_VALUE : WEIGHT_ONE;
}

interaction_options interaction_options_keep(const interaction_options *o)
{
    static const char *const words[] = {
        [WEIGHT_ONE] = "one", [WEIGHT_COUNT] = "count", [WEIGHT_VALUE] = "value"
    };
    return (interaction_options){ words[weight_kind(o)], o->half_life };
}

// What one event is worth: its value or 1, halved for each half-life before `last`.
static float event_weight(enum weight_kind kind, float value, int64_t half_life, int64_t age)
{
    float w = kind == WEIGHT_VALUE && !isnan(value) ? value : 1;
    if (half_life > 0 && age > 0) w *= (float)exp2(-(double)age / (double)half_life);
    return w;
}

// Several events of one pair: the newest counts, or they add up.
static float join_weights(enum weight_kind kind, float a, float b)
{
    if (kind == WEIGHT_ONE) return a > b ? a : b;
    return a + b;
}

// --- the matrix ----------------------------------------------------------------------------------

typedef struct interactions_work {
    const log_view *log;
    const interaction_options *options;
    enum weight_kind kind;
    csr_entry **scratch; // [threads][longest]
} interactions_work;

static int64_t last_time(const int64_t *time, size_t n)
{
    int64_t last = TIME_NONE;
    for (size_t i = 0; time && i < n; i++)
        if (time[i] > last) last = time[i];
    return last;
}

static int entry_order(const void *a, const void *b)
{
    const csr_entry *x = a, *y = b;
    if (x->index != y->index) return x->index < y->index ? -1 : 1;
    return (x->weight > y->weight) - (x->weight < y->weight);
}

static size_t join_equal(csr_entry *e, size_t n, enum weight_kind kind)
{
    bool sorted = true;
    for (size_t i = 1; sorted && i < n; i++) sorted = e[i - 1].index < e[i].index;
    if (sorted) return n;
    qsort(e, n, sizeof *e, entry_order);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept && e[kept - 1].index == e[i].index)
            e[kept - 1].weight = join_weights(kind, e[kept - 1].weight, e[i].weight);
        else
            e[kept++] = e[i];
    }
    return kept;
}

static void make_user(void *ctx, uint64_t user, int worker, csr_rows *out)
{
    const interactions_work *w = ctx;
    const log_view *log = w->log;
    const uint64_t begin = log->begin[user];
    const size_t n = (size_t)(log->end[user] - begin);
    csr_entry *e = w->scratch[worker];
    const int64_t *time = log->time && w->options->half_life > 0 ? log->time + begin : NULL;
    const int64_t last = last_time(time, n);
    for (size_t i = 0; i < n; i++) {
        assert(log->item[begin + i] < log->items);
        const float value = w->kind == WEIGHT_VALUE ? log->value[begin + i] : 1;
        e[i].index = log->item[begin + i];
        e[i].weight =
            event_weight(w->kind, value, w->options->half_life, time ? last - time[i] : 0);
    }
    csr_put(out, e, join_equal(e, n, w->kind));
}

static habit_status check_columns(const log_view *log, const interaction_options *o,
                                  habit_error *err)
{
    if (o->half_life > 0 && !log->time)
        return fail(err, HABIT_EINVAL,
                    "--half-life needs timestamps, which this log does not have; leave it at 0");
    if (weight_kind(o) != WEIGHT_VALUE) return HABIT_OK;
    if (!log->value)
        return fail(err, HABIT_EINVAL,
                    "--weight value needs a value column, which this log does not have; "
                    "use --weight one or count");
    for (uint32_t u = 0; u < log->users; u++)
        for (uint64_t e = log->begin[u]; e < log->end[u]; e++)
            if (log->value[e] < 0)
                return fail(err, HABIT_EINVAL,
                            "--weight value: a value is %g; weights must not be negative: "
                            "use --weight one, or import with --normalise",
                            (double)log->value[e]);
    return HABIT_OK;
}

habit_status interactions_build(interactions *out, const log_view *log,
                                const interaction_options *o, const run *r, habit_error *err)
{
    TRY(check_columns(log, o, err));
    interactions x = { .users = log->users, .items = log->items };
    interactions_work w = { .log = log, .options = o, .kind = weight_kind(o) };
    const size_t threads = (size_t)run_threads(r);
    size_t longest = 1;
    for (uint32_t u = 0; u < log->users; u++) {
        const size_t n = (size_t)(log->end[u] - log->begin[u]);
        if (n > longest) longest = n;
    }
    habit_status st = HABIT_OK;
    w.scratch = NEW(csr_entry *, threads);
    csr_entry *memory = NEW(csr_entry, threads * longest);
    if (!w.scratch || !memory) {
        st = fail_memory(err, "user lists", threads * longest * sizeof *memory);
        goto out;
    }
    for (size_t t = 0; t < threads; t++) w.scratch[t] = memory + t * longest;

    st = csr_build(&x.by_user, log->users, log->items, make_user, &w, "reading users", r, err);
    if (st == HABIT_OK) st = csr_transpose(&x.by_item, &x.by_user, err);
    if (st == HABIT_OK) {
        *out = x;
        x = (interactions){ 0 };
    }
out:
    interactions_free(&x);
    mem_free(memory);
    mem_free(w.scratch);
    return st;
}

void interactions_free(interactions *x)
{
    csr_free(&x->by_user);
    csr_free(&x->by_item);
    *x = (interactions){ 0 };
}

// --- the row of one who asks ---------------------------------------------------------------------

static void basket_carve(basket *b, uint32_t items, arena *a)
{
    *b = (basket){ .item = arena_new(a, uint32_t, items), .weight = arena_floats(a, items) };
}

size_t basket_bytes(uint32_t items)
{
    arena plan = { 0 };
    basket b;
    basket_carve(&b, items, &plan);
    return plan.used;
}

void basket_open(basket *b, uint32_t items, arena *scratch)
{
    basket_carve(b, items, scratch);
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void basket_fill(basket *b, const query *q, const interaction_options *o)
{
    for (size_t i = 0; i < b->n; i++) b->weight[b->item[i]] = 0;
    b->n = 0;

    const enum weight_kind kind = weight_kind(o);
    const bool decays = o->half_life > 0 && q->time;
    const int64_t last = decays ? last_time(q->time, q->n) : TIME_NONE;
    for (size_t i = 0; i < q->n; i++) {
        const float value = kind == WEIGHT_VALUE && q->value ? q->value[i] : 1;
        const int64_t age = decays ? last - q->time[i] : 0;
        const float w = event_weight(kind, value, o->half_life, age);
        float *sum = &b->weight[q->item[i]];
        const bool first = !(*sum > 0);
        *sum = join_weights(kind, *sum, w);
        if (first && *sum > 0) b->item[b->n++] = q->item[i];
    }
    qsort(b->item, b->n, sizeof *b->item, ascending);
}
