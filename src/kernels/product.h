// product.h - matrix products for the shapes of sequence models: many rows, few columns.
//
//     C[m][n]  =  A[m][k] B[k][n]      or  +=
//
// Any of the three may be a part of a larger matrix, and A and B may lie transposed: element
// (i, p) of A is at a[i * a_row + p * a_col].  No memory is allocated and no thread is started:
// callers share out rows.  The sums of one element of C are always added up in the same order,
// whatever m and n are, so rows computed together or apart have the same bits.
#ifndef KERNELS_PRODUCT_H
#define KERNELS_PRODUCT_H
#include <stdbool.h>
#include <stddef.h>

// Element type: float, or double in `product_f64`.
typedef struct product {
    int m, n, k;
    const void *a;
    ptrdiff_t a_row, a_col;
    const void *b;
    ptrdiff_t b_row, b_col;
    void *c;
    ptrdiff_t c_row; // columns of C lie side by side
    bool add;        // C += A B
    bool packed;     // b is what product_pack made of B: b_row and b_col are not read
    bool from_end; // the last columns first, where rows are few: the same bits, and whoever meets B
                   // again and again, to and fro, finds some of it still in the nearest cache
} product;

typedef void product_fn(const product *p);
// Lays out B of p for many products with it of some tens of rows each; their bits are the same.
// (Up to six rows take B as fast where it lies, if its columns lie side by side.)  Returns how many
// elements that takes; `to` NULL: only that.
typedef size_t product_pack_fn(void *to, const product *p);

typedef struct product_kernel {
    const char *name; // "avx2", ..., "ref"
    unsigned needs;   // enum cpu_feature
    product_fn *run;
    product_pack_fn *pack;
} product_kernel;

const product_kernel *product_pick(void);   // the best that may run here, f32
const product_kernel *product_at(size_t i); // best first, last the reference; or NULL
void product_ref_f32(const product *p);
void product_ref_f64(const product *p); // for gradient checks
size_t product_pack_ref_f32(void *to, const product *p);
size_t product_pack_ref_f64(void *to, const product *p);

#endif
