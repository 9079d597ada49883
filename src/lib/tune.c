// tune.c - habit_tune(): the best point of a space, by a metric on validation events alone.
//
// Each trial fits on the train part and is measured on the validation part; the test part is never
// looked at.  The journal has one line of JSON per finished trial, written and synced before the
// next begins; a search that finds its trials there does not run them again.
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/import.h"
#include "lib/fit.h"
#include "base/json.h"
#include "lib/parzen.h"
#include "lib/run_setup.h"
#include "lib/space.h"
#include "lib/tables.h"
#include "lib/tune_plots.h"
#include "models/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct search {
    run run;
    const tune_options *own;
    const evaluate_options *evaluation;
    const model_class *class;
    const char *metric;     // of --valid-metric, or that of the task
    opt_values base, trial; // as the command line says; of the present point
    space space;
    dataset *data;
    split *split;
    json_t *known;       // lines of the journal that belong to this search: options -> line
    json_t *rows;        // of the report
    parzen_trial *tried; // [trials]
    FILE *journal;
} search;

static void search_close(search *s)
{
    if (s->journal) fclose(s->journal);
    mem_free(s->tried);
    json_decref(s->rows);
    json_decref(s->known);
    opt_values_free(&s->trial);
    opt_values_free(&s->base);
    space_free(&s->space);
    split_free(s->split);
    dataset_close(s->data);
    run_close(&s->run);
}

// --- journal -------------------------------------------------------------------------------------

// A trial that diverged has no value: null, which is never the best.
static json_t *json_of_value(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static double value_of(const json_t *row, const char *name)
{
    const json_t *v = json_object_get(row, name);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

// What a trial depends on beside its options.
static json_t *identity_of(const search *s)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:I}", "model", s->class->name, "metric", s->metric,
                     "data", json_fingerprint(s->data->fingerprint), "split",
                     json_fingerprint(split_fingerprint(s->split)), "seed",
                     (json_int_t)s->run.seed);
}

// All options of the present trial as one sorted text: the key of a trial.
static char *trial_key(const opt_values *v)
{
    json_t *o = json_of_options(v, false);
    char *text = NULL;
    if (o && json_hand_over(&text, json_incref(o), NULL) != HABIT_OK) text = NULL;
    json_decref(o);
    return text;
}

static habit_status remember(search *s, json_t *line, habit_error *err)
{
    char *key = NULL;
    TRY(json_hand_over(&key, json_incref(json_object_get(line, "options")), err));
    const int failed = json_object_set(s->known, key, line);
    mem_free(key);
    return failed ? fail_memory(err, "journal", 0) : HABIT_OK;
}

static habit_status read_journal(search *s, habit_error *err)
{
    char *text;
    size_t len;
    if (!file_exists(s->own->journal)) return HABIT_OK;
    TRY(file_read(&text, &len, s->own->journal, (size_t)1 << 30, err));
    json_t *mine = identity_of(s);
    habit_status st = mine ? HABIT_OK : fail_memory(err, "journal", len);
    size_t number = 0, found = 0;
    for (char *line = text, *end; st == HABIT_OK && (end = strchr(line, '\n')); line = end + 1) {
        number++;
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (!json_object_get(object, "value")) {
            st = fail(err, HABIT_EFORMAT, "%s:%zu: not a trial; name another file or remove it",
                      s->own->journal, number);
        } else if (json_equal(json_object_get(object, "search"), mine)) {
            st = remember(s, object, err);
            found++;
        }
        json_decref(object);
    }
    json_decref(mine);
    mem_free(text);
    if (st == HABIT_OK && number)
        run_log(&s->run, LOG_NOTE, "%s: %zu of %zu trials belong to this search", s->own->journal,
                found, number);
    return st;
}

