// served.h - a model that answers people, by the service's own item numbers.
//
// Made for the items the service knows at that moment; items that come later are not scored until
// the model is replaced.  Constant once made: shared by threads.
#ifndef SERVE_SERVED_H
#define SERVE_SERVED_H
#include "index/shortlist.h"
#include "models/model.h"
#include "serve/people.h"

typedef struct served {
    const model *model;            // borrowed
    uint64_t version;              // of all models ever served, its own number
    size_t items;                  // 0 .. items-1 of the service may be scored
    uint32_t *to_model;            // [items] the model's number of each, or ITEM_NONE
    uint32_t *from_model;          // [model->items]
    uint8_t behaviour[256];        // the model's number of each type of behaviour
    shortlist *list;               // of a model that scores by dot products; else NULL
    const struct network *network; // of one that keeps what it remembers of people; else NULL
    size_t live_bytes, live_scratch;
} served;

// from_model[i] is the service's number of item i of the model, below `items`.  Types of behaviour
// have the same numbers in both until the caller says otherwise.
habit_status served_new(served **out, const model *m, uint64_t version, const uint32_t *from_model,
                        size_t items, pool *p, habit_error *err);
void served_free(served *s); // NULL is fine; the model stays

typedef struct served_ask {
    person *who;             // locked
    uint32_t user;           // the model's number of who asks, or USER_NONE
    int64_t now;             // microseconds since 1970
    const uint64_t *allowed; // bitmap of items; NULL: all
    size_t k;
} served_ask;

// The best items, best first: item[k], score[k].  Returns how many; 0 if the model knows nothing
// of who asks.  scratch: served_scratch() bytes of this thread, for rings of so many events.
size_t served_best(const served *s, const served_ask *a, uint32_t *item, float *score,
                   arena *scratch);
size_t served_scratch(const served *s, size_t k, size_t ring);

#endif
