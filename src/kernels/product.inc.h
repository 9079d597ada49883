// product.inc.h - the product of product.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, VECTOR_NEEDS, VECTOR_NAME, PRODUCT_TABLE,
// PRODUCT_ROWS and PRODUCT_WIDE defined: a tile of C, PRODUCT_ROWS rows by PRODUCT_WIDE registers,
// stays in registers while k runs.
//
//     for each block of rows (L2), for each block of k (L1), for each panel of columns:
//         copy the panel of B side by side, then tile after tile down the rows
#include "kernels/cpu.h"
#include "kernels/lanes.inc.h"
#include "kernels/product.h"

enum {
    PANEL = PRODUCT_WIDE * LANES,
    K_BLOCK = 256, // a panel of B: 16 KiB at 16 columns
    M_BLOCK = 16 * PRODUCT_ROWS,
};

typedef struct tile {
    const float *a;
    ptrdiff_t a_row, a_col;
    const float *b; // packed: PANEL floats for each k
    float *c;
    ptrdiff_t c_row;
    int k;
    int tail; // columns of the last register, 1..LANES
    bool add;
} tile;

// `rows` and `wide` are constants where this is inlined.
static INLINE void tile_run(const tile *t, int rows, int wide)
{
    lanes sum[PRODUCT_ROWS * PRODUCT_WIDE];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int w = 0; w < wide; w++) sum[r * wide + w] = (lanes){ 0 };
    }
    const float *a = t->a, *b = t->b;
    for (int p = 0; p < t->k; p++, a += t->a_col, b += PANEL) {
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

// What is left below whole tiles: at most 11 rows, by sixes, then one count each.
static INLINE void tile_rest(const tile *t, int rows, int wide)
{
    tile part = *t;
    if (PRODUCT_ROWS > 6 && rows >= 6) {
        tile_run(&part, 6, wide);
        part.a += 6 * t->a_row;
        part.c += 6 * t->c_row;
        rows -= 6;
    }
    switch (rows) {
    case 1:
        tile_run(&part, 1, wide);
        break;
    case 2:
        tile_run(&part, 2, wide);
        break;
    case 3:
        tile_run(&part, 3, wide);
        break;
    case 4:
        tile_run(&part, 4, wide);
        break;
    case 5:
        tile_run(&part, 5, wide);
        break;
    default:
        break;
    }
}

static void tile_wide(const tile *t, int rows)
{
    if (rows == PRODUCT_ROWS)
        tile_run(t, PRODUCT_ROWS, PRODUCT_WIDE);
    else
        tile_rest(t, rows, PRODUCT_WIDE);
}

// One register across is too few sums to hide the latency of a fused multiply-add: twice the rows.
static void tile_narrow(const tile *t, int rows)
{
    if (rows == 2 * PRODUCT_ROWS) {
        tile_run(t, 2 * PRODUCT_ROWS, 1);
        return;
    }
    tile part = *t;
    if (rows >= PRODUCT_ROWS) {
        tile_run(t, PRODUCT_ROWS, 1);
        part.a += PRODUCT_ROWS * t->a_row;
        part.c += PRODUCT_ROWS * t->c_row;
        rows -= PRODUCT_ROWS;
    }
    tile_rest(&part, rows, 1);
}

// Fewer registers across than a tile has: one after the other.
static void tile_columns(const tile *t, int rows, int wide)
{
    tile part = *t;
    part.tail = LANES;
    for (int w = 0; w < wide; w++, part.b += LANES, part.c += LANES) {
        if (w + 1 == wide) part.tail = t->tail;
        tile_narrow(&part, rows);
    }
}

// Transposed, the rows of a tile lie side by side and every k is another line of memory: they are
// gathered once and serve all panels.
static void pack_rows(float *to, const float *a, ptrdiff_t a_col, int rows, int k)
{
    if (rows == PRODUCT_ROWS) { // a copy of known size is a pair of moves
        for (int p = 0; p < k; p++, a += a_col, to += PRODUCT_ROWS)
            memcpy(to, a, PRODUCT_ROWS * sizeof *to);
        return;
    }
    for (int p = 0; p < k; p++, a += a_col, to += rows)
        for (int r = 0; r < rows; r++) to[r] = a[r];
}

// Columns of B that are missing are zeros.
static void pack(float *to, const float *b, ptrdiff_t b_row, ptrdiff_t b_col, int k, int columns)
{
    if (b_col == 1 && columns == PANEL) {
        for (int p = 0; p < k; p++, b += b_row, to += PANEL) {
            UNROLL
            for (int w = 0; w < PRODUCT_WIDE; w++) store(to + w * LANES, load(b + w * LANES));
        }
        return;
    }
    for (int p = 0; p < k; p++, b += b_row, to += PANEL) {
        for (int j = 0; j < columns; j++) to[j] = b[j * b_col];
        for (int j = columns; j < PANEL; j++) to[j] = 0;
    }
}

// Rows i0 .. i1-1, ks p0 .. p0+k-1, columns from j0.
typedef struct part {
    int i0, i1, p0, k, j0;
    const float *panel; // of B
    const float *rows;  // of A, packed tile after tile, or NULL: as they lie
} part;

static void panel_run(const product *p, const part *at)
{
    const int i1 = at->i1, p0 = at->p0, k = at->k, j0 = at->j0;
    const int columns = p->n - j0 < PANEL ? p->n - j0 : PANEL;
    const int wide = (columns + LANES - 1) / LANES;
    tile t = { .a_row = p->a_row,
               .a_col = p->a_col,
               .b = at->panel,
               .c_row = p->c_row,
               .k = k,
               .tail = columns - (wide - 1) * LANES,
               .add = p->add || p0 > 0 };
    const int step = wide == PRODUCT_WIDE || at->rows ? PRODUCT_ROWS : 2 * PRODUCT_ROWS;
    for (int i = at->i0; i < i1; i += step) {
        const int rows = i1 - i < step ? i1 - i : step;
        if (at->rows) {
            t.a = at->rows + (size_t)(i - at->i0) * k;
            t.a_row = 1;
            t.a_col = rows;
        } else {
            t.a = (const float *)p->a + i * p->a_row + p0 * p->a_col;
        }
        t.c = (float *)p->c + i * p->c_row + j0;
        if (wide == PRODUCT_WIDE)
            tile_wide(&t, rows);
        else
            tile_columns(&t, rows, wide);
    }
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

// Panel after panel of k rows, for each block of k.
static size_t pack_all(void *to, const product *p)
{
    float *panel = to;
    for (int q = 0; to && q < p->k; q += K_BLOCK)
        for (int j = 0; j < p->n; j += PANEL) {
            const int k = least(p->k - q, K_BLOCK);
            const float *b = (const float *)p->b + q * p->b_row + j * p->b_col;
            pack(panel, b, p->b_row, p->b_col, k, least(p->n - j, PANEL));
            panel += k * PANEL;
        }
    return (size_t)p->k * ((p->n + PANEL - 1) / PANEL * PANEL);
}

static void run(const product *p)
{
    float panel[K_BLOCK * PANEL] __attribute__((aligned(64)));
    float packed[M_BLOCK * K_BLOCK] __attribute__((aligned(64)));
    const bool across = p->a_row == 1 && p->a_col != 1 && p->n > PANEL;
    const int most = across ? M_BLOCK : 4 * M_BLOCK;
    const size_t whole = (size_t)(p->n + PANEL - 1) / PANEL * PANEL; // columns of what is packed
    for (int i = 0; i < p->m; i += most) {
        const int last = p->m - i < most ? p->m : i + most;
        for (int q = 0; q == 0 || q < p->k; q += K_BLOCK) {
            const int k = p->k - q < K_BLOCK ? p->k - q : K_BLOCK;
            part at = { i, last, q, k, 0, panel, across ? packed : NULL };
            for (int r = i; across && r < last; r += PRODUCT_ROWS)
                pack_rows(packed + (size_t)(r - i) * k, (const float *)p->a + r + q * p->a_col,
                          p->a_col, last - r < PRODUCT_ROWS ? last - r : PRODUCT_ROWS, k);
            for (; at.j0 < p->n; at.j0 += PANEL) {
                const float *b = (const float *)p->b + q * p->b_row + at.j0 * p->b_col;
                if (p->packed)
                    at.panel = (const float *)p->b + q * whole + (size_t)at.j0 * k;
                else
                    pack(panel, b, p->b_row, p->b_col, k, least(p->n - at.j0, PANEL));
                panel_run(p, &at);
            }
        }
    }
}

extern const product_kernel PRODUCT_TABLE;
const product_kernel PRODUCT_TABLE = { VECTOR_NAME, VECTOR_NEEDS, run, pack_all };
