// rng.h - random numbers as values passed in: no hidden state, same seed, same bits everywhere.
//
// The stream is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): a counter through a mixing
// function, so that a stream can be started anywhere.  rng_at(seed, a, b) gives every (a, b),
// say (user, event), a stream of its own: what work is done by which thread then cannot matter.
#ifndef BASE_RNG_H
#define BASE_RNG_H
#include <math.h>
#include <stdint.h>

typedef struct rng {
    uint64_t state;
} rng;

static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline rng rng_at(uint64_t seed, uint64_t a, uint64_t b)
{
    return (rng){ rng_mix(rng_mix(rng_mix(seed + 0x9E3779B97F4A7C15u) + a) ^
                          (b * 0xD1B54A32D192ED03u)) };
}

static inline uint64_t rng_u64(rng *r)
{
    return rng_mix(r->state += 0x9E3779B97F4A7C15u);
}

// Uniform in [0, n), n >= 1: Lemire's multiply-shift (arXiv:1805.10941) without the rejection
// step; the bias is below n / 2^64.
static inline uint64_t rng_below(rng *r, uint64_t n)
{
    const uint64_t x = rng_u64(r);
    const uint64_t hi = x >> 32, lo = x & 0xFFFFFFFFu; // 64x64 -> high 64 without __int128
    const uint64_t nh = n >> 32, nl = n & 0xFFFFFFFFu;
    const uint64_t mid = hi * nl + ((lo * nl) >> 32);
    const uint64_t mid2 = lo * nh + (mid & 0xFFFFFFFFu);
    return hi * nh + (mid >> 32) + (mid2 >> 32);
}

static inline double rng_uniform(rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
} // [0,1)

static inline double rng_exponential(rng *r)
{
    return -log(1 - rng_uniform(r));
} // mean 1

// Box-Muller; one of the pair is thrown away, so that the stream has no memory.
static inline double rng_normal(rng *r)
{
    const double u = 1 - rng_uniform(r), v = rng_uniform(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
