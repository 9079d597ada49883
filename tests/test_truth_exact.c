// test_truth_exact.c - the truth against its definition, term by term.
//
// The reference below has no filter and no tables: it writes down the probability of a whole
// history for one path of tastes, session by session, and adds up all paths.  The sums over the
// catalogue are sums over the catalogue.
#include "tests/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "models/registry.h"
#include "models/truth.h"

#include <math.h>

enum { LENGTH = 7, SESSIONS = 4 };

typedef struct tale {
    uint32_t user, item[LENGTH + 1];
    int64_t second[LENGTH + 1];
    int session[LENGTH + 1], stage[LENGTH + 1];
    int n; // events before the one that is asked for, item[n]
} tale;

static double reference_weight(const world *w, uint32_t item, int day)
{
    if (w->item_born[item] > day) return 0;
    const double age = day - w->item_born[item];
    return (double)w->item_weight[item] * (1 + w->novelty * pow(2, -age / w->half));
}

// B_z(item) of docs/simulator.md.
static double reference_browse(const world *w, uint32_t user, size_t z, uint32_t item, int64_t t)
{
    const size_t C = w->categories, category = w->item_category[item];
    const int day = (int)(t / WORLD_DAY), daypart = (int)(t % WORLD_DAY / 21600);
    const double *decay = w->decay + w->user_home[user] * WORLD_CELLS;
    double tastes = 0, shelf = 0;
    for (size_t c = 0; c < C; c++) tastes += w->theta[z * C + c] * w->phi[(size_t)daypart * C + c];
    for (uint32_t i = 0; i < w->items; i++)
        if (w->item_platform[i] == w->item_platform[item] && w->item_category[i] == category)
            shelf += decay[w->item_cell[i]] * reference_weight(w, i, day);
    return w->theta[z * C + category] * w->phi[(size_t)daypart * C + category] / tastes *
           decay[w->item_cell[item]] * reference_weight(w, item, day) / shelf;
}

static double reference_follow(const world *w, uint32_t from, uint32_t item, int day, double *any)
{
    double sum = 0, part = 0;
    for (size_t k = 0; k < WORLD_FOLLOWERS; k++) {
        const uint32_t to = w->follower[from * WORLD_FOLLOWERS + k];
        const double weight = (double)w->follower_weight[from * WORLD_FOLLOWERS + k];
        if (w->item_born[to] > day) continue;
        sum += weight;
        part += to == item ? weight : 0;
    }
    *any = sum;
    return sum > 0 ? part / sum : 0;
}

// P(event k | the events before, taste z of its session).
static double reference_event(const world *w, const tale *a, int k, size_t z)
{
    const uint32_t item = a->item[k];
    const int64_t t = a->second[k];
    if (k == 0 || a->session[k] != a->session[k - 1]) {
        const double share = (double)w->user_share[a->user];
        return (w->item_platform[item] == 0 ? share : 1 - share) *
               reference_browse(w, a->user, z, item, t);
    }
    const uint32_t last = a->item[k - 1];
    const double funnel[FUNNEL_STAGES] = { w->cart[z * w->categories + w->item_category[last]] *
                                               (double)w->item_cart[last],
                                           (double)w->item_buy[last], w->rate, 0 };
    const double on = funnel[a->stage[k - 1]];
    if (item == last) return on;
    double any;
    const double part = reference_follow(w, last, item, (int)(t / WORLD_DAY), &any);
    const double follow = any > 0 ? w->follow : 0;
    double browse = 0;
    if (w->item_platform[item] == w->item_platform[last])
        browse = reference_browse(w, a->user, z, item, t) /
                 (1 - reference_browse(w, a->user, z, last, t));
    return (1 - on) * (follow * part + (1 - follow) * browse);
}

// P(the first n events), over all paths of tastes: S^sessions terms.
static double reference_history(const world *w, const tale *a, int n)
{
    const int sessions = n ? a->session[n - 1] + 1 : 0;
    size_t paths = 1;
    for (int k = 0; k < sessions; k++) paths *= w->states;
    double sum = 0;
    for (size_t path = 0; path < paths; path++) {
        size_t taste[SESSIONS + 1], rest = path;
        double p = 1;
        for (int k = 0; k < sessions; k++, rest /= w->states) {
            taste[k] = rest % w->states;
            p *= k ? w->drift[taste[k - 1] * w->states + taste[k]] : w->initial[taste[0]];
        }
        for (int k = 0; k < n; k++) p *= reference_event(w, a, k, taste[a->session[k]]);
        sum += p;
    }
    return sum;
}

