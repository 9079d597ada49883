// test_opt.c - option tables: what is taken, what is refused, and in which words.
#include "tests/check.h"
#include "base/memory.h"
#include "base/opt.h"

#include <string.h>

typedef struct args {
    int dim;
    int64_t rows, memory, gap;
    double lr;
    bool loud;
    const char *out, *mode, *columns;
} args;

static const opt table[] = {
#define AT(field) offsetof(args, field)
    { "dim", "N", OPT_INT, AT(dim), "64", 1, 1024, NULL, "width" },
    { "rows", "N", OPT_LONG, AT(rows), "0", 0, 0, NULL, "rows" },
    { "memory", "SIZE", OPT_BYTES, AT(memory), "1G", 0, 0, NULL, "memory" },
    { "gap", "SPAN", OPT_SPAN, AT(gap), "", 0, 0, NULL, "gap" },
    { "lr", "R", OPT_REAL, AT(lr), "0.001", 1e-7, 1, NULL, "learning rate" },
    { "loud", NULL, OPT_FLAG, AT(loud), "", 0, 0, NULL, "loud" },
    { "out", "FILE", OPT_STRING, AT(out), "", 0, 0, NULL, "output" },
    { "mode", "NAME", OPT_CHOICE, AT(mode), "slow", 0, 0, "slow|fast", "mode" },
    { "columns", "LIST", OPT_LIST, AT(columns), "", 0, 0, NULL, "columns" },
#undef AT
    OPT_PRESET("mode", "fast", "dim=8 lr=0.5 out=there"),
    OPT_END,
};

static void test_defaults(void)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, table, sizeof(args), err));
    const args *a = v.values;
    CHECK(a->dim == 64 && a->memory == INT64_C(1) << 30 && a->gap == 0 && !a->loud, "defaults");
    CHECK(!a->out && strcmp(a->mode, "slow") == 0, "default texts");
    opt_values_free(&v);
}

static void test_values(void)
{
    // clang-format off
    static const struct { const char *name, *value, *error; } cases[] = {
        { "dim", "128", NULL },
        { "dim", "4096", "--dim: '4096' is not a whole number in [1, 1024]" },
        { "dim", "0", "--dim: '0' is not a whole number in [1, 1024]" },
        { "dim", "12.5", "--dim: '12.5' is not a whole number in [1, 1024]" },
        { "dim", "twelve", "--dim: 'twelve' is not a whole number in [1, 1024]" },
        { "dim", "", "--dim: '' is not a whole number in [1, 1024]" },
        { "dim", NULL, "--dim: needs a value (N)" },
        { "rows", "20000000000", NULL },
        { "lr", "1e-3", NULL },
        { "lr", "nan", "--lr: 'nan' is not a number in [1e-07, 1]" },
        { "lr", "inf", "--lr: 'inf' is not a number in [1e-07, 1]" },
        { "memory", "512M", NULL },
        { "memory", "512X", "--memory: '512X' is not a size like 512M" },
        { "gap", "30m", NULL },
        { "gap", "30 minutes", "--gap: '30 minutes' is not a time span like 30m or 7d" },
        { "loud", NULL, NULL },
        { "loud", "perhaps", "--loud: 'perhaps' is not yes or no" },
        { "mode", "fast", NULL },
        { "mode", "fas", "--mode: 'fas' is not one of slow|fast" },
        { "mode", "fast|slow", "--mode: 'fast|slow' is not one of slow|fast" },
        { "mode", "", "--mode: '' is not one of slow|fast" },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        opt_values v = { 0 };
        CHECK_OK(opt_values_init(&v, table, sizeof(args), err));
        habit_error why = { 0 };
        const habit_status st = opt_set(&v, opt_find(&v, cases[i].name), cases[i].value, &why);
        CHECK((st == HABIT_OK) == !cases[i].error, "%s %s", cases[i].name, cases[i].value);
        if (cases[i].error) CHECK(strcmp(why.message, cases[i].error) == 0, "'%s'", why.message);
        opt_values_free(&v);
    }
}

static void test_meaning(void)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, table, sizeof(args), err));
    const args *a = v.values;
    CHECK_OK(opt_set(&v, opt_find(&v, "gap"), "30m", err));
    CHECK(a->gap == INT64_C(1800000000), "30m is %lld", (long long)a->gap);
    CHECK_OK(opt_set(&v, opt_find(&v, "memory"), "1.5k", err));
    CHECK(a->memory == 1536, "1.5k is %lld", (long long)a->memory);
    CHECK_OK(opt_set(&v, opt_find(&v, "columns"), "a=1", err));
    CHECK_OK(opt_set(&v, opt_find(&v, "columns"), "b=2", err));
    CHECK(strcmp(a->columns, "a=1,b=2") == 0, "lists add up: %s", a->columns);
    CHECK(opt_find(&v, "no-loud") == opt_find(&v, "loud"), "a flag can be taken back");
    CHECK(opt_find(&v, "no-dim") == -1, "only flags have a no- form");
    opt_values_free(&v);
}

static void set(opt_values *v, const char *name, const char *value)
{
    CHECK_OK(opt_set(v, opt_find(v, name), value, err));
}

// A choice brings defaults, whatever is set first; they go when it goes.
static void test_presets(void)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, table, sizeof(args), err));
    const args *a = v.values;
    set(&v, "dim", "16");
    set(&v, "mode", "fast");
    CHECK(a->dim == 16 && a->lr == 0.5 && strcmp(a->out, "there") == 0, "fast: %d %g", a->dim,
          a->lr);
    CHECK(strcmp(v.text[opt_find(&v, "lr")], "0.5") == 0, "the text says otherwise");
    CHECK(!v.given[opt_find(&v, "lr")], "a default is not given");
    set(&v, "lr", "0.25");
    CHECK(a->lr == 0.25, "what is set after the choice holds");
    set(&v, "mode", "slow");
    CHECK(a->dim == 16 && a->lr == 0.25 && !a->out, "slow: %d %g", a->dim, a->lr);
    opt_values_free(&v);
}

static void test_suggestions(void)
{
    opt_values v = { 0 };
    CHECK_OK(opt_values_init(&v, table, sizeof(args), err));
    const opt_values *tables[] = { &v };
    // clang-format off
    static const struct { const char *typed, *want; } cases[] = {
        { "dmi", "dim" }, { "colums", "columns" }, { "memroy", "memory" }, { "xylophone", NULL },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *got = opt_nearest(tables, 1, cases[i].typed);
        CHECK(cases[i].want ? got && strcmp(got, cases[i].want) == 0 : !got, "%s -> %s",
              cases[i].typed, got ? got : "nothing");
    }
    CHECK(edit_distance("kitten", "sitting") == 3, "%d", edit_distance("kitten", "sitting"));
    CHECK(edit_distance("ab", "ba") == 1, "a transposition is one edit");
    opt_values_free(&v);
}

// Whatever allocation fails, nothing leaks.
static void test_out_of_memory(void)
{
    for (long n = 0; n < 40; n++) {
        opt_values v = { 0 };
        mem_fail_after(n);
        if (opt_values_init(&v, table, sizeof(args), NULL) == HABIT_OK) {
            opt_set(&v, opt_find(&v, "mode"), "fast", NULL);
            opt_values_free(&v);
        }
        mem_fail_after(-1);
        CHECK(mem_live() == 0, "allocation %ld: %ld blocks leaked", n, mem_live());
    }
}

int main(void)
{
    test_defaults();
    test_values();
    test_meaning();
    test_presets();
    test_suggestions();
    test_out_of_memory();
    return CHECK_DONE();
}
