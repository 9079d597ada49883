// recurrent.inc.h - recurrent.h in compiler vector types.
//
// Included once per instruction set with VECTOR_BYTES, VECTOR_NEEDS, VECTOR_NAME and RECURRENT_TABLE
// defined.  Each gate function is written once, for the n units from unit i of one row: n is a
// constant but for the last units of a row.
#include "kernels/cpu.h"
#include "kernels/lanes.inc.h"
#include "kernels/lanes_math.inc.h"
#include "kernels/recurrent.h"

#include <math.h>

static INLINE lanes get(const float *p, int n)
{
    return n == LANES ? load(p) : load_part(p, n);
}

static INLINE void put(float *p, lanes v, int n)
{
    if (n == LANES)
        store(p, v);
    else
        store_part(p, v, n);
}

// Runs `part(arguments.., i, n)` over the units of a row.
#define OVER_UNITS(H, part)                                                                        \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + LANES <= (H); i += LANES) part(&x, i, LANES);                                   \
        if (i < (H)) part(&x, i, (int)((H)-i));                                                    \
    } while (0)

// --- GRU: slots r, z, u, c ---------------------------------------------------------------------------

typedef struct gru_row {
    float *h, *gates;
    const float *before;
    size_t H;
} gru_row;

// h = c + z (before - c)
static INLINE void gru_new(const gru_row *x, size_t i, int n, lanes z, lanes sum)
{
    const lanes c = lanes_tanh(sum);
    put(x->gates + 3 * x->H + i, c, n);
    put(x->h + i, c + z * (get(x->before + i, n) - c), n);
}

static INLINE void gru_part(const gru_row *x, size_t i, int n)
{
    float *gates = x->gates + i;
    const size_t H = x->H;
    const lanes r = lanes_sigmoid(get(gates, n)), z = lanes_sigmoid(get(gates + H, n));
    put(gates, r, n);
    put(gates + H, z, n);
    gru_new(x, i, n, z, get(gates + 3 * H, n) + r * get(gates + 2 * H, n));
}

static void gru(void *h, void *gates, const void *before, size_t rows, size_t H)
{
    gru_row x = { h, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.h += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_part);
}

static INLINE void gru_reset_part(const gru_row *x, size_t i, int n)
{
    float *gates = x->gates + i;
    const size_t H = x->H;
    const lanes r = lanes_sigmoid(get(gates, n));
    put(gates, r, n);
    put(gates + H, lanes_sigmoid(get(gates + H, n)), n);
    put(gates + 2 * H, r * get(x->before + i, n), n);
}

static void gru_reset(void *gates, const void *before, size_t rows, size_t H)
{
    gru_row x = { NULL, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_reset_part);
}

static INLINE void gru_update_part(const gru_row *x, size_t i, int n)
{
    gru_new(x, i, n, get(x->gates + x->H + i, n), get(x->gates + 3 * x->H + i, n));
}

static void gru_update(void *h, void *gates, const void *before, size_t rows, size_t H)
{
    gru_row x = { h, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.h += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_update_part);
}

typedef struct gru_row_back {
    float *d, *dh;
    const float *gates, *before;
    size_t H;
} gru_row_back;

// The slots z and c of d; gives d of c.
static INLINE lanes gru_new_back(const gru_row_back *x, size_t i, int n)
{
    const size_t H = x->H;
    const lanes z = get(x->gates + H + i, n), c = get(x->gates + 3 * H + i, n);
    const lanes dh = get(x->dh + i, n), kept = dh * z;
    const lanes dc = (dh - kept) * (1 - c * c);
    put(x->d + H + i, kept * (1 - z) * (get(x->before + i, n) - c), n);
    put(x->d + 3 * H + i, dc, n);
    put(x->dh + i, kept, n);
    return dc;
}

static INLINE void gru_part_back(const gru_row_back *x, size_t i, int n)
{
    const lanes r = get(x->gates + i, n), dc = gru_new_back(x, i, n), du = dc * r;
    put(x->d + i, du * (1 - r) * get(x->gates + 2 * x->H + i, n), n);
    put(x->d + 2 * x->H + i, du, n);
}

static void gru_back(void *d, void *dh, const void *gates, const void *before, size_t rows,
                     size_t H)
{
    gru_row_back x = { d, dh, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.d += 4 * H, x.dh += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_part_back);
}

static INLINE void gru_update_part_back(const gru_row_back *x, size_t i, int n)
{
    (void)gru_new_back(x, i, n);
}