// A half-written last line, of a process that was killed, is cut off before new ones are added.
static habit_status open_journal(search *s, habit_error *err)
{
    const char *path = s->own->journal;
    if (!path) return HABIT_OK;
    TRY(read_journal(s, err));
    s->journal = fopen(path, "ab+e");
    if (!s->journal) return fail_io(err, "open", path);
    long end = 0;
    if (fseek(s->journal, 0, SEEK_END) != 0 || (end = ftell(s->journal)) < 0)
        return fail_io(err, "open", path);
    long keep = end;
    while (keep > 0) {
        fseek(s->journal, keep - 1, SEEK_SET);
        if (fgetc(s->journal) == '\n') break;
        keep--;
    }
    if (keep < end && ftruncate(fileno(s->journal), keep) != 0) return fail_io(err, "mend", path);
    fseek(s->journal, 0, SEEK_END);
    return HABIT_OK;
}

static habit_status write_line(search *s, json_t *line, habit_error *err)
{
    char *text = NULL;
    if (!s->journal) return HABIT_OK;
    TRY(json_hand_over(&text, json_incref(line), err));
    const bool ok = fprintf(s->journal, "%s\n", text) > 0 && fflush(s->journal) == 0 &&
                    fsync(fileno(s->journal)) == 0;
    mem_free(text);
    return ok ? HABIT_OK : fail_io(err, "write", s->own->journal);
}

// --- trials --------------------------------------------------------------------------------------

static habit_status run_trial(search *s, double *value, double *seconds, habit_error *err)
{
    const log_view log = split_train(s->split);
    const double began = clock_wall();
    model *m = NULL;
    const fit_plan plan = { .split = s->split, .metric = s->metric, .evaluation = s->evaluation };
    TRY(fit_model(&m, s->class, s->trial.values, &log, &plan, &s->run, NULL, err));
    const habit_status st =
        fit_validate(value, m, s->split, s->metric, s->evaluation, &s->run, err);
    model_free(m);
    *seconds = clock_wall() - began;
    return st;
}

// A row of the table: the values of the axes, then the metric.
static habit_status add_row(search *s, size_t number, double value, double seconds, bool again,
                            habit_error *err)
{
    json_t *row = json_pack("{s:I}", "trial", (json_int_t)number);
    for (size_t a = 0; row && a < s->space.axes; a++)
        json_object_set_new(row, s->space.axis[a].name,
                            json_string(s->trial.text[s->space.axis[a].row]));
    json_object_set_new(row, s->metric, json_of_value(value));
    json_object_set_new(row, "seconds", json_real(seconds));
    json_object_set_new(row, "from_journal", json_boolean(again));
    if (!row || json_array_append_new(s->rows, row) != 0) return fail_memory(err, "report", 0);
    return HABIT_OK;
}

static habit_status one_trial(search *s, size_t number, double *result, habit_error *err)
{
    char *key = trial_key(&s->trial);
    if (!key) return fail_memory(err, "trial", 0);
    json_t *line = json_object_get(s->known, key);
    mem_free(key);
    double value = 0, seconds = 0;
    if (line) {
        value = value_of(line, "value");
        seconds = json_number_value(json_object_get(line, "seconds"));
        *result = value;
        return add_row(s, number, value, seconds, true, err);
    }
    const habit_status fitted = run_trial(s, &value, &seconds, err);
    if (fitted == HABIT_EDIVERGED) { // a bad point of the space, not the end of the search
        run_log(&s->run, LOG_WARN, "trial %zu diverged", number);
        value = NAN;
    } else if (fitted != HABIT_OK) {
        return fitted;
    }
    *result = value;
    line = json_pack("{s:o, s:o, s:o, s:f}", "search", identity_of(s), "options",
                     json_of_options(&s->trial, false), "value", json_of_value(value), "seconds",
                     seconds);
    if (!line) return fail_memory(err, "trial", 0);
    habit_status st = write_line(s, line, err);
    json_decref(line);
    if (st == HABIT_OK) st = add_row(s, number, value, seconds, false, err);
    run_log(&s->run, LOG_NOTE, "trial %zu: %s %.5f in %.1f s", number, s->metric, value, seconds);
    return st;
}

