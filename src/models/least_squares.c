// least_squares.c - conjugate gradients and Cholesky factors for the problem of least_squares.h.
#include "models/least_squares.h"

#include <math.h>
#include <string.h>

// What is gathered should stay in the second-level cache between passes.
enum { CHUNK_BYTES = 256 * 1024 };

void solver_carve(solver *s, size_t width, arena *memory)
{
    *s = (solver){ .factor = factor_kernels_pick(), .vector = vector_kernels_pick() };
    s->pad = factor_pad(width);
    s->chunk = CHUNK_BYTES / (s->pad * sizeof(float));
    if (s->chunk < s->pad) s->chunk = s->pad; // the small system is gathered whole
    s->g = arena_floats(memory, s->chunk * s->pad);
    s->a = arena_floats(memory, s->chunk);
    s->matrix = arena_floats(memory, s->pad * s->pad);
    float **const row[] = { &s->r, &s->p, &s->q, &s->t, &s->root, &s->inverse };
    for (size_t k = 0; k < COUNT_OF(row); k++) *row[k] = arena_floats(memory, s->pad);
}

// Rows `from` .. of the problem, at most a chunk, into g and a.  Returns how many.
static size_t gather(solver *s, const least_squares *p, size_t from)
{
    const size_t n = p->n - from < s->chunk ? p->n - from : s->chunk;
    s->factor->gather(s->g, p->table, p->index + from, s->inverse, n, p->width);
    for (size_t r = 0; r < n; r++) {
        const float w = p->weight[from + r];
        s->a[r] = 1;
        if (w == 1) continue;
        s->a[r] = sqrtf(w);
        s->vector->scale(s->g + r * s->pad, s->a[r], s->pad);
    }
    return n;
}

// y += G^T (a - G t), or with `plain` y -= G^T G t.  What fits in one chunk is gathered once.
static void pull_all(solver *s, const least_squares *p, float *y, const float *t, bool plain,
                     bool gathered)
{
    for (size_t from = 0; from < p->n;) {
        const size_t n = gathered ? p->n : gather(s, p, from);
        s->factor->pull(y, t, s->g, plain ? NULL : s->a, n, s->pad);
        from += n;
    }
}

static void multiply(float *to, const float *x, const float *y, size_t n)
{
    for (size_t k = 0; k < n; k++) to[k] = x[k] * y[k];
}

void solver_conjugate(solver *s, const least_squares *p, float *x, int steps)
{
    const size_t dim = s->pad;
    const vector_kernels *v = s->vector;
    const bool whole = p->n <= s->chunk;
    s->factor->roots(s->root, s->inverse, p->d, p->plus, dim);
    if (whole) gather(s, p, 0);

    multiply(s->t, x, s->root, dim);
    memset(s->r, 0, dim * sizeof *s->r);
    v->axpy(s->r, -1, s->t, dim);
    pull_all(s, p, s->r, s->t, false, whole);
    memcpy(s->p, s->r, dim * sizeof *s->p);
    float rr = v->dot(s->r, s->r, dim);
    const float enough = 1e-12f * rr;

    for (int step = 0; step < steps && rr > enough; step++) {
        memset(s->q, 0, dim * sizeof *s->q);
        pull_all(s, p, s->q, s->p, true, whole);
        v->axpy(s->q, -1, s->p, dim); // -(I + G^T G) p
        const float length = -rr / v->dot(s->p, s->q, dim);
        v->axpy(s->t, length, s->p, dim);
        if (step + 1 == steps) break;
        v->axpy(s->r, length, s->q, dim);
        const float was = rr;
        rr = v->dot(s->r, s->r, dim);
        v->scale(s->p, rr / was, dim);
        v->axpy(s->p, 1, s->r, dim);
    }
    multiply(x, s->t, s->inverse, dim);
}

// [n, n]
static bool exact_small(solver *s, const least_squares *p, float *x)
{
    const size_t n = gather(s, p, 0), pad = factor_pad(n);
    for (size_t i = 0; i < n; i++) {
        const float *row = s->g + i * s->pad;
        for (size_t j = i; j < n; j++)
            s->matrix[i * pad + j] = s->vector->dot(row, s->g + j * s->pad, s->pad) + (i == j);
        for (size_t j = n; j < pad; j++) s->matrix[i * pad + j] = 0;
    }
    if (!s->factor->cholesky(s->matrix, n, pad)) return false;
    s->factor->cholesky_solve(s->matrix, s->a, n, pad);
    memset(s->t, 0, s->pad * sizeof *s->t);
    for (size_t r = 0; r < n; r++) s->vector->axpy(s->t, s->a[r], s->g + r * s->pad, s->pad);
    multiply(x, s->t, s->inverse, s->pad);
    return true;
}

// [dim, dim]
static bool exact_large(solver *s, const least_squares *p, float *x)
{
    memset(s->matrix, 0, s->pad * s->pad * sizeof *s->matrix);
    memset(s->r, 0, s->pad * sizeof *s->r);
    memset(s->t, 0, s->pad * sizeof *s->t);
    for (size_t from = 0; from < p->n;) {
        const size_t n = gather(s, p, from);
        s->factor->gram(s->matrix, s->g, n, s->pad);
        s->factor->pull(s->r, s->t, s->g, s->a, n, s->pad);
        from += n;
    }
    for (size_t k = 0; k < s->pad; k++) s->matrix[k * s->pad + k] += 1;
    if (!s->factor->cholesky(s->matrix, s->pad, s->pad)) return false;
    s->factor->cholesky_solve(s->matrix, s->r, s->pad, s->pad);
    multiply(x, s->r, s->inverse, s->pad);
    return true;
}

void solver_exact(solver *s, const least_squares *p, float *x)
{
    s->factor->roots(s->root, s->inverse, p->d, p->plus, s->pad);
    const bool done = p->n < s->pad ? exact_small(s, p, x) : exact_large(s, p, x);
    if (done) return;
    // Only where a number is not finite, or d is so small that float cannot tell the matrix from a
    // singular one: conjugate gradients do what can be done.
    memset(x, 0, s->pad * sizeof *x);
    solver_conjugate(s, p, x, (int)s->pad);
}
