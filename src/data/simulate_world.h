// simulate_world.h - everything that is true about a simulated world.
//
// People have a taste, one of `states`, that may drift between visits.  Items stand in a bucket
// (platform, category, cell of the map).  docs/simulator.md has the model in formulas; the walk
// through it is data/simulate_walk.c, and models/truth.c inverts it.  Both use the functions
// below, so that what is drawn and what is predicted cannot differ.
//
// Times here are seconds since the midnight on which the log begins; days count from there.
#ifndef DATA_SIMULATE_WORLD_H
#define DATA_SIMULATE_WORLD_H
#include "base/arena.h"
#include "base/rng.h"
#include "base/status.h"

#include <stdbool.h>

enum {
    WORLD_PLATFORMS = 2,
    WORLD_DAYPARTS = 4, // night, morning, afternoon, evening: six hours each
    WORLD_GRID = 8,     // the map is GRID x GRID cells
    WORLD_CELLS = WORLD_GRID * WORLD_GRID,
    WORLD_FOLLOWERS = 4,   // sequels and complements of an item
    WORLD_RHYTHMS = 3,     // early, usual and late people
    WORLD_PAST = 365,      // the oldest items are that many days older than the log
    WORLD_SILENCE = 1800,  // seconds: a longer silence, and only that, is a new session
    WORLD_DAY = 86400,     // seconds
    WORLD_CATEGORIES = 48, // at most: each has its words
    WORLD_ID = 16,         // bytes enough for an id as text
};

// What may happen to an item in one go: each stage may lead to the next.
enum funnel { FUNNEL_VIEW, FUNNEL_CART, FUNNEL_BUY, FUNNEL_RATE, FUNNEL_STAGES };
extern const char *const funnel_names[FUNNEL_STAGES]; // "view", "cart", "buy", "rate"

typedef struct world {
    uint64_t seed;
    int64_t start;  // seconds since 1970 UTC, a midnight
    int days;       // days that the log covers
    double follow;  // probability that a step goes to a follower of the present item
    double stop;    // probability that an event is the last of its session
    double rate;    // probability that a buy is followed by a rating
    double novelty; // a new item is wanted 1 + novelty times as much as it will be in the end
    double half;    // days in which novelty halves
    double drifts;  // probability that a session begins with another taste

    // --- tastes
    uint32_t states, categories;
    double *initial; // [states] taste of a person's first session
    double *drift;   // [states][states] row: from, column: to
    double *theta;   // [states][categories] what a taste looks for
    double *phi;     // [DAYPARTS][categories] what the time of day adds, a factor
    double *cart;    // [states][categories] willingness to put a view in the cart
    double *taste;   // [states][DAYPARTS][categories] derived: theta * phi, rows sum to 1

    // --- the map
    double *decay; // [CELLS][CELLS] row: home, column: item; falls with distance
    double *homes; // [CELLS] share of people living there

    // --- items [items]
    uint32_t items;
    uint8_t *item_platform, *item_category, *item_cell;
    int32_t *item_born;     // day on whose midnight it appears; negative: before the log
    float *item_weight;     // popularity in the long run
    float *item_cart;       // factor on `cart`, falls with the price
    float *item_buy;        // probability that a cart is followed by a buy
    float *item_quality;    // added to ratings
    uint32_t *follower;     // [items][FOLLOWERS]
    float *follower_weight; // [items][FOLLOWERS]

    // --- users [users]: people first, then robots
    uint32_t users, people;
    uint8_t *user_home;   // cell
    uint8_t *user_rhythm; // early, usual, late
    float *user_share;    // probability that a session is on platform 0; 1 and 0: on one alone
    float *user_severity; // added to ratings, mean 0

    // --- what only the walk and the tables for people need; absent from a loaded truth
    float *user_activity; // sessions a day once joined, up to a common factor
    int32_t *user_joined; // day
    float *item_price;

    int user_digits, item_digits; // of ids

    arena memory; // of all the arrays; empty when they belong to somebody else
} world;

// Draws a world.  `robots` users are added to `people`.
typedef struct world_plan {
    uint64_t seed;
    int64_t start;
    int days;
    uint32_t people, robots, items, states, categories;
    double follow, drift;
} world_plan;

habit_status world_build(world *out, const world_plan *plan, habit_error *err);
void world_free(world *w);
void world_draw_people(world *w); // the user arrays; data/simulate_people.c

// taste[states][DAYPARTS][categories] from theta and phi.
void world_tastes(double *taste, const world *w);

static inline size_t world_buckets(const world *w)
{
    return (size_t)WORLD_PLATFORMS * w->categories * WORLD_CELLS;
}

// The cells of one (platform, category) are neighbours.
static inline size_t world_bucket(const world *w, uint32_t item)
{
    return ((size_t)w->item_platform[item] * w->categories + w->item_category[item]) * WORLD_CELLS +
           w->item_cell[item];
}

static inline int world_daypart(int64_t seconds)
{
    const int64_t rest = seconds % WORLD_DAY;
    return (int)((rest < 0 ? rest + WORLD_DAY : rest) / (WORLD_DAY / WORLD_DAYPARTS));
}

// What is left of novelty after `age` days; tables of it save the power function.
double world_fade(const world *w, int age);

// How much an item is wanted on a day, before distance; 0 until it is born.
static inline double world_weight(const world *w, const double *fade, uint32_t item, int day)
{
    const int age = day - w->item_born[item];
    return age < 0 ? 0 : w->item_weight[item] * (1 + w->novelty * fade[age]);
}

// Probability that a person in this taste goes on from this stage of an item to the next one.
static inline double world_advance(const world *w, uint32_t state, int from, uint32_t item)
{
    switch (from) {
    case FUNNEL_VIEW:
        return w->cart[state * w->categories + w->item_category[item]] * w->item_cart[item];
    case FUNNEL_CART:
        return w->item_buy[item];
    case FUNNEL_BUY:
        return w->rate;
    default:
        return 0;
    }
}

// Weight of the followers that are born on a day; 0: nothing to follow.
double world_followers(const world *w, uint32_t item, int day);

// Shape of the day and of the week: when sessions begin, relative to the mean.
double world_hour(int rhythm, int hour);
double world_weekday(const world *w, int day);
// Share of a person's sessions that begin in a part of the day.
double world_daypart_share(int rhythm, int daypart);

// Mean of a rating before it is rounded to 1..5, and the spread around it.
static inline double world_rating(const world *w, uint32_t user_or_none, uint32_t item)
{
    const double severity = user_or_none < w->users ? w->user_severity[user_or_none] : 0;
    return 3.6 + w->item_quality[item] + severity;
}
#define WORLD_RATING_SPREAD 0.8

// Ids as text: "i0017" is item 16, with as many digits as the last of them needs, so that numbers
// stand in the canonical order of ids.
char *world_put_item(char *p, const world *w, uint32_t item); // returns the end; no NUL
char *world_put_user(char *p, const world *w, uint32_t user);

#endif
