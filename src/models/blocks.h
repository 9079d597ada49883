// blocks.h - the pairs of a log dealt into blocks that may be learned from at the same time.
//
// Users and items are dealt at random into G groups, which makes G x G blocks of pairs.  The blocks
// (g, g + s) of one s share neither users nor items; so they may run at once, in any order, and
// the result is the same at any number of threads.  G depends on the log only.
//
//               items 0   1   2   3
//     users 0   | s=0 | 1 | 2 | 3 |       first all blocks marked 0, then all marked 1, ...
//           1   |  3  | 0 | 1 | 2 |
//           2   |  2  | 3 | 0 | 1 |
//           3   |  1  | 2 | 3 | 0 |
//
// R. Gemulla, E. Nijkamp, P. Haas and Y. Sismanis, "Large-scale matrix factorization with
// distributed stochastic gradient descent", KDD 2011.
#ifndef MODELS_BLOCKS_H
#define MODELS_BLOCKS_H
#include "models/csr.h"

enum { GROUPS_MAX = 16, BLOCKS_MAX = GROUPS_MAX * GROUPS_MAX };

typedef struct pair {
    uint32_t user, item;
} pair;

typedef struct blocks {
    size_t groups;
    pair *pairs; // [count] by block: user group * groups + item group
    uint64_t start[BLOCKS_MAX + 1];
    uint32_t *item;                    // [items] by group
    size_t item_start[GROUPS_MAX + 1]; // group g is item[item_start[g] .. item_start[g + 1])

    const csr *met;
    uint8_t *user_group, *item_group;
    uint64_t (*place)[BLOCKS_MAX]; // per piece of users: counts, then where the next pair goes
    uint64_t seed, deal;           // what chance depends on
} blocks;

// `met` [users] rows of items is borrowed and must outlive the blocks.
habit_status blocks_new(blocks *out, const csr *met, uint64_t seed, habit_error *err);
void blocks_free(blocks *b);

// Deals all pairs anew; the k-th deal of a seed is always the same.
void blocks_deal(blocks *b, uint64_t k, pool *p);

#endif
