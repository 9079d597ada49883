// test_gru4rec.c - GRU4Rec keeps the promises of every network, in both ways of learning it, and is
// what PyTorch computes.
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

// --- sessions side by side --------------------------------------------------------------------------

enum { ROWS = 4, STATES = 2 * 6 };

// One step of four sessions, two of which go on.
typedef struct session_step {
    int32_t offset[ROWS + 1], item[ROWS], target[ROWS], position[ROWS], negative[5];
    uint32_t user[ROWS];
    float carried[ROWS * STATES], carry[ROWS * STATES], log_count[10];
    batch batch;
} session_step;

static void session_step_make(session_step *s)
{
    static const int32_t item[] = { 3, 1, 4, 1 }, target[] = { 5, 9, 5, 6 };
    static const int32_t negative[] = { 5, 0, 7, 7, 2 };
    for (int i = 0; i <= ROWS; i++) s->offset[i] = i;
    for (int i = 0; i < ROWS; i++) {
        s->item[i] = item[i];
        s->target[i] = target[i];
        s->position[i] = s->user[i] = 0;
        for (int k = 0; k < STATES; k++)
            s->carried[i * STATES + k] = i < 2 ? 0.1f * (float)(k - i - 4) : 0;
    }
    memcpy(s->negative, negative, sizeof negative);
    for (int i = 0; i < 10; i++) s->log_count[i] = 0.3f * (float)i;
    s->batch = (batch){ .sequences = ROWS,
                        .events = ROWS,
                        .targets = ROWS,
                        .offset = s->offset,
                        .item = s->item,
                        .position = s->position,
                        .target = s->target,
                        .user = s->user,
                        .key = 9,
                        .negative = s->negative,
                        .negatives = 5,
                        .carried = s->carried,
                        .carry = s->carry,
                        .log_count = s->log_count };
}

// Gradients of a step stay within it: the states it begins from are given.
static void test_session_gradients(void)
{
    static const char *const losses[] = { "softmax", "sampled", "bpr", "bpr-max", "top1" };
    for (size_t i = 0; i < COUNT_OF(losses); i++) {
        char options[160];
        session_step s;
        session_step_make(&s);
        snprintf(options, sizeof options,
                 "mode=session dim=6 blocks=2 negatives=5 dropout-hidden=0.2 loss=%s", losses[i]);
        network *n = network_make("gru4rec", options, TENSOR_F64);
        network_text x = { n, &s.batch };
        for (size_t p = 0; p < store_count(n->params); p++) {
            rng r = rng_at(4, p, 0);
            const param *of = store_at(n->params, p);
            for (size_t k = 0; k < of->rows * of->cols; k++)
                store_put(n->params, of, k, 0.5 * rng_normal(&r));
        }
        op_check(options, n->params, network_loss_text, &x);
        model_free(&n->base);
    }
}

// The correction for popularity, by hand: log(count) off the targets, log(count^power) off what was
// drawn; a row's own target is no negative, another row's and one that is drawn are.
static void test_session_loss(void)
{
    session_step s;
    session_step_make(&s);
    network *n = network_make("gru4rec", "mode=session dim=6 blocks=2 negatives=5", TENSOR_F32);
    tape *t;
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const network_class *c = n->base.class->network;
    const float *h = tensor_data(c->forward(t, n, &s.batch));
    const float *e = n->out->data;
    double want = 0;
    for (int i = 0; i < ROWS; i++) {
        double sum = 0, own = 0;
        for (int j = 0; j < ROWS + 5; j++) {
            const int item = j < ROWS ? s.target[j] : s.negative[j - ROWS];
            double x = -(j < ROWS ? 1 : 0.5) * (double)s.log_count[item];
            for (int k = 0; k < 6; k++) x += (double)h[i * 6 + k] * (double)e[item * 6 + k];
            sum += exp(x);
            if (j == i) own = x;
        }
        want += log(sum) - own;
    }
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const double got = tensor_number(t, c->loss(t, n, &s.batch));
    CHECK(fabs(got - want) < 1e-5, "loss %g, want %g", got, want);
    tape_free(t);
    model_free(&n->base);
}

