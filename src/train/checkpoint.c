// checkpoint.c - a training that can be gone on with.
#include "train/checkpoint.h"
#include "base/file.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATE "state.safetensors"
enum { PROGRESS = 10, KINDS = 4, EPOCH_COLUMNS = 5 };
static const char *const kinds[KINDS] = { "now", "best", "first", "second" };

static void *array_of(const checkpoint *c, int kind, size_t i)
{
    switch (kind) {
    case 0:
        return store_at(c->params, i)->data;
    case 1:
        return c->best && c->progress->best_epoch ? c->best[i] : NULL;
    case 2:
        return optimiser_first(c->optimiser, i);
    default:
        return optimiser_second(c->optimiser, i);
    }
}

// Numbers below 2^53 are exact as doubles; the fingerprint is kept in two halves.
static void pack(double *to, const progress *p)
{
    const double all[PROGRESS] = {
        (double)p->epoch, (double)p->step, (double)p->steps,      p->loss,          p->targets,
        p->seconds,       p->best,         (double)p->best_epoch, (double)p->stale, 0
    };
    memcpy(to, all, sizeof all);
}

static void unpack(progress *p, const double *from, const uint64_t *fingerprint)
{
    *p = (progress){ .epoch = (uint64_t)from[0],
                     .step = (uint64_t)from[1],
                     .steps = (uint64_t)from[2],
                     .loss = from[3],
                     .targets = from[4],
                     .seconds = from[5],
                     .best = from[6],
                     .best_epoch = (uint64_t)from[7],
                     .stale = (uint64_t)from[8],
                     .fingerprint = *fingerprint };
}

static void name_of(char *to, size_t size, int kind, const param *p)
{
    snprintf(to, size, "%s.%s", kinds[kind], p->name);
}

static tensor_view view_of(const char *name, tensor_type type, const void *data, size_t rows,
                           size_t cols)
{
    tensor_view v = { .type = type, .dims = cols ? 2 : 1, .shape = { rows, cols }, .data = data };
    snprintf(v.name, sizeof v.name, "%s", name);
    return v;
}

static size_t list_arrays(tensor_view *view, const checkpoint *c)
{
    size_t n = 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < store_count(c->params); i++) {
            void *data = array_of(c, kind, i);
            if (!data) continue;
            store_view(c->params, i, &view[n]);
            view[n].data = data;
            name_of(view[n].name, sizeof view[n].name, kind, store_at(c->params, i));
            n++;
        }
    return n;
}

static void pack_epochs(double *to, const epoch_note *e, size_t n)
{
    for (size_t i = 0; i < n; i++, to += EPOCH_COLUMNS) {
        to[0] = e[i].loss;
        to[1] = (double)e[i].targets;
        to[2] = e[i].seconds;
        to[3] = e[i].metric ? e[i].valid : (double)NAN;
        to[4] = e[i].best;
    }
}

static habit_status write_folder(const char *folder, const tensor_view *view, size_t n,
                                 habit_error *err)
{
    folder_writer w;
    TRY(folder_create(&w, folder, err));
    char *file = path_join(w.temporary, STATE);
    habit_status st = file ? safetensors_write(file, view, n, err)
                           : fail_memory(err, "checkpoint", strlen(folder));
    mem_free(file);
    if (st == HABIT_OK) return folder_commit(&w, STATE, err);
    folder_abandon(&w);
    return st;
}

habit_status checkpoint_write(const char *folder, const checkpoint *c, habit_error *err)
{
    const size_t epochs = (size_t)c->progress->epoch;
    tensor_view *view = ZNEW(tensor_view, store_count(c->params) * KINDS + 4);
    double *table = NEW(double, epochs *EPOCH_COLUMNS + 1), packed[PROGRESS];
    habit_status st = HABIT_OK;
    if (view && table) {
        size_t n = list_arrays(view, c);
        pack(packed, c->progress);
        pack_epochs(table, c->epochs, epochs);
        view[n++] = view_of("progress", TENSOR_F64, packed, PROGRESS, 0);
        view[n++] = view_of("fingerprint", TENSOR_U64, &c->progress->fingerprint, 1, 0);
        view[n++] = view_of("epochs", TENSOR_F64, table, epochs, EPOCH_COLUMNS);
        if (c->carried_count)
            view[n++] = view_of("carried", TENSOR_F32, c->carried, c->carried_count, 0);
        st = write_folder(folder, view, n, err);
    } else {
        st = fail_memory(err, "checkpoint", store_count(c->params) * sizeof *view);
    }
    mem_free(table);
    mem_free(view);
    return st;
}

