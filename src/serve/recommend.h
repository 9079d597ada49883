// recommend.h - from a wish to an answer: filters, what the model thinks, what to do where it thinks
// nothing, and diversity (docs/serving.md tells the order of steps and the formulas).
//
//     ranker *r = ...                                   // of this thread
//     TRY(ranker_begin(r, &wish, table, model, ring, err));
//     person *p = people_take(...);
//     ranker_hear(r, p, user, false);                   // the only part that needs the person
//     people_give(p);
//     answer a = ranker_answer(r);                      // valid until ranker_begin()
//
// All memory is the ranker's, which grows with the catalogue and then stays.  Whoever asks must not
// hold items_read().
#ifndef SERVE_RECOMMEND_H
#define SERVE_RECOMMEND_H
#include "serve/items.h"
#include "serve/served.h"
#include "serve/subsets.h"

enum {
    WISH_DEEP = 1000, // offset + n at most
    WISH_SETS = 8,    // categories at most
    WISH_BOOSTS = 32,
    WISH_ITEMS = 16, // more_like and less_like, each, at most
};

// Where an item of an answer comes from.
typedef enum source {
    SOURCE_MODEL,
    SOURCE_SESSION,   // often taken after what the person took last
    SOURCE_TOGETHER,  // the same for a similar item
    SOURCE_NEIGHBOUR, // often taken after those
    SOURCE_CATEGORY,  // popular lately in the categories of the history
    SOURCE_POPULAR,   // popular lately
    SOURCE_LATEST,    // published last
    SOURCE_CATALOGUE, // any item, new ones first; of a posted list in its order
    SOURCES
} source;
const char *source_name(source s);

typedef enum wish_kind { WISH_PERSON, WISH_SIMILAR, WISH_POPULAR, WISH_LATEST } wish_kind;

typedef struct wish_category {
    uint32_t number; // items.categories, or IDS_NONE
    const subset *set;
} wish_category;

// Multiplies the worth of an item, or of those of a set, by `factor` > 0.
typedef struct wish_boost {
    uint32_t item; // if set is NULL
    const subset *set;
    double factor;
} wish_boost;

typedef struct wish {
    wish_kind kind;
    int64_t now;
    size_t n, offset;
    uint32_t like; // WISH_SIMILAR: to which item

    // Filters.
    bool exclude_seen;
    const subset *where;               // NULL: all
    wish_category category[WISH_SETS]; // in at least one of them, if there are any
    size_t categories;                 //
    bool only;                         // nothing but `list`
    const uint32_t *list;              //
    size_t listed;                     //
    const uint32_t *deny;              // none of these
    size_t denied;                     //
    int64_t published_since;           // 0: no matter

    // Order.
    wish_boost boost[WISH_BOOSTS];
    size_t boosts;
    double diversity;     // 0 .. 1, against relevance: 1 - lambda of MMR; 0: relevance alone
    size_t category_most; // items of one category among the first offset + n; 0: no limit
    double fresh;         // share of places for items the model does not know yet

    // Refinement.
    uint32_t more[WISH_ITEMS], less[WISH_ITEMS];
    size_t mores, lesses;
    double strength; // 1 is usual
} wish;

typedef struct answered {
    uint32_t item;
    float score; // of the same source: greater is better
    source from;
} answered;

typedef struct answer {
    const answered *at; // [n] from place `offset` on
    size_t n;
    uint64_t model; // served.version, or 0
} answer;

typedef struct ranker ranker;

ranker *ranker_new(void); // NULL when out of memory
void ranker_free(ranker *r);

// ring: events of a person at most.  `w`, `m` (NULL: there is no model) and the table stay until the
// answer is made.
habit_status ranker_begin(ranker *r, const wish *w, items *t, const served *m, size_t ring,
                          habit_error *err);
// Who asks: user is the model's number, or USER_NONE.  passing: nothing is kept of them.
void ranker_hear(ranker *r, person *p, uint32_t user, bool passing);
answer ranker_answer(ranker *r);

#endif
