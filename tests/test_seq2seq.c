// test_seq2seq.c - sequences told from sequences: as PyTorch computes them, and step by step.
#include "tests/network_fixture.h"
#include "models/seq2seq.h"

// --- PyTorch ----------------------------------------------------------------------------------------

#define SUBLAYER(file, ours)                                                                       \
    { file ".norm_w", ours ".norm.gain" },                                                         \
    {                                                                                              \
        file ".norm_b", ours ".norm.shift"                                                         \
    }
#define ATTENTION(file, ours)                                                                      \
    SUBLAYER(file, ours), { file ".wq", ours ".query" }, { file ".bq", ours ".query_bias" },       \
        { file ".wk", ours ".key" }, { file ".bk", ours ".key_bias" },                             \
        { file ".wv", ours ".value" }, { file ".bv", ours ".value_bias" },                         \
        { file ".wo", ours ".merge" },                                                             \
    {                                                                                              \
        file ".bo", ours ".merge_bias"                                                             \
    }
#define FEED(file, ours)                                                                           \
    SUBLAYER(file, ours), { file ".w1", ours ".in" }, { file ".b1", ours ".in_bias" },             \
        { file ".w2", ours ".out" },                                                               \
    {                                                                                              \
        file ".b2", ours ".out_bias"                                                               \
    }

static const fixture_name arrays[] = {
    { "item", "item" },
    { "type", "type" },
    { "position", "position" },
    { "step", "step" },
    ATTENTION("encoder.%d.self", "encoder.self.%d"),
    FEED("encoder.%d.ffn", "encoder.ffn.%d"),
    ATTENTION("decoder.%d.self", "decoder.self.%d"),
    ATTENTION("decoder.%d.source", "decoder.source.%d"),
    FEED("decoder.%d.ffn", "decoder.ffn.%d"),
    { "told.row", "told.row" },
    { "told.item", "told.item" },
    { "told.bias", "told.bias" },
    { "type_out", "type.out" },
    { "type_bias", "type.out_bias" },
};

// A key that cuts the batch as the file has it.
static uint64_t find_key(tape *t, const seq2seq *m, batch *b, const int32_t *step)
{
    decoding d;
    for (b->key = 1; b->key < 10000; b->key++) {
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        CHECK(seq2seq_cut(&d, t, m, b), "no memory");
        if (memcmp(d.step, step, b->events * sizeof *step) == 0) return b->key;
    }
    CHECK(false, "nothing cuts the batch as the file does");
    return 0;
}

static void check_rows_of_file(const network_fixture *x, const seq2seq *m, tape *t, const batch *b,
                               const safetensors *f, tensor_type type)
{
    decoding d;
    fixture_error e = { 0, 0 };
    const tensor_view *want = safetensors_find(f, "out");
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    seq2seq_cut(&d, t, m, b);
    const tensor *out = seq2seq_decode(t, m, seq2seq_encode(t, m, b), &d);
    CHECK(tensor_count(want) == tensor_rows(out) * tensor_cols(out), "outputs");
    fixture_compare(&e, tensor_data(out), want->data, tensor_count(want), type);
    fixture_check_error(x, "rows", &e, 0, type);
}

static void check_torch_as(const network_fixture *x, const safetensors *f, tensor_type type)
{
    network *n = network_make_of(x->model, x->options, FIXTURE_ITEMS, type);
    const seq2seq *m = (const seq2seq *)n;
    uint8_t behaviour[2][FIXTURE_EVENTS];
    const int32_t *now = fixture_array(f, "behaviour", TENSOR_I32);
    const int32_t *next = fixture_array(f, "next_behaviour", TENSOR_I32);
    const double one = 1.0 / FIXTURE_EVENTS;
    const float one_f32 = (float)one;
    batch b = fixture_batch(f);
    tape *t;
    sink *k;
    for (int e = 0; e < FIXTURE_EVENTS; e++)
        behaviour[0][e] = (uint8_t)now[e], behaviour[1][e] = (uint8_t)next[e];
    b.behaviour = behaviour[0];
    b.next_behaviour = behaviour[1];
    fixture_copy(x, n, f);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    CHECK_OK(sink_new(&k, n->params, err));
    b.key = find_key(t, m, &b, fixture_array(f, "cut", TENSOR_I32));
    check_rows_of_file(x, m, t, &b, f, type);
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    tensor *loss = n->base.class->network->loss(t, n, &b);
    CHECK(fabs(tensor_number(t, loss) * one - fixture_number(f, "loss")) <
              (type == TENSOR_F64 ? 1e-12 : 1e-5),
          "loss %g", tensor_number(t, loss) * one);
    tape_backward(t, loss, type == TENSOR_F64 ? (const void *)&one : &one_f32, NULL, k);
    fixture_check_gradients(x, n, k, f, type);
    sink_free(k);
    tape_free(t);
    model_free(&n->base);
}

