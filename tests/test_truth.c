// test_truth.c - the truth of a simulated log is a probability, and the right one.
//
// The simulator and the model were written from the same formulas but compute in opposite
// directions, so each checks the other: predicted probabilities must come true as often as they
// say, and every other world must explain the log less well.
#include "tests/simulated.h"
#include "models/registry.h"
#include "models/truth.h"
#include "base/clock.h"

#include <math.h>

enum { SEED = 11, ASKED = 4000 };

// A log, its world, and the events of each user in order of time.
typedef struct scene {
    world w;
    seen_log log;
    uint32_t *offset, *item; // [users+1], [n]
    int64_t *time;           // [n] microseconds
    int *stage, *rating;     // [n]
    uint32_t *asked;         // [ASKED] index of an event to predict
    char dir[64];
} scene;

static void group_by_user(scene *s)
{
    const size_t n = s->log.n;
    s->offset = ZNEW(uint32_t, s->w.users + 2);
    s->item = NEW(uint32_t, n);
    s->time = NEW(int64_t, n);
    s->stage = NEW(int, n);
    s->rating = NEW(int, n);
    for (size_t k = 0; k < n; k++) s->offset[s->log.event[k].user + 2]++;
    for (uint32_t u = 2; u < s->w.users + 2; u++) s->offset[u] += s->offset[u - 1];
    for (size_t k = 0; k < n; k++) {
        const seen_event *e = &s->log.event[k];
        const uint32_t at = s->offset[e->user + 1]++;
        s->item[at] = e->item;
        s->time[at] = e->time * 1000000;
        s->stage[at] = e->stage;
        s->rating[at] = e->rating;
    }
}

static void scene_make(scene *s)
{
    simulate_options o = simulated_small;
    const run r = { .seed = SEED };
    const truth_writer writer = { truth_save, NULL };
    json_t *report = NULL;
    simulated_folder(s->dir, "truth");
    CHECK_OK(simulate(s->dir, &o, &writer, &r, &report, err));
    s->log = simulated_read(s->dir);

    // the same world, to be looked at and changed
    const world_plan plan = { .seed = SEED,
                              .start = days_from_civil(2024, 1, 1) * WORLD_DAY,
                              .days = o.days,
                              .people = (uint32_t)o.users,
                              .items = (uint32_t)o.items,
                              .states = (uint32_t)o.states,
                              .categories = (uint32_t)o.categories,
                              .follow = o.follow,
                              .drift = o.drift };
    CHECK_OK(world_build(&s->w, &plan, err));
    s->w.days = (int)json_integer_value(json_object_get(report, "days"));
    json_decref(report);

    group_by_user(s);
    s->asked = NEW(uint32_t, ASKED);
    rng draw = rng_at(SEED, 99, 0);
    for (int k = 0; k < ASKED; k++) s->asked[k] = (uint32_t)rng_below(&draw, s->log.n);
}

static void scene_free(scene *s)
{
    simulated_remove(s->dir);
    world_free(&s->w);
    mem_free(s->log.event);
    mem_free(s->offset);
    mem_free(s->item);
    mem_free(s->time);
    mem_free(s->stage);
    mem_free(s->rating);
    mem_free(s->asked);
}

// What was known just before event e.
static query before(const scene *s, uint32_t e)
{
    uint32_t low = 0, high = s->w.users; // offset[low] <= e < offset[high]
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (s->offset[middle] <= e)
            low = middle;
        else
            high = middle;
    }
    const uint32_t from = s->offset[low];
    return (query){ .user = low,
                    .item = s->item + from,
                    .time = s->time + from,
                    .n = e - from,
                    .now = s->time[e] };
}

static arena scratch_of(const model *m)
{
    arena a;
    CHECK_OK(arena_init_bytes(&a, m->class->scratch(m, 1), err));
    return a;
}

static void ask(const model *m, const query *q, float *scores, arena *a)
{
    m->class->score(m, q, 1, scores, a);
}

static model *truth_of(const world *w)
{
    model *m = NULL;
    CHECK_OK(truth_new(&m, w, err));
    return m;
}

