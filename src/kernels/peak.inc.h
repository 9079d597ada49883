// peak.inc.h - the loop of peak.h in compiler vector types.
//
// Ten independent chains: a fused multiply-add takes 4 cycles and two start in each, so eight are
// needed to keep both units busy.
#include "kernels/cpu.h"
#include "kernels/peak.h"

enum { LANES = PEAK_BYTES / 4, CHAINS = 10 };
typedef float lanes __attribute__((vector_size(PEAK_BYTES)));

static float spin(size_t turns)
{
    lanes c0 = { 0 }, c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0, c8 = c0,
          c9 = c0;
    const lanes a = c0 + 0.5f, b = c0 + 1.0f; // x -> x/2 + 1 stays below 2
    for (size_t t = 0; t < turns; t++) {
        c0 = c0 * a + b;
        c1 = c1 * a + b;
        c2 = c2 * a + b;
        c3 = c3 * a + b;
        c4 = c4 * a + b;
        c5 = c5 * a + b;
        c6 = c6 * a + b;
        c7 = c7 * a + b;
        c8 = c8 * a + b;
        c9 = c9 * a + b;
        // the chains are equal: without this the compiler would compute one of them
        __asm__ volatile(""
                         : PEAK_REGISTER(c0), PEAK_REGISTER(c1), PEAK_REGISTER(c2),
                           PEAK_REGISTER(c3), PEAK_REGISTER(c4), PEAK_REGISTER(c5),
                           PEAK_REGISTER(c6), PEAK_REGISTER(c7), PEAK_REGISTER(c8),
                           PEAK_REGISTER(c9));
    }
    const lanes s = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9;
    float sum = 0;
    for (int l = 0; l < LANES; l++) sum += s[l];
    return sum;
}

extern const peak_kernel PEAK_TABLE;
const peak_kernel PEAK_TABLE = { PEAK_NAME, PEAK_NEEDS, 2 * LANES *CHAINS, spin };
