// test_twotower.c - two towers keep the promises of every network, with side features and without; and
// know an item by its features alone.
#include "tests/network_fixture.h"

#define FEATURES "item-features=circle,price user-features=interests,age"

// --- every network's promises ---------------------------------------------------------------------------

static void check_promises(void)
{
    static const char *const shapes[] = {
        "loss=softmax",
        "loss=softmax cosine=no temperature=1",
        "loss=softmax cosine=yes temperature=0.2 " FEATURES,
        "loss=sampled logq=yes negatives=3 " FEATURES,
        "loss=sampled cosine=yes temperature=0.5 negatives=4 negatives-of=sequence",
        "loss=bce negatives=2 cosine=no " FEATURES,
        "loss=gbce negatives=2 tower-layers=0 user-features=age",
        "loss=bpr negatives=2 cosine=no tower-layers=2 item-features=price "
        "inputs=value,item:circle",
        "loss=sampled negatives=3 item-features=circle id-dropout=0.5",
    };
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        char options[200];
        snprintf(options, sizeof options, "dim=6 max-len=8 dropout=0.1 %s", shapes[i]);
        network_check_gradient("twotower", options);
    }
    network_check("twotower", "dim=6 max-len=8", NETWORK_CAUSAL);
    network_check("twotower", "dim=6 blocks=2 max-len=8 cosine=yes temperature=0.1 " FEATURES,
                  NETWORK_CAUSAL);
    network_check_live("twotower", "dim=6 max-len=8 tower-layers=0 " FEATURES);
    check_beats_popularity("twotower", "dim=16 epochs=30 max-len=12 batch=32 lr=0.01", 0.2);
}

// --- as PyTorch computes it -------------------------------------------------------------------------------

static const fixture_name arrays[] = {
    { "item", "item" },
    { "item_tags", "item_feature.circle" },
    { "item_numbers", "item_feature.price" },
    { "user_tags", "user_feature.interests" },
    { "user_numbers", "user_feature.age" },
    { "layer.%d.wx", "layer.%d.w" },
    { "layer.%d.wh", "layer.%d.u" },
    { "layer.%d.bx", "layer.%d.b" },
    { "item_tower.%d.w", "item_tower.%d.w" },
    { "item_tower.%d.b", "item_tower.%d.b" },
    { "user_tower.%d.w", "user_tower.%d.w" },
    { "user_tower.%d.b", "user_tower.%d.b" },
};

// Features of the file in the place of the log's: `name`_tag [rows][2], _number and _known [rows].
static void describe(features *fs, const safetensors *f, const char *name, size_t rows)
{
    static const char *const part[] = { "tag", "number", "known" };
    const void *data[3];
    for (int i = 0; i < 3; i++) {
        char title[32];
        snprintf(title, sizeof title, "%s_%s", name, part[i]);
        data[i] = fixture_array(f, title, i ? TENSOR_F64 : TENSOR_I32);
    }
    feature *tags = &fs->list[0], *numbers = &fs->list[1];
    int32_t *of = NEW(int32_t, 2 * rows);
    float *number = NEW(float, rows);
    memcpy(of, data[0], 2 * rows * sizeof *of);
    for (size_t i = 0; i < rows; i++)
        number[i] = ((const double *)data[2])[i] > 0 ? (float)((const double *)data[1])[i] : NAN;
    mem_free((void *)(uintptr_t)tags->of);
    mem_free((void *)(uintptr_t)numbers->number);
    tags->of = of;
    tags->each = 2;
    numbers->number = number;
    tags->rows = numbers->rows = rows;
}

static void describe_all(network *n, const safetensors *f)
{
    describe(&n->of_items, f, "item", FIXTURE_ITEMS);
    describe(&n->of_users, f, "user", FIXTURE_SEQUENCES);
}

static void check_torch(void)
{
    network_fixture_check(&(network_fixture){
        .file = "twotower",
        .model = "twotower",
        .options = "dim=8 loss=softmax dropout=0 cosine=no temperature=1 " FEATURES,
        .names = arrays,
        .names_count = COUNT_OF(arrays),
        .prepare = describe_all });
}

// --- features -------------------------------------------------------------------------------------------

// Numbers are standardised over those that are known.
static void check_numbers(void)
{
    static structured_log log;
    structured_log_make(&log);
    network *n = network_make_of("twotower", "dim=4 item-features=price", CHECK_ITEMS, TENSOR_F32);
    const feature *f = &n->of_items.list[0];
    double sum = 0, square = 0;
    int known = 0;
    CHECK(!f->of && f->rows == CHECK_ITEMS, "price is not a number");
    for (int i = 0; i < CHECK_ITEMS; i++) {
        CHECK(isnan(f->number[i]) == (i % 5 == 0), "item %d", i);
        if (i % 5 == 0) continue;
        sum += (double)f->number[i], square += (double)(f->number[i] * f->number[i]), known++;
    }
    CHECK(fabs(sum / known) < 1e-6 && fabs(square / known - 1) < 1e-5, "mean %g, square %g",
          sum / known, square / known);
    model_free(&n->base);
}

// A person's age says what comes next, and nothing else does.
static double hits_with(const char *options)
{
    static structured_log s;
    fitted f;
    int hits = 0;
    float scores[CHECK_ITEMS];
    structured_log_make(&s);
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        const uint64_t last = s.tiny.view.end[u] - 1;
        s.tiny.item[last - 1] = u % 7;
        s.tiny.item[last] = s.age[u] < 40 ? 50 : 60;
    }
    fit_model(&f, "twotower", options, &s.tiny.view, NULL);
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        query q = query_of(&s.tiny.view, u);
        q.n--;
        scores_of(f.model, &q, 1, scores);
        hits += (scores[50] > scores[60]) == (s.age[u] < 40);
    }
    fitted_free(&f);
    return (double)hits / CHECK_USERS;
}