// --- a probability -------------------------------------------------------------------------------

static void check_sums(const char *name, const model *m, const query *q, const world *w, arena *a)
{
    float *p = NEW(float, m->items);
    ask(m, q, p, a);
    double sum = 0;
    bool negative = false, unborn = false;
    const int64_t now = q->now != TIME_NONE ? q->now : q->n ? q->time[q->n - 1] : INT64_MAX;
    for (uint32_t i = 0; i < m->items; i++) {
        const int64_t born = (w->start + (int64_t)w->item_born[i] * WORLD_DAY) * 1000000;
        sum += (double)p[i];
        negative = negative || !(p[i] >= 0);
        unborn = unborn || (born > now && p[i] > 0);
    }
    CHECK(fabs(sum - 1) < 1e-6, "%s: the probabilities add up to %.9f", name, sum);
    CHECK(!negative, "%s: a negative probability", name);
    CHECK(!unborn, "%s: an item before its birth", name);
    mem_free(p);
}

static void test_sums(const scene *s)
{
    model *m = truth_of(&s->w);
    arena a = scratch_of(m);
    for (int k = 0; k < 300; k++) {
        query q = before(s, s->asked[k]);
        check_sums("known moment", m, &q, &s->w, &a);
        query p = q;
        p.now = TIME_NONE;
        check_sums("unknown moment", m, &p, &s->w, &a);
        p = q;
        p.user = USER_NONE;
        check_sums("stranger", m, &p, &s->w, &a);
        p.n = 0;
        check_sums("stranger without history", m, &p, &s->w, &a);
        p.now = TIME_NONE;
        check_sums("nothing known", m, &p, &s->w, &a);
        p = q;
        p.now = (s->w.start + 5000 * (int64_t)WORLD_DAY) * 1000000;
        check_sums("years later", m, &p, &s->w, &a);
        p = q;
        p.time = NULL;
        check_sums("no times", m, &p, &s->w, &a);
    }
    arena_free(&a);
    model_free(m);
}

// The folder's arrays give the same bits as the world they were written from.
static void test_file(const scene *s)
{
    char path[128];
    model *written = truth_of(&s->w), *loaded = NULL;
    snprintf(path, sizeof path, "%s/truth/model.safetensors", s->dir);
    CHECK_OK(model_load(&loaded, model_find("truth"), path, NULL, err));
    arena a = scratch_of(written);
    float *p = NEW(float, s->w.items), *q = NEW(float, s->w.items);
    for (int k = 0; k < 100 && loaded; k++) {
        const query asked = before(s, s->asked[k]);
        ask(written, &asked, p, &a);
        ask(loaded, &asked, q, &a);
        CHECK(memcmp(p, q, s->w.items * sizeof *p) == 0, "question %d: other scores", k);
    }
    mem_free(p);
    mem_free(q);
    arena_free(&a);
    model_free(loaded);
    model_free(written);
}

// --- the right one -----------------------------------------------------------------------------------

// Of all predictions near p, a share p must come true: expected and seen counts by bins of p, and
// by category at the start of sessions, within four standard deviations.
typedef struct bin {
    double expected, variance, seen;
} bin;

static void check_bin(const char *name, size_t k, const bin *b)
{
    if (b->expected < 20) return;
    const double z = (b->seen - b->expected) / sqrt(b->variance);
    CHECK(fabs(z) < 4, "%s %zu: %.1f expected, %.0f seen, z = %.1f", name, k, b->expected, b->seen,
          z);
}

static void bin_add(bin *b, double p, bool came)
{
    b->expected += p;
    b->variance += p * (1 - p);
    b->seen += came;
}

