// catalogue.h - the item vectors of a dot-product model, packed for ranking.
//
//     catalogue *c;
//     TRY(catalogue_new(&c, &(catalogue_items){ vectors, bias, NULL, V, D }, pool, err));
//     catalogue_sweep(c, queries, n, scratch, consume, ctx);   // any number of times and threads
//     catalogue_free(c);
//
// A sweep makes the scores of all items for n queries tile by tile and hands each row of a tile
// to `consume` while it is in cache; no more than one tile exists at a time.
#ifndef INDEX_CATALOGUE_H
#define INDEX_CATALOGUE_H
#include "base/pool.h"
#include "kernels/rank.h"

// Where the vectors come from.  With a map, place i of the catalogue shows vector map[i]; an
// entry CATALOGUE_NONE is an item without a vector, whose score is always -inf (or NaN, if the
// query is not finite).
typedef struct catalogue_items {
    const float *vector; // [*][dim]
    const float *bias;   // [*], or NULL for none
    const uint32_t *map; // [items], or NULL for the identity
    uint32_t items;
    int dim;
} catalogue_items;

#define CATALOGUE_NONE UINT32_MAX

typedef struct catalogue {
    const rank_kernel *kernel;
    catalogue_items from; // borrowed
    size_t tile;          // items of a tile, a multiple of kernel->cols
    float *panel;         // [ceil(items/cols)][dim][cols]
    float *bias;          // [ceil(items/cols)*cols]
} catalogue;              // constant once made: share freely

// Copies and packs the vectors; `from` is borrowed for catalogue_dots().
habit_status catalogue_new(catalogue **out, const catalogue_items *from, pool *p, habit_error *err);
void catalogue_free(catalogue *c); // NULL is fine

// One row of a tile: scores[i] of item first + i, i < n, for query `row`.  May be overwritten.
typedef void sweep_fn(void *ctx, size_t row, uint32_t first, float *scores, size_t n);

// Calls fn for every query and tile; tiles come in ascending order for each query.
// queries[n][dim]; scratch: catalogue_scratch(c, n) floats, 64-byte aligned, of this thread.
void catalogue_sweep(const catalogue *c, const float *queries, size_t n, float *scratch,
                     sweep_fn *fn, void *ctx);
size_t catalogue_scratch(const catalogue *c, size_t n);

// scores[j] of item which[j] for one query, with the bits a sweep gives.
void catalogue_dots(const catalogue *c, const float *query, const uint32_t *which, size_t n,
                    float *scores);

#endif