// A history as it could be: steps, repeats and followers; pauses within and between sessions.
static void tale_draw(tale *a, const world *w, rng *r)
{
    *a = (tale){ .user = (uint32_t)rng_below(r, w->people), .n = 1 + (int)rng_below(r, LENGTH) };
    int64_t t = (int64_t)rng_below(r, 6) * WORLD_DAY + (int64_t)rng_below(r, WORLD_DAY);
    for (int k = 0; k <= a->n; k++) {
        const bool again = k && a->session[k - 1] + 1 < SESSIONS && rng_uniform(r) < 0.4;
        const bool fresh = k == 0 || again;
        a->session[k] = k ? a->session[k - 1] + again : 0;
        if (k)
            t += again ? WORLD_SILENCE + 1 + (int64_t)rng_below(r, 40000)
                       : 1 + (int64_t)rng_below(r, WORLD_SILENCE);
        a->second[k] = t;
        const double what = rng_uniform(r);
        const uint32_t last = k ? a->item[k - 1] : 0;
        if (!fresh && what < 0.3 && a->stage[k - 1] < FUNNEL_RATE) {
            a->item[k] = last;
            a->stage[k] = a->stage[k - 1] + 1;
            continue;
        }
        const uint32_t follower =
            w->follower[last * WORLD_FOLLOWERS + rng_below(r, WORLD_FOLLOWERS)];
        const bool follows =
            !fresh && what < 0.6 && follower != last && w->item_born[follower] <= t / WORLD_DAY;
        const double share = (double)w->user_share[a->user];
        do a->item[k] = follows ? follower : (uint32_t)rng_below(r, w->items);
        while (w->item_born[a->item[k]] > t / WORLD_DAY || (!fresh && a->item[k] == last) ||
               (!fresh && w->item_platform[a->item[k]] != w->item_platform[last]) ||
               (w->item_platform[a->item[k]] == 0 ? share == 0 : share == 1));
    }
}

static void check_tale(const model *m, const world *w, tale *a, float *p, arena *scratch)
{
    int64_t time[LENGTH + 1];
    for (int k = 0; k <= a->n; k++) time[k] = (w->start + a->second[k]) * 1000000 + 999999;
    const query q = {
        .user = a->user, .item = a->item, .time = time, .n = (size_t)a->n, .now = time[a->n]
    };
    m->class->score(m, &q, 1, p, scratch);
    const double before = reference_history(w, a, a->n);
    const double after = reference_history(w, a, a->n + 1);
    const double want = after / before, got = (double)p[a->item[a->n]];
    CHECK(before > 0 && fabs(got - want) <= 1e-5 * want,
          "%d events, %d sessions, stage %d: %.9g, by definition %.9g", a->n, a->session[a->n] + 1,
          a->stage[a->n], got, want);
}

int main(void)
{
    const world_plan plan = { .seed = 5,
                              .start = days_from_civil(2024, 1, 1) * WORLD_DAY,
                              .days = 12,
                              .people = 40,
                              .robots = 1,
                              .items = 60,
                              .states = 4,
                              .categories = 5,
                              .follow = 0.3,
                              .drift = 0.3 };
    world w;
    model *m = NULL;
    arena scratch = { 0 };
    CHECK_OK(world_build(&w, &plan, err));
    CHECK_OK(truth_new(&m, &w, err));
    CHECK_OK(arena_init_bytes(&scratch, m->class->scratch(m, 1), err));
    float *p = NEW(float, w.items);
    rng r = rng_at(1, 2, 3);
    for (int k = 0; k < 1500; k++) {
        tale a;
        tale_draw(&a, &w, &r);
        check_tale(m, &w, &a, p, &scratch);
    }
    mem_free(p);
    arena_free(&scratch);
    model_free(m);
    world_free(&w);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