static void test_calibration(const scene *s)
{
    enum { BINS = 24 }; // quarters of a decade, from 1
    bin by_p[BINS] = { { 0, 0, 0 } }, by_category[WORLD_CATEGORIES] = { { 0, 0, 0 } };
    bin funnel = { 0, 0, 0 }, follower = { 0, 0, 0 };
    model *m = truth_of(&s->w);
    arena a = scratch_of(m);
    float *p = NEW(float, s->w.items);
    for (int k = 0; k < ASKED; k++) {
        const uint32_t e = s->asked[k];
        const query q = before(s, e);
        double share[WORLD_CATEGORIES] = { 0 }, next = 0;
        ask(m, &q, p, &a);
        CHECK(p[s->item[e]] > 0, "event %u was impossible", e);
        for (uint32_t i = 0; i < s->w.items; i++) {
            const double x = (double)p[i];
            share[s->w.item_category[i]] += x;
            const int b = x > 0 ? (int)(-4 * log10(x)) : BINS;
            if (b < BINS) bin_add(&by_p[b < 0 ? 0 : b], x, i == s->item[e]);
        }
        const bool inside = q.n && q.now - q.time[q.n - 1] <= WORLD_SILENCE * INT64_C(1000000);
        if (!inside) {
            for (uint32_t c = 0; c < s->w.categories; c++)
                bin_add(&by_category[c], share[c], c == s->w.item_category[s->item[e]]);
            continue;
        }
        const uint32_t last = q.item[q.n - 1];
        bool followed = false;
        for (int f = 0; f < WORLD_FOLLOWERS; f++) {
            const uint32_t to = s->w.follower[last * WORLD_FOLLOWERS + f];
            bool first = to != last;
            for (int g = 0; g < f; g++)
                first = first && s->w.follower[last * WORLD_FOLLOWERS + g] != to;
            if (first) next += (double)p[to];
            followed = followed || (to != last && to == s->item[e]);
        }
        bin_add(&funnel, (double)p[last], s->item[e] == last);
        bin_add(&follower, next, followed);
    }
    for (size_t b = 0; b < BINS; b++) check_bin("predictions of about 10^-quarters", b, &by_p[b]);
    for (size_t c = 0; c < s->w.categories; c++)
        check_bin("category at the start of sessions", c, &by_category[c]);
    CHECK(funnel.expected > 100 && follower.expected > 100, "too few to tell");
    check_bin("down the funnel", 0, &funnel);
    check_bin("to a follower", 0, &follower);
    mem_free(p);
    arena_free(&a);
    model_free(m);
}

// log P of what came next, for each question.
static void log_likelihood(double *out, const scene *s, const world *w)
{
    model *m = truth_of(w);
    arena a = scratch_of(m);
    float *p = NEW(float, w->items);
    for (int k = 0; k < ASKED; k++) {
        const query q = before(s, s->asked[k]);
        ask(m, &q, p, &a);
        out[k] = log(fmax((double)p[s->item[s->asked[k]]], 1e-12));
    }
    mem_free(p);
    arena_free(&a);
    model_free(m);
}

// --- worlds that are not the true one ------------------------------------------------------------------

static void less_follow(world *w)
{
    w->follow = 0.15;
}
static void no_novelty(world *w)
{
    w->novelty = 0;
}
static void more_rate(world *w)
{
    w->rate = 0.9;
}

static void flat_tastes(world *w)
{
    for (size_t k = 0; k < (size_t)w->states * w->categories; k++)
        w->theta[k] = 0.5 * w->theta[k] + 0.5 / w->categories;
}
static void free_drift(world *w)
{
    for (size_t k = 0; k < (size_t)w->states * w->states; k++) w->drift[k] = 1.0 / w->states;
}
static void frozen_drift(world *w)
{
    for (size_t a = 0; a < w->states; a++)
        for (size_t b = 0; b < w->states; b++)
            w->drift[a * w->states + b] = a == b ? 0.999 : 0.001 / (w->states - 1);
}
static void no_distance(world *w)
{
    for (size_t k = 0; k < WORLD_CELLS * WORLD_CELLS; k++) w->decay[k] = 1;
}
static void moved_homes(world *w)
{
    for (uint32_t u = 0; u < w->users; u++)
        w->user_home[u] = (uint8_t)((w->user_home[u] + 11) % WORLD_CELLS);
}
static void no_dayparts(world *w)
{
    for (size_t k = 0; k < WORLD_DAYPARTS * (size_t)w->categories; k++) w->phi[k] = 1;
}
static void less_cart(world *w)
{
    for (size_t k = 0; k < (size_t)w->states * w->categories; k++) w->cart[k] *= 0.6;
}
static void more_buy(world *w)
{
    for (uint32_t i = 0; i < w->items; i++) w->item_buy[i] = 0.9f;
}
static void equal_items(world *w)
{
    for (uint32_t i = 0; i < w->items; i++) w->item_weight[i] = sqrtf(w->item_weight[i]);
}
static void even_platforms(world *w)
{
    for (uint32_t u = 0; u < w->users; u++) w->user_share[u] = 0.5f * w->user_share[u] + 0.25f;
}

