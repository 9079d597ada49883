// evaluate.h - honest numbers for one or several models on the same users.
//
// For every user with targets at the asked stage, all items are ranked by the model's scores;
// items in the user's history are left out unless the protocol keeps them.  Ties and NaN count
// against the model.  Every metric comes with a 95 % bootstrap interval over users, and models
// are compared by paired tests.
#ifndef EVAL_EVALUATE_H
#define EVAL_EVALUATE_H
#include "base/opt.h"
#include "base/run.h"
#include "models/model.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct evaluate_options {
    const char *seen;  // filter | filter-all | keep
    const char *k;     // list of cut-offs: "1,5,10,20,50"
    int candidates;    // 0: full ranking; N: N uniform negatives, not comparable with full ranking
    const char *stage; // test | valid
    int resamples;     // bootstrap resamples, 1000
    int64_t eval_seed;
    int sample_users; // at most this many users, a random sample; 0: all
} evaluate_options;

extern const opt evaluate_table[];

// A model as it takes part: its name in the output, and how the dataset's numbers translate to
// its own.  A map of NULL is the identity; entries may be USER_NONE / ITEM_NONE.
typedef struct contestant {
    const char *name; // as it appears in the output
    const model *model;
    const uint32_t *item_of; // [data->items] the model's number of a dataset item
    const uint32_t *user_of; // [data->users]
} contestant;

// *result is the object that `habit evaluate --json` prints ("data", "protocol", ... are added by
// the caller): {"seen":..., "users":N, "items":N, "models":[{"model":..., "metrics":{...},
// "interval95":{...}, "slices":{...}, "seconds":..., "encode_seconds":...}], "comparisons":[...]}.
// seconds: of ranking; encode_seconds: of these, what the model took.  Owned by the caller.
habit_status evaluate_models(json_t **result, const split *s, const contestant *c, size_t n,
                             const evaluate_options *opt, const run *run, habit_error *err);

// One number for searches and early stopping, e.g. "NDCG@10", from the same code.
habit_status evaluate_metric(double *out, const split *s, const contestant *c, const char *metric,
                             stage st, const evaluate_options *opt, const run *run,
                             habit_error *err);

// Platt scaling of a model that answers with probabilities, on the validation events: sigmoid(a x +
// b), where sigmoid(x) is what it says now.  *found is false where there are too few events.
habit_status evaluate_calibration(double *a, double *b, bool *found, const split *s,
                                  const contestant *c, const run *run, habit_error *err);

// True of errors, losses and inequality: a search should make these small.  False for names that
// evaluate_metric() does not know.
bool evaluate_lower_is_better(const char *metric);

// --- reports (eval/report.c) -----------------------------------------------------------------------

// A self-contained HTML page with tables and plots of a result, and PNG files of the plots in
// `plots_dir` (NULL: none).  Plots are drawn by gnuplot; without it the page has tables only, and
// a warning says so.
habit_status report_write(const json_t *result, const char *html, const char *plots_dir,
                          const run *run, habit_error *err);

#endif
