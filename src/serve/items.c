// items.c - the table of items, and what is popular.
#include "serve/items.h"
#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POPULAR_MOST = 2000 };

habit_status items_init(items *t, int64_t half_life, habit_error *err)
{
    *t = (items){ .half_life = half_life, .version = 1 };
    if (pthread_rwlock_init(&t->lock, NULL)) return fail(err, HABIT_EIO, "cannot make a lock");
    t->popular = NEW(uint32_t, POPULAR_MOST);
    return t->popular ? HABIT_OK : fail_memory(err, "items", POPULAR_MOST * sizeof(uint32_t));
}

void items_free(items *t)
{
    for (size_t i = 0; i < t->names.count; i++) mem_free(t->at[i].fields);
    mem_free(t->at);
    mem_free(t->popular);
    ids_free(&t->names);
    ids_free(&t->categories);
    pthread_rwlock_destroy(&t->lock);
}

// Under the lock.
static uint32_t number_of(items *t, db_text id)
{
    uint32_t number;
    const uint32_t before = t->names.count;
    if (mem_grow((void **)&t->at, &t->cap, (size_t)before + 1, sizeof *t->at, "items", NULL) !=
        HABIT_OK)
        return IDS_NONE;
    if (ids_add(&t->names, id.at, id.len, &number, NULL) != HABIT_OK) return IDS_NONE;
    if (number == before) {
        t->at[number] = (item){ .time = TIME_NONE };
        for (int i = 0; i < ITEM_NEXT; i++) t->at[number].next[i] = IDS_NONE;
    }
    return number;
}

uint32_t items_number(items *t, db_text id)
{
    pthread_rwlock_rdlock(&t->lock);
    uint32_t number = items_find(t, id);
    pthread_rwlock_unlock(&t->lock);
    if (number != IDS_NONE) return number;
    pthread_rwlock_wrlock(&t->lock);
    number = number_of(t, id);
    pthread_rwlock_unlock(&t->lock);
    return number;
}

static habit_status set_categories(items *t, item *i, db_text list, habit_error *err)
{
    i->categories = 0;
    if (!list.at) return HABIT_OK;
    json_t *all = json_loadb(list.at, list.len, 0, NULL), *one;
    size_t k;
    habit_status st = HABIT_OK;
    json_array_foreach(all, k, one)
    {
        if (st != HABIT_OK || !json_is_string(one) || i->categories == ITEM_CATEGORIES) continue;
        st = ids_add(&t->categories, json_string_value(one), json_string_length(one),
                     &i->category[i->categories], err);
        if (st == HABIT_OK) i->categories++;
    }
    json_decref(all);
    return st;
}

habit_status items_put(items *t, const db_item *from, habit_error *err)
{
    char *fields = from->fields.at ? mem_strndup(from->fields.at, from->fields.len) : NULL;
    if (from->fields.at && !fields) return fail_memory(err, "fields", from->fields.len);
    pthread_rwlock_wrlock(&t->lock);
    const uint32_t number = number_of(t, from->id);
    habit_status st = number == IDS_NONE ? fail_memory(err, "items", sizeof(item)) : HABIT_OK;
    if (st == HABIT_OK) {
        item *i = &t->at[number];
        i->time = from->time, i->hidden = from->hidden, i->deleted = false;
        mem_free(i->fields);
        i->fields = fields;
        fields = NULL;
        st = set_categories(t, i, from->categories, err);
        t->version++;
    }
    pthread_rwlock_unlock(&t->lock);
    mem_free(fields);
    return st;
}

void items_delete(items *t, db_text id)
{
    pthread_rwlock_wrlock(&t->lock);
    const uint32_t number = items_find(t, id);
    if (number != IDS_NONE) {
        item *i = &t->at[number];
        mem_free(i->fields);
        *i = (item){ .time = TIME_NONE, .deleted = true };
        for (int k = 0; k < ITEM_NEXT; k++) i->next[k] = IDS_NONE;
        t->version++;
    }
    pthread_rwlock_unlock(&t->lock);
}

// --- popularity -------------------------------------------------------------------------------------

static double halved(const items *t, double weight, int64_t since, int64_t now)
{
    return now <= since ? weight : weight * exp2(-(double)(now - since) / (double)t->half_life);
}

double items_popularity(const items *t, uint32_t number, int64_t now)
{
    return halved(t, t->at[number].recent, t->at[number].recent_at, now);
}

// Space-saving: the least of the few makes room, and leaves its weight behind.
static void count_next(item *i, uint32_t next)
{
    int least = 0;
    for (int k = 0; k < ITEM_NEXT; k++) {
        if (i->next[k] == next) {
            i->next_weight[k]++;
            return;
        }
        if (i->next_weight[k] < i->next_weight[least]) least = k;
    }
    i->next[least] = next;
    i->next_weight[least]++;
}

void items_count(items *t, uint32_t number, uint32_t before, int64_t time)
{
    pthread_rwlock_wrlock(&t->lock);
    if (number < t->names.count) {
        item *i = &t->at[number];
        if (time >= i->recent_at) {
            i->recent = halved(t, i->recent, i->recent_at, time) + 1;
            i->recent_at = time;
        } else {
            i->recent += halved(t, 1, time, i->recent_at);
        }
        i->events++;
        if (before < t->names.count && before != number) {
            count_next(&t->at[before], number);
            count_next(i, before);
        }
    }
    pthread_rwlock_unlock(&t->lock);
}

typedef struct rated {
    double weight;
    uint32_t number;
} rated;

static int by_weight(const void *a, const void *b)
{
    const rated *x = a, *y = b;
    if (x->weight != y->weight) return x->weight < y->weight ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

void items_refresh(items *t, int64_t now)
{
    const double wall = clock_wall();
    pthread_rwlock_wrlock(&t->lock);
    const size_t n = t->names.count;
    rated *all = wall - t->popular_made > 1 || t->popular_made == 0 ? NEW(rated, n) : NULL;
    if (all) {
        for (uint32_t i = 0; i < n; i++) all[i] = (rated){ items_popularity(t, i, now), i };
        qsort(all, n, sizeof *all, by_weight);
        t->popular_count = 0;
        for (size_t i = 0; i < n && i < POPULAR_MOST && all[i].weight > 0; i++)
            t->popular[t->popular_count++] = all[i].number;
        t->popular_made = wall;
    }
    pthread_rwlock_unlock(&t->lock);
    mem_free(all);
}

// --- filters ----------------------------------------------------------------------------------------

bool items_has_category(const items *t, uint32_t number, uint32_t category)
{
    const item *i = &t->at[number];
    for (int k = 0; k < i->categories; k++)
        if (i->category[k] == category) return true;
    return false;
}

void items_visible(const items *t, uint64_t *allowed, size_t n)
{
    memset(allowed, 0, (n + 63) / 64 * sizeof *allowed);
    for (size_t i = 0; i < n && i < t->names.count; i++)
        allowed[i / 64] |= (uint64_t)(!t->at[i].hidden && !t->at[i].deleted) << i % 64;
}
