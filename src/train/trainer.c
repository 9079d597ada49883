// trainer.c - the epochs of a network.
#include "train/trainer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "kernels/cpu.h"
#include "train/checkpoint.h"
#include "train/schedule.h"
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct trainer {
    const training_plan *plan;
    const run *run;
    network *net;
    batches *batches;
    negatives *negatives;
    optimiser *optimiser;
    stepper *stepper;
    schedule schedule;
    float **best;       // [parameters] of the best epoch; NULL where it was not kept
    epoch_note *epochs; // [options.epochs] those that are over
    progress at;
    double saved; // wall time of the last checkpoint
} trainer;

// --- making -----------------------------------------------------------------------------------------

static optimiser_options optimiser_of(const network_options *o)
{
    static const char *const known[] = { "adam", "adamw", "adagrad", "sgd" };
    size_t kind = 0;
    while (strcmp(known[kind], o->optimiser) != 0) kind++;
    const bool adam = kind == OPTIMISER_ADAM || kind == OPTIMISER_ADAMW;
    return (optimiser_options){ .kind = (optimiser_kind)kind,
                                .beta1 = adam ? o->beta1 : o->momentum,
                                .beta2 = o->beta2,
                                .eps = kind == OPTIMISER_ADAGRAD ? 1e-6 : 1e-8, // as GRU4Rec's code
                                .weight_decay = o->weight_decay,
                                .clip = o->clip,
                                .dense = !o->lazy };
}

static schedule schedule_of(const network_options *o, size_t steps)
{
    static const char *const known[] = { "constant", "cosine", "step", "linear" };
    size_t kind = 0;
    while (strcmp(known[kind], o->schedule) != 0) kind++;
    const uint64_t all = (uint64_t)o->epochs * steps;
    return (schedule){ .kind = (schedule_kind)kind,
                       .lr = o->lr,
                       .end = o->lr_end,
                       .warmup = (uint64_t)(o->warmup * (double)steps),
                       .steps = all,
                       .every = all / 10 ? all / 10 : 1 };
}

static habit_status make_best(trainer *t, habit_error *err)
{
    const store *s = t->net->params;
    t->best = ZNEW(float *, store_count(s));
    if (!t->best) return fail_memory(err, "best parameters", store_count(s));
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        t->best[i] = NEW(float, p->rows * p->cols);
        if (!t->best[i]) return fail_memory(err, "best parameters", p->rows * p->cols * 4);
    }
    return HABIT_OK;
}

static habit_status check_precision(const network_options *o, habit_error *err)
{
    if (strcmp(o->precision, "bf16") != 0) return HABIT_OK;
    if (!(cpu_features() & CPU_BF16))
        return fail(err, HABIT_EINVAL,
                    "--precision bf16: this CPU has no bf16 products (it lacks AVX512_BF16); leave "
                    "it out to learn in f32");
    return fail(err, HABIT_EINVAL,
                "--precision bf16: this build has no kernels for it; leave it out");
}

static habit_status make(trainer *t, const model_class *c, const void *options, const log_view *log,
                         habit_error *err)
{
    const network_options *o = options;
    const uint64_t seed = t->run ? t->run->seed : 0;
    TRY(check_precision(o, err));
    TRY(network_new(&t->net, c, options, log, TENSOR_F32, seed, err));
    t->net->base.users = log->users;
    const batch_plan plan = { .max_len = o->max_len,
                              .users = o->batch,
                              .seed = seed,
                              .sliding = strcmp(o->windows, "sliding") == 0,
                              .sessions = network_carries(t->net) > 0 };
    TRY(batches_new(&t->batches, log, &plan, err));
    const bool learns = batches_targets(t->batches) > 0;
    if (learns && network_negatives(t->net)) {
        const bool popular = strcmp(o->sampler, "uniform") != 0;
        const bool uniform = strcmp(o->sampler, "popularity") != 0; // both: mixed
        // gSASRec's code draws from all items, SASRec's from those the user has not had
        const negatives_plan draw = { .uniform = uniform,
                                      .popular = popular,
                                      .power = o->sampler_power,
                                      .avoid =
                                          t->net->loss == LOSS_BCE || t->net->loss == LOSS_BPR };
        TRY(negatives_new(&t->negatives, log, &draw, err));
    }
    const optimiser_options oo = optimiser_of(o);
    TRY(optimiser_new(&t->optimiser, t->net->params, &oo, err));
    TRY(stepper_new(&t->stepper, t->net, t->batches, t->negatives, t->optimiser, t->run, err));
    t->schedule = schedule_of(o, batches_steps(t->batches));
    t->epochs = ZNEW(epoch_note, (size_t)o->epochs);
    if (!t->epochs) return fail_memory(err, "epochs", (size_t)o->epochs * sizeof *t->epochs);
    if (t->plan->validate) TRY(make_best(t, err));
    t->at = (progress){ .best = NAN, .fingerprint = t->plan->fingerprint };
    return HABIT_OK;
}

