// import.c - from raw sources to a dataset: read, sort, clean, pack.
#include "data/import.h"
#include "base/clock.h"
#include "base/memory.h"
#include "data/assemble.h"
#include "data/clean.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A new, empty file of its own name in `dir`, which a dataset is to replace.
static habit_status temporary_path(char **out, const char *dir, habit_error *err)
{
    char *path = path_join(dir, "habit-import-XXXXXX");
    if (!path) return fail_memory(err, "path", strlen(dir));
    const int fd = mkstemp(path);
    if (fd < 0) {
        const habit_status st = fail_io(err, "create", path);
        mem_free(path);
        return st;
    }
    close(fd);
    *out = path;
    return HABIT_OK;
}

// Where intermediate files go: as told, or beside `to`; owned by the caller, NULL out of memory.
static char *scratch_folder(const import_options *options, const run *r, const char *to)
{
    if (options->scratch) return mem_strdup(options->scratch);
    if (r && r->scratch) return mem_strdup(r->scratch);
    const char *slash = strrchr(to, '/');
    if (!slash) return mem_strdup(".");
    return mem_strndup(to, slash == to ? 1 : (size_t)(slash - to));
}

// --- import --------------------------------------------------------------------------------------

// What an import works with: the caller's options, with what they imply filled in.
typedef struct importing {
    import_options options;
    char *scratch, *rejects;
    const run *run;
    json_t *report;
} importing;

static void imply(import_options *o)
{
    if (!o->user_core) o->user_core = o->k_core;
    if (!o->item_core) o->item_core = o->k_core;
}

static habit_status importing_init(importing *m, const char *to, const import_options *options,
                                   const run *r, habit_error *err)
{
    *m = (importing){ .options = *options, .run = r };
    import_options *o = &m->options;
    imply(o);
    m->scratch = scratch_folder(options, r, to);
    m->report = json_object();
    if (!options->rejects) {
        const size_t len = strlen(to) + sizeof ".rejects";
        m->rejects = NEW(char, len);
        if (m->rejects) snprintf(m->rejects, len, "%s.rejects", to);
    }
    if (!m->scratch || !m->report || (!options->rejects && !m->rejects))
        return fail_memory(err, "import", strlen(to));
    o->scratch = m->scratch;
    if (m->rejects) o->rejects = m->rejects;
    return HABIT_OK;
}

static void importing_free(importing *m)
{
    mem_free(m->scratch);
    mem_free(m->rejects);
    json_decref(m->report);
}

// All rows into a dataset without a name, from which the cleaned one is written.
static habit_status assemble_and_clean(importing *m, const char *const *sources, size_t n,
                                       const char *to, habit_error *err)
{
    char *raw = NULL;
    dataset *d = NULL;
    TRY(temporary_path(&raw, m->scratch, err));
    habit_status st = assemble(raw, sources, n, &m->options, m->run, m->report, err);
    if (st == HABIT_OK) st = dataset_open(&d, raw, err);
    unlink(raw); // the open dataset keeps its bytes
    if (st == HABIT_OK) st = clean(to, d, &m->options, m->run, m->report, err);
    dataset_close(d);
    mem_free(raw);
    return st;
}

// A log is never replaced by what was made of it.
static habit_status refuse_overwrite(const char *const *sources, size_t n, const char *to,
                                     habit_error *err)
{
    struct stat old, source;
    if (stat(to, &old) != 0) return HABIT_OK;
    for (size_t k = 0; k < n; k++)
        if (stat(sources[k], &source) == 0 && source.st_dev == old.st_dev &&
            source.st_ino == old.st_ino)
            return fail(err, HABIT_EINVAL, "%s is a source: choose another file for the dataset",
                        to);
    return HABIT_OK;
}

static habit_status report_cost(importing *m, double start, double start_cpu, habit_error *err)
{
    const double seconds = clock_wall() - start, cpu = clock_cpu() - start_cpu;
    const double rows_read = (double)json_integer_value(json_object_get(m->report, "rows"));
    const size_t peak = memory_peak();
    if (json_object_set_new(m->report, "seconds", json_real(seconds)) ||
        json_object_set_new(m->report, "cpu_seconds", json_real(cpu)) ||
        json_object_set_new(m->report, "rows_per_second",
                            json_real(seconds > 0 ? rows_read / seconds : 0)) ||
        json_object_set_new(m->report, "memory_peak", json_integer((json_int_t)peak)))
        return fail_memory(err, "report", 0);
    run_log(m->run, LOG_NOTE, "%.0f rows in %.1f s, %.3g rows a second, at most %.0f MB of memory",
            rows_read, seconds, seconds > 0 ? rows_read / seconds : 0, (double)peak / 1e6);
    return HABIT_OK;
}

habit_status import_files(const char *const *sources, size_t n, const char *to,
                          const import_options *options, const run *r, json_t **report,
                          habit_error *err)
{
    const double start = clock_wall(), start_cpu = clock_cpu();
    TRY(refuse_overwrite(sources, n, to, err));
    importing m;
    habit_status st = importing_init(&m, to, options, r, err);
    if (st == HABIT_OK && clean_needed(&m.options))
        st = assemble_and_clean(&m, sources, n, to, err);
    else if (st == HABIT_OK)
        st = assemble(to, sources, n, &m.options, r, m.report, err);
    if (st == HABIT_OK) st = report_cost(&m, start, start_cpu, err);
    if (st == HABIT_OK && report) *report = json_incref(m.report);
    importing_free(&m);
    return st;
}

// --- DATA ----------------------------------------------------------------------------------------

static habit_status open_imported(dataset **out, const char *data, const import_options *options,
                                  const run *r, habit_error *err)
{
    import_options o = *options;
    const char *dir = o.scratch ? o.scratch : r && r->scratch ? r->scratch : getenv("TMPDIR");
    o.scratch = dir && *dir ? dir : "/tmp";
    if (!o.rejects) o.rejects = ""; // the dataset has no name, so neither has "<name>.rejects"
    char *path = NULL;
    TRY(temporary_path(&path, o.scratch, err));
    dataset *d = NULL;
    habit_status st = import_files(&data, 1, path, &o, r, NULL, err);
    if (st == HABIT_OK) st = dataset_open(&d, path, err);
    unlink(path); // at once, so that nothing stays after a crash; the mapping keeps the bytes
    mem_free(path);
    if (st == HABIT_OK) *out = d;
    return st;
}

habit_status data_open(dataset **out, const char *data, const import_options *options, const run *r,
                       habit_error *err)
{
    if (!dataset_recognise(data)) return open_imported(out, data, options, r, err);
    import_options o = *options;
    imply(&o);
    if (clean_needed(&o) || o.items || o.users)
        return fail(err, HABIT_EINVAL,
                    "%s is a dataset: options of cleaning and item or user tables are for raw "
                    "files; import those again",
                    data);
    return dataset_open(out, data, err);
}
