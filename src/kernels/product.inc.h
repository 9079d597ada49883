// product.inc.h - the product of product.h in compiler vector types.
//
// Included once per instruction set with VECTOR_NEEDS, VECTOR_NAME, PRODUCT_TABLE and what tile.inc.h
// wants defined.
//
//     for each block of rows (L2), for each block of k (L1), for each panel of columns:
//         copy the panel of B side by side, then tile after tile down the rows
#include "kernels/cpu.h"
#include "kernels/product.h"
#include "kernels/tile.inc.h"

enum {
    K_BLOCK = 256, // a panel of B: 16 KiB at 16 columns
    M_BLOCK = 16 * TILE_ROWS,
    GROUP = 2 * TILE_ROWS, // rows of A that are packed together
};

// Transposed, the rows of a tile lie side by side and every k is another line of memory: they are
// gathered once and serve all panels.
static void pack_rows(float *to, const float *a, ptrdiff_t a_col, int rows, int k)
{
    if (rows == GROUP) { // a copy of known size is a few moves
        for (int p = 0; p < k; p++, a += a_col, to += GROUP) memcpy(to, a, GROUP * sizeof *to);
        return;
    }
    for (int p = 0; p < k; p++, a += a_col, to += rows)
        for (int r = 0; r < rows; r++) to[r] = a[r];
}

// B transposed, four columns and four ks at a time; `row` floats from one k to the next.
static void pack_turned(float *to, const float *b, ptrdiff_t b_col, int k, int columns, int row)
{
    int j = 0;
    for (; j + 4 <= columns; j += 4, b += 4 * b_col) {
        int p = 0;
        for (; p + 4 <= k; p += 4) {
            quad x[4];
            UNROLL
            for (int c = 0; c < 4; c++) x[c] = quad_load(b + c * b_col + p);
            quad_turn(x);
            UNROLL
            for (int c = 0; c < 4; c++) quad_store(to + (p + c) * row + j, x[c]);
        }
        for (; p < k; p++)
            for (int c = 0; c < 4; c++) to[p * row + j + c] = b[c * b_col + p];
    }
    for (; j < row; j++, b += b_col)
        for (int p = 0; p < k; p++) to[p * row + j] = j < columns ? b[p] : 0;
}

// Columns of B that are missing in the last of `wide` registers are zeros.
static void pack(float *to, const float *b, ptrdiff_t b_row, ptrdiff_t b_col, int k, int columns,
                 int wide)
{
    if (b_col != 1 && b_row == 1) {
        pack_turned(to, b, b_col, k, columns, wide * LANES);
        return;
    }
    if (b_col == 1 && columns == PANEL) {
        for (int p = 0; p < k; p++, b += b_row, to += PANEL) {
            UNROLL
            for (int w = 0; w < TILE_WIDE; w++) store(to + w * LANES, load(b + w * LANES));
        }
        return;
    }
    for (int p = 0; p < k; p++, b += b_row) {
        if (b_col == 1) {
            for (int w = 1; w < wide; w++, to += LANES) store(to, load(b + (w - 1) * LANES));
            store(to, load_part(b + (wide - 1) * LANES, columns - (wide - 1) * LANES));
            to += LANES;
            continue;
        }
        for (int j = 0; j < wide * LANES; j++) *to++ = j < columns ? b[j * b_col] : 0;
    }
}

// Rows i0 .. i1-1, ks p0 .. p0+k-1, columns j0 .. j0+columns-1 in `wide` registers.
typedef struct part {
    int i0, i1, p0, k, j0, columns, wide;
    const float *panel; // of B
    const float *rows;  // of A, packed group after group, or NULL: as they lie
} part;

