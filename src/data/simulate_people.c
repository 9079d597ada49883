// simulate_people.c - who lives in a simulated world, and when they come.
#include "data/simulate_streams.h"
#include "data/simulate_world.h"

#include <math.h>

static char *put_id(char *p, char letter, uint32_t number, int digits)
{
    *p++ = letter;
    for (int k = digits - 1; k >= 0; k--, number /= 10) p[k] = (char)('0' + number % 10);
    return p + digits;
}

char *world_put_item(char *p, const world *w, uint32_t item)
{
    return put_id(p, 'i', item + 1, w->item_digits);
}

char *world_put_user(char *p, const world *w, uint32_t user)
{
    return put_id(p, 'u', user + 1, w->user_digits);
}

void world_draw_people(world *w)
{
    for (uint32_t u = 0; u < w->users; u++) {
        rng r = rng_at(w->seed, STREAM_USER, u);
        w->user_home[u] = (uint8_t)world_pick(w->homes, WORLD_CELLS, rng_uniform(&r));

        const double rhythm = rng_uniform(&r);
        w->user_rhythm[u] = (uint8_t)((rhythm >= 0.25) + (rhythm >= 0.75));

        // 45 % know platform 0 alone, 35 % platform 1 alone, 20 % both
        const double platforms = rng_uniform(&r), share = 0.2 + 0.6 * rng_uniform(&r);
        w->user_share[u] = platforms < 0.45 ? 1.0f : platforms < 0.8 ? 0.0f : (float)share;

        w->user_severity[u] = (float)(0.4 * rng_normal(&r));
        w->user_activity[u] = (float)fmax(0.3, exp(rng_normal(&r)));

        // half were there before, the rest come, more of them early
        const double late = rng_uniform(&r), when = rng_uniform(&r);
        w->user_joined[u] = late < 0.5 ? 0 : (int32_t)(0.8 * when * when * w->days);
    }
}

// --- rhythms -------------------------------------------------------------------------------------

// Sessions begun in each hour by a usual person, in tenths of the mean; they add up to 240.
static const uint8_t usual_day[24] = { 4,  2,  1,  1,  1,  2,  5,  9,  11, 11, 11, 11,
                                       13, 12, 10, 10, 11, 13, 15, 18, 21, 20, 16, 12 };

double world_hour(int rhythm, int hour)
{
    static const int shift[WORLD_RHYTHMS] = { 3, 0, -4 }; // hours before the usual
    return usual_day[(hour + shift[rhythm] + 24) % 24] / 10.0;
}

double world_weekday(const world *w, int day)
{
    static const double week[7] = { 0.92, 0.90, 0.92, 0.95, 1.00, 1.18, 1.13 }; // from Monday
    const int64_t monday = w->start / WORLD_DAY + day + 3; // 1970-01-01 was a Thursday
    return week[(monday % 7 + 7) % 7];
}

double world_daypart_share(int rhythm, int daypart)
{
    enum { HOURS = 24 / WORLD_DAYPARTS };
    double sum = 0;
    for (int h = daypart * HOURS; h < (daypart + 1) * HOURS; h++) sum += world_hour(rhythm, h);
    return sum / 24;
}
