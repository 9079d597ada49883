// test_allocations.c - after warm-up nothing is allocated in a step of training, nor between steps.
//
// Histories differ in length and steps in their users, so that what a step takes is never quite the
// same; what is needed must have settled after a few epochs.
#include "tests/model_check.h"

enum { EPOCHS = 9, WARM = 5 }; // epochs; of these, those of which nothing is asked

// Blocks taken from the allocator by the end of every step.
typedef struct counter {
    long at[4096];
    size_t steps;
} counter;

static int count_step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    counter *c = ctx;
    (void)what, (void)done, (void)total;
    if (c->steps < COUNT_OF(c->at)) c->at[c->steps++] = mem_count();
    return 0;
}

static void make_log(structured_log *s)
{
    structured_log_make(s);
    s->tiny.view.events = 0;
    for (uint32_t u = 0; u < CHECK_USERS; u++) {
        rng r = rng_at(6, u, 0);
        s->end[u] = s->tiny.view.begin[u] + 2 + rng_below(&r, CHECK_EVENTS - 2);
        s->tiny.view.events += s->end[u] - s->tiny.view.begin[u];
    }
}

static void check_training(const char *name, const char *more, int threads)
{
    static structured_log log;
    static counter c;
    char options[256];
    fitted f = { 0 };
    run r = { .hooks = { .progress = count_step, .ctx = &c } };
    make_log(&log);
    snprintf(options, sizeof options, "epochs=%d dim=8 max-len=11 patience=0 %s", EPOCHS, more);
    CHECK_OK(pool_new(&r.pool, threads, err));
    c.steps = 0;
    CHECK_OK(fit_status(&f, name, options, &log.tiny.view, &r, err));
    const size_t warm = c.steps * WARM / EPOCHS;
    CHECK(c.steps >= 2 * EPOCHS && c.steps < COUNT_OF(c.at), "%s: %zu steps", name, c.steps);
    for (size_t i = warm; i < c.steps; i++)
        CHECK(c.at[i] == c.at[i - 1], "%s %s, %d threads: %ld blocks in step %zu of %zu", name,
              more, threads, c.at[i] - c.at[i - 1], i, c.steps);
    fitted_free(&f);
    pool_free(r.pool);
}

// Every network, as it comes.
static void check_all(void)
{
    const model_class *c;
    for (size_t i = 0; (c = model_at(i)) != NULL; i++) {
        if (!c->network) continue;
        for (int threads = 1; threads <= 2; threads++) {
            check_training(c->name, "batch=32", threads);
            check_training(c->name, "batch=140 shards=2", threads);
        }
    }
}

int main(void)
{
    static const char *const settings[][2] = {
        { "sasrec", "batch=32 loss=sampled negatives=20" },
        { "sasrec", "batch=32 loss=sampled negatives=20 negatives-of=sequence" },
        { "sasrec", "batch=32 loss=sampled negatives=20 negatives-of=target" },
        { "sasrec", "batch=32 loss=sampled negatives=20 sampler=popularity logq=yes" },
        { "sasrec", "batch=32 loss=sampled negatives=20 sampler=mixed logq=yes" },
        { "sasrec", "batch=32 loss=sampled negatives=20 cosine=yes temperature=0.1" },
        { "sasrec", "batch=32 loss=bce negatives=1" },
        { "sasrec", "batch=32 loss=gbce negatives=20 gbce-t=0.75" },
        { "sasrec", "batch=32 loss=bce negatives=1 lazy=no" },
        { "sasrec", "batch=32 loss=bce negatives=1 clip=1 optimiser=adamw weight-decay=0.01" },
        { "sasrec", "batch=32 loss=bpr negatives=2 optimiser=adagrad" },
        { "sasrec", "batch=32 optimiser=sgd momentum=0.9" },
        { "sasrec", "batch=32 windows=sliding" },
        { "sasrec", "batch=32 augment=crop,mask,reorder" },
        { "sasrec", "batch=32 inputs=behaviour,value,time-gap,item:circle" },
        { "gru4rec", "batch=32 loss=bpr-max negatives=20" },
        { "gru4rec", "batch=32 loss=top1-max negatives=20 tied=no dropout-hidden=0.2" },
        { "gru4rec", "mode=session batch=32 dim=8 negatives=20" },
        { "gru4rec", "mode=session batch=32 dim=8 loss=bpr-max negatives=20" },
        { "rnn", "batch=32 loss=top1 negatives=20" },
    };
    check_all();
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        for (int threads = 1; threads <= 2; threads++)
            check_training(settings[i][0], settings[i][1], threads);
    return CHECK_DONE();
}
