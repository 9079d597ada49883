// assemble.c - rows from readers, sorted by user and time, into a dataset file.
//
//     probe     open every source, learn its columns; say what is expected
//     read      rows -> ids and words numbered -> packed records -> spool
//     rank      ids and words into canonical order
//     write     records sorted into columns; ids, words, side tables; commit
#include "data/assemble.h"
#include "base/clock.h"
#include "base/memory.h"
#include "data/join.h"
#include "data/order.h"

#include <math.h>
#include <stdlib.h>

#define TIME_LIMIT (INT64_C(1) << 61) // as in the dataset format

enum {
    MEMORY_DEFAULT = 512 << 20,
    MEMORY_READER = 64 << 20 // batches of text and their columns, about
};

typedef struct assembly {
    const char *const *sources;
    size_t n;
    const import_options *options;
    const run *run;
    size_t memory;
    char *dir; // of scratch files

    record_format format;
    reader **opened; // readers that cannot be opened twice, kept from the probe
    encoder encoder;
    spool spool;
    buffer rejects; // not yet written
    file_writer rejects_file;
    char *rejects_path; // NULL: nowhere

    uint64_t rows, bad, no_time, spilled;
    uint64_t bytes, bytes_done; // of all sources; of those read
    double rows_guess;          // 0: unknown
    json_t *about;              // of each source
} assembly;

// --- probe ---------------------------------------------------------------------------------------

static habit_status probe_source(assembly *a, size_t k, bool *all_known, habit_error *err)
{
    const char *source = a->sources[k];
    reader *r;
    TRY(reader_open(&r, source, a->options, a->run, err));
    const schema *s = reader_schema(r);
    const habit_status st = record_format_add(&a->format, s, source, err);
    a->bytes += s->bytes;
    a->rows_guess += s->rows_guess;
    if (!(s->rows_guess > 0)) *all_known = false;
    if (st == HABIT_OK && (a->n == 1 || strcmp(source, "-") == 0))
        a->opened[k] = r;
    else
        reader_close(r);
    return st;
}

// Records by the guess of rows, and whether they will go through scratch files.
static double guess_records(const assembly *a, bool *spills)
{
    const double bytes = a->rows_guess * (double)a->format.width;
    *spills = bytes > (double)(order_blocks_max(a->memory) * order_block_bytes(a->memory));
    return bytes;
}

// An upper bound of what is needed beside the tables of ids, whose size nobody knows yet: the
// reader's batches, the records, and while they are sorted a block of input and two of output.
static double guess_memory(const assembly *a)
{
    bool spills;
    const double records = guess_records(a, &spills);
    const double block = (double)order_block_bytes(a->memory);
    if (a->rows_guess == 0 || spills) return MEMORY_READER + (double)a->memory;
    return MEMORY_READER + records + 4 * (records < block ? records : block);
}

static habit_status predict(const assembly *a, json_t *report, habit_error *err)
{
    bool spills;
    const double records = guess_records(a, &spills);
    const double memory = guess_memory(a), disk = spills ? 2 * records : 0;
    if (a->rows_guess == 0)
        run_log(a->run, LOG_NOTE,
                "rows unknown beforehand; at most %.0f MB of memory beside the ids (about 60 bytes "
                "and their text each), and scratch files in %s if needed",
                memory / 1e6, a->dir);
    else
        run_log(a->run, LOG_NOTE,
                "about %.3g rows of %zu bytes: at most %.0f MB of memory beside the ids (about 60 "
                "bytes and their text each), %.0f MB of scratch files%s%s",
                a->rows_guess, a->format.width, memory / 1e6, disk / 1e6, spills ? " in " : "",
                spills ? a->dir : "");
    if (json_object_set_new(report, "rows_predicted", json_real(a->rows_guess)) ||
        json_object_set_new(report, "memory_predicted", json_integer((json_int_t)memory)) ||
        json_object_set_new(report, "scratch_predicted", json_integer((json_int_t)disk)))
        return fail_memory(err, "report", 0);
    return HABIT_OK;
}

