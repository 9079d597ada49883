// test_inputs.c - what is told of events beside items reaches every network, and is used.
#include "tests/network_check.h"
#include "models/inputs.h"

#define SOME "inputs=behaviour,value,time-gap,item:circle"
#define ALL SOME ",item:price"

static const char *const networks[] = { "rnn",     "lstm", "gru4rec",  "lru",     "sasrec",
                                        "esasrec", "hstu", "bert4rec", "seq2seq", "twotower" };

// --- the whole network ------------------------------------------------------------------------------

static void check_networks(void)
{
    for (size_t i = 0; i < COUNT_OF(networks); i++) {
        const unsigned traits = model_find(networks[i])->network->traits;
        char options[128];
        snprintf(options, sizeof options, "dim=6 max-len=8 loss=softmax %s", ALL);
        network_check_gradient(networks[i], options);
        network_check_packing(networks[i], options, traits & NETWORK_MASKS ? 0 : NETWORK_CAUSAL);
        if (!(traits & NETWORK_RECOMPUTES)) network_check_live(networks[i], options);
    }
    network_check("sasrec", "dim=6 max-len=8 " ALL, NETWORK_CAUSAL);
    network_check("lstm", "dim=6 max-len=8 " ALL, NETWORK_CAUSAL);
}

// --- each input ---------------------------------------------------------------------------------------

// Row 0 of a batch of two events, the second of which is as given.
static float first_number(const network *n, const batch_sequence *s, size_t row)
{
    arena plan = { 0 }, memory = { 0 };
    batch_room room;
    batch b;
    tape *t;
    batch_room_place(&room, 1, 4, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &plan);
    CHECK_OK(arena_init(&memory, &plan, err));
    batch_room_place(&room, 1, 4, BATCH_TIME | BATCH_BEHAVIOUR | BATCH_VALUE, &memory);
    batch_start(&b, &room);
    CHECK(batch_add(&b, &room, s, false), "no room");
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const float *x = tensor_data(network_inputs(t, n, &b));
    const float first = x[row * (size_t)n->base.dim];
    tape_free(t);
    arena_free(&memory);
    return first;
}

// What is added is the row of the table that the input names, and nothing where it is unknown.
static void check_rows(void)
{
    enum { SECOND = 1000000 };
    static const uint32_t item[] = { 3, 7 }; // item 7 has no tag, item 3 that of circle 0
    static const uint8_t behaviour[] = { BEHAVIOUR_NONE, 2 };
    static const float value[] = { NAN, -3 };
    static const int64_t time[] = { 5 * SECOND, 65 * SECOND };
    network *n = network_make("sasrec", "dim=4 " SOME, TENSOR_F32);
    const float *e = n->item->data, *w = n->inputs.value->data, *gap = n->inputs.gap->data;
    const float *type = n->inputs.behaviour->data, *tag = n->inputs.items.list[0].table->data;
    batch_sequence s = { .n = 2, .item = item, .now = TIME_NONE };
    CHECK(first_number(n, &s, 0) == e[3 * 4] + tag[0], "a tag");
    CHECK(first_number(n, &s, 1) == e[7 * 4], "no tag");
    s.behaviour = behaviour;
    CHECK(first_number(n, &s, 0) == e[3 * 4] + tag[0], "an unknown behaviour");
    CHECK(first_number(n, &s, 1) == e[7 * 4] + type[2 * 4], "a behaviour");
    s.behaviour = NULL;
    s.value = value;
    CHECK(first_number(n, &s, 0) == e[3 * 4] + tag[0], "an unknown value");
    CHECK(fabsf(first_number(n, &s, 1) - (e[7 * 4] - logf(4) * w[0] + w[4])) < 1e-6f, "a value");
    s.value = NULL;
    s.time = time;
    CHECK(first_number(n, &s, 0) == e[3 * 4] + tag[0], "a first event has no gap");
    CHECK(first_number(n, &s, 1) == e[7 * 4] + gap[13 * 4], "a minute"); // ln 60 / 0.301 = 13.6
    s.mask = true;
    s.behaviour = behaviour, s.value = value;
    s.now = 66 * SECOND;
    CHECK(first_number(n, &s, 2) == gap[0], "a hidden event: only its time");
    model_free(&n->base);
}

// --- they say something ---------------------------------------------------------------------------------

// What comes next is in the behaviour alone.
static double hits_with(const char *options)
{
    static structured_log s;
    static uint8_t behaviour[CHECK_USERS * CHECK_EVENTS];
    enum { TYPES = 5 };
    fitted f;
    int hits = 0;
    float scores[CHECK_ITEMS];
    structured_log_make(&s);
    for (size_t i = 0; i + 1 < CHECK_USERS * CHECK_EVENTS; i++) {
        rng r = rng_at(21, i, 0);
        behaviour[i] = (uint8_t)rng_below(&r, TYPES);
        s.tiny.item[i + 1] = behaviour[i];
    }
    s.tiny.view.behaviour = behaviour;
    s.tiny.view.items = TYPES;
    fit_model(&f, "sasrec", options, &s.tiny.view, NULL);
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        const query q = query_of(&s.tiny.view, u);
        uint32_t best = 0;
        scores_of(f.model, &q, 1, scores);
        for (uint32_t i = 1; i < TYPES; i++)
            if (scores[i] > scores[best]) best = i;
        hits += best == q.behaviour[q.n - 1];
    }
    fitted_free(&f);
    return (double)hits / CHECK_USERS;
}

static void check_use(void)
{
    const double without = hits_with("dim=8 epochs=15 lr=0.01 max-len=12");
    const double with = hits_with("dim=8 epochs=15 lr=0.01 max-len=12 inputs=behaviour");
    CHECK(with > 0.95 && without < 0.4, "with behaviours %.2f, without %.2f", with, without);
}

// --- what is refused --------------------------------------------------------------------------------------

static void check_refusals(void)
{
    static const char *const wrong[] = { "inputs=colour", "inputs=item:", "inputs=item:nowhere",
                                         "inputs=value", "inputs=behaviour,time-gap" };
    static structured_log s;
    structured_log_make(&s);
    s.tiny.view.value = NULL;
    s.tiny.view.time = NULL;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        fitted f;
        habit_error e = { 0 };
        CHECK(fit_status(&f, "sasrec", wrong[i], &s.tiny.view, NULL, &e) == HABIT_EINVAL,
              "%s: accepted", wrong[i]);
        CHECK(strstr(e.message, "--inputs"), "%s: '%s'", wrong[i], e.message);
    }
}

// Tags of a file that name no row of their table.
static void check_bad_file(void)
{
    static structured_log s;
    static const char path[] = "test_inputs.tmp";
    structured_log_make(&s);
    fitted f, back = { .class = model_find("sasrec") };
    opt_values o = { 0 };
    fit_model(&f, "sasrec", "dim=4 epochs=1 inputs=item:circle", &s.tiny.view, NULL);
    ((int32_t *)(uintptr_t)((network *)f.model)->inputs.items.list[0].of)[5] = 99;
    CHECK_OK(parse_options(&o, back.class, "dim=4 epochs=1 inputs=item:circle", err));
    CHECK_OK(model_save(f.model, path, err));
    CHECK(model_load(&back.model, back.class, path, o.values, NULL) == HABIT_EFORMAT, "accepted");
    opt_values_free(&o);
    fitted_free(&f);
    unlink(path);
}

int main(void)
{
    check_rows();
    check_networks();
    check_use();
    check_refusals();
    check_bad_file();
    return CHECK_DONE();
}
