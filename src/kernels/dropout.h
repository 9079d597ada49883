// dropout.h - which units of a row stay, from a counter: no state, no order, same bits everywhere.
//
//     row r has 16 streams; column c takes the (c / 16)-th word of stream c % 16
//     stream l starts at mix(low + l * 0x9E3779B9) ^ high of rng_mix(key + r * golden), never 0
//     and goes on as xorshift32 (Marsaglia 2003: 13, 17, 5)
//     a unit stays if its word, shifted right by one, is at least p * 2^31
//
// Rows are numbered by the event's place in the whole batch, so a mask does not depend on how the
// batch was cut into shards.  What stays is divided by 1 - p.
#ifndef KERNELS_DROPOUT_H
#define KERNELS_DROPOUT_H
#include "base/rng.h"

#include <stdint.h>

enum { DROPOUT_STREAMS = 16 };

typedef struct dropout {
    uint64_t key;       // of this op in this training step
    uint64_t first_row; // number of the first row
    double p;           // chance of being dropped, 0 <= p < 1
} dropout;

// What all streams of row `row` begin from.
static inline uint64_t dropout_mix(const dropout *d, uint64_t row)
{
    return rng_mix(d->key + (d->first_row + row) * 0x9E3779B97F4A7C15u);
}

// The words that begin the streams of row `row`.
static inline void dropout_begin(const dropout *d, uint64_t row, uint32_t *stream)
{
    const uint64_t z = dropout_mix(d, row);
    for (uint32_t l = 0; l < DROPOUT_STREAMS; l++) {
        uint32_t x = (uint32_t)z + l * 0x9E3779B9u; // lowbias32 of Wellons' hash prospector
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        x = (x ^ (x >> 16)) ^ (uint32_t)(z >> 32);
        stream[l] = x ? x : 1;
    }
}

static inline uint32_t dropout_next(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ (x << 5);
}

static inline int32_t dropout_level(double p)
{
    return (int32_t)(p * 2147483648.0);
}

// True if a unit whose word is `x` stays.
static inline int dropout_keeps(uint32_t x, int32_t level)
{
    return (int32_t)(x >> 1) >= level;
}

#endif
