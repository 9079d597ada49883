// evaluate.c - habit_evaluate(): model folders, one split, the same users, honest numbers.
//
//     DATA (and --test FILE) -> split -> for each folder: open, refuse leaks, match ids
//                            -> popularity baseline fitted on the train part -> eval/
#include "base/memory.h"
#include "data/import.h"
#include "data/import_options.h"
#include "data/reader.h"
#include "lib/fit.h"
#include "base/json.h"
#include "lib/model_folder.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

#include <stdio.h>
#include <string.h>

// The class that knows the truth of a simulated log: it never learned from the log at all.
#define TRUTH_CLASS "truth"

typedef struct entrant {
    habit_model *folder; // NULL for a baseline
    model *fitted;       // of a baseline
    char *name;
    uint32_t *item_of, *user_of; // NULL: the identity
} entrant;

// Everything one evaluation owns.
typedef struct job {
    run run;
    dataset *data, *test;
    split *split;
    opt_values protocol, reading; // copies laid over with what the first model remembers
    entrant *entrant;
    contestant *contestant;
    size_t count, room;
    bool leak;
} job;

static void job_close(job *j)
{
    for (size_t i = 0; i < j->count; i++) {
        entrant *e = &j->entrant[i];
        habit_model_free(e->folder);
        model_free(e->fitted);
        mem_free(e->name);
        mem_free(e->item_of);
        mem_free(e->user_of);
    }
    mem_free(j->entrant);
    mem_free(j->contestant);
    opt_values_free(&j->protocol);
    opt_values_free(&j->reading);
    split_free(j->split);
    dataset_close(j->test);
    dataset_close(j->data);
    run_close(&j->run);
}

// --- models --------------------------------------------------------------------------------------

// "ease.model" of "out/ease.model/"; numbered when two folders share it.
static char *entrant_name(const job *j, const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    char *name = NEW(char, end - begin + 16);
    if (!name) return NULL;
    snprintf(name, end - begin + 1, "%s", path + begin);
    for (int k = 2;; k++) {
        bool taken = false;
        for (size_t i = 0; i < j->count; i++)
            taken = taken || strcmp(j->entrant[i].name, name) == 0;
        if (!taken) return name;
        snprintf(name + (end - begin), 16, "#%d", k);
    }
}

static habit_status open_models(job *j, const char *const *models, size_t n, habit_error *err)
{
    j->room = n + 1; // and the baseline
    j->entrant = ZNEW(entrant, j->room);
    j->contestant = ZNEW(contestant, j->room);
    if (!j->entrant || !j->contestant) return fail_memory(err, "models", j->room);
    for (size_t i = 0; i < n; i++) {
        entrant e = { .name = entrant_name(j, models[i]) };
        habit_status st = e.name ? HABIT_OK : fail_memory(err, "models", 0);
        if (st == HABIT_OK) st = model_folder_open(&e.folder, models[i], err);
        if (st != HABIT_OK) {
            mem_free(e.name);
            return st;
        }
        j->entrant[j->count++] = e;
    }
    return HABIT_OK;
}

static bool is_truth(const entrant *e)
{
    return e->folder && strcmp(e->folder->model->class->name, TRUTH_CLASS) == 0;
}

static habit_status match_ids(job *j, habit_error *err)
{
    for (size_t i = 0; i < j->count; i++) {
        entrant *e = &j->entrant[i];
        if (!e->folder || e->folder->data == j->data->fingerprint) continue;
        TRY(id_list_match(&e->item_of, &j->data->item_ids, &e->folder->items, err));
        TRY(id_list_match(&e->user_of, &j->data->user_ids, &e->folder->users, err));
    }
    return HABIT_OK;
}

// --- protocol ------------------------------------------------------------------------------------

// The first model that was trained here: the truth of a simulator remembers no protocol.
static const habit_model *first_trained(const job *j)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->entrant[i].folder && !is_truth(&j->entrant[i])) return j->entrant[i].folder;
    return NULL;
}

static bool any_given(const opt_values *v)
{
    for (size_t i = 0; i < v->rows; i++)
        if (v->given[i]) return true;
    return false;
}

