// test_evaluate.c - the whole evaluation: its numbers, what may not change them, and its words.
#include "tests/check.h"
#include "tests/eval_fakes.h"
#include "eval/evaluate_views.h"
#include "tests/make_dataset.h"

#include <math.h>

enum { USERS = 240, ITEMS = 150 };

static const evaluate_options usual = {
    .seen = "filter", .k = "1,5,10,20", .stage = "test", .resamples = 200, .eval_seed = 7
};

// One log with one target a user, and models of known worth: `good` scores targets higher.
typedef struct world {
    log_view train, targets;
    float *value, *good, *luck, *flat;
    table_model models[3];
    contestant contestants[3];
    evaluation_views views;
} world;

static void world_make(world *w)
{
    *w = (world){ .train = log_random(USERS, ITEMS, 30, 1),
                  .targets = log_random(USERS, ITEMS, 3, 2) };
    w->value = NEW(float, USERS * 3);
    for (size_t e = 0; e < USERS * 3; e++) w->value[e] = (float)(e % 5 + 1);
    w->targets.value = w->value;
    w->good = floats_random(USERS * ITEMS, 3);
    w->luck = floats_random(USERS * ITEMS, 4);
    w->flat = ZNEW(float, USERS *ITEMS);
    for (uint32_t u = 0; u < USERS; u++)
        for (uint64_t e = w->targets.begin[u]; e < w->targets.end[u]; e++)
            w->good[u * ITEMS + w->targets.item[e]] += 2;
    const float *const scores[] = { w->good, w->luck, w->flat };
    static const char *const titles[] = { "good", "luck", "flat" };
    for (size_t i = 0; i < 3; i++) {
        w->models[i] =
            (table_model){ { .class = &table_class, .users = USERS, .items = ITEMS }, scores[i] };
        w->contestants[i] = (contestant){ .name = titles[i], .model = &w->models[i].base };
    }
    w->views = (evaluation_views){ .train = w->train, .history = w->train, .targets = w->targets };
}

static void world_free(world *w)
{
    log_free(&w->train);
    log_free(&w->targets);
    mem_free(w->value), mem_free(w->good), mem_free(w->luck), mem_free(w->flat);
}

static double metric_of(const json_t *result, size_t i, const char *name)
{
    const json_t *m =
        json_object_get(json_array_get(json_object_get(result, "models"), i), "metrics");
    const json_t *x = json_object_get(m, name);
    CHECK(x, "model %zu has no %s", i, name);
    return x ? json_real_value(x) : (double)NAN;
}

static json_t *evaluate_ok(const world *w, const evaluate_options *o, const run *rn)
{
    json_t *result = NULL;
    CHECK_OK(evaluate_views(&result, &w->views, w->contestants, 3, o, rn, err));
    return result;
}

// --- the result ------------------------------------------------------------------------------------

static void check_model(const json_t *m, bool flat)
{
    const char *key;
    json_t *x;
    const json_t *metrics = json_object_get(m, "metrics"),
                 *spans = json_object_get(m, "interval95");
    json_object_foreach(json_object_get(m, "metrics"), key, x)
    {
        const double v = json_real_value(x);
        const bool free = strncmp(key, "Novelty", 7) == 0 || strcmp(key, "RMSE") == 0 ||
                          strcmp(key, "MAE") == 0 || strcmp(key, "LogLoss") == 0;
        CHECK(v >= 0 && (free || v <= 1 + 1e-12), "%s is %g", key, v);
        const json_t *span = json_object_get(spans, key);
        if (strncmp(key, "Coverage", 8) == 0 || strncmp(key, "Gini", 4) == 0 ||
            strcmp(key, "ECE") == 0)
            continue;
        CHECK(span, "%s has no interval", key);
        const double low = json_real_value(json_array_get(span, 0));
        const double high = json_real_value(json_array_get(span, 1));
        CHECK(low <= v + 1e-12 && v <= high + 1e-12, "%s: %g not in [%g, %g]", key, v, low, high);
        CHECK(flat || free || low < high || v == 1 || v == 0, "%s: empty interval", key);
    }
    static const char *const all[] = { "HR@10",      "Recall@20", "NDCG@10",     "MRR",
                                       "MRR@10",     "MAP@10",    "Precision@1", "F1@5",
                                       "AUC",        "GAUC",      "ILD@10",      "Coverage@10",
                                       "Novelty@10", "Gini@10",   "PopShare@10", "RMSE",
                                       "MAE",        "Accuracy",  "LogLoss",     "ECE" };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        CHECK(json_object_get(metrics, all[i]), "no %s", all[i]);
}