static void check_torch(void)
{
    const network_fixture x = {
        .file = "seq2seq",
        .model = "seq2seq",
        .options = "dim=8 heads=2 max-len=6 dropout=0 ffn-mult=1.5 steps=3 decoder-blocks=2 "
                   "behaviour-dropout=0",
        .names = arrays,
        .names_count = COUNT_OF(arrays)
    };
    safetensors f;
    fixture_open(&f, x.file);
    check_torch_as(&x, &f, TENSOR_F64);
    check_torch_as(&x, &f, TENSOR_F32);
    safetensors_close(&f);
}

// --- parts ------------------------------------------------------------------------------------------

// Every event is in one part and in each place of a part in turn; a part sees the source up to its
// first event.
static void check_parts(void)
{
    enum { STEPS = 3, KEYS = 900 };
    network *n = network_make("seq2seq", "dim=4 max-len=8 steps=3", TENSOR_F32);
    tiny_batch b;
    tape *t;
    int places[STEPS] = { 0 };
    tiny_batch_make(&b, 0, 3, true);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    for (b.batch.key = 0; b.batch.key < KEYS; b.batch.key++) {
        decoding d;
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        CHECK(seq2seq_cut(&d, t, (const seq2seq *)n, &b.batch), "no memory");
        CHECK(d.rows == b.batch.events && d.own.offset[d.own.sequences] == (int32_t)d.rows, "rows");
        for (size_t p = 0, s = 0; p < d.own.sequences; p++) {
            const int32_t from = d.own.offset[p], end = d.own.offset[p + 1];
            while (from >= b.batch.offset[s + 1]) s++;
            CHECK(end > from && end - from <= STEPS && end <= b.batch.offset[s + 1], "a part");
            CHECK(d.source.key_offset[p] == b.batch.offset[s] && d.source.key_end[p] == from + 1,
                  "its source");
            for (int32_t e = from; e < end; e++) CHECK(d.step[e] == e - from, "its steps");
        }
        places[d.step[4]]++;
    }
    for (int k = 0; k < STEPS; k++)
        CHECK(places[k] > KEYS / STEPS * 0.8, "place %d: %d times", k, places[k]);
    tape_free(t);
    arena_free(&b.memory);
    model_free(&n->base);
}

// Parts of one step are what is asked for the next item.
static void check_one_step(void)
{
    network *n = network_make("seq2seq",
                              "dim=8 heads=2 max-len=8 steps=1 dropout=0 behaviour-weight=0 "
                              "behaviour-dropout=0",
                              TENSOR_F64);
    tiny_batch b;
    tape *t;
    tiny_batch_make(&b, 0, 3, true);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
    const double parts = tensor_number(t, n->base.class->network->loss(t, n, &b.batch));
    const double rows = tensor_number(t, network_loss(t, n, &b.batch));
    CHECK(fabs(parts - rows) < 1e-10, "%g, not %g", parts, rows);
    tape_free(t);
    arena_free(&b.memory);
    model_free(&n->base);
}

// Hidden types are those of the source and of its last event as the decoder begins with it, no others.
static void check_hidden_types(void)
{
    static uint8_t none[32];
    double loss[4];
    for (int k = 0; k < 4; k++) { // steps 1 and 2, hidden or never there
        char options[128];
        snprintf(options, sizeof options, "dim=8 max-len=8 dropout=0 steps=%d behaviour-dropout=%d",
                 1 + k / 2, 1 - k % 2);
        network *n = network_make("seq2seq", options, TENSOR_F64);
        tiny_batch b;
        tape *t;
        tiny_batch_make(&b, 0, 3, true);
        memset(none, BEHAVIOUR_NONE, sizeof none);
        if (k % 2) b.batch.behaviour = none;
        CHECK_OK(tape_new(&t, n->params, NULL, err));
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        loss[k] = tensor_number(t, n->base.class->network->loss(t, n, &b.batch));
        tape_free(t);
        arena_free(&b.memory);
        model_free(&n->base);
    }
    CHECK(fabs(loss[0] - loss[1]) < 1e-12, "one step: %.9f, not %.9f", loss[0], loss[1]);
    CHECK(fabs(loss[2] - loss[3]) > 1e-9,
          "of two steps the second knows what was done at the first");
}

