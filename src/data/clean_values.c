// clean_values.c - steps about the value: missing ones, outliers, scaling.
//
// Sums run over the kept events in their order, in double, so results do not depend on anything
// else.  Quantiles are exact: radix selection over the bits of the values, two passes.
#include "base/memory.h"
#include "data/clean_parts.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static habit_status need_value(const cleaning *c, habit_error *err)
{
    if (c->d->value) return HABIT_OK;
    return fail(err, HABIT_EINVAL,
                "--%s: the log has no value column: name one with --columns value=NAME", c->step);
}

// A number after `prefix` in `text`: "zscore=3".  False if the prefix or the number is not there.
static bool number_after(const char *text, const char *prefix, double *out)
{
    const size_t n = strlen(prefix);
    char *end;
    if (strncmp(text, prefix, n) != 0) return false;
    *out = strtod(text + n, &end);
    return end != text + n && *end == '\0' && isfinite(*out);
}

// --- moments ---------------------------------------------------------------------------------------

typedef struct moments {
    uint64_t n;
    double sum, squares, mean, min, max; // squares: of deviations from `mean`
} moments;

static habit_status add_values(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                               habit_error *err)
{
    moments *m = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        const double v = clean_value(c, e);
        if (!clean_kept(c, e) || isnan(v)) continue;
        m->n++;
        m->sum += v;
        if (v < m->min) m->min = v;
        if (v > m->max) m->max = v;
    }
    return HABIT_OK;
}

static habit_status add_squares(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                habit_error *err)
{
    moments *m = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        const double v = clean_value(c, e);
        if (clean_kept(c, e) && !isnan(v)) m->squares += (v - m->mean) * (v - m->mean);
    }
    return HABIT_OK;
}

// Two passes: no cancellation.
static habit_status measure(cleaning *c, moments *m, double *deviation, habit_error *err)
{
    *m = (moments){ .min = INFINITY, .max = -INFINITY };
    TRY(clean_each_user(c, add_values, m, err));
    if (m->n == 0) return fail(err, HABIT_EINVAL, "--%s: no event has a value", c->step);
    m->mean = m->sum / (double)m->n;
    if (!deviation) return HABIT_OK;
    TRY(clean_each_user(c, add_squares, m, err));
    *deviation = sqrt(m->squares / (double)m->n);
    return HABIT_OK;
}

// --- quantiles -------------------------------------------------------------------------------------

enum { BINS = 1 << 16 };

typedef struct selection {
    uint64_t *count; // [BINS]
    uint32_t prefix; // upper half of the key, once known
    bool second;
    uint64_t n;
} selection;

