// clean_parts.h - what the files of the cleaning share; for data/clean*.c and inspect*.c only.
//
// The input is never changed: a step clears bits of `keep`, or says how values are to be read.
// Memory is one bit per event and counters per user and item, whatever the size of the log.
#ifndef DATA_CLEAN_PARTS_H
#define DATA_CLEAN_PARTS_H
#include "data/clean.h"

#include <math.h>

enum scaling { SCALE_NONE, SCALE_LINEAR, SCALE_LOG };

typedef struct cleaning {
    const dataset *d;
    const import_options *o;
    const run *run;
    json_t *steps;
    uint64_t *keep;            // one bit per event
    uint64_t left;             // events kept
    uint64_t dropped, changed; // by the step at work
    const char *step;          // its name
    float fill;                // what a missing value counts as; NAN: stays missing
    enum scaling scaling;      // output = (value - shift) / scale * stretch + lift
    double shift, scale, stretch, lift;
} cleaning;

static inline bool clean_kept(const cleaning *c, uint64_t e)
{
    return c->keep[e >> 6] >> (e & 63) & 1;
}

static inline void clean_drop(cleaning *c, uint64_t e)
{
    const uint64_t bit = UINT64_C(1) << (e & 63);
    const bool was = c->keep[e >> 6] & bit;
    c->keep[e >> 6] &= ~bit;
    c->left -= was;
    c->dropped += was;
}

static inline float clean_value(const cleaning *c, uint64_t e)
{
    const float v = c->d->value[e];
    return isnan(v) ? c->fill : v;
}

// Calls fn for every user's events [begin, end), kept or not, in order, giving pages back behind.
typedef habit_status clean_user_fn(cleaning *c, void *ctx, uint32_t user, uint64_t begin,
                                   uint64_t end, habit_error *err);
habit_status clean_each_user(cleaning *c, clean_user_fn *fn, void *ctx, habit_error *err);
void clean_forget(const dataset *d, uint64_t from, uint64_t to); // event columns

// --- the steps, in their order; each does its work on `c` and counts ---------------------------------

typedef habit_status clean_step_fn(cleaning *c, habit_error *err);
clean_step_fn clean_missing, clean_outliers, clean_normalise;                    // clean_values.c
clean_step_fn clean_times, clean_where, clean_behaviours;                        // clean_rules.c
clean_step_fn clean_dedupe, clean_repeats, clean_robot_rate, clean_robot_repeat; // clean_repeats.c
clean_step_fn clean_core;                                                        // clean_core.c

// The quantile p of the n kept values that are not missing: exact, type 7.
habit_status clean_quantile(cleaning *c, uint64_t n, double p, double *out, habit_error *err);

// --- writing (clean_write.c) -------------------------------------------------------------------------

// The cleaned log; sessions are cut here.  *sessions counts them (0 if there are none), *users the
// sequences of the output.
habit_status clean_write(cleaning *c, const char *to, const char *provenance, uint64_t *sessions,
                         uint32_t *users, habit_error *err);

#endif
