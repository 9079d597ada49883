// folder.c - opening a model folder: everything is checked before anything is believed.
#include "models/folder.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/checksums.h"

#include <string.h>

const char *const model_files[MODEL_FILES] = {
    "model.safetensors",   "users.jsonl",    "items.jsonl",  "titles.jsonl", "behaviours.jsonl",
    "history.safetensors", "training.jsonl", "metrics.json", MODEL_MARKER
};

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

// Arrays of another version would be computed with in another way.
static habit_status check_version(const json_t *config, const model_class *c, const char *path,
                                  habit_error *err)
{
    const json_t *given = json_object_get(config, "model_version");
    const json_int_t version = given ? json_integer_value(given) : 1; // first ones did not say
    if (version == c->version) return HABIT_OK;
    return fail(err, HABIT_EFORMAT,
                "%s: %s of version %lld, this habit has version %d: train again", path, c->name,
                (long long)version, c->version);
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
    TRY(check_version(m->config, c, path, err));
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
    if (st == HABIT_OK) st = checksums_check(path, model_files, MODEL_FILES, err);
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
        model_folder_close(m);
        return st;
    }
    *out = m;
    return HABIT_OK;
}

void model_folder_close(habit_model *m)
{
    if (!m) return;
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