// Unsigned order of keys is the order of values.
static uint32_t value_key(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float key_value(uint32_t key)
{
    const uint32_t bits = key & 0x80000000u ? key & 0x7FFFFFFFu : ~key;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static habit_status count_keys(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                               habit_error *err)
{
    selection *s = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        const float v = clean_value(c, e);
        if (!clean_kept(c, e) || isnan(v)) continue;
        const uint32_t key = value_key(v);
        s->n++;
        if (!s->second)
            s->count[key >> 16]++;
        else if (key >> 16 == s->prefix)
            s->count[key & 0xFFFF]++;
    }
    return HABIT_OK;
}

// The k-th smallest value, k from 0, and the one after it if the same passes show it, else NAN.
static habit_status nth_value(cleaning *c, uint64_t k, double *out, double *next, habit_error *err)
{
    selection s = { .count = NEW(uint64_t, BINS) };
    if (!s.count) return fail_memory(err, "value histogram", BINS * sizeof *s.count);
    habit_status st = HABIT_OK;
    uint32_t bin = 0;
    for (int pass = 0; st == HABIT_OK && pass < 2; pass++) {
        s.second = pass == 1;
        memset(s.count, 0, BINS * sizeof *s.count);
        st = clean_each_user(c, count_keys, &s, err);
        for (bin = 0; st == HABIT_OK && bin < BINS - 1 && k >= s.count[bin]; bin++)
            k -= s.count[bin];
        if (pass == 0) s.prefix = bin;
    }
    if (st == HABIT_OK) {
        *out = key_value(s.prefix << 16 | bin);
        if (k + 1 >= s.count[bin])
            for (bin++; bin < BINS && s.count[bin] == 0;) bin++;
        *next = bin < BINS ? key_value(s.prefix << 16 | bin) : NAN;
    }
    mem_free(s.count);
    return st;
}

// Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996), as NumPy and R do.
habit_status clean_quantile(cleaning *c, uint64_t n, double p, double *out, habit_error *err)
{
    const double at = p * (double)(n - 1);
    const uint64_t low = (uint64_t)at;
    double a = 0, b = 0, unused;
    TRY(nth_value(c, low, &a, &b, err));
    if (low + 1 >= n) b = a;
    if (isnan(b)) TRY(nth_value(c, low + 1, &b, &unused, err));
    *out = a + (at - (double)low) * (b - a);
    return HABIT_OK;
}

// --- missing ---------------------------------------------------------------------------------------

static habit_status drop_missing(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                 habit_error *err)
{
    (void)ctx, (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++)
        if (isnan(c->d->value[e])) clean_drop(c, e);
    return HABIT_OK;
}

static habit_status count_missing(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                  habit_error *err)
{
    (void)ctx, (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++)
        if (clean_kept(c, e) && isnan(c->d->value[e])) c->changed++;
    return HABIT_OK;
}

habit_status clean_missing(cleaning *c, habit_error *err)
{
    const char *how = c->o->missing;
    moments m;
    double fill = 0;
    TRY(need_value(c, err));
    if (strcmp(how, "drop") == 0) return clean_each_user(c, drop_missing, NULL, err);
    if (strcmp(how, "mean") == 0) {
        TRY(measure(c, &m, NULL, err));
        fill = m.mean;
    } else if (strcmp(how, "median") == 0) {
        TRY(measure(c, &m, NULL, err));
        TRY(clean_quantile(c, m.n, 0.5, &fill, err));
    } else if (!number_after(how, "constant=", &fill) || fabs(fill) > FLT_MAX) {
        return fail(err, HABIT_EINVAL,
                    "--missing: '%s' is not keep, drop, mean, median or constant=NUMBER", how);
    }
    TRY(clean_each_user(c, count_missing, NULL, err));
    c->fill = (float)fill;
    return HABIT_OK;
}

// --- outliers --------------------------------------------------------------------------------------

typedef struct range {
    double low, high;
} range;

static habit_status drop_outside(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                 habit_error *err)
{
    const range *r = ctx;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        const double v = clean_value(c, e);
        if (v < r->low || v > r->high) clean_drop(c, e); // a missing value is no outlier
    }
    return HABIT_OK;
}

habit_status clean_outliers(cleaning *c, habit_error *err)
{
    const char *how = c->o->outliers;
    double far, deviation, q1, q3;
    moments m;
    range r;
    TRY(need_value(c, err));
    if (number_after(how, "zscore=", &far) && far > 0) {
        TRY(measure(c, &m, &deviation, err));
        r = (range){ m.mean - far * deviation, m.mean + far * deviation };
    } else if (number_after(how, "iqr=", &far) && far > 0) {
        TRY(measure(c, &m, NULL, err));
        TRY(clean_quantile(c, m.n, 0.25, &q1, err));
        TRY(clean_quantile(c, m.n, 0.75, &q3, err));
        r = (range){ q1 - far * (q3 - q1), q3 + far * (q3 - q1) };
    } else {
        return fail(err, HABIT_EINVAL, "--outliers: '%s' is not none, zscore=N or iqr=N", how);
    }
    return clean_each_user(c, drop_outside, &r, err);
}

// --- normalise -------------------------------------------------------------------------------------

static habit_status count_values(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                 habit_error *err)
{
    (void)ctx, (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++)
        if (clean_kept(c, e) && !isnan(clean_value(c, e))) c->changed++;
    return HABIT_OK;
}

habit_status clean_normalise(cleaning *c, habit_error *err)
{
    const char *how = c->o->normalise;
    moments m;
    double deviation;
    TRY(need_value(c, err));
    TRY(measure(c, &m, &deviation, err));
    c->scaling = SCALE_LINEAR;
    c->stretch = 1;
    if (strcmp(how, "log") == 0) {
        if (m.min <= -1)
            return fail(err, HABIT_EINVAL,
                        "--normalise log: the smallest value is %g, and log(1 + x) needs x > -1",
                        m.min);
        c->scaling = SCALE_LOG;
    } else if (strcmp(how, "zscore") == 0) {
        c->shift = m.mean;
        c->scale = deviation;
    } else { // minmax, minmax11
        const bool both = strcmp(how, "minmax11") == 0;
        c->shift = m.min;
        c->scale = m.max - m.min;
        c->stretch = both ? 2 : 1;
        c->lift = both ? -1 : 0;
    }
    if (c->scale <= 0) c->scale = INFINITY; // all values equal: all become the lowest
    return clean_each_user(c, count_values, NULL, err);
}