static void test_other_worlds(scene *s)
{
    // clang-format off
    static const struct { const char *name; void (*change)(world *); } cases[] = {
        { "fewer follow",       less_follow },   { "no novelty",       no_novelty },
        { "more ratings",       more_rate },     { "flat tastes",      flat_tastes },
        { "taste forgotten",    free_drift },    { "taste frozen",     frozen_drift },
        { "no distance",        no_distance },   { "homes moved",      moved_homes },
        { "no parts of day",    no_dayparts },   { "fewer carts",      less_cart },
        { "more buys",          more_buy },      { "equal items",      equal_items },
        { "platforms even",     even_platforms },
    };
    // clang-format on
    double *truth = NEW(double, ASKED), *other = NEW(double, ASKED);
    log_likelihood(truth, s, &s->w);
    char *saved = NEW(char, s->w.memory.used);
    memcpy(saved, s->w.memory.base, s->w.memory.used);
    const world original = s->w;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        cases[c].change(&s->w);
        log_likelihood(other, s, &s->w);
        s->w = original;
        memcpy(s->w.memory.base, saved, s->w.memory.used);
        double sum = 0, squares = 0;
        for (int k = 0; k < ASKED; k++) {
            sum += truth[k] - other[k];
            squares += (truth[k] - other[k]) * (truth[k] - other[k]);
        }
        const double mean = sum / ASKED, spread = sqrt(squares / ASKED - mean * mean);
        const double t = mean / (spread / sqrt(ASKED));
        CHECK(mean > 0 && t > 3, "%s explains the log as well: %.4f nats, t = %.1f", cases[c].name,
              mean, t);
    }
    mem_free(saved);
    mem_free(truth);
    mem_free(other);
}

// --- better than what can be learned ---------------------------------------------------------------------

static bool hit(const float *p, uint32_t items, uint32_t target)
{
    int above = 0;
    for (uint32_t i = 0; i < items; i++) above += i != target && !(p[i] < p[target]);
    return above < 10;
}

// Popularity and first-order Markov chains, both of the whole log: they even know what they are
// asked for.
static void test_baselines(const scene *s)
{
    const uint32_t items = s->w.items;
    float *p = NEW(float, items), *popular = ZNEW(float, items);
    float *after = ZNEW(float, (size_t)items *items);
    for (uint32_t u = 0; u < s->w.users; u++)
        for (uint32_t e = s->offset[u]; e < s->offset[u + 1]; e++) {
            popular[s->item[e]]++;
            if (e > s->offset[u]) after[(size_t)s->item[e - 1] * items + s->item[e]]++;
        }
    model *m = truth_of(&s->w);
    arena a = scratch_of(m);
    int truth_hits = 0, popular_hits = 0, markov_hits = 0;
    for (int k = 0; k < ASKED; k++) {
        const uint32_t e = s->asked[k];
        const query q = before(s, e);
        if (!q.n) continue;
        float *row = after + (size_t)q.item[q.n - 1] * items;
        ask(m, &q, p, &a);
        truth_hits += hit(p, items, s->item[e]);
        popular_hits += hit(popular, items, s->item[e]);
        row[s->item[e]]--; // not this one, though
        for (uint32_t i = 0; i < items; i++) p[i] = row[i] + 1e-4f * popular[i];
        row[s->item[e]]++;
        markov_hits += hit(p, items, s->item[e]);
    }
    CHECK(truth_hits > 1.3 * markov_hits && truth_hits > 2 * popular_hits,
          "hits in the first ten of %d: truth %d, Markov %d, popularity %d", ASKED, truth_hits,
          markov_hits, popular_hits);
    mem_free(p);
    mem_free(popular);
    mem_free(after);
    arena_free(&a);
    model_free(m);
}

