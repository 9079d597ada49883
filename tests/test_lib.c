// test_lib.c - what puts the layers together: options as one table, ids of any bytes, spaces.
#include "tests/check.h"
#include "base/file.h"
#include "base/memory.h"
#include "models/id_list.h"
#include "base/json.h"
#include "lib/npy.h"
#include "lib/options.h"
#include "lib/space.h"
#include "lib/tables.h"

#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/habit-test-lib-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

// --- options -------------------------------------------------------------------------------------

// A name that two tables of one verb share could be set in one of them only.
static void test_names_are_unique(void)
{
    for (size_t v = 0; verb_at(v); v++)
        for (size_t m = 0; m == 0 || model_at(m - 1); m++) { // without a model, then with each
            habit_options *o = NULL;
            CHECK_OK(habit_options_new(&o, verb_at(v)->verb, err));
            const model_class *c = m ? model_at(m - 1) : NULL;
            const bool takes = habit_options_get(o, "model") != NULL;
            if (c && c->fit && takes) CHECK_OK(habit_options_model(o, c->name, err));
            for (size_t i = 0; i < habit_options_count(o); i++)
                for (size_t j = 0; j < i; j++)
                    CHECK(strcmp(habit_options_at(o, i)->name, habit_options_at(o, j)->name) != 0,
                          "%s has --%s twice, with model %s", verb_at(v)->verb,
                          habit_options_at(o, i)->name, c ? c->name : "none");
            for (size_t i = 0; i < habit_options_count(o); i++)
                CHECK(strlen(habit_options_at(o, i)->help) > 5, "%s: --%s has no help",
                      verb_at(v)->verb, habit_options_at(o, i)->name);
            habit_options_free(o);
        }
}

static void test_precedence(void)
{
    habit_options *o = NULL;
    const char *yaml = "seed: 5\nthreads: 3\nn: 7\n";
    CHECK_OK(file_write(in_folder("a.yaml"), yaml, strlen(yaml), err));
    CHECK_OK(habit_options_new(&o, "recommend", err));
    CHECK_OK(habit_options_set(o, "seed", "9", err));
    CHECK_OK(habit_options_load(o, in_folder("a.yaml"), err));
    CHECK_OK(habit_options_set(o, "threads", "4", err));
    CHECK(strcmp(habit_options_get(o, "seed"), "9") == 0, "set before load");
    CHECK(strcmp(habit_options_get(o, "threads"), "4") == 0, "set after load");
    CHECK(strcmp(habit_options_get(o, "n"), "7") == 0, "load over default");
    CHECK(options_given(o, "n") && !options_given(o, "seen"), "given");
    CHECK(habit_options_get(o, "nothing") == NULL, "unknown");
    habit_options_free(o);
}

static void test_lists(void)
{
    habit_options *o = NULL;
    const char *yaml = "columns: [user=a, item=b]\n";
    CHECK_OK(file_write(in_folder("b.yaml"), yaml, strlen(yaml), err));
    CHECK_OK(habit_options_new(&o, "import", err));
    CHECK_OK(habit_options_load(o, in_folder("b.yaml"), err));
    CHECK(strcmp(habit_options_get(o, "columns"), "user=a,item=b") == 0, "%s",
          habit_options_get(o, "columns"));
    CHECK_OK(habit_options_set(o, "columns", "user=x", err));
    CHECK_OK(habit_options_set(o, "columns", "item=y", err));
    CHECK(strcmp(habit_options_get(o, "columns"), "user=x,item=y") == 0, "%s",
          habit_options_get(o, "columns"));
    habit_options_free(o);
}

static void test_refusals(void)
{
    // clang-format off
    static const struct { const char *verb, *name, *value, *says; habit_status want; } cases[] = {
        { "recommend", "sean", "x", "did you mean --seen", HABIT_EINVAL },
        { "recommend", "n", "0", "[1, 100000]", HABIT_EINVAL },
        { "recommend", "seen", "never", "filter|keep", HABIT_EINVAL },
        { "train", "model", "eaze", "no model 'eaze'", HABIT_EINVAL },
        { "train", "l2", "1", "need --model NAME", HABIT_EINVAL },
        { "import", "no-dedupe", "yes", "takes no value", HABIT_EINVAL },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        habit_options *o = NULL;
        habit_error e = { 0 };
        CHECK_OK(habit_options_new(&o, cases[i].verb, err));
        const habit_status st = habit_options_set(o, cases[i].name, cases[i].value, &e);
        CHECK(st == cases[i].want && strstr(e.message, cases[i].says), "%s --%s: %d %s",
              cases[i].verb, cases[i].name, st, e.message);
        habit_options_free(o);
    }
    habit_options *o = NULL;
    habit_error e = { 0 };
    CHECK(habit_options_new(&o, "trian", &e) == HABIT_EINVAL && !o &&
              strstr(e.message, "did you mean train"),
          "%s", e.message);
    char *report = NULL;
    CHECK_OK(habit_options_new(&o, "train", err));
    CHECK(habit_inspect(o, "x", &report, &e) == HABIT_EINVAL && !report, "wrong options: %s",
          e.message);
    habit_options_free(o);
}