// --- reading ----------------------------------------------------------------------------------------

static habit_status take(void *to, const safetensors *s, const char *name, size_t count,
                         habit_error *err)
{
    const tensor_view *v = safetensors_find(s, name);
    if (!v || v->type != TENSOR_F32 || tensor_count(v) != count)
        return fail(err, HABIT_EFORMAT, "checkpoint: array '%s' is missing or of another size",
                    name);
    memcpy(to, v->data, count * sizeof(float));
    return HABIT_OK;
}

static habit_status take_arrays(const safetensors *s, const checkpoint *c, habit_error *err)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < store_count(c->params); i++) {
            char name[128];
            const param *p = store_at(c->params, i);
            void *to = array_of(c, kind, i);
            if (!to) continue;
            name_of(name, sizeof name, kind, p);
            TRY(take(to, s, name, p->rows * p->cols, err));
        }
    return c->carried_count ? take(c->carried, s, "carried", c->carried_count, err) : HABIT_OK;
}

// An array of the file with `count` elements of the type, or NULL.
static const void *find(const safetensors *s, const char *name, tensor_type type, uint64_t count)
{
    const tensor_view *v = safetensors_find(s, name);
    return v && v->type == type && tensor_count(v) == count ? v->data : NULL;
}

static bool take_epochs(const safetensors *s, checkpoint *c)
{
    const uint64_t n = c->progress->epoch;
    const double *from = find(s, "epochs", TENSOR_F64, n * EPOCH_COLUMNS);
    if (n > c->epochs_cap || (n && !from)) return false;
    for (size_t i = 0; i < n; i++, from += EPOCH_COLUMNS)
        c->epochs[i] = (epoch_note){ .epoch = (int)i + 1,
                                     .loss = from[0],
                                     .targets = (uint64_t)from[1],
                                     .seconds = from[2],
                                     .valid = from[3],
                                     .best = from[4] > 0,
                                     .again = true };
    return true;
}

static habit_status take_all(const safetensors *s, checkpoint *c, const char *folder,
                             habit_error *err)
{
    const double *packed = find(s, "progress", TENSOR_F64, PROGRESS);
    const uint64_t *fingerprint = find(s, "fingerprint", TENSOR_U64, 1);
    if (!packed || !fingerprint) return fail(err, HABIT_EFORMAT, "%s is not a checkpoint", folder);
    unpack(c->progress, packed, fingerprint);
    if (!take_epochs(s, c)) return fail(err, HABIT_EFORMAT, "%s: its epochs are malformed", folder);
    TRY(take_arrays(s, c, err));
    optimiser_set_steps(c->optimiser, c->progress->steps);
    return HABIT_OK;
}

habit_status checkpoint_read(const char *folder, checkpoint *c, habit_error *err)
{
    safetensors s;
    char *file = path_join(folder, STATE);
    if (!file) return fail_memory(err, "checkpoint", strlen(folder));
    habit_status st = safetensors_open(&s, file, err);
    mem_free(file);
    if (st != HABIT_OK) return st;
    st = take_all(&s, c, folder, err);
    safetensors_close(&s);
    return st;
}

bool checkpoint_exists(const char *folder)
{
    char *file = path_join(folder, STATE);
    const bool there = file && file_exists(file);
    mem_free(file);
    return there;
}

void checkpoint_remove(const char *folder)
{
    char *file = path_join(folder, STATE);
    if (file) unlink(file);
    mem_free(file);
    rmdir(folder);
}
