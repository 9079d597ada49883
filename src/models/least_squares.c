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
    s->r = arena_floats(memory, s->pad);
    s->p = arena_floats(memory, s->pad);
    s->q = arena_floats(memory, s->pad);
    s->scale = arena_floats(memory, s->pad);
}

// Rows `from` .. of the problem, at most a chunk, into g and a.  Returns how many.
static size_t gather(solver *s, const least_squares *p, size_t from)
{
    const size_t n = p->n - from < s->chunk ? p->n - from : s->chunk;
    for (size_t r = 0; r < n; r++) {
        const float *row = p->table + (size_t)p->index[from + r] * p->width;
        float *to = s->g + r * s->pad;
        const float w = p->weight[from + r];
        memcpy(to, row, p->width * sizeof *to);
        if (s->pad > p->width) memset(to + p->width, 0, (s->pad - p->width) * sizeof *to);
        s->a[r] = 1;
        if (w == 1) continue;
        s->a[r] = sqrtf(w);
        s->vector->scale(to, s->a[r], p->width);
    }
    return n;
}

// y += G^T (a - G x), or with `plain` y -= G^T G x.  What fits in one chunk is gathered once.
static void pull_all(solver *s, const least_squares *p, float *y, const float *x, bool plain,
                     bool gathered)
{
    for (size_t from = 0; from < p->n;) {
        const size_t n = gathered ? p->n : gather(s, p, from);
        s->factor->pull(y, x, s->g, plain ? NULL : s->a, n, s->pad);
        from += n;
    }
}

void solver_conjugate(solver *s, const least_squares *p, float *x, int steps)
{
    const size_t dim = s->pad;
    const bool whole = p->n <= s->chunk;
    if (whole) gather(s, p, 0);

    float *r = s->r, *z = s->scale, *q = s->q; // residual, preconditioned residual, A p
    for (size_t k = 0; k < dim; k++) r[k] = -p->d[k] * x[k];
    pull_all(s, p, r, x, false, whole);
    for (size_t k = 0; k < dim; k++) s->p[k] = z[k] = r[k] / p->d[k];
    float rz = s->vector->dot(r, z, dim);
    const float enough = 1e-12f * rz;

    for (int step = 0; step < steps && rz > enough; step++) {
        memset(q, 0, dim * sizeof *q);
        pull_all(s, p, q, s->p, true, whole);
        for (size_t k = 0; k < dim; k++) q[k] = p->d[k] * s->p[k] - q[k];
        const float pq = s->vector->dot(s->p, q, dim);
        if (!(pq > 0)) return; // nothing left to gain in float
        const float length = rz / pq;
        s->vector->axpy(x, length, s->p, dim);
        if (step + 1 == steps) return;
        s->vector->axpy(r, -length, q, dim);
        for (size_t k = 0; k < dim; k++) z[k] = r[k] / p->d[k];
        const float was = rz;
        rz = s->vector->dot(r, z, dim);
        const float turn = rz / was;
        for (size_t k = 0; k < dim; k++) s->p[k] = z[k] + turn * s->p[k];
    }
}

// [n, n]: rows scaled by d^-1/2 make the matrix I + H H^T.
static bool exact_small(solver *s, const least_squares *p, float *x)
{
    const size_t n = gather(s, p, 0), pad = factor_pad(n);
    for (size_t k = 0; k < s->pad; k++) s->scale[k] = 1 / sqrtf(p->d[k]);
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < s->pad; k++) s->g[r * s->pad + k] *= s->scale[k];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++)
            s->matrix[i * pad + j] =
                s->vector->dot(s->g + i * s->pad, s->g + j * s->pad, s->pad) + (i == j);
        for (size_t j = n; j < pad; j++) s->matrix[i * pad + j] = 0;
    }
    if (!s->factor->cholesky(s->matrix, n, pad)) return false;
    s->factor->cholesky_solve(s->matrix, s->a, n, pad);
    memset(x, 0, s->pad * sizeof *x);
    for (size_t r = 0; r < n; r++) s->vector->axpy(x, s->a[r], s->g + r * s->pad, s->pad);
    for (size_t k = 0; k < s->pad; k++) x[k] *= s->scale[k];
    return true;
}

// [dim, dim]
static bool exact_large(solver *s, const least_squares *p, float *x)
{
    memset(s->matrix, 0, s->pad * s->pad * sizeof *s->matrix);
    memset(s->r, 0, s->pad * sizeof *s->r);
    memset(s->p, 0, s->pad * sizeof *s->p);
    for (size_t from = 0; from < p->n;) {
        const size_t n = gather(s, p, from);
        s->factor->gram(s->matrix, s->g, n, s->pad);
        s->factor->pull(s->r, s->p, s->g, s->a, n, s->pad);
        from += n;
    }
    for (size_t k = 0; k < s->pad; k++) s->matrix[k * s->pad + k] += p->d[k];
    if (!s->factor->cholesky(s->matrix, s->pad, s->pad)) return false;
    s->factor->cholesky_solve(s->matrix, s->r, s->pad, s->pad);
    memcpy(x, s->r, s->pad * sizeof *x);
    return true;
}

void solver_exact(solver *s, const least_squares *p, float *x)
{
    const bool done = p->n < s->pad ? exact_small(s, p, x) : exact_large(s, p, x);
    if (done) return;
    // So little regularisation that float cannot tell the matrix from a singular one: conjugate
    // gradients stay finite.
    memset(x, 0, s->pad * sizeof *x);
    solver_conjugate(s, p, x, (int)s->pad);
}
