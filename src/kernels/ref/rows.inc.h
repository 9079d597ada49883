// rows.inc.h - the loops of rows.h as they are defined.  Compiled with REAL = float and double.

static void NAME(add)(void *vy, const void *vx, size_t n)
{
    REAL *y = vy;
    const REAL *x = vx;
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void NAME(sum)(void *vy, const void *va, const void *vb, size_t n)
{
    REAL *y = vy;
    const REAL *a = va, *b = vb;
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void NAME(axpy)(void *vy, double a, const void *vx, size_t n)
{
    REAL *y = vy;
    const REAL *x = vx;
    for (size_t i = 0; i < n; i++) y[i] += (REAL)a * x[i];
}

static void NAME(scale)(void *vy, double a, size_t n)
{
    REAL *y = vy;
    for (size_t i = 0; i < n; i++) y[i] *= (REAL)a;
}

static void NAME(multiply)(void *vy, const void *va, const void *vb, size_t n)
{
    REAL *y = vy;
    const REAL *a = va, *b = vb;
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

static void NAME(multiply_add)(void *vy, const void *va, const void *vb, size_t n)
{
    REAL *y = vy;
    const REAL *a = va, *b = vb;
    for (size_t i = 0; i < n; i++) y[i] += a[i] * b[i];
}

static double NAME(dot)(const void *va, const void *vb, size_t n)
{
    const REAL *a = va, *b = vb;
    REAL sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return (double)sum;
}

static double NAME(norm2)(const void *vx, size_t n)
{
    const REAL *x = vx;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void NAME(repeat)(void *vy, const void *row, size_t rows, size_t cols)
{
    REAL *y = vy;
    for (size_t r = 0; r < rows; r++) memcpy(y + r * cols, row, cols * sizeof *y);
}

static void NAME(sum_rows)(void *vsum, const void *vx, size_t rows, size_t cols)
{
    REAL *sum = vsum;
    const REAL *x = vx;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i++) sum[i] += x[r * cols + i];
}

// --- activations -----------------------------------------------------------------------------------

static REAL NAME(sigmoid)(REAL x)
{
    return 1 / (1 + EXP(-x));
}

// Hendrycks & Gimpel: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
static REAL NAME(gelu_inner)(REAL x)
{
    return (REAL)0.7978845608028654 * (x + (REAL)0.044715 * x * x * x);
}

// The chance that a standard normal number is below x.
static REAL NAME(normal_below)(REAL x)
{
    return (REAL)0.5 * (1 + ERF((REAL)0.7071067811865476 * x));
}

static REAL NAME(activation_at)(REAL x, activation f)
{
    switch (f) {
    case ACT_RELU:
        return x < 0 ? 0 : x; // NaN stays
    case ACT_GELU:
        return (REAL)0.5 * x * (1 + TANH(NAME(gelu_inner)(x)));
    case ACT_GELU_ERF:
        return x * NAME(normal_below)(x);
    case ACT_SILU:
        return x * NAME(sigmoid)(x);
    case ACT_SIGMOID:
        return NAME(sigmoid)(x);
    case ACT_TANH:
        return TANH(x);
    default:
        return x;
    }
}

static REAL NAME(slope_at)(REAL x, activation f)
{
    REAL s, t;
    switch (f) {
    case ACT_RELU:
        return x > 0 ? 1 : 0;
    case ACT_GELU:
        t = TANH(NAME(gelu_inner)(x));
        s = (REAL)0.7978845608028654 * (1 + 3 * (REAL)0.044715 * x * x);
        return (REAL)0.5 * (1 + t) + (REAL)0.5 * x * (1 - t * t) * s;
    case ACT_GELU_ERF:
        return NAME(normal_below)(x) + (REAL)0.3989422804014327 * x * EXP(-x * x / 2);
    case ACT_SILU:
        s = NAME(sigmoid)(x);
        return s * (1 + x * (1 - s));
    case ACT_SIGMOID:
        s = NAME(sigmoid)(x);
        return s * (1 - s);
    case ACT_TANH:
        t = TANH(x);
        return 1 - t * t;
    default:
        return 1;
    }
}

static void NAME(activate)(void *vy, const void *vx, size_t n, activation f)
{
    REAL *y = vy;
    const REAL *x = vx;
    for (size_t i = 0; i < n; i++) y[i] = NAME(activation_at)(x[i], f);
}

static void NAME(activate_back)(void *vdx, const void *vdy, const void *vx, size_t n, activation f)
{
    REAL *dx = vdx;
    const REAL *dy = vdy, *x = vx;
    for (size_t i = 0; i < n; i++) dx[i] = dy[i] * NAME(slope_at)(x[i], f);
}

// --- normalisation ---------------------------------------------------------------------------------

// Ba, Kiros & Hinton 2016, arXiv:1607.06450, section 3.
static void NAME(layer_norm)(void *vy, void *vstats, const void *vx, const void *vg, const void *vb,
                             size_t rows, size_t cols, double eps)
{
    REAL *y = vy, *stats = vstats;
    const REAL *x = vx, *g = vg, *b = vb, n = (REAL)cols;
    for (size_t r = 0; r < rows; r++, x += cols, y += cols, stats += 2) {
        REAL mean = 0, var = 0;
        for (size_t i = 0; i < cols; i++) mean += x[i];
        mean /= n;
        for (size_t i = 0; i < cols; i++) var += (x[i] - mean) * (x[i] - mean); // no cancellation
        const REAL rstd = 1 / SQRT(var / n + (REAL)eps);
        for (size_t i = 0; i < cols; i++) y[i] = g[i] * ((x[i] - mean) * rstd) + b[i];
        stats[0] = mean;
        stats[1] = rstd;
    }
}

// With dxhat_i = dy_i g_i and averages over the row,
//
//     dx_i = rstd (dxhat_i - avg(dxhat) - xhat_i avg(dxhat xhat))
//
// The two averages are the paths through the mean and through the variance.
static void NAME(layer_norm_back)(void *vdx, void *vdg, void *vdb, const void *vdy, const void *vx,
                                  const void *vg, const void *vstats, size_t rows, size_t cols)
{
    REAL *dx = vdx, *dg = vdg, *db = vdb;
    const REAL *dy = vdy, *x = vx, *g = vg, *stats = vstats, n = (REAL)cols;
    for (size_t r = 0; r < rows; r++, x += cols, dy += cols, stats += 2) {
        const REAL mean = stats[0], rstd = stats[1];
        REAL avg = 0, avg_x = 0;
        for (size_t i = 0; i < cols; i++) {
            const REAL xhat = (x[i] - mean) * rstd;
            avg += dy[i] * g[i];
            avg_x += dy[i] * g[i] * xhat;
            if (dg) dg[i] += dy[i] * xhat;
            if (db) db[i] += dy[i];
        }
        avg /= n;
        avg_x /= n;
        if (!dx) continue;
        for (size_t i = 0; i < cols; i++)
            dx[i] += rstd * (dy[i] * g[i] - avg - (x[i] - mean) * rstd * avg_x);
        dx += cols;
    }
}

// Zhang & Sennrich 2019, arXiv:1910.07467.
static void NAME(rms_norm)(void *vy, void *vstats, const void *vx, const void *vg, size_t rows,
                           size_t cols, double eps)
{
    REAL *y = vy, *stats = vstats;
    const REAL *x = vx, *g = vg;
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        REAL sum = 0;
        for (size_t i = 0; i < cols; i++) sum += x[i] * x[i];
        stats[r] = 1 / SQRT(sum / (REAL)cols + (REAL)eps);
        for (size_t i = 0; i < cols; i++) y[i] = g[i] * (x[i] * stats[r]);
    }
}

// dx_i = r (dy_i g_i - x_i r^2 avg(dy g x))
static void NAME(rms_norm_back)(void *vdx, void *vdg, const void *vdy, const void *vx,
                                const void *vg, const void *vstats, size_t rows, size_t cols)
{
    REAL *dx = vdx, *dg = vdg;
    const REAL *dy = vdy, *x = vx, *g = vg, *stats = vstats;
    for (size_t r = 0; r < rows; r++, x += cols, dy += cols) {
        const REAL s = stats[r];
        REAL avg = 0;
        for (size_t i = 0; i < cols; i++) {
            avg += dy[i] * g[i] * x[i];
            if (dg) dg[i] += dy[i] * x[i] * s;
        }
        avg /= (REAL)cols;
        if (!dx) continue;
        for (size_t i = 0; i < cols; i++) dx[i] += s * (dy[i] * g[i] - x[i] * s * s * avg);
        dx += cols;
    }
}

// --- dropout ---------------------------------------------------------------------------------------

static void NAME(drop_row)(REAL *y, const REAL *x, const dropout *d, size_t row, size_t cols,
                           int add)
{
    uint32_t stream[DROPOUT_STREAMS];
    const int32_t level = dropout_level(d->p);
    const REAL scale = (REAL)(1 / (1 - d->p));
    dropout_begin(d, row, stream);
    for (size_t i = 0; i < cols; i++) {
        uint32_t *s = &stream[i % DROPOUT_STREAMS];
        *s = dropout_next(*s);
        const REAL v = dropout_keeps(*s, level) ? x[i] * scale : 0;
        y[i] = add ? y[i] + v : v;
    }
}

static void NAME(drop)(void *vy, const void *vx, const dropout *d, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        NAME(drop_row)((REAL *)vy + r * cols, (const REAL *)vx + r * cols, d, r, cols, 0);
}

static void NAME(drop_back)(void *vdx, const void *vdy, const dropout *d, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        NAME(drop_row)((REAL *)vdx + r * cols, (const REAL *)vdy + r * cols, d, r, cols, 1);
}

// --- softmax ---------------------------------------------------------------------------------------

static double NAME(exp_shift)(void *vx, double shift, size_t n)
{
    REAL *x = vx;
    REAL sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] = EXP(x[i] - (REAL)shift);
    return (double)sum;
}

static double NAME(max)(const void *vx, size_t n)
{
    const REAL *x = vx;
    REAL most = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (x[i] > most) most = x[i];
    return (double)most;
}

const row_kernels NAME(row_kernels_ref) = {
    "ref",
    0,
    NAME(add),
    NAME(sum),
    NAME(axpy),
    NAME(scale),
    NAME(multiply),
    NAME(multiply_add),
    NAME(dot),
    NAME(norm2),
    NAME(repeat),
    NAME(sum_rows),
    NAME(activate),
    NAME(activate_back),
    NAME(layer_norm),
    NAME(layer_norm_back),
    NAME(rms_norm),
    NAME(rms_norm_back),
    NAME(drop),
    NAME(drop_back),
    NAME(exp_shift),
    NAME(max),
};
