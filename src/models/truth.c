// truth.c - the model that simulated the log, turned round: P(next item | all that was seen).
//
// habit simulate writes the parameters of its world; given them, people are independent, and what
// a person does next depends on their own past alone.  So the best possible ranking given the
// observed log is the exact predictive distribution, in two steps:
//
//     belief    P(taste | past), by forward filtering               (truth_belief.c)
//     answer    P(item) = sum over tastes, P(taste | past) P(item | taste, past, moment)
//                                                                   (truth_answer.c)
//
// In a session (no silence longer than WORLD_SILENCE), with present item j and taste z,
//
//     P(j)         = a_z                               on down the funnel
//     P(i), i != j = (1 - a_z) (f F(i | j) + (1 - f) B_z(i) / (1 - B_z(j)))
//
// and at the start of a session, after the taste may have drifted,
//
//     P(i)         = P(platform of i) B_z(i)
//     B_z(i)       = taste_z[category of i] decay[home, cell of i] weight_i / their shelf's sum
//
// with F the shares of j's followers.  docs/simulator.md has every symbol.
//
// Exact for people of the log whose events are all there.  Approximations, all of them:
//   - no moment of the question: in session with probability 1 - stop, at the part of the day and
//     on the day of the last event; else at the person's usual parts of the day, on that day
//   - strangers: home and platforms are those of the population, whatever their history says
//   - a moment after the log: the last day's offer; a log that was thinned out by cleaning (k-core,
//     only buys, ...): the events that are left are taken for all there were
#include "models/truth.h"
#include "models/registry.h"
#include "models/truth_belief.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

// The scalars of a world as one stored array.
enum number {
    NUMBER_START,
    NUMBER_DAYS,
    NUMBER_FOLLOW,
    NUMBER_STOP,
    NUMBER_RATE,
    NUMBER_NOVELTY,
    NUMBER_HALF,
    NUMBER_PEOPLE,
    NUMBERS
};

typedef struct truth {
    model base;
    truth_tables t;
    const double *number; // [NUMBERS], stored
    double own_number[NUMBERS];
    struct {
        uint64_t states, categories, items, users, cells, dayparts, followers, numbers;
    } size;
} truth;

// --- what is stored ----------------------------------------------------------------------------------

static size_t truth_fields(model *m, model_field *out)
{
    truth *k = (truth *)m;
    world *w = &k->t.w;
    uint64_t *S = &k->size.states, *C = &k->size.categories, *I = &k->size.items;
    uint64_t *U = &k->size.users, *L = &k->size.cells, *D = &k->size.dayparts;
    uint64_t *F = &k->size.followers;
    size_t n = 0;
#define ROW(title, kind, pointer, rank, ...)                                                       \
    do {                                                                                           \
        uint64_t *sizes[TENSOR_DIMS] = { __VA_ARGS__ };                                            \
        model_field *row = &out[n++];                                                              \
        *row = (model_field){                                                                      \
            .name = title, .type = kind, .dims = rank, .data = (const void **)&(pointer)           \
        };                                                                                         \
        for (int d = 0; d < (rank); d++) {                                                         \
            row->shape[d] = *sizes[d];                                                             \
            row->shape_out[d] = sizes[d];                                                          \
        }                                                                                          \
    } while (0)
    ROW("numbers", TENSOR_F64, k->number, 1, &k->size.numbers);
    ROW("initial", TENSOR_F64, w->initial, 1, S);
    ROW("drift", TENSOR_F64, w->drift, 2, S, S);
    ROW("theta", TENSOR_F64, w->theta, 2, S, C);
    ROW("phi", TENSOR_F64, w->phi, 2, D, C);
    ROW("cart", TENSOR_F64, w->cart, 2, S, C);
    ROW("decay", TENSOR_F64, w->decay, 2, L, L);
    ROW("homes", TENSOR_F64, w->homes, 1, L);
    ROW("item_platform", TENSOR_U8, w->item_platform, 1, I);
    ROW("item_category", TENSOR_U8, w->item_category, 1, I);
    ROW("item_cell", TENSOR_U8, w->item_cell, 1, I);
    ROW("item_born", TENSOR_I32, w->item_born, 1, I);
    ROW("item_weight", TENSOR_F32, w->item_weight, 1, I);
    ROW("item_cart", TENSOR_F32, w->item_cart, 1, I);
    ROW("item_buy", TENSOR_F32, w->item_buy, 1, I);
    ROW("item_quality", TENSOR_F32, w->item_quality, 1, I);
    ROW("follower", TENSOR_U32, w->follower, 2, I, F);
    ROW("follower_weight", TENSOR_F32, w->follower_weight, 2, I, F);
    ROW("user_home", TENSOR_U8, w->user_home, 1, U);
    ROW("user_rhythm", TENSOR_U8, w->user_rhythm, 1, U);
    ROW("user_share", TENSOR_F32, w->user_share, 1, U);
    ROW("user_severity", TENSOR_F32, w->user_severity, 1, U);
#undef ROW
    return n;
}

