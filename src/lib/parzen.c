// parzen.c - which point of a space to try next.
#include "lib/parzen.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STARTS = 10, CANDIDATES = 32, PARTS = 4 }; // random first; drawn each time; best quarter

typedef struct density {
    double *good, *rest; // [values of all axes, end to end]
    size_t begin[SPACE_AXES + 1];
} density;

static bool tried(const parzen_trial *trial, size_t n, uint64_t point)
{
    for (size_t i = 0; i < n; i++)
        if (trial[i].point == point) return true;
    return false;
}

// The next point of the shuffled walk that has not been tried.
static uint64_t random_point(const space *s, const parzen_trial *trial, size_t n, uint64_t seed)
{
    for (uint64_t k = 0;; k++) {
        const uint64_t point = space_visit(s, k, true, seed);
        if (!tried(trial, n, point)) return point;
    }
}

// Values of a point, one for each axis: the last axis turns fastest, as in space_apply().
static void values_of(const space *s, uint64_t point, size_t *value)
{
    for (size_t a = s->axes; a-- > 0;) {
        value[a] = point % s->axis[a].count;
        point /= s->axis[a].count;
    }
}

static bool numeric(const space_axis *axis)
{
    for (size_t i = 0; i < axis->count; i++) {
        char *end;
        strtod(axis->value[i], &end);
        if (*end || end == axis->value[i]) return false;
    }
    return true;
}

// Best first; diverged ones last; equals in the order of trial.
static int compare(const void *a, const void *b)
{
    const parzen_trial *x = a, *y = b;
    const double vx = isnan(x->value) ? -INFINITY : x->value;
    const double vy = isnan(y->value) ? -INFINITY : y->value;
    if (vx != vy) return vx > vy ? -1 : 1;
    return x->point < y->point ? -1 : x->point > y->point;
}

// Adds one trial to the distribution over each axis.
static void lend(const space *s, const density *d, double *to, uint64_t point)
{
    size_t value[SPACE_AXES];
    values_of(s, point, value);
    for (size_t a = 0; a < s->axes; a++) {
        const space_axis *axis = &s->axis[a];
        double *w = to + d->begin[a];
        const bool near = numeric(axis);
        for (size_t i = 0; i < axis->count; i++) {
            const double far = fabs((double)i - (double)value[a]);
            w[i] += far == 0 ? 1 : near ? exp(-2 * far) : 0;
        }
    }
}

static void normalise(const space *s, const density *d, double *w)
{
    for (size_t a = 0; a < s->axes; a++) {
        double sum = 0;
        for (size_t i = d->begin[a]; i < d->begin[a + 1]; i++) sum += w[i];
        for (size_t i = d->begin[a]; i < d->begin[a + 1]; i++) w[i] /= sum;
    }
}

// One point from the good distribution; *gain: how much likelier there than in the rest.
static uint64_t draw(const space *s, const density *d, rng *r, double *gain)
{
    uint64_t point = 0;
    *gain = 0;
    for (size_t a = 0; a < s->axes; a++) {
        const double *good = d->good + d->begin[a], *rest = d->rest + d->begin[a];
        double x = rng_uniform(r);
        size_t v = 0;
        while (v + 1 < s->axis[a].count && x >= good[v]) x -= good[v++];
        *gain += log(good[v] / rest[v]);
        point = point * s->axis[a].count + v;
    }
    return point;
}

static uint64_t best_draw(const space *s, const density *d, const parzen_trial *trial, size_t n,
                          uint64_t seed)
{
    rng r = rng_at(seed, n, 0x7AE);
    uint64_t best = 0;
    double most = -INFINITY;
    for (int k = 0; k < CANDIDATES; k++) {
        double gain;
        const uint64_t point = draw(s, d, &r, &gain);
        if (gain <= most || tried(trial, n, point)) continue;
        most = gain;
        best = point;
    }
    return most > -INFINITY ? best : random_point(s, trial, n, seed);
}

habit_status parzen_next(uint64_t *out, const space *s, const parzen_trial *trial, size_t n,
                         uint64_t seed, habit_error *err)
{
    if (n < STARTS) {
        *out = random_point(s, trial, n, seed);
        return HABIT_OK;
    }
    density d = { 0 };
    for (size_t a = 0; a < s->axes; a++) d.begin[a + 1] = d.begin[a] + s->axis[a].count;
    const size_t values = d.begin[s->axes], good = (n + PARTS - 1) / PARTS;
    parzen_trial *sorted = NEW(parzen_trial, n);
    d.good = NEW(double, values);
    d.rest = NEW(double, values);
    habit_status st = HABIT_OK;
    if (sorted && d.good && d.rest) {
        memcpy(sorted, trial, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare);
        for (size_t i = 0; i < values; i++) d.good[i] = d.rest[i] = 0.5; // nothing is ruled out
        for (size_t i = 0; i < n; i++) lend(s, &d, i < good ? d.good : d.rest, sorted[i].point);
        normalise(s, &d, d.good);
        normalise(s, &d, d.rest);
        *out = best_draw(s, &d, trial, n, seed);
    } else {
        st = fail_memory(err, "search", n * sizeof *sorted);
    }
    mem_free(sorted);
    mem_free(d.good);
    mem_free(d.rest);
    return st;
}
