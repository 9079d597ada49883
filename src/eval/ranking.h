// ranking.h - where each target stands among all candidates.
//
// With s_i the model's score of candidate i, and R(t) the number of candidates that are no targets
// and have !(s_i < s_t):
//
//     position(t) = 1 + R(t) + number of targets ordered before t
//
// where targets are ordered by R, and by item number where R is equal.  So a tie and a NaN count
// against the model, a constant model comes last, and a target whose score is NaN or -inf stands
// behind every candidate.  All scores of a user are seen once, tile by tile, and never stored.
#ifndef EVAL_RANKING_H
#define EVAL_RANKING_H
#include "eval/evaluate.h"
#include "eval/questions.h"

typedef struct ranking_plan {
    uint32_t list; // K: keep each user's best K; 0: no lists
    bool scores;   // true: only the scores of targets and probes, no positions
} ranking_plan;

// Results of one model, in the order of the questions.  Arrays not planned for are NULL.
typedef struct ranking {
    const questions *of; // borrowed
    uint32_t *position;  // [targets] from 1; 0: not in the catalogue
    uint32_t *rivals;    // [targets] R(t)
    uint8_t *tied;       // [targets] some other candidate has the very same score
    uint32_t *against;   // [count] candidates that are no targets
    float *score;        // [targets] of the target; NaN where it has none
    float *probe_score;  // [targets] of the probe
    uint32_t list;       // K
    uint32_t *listed;    // [count][K] best first, ITEM_NONE behind the last
    double encode;       // seconds that the model took for vectors, or scores it writes itself;
                         // mean of the threads
} ranking;

// Thread count, blocks and tiles do not change a bit of the result.
habit_status ranking_make(ranking *out, const questions *q, const contestant *c,
                          const ranking_plan *plan, const run *rn, habit_error *err);
void ranking_free(ranking *r);

// Fills position[] of one user's `known` targets from their rivals[]; target[] ascends.
// order: room for `known` numbers, for sorting.
void ranking_positions(uint32_t *position, const uint32_t *rivals, size_t known, uint64_t *order);

#endif