// All but the network.
static void trainer_close(trainer *t)
{
    for (size_t i = 0; t->best && t->net && i < store_count(t->net->params); i++)
        mem_free(t->best[i]);
    mem_free(t->best);
    mem_free(t->epochs);
    stepper_free(t->stepper);
    optimiser_free(t->optimiser);
    negatives_free(t->negatives);
    batches_free(t->batches);
}

// --- checkpoints ------------------------------------------------------------------------------------

static checkpoint state_of(trainer *t)
{
    return (checkpoint){ .params = t->net->params,
                         .best = t->best,
                         .optimiser = t->optimiser,
                         .progress = &t->at,
                         .epochs = t->epochs,
                         .epochs_cap = (size_t)t->net->options.epochs,
                         .carried = stepper_carry(t->stepper),
                         .carried_count = stepper_carried(t->stepper) };
}

static habit_status save(trainer *t, habit_error *err)
{
    if (!t->plan->checkpoint) return HABIT_OK;
    t->saved = clock_wall();
    const checkpoint c = state_of(t);
    return checkpoint_write(t->plan->checkpoint, &c, err);
}

static habit_status load(trainer *t, habit_error *err)
{
    const training_plan *plan = t->plan;
    if (!plan->resume || !plan->checkpoint || !checkpoint_exists(plan->checkpoint)) return HABIT_OK;
    checkpoint c = state_of(t);
    TRY(checkpoint_read(plan->checkpoint, &c, err));
    if (t->at.fingerprint != plan->fingerprint)
        return fail(err, HABIT_EINVAL,
                    "%s belongs to a training with other data or options; remove it or give those",
                    plan->checkpoint);
    for (uint64_t e = 0; e < t->at.epoch; e++) {
        epoch_note *note = &t->epochs[e];
        note->epochs = t->net->options.epochs;
        note->metric = isnan(note->valid) ? NULL : plan->metric;
        run_epoch(t->run, t->net->base.class->name, note);
    }
    run_log(t->run, LOG_NOTE, "going on at epoch %llu, step %llu",
            (unsigned long long)t->at.epoch + 1, (unsigned long long)t->at.step + 1);
    return HABIT_OK;
}

// --- epochs -----------------------------------------------------------------------------------------

static void keep_best(trainer *t, double value)
{
    const store *s = t->net->params;
    t->at.best = value;
    t->at.best_epoch = t->at.epoch + 1;
    t->at.stale = 0;
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        memcpy(t->best[i], p->data, p->rows * p->cols * sizeof(float));
    }
}

static habit_status validate(trainer *t, epoch_note *note, habit_error *err)
{
    const training_plan *plan = t->plan;
    const uint64_t every = (uint64_t)t->net->options.valid_every;
    const bool last = t->at.epoch + 1 == (uint64_t)t->net->options.epochs;
    if (!plan->validate || ((t->at.epoch + 1) % every && !last)) return HABIT_OK;
    double value = NAN;
    TRY(network_settle(t->net, err));
    TRY(plan->validate(plan->validate_ctx, &value, &t->net->base, err));
    const bool better = t->at.best_epoch == 0 || isnan(t->at.best) ||
                        (plan->lower_is_better ? value < t->at.best : value > t->at.best);
    if (better)
        keep_best(t, value);
    else
        t->at.stale++;
    note->metric = plan->metric;
    note->valid = value;
    note->best = better;
    return HABIT_OK;
}