static habit_status probe(assembly *a, json_t *report, habit_error *err)
{
    bool all_known = true;
    for (size_t k = 0; k < a->n; k++) TRY(probe_source(a, k, &all_known, err));
    if (!all_known) a->rows_guess = 0;
    record_place(&a->format);
    a->encoder.format = &a->format;
    spool_init(&a->spool, a->format.width, order_block_bytes(a->memory),
               order_blocks_max(a->memory), a->dir);
    return predict(a, report, err);
}

// --- read ----------------------------------------------------------------------------------------

static bool time_known(int64_t t)
{
    return t > -TIME_LIMIT && t < TIME_LIMIT; // TIME_NONE is below
}

// Rows from..from+n of the batch, all of which have a time if the log does.
static habit_status add_rows(assembly *a, const rows *batch, const int *source_extra, size_t from,
                             size_t n, habit_error *err)
{
    while (n > 0) {
        unsigned char *to;
        size_t room;
        TRY(spool_room(&a->spool, &to, &room, err));
        if (room > n) room = n;
        pool *p = room > 1024 ? run_pool(a->run) : NULL; // a few rows are not worth waking threads
        TRY(encoder_add(&a->encoder, batch, source_extra, from, room, to, p, err));
        spool_add(&a->spool, room);
        from += room;
        n -= room;
    }
    return HABIT_OK;
}

static habit_status add_batch(assembly *a, const rows *batch, const int *source_extra,
                              habit_error *err)
{
    for (size_t from = 0, to = 0; from < batch->n; from = to) {
        for (to = from; to < batch->n && (!batch->time || time_known(batch->time[to]));) to++;
        TRY(add_rows(a, batch, source_extra, from, to - from, err));
        for (; to < batch->n && batch->time && !time_known(batch->time[to]); to++) a->no_time++;
    }
    a->rows += batch->n;
    a->bad += batch->bad;
    return HABIT_OK;
}

static habit_status keep_rejects(assembly *a, habit_error *err)
{
    TRY(buffer_check(&a->rejects, err));
    if (a->rejects.len == 0) return HABIT_OK;
    if (!a->rejects_file.stream) TRY(file_create(&a->rejects_file, a->rejects_path, err));
    if (fwrite(a->rejects.data, 1, a->rejects.len, a->rejects_file.stream) != a->rejects.len)
        return fail_io(err, "write", a->rejects_path);
    buffer_clear(&a->rejects);
    return HABIT_OK;
}

static habit_status note_source(assembly *a, const char *source, const schema *s, uint64_t n,
                                uint64_t bad, habit_error *err)
{
    json_t *entry =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "source", source, "format", s->format, "rows",
                  (json_int_t)n, "bad_rows", (json_int_t)bad, "bytes", (json_int_t)s->bytes);
    bool ok = entry != NULL;
    if (ok && s->has_time && s->time_unit)
        ok = json_object_set_new(entry, "time_unit", json_string(s->time_unit)) == 0;
    if (ok && s->has_value && s->value_name)
        ok = json_object_set_new(entry, "value", json_string(s->value_name)) == 0;
    if (json_array_append_new(a->about, entry) != 0 || !ok) return fail_memory(err, "report", 0);
    if (bad)
        run_log(a->run, LOG_WARN, "%s: %llu bad rows skipped%s%s", source, (unsigned long long)bad,
                a->rejects_path ? "; they are in " : "", a->rejects_path ? a->rejects_path : "");
    return HABIT_OK;
}

static habit_status read_rows(assembly *a, reader *r, const char *source, habit_error *err)
{
    const schema *s = reader_schema(r);
    int source_extra[READER_EXTRAS];
    record_match(&a->format, s, source_extra);
    if (a->format.time && !s->has_time)
        return fail(err, HABIT_EFORMAT,
                    "%s: has no times, but another source has; import them separately, or name the "
                    "column with --columns time=NAME",
                    source);
    if (a->rejects_path) reader_rejects(r, &a->rejects);
    const uint64_t had = a->rows, had_bad = a->bad;
    for (;;) {
        rows batch;
        TRY(reader_next(r, &batch, a->run, err));
        a->bad += batch.n ? 0 : batch.bad; // of an end that held nothing else
        TRY(keep_rejects(a, err));
        if (batch.n == 0) break;
        TRY(add_batch(a, &batch, source_extra, err));
        TRY(run_progress(a->run, "reading", a->bytes_done + reader_done(r), a->bytes, err));
    }
    a->bytes_done += reader_done(r);
    if (a->rows == had)
        return fail(err, HABIT_EFORMAT, "%s: no rows (read as %s; --format names another format)",
                    source, s->format);
    return note_source(a, source, s, a->rows - had, a->bad - had_bad, err);
}

