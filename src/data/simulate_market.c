// simulate_market.c - what is on offer on one day.
#include "data/simulate_market.h"
#include "base/memory.h"

#include <assert.h>

habit_status market_new(market *out, const world *w, int days, habit_error *err)
{
    const size_t B = world_buckets(w);
    market m = { .w = w, .day = -1, .ages = days + WORLD_PAST + 1 };
    m.order = NEW(uint32_t, w->items);
    m.first = ZNEW(uint32_t, B + 2);
    m.running = NEW(double, w->items);
    m.mass = NEW(double, B);
    m.shelf = NEW(double, WORLD_CELLS *B);
    m.fade = NEW(double, (size_t)m.ages);
    if (!m.order || !m.first || !m.running || !m.mass || !m.shelf || !m.fade) {
        market_free(&m);
        return fail_memory(err, "shelves", sizeof(double) * (w->items + WORLD_CELLS * B));
    }
    for (int age = 0; age < m.ages; age++) m.fade[age] = world_fade(w, age);

    // counting sort by bucket, stable: first[b + 1] ends up as the end of bucket b
    for (uint32_t i = 0; i < w->items; i++) m.first[world_bucket(w, i) + 2]++;
    for (size_t b = 2; b < B + 2; b++) m.first[b] += m.first[b - 1];
    for (uint32_t i = 0; i < w->items; i++) m.order[m.first[world_bucket(w, i) + 1]++] = i;
    *out = m;
    return HABIT_OK;
}

void market_free(market *m)
{
    mem_free(m->order);
    mem_free(m->first);
    mem_free(m->running);
    mem_free(m->mass);
    mem_free(m->shelf);
    mem_free(m->fade);
    *m = (market){ 0 };
}

static void open_shelf(void *ctx, size_t shelf, int worker)
{
    const market *m = ctx;
    const world *w = m->w;
    const size_t shelves = WORLD_PLATFORMS * w->categories, base = shelf * WORLD_CELLS;
    (void)worker;
    for (size_t b = base; b < base + WORLD_CELLS; b++) {
        double sum = 0;
        for (uint32_t k = m->first[b]; k < m->first[b + 1]; k++)
            m->running[k] = sum += world_weight(w, m->fade, m->order[k], m->day);
        m->mass[b] = sum;
    }
    for (size_t home = 0; home < WORLD_CELLS; home++) {
        double *row = m->shelf + (home * shelves + shelf) * WORLD_CELLS, sum = 0;
        for (size_t c = 0; c < WORLD_CELLS; c++)
            row[c] = sum += w->decay[home * WORLD_CELLS + c] * m->mass[base + c];
    }
}

void market_open(market *m, int day, pool *p)
{
    assert(day >= 0 && day + WORLD_PAST < m->ages);
    if (m->day == day) return;
    m->day = day;
    pool_run(p, WORLD_PLATFORMS * m->w->categories, open_shelf, m);
}

// First k in [0, n) with running[k] > u.  Entries of weight 0 repeat the sum before them, so they
// are never the first; rounding may put u on the last sum, then the last entry of any weight it is.
static size_t search(const double *running, size_t n, double u)
{
    size_t low = 0, high = n; // the answer is in [low, high]
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (running[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < n) return low;
    for (low = n - 1; low > 0 && running[low - 1] >= running[n - 1];) low--;
    return low;
}

uint32_t market_draw(const market *m, int home, int platform, uint32_t category, rng *r)
{
    const size_t shelves = WORLD_PLATFORMS * m->w->categories;
    const size_t shelf = (size_t)platform * m->w->categories + category;
    const double *row = m->shelf + ((size_t)home * shelves + shelf) * WORLD_CELLS;
    const size_t cell = search(row, WORLD_CELLS, rng_uniform(r) * row[WORLD_CELLS - 1]);
    const size_t bucket = shelf * WORLD_CELLS + cell;
    const uint32_t at = m->first[bucket], n = m->first[bucket + 1] - at;
    return m->order[at + search(m->running + at, n, rng_uniform(r) * m->mass[bucket])];
}