// --- what a step depends on -------------------------------------------------------------------------

enum { D = 8, ROWS = 4, SOURCE = 5 };

// Rows of one part of four after a source of three events out of five, of which some are changed.
static void decode_part(const network *n, int change_source, int change_target, float *to)
{
    int32_t source[SOURCE] = { 1, 2, 3, 4, 5 }, item[ROWS] = { 3, 6, 7, 8 };
    static const int32_t position[] = { 0, 1, 2, 3, 4 }, offset[] = { 0, SOURCE };
    static const int32_t part[] = { 0, ROWS }, key[] = { 0 }, end[] = { 3 };
    uint8_t behaviour[SOURCE] = { 0, 1, 2, 0, 1 }, told[ROWS] = { 2, 0, 1, 2 };
    static const uint32_t user = USER_NONE;
    tape *t;
    if (change_source >= 0) source[change_source] = 9, behaviour[change_source] = 2;
    if (change_target >= 0) item[change_target] = 9, told[change_target] = 1;
    const batch b = { .sequences = 1,
                      .events = SOURCE,
                      .offset = offset,
                      .item = source,
                      .position = position,
                      .behaviour = behaviour,
                      .user = &user };
    decoding d = { .rows = ROWS, .item = item, .behaviour = told, .step = position };
    d.own = (attention_shape){ .offset = part, .sequences = 1, .heads = 2, .causal = true };
    d.source = d.own;
    d.source.causal = false, d.source.key_offset = key, d.source.key_end = end;
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const seq2seq *m = (const seq2seq *)n;
    memcpy(to, tensor_data(seq2seq_decode(t, m, seq2seq_encode(t, m, &b), &d)),
           ROWS * D * sizeof *to);
    tape_free(t);
}

static void check_causality(void)
{
    network *n = network_make("seq2seq", "dim=8 heads=2 max-len=8 decoder-blocks=2", TENSOR_F32);
    float plain[ROWS * D], other[ROWS * D];
    decode_part(n, -1, -1, plain);
    for (int change = 0; change < ROWS; change++) {
        decode_part(n, -1, change, other);
        for (int r = 0; r < ROWS; r++)
            CHECK((memcmp(plain + r * D, other + r * D, D * sizeof *plain) == 0) == (r < change),
                  "step %d, when input %d changes", r, change);
    }
    for (int change = 0; change < SOURCE; change++) {
        decode_part(n, change, -1, other);
        for (int r = 0; r < ROWS; r++)
            CHECK((memcmp(plain + r * D, other + r * D, D * sizeof *plain) == 0) == (change >= 3),
                  "step %d, when event %d of the source changes", r, change);
    }
    model_free(&n->base);
}

// --- telling ----------------------------------------------------------------------------------------

// A network whose chances are far from even, another for every seed.
static network *make_uneven_of(const char *options, uint64_t seed)
{
    network *n = network_make("seq2seq", options, TENSOR_F32);
    for (size_t i = 0; i < store_count(n->params); i++) {
        param *p = store_at(n->params, i);
        rng r = rng_at(6 + seed, i, 0);
        for (size_t k = 0; k < p->rows * p->cols; k++)
            ((float *)p->data)[k] += 0.5f * (float)rng_normal(&r);
    }
    CHECK_OK(network_settle(n, err));
    return n;
}

static network *make_uneven(const char *options)
{
    return make_uneven_of(options, 0);
}