// A copy of `from`, or, where nobody set any of its rows, of what `remembered` (an object of
// config.json) says.
static habit_status lay_over(opt_values *out, const opt_values *from, size_t size,
                             const json_t *remembered, habit_error *err)
{
    TRY(opt_values_init(out, from->table, size, err));
    if (!any_given(from) && remembered) return json_to_options(out, remembered, MODEL_MARKER, err);
    for (size_t i = 0; i < from->rows; i++)
        if (from->given[i]) TRY(opt_set(out, (int)i, from->text[i], err));
    return HABIT_OK;
}

static habit_status choose_options(job *j, const habit_options *options, const char *data,
                                   habit_error *err)
{
    const habit_model *first = first_trained(j);
    const opt_values *protocol = &options_slot(options, split_table)->values;
    const opt_values *reading = &options_slot(options, import_table)->values;
    const json_t *of_split = NULL, *of_data = NULL;
    if (first) {
        of_split = json_object_get(json_object_get(first->config, "split"), "options");
        of_data = json_object_get(json_object_get(first->config, "data"), "import");
        if (dataset_recognise(data)) of_data = NULL; // cleaned already
        if (!any_given(reading) && json_object_size(of_data))
            run_log(&j->run, LOG_NOTE, "reading and cleaning %s as %s was trained", data,
                    first->path);
    }
    TRY(lay_over(&j->protocol, protocol, sizeof(split_options), of_split, err));
    return lay_over(&j->reading, reading, import_options_size(), of_data, err);
}

// A test file is read like the data and keeps its thresholds, but rows are not dropped from it for
// being few, frequent or repeated: it says itself what is to be predicted.
static habit_status open_test(job *j, const char *path, bool *sessions, habit_error *err)
{
    static const char *const kept[] = { "format", "columns", "time-unit",  "value",
                                        "query",  "memory",  "scratch",    "missing",
                                        "times",  "where",   "behaviours", "skip-bad-rows",
                                        "rejects" };
    opt_values v;
    reader *r = NULL;
    TRY(opt_values_init(&v, import_table, import_options_size(), err));
    habit_status st = HABIT_OK;
    for (size_t i = 0; st == HABIT_OK && i < COUNT_OF(kept); i++) {
        const int row = opt_find(&v, kept[i]);
        if (row >= 0 && j->reading.given[row] && !dataset_recognise(path))
            st = opt_set(&v, row, j->reading.text[row], err);
    }
    *sessions = false;
    if (st == HABIT_OK && !dataset_recognise(path) && strcmp(path, "-") != 0) {
        st = reader_open(&r, path, v.values, NULL, err); // silent: data_open() says it
        if (st == HABIT_OK) *sessions = reader_schema(r)->sessions;
        reader_close(r);
    }
    if (st == HABIT_OK) st = data_open(&j->test, path, v.values, &j->run, err);
    opt_values_free(&v);
    return st;
}

static habit_status open_data(job *j, const habit_options *options, const char *data,
                              habit_error *err)
{
    const contest_options *o = options_of(options, contest_table);
    bool sessions = false;
    TRY(choose_options(j, options, data, err));
    TRY(data_open(&j->data, data, j->reading.values, &j->run, err));
    if (o->test) TRY(open_test(j, o->test, &sessions, err));
    TRY(split_make(&j->split, j->data, j->test, sessions, j->protocol.values, &j->run, err));
    run_log(&j->run, LOG_NOTE, "%s", split_describe(j->split));
    return HABIT_OK;
}

static habit_status refuse_leaks(job *j, bool allow, habit_error *err)
{
    for (size_t i = 0; i < j->count; i++) {
        const entrant *e = &j->entrant[i];
        if (!e->folder || is_truth(e)) continue;
        habit_error why = { 0 };
        const habit_model *m = e->folder;
        if (split_check_unseen(j->split, m->protocol, m->split, m->data, &why) == HABIT_OK)
            continue;
        if (!allow) return fail(err, HABIT_ELEAK, "%s: %s", m->path, why.message);
        run_log(&j->run, LOG_WARN, "%s: %s", m->path, why.message);
        j->leak = true;
    }
    return HABIT_OK;
}

// --- the baseline --------------------------------------------------------------------------------

