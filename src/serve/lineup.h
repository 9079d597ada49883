// lineup.h - the models being served, each under a name, and how they are replaced while they are.
//
// A lineup is constant.  A swap makes another one and exchanges a pointer; whoever answers takes the
// pointer once, between worker_enter() and worker_leave() (service.h), and all that it names stays
// until every worker has left the request it was in.  Of each name the versions before are kept for
// rollback.
#ifndef SERVE_LINEUP_H
#define SERVE_LINEUP_H
#include "models/folder.h"
#include "serve/behaviours.h"
#include "serve/items.h"
#include "serve/served.h"

#include <stdatomic.h>

enum { LINEUP_MOST = 32, VERSION_TEXT = 17 };

// One version of one model.
typedef struct hosted {
    const char *name; // it is served under
    habit_model *folder;
    served *served;
    char version[VERSION_TEXT]; // of its content: the same folder has the same one everywhere
    int64_t loaded;             // when
    struct hosted *before;      // the version that it replaced; of whoever swaps alone
} hosted;

typedef struct lineup {
    size_t count, first; // first: the default
    hosted *model[LINEUP_MOST];
    int before[LINEUP_MOST]; // versions of each that are kept for rollback
} lineup;

// What is known of a name beside its version of the moment.
typedef struct lineup_slot {
    char *name, *path; // path: where it was loaded from last
} lineup_slot;

typedef struct lineups {
    _Atomic(lineup *) now;
    lineup_slot slot[LINEUP_MOST];
    size_t slots, first;
    int keep;            // versions before, of each
    uint64_t next;       // number of the next version (served.version)
    pthread_mutex_t one; // swap at a time
    items *items;        // borrowed
    behaviours *behaviours;
    pool *pool;
    void (*grace)(void *ctx); // returns when nobody holds a lineup taken before the call
    void *ctx;
} lineups;

// specs: "NAME=DIR", or "DIR" whose last part without its ending is then the name.
habit_status lineups_init(lineups *l, const char *const *specs, size_t n, const char *first,
                          habit_error *err);
void lineups_free(lineups *l); // nobody holds one
habit_status lineups_load_all(lineups *l, habit_error *err);

static inline const lineup *lineup_now(const lineups *l)
{
    return atomic_load(&((lineups *)(uintptr_t)l)->now);
}
// The model of that name, or the default if `len` is 0; NULL if there is none.
const hosted *lineup_find(const lineup *l, const char *name, size_t len);

// Loads the folder again, or another one, and puts it in its place; on failure the old one stays.
habit_status lineups_reload(lineups *l, const char *name, const char *path, habit_error *err);
// Puts back the version before.
habit_status lineups_rollback(lineups *l, const char *name, habit_error *err);

#endif