static void gru_update_back(void *d, void *dh, const void *gates, const void *before, size_t rows,
                            size_t H)
{
    gru_row_back x = { d, dh, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.d += 4 * H, x.dh += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_update_part_back);
}

static INLINE void gru_reset_part_back(const gru_row_back *x, size_t i, int n)
{
    const lanes r = get(x->gates + i, n), through = get(x->d + 2 * x->H + i, n) * r;
    put(x->d + i, through * (1 - r) * get(x->before + i, n), n);
    put(x->dh + i, get(x->dh + i, n) + through, n);
}

static void gru_reset_back(void *d, void *dh, const void *gates, const void *before, size_t rows,
                           size_t H)
{
    gru_row_back x = { d, dh, gates, before, H };
    for (size_t n = 0; n < rows; n++, x.d += 4 * H, x.dh += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, gru_reset_part_back);
}

// --- LSTM: slots i, f, g, o ----------------------------------------------------------------------------

typedef struct lstm_row {
    float *h, *memory, *gates;
    const float *before;
    size_t H;
} lstm_row;

static INLINE void lstm_part(const lstm_row *x, size_t i, int n)
{
    float *gates = x->gates + i;
    const size_t H = x->H;
    const lanes in = lanes_sigmoid(get(gates, n)), forget = lanes_sigmoid(get(gates + H, n));
    const lanes g = lanes_tanh(get(gates + 2 * H, n)), out = lanes_sigmoid(get(gates + 3 * H, n));
    const lanes memory = forget * get(x->before + i, n) + in * g;
    put(gates, in, n);
    put(gates + H, forget, n);
    put(gates + 2 * H, g, n);
    put(gates + 3 * H, out, n);
    put(x->memory + i, memory, n);
    put(x->h + i, out * lanes_tanh(memory), n);
}

static void lstm(void *h, void *memory, void *gates, const void *memory_before, size_t rows,
                 size_t H)
{
    lstm_row x = { h, memory, gates, memory_before, H };
    for (size_t n = 0; n < rows; n++, x.h += H, x.memory += H, x.gates += 4 * H, x.before += H)
        OVER_UNITS(H, lstm_part);
}

typedef struct lstm_row_back {
    float *d, *dmemory;
    const float *dh, *gates, *memory, *before;
    size_t H;
} lstm_row_back;

static INLINE void lstm_part_back(const lstm_row_back *x, size_t i, int n)
{
    const size_t H = x->H;
    const float *gates = x->gates + i;
    float *d = x->d + i;
    const lanes in = get(gates, n), forget = get(gates + H, n), g = get(gates + 2 * H, n);
    const lanes out = get(gates + 3 * H, n), c = lanes_tanh(get(x->memory + i, n));
    const lanes dh = get(x->dh + i, n) * out;
    const lanes dm = get(x->dmemory + i, n) + dh * (1 - c * c);
    const lanes kept = dm * forget, taken = dm * in;
    put(d, taken * (1 - in) * g, n);
    put(d + H, kept * (1 - forget) * get(x->before + i, n), n);
    put(d + 2 * H, taken * (1 - g * g), n);
    put(d + 3 * H, dh * (1 - out) * c, n);
    put(x->dmemory + i, kept, n);
}

static void lstm_back(void *d, const void *dh, void *dmemory, const void *gates, const void *memory,
                      const void *memory_before, size_t rows, size_t H)
{
    lstm_row_back x = { d, dmemory, dh, gates, memory, memory_before, H };
    for (size_t n = 0; n < rows; n++) {
        OVER_UNITS(H, lstm_part_back);
        x.d += 4 * H, x.dmemory += H, x.dh += H, x.gates += 4 * H, x.memory += H, x.before += H;
    }
}

// --- plain -----------------------------------------------------------------------------------------------

typedef struct rnn_row {
    float *h, *gates;
    bool relu;
} rnn_row;

static INLINE void rnn_part(const rnn_row *x, size_t i, int n)
{
    const lanes a = get(x->gates + i, n), h = x->relu ? lanes_keep(~(a < 0), a) : lanes_tanh(a);
    put(x->gates + i, h, n);
    put(x->h + i, h, n);
}

static void rnn(void *h, void *gates, size_t n, bool relu)
{
    const rnn_row x = { h, gates, relu };
    OVER_UNITS(n, rnn_part);
}

typedef struct rnn_row_back {
    float *d;
    const float *dh, *gates;
    bool relu;
} rnn_row_back;

static INLINE void rnn_part_back(const rnn_row_back *x, size_t i, int n)
{
    const lanes h = get(x->gates + i, n), dh = get(x->dh + i, n), through = dh * (1 - h * h);
    put(x->d + i, x->relu ? lanes_keep(h > 0, dh) : through, n);
}