static json_int_t sum_of(const json_t *list, const char *key)
{
    json_int_t sum = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        sum += json_integer_value(json_object_get(json_array_get(list, i), key));
    return sum;
}

static void test_result(const world *w)
{
    json_t *r = evaluate_ok(w, &usual, NULL);
    for (size_t i = 0; i < 3; i++)
        check_model(json_array_get(json_object_get(r, "models"), i), i == 2);
    CHECK(metric_of(r, 0, "NDCG@10") > metric_of(r, 1, "NDCG@10") + 0.2, "good is not better");
    CHECK(metric_of(r, 2, "HR@20") == 0 && metric_of(r, 2, "GAUC") == 0, "a constant model scores");
    CHECK(metric_of(r, 2, "Accuracy") == 0 && metric_of(r, 2, "AUC") == 0,
          "a constant one is right");
    CHECK(fabs(metric_of(r, 1, "GAUC") - 0.5) < 0.05, "luck has GAUC %g", metric_of(r, 1, "GAUC"));
    CHECK(metric_of(r, 0, "Accuracy") > 0.75 && fabs(metric_of(r, 1, "Accuracy") - 0.5) < 0.07,
          "accuracy %g, %g", metric_of(r, 0, "Accuracy"), metric_of(r, 1, "Accuracy"));
    CHECK(fabs(metric_of(r, 2, "LogLoss") - log(2)) < 1e-9, "constant: log-loss %g",
          metric_of(r, 2, "LogLoss"));

    const json_t *flat = json_array_get(json_object_get(r, "models"), 2);
    CHECK(json_real_value(json_object_get(flat, "ties")) == 1, "not all tied");
    const json_t *slices = json_object_get(flat, "slices");
    const json_int_t users = json_integer_value(json_object_get(r, "users"));
    CHECK(sum_of(json_object_get(slices, "users"), "users") == users, "slices of users");
    CHECK(sum_of(json_object_get(slices, "items"), "targets") ==
              json_integer_value(json_object_get(r, "targets")),
          "slices of items");

    const json_t *comparisons = json_object_get(r, "comparisons");
    CHECK(json_array_size(comparisons) == 9, "%zu comparisons", json_array_size(comparisons));
    const json_t *first = json_array_get(comparisons, 0); // good against luck, NDCG@10
    const double difference = json_real_value(json_object_get(first, "difference"));
    CHECK(fabs(difference - (metric_of(r, 0, "NDCG@10") - metric_of(r, 1, "NDCG@10"))) < 1e-12,
          "difference %g", difference);
    const double low = json_real_value(json_array_get(json_object_get(first, "interval95"), 0));
    CHECK(low > 0 && low < difference, "interval from %g", low);
    CHECK(json_real_value(json_object_get(first, "p_permutation_holm")) < 0.01, "p not small");
    CHECK(json_real_value(json_object_get(first, "p_t_holm")) < 1e-6, "p of t not small");
    CHECK(json_is_true(json_object_get(r, "comparable")), "full ranking is not comparable");
    json_decref(r);
}

