// catalogue.c - packed item vectors and the sweep over them.
#include "index/catalogue.h"

#include "base/memory.h"

#include <math.h>

// A tile stays in the second level of cache while all queries pass over it; a row of its scores,
// rows * tile floats in all, stays in the first.
enum { TILE_BYTES = 32 << 10, TILE_MAX = 512, PACK_PIECE = 64 };

static size_t panels_of(const catalogue *c)
{
    const size_t cols = (size_t)c->kernel->cols;
    return (c->from.items + cols - 1) / cols;
}

// One piece packs PACK_PIECE panels.
static void pack_piece(void *ctx, size_t piece, int worker)
{
    (void)worker;
    catalogue *c = ctx;
    const size_t cols = (size_t)c->kernel->cols, dim = (size_t)c->from.dim;
    const size_t begin = piece * PACK_PIECE * cols, end = panels_of(c) * cols;

    for (size_t i = begin; i < end && i < begin + PACK_PIECE * cols; i++) {
        float *panel = c->panel + i / cols * cols * dim;
        const int lane = (int)(i % cols);
        const size_t v = i >= c->from.items ? CATALOGUE_NONE : c->from.map ? c->from.map[i] : i;
        if (v != CATALOGUE_NONE) {
            rank_pack(panel, c->kernel->cols, lane, c->from.vector + v * dim, c->from.dim);
            c->bias[i] = c->from.bias ? c->from.bias[v] : 0;
        } else {
            for (size_t k = 0; k < dim; k++) panel[k * cols + (size_t)lane] = 0;
            c->bias[i] = -INFINITY;
        }
    }
}

habit_status catalogue_new(catalogue **out, const catalogue_items *from, pool *p, habit_error *err)
{
    catalogue *c = ZNEW(catalogue, 1);
    if (!c) return fail_memory(err, "packed items", sizeof *c);
    c->kernel = rank_pick();
    c->from = *from;
    const size_t cols = (size_t)c->kernel->cols, dim = (size_t)from->dim, panels = panels_of(c);
    c->tile = TILE_BYTES / sizeof(float) / dim;
    if (c->tile > TILE_MAX) c->tile = TILE_MAX;
    c->tile = c->tile < cols ? cols : c->tile / cols * cols;

    c->panel = NEW(float, panels *cols *dim);
    c->bias = NEW(float, panels *cols);
    if (!c->panel || !c->bias) {
        catalogue_free(c);
        return fail_memory(err, "packed items", panels * cols * (dim + 1) * sizeof(float));
    }
    pool_run(p, (panels + PACK_PIECE - 1) / PACK_PIECE, pack_piece, c);
    *out = c;
    return HABIT_OK;
}

void catalogue_free(catalogue *c)
{
    if (!c) return;
    mem_free(c->panel);
    mem_free(c->bias);
    mem_free(c);
}

size_t catalogue_scratch(const catalogue *c, size_t n)
{
    const size_t rows = (size_t)c->kernel->rows, blocks = (n + rows - 1) / rows;
    return blocks * rows * (size_t)c->from.dim + rows * c->tile;
}

// The last block is filled up with zero queries, whose scores nobody looks at.
static void pack_queries(const catalogue *c, const float *queries, size_t n, float *blocks)
{
    const size_t rows = (size_t)c->kernel->rows, dim = (size_t)c->from.dim;
    const size_t all = (n + rows - 1) / rows * rows;
    for (size_t q = 0; q < all; q++) {
        float *block = blocks + q / rows * rows * dim;
        if (q < n)
            rank_pack(block, c->kernel->rows, (int)(q % rows), queries + q * dim, c->from.dim);
        else
            for (size_t k = 0; k < dim; k++) block[k * rows + q % rows] = 0;
    }
}

void catalogue_sweep(const catalogue *c, const float *queries, size_t n, float *scratch,
                     sweep_fn *fn, void *ctx)
{
    const rank_kernel *k = c->kernel;
    const size_t rows = (size_t)k->rows, cols = (size_t)k->cols, dim = (size_t)c->from.dim;
    const size_t items = c->from.items;
    float *scores = scratch, *blocks = scratch + rows * c->tile;
    if (n > 1) pack_queries(c, queries, n, blocks);

    for (size_t first = 0; first < items; first += c->tile) {
        const size_t some = items - first < c->tile ? items - first : c->tile;
        const size_t panels = (some + cols - 1) / cols;
        const float *panel = c->panel + first * dim, *bias = c->bias + first;
        if (n == 1) { // a single question is bound by memory: no block to fill
            k->one(scores, queries, panel, bias, panels, c->from.dim);
            fn(ctx, 0, (uint32_t)first, scores, some);
            continue;
        }
        for (size_t q = 0; q < n; q += rows) {
            k->scores(scores, c->tile, blocks + q * dim, panel, bias, panels, c->from.dim);
            for (size_t r = 0; r < rows && q + r < n; r++)
                fn(ctx, q + r, (uint32_t)first, scores + r * c->tile, some);
        }
    }
}

void catalogue_dots(const catalogue *c, const float *query, const uint32_t *which, size_t n,
                    float *scores)
{
    const catalogue_items *from = &c->from;
    if (!from->map) {
        c->kernel->dots(scores, query, from->vector, from->bias, which, n, from->dim);
        return;
    }
    enum { SOME = 64 };
    uint32_t mapped[SOME];
    for (size_t at = 0; at < n; at += SOME) {
        const size_t some = n - at < SOME ? n - at : SOME;
        for (size_t j = 0; j < some; j++) { // what has no vector borrows the first one's place
            const uint32_t v = from->map[which[at + j]];
            mapped[j] = v == CATALOGUE_NONE ? 0 : v;
        }
        c->kernel->dots(scores + at, query, from->vector, from->bias, mapped, some, from->dim);
        for (size_t j = 0; j < some; j++)
            if (from->map[which[at + j]] == CATALOGUE_NONE) scores[at + j] = -INFINITY;
    }
}
