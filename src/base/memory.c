// memory.c - the one door to the allocator.
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_ALIGN = 64 }; // one cache line, one AVX-512 register

static atomic_long fail_countdown = -1;
static atomic_long live_blocks = 0, all_blocks = 0;

void mem_fail_after(long n)
{
    atomic_store(&fail_countdown, n);
}
long mem_live(void)
{
    return atomic_load(&live_blocks);
}

long mem_count(void)
{
    return atomic_load(&all_blocks);
}

static int must_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0) return 0;
    return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

void *mem_alloc(size_t n, size_t size)
{
    if (size != 0 && n > (SIZE_MAX - MEM_ALIGN) / size) return NULL;
    if (must_fail()) return NULL;
    size_t bytes = (n * size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    void *p = aligned_alloc(MEM_ALIGN, bytes ? bytes : MEM_ALIGN);
    if (p) {
        atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&all_blocks, 1, memory_order_relaxed);
    }
    return p;
}

void *mem_zalloc(size_t n, size_t size)
{
    void *p = mem_alloc(n, size);
    return p ? memset(p, 0, n * size) : NULL;
}

void *mem_resize(void *p, size_t used, size_t n, size_t size)
{
    void *q = mem_alloc(n, size);
    if (!q) return NULL;
    if (p) memcpy(q, p, used < n * size ? used : n * size);
    mem_free(p);
    return q;
}

void mem_free(void *p)
{
    if (!p) return;
    atomic_fetch_sub(&live_blocks, 1);
    free(p);
}

char *mem_strndup(const char *s, size_t len)
{
    char *p = mem_alloc(len + 1, 1);
    if (!p) return NULL;
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

habit_status mem_grow(void **items, size_t *cap, size_t need, size_t size, const char *what,
                      habit_error *err)
{
    if (need <= *cap) return HABIT_OK;
    size_t want = *cap + *cap / 2 + 16;
    if (want < need) want = need;
    void *p = mem_resize(*items, *cap * size, want, size);
    if (!p) return fail_memory(err, what, want * size);
    *items = p;
    *cap = want;
    return HABIT_OK;
}
