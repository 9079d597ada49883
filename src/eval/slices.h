// slices.h - the same numbers for parts of the users and items, and the curves of the report.
#ifndef EVAL_SLICES_H
#define EVAL_SLICES_H
#include "eval/measures.h"

#include <jansson.h>

// {"users": [{"slice", "users", "HR@k", "Recall@k", "NDCG@k"}], by length of history,
//  "items": [{"slice", "targets", "Recall@k"}]}, by popularity in the training log.
habit_status slices_json(json_t **out, const measures *m, const popularity *p, uint32_t cut,
                         habit_error *err);

// {"recall": {"k": [...], "value": [...]},
//  "popularity": {"tenth": [1..10], "targets": [...], "recall": [...]},   at the main cut-off
//  "probability": {"users": [...], "held_out": [...], "random": [...]}}
// The last: users in the order of their mean probability, at most 400, evenly taken.
habit_status curves_json(json_t **out, const measures *m, const popularity *p, uint32_t cut,
                         habit_error *err);

#endif
