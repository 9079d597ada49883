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

static const recurrent_kernels NAME(recurrent_kernels_ref) = {
    .name = "ref",
    .gru = NAME(gru),
    .gru_back = NAME(gru_back),
    .gru_reset = NAME(gru_reset),
    .gru_update = NAME(gru_update),
    .gru_update_back = NAME(gru_update_back),
    .gru_reset_back = NAME(gru_reset_back),
};
