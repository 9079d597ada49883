// truth_answer.c - from a belief about somebody's taste to the probability of every item.
//
// First a forecast: how probable each kind of step is, per category and place.  Then it is spread
// over the items: one multiplication each, so that a question costs little more than reading the
// catalogue once.
#include "models/truth_belief.h"
#include "base/clock.h"

#include <string.h>

// Probabilities of the next event, before they are spread over items.
typedef struct forecast {
    int day;
    double *fresh;   // [platforms][C] it begins a session, on this platform, in this category
    double *ongoing; // [C] it goes on the session by browsing on the present platform
    double *place;   // [buckets] per unit of weight, given platform and category
    double repeat;   // it is the present item again
    double follow;   // it is a follower of the present item
} forecast;

// The session of `state` begins: adds `share` times its categories.
static void forecast_session(forecast *f, const truth_tables *t, const asker *who,
                             const double *state, const double daypart[WORLD_DAYPARTS])
{
    const size_t C = t->w.categories;
    for (size_t z = 0; z < t->w.states; z++)
        for (int d = 0; d < WORLD_DAYPARTS; d++) {
            const double p = state[z] * daypart[d], *taste = truth_taste(t, z, d);
            if (p == 0) continue;
            for (size_t c = 0; c < C; c++)
                for (size_t platform = 0; platform < WORLD_PLATFORMS; platform++)
                    f->fresh[platform * C + c] += p * who->share[platform] * taste[c];
        }
}

// The session goes on, with probability `inside`, at a part of the day.
static void forecast_step(forecast *f, const truth_tables *t, const asker *who, const belief *b,
                          double inside, int daypart)
{
    const world *w = &t->w;
    const uint32_t last = b->last;
    const double again = truth_browse(t, who, last, f->day);
    const double follow = world_followers(w, last, f->day) > 0 ? w->follow : 0;
    for (uint32_t z = 0; z < w->states; z++) {
        const double *taste = truth_taste(t, z, daypart);
        const double on = world_advance(w, z, b->stage, last);
        const double p = inside * b->state[z] * (1 - on);
        const double other = 1 - taste[w->item_category[last]] * again;
        f->repeat += inside * b->state[z] * on;
        f->follow += p * follow;
        if (!(other > 0)) continue;
        for (size_t c = 0; c < w->categories; c++)
            f->ongoing[c] += p * (1 - follow) * taste[c] / other;
    }
}

// place[b] for all buckets; strangers may live anywhere.
static void forecast_places(forecast *f, const truth_tables *t, const asker *who)
{
    const world *w = &t->w;
    const size_t shelves = WORLD_PLATFORMS * w->categories;
    const double *mass = t->mass + (size_t)f->day * world_buckets(w);
    memset(f->place, 0, world_buckets(w) * sizeof *f->place);
    for (size_t home = 0; home < WORLD_CELLS; home++) {
        const bool theirs = !who->stranger && w->user_home[who->user] == home;
        const double live = who->stranger ? w->homes[home] : theirs ? 1 : 0;
        const double *decay = w->decay + home * WORLD_CELLS;
        for (size_t s = 0; live > 0 && s < shelves; s++) {
            double sum = 0;
            for (size_t c = 0; c < WORLD_CELLS; c++) sum += decay[c] * mass[s * WORLD_CELLS + c];
            for (size_t c = 0; sum > 0 && c < WORLD_CELLS; c++)
                f->place[s * WORLD_CELLS + c] += live * decay[c] / sum;
        }
    }
}