static habit_status all_trials(search *s, habit_error *err)
{
    const bool some = s->own->trials > 0 && (uint64_t)s->own->trials < s->space.points;
    const bool learns = some && strcmp(s->own->how, "tpe") == 0;
    const double sign = evaluate_lower_is_better(s->metric) ? -1 : 1;
    const uint64_t n = some ? (uint64_t)s->own->trials : s->space.points;
    if (n > 100000)
        return fail(err, HABIT_ELIMIT, "%llu points are too many: choose some with --trials N",
                    (unsigned long long)n);
    s->tried = ZNEW(parzen_trial, n);
    if (!s->tried) return fail_memory(err, "search", n * sizeof *s->tried);
    for (uint64_t k = 0; k < n; k++) {
        double value = NAN;
        uint64_t point = space_visit(&s->space, k, some, s->run.seed);
        TRY(run_progress(&s->run, "searching", k, n, err));
        if (learns) TRY(parzen_next(&point, &s->space, s->tried, (size_t)k, s->run.seed, err));
        TRY(space_apply(&s->space, point, &s->trial, err));
        TRY(one_trial(s, (size_t)k + 1, &value, err));
        s->tried[k] = (parzen_trial){ point, sign * value };
    }
    return HABIT_OK;
}

// --- the best ------------------------------------------------------------------------------------

typedef struct place {
    double value; // -INFINITY where the trial diverged
    size_t row;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

// The rows, best first; of equals the earlier trial.
static json_t *sorted_rows(const search *s)
{
    const double sign = evaluate_lower_is_better(s->metric) ? -1 : 1;
    const size_t n = json_array_size(s->rows);
    place *order = NEW(place, n);
    json_t *sorted = json_array();
    for (size_t i = 0; order && i < n; i++) {
        const double v = value_of(json_array_get(s->rows, i), s->metric);
        order[i] = (place){ isfinite(v) ? sign * v : (double)-INFINITY, i };
    }
    if (order) qsort(order, n, sizeof *order, compare_places);
    for (size_t i = 0; order && i < n; i++)
        json_array_append(sorted, json_array_get(s->rows, order[i].row));
    mem_free(order);
    if (json_array_size(sorted) == n) return sorted;
    json_decref(sorted);
    return NULL;
}

static habit_status draw(json_t *files, const search *s, habit_error *err)
{
    const tune_picture p = { .rows = s->rows,
                             .space = &s->space,
                             .metric = s->metric,
                             .lower_is_better = evaluate_lower_is_better(s->metric),
                             .folder = s->own->plots };
    return p.folder ? tune_draw(files, &p, &s->run, err) : HABIT_OK;
}

// `name: value` lines, which --config reads; text in quotes, as YAML would otherwise guess.
static habit_status write_best(const search *s, const json_t *row, habit_error *err)
{
    buffer b = { 0 };
    buffer_format(&b, "# %s %.5f on validation\nmodel: %s\n", s->metric, value_of(row, s->metric),
                  s->class->name);
    for (size_t i = 0; i < s->trial.rows; i++)
        if (s->trial.given[i]) {
            buffer_format(&b, "%s: ", s->trial.table[i].name);
            buffer_text(&b, "'");
            for (const char *c = s->trial.text[i]; *c; c++)
                buffer_add(&b, *c == '\'' ? "''" : c, *c == '\'' ? 2 : 1);
            buffer_text(&b, "'\n");
        }
    habit_status st = buffer_check(&b, err);
    if (st == HABIT_OK) st = file_write(s->own->best, b.data, b.len, err);
    buffer_free(&b);
    return st;
}

// The options of the best trial, and those alone that were searched.
static habit_status take_best(search *s, json_t *row, habit_error *err)
{
    if (!row || !isfinite(value_of(row, s->metric)))
        return fail(err, HABIT_EDIVERGED,
                    "every trial diverged: no point of the space is any good");
    for (size_t a = 0; a < s->space.axes; a++) {
        const space_axis *axis = &s->space.axis[a];
        s->trial.given[axis->row] = false;
        TRY(opt_set(&s->trial, axis->row, json_string_value(json_object_get(row, axis->name)),
                    err));
    }
    return s->own->best ? write_best(s, row, err) : HABIT_OK;
}

static habit_status conclude(search *s, char **report, habit_error *err)
{
    json_t *files = json_array(), *rows = sorted_rows(s), *best = json_array_get(rows, 0);
    habit_status st = files && rows ? HABIT_OK : fail_memory(err, "report", 0);
    if (st == HABIT_OK) st = draw(files, s, err);
    if (st == HABIT_OK) st = take_best(s, best, err);
    if (st == HABIT_OK) {
        json_t *r =
            json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:O, s:O, s:o, s:O}", "model", s->class->name,
                      "metric", s->metric, "protocol", split_protocol(s->split), "describe",
                      split_describe(s->split), "trials", (json_int_t)json_array_size(rows),
                      "points", (json_int_t)s->space.points, "rows", rows, "best", best, "options",
                      json_of_options(&s->trial, false), "files", files);
        st = json_hand_over(report, r, err);
    }
    json_decref(files);
    json_decref(rows);
    return st;
}