// --- dirt, ratings, refusals --------------------------------------------------------------------------------

// Second copies and impossible times in a history change nothing.
static void test_dirt(const scene *s)
{
    model *m = truth_of(&s->w);
    arena a = scratch_of(m);
    float *clean = NEW(float, s->w.items), *dirty = NEW(float, s->w.items);
    for (int k = 0; k < 200; k++) {
        uint32_t item[64];
        int64_t time[64];
        query q = before(s, s->asked[k]);
        if (q.n > 20) q.item += q.n - 20, q.time += q.n - 20, q.n = 20;
        size_t n = 0;
        item[n] = 3, time[n++] = 0; // 1970
        for (size_t e = 0; e < q.n; e++)
            for (int copy = 0; copy < 1 + (e % 3 == 0); copy++)
                item[n] = q.item[e], time[n++] = q.time[e];
        item[n] = 5, time[n++] = INT64_C(4102444800000000); // 2100
        query with = q;
        with.item = item, with.time = time, with.n = n;
        ask(m, &q, clean, &a);
        ask(m, &with, dirty, &a);
        CHECK(memcmp(clean, dirty, s->w.items * sizeof *clean) == 0, "question %d", k);
    }
    mem_free(clean);
    mem_free(dirty);
    arena_free(&a);
    model_free(m);
}

static void test_ratings(const scene *s)
{
    model *m = truth_of(&s->w);
    double error = 0, squares = 0, plain = 0;
    int n = 0;
    for (uint32_t u = 0; u < s->w.users; u++)
        for (uint32_t e = s->offset[u]; e < s->offset[u + 1]; e++) {
            if (s->stage[e] != FUNNEL_RATE) continue;
            const query q = { .user = u };
            float guess;
            m->class->predict(m, &q, &s->item[e], 1, &guess, NULL);
            const double d = s->rating[e] - (double)guess;
            error += d, squares += d * d, plain += (s->rating[e] - 3.6) * (s->rating[e] - 3.6), n++;
        }
    CHECK(n > 200, "only %d ratings", n);
    CHECK(fabs(error / sqrt(squares)) < 4, "ratings are off by %.3f on average", error / n);
    CHECK(squares < 0.85 * plain, "predicting ratings does not help: %.3f, %.3f", squares / n,
          plain / n);
    model_free(m);
}

static void test_refusals(const scene *s)
{
    const model_class *c = model_find("truth");
    CHECK(c && c == &model_class_truth, "not in the registry");
    model *m = NULL;
    habit_error err = { 0 };
    CHECK(c->fit(&m, NULL, NULL, NULL, &err) == HABIT_EINVAL && strstr(err.message, "simulate"),
          "%s", err.message);
    world w = s->w;
    uint8_t *cells = NEW(uint8_t, w.items);
    memset(cells, WORLD_CELLS, w.items);
    w.item_cell = cells;
    CHECK(truth_new(&m, &w, &err) == HABIT_EFORMAT && !m, "a cell off the map was accepted");
    w = s->w;
    w.half = NAN;
    CHECK(truth_new(&m, &w, &err) == HABIT_EFORMAT && !m, "NaN was accepted");
    mem_free(cells);

    const long before = mem_live();
    for (long n = 0; n < 6; n++) {
        mem_fail_after(n);
        const habit_status st = truth_new(&m, &s->w, &err);
        mem_fail_after(-1);
        CHECK(st == HABIT_ENOMEM || n >= 6, "allocation %ld: status %d", n, (int)st);
        CHECK(mem_live() == before, "allocation %ld leaks", n);
    }
}

int main(void)
{
    scene s = { 0 };
    scene_make(&s);
    test_sums(&s);
    test_file(&s);
    test_calibration(&s);
    test_other_worlds(&s);
    test_baselines(&s);
    test_dirt(&s);
    test_ratings(&s);
    test_refusals(&s);
    scene_free(&s);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
