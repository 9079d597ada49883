// rank.h - the inner loops of ranking a catalogue.
//
// Scores of `rows` queries against a run of items are one matrix product, made in tiles small
// enough to be consumed (masked, counted, searched for the best) while they are in cache, so the
// [queries x items] matrix never exists.  Both sides are packed for it:
//
//     block   [dim][rows]             one feature of all queries side by side
//     panel   [panels][dim][cols]     one feature of `cols` items side by side
//
// Every score is one chain of fused multiply-adds, bias first, then features 0, 1, 2, ...:
//
//     s = fma(q[D-1], v[D-1], ... fma(q[1], v[1], fma(q[0], v[0], bias)))
//
// in `scores`, in `one` and in `dots` of every version.  So a score has the same bits however it
// is computed and on whatever machine, and two items tie exactly when their chains do.
#ifndef KERNELS_RANK_H
#define KERNELS_RANK_H
#include <stddef.h>
#include <stdint.h>

typedef struct rank_kernel {
    const char *name;
    unsigned needs; // enum cpu_feature
    int rows, cols;

    // scores[r*stride + c] for r < rows, c < panels*cols.  bias[panels*cols].
    void (*scores)(float *scores, size_t stride, const float *block, const float *panel,
                   const float *bias, size_t panels, int dim);
    // The same for one query: scores[panels*cols].
    void (*one)(float *scores, const float *query, const float *panel, const float *bias,
                size_t panels, int dim);
    // scores[j] of item which[j], j < n, from unpacked vectors items[][dim]; bias may be NULL.
    void (*dots)(float *scores, const float *query, const float *items, const float *bias,
                 const uint32_t *which, size_t n, int dim);
    // Adds to *below the number of scores < t, to *equal the number == t.  NaN is neither.
    void (*count)(const float *scores, size_t n, float t, size_t *below, size_t *equal);
    // Writes the ascending indices of all scores > t to where[], returns how many.  NaN never is.
    size_t (*above)(const float *scores, size_t n, float t, uint32_t *where);
} rank_kernel;

// Best first; the last row is the reference and needs nothing.
extern const rank_kernel rank_kernels[];
const rank_kernel *rank_pick(void); // the first that may run here (kernels/cpu.h)

// One query or item vector into lane `lane` of a packed array `width` lanes wide.
static inline void rank_pack(float *packed, int width, int lane, const float *vector, int dim)
{
    for (int k = 0; k < dim; k++) packed[(size_t)k * (size_t)width + (size_t)lane] = vector[k];
}

// The versions; use rank_pick().
#define RANK_KERNEL_DECLARE(isa)                                                                   \
    void rank_scores_##isa(float *, size_t, const float *, const float *, const float *, size_t,   \
                           int);                                                                   \
    void rank_one_##isa(float *, const float *, const float *, const float *, size_t, int);        \
    void rank_dots_##isa(float *, const float *, const float *, const float *, const uint32_t *,   \
                         size_t, int);                                                             \
    void rank_count_##isa(const float *, size_t, float, size_t *, size_t *);                       \
    size_t rank_above_##isa(const float *, size_t, float, uint32_t *);

RANK_KERNEL_DECLARE(avx2)
RANK_KERNEL_DECLARE(avx512)
RANK_KERNEL_DECLARE(neon)

#endif
