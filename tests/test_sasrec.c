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

// With --cosine what ranking multiplies has length one.
static void check_cosine(void)
{
    static structured_log log;
    fitted f;
    structured_log_make(&log);
    fit_model(&f, "sasrec", "dim=8 max-len=8 epochs=1 cosine=yes", &log.tiny.view, NULL);
    const query q = query_of(&log.tiny.view, 3);
    float v[8] = { 0 };
    arena scratch = { 0 };
    CHECK_OK(arena_init_bytes(&scratch, f.class->scratch(f.model, 1), err));
    f.class->encode(f.model, &q, 1, v, &scratch);
    double user2 = 0;
    for (int d = 0; d < 8; d++) user2 += (double)v[d] * (double)v[d];
    CHECK(fabs(user2 - 1) < 1e-5, "a user's vector has length %g", sqrt(user2));
    for (uint32_t i = 0; i < f.model->items; i++) {
        double item2 = 0;
        for (uint32_t d = 0; d < 8; d++)
            item2 +=
                (double)f.model->item_vector[i * 8 + d] * (double)f.model->item_vector[i * 8 + d];
        CHECK(fabs(item2 - 1) < 1e-5, "item %u has length %g", i, sqrt(item2));
    }
    arena_free(&scratch);
    fitted_free(&f);
}

// Training that diverges says so, and the checkpoint of better days stays as it is.
static void check_divergence(void)
{
    static structured_log log;
    const char *const folder = "diverged.tmp";
    const training_plan plan = { .checkpoint = folder, .resume = true, .fingerprint = 9 };
    structured_log_make(&log);
    for (int turn = 0; turn < 3; turn++) { // the first is stopped after a step
        int left = turn ? 1 << 30 : 0;
        const run r = { .hooks = { .progress = network_stop, .ctx = &left } };
        model *m = NULL;
        habit_error e = { 0 };
        const habit_status st = network_train(
            &m, "sasrec", "dim=8 max-len=8 batch=16 epochs=50 optimiser=sgd lr=1000 weight-decay=1",
            &log.tiny.view, &plan, &r, &e);
        CHECK(st == (turn ? HABIT_EDIVERGED : HABIT_ESTOPPED) && !m, "turn %d: %s", turn,
              habit_status_text(st));
        CHECK(!turn || strstr(e.message, "not finite; lower --lr"), "turn %d: %s", turn, e.message);
        CHECK(checkpoint_exists(folder), "turn %d: no checkpoint is left", turn);
    }
    checkpoint_remove(folder);
}

int main(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bce", "gbce", "bpr" };
    static const char *const whose[] = { "step", "sequence", "target" };
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
    network_check_gradient("sasrec", "dim=6 max-len=8 cosine=yes temperature=0.2");
    network_check("sasrec", "dim=8 heads=2 max-len=8", NETWORK_CAUSAL);
    for (size_t i = 0; i < COUNT_OF(whose); i++) {
        char options[128];
        snprintf(options, sizeof options,
                 "dim=8 max-len=8 loss=sampled cosine=yes temperature=0.2 logq=yes negatives=3 "
                 "negatives-of=%s",
                 whose[i]);
        network_check("sasrec", options, NETWORK_CAUSAL);
    }
    network_check("sasrec", "dim=8 max-len=5 windows=sliding", NETWORK_CAUSAL);
    check_cosine();
    check_divergence();
    check_beats_popularity("sasrec", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