static void spread(float *scores, forecast *f, const truth_tables *t, const belief *b)
{
    const world *w = &t->w;
    const size_t C = w->categories, P = b->any ? w->item_platform[b->last] : 0;
    double fresh_last = 0; // browsing to the present item takes a new session
    if (b->any) {
        const size_t at = t->bucket[b->last];
        fresh_last =
            world_weight(w, t->fade, b->last, f->day) * f->place[at] * f->fresh[at / WORLD_CELLS];
    }
    for (size_t s = 0; s < WORLD_PLATFORMS * C; s++) {
        const double shelf = f->fresh[s] + (s / C == P ? f->ongoing[s % C] : 0);
        for (size_t c = 0; c < WORLD_CELLS; c++) f->place[s * WORLD_CELLS + c] *= shelf;
    }
    for (uint32_t i = 0; i < w->items; i++)
        scores[i] = (float)(world_weight(w, t->fade, i, f->day) * f->place[t->bucket[i]]);
    if (!b->any) return;
    scores[b->last] = (float)(fresh_last + f->repeat);
    const double followers = world_followers(w, b->last, f->day);
    for (size_t k = 0; k < WORLD_FOLLOWERS && followers > 0; k++) {
        const size_t at = (size_t)b->last * WORLD_FOLLOWERS + k;
        if (w->item_born[w->follower[at]] <= f->day)
            scores[w->follower[at]] +=
                (float)(f->follow * (double)w->follower_weight[at] / followers);
    }
}

// Robots open anything that is there.
static void robot_scores(float *scores, const truth_tables *t, int day)
{
    size_t born = 0;
    for (uint32_t i = 0; i < t->w.items; i++) born += t->w.item_born[i] <= day;
    for (uint32_t i = 0; i < t->w.items; i++)
        scores[i] = t->w.item_born[i] <= day ? 1 / (float)born : 0;
}

static int64_t seconds_of(const world *w, int64_t time)
{
    const int64_t seconds = time / 1000000 - (time % 1000000 < 0);
    return seconds - w->start;
}

static void answer(const truth_tables *t, const query *q, float *scores, belief *b, forecast *f)
{
    const world *w = &t->w;
    const asker who = asker_of(t, q->user);
    belief_begin(b, t);
    for (size_t k = 0; k < q->n; k++)
        if (q->time && q->time[k] != TIME_NONE)
            belief_see(b, t, &who, q->item[k], seconds_of(w, q->time[k]));

    const bool asked = q->now != TIME_NONE; // else about the time of the last event
    const int64_t now = asked    ? seconds_of(w, q->now)
                        : b->any ? b->second
                                 : w->days * (int64_t)WORLD_DAY - 1;
    const double inside = !asked ? (b->any ? 1 - w->stop : 0) : belief_inside(b, now) ? 1 : 0;
    double daypart[WORLD_DAYPARTS] = { 0 };
    for (int d = 0; d < WORLD_DAYPARTS; d++)
        if (!asked)
            daypart[d] = world_daypart_share(who.stranger ? 1 : w->user_rhythm[who.user], d);
        else
            daypart[d] = d == world_daypart(now);
    for (int d = 0; d < WORLD_DAYPARTS; d++) daypart[d] *= 1 - inside;

    f->day = truth_day(t, now);
    if (who.robot) {
        robot_scores(scores, t, f->day);
        return;
    }
    memset(f->fresh, 0, WORLD_PLATFORMS * w->categories * sizeof *f->fresh);
    memset(f->ongoing, 0, w->categories * sizeof *f->ongoing);
    f->repeat = f->follow = 0;
    if (inside < 1) {
        belief_next_session(b->spare, b, t);
        forecast_session(f, t, &who, b->spare, daypart);
    }
    if (inside > 0) forecast_step(f, t, &who, b, inside, world_daypart(now));
    forecast_places(f, t, &who);
    spread(scores, f, t, b);
}

static void carve(belief *b, forecast *f, const world *w, arena *a)
{
    b->state = arena_new(a, double, w->states);
    b->spare = arena_new(a, double, w->states);
    f->fresh = arena_new(a, double, WORLD_PLATFORMS *(size_t)w->categories);
    f->ongoing = arena_new(a, double, w->categories);
    f->place = arena_new(a, double, world_buckets(w));
}

size_t truth_answer_scratch(const truth_tables *t)
{
    arena measure = { 0 };
    belief b;
    forecast f;
    carve(&b, &f, &t->w, &measure);
    return measure.used;
}

void truth_answer(float *scores, const truth_tables *t, const query *q, arena *scratch)
{
    const size_t mark = arena_mark(scratch);
    belief b = { 0 };
    forecast f = { 0 };
    carve(&b, &f, &t->w, scratch);
    answer(t, q, scores, &b, &f);
    arena_rewind(scratch, mark);
}
