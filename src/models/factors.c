// factors.c - what the factor models have in common.
#include "models/factors.h"
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/factor.h"

#include <math.h>
#include <string.h>

habit_status factors_new(void **out, const model_class *class, size_t size, habit_error *err)
{
    factors *f = mem_zalloc(1, size);
    if (!f) return fail_memory(err, class->name, size);
    f->base.class = class;
    *out = f;
    return HABIT_OK;
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

float *factors_compact(const float *from, size_t rows, size_t dim, size_t pad)
{
    float *to = NEW(float, rows *dim);
    for (size_t r = 0; to && r < rows; r++) memcpy(to + r * dim, from + r * pad, dim * sizeof *to);
    return to;
}

habit_status factors_learn(factors *f, const float *user, const float *item, const float *bias,
                           size_t pad, habit_error *err)
{
    const size_t users = f->base.users, items = f->base.items, dim = (size_t)f->base.dim;
    f->user = factors_compact(user, users, dim, pad);
    f->item = factors_compact(item, items, dim, pad);
    if (bias) f->bias = factors_compact(bias, 1, items, items);
    if (!f->user || !f->item || (bias && !f->bias))
        return fail_memory(err, f->base.class->name, (users + items) * dim * sizeof *user);
    if (!all_finite(f->user, users * dim) || !all_finite(f->item, items * dim) ||
        (bias && !all_finite(f->bias, items)))
        return fail(err, HABIT_EDIVERGED,
                    "%s: training diverged: a vector is not finite; lower --lr or raise the "
                    "regularisation",
                    f->base.class->name);
    f->loaded[0] = users;
    f->loaded[2] = f->loaded[4] = items;
    f->loaded[1] = f->loaded[3] = dim;
    return factors_ready(f, err);
}

size_t factors_fields(factors *f, model_field *out)
{
    const uint64_t dim = (uint64_t)f->base.dim;
    out[0] = (model_field){ .name = "user",
                            .type = TENSOR_F32,
                            .dims = 2,
                            .shape = { f->base.users, dim },
                            .data = (const void **)&f->user,
                            .shape_out = { &f->loaded[0], &f->loaded[1] } };
    out[1] = (model_field){ .name = "item",
                            .type = TENSOR_F32,
                            .dims = 2,
                            .shape = { f->base.items, dim },
                            .data = (const void **)&f->item,
                            .shape_out = { &f->loaded[2], &f->loaded[3] } };
    out[2] = (model_field){ .name = "bias",
                            .type = TENSOR_F32,
                            .dims = 1,
                            .shape = { f->base.items },
                            .data = (const void **)&f->bias,
                            .shape_out = { &f->loaded[4] },
                            .optional = true };
    return FACTORS_FIELDS;
}

habit_status factors_ready(factors *f, habit_error *err)
{
    const uint64_t users = f->base.users, items = f->base.items, dim = (uint64_t)f->base.dim;
    if (f->loaded[0] != users || f->loaded[1] != dim || f->loaded[2] != items ||
        f->loaded[3] != dim || (f->bias && f->loaded[4] != items) || dim < 1 ||
        dim > FACTORS_DIM_MAX)
        return fail(err, HABIT_EFORMAT,
                    "%s: the arrays user, item and bias do not fit together: the file is damaged",
                    f->base.class->name);
    f->base.item_vector = f->item;
    f->base.item_bias = f->bias;

    double *sum = ZNEW(double, (size_t)dim);
    float *mean = ZNEW(float, (size_t)dim);
    if (!sum || !mean) {
        mem_free(sum);
        mem_free(mean);
        return fail_memory(err, "the mean user", (size_t)dim * sizeof *sum);
    }
    for (size_t u = 0; u < users; u++)
        for (size_t k = 0; k < dim; k++) sum[k] += (double)f->user[u * dim + k];
    for (size_t k = 0; users && k < dim; k++) mean[k] = (float)(sum[k] / (double)users);
    mem_free(sum);
    f->mean = mean;
    return HABIT_OK;
}

void factors_release(factors *f)
{
    mem_free(f->mean);
    if (f->base.loaded) return; // the arrays belong to the mapping
    mem_free((void *)f->user);
    mem_free((void *)f->item);
    mem_free((void *)f->bias);
}

const float *factors_user_vectors(const model *m)
{
    return ((const factors *)m)->user;
}

const float *factors_of_user(const factors *f, uint32_t user)
{
    return user < f->base.users ? f->user + (size_t)user * (size_t)f->base.dim : f->mean;
}

void factors_draw(float *out, size_t rows, size_t dim, double std, uint64_t seed)
{
    const size_t pad = factor_pad(dim);
    memset(out, 0, rows * pad * sizeof *out);
    for (size_t r = 0; r < rows; r++) {
        rng stream = rng_at(seed, r, dim);
        for (size_t k = 0; k < dim; k++) out[r * pad + k] = (float)(std * rng_normal(&stream));
    }
}
