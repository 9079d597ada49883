// train.c - habit_train(): a log and a model's name -> a model folder.
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/import.h"
#include "lib/fit.h"
#include "base/json.h"
#include "lib/model_folder.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Everything one training owns.
typedef struct job {
    run run;
    dataset *data;
    split *split;
    opt_values defaults, evaluation; // of the model, when nobody set its options; of evaluate
    const opt_values *values;        // of the model
    const model_class *class;
    model *model;
    json_t *metrics;
    FILE *log;     // of --log, or NULL
    int log_error; // errno of a write to it that failed
    buffer curve;  // its lines
    int epochs;
    double epoch_seconds; // of all
} job;

static void job_close(job *j)
{
    if (j->log) fclose(j->log);
    buffer_free(&j->curve);
    json_decref(j->metrics);
    model_free(j->model);
    opt_values_free(&j->evaluation);
    opt_values_free(&j->defaults);
    split_free(j->split);
    dataset_close(j->data);
    run_close(&j->run);
}

// A line of JSON for each pass over the log: kept for the model's folder, and written at once to
// the file of --log, which people follow.
static void write_epoch(void *ctx, const epoch_note *e)
{
    job *j = ctx;
    const size_t from = j->curve.len;
    j->epochs++;
    j->epoch_seconds += e->seconds;
    buffer_format(&j->curve, "{\"epoch\":%d,", e->epoch);
    if (isfinite(e->loss)) buffer_format(&j->curve, "\"loss\":%.9g,", e->loss); // no NaN in JSON
    buffer_format(&j->curve, "\"targets\":%llu,\"seconds\":%.6f,\"targets_per_second\":%.9g",
                  (unsigned long long)e->targets, e->seconds,
                  (double)e->targets / (e->seconds > 0 ? e->seconds : 1e-9));
    if (e->metric && isfinite(e->valid))
        buffer_format(&j->curve, ",\"valid\":{\"%s\":%.9g}", e->metric, e->valid);
    buffer_text(&j->curve, "}\n");
    if (!j->log || e->again || j->curve.failed) return;
    fwrite(j->curve.data + from, 1, j->curve.len - from, j->log);
    if (fflush(j->log) != 0) j->log_error = errno;
}

static habit_status open_log(job *j, const char *path, bool go_on, habit_error *err)
{
    j->run.epoch = write_epoch;
    j->run.epoch_ctx = j;
    if (!path) return HABIT_OK;
    j->log = fopen(path, go_on ? "a" : "w");
    return j->log ? HABIT_OK : fail_io(err, "write", path);
}

static habit_status close_log(job *j, const char *path, habit_error *err)
{
    FILE *log = j->log;
    j->log = NULL;
    if (!log) return HABIT_OK;
    const bool bad = ferror(log) != 0;
    if (fclose(log) != 0) return fail_io(err, "write", path);
    errno = j->log_error;
    return bad ? fail_io(err, "write", path) : HABIT_OK;
}

// Hours of training are not to end in "cannot write": says so before.
static habit_status check_target(const char *out, habit_error *err)
{
    folder_writer w;
    if (!folder_replaceable(out, MODEL_MARKER))
        return fail(err, HABIT_EIO, "%s exists and is not a model folder: not replaced", out);
    TRY(folder_create(&w, out, err));
    folder_abandon(&w);
    return HABIT_OK;
}

static habit_status choose_model(job *j, const habit_options *options, const char *name,
                                 habit_error *err)
{
    j->class = options->class;
    j->values = options_values_of_model(options);
    if (!name || (j->class && strcmp(j->class->name, name) == 0)) {
        if (j->class) return HABIT_OK;
        return fail(err, HABIT_EINVAL, "which model? `habit models` lists them");
    }
    if (j->class)
        return fail(err, HABIT_EINVAL, "options of '%s' given to train '%s'", j->class->name, name);
    j->class = model_find(name);
    if (!j->class || (!j->class->fit && !j->class->network))
        return fail(err, HABIT_EINVAL, "no model '%s'; `habit models` lists them", name);
    j->values = &j->defaults;
    return opt_values_init(&j->defaults, j->class->table, j->class->options_size, err);
}

// A checkpoint belongs to data, split, model, options and seed: their fingerprint tells it from others.
static habit_status fingerprint_of(const job *j, uint64_t *out, habit_error *err)
{
    char *text = NULL;
    TRY(json_hand_over(&text, json_of_options(j->values, false), err));
    uint64_t h = rng_mix(split_fingerprint(j->split) + j->run.seed);
    for (const char *c = text; *c; c++) h = rng_mix(h + (unsigned char)*c);
    h = rng_mix(h + (uint64_t)j->class->version);
    for (const char *c = j->class->name; *c; c++) h = rng_mix(h + (unsigned char)*c);
    mem_free(text);
    *out = h;
    return HABIT_OK;
}

