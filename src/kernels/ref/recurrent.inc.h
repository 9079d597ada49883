// recurrent.inc.h - the loops of recurrent.h as they are defined.  Compiled with REAL = float and
// double.

static REAL NAME(sigma)(REAL x)
{
    return 1 / (1 + EXP(-x));
}

// --- GRU -------------------------------------------------------------------------------------------

static void NAME(gru)(void *vh, void *vgates, const void *vbefore, size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *h = (REAL *)vh + n * H;
        REAL *r = (REAL *)vgates + n * 4 * H, *z = r + H, *c = r + 3 * H;
        const REAL *before = (const REAL *)vbefore + n * H, *u = r + 2 * H;
        for (size_t i = 0; i < H; i++) {
            r[i] = NAME(sigma)(r[i]);
            z[i] = NAME(sigma)(z[i]);
            c[i] = TANH(c[i] + r[i] * u[i]);
            h[i] = c[i] + z[i] * (before[i] - c[i]);
        }
    }
}

static void NAME(gru_back)(void *vd, void *vdh, const void *vgates, const void *vbefore,
                           size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *dh = (REAL *)vdh + n * H;
        REAL *dr = (REAL *)vd + n * 4 * H, *dz = dr + H, *du = dr + 2 * H, *dc = dr + 3 * H;
        const REAL *r = (const REAL *)vgates + n * 4 * H, *z = r + H, *u = r + 2 * H,
                   *c = r + 3 * H;
        const REAL *before = (const REAL *)vbefore + n * H;
        for (size_t i = 0; i < H; i++) {
            dz[i] = dh[i] * (before[i] - c[i]) * z[i] * (1 - z[i]);
            dc[i] = dh[i] * (1 - z[i]) * (1 - c[i] * c[i]);
            dr[i] = dc[i] * u[i] * r[i] * (1 - r[i]);
            du[i] = dc[i] * r[i];
            dh[i] *= z[i];
        }
    }
}

static void NAME(gru_reset)(void *vgates, const void *vbefore, size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *r = (REAL *)vgates + n * 4 * H, *z = r + H, *u = r + 2 * H;
        const REAL *before = (const REAL *)vbefore + n * H;
        for (size_t i = 0; i < H; i++) {
            r[i] = NAME(sigma)(r[i]);
            z[i] = NAME(sigma)(z[i]);
            u[i] = r[i] * before[i];
        }
    }
}

static void NAME(gru_update)(void *vh, void *vgates, const void *vbefore, size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *h = (REAL *)vh + n * H, *c = (REAL *)vgates + n * 4 * H + 3 * H;
        const REAL *before = (const REAL *)vbefore + n * H, *z = c - 2 * H;
        for (size_t i = 0; i < H; i++) {
            c[i] = TANH(c[i]);
            h[i] = c[i] + z[i] * (before[i] - c[i]);
        }
    }
}

static void NAME(gru_update_back)(void *vd, void *vdh, const void *vgates, const void *vbefore,
                                  size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *dh = (REAL *)vdh + n * H, *dz = (REAL *)vd + n * 4 * H + H, *dc = dz + 2 * H;
        const REAL *before = (const REAL *)vbefore + n * H;
        const REAL *z = (const REAL *)vgates + n * 4 * H + H, *c = z + 2 * H;
        for (size_t i = 0; i < H; i++) {
            dz[i] = dh[i] * (before[i] - c[i]) * z[i] * (1 - z[i]);
            dc[i] = dh[i] * (1 - z[i]) * (1 - c[i] * c[i]);
            dh[i] *= z[i];
        }
    }
}

static void NAME(gru_reset_back)(void *vd, void *vdh, const void *vgates, const void *vbefore,
                                 size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *dh = (REAL *)vdh + n * H, *dr = (REAL *)vd + n * 4 * H;
        const REAL *before = (const REAL *)vbefore + n * H, *du = dr + 2 * H;
        const REAL *r = (const REAL *)vgates + n * 4 * H;
        for (size_t i = 0; i < H; i++) {
            dr[i] = du[i] * before[i] * r[i] * (1 - r[i]);
            dh[i] += du[i] * r[i];
        }
    }
}

