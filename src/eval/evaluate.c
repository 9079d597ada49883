// evaluate.c - models asked, measured, compared: the result object.
#include "eval/evaluate_views.h"

#include "base/memory.h"
#include "eval/compare.h"
#include "eval/slices.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CALIBRATION_USERS = 4096 }; // two numbers are fitted: more users change nothing

// What is made once for all models.
typedef struct evaluation {
    const evaluate_options *opt;
    measures_plan plan;
    measures_base base;
    questions questions, calibration;
    popularity popularity;
    diversity diversity;
    const run *run;
} evaluation;

static void evaluation_free(evaluation *e)
{
    questions_free(&e->questions);
    questions_free(&e->calibration);
    popularity_free(&e->popularity);
    diversity_free(&e->diversity);
}

// e->plan is set.  On failure the caller frees e all the same.
static habit_status evaluation_make(evaluation *e, const evaluation_views *v, habit_error *err)
{
    const evaluate_options *o = e->opt;
    questions_options ask = { .filter_seen = strcmp(o->seen, "keep") != 0,
                              .repeats_miss = strcmp(o->seen, "filter-all") == 0,
                              .candidates = (uint32_t)o->candidates,
                              .users = (uint32_t)o->sample_users,
                              .seed = (uint64_t)o->eval_seed };
    TRY(questions_make(&e->questions, &v->history, &v->targets, &ask, e->run, err));
    if (!e->questions.count)
        return fail(err, HABIT_EINVAL,
                    "nothing to predict: no user has a held-out event at this stage");
    e->base = (measures_base){ .questions = &e->questions };

    TRY(popularity_make(&e->popularity, &v->train, e->questions.items, err));
    e->base.popularity = &e->popularity;
    if (e->plan.lists && !o->candidates) {
        TRY(diversity_make(&e->diversity, &v->train, e->questions.items, err));
        e->base.diversity = &e->diversity;
    }
    if (e->plan.pairs && v->calibration_targets.events) {
        ask.candidates = 0;
        ask.users = CALIBRATION_USERS;
        TRY(questions_make(&e->calibration, &v->calibration_history, &v->calibration_targets, &ask,
                           e->run, err));
        e->base.calibration = &e->calibration;
    }
    return HABIT_OK;
}

// --- one model -----------------------------------------------------------------------------------

typedef struct measured {
    measures *m;
    double *samples; // [resamples][ratios]
    json_t *json;
} measured;

static habit_status set_metrics(json_t *o, const evaluation *e, const measured *x, habit_error *err)
{
    json_t *values = json_object(), *intervals = json_object();
    const size_t resamples = (size_t)e->opt->resamples;
    double *scratch = NEW(double, resamples);
    if (!scratch) {
        json_decref(values);
        json_decref(intervals);
        return fail_memory(err, "intervals", resamples * sizeof(double));
    }
    for (size_t i = 0; i < x->m->count; i++) {
        const measure *one = &x->m->list[i];
        double interval[2];
        if (isnan(one->value)) continue; // not defined on this data
        json_object_set_new(values, one->name, json_real(one->value));
        if (one->sampled >= 0 && resamples &&
            bootstrap_interval(interval, x->samples + one->sampled, resamples, x->m->ratios_count,
                               scratch))
            json_object_set_new(intervals, one->name,
                                json_pack("[f, f]", interval[0], interval[1]));
    }
    mem_free(scratch);
    json_object_set_new(o, "metrics", values);
    json_object_set_new(o, "interval95", intervals);
    return HABIT_OK;
}

// What a model answers beside a ranked list, and what is judged of it.
static void set_answers(json_t *o, const model *m)
{
    char text[128];
    if (model_says(m) == ANSWERS_SCORE) return;
    if (model_says(m) == ANSWERS_VALUE)
        snprintf(text, sizeof text, "values; errors are on held-out events that have one");
    else if (isnan(m->liked))
        snprintf(text, sizeof text,
                 "probabilities of its own of being taken; targets and one random item each");
    else
        snprintf(text, sizeof text,
                 "probabilities of a value of at least %g; held-out events that have one",
                 m->liked);
    json_object_set_new(o, "answers", json_string(text));
}

