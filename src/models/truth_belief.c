// truth_belief.c - what a person's past says about their taste.
#include "models/truth_belief.h"

#include <string.h>

asker asker_of(const truth_tables *t, uint32_t user)
{
    const world *w = &t->w;
    asker who = { .stranger = user >= w->users, .user = user };
    who.robot = !who.stranger && user >= w->people;
    who.share[0] = who.stranger ? t->share : (double)w->user_share[user];
    who.share[1] = 1 - who.share[0];
    return who;
}

int truth_day(const truth_tables *t, int64_t second)
{
    if (second < 0) return 0;
    const int64_t day = second / WORLD_DAY;
    return day < t->w.days ? (int)day : t->w.days - 1;
}

const double *truth_taste(const truth_tables *t, size_t state, int daypart)
{
    return t->w.taste + (state * WORLD_DAYPARTS + (size_t)daypart) * t->w.categories;
}

static double place_from(const truth_tables *t, int home, size_t shelf, int cell, int day)
{
    const double *decay = t->w.decay + (size_t)home * WORLD_CELLS;
    const double *mass = t->mass + (size_t)day * world_buckets(&t->w) + shelf * WORLD_CELLS;
    double sum = 0;
    for (int c = 0; c < WORLD_CELLS; c++) sum += decay[c] * mass[c];
    return sum > 0 ? decay[cell] / sum : 0;
}

double truth_place(const truth_tables *t, const asker *who, size_t shelf, int cell, int day)
{
    if (!who->stranger) return place_from(t, t->w.user_home[who->user], shelf, cell, day);
    double sum = 0;
    for (int home = 0; home < WORLD_CELLS; home++)
        sum += t->w.homes[home] * place_from(t, home, shelf, cell, day);
    return sum;
}

double truth_browse(const truth_tables *t, const asker *who, uint32_t item, int day)
{
    const size_t b = t->bucket[item];
    return world_weight(&t->w, t->fade, item, day) *
           truth_place(t, who, b / WORLD_CELLS, (int)(b % WORLD_CELLS), day);
}

// --- the belief ------------------------------------------------------------------------------------

void belief_begin(belief *b, const truth_tables *t)
{
    memcpy(b->state, t->w.initial, t->w.states * sizeof *b->state);
    b->any = false;
}

bool belief_inside(const belief *b, int64_t second)
{
    return b->any && second - b->second <= WORLD_SILENCE;
}

void belief_next_session(double *out, const belief *b, const truth_tables *t)
{
    const size_t S = t->w.states;
    if (!b->any) {
        memcpy(out, t->w.initial, S * sizeof *out);
        return;
    }
    memset(out, 0, S * sizeof *out);
    for (size_t from = 0; from < S; from++)
        for (size_t to = 0; to < S; to++) out[to] += b->state[from] * t->w.drift[from * S + to];
}

// The belief times likelihood[S], rescaled; an event that nothing explains says nothing.
static void belief_weigh(belief *b, size_t S, const double *likelihood)
{
    double sum = 0;
    for (size_t z = 0; z < S; z++) sum += b->state[z] * likelihood[z];
    if (!(sum > 1e-300)) return;
    for (size_t z = 0; z < S; z++) b->state[z] *= likelihood[z] / sum;
}

// P(item | taste) for a view that goes on a session: a follower, or anything but the present item.
static void step_likelihood(double *out, const belief *b, const truth_tables *t, const asker *who,
                            uint32_t item, int64_t second)
{
    const world *w = &t->w;
    const int day = truth_day(t, second), daypart = world_daypart(second);
    const double followers = world_followers(w, b->last, day);
    const double follow = followers > 0 ? w->follow : 0;
    double followed = 0;
    for (size_t k = 0; k < WORLD_FOLLOWERS; k++) {
        const size_t at = (size_t)b->last * WORLD_FOLLOWERS + k;
        if (w->follower[at] == item && w->item_born[item] <= day)
            followed += (double)w->follower_weight[at];
    }
    if (followers > 0) followed /= followers;
    const double browse = truth_browse(t, who, item, day);
    const double again = truth_browse(t, who, b->last, day);
    const bool same_platform = w->item_platform[item] == w->item_platform[b->last];
    for (size_t z = 0; z < w->states; z++) {
        const double *taste = truth_taste(t, z, daypart);
        const double leave = 1 - world_advance(w, (uint32_t)z, b->stage, b->last);
        const double other = 1 - taste[w->item_category[b->last]] * again;
        out[z] = leave * follow * followed;
        if (same_platform && other > 0)
            out[z] += leave * (1 - follow) * taste[w->item_category[item]] * browse / other;
    }
}

static void see_session(belief *b, const truth_tables *t, uint32_t item, int64_t second)
{
    const size_t S = t->w.states;
    belief_next_session(b->spare, b, t);
    memcpy(b->state, b->spare, S * sizeof *b->state);
    // platform and place say nothing about taste: the category does
    for (size_t z = 0; z < S; z++)
        b->spare[z] = truth_taste(t, z, world_daypart(second))[t->w.item_category[item]];
    belief_weigh(b, S, b->spare);
    b->stage = FUNNEL_VIEW;
}

void belief_see(belief *b, const truth_tables *t, const asker *who, uint32_t item, int64_t second)
{
    const world *w = &t->w;
    const int64_t years = 10 * INT64_C(366) * WORLD_DAY;
    if (second < 0 || second > w->days * (int64_t)WORLD_DAY + years) return; // an impossible time
    if (b->any && item == b->last && second <= b->second) return;            // a second copy
    if (!belief_inside(b, second)) {
        see_session(b, t, item, second);
    } else if (item == b->last) {
        for (size_t z = 0; z < w->states; z++)
            b->spare[z] = world_advance(w, (uint32_t)z, b->stage, item);
        belief_weigh(b, w->states, b->spare);
        if (b->stage < FUNNEL_RATE) b->stage++;
    } else {
        step_likelihood(b->spare, b, t, who, item, second);
        belief_weigh(b, w->states, b->spare);
        b->stage = FUNNEL_VIEW;
    }
    b->any = true;
    b->last = item;
    b->second = second;
}
