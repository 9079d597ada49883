// data_verbs.c - habit_import(), habit_inspect(), habit_simulate(): the verbs about data.
#include "data/import.h"
#include "data/simulate.h"
#include "base/json.h"
#include "base/memory.h"
#include "lib/import_store.h"
#include "lib/run_setup.h"
#include "models/truth.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// By way of a dataset beside it.
static habit_status to_store(const char *const *sources, size_t n, const char *to,
                             const import_options *o, const run *r, json_t **report,
                             habit_error *err)
{
    dataset *d = NULL;
    char *path = mem_alloc(strlen(to) + 32, 1);
    if (!path) return fail_memory(err, "path", strlen(to));
    snprintf(path, strlen(to) + 32, "%s.import-%ld", to, (long)getpid());
    json_t *told = NULL;
    habit_status st = import_files(sources, n, path, o, r, &told, err);
    if (st == HABIT_OK) st = dataset_open(&d, path, err);
    if (st == HABIT_OK) st = import_to_store(d, to, r, err);
    if (st == HABIT_OK)
        *report = told;
    else
        json_decref(told);
    dataset_close(d);
    unlink(path);
    mem_free(path);
    return st;
}

habit_status habit_import(const habit_options *options, const char *const *sources, size_t n,
                          const char *to, char **report, habit_error *err)
{
    TRY(options_expect(options, "import", err));
    run r;
    json_t *object = NULL;
    habit_status st = run_open(&r, options, err);
    const import_options *o = options_of(options, import_table);
    if (st == HABIT_OK && import_is_store(to))
        st = to_store(sources, n, to, o, &r, &object, err);
    else if (st == HABIT_OK)
        st = import_files(sources, n, to, o, &r, &object, err);
    if (st == HABIT_OK) st = json_hand_over(report, object, err);
    run_close(&r);
    return st;
}

habit_status habit_inspect(const habit_options *options, const char *data, char **report,
                           habit_error *err)
{
    TRY(options_expect(options, "inspect", err));
    run r;
    dataset *d = NULL;
    json_t *object = NULL;
    habit_status st = run_open(&r, options, err);
    if (st == HABIT_OK) st = data_open(&d, data, options_of(options, import_table), &r, err);
    if (st == HABIT_OK) st = data_inspect(&object, d, &r, err);
    if (st == HABIT_OK) st = json_hand_over(report, object, err);
    dataset_close(d);
    run_close(&r);
    return st;
}

habit_status habit_simulate(const habit_options *options, const char *dir, char **report,
                            habit_error *err)
{
    TRY(options_expect(options, "simulate", err));
    run r;
    json_t *object = NULL;
    habit_status st = run_open(&r, options, err);
    const truth_writer truth = { .write = truth_save };
    if (st == HABIT_OK)
        st = simulate(dir, options_of(options, simulate_table), &truth, &r, &object, err);
    if (st == HABIT_OK) st = json_hand_over(report, object, err);
    run_close(&r);
    return st;
}
