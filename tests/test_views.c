// test_views.c - views of a batch are what they are said to be, and networks can be taught by them.
#include "tests/network_check.h"
#include "models/views.h"

// --- masks ------------------------------------------------------------------------------------------

// A history of eleven events, a short one and one of two.
static void batch_of_three(tiny_batch *b)
{
    static const uint32_t item[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 22, 30, 31 };
    static const size_t begin[] = { 0, 11, 14, 16 };
    arena plan = { 0 };
    batch_room_place(&b->room, 4, 32, BATCH_TIME, &plan);
    CHECK_OK(arena_init(&b->memory, &plan, err));
    batch_room_place(&b->room, 4, 32, BATCH_TIME, &b->memory);
    batch_start(&b->batch, &b->room);
    for (size_t s = 0; s < 3; s++) {
        const batch_sequence q = { .n = begin[s + 1] - begin[s], .item = item + begin[s] };
        batch_add(&b->batch, &b->room, &q, true);
    }
}

// Everything stands where it stood, or is hidden and a target.
static size_t check_view(const batch *v, size_t most)
{
    static const int32_t first[] = { 0, 20, 30 }, length[] = { 11, 3, 2 };
    size_t hidden = 0;
    CHECK(v->sequences == 3, "%zu sequences", v->sequences);
    for (size_t s = 0; s < 3; s++) {
        const int32_t n = v->offset[s + 1] - v->offset[s];
        const int32_t want = length[s] < (int32_t)most ? length[s] : (int32_t)most;
        size_t here = 0;
        CHECK(n == want, "sequence %zu: %d events", s, n);
        for (int32_t i = 0; i < n; i++) {
            const int32_t e = v->offset[s] + i, is = first[s] + length[s] - n + i;
            const bool mask = v->item[e] < 0;
            CHECK(v->position[e] == i, "position %d", v->position[e]);
            CHECK(mask ? v->target[e] == is : v->item[e] == is && v->target[e] == -1,
                  "event %d: %d, target %d", is, v->item[e], v->target[e]);
            here += mask;
        }
        CHECK(here > 0 && here < (size_t)n, "sequence %zu: %zu hidden of %d", s, here, n);
        hidden += here;
    }
    CHECK(v->targets == hidden, "%zu targets, %zu hidden", v->targets, hidden);
    return hidden;
}

static void check_masks(void)
{
    static const masking how[] = { { 0.2, 0, 20 }, { 0.8, 0, 20 }, { 0.2, 0, 8 }, { 0.2, 1, 20 } };
    static const double least[] = { 4, 10, 3, 3 }, most[] = { 6, 13, 5.5, 3 };
    tiny_batch b;
    store *none;
    tape *t;
    batch_of_three(&b);
    CHECK_OK(store_new(&none, TENSOR_F32, err));
    CHECK_OK(tape_new(&t, none, NULL, err));
    for (size_t i = 0; i < COUNT_OF(how); i++) {
        double hidden = 0;
        batch v;
        for (uint64_t key = 1; key <= 200; key++) {
            b.batch.key = key;
            tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
            CHECK(view_masked(&v, t, &b.batch, &how[i]), "out of memory");
            hidden += (double)check_view(&v, how[i].most) / 200;
        }
        CHECK(hidden > least[i] - 1e-9 && hidden < most[i] + 1e-9, "masking %zu: %.2f hidden", i,
              hidden);
    }
    tape_free(t);
    store_free(none);
    arena_free(&b.memory);
}

// --- changes ----------------------------------------------------------------------------------------

// Ten rows, two and one: the last event of each of the three is only a target.
static const int32_t first_item[] = { 0, 20, 30 }, rows_of[] = { 10, 2, 1 };

static int32_t hidden_in(const batch *v, size_t s)
{
    int32_t hidden = 0;
    for (int32_t e = v->offset[s]; e < v->offset[s + 1]; e++) hidden += v->item[e] < 0;
    return hidden;
}

// Rows that do not hold what their place had.
static int32_t moved_in(const batch *v, size_t s, int32_t *first, int32_t *last)
{
    int32_t moved = 0;
    for (int32_t e = v->offset[s]; e < v->offset[s + 1]; e++) {
        if (v->item[e] == first_item[s] + e - v->offset[s]) continue;
        if (moved++ == 0) *first = e;
        *last = e;
    }
    return moved;
}

static void check_crop(const batch *v, size_t s)
{
    const int32_t n = v->offset[s + 1] - v->offset[s], at = v->item[v->offset[s]];
    const int32_t want = s == 0 ? 6 : 1; // of 10, 2 and 1
    CHECK(n == want, "sequence %zu: %d left", s, n);
    CHECK(at >= first_item[s] && at + n <= first_item[s] + rows_of[s], "item %d", at);
    for (int32_t i = 0; i < n; i++)
        CHECK(v->item[v->offset[s] + i] == at + i, "not in a row: %d", v->item[v->offset[s] + i]);
}

static void check_hidden(const batch *v, size_t s)
{
    const int32_t want = s == 0 ? 3 : 0;
    int32_t first = 0, last = 0;
    CHECK(hidden_in(v, s) == want, "sequence %zu: %d hidden", s, hidden_in(v, s));
    CHECK(moved_in(v, s, &first, &last) == want, "others have moved");
}