static void panel_run(const product *p, const part *at)
{
    const int i1 = at->i1, p0 = at->p0, k = at->k;
    tile t = { .a_row = p->a_row,
               .a_col = p->a_col,
               .b = at->panel,
               .b_row = at->wide * LANES,
               .c = (float *)p->c + at->i0 * p->c_row + at->j0,
               .c_row = p->c_row,
               .k = k,
               .tail = at->columns - (at->wide - 1) * LANES,
               .add = p->add || p0 > 0 };
    if (!at->rows) {
        t.a = (const float *)p->a + at->i0 * p->a_row + p0 * p->a_col;
        tile_down(&t, i1 - at->i0, at->wide);
        return;
    }
    t.a_row = 1;
    for (int i = at->i0; i < i1; i += GROUP) {
        t.a = at->rows + (size_t)(i - at->i0) * k;
        t.a_col = i1 - i < GROUP ? i1 - i : GROUP;
        tile_down(&t, (int)t.a_col, at->wide);
        t.c += GROUP * p->c_row;
    }
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

// The panel that follows at->columns.
static void panel_next(const product *p, part *at)
{
    at->j0 += at->columns;
    const int left = p->n - at->j0;
    at->wide = tile_across((left + LANES - 1) / LANES);
    at->columns = least(left, at->wide * LANES);
}

static void panel_pack(float *to, const product *p, const part *at)
{
    pack(to, (const float *)p->b + at->p0 * p->b_row + at->j0 * p->b_col, p->b_row, p->b_col, at->k,
         at->columns, at->wide);
}

static size_t columns_packed(const product *p)
{
    return (size_t)(p->n + LANES - 1) / LANES * LANES;
}

// Panel after panel of k rows, for each block of k.
static size_t pack_all(void *to, const product *p)
{
    float *panel = to;
    for (int q = 0; to && q < p->k; q += K_BLOCK) {
        part at = { .p0 = q, .k = least(p->k - q, K_BLOCK) };
        for (panel_next(p, &at); at.columns > 0; panel_next(p, &at)) {
            panel_pack(panel, p, &at);
            panel += at.k * at.wide * LANES;
        }
    }
    return (size_t)p->k * columns_packed(p);
}

static void panels_run(const product *p, part *at)
{
    float panel[K_BLOCK * TILE_WIDER * LANES] __attribute__((aligned(64)));
    at->panel = panel;
    for (panel_next(p, at); at->columns > 0; panel_next(p, at)) {
        if (p->packed)
            at->panel = (const float *)p->b + at->p0 * columns_packed(p) + at->j0 * at->k;
        else
            panel_pack(panel, p, at);
        panel_run(p, at);
    }
}

// A few rows meet B only once: it is taken where it lies, and enough of it side by side to hide the
// latency of a fused multiply-add.  Gives the columns that are done, in whole registers.
static int few_run(const product *p, int p0, int k)
{
    tile t = { .a = (const float *)p->a + p0 * p->a_col,
               .a_row = p->a_row,
               .a_col = p->a_col,
               .b = (const float *)p->b + p0 * p->b_row,
               .b_row = p->b_row,
               .c = p->c,
               .c_row = p->c_row,
               .k = k,
               .tail = LANES,
               .add = p->add || p0 > 0 };
    const int wide = p->m == 1 ? 8 : p->m < 4 ? 4 : TILE_WIDE;
    const int count = p->n / (wide * LANES), way = p->from_end ? -wide * LANES : wide * LANES;
    if (p->from_end && count) {
        t.b -= (count - 1) * way;
        t.c -= (count - 1) * way;
    }
    for (int i = 0; i < count; i++, t.b += way, t.c += way) {
        if (p->m == 1) tile_run(&t, 1, 8);
        if (p->m == 2) tile_run(&t, 2, 4);
        if (p->m == 3) tile_run(&t, 3, 4);
        if (p->m > 3) tile_wide(t, p->m);
    }
    return count * wide * LANES;
}

static void run(const product *p)
{
    float packed[M_BLOCK * K_BLOCK] __attribute__((aligned(64)));
    const bool across = p->a_row == 1 && p->a_col != 1 && p->n > PANEL;
    const bool few = p->m <= TILE_ROWS && p->b_col == 1 && !p->packed && !across;
    const int most = across ? M_BLOCK : 4 * M_BLOCK;
    for (int i = 0; i < p->m; i += most) {
        const int last = i + least(p->m - i, most);
        for (int q = 0; q == 0 || q < p->k; q += K_BLOCK) {
            const int k = least(p->k - q, K_BLOCK);
            part at = { .i0 = i, .i1 = last, .p0 = q, .k = k, .rows = across ? packed : NULL };
            if (few) at.j0 = few_run(p, q, k);
            for (int r = i; across && r < last; r += GROUP)
                pack_rows(packed + (size_t)(r - i) * k, (const float *)p->a + r + q * p->a_col,
                          p->a_col, least(last - r, GROUP), k);
            panels_run(p, &at);
        }
    }
}

extern const product_kernel PRODUCT_TABLE;
const product_kernel PRODUCT_TABLE = { VECTOR_NAME, VECTOR_NEEDS, run, pack_all };
