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
    size_t state_bytes; // kept of a person: what the network does, and the vector it gave last
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
    bool passing; // nothing is kept of who asks: a history in a request
} served_ask;

// The best items, best first: item[k], score[k].  Returns how many; 0 if the model knows nothing
// of who asks.  scratch: served_scratch() bytes of this thread, for rings of so many events.
size_t served_best(const served *s, const served_ask *a, uint32_t *item, float *score,
                   arena *scratch);
size_t served_scratch(const served *s, size_t k, size_t ring);

// --- the same in two steps: only the first needs the person ------------------------------------------

// What the model thinks of somebody: one of the two.
typedef struct served_view {
    float *vector; // [dim]
    float *scores; // [model->items] by the model's numbers
} served_view;

// False if it knows nothing; the view lies in `scratch`.
bool served_look(const served *s, const served_ask *a, served_view *v, arena *scratch);

typedef struct served_choice {
    const uint64_t *allowed;
    size_t k;
    const float *extra; // [items] added to scores, or NULL
    bool cosine;        // of vectors: by the angle alone
} served_choice;

size_t served_pick(const served *s, const served_view *v, const served_choice *c, uint32_t *item,
                   float *score, arena *scratch);

// The vector of an item, or NULL.
const float *served_item(const served *s, uint32_t item);
// Of a person: what served_look() made last with this model, or NULL.
const float *served_remembered(const served *s, const person *p);

#endif