static habit_status read_source(assembly *a, size_t k, habit_error *err)
{
    reader *r = a->opened[k];
    a->opened[k] = NULL;
    if (!r) TRY(reader_open(&r, a->sources[k], a->options, a->run, err));
    const habit_status st = read_rows(a, r, a->sources[k], err);
    reader_close(r);
    return st;
}

static habit_status read_all(assembly *a, habit_error *err)
{
    for (size_t k = 0; k < a->n; k++) TRY(read_source(a, k, err));
    a->spilled = a->spool.file.open ? a->spool.rows * a->format.width : 0;
    if (a->no_time)
        run_log(a->run, LOG_WARN, "%llu rows without a possible time dropped",
                (unsigned long long)a->no_time);
    if (a->spool.rows == 0)
        return fail(err, HABIT_EFORMAT, "%s: none of %llu rows has a time", a->sources[0],
                    (unsigned long long)a->rows);
    return HABIT_OK;
}

// --- write ---------------------------------------------------------------------------------------

static habit_status put_words(assembly *a, dataset_writer *w, habit_error *err)
{
    const record_format *f = &a->format;
    TRY(vocabulary_put(w, "user.id", &a->encoder.user, err));
    TRY(vocabulary_put(w, "item.id", &a->encoder.item, err));
    if (f->behaviour) TRY(vocabulary_put(w, "behaviour.name", &a->encoder.behaviour, err));
    if (f->value)
        TRY(dataset_put_all(w, "value.name", SECTION_U8, f->value_name, strlen(f->value_name),
                            err));
    for (int k = 0; k < f->extras; k++) {
        char name[160];
        snprintf(name, sizeof name, "event:%s.name", f->extra[k].name);
        if (f->extra[k].tag) TRY(vocabulary_put(w, name, &a->encoder.tag[k], err));
    }
    return HABIT_OK;
}

static habit_status put_tables(assembly *a, dataset_writer *w, json_t *report, habit_error *err)
{
    const join j = { w, &a->encoder.user, &a->encoder.item, a->options, a->run };
    for (int of_items = 0; of_items < 2; of_items++) {
        if (!(of_items ? a->options->items : a->options->users)) continue;
        json_t *tables = NULL;
        TRY(join_tables(&j, of_items, &tables, err));
        if (json_object_set_new(report, of_items ? "items" : "users", tables) != 0)
            return fail_memory(err, "report", 0);
    }
    return HABIT_OK;
}

// What does not depend on the machine or the hour: the same sources give the same bytes.
static habit_status put_provenance(dataset_writer *w, const import_options *options,
                                   const json_t *report, habit_error *err)
{
    json_t *given = NULL;
    TRY(import_options_json(&given, options, err));
    static const char *const kept[] = {
        "sources", "rows", "bad_rows", "no_time", "items", "users"
    };
    static const char *const local[] = { "memory", "rejects", "scratch" };
    for (size_t k = 0; k < COUNT_OF(local); k++) json_object_del(given, local[k]);
    json_t *all = json_pack("{s:o}", "options", given);
    for (size_t k = 0; all && k < COUNT_OF(kept); k++) {
        json_t *value = json_object_get(report, kept[k]);
        if (value) json_object_set(all, kept[k], value);
    }
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    if (!text) return fail_memory(err, "provenance", 0);
    const habit_status st = dataset_put_all(w, "provenance", SECTION_U8, text, strlen(text), err);
    free(text);
    return st;
}

static habit_status report_counts(const assembly *a, json_t *report, habit_error *err)
{
    const encoder *e = &a->encoder;
    if (json_object_set(report, "sources", a->about) ||
        json_object_set_new(report, "rows", json_integer((json_int_t)a->rows)) ||
        json_object_set_new(report, "bad_rows", json_integer((json_int_t)a->bad)) ||
        json_object_set_new(report, "no_time", json_integer((json_int_t)a->no_time)) ||
        json_object_set_new(report, "bytes", json_integer((json_int_t)a->bytes_done)) ||
        json_object_set_new(report, "read_users", json_integer(e->user.ids.count)) ||
        json_object_set_new(report, "read_items", json_integer(e->item.ids.count)) ||
        json_object_set_new(report, "id_memory", json_integer((json_int_t)encoder_memory(e))))
        return fail_memory(err, "report", 0);
    return HABIT_OK;
}

