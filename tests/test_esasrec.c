// test_esasrec.c - eSASRec keeps the promises of every network, and is what PyTorch computes.
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
    { "block.%d.wg1", "block.%d.gate1" },
    { "block.%d.bg1", "block.%d.gate1_bias" },
    { "block.%d.wg2", "block.%d.gate2" },
    { "block.%d.bg2", "block.%d.gate2_bias" },
    { "block.%d.w1", "block.%d.ffn.in" },
    { "block.%d.w2", "block.%d.ffn.side" },
    { "block.%d.w3", "block.%d.ffn.out" },
};

int main(void)
{
    network_fixture_check(&(network_fixture){ .file = "esasrec",
                                              .model = "esasrec",
                                              .options =
                                                  "dim=8 heads=2 max-len=6 dropout=0 ffn-mult=1.5 "
                                                  "loss=softmax",
                                              .names = arrays,
                                              .names_count = COUNT_OF(arrays) });
    network_check_gradient("esasrec", "dim=6 heads=2 max-len=8 loss=softmax last-norm=yes");
    network_check("esasrec", "dim=8 heads=2 max-len=8 ffn-mult=2 negatives=6", NETWORK_CAUSAL);
    check_beats_popularity("esasrec", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01 negatives=32",
                           0.2);
    return CHECK_DONE();
}
