// attention.c - the references of attention.h, the time buckets, and the choice among versions.
#include "kernels/attention.h"
#include "kernels/cpu.h"

#include <math.h>
#include <string.h>

// --- time buckets ----------------------------------------------------------------------------------

// ceil(exp(0.301 b)), up to 2^63.
// clang-format off
const uint64_t attention_edges[ATTENTION_EDGES] = {
    2u, 2u, 3u, 4u, 5u, 7u, 9u, 12u, 16u, 21u, 28u, 38u, 51u, 68u, 92u, 124u, 167u, 226u, 305u,
    412u, 557u, 752u, 1016u, 1372u, 1854u, 2505u, 3385u, 4574u, 6180u, 8350u, 11283u, 15245u,
    20600u, 27834u, 37610u, 50818u, 68666u, 92782u, 125367u, 169397u, 228891u, 309280u, 417902u,
    564672u, 762990u, 1030960u, 1393042u, 1882291u, 2543369u, 3436624u, 4643598u, 6274473u,
    8478127u, 11455724u, 15479081u, 20915478u, 28261189u, 38186783u, 51598337u, 69720155u,
    94206525u, 127292737u, 171999135u, 232406837u, 314030289u, 424320660u, 573346040u, 774710524u,
    1046796097u, 1414440665u, 1911205440u, 2582438644u, 3489415219u, 4714930440u, 6370858056u,
    8608362918u, 11631700390u, 15716862225u, 21236771058u, 28695323438u, 38773389087u,
    52390965538u, 70791162047u, 95653679456u, 129248145233u, 174641301215u, 235976957620u,
    318854269524u, 430838867570u, 582153502558u, 786611250865u, 1062876470327u, 1436168615607u,
    1940564449431u, 2622108811928u, 3543017921206u, 4787358912370u, 6468724083690u, 8740600409714u,
    11810380924256u, 15958297031977u, 21563000024645u, 29136127064885u, 39369007066311u,
    53195770115076u, 71878621509799u, 97123064840915u, 131233592491847u, 177324056098577u,
    239601921079808u, 323752354013490u, 437457205087951u, 591096262037950u, 798694791013881u,
    1079203862655709u, 1458230340644303u, 1970374458392745u, 2662388374508185u, 3597444042437672u,
    4860899995802064u, 6568093482609850u, 8874869269797386u, 11991806262278896u,
    16203440643505319u, 21894240362561142u, 29583702103771285u, 39973774639893605u,
    54012937709959665u, 72982785997608452u, 98615022211438422u, 133249539228074495u,
    180048022160610520u, 243282569468860584u, 328725680499695652u, 444177210294629863u,
    600176395848399509u, 810963952640975311u, 1095782068459078732u, 1480630967191756526u,
    2000642394239968542u, 2703286692174026944u, 3652706231320947265u, 4935570781654983716u,
    6668989345994299602u, 9011200702924998982u,
};
// clang-format on

size_t attention_bucket(int64_t seconds, size_t buckets)
{
    const uint64_t d = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    if (d < 2) return 0;
    size_t b = (size_t)(63 - __builtin_clzll(d)) * 2302 / 1000; // ln 2 / 0.301 = 2.3028
    while (b < ATTENTION_EDGES && d >= attention_edges[b]) b++;
    return b < buckets ? b : buckets - 1;
}

// --- versions --------------------------------------------------------------------------------------

static size_t no_buckets(const attention *a)
{
    (void)a;
    return 0;
}

#define REAL float
#define NAME(f) f##_f32
#define EXP expf
#include "kernels/ref/attention.inc.h"
#undef REAL
#undef NAME
#undef EXP

#define REAL double
#define NAME(f) f##_f64
#define EXP exp
#include "kernels/ref/attention.inc.h"
#undef REAL
#undef NAME
#undef EXP

#if defined(__x86_64__)
extern const attention_kernels attention_avx2, attention_avx512;
#elif defined(__aarch64__)
extern const attention_kernels attention_neon;
#endif

static const attention_kernels *const versions[] = {
#if defined(__x86_64__)
    &attention_avx512,
    &attention_avx2,
#elif defined(__aarch64__)
    &attention_neon,
#endif
    &attention_ref_f32,
};

const attention_kernels *attention_at(size_t i)
{
    return i < sizeof versions / sizeof *versions ? versions[i] : NULL;
}

const attention_kernels *attention_pick(void)
{
    size_t i = 0;
    while (!cpu_allows(versions[i]->name, versions[i]->needs)) i++; // the reference may always run
    return versions[i];
}

const attention_kernels *attention_kernels_f64(void)
{
    return &attention_ref_f64;
}
