// clean_core.c - the k-core: every user and every item that is left has at least so many events.
//
// Passes over the log until nothing changes.  Dropping only ever lowers counts, so whatever is
// dropped could not have stayed in any set with the property: what is left is the largest one,
// the same in whatever order events were dropped.
#include "base/memory.h"
#include "data/clean_parts.h"

static habit_status count_items(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                                habit_error *err)
{
    uint64_t *count = ctx; // [items]
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) count[c->d->item[e]] += clean_kept(c, e);
    return HABIT_OK;
}

static habit_status drop_rare(cleaning *c, void *ctx, uint32_t u, uint64_t begin, uint64_t end,
                              habit_error *err)
{
    uint64_t *count = ctx, mine = 0;
    const uint32_t *item = c->d->item;
    (void)u, (void)err;
    for (uint64_t e = begin; e < end; e++) {
        if (!clean_kept(c, e)) continue;
        mine++;
        if (count[item[e]] >= (uint64_t)c->o->item_core) continue;
        clean_drop(c, e);
        count[item[e]]--;
        mine--;
    }
    if (mine == 0 || mine >= (uint64_t)c->o->user_core) return HABIT_OK;
    for (uint64_t e = begin; e < end; e++) {
        if (!clean_kept(c, e)) continue;
        clean_drop(c, e);
        count[item[e]]--;
    }
    return HABIT_OK;
}

habit_status clean_core(cleaning *c, habit_error *err)
{
    uint64_t *count = ZNEW(uint64_t, c->d->items);
    if (!count) return fail_memory(err, "item counts", c->d->items * sizeof *count);
    habit_status st = clean_each_user(c, count_items, count, err);
    uint64_t before = c->left + 1;
    for (int pass = 1; st == HABIT_OK && c->left < before; pass++) {
        before = c->left;
        st = clean_each_user(c, drop_rare, count, err);
        run_log(c->run, LOG_DETAIL, "k-core: pass %d, %llu events left", pass,
                (unsigned long long)c->left);
    }
    mem_free(count);
    return st;
}