static habit_status model_json(measured *x, const evaluation *e, const contestant *c,
                               habit_error *err)
{
    json_t *slices = NULL, *curves = NULL;
    const double targets = x->m->targets ? (double)x->m->targets : 1;
    x->json = json_pack("{s:s, s:s, s:s}", "model", c->name, "class", c->model->class->name,
                        "title", c->model->class->title);
    if (!x->json) return fail(err, HABIT_EINVAL, "model name '%s' is not UTF-8", c->name);
    set_answers(x->json, c->model);
    TRY(set_metrics(x->json, e, x, err));
    TRY(slices_json(&slices, x->m, &e->popularity, e->plan.main, err));
    json_object_set_new(x->json, "slices", slices);
    TRY(curves_json(&curves, x->m, &e->popularity, e->plan.main, err));
    json_object_set_new(x->json, "curves", curves);
    json_object_set_new(x->json, "ties", json_real((double)x->m->ties / targets));
    json_object_set_new(x->json, "unknown_targets", json_integer((json_int_t)x->m->misses));
    json_object_set_new(x->json, "seconds", json_real(x->m->seconds));
    json_object_set_new(x->json, "encode_seconds", json_real(x->m->ranking.encode));
    return HABIT_OK;
}

static habit_status measure_contestant(measured *x, const evaluation *e, const contestant *c,
                                       habit_error *err)
{
    x->m = ZNEW(measures, 1);
    if (!x->m) return fail_memory(err, "metrics", sizeof *x->m);
    TRY(measures_make(x->m, &e->base, c, &e->plan, e->run, err));
    if (e->opt->resamples) {
        const size_t n = (size_t)e->opt->resamples * x->m->ratios_count;
        const sampling s = measures_sampling(x->m, e->opt->resamples, (uint64_t)e->opt->eval_seed);
        x->samples = NEW(double, n);
        if (!x->samples) return fail_memory(err, "bootstrap", n * sizeof(double));
        TRY(bootstrap_samples(x->samples, &s, e->run, err));
    }
    TRY(model_json(x, e, c, err));
    return measures_shrink(x->m, err);
}

// --- the whole -----------------------------------------------------------------------------------

// Where the Bayes-optimal ranking took part: how much of its NDCG each other model reaches.
static void set_share_of_best(const evaluation *e, const measured *x, const contestant *c, size_t n)
{
    char name[MEASURE_NAME];
    snprintf(name, sizeof name, "NDCG@%u", e->plan.main);
    size_t best = 0;
    while (best < n && strcmp(c[best].model->class->name, "truth") != 0) best++;
    if (best == n) return;
    const double top = measures_find(x[best].m, name)->value;
    for (size_t i = 0; i < n && top > 0; i++)
        if (i != best)
            json_object_set_new(x[i].json, "share_of_best",
                                json_real(measures_find(x[i].m, name)->value / top));
}

