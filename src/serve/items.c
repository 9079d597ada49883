// items.c - the table of items, and what is popular.
#include "serve/items.h"
#include "base/clock.h"
#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { CATEGORY_LISTED = 100 };

// Readers come without end: a writer that waits goes before those that come later.
static int make_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t kind;
    int failed = pthread_rwlockattr_init(&kind);
    if (failed) return failed;
#ifdef __GLIBC__
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    failed = pthread_rwlock_init(lock, &kind);
    pthread_rwlockattr_destroy(&kind);
    return failed;
}

habit_status items_init(items *t, int64_t half_life, habit_error *err)
{
    *t = (items){ .half_life = half_life, .version = 1 };
    t->popular.most = t->latest.most = ITEMS_LISTED;
    return make_lock(&t->lock) ? fail(err, HABIT_EIO, "cannot make a lock") : HABIT_OK;
}

void items_free(items *t)
{
    for (size_t i = 0; i < t->names.count; i++) mem_free(t->at[i].fields);
    for (size_t i = 0; i < t->category_cap; i++) leaders_free(&t->of_category[i]);
    mem_free(t->at);
    mem_free(t->published);
    mem_free(t->visible);
    mem_free(t->of_category);
    leaders_free(&t->popular);
    leaders_free(&t->latest);
    ids_free(&t->names);
    ids_free(&t->categories);
    ids_free(&t->gone);
    pthread_rwlock_destroy(&t->lock);
}

// --- changing, under the lock -----------------------------------------------------------------------

static bool make_room(items *t)
{
    const size_t n = (size_t)t->names.count + 1, words = t->visible_cap;
    if (mem_grow((void **)&t->at, &t->cap, n, sizeof *t->at, "items", NULL) != HABIT_OK ||
        mem_grow((void **)&t->published, &t->published_cap, n, sizeof *t->published, "items",
                 NULL) != HABIT_OK ||
        mem_grow((void **)&t->visible, &t->visible_cap, n / 64 + 1, sizeof *t->visible, "items",
                 NULL) != HABIT_OK)
        return false;
    memset(t->visible + words, 0, (t->visible_cap - words) * sizeof *t->visible);
    return true;
}

static void set_visible(items *t, uint32_t number, bool visible)
{
    const uint64_t bit = UINT64_C(1) << number % 64;
    t->visible[number / 64] = (t->visible[number / 64] & ~bit) | (visible ? bit : 0);
}

static void forget_next(item_row *i)
{
    for (int k = 0; k < ITEM_NEXT; k++) i->next[k] = IDS_NONE, i->next_weight[k] = 0;
}

static uint32_t number_of(items *t, db_text id)
{
    uint32_t number;
    const uint32_t before = t->names.count;
    if (!make_room(t) || ids_add(&t->names, id.at, id.len, &number, NULL) != HABIT_OK)
        return IDS_NONE;
    if (number == before) {
        const uint64_t hash = ids_hash(id.at, id.len);
        const bool gone =
            t->gone.count && ids_get(&t->gone, (const char *)&hash, sizeof hash) != IDS_NONE;
        t->at[number] = (item_row){ .deleted = gone };
        forget_next(&t->at[number]);
        t->published[number] = TIME_NONE;
        set_visible(t, number, !gone);
    }
    return number;
}

static void note_change(items *t, uint32_t number)
{
    t->version++;
    t->changed[t->version % ITEMS_CHANGED] = number;
}

double popular_key(const items *t, uint32_t number)
{
    const item_row *i = &t->at[number];
    return i->recent > 0 ? log2(i->recent) + (double)i->recent_at / (double)t->half_life
                         : -INFINITY;
}

static double latest_key(const items *t, uint32_t number)
{
    return t->published[number] == TIME_NONE ? -INFINITY : (double)t->published[number];
}

