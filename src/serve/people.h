// people.h - what each person did lately, and what models remember of it.
//
// A person's latest events stand in memory in the order of time, whatever the order they came in;
// beside them are the states of models that keep one (models/live.h).  Events are the truth, and
// the database has them: a person may be dropped from memory at any time and is loaded again when
// next asked for.  Those not asked for lately go first when memory is short.
//
//     person *p = people_take(all, id, load, ctx);    // locked until it is given back
//     ... p->event[0 .. p->events-1] ...
//     people_give(all, p);
#ifndef SERVE_PEOPLE_H
#define SERVE_PEOPLE_H
#include "base/ids.h"
#include "store/db.h"

#include <pthread.h>
#include <stdbool.h>

enum { PEOPLE_SHARDS = 64, PERSON_STATES = 4, PEOPLE_TRAIL = 4096 };

typedef struct person_event {
    int64_t place; // in the order of arrival, db_place(): tells events apart
    int64_t time;
    uint32_t item; // items.h
    float value;   // NAN: none
    uint8_t behaviour;
} person_event;

// What one model remembers.
typedef struct person_state {
    uint64_t model;   // whose it is, and which version; 0: nobody's
    uint64_t rewrite; // of the person when it was made: another number now means begin again
    uint64_t taken;   // events that it has taken in, counted as person.appended counts them
    bool vector_only; // of these events only what came out is kept, nothing to go on from
    uint32_t passes;  // over all events so far
    void *bytes;
    size_t size;
} person_state;

typedef struct person {
    struct person *chain;         // of the same slot
    struct person *newer, *older; // by when they were last taken
    char *id;
    size_t id_len;
    person_event *event; // oldest first
    size_t events, cap;
    uint32_t *shown; // items that were only seen: not part of the history; latest last
    size_t showns, shown_cap;
    int64_t wake;      // then an event that is to come will have come: load again; 0: there is none
    uint64_t appended; // events that came in order so far, those that have left included
    int64_t loaded;    // places up to this one were read from the database, as far as they last
    uint64_t rewrite;  // raised when history changed otherwise: a late event, a deletion
    person_state state[PERSON_STATES];
    size_t shard, charged; // bytes
} person;

// What somebody took last, of those who are not in memory, too: the place is given by the hash, and
// whoever comes later takes it over.
typedef struct person_trail {
    uint64_t hash;
    int64_t time;
    uint32_t item;
} person_trail;

typedef struct people_shard {
    pthread_mutex_t lock;
    person **slot;
    size_t slots, count, bytes;
    person *newest, *oldest;
    person_trail *trail; // [PEOPLE_TRAIL]; NULL: nobody was heard of
} people_shard;

typedef struct people {
    people_shard shard[PEOPLE_SHARDS];
    size_t ring;       // events of a person in memory
    size_t shard_most; // bytes
} people;

// ring: events kept of each person; memory: bytes of all together.
void people_init(people *p, size_t ring, size_t memory);
void people_free(people *p);

// Reads the latest events of somebody from the database: person_add() for each, in any order.  May
// set p->loaded to a place that every transaction it sees has reached: events up to there that it
// did not see are gone, and people_heard() of them comes too late.
typedef habit_status person_load_fn(void *ctx, person *p, habit_error *err);

// *out is locked, and so are some others: give it back soon.
habit_status people_take(people *all, person **out, db_text id, person_load_fn *load, void *ctx,
                         habit_error *err);
void people_give(people *all, person *p);

// An event was written.  Returns the item of the one before it; IDS_NONE if there is none, or nobody
// remembers.
uint32_t people_heard(people *all, db_text id, const person_event *e);
// Of those in memory: an item was only seen; an event of a moment still to come was written.
void people_shown(people *all, db_text id, uint32_t item);
void people_wake(people *all, db_text id, int64_t time);
void people_forget(people *all, db_text id);
void people_forget_all(people *all);
size_t people_count(people *all);
// Calls fn for those asked for last, about `most` of them; each is locked meanwhile.
typedef void person_fn(void *ctx, const person *p);
void people_latest(people *all, size_t most, person_fn *fn, void *ctx);

// In its place; an event that is there already, by its place of arrival, is not added again.
habit_status person_add(person *p, const person_event *e, size_t ring, habit_error *err);
// Of the latest `ring`.
habit_status person_show(person *p, uint32_t item, size_t ring, habit_error *err);
// The state that `model` keeps, `size` bytes; made or taken from the model that asked least
// recently (then state->model is 0).  NULL when out of memory.
person_state *person_state_of(person *p, uint64_t model, size_t size);

#endif
