// test_lru.c - LRURec keeps the promises of every network, and is what PyTorch computes.
#include "tests/network_fixture.h"

// Complex numbers of the file are pairs of arrays, real and imaginary; H = 4 of them here.
static const fixture_name arrays[] = {
    { "item", "item" },
    { "bias", "item_bias" },
    { "input.norm_w", "norm.gain" },
    { "input.norm_b", "norm.shift" },
    { "block.%d.nu_log", "block.%d.lru.nu" },
    { "block.%d.theta_log", "block.%d.lru.theta" },
    { "block.%d.gamma_log", "block.%d.lru.log_gamma" },
    { "block.%d.b_re", "block.%d.lru.in" },
    { "block.%d.b_im", "block.%d.lru.in", .col = 4 },
    { "block.%d.b_bias_re", "block.%d.lru.in_bias" },
    { "block.%d.b_bias_im", "block.%d.lru.in_bias", .col = 4 },
    { "block.%d.c_re", "block.%d.lru.out" },
    { "block.%d.c_im", "block.%d.lru.out", .row = 4, .negated = true },
    { "block.%d.c_bias_re", "block.%d.lru.out_bias" },
    { "block.%d.norm1_w", "block.%d.norm1.gain" },
    { "block.%d.norm1_b", "block.%d.norm1.shift" },
    { "block.%d.norm2_w", "block.%d.norm2.gain" },
    { "block.%d.norm2_b", "block.%d.norm2.shift" },
    { "block.%d.w1", "block.%d.ffn.in" },
    { "block.%d.b1", "block.%d.ffn.in_bias" },
    { "block.%d.w2", "block.%d.ffn.out" },
    { "block.%d.b2", "block.%d.ffn.out_bias" },
};

// |lambda| begins in the ring, and gamma keeps the variance.
static void test_start(void)
{
    network *n = network_make("lru", "dim=32 max-len=8", TENSOR_F32);
    const float *nu = store_find(n->params, "block.1.lru.nu")->data;
    const float *log_gamma = store_find(n->params, "block.1.lru.log_gamma")->data;
    for (int i = 0; i < 64; i++) {
        const double size = exp(-exp((double)nu[i])), gamma = exp((double)log_gamma[i]);
        CHECK(size >= 0.8 && size <= 0.99, "|lambda| begins at %g", size);
        CHECK(fabs(gamma * gamma + size * size - 1) < 1e-5, "gamma %g", gamma);
    }
    const param *in = store_find(n->params, "block.0.lru.in");
    double most = 0, sum = 0;
    for (size_t i = 0; i < in->rows * in->cols; i++) {
        const double x = (double)((const float *)in->data)[i];
        most = fmax(most, fabs(x));
        sum += x * x;
    }
    const double std = sqrt(sum / (double)(in->rows * in->cols));
    CHECK(most <= 0.04 && most > 0.035, "weights begin up to %g", most);
    CHECK(fabs(std - 0.0176) < 0.001, "weights begin with deviation %g", std); // of N(0, .02) cut
    model_free(&n->base);
}

int main(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bce", "gbce", "bpr" };
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        char options[128];
        snprintf(options, sizeof options, "dim=6 max-len=8 ffn-mult=1.5 loss=%s negatives=2",
                 losses[i]);
        network_check_gradient("lru", options);
    }
    network_fixture_check(
        &(network_fixture){ .file = "lrurec",
                            .model = "lru",
                            .options = "dim=8 max-len=6 dropout=0 state-mult=0.5 ffn-mult=1.5",
                            .names = arrays,
                            .names_count = COUNT_OF(arrays) });
    test_start();
    network_check("lru", "dim=8 max-len=8 ffn-mult=2", NETWORK_CAUSAL);
    check_beats_popularity("lru", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
