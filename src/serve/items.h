// items.h - all items the service has heard of, numbered in the order it did.
//
// Numbers never change while the service runs, and there are more every day: whoever keeps a bitmap
// or an array of items says how many items it has room for.  Functions that only read may be called
// by any thread between items_read() and items_done(); those that change lock for themselves.
#ifndef SERVE_ITEMS_H
#define SERVE_ITEMS_H
#include "base/ids.h"
#include "store/db.h"

#include <pthread.h>

enum {
    ITEM_NEXT = 8,       // of each item, what people often took next
    ITEM_CATEGORIES = 8, // at most, of one item
};

typedef struct item {
    int64_t time; // when it was published, or TIME_NONE
    uint32_t category[ITEM_CATEGORIES];
    uint8_t categories;
    bool hidden, deleted;
    char *fields;  // JSON object, or NULL
    double recent; // weight of its events, halved every half life, as it was at
    int64_t recent_at;
    uint64_t events;
    uint32_t next[ITEM_NEXT]; // item numbers
    float next_weight[ITEM_NEXT];
} item;

typedef struct items {
    pthread_rwlock_t lock;
    ids names, categories;
    item *at; // [names.count]
    size_t cap;
    int64_t half_life; // microseconds
    uint64_t version;  // of everything but popularity: caches compare it
    uint32_t *popular; // the most popular lately, best first
    size_t popular_count;
    double popular_made; // clock_wall()
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
void items_delete(items *t, db_text id);
// Somebody took `item` at `time`, after `before` (IDS_NONE: nothing).
void items_count(items *t, uint32_t number, uint32_t before, int64_t time);
// Remakes the list of what is popular at `now`, if it is older than a second.
void items_refresh(items *t, int64_t now);

// --- reading: between items_read() and items_done() -------------------------------------------------

static inline uint32_t items_find(const items *t, db_text id)
{
    return ids_get(&t->names, id.at, id.len);
}
double items_popularity(const items *t, uint32_t number, int64_t now);
bool items_has_category(const items *t, uint32_t number, uint32_t category);
// Sets the bits of items 0 .. n-1 that may be answered to anybody: neither hidden nor deleted.
void items_visible(const items *t, uint64_t *allowed, size_t n);

#endif
