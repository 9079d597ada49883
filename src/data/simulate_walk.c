// simulate_walk.c - what one user does, event by event.
#include "data/simulate_walk.h"
#include "data/simulate_streams.h"
#include "base/memory.h"

#include <math.h>

// Seconds between two events of a session: 5 at least, WORLD_SILENCE at most.
#define GAP_LEAST 5
#define GAP_MEAN 60.0
#define DWELL_MEAN 45.0

double walk_session_rows(const world *w)
{
    return 1 / w->stop;
}

double walk_session_seconds(const world *w)
{
    return (walk_session_rows(w) - 1) * (GAP_LEAST + GAP_MEAN);
}

// --- when ------------------------------------------------------------------------------------------

// The first moment after `from` at which a Poisson process with the user's rhythm fires: the
// integral of the rate from `from` on reaches an exponential variable there.  The rate repeats
// itself by the week.
static int64_t session_after(walker *me, const world *w, const walk_plan *plan, uint32_t user,
                             int64_t from)
{
    const int rhythm = w->user_rhythm[user];
    const double daily = plan->activity * (double)w->user_activity[user];
    double left = rng_exponential(&me->r);
    int64_t t = from;
    const double weeks = floor(left / (7 * daily)); // any seven days have mean 1: skip them whole
    left -= weeks * 7 * daily;
    t += (int64_t)fmin(weeks, 1e6) * 7 * WORLD_DAY;
    for (;;) {
        const int day = (int)(t / WORLD_DAY);
        const double today = daily * world_weekday(w, day);
        if (t % WORLD_DAY == 0 && left >= today) { // hours of a day have mean 1: skip it whole
            left -= today;
            t += WORLD_DAY;
            continue;
        }
        const double rate = today * world_hour(rhythm, (int)(t % WORLD_DAY / 3600)) / WORLD_DAY;
        const int64_t hour_end = t - t % 3600 + 3600;
        if (left < rate * (double)(hour_end - t)) return t + (int64_t)(left / rate);
        left -= rate * (double)(hour_end - t);
        t = hour_end;
    }
}

static int64_t gap(walker *me)
{
    const int64_t g = GAP_LEAST + (int64_t)(GAP_MEAN * rng_exponential(&me->r));
    return g < WORLD_SILENCE ? g : WORLD_SILENCE;
}

// --- what ------------------------------------------------------------------------------------------

static uint32_t browse(walker *me, const market *m, uint32_t user, int64_t t)
{
    const world *w = m->w;
    const size_t C = w->categories;
    const double *taste =
        w->taste + ((size_t)me->state * WORLD_DAYPARTS + (size_t)world_daypart(t)) * C;
    const uint32_t category = (uint32_t)world_pick(taste, C, rng_uniform(&me->r));
    return market_draw(m, w->user_home[user], me->platform, category, &me->r);
}

static uint32_t follow(walker *me, const market *m, double total)
{
    const world *w = m->w;
    double u = rng_uniform(&me->r) * total;
    uint32_t to = me->item;
    for (int k = 0; k < WORLD_FOLLOWERS && (to == me->item || u >= 0); k++) {
        const size_t at = (size_t)me->item * WORLD_FOLLOWERS + (size_t)k;
        if (w->item_born[w->follower[at]] > m->day || !(w->follower_weight[at] > 0)) continue;
        to = w->follower[at];
        u -= (double)w->follower_weight[at];
    }
    return to;
}

static void enter(walker *me, const market *m, uint32_t user, int64_t t)
{
    const world *w = m->w;
    const size_t S = w->states;
    const double *p = me->arrived ? w->drift + me->state * S : w->initial;
    me->state = (uint8_t)world_pick(p, S, rng_uniform(&me->r));
    me->platform = (uint8_t)(rng_uniform(&me->r) >= (double)w->user_share[user]);
    me->arrived = true;
    me->stage = FUNNEL_VIEW;
    me->item = browse(me, m, user, t);
}

// Inside a session: down the funnel with the same item, to a follower, or to anything else.
static void step(walker *me, const market *m, uint32_t user, int64_t t)
{
    const world *w = m->w;
    if (rng_uniform(&me->r) < world_advance(w, me->state, me->stage, me->item)) {
        me->stage++;
        return;
    }
    me->stage = FUNNEL_VIEW;
    const bool wants_follower = rng_uniform(&me->r) < w->follow;
    const double followers = wants_follower ? world_followers(w, me->item, m->day) : 0;
    if (followers > 0) {
        me->item = follow(me, m, followers);
        return;
    }
    const uint32_t last = me->item;
    do me->item = browse(me, m, user, t); // nobody opens the page that is open
    while (me->item == last);
}