static void rnn_back(void *d, const void *dh, const void *gates, size_t n, bool relu)
{
    const rnn_row_back x = { d, dh, gates, relu };
    OVER_UNITS(n, rnn_part_back);
}

// --- linear ----------------------------------------------------------------------------------------------

typedef struct lru_row {
    float *h;
    const float *x, *lambda, *gamma, *before; // before: or NULL
    size_t H;
} lru_row;

static INLINE void lru_part(const lru_row *x, size_t i, int n)
{
    const size_t H = x->H;
    const lanes gamma = get(x->gamma + i, n);
    lanes re = gamma * get(x->x + i, n), im = gamma * get(x->x + H + i, n);
    if (x->before) {
        const lanes a = get(x->lambda + i, n), b = get(x->lambda + H + i, n);
        const lanes from_re = get(x->before + i, n), from_im = get(x->before + H + i, n);
        re += a * from_re - b * from_im;
        im += a * from_im + b * from_re;
    }
    put(x->h + i, re, n);
    put(x->h + H + i, im, n);
}

static void lru(void *h, const void *from, const void *lambda, const void *gamma, const void *first,
                size_t rows, size_t H)
{
    lru_row x = { h, from, lambda, gamma, first, H };
    for (size_t n = 0; n < rows; n++) {
        OVER_UNITS(H, lru_part);
        x.before = x.h;
        x.h += 2 * H, x.x += 2 * H;
    }
}

typedef struct lru_row_back {
    float *dx, *dlambda, *dgamma, *dfirst; // dx: or NULL
    const float *dh, *x, *lambda, *gamma, *before;
    size_t H;
} lru_row_back;

static INLINE void add_part(float *to, lanes v, int n)
{
    put(to, get(to, n) + v, n);
}

static INLINE void lru_part_back(const lru_row_back *x, size_t i, int n)
{
    const size_t H = x->H, j = H + i;
    const lanes re = get(x->dfirst + i, n) + get(x->dh + i, n);
    const lanes im = get(x->dfirst + j, n) + get(x->dh + j, n);
    const lanes a = get(x->lambda + i, n), b = get(x->lambda + j, n);
    if (x->dx) {
        const lanes gamma = get(x->gamma + i, n);
        put(x->dx + i, gamma * re, n);
        put(x->dx + j, gamma * im, n);
    }
    add_part(x->dgamma + i, get(x->x + i, n) * re + get(x->x + j, n) * im, n);
    if (x->before) {
        const lanes from_re = get(x->before + i, n), from_im = get(x->before + j, n);
        add_part(x->dlambda + i, from_re * re + from_im * im, n);
        add_part(x->dlambda + j, from_re * im - from_im * re, n);
    }
    put(x->dfirst + i, a * re + b * im, n);
    put(x->dfirst + j, a * im - b * re, n);
}

static void lru_back(void *dx, void *dlambda, void *dgamma, void *dfirst, const void *dh,
                     const void *from, const void *h, const void *lambda, const void *gamma,
                     const void *first, size_t rows, size_t H)
{
    for (size_t n = rows; n-- > 0;) {
        const size_t at = n * 2 * H;
        const lru_row_back x = { .dx = dx ? (float *)dx + at : NULL,
                                 .dlambda = dlambda,
                                 .dgamma = dgamma,
                                 .dfirst = dfirst,
                                 .dh = (const float *)dh + at,
                                 .x = (const float *)from + at,
                                 .lambda = lambda,
                                 .gamma = gamma,
                                 .before = n ? (const float *)h + at - 2 * H : first,
                                 .H = H };
        OVER_UNITS(H, lru_part_back);
    }
}

// The rates are a few hundred numbers for all events: as the reference has them.
extern const recurrent_kernels RECURRENT_TABLE;
const recurrent_kernels RECURRENT_TABLE = {
    .name = VECTOR_NAME,
    .needs = VECTOR_NEEDS,
    .gru = gru,
    .gru_back = gru_back,
    .gru_reset = gru_reset,
    .gru_update = gru_update,
    .gru_update_back = gru_update_back,
    .gru_reset_back = gru_reset_back,
    .lstm = lstm,
    .lstm_back = lstm_back,
    .rnn = rnn,
    .rnn_back = rnn_back,
    .lru = lru,
    .lru_back = lru_back,
    .lru_rates = lru_rates_ref_f32,
    .lru_rates_back = lru_rates_back_ref_f32,
};