static habit_status write_dataset(assembly *a, const char *to, json_t *report, habit_error *err)
{
    dataset_writer *w;
    TRY(dataset_create(&w, to, err));
    const char *ties = a->options->ties;
    const order o = { &a->spool, &a->encoder, ties && strcmp(ties, "item") == 0,
                      a->memory, w,           a->run };
    const uint64_t events = a->spool.rows;
    habit_status st = order_events(&o, &a->spilled, err);
    if (st == HABIT_OK) st = put_words(a, w, err);
    if (st == HABIT_OK) st = put_tables(a, w, report, err);
    if (st == HABIT_OK) st = put_provenance(w, a->options, report, err);
    if (st != HABIT_OK) {
        dataset_abandon(w);
        return st;
    }
    return dataset_commit(w, a->encoder.user.ids.count, a->encoder.item.ids.count, events, err);
}

// --- all of it -----------------------------------------------------------------------------------

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static habit_status prepare(assembly *a, const char *to, habit_error *err)
{
    const import_options *o = a->options;
    const char *folder = o->scratch ? o->scratch : a->run ? a->run->scratch : NULL;
    a->memory = o->memory                  ? (size_t)o->memory
                : a->run && a->run->memory ? a->run->memory
                                           : (size_t)MEMORY_DEFAULT;
    a->dir = folder ? mem_strdup(folder) : folder_of(to);
    a->opened = ZNEW(reader *, a->n);
    a->about = json_array();
    if (!a->dir || !a->opened || !a->about) return fail_memory(err, "import", 0);
    if (!o->rejects || *o->rejects) { // "": nowhere
        buffer path = { 0 };
        buffer_format(&path, "%s%s", o->rejects ? o->rejects : to, o->rejects ? "" : ".rejects");
        a->rejects_path = path.data;
        TRY(buffer_check(&path, err));
    }
    // an output that cannot be written is better known before the work than after
    dataset_writer *w;
    TRY(dataset_create(&w, to, err));
    dataset_abandon(w);
    return HABIT_OK;
}

static void assembly_free(assembly *a)
{
    for (size_t k = 0; a->opened && k < a->n; k++)
        if (a->opened[k]) reader_close(a->opened[k]);
    mem_free(a->opened);
    mem_free(a->dir);
    mem_free(a->rejects_path);
    buffer_free(&a->rejects);
    file_abandon(&a->rejects_file);
    encoder_free(&a->encoder);
    spool_free(&a->spool);
    record_format_free(&a->format);
    json_decref(a->about);
}

habit_status assemble(const char *to, const char *const *sources, size_t n,
                      const import_options *options, const run *r, json_t *report, habit_error *err)
{
    if (n == 0) return fail(err, HABIT_EINVAL, "no source to import");
    const double start = clock_wall();
    assembly a = { .sources = sources, .n = n, .options = options, .run = r };
    habit_status st = prepare(&a, to, err);
    if (st == HABIT_OK) st = probe(&a, report, err);
    if (st == HABIT_OK) st = read_all(&a, err);
    const double read = clock_wall();
    if (st == HABIT_OK) st = encoder_rank(&a.encoder, run_pool(r), err);
    if (st == HABIT_OK) st = report_counts(&a, report, err);
    if (st == HABIT_OK) st = write_dataset(&a, to, report, err);
    if (st == HABIT_OK && a.rejects_file.stream) st = file_commit(&a.rejects_file, err);
    if (st == HABIT_OK &&
        (json_object_set_new(report, "read_seconds", json_real(read - start)) ||
         json_object_set_new(report, "sort_seconds", json_real(clock_wall() - read)) ||
         json_object_set_new(report, "spilled_bytes", json_integer((json_int_t)a.spilled))))
        st = fail_memory(err, "report", 0);
    assembly_free(&a);
    return st;
}