static uint16_t rating(walker *me, const world *w, uint32_t user)
{
    const double x = world_rating(w, user, me->item) + WORLD_RATING_SPREAD * rng_normal(&me->r);
    return (uint16_t)fmin(5, fmax(1, floor(x + 0.5)));
}

// --- rows ------------------------------------------------------------------------------------------

static habit_status add_row(log_rows *rows, log_row row)
{
    void *items = rows->row;
    TRY(mem_grow(&items, &rows->cap, rows->n + 1, sizeof row, "rows", NULL));
    rows->row = items;
    rows->row[rows->n++] = row;
    return HABIT_OK;
}

// A person's row and, now and then, a spoilt copy of it.  Dirt has its own random numbers, so the
// log is the same with it and without.
static habit_status add_people(log_rows *rows, const world *w, const walk_plan *plan, log_row row)
{
    TRY(add_row(rows, row));
    if (plan->dirt == 0 && plan->malformed == 0) return HABIT_OK;
    rng r = rng_at(w->seed, STREAM_DIRT, ((uint64_t)row.user << 32) | row.time);
    const double u = rng_uniform(&r);
    if (u < plan->dirt) {
        const double kind = u / plan->dirt;
        row.kind = kind < 0.6 ? ROW_DUPLICATE : kind < 0.8 ? ROW_BAD_TIME : ROW_BAD_RATING;
        return add_row(rows, row);
    }
    if (u < plan->dirt + plan->malformed) {
        row.kind = ROW_MALFORMED;
        return add_row(rows, row);
    }
    return HABIT_OK;
}

// Robots open anything, every second or three, some hundred pages at a time.
static habit_status robot_until(walker *me, const market *m, const walk_plan *plan, uint32_t user,
                                int64_t until, log_rows *rows)
{
    const world *w = m->w;
    while (me->next < until) {
        do me->item = (uint32_t)rng_below(&me->r, w->items);
        while (w->item_born[me->item] > m->day);
        const log_row row = { .time = (uint32_t)me->next,
                              .user = user,
                              .item = me->item,
                              .value = 1,
                              .stage = FUNNEL_VIEW,
                              .kind = ROW_ROBOT };
        TRY(add_row(rows, row));
        if (rng_uniform(&me->r) * plan->burst < 1)
            me->next += 1 + WORLD_SILENCE + (int64_t)(plan->burst_wait * rng_exponential(&me->r));
        else
            me->next += 1 + (int64_t)rng_below(&me->r, 3);
    }
    return HABIT_OK;
}

void walk_begin(walker *me, const world *w, const walk_plan *plan, uint32_t user)
{
    *me = (walker){ .r = rng_at(w->seed, STREAM_WALK, user) };
    if (user < w->people)
        me->next = session_after(me, w, plan, user, (int64_t)w->user_joined[user] * WORLD_DAY);
    else
        me->next = (int64_t)(rng_uniform(&me->r) * plan->burst_wait);
}

habit_status walk_until(walker *me, const market *m, const walk_plan *plan, uint32_t user,
                        int64_t until, log_rows *rows)
{
    const world *w = m->w;
    if (user >= w->people) return robot_until(me, m, plan, user, until, rows);
    while (me->next < until) {
        const int64_t t = me->next;
        if (me->inside)
            step(me, m, user, t);
        else
            enter(me, m, user, t);
        log_row row = { .time = (uint32_t)t, .user = user, .item = me->item, .stage = me->stage };
        if (me->stage == FUNNEL_RATE) row.value = rating(me, w, user);

        int64_t stay = GAP_LEAST + (int64_t)(DWELL_MEAN * rng_exponential(&me->r));
        me->inside = !(rng_uniform(&me->r) < w->stop);
        if (me->inside) {
            const int64_t pause = gap(me);
            me->next = t + pause;
            stay = stay < pause ? stay : pause;
        } else {
            me->next = session_after(me, w, plan, user, t + WORLD_SILENCE + 1);
        }
        if (me->stage == FUNNEL_VIEW) row.value = (uint16_t)(stay < 3600 ? stay : 3600);
        TRY(add_people(rows, w, plan, row));
    }
    return HABIT_OK;
}