static json_t *header_json(const evaluation *e)
{
    const evaluate_options *o = e->opt;
    const questions *q = &e->questions;
    json_t *cuts = json_array();
    for (size_t i = 0; i < e->plan.cuts; i++)
        json_array_append_new(cuts, json_integer(e->plan.cut[i]));
    json_t *r =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "seen", o->seen, "stage", o->stage,
                  "users", (json_int_t)q->count, "items", (json_int_t)q->items, "targets",
                  (json_int_t)questions_targets(q), "k", cuts, "main_k", (json_int_t)e->plan.main);
    json_object_set_new(r, "candidates",
                        o->candidates ? json_integer(o->candidates) : json_string("all"));
    json_object_set_new(r, "comparable", json_boolean(!o->candidates));
    if (o->candidates)
        json_object_set_new(
            r, "note",
            json_string("Targets were ranked among a random sample of items only: these numbers "
                        "are not comparable with full ranking, nor with another sample size, and "
                        "may order models differently (Krichene & Rendle, KDD 2020)."));
    json_object_set_new(r, "ties", json_string("against the model"));
    json_object_set_new(r, "interval",
                        json_pack("{s:s, s:f, s:i, s:I}", "kind",
                                  "bootstrap over users, percentile", "level", 0.95, "resamples",
                                  o->resamples, "seed", (json_int_t)o->eval_seed));
    if (e->base.diversity) json_object_set_new(r, "ild", json_string(e->diversity.text));
    if (e->plan.pairs)
        json_object_set_new(r, "calibration",
                            json_string(e->base.calibration
                                            ? "Platt scaling on validation targets"
                                            : "Platt scaling, two halves of the users crossed"));
    return r;
}

static habit_status evaluate_all(json_t **result, evaluation *e, measured *x, const contestant *c,
                                 size_t n, habit_error *err)
{
    compared *list = ZNEW(compared, n);
    if (!list) return fail_memory(err, "comparisons", n * sizeof *list);
    habit_status st = HABIT_OK;
    for (size_t i = 0; i < n && st == HABIT_OK; i++) {
        st = measure_contestant(&x[i], e, &c[i], err);
        list[i] = (compared){ c[i].name, x[i].m, x[i].samples };
    }
    json_t *comparisons = NULL;
    if (st == HABIT_OK)
        st = compare_models(&comparisons, list, n, e->plan.main, e->opt->resamples,
                            (uint64_t)e->opt->eval_seed, e->run, err);
    mem_free(list);
    if (st != HABIT_OK) return st;

    set_share_of_best(e, x, c, n);
    json_t *r = header_json(e), *models = json_array();
    for (size_t i = 0; i < n; i++) json_array_append(models, x[i].json);
    json_object_set_new(r, "models", models);
    json_object_set_new(r, "comparisons", comparisons);
    *result = r;
    return HABIT_OK;
}

habit_status evaluate_views(json_t **result, const evaluation_views *v, const contestant *c,
                            size_t n, const evaluate_options *how, const run *rn, habit_error *err)
{
    evaluation e = { .opt = how, .run = rn };
    TRY(evaluate_cuts(&e.plan, how->k, err));
    measured *x = ZNEW(measured, n);
    if (!x) return fail_memory(err, "evaluation", n * sizeof *x);
    habit_status st = evaluation_make(&e, v, err);
    if (st == HABIT_OK) st = evaluate_all(result, &e, x, c, n, err);
    for (size_t i = 0; i < n; i++) {
        if (x[i].m) measures_free(x[i].m);
        mem_free(x[i].m);
        mem_free(x[i].samples);
        json_decref(x[i].json);
    }
    mem_free(x);
    evaluation_free(&e);
    return st;
}

habit_status evaluate_views_metric(double *out, const evaluation_views *v, const contestant *c,
                                   const char *metric, const evaluate_options *how, const run *rn,
                                   habit_error *err)
{
    evaluation e = { .opt = how, .run = rn };
    TRY(evaluate_plan_metric(&e.plan, metric, err));
    measures *m = ZNEW(measures, 1);
    if (!m) return fail_memory(err, "metrics", sizeof *m);
    habit_status st = evaluation_make(&e, v, err);
    if (st == HABIT_OK) st = measures_make(m, &e.base, c, &e.plan, rn, err);
    if (st == HABIT_OK) {
        const measure *found = measures_find(m, metric);
        if (found && !isnan(found->value))
            *out = found->value;
        else
            st = fail(err, HABIT_EINVAL, "%s is not defined for model '%s' on this data", metric,
                      c->name);
        measures_free(m);
    }
    mem_free(m);
    evaluation_free(&e);
    return st;
}
