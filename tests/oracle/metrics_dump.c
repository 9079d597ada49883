// metrics_dump.c - random rankings without ties and what habit says of them, as JSON, for
// metrics_ranx.py:
//
//     {"scores": [[...], ...], "history": [[...], ...], "targets": [[...], ...],
//      "metrics": {"NDCG@10": ..., ...}}
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/evaluate_views.h"

enum { USERS = 200, ITEMS = 300 };

static json_t *rows_of(const log_view *v)
{
    json_t *rows = json_array();
    for (uint32_t u = 0; u < v->users; u++) {
        json_t *row = json_array();
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++)
            json_array_append_new(row, json_integer(v->item[e]));
        json_array_append_new(rows, row);
    }
    return rows;
}

// A permutation of 0 .. ITEMS - 1 for each user: no two scores are the same.
static float *permutations(void)
{
    float *score = NEW(float, USERS *ITEMS);
    for (uint32_t u = 0; u < USERS; u++) {
        rng r = rng_at(5, u, 0);
        float *row = score + u * ITEMS;
        for (uint32_t i = 0; i < ITEMS; i++) {
            const uint64_t at = rng_below(&r, i + 1);
            row[i] = row[at];
            row[at] = (float)i;
        }
    }
    return score;
}

int main(void)
{
    log_view history = log_random(USERS, ITEMS, 40, 1), targets = log_random(USERS, ITEMS, 12, 2);
    float *score = permutations();
    const table_model m = { { .class = &table_class, .users = USERS, .items = ITEMS }, score };
    const contestant c = { .name = "random", .model = &m.base };
    const evaluation_views v = { .train = history, .history = history, .targets = targets };
    const evaluate_options o = {
        .seen = "filter", .k = "1,3,5,10,20,50", .stage = "test", .resamples = 0, .eval_seed = 1
    };
    json_t *result = NULL;
    habit_error err = { 0 };
    if (evaluate_views(&result, &v, &c, 1, &o, NULL, &err) != HABIT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_FAILURE;
    }
    json_t *scores = json_array();
    for (uint32_t u = 0; u < USERS; u++) {
        json_t *row = json_array();
        for (uint32_t i = 0; i < ITEMS; i++)
            json_array_append_new(row, json_real((double)score[u * ITEMS + i]));
        json_array_append_new(scores, row);
    }
    json_t *metrics =
        json_object_get(json_array_get(json_object_get(result, "models"), 0), "metrics");
    json_t *all = json_pack("{s:o, s:o, s:o, s:O}", "scores", scores, "history", rows_of(&history),
                            "targets", rows_of(&targets), "metrics", metrics);
    const int failed = json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(all);
    json_decref(result);
    log_free(&history), log_free(&targets);
    mem_free(score);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