static void check_use(void)
{
    const double without = hits_with("dim=8 epochs=15 lr=0.01 batch=32 max-len=1");
    const double with = hits_with("dim=8 epochs=15 lr=0.01 batch=32 max-len=1 user-features=age");
    CHECK(with > 0.95 && without < 0.8, "with ages %.2f, without %.2f", with, without);
}

static void check_refusals(void)
{
    static const struct {
        const char *options, *words;
    } wrong[] = { { "item-features=colour", "--item-features colour" },
                  { "user-features=circle", "--user-features circle" },
                  { "id-dropout=0.1", "--id-dropout" } };
    static structured_log s;
    structured_log_make(&s);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        fitted f;
        habit_error e = { 0 };
        CHECK(fit_status(&f, "twotower", wrong[i].options, &s.tiny.view, NULL, &e) == HABIT_EINVAL,
              "%s: accepted", wrong[i].options);
        CHECK(strstr(e.message, wrong[i].words), "%s: '%s'", wrong[i].options, e.message);
    }
}

// --- newcomers --------------------------------------------------------------------------------------------

#define LEARNED                                                                                    \
    "dim=16 epochs=12 lr=0.01 batch=32 max-len=12 id-dropout=0.3 item-features=circle,price"

// A new item of a circle is wanted by those who are in it.
static void check_newcomer(void)
{
    static structured_log s;
    fitted f;
    float vector[16], v[16], same[16];
    arena scratch;
    int right = 0, asked = 0;
    structured_log_make(&s);
    fit_model(&f, "twotower", LEARNED, &s.tiny.view, NULL);
    const network *n = (const network *)f.model;
    CHECK_OK(arena_init_bytes(&scratch, f.class->scratch(f.model, 1), err));
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        const query q = query_of(&s.tiny.view, u);
        double best = -INFINITY;
        uint32_t where = 0;
        f.class->encode(f.model, &q, 1, v, &scratch);
        for (uint32_t c = 0; c < CHECK_ITEMS / CIRCLE; c++) {
            const char tag[] = { 'c', "0123456789ab"[c], '\0' };
            const feature_value known = { .column = "circle", .tag = tag };
            CHECK_OK(network_item_vector(n, &known, 1, vector, err));
            double score = 0;
            for (int d = 0; d < 16; d++) score += (double)(v[d] * vector[d]);
            if (score > best) best = score, where = c;
        }
        if (q.item[q.n - 1] >= 4 * CIRCLE) continue; // circles of few people say little
        asked++;
        right += where == q.item[q.n - 1] / CIRCLE;
    }
    CHECK(right > 0.9 * asked, "%d of %d", right, asked);

    static const feature_value wrong[] = { { .column = "colour", .tag = "red" },
                                           { .column = "price", .tag = "red" },
                                           { .column = "circle", .number = 3 } };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        CHECK(network_item_vector(n, &wrong[i], 1, vector, NULL) == HABIT_EINVAL, "%zu", i);
    const feature_value unheard = { .column = "circle", .tag = "red" };
    CHECK_OK(network_item_vector(n, &unheard, 1, vector, err)); // as if nothing were known
    CHECK_OK(network_item_vector(n, NULL, 0, same, err));
    CHECK(memcmp(vector, same, sizeof vector) == 0, "a tag that nobody had");
    arena_free(&scratch);
    fitted_free(&f);
}

// An item of the log with its id taken away is the newcomer with the same features.
static void check_same_as_known(void)
{
    network *n = network_make_of("twotower", "dim=8 cosine=yes item-features=circle,price",
                                 CHECK_ITEMS, TENSOR_F32);
    float vector[8];
    const feature_value known[] = { { .column = "circle", .tag = "c3" },
                                    { .column = "price", .number = 1 + 34 % 13 } };
    memset((float *)n->item->data + 34 * 8, 0, 8 * sizeof(float));
    CHECK_OK(network_settle(n, err));
    CHECK_OK(network_item_vector(n, known, 2, vector, err));
    CHECK(memcmp(vector, n->base.item_vector + 34 * 8, sizeof vector) == 0, "not the same vector");
    model_free(&n->base);
}

// Arrays of a file that do not fit.
static void check_bad_file(void)
{
    static structured_log s;
    static const char path[] = "test_twotower.tmp", options[] = "dim=4 epochs=1 " FEATURES;
    structured_log_make(&s);
    for (int flaw = 0; flaw < 4; flaw++) {
        fitted f, back = { .class = model_find("twotower") };
        opt_values o = { 0 };
        fit_model(&f, "twotower", options, &s.tiny.view, NULL);
        network *n = (network *)f.model;
        if (flaw == 0) ((int32_t *)(uintptr_t)n->of_items.list[0].of)[5] = 99;
        if (flaw == 1) ((uint64_t *)(uintptr_t)n->of_users.list[0].start)[2] = 1;
        if (flaw == 2) ((float *)(uintptr_t)n->of_users.list[1].scale)[1] = 0;
        if (flaw == 3) f.model->users = 3;
        CHECK_OK(parse_options(&o, back.class, options, err));
        CHECK_OK(model_save(f.model, path, err));
        CHECK(model_load(&back.model, back.class, path, o.values, NULL) == HABIT_EFORMAT,
              "flaw %d: accepted", flaw);
        opt_values_free(&o);
        fitted_free(&f);
        unlink(path);
    }
}

int main(void)
{
    check_numbers();
    check_refusals();
    check_use();
    check_same_as_known();
    check_newcomer();
    check_bad_file();
    check_torch();
    check_promises();
    return CHECK_DONE();
}
