// attention.inc.h - the attention of attention.h as it is defined: query by query, key by key.
// Compiled with REAL = float and double.

// One query of one head.
typedef struct NAME(query) {
    const attention *a;
    int head;
    size_t i, first, last; // its event, and the keys that it sees
    size_t row, keys;      // its row, and the row of key 0
} NAME(query);

static const REAL *NAME(head_of)(const void *x, size_t row, size_t stride, int head, int width)
{
    return (const REAL *)x + row * stride + (size_t)head * (size_t)width;
}

static REAL NAME(dot_of)(const REAL *x, const REAL *y, int n)
{
    REAL sum = 0;
    for (int d = 0; d < n; d++) sum += x[d] * y[d];
    return sum;
}

static void NAME(add_to)(REAL *y, REAL by, const REAL *x, int n)
{
    for (int d = 0; d < n; d++) y[d] += by * x[d];
}

static size_t NAME(bucket_of)(const NAME(query) * u, size_t j)
{
    const attention *a = u->a;
    return attention_bucket(a->query_time[u->row] - a->key_time[u->keys + j], a->form.time.cols);
}

static REAL NAME(score_of)(const NAME(query) * u, size_t j)
{
    const attention *a = u->a;
    const attention_form *f = &a->form;
    const attention_table *p = &f->position, *t = &f->time;
    const REAL *q = NAME(head_of)(a->q, u->row, a->q_row, u->head, f->key_width);
    const REAL *k = NAME(head_of)(a->k, u->keys + j, a->k_row, u->head, f->key_width);
    REAL score = (REAL)f->scale * NAME(dot_of)(q, k, f->key_width);
    if (p->data)
        score += ((const REAL *)
                      p->data)[(size_t)u->head * p->by_head +
                               attention_position(p, a->causal, (ptrdiff_t)u->i - (ptrdiff_t)j)];
    if (t->data)
        score += ((const REAL *)t->data)[(size_t)u->head * t->by_head + NAME(bucket_of)(u, j)];
    return score;
}

// keep[j]: 0 for weights that are dropped, 1 / (1 - p) for others.
static void NAME(keep_of)(const NAME(query) * u, REAL *keep)
{
    const dropout d = attention_drop(u->a, u->head);
    const int32_t level = dropout_level(d.p);
    uint32_t stream[DROPOUT_STREAMS];
    dropout_begin(&d, u->row, stream);
    for (size_t j = 0; j < u->last; j++) {
        uint32_t *s = &stream[j % DROPOUT_STREAMS];
        *s = dropout_next(*s);
        keep[j] = dropout_keeps(*s, level) ? (REAL)(1 / (1 - d.p)) : 0;
    }
}

// weight[] of the keys that are seen, before dropout; for softmax also the greatest score and the sum
// of exp(score - it).
static void NAME(weigh)(const NAME(query) * u, REAL *weight, REAL *most, REAL *sum)
{
    const attention_form *f = &u->a->form;
    *most = -INFINITY, *sum = 0;
    for (size_t j = u->first; j < u->last; j++) {
        weight[j] = NAME(score_of)(u, j);
        if (!(weight[j] <= *most)) *most = weight[j];
    }
    for (size_t j = u->first; j < u->last; j++) {
        if (f->weights == ATTENTION_SILU)
            weight[j] /= (REAL)f->divisor * (1 + EXP(-weight[j]));
        else
            *sum += weight[j] = EXP(weight[j] - *most);
    }
    for (size_t j = u->first; j < u->last && f->weights == ATTENTION_SOFTMAX; j++)
        weight[j] /= *sum;
}

static void NAME(query_forward)(const NAME(query) * u)
{
    const attention *a = u->a;
    const attention_form *f = &a->form;
    REAL *weight = a->scratch, *keep = weight + u->last, most, sum;
    REAL *out = (REAL *)a->out + u->row * a->out_row + (size_t)u->head * (size_t)f->value_width;
    for (int d = 0; d < f->value_width; d++) out[d] = 0;
    NAME(weigh)(u, weight, &most, &sum);
    if (a->drop.p > 0) NAME(keep_of)(u, keep);
    for (size_t j = u->first; j < u->last; j++) {
        if (a->drop.p > 0) weight[j] *= keep[j];
        NAME(add_to)
        (out, weight[j], NAME(head_of)(a->v, u->keys + j, a->v_row, u->head, f->value_width),
         f->value_width);
    }
    if (!a->sums) return;
    REAL *sums = (REAL *)a->sums + 2 * (u->row * (size_t)f->heads + (size_t)u->head);
    sums[0] = most, sums[1] = 1 / sum;
}