// A stop on request keeps the place; any other status is passed on.  In the middle of a validation
// all steps of the epoch are behind: going on begins with that validation.
static habit_status stopped(trainer *t, habit_status st, habit_error *err)
{
    if (st != HABIT_ESTOPPED || !t->plan->checkpoint) return st;
    TRY(save(t, err));
    return fail(err, st, "stopped on request in epoch %llu; --resume goes on from %s",
                (unsigned long long)t->at.epoch + 1, t->plan->checkpoint);
}

// In events, and the mean loss of the epoch so far.
static habit_status tell_progress(const trainer *t, habit_error *err)
{
    const double each = (double)batches_targets(t->batches);
    char what[64];
    snprintf(what, sizeof what, "%s, loss %.4f", t->net->base.class->name,
             t->at.loss / t->at.targets);
    return run_progress(t->run, what, (uint64_t)((double)t->at.epoch * each + t->at.targets),
                        (uint64_t)((double)t->net->options.epochs * each), err);
}

// The rest of the present epoch, from the present step.
static habit_status run_epoch_steps(trainer *t, habit_error *err)
{
    const size_t steps = batches_steps(t->batches);
    batches_shuffle(t->batches, t->at.epoch);
    double began = clock_wall();
    while (t->at.step < steps) {
        double loss = 0;
        uint64_t targets = 0;
        TRY(stepper_run(t->stepper, (size_t)t->at.step, t->at.steps,
                        schedule_at(&t->schedule, t->at.steps), &loss, &targets, err));
        t->at.loss += loss;
        t->at.targets += (double)targets;
        t->at.step++;
        t->at.steps++;
        const double now = clock_wall();
        t->at.seconds += now - began;
        began = now;
        const habit_status st = tell_progress(t, err);
        if (st != HABIT_OK) return stopped(t, st, err);
    }
    return HABIT_OK;
}

static habit_status run_epochs(trainer *t, habit_error *err)
{
    enum { SAVE_SECONDS = 60 };
    const network_options *o = &t->net->options;
    const char *name = t->net->base.class->name;
    t->saved = clock_wall();
    if (batches_targets(t->batches) == 0) {
        run_log(t->run, LOG_WARN, "%s: no user has two events: nothing to learn from", name);
        return HABIT_OK;
    }
    while (t->at.epoch < (uint64_t)o->epochs &&
           !(o->patience && t->at.stale >= (uint64_t)o->patience)) {
        TRY(run_epoch_steps(t, err));
        epoch_note note = { .epoch = (int)t->at.epoch + 1,
                            .epochs = o->epochs,
                            .loss = t->at.loss / t->at.targets,
                            .targets = (uint64_t)t->at.targets,
                            .seconds = t->at.seconds };
        const habit_status st = validate(t, &note, err);
        if (st != HABIT_OK) return stopped(t, st, err);
        run_epoch(t->run, name, &note);
        t->epochs[t->at.epoch++] = note;
        t->at.step = 0;
        t->at.loss = t->at.targets = t->at.seconds = 0;
        if (clock_wall() - t->saved > SAVE_SECONDS) TRY(save(t, err));
    }
    return HABIT_OK;
}

static void restore_best(trainer *t)
{
    const store *s = t->net->params;
    if (!t->at.best_epoch) return;
    for (size_t i = 0; i < store_count(s); i++) {
        const param *p = store_at(s, i);
        memcpy(p->data, t->best[i], p->rows * p->cols * sizeof(float));
    }
    run_log(t->run, LOG_NOTE, "%s: best epoch %llu, %s %.4f on validation",
            t->net->base.class->name, (unsigned long long)t->at.best_epoch, t->plan->metric,
            t->at.best);
}

habit_status trainer_fit(model **out, const model_class *c, const void *options,
                         const log_view *log, const training_plan *plan, const run *r,
                         habit_error *err)
{
    trainer t = { .plan = plan, .run = r };
    habit_status st = make(&t, c, options, log, err);
    if (st == HABIT_OK) st = load(&t, err);
    if (st == HABIT_OK) st = run_epochs(&t, err);
    if (st == HABIT_OK) {
        restore_best(&t);
        st = network_settle(t.net, err);
    }
    if (st == HABIT_OK) {
        *out = &t.net->base;
        if (plan->checkpoint) checkpoint_remove(plan->checkpoint);
    }
    trainer_close(&t);
    if (st != HABIT_OK && t.net) model_free(&t.net->base);
    return st;
}