static void check_reordered(const batch *v, size_t s)
{
    int32_t first = 0, last = 0, sum = 0;
    const int32_t moved = moved_in(v, s, &first, &last), n = rows_of[s];
    for (int32_t e = v->offset[s]; e < v->offset[s + 1]; e++)
        sum += (v->item[e] + 1) * (v->item[e] + 1);
    for (int32_t i = 0; i < n; i++) sum -= (first_item[s] + i + 1) * (first_item[s] + i + 1);
    CHECK(sum == 0, "sequence %zu: not the same items", s);
    CHECK(moved == 0 || last - first < 6, "sequence %zu: %d .. %d have moved", s, first, last);
}

typedef struct changing {
    const char *list;
    void (*check)(const batch *v, size_t s);
} changing;

static void check_one_change(tape *t, tiny_batch *b, const changing *c)
{
    changes how;
    int different = 0;
    CHECK_OK(changes_parse(&how, c->list, err));
    for (uint64_t key = 1; key <= 100; key++) {
        batch one, other;
        b->batch.key = key;
        tape_begin(t, &(tape_pass){ .mode = TAPE_TRAIN });
        CHECK(view_changed(&one, t, &b->batch, &how, 0), "out of memory");
        CHECK(view_changed(&other, t, &b->batch, &how, 1), "out of memory");
        different += memcmp(one.item, other.item, 6 * sizeof *one.item) != 0;
        for (size_t s = 0; s < 3; s++) {
            c->check(&one, s);
            CHECK(one.last[s] == one.offset[s + 1] - 1 && one.each[s] == (int32_t)s, "last rows");
            for (int32_t e = one.offset[s]; e < one.offset[s + 1]; e++)
                CHECK(one.position[e] == e - one.offset[s] && one.target[e] == -1, "row %d", e);
        }
    }
    CHECK(different > 60, "%s: two views are alike, %d of 100", c->list, 100 - different);
}

static void check_changes(void)
{
    static const changing all[] = {
        { "crop", check_crop },         { "crop:0.65", check_crop },
        { "mask", check_hidden },       { "mask:0.39", check_hidden },
        { "reorder", check_reordered }, { "reorder:0.6,reorder:0.2", check_reordered }
    };
    tiny_batch b;
    store *none;
    tape *t;
    batch_of_three(&b);
    CHECK_OK(store_new(&none, TENSOR_F32, err));
    CHECK_OK(tape_new(&t, none, NULL, err));
    for (size_t i = 0; i < COUNT_OF(all); i++) check_one_change(t, &b, &all[i]);
    tape_free(t);
    store_free(none);
    arena_free(&b.memory);
}

static void check_parsing(void)
{
    static const char *const wrong[] = { "crops",  "crop:",      "crop:0",       "crop:1.1",
                                         "mask:x", "crop,,mask", "reorder:0.5x", ":0.5" };
    changes c;
    CHECK_OK(changes_parse(&c, "crop:0.25,mask,reorder:1", err));
    CHECK(c.count == 3 && c.kind[0] == CHANGE_CROP && c.share[0] == 0.25 && c.share[1] == 0.3 &&
              c.kind[2] == CHANGE_REORDER && c.share[2] == 1,
          "read otherwise");
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        CHECK(changes_parse(&c, wrong[i], NULL) == HABIT_EINVAL, "'%s' is accepted", wrong[i]);
}

// --- learning -----------------------------------------------------------------------------------------

#define VIEWS " augment=crop,mask,reorder contrast=0.7 contrast-temperature=4"

// A weight of nothing changes nothing, a large one does.
static void check_weight(void)
{
    static structured_log s;
    float plain[CHECK_ITEMS], none[CHECK_ITEMS], some[CHECK_ITEMS];
    static const char *const options[] = { "dim=8 max-len=8 epochs=1",
                                           "dim=8 max-len=8 epochs=1 augment=crop contrast=0",
                                           "dim=8 max-len=8 epochs=1 augment=crop contrast=1" };
    float *const to[] = { plain, none, some };
    structured_log_make(&s);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        fitted f;
        fit_model(&f, "sasrec", options[i], &s.tiny.view, NULL);
        const query q = query_of(&s.tiny.view, 3);
        scores_of(f.model, &q, 1, to[i]);
        fitted_free(&f);
    }
    CHECK(memcmp(plain, none, sizeof plain) == 0, "no weight, and another model");
    CHECK(memcmp(plain, some, sizeof plain) != 0, "weight, and the same model");
}

int main(void)
{
    check_masks();
    check_changes();
    check_parsing();
    check_weight();
    network_check_gradient("sasrec", "dim=6 max-len=8" VIEWS);
    network_check_gradient("hstu", "dim=6 max-len=8 negatives=2" VIEWS);
    network_check_gradient("bert4rec", "dim=6 max-len=8" VIEWS);
    network_check_gradient("lstm", "dim=6 max-len=8 inputs=behaviour,value,time-gap" VIEWS);
    network_check("sasrec", "dim=8 heads=2 max-len=8" VIEWS, NETWORK_CAUSAL);
    check_beats_popularity("sasrec",
                           "dim=16 epochs=30 max-len=12 batch=32 lr=0.01 augment=crop,mask", 0.2);
    return CHECK_DONE();
}
