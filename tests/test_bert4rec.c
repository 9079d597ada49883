// test_bert4rec.c - BERT4Rec keeps the promises of every network, and is what PyTorch computes.
#include "tests/network_fixture.h"

// --- PyTorch ----------------------------------------------------------------------------------------

static const fixture_name arrays[] = {
    { "item", "item" },
    { "mask", "mask" },
    { "bias", "bias" },
    { "position", "position" },
    { "input.norm_w", "input.gain" },
    { "input.norm_b", "input.shift" },
    { "block.%d.wq", "block.%d.attention.query" },
    { "block.%d.wk", "block.%d.attention.key" },
    { "block.%d.wv", "block.%d.attention.value" },
    { "block.%d.wo", "block.%d.attention.merge" },
    { "block.%d.bq", "block.%d.attention.query_bias" },
    { "block.%d.bk", "block.%d.attention.key_bias" },
    { "block.%d.bv", "block.%d.attention.value_bias" },
    { "block.%d.bo", "block.%d.attention.merge_bias" },
    { "block.%d.norm1_w", "block.%d.norm1.gain" },
    { "block.%d.norm1_b", "block.%d.norm1.shift" },
    { "block.%d.norm2_w", "block.%d.norm2.gain" },
    { "block.%d.norm2_b", "block.%d.norm2.shift" },
    { "block.%d.w1", "block.%d.ffn.in" },
    { "block.%d.b1", "block.%d.ffn.in_bias" },
    { "block.%d.w2", "block.%d.ffn.out" },
    { "block.%d.b2", "block.%d.ffn.out_bias" },
    { "head.w", "head.w" },
    { "head.b", "head.b" },
    { "head.norm_w", "head.gain" },
    { "head.norm_b", "head.shift" },
};

#define SMALL "dim=8 heads=2 max-len=6 dropout=0 ffn-mult=1.5 "

// The file's table of items has the mask as its last row, ours has it apart.
static size_t split_mask(const safetensors *f, tensor_view *out)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++) {
        tensor_view v = f->tensors[i];
        const size_t at = strlen(v.name) < 4 ? 0 : strlen(v.name) - 4;
        if (strcmp(v.name + at, "item") == 0) {
            v.shape[0] = FIXTURE_ITEMS;
            tensor_view mask = v;
            memcpy(mask.name + at, "mask", 4);
            mask.shape[0] = 1;
            mask.data = (const double *)v.data + FIXTURE_ITEMS * v.shape[1];
            out[n++] = mask;
        }
        out[n++] = v;
    }
    return n;
}

static const int32_t *masked; // rows of the file that are told
static size_t masked_count;

static tensor *told(tape *t, const network *n, const batch *b)
{
    return op_pick(t, network_answers(t, n, b), masked, masked_count);
}

static void check_torch(const char *file, const char *options)
{
    static tensor_view views[256];
    const network_fixture x = { .file = file,
                                .model = "bert4rec",
                                .options = options,
                                .names = arrays,
                                .names_count = COUNT_OF(arrays),
                                .rows = told };
    safetensors f;
    fixture_open(&f, file);
    const safetensors apart = { .tensors = views, .count = split_mask(&f, views) };
    masked = fixture_array(&f, "masked", TENSOR_I32);
    masked_count = (size_t)tensor_count(safetensors_find(&f, "masked"));
    network_fixture_check_as(&x, &apart, TENSOR_F64);
    network_fixture_check_as(&x, &apart, TENSOR_F32);
    safetensors_close(&f);
}

// --- answers ----------------------------------------------------------------------------------------

// Unlike in networks that only look back, an event sees what comes after it.
static void check_both_sides(void)
{
    network *n = network_make("bert4rec", "dim=8 max-len=8", TENSOR_F32);
    float *last = network_rows(n, 2, 3, -1), *other = network_rows(n, 2, 3, 7);
    for (size_t e = 0; e < 3; e++)
        CHECK(memcmp(last + e * 8, other + e * 8, 8 * sizeof *last) != 0,
              "event %zu does not see the last", e);
    free(last), free(other);
    model_free(&n->base);
}

// The answer to a question is what a hidden event after the last, of max_len events in all, is told
// to be.
static void check_question(void)
{
    enum { D = 8, L = 5 };
    static const uint32_t history[] = { 3, 1, 4, 1, 5, 9 };
    network *n = network_make("bert4rec", "dim=8 max-len=5", TENSOR_F32);
    const query q = { .user = USER_NONE, .item = history, .n = 6, .now = TIME_NONE };
    const batch_sequence s = { .n = L - 1, .item = history + 2, .mask = true };
    float answer[D];
    tiny_batch b;
    tape *t;
    arena plan = { 0 }, scratch = { 0 };
    CHECK_OK(arena_init_bytes(&scratch, network_scratch(&n->base, 1), err));
    network_encode(&n->base, &q, 1, answer, &scratch);
    CHECK(!scratch.failed, "scratch");
    batch_room_place(&b.room, 1, L, BATCH_TIME, &plan);
    CHECK_OK(arena_init(&b.memory, &plan, err));
    batch_room_place(&b.room, 1, L, BATCH_TIME, &b.memory);
    batch_start(&b.batch, &b.room);
    CHECK(batch_add(&b.batch, &b.room, &s, false), "no room");
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const float *rows = tensor_data(network_answers(t, n, &b.batch));
    for (int d = 0; d < D; d++)
        CHECK(fabsf(rows[(L - 1) * D + d] - answer[d]) < 1e-6f, "%g, not %g", (double)answer[d],
              (double)rows[(L - 1) * D + d]);
    tape_free(t);
    arena_free(&b.memory);
    arena_free(&scratch);
    model_free(&n->base);
}

int main(void)
{
    check_torch("bert4rec", SMALL "input-norm=no head=gelu");
    check_torch("bert4rec_code", SMALL "input-norm=yes head=gelu-norm");
    check_both_sides();
    check_question();
    network_check_gradient("bert4rec",
                           "dim=6 max-len=8 head=none mask-share=0.5 loss=bce negatives=2");
    network_check_gradient("bert4rec", "dim=6 max-len=5 mask-last=0.5 loss=sampled negatives=2 "
                                       "negatives-of=sequence");
    network_check("bert4rec", "dim=8 heads=2 max-len=8", 0);
    check_beats_popularity("bert4rec", "dim=16 epochs=60 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
