// direct.c - what the models that write all scores themselves have in common.
#include "models/direct.h"
#include "base/memory.h"

#include <string.h>

habit_status direct_new(void **out, const model_class *class, size_t size, habit_error *err)
{
    direct *d = mem_zalloc(1, size);
    if (!d) return fail_memory(err, class->name, size);
    d->base.class = class;
    *out = d;
    return HABIT_OK;
}

habit_status direct_learn(direct *d, uint32_t users, uint32_t items, const csr *by_item,
                          habit_error *err)
{
    float *popularity = ZNEW(float, items);
    if (!popularity) return fail_memory(err, "popularity", (size_t)items * sizeof *popularity);
    for (uint32_t i = 0; by_item && i < items; i++)
        popularity[i] = (float)(by_item->start[i + 1] - by_item->start[i]);
    d->base.users = users;
    d->base.items = items;
    d->popularity = popularity;
    return HABIT_OK;
}

size_t direct_fields(direct *d, model_field *out)
{
    out[0] = (model_field){ .name = "popularity",
                            .type = TENSOR_F32,
                            .dims = 1,
                            .shape = { d->base.items },
                            .data = (const void **)&d->popularity,
                            .shape_out = { &d->loaded } };
    return DIRECT_FIELDS;
}

habit_status direct_ready(direct *d, habit_error *err)
{
    if (d->loaded == d->base.items) return HABIT_OK;
    return fail(err, HABIT_EFORMAT, "%s: %llu counts for %u items: the file is damaged",
                d->base.class->name, (unsigned long long)d->loaded, d->base.items);
}

void direct_release(direct *d)
{
    if (!d->base.loaded) mem_free((void *)d->popularity); // else it belongs to the mapping
}

void direct_cold(const direct *d, float *scores)
{
    memcpy(scores, d->popularity, (size_t)d->base.items * sizeof *scores);
}
