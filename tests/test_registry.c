// test_registry.c - models are found by name, and every class keeps its contract.
#include "tests/check.h"
#include "base/memory.h"
#include "models/network.h"

#include <ctype.h>
#include <string.h>

static void test_names(void)
{
    static const struct {
        const char *asked, *nearest;
    } cases[] = { { "pop", "pop" },      { "popp", "pop" },         { "ItemKNN", "itemknn" },
                  { "item", "itemknn" }, { "user-knn", "userknn" }, { "markow", "markov" },
                  { "ese", "ease" },     { "quarterback", NULL },   { "", NULL },
                  { "x", NULL } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *got = model_nearest(cases[i].asked);
        const bool same =
            got && cases[i].nearest ? strcmp(got, cases[i].nearest) == 0 : got == cases[i].nearest;
        CHECK(same, "'%s' is near '%s'", cases[i].asked, got ? got : "nothing");
    }
    CHECK(!model_find("nothing"), "found what is not there");
}

static void test_class(const model_class *c)
{
    CHECK(c->name && c->title && c->paper && c->table, "%s: words", c->name);
    for (const char *s = c->name; *s; s++)
        CHECK(islower((unsigned char)*s) || isdigit((unsigned char)*s), "%s: letters", c->name);
    CHECK(c->fields && c->ready && c->free, "%s: functions", c->name);
    CHECK(c->network ? !c->fit && !c->empty : c->fit && c->empty, "%s: who fits it", c->name);
    CHECK(!c->score != !c->encode, "%s: one way to answer", c->name);
    CHECK(!c->predict == !(c->network || c->needs & PREDICTS_VALUE), "%s: predict", c->name);
    opt_values o = { 0 };
    CHECK_OK(opt_values_init(&o, c->table, c->options_size, err)); // all defaults are legal

    model *m = NULL;
    model_field field[MODEL_FIELDS];
    CHECK_OK(c->network ? network_empty(&m, c, o.values, err) : c->empty(&m, err));
    for (const opt *p = c->table + o.rows; p->arg; p++) // and what choices bring
        CHECK_OK(opt_set(&o, opt_find(&o, p->arg), p->fallback, err));
    opt_values_free(&o);
    const size_t n = c->fields(m, field);
    CHECK(n >= 1 && n <= MODEL_FIELDS, "%s: %zu fields", c->name, n);
    for (size_t i = 0; i < n; i++) {
        CHECK(strlen(field[i].name) < 64 && field[i].data, "%s: field %zu", c->name, i);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(field[i].name, field[k].name) != 0, "%s: two %s", c->name, field[i].name);
    }
    model_free(m);
}

int main(void)
{
    size_t n = 0;
    for (const model_class *c; (c = model_at(n)) != NULL; n++) {
        CHECK(model_find(c->name) == c, "%s is not found, or there are two", c->name);
        test_class(c);
    }
    CHECK(n >= 5, "only %zu models", n);
    test_names();
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
