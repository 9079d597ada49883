// test_lstm.c - the LSTM keeps the promises of every network, with every loss.
#include "tests/network_check.h"

int main(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bce", "gbce", "bpr" };
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        char options[128];
        snprintf(options, sizeof options, "dim=6 blocks=2 max-len=8 loss=%s negatives=2",
                 losses[i]);
        network_check_gradient("lstm", options);
    }
    network_check("lstm", "dim=8 blocks=2 max-len=8", NETWORK_CAUSAL);
    check_beats_popularity("lstm", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