// AUC over all pairs by the definition: right only where the negative is below the target.
static double auc_by_pairs(const world *w, const contestant *c)
{
    const questions_options o = { .filter_seen = true, .seed = (uint64_t)usual.eval_seed };
    questions q = { 0 };
    ranking r = { 0 };
    CHECK_OK(questions_make(&q, &w->train, &w->targets, &o, NULL, err));
    CHECK_OK(ranking_make(&r, &q, c, &(ranking_plan){ .scores = true }, NULL, err));
    const size_t n = questions_targets(&q);
    double right = 0;
    for (size_t t = 0; t < n; t++)
        for (size_t p = 0; p < n; p++) right += r.probe_score[p] < r.score[t];
    ranking_free(&r);
    questions_free(&q);
    return right / ((double)n * (double)n);
}

// Scores that are no numbers, all or every other, are the worst there is.
static void test_not_numbers(const world *w)
{
    world n = *w;
    float *all = NEW(float, USERS *ITEMS), *half = NEW(float, USERS *ITEMS);
    for (size_t i = 0; i < USERS * ITEMS; i++) {
        all[i] = NAN;
        half[i] = i % 2 ? NAN : w->good[i];
    }
    n.models[0].score = all, n.models[1].score = half;
    n.contestants[0].model = &n.models[0].base, n.contestants[1].model = &n.models[1].base;
    double x = -1, plain = -1;
    static const char *const zero[] = { "HR@20", "GAUC", "AUC", "MRR@20" };
    for (size_t i = 0; i < COUNT_OF(zero); i++) {
        CHECK_OK(
            evaluate_views_metric(&x, &n.views, &n.contestants[0], zero[i], &usual, NULL, err));
        CHECK(x == 0, "all NaN: %s is %g", zero[i], x);
        CHECK_OK(
            evaluate_views_metric(&x, &n.views, &n.contestants[1], zero[i], &usual, NULL, err));
        CHECK_OK(
            evaluate_views_metric(&plain, &w->views, w->contestants, zero[i], &usual, NULL, err));
        CHECK(x < 0.55 * plain, "half NaN: %s is %g, whole %g", zero[i], x, plain);
    }
    for (size_t i = 0; i < 3; i++) {
        const double want = auc_by_pairs(&n, &n.contestants[i]);
        CHECK_OK(evaluate_views_metric(&x, &n.views, &n.contestants[i], "AUC", &usual, NULL, err));
        CHECK(fabs(x - want) < 1e-12, "model %zu: AUC %.15g, want %.15g", i, x, want);
    }
    mem_free(all), mem_free(half);
}

// RMSE and MAE by the definition.
static void test_values(const world *w)
{
    double square = 0, absolute = 0, n = 0;
    for (uint32_t u = 0; u < USERS; u++)
        for (uint64_t e = w->targets.begin[u]; e < w->targets.end[u]; e++) {
            const double error =
                (double)w->luck[u * ITEMS + w->targets.item[e]] - (double)w->value[e];
            square += error * error, absolute += fabs(error), n++;
        }
    double rmse = 0, mae = 0;
    CHECK_OK(
        evaluate_views_metric(&rmse, &w->views, &w->contestants[1], "RMSE", &usual, NULL, err));
    CHECK_OK(evaluate_views_metric(&mae, &w->views, &w->contestants[1], "MAE", &usual, NULL, err));
    CHECK(fabs(rmse - sqrt(square / n)) < 1e-9, "RMSE %g, want %g", rmse, sqrt(square / n));
    CHECK(fabs(mae - absolute / n) < 1e-9, "MAE %g, want %g", mae, absolute / n);
}

// --- what may not matter -------------------------------------------------------------------------

static void drop_seconds(json_t *r)
{
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(r, "models"), i, m)
    {
        const double all = json_real_value(json_object_get(m, "seconds"));
        const double encode = json_real_value(json_object_get(m, "encode_seconds"));
        CHECK(encode > 0 && encode <= all, "%g s of %g", encode, all);
        json_object_del(m, "seconds");
        json_object_del(m, "encode_seconds");
    }
}

static void test_threads(const world *w)
{
    json_t *one = evaluate_ok(w, &usual, NULL);
    drop_seconds(one);
    for (int threads = 2; threads <= 4; threads *= 2) {
        run rn = { 0 };
        CHECK_OK(pool_new(&rn.pool, threads, err));
        json_t *more = evaluate_ok(w, &usual, &rn);
        pool_free(rn.pool);
        drop_seconds(more);
        CHECK(json_equal(one, more), "%d threads change the result", threads);
        json_decref(more);
    }
    json_decref(one);
}

