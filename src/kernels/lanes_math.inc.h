// lanes_math.inc.h - exp and what is made of it, a register at a time.
//
// NaN stays NaN.  The constants are exactly rounded; the polynomial has the least relative error.
#ifndef KERNELS_LANES_MATH_INC_H
#define KERNELS_LANES_MATH_INC_H
#include "kernels/lanes.inc.h"

#include <math.h>

// x = n ln 2 + r, |r| <= ln 2 / 2, exp(x) = 2^n (1 + tail).  `n` lies in the low bits of `turn`.
typedef struct exp_parts {
    lanes_u turn;
    lanes tail;
} exp_parts;

static INLINE exp_parts exp_split(lanes x)
{
    const float round = 0x1.8p23f; // adding it leaves no bits below one
    const float ln2 = 0x1.62e43p-1f, ln2_rest = -0x1.05c61p-29f;
    const lanes z = x * 0x1.715476p0f + round;
    const lanes n = z - round;
    const lanes r = (x - n * ln2) - n * ln2_rest;
    // (exp(r) - 1 - r) / r^2 to 3e-9 of exp(r)
    lanes q = 0.0013814467f * r + 0.008368781f;
    q = q * r + 0.041668393f;
    q = q * r + 0.1666652f;
    q = q * r + 0.49999994f;
    return (exp_parts){ (lanes_u)z, r * r * q + r };
}

// Within 1 unit in the last place.  0 below -87.34, where floats begin to lose bits, infinite above
// 88.72.
static INLINE lanes lanes_exp(lanes x)
{
    const exp_parts e = exp_split(x);
    // for n = 128 the factor lies below one, so that the exponent holds the sum
    const lanes y = (lanes)((lanes_u)(1 + e.tail) + (e.turn << 23));
    return lanes_pick(x <= 88.722839f, lanes_keep(x >= -87.336544f, y), x * INFINITY);
}

static INLINE lanes lanes_sigmoid(lanes x)
{
    return 1 / (1 + lanes_exp(-x));
}

// With e = exp(2|x|) - 1, tanh |x| = e / (e + 2): no digits are lost near zero.
static INLINE lanes lanes_tanh(lanes x)
{
    const lanes_i sign = (lanes_i)x & INT32_MIN;
    const lanes size = (lanes)((lanes_i)x & INT32_MAX);
    const exp_parts p = exp_split(size + size);
    const lanes power = (lanes)((p.turn << 23) + 0x3f800000u);
    const lanes e = p.tail * power + (power - 1);
    const lanes y = lanes_pick(size > 9.02f, splat(1), e / (e + 2));
    return (lanes)((lanes_i)y | sign);
}

// The chance that a standard normal number is below x; e = exp(-x^2 / 2), which callers have.
//
//     below 0: t P(t) e  with  t = 1 / (1 + |x| / 4)      P to 4e-8 for all t, by Lawson's method
static INLINE lanes lanes_normal(lanes x, lanes e)
{
    const lanes size = (lanes)((lanes_i)x & INT32_MAX);
    const lanes t = 1 / (1 + 0.25f * size);
    lanes p = 0.0197851937f * t - 0.0808914006f;
    p = p * t + 0.0956231356f;
    p = p * t - 0.0317436457f;
    p = p * t + 0.063714534f;
    p = p * t + 0.0589697063f;
    p = p * t + 0.0816042274f;
    p = p * t + 0.0934662297f;
    p = p * t + 0.0997364372f;
    p = p * t + 0.0997355655f;
    const lanes below = t * p * e;
    return lanes_pick(x > 0, 1 - below, below);
}

#endif