// Event by event with carried states gives the rows of the whole history.
static void test_session_states(void)
{
    enum { EVENTS = 9 };
    static const uint32_t item[EVENTS] = { 3, 1, 4, 1, 5, 9, 2, 6, 5 };
    network *n = network_make("gru4rec", "mode=session dim=6 blocks=2 max-len=9", TENSOR_F32);
    session_step s;
    live_event e[EVENTS];
    float whole[6];
    tape *t;
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    session_step_make(&s);
    memset(s.carried, 0, sizeof s.carried);
    for (size_t i = 0; i < EVENTS; i++) {
        e[i] = (live_event){ .item = item[i] };
        for (int k = 0; k < ROWS; k++) s.item[k] = (int32_t)(item[i] + (uint32_t)k) % 10;
        tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
        const float *row = tensor_data(n->base.class->network->forward(t, n, &s.batch));
        network_full_answer(n, e, 0, i + 1, TIME_NONE, whole);
        for (int k = 0; k < 6; k++)
            CHECK(fabsf(row[k] - whole[k]) < 1e-6f, "event %zu: %g, in the whole %g", i,
                  (double)row[k], (double)whole[k]);
        memcpy(s.carried, s.carry, sizeof s.carried);
    }
    tape_free(t);
    model_free(&n->base);
}

static void keep_loss(void *ctx, const epoch_note *note)
{
    *(double *)ctx = note->loss;
}

static double first_loss(const char *options, const log_view *log)
{
    fitted f;
    double loss = 0;
    const run r = { .epoch = keep_loss, .epoch_ctx = &loss };
    fit_model(&f, "gru4rec", options, log, &r);
    fitted_free(&f);
    return loss;
}

// While nothing is learned, whole histories and sessions side by side have the same losses, if
// states are carried to the right rows and a new session begins with none.
static void test_session_order(void)
{
    static structured_log s;
    structured_log_make(&s);
    for (uint32_t u = 0; u < CHECK_USERS; u++) s.end[u] -= u % 7; // of different lengths
    const double packed =
        first_loss("loss=softmax dim=16 blocks=2 dropout=0 epochs=1 lr=0", &s.tiny.view);
    const double session = first_loss("mode=session loss=softmax dim=16 blocks=2 epochs=1 batch=23 "
                                      "lr=0",
                                      &s.tiny.view);
    CHECK(fabs(packed - session) < 1e-6 * packed, "loss %.8g of sessions, %.8g of whole histories",
          session, packed);
}

static void test_session_refusals(void)
{
    static structured_log log;
    static const char *const bad[] = {
        "loss=bce",        "loss=gbce",    "negatives-of=target",      "shards=2",
        "windows=sliding", "augment=crop", "inputs=behaviour,time-gap"
    };
    structured_log_make(&log);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char options[128];
        opt_values o = { 0 };
        network *n = NULL;
        const model_class *c = model_find("gru4rec");
        snprintf(options, sizeof options, "mode=session %s", bad[i]);
        CHECK_OK(parse_options(&o, c, options, err));
        CHECK(network_new(&n, c, o.values, &log.tiny.view, TENSOR_F32, 1, NULL) == HABIT_EINVAL,
              "%s is not refused", bad[i]);
        opt_values_free(&o);
    }
}

static void test_sessions(void)
{
    static const char shape[] = "mode=session dim=8 blocks=2 negatives=6 dropout=0.1 "
                                "dropout-hidden=0.1 max-len=8 batch=40 momentum=0.2";
    char options[256];
    test_session_gradients();
    test_session_loss();
    test_session_states();
    test_session_order();
    test_session_refusals();
    snprintf(options, sizeof options, "%s epochs=2", shape);
    model_check("gru4rec", options);
    snprintf(options, sizeof options, "%s epochs=5 patience=2", shape);
    network_check_resume("gru4rec", options);
    check_beats_popularity("gru4rec", "mode=session dim=16 batch=16 negatives=32 epochs=10", 0.2);
    check_beats_popularity(
        "gru4rec", "mode=session loss=bpr-max dim=16 batch=16 negatives=32 epochs=10 momentum=0.2",
        0.2);
}

int main(void)
{
    test_sessions();
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
