// metrics_dump.c - random rankings without ties and what habit says of them, as JSON, for
// metrics_ranx.py.  Two models with the same scores: one whose scores foretell values, one that has
// probabilities of its own, sigmoid(SLOPE score + OFFSET):
//
//     {"scores": [[...], ...], "history": [[...], ...], "targets": [[...], ...], "values": [[...], ...],
//      "probes": [[user, target, random item], ...], "slope": ..., "offset": ...,
//      "metrics": [{"NDCG@10": ..., ...}, {...}]}
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/evaluate_views.h"

enum { USERS = 200, ITEMS = 300, SLOPE = 4, OFFSET = -2 };

static const model_class likely_class = { .name = "likely",
                                          .title = "Probabilities from a table",
                                          .score = table_score,
                                          .predict = table_predict };

static json_t *item_of(const log_view *v, uint64_t e)
{
    return json_integer(v->item[e]);
}

static json_t *value_of(const log_view *v, uint64_t e)
{
    return isnan(v->value[e]) ? json_null() : json_real((double)v->value[e]);
}

static json_t *rows_of(const log_view *v, json_t *(*one)(const log_view *v, uint64_t e))
{
    json_t *rows = json_array();
    for (uint32_t u = 0; u < v->users; u++) {
        json_t *row = json_array();
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++) json_array_append_new(row, one(v, e));
        json_array_append_new(rows, row);
    }
    return rows;
}

// A permutation of the items for each user, moved by less than a step from that of any other: no
// two scores of all are the same.
static float *permutations(void)
{
    float *score = NEW(float, USERS *ITEMS);
    for (uint32_t u = 0; u < USERS; u++) {
        rng r = rng_at(5, u, 0);
        float *row = score + u * ITEMS;
        for (uint32_t i = 0; i < ITEMS; i++) {
            const uint64_t at = rng_below(&r, i + 1);
            row[i] = row[at];
            row[at] = (float)(i * USERS + u) / (float)(ITEMS * USERS);
        }
    }
    return score;
}

// Ratings of 1 to 5; a tenth is missing.
static float *ratings(uint64_t events)
{
    float *value = NEW(float, events);
    rng r = rng_at(6, 0, 0);
    for (uint64_t e = 0; e < events; e++)
        value[e] = rng_below(&r, 10) ? (float)(1 + rng_below(&r, 5)) : NAN;
    return value;
}

static json_t *scores_of(const float *score)
{
    json_t *scores = json_array();
    for (uint32_t u = 0; u < USERS; u++) {
        json_t *row = json_array();
        for (uint32_t i = 0; i < ITEMS; i++)
            json_array_append_new(row, json_real((double)score[u * ITEMS + i]));
        json_array_append_new(scores, row);
    }
    return scores;
}

// Each target and the random item beside it, as every model is asked.
static habit_status probes_of(json_t **out, const evaluation_views *v, const evaluate_options *o,
                              habit_error *err)
{
    questions q = { 0 };
    const questions_options ask = { .filter_seen = true, .seed = (uint64_t)o->eval_seed };
    TRY(questions_make(&q, &v->history, &v->targets, &ask, NULL, err));
    *out = json_array();
    for (size_t k = 0; k < q.count; k++)
        for (uint64_t t = q.target_begin[k]; t < q.target_begin[k + 1]; t++)
            json_array_append_new(*out, json_pack("[I, I, I]", (json_int_t)q.user[k],
                                                  (json_int_t)q.target[t], (json_int_t)q.probe[t]));
    questions_free(&q);
    return HABIT_OK;
}

static json_t *metrics_of(const json_t *result, size_t number)
{
    return json_object_get(json_array_get(json_object_get(result, "models"), number), "metrics");
}

static int print(const evaluation_views *v, const float *score, json_t *result, json_t *probes)
{
    json_t *all = json_pack("{s:o, s:o, s:o, s:o, s:O, s:i, s:i, s:[O, O]}", "scores",
                            scores_of(score), "history", rows_of(&v->history, item_of), "targets",
                            rows_of(&v->targets, item_of), "values", rows_of(&v->targets, value_of),
                            "probes", probes, "slope", SLOPE, "offset", OFFSET, "metrics",
                            metrics_of(result, 0), metrics_of(result, 1));
    const int failed = json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(all);
    return failed;
}

int main(void)
{
    log_view history = log_random(USERS, ITEMS, 40, 1), targets = log_random(USERS, ITEMS, 12, 2);
    float *score = permutations(), *value = ratings(targets.events);
    targets.value = value;
    const table_model rated = { { .class = &table_class, .users = USERS, .items = ITEMS }, score };
    const table_model likely = { { .class = &likely_class,
                                   .users = USERS,
                                   .items = ITEMS,
                                   .answers = ANSWERS_PROBABILITY,
                                   .liked = (double)NAN,
                                   .slope = SLOPE,
                                   .offset = OFFSET },
                                 score };
    const contestant c[] = { { .name = "rated", .model = &rated.base },
                             { .name = "likely", .model = &likely.base } };
    const evaluation_views v = { .train = history, .history = history, .targets = targets };
    const evaluate_options o = {
        .seen = "filter", .k = "1,3,5,10,20,50", .stage = "test", .resamples = 0, .eval_seed = 1
    };
    json_t *result = NULL, *probes = NULL;
    habit_error err = { 0 };
    habit_status st = evaluate_views(&result, &v, c, 2, &o, NULL, &err);
    if (st == HABIT_OK) st = probes_of(&probes, &v, &o, &err);
    if (st != HABIT_OK) fprintf(stderr, "%s\n", err.message);
    const int failed = st != HABIT_OK || print(&v, score, result, probes);
    json_decref(result);
    json_decref(probes);
    log_free(&history), log_free(&targets);
    mem_free(score);
    mem_free(value);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
