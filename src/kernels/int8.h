// int8.h - scores of a catalogue whose vectors were rounded to whole numbers of one byte.
//
//     panel  [panels][quads][cols][4]   `cols` items side by side, four features of each together
//     query  [quads][4]                 quads = ceil(dim / 4); what is missing is 0
//
// All numbers are in -127 .. 127, so that no sum of two products leaves 16 bits, and
//
//     scores[i] = fma((float)sum_k query[k] panel[i][k], scale[i] * by, bias[i])
//
// The sum is a whole number and exact below 2^24, that is up to 1,040 features: every version gives
// the same bits.
#ifndef KERNELS_INT8_H
#define KERNELS_INT8_H
#include <stddef.h>
#include <stdint.h>

enum { INT8_MOST = 127, INT8_DIM = 1040 };

typedef struct int8_kernel {
    const char *name;
    unsigned needs; // enum cpu_feature
    int cols;
    // scores[panels * cols]; scale and bias as long.
    void (*scores)(float *scores, const int8_t *query, const int8_t *panel, const float *scale,
                   float by, const float *bias, size_t panels, int quads);
} int8_kernel;

// Best first; the last row is the reference and needs nothing.
extern const int8_kernel int8_kernels[];
const int8_kernel *int8_pick(void);

#define INT8_KERNEL_DECLARE(isa)                                                                   \
    void int8_scores_##isa(float *, const int8_t *, const int8_t *, const float *, float,          \
                           const float *, size_t, int)
INT8_KERNEL_DECLARE(avx2);
INT8_KERNEL_DECLARE(avx512);
INT8_KERNEL_DECLARE(neon);

#endif