// A log of few items, so that a user takes the same one again and again.
static dataset *repetitive_log(void)
{
    enum { PEOPLE = 40, EACH = 30, THINGS = 12 };
    uint64_t offset[PEOPLE + 1];
    uint32_t item[PEOPLE * EACH];
    int64_t when[PEOPLE * EACH];
    for (uint32_t u = 0; u <= PEOPLE; u++) offset[u] = (uint64_t)u * EACH;
    for (uint32_t u = 0; u < PEOPLE; u++) {
        rng r = rng_at(5, u, 80);
        for (uint64_t e = offset[u]; e < offset[u + 1]; e++) {
            item[e] = (uint32_t)rng_below(&r, THINGS);
            when[e] = (int64_t)(e - offset[u]) * 1000 + u;
        }
    }
    return make_dataset(
        &(made){ .users = PEOPLE, .items = THINGS, .offset = offset, .item = item, .time = when });
}

// The view with each user's items once.
static log_view distinct_view(const log_view *v)
{
    uint64_t *begin = NEW(uint64_t, v->users), *end = NEW(uint64_t, v->users), to = 0;
    uint32_t *item = NEW(uint32_t, (size_t)v->events);
    for (uint32_t u = 0; u < v->users; u++) {
        begin[u] = to;
        for (uint64_t e = v->begin[u]; e < v->end[u]; e++) {
            bool again = false;
            for (uint64_t k = begin[u]; k < to; k++) again = again || item[k] == v->item[e];
            if (!again) item[to++] = v->item[e];
        }
        end[u] = to;
    }
    log_view out = *v;
    out.begin = begin, out.end = end, out.item = item, out.events = to, out.time = NULL;
    return out;
}

// What a user takes twice in the time to be predicted is one target, whatever the protocol.
static void test_repeats(const char *protocol, const char *seen)
{
    dataset *d = repetitive_log();
    evaluate_options how = usual;
    how.seen = seen;
    opt_values o = { 0 };
    split *s = NULL;
    CHECK_OK(opt_values_init(&o, split_table, sizeof(split_options), err));
    CHECK_OK(opt_set(&o, opt_find(&o, "protocol"), protocol, err));
    CHECK_OK(opt_set(&o, opt_find(&o, "test-share"), "0.4", err));
    CHECK_OK(split_make(&s, d, NULL, false, o.values, NULL, err));
    float *score = floats_random(d->users * d->items, 6);
    const table_model m = { { .class = &table_class, .users = d->users, .items = d->items },
                            score };
    const contestant c = { .name = "some", .model = &m.base };

    const log_view targets = split_targets(s, STAGE_TEST), known = split_targets(s, STAGE_VALID);
    evaluation_views once = { .train = split_train(s),
                              .history = split_history(s, STAGE_TEST),
                              .targets = distinct_view(&targets),
                              .calibration_history = split_history(s, STAGE_VALID),
                              .calibration_targets = distinct_view(&known) };
    CHECK(once.targets.events < targets.events, "%s: nothing is repeated", protocol);
    json_t *got = NULL, *want = NULL;
    CHECK_OK(evaluate_models(&got, s, &c, 1, &how, NULL, err));
    CHECK_OK(evaluate_views(&want, &once, &c, 1, &how, NULL, err));
    drop_seconds(got);
    drop_seconds(want);
    CHECK(json_equal(got, want), "%s, %s: a repeated target counts twice", protocol, seen);
    json_decref(got);
    json_decref(want);
    log_free(&once.targets);
    log_free(&once.calibration_targets);
    mem_free(score);
    split_free(s);
    opt_values_free(&o);
    dataset_close(d);
}

