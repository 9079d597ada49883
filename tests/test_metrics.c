// test_metrics.c - metrics of hand-made answers, and what must hold for every answer.
#include "tests/check.h"
#include "base/rng.h"
#include "base/status.h"
#include "eval/metrics.h"

#include <math.h>
#include <string.h>

// --- named cases ---------------------------------------------------------------------------------

#define LOG2_3 1.5849625007211562
// clang-format off
static const struct {
    const char *name;
    uint32_t position[4]; size_t n, targets, k;
    double hr, recall, precision, f1, ndcg, mrr, map;
} cases[] = {
    { "first",           { 1 },       1, 1, 2, 1, 1, 0.5, 2.0 / 3, 1, 1, 1 },
    { "second",          { 2 },       1, 1, 2, 1, 1, 0.5, 2.0 / 3, 1 / LOG2_3, 0.5, 0.5 },
    { "beyond k",        { 3 },       1, 1, 2, 0, 0, 0, 0, 0, 0, 0 },
    { "unknown only",    { 0 },       0, 1, 2, 0, 0, 0, 0, 0, 0, 0 },
    { "one of two",      { 1, 9 },    2, 2, 2, 1, 0.5, 0.5, 0.5, 1 / (1 + 1 / LOG2_3), 1, 0.5 },
    { "both of two",     { 1, 2 },    2, 2, 2, 1, 1, 1, 1, 1, 1, 1 },
    { "ideal within k",  { 1, 2, 3 }, 3, 3, 2, 1, 2.0 / 3, 1, 0.8, 1, 1, 2.0 / 3 },
    { "with an unknown", { 1 },       1, 2, 2, 1, 0.5, 0.5, 0.5, 1 / (1 + 1 / LOG2_3), 1, 0.5 },
    { "2 and 4 of 4",    { 2, 4 },    2, 2, 4, 1, 1, 0.5, 2.0 / 3,
      (1 / LOG2_3 + 1 / 2.321928094887362) / (1 + 1 / LOG2_3), 0.5, 0.5 },
    { "k of 1",          { 1, 2 },    2, 2, 1, 1, 0.5, 1, 2.0 / 3, 1, 1, 0.5 },
};
// clang-format on

static void close_to(double got, double want, const char *name, const char *metric)
{
    CHECK(fabs(got - want) < 1e-12, "%s: %s is %.15g, want %.15g", name, metric, got, want);
}

static void test_cases(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const hits h = { cases[i].position, cases[i].n, cases[i].targets };
        const size_t k = cases[i].k;
        close_to(metric_hr(h, k), cases[i].hr, cases[i].name, "HR");
        close_to(metric_recall(h, k), cases[i].recall, cases[i].name, "Recall");
        close_to(metric_precision(h, k), cases[i].precision, cases[i].name, "Precision");
        close_to(metric_f1(h, k), cases[i].f1, cases[i].name, "F1");
        close_to(metric_ndcg(h, k), cases[i].ndcg, cases[i].name, "NDCG");
        close_to(metric_mrr(h, k), cases[i].mrr, cases[i].name, "MRR");
        close_to(metric_map(h, k), cases[i].map, cases[i].name, "MAP");
    }
}

// --- lists and AUC ---------------------------------------------------------------------------------

static void test_exposure(void)
{
    // clang-format off
    static const struct { const char *name; uint32_t counts[4]; double gini, coverage; } rows[] = {
        { "even",       { 5, 5, 5, 5 }, 0, 1 },
        { "one item",   { 0, 0, 8, 0 }, 0.75, 0.25 }, // (n - 1) / n
        { "two items",  { 4, 0, 4, 0 }, 0.5, 0.5 },
        { "1 2 3 4",    { 4, 2, 1, 3 }, 0.25, 1 },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint32_t counts[4];
        memcpy(counts, rows[i].counts, sizeof counts);
        close_to(metric_coverage(counts, 4), rows[i].coverage, rows[i].name, "Coverage");
        close_to(metric_gini(counts, 4), rows[i].gini, rows[i].name, "Gini");
    }
    uint32_t none[4] = { 0 };
    CHECK(isnan(metric_gini(none, 4)), "Gini of nothing");
    close_to(metric_auc((uint32_t[]){ 0 }, 1, 9), 1, "best", "AUC");
    close_to(metric_auc((uint32_t[]){ 9 }, 1, 9), 0, "worst", "AUC");
    close_to(metric_auc((uint32_t[]){ 1, 4 }, 2, 10), 0.75, "two targets", "AUC");
}

// --- random answers: bounds, order in k, relations -----------------------------------------------

static hits random_hits(rng *r, uint32_t position[20])
{
    const size_t targets = 1 + rng_below(r, 20), n = rng_below(r, targets + 1);
    uint32_t at = 0;
    for (size_t j = 0; j < n; j++) position[j] = at += 1 + (uint32_t)rng_below(r, 8);
    return (hits){ position, n, targets };
}

static void test_properties(void)
{
    static double (*const all[])(hits, size_t) = { metric_hr, metric_recall, metric_precision,
                                                   metric_f1, metric_ndcg,   metric_mrr,
                                                   metric_map };
    rng r = rng_at(1, 2, 3);
    for (int round = 0; round < 2000; round++) {
        uint32_t position[20], better[20];
        const hits h = random_hits(&r, position);
        for (size_t k = 1; k < 60; k++) {
            for (size_t i = 0; i < COUNT_OF(all); i++) {
                const double x = all[i](h, k);
                CHECK(x >= 0 && x <= 1 + 1e-12, "metric %zu@%zu is %g", i, k, x);
            }
            CHECK(metric_hr(h, k) <= metric_hr(h, k + 1), "HR falls with k");
            CHECK(metric_recall(h, k) <= metric_recall(h, k + 1), "Recall falls with k");
            CHECK(metric_map(h, k) <= metric_map(h, k + 1) + 1e-15, "MAP falls with k");
            CHECK(metric_mrr(h, k) <= metric_mrr(h, k + 1), "MRR falls with k");
            CHECK(metric_recall(h, k) <= metric_hr(h, k), "Recall above HR");
            CHECK(metric_mrr(h, k) <= metric_hr(h, k), "MRR above HR");
        }
        // Moving the last target up by one place, if it is free, makes nothing worse.
        if (!h.n || position[h.n - 1] < 2) continue;
        memcpy(better, position, sizeof better);
        better[h.n - 1]--;
        if (h.n > 1 && better[h.n - 2] == better[h.n - 1]) continue;
        const hits up = { better, h.n, h.targets };
        for (size_t i = 0; i < COUNT_OF(all); i++)
            CHECK(all[i](up, 10) >= all[i](h, 10) - 1e-15, "metric %zu punishes a better rank", i);
    }
}

int main(void)
{
    test_cases();
    test_exposure();
    test_properties();
    return CHECK_DONE();
}
