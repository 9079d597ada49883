// service.h - the live service, put together: what every handler reaches.
//
//     service_start()   database, HTTP, models, what items are popular; then it is ready
//     service_reload()  models anew, from a signal handler's loop
//     service_stop()    drains, writes what waits, closes
//
// Threads: each HTTP loop is a worker with a connection to the database and working memory of its
// own; the database has one that writes; jobs (reloads, backups) have one.  Handlers take no lock
// longer than they read a person or an item.
#ifndef SERVE_SERVICE_H
#define SERVE_SERVICE_H
#include "base/rng.h"
#include "base/run.h"
#include "serve/http.h"
#include "serve/jobs.h"
#include "serve/keys.h"
#include "serve/lineup.h"
#include "serve/metrics.h"
#include "serve/people.h"
#include "serve/recommend.h"
#include "serve/serve_options.h"

typedef struct service service;

// One thread that answers.
typedef struct worker {
    db_reader *db;
    ranker *ranker;
    rng random;
    atomic_ulong turn; // odd while a request is being handled
} worker;

struct service {
    serve_options options; // its texts belong to whoever started the service
    run run;               // where words go
    habit_hooks words;     // where they went before they became JSON
    db *db;
    items items;
    subsets *subsets;
    people people;
    behaviours behaviours;
    lineups models;
    metrics *metrics;
    jobs jobs;
    http *http;
    _Atomic(keys *) keys; // NULL: none are asked for
    worker *worker;
    int workers;
    struct route_counts *counts; // routes.h
    buffer openapi;              // the document, made once
    struct stats *stats;         // route_stats.c
    atomic_bool ready, stopping;
    atomic_llong place;         // of the latest event whose transaction is done: person.loaded
    atomic_int answers_waiting; // answers.h
    atomic_llong write_bytes;   // of bodies that wait for the database: writes.h
    double began;               // clock_wall()
};

habit_status service_start(service **out, const serve_options *o, const char *const *models,
                           size_t n, const run *r, habit_error *err);
int service_port(const service *s);
// All models anew from where they were; those that fail stay as they are, and the first failure is
// returned.
habit_status service_reload(service *s, habit_error *err);
void service_stop(service *s); // NULL is fine

// --- for handlers -----------------------------------------------------------------------------------

// Between these a lineup taken stays whole (lineup.h).
void worker_enter(worker *w);
void worker_leave(worker *w);
// What an event says of a person.
typedef enum event_role {
    EVENT_DONE,   // part of the history
    EVENT_SEEN,   // its item was seen, --seen-types: it is not recommended again, and that is all
    EVENT_TO_COME // nothing before its time: feedback of Gorse may be of a later moment
} event_role;
event_role service_role(const service *s, const db_event *e, int64_t now);

// people_take() with the database behind it.
habit_status service_person(service *s, worker *w, db_text id, person **out, habit_error *err);
// An event is in the database: people and popularity hear of it.  Before its client is told.
void service_heard(service *s, const db_event *e, int64_t place);
// Of all items only the names are left, as if the models alone had told of them.
void service_forget_items(service *s);
// 32 digits that nobody has seen before.
enum { ANSWER_ID = 33 };
void service_answer_id(worker *w, char id[ANSWER_ID]);

#endif