// The same users and items under other numbers: what is not random stays the same.
static void test_permutation(const world *w)
{
    world p = *w;
    uint64_t *begin[2] = { NEW(uint64_t, USERS), NEW(uint64_t, USERS) };
    uint64_t *end[2] = { NEW(uint64_t, USERS), NEW(uint64_t, USERS) };
    uint32_t *item[2] = { NEW(uint32_t, w->train.events), NEW(uint32_t, w->targets.events) };
    float *score = NEW(float, USERS *ITEMS);
    const log_view *from[2] = { &w->train, &w->targets };
    log_view *to[2] = { &p.train, &p.targets };
    for (int v = 0; v < 2; v++) { // user u becomes USERS - 1 - u, item i becomes 7 i + 3
        for (uint32_t u = 0; u < USERS; u++) {
            begin[v][USERS - 1 - u] = from[v]->begin[u];
            end[v][USERS - 1 - u] = from[v]->end[u];
        }
        for (uint64_t e = 0; e < from[v]->events; e++)
            item[v][e] = (from[v]->item[e] * 7 + 3) % ITEMS;
        to[v]->begin = begin[v], to[v]->end = end[v], to[v]->item = item[v];
    }
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < ITEMS; i++)
            score[(USERS - 1 - u) * ITEMS + (i * 7 + 3) % ITEMS] = w->good[u * ITEMS + i];
    p.models[0].score = score;
    p.contestants[0].model = &p.models[0].base;
    p.views = (evaluation_views){ .train = p.train, .history = p.train, .targets = p.targets };

    static const char *const titles[] = { "HR@10",  "Recall@5", "NDCG@20", "MRR",
                                          "MAP@10", "GAUC",     "F1@5",    "Coverage@5",
                                          "Gini@5", "ILD@10",   "RMSE" };
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        double a = -1, b = -2;
        CHECK_OK(
            evaluate_views_metric(&a, &w->views, w->contestants, titles[i], &usual, NULL, err));
        CHECK_OK(evaluate_views_metric(&b, &p.views, p.contestants, titles[i], &usual, NULL, err));
        CHECK(fabs(a - b) < 1e-12, "%s: %.15g under other numbers, was %.15g", titles[i], b, a);
    }
    for (int v = 0; v < 2; v++) mem_free(begin[v]), mem_free(end[v]), mem_free(item[v]);
    mem_free(score);
}

// A metric asked for alone is the metric of the full result.
static void test_alone(const world *w)
{
    json_t *r = evaluate_ok(w, &usual, NULL);
    static const char *const titles[] = {
        "HR@1",    "NDCG@10",    "MRR@5", "MRR", "AUC",      "GAUC",    "ILD@10",    "Novelty@10",
        "Gini@20", "PopShare@5", "RMSE",  "MAE", "Accuracy", "LogLoss", "Coverage@1"
    };
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        double x = -1;
        CHECK_OK(
            evaluate_views_metric(&x, &w->views, w->contestants, titles[i], &usual, NULL, err));
        CHECK(x == metric_of(r, 0, titles[i]), "%s alone is %.15g, with others %.15g", titles[i], x,
              metric_of(r, 0, titles[i]));
    }
    json_decref(r);
    CHECK(evaluate_lower_is_better("RMSE") && !evaluate_lower_is_better("NDCG@10"), "direction");
}

// --- protocols and errors --------------------------------------------------------------------------

static void test_sampled(const world *w)
{
    evaluate_options o = usual;
    o.candidates = 50;
    json_t *r = evaluate_ok(w, &o, NULL), *full = evaluate_ok(w, &usual, NULL);
    CHECK(json_is_false(json_object_get(r, "comparable")), "a sample says it is comparable");
    CHECK(strstr(json_string_value(json_object_get(r, "note")), "not comparable"), "no words");
    CHECK(metric_of(r, 1, "HR@10") > metric_of(full, 1, "HR@10"), "a sample is not easier");
    CHECK(!json_object_get(
              json_object_get(json_array_get(json_object_get(r, "models"), 0), "metrics"),
              "Coverage@10"),
          "lists of a sample");
    json_decref(r);
    json_decref(full);
}