// --- the call --------------------------------------------------------------------------------------

// What is made as good as possible where nobody has said what: trials must share it.
static habit_status choose_metric(search *s, habit_error *err)
{
    s->metric = s->own->metric;
    if (s->metric) return HABIT_OK;
    for (size_t a = 0; a < s->space.axes; a++)
        if (strcmp(s->space.axis[a].name, "task") == 0)
            return fail(
                err, HABIT_EINVAL,
                "tasks have metrics of their own: --valid-metric must say by which one they "
                "are compared");
    s->metric = s->class->network                  ? network_metric(s->base.values)
                : s->class->needs & PREDICTS_VALUE ? "RMSE"
                                                   : "NDCG@10";
    return HABIT_OK;
}

static habit_status copy_values(opt_values *out, const opt_values *from, size_t size,
                                habit_error *err)
{
    TRY(opt_values_init(out, from->table, size, err));
    for (size_t i = 0; i < from->rows; i++)
        if (from->given[i]) TRY(opt_set(out, (int)i, from->text[i], err));
    return HABIT_OK;
}

static habit_status prepare(search *s, const habit_options *options, const char *data,
                            const char *name, const char *path, habit_error *err)
{
    const opt_values *values = options_values_of_model(options);
    s->own = options_of(options, tune_table);
    s->evaluation = options_of(options, evaluate_table);
    s->class = options->class ? options->class : name ? model_find(name) : NULL;
    if (!s->class || (!s->class->fit && !s->class->network) ||
        (name && strcmp(name, s->class->name) != 0))
        return fail(err, HABIT_EINVAL, "no model '%s'; `habit models` lists them",
                    name ? name : "");
    const size_t size = s->class->options_size;
    if (values)
        TRY(copy_values(&s->base, values, size, err));
    else
        TRY(opt_values_init(&s->base, s->class->table, size, err));
    TRY(copy_values(&s->trial, &s->base, size, err));
    TRY(space_read(&s->space, path, &s->base, size, err));
    TRY(choose_metric(s, err));
    TRY(data_open(&s->data, data, options_of(options, import_table), &s->run, err));
    TRY(split_make(&s->split, s->data, NULL, false, options_of(options, split_table), &s->run,
                   err));
    if (split_targets(s->split, STAGE_VALID).events == 0)
        return fail(err, HABIT_EINVAL, "protocol %s has no validation events to search on",
                    split_protocol(s->split));
    run_log(&s->run, LOG_NOTE, "%s", split_describe(s->split));
    if (s->own->plots && mkdir(s->own->plots, 0777) != 0 && !file_is_folder(s->own->plots))
        return fail_io(err, "create", s->own->plots);
    s->known = json_object();
    s->rows = json_array();
    if (!s->known || !s->rows) return fail_memory(err, "search", 0);
    return open_journal(s, err);
}

habit_status habit_tune(const habit_options *options, const char *data, const char *name,
                        const char *path, char **report, habit_error *err)
{
    TRY(options_expect(options, "tune", err));
    search s = { 0 };
    habit_status st = run_open(&s.run, options, err);
    if (st == HABIT_OK) st = prepare(&s, options, data, name, path, err);
    if (st == HABIT_OK) st = all_trials(&s, err);
    if (st == HABIT_OK) st = conclude(&s, report, err);
    search_close(&s);
    return st;
}
