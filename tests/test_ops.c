// test_ops.c - the gradients of the ops that work position by position.
#include "nn/ops.h"
#include "tests/nn_fixture.h"
#include "tests/op_check.h"

enum { N = 5, D = 6, E = 4 };

static store *inputs(void)
{
    store *s;
    CHECK_OK(store_new(&s, TENSOR_F64, err));
    store_add(s, "x", N, D, INIT_NORMAL, 1);
    store_add(s, "y", N, D, INIT_NORMAL, 1);
    store_add(s, "w", D, E, INIT_XAVIER, 0);
    store_add_vector(s, "b", E, INIT_NORMAL, 1);
    store_add_vector(s, "gain", D, INIT_UNIFORM, 1);
    store_add_vector(s, "shift", D, INIT_UNIFORM, 1);
    CHECK_OK(store_allocate(s, err));
    store_draw(s, 3);
    return s;
}

static tensor *in(tape *t, const store *s, const char *name)
{
    return tape_param(t, store_find(s, name));
}

static tensor *text_linear(tape *t, const store *s, void *ctx)
{
    return op_linear(t, in(t, s, "x"), store_find(s, "w"), store_find(s, "b"), *(activation *)ctx);
}

static tensor *text_activate(tape *t, const store *s, void *ctx)
{
    return op_activate(t, op_scale(t, in(t, s, "x"), 1.5), *(activation *)ctx);
}

static tensor *text_embed(tape *t, const store *s, void *ctx)
{
    static const int32_t row[] = { 3, 0, -1, 3, 2, 1 }, some[] = { 5, 0, 0, -1 };
    (void)ctx;
    return op_pick(t, op_embed(t, store_find(s, "x"), row, 6), some, 4);
}

static tensor *text_dot(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    return op_dot(t, in(t, s, "x"), op_multiply(t, in(t, s, "x"), in(t, s, "y")));
}

static tensor *text_embed_vector(tape *t, const store *s, void *ctx)
{
    static const int32_t row[] = { 3, -1, 0, 3 };
    (void)ctx;
    return op_embed(t, store_find(s, "b"), row, 4);
}

static tensor *text_embed_sum(tape *t, const store *s, void *ctx)
{
    static const int32_t row[] = { 3, -1, 0, 3, 3, 1, -1, -1, 2, 0 };
    (void)ctx;
    return op_embed_sum(t, store_find(s, "x"), row, 2, 5);
}

static tensor *text_sums(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    tensor *x = in(t, s, "x"), *y = in(t, s, "y");
    return op_add(t, op_multiply(t, x, y), op_scale(t, op_add(t, x, x), -0.5));
}

static tensor *text_layer_norm(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    return op_layer_norm(t, in(t, s, "x"), store_find(s, "gain"), store_find(s, "shift"), 1e-5);
}

static tensor *text_rms_norm(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    return op_rms_norm(t, in(t, s, "x"), store_find(s, "gain"), 1e-5);
}

static tensor *text_dropout(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    return op_dropout(t, op_dropout(t, in(t, s, "x"), 0.3), 0.2);
}

static tensor *text_columns(tape *t, const store *s, void *ctx)
{
    (void)ctx;
    return op_columns(t, op_join(t, in(t, s, "x"), in(t, s, "y")), 3, 5);
}

// --- as PyTorch computes them -----------------------------------------------------------------------

static tensor *torch_linear(tape *t, const store *s, const safetensors *f, void *ctx)
{
    (void)f;
    return op_linear(t, in(t, s, "x"), store_find(s, "w"), store_find(s, "b"),
                     *(const activation *)ctx);
}

static void test_torch(void)
{
    static const struct {
        const char *name;
        activation f;
    } linear[] = { { "none", ACT_NONE },         { "relu", ACT_RELU }, { "gelu_tanh", ACT_GELU },
                   { "gelu_erf", ACT_GELU_ERF }, { "silu", ACT_SILU }, { "sigmoid", ACT_SIGMOID },
                   { "tanh", ACT_TANH } };
    for (size_t i = 0; i < COUNT_OF(linear); i++) {
        char name[64];
        activation f = linear[i].f;
        snprintf(name, sizeof name, "linear_%s", linear[i].name);
        fixture_check(name, torch_linear, &f);
    }
}

int main(void)
{
    store *s = inputs();
    for (activation f = ACT_NONE; f <= ACT_TANH; f++) {
        op_check("linear", s, text_linear, &f);
        op_check("activate", s, text_activate, &f);
    }
    op_check("embed", s, text_embed, NULL);
    op_check("embed sum", s, text_embed_sum, NULL);
    op_check("embed a vector", s, text_embed_vector, NULL);
    op_check("dot", s, text_dot, NULL);
    op_check("sums", s, text_sums, NULL);
    op_check("layer norm", s, text_layer_norm, NULL);
    op_check("rms norm", s, text_rms_norm, NULL);
    op_check("dropout", s, text_dropout, NULL);
    op_check("columns", s, text_columns, NULL);
    store_free(s);
    test_torch();
    return CHECK_DONE();
}