static const uint32_t had[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
static const uint8_t done[] = { 0, 1, 2, 1, 0, BEHAVIOUR_NONE, 2, 1 };

static query history_of(size_t n)
{
    return (query){ .user = USER_NONE, .item = had, .behaviour = done, .n = n, .now = TIME_NONE };
}

static size_t tell(const network *n, const query *q, steps_plan plan, told_step *out)
{
    size_t count = 99;
    CHECK_OK(n->base.class->tell(&n->base, q, &plan, out, &count, err));
    return count;
}

// The chances of the items at the first step add up to one, and are those of the vectors that rank.
static void check_chances(const char *options)
{
    network *n = make_uneven(options);
    const query q = history_of(7);
    float score[10];
    double sum = 0, all = 0;
    scores_of(&n->base, &q, 1, score);
    for (int i = 0; i < 10; i++) all += exp((double)score[i] / n->options.temperature);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t others[9];
        told_step s;
        for (uint32_t k = 0; k < 9; k++) others[k] = k + (k >= i);
        const steps_plan plan = { .steps = 1, .beam = 3, .excluded = others, .excluded_count = 9 };
        CHECK(tell(n, &q, plan, &s) == 1 && s.item == i, "item %u", s.item);
        const double want = exp((double)score[i] / n->options.temperature) / all;
        CHECK(fabs(s.item_chance - want) < 1e-6, "item %u: %g, not %g", i, s.item_chance, want);
        CHECK(fabs(s.joint - s.item_chance * s.behaviour_chance) < 1e-12, "the first joint chance");
        sum += s.item_chance;
    }
    CHECK(fabs(sum - 1) < 1e-6, "items add up to %.9f", sum);
    model_free(&n->base);
}

// The chance of some steps after the history, found by decoding them as a target that is known.
static double chance_of_steps(const network *n, size_t events, const told_step *s, size_t steps)
{
    const seq2seq *m = (const seq2seq *)n;
    int32_t item[16], position[16], step[16], target[16];
    uint8_t behaviour[16];
    static const uint32_t user = USER_NONE;
    const int32_t offset[] = { 0, (int32_t)events }, part[] = { 0, (int32_t)steps };
    const int32_t key[] = { 0 }, end[] = { (int32_t)events };
    double joint = 0;
    tape *t;
    for (size_t e = 0; e < events; e++) item[e] = (int32_t)had[e], position[e] = (int32_t)e;
    for (size_t k = 0; k < steps; k++) {
        step[k] = (int32_t)k;
        target[k] = (int32_t)s[k].item;
        if (k) item[events + k - 1] = target[k - 1];
        behaviour[k] = k ? s[k - 1].behaviour : done[events - 1];
    }
    const batch b = { .sequences = 1,
                      .events = events,
                      .offset = offset,
                      .item = item,
                      .position = position,
                      .behaviour = done,
                      .user = &user };
    decoding d = { .rows = steps, .item = item + events - 1, .behaviour = behaviour, .step = step };
    d.own = (attention_shape){ .offset = part, .sequences = 1, .heads = 2, .causal = true };
    d.source = d.own;
    d.source.causal = false, d.source.key_offset = key, d.source.key_end = end;
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    tensor *h = seq2seq_decode(t, m, seq2seq_encode(t, m, &b), &d);
    const float *row = tensor_data(h), *told = tensor_data(seq2seq_told(t, m, h, target, steps));
    const float *e = n->item->data, *w = m->type_out->data, *bias = m->type_bias->data;
    for (size_t k = 0; k < steps; k++) {
        double items = 0, types = 0, mine[2] = { 0 };
        for (size_t i = 0; i < 10; i++) {
            double x = 0;
            for (size_t c = 0; c < D; c++) x += (double)(row[k * D + c] * e[i * D + c]);
            items += exp(x);
            if (i == s[k].item) mine[0] = x;
        }
        for (size_t i = 0; i < 3; i++) {
            double x = (double)bias[i];
            for (size_t c = 0; c < D; c++) x += (double)(told[k * D + c] * w[i * D + c]);
            types += exp(x);
            if (i == s[k].behaviour) mine[1] = x;
        }
        joint += mine[0] - log(items) + mine[1] - log(types);
    }
    tape_free(t);
    return exp(joint);
}

