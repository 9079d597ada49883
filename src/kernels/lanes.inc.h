// lanes.inc.h - one vector register of floats, the same words for every instruction set.
//
// Included once per file that is compiled for one instruction set, with VECTOR_BYTES, the width
// of a register, defined.  Written in compiler vector types; only what they cannot say, the first
// n floats of a register, has a line per instruction set.
#ifndef KERNELS_LANES_INC_H
#define KERNELS_LANES_INC_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

enum { LANES = VECTOR_BYTES / 4 };

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_SOME _Pragma("clang loop unroll_count(4)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_SOME _Pragma("GCC unroll 4")
#endif
#define INLINE inline __attribute__((always_inline))

// Aligned to one float: loads and stores may stand anywhere.
typedef float lanes __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t lanes_i __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint32_t lanes_u __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

static INLINE lanes load(const float *p)
{
    return *(const lanes *)(const void *)p;
}

static INLINE void store(float *p, lanes v)
{
    *(lanes *)(void *)p = v;
}

static INLINE lanes splat(float x)
{
    return x - (lanes){ 0 };
}

// The first n floats, 0 < n <= LANES; the rest of the register is zero and of the memory untouched.
// AVX2 can store under a mask, but AMD's processors take 18 cycles for it.
#if defined(__AVX512F__) && VECTOR_BYTES == 64
static INLINE lanes load_part(const float *p, int n)
{
    return (lanes)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

static INLINE void store_part(float *p, lanes v, int n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif defined(__AVX2__) && VECTOR_BYTES == 32
static const int32_t lanes_mask[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

static INLINE lanes load_part(const float *p, int n)
{
    const __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)(lanes_mask + 8 - n));
    return (lanes)_mm256_maskload_ps(p, mask);
}

static INLINE void store_part(float *p, lanes v, int n)
{
    if (n == LANES) {
        store(p, v);
        return;
    }
    __m128 part = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
}
#else
static INLINE lanes load_part(const float *p, int n)
{
    lanes v = { 0 };
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
}

static INLINE void store_part(float *p, lanes v, int n)
{
    for (int i = 0; i < n; i++) p[i] = v[i];
}
#endif

// A row of n floats whose last register overlaps the one before it: the last LANES floats, or all
// if there are fewer.
static INLINE lanes load_last(const float *row, size_t n)
{
    return n < LANES ? load_part(row, (int)n) : load(row + n - LANES);
}

static INLINE void store_last(float *row, lanes v, size_t n)
{
    if (n < LANES)
        store_part(row, v, (int)n);
    else
        store(row + n - LANES, v);
}

static INLINE lanes_i lanes_index(void)
{
    lanes_i index = { 0 };
    UNROLL
    for (int l = 0; l < LANES; l++) index[l] = l;
    return index;
}

// The lanes of load_last that no whole register before it holds; n > 0.
static INLINE lanes_i lanes_fresh(size_t n)
{
    const int tail = (int)((n - 1) % LANES) + 1;
    return n < LANES ? lanes_index() < tail : lanes_index() >= LANES - tail;
}

static INLINE lanes lanes_keep(lanes_i mask, lanes v)
{
    return (lanes)(mask & (lanes_i)v);
}

static INLINE lanes lanes_pick(lanes_i mask, lanes yes, lanes no)
{
    return (lanes)((mask & (lanes_i)yes) | (~mask & (lanes_i)no));
}

// a > b ? a : b, so that a NaN in a is passed over.
static INLINE lanes lanes_max(lanes a, lanes b)
{
#if defined(__AVX512F__) && VECTOR_BYTES == 64
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__) && VECTOR_BYTES == 32
    return (lanes)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return lanes_pick(a > b, a, b);
#endif
}

// Four floats.
typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

static INLINE quad quad_load(const float *p)
{
    return *(const quad *)(const void *)p;
}

static INLINE void quad_store(float *p, quad v)
{
    *(quad *)(void *)p = v;
}

// Columns become rows.
static INLINE void quad_turn(quad *x)
{
    const quad a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    const quad b = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    const quad c = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    const quad d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    x[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    x[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    x[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    x[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// By halves: four lanes at a time, then across.
static INLINE float lanes_sum(lanes v)
{
    union {
        lanes v;
        quad q[LANES / 4];
    } part = { .v = v };
    quad s = part.q[0];
    UNROLL
    for (int k = 1; k < LANES / 4; k++) s += part.q[k];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

#endif
