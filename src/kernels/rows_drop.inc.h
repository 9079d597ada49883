// rows_drop.inc.h - dropout; part of rows.inc.h.
//
// The streams of dropout.h side by side in registers: every unit falls as it does in the reference.
#ifndef KERNELS_ROWS_DROP_INC_H
#define KERNELS_ROWS_DROP_INC_H
#include "kernels/lanes.inc.h"
#include "kernels/rows.h"

#include <stdbool.h>

enum { DROP_REGISTERS = DROPOUT_STREAMS / LANES };

// dropout_begin for all streams.
static INLINE void streams_begin(lanes_u *s, const dropout *d, uint64_t row)
{
    const uint64_t z = dropout_mix(d, row);
    UNROLL
    for (uint32_t k = 0; k < DROP_REGISTERS; k++) {
        lanes_u x = ((lanes_u)lanes_index() + k * LANES) * 0x9E3779B9u + (uint32_t)z;
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        x = (x ^ (x >> 16)) ^ (uint32_t)(z >> 32);
        s[k] = x - (lanes_u)(x == 0); // true is -1
    }
}

static INLINE lanes_u streams_next(lanes_u x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ (x << 5);
}

// What stays of x, times scale.
static INLINE lanes drop_apply(lanes_u *s, lanes x, float scale, int32_t level)
{
    *s = streams_next(*s);
    return lanes_keep((lanes_i)(*s >> 1) >= level, x * scale);
}

// y = x mask / (1 - p), or y += it: `add` is a constant where this is inlined.
static INLINE void drop_rows(float *y, const float *x, const dropout *d, size_t rows, size_t cols,
                             bool add)
{
    const int32_t level = dropout_level(d->p);
    const float scale = (float)(1 / (1 - d->p));
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        lanes_u s[DROP_REGISTERS];
        streams_begin(s, d, r);
        size_t i = 0;
        while (i + DROPOUT_STREAMS <= cols) {
            for (size_t k = 0; k < DROP_REGISTERS; k++, i += LANES) {
                lanes v = drop_apply(&s[k], load(x + i), scale, level);
                if (add) v += load(y + i);
                store(y + i, v);
            }
        }
        for (size_t k = 0; k < DROP_REGISTERS; k++, i += LANES) {
            const int n = cols < i + LANES ? (int)(cols - i) : LANES;
            if (n <= 0) continue;
            lanes v = drop_apply(&s[k], load_part(x + i, n), scale, level);
            if (add) v += load_part(y + i, n);
            store_part(y + i, v, n);
        }
    }
}

static void drop(void *y, const void *x, const dropout *d, size_t rows, size_t cols)
{
    drop_rows(y, x, d, rows, cols, false);
}

static void drop_back(void *dx, const void *dy, const dropout *d, size_t rows, size_t cols)
{
    drop_rows(dx, dy, d, rows, cols, true);
}

#endif