// A wider beam is never less likely than the greedy way, and sometimes more; what is told has the
// chance that is said.
static void check_beams(void)
{
    enum { STEPS = 4 };
    static const size_t beams[] = { 1, 2, 3, 8, 100 };
    size_t better = 0;
    network *n = make_uneven("dim=8 heads=2 max-len=8 steps=4 ffn-mult=1");
    for (size_t events = 1; events <= COUNT_OF(had); events++) {
        const query q = history_of(events);
        double greedy = 0;
        for (size_t i = 0; i < COUNT_OF(beams); i++) {
            told_step s[STEPS];
            double joint = 1;
            CHECK(tell(n, &q, (steps_plan){ .steps = STEPS, .beam = beams[i] }, s) == STEPS,
                  "steps");
            for (int k = 0; k < STEPS; k++) {
                joint *= s[k].item_chance * s[k].behaviour_chance;
                CHECK(fabs(joint - s[k].joint) < 1e-9, "the joint chance of step %d", k);
            }
            const double want = chance_of_steps(n, events, s, STEPS);
            CHECK(fabs(joint / want - 1) < 1e-4, "%g, not %g", joint, want);
            if (i == 0) greedy = joint;
            CHECK(joint >= greedy * (1 - 1e-9), "%zu events, beam %zu: %g < %g", events, beams[i],
                  joint, greedy);
            better += joint > greedy * 1.001;
        }
    }
    CHECK(better > 0, "a beam finds nothing better");
    model_free(&n->base);
}

// A beam alone may lose the greedy way early and end below it: in some of these networks it does.
static void check_never_below_greedy(void)
{
    enum { STEPS = 6 };
    for (uint64_t seed = 0; seed < 60; seed++) {
        network *n = make_uneven_of("dim=8 heads=2 max-len=8 steps=6 ffn-mult=1", seed);
        for (size_t events = 1; events <= COUNT_OF(had); events++) {
            const query q = history_of(events);
            told_step greedy[STEPS], s[STEPS];
            tell(n, &q, (steps_plan){ .steps = STEPS, .beam = 1 }, greedy);
            tell(n, &q, (steps_plan){ .steps = STEPS, .beam = 2 }, s);
            CHECK(s[STEPS - 1].joint >= greedy[STEPS - 1].joint * (1 - 1e-9),
                  "network %d, %zu events: %g < %g", (int)seed, events, s[STEPS - 1].joint,
                  greedy[STEPS - 1].joint);
        }
        model_free(&n->base);
    }
}

// What is not to be told is not; where items run out, so do steps.
static void check_excluded(void)
{
    enum { STEPS = 5 };
    static const uint32_t out[] = { 1, 2, 3, 4, 5, 6, 9 };
    network *n = make_uneven("dim=8 max-len=8 steps=5");
    const query q = history_of(8), nobody = { .user = USER_NONE, .now = TIME_NONE };
    told_step s[STEPS];
    for (size_t beam = 1; beam < 20; beam += 6) {
        steps_plan plan = {
            .steps = STEPS, .beam = beam, .excluded = out, .excluded_count = 7, .once = true
        };
        CHECK(tell(n, &q, plan, s) == 3, "0, 7 and 8 are left");
        CHECK(s[0].item + s[1].item + s[2].item == 15 && s[0].item != s[1].item, "each once");
        plan.once = false;
        CHECK(tell(n, &q, plan, s) == STEPS, "with repeats there are enough");
        for (int k = 0; k < STEPS; k++)
            CHECK(s[k].item == 0 || s[k].item == 7 || s[k].item == 8, "item %u", s[k].item);
        CHECK(tell(n, &nobody, plan, s) == 0, "of nobody nothing is told");
    }
    model_free(&n->base);
}

static void check_tell_no_memory(void)
{
    network *n = make_uneven("dim=8 max-len=8 steps=3");
    const query q = history_of(8);
    const steps_plan plan = { .steps = 3, .beam = 4 };
    for (long at = 0;; at++) {
        told_step s[3];
        size_t count;
        const long before = mem_live();
        mem_fail_after(at);
        const habit_status st = n->base.class->tell(&n->base, &q, &plan, s, &count, NULL);
        mem_fail_after(-1);
        CHECK(mem_live() == before, "allocation %ld leaks", at);
        CHECK(st == HABIT_OK ? count == 3 : st == HABIT_ENOMEM, "allocation %ld: %s", at,
              habit_status_text(st));
        if (st == HABIT_OK) {
            CHECK(at > 5, "only %ld allocations", at);
            break;
        }
    }
    model_free(&n->base);
}

// --- learning ---------------------------------------------------------------------------------------

