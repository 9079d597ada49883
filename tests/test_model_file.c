// test_model_file.c - a model's arrays through a file, and files that are not this model's.
#include "base/memory.h"
#include "models/model.h"
#include "tests/check.h"

#include <string.h>
#include <unistd.h>

// --- a model of two arrays and an optional third -------------------------------------------------

typedef struct toy {
    model base;
    uint64_t rows, width;
    const float *weight;     // [rows][width]
    const uint32_t *partner; // [rows]
    const double *extra;     // [1], optional
} toy;

static size_t toy_fields(model *m, model_field *out)
{
    toy *t = (toy *)m;
    out[0] = (model_field){ .name = "weight",
                            .type = TENSOR_F32,
                            .dims = 2,
                            .shape = { t->rows, t->width },
                            .data = (const void **)&t->weight,
                            .shape_out = { &t->rows, &t->width } };
    out[1] = (model_field){ .name = "partner",
                            .type = TENSOR_U32,
                            .dims = 1,
                            .shape = { t->rows },
                            .data = (const void **)&t->partner,
                            .shape_out = { &t->rows } };
    out[2] = (model_field){ .name = "extra",
                            .type = TENSOR_F64,
                            .dims = 1,
                            .shape = { 1 },
                            .data = (const void **)&t->extra,
                            .optional = true };
    return 3;
}

static habit_status toy_empty(model **out, habit_error *err)
{
    toy *t = ZNEW(toy, 1);
    if (!t) return fail_memory(err, "toy", sizeof *t);
    *out = &t->base;
    return HABIT_OK;
}

static habit_status toy_ready(model *m, const void *options, habit_error *err)
{
    const toy *t = (const toy *)m;
    (void)options;
    if (t->rows != m->items)
        return fail(err, HABIT_EFORMAT, "%llu rows for %u items", (unsigned long long)t->rows,
                    m->items);
    return HABIT_OK;
}

static void toy_free(model *m)
{
    toy *t = (toy *)m;
    if (!m->loaded) mem_free((void *)(uintptr_t)t->weight);
    mem_free(t);
}

static const model_class toy_class = {
    .name = "toy", .fields = toy_fields, .empty = toy_empty, .ready = toy_ready, .free = toy_free
};

static const uint32_t partner[] = { 2, 0, 1 };
static const double extra[] = { 0.25 };

static toy *toy_new(void)
{
    model *m = NULL;
    CHECK_OK(toy_empty(&m, err));
    toy *t = (toy *)m;
    float *weight = NEW(float, 6);
    for (int i = 0; i < 6; i++) weight[i] = (float)i;
    m->class = &toy_class;
    m->users = 11, m->items = 3, m->dim = 2;
    t->rows = 3, t->width = 2;
    t->weight = weight;
    t->partner = partner;
    return t;
}

static void test_round_trip(void)
{
    toy *t = toy_new();
    model *again = NULL;
    for (int with = 0; with < 2; with++) {
        t->extra = with ? extra : NULL;
        CHECK_OK(model_save(&t->base, "toy.safetensors", err));
        CHECK_OK(model_load(&again, &toy_class, "toy.safetensors", NULL, err));
        const toy *l = (const toy *)again;
        CHECK(again->users == 11 && again->items == 3 && again->dim == 2, "sizes");
        CHECK(again->loaded && again->class == &toy_class, "loaded");
        CHECK(l->rows == 3 && l->width == 2, "shape");
        CHECK(memcmp(l->weight, t->weight, 6 * sizeof(float)) == 0, "weight");
        CHECK(memcmp(l->partner, partner, sizeof partner) == 0, "partner");
        CHECK(!!l->extra == with && (!with || *l->extra == 0.25), "extra");
        model_free(again);
    }
    model_free(&t->base);
    model_free(NULL);
    unlink("toy.safetensors");
}

// --- files that are not a toy's ------------------------------------------------------------------