// --- LSTM ------------------------------------------------------------------------------------------

static void NAME(lstm)(void *vh, void *vmemory, void *vgates, const void *vmemory_before,
                       size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        REAL *h = (REAL *)vh + n * H, *memory = (REAL *)vmemory + n * H;
        REAL *i = (REAL *)vgates + n * 4 * H, *f = i + H, *g = i + 2 * H, *o = i + 3 * H;
        const REAL *before = (const REAL *)vmemory_before + n * H;
        for (size_t j = 0; j < H; j++) {
            i[j] = NAME(sigma)(i[j]);
            f[j] = NAME(sigma)(f[j]);
            g[j] = TANH(g[j]);
            o[j] = NAME(sigma)(o[j]);
            memory[j] = f[j] * before[j] + i[j] * g[j];
            h[j] = o[j] * TANH(memory[j]);
        }
    }
}

static void NAME(lstm_back)(void *vd, const void *vdh, void *vdmemory, const void *vgates,
                            const void *vmemory, const void *vmemory_before, size_t rows, size_t H)
{
    for (size_t n = 0; n < rows; n++) {
        const REAL *dh = (const REAL *)vdh + n * H, *memory = (const REAL *)vmemory + n * H;
        REAL *di = (REAL *)vd + n * 4 * H, *df = di + H, *dg = di + 2 * H, *dout = di + 3 * H;
        REAL *dmemory = (REAL *)vdmemory + n * H;
        const REAL *i = (const REAL *)vgates + n * 4 * H, *f = i + H, *g = i + 2 * H,
                   *o = i + 3 * H;
        const REAL *before = (const REAL *)vmemory_before + n * H;
        for (size_t j = 0; j < H; j++) {
            const REAL c = TANH(memory[j]), dm = dmemory[j] + dh[j] * o[j] * (1 - c * c);
            di[j] = dm * g[j] * i[j] * (1 - i[j]);
            df[j] = dm * before[j] * f[j] * (1 - f[j]);
            dg[j] = dm * i[j] * (1 - g[j] * g[j]);
            dout[j] = dh[j] * c * o[j] * (1 - o[j]);
            dmemory[j] = dm * f[j];
        }
    }
}

// --- plain -----------------------------------------------------------------------------------------

static void NAME(rnn)(void *vh, void *vgates, size_t n, bool relu)
{
    REAL *h = vh, *gates = vgates;
    for (size_t i = 0; i < n; i++) {
        gates[i] = !relu ? TANH(gates[i]) : gates[i] < 0 ? 0 : gates[i]; // a NaN stays
        h[i] = gates[i];
    }
}

static void NAME(rnn_back)(void *vd, const void *vdh, const void *vgates, size_t n, bool relu)
{
    REAL *d = vd;
    const REAL *dh = vdh, *gates = vgates;
    for (size_t i = 0; i < n; i++)
        d[i] = !relu ? dh[i] * (1 - gates[i] * gates[i]) : gates[i] > 0 ? dh[i] : 0;
}

// --- linear ----------------------------------------------------------------------------------------

static void NAME(lru)(void *vh, const void *vx, const void *vlambda, const void *vgamma,
                      const void *vfirst, size_t rows, size_t H)
{
    const REAL *lambda = vlambda, *gamma = vgamma, *before = vfirst;
    for (size_t n = 0; n < rows; n++) {
        REAL *h = (REAL *)vh + n * 2 * H;
        const REAL *x = (const REAL *)vx + n * 2 * H;
        for (size_t i = 0; i < H; i++) {
            const REAL re = before ? before[i] : 0, im = before ? before[H + i] : 0;
            h[i] = gamma[i] * x[i] + lambda[i] * re - lambda[H + i] * im;
            h[H + i] = gamma[i] * x[H + i] + lambda[i] * im + lambda[H + i] * re;
        }
        before = h;
    }
}