// A log in which the next item and what is done to it follow from the last one.
enum { WHEEL = 12, RIDERS = 200, RIDE = 10 };

static uint32_t next_of(uint32_t item)
{
    return (item * 5 + 1) % WHEEL;
}

static void wheel_make(tiny_log *t, dataset *data, uint8_t *behaviour)
{
    static tiny_event e[RIDERS * RIDE];
    for (uint32_t u = 0; u < RIDERS; u++)
        for (uint32_t k = 0, at = u % WHEEL; k < RIDE; k++, at = next_of(at)) {
            e[u * RIDE + k] = (tiny_event){ u, at, (int64_t)(u + k * 100) * 1000000, 1 };
            behaviour[u * RIDE + k] = (uint8_t)(at * 7 % 3);
        }
    tiny_log_make(t, e, RIDERS * RIDE, RIDERS, WHEEL, TINY_TIME | TINY_VALUE);
    *data = (dataset){ .behaviours = { .count = 3 }, .ordered = true };
    t->view.data = data;
    t->view.behaviour = behaviour;
}

// The next three pairs of item and type are told, and with certainty.
static void check_certain(void)
{
    static tiny_log t;
    static dataset data;
    static uint8_t behaviour[RIDERS * RIDE];
    wheel_make(&t, &data, behaviour);
    fitted f;
    fit_model(&f, "seq2seq", "dim=16 max-len=12 steps=3 epochs=60 batch=32 lr=0.01 dropout=0.1",
              &t.view, NULL);
    for (uint32_t u = 0; u < WHEEL; u++)
        for (size_t beam = 1; beam <= 4; beam += 3) {
            const query q = query_of(&t.view, u);
            told_step s[3];
            uint32_t want = q.item[q.n - 1];
            const network *n = (const network *)f.model;
            CHECK(tell(n, &q, (steps_plan){ .steps = 3, .beam = beam }, s) == 3, "three steps");
            for (int k = 0; k < 3; k++) {
                want = next_of(want);
                CHECK(s[k].item == want && s[k].behaviour == want * 7 % 3,
                      "step %d after %u: %u, type %d", k, q.item[q.n - 1], s[k].item,
                      s[k].behaviour);
            }
            CHECK(s[2].joint > 0.8, "three certain steps have a chance of %g", s[2].joint);
        }
    fitted_free(&f);
}

// A log without types tells none, with certainty.
static void check_no_types(void)
{
    static tiny_log t;
    static dataset data;
    static uint8_t behaviour[RIDERS * RIDE];
    wheel_make(&t, &data, behaviour);
    t.view.behaviour = NULL;
    fitted f;
    told_step s[3];
    const query q = query_of(&t.view, 0);
    fit_model(&f, "seq2seq", "dim=8 max-len=8 steps=3 epochs=2", &t.view, NULL);
    CHECK(tell((const network *)f.model, &q, (steps_plan){ .steps = 3, .beam = 2 }, s) == 3,
          "three");
    for (int k = 0; k < 3; k++)
        CHECK(s[k].behaviour == 0 && s[k].behaviour_chance == 1, "type %d", s[k].behaviour);
    fitted_free(&f);
}

int main(void)
{
    check_torch();
    check_parts();
    check_one_step();
    check_hidden_types();
    check_causality();
    check_chances("dim=8 heads=2 max-len=8 ffn-mult=1");
    check_chances("dim=8 max-len=5 cosine=yes temperature=0.3");
    check_beams();
    check_never_below_greedy();
    check_excluded();
    check_tell_no_memory();
    check_certain();
    check_no_types();
    network_check_gradient("seq2seq", "dim=6 max-len=8 steps=2 loss=bce negatives=2");
    network_check_gradient("seq2seq", "dim=6 max-len=8 steps=4 loss=sampled negatives=2 "
                                      "negatives-of=sequence behaviour-weight=0.5 augment=crop");
    // few units: finite differences must not meet the bend of a ReLU
    network_check("seq2seq", "dim=8 heads=2 max-len=8 steps=3 decoder-blocks=2 ffn-mult=1",
                  NETWORK_CAUSAL);
    check_beats_popularity("seq2seq", "dim=16 epochs=60 max-len=12 batch=32 lr=0.01", 0.2);
    return CHECK_DONE();
}
