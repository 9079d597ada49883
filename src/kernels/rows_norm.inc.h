// rows_norm.inc.h - layer normalisation and its root-mean-square form; part of rows.inc.h.
//
// The latter is the former with means of zero: `centred` is a constant where these are inlined.
// A few rows at a time go through one short loop after another, since a processor can look ahead
// over many rows only where each takes few instructions.  Rows narrower than a register are left
// to the reference.
#ifndef KERNELS_ROWS_NORM_INC_H
#define KERNELS_ROWS_NORM_INC_H
#include "kernels/lanes.inc.h"
#include "kernels/rows.h"

#include <math.h>
#include <stdbool.h>

enum {
    NORM_ROWS = 16,
    NORM_COLS = 1024, // backward; wider rows are left to the reference, too
};

// Where a row ends: floats in the registers before the last, floats before the last, and the lanes
// of the last that are not among them.
typedef struct row_shape {
    size_t cols, whole, end;
    lanes_i fresh;
} row_shape;

static INLINE row_shape row_shape_of(size_t cols)
{
    return (row_shape){ cols, (cols - 1) / LANES * LANES, cols - LANES, lanes_fresh(cols) };
}

// --- forward ---------------------------------------------------------------------------------------

// Two chains of sums.
static INLINE float row_sum(const float *x, const row_shape *s)
{
    lanes even = lanes_keep(s->fresh, load(x + s->end)), odd = { 0 };
    size_t i = 0;
    for (; i + 2 * LANES <= s->whole; i += 2 * LANES) {
        even += load(x + i);
        odd += load(x + i + LANES);
    }
    if (i < s->whole) odd += load(x + i);
    return lanes_sum(even + odd);
}

static INLINE float row_squares(const float *x, const row_shape *s, float mean)
{
    lanes v = lanes_keep(s->fresh, load(x + s->end) - mean), w = { 0 };
    lanes even = v * v, odd = { 0 };
    size_t i = 0;
    for (; i + 2 * LANES <= s->whole; i += 2 * LANES) {
        v = load(x + i) - mean;
        w = load(x + i + LANES) - mean;
        even += v * v;
        odd += w * w;
    }
    if (i < s->whole) w = load(x + i) - mean, odd += w * w;
    return lanes_sum(even + odd);
}

typedef struct norm {
    float *y;
    const float *x, *g, *b; // no b without a centre
    float eps;
} norm;

static INLINE void norm_place(const norm *n, size_t i, float mean, float rstd, bool centred)
{
    lanes y = load(n->g + i) * ((load(n->x + i) - mean) * rstd);
    if (centred) y += load(n->b + i);
    store(n->y + i, y);
}

static INLINE void norm_rows(norm n, float *stats, size_t rows, size_t cols, bool centred)
{
    const row_shape s = row_shape_of(cols);
    const float share = 1 / (float)cols;
    float mean[NORM_ROWS] = { 0 }, rstd[NORM_ROWS];
    for (size_t from = 0; from < rows; from += NORM_ROWS) {
        const size_t some = rows - from < NORM_ROWS ? rows - from : NORM_ROWS;
        for (size_t r = 0; centred && r < some; r++) mean[r] = share * row_sum(n.x + r * cols, &s);
        for (size_t r = 0; r < some; r++)
            rstd[r] = share * row_squares(n.x + r * cols, &s, mean[r]);
        for (size_t r = 0; r < some; r++) rstd[r] = 1 / sqrtf(rstd[r] + n.eps);
        for (size_t r = 0; r < some; r++, n.x += cols, n.y += cols) {
            for (size_t i = 0; i < s.whole; i += LANES)
                norm_place(&n, i, mean[r], rstd[r], centred);
            norm_place(&n, s.end, mean[r], rstd[r], centred);
            if (centred) *stats++ = mean[r];
            *stats++ = rstd[r];
        }
    }
}

static void layer_norm(void *y, void *stats, const void *x, const void *g, const void *b,
                       size_t rows, size_t cols, double eps)
{
    if (cols < LANES)
        row_kernels_ref_f32.layer_norm(y, stats, x, g, b, rows, cols, eps);
    else
        norm_rows((norm){ y, x, g, b, (float)eps }, stats, rows, cols, true);
}

static void rms_norm(void *y, void *stats, const void *x, const void *g, size_t rows, size_t cols,
                     double eps)
{
    if (cols < LANES)
        row_kernels_ref_f32.rms_norm(y, stats, x, g, rows, cols, eps);
    else
        norm_rows((norm){ y, x, g, NULL, (float)eps }, stats, rows, cols, false);
}

// --- backward --------------------------------------------------------------------------------------

