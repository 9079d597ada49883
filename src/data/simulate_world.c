// simulate_world.c - draws a world: tastes, a map, a catalogue.
#include "data/simulate_world.h"
#include "data/simulate_streams.h"
#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const char *const funnel_names[FUNNEL_STAGES] = { "view", "cart", "buy", "rate" };

// Places all arrays in the arena, or measures them.
static void world_carve(world *w, arena *a)
{
    const size_t S = w->states, C = w->categories, I = w->items, U = w->users;
    w->initial = arena_new(a, double, S);
    w->drift = arena_new(a, double, S *S);
    w->theta = arena_new(a, double, S *C);
    w->phi = arena_new(a, double, WORLD_DAYPARTS *C);
    w->cart = arena_new(a, double, S *C);
    w->taste = arena_new(a, double, S *WORLD_DAYPARTS *C);
    w->decay = arena_new(a, double, WORLD_CELLS *WORLD_CELLS);
    w->homes = arena_new(a, double, WORLD_CELLS);
    w->item_platform = arena_new(a, uint8_t, I);
    w->item_category = arena_new(a, uint8_t, I);
    w->item_cell = arena_new(a, uint8_t, I);
    w->item_born = arena_new(a, int32_t, I);
    w->item_weight = arena_new(a, float, I);
    w->item_cart = arena_new(a, float, I);
    w->item_buy = arena_new(a, float, I);
    w->item_quality = arena_new(a, float, I);
    w->item_price = arena_new(a, float, I);
    w->follower = arena_new(a, uint32_t, I * WORLD_FOLLOWERS);
    w->follower_weight = arena_new(a, float, I *WORLD_FOLLOWERS);
    w->user_home = arena_new(a, uint8_t, U);
    w->user_rhythm = arena_new(a, uint8_t, U);
    w->user_share = arena_new(a, float, U);
    w->user_severity = arena_new(a, float, U);
    w->user_activity = arena_new(a, float, U);
    w->user_joined = arena_new(a, int32_t, U);
}

// --- helpers -------------------------------------------------------------------------------------

static void normalise(double *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += p[i];
    for (size_t i = 0; i < n; i++) p[i] /= sum;
}

static void draw_shares(double *p, size_t n, double spread, rng *r)
{
    for (size_t i = 0; i < n; i++) p[i] = exp(spread * rng_normal(r));
    normalise(p, n);
}

size_t world_pick(const double *p, size_t n, double u)
{
    size_t i = 0;
    for (; i + 1 < n && u >= p[i]; i++) u -= p[i];
    return i;
}

// --- tastes --------------------------------------------------------------------------------------

static void draw_tastes(world *w, const double *share, rng *r)
{
    // three favourites hold most of a taste; the rest follows the general demand
    static const double favour[] = { 0.42, 0.25, 0.13 };
    const size_t S = w->states, C = w->categories;
    draw_shares(w->initial, S, 0.5, r);
    for (size_t z = 0; z < S; z++) {
        double *theta = w->theta + z * C, top = 0;
        for (size_t c = 0; c < C; c++) theta[c] = 0.18 * share[c] + 0.02 / (double)C;
        for (size_t k = 0; k < COUNT_OF(favour); k++) theta[rng_below(r, C)] += favour[k];
        for (size_t c = 0; c < C; c++) top = theta[c] > top ? theta[c] : top;
        for (size_t c = 0; c < C; c++) w->cart[z * C + c] = 0.08 + 0.3 * theta[c] / top;
    }
    for (size_t k = 0; k < WORLD_DAYPARTS * C; k++) w->phi[k] = exp(0.7 * rng_normal(r));
}

// A taste stays, or moves to one of three others: a sparse chain.
static void draw_drift(world *w, rng *r)
{
    static const double step[] = { 0.5, 0.3, 0.2 };
    const size_t S = w->states;
    for (size_t z = 0; z < S; z++) {
        w->drift[z * S + z] = 1 - w->drifts;
        for (size_t k = 0; k < COUNT_OF(step); k++) {
            const size_t to = (z + 1 + rng_below(r, S - 1)) % S; // never z itself
            w->drift[z * S + to] += w->drifts * step[k];
        }
    }
}

void world_tastes(double *taste, const world *w)
{
    const size_t C = w->categories;
    for (size_t z = 0; z < w->states; z++)
        for (size_t d = 0; d < WORLD_DAYPARTS; d++) {
            double *row = taste + (z * WORLD_DAYPARTS + d) * C;
            for (size_t c = 0; c < C; c++) row[c] = w->theta[z * C + c] * w->phi[d * C + c];
            normalise(row, C);
        }
}

// --- the map -------------------------------------------------------------------------------------

static void draw_map(world *w, rng *r)
{
    draw_shares(w->homes, WORLD_CELLS, 1.0, r);
    for (int a = 0; a < WORLD_CELLS; a++)
        for (int b = 0; b < WORLD_CELLS; b++) {
            const double dx = a % WORLD_GRID - b % WORLD_GRID;
            const double dy = a / WORLD_GRID - b / WORLD_GRID; // both whole numbers: rows apart
            w->decay[a * WORLD_CELLS + b] = 0.03 + exp(-sqrt(dx * dx + dy * dy) / 1.5);
        }
}

// --- items ---------------------------------------------------------------------------------------