static void test_refusals(void)
{
    const float w[9] = { 0 };
    const uint32_t p[4] = { 0 };
    const uint64_t sizes[3] = { 1, 3, 2 }, huge[3] = { UINT32_MAX, 3, 2 };
#define SIZES(s)                                                                                   \
    {                                                                                              \
        .name = "model.sizes", .type = TENSOR_U64, .dims = 1, .shape = { 3 }, .data = s            \
    }
#define WEIGHT(t, n, rows)                                                                         \
    {                                                                                              \
        .name = "weight", .type = t, .dims = n, .shape = { rows, 2 }, .data = w                    \
    }
#define PARTNER(rows)                                                                              \
    {                                                                                              \
        .name = "partner", .type = TENSOR_U32, .dims = 1, .shape = { rows }, .data = p             \
    }
    // clang-format off
    const struct { const char *name; tensor_view t[4]; size_t n; const char *says; } cases[] = {
        { "good", { SIZES(sizes), WEIGHT(TENSOR_F32, 2, 3), PARTNER(3) }, 3, NULL },
        { "no sizes", { WEIGHT(TENSOR_F32, 2, 3), PARTNER(3) }, 2, "model.sizes" },
        { "huge", { SIZES(huge), WEIGHT(TENSOR_F32, 2, 3), PARTNER(3) }, 3, "impossible" },
        { "missing", { SIZES(sizes), PARTNER(3) }, 2, "no array 'weight'" },
        { "type", { SIZES(sizes), WEIGHT(TENSOR_I32, 2, 3), PARTNER(3) }, 3, "is I32 with 2" },
        { "dims", { SIZES(sizes), WEIGHT(TENSOR_F32, 1, 3), PARTNER(3) }, 3, "with 1 sizes" },
        { "sizes differ", { SIZES(sizes), WEIGHT(TENSOR_F32, 2, 3), PARTNER(4) }, 3, "differ" },
        { "not ready", { SIZES(sizes), WEIGHT(TENSOR_F32, 2, 4), PARTNER(4) }, 3, "for 3 items" },
        { "stranger", { SIZES(sizes), WEIGHT(TENSOR_F32, 2, 3), PARTNER(3),
                        { .name = "odd", .type = TENSOR_F32, .dims = 0, .data = w } }, 4, "'odd'" },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        model *m = NULL;
        habit_error error = { 0 };
        CHECK_OK(safetensors_write("wrong.safetensors", cases[i].t, cases[i].n, err));
        const habit_status st = model_load(&m, &toy_class, "wrong.safetensors", NULL, &error);
        CHECK((st == HABIT_OK) == !cases[i].says, "%s: %s", cases[i].name, error.message);
        if (cases[i].says)
            CHECK(strstr(error.message, cases[i].says), "%s: %s", cases[i].name, error.message);
        model_free(m);
    }
    unlink("wrong.safetensors");
    model *m = NULL;
    CHECK(model_load(&m, &toy_class, "nowhere", NULL, NULL) == HABIT_ENOTFOUND && !m, "nowhere");
}

static void test_memory(void)
{
    toy *t = toy_new();
    const long live = mem_live();
    habit_status st = HABIT_ENOMEM;
    long n = 0;
    for (; st == HABIT_ENOMEM && n < 1000; n++) {
        model *m = NULL;
        mem_fail_after(n);
        st = model_save(&t->base, "memory.safetensors", NULL);
        if (st == HABIT_OK) st = model_load(&m, &toy_class, "memory.safetensors", NULL, NULL);
        mem_fail_after(-1);
        model_free(m);
        CHECK(mem_live() == live, "allocation %ld: %ld blocks leaked", n, mem_live() - live);
    }
    CHECK(st == HABIT_OK && n > 5, "%ld allocations, then %s", n, habit_status_text(st));
    model_free(&t->base);
    unlink("memory.safetensors");
}

int main(void)
{
    test_round_trip();
    test_refusals();
    test_memory();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