// weight[] and the derivative of each weight by its own score, as if the softmax's sum stood still.
static void NAME(weights_again)(const NAME(query) * u, REAL *weight, REAL *slope)
{
    const attention *a = u->a;
    const attention_form *f = &a->form;
    const size_t at = 2 * (u->row * (size_t)f->heads + (size_t)u->head);
    const REAL *sums = a->sums ? (const REAL *)a->sums + at : NULL;
    for (size_t j = u->first; j < u->last; j++) {
        const REAL x = NAME(score_of)(u, j);
        if (f->weights == ATTENTION_SILU) {
            const REAL s = 1 / (1 + EXP(-x)), n = (REAL)f->divisor;
            weight[j] = x * s / n;
            slope[j] = s * (1 + x * (1 - s)) / n;
        } else {
            weight[j] = slope[j] = EXP(x - sums[0]) * sums[1];
        }
    }
}

// With g_j = dout . v_j keep_j:   SiLU     dscore_j = slope_j g_j
//                                 softmax  dscore_j = weight_j (g_j - sum over l of weight_l g_l)
static void NAME(query_backward)(const NAME(query) * u, const attention_gradient *to)
{
    const attention *a = u->a;
    const attention_form *f = &a->form;
    const int C = f->key_width, E = f->value_width, h = u->head;
    REAL *weight = a->scratch, *slope = weight + u->last, *g = slope + u->last, mean = 0;
    const REAL *dout = NAME(head_of)(to->dout, u->row, a->out_row, h, E);
    const REAL *q = NAME(head_of)(a->q, u->row, a->q_row, h, C);
    REAL *dq = to->dq ? (REAL *)to->dq + u->row * a->q_row + (size_t)h * (size_t)C : NULL;
    NAME(weights_again)(u, weight, slope);
    for (size_t j = 0; j < u->last; j++) g[j] = 1;
    if (a->drop.p > 0) NAME(keep_of)(u, g);
    for (size_t j = u->first; j < u->last; j++) {
        const size_t row = u->keys + j;
        REAL *dv = to->dv ? (REAL *)to->dv + row * a->v_row + (size_t)h * (size_t)E : NULL;
        if (dv) NAME(add_to)(dv, g[j] * weight[j], dout, E);
        g[j] *= NAME(dot_of)(dout, NAME(head_of)(a->v, row, a->v_row, h, E), E);
        if (f->weights == ATTENTION_SOFTMAX) mean += weight[j] * g[j];
    }
    for (size_t j = u->first; j < u->last; j++) {
        const REAL dscore = slope[j] * (g[j] - mean), by = (REAL)f->scale * dscore;
        const attention_table *p = &f->position, *t = &f->time;
        const size_t row = u->keys + j;
        const ptrdiff_t distance = (ptrdiff_t)u->i - (ptrdiff_t)j;
        REAL *dk = to->dk ? (REAL *)to->dk + row * a->k_row + (size_t)h * (size_t)C : NULL;
        if (dq) NAME(add_to)(dq, by, NAME(head_of)(a->k, row, a->k_row, h, C), C);
        if (dk) NAME(add_to)(dk, by, q, C);
        if (to->dposition)
            ((REAL *)to->dposition)[(size_t)h * p->by_head +
                                    attention_position(p, a->causal, distance)] += dscore;
        if (to->dtime)
            ((REAL *)to->dtime)[(size_t)h * t->by_head + NAME(bucket_of)(u, j)] += dscore;
    }
}

static NAME(query) NAME(query_at)(const attention *a, size_t s, int head, size_t r)
{
    const size_t row = (size_t)a->offset[s], rows = (size_t)a->offset[s + 1] - row;
    const size_t keys = attention_keys(a, s), i = attention_base(a, rows, keys) + r;
    return (NAME(query)){ a,
                          head,
                          i,
                          attention_first(a, i),
                          attention_last(a, i, keys),
                          row + r,
                          (size_t)a->key_offset[s] };
}

void NAME(attention_look)(const attention *a, size_t sequence, int head, size_t row, double *weight)
{
    const NAME(query) u = NAME(query_at)(a, sequence, head, row);
    const size_t keys = attention_keys(a, sequence);
    REAL *x = a->scratch, most, sum;
    NAME(weigh)(&u, x, &most, &sum);
    for (size_t j = 0; j < keys; j++) weight[j] = j >= u.first && j < u.last ? (double)x[j] : 0;
}

static void NAME(queries)(const attention *a, const attention_gradient *to)
{
    for (size_t s = 0; s < a->sequences; s++) {
        const size_t rows = (size_t)(a->offset[s + 1] - a->offset[s]);
        for (int h = 0; h < a->form.heads; h++)
            for (size_t r = 0; r < rows; r++) {
                const NAME(query) u = NAME(query_at)(a, s, h, r);
                if (to)
                    NAME(query_backward)(&u, to);
                else
                    NAME(query_forward)(&u);
            }
    }
}

