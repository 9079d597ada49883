// plan.c - what to measure, from options and names of metrics.
#include "eval/evaluate_views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CUT_MOST = 1000 };

const opt evaluate_table[] = {
#define AT(field) offsetof(evaluate_options, field)
    { "seen", "WHAT", OPT_CHOICE, AT(seen), "filter", 0, 0, "filter|filter-all|keep",
      "items the user already has: left out unless they are the target; left out all, so that a "
      "repeat is a miss; or kept" },
    { "k", "LIST", OPT_LIST, AT(k), "1,5,10,20,50", 0, 0, NULL, "cut-offs of the metrics" },
    { "candidates", "N", OPT_INT, AT(candidates), "0", 0, 1e6, NULL,
      "rank among N random items only; 0 ranks among all. Not comparable with full ranking" },
    { "stage", "WHICH", OPT_CHOICE, AT(stage), "test", 0, 0, "test|valid",
      "which held-out part must be predicted" },
    { "resamples", "N", OPT_INT, AT(resamples), "1000", 0, 1e6, NULL,
      "bootstrap resamples of the 95 % intervals; 0: no intervals" },
    { "eval-seed", "N", OPT_LONG, AT(eval_seed), "1", 0, 9e15, NULL,
      "seed of resamples and random negatives" },
    { "sample-users", "N", OPT_INT, AT(sample_users), "0", 0, 2e9, NULL,
      "measure on a random N of the users; 0: all" },
#undef AT
    OPT_END,
};

static int compare_u32(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

habit_status evaluate_cuts(measures_plan *out, const char *list, habit_error *err)
{
    measures_plan p = { 0 };
    const char *s = list ? list : "10";
    while (*s) {
        char *end;
        errno = 0;
        const unsigned long k = strtoul(s, &end, 10);
        if (end == s || errno || k < 1 || k > CUT_MOST || (*end && *end != ',') || *s == '-')
            return fail(err, HABIT_EINVAL, "--k: '%s' is not a list of numbers in [1, %d]", list,
                        CUT_MOST);
        if (p.cuts == CUTS_MAX)
            return fail(err, HABIT_EINVAL, "--k: '%s' has more than %d cut-offs", list, CUTS_MAX);
        if (p.cuts == 0 || k == 10) p.main = (uint32_t)k;
        p.cut[p.cuts++] = (uint32_t)k;
        s = *end ? end + 1 : end;
    }
    if (!p.cuts) return fail(err, HABIT_EINVAL, "--k: an empty list; say --k 10");
    qsort(p.cut, p.cuts, sizeof *p.cut, compare_u32);
    size_t kept = 0;
    for (size_t i = 0; i < p.cuts; i++)
        if (i == 0 || p.cut[i] != p.cut[i - 1]) p.cut[kept++] = p.cut[i];
    p.cuts = kept;
    p.lists = p.pairs = p.values = true;
    *out = p;
    return HABIT_OK;
}

// --- metrics by name -------------------------------------------------------------------------------

enum needs { LISTS = 1, PAIRS = 2, VALUES = 4, CUT = 8, MAY_CUT = 16, LOWER = 32 };

static const struct {
    const char *name;
    unsigned needs;
} known[] = {
    { "HR", CUT },
    { "Recall", CUT },
    { "Precision", CUT },
    { "F1", CUT },
    { "NDCG", CUT },
    { "MRR", MAY_CUT },
    { "MAP", CUT },
    { "AUC", PAIRS },
    { "GAUC", 0 },
    { "Coverage", CUT | LISTS },
    { "ILD", CUT | LISTS },
    { "Novelty", CUT | LISTS },
    { "Gini", CUT | LISTS | LOWER },
    { "PopShare", CUT | LISTS | LOWER },
    { "RMSE", VALUES | LOWER },
    { "MAE", VALUES | LOWER },
    { "Accuracy", PAIRS },
    { "LogLoss", PAIRS | LOWER },
    { "ECE", PAIRS | LOWER },
};

// The row of a name that ends in '@' or NUL, or -1.
static int find_known(const char *metric)
{
    const size_t len = strcspn(metric, "@");
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strlen(known[i].name) == len && strncmp(known[i].name, metric, len) == 0) return (int)i;
    return -1;
}

static habit_status fail_unknown(const char *metric, habit_error *err)
{
    const char *nearest = known[0].name;
    for (size_t i = 1; i < COUNT_OF(known); i++)
        if (edit_distance(metric, known[i].name) < edit_distance(metric, nearest))
            nearest = known[i].name;
    const int row = find_known(nearest);
    return fail(err, HABIT_EINVAL, "no metric '%.40s'; did you mean %s%s?", metric, nearest,
                known[row].needs & CUT ? "@10" : "");
}

habit_status evaluate_plan_metric(measures_plan *out, const char *metric, habit_error *err)
{
    const int row = find_known(metric);
    if (row < 0) return fail_unknown(metric, err);
    const unsigned needs = known[row].needs;
    const char *cut = strchr(metric, '@');
    if ((needs & CUT) && !cut)
        return fail(err, HABIT_EINVAL, "metric '%.40s' needs a cut-off: %s@10", metric,
                    known[row].name);
    if (cut && !(needs & (CUT | MAY_CUT)))
        return fail(err, HABIT_EINVAL, "metric '%.40s' has no cut-off: %s", metric,
                    known[row].name);
    measures_plan p;
    if (evaluate_cuts(&p, cut ? cut + 1 : "10", NULL) != HABIT_OK || p.cuts != 1)
        return fail(err, HABIT_EINVAL, "metric '%.40s': the cut-off is not in [1, %d]", metric,
                    CUT_MOST);
    p.lists = needs & LISTS;
    p.pairs = needs & PAIRS;
    p.values = needs & VALUES;
    *out = p;
    return HABIT_OK;
}

bool evaluate_lower_is_better(const char *metric)
{
    const int row = find_known(metric);
    return row >= 0 && (known[row].needs & LOWER);
}