static habit_status truth_empty(model **out, habit_error *err)
{
    truth *k = ZNEW(truth, 1);
    if (!k) return fail_memory(err, "model", sizeof *k);
    k->base.class = &model_class_truth;
    *out = &k->base;
    return HABIT_OK;
}

static void truth_free(model *m)
{
    truth *k = (truth *)m;
    mem_free(k->t.fade);
    mem_free(k->t.mass);
    mem_free(k->t.bucket);
    mem_free(k->t.w.taste);
    mem_free(k);
}

// --- checking a loaded truth ---------------------------------------------------------------------------

static habit_status bad(const char *what, habit_error *err)
{
    return fail(err, HABIT_EFORMAT, "truth: %s: not written by this habit simulate", what);
}

// True if all n values are probabilities, or factors, of at most `most`.
static bool within(const double *p, size_t n, double most)
{
    for (size_t k = 0; k < n; k++)
        if (!(p[k] >= 0 && p[k] <= most)) return false;
    return true;
}

static habit_status take_numbers(truth *k, habit_error *err)
{
    const double *x = k->number;
    world *w = &k->t.w;
    if (k->size.numbers != NUMBERS) return bad("wrong number of scalars", err);
    if (!(fabs(x[NUMBER_START]) < 1e11 && x[NUMBER_DAYS] >= 1 && x[NUMBER_DAYS] <= 1e5 &&
          x[NUMBER_NOVELTY] >= 0 && x[NUMBER_NOVELTY] <= 1e6 && x[NUMBER_HALF] > 0 &&
          x[NUMBER_PEOPLE] >= 1 && x[NUMBER_PEOPLE] <= (double)k->size.users) ||
        !within(x + NUMBER_FOLLOW, 3, 1))
        return bad("a scalar is out of range", err);
    w->start = (int64_t)x[NUMBER_START];
    w->days = (int)x[NUMBER_DAYS];
    w->follow = x[NUMBER_FOLLOW];
    w->stop = x[NUMBER_STOP];
    w->rate = x[NUMBER_RATE];
    w->novelty = x[NUMBER_NOVELTY];
    w->half = x[NUMBER_HALF];
    w->people = (uint32_t)x[NUMBER_PEOPLE];
    return HABIT_OK;
}

static habit_status check_sizes(truth *k, habit_error *err)
{
    world *w = &k->t.w;
    if (k->size.cells != WORLD_CELLS || k->size.dayparts != WORLD_DAYPARTS ||
        k->size.followers != WORLD_FOLLOWERS || k->size.states < 1 || k->size.states > 256 ||
        k->size.categories < 1 || k->size.categories > WORLD_CATEGORIES ||
        k->size.items != k->base.items || k->size.users != k->base.users || k->size.items < 1)
        return bad("an array has an impossible size", err);
    w->states = (uint32_t)k->size.states;
    w->categories = (uint32_t)k->size.categories;
    w->items = (uint32_t)k->size.items;
    w->users = (uint32_t)k->size.users;
    return HABIT_OK;
}

