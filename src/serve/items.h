// items.h - all items the service has heard of, numbered in the order it did.
//
// Numbers never change while the service runs, and there are more every day: whoever keeps a bitmap
// or an array of items says how many items it has room for.  Functions that only read may be called
// by any thread between items_read() and items_done(); those that change lock for themselves.
#ifndef SERVE_ITEMS_H
#define SERVE_ITEMS_H
#include "base/ids.h"
#include "serve/leaders.h"
#include "store/db.h"

#include <pthread.h>

enum {
    ITEM_NEXT = 8,       // of each item, what people often took next
    ITEM_CATEGORIES = 8, // at most, of one item
    ITEMS_LISTED = 2000, // popular and latest ones
    ITEMS_CHANGED = 4096,
};

typedef struct item_row {
    uint32_t category[ITEM_CATEGORIES];
    uint8_t categories;
    bool hidden, deleted;
    char *fields;  // JSON object, or NULL
    double recent; // weight of its events, halved every half life, as it was at
    int64_t recent_at;
    uint64_t events;
    uint32_t next[ITEM_NEXT]; // item numbers
    float next_weight[ITEM_NEXT];
} item_row;

typedef struct items {
    pthread_rwlock_t lock;
    ids names, categories;
    ids gone; // ids_hash() of items that were deleted before anybody here heard of them, 8 bytes each
    item_row *at;       // [names.count]
    int64_t *published; // [names.count] or TIME_NONE; apart, to be looked through quickly
    uint64_t *visible;  // bitmap: neither hidden nor deleted
    size_t cap, published_cap, visible_cap;
    int64_t half_life;    // microseconds
    leaders popular;      // by what halves with time, keys by popular_key()
    leaders latest;       // by when they were published
    leaders *of_category; // [category_cap] popular
    size_t category_cap;
    uint64_t version;                // of everything but popularity: caches compare it
    uint32_t changed[ITEMS_CHANGED]; // the item that made version v, at v % ITEMS_CHANGED
} items;

habit_status items_init(items *t, int64_t half_life, habit_error *err);
void items_free(items *t);

static inline void items_read(items *t)
{
    pthread_rwlock_rdlock(&t->lock);
}
static inline void items_done(items *t)
{
    pthread_rwlock_unlock(&t->lock);
}

// --- changing: these lock ---------------------------------------------------------------------------

// The number of an item, made if there is none; IDS_NONE when out of memory.
uint32_t items_number(items *t, db_text id);
// What is known of it, in place of what was.
habit_status items_put(items *t, const db_item *i, habit_error *err);
// What is given of it: as DB_PATCH_ITEM does.
habit_status items_patch(items *t, const db_item *i, habit_error *err);
// A category more or less of an item that is known; of its first ITEM_CATEGORIES.
habit_status items_categorise(items *t, db_text id, db_text category, bool in, habit_error *err);
void items_delete(items *t, db_text id);
// The item with this ids_hash() is deleted, also if it is heard of later, from a model.
habit_status items_gone(items *t, uint64_t hash, habit_error *err);
bool items_is_gone(items *t, db_text id);
void items_none_gone(items *t);
// An event names it: an item that was deleted is one again.
void items_again(items *t, db_text id);
// Somebody took `item` at `time`, after `before` (IDS_NONE: nothing).
void items_count(items *t, uint32_t number, uint32_t before, int64_t time);

// --- reading: between items_read() and items_done() -------------------------------------------------

static inline uint32_t items_find(const items *t, db_text id)
{
    return ids_get(&t->names, id.at, id.len);
}
double items_popularity(const items *t, uint32_t number, int64_t now);
// The bitmap of items 0 .. n-1 that may be answered to anybody: neither hidden nor deleted.
void items_visible(const items *t, uint64_t *allowed, size_t n);
bool items_has_category(const items *t, uint32_t number, uint32_t category);
// What `popular` is ordered by.  All weights halve alike, so their order changes with events only:
// log2(recent) + recent_at / half_life.  -INFINITY: no events.
double popular_key(const items *t, uint32_t number);
// The popular ones of a category, best first; NULL if there are none.
const leaders *items_of_category(const items *t, uint32_t category);

#endif