static void draw_item(world *w, uint32_t i, const double *share)
{
    rng r = rng_at(w->seed, STREAM_ITEM, i);
    const uint32_t C = w->categories;
    const bool founder = i < WORLD_PLATFORMS * C; // every shelf has something from the first day
    const uint8_t platform = rng_uniform(&r) < 0.45;
    const uint8_t category = (uint8_t)world_pick(share, C, rng_uniform(&r));
    w->item_platform[i] = founder ? (uint8_t)(i / C) : platform;
    w->item_category[i] = founder ? (uint8_t)(i % C) : category;
    w->item_cell[i] = (uint8_t)world_pick(w->homes, WORLD_CELLS, rng_uniform(&r));
    w->item_weight[i] = (float)exp(1.5 * rng_normal(&r));

    const int old = -(int)rng_below(&r, WORLD_PAST + 1);
    const int young = 1 + (int)rng_below(&r, (uint64_t)(w->days * 9 / 10 + 1));
    w->item_born[i] = founder || rng_uniform(&r) < 0.75 ? old : young;

    const double price = floor(100 * 20 * exp(0.9 * rng_normal(&r))) / 100 + 0.99;
    w->item_price[i] = (float)price;
    w->item_cart[i] = (float)(0.3 + 0.7 / (1 + price / 40));
    w->item_buy[i] = (float)(0.25 + 0.4 * rng_uniform(&r));
    w->item_quality[i] = (float)(0.5 * rng_normal(&r));
}

// Items grouped by (platform, category): order[first[k] .. first[k+1]).
static habit_status shelve(const world *w, uint32_t **order, uint32_t **first, habit_error *err)
{
    const size_t K = WORLD_PLATFORMS * w->categories;
    uint32_t *o = NEW(uint32_t, w->items), *f = ZNEW(uint32_t, K + 2);
    if (!o || !f) {
        mem_free(o);
        mem_free(f);
        return fail_memory(err, "shelves", sizeof(uint32_t) * w->items);
    }
    // f[k + 2] counts shelf k, then f[k + 1] is where its next item goes, in the end f[k + 1] its end
    for (uint32_t i = 0; i < w->items; i++) f[world_bucket(w, i) / WORLD_CELLS + 2]++;
    for (size_t k = 2; k < K + 2; k++) f[k] += f[k - 1];
    for (uint32_t i = 0; i < w->items; i++) o[f[world_bucket(w, i) / WORLD_CELLS + 1]++] = i;
    *order = o;
    *first = f;
    return HABIT_OK;
}

// Two sequels from the same shelf and two complements from a related one.
static habit_status draw_followers(world *w, habit_error *err)
{
    static const float weight[WORLD_FOLLOWERS] = { 0.5f, 0.15f, 0.25f, 0.1f };
    uint32_t *order = NULL, *first = NULL, related[WORLD_CATEGORIES];
    TRY(shelve(w, &order, &first, err));
    rng r = rng_at(w->seed, STREAM_FOLLOWER, 0);
    for (uint32_t c = 0; c < w->categories; c++)
        related[c] = (uint32_t)rng_below(&r, w->categories);
    for (uint32_t i = 0; i < w->items; i++) {
        r = rng_at(w->seed, STREAM_FOLLOWER, 1 + (uint64_t)i);
        for (uint32_t k = 0; k < WORLD_FOLLOWERS; k++) {
            const uint32_t c = k < 2 ? w->item_category[i] : related[w->item_category[i]];
            const uint32_t shelf = w->item_platform[i] * w->categories + c;
            const uint32_t n = first[shelf + 1] - first[shelf];
            const uint32_t to = order[first[shelf] + rng_below(&r, n)];
            w->follower[i * WORLD_FOLLOWERS + k] = to;
            w->follower_weight[i * WORLD_FOLLOWERS + k] = to == i ? 0 : weight[k];
        }
    }
    mem_free(order);
    mem_free(first);
    return HABIT_OK;
}

double world_followers(const world *w, uint32_t item, int day)
{
    double sum = 0;
    for (int k = 0; k < WORLD_FOLLOWERS; k++) {
        const size_t at = (size_t)item * WORLD_FOLLOWERS + (size_t)k;
        if (w->item_born[w->follower[at]] <= day) sum += (double)w->follower_weight[at];
    }
    return sum;
}

double world_fade(const world *w, int age)
{
    return exp2(-(double)age / w->half);
}

// --- the world -----------------------------------------------------------------------------------

static int digits(uint32_t n)
{
    int k = 1;
    for (; n >= 10; n /= 10) k++;
    return k;
}

habit_status world_build(world *out, const world_plan *plan, habit_error *err)
{
    assert(plan->states >= 2 && plan->categories >= 2 && plan->categories <= WORLD_CATEGORIES);
    assert(plan->items >= WORLD_PLATFORMS * plan->categories);
    world w = {
        .seed = plan->seed,
        .start = plan->start,
        .days = plan->days,
        .follow = plan->follow,
        .stop = 0.2,
        .rate = 0.5,
        .novelty = 3,
        .half = 7,
        .drifts = plan->drift,
        .states = plan->states,
        .categories = plan->categories,
        .items = plan->items,
        .users = plan->people + plan->robots,
        .people = plan->people,
        .user_digits = digits(plan->people + plan->robots),
        .item_digits = digits(plan->items),
    };
    arena measure = { 0 };
    world_carve(&w, &measure);
    TRY(arena_init(&w.memory, &measure, err));
    world_carve(&w, &w.memory);

    double share[WORLD_CATEGORIES];
    rng r = rng_at(w.seed, STREAM_WORLD, 0);
    draw_shares(share, w.categories, 0.8, &r);
    draw_tastes(&w, share, &r);
    draw_drift(&w, &r);
    draw_map(&w, &r);
    world_tastes(w.taste, &w);
    for (uint32_t i = 0; i < w.items; i++) draw_item(&w, i, share);
    const habit_status st = draw_followers(&w, err);
    if (st != HABIT_OK) {
        world_free(&w);
        return st;
    }
    world_draw_people(&w);
    *out = w;
    return HABIT_OK;
}

void world_free(world *w)
{
    arena_free(&w->memory);
    *w = (world){ 0 };
}