// With dxhat = dy g and averages over the row (ref/rows.inc.h),
//
//     dx += rstd (dxhat - avg - xhat avg_x)
//
// Without a centre avg is zero.
typedef struct norm_back {
    float *dx, *dg, *db; // any may be NULL
    const float *dy, *x, *g, *stats;
} norm_back;

typedef struct back_row {
    float mean, rstd, avg, avg_x;
} back_row;

// dg and db while rows are added to them.  The last register has a place of its own, `whole`: one
// that overlapped could not be read back before both stores had left the store queue.
typedef struct back_sums {
    float dg[NORM_COLS + LANES], db[NORM_COLS + LANES];
} back_sums;

static INLINE void sums_load(float *sum, const float *from, const row_shape *s)
{
    const lanes none = { 0 };
    for (size_t i = 0; i < s->whole; i += LANES) store(sum + i, from ? load(from + i) : none);
    store(sum + s->whole, from ? load(from + s->end) : none);
}

static INLINE void sums_store(float *to, const float *sum, const row_shape *s)
{
    if (!to) return;
    for (size_t i = 0; i < s->whole; i += LANES) store(to + i, load(sum + i));
    store(to + s->end, load(sum + s->whole));
}

static INLINE lanes back_xhat(const float *x, const back_row *r)
{
    return (load(x) - r->mean) * r->rstd;
}

// `at` is where the row begins.
static INLINE void back_row_sums(const norm_back *k, back_row *r, size_t at, const row_shape *s,
                                 back_sums *sums, bool centred)
{
    lanes sum = { 0 }, sum_x = { 0 };
    for (size_t i = 0; i <= s->whole; i += LANES) {
        const size_t j = i < s->whole ? i : s->end;
        const lanes d = load(k->dy + at + j), xhat = back_xhat(k->x + at + j, r);
        lanes dxhat = d * load(k->g + j);
        if (i == s->whole) dxhat = lanes_keep(s->fresh, dxhat);
        sum += dxhat;
        sum_x += dxhat * xhat;
        store(sums->dg + i, load(sums->dg + i) + d * xhat);
        if (centred) store(sums->db + i, load(sums->db + i) + d);
    }
    const float share = 1 / (float)s->cols;
    r->avg = centred ? share * lanes_sum(sum) : 0;
    r->avg_x = share * lanes_sum(sum_x);
}

static INLINE lanes back_dx(const norm_back *k, const back_row *r, size_t at, size_t i)
{
    const lanes dxhat = load(k->dy + at + i) * load(k->g + i);
    const lanes xhat = back_xhat(k->x + at + i, r);
    return load(k->dx + at + i) + r->rstd * (dxhat - r->avg - xhat * r->avg_x);
}

static INLINE void back_rows(norm_back k, size_t rows, size_t cols, bool centred)
{
    const row_shape s = row_shape_of(cols);
    back_row row[NORM_ROWS];
    back_sums sums;
    sums_load(sums.dg, k.dg, &s);
    if (centred) sums_load(sums.db, k.db, &s);
    for (size_t from = 0; from < rows; from += NORM_ROWS) {
        const size_t some = rows - from < NORM_ROWS ? rows - from : NORM_ROWS;
        for (size_t r = 0; r < some; r++) {
            row[r].mean = centred ? *k.stats++ : 0;
            row[r].rstd = *k.stats++;
            back_row_sums(&k, &row[r], (from + r) * cols, &s, &sums, centred);
        }
        for (size_t r = 0; k.dx && r < some; r++) {
            const size_t at = (from + r) * cols;
            const lanes last = back_dx(&k, &row[r], at, s.end);
            for (size_t i = 0; i < s.whole; i += LANES)
                store(k.dx + at + i, back_dx(&k, &row[r], at, i));
            store(k.dx + at + s.end, last);
        }
    }
    sums_store(k.dg, sums.dg, &s);
    if (centred) sums_store(k.db, sums.db, &s);
}

static void layer_norm_back(void *dx, void *dg, void *db, const void *dy, const void *x,
                            const void *g, const void *stats, size_t rows, size_t cols)
{
    if (cols < LANES || cols > NORM_COLS)
        row_kernels_ref_f32.layer_norm_back(dx, dg, db, dy, x, g, stats, rows, cols);
    else
        back_rows((norm_back){ dx, dg, db, dy, x, g, stats }, rows, cols, true);
}

static void rms_norm_back(void *dx, void *dg, const void *dy, const void *x, const void *g,
                          const void *stats, size_t rows, size_t cols)
{
    if (cols < LANES || cols > NORM_COLS)
        row_kernels_ref_f32.rms_norm_back(dx, dg, dy, x, g, stats, rows, cols);
    else
        back_rows((norm_back){ dx, dg, NULL, dy, x, g, stats }, rows, cols, false);
}

#endif
