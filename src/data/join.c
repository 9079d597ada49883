// join.c - item and user tables joined to a log by id.
#include "data/join.h"
#include "base/memory.h"

#include <math.h>

#define ROW_NONE UINT32_MAX
#define LIST_SEPARATOR '\x1f'

typedef struct joined {
    const side_table *table;
    uint32_t *row; // [count] of the table, per id in canonical order; ROW_NONE if it has none
    uint32_t count;
    uint32_t matched;
} joined;

static habit_status match_rows(joined *j, const vocabulary *of, habit_error *err)
{
    j->count = of->ids.count;
    j->row = NEW(uint32_t, j->count);
    if (!j->row) return fail_memory(err, "joining", j->count * sizeof *j->row);
    for (uint32_t k = 0; k < j->count; k++) j->row[k] = ROW_NONE;
    for (uint32_t r = 0; r < j->table->id.count; r++) {
        size_t len;
        const char *s = ids_at(&j->table->id, r, &len);
        const uint32_t number = ids_get(&of->ids, s, len);
        if (number == IDS_NONE) continue;
        j->row[of->rank[number]] = r;
        j->matched++;
    }
    return HABIT_OK;
}

// --- columns by kind -----------------------------------------------------------------------------

static const char *text_at(const joined *j, const side_column *c, uint32_t k)
{
    return j->row[k] == ROW_NONE ? NULL : c->text[j->row[k]];
}

static habit_status put_number(const joined *j, const side_column *c, column *out,
                               dataset_writer *w, habit_error *err)
{
    double *number = NEW(double, j->count);
    if (!number) return fail_memory(err, c->name, j->count * sizeof *number);
    for (uint32_t k = 0; k < j->count; k++)
        number[k] = j->row[k] == ROW_NONE ? (double)NAN : c->number[j->row[k]];
    out->number = number;
    const habit_status st = dataset_put_column(w, out, NULL, 0, err);
    mem_free(number);
    return st;
}

static habit_status put_vector(const joined *j, const side_column *c, column *out,
                               dataset_writer *w, habit_error *err)
{
    const size_t width = c->width;
    float *vector = NEW(float, j->count *width);
    if (!vector) return fail_memory(err, c->name, j->count * width * sizeof *vector);
    for (uint32_t k = 0; k < j->count; k++)
        for (size_t i = 0; i < width; i++)
            vector[k * width + i] = j->row[k] == ROW_NONE ? NAN : c->vector[j->row[k] * width + i];
    out->vector = vector;
    out->width = c->width;
    const habit_status st = dataset_put_column(w, out, NULL, 0, err);
    mem_free(vector);
    return st;
}

static habit_status put_text(const joined *j, const side_column *c, column *out, dataset_writer *w,
                             habit_error *err)
{
    uint64_t *start = NEW(uint64_t, (size_t)j->count + 1);
    buffer bytes = { 0 };
    habit_status st = start ? HABIT_OK : fail_memory(err, c->name, j->count * sizeof *start);
    for (uint32_t k = 0; st == HABIT_OK && k < j->count; k++) {
        start[k] = bytes.len;
        const char *text = text_at(j, c, k);
        if (text) buffer_text(&bytes, text);
    }
    if (st == HABIT_OK) st = buffer_check(&bytes, err);
    if (st == HABIT_OK) {
        start[j->count] = bytes.len;
        out->names = (names){ j->count, start, bytes.data };
        st = dataset_put_column(w, out, NULL, 0, err);
    }
    mem_free(start);
    buffer_free(&bytes);
    return st;
}

// Codes of the words of every row, in row order, and where each row begins.
typedef struct coded {
    ids words;
    uint32_t *tag;
    size_t tags, tag_cap;
    uint64_t *list; // [count+1]
} coded;

static habit_status code_word(coded *d, const char *s, size_t len, habit_error *err)
{
    void *tag = d->tag;
    TRY(mem_grow(&tag, &d->tag_cap, d->tags + 1, sizeof *d->tag, "tags", err));
    d->tag = tag;
    if (len == 0) {
        d->tag[d->tags++] = TAG_NONE;
        return HABIT_OK;
    }
    return ids_add(&d->words, s, len, &d->tag[d->tags++], err);
}

static habit_status code_row(coded *d, const char *text, bool list, habit_error *err)
{
    if (!list) return code_word(d, text ? text : "", text ? strlen(text) : 0, err);
    while (text) {
        const char *end = strchr(text, LIST_SEPARATOR);
        const size_t len = end ? (size_t)(end - text) : strlen(text);
        if (len) TRY(code_word(d, text, len, err));
        text = end ? end + 1 : NULL;
    }
    return HABIT_OK;
}

