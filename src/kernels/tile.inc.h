// tile.inc.h - the heart of matrix products: a tile of C stays in registers while k runs.
//
// Included once per instruction set with VECTOR_BYTES, TILE_ROWS and TILE_WIDE defined: a tile is
// TILE_ROWS rows by TILE_WIDE registers.  One register more across is offered too, with fewer rows,
// since a lone register at the end of a row costs nearly as much as two.
#ifndef KERNELS_TILE_INC_H
#define KERNELS_TILE_INC_H
#include "kernels/lanes.inc.h"

#include <stdbool.h>

enum {
    PANEL = TILE_WIDE * LANES,
    TILE_WIDER = TILE_WIDE + 1,
    WIDER_ROWS = TILE_ROWS * TILE_WIDE / TILE_WIDER,
};

typedef struct tile {
    const float *a;
    ptrdiff_t a_row, a_col;
    const float *b; // whole registers, also the last
    ptrdiff_t b_row;
    float *c;
    ptrdiff_t c_row;
    int k;
    int tail; // columns of the last register of C, 1..LANES
    bool add;
} tile;

// `rows` and `wide` are constants where this is inlined.
static INLINE void tile_run(const tile *t, int rows, int wide)
{
    lanes sum[TILE_ROWS * TILE_WIDE];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int w = 0; w < wide; w++) sum[r * wide + w] = (lanes){ 0 };
    }
    const float *a = t->a, *b = t->b;
    for (int p = 0; p < t->k; p++, a += t->a_col, b += t->b_row) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            const lanes x = splat(a[r * t->a_row]);
            UNROLL
            for (int w = 0; w < wide; w++) sum[r * wide + w] += x * load(b + w * LANES);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        float *c = t->c + r * t->c_row;
        UNROLL
        for (int w = 0; w < wide; w++, c += LANES) {
            const bool whole = w + 1 < wide || t->tail == LANES;
            if (t->add) sum[r * wide + w] += whole ? load(c) : load_part(c, t->tail);
            if (whole)
                store(c, sum[r * wide + w]);
            else
                store_part(c, sum[r * wide + w], t->tail);
        }
    }
}

// Runs `rows` rows and goes on below them.
static INLINE void tile_step(tile *t, int rows, int wide)
{
    tile_run(t, rows, wide);
    t->a += rows * t->a_row;
    t->c += rows * t->c_row;
}

// What is left: `rows` below `limit`, which is a constant of at most 12.
static INLINE void tile_rest(tile *t, int rows, int wide, int limit)
{
    if (limit > 6 && rows >= 6) {
        tile_step(t, 6, wide);
        rows -= 6;
    }
    if (rows == 1) tile_run(t, 1, wide);
    if (rows == 2) tile_run(t, 2, wide);
    if (rows == 3) tile_run(t, 3, wide);
    if (limit > 4 && rows == 4) tile_run(t, 4, wide);
    if (limit > 5 && rows == 5) tile_run(t, 5, wide);
}

static void tile_wide(tile t, int m)
{
    for (; m >= TILE_ROWS; m -= TILE_ROWS) tile_step(&t, TILE_ROWS, TILE_WIDE);
    tile_rest(&t, m, TILE_WIDE, TILE_ROWS);
}

static void tile_wider(tile t, int m)
{
    for (; m >= WIDER_ROWS; m -= WIDER_ROWS) tile_step(&t, WIDER_ROWS, TILE_WIDER);
    tile_rest(&t, m, TILE_WIDER, WIDER_ROWS);
}

// One register across is too few sums to hide the latency of a fused multiply-add: more rows.
static void tile_narrow(tile t, int m)
{
    for (; m >= 2 * TILE_ROWS; m -= 2 * TILE_ROWS) tile_step(&t, 2 * TILE_ROWS, 1);
    for (; m >= 8; m -= 8) tile_step(&t, 8, 1);
    tile_rest(&t, m, 1, 8);
}

// m rows, `wide` registers across, at most TILE_WIDER; fewer than TILE_WIDE one after the other.
static void tile_down(const tile *t, int m, int wide)
{
    if (wide == TILE_WIDE) {
        tile_wide(*t, m);
        return;
    }
    if (wide == TILE_WIDER) {
        tile_wider(*t, m);
        return;
    }
    tile part = *t;
    part.tail = LANES;
    for (int w = 0; w < wide; w++, part.b += LANES, part.c += LANES) {
        if (w + 1 == wide) part.tail = t->tail;
        tile_narrow(part, m);
    }
}

// How many of the next `left` registers of a row to take across.
static inline int tile_across(int left)
{
    return left == TILE_WIDER ? TILE_WIDER : left < TILE_WIDE ? left : TILE_WIDE;
}

#endif
