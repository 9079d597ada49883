// scores.inc.h - the loops of scores.h as they are defined.  Compiled with REAL = float and double.

static void NAME(add_bias)(void *vx, const void *vbias, size_t rows, size_t cols)
{
    REAL *x = vx;
    const REAL *bias = vbias;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) x[r * cols + c] += bias[r];
}

static void NAME(most)(void *vmost, const void *vx, size_t rows, size_t cols)
{
    REAL *most = vmost;
    const REAL *x = vx;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            if (x[r * cols + c] > most[c]) most[c] = x[r * cols + c];
}

static void NAME(exp_sum)(void *vx, const void *vshift, void *vsum, size_t rows, size_t cols)
{
    REAL *x = vx, *sum = vsum;
    const REAL *shift = vshift;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            REAL *v = x + r * cols + c;
            *v = EXP(*v - shift[c]);
            sum[c] += *v;
        }
}

// --- losses, one column each -----------------------------------------------------------------------

static REAL NAME(softplus)(REAL x)
{
    return (x > 0 ? x : 0) + LOG1P(EXP(-FABS(x)));
}

static REAL NAME(logistic)(REAL x)
{
    return 1 / (1 + EXP(-x));
}

typedef struct NAME(column) {
    REAL *x; // [rows], `step` apart
    size_t rows, step;
    REAL answer, loss, slope;
} NAME(column);

// exp(a - L) and exp(x - L), L the logarithm of all their sum: shares that add up to one.
static void NAME(softmax)(NAME(column) * q)
{
    REAL most = q->answer, sum = 0, others = 0;
    for (size_t r = 0; r < q->rows; r++)
        if (q->x[r * q->step] > most) most = q->x[r * q->step];
    for (size_t r = 0; r < q->rows; r++) {
        REAL *x = q->x + r * q->step;
        *x = EXP(*x - most);
        others += *x;
    }
    sum = others + EXP(q->answer - most);
    for (size_t r = 0; r < q->rows; r++) q->x[r * q->step] /= sum;
    q->loss = most + LOG(sum) - q->answer;
    q->slope = -others / sum; // share of the answer - 1
}

static void NAME(bce)(NAME(column) * q, REAL beta)
{
    q->loss = beta * NAME(softplus)(-q->answer);
    q->slope = -beta * NAME(logistic)(-q->answer);
    for (size_t r = 0; r < q->rows; r++) {
        REAL *x = q->x + r * q->step;
        q->loss += NAME(softplus)(*x);
        *x = NAME(logistic)(*x);
    }
}

static void NAME(bpr)(NAME(column) * q)
{
    q->loss = q->slope = 0;
    for (size_t r = 0; r < q->rows; r++) {
        REAL *x = q->x + r * q->step;
        q->loss += NAME(softplus)(*x - q->answer);
        *x = NAME(logistic)(*x - q->answer);
        q->slope -= *x;
    }
}

// sigmoid(x - a) + sigmoid(x^2); *da, *dx: its derivatives.
static REAL NAME(top1_term)(REAL x, REAL a, REAL *da, REAL *dx)
{
    *da = *dx = 0;
    if (x == -INFINITY) return 0;
    const REAL s = NAME(logistic)(x - a), r = NAME(logistic)(x * x);
    *da = -s * (1 - s);
    *dx = s * (1 - s) + 2 * x * r * (1 - r);
    return s + r;
}

static void NAME(top1)(NAME(column) * q)
{
    REAL da;
    q->loss = q->slope = 0;
    for (size_t r = 0; r < q->rows; r++) {
        REAL *x = q->x + r * q->step;
        q->loss += NAME(top1_term)(*x, q->answer, &da, x);
        q->slope += da;
    }
}

// w = exp(w - L); returns L, the logarithm of the sum; -INFINITY if there is nothing.
static REAL NAME(normalise)(REAL *w, size_t rows, size_t step)
{
    REAL most = -INFINITY, sum = 0;
    for (size_t r = 0; r < rows; r++)
        if (w[r * step] > most) most = w[r * step];
    if (most == -INFINITY) {
        for (size_t r = 0; r < rows; r++) w[r * step] = 0;
        return most;
    }
    for (size_t r = 0; r < rows; r++) sum += w[r * step] = EXP(w[r * step] - most);
    for (size_t r = 0; r < rows; r++) w[r * step] /= sum;
    return most + LOG(sum);
}

static REAL NAME(elu)(REAL x, REAL a)
{
    return a > 0 && x < 0 ? a * (EXP(x) - 1) : x;
}

static REAL NAME(elu_slope)(REAL s, REAL a)
{
    return a > 0 && s < 0 ? s + a : 1;
}