static void test_options_without_memory(void)
{
    for (long n = 0; n < 200; n++) {
        habit_options *o = NULL;
        const long live = mem_live();
        mem_fail_after(n);
        const habit_status st = habit_options_new(&o, "evaluate", NULL);
        mem_fail_after(-1);
        if (st == HABIT_OK) {
            habit_options_free(o);
            CHECK(n > 10, "only %ld allocations", n);
            CHECK(mem_live() == live, "leak");
            return;
        }
        CHECK(st == HABIT_ENOMEM && !o && mem_live() == live, "allocation %ld", n);
    }
    CHECK(0, "never enough memory");
}

// --- ids -----------------------------------------------------------------------------------------

static void test_ids_of_any_bytes(void)
{
    // clang-format off
    static const struct { const char *id, *line; } cases[] = {
        { "", "\"\"" },
        { "7", "\"7\"" },
        { "Am\xc3\xa9lie", "\"Am\xc3\xa9lie\"" },
        { "caf\xe9", "\"caf\\udce9\"" },           // Latin-1
        { "\xc0\x80", "\"\\udcc0\\udc80\"" },      // overlong
        { "\xed\xa0\x80", "\"\\udced\\udca0\\udc80\"" }, // a surrogate
        { "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
        { "\xf4\x90\x80\x80", "\"\\udcf4\\udc90\\udc80\\udc80\"" }, // beyond Unicode
        { "\xe2\x82", "\"\\udce2\\udc82\"" },      // cut short
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "tab\tline\n\x01\x7f", "\"tab\\u0009line\\u000a\\u0001\\u007f\"" },
        { "\\udc80", "\"\\\\udc80\"" },            // looks like an escape, is text
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buffer b = { 0 };
        json_quote(&b, cases[i].id, strlen(cases[i].id));
        CHECK(strcmp(b.data, cases[i].line) == 0, "wrote %s, want %s", b.data, cases[i].line);
        buffer_text(&b, "\n");
        id_list l = { 0 };
        CHECK_OK(file_write(in_folder("ids"), b.data, b.len, err));
        CHECK_OK(id_list_load(&l, in_folder("ids"), err));
        CHECK(l.count == 1 && strcmp(id_list_at(&l, 0), cases[i].id) == 0 &&
                  id_list_len(&l, 0) == strlen(cases[i].id),
              "lost %s", cases[i].line);
        id_list_free(&l);
        buffer_free(&b);
    }
}

// Every pair of bytes but NUL, in one file.
static void test_every_pair_of_bytes(void)
{
    buffer b = { 0 };
    id_list l = { 0 };
    for (int pair = 0; pair < 255 * 255; pair++) {
        const char id[] = { (char)(pair / 255 + 1), (char)(pair % 255 + 1) };
        json_quote(&b, id, 2);
        buffer_text(&b, "\n");
    }
    CHECK_OK(file_write(in_folder("ids"), b.data, b.len, err));
    CHECK_OK(text_list_load(&l, in_folder("ids"), err));
    CHECK(l.count == 255 * 255, "%u lines", l.count);
    for (int pair = 0; pair < (int)l.count; pair++) {
        const char id[] = { (char)(pair / 255 + 1), (char)(pair % 255 + 1), '\0' };
        CHECK(strcmp(id_list_at(&l, (uint32_t)pair), id) == 0, "lost %02x %02x", id[0] & 255,
              id[1] & 255);
    }
    id_list_free(&l);
    buffer_free(&b);
}

