// arena.c - bump allocator: measure, allocate once, place.
#include "base/arena.h"
#include "base/memory.h"

#include <string.h>

habit_status arena_init_bytes(arena *a, size_t bytes, habit_error *err)
{
    unsigned char *p = mem_alloc(bytes, 1);
    if (!p) return fail_memory(err, "working memory", bytes);
    *a = (arena){ .base = p, .cap = bytes };
    return HABIT_OK;
}

habit_status arena_init(arena *a, const arena *plan, habit_error *err)
{
    if (plan->failed) return fail(err, HABIT_ENOMEM, "out of memory: layout too large");
    return arena_init_bytes(a, plan->used, err);
}

void arena_free(arena *a)
{
    mem_free(a->base);
    *a = (arena){ 0 };
}

void *arena_alloc(arena *a, size_t n, size_t size)
{
    if (size != 0 && n > (SIZE_MAX - ARENA_ALIGN) / size) goto failed;
    size_t bytes = (n * size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

    if (!a->base) { // measuring
        if (bytes > SIZE_MAX - a->used) goto failed;
        a->used += bytes;
        return NULL;
    }
    if (bytes > a->cap - a->used) goto failed;
    void *p = memset(a->base + a->used, 0, bytes);
    a->used += bytes;
    return p;

failed:
    a->failed = true;
    return NULL;
}
