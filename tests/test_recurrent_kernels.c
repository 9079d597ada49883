// test_recurrent_kernels.c - every version of the recurrent cells against the reference in double, at
// a fence; a row's bits in any company; NaN and numbers that overflow.
#include "base/rng.h"
#include "base/status.h"
#include "kernels/cpu.h"
#include "kernels/recurrent.h"
#include "tests/check.h"
#include "tests/fence.h"

#include <math.h>
#include <string.h>

enum { ROWS = 5, ARGUMENTS = 10, GUARD = 16 };
static const size_t widths[] = { 1, 7, 8, 9, 15, 16, 17, 31, 50, 64, 100 };
static const float guard = 12345.5f;

typedef void caller(const recurrent_kernels *k, void *const *a, size_t rows, size_t H);

static void gru(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru(a[0], a[1], a[2], rows, H);
}

static void gru_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru_back(a[0], a[1], a[2], a[3], rows, H);
}

static void gru_reset(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru_reset(a[0], a[1], rows, H);
}

static void gru_update(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru_update(a[0], a[1], a[2], rows, H);
}

static void gru_update_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru_update_back(a[0], a[1], a[2], a[3], rows, H);
}

static void gru_reset_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->gru_reset_back(a[0], a[1], a[2], a[3], rows, H);
}

static void lstm(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lstm(a[0], a[1], a[2], a[3], rows, H);
}

static void lstm_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lstm_back(a[0], a[1], a[2], a[3], a[4], a[5], rows, H);
}

static void rnn_tanh(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->rnn(a[0], a[1], rows * H, false);
}

static void rnn_relu(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->rnn(a[0], a[1], rows * H, true);
}

static void rnn_tanh_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->rnn_back(a[0], a[1], a[2], rows * H, false);
}

static void rnn_relu_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->rnn_back(a[0], a[1], a[2], rows * H, true);
}

static void lru(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lru(a[0], a[1], a[2], a[3], a[4], rows, H);
}

static void lru_anew(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lru(a[0], a[1], a[2], a[3], NULL, rows, H);
}

static void lru_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lru_back(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], rows, H);
}

static void lru_anew_back(const recurrent_kernels *k, void *const *a, size_t rows, size_t H)
{
    k->lru_back(NULL, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], NULL, rows, H);
}

// Numbers in each argument, in H: per row, or if negative in all.
typedef struct function {
    const char *name;
    caller *call;
    int size[ARGUMENTS];
    bool alone; // a row does not depend on the others
} function;

static const function functions[] = {
    { "gru", gru, { 1, 4, 1 }, true },
    { "gru_back", gru_back, { 4, 1, 4, 1 }, true },
    { "gru_reset", gru_reset, { 4, 1 }, true },
    { "gru_update", gru_update, { 1, 4, 1 }, true },
    { "gru_update_back", gru_update_back, { 4, 1, 4, 1 }, true },
    { "gru_reset_back", gru_reset_back, { 4, 1, 4, 1 }, true },
    { "lstm", lstm, { 1, 1, 4, 1 }, true },
    { "lstm_back", lstm_back, { 4, 1, 1, 4, 1, 1 }, true },
    { "rnn tanh", rnn_tanh, { 1, 1 }, false },
    { "rnn relu", rnn_relu, { 1, 1 }, false },
    { "rnn_back tanh", rnn_tanh_back, { 1, 1, 1 }, false },
    { "rnn_back relu", rnn_relu_back, { 1, 1, 1 }, false },
    { "lru", lru, { 2, 2, -2, -1, -2 }, false },
    { "lru anew", lru_anew, { 2, 2, -2, -1 }, false },
    { "lru_back", lru_back, { 2, -2, -1, -2, 2, 2, 2, -2, -1, -2 }, false },
    { "lru_back anew", lru_anew_back, { -2, -1, -2, 2, 2, 2, -2, -1 }, false },
};

// The same numbers in float, between a guard and a fence, and in double.
typedef struct arguments {
    void *f[ARGUMENTS], *d[ARGUMENTS];
    size_t n[ARGUMENTS], row[ARGUMENTS]; // numbers; of one row
    int count;
} arguments;

static arguments make(const function *fn, size_t rows, size_t H)
{
    arguments a = { .count = 0 };
    rng r = rng_at(5, rows, H);
    for (int i = 0; i < ARGUMENTS && fn->size[i]; i++, a.count++) {
        a.row[i] = fn->size[i] > 0 ? (size_t)fn->size[i] * H : 0;
        const size_t n = a.n[i] = a.row[i] ? a.row[i] * rows : (size_t)-fn->size[i] * H;
        float *f = fence_floats(n + GUARD);
        double *d = malloc(n * sizeof *d);
        for (size_t j = 0; j < GUARD; j++) *f++ = guard;
        for (size_t j = 0; j < n; j++) d[j] = (double)(f[j] = (float)(rng_uniform(&r) * 2 - 1));
        a.f[i] = f, a.d[i] = d;
    }
    return a;
}

