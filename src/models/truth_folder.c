// truth_folder.c - the truth of a simulation as a model folder, like any other (lib/model_folder.h).
//
// It learned from no log: its data and split carry the fingerprint 0 and the protocol "none".
#include "models/truth.h"
#include "base/memory.h"

#include "models/registry.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One id as a JSON string per line, line k the id of number k.
static habit_status write_ids(const char *path, const world *w, bool users, habit_error *err)
{
    enum { FLUSH = 1 << 20 };
    const uint32_t n = users ? w->users : w->items;
    file_writer f;
    char *text = NEW(char, FLUSH + WORLD_ID + 3), *p = text;
    if (!text) return fail_memory(err, "ids", FLUSH);
    const habit_status st = file_create(&f, path, err);
    for (uint32_t k = 0; st == HABIT_OK && k < n; k++) {
        *p++ = '"';
        p = users ? world_put_user(p, w, k) : world_put_item(p, w, k);
        *p++ = '"';
        *p++ = '\n';
        if (p - text < FLUSH && k + 1 < n) continue;
        fwrite(text, 1, (size_t)(p - text), f.stream); // a failure is kept for file_commit()
        p = text;
    }
    mem_free(text);
    return st == HABIT_OK ? file_commit(&f, err) : st;
}

static habit_status write_users(const char *path, const world *w, habit_error *err)
{
    return write_ids(path, w, true, err);
}

static habit_status write_items(const char *path, const world *w, habit_error *err)
{
    return write_ids(path, w, false, err);
}

static habit_status write_arrays(const char *path, const world *w, habit_error *err)
{
    model *m;
    TRY(truth_new(&m, w, err));
    const habit_status st = model_save(m, path, err);
    model_free(m);
    return st;
}

static habit_status write_history(const char *path, const world *w, habit_error *err)
{
    uint64_t *offset = ZNEW(uint64_t, (size_t)w->users + 1);
    if (!offset) return fail_memory(err, "history", sizeof *offset * w->users);
    const tensor_view t[] = {
        { .name = "offset",
          .type = TENSOR_U64,
          .dims = 1,
          .shape = { (uint64_t)w->users + 1 },
          .data = offset },
        { .name = "item", .type = TENSOR_U32, .dims = 1, .shape = { 0 }, .data = offset },
        { .name = "time", .type = TENSOR_I64, .dims = 1, .shape = { 0 }, .data = offset },
    };
    const habit_status st = safetensors_write(path, t, COUNT_OF(t), err);
    mem_free(offset);
    return st;
}

static habit_status write_json(const char *path, json_t *value, habit_error *err)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text) return fail_memory(err, path, 0);
    const habit_status st = file_write(path, text, strlen(text), err);
    free(text); // jansson's
    return st;
}

static habit_status write_metrics(const char *path, const world *w, habit_error *err)
{
    (void)w;
    return write_json(path, json_object(), err);
}

static habit_status write_config(const char *path, const world *w, habit_error *err)
{
    static const char nothing[] = "0x0000000000000000";
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", HABIT_VERSION_MAJOR, HABIT_VERSION_MINOR,
             HABIT_VERSION_PATCH);
    json_t *config = json_pack(
        "{s:s, s:i, s:s, s:i, s:s, s:{}, s:I, s:{s:s, s:s, s:I, s:I, s:i, s:{}}, s:{s:s, s:s, s:s, "
        "s:{}}}",
        "format", "habit-model", "version", 1, "model", model_class_truth.name, "model_version",
        model_class_truth.version, "habit", version, "options", "seed", (json_int_t)w->seed, "data",
        "name", "habit simulate", "fingerprint", nothing, "users", (json_int_t)w->users, "items",
        (json_int_t)w->items, "events", 0, "import", "split", "protocol", "none", "fingerprint",
        nothing, "describe",
        "learned from no log: these are the parameters that the log was drawn from", "options");
    return write_json(path, config, err);
}

habit_status truth_save(void *ctx, const world *w, const char *dir, habit_error *err)
{
    static const struct {
        const char *name;
        habit_status (*write)(const char *path, const world *w, habit_error *err);
    } parts[] = {
        { "model.safetensors", write_arrays }, { "users.jsonl", write_users },
        { "items.jsonl", write_items },        { "history.safetensors", write_history },
        { "metrics.json", write_metrics },     { "config.json", write_config },
    };
    folder_writer folder;
    (void)ctx;
    TRY(folder_create(&folder, dir, err));
    for (size_t k = 0; k < COUNT_OF(parts); k++) {
        char *path = path_join(folder.temporary, parts[k].name);
        const habit_status st =
            path ? parts[k].write(path, w, err) : fail_memory(err, "path", strlen(dir));
        mem_free(path);
        if (st == HABIT_OK) continue;
        folder_abandon(&folder);
        return st;
    }
    return folder_commit(&folder, "config.json", err);
}
