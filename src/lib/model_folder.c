// model_folder.c - a trained model as a folder.
#include "lib/model_folder.h"
#include "base/memory.h"
#include "base/json.h"
#include "models/checksums.h"

#include <stdio.h>
#include <string.h>

// --- writing -----------------------------------------------------------------------------------

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

// How the data was read and cleaned, so that evaluate can do the same; without what belongs to one
// run on one machine.
static json_t *json_of_reading(const opt_values *import)
{
    static const char *const passing[] = { "memory", "scratch", "rejects" };
    json_t *o = json_of_options(import, true);
    for (size_t i = 0; o && i < COUNT_OF(passing); i++) json_object_del(o, passing[i]);
    return o;
}

static json_t *config_of(const training *t)
{
    const char *name = last_part(t->data_name);
    // a postgres:// address may hold a password; the last part is the database, without its query
    json_t *data = json_stringn(name, strcspn(name, "?"));
    if (!data) data = json_string("(a name that is not UTF-8)");
    return json_pack(
        "{s:s, s:i, s:s, s:i, s:s, s:o, s:I, s:{s:o, s:o, s:I, s:I, s:I, s:o}, s:{s:s, s:o, s:s, "
        "s:o}}",
        "format", "habit-model", "version", MODEL_VERSION, "model", t->model->class->name,
        "model_version", t->model->class->version, "habit", habit_version(), "options",
        json_of_options(t->options, false), "seed", (json_int_t)t->seed, "data", "name", data,
        "fingerprint", json_fingerprint(t->data->fingerprint), "users", (json_int_t)t->data->users,
        "items", (json_int_t)t->data->items, "events", (json_int_t)t->data->events, "import",
        json_of_reading(t->import), "split", "protocol", split_protocol(t->split), "fingerprint",
        json_fingerprint(split_fingerprint(t->split)), "describe", split_describe(t->split),
        "options", json_of_options(t->protocol, false));
}

static habit_status write_history(const char *path, const dataset *d, habit_error *err)
{
    tensor_view t[5];
    size_t n = 0;
#define COLUMN(title, kind, length, pointer)                                                       \
    if (pointer)                                                                                   \
    t[n++] = (tensor_view){                                                                        \
        .name = title, .type = kind, .dims = 1, .shape = { length }, .data = pointer               \
    }
    COLUMN("offset", TENSOR_U64, (uint64_t)d->users + 1, d->offset);
    COLUMN("item", TENSOR_U32, d->events, d->item);
    COLUMN("time", TENSOR_I64, d->events, d->time);
    COLUMN("behaviour", TENSOR_U8, d->events, d->behaviour);
    COLUMN("value", TENSOR_F32, d->events, d->value);
#undef COLUMN
    return safetensors_write(path, t, n, err);
}

// The item column that people know items by, or NULL.
static const column *title_column(const dataset *d)
{
    static const char *const names_of_titles[] = { "title", "name", "movie_title", "item_name" };
    for (size_t i = 0; i < COUNT_OF(names_of_titles); i++) {
        const column *c = dataset_column(d, OF_ITEMS, names_of_titles[i]);
        if (c && (c->kind == COLUMN_TEXT || c->kind == COLUMN_TAG)) return c;
    }
    return NULL;
}

// One file of the folder: its name, and how it is written.
static habit_status write_part(const char *dir, const char *name, const training *t,
                               habit_error *err)
{
    char *path = path_join(dir, name);
    if (!path) return fail_memory(err, "path", strlen(dir));
    habit_status st = HABIT_OK;
    if (strcmp(name, "model.safetensors") == 0) {
        st = model_save(t->model, path, err);
    } else if (strcmp(name, "users.jsonl") == 0) {
        st = id_list_write(path, &t->data->user_ids, err);
    } else if (strcmp(name, "items.jsonl") == 0) {
        st = id_list_write(path, &t->data->item_ids, err);
    } else if (strcmp(name, "titles.jsonl") == 0) {
        const column *titles = title_column(t->data);
        if (titles) st = text_list_write(path, &titles->names, titles->tag, titles->rows, err);
    } else if (strcmp(name, "behaviours.jsonl") == 0) {
        const names *b = &t->data->behaviours;
        if (b->count) st = text_list_write(path, b, NULL, b->count, err);
    } else if (strcmp(name, "history.safetensors") == 0) {
        st = write_history(path, t->data, err);
    } else if (strcmp(name, "training.jsonl") == 0) {
        if (t->curve && t->curve->len) st = file_write(path, t->curve->data, t->curve->len, err);
    } else if (strcmp(name, "metrics.json") == 0) {
        st = json_write(path, t->metrics, err);
    } else {
        json_t *config = config_of(t);
        st = json_write(path, config, err);
        json_decref(config);
    }
    mem_free(path);
    return st;
}

habit_status model_folder_write(const char *path, const training *t, habit_error *err)
{
    folder_writer w;
    habit_status st = HABIT_OK;
    TRY(folder_create(&w, path, err));
    for (size_t i = 0; i < MODEL_FILES && st == HABIT_OK; i++)
        st = write_part(w.temporary, model_files[i], t, err);
    if (st == HABIT_OK) st = checksums_write(w.temporary, model_files, MODEL_FILES, err);
    if (st == HABIT_OK) return folder_commit(&w, MODEL_MARKER, err);
    folder_abandon(&w);
    return st;
}

// --- opening -----------------------------------------------------------------------------------

habit_status habit_model_open(habit_model **out, const char *dir, habit_error *err)
{
    habit_model *m;
    TRY(model_folder_open(&m, dir, err));
    if (m->model->class->encode) {
        const catalogue_items from = { .vector = m->model->item_vector,
                                       .bias = m->model->item_bias,
                                       .items = m->model->items,
                                       .dim = m->model->dim };
        const habit_status st = catalogue_new(&m->catalogue, &from, NULL, err);
        if (st != HABIT_OK) {
            habit_model_free(m);
            return st;
        }
    }
    *out = m;
    return HABIT_OK;
}

void habit_model_free(habit_model *m)
{
    if (!m) return;
    catalogue_free(m->catalogue);
    model_folder_close(m);
}

const char *habit_model_config(const habit_model *m)
{
    return m->config_text;
}