static void test_ids_refused(void)
{
    // clang-format off
    static const struct { const char *text, *says; } cases[] = {
        { "\"a\"", "truncated" },
        { "a\n", ":1: not a JSON string" },
        { "\"a\"\n\"b\n", ":2: not a JSON string" },
        { "\"a\"b\"\n", ":1: not a JSON string" },
        { "\"\\u0000\"\n", ":1: not a JSON string" },
        { "\"\\udc41\"\n", ":1: not a JSON string" },
        { "\"\\ud800x\"\n", ":1: not a JSON string" },
        { "\"\\x\"\n", ":1: not a JSON string" },
        { "\"\\\n", ":1: not a JSON string" },
        { "\"b\"\n\"a\"\n", ":2: ids are not in canonical order" },
        { "\"a\"\n\"a\"\n", ":2: ids are not in canonical order" },
        { "\"10\"\n\"9\"\n", ":2: ids are not in canonical order" },
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        id_list l = { 0 };
        habit_error e = { 0 };
        CHECK_OK(file_write(in_folder("ids"), cases[i].text, strlen(cases[i].text), err));
        const habit_status st = id_list_load(&l, in_folder("ids"), &e);
        CHECK(st == HABIT_EFORMAT && !l.bytes && strstr(e.message, cases[i].says),
              "%s: %d %s, want %s", cases[i].text, st, e.message, cases[i].says);
    }
}

static void test_ids_match(void)
{
    static const char bytes[] = "2910ab";
    static const uint64_t start[] = { 0, 1, 2, 4, 5, 6 }; // 2 9 10 a b
    const names from = { 5, start, bytes };
    const char *theirs = "\"9\"\n\"10\"\n\"11\"\n\"b\"\n\"c\"\n";
    id_list l = { 0 };
    uint32_t *map = NULL;
    CHECK_OK(file_write(in_folder("ids"), theirs, strlen(theirs), err));
    CHECK_OK(id_list_load(&l, in_folder("ids"), err));
    CHECK_OK(id_list_match(&map, &from, &l, err));
    static const uint32_t want[] = { UINT32_MAX, 0, 1, UINT32_MAX, 3 };
    CHECK(map && memcmp(map, want, sizeof want) == 0, "wrong map");
    CHECK(id_list_find(&l, "11", 2) == 2 && id_list_find(&l, "c", 1) == 4, "find");
    CHECK(id_list_find(&l, "12", 2) == UINT32_MAX && id_list_find(&l, "", 0) == UINT32_MAX,
          "found what is not there");
    mem_free(map);
    id_list_free(&l);
    CHECK_OK(id_list_write(in_folder("ids"), &from, err));
    CHECK_OK(id_list_load(&l, in_folder("ids"), err));
    CHECK(l.count == 5 && strcmp(id_list_at(&l, 2), "10") == 0, "written and read");
    id_list_free(&l);
}

// --- files of numbers ------------------------------------------------------------------------------

static void test_npy(void)
{
    static const float x[] = { 1, -2, 0.5f, 4, 5, 6 };
    char *bytes = NULL;
    size_t len = 0;
    CHECK_OK(npy_write(in_folder("x.npy"), x, 3, 2, err));
    CHECK_OK(file_read(&bytes, &len, in_folder("x.npy"), 1 << 20, err));
    CHECK(len == 128 + sizeof x, "%zu bytes", len);
    CHECK(memcmp(bytes,
                 "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, "
                 "'shape': (3, 2), } ",
                 10 + 59) == 0,
          "header");
    CHECK(bytes[127] == '\n' && memcmp(bytes + 128 + 4, "\x00\x00\x00\xc0", 4) == 0, "data");
    mem_free(bytes);
}

// --- spaces ----------------------------------------------------------------------------------------

typedef struct small {
    int dim;
    double reg;
    const char *mode;
} small;

static const opt small_table[] = {
    { "dim", "N", OPT_INT, offsetof(small, dim), "8", 1, 64, NULL, "width" },
    { "reg", "R", OPT_REAL, offsetof(small, reg), "0.1", 0, 1, NULL, "penalty" },
    { "mode", "M", OPT_CHOICE, offsetof(small, mode), "a", 0, 0, "a|b|c", "mode" },
    OPT_END,
};

