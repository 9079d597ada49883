// model_folder.c - a trained model as a folder.
#include "lib/model_folder.h"
#include "base/memory.h"
#include "lib/json.h"

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
        "{s:s, s:i, s:s, s:s, s:o, s:I, s:{s:o, s:o, s:I, s:I, s:I, s:o}, s:{s:s, s:o, s:s, s:o}}",
        "format", "habit-model", "version", MODEL_VERSION, "model", t->model->class->name, "habit",
        habit_version(), "options", json_of_options(t->options, false), "seed", (json_int_t)t->seed,
        "data", "name", data, "fingerprint", json_fingerprint(t->data->fingerprint), "users",
        (json_int_t)t->data->users, "items", (json_int_t)t->data->items, "events",
        (json_int_t)t->data->events, "import", json_of_reading(t->import), "split", "protocol",
        split_protocol(t->split), "fingerprint", json_fingerprint(split_fingerprint(t->split)),
        "describe", split_describe(t->split), "options", json_of_options(t->protocol, false));
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
    static const char *const parts[] = {
        "model.safetensors",   "users.jsonl",    "items.jsonl",  "titles.jsonl", "behaviours.jsonl",
        "history.safetensors", "training.jsonl", "metrics.json", MODEL_MARKER
    };
    folder_writer w;
    TRY(folder_create(&w, path, err));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const habit_status st = write_part(w.temporary, parts[i], t, err);
        if (st == HABIT_OK) continue;
        folder_abandon(&w);
        return st;
    }
    return folder_commit(&w, MODEL_MARKER, err);
}

// --- reading -----------------------------------------------------------------------------------

static habit_status read_config(habit_model *m, const char *path, habit_error *err)
{
    size_t len;
    habit_status st = file_read(&m->config_text, &len, path, 1 << 20, err);
    if (st == HABIT_ENOTFOUND)
        return fail(err, HABIT_ENOTFOUND, "%s: no model there (%s is missing)", m->path,
                    MODEL_MARKER);
    if (st != HABIT_OK) return st;
    json_error_t e;
    m->config = json_loadb(m->config_text, len, JSON_REJECT_DUPLICATES, &e);
    if (!m->config) return fail(err, HABIT_EFORMAT, "%s:%d:%d: %s", path, e.line, e.column, e.text);
    const char *format = json_string_value(json_object_get(m->config, "format"));
    if (!format || strcmp(format, "habit-model") != 0)
        return fail(err, HABIT_EFORMAT, "%s: not a habit model", path);
    const json_int_t version = json_integer_value(json_object_get(m->config, "version"));
    if (version != MODEL_VERSION)
        return fail(err, HABIT_EFORMAT, "%s: model version %lld, this habit reads %d", path,
                    (long long)version, MODEL_VERSION);
    return HABIT_OK;
}

// The class, its options and the fingerprints that config.json names.
static habit_status understand(const model_class **class, habit_model *m, const char *path,
                               habit_error *err)
{
    const char *name = NULL, *data = NULL, *cut = NULL;
    json_t *options = NULL;
    json_error_t e;
    if (json_unpack_ex(m->config, &e, 0, "{s:s, s:o, s:{s:s}, s:{s:s, s:s}}", "model", &name,
                       "options", &options, "data", "fingerprint", &data, "split", "protocol",
                       &m->protocol, "fingerprint", &cut) != 0)
        return fail(err, HABIT_EFORMAT, "%s: %s", path, e.text);
    const json_t *of_data = json_object_get(json_object_get(m->config, "data"), "fingerprint");
    const json_t *of_split = json_object_get(json_object_get(m->config, "split"), "fingerprint");
    if (!json_fingerprint_of(of_data, &m->data) || !json_fingerprint_of(of_split, &m->split))
        return fail(err, HABIT_EFORMAT, "%s: a fingerprint is malformed", path);
    const model_class *c = model_find(name);
    if (!c) return fail(err, HABIT_EFORMAT, "%s: this habit has no model '%s'", path, name);
    TRY(opt_values_init(&m->options, c->table, c->options_size, err));
    *class = c;
    return json_to_options(&m->options, options, path, err);
}

// A column of `count` elements, or NULL if it is absent.
static habit_status column_of_file(const void **out, const history *h, const char *name,
                                   tensor_type type, uint64_t count, habit_error *err)
{
    const tensor_view *t = safetensors_find(&h->file, name);
    *out = t ? t->data : NULL;
    if (t && (t->type != type || t->dims != 1 || t->shape[0] != count))
        return fail(err, HABIT_EFORMAT, "history.safetensors: '%s' has the wrong type or shape",
                    name);
    return HABIT_OK;
}