static habit_status check_values(const world *w, habit_error *err)
{
    const size_t S = w->states, C = w->categories;
    if (!within(w->initial, S, 1) || !within(w->drift, S * S, 1) || !within(w->theta, S * C, 1) ||
        !within(w->phi, WORLD_DAYPARTS * C, 1e6) || !within(w->cart, S * C, 1) ||
        !within(w->decay, WORLD_CELLS * WORLD_CELLS, 1e6) || !within(w->homes, WORLD_CELLS, 1))
        return bad("a probability is out of range", err);
    for (uint32_t i = 0; i < w->items; i++) {
        if (w->item_platform[i] >= WORLD_PLATFORMS || w->item_category[i] >= C ||
            w->item_cell[i] >= WORLD_CELLS || w->item_born[i] < -WORLD_PAST ||
            !(w->item_weight[i] >= 0) || !(w->item_cart[i] >= 0 && w->item_cart[i] <= 1) ||
            !(w->item_buy[i] >= 0 && w->item_buy[i] <= 1))
            return bad("an item is out of range", err);
        for (size_t f = 0; f < WORLD_FOLLOWERS; f++)
            if (w->follower[i * WORLD_FOLLOWERS + f] >= w->items ||
                !(w->follower_weight[i * WORLD_FOLLOWERS + f] >= 0))
                return bad("a follower is out of range", err);
    }
    for (uint32_t u = 0; u < w->users; u++)
        if (w->user_home[u] >= WORLD_CELLS || w->user_rhythm[u] >= WORLD_RHYTHMS ||
            !(w->user_share[u] >= 0 && w->user_share[u] <= 1))
            return bad("a user is out of range", err);
    return HABIT_OK;
}

// --- what is derived -------------------------------------------------------------------------------------

// mass[day][b] = sum of weights of the items of bucket b born by then, with their novelty: two
// running sums, one of which fades by the day.
static habit_status fill_mass(truth_tables *t, habit_error *err)
{
    const world *w = &t->w;
    const size_t B = world_buckets(w);
    double *lasting = ZNEW(double, 2 * B);
    if (!lasting) return fail_memory(err, "shelves", 2 * B * sizeof(double));
    double *fresh = lasting + B;
    for (uint32_t i = 0; i < w->items; i++) {
        const size_t b = t->bucket[i];
        const int born = w->item_born[i];
        if (born <= 0) {
            lasting[b] += (double)w->item_weight[i];
            fresh[b] += (double)w->item_weight[i] * t->fade[-born];
        } else if (born < w->days) {
            t->mass[(size_t)born * B + b] += (double)w->item_weight[i]; // of that day alone, as yet
        }
    }
    for (int day = 0; day < w->days; day++)
        for (size_t b = 0; b < B; b++) {
            double *mass = &t->mass[(size_t)day * B + b];
            lasting[b] += *mass;
            fresh[b] = (day ? fresh[b] * t->fade[1] : fresh[b]) + *mass;
            *mass = lasting[b] + w->novelty * fresh[b];
        }
    mem_free(lasting);
    return HABIT_OK;
}

static habit_status derive(truth_tables *t, habit_error *err)
{
    world *w = &t->w;
    const size_t B = world_buckets(w), ages = (size_t)w->days + WORLD_PAST + 1;
    w->taste = NEW(double, w->states *WORLD_DAYPARTS *(size_t)w->categories);
    t->fade = NEW(double, ages);
    t->mass = ZNEW(double, (size_t)w->days *B);
    t->bucket = NEW(uint32_t, w->items);
    if (!w->taste || !t->fade || !t->mass || !t->bucket)
        return fail_memory(err, "shelves", (size_t)w->days * B * sizeof(double));
    world_tastes(w->taste, w);
    for (size_t age = 0; age < ages; age++) t->fade[age] = world_fade(w, (int)age);
    for (uint32_t i = 0; i < w->items; i++) t->bucket[i] = (uint32_t)world_bucket(w, i);
    t->share = 0;
    for (uint32_t u = 0; u < w->people; u++) t->share += (double)w->user_share[u] / w->people;
    return fill_mass(t, err);
}

