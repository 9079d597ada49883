// attention_step.inc.h - one more event: keys side by side in registers, values down the rows.
#ifndef KERNELS_ATTENTION_STEP_INC_H
#define KERNELS_ATTENTION_STEP_INC_H
#include "kernels/attention.h"
#include "kernels/lanes_math.inc.h"

typedef struct step_work {
    size_t seen, own; // places in use, counting this event's, which is `own`
    float *weight;    // [window]
    uint8_t *bucket;  // [window]
} step_work;

// Events between that in place p and this one.
static INLINE size_t step_distance(const attention_step *a, const step_work *w, size_t p)
{
    return p <= w->own ? w->own - p : w->own + a->window - p;
}

// weight[p] = scale q . k_p for `n` places from p on, four registers at a time.
static void step_products(const attention_step *a, float *weight, const float *q, const float *keys,
                          size_t n)
{
    const size_t W = a->window;
    const int C = a->form.key_width;
    size_t p = 0;
    for (; p + 4 * LANES <= n; p += 4 * LANES) {
        lanes s[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
        for (int d = 0; d < C; d++) {
            const float *k = keys + (size_t)d * W + p;
            UNROLL
            for (int r = 0; r < 4; r++) s[r] += q[d] * load(k + r * LANES);
        }
        UNROLL
        for (int r = 0; r < 4; r++) store(weight + p + r * LANES, s[r]);
    }
    for (; p < n; p += LANES) {
        const int left = n - p < LANES ? (int)(n - p) : LANES;
        lanes s = { 0 };
        for (int d = 0; d < C; d++) s += q[d] * load_part(keys + (size_t)d * W + p, left);
        store_part(weight + p, s, left);
    }
}

static float step_own(const attention_step *a, int head)
{
    const float *q = (const float *)a->q + head * a->form.key_width;
    const float *k = (const float *)a->k + head * a->form.key_width;
    float sum = 0;
    for (int d = 0; d < a->form.key_width; d++) sum += q[d] * k[d];
    return sum;
}

static void step_scores(const attention_step *a, step_work *w, int head)
{
    const attention_form *f = &a->form;
    const attention_table *p = &f->position, *t = &f->time;
    const size_t C = (size_t)f->key_width;
    if (w->seen > 1)
        step_products(a, w->weight, (const float *)a->q + (size_t)head * C,
                      (const float *)a->keys + (size_t)head * C * a->window, w->seen);
    w->weight[w->own] = step_own(a, head);
    for (size_t x = 0; x < w->seen; x++) w->weight[x] *= (float)f->scale;
    if (p->data) {
        const float *table = (const float *)p->data + (size_t)head * p->by_head;
        for (size_t x = 0; x < w->seen; x++)
            w->weight[x] += table[attention_position(p, true, (ptrdiff_t)step_distance(a, w, x))];
    }
    if (t->data) {
        const float *table = (const float *)t->data + (size_t)head * t->by_head;
        for (size_t x = 0; x < w->seen; x++) w->weight[x] += table[w->bucket[x]];
    }
}

// Scores become weights; returns their common factor.
static float step_softmax(float *weight, size_t n)
{
    lanes most = splat(-INFINITY), sum = { 0 };
    size_t x = 0;
    float top = -INFINITY;
    for (; x + LANES <= n; x += LANES) most = lanes_max(load(weight + x), most);
    for (; x < n; x++) top = weight[x] > top ? weight[x] : top;
    for (int l = 0; l < LANES; l++) top = most[l] > top ? most[l] : top;
    for (x = 0; x + LANES <= n; x += LANES) {
        const lanes e = lanes_exp(load(weight + x) - top);
        sum += e;
        store(weight + x, e);
    }
    if (x < n) {
        const int left = (int)(n - x);
        const lanes e =
            lanes_keep(lanes_index() < left, lanes_exp(load_part(weight + x, left) - top));
        sum += e;
        store_part(weight + x, e, left);
    }
    return 1 / lanes_sum(sum);
}

static float step_silu(const attention_step *a, float *weight, size_t n)
{
    for (size_t x = 0; x < n; x += LANES) {
        const int left = n - x < LANES ? (int)(n - x) : LANES;
        const lanes s = load_part(weight + x, left);
        store_part(weight + x, s * lanes_sigmoid(s), left);
    }
    return (float)(1 / a->form.divisor);
}

// out = factor * sum of weights and values, `wide` registers from column c on.
static INLINE void step_sum(const attention_step *a, const step_work *w, size_t c, float factor,
                            int wide, int tail)
{
    const size_t row = (size_t)(a->form.heads * a->form.value_width);
    const float *own = (const float *)a->v + c;
    lanes sum[4];
    UNROLL
    for (int r = 0; r < wide; r++)
        sum[r] = w->weight[w->own] *
                 (r + 1 < wide ? load(own + r * LANES) : load_part(own + r * LANES, tail));
    for (size_t p = 0; p < w->seen; p++) {
        const float *v = (const float *)a->values + p * row + c;
        const float by = w->weight[p];
        if (p == w->own) continue;
        UNROLL
        for (int r = 0; r < wide; r++)
            sum[r] += by * (r + 1 < wide ? load(v + r * LANES) : load_part(v + r * LANES, tail));
    }
    UNROLL
    for (int r = 0; r < wide; r++) {
        float *out = (float *)a->out + c + r * LANES;
        if (r + 1 < wide)
            store(out, factor * sum[r]);
        else
            store_part(out, factor * sum[r], tail);
    }
}

static void step_head(const attention_step *a, step_work *w, int head)
{
    const int E = a->form.value_width;
    const size_t c = (size_t)(head * E);
    step_scores(a, w, head);
    const float factor = a->form.weights == ATTENTION_SILU ? step_silu(a, w->weight, w->seen)
                                                           : step_softmax(w->weight, w->seen);
    int e = 0;
    for (; e + 4 * LANES <= E; e += 4 * LANES) step_sum(a, w, c + (size_t)e, factor, 4, LANES);
    for (; e < E; e += LANES)
        step_sum(a, w, c + (size_t)e, factor, 1, E - e < LANES ? E - e : LANES);
}

static void step(const attention_step *a)
{
    const attention_form *f = &a->form;
    const size_t C = (size_t)(f->heads * f->key_width), E = (size_t)(f->heads * f->value_width);
    const size_t W = a->window, own = (size_t)(a->events % W);
    step_work w = { .own = own, .seen = a->events < W ? (size_t)a->events + 1 : W };
    w.weight = a->scratch;
    w.bucket = (uint8_t *)(w.weight + W);
    for (size_t p = 0; f->time.data && p < w.seen; p++)
        w.bucket[p] = (uint8_t)attention_bucket(
            a->query_time - (p == own ? a->key_time : a->times[p]), f->time.cols);
    for (int h = 0; h < f->heads; h++) step_head(a, &w, h);
    if (!a->keep) return;
    for (size_t d = 0; d < C; d++) ((float *)a->keys)[d * W + own] = ((const float *)a->k)[d];
    memcpy((float *)a->values + own * E, a->v, E * sizeof(float));
    if (a->times) a->times[own] = a->key_time;
}

#endif