static habit_status open_history(history *out, const char *path, uint32_t users, uint32_t items,
                                 habit_error *err)
{
    history h = { 0 };
    TRY(safetensors_open(&h.file, path, err));
    habit_status st = column_of_file((const void **)&h.offset, &h, "offset", TENSOR_U64,
                                     (uint64_t)users + 1, err);
    if (st == HABIT_OK && (!h.offset || h.offset[0] != 0))
        st = fail(err, HABIT_EFORMAT, "%s: 'offset' is missing or does not begin at 0", path);
    for (uint32_t u = 0; st == HABIT_OK && u < users; u++)
        if (h.offset[u] > h.offset[u + 1])
            st = fail(err, HABIT_EFORMAT, "%s: 'offset' descends at user %u", path, u);
    const uint64_t n = st == HABIT_OK ? h.offset[users] : 0;
#define COLUMN(field, name, type)                                                                  \
    if (st == HABIT_OK) st = column_of_file((const void **)&h.field, &h, name, type, n, err)
    COLUMN(item, "item", TENSOR_U32);
    COLUMN(time, "time", TENSOR_I64);
    COLUMN(behaviour, "behaviour", TENSOR_U8);
    COLUMN(value, "value", TENSOR_F32);
#undef COLUMN
    if (st == HABIT_OK && n && !h.item)
        st = fail(err, HABIT_EFORMAT, "%s: 'item' is missing", path);
    for (uint64_t e = 0; st == HABIT_OK && e < n; e++)
        if (h.item[e] >= items)
            st = fail(err, HABIT_EFORMAT, "%s: event %llu has no item %u", path,
                      (unsigned long long)e, h.item[e]);
    if (st != HABIT_OK) {
        safetensors_close(&h.file);
        return st;
    }
    h.last = TIME_NONE;
    for (uint64_t e = 0; h.time && e < n; e++)
        if (h.time[e] > h.last) h.last = h.time[e];
    *out = h;
    return HABIT_OK;
}

static habit_status check_sizes(const habit_model *m, habit_error *err)
{
    if (m->model->users != m->users.count && m->model->users != 0)
        return fail(err, HABIT_EFORMAT, "%s: the model has %u users, users.jsonl %u", m->path,
                    m->model->users, m->users.count);
    if (m->titles.count && m->titles.count != m->items.count)
        return fail(err, HABIT_EFORMAT, "%s: %u items, but titles.jsonl has %u lines", m->path,
                    m->items.count, m->titles.count);
    if (m->model->items != m->items.count)
        return fail(err, HABIT_EFORMAT, "%s: the model has %u items, items.jsonl %u", m->path,
                    m->model->items, m->items.count);
    return HABIT_OK;
}

habit_status model_folder_open(habit_model **out, const char *path, habit_error *err)
{
    habit_model *m = ZNEW(habit_model, 1);
    const model_class *class = NULL;
    char *config = path_join(path, MODEL_MARKER), *arrays = path_join(path, "model.safetensors");
    char *users = path_join(path, "users.jsonl"), *items = path_join(path, "items.jsonl");
    char *past = path_join(path, "history.safetensors"), *titles = path_join(path, "titles.jsonl");
    char *behaviours = path_join(path, "behaviours.jsonl");
    habit_status st = HABIT_OK;
    if (!m || !config || !arrays || !users || !items || !past || !titles || !behaviours ||
        !(m->path = mem_strdup(path)))
        st = fail_memory(err, path, sizeof *m);
    if (st == HABIT_OK) st = read_config(m, config, err);
    if (st == HABIT_OK) st = understand(&class, m, config, err);
    if (st == HABIT_OK) st = id_list_load(&m->users, users, err);
    if (st == HABIT_OK) st = id_list_load(&m->items, items, err);
    if (st == HABIT_OK && file_exists(titles)) st = text_list_load(&m->titles, titles, err);
    if (st == HABIT_OK && file_exists(behaviours))
        st = text_list_load(&m->behaviours, behaviours, err);
    if (st == HABIT_OK) st = model_load(&m->model, class, arrays, m->options.values, err);
    if (st == HABIT_OK) st = check_sizes(m, err);
    if (st == HABIT_OK) st = open_history(&m->history, past, m->users.count, m->items.count, err);
    mem_free(config);
    mem_free(arrays);
    mem_free(users);
    mem_free(items);
    mem_free(past);
    mem_free(titles);
    mem_free(behaviours);
    if (st != HABIT_OK) {
        habit_model_free(m);
        return st;
    }
    *out = m;
    return HABIT_OK;
}

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
    model_free(m->model);
    opt_values_free(&m->options);
    id_list_free(&m->users);
    id_list_free(&m->items);
    id_list_free(&m->titles);
    id_list_free(&m->behaviours);
    safetensors_close(&m->history.file);
    json_decref(m->config);
    mem_free(m->config_text);
    mem_free(m->path);
    mem_free(m);
}

const char *habit_model_config(const habit_model *m)
{
    return m->config_text;
}