static habit_status truth_ready(model *m, const void *options, habit_error *err)
{
    truth *k = (truth *)m;
    (void)options;
    TRY(check_sizes(k, err));
    TRY(take_numbers(k, err));
    TRY(check_values(&k->t.w, err));
    return derive(&k->t, err);
}

habit_status truth_new(model **out, const world *w, habit_error *err)
{
    model *m = NULL;
    TRY(truth_empty(&m, err));
    truth *k = (truth *)m;
    m->users = w->users;
    m->items = w->items;
    k->t.w = *w;
    k->t.w.taste = NULL; // derived anew, and ours
    k->t.w.memory = (arena){ 0 };
    const double numbers[NUMBERS] = { (double)w->start, w->days,    w->follow, w->stop,
                                      w->rate,          w->novelty, w->half,   w->people };
    memcpy(k->own_number, numbers, sizeof numbers);
    k->number = k->own_number;
    k->size.states = w->states, k->size.categories = w->categories;
    k->size.items = w->items, k->size.users = w->users;
    k->size.cells = WORLD_CELLS, k->size.dayparts = WORLD_DAYPARTS;
    k->size.followers = WORLD_FOLLOWERS, k->size.numbers = NUMBERS;
    const habit_status st = truth_ready(m, NULL, err);
    if (st == HABIT_OK)
        *out = m;
    else
        truth_free(m);
    return st;
}

static habit_status truth_fit(model **out, const log_view *log, const void *options, const run *r,
                              habit_error *err)
{
    (void)out, (void)log, (void)options, (void)r;
    return fail(err, HABIT_EINVAL,
                "truth is not trained: habit simulate writes it beside the log, in DIR/truth");
}

// --- asking ------------------------------------------------------------------------------------------------

static size_t truth_scratch(const model *m, size_t n)
{
    (void)n; // one query after the other
    return truth_answer_scratch(&((const truth *)m)->t);
}

static void truth_score(const model *m, const query *q, size_t n, float *scores, arena *scratch)
{
    for (size_t k = 0; k < n; k++)
        truth_answer(scores + k * m->items, &((const truth *)m)->t, &q[k], scratch);
}

// Mean of the rating that this user would give: 1..5, rounded from a normal variable.
static void truth_predict(const model *m, const query *q, const uint32_t *item, size_t n,
                          float *values, arena *scratch)
{
    const world *w = &((const truth *)m)->t.w;
    (void)scratch;
    for (size_t i = 0; i < n; i++) {
        const double mean = world_rating(w, q->user, item[i]);
        double sum = 1;
        for (int stars = 2; stars <= 5; stars++) // E = 1 + sum of P(at least so many)
            sum += 0.5 * erfc((stars - 0.5 - mean) / (WORLD_RATING_SPREAD * 1.4142135623730951));
        values[i] = (float)sum;
    }
}

static const opt truth_table[] = { OPT_END };

const model_class model_class_truth = {
    .name = "truth",
    .version = 1,
    .title = "Truth of a simulated log",
    .paper = "none: the model that habit simulate draws from, inverted exactly; forward filtering "
             "as in Rabiner, Proc. IEEE 77(2), 1989",
    .needs = NEEDS_TIME | PREDICTS_VALUE,
    .table = truth_table,
    .fit = truth_fit,
    .fields = truth_fields,
    .empty = truth_empty,
    .ready = truth_ready,
    .free = truth_free,
    .score = truth_score,
    .scratch = truth_scratch,
    .predict = truth_predict,
};