// In logarithms: sum_r w_r sigmoid(a - s_r) = sum_r exp(s_r - softplus(s_r - a)) / sum_r exp(s_r).
// With v_r the shares of the upper sum and R = sum_r w_r s_r^2,
//
//     dloss/ds_r = w_r - v_r sigmoid(a - s_r) + reg w_r (s_r^2 + 2 s_r - R)
//     dloss/da   = - sum_r v_r sigmoid(s_r - a)
static void NAME(bpr_max)(NAME(column) * q, REAL *w, REAL *v, REAL elu, REAL reg)
{
    const size_t n = q->rows, d = q->step;
    const REAL a = NAME(elu)(q->answer, elu);
    for (size_t r = 0; r < n; r++) {
        REAL *s = q->x + r * d;
        w[r * d] = v[r * d] = -INFINITY;
        if (*s == -INFINITY) continue;
        *s = NAME(elu)(*s, elu);
        w[r * d] = *s;
        v[r * d] = *s - NAME(softplus)(*s - a);
    }
    const REAL below = NAME(normalise)(w, n, d), above = NAME(normalise)(v, n, d);
    REAL squares = 0;
    for (size_t r = 0; r < n; r++)
        if (w[r * d] > 0) squares += w[r * d] * q->x[r * d] * q->x[r * d];
    q->loss = below == -INFINITY ? 0 : below - above + reg * squares;
    q->slope = 0;
    for (size_t r = 0; r < n; r++) {
        const REAL s = q->x[r * d], wr = w[r * d], vr = v[r * d];
        q->x[r * d] = 0;
        if (s == -INFINITY) continue;
        const REAL g = wr - vr * NAME(logistic)(a - s) + reg * wr * (s * s + 2 * s - squares);
        q->x[r * d] = g * NAME(elu_slope)(s, elu);
        q->slope -= vr * NAME(logistic)(s - a);
    }
    q->slope *= NAME(elu_slope)(a, elu);
}

// With T_r the terms of top1:   dloss/dx_r = w_r (T_r - loss + dT_r/dx_r)
static void NAME(top1_max)(NAME(column) * q, REAL *w, REAL *v)
{
    const size_t n = q->rows, d = q->step;
    for (size_t r = 0; r < n; r++) w[r * d] = q->x[r * d];
    NAME(normalise)(w, n, d);
    q->loss = q->slope = 0;
    for (size_t r = 0; r < n; r++) {
        REAL da;
        v[r * d] = NAME(top1_term)(q->x[r * d], q->answer, &da, q->x + r * d);
        q->loss += w[r * d] * v[r * d];
        q->slope += w[r * d] * da;
    }
    for (size_t r = 0; r < n; r++) {
        REAL *x = q->x + r * d;
        *x = w[r * d] * (v[r * d] - q->loss + *x);
    }
}

static void NAME(loss)(const score_block *b, score_loss kind)
{
    for (size_t c = 0; c < b->cols; c++) {
        NAME(column) q = { (REAL *)b->x + c, b->rows, b->cols, ((const REAL *)b->answer)[c], 0, 0 };
        REAL *w = b->work ? (REAL *)b->work + c : NULL, *v = w ? w + b->rows * b->cols : NULL;
        switch (kind) {
        case SCORE_SOFTMAX:
            NAME(softmax)(&q);
            break;
        case SCORE_BCE:
            NAME(bce)(&q, (REAL)b->beta);
            break;
        case SCORE_BPR:
            NAME(bpr)(&q);
            break;
        case SCORE_TOP1:
            NAME(top1)(&q);
            break;
        case SCORE_BPR_MAX:
            NAME(bpr_max)(&q, w, v, (REAL)b->elu, (REAL)b->reg);
            break;
        case SCORE_TOP1_MAX:
            NAME(top1_max)(&q, w, v);
            break;
        }
        ((REAL *)b->loss)[c] = q.loss;
        ((REAL *)b->slope)[c] = q.slope;
    }
}

// --- row by row ------------------------------------------------------------------------------------

static void NAME(dots)(const score_terms *t)
{
    const REAL *h = t->h;
    for (size_t i = 0; i < t->count; i++) {
        const REAL *e = (const REAL *)t->e + (size_t)t->row[i] * t->width;
        REAL sum = 0;
        for (size_t d = 0; d < t->width; d++) sum += h[d] * e[d];
        ((REAL *)t->x)[i * t->step] = sum;
    }
}

static void NAME(spread)(const score_terms *t)
{
    const REAL *h = t->h;
    REAL *dh = t->dh;
    for (size_t i = 0; i < t->count; i++) {
        const REAL *e = (const REAL *)t->e + (size_t)t->row[i] * t->width;
        REAL *de = (REAL *)t->de + (size_t)t->slot[i] * t->width;
        const REAL x = ((const REAL *)t->x)[i * t->step];
        for (size_t d = 0; d < t->width; d++) {
            dh[d] += x * e[d];
            de[d] += x * h[d];
        }
    }
}

static const score_kernels NAME(score_kernels_ref) = {
    "ref", 0, NAME(add_bias), NAME(most), NAME(exp_sum), NAME(loss), NAME(dots), NAME(spread),
};