// Numbers of first appearance become ranks; `out` gets the words in that order.
static habit_status rank_words(coded *d, column *out, dataset_writer *w, habit_error *err)
{
    const uint32_t n = d->words.count;
    uint32_t *order = NULL;
    TRY(ids_sort(&d->words, &order, err));
    uint32_t *rank = NEW(uint32_t, n);
    uint64_t *start = NEW(uint64_t, (size_t)n + 1);
    char *bytes = NEW(char, n ? (size_t)d->words.start[n] : 0);
    habit_status st = HABIT_OK;
    if (!rank || !start || !bytes) {
        st = fail_memory(err, out->name, n * 16);
    } else {
        start[0] = 0;
        for (uint32_t k = 0; k < n; k++) {
            size_t len;
            const char *s = ids_at(&d->words, order[k], &len);
            memcpy(bytes + start[k], s, len);
            start[k + 1] = start[k] + len;
            rank[order[k]] = k;
        }
        for (size_t i = 0; i < d->tags; i++)
            if (d->tag[i] != TAG_NONE) d->tag[i] = rank[d->tag[i]];
        out->tag = d->tag;
        out->names = (names){ n, start, bytes };
        st = dataset_put_column(w, out, NULL, 0, err);
    }
    mem_free(order);
    mem_free(rank);
    mem_free(start);
    mem_free(bytes);
    return st;
}

static habit_status put_tags(const joined *j, const side_column *c, column *out, dataset_writer *w,
                             habit_error *err)
{
    coded d = { .list = NEW(uint64_t, (size_t)j->count + 1) };
    habit_status st = d.list ? HABIT_OK : fail_memory(err, c->name, j->count * sizeof *d.list);
    for (uint32_t k = 0; st == HABIT_OK && k < j->count; k++) {
        d.list[k] = d.tags;
        st = code_row(&d, text_at(j, c, k), out->kind == COLUMN_TAGS, err);
    }
    if (st == HABIT_OK) {
        d.list[j->count] = d.tags;
        out->list = d.list;
        st = rank_words(&d, out, w, err);
    }
    ids_free(&d.words);
    mem_free(d.tag);
    mem_free(d.list);
    return st;
}

static habit_status put_column(const joined *j, const side_column *c, bool of_items,
                               dataset_writer *w, habit_error *err)
{
    column out = { .name = c->name,
                   .of = of_items ? OF_ITEMS : OF_USERS,
                   .kind = (column_kind)c->kind,
                   .rows = j->count };
    switch (out.kind) {
    case COLUMN_NUMBER:
        return put_number(j, c, &out, w, err);
    case COLUMN_VECTOR:
        return put_vector(j, c, &out, w, err);
    case COLUMN_TEXT:
        return put_text(j, c, &out, w, err);
    case COLUMN_TAG:
    case COLUMN_TAGS:
        return put_tags(j, c, &out, w, err);
    }
    return HABIT_OK;
}

// --- tables --------------------------------------------------------------------------------------

static habit_status report_table(json_t *report, const char *path, const joined *j,
                                 habit_error *err)
{
    const json_int_t rows_read = (json_int_t)j->table->id.count, matched = (json_int_t)j->matched;
    json_t *entry = json_pack("{s:s, s:I, s:I, s:I, s:I, s:[]}", "source", path, "rows", rows_read,
                              "matched", matched, "dropped", rows_read - matched, "without_row",
                              (json_int_t)j->count - matched, "columns");
    json_t *columns = json_object_get(entry, "columns");
    bool ok = entry != NULL;
    for (size_t c = 0; ok && c < j->table->columns_count; c++)
        ok = json_array_append_new(columns, json_string(j->table->columns[c].name)) == 0;
    if (json_array_append_new(report, entry) != 0 || !ok) return fail_memory(err, "report", 0);
    return HABIT_OK;
}

static habit_status join_one(const join *k, const char *path, bool of_items, json_t *report,
                             habit_error *err)
{
    const char *what = of_items ? "items" : "users";
    side_table t = { 0 };
    TRY(side_table_read(&t, path, of_items, k->options, k->run, err));
    joined j = { .table = &t };
    habit_status st = match_rows(&j, of_items ? k->items : k->users, err);
    for (size_t c = 0; st == HABIT_OK && c < t.columns_count; c++)
        st = put_column(&j, &t.columns[c], of_items, k->writer, err);
    if (st == HABIT_OK) {
        run_log(k->run, j.matched ? LOG_NOTE : LOG_WARN,
                "%s: has %u of the %u %s of the log; its other %u rows have no events and are left "
                "out",
                path, j.matched, j.count, what, t.id.count - j.matched);
        st = report_table(report, path, &j, err);
    }
    mem_free(j.row);
    side_table_free(&t);
    return st;
}

habit_status join_tables(const join *j, bool of_items, json_t **report, habit_error *err)
{
    const char *files = of_items ? j->options->items : j->options->users;
    json_t *all = json_array();
    habit_status st = all ? HABIT_OK : fail_memory(err, "report", 0);
    while (st == HABIT_OK && files && *files) {
        const size_t len = strcspn(files, ",");
        char *path = mem_strndup(files, len);
        if (!path)
            st = fail_memory(err, "path", len);
        else if (len)
            st = join_one(j, path, of_items, all, err);
        mem_free(path);
        files += len + (files[len] == ',');
    }
    if (st != HABIT_OK) {
        json_decref(all);
        return st;
    }
    *report = all;
    return HABIT_OK;
}
