// test_parzen.c - a search that learns: never the same point twice, the same walk for the same
// seed, and nearer to the best than chance.
#include "tests/check.h"
#include "base/memory.h"
#include "lib/parzen.h"

#include <math.h>
#include <stdio.h>

enum { SIDE = 9, TRIALS = 60 };

static void make_space(space *s)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    *s = (space){ .axes = 4, .points = 1 };
    for (size_t a = 0; a < s->axes; a++) {
        space_axis *axis = &s->axis[a];
        *axis = (space_axis){ .name = mem_strdup(names[a]),
                              .value = ZNEW(char *, SIDE),
                              .count = SIDE };
        for (size_t i = 0; i < SIDE; i++) {
            char text[8];
            snprintf(text, sizeof text, "%zu", i);
            axis->value[i] = mem_strdup(text);
        }
        s->points *= SIDE;
    }
}

// A bowl with its best point at (6, 2, 7, 3); some corners diverge.
static double bowl(uint64_t point)
{
    static const double best[] = { 6, 2, 7, 3 };
    double sum = 0;
    for (int a = 3; a >= 0; a--) {
        const double d = (double)(point % SIDE) - best[a];
        sum += d * d;
        point /= SIDE;
    }
    return sum > 120 ? (double)NAN : -sum;
}

static double search(const space *s, uint64_t seed, bool learns, uint64_t *last)
{
    parzen_trial trial[TRIALS];
    double best = -INFINITY;
    for (size_t n = 0; n < TRIALS; n++) {
        uint64_t point = space_visit(s, n, true, seed);
        if (learns) CHECK_OK(parzen_next(&point, s, trial, n, seed, err));
        CHECK(point < s->points, "point %llu", (unsigned long long)point);
        for (size_t i = 0; i < n; i++) CHECK(trial[i].point != point, "tried twice");
        trial[n] = (parzen_trial){ point, bowl(point) };
        if (trial[n].value > best) best = trial[n].value;
        *last = point;
    }
    return best;
}

int main(void)
{
    space s;
    uint64_t one, two;
    double learned = 0, chance = 0;
    make_space(&s);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        learned += search(&s, seed, true, &one);
        chance += search(&s, seed, false, &two);
    }
    CHECK(learned / 10 > -4, "TPE: best of %d is %g on average", TRIALS, learned / 10);
    CHECK(learned > chance + 20, "TPE %g, chance %g", learned / 10, chance / 10);
    search(&s, 3, true, &one);
    search(&s, 3, true, &two);
    CHECK(one == two, "the same seed goes another way");

    // A space that is used up to its last point.
    s.axes = 1;
    s.points = SIDE;
    parzen_trial all[SIDE];
    for (size_t n = 0; n < SIDE; n++) {
        CHECK_OK(parzen_next(&all[n].point, &s, all, n, 5, err));
        all[n].value = (double)n;
        for (size_t i = 0; i < n; i++) CHECK(all[i].point != all[n].point, "tried twice");
    }
    s.axes = 4;
    space_free(&s);
    CHECK(mem_live() == 0, "leak");
    return CHECK_DONE();
}