static void check_near(const recurrent_kernels *k, const function *fn, size_t H)
{
    arguments a = make(fn, ROWS, H);
    fn->call(k, a.f, ROWS, H);
    fn->call(recurrent_kernels_f64(), a.d, ROWS, H);
    for (int i = 0; i < a.count; i++) {
        const float *f = a.f[i];
        const double *d = a.d[i];
        for (size_t j = 0; j < a.n[i]; j++)
            CHECK(fabs((double)f[j] - d[j]) <= 2e-6 * (1 + fabs(d[j])),
                  "%s %s H=%zu %d[%zu]: %g, %g", k->name, fn->name, H, i, j, (double)f[j], d[j]);
        for (int j = 1; j <= GUARD; j++)
            CHECK(f[-j] == guard, "%s %s H=%zu wrote before the start", k->name, fn->name, H);
        free(a.d[i]);
    }
}

static void check_alone(const recurrent_kernels *k, const function *fn, size_t H)
{
    arguments all = make(fn, ROWS, H), one = make(fn, ROWS, H);
    fn->call(k, all.f, ROWS, H);
    for (size_t r = 0; r < ROWS; r++) {
        void *row[ARGUMENTS];
        for (int i = 0; i < one.count; i++) row[i] = (float *)one.f[i] + r * one.row[i];
        fn->call(k, row, 1, H);
    }
    for (int i = 0; i < all.count; i++) {
        CHECK(memcmp(all.f[i], one.f[i], all.n[i] * sizeof(float)) == 0,
              "%s %s H=%zu: a row depends on its company", k->name, fn->name, H);
        free(all.d[i]), free(one.d[i]);
    }
}

// Sums that no exponential survives; and a NaN reaches h.
static void check_extremes(const recurrent_kernels *k)
{
    static const float big[] = { 100, -100, 1e4f, -1e4f, 1e30f, -1e30f, INFINITY, -INFINITY };
    for (size_t i = 0; i < COUNT_OF(big); i++) {
        const float on = big[i] > 0 ? 1 : 0;
        float h, memory, before = 0.5f, gru_gates[] = { big[i], big[i], 0, big[i] };
        float lstm_gates[] = { big[i], big[i], big[i], big[i] };
        k->gru(&h, gru_gates, &before, 1, 1);
        CHECK(gru_gates[0] == on && gru_gates[1] == on && gru_gates[3] == 2 * on - 1 &&
                  h == (on > 0 ? before : -1),
              "%s gru of %g: %g %g %g, h %g", k->name, (double)big[i], (double)gru_gates[0],
              (double)gru_gates[1], (double)gru_gates[3], (double)h);
        k->lstm(&h, &memory, lstm_gates, &before, 1, 1);
        CHECK(memory == on * 1.5f && fabsf(h - on * tanhf(1.5f)) < 1e-6f,
              "%s lstm of %g: memory %g, h %g", k->name, (double)big[i], (double)memory, (double)h);
    }
    for (int gate = 0; gate < 4; gate++) {
        float h, memory, before = 0.5f, gates[4] = { 0 }, other[4] = { 0 }, plain = NAN, relu = NAN;
        gates[gate] = other[gate] = NAN;
        k->gru(&h, gates, &before, 1, 1);
        CHECK(isnan(h), "%s gru: a NaN in slot %d is lost", k->name, gate);
        k->lstm(&h, &memory, other, &before, 1, 1);
        CHECK(isnan(h), "%s lstm: a NaN in slot %d is lost", k->name, gate);
        k->rnn(&h, &plain, 1, false);
        CHECK(isnan(h), "%s rnn: a NaN is lost", k->name);
        k->rnn(&h, &relu, 1, true);
        CHECK(isnan(h), "%s rnn with relu: a NaN is lost", k->name);
    }
}

int main(void)
{
    for (size_t v = 0; recurrent_kernels_at(v); v++) {
        const recurrent_kernels *k = recurrent_kernels_at(v);
        if (!cpu_allows(k->name, k->needs)) continue;
        for (size_t i = 0; i < COUNT_OF(functions); i++)
            for (size_t w = 0; w < COUNT_OF(widths); w++) {
                check_near(k, &functions[i], widths[w]);
                if (functions[i].alone) check_alone(k, &functions[i], widths[w]);
            }
        check_extremes(k);
    }
    return CHECK_DONE();
}