// A popularity list of the last seven days, or of all time where the log has no time.
static habit_status add_baseline(job *j, habit_error *err)
{
    const model_class *c = model_find("pop");
    const log_view log = split_train(j->split);
    const char *name = log.time ? "pop-7d" : "pop";
    for (size_t i = 0; i < j->count; i++) {
        const entrant *e = &j->entrant[i];
        if (strcmp(e->name, name) == 0) return HABIT_OK;
        // without time the baseline is plain popularity, and perhaps there already
        if (!log.time && e->folder && e->folder->model->class == c) return HABIT_OK;
    }
    if (!c) return HABIT_OK;
    opt_values v;
    entrant e = { 0 };
    TRY(opt_values_init(&v, c->table, c->options_size, err));
    habit_status st = HABIT_OK;
    const int days = opt_find(&v, "days");
    if (log.time && days >= 0) st = opt_set(&v, days, "7", err);
    if (st == HABIT_OK) st = fit_model(&e.fitted, c, v.values, &log, NULL, &j->run, NULL, err);
    if (st == HABIT_OK && !(e.name = mem_strdup(name))) st = fail_memory(err, "name", 8);
    opt_values_free(&v);
    if (st != HABIT_OK) {
        model_free(e.fitted);
        return st;
    }
    j->entrant[j->count++] = e;
    return HABIT_OK;
}

// --- the result ----------------------------------------------------------------------------------

// {"data", "protocol", ...} first, then what eval/ found.
static json_t *result_of(const job *j, const char *data, json_t *found)
{
    const char *slash = strrchr(data, '/');
    json_t *name = json_string(slash && slash[1] ? slash + 1 : data);
    json_t *r = json_pack("{s:o, s:s, s:s}", "data", name ? name : json_string("?"), "protocol",
                          split_protocol(j->split), "describe", split_describe(j->split));
    if (j->leak) {
        json_object_set_new(r, "leak", json_true());
        json_object_set_new(r, "leak_note",
                            json_string("a model may have seen what it had to predict: these "
                                        "numbers say nothing about the future"));
    }
    json_object_update_missing(r, found);
    return r;
}

static habit_status run_contest(job *j, const habit_options *options, const char *data,
                                json_t **result, habit_error *err)
{
    const contest_options *o = options_of(options, contest_table);
    json_t *found;
    for (size_t i = 0; i < j->count; i++) {
        const entrant *e = &j->entrant[i];
        j->contestant[i] = (contestant){ .name = e->name,
                                         .model = e->folder ? e->folder->model : e->fitted,
                                         .item_of = e->item_of,
                                         .user_of = e->user_of };
    }
    TRY(evaluate_models(&found, j->split, j->contestant, j->count,
                        options_of(options, evaluate_table), &j->run, err));
    json_t *r = result_of(j, data, found);
    json_decref(found);
    if (!r) return fail_memory(err, "report", 0);
    if (o->report || o->plots) {
        const habit_status st = report_write(r, o->report, o->plots, &j->run, err);
        if (st != HABIT_OK) {
            json_decref(r);
            return st;
        }
    }
    *result = r;
    return HABIT_OK;
}

habit_status habit_evaluate(const habit_options *options, const char *data,
                            const char *const *models, size_t n, char **report, habit_error *err)
{
    TRY(options_expect(options, "evaluate", err));
    const contest_options *o = options_of(options, contest_table);
    job j = { 0 };
    json_t *result = NULL;
    habit_status st = run_open(&j.run, options, err);
    if (st == HABIT_OK) st = open_models(&j, models, n, err);
    if (st == HABIT_OK) st = open_data(&j, options, data, err);
    if (st == HABIT_OK) st = refuse_leaks(&j, o->allow_leak, err);
    if (st == HABIT_OK) st = match_ids(&j, err);
    if (st == HABIT_OK && o->baseline) st = add_baseline(&j, err);
    if (st == HABIT_OK && j.count == 0)
        st = fail(err, HABIT_EINVAL, "no models to measure: name model folders");
    if (st == HABIT_OK) st = run_contest(&j, options, data, &result, err);
    job_close(&j);
    return st == HABIT_OK ? json_hand_over(report, result, err) : st;
}