static void test_space(void)
{
    const char *yaml = "dim: [1, 2, 3]\nreg: [0.1, 0.2]\nmode: b\n";
    opt_values v = { 0 };
    space s;
    CHECK_OK(opt_values_init(&v, small_table, sizeof(small), err));
    CHECK_OK(file_write(in_folder("s.yaml"), yaml, strlen(yaml), err));
    CHECK_OK(space_read(&s, in_folder("s.yaml"), &v, sizeof(small), err));
    CHECK(s.points == 6 && s.axes == 3, "%llu points", (unsigned long long)s.points);
    int dims[4] = { 0 };
    for (uint64_t k = 0; k < s.points; k++) {
        CHECK_OK(space_apply(&s, k, &v, err));
        const small *x = v.values;
        dims[x->dim]++;
        CHECK(strcmp(x->mode, "b") == 0 && (x->reg == 0.1 || x->reg == 0.2), "point");
    }
    CHECK(dims[1] == 2 && dims[2] == 2 && dims[3] == 2, "each point once");
    space_free(&s);

    // a shuffled walk visits every point once, and depends on the seed
    s = (space){ .points = 1000 };
    bool seen[1000] = { false };
    int same = 0;
    for (uint64_t k = 0; k < 1000; k++) {
        const uint64_t p = space_visit(&s, k, true, 1);
        CHECK(p < 1000 && !seen[p], "point %llu twice or outside", (unsigned long long)p);
        if (p < 1000) seen[p] = true;
        same += p == space_visit(&s, k, true, 2);
    }
    CHECK(same < 30, "%d of 1000 points at the same place with another seed", same);

    static const struct {
        const char *yaml, *says;
    } bad[] = {
        { "dims: [1]\n", "no option 'dims'; did you mean 'dim'" },
        { "dim: [1, 65]\n", ":1: --dim: '65'" },
        { "dim: []\n", "empty list" },
        { "dim: [1]\ndim: [2]\n", "twice" },
        { "", "nothing to search" },
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        habit_error e = { 0 };
        CHECK_OK(file_write(in_folder("s.yaml"), bad[i].yaml, strlen(bad[i].yaml), err));
        CHECK(space_read(&s, in_folder("s.yaml"), &v, sizeof(small), &e) != HABIT_OK &&
                  strstr(e.message, bad[i].says),
              "%s: %s", bad[i].yaml, e.message);
        space_free(&s);
    }
    opt_values_free(&v);
}

static void test_options_as_json(void)
{
    opt_values v = { 0 }, w = { 0 };
    CHECK_OK(opt_values_init(&v, small_table, sizeof(small), err));
    CHECK_OK(opt_values_init(&w, small_table, sizeof(small), err));
    CHECK_OK(opt_set(&v, opt_find(&v, "reg"), "0.3", err));
    CHECK_OK(opt_set(&v, opt_find(&v, "mode"), "c", err));
    json_t *o = json_of_options(&v, false), *given = json_of_options(&v, true);
    CHECK(json_object_size(o) == 3 && json_object_size(given) == 2, "rows");
    CHECK_OK(json_to_options(&w, o, "here", err));
    const small *a = v.values, *b = w.values;
    CHECK(a->dim == b->dim && a->reg == b->reg && strcmp(a->mode, b->mode) == 0, "not the same");
    habit_error e = { 0 };
    json_object_set_new(o, "width", json_integer(3));
    CHECK(json_to_options(&w, o, "here", &e) == HABIT_EFORMAT && strstr(e.message, "'width'"), "%s",
          e.message);
    json_decref(o);
    json_decref(given);
    opt_values_free(&v);
    opt_values_free(&w);

    uint64_t x = 0;
    json_t *f = json_fingerprint(UINT64_C(0xFEDCBA9876543210));
    CHECK(json_fingerprint_of(f, &x) && x == UINT64_C(0xFEDCBA9876543210), "fingerprint");
    json_decref(f);
    f = json_string("0x12");
    CHECK(!json_fingerprint_of(f, &x) && !json_fingerprint_of(NULL, &x), "short fingerprint");
    json_decref(f);
}

int main(void)
{
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    test_names_are_unique();
    test_precedence();
    test_lists();
    test_refusals();
    test_options_without_memory();
    test_ids_of_any_bytes();
    test_every_pair_of_bytes();
    test_ids_refused();
    test_ids_match();
    test_npy();
    test_space();
    test_options_as_json();
    static const char *const files[] = { "a.yaml", "b.yaml", "s.yaml", "ids", "x.npy" };
    for (size_t i = 0; i < COUNT_OF(files); i++) unlink(in_folder(files[i]));
    CHECK(rmdir(folder) == 0, "files are left in %s", folder);
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
