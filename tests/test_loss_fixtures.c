// test_loss_fixtures.c - losses and their gradients as PyTorch computes them.
#include "nn/op_loss.h"
#include "tests/nn_fixture.h"

typedef struct how {
    const char *name;
    bool full, in_batch, counts; // counts: popularity in place of logq
    sharing sharing;
    sampled_loss loss;
} how;

static const how cases[] = {
    { "softmax_ce", .full = true },
    { "softmax_ce_bias", .full = true },
    { "sampled_softmax" },
    { "sampled_softmax_logq" },
    { "bce", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BCE } },
    { "gbce", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BCE, .mean = true } },
    { "bpr", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BPR, .mean = true } },
    { "top1", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_TOP1, .mean = true } },
    { "bpr_max", .sharing = NEGATIVES_OF_ROW, .loss = { SCORE_BPR_MAX } },
    { "gru4rec_ce", .in_batch = true },
    { "gru4rec_ce_logq", .in_batch = true, .counts = true },
    { "gru4rec_bpr", .in_batch = true, .loss = { SCORE_BPR, .mean = true } },
    { "gru4rec_top1", .in_batch = true, .loss = { SCORE_TOP1, .mean = true } },
    { "gru4rec_bpr_max", .in_batch = true, .loss = { SCORE_BPR_MAX } },
    { "gru4rec_top1_max", .in_batch = true, .loss = { SCORE_TOP1_MAX } },
};

// Doubles of a file as floats in the tape's memory; NULL if there are none.
static float *floats_of(tape *t, const safetensors *f, const char *name)
{
    const tensor_view *v = safetensors_find(f, name);
    if (!v) return NULL;
    const double *x = v->data;
    float *to = tape_memory(t, tensor_count(v), sizeof *to);
    for (size_t i = 0; i < tensor_count(v); i++) to[i] = (float)x[i];
    return to;
}

// power * log(count[item])
static float *log_counts(tape *t, const safetensors *f, const int32_t *item, size_t n, double power)
{
    const double *count = fixture_array(f, "count", TENSOR_F64);
    float *to = tape_memory(t, n, sizeof *to);
    for (size_t i = 0; i < n; i++) to[i] = (float)(power * log(count[item[i]]));
    return to;
}

static tensor *text(tape *t, const store *s, const safetensors *f, const how *w)
{
    tensor *h = tape_param(t, store_find(s, "h"));
    const loss_targets to = { .item = fixture_array(f, "target", TENSOR_I32),
                              .weight = floats_of(t, f, "weight"),
                              .table = store_find(s, "e"),
                              .bias = store_find(s, "bias") };
    if (w->full) return op_softmax_loss(t, h, &to, 0);
    const tensor_view *negative = safetensors_find(f, "negative");
    loss_negatives from = { .sharing = w->sharing,
                            .count = negative->shape[negative->dims - 1],
                            .item = fixture_array(f, "negative", TENSOR_I32),
                            .logq = floats_of(t, f, "negative_logq"),
                            .answer_logq = floats_of(t, f, "target_logq"),
                            .in_batch = w->in_batch,
                            .keep_hits = w->in_batch };
    sampled_loss loss = w->loss;
    if (w->counts) {
        from.logq = log_counts(t, f, from.item, from.count, fixture_number(f, "alpha"));
        from.answer_logq = log_counts(t, f, to.item, tensor_rows(h), 1);
    }
    if (safetensors_find(f, "reg")) loss.reg = fixture_number(f, "reg");
    if (safetensors_find(f, "elu")) loss.elu = fixture_number(f, "elu");
    if (safetensors_find(f, "t")) {
        loss.beta = gbce_beta(from.count, to.table->rows, fixture_number(f, "t"));
        CHECK(fabs(loss.beta - fixture_number(f, "beta")) < 1e-12, "beta %g", loss.beta);
    }
    return op_sampled_loss(t, h, &to, &from, &loss);
}

static void check(const safetensors *f, tensor_type type, const how *w)
{
    // log-probabilities go through floats
    const double most = type == TENSOR_F32 ? 1e-5 : w->counts ? 1e-6 : 1e-12;
    tape *t;
    sink *k;
    store *s = fixture_store(f, type);
    CHECK_OK(tape_new(&t, s, NULL, err));
    CHECK_OK(sink_new(&k, s, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *out = text(t, s, f, w);
    const double rows = (double)tensor_rows(tape_param(t, store_find(s, "h")));
    const double seed = safetensors_find(f, "weight") ? 1 : 1 / rows;
    const float seed_f32 = (float)seed;
    const double got = seed * tensor_number(t, out), want = fixture_number(f, "loss");
    CHECK(fabs(got - want) < most * want, "%s: loss %.15g, want %.15g", w->name, got, want);
    tape_backward(t, out, type == TENSOR_F64 ? (const void *)&seed : &seed_f32, NULL, k);
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        const double *d = fixture_gradient(f, p->name)->data;
        fixture_error e = { 0, 0 };
        for (size_t r = 0; r < p->rows; r++)
            fixture_compare(&e, sink_find(k, p, r), d + r * p->cols, p->cols, type);
        CHECK(e.norm > 0 && e.off <= most * most * e.norm, "%s: gradient of %s off by %.2e",
              w->name, p->name, sqrt(e.off / e.norm));
    }
    sink_free(k);
    tape_free(t);
    store_free(s);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        safetensors f;
        fixture_open(&f, cases[i].name);
        check(&f, TENSOR_F64, &cases[i]);
        check(&f, TENSOR_F32, &cases[i]);
        safetensors_close(&f);
    }
    return CHECK_DONE();
}
