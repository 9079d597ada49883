// test_sasrec.c - SASRec keeps the promises of every network, with every loss, and is what PyTorch
// computes.
#include "tests/network_fixture.h"

static const fixture_name arrays[] = {
    { "item", "item" },
    { "position", "position" },
    { "block.%d.norm1_w", "block.%d.norm1.gain" },
    { "block.%d.norm1_b", "block.%d.norm1.shift" },
    { "block.%d.norm2_w", "block.%d.norm2.gain" },
    { "block.%d.norm2_b", "block.%d.norm2.shift" },
    { "block.%d.wq", "block.%d.attention.query" },
    { "block.%d.wk", "block.%d.attention.key" },
    { "block.%d.wv", "block.%d.attention.value" },
    { "block.%d.wo", "block.%d.attention.merge" },
    { "block.%d.bq", "block.%d.attention.query_bias" },
    { "block.%d.bk", "block.%d.attention.key_bias" },
    { "block.%d.bv", "block.%d.attention.value_bias" },
    { "block.%d.bo", "block.%d.attention.merge_bias" },
    { "block.%d.w1", "block.%d.ffn.in" },
    { "block.%d.b1", "block.%d.ffn.in_bias" },
    { "block.%d.w2", "block.%d.ffn.out" },
    { "block.%d.b2", "block.%d.ffn.out_bias" },
    { "norm.norm_w", "norm.gain" },
    { "norm.norm_b", "norm.shift" },
};

int main(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bce", "gbce", "bpr" };
    network_fixture_check(&(network_fixture){ .file = "sasrec",
                                              .model = "sasrec",
                                              .options = "dim=8 heads=2 max-len=6 dropout=0",
                                              .names = arrays,
                                              .names_count = COUNT_OF(arrays) });
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        char options[128];
        snprintf(options, sizeof options, "dim=6 heads=2 max-len=8 loss=%s negatives=2", losses[i]);
        network_check_gradient("sasrec", options);
    }
    network_check_gradient("sasrec", "dim=6 max-len=8 loss=sampled logq=yes temperature=0.5");
    network_check("sasrec", "dim=8 heads=2 max-len=8", NETWORK_CAUSAL);
    check_beats_popularity("sasrec", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