// With G = dL/d(re) + i dL/d(im) of h:  dx = gamma G,  dgamma = Re(conj(x) G),
// dlambda = conj(before) G,  and on to the row before goes conj(lambda) G.
static void NAME(lru_back)(void *vdx, void *vdlambda, void *vdgamma, void *vdfirst, const void *vdh,
                           const void *vx, const void *vh, const void *vlambda, const void *vgamma,
                           const void *vfirst, size_t rows, size_t H)
{
    REAL *dlambda = vdlambda, *dgamma = vdgamma, *dfirst = vdfirst;
    const REAL *lambda = vlambda, *gamma = vgamma;
    for (size_t n = rows; n-- > 0;) {
        REAL *dx = vdx ? (REAL *)vdx + n * 2 * H : NULL;
        const REAL *dh = (const REAL *)vdh + n * 2 * H, *x = (const REAL *)vx + n * 2 * H;
        const REAL *before = n ? (const REAL *)vh + (n - 1) * 2 * H : vfirst;
        for (size_t i = 0; i < H; i++) {
            const REAL re = dfirst[i] + dh[i], im = dfirst[H + i] + dh[H + i];
            if (dx) dx[i] = gamma[i] * re;
            if (dx) dx[H + i] = gamma[i] * im;
            dgamma[i] += x[i] * re + x[H + i] * im;
            if (before) dlambda[i] += before[i] * re + before[H + i] * im;
            if (before) dlambda[H + i] += before[i] * im - before[H + i] * re;
            dfirst[i] = lambda[i] * re + lambda[H + i] * im;
            dfirst[H + i] = lambda[i] * im - lambda[H + i] * re;
        }
    }
}

void NAME(lru_rates_ref)(void *vlambda, void *vgamma, const void *vnu, const void *vtheta,
                         const void *vlog_gamma, size_t H)
{
    REAL *lambda = vlambda, *gamma = vgamma;
    const REAL *nu = vnu, *theta = vtheta, *log_gamma = vlog_gamma;
    for (size_t i = 0; i < H; i++) {
        const REAL size = EXP(-EXP(nu[i])), angle = EXP(theta[i]);
        lambda[i] = size * COS(angle);
        lambda[H + i] = size * SIN(angle);
        gamma[i] = log_gamma ? EXP(log_gamma[i]) : 1;
    }
}

// d(lambda)/d(nu) = -exp(nu) lambda,  d(lambda)/d(theta) = i exp(theta) lambda
void NAME(lru_rates_back_ref)(void *vdnu, void *vdtheta, void *vdlog_gamma, const void *vdlambda,
                              const void *vdgamma, const void *vlambda, const void *vgamma,
                              const void *vnu, const void *vtheta, size_t H)
{
    REAL *dnu = vdnu, *dtheta = vdtheta, *dlog_gamma = vdlog_gamma;
    const REAL *re = vlambda, *im = re + H, *dre = vdlambda, *dim = dre + H;
    const REAL *gamma = vgamma, *dgamma = vdgamma, *nu = vnu, *theta = vtheta;
    for (size_t i = 0; i < H; i++) {
        if (dnu) dnu[i] -= EXP(nu[i]) * (re[i] * dre[i] + im[i] * dim[i]);
        if (dtheta) dtheta[i] += EXP(theta[i]) * (re[i] * dim[i] - im[i] * dre[i]);
        if (dlog_gamma) dlog_gamma[i] += gamma[i] * dgamma[i];
    }
}

static const recurrent_kernels NAME(recurrent_kernels_ref) = {
    .name = "ref",
    .gru = NAME(gru),
    .gru_back = NAME(gru_back),
    .gru_reset = NAME(gru_reset),
    .gru_update = NAME(gru_update),
    .gru_update_back = NAME(gru_update_back),
    .gru_reset_back = NAME(gru_reset_back),
    .lstm = NAME(lstm),
    .lstm_back = NAME(lstm_back),
    .rnn = NAME(rnn),
    .rnn_back = NAME(rnn_back),
    .lru = NAME(lru),
    .lru_back = NAME(lru_back),
    .lru_rates = NAME(lru_rates_ref),
    .lru_rates_back = NAME(lru_rates_back_ref),
};