static habit_status fit(job *j, const habit_options *options, const char *out, double *seconds,
                        habit_error *err)
{
    const train_options *o = options_of(options, train_table);
    const log_view log = split_train(j->split);
    char checkpoint[4096];
    fit_plan plan = { .split = j->split, .metric = o->valid_metric, .resume = o->resume };
    if (snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", out) < (int)sizeof checkpoint)
        plan.checkpoint = checkpoint;
    TRY(fingerprint_of(j, &plan.fingerprint, err));
    TRY(opt_values_init(&j->evaluation, evaluate_table, sizeof(evaluate_options), err));
    plan.evaluation = j->evaluation.values;
    TRY(open_log(j, o->log, o->resume, err));
    TRY(fit_model(&j->model, j->class, j->values->values, &log, &plan, &j->run, seconds, err));
    return close_log(j, o->log, err);
}

static habit_status fit_and_measure(job *j, const habit_options *options, const char *out,
                                    habit_error *err)
{
    const train_options *o = options_of(options, train_table);
    const log_view log = split_train(j->split);
    double seconds = 0, value = 0;
    run_log(&j->run, LOG_NOTE, "%s", split_describe(j->split));
    run_log(&j->run, LOG_NOTE, "fitting %s to %llu events of %u users and %u items", j->class->name,
            (unsigned long long)log.events, log.users, log.items);
    TRY(fit(j, options, out, &seconds, err));
    j->metrics = json_pack("{s:f, s:I, s:I}", "seconds", seconds, "events", (json_int_t)log.events,
                           "peak_bytes", (json_int_t)memory_peak());
    if (!j->metrics) return fail_memory(err, "metrics", 0);
    if (j->epochs)
        json_object_update_new(j->metrics,
                               json_pack("{s:i, s:f}", "epochs", j->epochs, "epoch_seconds",
                                         j->epoch_seconds / j->epochs));
    if (!o->valid_metric) return HABIT_OK; // a network has told its own per epoch
    if (split_targets(j->split, STAGE_VALID).events == 0) {
        run_log(&j->run, LOG_WARN, "--valid-metric: protocol %s has no validation events",
                split_protocol(j->split));
        return HABIT_OK;
    }
    TRY(fit_validate(&value, j->model, j->split, o->valid_metric, j->evaluation.values, &j->run,
                     err));
    json_object_set_new(j->metrics, "valid", json_pack("{s:f}", o->valid_metric, value));
    return HABIT_OK;
}

static json_t *report_of(const job *j, const char *out)
{
    json_t *r = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "model", j->class->name, "out",
                          out, "protocol", split_protocol(j->split), "describe",
                          split_describe(j->split), "users", (json_int_t)j->data->users, "items",
                          (json_int_t)j->data->items, "events", (json_int_t)j->data->events);
    json_t *trained = json_object_get(j->metrics, "events");
    json_object_set(r, "trained_on", trained);
    json_object_set(r, "seconds", json_object_get(j->metrics, "seconds"));
    json_object_set(r, "epochs", json_object_get(j->metrics, "epochs"));
    json_object_set(r, "epoch_seconds", json_object_get(j->metrics, "epoch_seconds"));
    json_object_set(r, "valid", json_object_get(j->metrics, "valid"));
    return r;
}

static habit_status train_job(job *j, const habit_options *options, const char *data,
                              const char *out, habit_error *err)
{
    TRY(check_target(out, err));
    TRY(data_open(&j->data, data, options_of(options, import_table), &j->run, err));
    TRY(split_make(&j->split, j->data, NULL, false, options_of(options, split_table), &j->run,
                   err));
    TRY(fit_and_measure(j, options, out, err));
    const training t = { .model = j->model,
                         .options = j->values,
                         .import = &options_slot(options, import_table)->values,
                         .protocol = &options_slot(options, split_table)->values,
                         .data = j->data,
                         .data_name = data,
                         .split = j->split,
                         .seed = j->run.seed,
                         .curve = &j->curve,
                         .metrics = j->metrics };
    return model_folder_write(out, &t, err);
}

habit_status habit_train(const habit_options *options, const char *data, const char *name,
                         const char *out, char **report, habit_error *err)
{
    TRY(options_expect(options, "train", err));
    job j = { 0 };
    habit_status st = run_open(&j.run, options, err);
    if (st == HABIT_OK) st = choose_model(&j, options, name, err);
    if (st == HABIT_OK) st = train_job(&j, options, data, out, err);
    if (st == HABIT_OK) st = json_hand_over(report, report_of(&j, out), err);
    job_close(&j);
    return st;
}
