// export.c - habit_export(): a model's vectors for other tools.
#include "models/id_list.h"
#include "base/json.h"
#include "lib/model_folder.h"
#include "lib/npy.h"
#include "lib/run_setup.h"
#include "lib/tables.h"

#include <stdio.h>
#include <string.h>

// One id per line, as JSON strings (models/id_list.h).
static habit_status write_ids(const char *file, const id_list *list, habit_error *err)
{
    buffer path = { 0 }, line = { 0 };
    file_writer w = { 0 };
    buffer_format(&path, "%s.ids.txt", file);
    habit_status st = buffer_check(&path, err);
    if (st == HABIT_OK) st = file_create(&w, path.data, err);
    for (uint32_t k = 0; st == HABIT_OK && k < list->count; k++) {
        buffer_clear(&line);
        json_quote(&line, id_list_at(list, k), id_list_len(list, k));
        buffer_text(&line, "\n");
        st = buffer_check(&line, err);
        if (st == HABIT_OK) fwrite(line.data, 1, line.len, w.stream);
    }
    if (st == HABIT_OK) st = file_commit(&w, err);
    file_abandon(&w);
    buffer_free(&line);
    buffer_free(&path);
    return st;
}

// word2vec text: a line "rows columns", then "word x x x".  A word holds no white space: it becomes
// an underscore.
static habit_status write_words(const char *file, const float *x, size_t columns,
                                const id_list *list, habit_error *err)
{
    file_writer w;
    TRY(file_create(&w, file, err));
    fprintf(w.stream, "%u %zu\n", list->count, columns);
    for (uint32_t k = 0; k < list->count; k++) {
        for (const char *c = id_list_at(list, k); *c; c++)
            fputc((unsigned char)*c <= ' ' ? '_' : *c, w.stream);
        for (size_t d = 0; d < columns; d++) fprintf(w.stream, " %.9g", (double)x[k * columns + d]);
        fputc('\n', w.stream);
    }
    return file_commit(&w, err);
}

static habit_status vectors_of(const float **out, const habit_model *m, bool users,
                               habit_error *err)
{
    const model_class *c = m->model->class;
    const float *x = NULL;
    if (!users && c->encode) x = m->model->item_vector;
    if (users && c->user_vectors) x = c->user_vectors(m->model);
    if (!x)
        return fail(err, HABIT_EINVAL, "%s: a model of class '%s' has no vectors of %s", m->path,
                    c->name, users ? "users" : "items");
    *out = x;
    return HABIT_OK;
}

static habit_status export_to(const habit_model *m, bool users, const char *file, char **report,
                              habit_error *err)
{
    const float *x = NULL;
    const id_list *list = users ? &m->users : &m->items;
    const size_t columns = (size_t)m->model->dim, len = strlen(file);
    TRY(vectors_of(&x, m, users, err));
    if (len > 4 && strcmp(file + len - 4, ".npy") == 0) {
        TRY(npy_write(file, x, list->count, columns, err));
        TRY(write_ids(file, list, err));
    } else {
        TRY(write_words(file, x, columns, list, err));
    }
    return json_hand_over(report,
                          json_pack("{s:s, s:s, s:I, s:I}", "file", file, "of",
                                    users ? "users" : "items", "rows", (json_int_t)list->count,
                                    "columns", (json_int_t)columns),
                          err);
}

habit_status habit_export(const habit_options *options, const char *folder, const char *file,
                          char **report, habit_error *err)
{
    TRY(options_expect(options, "export", err));
    const export_options *o = options_of(options, export_table);
    habit_model *m;
    TRY(model_folder_open(&m, folder, err));
    const habit_status st = export_to(m, strcmp(o->of, "users") == 0, file, report, err);
    habit_model_free(m);
    return st;
}