static void move_in_categories(items *t, uint32_t number, double old, double key)
{
    const item_row *i = &t->at[number];
    for (int k = 0; k < i->categories; k++) {
        const size_t c = i->category[k], cap = t->category_cap;
        if (mem_grow((void **)&t->of_category, &t->category_cap, c + 1, sizeof *t->of_category,
                     "categories", NULL) != HABIT_OK)
            continue;
        for (size_t n = cap; n < t->category_cap; n++)
            t->of_category[n] = (leaders){ .most = CATEGORY_LISTED };
        leaders_move(&t->of_category[c], number, old, key);
    }
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

static bool has_category(const item_row *i, uint32_t category)
{
    for (int k = 0; k < i->categories; k++)
        if (i->category[k] == category) return true;
    return false;
}

static habit_status set_categories(items *t, item_row *i, db_text list, habit_error *err)
{
    i->categories = 0;
    if (!list.at) return HABIT_OK;
    json_t *all = json_loadb(list.at, list.len, 0, NULL), *one;
    size_t k;
    habit_status st = HABIT_OK;
    json_array_foreach(all, k, one)
    {
        uint32_t number;
        if (st != HABIT_OK || !json_is_string(one) || i->categories == ITEM_CATEGORIES) continue;
        st = ids_add(&t->categories, json_string_value(one), json_string_length(one), &number, err);
        if (st == HABIT_OK && !has_category(i, number)) i->category[i->categories++] = number;
    }
    json_decref(all);
    return st;
}

// Of a patch what is given only; else all of it.
static habit_status put(items *t, const db_item *from, bool patch, habit_error *err)
{
    char *fields = from->fields.at ? mem_strndup(from->fields.at, from->fields.len) : NULL;
    if (from->fields.at && !fields) return fail_memory(err, "fields", from->fields.len);
    pthread_rwlock_wrlock(&t->lock);
    const uint32_t number = number_of(t, from->id);
    habit_status st = number == IDS_NONE ? fail_memory(err, "items", sizeof(item_row)) : HABIT_OK;
    if (st == HABIT_OK) {
        item_row *i = &t->at[number];
        const double key = popular_key(t, number), before = latest_key(t, number);
        if (!patch || !from->keep_hidden) i->hidden = from->hidden;
        i->deleted = false;
        set_visible(t, number, !i->hidden);
        if (!patch || from->time != TIME_NONE) t->published[number] = from->time;
        leaders_move(&t->latest, number, before, latest_key(t, number));
        if (!patch || fields) {
            mem_free(i->fields);
            i->fields = fields;
            fields = NULL;
        }
        move_in_categories(t, number, key, -INFINITY);
        if (!patch || from->categories.at) st = set_categories(t, i, from->categories, err);
        move_in_categories(t, number, -INFINITY, key);
        leaders_move(&t->popular, number, key, key); // it may come back from deletion
        note_change(t, number);
    }
    pthread_rwlock_unlock(&t->lock);
    mem_free(fields);
    return st;
}

habit_status items_put(items *t, const db_item *i, habit_error *err)
{
    return put(t, i, false, err);
}

habit_status items_patch(items *t, const db_item *i, habit_error *err)
{
    return put(t, i, true, err);
}

static void drop_category(item_row *i, uint32_t category)
{
    int n = 0;
    for (int k = 0; k < i->categories; k++)
        if (i->category[k] != category) i->category[n++] = i->category[k];
    i->categories = (uint8_t)n;
}

habit_status items_categorise(items *t, db_text id, db_text category, bool in, habit_error *err)
{
    habit_status st = HABIT_OK;
    uint32_t c;
    pthread_rwlock_wrlock(&t->lock);
    const uint32_t number = items_find(t, id);
    if (number != IDS_NONE) st = ids_add(&t->categories, category.at, category.len, &c, err);
    if (number != IDS_NONE && st == HABIT_OK) {
        item_row *i = &t->at[number];
        const double key = popular_key(t, number);
        move_in_categories(t, number, key, -INFINITY);
        if (!in)
            drop_category(i, c);
        else if (!has_category(i, c) && i->categories < ITEM_CATEGORIES)
            i->category[i->categories++] = c;
        move_in_categories(t, number, -INFINITY, key);
        note_change(t, number);
    }
    pthread_rwlock_unlock(&t->lock);
    return st;
}

void items_again(items *t, db_text id)
{
    items_read(t);
    const uint32_t number = items_find(t, id);
    const bool deleted = number != IDS_NONE && t->at[number].deleted;
    items_done(t);
    if (deleted) items_put(t, &(db_item){ .id = id, .time = TIME_NONE }, NULL);
}

// Deletions make the lists shorter: once half is gone they are filled up from all items.
static void fill_up(items *t)
{
    const bool popular = t->popular.left_out && t->popular.n < ITEMS_LISTED / 2,
               latest = t->latest.left_out && t->latest.n < ITEMS_LISTED / 2;
    if (popular) leaders_clear(&t->popular);
    if (latest) leaders_clear(&t->latest);
    for (uint32_t i = 0; i < t->names.count && (popular || latest); i++) {
        if (popular && !t->at[i].deleted)
            leaders_move(&t->popular, i, -INFINITY, popular_key(t, i));
        if (latest) leaders_move(&t->latest, i, -INFINITY, latest_key(t, i));
    }
}

void items_delete(items *t, db_text id)
{
    pthread_rwlock_wrlock(&t->lock);
    const uint32_t number = items_find(t, id);
    if (number != IDS_NONE) {
        item_row *i = &t->at[number];
        const double key = popular_key(t, number);
        leaders_move(&t->popular, number, key, -INFINITY);
        move_in_categories(t, number, key, -INFINITY);
        leaders_move(&t->latest, number, latest_key(t, number), -INFINITY);
        mem_free(i->fields);
        *i = (item_row){ .deleted = true };
        forget_next(i);
        t->published[number] = TIME_NONE;
        set_visible(t, number, false);
        note_change(t, number);
        fill_up(t);
    }
    pthread_rwlock_unlock(&t->lock);
}

habit_status items_gone(items *t, uint64_t hash, habit_error *err)
{
    uint32_t place;
    pthread_rwlock_wrlock(&t->lock);
    const habit_status st = ids_add(&t->gone, (const char *)&hash, sizeof hash, &place, err);
    pthread_rwlock_unlock(&t->lock);
    return st;
}

bool items_is_gone(items *t, db_text id)
{
    const uint64_t hash = ids_hash(id.at, id.len);
    items_read(t);
    const bool gone = ids_get(&t->gone, (const char *)&hash, sizeof hash) != IDS_NONE;
    items_done(t);
    return gone;
}

void items_none_gone(items *t)
{
    pthread_rwlock_wrlock(&t->lock);
    ids_free(&t->gone);
    t->gone = (ids){ 0 };
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
static void count_next(item_row *i, uint32_t next)
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
        item_row *i = &t->at[number];
        const double old = popular_key(t, number);
        if (time >= i->recent_at) {
            i->recent = halved(t, i->recent, i->recent_at, time) + 1;
            i->recent_at = time;
        } else {
            i->recent += halved(t, 1, time, i->recent_at);
        }
        i->events++;
        const double key = i->deleted ? -INFINITY : popular_key(t, number);
        leaders_move(&t->popular, number, old, key);
        move_in_categories(t, number, old, key);
        if (before < t->names.count && before != number) {
            count_next(&t->at[before], number);
            count_next(i, before);
        }
    }
    pthread_rwlock_unlock(&t->lock);
}

// --- categories -------------------------------------------------------------------------------------

const leaders *items_of_category(const items *t, uint32_t category)
{
    return category < t->category_cap ? &t->of_category[category] : NULL;
}

bool items_has_category(const items *t, uint32_t number, uint32_t category)
{
    return has_category(&t->at[number], category);
}

void items_visible(const items *t, uint64_t *allowed, size_t n)
{
    const size_t words = (n + 63) / 64, known = words < t->visible_cap ? words : t->visible_cap;
    if (known) memcpy(allowed, t->visible, known * sizeof *allowed);
    if (words > known) memset(allowed + known, 0, (words - known) * sizeof *allowed);
}
