// test_versions.c - a network that answers otherwise than before has a new version.
//
// Folders of models are refused by the version of their class.  So whoever changes what a network makes
// of its parameters must raise it, and then the row below, with the number that this test prints.  A row
// names every option that the number depends on; where only a default has changed, add it there.
#include "tests/network_check.h"

typedef struct version_case {
    const char *name, *options;
    int version;
    double answer; // a sum over the answers to the tiny batch
} version_case;

static const version_case cases[] = {
    { "rnn", "dim=8 blocks=2 max-len=10 activation=tanh", 1, 0.161043698607 },
    { "lstm", "dim=8 blocks=2 max-len=10", 1, -0.0125457209897 },
    { "gru4rec", "dim=8 blocks=2 max-len=10 mode=packed tied=yes", 1, -0.151811211801 },
    { "lru", "dim=8 blocks=2 max-len=10 state-mult=2", 1, 0.0521762592036 },
    { "sasrec", "dim=8 blocks=2 heads=2 max-len=10", 2, -0.130785320159 },
    { "bert4rec", "dim=8 blocks=2 heads=2 max-len=10 head=gelu-norm", 1, 0.431099471297 },
    { "esasrec", "dim=8 blocks=2 heads=2 max-len=10 last-norm=no", 1, 1.1402939672 },
    { "hstu", "dim=8 blocks=2 heads=2 max-len=10", 1, 0.0331177790273 },
    { "seq2seq", "dim=8 blocks=2 heads=2 max-len=10 steps=2", 2, 0.0392768401821 },
    { "twotower", "dim=8 blocks=1 max-len=10 tower-layers=1 cosine=yes", 1, -0.00435509182417 },
};

// Parameters by a formula: how they are drawn does not matter to a folder.
static void fill(network *n)
{
    for (size_t i = 0; i < store_count(n->params); i++) {
        const param *p = store_at(n->params, i);
        for (size_t k = 0; k < p->rows * p->cols; k++)
            store_put(n->params, p, k, 0.4 * sin(1.7 * (double)k + (double)i + 0.3));
    }
}

static double answer_of(const version_case *c)
{
    network *n = network_make(c->name, c->options, TENSOR_F64);
    tiny_batch b;
    tape *t;
    double sum = 0;
    fill(n);
    CHECK_OK(network_settle(n, err));
    tiny_batch_make(&b, 0, 3, false);
    CHECK_OK(tape_new(&t, n->params, NULL, err));
    tape_begin(t, &(tape_pass){ .mode = TAPE_INFER });
    const tensor *h = network_answers(t, n, &b.batch);
    const double *x = tensor_data(h);
    for (size_t k = 0; k < tensor_rows(h) * tensor_cols(h); k++) sum += x[k] * cos((double)k);
    tape_free(t);
    arena_free(&b.memory);
    model_free(&n->base);
    return sum;
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const version_case *c = &cases[i];
        const double answer = answer_of(c);
        CHECK(model_find(c->name)->version == c->version, "%s is of version %d, the row of %d",
              c->name, model_find(c->name)->version, c->version);
        CHECK(fabs(answer - c->answer) < 1e-9 * (1 + fabs(c->answer)),
              "%s answers %.12g, and %.12g before: is a new version due?", c->name, answer,
              c->answer);
    }
    for (size_t k = 0, i; model_at(k); k++) {
        CHECK(model_at(k)->version > 0, "%s has no version", model_at(k)->name);
        for (i = 0; i < COUNT_OF(cases) && strcmp(cases[i].name, model_at(k)->name) != 0; i++)
            ;
        CHECK(!model_at(k)->network || i < COUNT_OF(cases), "%s has no row", model_at(k)->name);
    }
    CHECK(mem_live() == 0, "%ld blocks leaked", mem_live());
    return CHECK_DONE();
}
