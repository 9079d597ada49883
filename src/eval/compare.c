// compare.c - paired differences, their intervals and tests.
#include "eval/compare.h"

#include "base/memory.h"
#include "eval/paired.h"

#include <stdio.h>

typedef struct difference {
    size_t a, b;
    double mean, interval[2], p_t, p_flip;
    bool has_interval;
} difference;

typedef struct comparison {
    const compared *models;
    size_t n;
    const char *metric;
    int resamples;
    uint64_t seed;
    const run *run;
    double *by_user;     // [users]
    double *by_resample; // [resamples]
    double *scratch;     // [resamples]
} comparison;

// Differences come from the per-user column and the resampled values of the same metric.
static habit_status compare_pair(difference *d, const comparison *c, habit_error *err)
{
    const compared *a = &c->models[d->a], *b = &c->models[d->b];
    const int at = measures_find(a->measures, c->metric)->sampled;
    const int b_at = measures_find(b->measures, c->metric)->sampled;
    const int a_column = a->measures->ratios[at].num, b_column = b->measures->ratios[b_at].num;
    const size_t users = a->measures->users;

    d->mean = 0;
    for (size_t u = 0; u < users; u++) {
        c->by_user[u] = a->measures->value[u * a->measures->columns + (size_t)a_column] -
                        b->measures->value[u * b->measures->columns + (size_t)b_column];
        d->mean += c->by_user[u];
    }
    d->mean /= (double)users;
    for (int r = 0; r < c->resamples; r++)
        c->by_resample[r] = a->samples[(size_t)r * a->measures->ratios_count + (size_t)at] -
                            b->samples[(size_t)r * b->measures->ratios_count + (size_t)b_at];
    d->has_interval = c->resamples && bootstrap_interval(d->interval, c->by_resample,
                                                         (size_t)c->resamples, 1, c->scratch);
    d->p_t = paired_t_test(c->by_user, users);
    return paired_permutation(&d->p_flip, c->by_user, users, c->seed, c->run, err);
}

static json_t *difference_json(const comparison *c, const difference *d, double t_holm,
                               double flip_holm)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:f}", "a", c->models[d->a].name, "b",
                          c->models[d->b].name, "metric", c->metric, "difference", d->mean);
    if (o && d->has_interval)
        json_object_set_new(o, "interval95", json_pack("[f, f]", d->interval[0], d->interval[1]));
    json_object_set_new(o, "p_t", json_real(d->p_t));
    json_object_set_new(o, "p_permutation", json_real(d->p_flip));
    json_object_set_new(o, "p_t_holm", json_real(t_holm));
    json_object_set_new(o, "p_permutation_holm", json_real(flip_holm));
    json_object_set_new(o, "users", json_integer((json_int_t)c->models[d->a].measures->users));
    return o;
}

static habit_status compare_metric(json_t *out, const comparison *c, habit_error *err)
{
    const size_t pairs = c->n * (c->n - 1) / 2;
    difference *d = NEW(difference, pairs);
    double *p = NEW(double, 4 * pairs);
    habit_status st = d && p ? HABIT_OK : fail_memory(err, "comparisons", pairs * sizeof *d);
    size_t k = 0;
    for (size_t a = 0; a < c->n && st == HABIT_OK; a++)
        for (size_t b = a + 1; b < c->n && st == HABIT_OK; b++, k++) {
            d[k].a = a, d[k].b = b;
            st = compare_pair(&d[k], c, err);
            p[k] = d[k].p_t, p[pairs + k] = d[k].p_flip;
        }
    if (st == HABIT_OK) {
        holm(p + 2 * pairs, p, pairs);
        holm(p + 3 * pairs, p + pairs, pairs);
        for (k = 0; k < pairs; k++) {
            json_t *o = difference_json(c, &d[k], p[2 * pairs + k], p[3 * pairs + k]);
            if (json_array_append_new(out, o) != 0) st = fail_memory(err, "comparisons", 0);
        }
    }
    mem_free(d);
    mem_free(p);
    return st;
}

habit_status compare_models(json_t **out, const compared *models, size_t n, uint32_t cut,
                            int resamples, uint64_t seed, const run *rn, habit_error *err)
{
    static const char *const metrics[] = { "NDCG", "HR", "Recall" };
    const size_t users = n ? models[0].measures->users : 0;
    json_t *list = json_array();
    comparison c = { .models = models, .n = n, .resamples = resamples, .seed = seed, .run = rn };
    c.by_user = NEW(double, users);
    c.by_resample = NEW(double, (size_t)resamples);
    c.scratch = NEW(double, (size_t)resamples);
    habit_status st = HABIT_OK;
    if (!list || !c.by_user || !c.by_resample || !c.scratch)
        st = fail_memory(err, "comparisons", users * sizeof(double));
    for (size_t i = 0; i < COUNT_OF(metrics) && st == HABIT_OK && n > 1 && users; i++) {
        char name[MEASURE_NAME];
        snprintf(name, sizeof name, "%s@%u", metrics[i], cut);
        c.metric = name;
        st = compare_metric(list, &c, err);
    }
    mem_free(c.by_user);
    mem_free(c.by_resample);
    mem_free(c.scratch);
    if (st == HABIT_OK)
        *out = list;
    else
        json_decref(list);
    return st;
}
