// checkpoint.c - a training that can be gone on with.
#include "train/checkpoint.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATE "state.safetensors"
enum { PROGRESS = 10, KINDS = 4 };
static const char *const kinds[KINDS] = { "now", "best", "first", "second" };

static void *array_of(const store *params, float *const *best, optimiser *o, int kind, size_t i)
{
    switch (kind) {
    case 0:
        return store_at(params, i)->data;
    case 1:
        return best ? best[i] : NULL;
    case 2:
        return optimiser_first(o, i);
    default:
        return optimiser_second(o, i);
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

habit_status checkpoint_write(const char *folder, const store *params, float *const *best,
                              optimiser *o, const progress *p, habit_error *err)
{
    const size_t count = store_count(params);
    double packed[PROGRESS];
    size_t n = 0;
    tensor_view *view = ZNEW(tensor_view, count * KINDS + 2);
    if (!view) return fail_memory(err, "checkpoint", count * sizeof *view);
    pack(packed, p);
    view[n++] = (tensor_view){
        .name = "progress", .type = TENSOR_F64, .dims = 1, .shape = { PROGRESS }, .data = packed
    };
    view[n++] = (tensor_view){ .name = "fingerprint",
                               .type = TENSOR_U64,
                               .dims = 1,
                               .shape = { 1 },
                               .data = &p->fingerprint };
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < count; i++) {
            void *data = array_of(params, best, o, kind, i);
            if (!data) continue;
            store_view(params, i, &view[n]);
            view[n].data = data;
            name_of(view[n].name, sizeof view[n].name, kind, store_at(params, i));
            n++;
        }
    folder_writer w;
    char *file = NULL;
    habit_status st = folder_create(&w, folder, err);
    if (st == HABIT_OK) {
        file = path_join(w.temporary, STATE);
        st = file ? safetensors_write(file, view, n, err) : fail_memory(err, "checkpoint", 0);
        if (st == HABIT_OK)
            st = folder_commit(&w, STATE, err);
        else
            folder_abandon(&w);
    }
    mem_free(file);
    mem_free(view);
    return st;
}

static habit_status take(void *to, const safetensors *s, const char *name, const param *p,
                         habit_error *err)
{
    const tensor_view *v = safetensors_find(s, name);
    if (!v || v->type != TENSOR_F32 || tensor_count(v) != p->rows * p->cols)
        return fail(err, HABIT_EFORMAT, "checkpoint: array '%s' is missing or of another size",
                    name);
    memcpy(to, v->data, p->rows * p->cols * sizeof(float));
    return HABIT_OK;
}

static habit_status read_arrays(const safetensors *s, store *params, float *const *best,
                                optimiser *o, const progress *p, habit_error *err)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < store_count(params); i++) {
            char name[128];
            void *to = array_of(params, p->best_epoch ? best : NULL, o, kind, i);
            if (!to) continue;
            name_of(name, sizeof name, kind, store_at(params, i));
            TRY(take(to, s, name, store_at(params, i), err));
        }
    return HABIT_OK;
}

habit_status checkpoint_read(const char *folder, store *params, float *const *best, optimiser *o,
                             progress *p, habit_error *err)
{
    safetensors s;
    char *file = path_join(folder, STATE);
    if (!file) return fail_memory(err, "checkpoint", 0);
    habit_status st = safetensors_open(&s, file, err);
    mem_free(file);
    if (st != HABIT_OK) return st;
    const tensor_view *v = safetensors_find(&s, "progress");
    const tensor_view *f = safetensors_find(&s, "fingerprint");
    if (!v || v->type != TENSOR_F64 || tensor_count(v) != PROGRESS || !f || f->type != TENSOR_U64 ||
        tensor_count(f) != 1) {
        st = fail(err, HABIT_EFORMAT, "%s is not a checkpoint", folder);
    } else {
        unpack(p, v->data, f->data);
        st = read_arrays(&s, params, best, o, p, err);
    }
    if (st == HABIT_OK) optimiser_set_steps(o, p->steps);
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
