// test_gru4rec.c - GRU4Rec keeps the promises of every network, and is what PyTorch computes.
#include "tests/network_fixture.h"

static const fixture_name arrays[] = {
    { "item", "item" },
    { "bias", "item_bias" },
    { "layer.%d.wx", "layer.%d.w" },
    { "layer.%d.wh", "layer.%d.u" },
    { "layer.%d.bx", "layer.%d.b" },
    { "layer.%d.bh", "layer.%d.bu" },
};

static void test_losses(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bce",  "gbce",
                                          "bpr",     "bpr-max", "top1", "top1-max" };
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        char options[128];
        snprintf(options, sizeof options, "dim=6 max-len=8 loss=%s negatives=3", losses[i]);
        network_check_gradient("gru4rec", options);
    }
    network_check_gradient("gru4rec", "dim=6 max-len=8 loss=bpr-max negatives=3 elu=0 bpreg=0");
    network_check_gradient("gru4rec", "dim=6 max-len=8 loss=top1 negatives=3 negatives-of=target");
    network_check_gradient("gru4rec", "dim=6 max-len=8 tied=no blocks=2 dropout-hidden=0.2");
}

int main(void)
{
    test_losses();
    network_fixture_check(&(network_fixture){ .file = "gru4rec",
                                              .model = "gru4rec",
                                              .options = "dim=8 blocks=2 max-len=6 dropout=0",
                                              .names = arrays,
                                              .names_count = COUNT_OF(arrays) });
    network_check("gru4rec", "dim=8 max-len=8 dropout-hidden=0.1", NETWORK_CAUSAL);
    check_beats_popularity("gru4rec", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
    check_beats_popularity(
        "gru4rec", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01 loss=bpr-max negatives=32", 0.2);
    return CHECK_DONE();
}