static void test_truth(const world *w)
{
    world t = *w;
    static const model_class truth = { .name = "truth", .title = "Truth", .score = table_score };
    t.models[0].base.class = &truth;
    t.contestants[0].model = &t.models[0].base;
    json_t *r = evaluate_ok(&t, &usual, NULL);
    const json_t *models = json_object_get(r, "models"), *luck = json_array_get(models, 1);
    const double share = json_real_value(json_object_get(luck, "share_of_best"));
    CHECK(fabs(share - metric_of(r, 1, "NDCG@10") / metric_of(r, 0, "NDCG@10")) < 1e-12, "share %g",
          share);
    CHECK(!json_object_get(json_array_get(models, 0), "share_of_best"), "the truth has a share");
    json_decref(r);
}

static void test_errors(const world *w)
{
    // clang-format off
    static const struct { const char *metric, *says; } metrics[] = {
        { "NDGC@10", "NDCG" },     { "NDCG", "NDCG@10" },  { "NDCG@0", "[1, 1000]" },
        { "NDCG@1,2", "cut-off" }, { "AUC@5", "AUC" },     { "HR@x", "cut-off" },
    };
    static const char *const lists[] = { "", "0", "1,,2", "x", "5;6", "1001", "-1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        double x = 5;
        habit_error err = { 0 };
        CHECK(evaluate_views_metric(&x, &w->views, w->contestants, metrics[i].metric, &usual, NULL,
                                    &err) == HABIT_EINVAL &&
                  strstr(err.message, metrics[i].says) && x == 5,
              "%s: %s", metrics[i].metric, err.message);
    }
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        measures_plan p;
        habit_error err = { 0 };
        CHECK(evaluate_cuts(&p, lists[i], &err) == HABIT_EINVAL && strstr(err.message, "--k"),
              "'%s': %s", lists[i], err.message);
    }
    measures_plan p = { 0 };
    CHECK_OK(evaluate_cuts(&p, "20,5,20,10", err));
    CHECK(p.cuts == 3 && p.cut[0] == 5 && p.cut[2] == 20 && p.main == 10, "cut-offs");
    CHECK_OK(evaluate_cuts(&p, "20", err));
    CHECK(p.main == 20, "main cut-off %u", p.main);

    evaluation_views none = w->views;
    none.targets.end = none.targets.begin;
    json_t *r = NULL;
    habit_error err = { 0 };
    CHECK(evaluate_views(&r, &none, w->contestants, 3, &usual, NULL, &err) == HABIT_EINVAL && !r &&
              strstr(err.message, "nothing to predict"),
          "%s", err.message);
}

static void test_no_memory(const world *w)
{
    evaluate_options few = usual;
    few.resamples = 10;
    few.k = "5";
    const long before = mem_live();
    long n = 0;
    for (bool done = false; !done && n < 400; n++) {
        json_t *r = NULL;
        mem_fail_after(n);
        const habit_status st = evaluate_views(&r, &w->views, w->contestants, 2, &few, NULL, NULL);
        mem_fail_after(-1);
        CHECK(st == HABIT_ENOMEM || (st == HABIT_OK && r), "allocation %ld: status %d", n, st);
        done = st == HABIT_OK;
        json_decref(r);
        CHECK(mem_live() == before, "allocation %ld: %ld blocks leaked", n, mem_live() - before);
    }
    CHECK(n > 30 && n < 400, "%ld allocations tried", n);
}

int main(void)
{
    world w;
    world_make(&w);
    test_result(&w);
    test_not_numbers(&w);
    test_values(&w);
    test_threads(&w);
    test_permutation(&w);
    test_repeats("time-split", "filter");
    test_repeats("time-split", "filter-all");
    test_repeats("time-split", "keep");
    test_repeats("ratio", "filter");
    test_repeats("ratio", "keep");
    test_alone(&w);
    test_sampled(&w);
    test_truth(&w);
    test_errors(&w);
    test_no_memory(&w);
    world_free(&w);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