static void NAME(forward)(const attention *a)
{
    NAME(queries)(a, NULL);
}

static void NAME(clear)(void *x, size_t stride, const int32_t *offset, size_t sequences, int cols)
{
    for (int32_t row = offset[0]; x && row < offset[sequences]; row++)
        memset((REAL *)x + (size_t)row * stride, 0, (size_t)cols * sizeof(REAL));
}

static void NAME(backward)(const attention *a, const attention_gradient *to)
{
    const attention_form *f = &a->form;
    if (to->fresh) {
        NAME(clear)(to->dq, a->q_row, a->offset, a->sequences, f->heads * f->key_width);
        NAME(clear)(to->dk, a->k_row, a->key_offset, a->sequences, f->heads * f->key_width);
        NAME(clear)(to->dv, a->v_row, a->key_offset, a->sequences, f->heads * f->value_width);
    }
    NAME(queries)(a, to);
}

static size_t NAME(scratch)(const attention *a)
{
    return 3 * attention_most_keys(a) * sizeof(REAL);
}

// --- step ------------------------------------------------------------------------------------------

// Score of the key in place p, which is `distance` events old; its numbers are `stride` apart.
static REAL NAME(step_score)(const attention_step *a, int head, const REAL *k, size_t stride,
                             size_t distance, int64_t time)
{
    const attention_form *f = &a->form;
    const attention_table *p = &f->position, *t = &f->time;
    const REAL *q = NAME(head_of)(a->q, 0, 0, head, f->key_width);
    REAL score = 0;
    for (int d = 0; d < f->key_width; d++) score += q[d] * k[(size_t)d * stride];
    score *= (REAL)f->scale;
    if (p->data)
        score += ((const REAL *)p->data)[(size_t)head * p->by_head +
                                         attention_position(p, true, (ptrdiff_t)distance)];
    if (t->data)
        score += ((const REAL *)t->data)[(size_t)head * t->by_head +
                                         attention_bucket(a->query_time - time, t->cols)];
    return score;
}

static void NAME(step_head)(const attention_step *a, int h, size_t seen)
{
    const attention_form *f = &a->form;
    const size_t C = (size_t)f->key_width, E = (size_t)f->value_width, W = a->window;
    REAL *score = a->scratch, *out = (REAL *)a->out + (size_t)h * E, most = -INFINITY, sum = 0;
    for (size_t distance = 0; distance < seen; distance++) {
        const size_t place = (size_t)((a->events - distance) % W);
        if (distance == 0)
            score[0] =
                NAME(step_score)(a, h, (const REAL *)a->k + (size_t)h * C, 1, 0, a->key_time);
        else
            score[distance] =
                NAME(step_score)(a, h, (const REAL *)a->keys + (size_t)h * C * W + place, W,
                                 distance, a->times ? a->times[place] : 0);
        if (!(score[distance] <= most)) most = score[distance];
    }
    for (size_t distance = 0; distance < seen; distance++) {
        if (f->weights == ATTENTION_SILU)
            score[distance] /= (REAL)f->divisor * (1 + EXP(-score[distance]));
        else
            sum += score[distance] = EXP(score[distance] - most);
    }
    for (size_t d = 0; d < E; d++) out[d] = 0;
    for (size_t distance = 0; distance < seen; distance++) {
        const size_t place = (size_t)((a->events - distance) % W);
        const REAL *v =
            distance ? (const REAL *)a->values + place * (size_t)f->heads * E : (const REAL *)a->v;
        NAME(add_to)
        (out, f->weights == ATTENTION_SILU ? score[distance] : score[distance] / sum,
         v + (size_t)h * E, (int)E);
    }
}

static void NAME(step)(const attention_step *a)
{
    const attention_form *f = &a->form;
    const size_t C = (size_t)(f->heads * f->key_width), E = (size_t)(f->heads * f->value_width);
    const size_t place = (size_t)(a->events % a->window);
    const size_t seen = a->events < a->window ? (size_t)a->events + 1 : a->window;
    for (int h = 0; h < f->heads; h++) NAME(step_head)(a, h, seen);
    if (!a->keep) return;
    for (size_t d = 0; d < C; d++)
        ((REAL *)a->keys)[d * a->window + place] = ((const REAL *)a->k)[d];
    memcpy((REAL *)a->values + place * E, a->v, E * sizeof(REAL));
    if (a->times) a->times[place] = a->key_time;
}

static const attention_kernels NAME(attention_ref) = {
    "ref", 0, NAME(forward), NAME(backward), NAME(step), NAME(scratch), no_buckets, NULL,
};
